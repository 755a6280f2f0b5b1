/* SPDX-License-Identifier: BSD-3-Clause */

/* The link. Every frame is copied and arrives DELAY_MS later.
 *
 * Hosts, all on one link:
 *   SERVER  10.1.0.1 fd00::1      the shard under test
 *   HONEST  10.1.0.2 fd00::2, and 10.2.0.2 fd02::2, which the server reaches through the router
 *   LOAD   10.1.0.5 fd00::5      behind an access link with a rate, a queue and losses
 *   RAW     10.1.0.4 fd00::4      the bots; frames of any source leave with RAW's MAC
 *   ROUTER  10.1.0.254 fd00::fe   the server's gateway; behind it are the second addresses of HONEST,
 *                                 spoofed sources, and bots of rows with `far` */

#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "resolve.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip.h"

enum { RECORD = 4 };

static const uint8_t macs[][6] = {
	[SERVER] = {2, 0, 0, 0, 0, 1}, [HONEST] = {2, 0, 0, 0, 0, 2},	 [LOAD] = {2, 0, 0, 0, 0, 5},
	[RAW] = {2, 0, 0, 0, 0, 4},    [ROUTER] = {2, 0, 0, 0, 0, 0xfe},
};

const uint8_t *
abuse_mac(enum host h)
{
	return macs[h];
}

struct la_addr
abuse_addr(enum host h, bool ip6)
{
	static const char *const text[][2] = {
		[SERVER] = {"10.1.0.1", "fd00::1"},    [HONEST] = {"10.1.0.2", "fd00::2"},
		[LOAD] = {"10.1.0.5", "fd00::5"},      [RAW] = {"10.1.0.4", "fd00::4"},
		[ROUTER] = {"10.1.0.254", "fd00::fe"},
	};
	struct la_addr a;

	ABUSE_MUST(la_addr_parse(text[h][ip6], &a) == 0);
	return a;
}

/* ------------------------------------------------------------------ frames in transit */

static void
put(struct abuse *w, uint64_t at_ms, enum host from, enum host to, const uint8_t *p, size_t len)
{
	struct slot *s = &w->wire[at_ms % SLOTS];
	uint16_t n = (uint16_t)len;

	ABUSE_MUST(at_ms > w->now && at_ms < w->now + SLOTS);
	if (s->len + RECORD + len > s->cap) {
		s->cap = 2 * (s->cap + RECORD + len);
		s->b = realloc(s->b, s->cap);
		ABUSE_MUST(s->b != NULL);
	}
	memcpy(s->b + s->len, &n, 2);
	s->b[s->len + 2] = (uint8_t)to;
	s->b[s->len + 3] = (uint8_t)from;
	memcpy(s->b + s->len + RECORD, p, len);
	s->len += RECORD + len;
}

static bool
is_far_honest(const uint8_t *p, size_t len)
{
	static const uint8_t far4[4] = {10, 2, 0, 2}, far6[16] = {0xfd, 2, [15] = 2};

	if (len >= 34 && p[12] == 8 && p[13] == 0)
		return memcmp(p + 30, far4, 4) == 0;
	return len >= 54 && p[12] == 0x86 && memcmp(p + 38, far6, 16) == 0;
}

/* Records replies to the framework's own requests. */
static void
note_answer(struct abuse *w, const uint8_t *p, size_t len)
{
	if (len >= 42 && p[12] == 8 && p[13] == 0 && p[23] == LA_IPPROTO_ICMP && p[34] == 0)
		w->pongs++;
	if (len >= 42 && p[12] == 8 && p[13] == 6 && p[21] == 2 && w->arp_waits) {
		w->arp_waits = false;
		w->arp_answers++;
	}
}

void
abuse_wire(struct abuse *w, enum host from, const uint8_t *p, size_t len)
{
	uint64_t at = w->now + DELAY_MS;
	enum host to = RAW; /* stays RAW for a MAC that no host has */

	ABUSE_MUST(len <= FRAME_MAX);
	if (from == SERVER) {
		w->frames_out++;
		if (memcmp(p, macs[HONEST], 6) == 0)
			note_answer(w, p, len);
	}
	if (p[0] & 1)
		to = EVERYONE;
	for (enum host h = SERVER; h <= ROUTER; h++)
		if (memcmp(p, macs[h], 6) == 0)
			to = h;
	put(w, at, from, to, p, len);
}

