/* SPDX-License-Identifier: BSD-3-Clause */

/* SACK blocks that are sent (RFC 2018, RFC 2883). Each scenario runs with three blocks beside timestamps, and with four
 * blocks without them. Sequence numbers in the comments count from the peer's first byte. */

#include "scenario.h"

#include "net/shard.h"
#include "tcp/hold.h"

static struct peer *
sack_open(struct scene *s)
{
	s->o.sack = true;
	return scene_open(s);
}

/* A block: offsets from `base`. */
struct block {
	uint32_t from, to;
};

#define BLOCKS(...) \
	(const struct block[]){__VA_ARGS__}, sizeof((const struct block[]){__VA_ARGS__}) / sizeof(struct block)

/* Expects that the last segment has exactly these blocks, or as many of them as fit beside its timestamps. */
static void
expect_blocks(struct peer *p, uint32_t base, const struct block *b, size_t n)
{
	const struct peer_rx *x = last_rx(p);

	if (x->f.has_ts && n > 3)
		n = 3;
	CHECK(p->r, x->f.nsack == n, "%u blocks, expected %zu", x->f.nsack, n);
	for (unsigned i = 0; i < n; i++)
		CHECK(p->r, x->f.sack[i][0] - base == b[i].from && x->f.sack[i][1] - base == b[i].to,
		      "block %u is %u to %u, expected %u to %u", i, x->f.sack[i][0] - base, x->f.sack[i][1] - base,
		      b[i].from, b[i].to);
}

static void
expect_no_blocks(struct peer *p)
{
	CHECK(p->r, last_rx(p)->f.nsack == 0, "%u blocks", last_rx(p)->f.nsack);
}

/* Sends len bytes at this offset. */
static void
text(struct peer *p, uint32_t base, uint32_t at, uint32_t len)
{
	peer_skip(p);
	peer_send(p, LA_ACK, base + at, p->got, len);
	CHECK(p->r, peer_waiting(p) == 1, "%u segments at once, expected an ACK", peer_waiting(p));
}

SCENARIO(sack, L_01, "SACK-permitted is offered on a SYN, and accepted on a SYN,ACK if it was offered")
{
	struct peer *p, *q;

	s->o.sack = true;
	p = scene_open(s);
	CHECK(s->r, p->rx[0].f.sack_ok && peer_info(p).sack_permitted, "no SACK-permitted in the SYN,ACK");
	q = peer_new(s->r, &s->o);
	peer_to_syn_sent(q);
	CHECK(s->r, q->rx[0].f.sack_ok, "no SACK-permitted in the SYN");
	q->o.sack = false;
	PEER_TX(q, .flags = LA_SYN | LA_ACK, .seq = q->IRS, .ack = q->ISS + 1);
	peer_expect_state(q, LA_ESTABLISHED);
	CHECK(s->r, !peer_info(q).sack_permitted, "SACK without the peer's SACK-permitted");
}

SCENARIO(sack, L_01_off, "no_sack: SACK is neither offered nor accepted")
{
	struct peer *p, *q;

	s->o.sack = s->o.conn.no_sack = true;
	p = scene_listen(s);
	p->o.sack = true;
	peer_syn(p);
	CHECK(s->r, p->nrx == 1 && !p->rx[0].f.sack_ok, "SACK-permitted in the SYN,ACK");
	peer_ack(p);
	CHECK(s->r, !peer_info(p).sack_permitted, "SACK is negotiated");
	text(p, p->snd, 100, 100);
	expect_no_blocks(p);
	q = peer_new(s->r, &s->o);
	peer_to_syn_sent(q);
	CHECK(s->r, !q->rx[0].f.sack_ok, "SACK-permitted in the SYN");
}

