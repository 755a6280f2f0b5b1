/* SPDX-License-Identifier: BSD-3-Clause */

/* The receive window bounds the memory for data above holes, for all segment sizes, and all bytes arrive in every order
 * of segments. The rig compares every delivered byte with a known pattern. */

#include "scenario.h"

#include "net/shard.h"
#include "tables.h"

static uint64_t
next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

SCENARIO(reassembly, gaps, "tiny segments at any distance use at most one buffer for each 2 KiB of window")
{
	static const uint16_t gaps[] = {2, 3, 17, 64, 255, 700, 1024, 1400};

	for (unsigned i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		struct peer *p;
		uint32_t at;

		scene_rig(s, NULL);
		p = scene_open(s);
		for (at = gaps[i]; at < 60000; at += gaps[i]) {
			peer_send(p, LA_ACK, p->snd + at, p->got, 1);
			peer_skip(p);
		}
		CHECK(s->r, s->r->s->tcp.hold.held <= 60000 / 2048 + 2, "gaps of %u: %u buffers", gaps[i],
		      s->r->s->tcp.hold.held);
		CHECK(s->r, la_hold_check(&s->r->s->tcp, stderr) == 0, "the count of held buffers is wrong");
		feed(p, 60000, 1000);
		CHECK(s->r, p->u.bytes == 60000, "%llu bytes", (unsigned long long)p->u.bytes);
		CHECK(s->r, s->r->s->tcp.hold.held == 0, "%u buffers are left", s->r->s->tcp.hold.held);
	}
}

SCENARIO(reassembly, random, "all bytes of random overlapping segments are delivered, then the FIN")
{
	uint64_t x = 88172645463325252ull + s->o.ip6;

	for (unsigned round = 0; round < 30; round++) {
		uint32_t total = 1 + (uint32_t)(next_random(&x) % 30000), base;
		struct peer *p;

		s->o.isn = (uint32_t)next_random(&x); /* any offset in a block, and sequence numbers that wrap */
		if (round % 3 == 0)
			s->o.isn = 0u - total / 2;
		scene_rig(s, NULL);
		p = scene_open(s);
		base = p->snd;
		for (unsigned i = 0; i < 400; i++) {
			uint32_t from = (uint32_t)(next_random(&x) % total),
				 len = 1 + (uint32_t)(next_random(&x) % 1400);
			bool fin;

			if (next_random(&x) % 3 == 0)
				len = 1 + len % 5;
			len = len < total - from ? len : total - from;
			fin = from + len == total && p->u.peer_fin == 0;
			peer_send(p, LA_ACK | (fin ? LA_FIN : 0), base + from, p->got, len);
			peer_skip(p);
			if (i % 50 == 0)
				CHECK(s->r, la_hold_check(&s->r->s->tcp, stderr) == 0,
				      "the count of held buffers is wrong");
		}
		for (uint32_t at = 0; at < total; at += 1000) { /* send the bytes that are still missing */
			uint32_t len = total - at < 1000 ? total - at : 1000;

			peer_send(p, LA_ACK | (at + len == total ? LA_FIN : 0), base + at, p->got, len);
			peer_skip(p);
		}
		CHECK(s->r, p->u.bytes == total, "round %u: %llu of %u bytes", round, (unsigned long long)p->u.bytes,
		      total);
		CHECK(s->r, p->u.peer_fin == 1 && peer_state(p) == LA_CLOSE_WAIT, "round %u: no FIN", round);
		CHECK(s->r, s->r->s->tcp.hold.held == 0, "%u buffers are left", s->r->s->tcp.hold.held);
	}
}

SCENARIO(reassembly, descending, "segments in descending order use bounded memory, and all bytes are delivered")
{
	struct peer *p = scene_open(s);

	for (uint32_t at = 30000; at > 2; at -= 2) {
		peer_send(p, LA_ACK, p->snd + at, p->got, 1);
		peer_skip(p);
	}
	CHECK(s->r, s->r->s->tcp.hold.held <= 30000 / 2048 + 2, "%u buffers", s->r->s->tcp.hold.held);
	feed(p, 30001, 1400);
	CHECK(s->r, p->u.bytes == 30001, "%llu bytes", (unsigned long long)p->u.bytes);
}