/* Puts a shard's frame on the link. The access link of the load clients has a rate. */
void
net_wire(struct abuse *w, enum host from, const uint8_t *p, size_t len)
{
	struct stack *st = &w->stack[from];
	uint64_t now = w->now * 1000, waiting;

	if (st->frames_per_ms == 0) {
		abuse_wire(w, from, p, len);
		return;
	}
	if (st->free_us < now)
		st->free_us = now;
	waiting = (st->free_us - now) * st->frames_per_ms / 1000;
	if (waiting >= st->queue || abuse_random(w) % 1000000 < st->loss_ppm) {
		st->queue_drops++;
		return;
	}
	st->free_us += 1000 / st->frames_per_ms;
	put(w, st->free_us / 1000 + DELAY_MS, from, p[0] & 1 ? EVERYONE : SERVER, p, len);
}

/* ------------------------------------------------------------------ arrival */

/* RAW and ROUTER: resolution, bots, and frames for the attack. */
static void
raw(struct abuse *w, const uint8_t *p, size_t len)
{
	struct la_addr asked, ours[2] = {abuse_addr(RAW, false), abuse_addr(RAW, true)};
	struct la_addr gw[2] = {abuse_addr(ROUTER, false), abuse_addr(ROUTER, true)};
	uint8_t out[128];
	struct frame_in f;
	size_t n = resolve_answer(p, len, macs[RAW], out, &asked);
	bool gateway = n > 0 && (la_addr_eq(&asked, &gw[0]) || la_addr_eq(&asked, &gw[1]));

	if (gateway)
		n = resolve_answer(p, len, macs[ROUTER], out, &asked);
	if (gateway || (n > 0 && (la_addr_eq(&asked, &ours[0]) || la_addr_eq(&asked, &ours[1]))))
		abuse_wire(w, gateway ? ROUTER : RAW, out, n);
	else if (frame_read(p, len, &f) == NULL && bots_frame(w, &f))
		return;
	else if (w->attacking && w->attack->frame)
		w->attack->frame(w, p, len);
}

static void
arrive(struct abuse *w, uint8_t from, uint8_t to, const uint8_t *p, size_t len)
{
	uint8_t copy[FRAME_MAX];

	for (enum host h = SERVER; h < STACKS; h++)
		if (to == h || (to == EVERYONE && from != h))
			net_rx(w, h, p, len);
	if (to == ROUTER && is_far_honest(p, len)) {
		memcpy(copy, p, len);
		memcpy(copy, macs[HONEST], 6);
		net_rx(w, HONEST, copy, len);
	} else if (to == RAW || to == ROUTER || to == EVERYONE) {
		raw(w, p, len);
	}
}

void
net_step(struct abuse *w)
{
	struct slot *s = &w->wire[w->now % SLOTS];

	for (size_t at = 0; at < s->len;) {
		uint16_t n;

		memcpy(&n, s->b + at, 2);
		arrive(w, s->b[at + 3], s->b[at + 2], s->b + at + RECORD, n);
		at += RECORD + n;
	}
	s->len = 0;
	net_run_shards(w);
}

/* ------------------------------------------------------------------ ping and ARP of an honest host */

void
net_ping(struct abuse *w)
{
	struct la_addr src = abuse_addr(HONEST, false), dst = abuse_addr(SERVER, false);
	struct la_eth e = {.type = LA_ETH_IP4};
	struct la_arp a = {.op = LA_ARP_REQUEST, .spa = src.w[3], .tpa = dst.w[3]};
	uint8_t buf[128], *m;
	uint16_t sum;
	size_t n;

	memcpy(e.dst, macs[SERVER], 6);
	memcpy(e.src, macs[HONEST], 6);
	n = la_eth_write(buf, &e);
	n += la_ip4_write(buf + n, &src, &dst, LA_IPPROTO_ICMP, 64, 40, true);
	m = buf + n;
	memset(m, 0, 40);
	m[0] = 8;
	sum = la_cksum_finish(la_cksum_add(0, m, 40));
	memcpy(m + 2, &sum, 2);
	abuse_wire(w, HONEST, buf, n + 40);
	w->pings++;
	memset(e.dst, 0xff, 6);
	e.type = LA_ETH_ARP;
	memcpy(a.sha, macs[HONEST], 6);
	n = la_eth_write(buf, &e);
	la_arp_write(buf + n, &a);
	abuse_wire(w, HONEST, buf, n + LA_ARP_LEN);
	w->arps++;
	w->arp_waits = true;
}

uint64_t
abuse_frames_out(const struct abuse *w)
{
	return w->frames_out;
}