SCENARIO(sack, L_01_cookie, "a cookie keeps SACK-permitted")
{
	struct peer *p;

	scene_rig(s, &(struct rig_opts){.syn_cookies_at = 1});
	s->o.sack = true;
	peer_to_syn_rcvd_passive(scene_listen(s)); /* from now on a SYN is answered by a cookie */
	p = peer_new(s->r, &s->o);
	peer_syn(p);
	peer_ack(p);
	CHECK(s->r, rig_counter(s->r, LA_C_syn_cookies_opened) == 1, "not opened by a cookie");
	CHECK(s->r, p->rx[0].f.sack_ok && peer_info(p).sack_permitted, "SACK is lost");
	text(p, p->snd, 100, 100);
	expect_blocks(p, p->snd, BLOCKS({100, 200}));
}

SCENARIO(sack, L_02,
	 "the first block has the latest segment; the others follow, the latest first; a full hole ends them")
{
	struct peer *p = sack_open(s);
	uint32_t base = p->snd;

	text(p, base, 1000, 100);
	expect_blocks(p, base, BLOCKS({1000, 1100}));
	text(p, base, 3000, 100);
	expect_blocks(p, base, BLOCKS({3000, 3100}, {1000, 1100}));
	text(p, base, 1100, 100); /* grows the second block, which is the first one now */
	expect_blocks(p, base, BLOCKS({1000, 1200}, {3000, 3100}));
	text(p, base, 5000, 10);
	text(p, base, 7000, 10);
	expect_blocks(p, base, BLOCKS({7000, 7010}, {5000, 5010}, {1000, 1200}, {3000, 3100}));
	text(p, base, 9000, 10); /* the block that was not first for the longest time is left out */
	expect_blocks(p, base, BLOCKS({9000, 9010}, {7000, 7010}, {5000, 5010}, {1000, 1200}));
	text(p, base, 0, 1000); /* the first hole is full: the others remain */
	CHECK(s->r, last_rx(p)->ack == base + 1200, "ACK of %u bytes", last_rx(p)->ack - base);
	expect_blocks(p, base, BLOCKS({9000, 9010}, {7000, 7010}, {5000, 5010}));
	text(p, base, 1200, 1460);
	text(p, base, 2660, 1460);
	text(p, base, 4120, 1460);
	text(p, base, 5580, 1460);
	text(p, base, 7040, 1460);
	expect_blocks(p, base, BLOCKS({9000, 9010}));
	text(p, base, 8500, 500);
	expect_no_blocks(p);
	CHECK(s->r, p->u.bytes == 9010, "%llu bytes", (unsigned long long)p->u.bytes);
}

SCENARIO(sack, L_02_merge, "a block continues across packet buffers, and two blocks that meet are one")
{
	struct peer *p = sack_open(s);
	uint32_t base = p->snd;

	for (uint32_t at = 1000; at < 20000; at += 1000)
		text(p, base, at, 1000);
	expect_blocks(p, base, BLOCKS({1000, 20000}));
	text(p, base, 30000, 1000);
	text(p, base, 21000, 1000);
	expect_blocks(p, base, BLOCKS({21000, 22000}, {30000, 31000}, {1000, 20000}));
	text(p, base, 20000, 1000);
	expect_blocks(p, base, BLOCKS({1000, 22000}, {30000, 31000}));
}

SCENARIO(sack, L_03, "a FIN above a hole is part of its block")
{
	struct peer *p = sack_open(s);
	uint32_t base = p->snd;

	peer_send(p, LA_ACK | LA_FIN, base + 500, p->got, 100);
	expect_blocks(p, base, BLOCKS({500, 601}));
	text(p, base, 0, 500);
	expect_no_blocks(p);
	peer_expect_state(p, LA_CLOSE_WAIT);
}

SCENARIO(sack, L_04, "segments with text have the blocks, too, within the MSS")
{
	struct peer *p = sack_open(s);
	uint32_t base = p->snd, bytes = 0;

	text(p, base, 1000, 100);
	text(p, base, 3000, 100);
	peer_skip(p);
	CHECK(s->r, user_send(p, 5000) == 5000, "la_send failed");
	for (struct peer_rx *x; (x = peer_next(p)) != NULL; bytes += x->len) {
		CHECK(s->r, x->f.nsack == 2, "%u blocks", x->f.nsack);
		CHECK(s->r, x->len + x->f.optlen <= peer_mss(p), "%u bytes of text, %zu of options", x->len,
		      (size_t)x->f.optlen);
	}
	CHECK(s->r, bytes >= 4000, "%u bytes", bytes);
	expect_blocks(p, base, BLOCKS({3000, 3100}, {1000, 1100}));
}

SCENARIO(sack, L_05, "blocks that were dropped under pressure are not reported again")
{
	struct peer *p = sack_open(s);
	uint32_t base = p->snd;

	for (uint32_t at = 3000; at < 40000; at += 9000)
		text(p, base, at, 100);
	CHECK(s->r, la_ooo_prune(&s->r->s->tcp) > 0, "nothing was dropped");
	text(p, base, 3100, 100);
	for (unsigned i = 0; i < last_rx(p)->f.nsack; i++)
		CHECK(s->r, last_rx(p)->f.sack[i][1] - base < 30000, "block %u was dropped", i);
	expect_blocks(p, base, BLOCKS({3000, 3200}, {12000, 12100}));
	feed(p, 40000, 1000);
	CHECK(s->r, p->u.bytes == 40000, "%llu bytes", (unsigned long long)p->u.bytes);
}

SCENARIO(sack, L_06, "data that was acknowledged already is reported once, as a duplicate SACK")
{
	struct peer *p = sack_open(s);
	uint32_t base = p->snd;

	peer_data(p, 1000);
	text(p, base, 200, 300);
	expect_blocks(p, base, BLOCKS({200, 500}));
	CHECK(s->r, rig_counter(s->r, LA_C_dsacks_out) == 1, "dsacks_out is %llu",
	      (unsigned long long)rig_counter(s->r, LA_C_dsacks_out));
	text(p, base, 2000, 100); /* later segments do not repeat it */
	expect_blocks(p, base, BLOCKS({2000, 2100}));
	text(p, base, 0, 1000); /* the report is in front of the other blocks */
	expect_blocks(p, base, BLOCKS({0, 1000}, {2000, 2100}));
	text(p, base, 900, 200); /* a part of it is new */
	CHECK(s->r, last_rx(p)->ack == base + 1100, "ACK of %u bytes", last_rx(p)->ack - base);
	expect_blocks(p, base, BLOCKS({900, 1000}, {2000, 2100}));
}

SCENARIO(sack, L_07, "data above a hole that arrives again is a duplicate SACK, followed by its block")
{
	struct peer *p = sack_open(s);
	uint32_t base = p->snd;

	text(p, base, 1000, 500);
	text(p, base, 3000, 500);
	text(p, base, 1100, 100);
	expect_blocks(p, base, BLOCKS({1100, 1200}, {1000, 1500}, {3000, 3500}));
	text(p, base, 5000, 100);
	expect_blocks(p, base, BLOCKS({5000, 5100}, {1000, 1500}, {3000, 3500}));
	text(p, base, 3000, 500); /* the same range as its block */
	expect_blocks(p, base, BLOCKS({3000, 3500}, {3000, 3500}, {5000, 5100}, {1000, 1500}));
}

SCENARIO(sack, L_07_other, "a duplicate of one connection is not reported to another one")
{
	struct peer *p = sack_open(s), *q = scene_another(s);

	peer_data(p, 100);
	peer_data(q, 100);
	text(p, p->snd, (uint32_t)-50, 50);
	expect_blocks(p, p->snd, BLOCKS({(uint32_t)-50, 0}));
	text(q, q->snd, 100, 100);
	expect_blocks(q, q->snd, BLOCKS({100, 200}));
}
