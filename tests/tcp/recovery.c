/* SPDX-License-Identifier: BSD-3-Clause */

/* Loss recovery with the peer's SACK blocks (RFC 6675, RFC 6937). Sequence numbers in the comments count segments of
 * full size. */

#include "scenario.h"

#include "net/shard.h"
#include "tcp/board.h"

/* A block: offsets in segments from `base`. */
struct block {
	int32_t from, to;
};

struct flow {
	struct peer *p;
	uint32_t mss;  /* payload of a full segment */
	uint32_t base; /* sequence number of the first segment in flight */
};

/* An ACK with SACK blocks; `ack` counts segments from base. */
static void
sack(struct flow *f, int32_t ack, unsigned n, const struct block *b)
{
	struct peer *p = f->p;
	uint8_t o[40] = {0}, *at = o;
	uint32_t word;

	if (p->ts_on) {
		memcpy(at, (const uint8_t[]){1, 1, 8, 10}, 4);
		word = rte_cpu_to_be_32(p->ts_now);
		memcpy(at + 4, &word, 4);
		word = rte_cpu_to_be_32(p->ts_dut);
		memcpy(at + 8, &word, 4);
		at += 12;
	}
	memcpy(at, (const uint8_t[]){1, 1, 5, (uint8_t)(2 + 8 * n)}, 4);
	at += 4;
	for (unsigned i = 0; i < n; i++) {
		word = rte_cpu_to_be_32(f->base + (uint32_t)b[i].from * f->mss);
		memcpy(at, &word, 4);
		word = rte_cpu_to_be_32(f->base + (uint32_t)b[i].to * f->mss);
		memcpy(at + 4, &word, 4);
		at += 8;
	}
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = f->base + (uint32_t)ack * f->mss, .opts = o,
		.optlen = (size_t)(at - o));
}
#define SACK(f, ack, ...)                                                                \
	sack(f, ack, sizeof((const struct block[]){__VA_ARGS__}) / sizeof(struct block), \
	     (const struct block[]){__VA_ARGS__})

/* Expects n full segments next, the first one at segment `at`. */
static void
expect_full(struct flow *f, int32_t at, unsigned n)
{
	for (unsigned i = 0; i < n; i++, at++) {
		const struct peer_rx *x = peer_next(f->p);

		CHECK(f->p->r, x && x->len == f->mss && x->seq == f->base + (uint32_t)at * f->mss,
		      "segment %d (%u bytes), expected %d", x ? (int32_t)(x->seq - f->base) / (int32_t)f->mss : -1,
		      x ? x->len : 0, at);
	}
}

static void
expect_quiet(const struct flow *f)
{
	CHECK(f->p->r, peer_waiting(f->p) == 0, "%u segments, expected none", peer_waiting(f->p));
}

/* Opens a connection whose congestion window is 20 segments or more, and sends n of 40 queued segments. */
static struct flow
open_flow(struct scene *s, unsigned n)
{
	struct flow f;

	s->o.sack = true;
	s->o.mss = 1000;
	s->o.wscale = 8;
	s->o.conn.sndbuf = 1000000;
	f.p = scene_open(s);
	f.mss = f.p->ts_on ? 988 : 1000;
	for (unsigned i = 0; i < 40; i++) {
		CHECK(s->r, user_send(f.p, 4000) == 4000, "la_send failed");
		drain(f.p, 1);
	}
	CHECK(s->r, peer_info(f.p).sack_permitted && f.p->got == f.p->N, "bytes are in flight");
	f.base = f.p->got;
	CHECK(s->r, user_send(f.p, n * f.mss) == (ssize_t)(n * f.mss), "la_send failed");
	expect_full(&f, 0, n);
	expect_quiet(&f);
	return f;
}

static uint32_t
cwnd(const struct flow *f)
{
	return f->p->r->s->tcp.tcbs[1].cwnd;
}

SCENARIO(recovery, L_09, "more than two segments of reported data above a hole: the hole is sent again, once")
{
	struct flow f = open_flow(s, 10);

	SACK(&f, 0, {1, 2});
	SACK(&f, 0, {1, 3});
	expect_quiet(&f);
	SACK(&f, 0, {1, 4});
	expect_full(&f, 0, 1);
	CHECK(s->r, rig_counter(s->r, LA_C_fast_retransmits) == 1, "no fast retransmission");
	for (int i = 5; i <= 10; i++)
		SACK(&f, 0, {1, i});
	expect_full(&f, 9, 1); /* the rescue retransmission: there is no new data */
	expect_quiet(&f);
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 10 * f.mss, 0);
	expect_quiet(&f);
	CHECK(s->r, rig_counter(s->r, LA_C_retransmits) == 2, "%llu retransmissions",
	      (unsigned long long)rig_counter(s->r, LA_C_retransmits));
	CHECK(s->r, s->r->s->tcp.board_free == 1, "the board was not returned");
}

SCENARIO(recovery, L_09_ranges, "three ranges above a hole: the hole is lost, also when they are small")
{
	struct flow f = open_flow(s, 10), bytes = f;
	int32_t at = (int32_t)f.mss;

	bytes.mss = 1;
	SACK(&bytes, 0, {at, at + 10});
	SACK(&bytes, 0, {at + 20, at + 30}, {at, at + 10});
	expect_quiet(&f);
	SACK(&bytes, 0, {at + 40, at + 50}, {at + 20, at + 30}, {at, at + 10});
	expect_full(&f, 0, 1);
	expect_quiet(&f);
}

SCENARIO(recovery, L_10, "several lost segments of a window are repaired without a time-out")
{
	struct flow f = open_flow(s, 12);
	uint64_t now = s->r->now;

	SACK(&f, 0, {1, 2}); /* lost: 0, 2, 4 */
	SACK(&f, 0, {3, 4}, {1, 2});
	SACK(&f, 0, {5, 6}, {3, 4}, {1, 2});
	expect_full(&f, 0, 1);
	for (int i = 7; i <= 12; i++)
		SACK(&f, 0, {5, i}, {3, 4}, {1, 2});
	expect_full(&f, 2, 1);
	expect_full(&f, 4, 1);
	expect_full(&f, 11, 1); /* the rescue retransmission */
	expect_quiet(&f);
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 12 * f.mss, 0);
	expect_quiet(&f);
	CHECK(s->r, s->r->now == now && rig_counter(s->r, LA_C_rto_expired) == 0, "a time-out");
}

SCENARIO(recovery, L_10_tail, "a lost last segment is sent again when a partial ACK leaves nothing reported")
{
	struct flow f = open_flow(s, 10);

	SACK(&f, 0, {1, 2}); /* lost: 0 and 9 */
	SACK(&f, 0, {1, 3});
	SACK(&f, 0, {1, 4});
	expect_full(&f, 0, 1);
	expect_quiet(&f);
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 9 * f.mss, 0);
	expect_full(&f, 9, 1);
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 10 * f.mss, 0);
	CHECK(s->r, rig_counter(s->r, LA_C_rto_expired) == 0, "a time-out");
}

SCENARIO(recovery, L_11, "the rate is halved in proportion to what arrives, and cwnd ends at ssthresh")
{
	struct flow f = open_flow(s, 20);
	uint32_t more = 60 * f.mss, half;

	CHECK(s->r, user_send(f.p, more) == (ssize_t)more, "la_send failed");
	while (peer_next(f.p))
		;
	half = (f.p->N - f.base) / f.mss; /* segments in flight */
	for (uint32_t i = 2; i <= half; i++)
		SACK(&f, 0, {1, (int32_t)i});
	/* half of the segments that were in flight, and the retransmission, have left */
	CHECK(s->r, peer_waiting(f.p) >= half / 2 - 2 && peer_waiting(f.p) <= half / 2 + 2,
	      "%u segments for %u reported ones", peer_waiting(f.p), half);
	peer_send(f.p, LA_ACK, f.p->snd, f.base + half * f.mss, 0);
	CHECK(s->r, cwnd(&f) >= (half / 2 - 1) * f.mss && cwnd(&f) <= (half / 2 + 1) * f.mss, "cwnd %u of %u",
	      cwnd(&f) / f.mss, half);
}

SCENARIO(recovery, L_11_end, "a recovery that ends early leaves cwnd at half of the data that was in flight")
{
	struct flow f = open_flow(s, 20);

	SACK(&f, 0, {1, 2});
	SACK(&f, 0, {1, 3});
	SACK(&f, 0, {1, 4});
	expect_full(&f, 0, 1);
	CHECK(s->r, cwnd(&f) > 14 * f.mss, "cwnd %u at the beginning of the recovery", cwnd(&f) / f.mss);
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 20 * f.mss, 0);
	CHECK(s->r, cwnd(&f) == 10 * f.mss, "cwnd %u", cwnd(&f) / f.mss);
}

SCENARIO(recovery, L_12, "before a loss is found, each reported segment lets a new one leave")
{
	struct flow f = open_flow(s, 10);
	uint32_t room = cwnd(&f) / f.mss - 10;

	CHECK(s->r, user_send(f.p, (room + 5) * f.mss) == (ssize_t)((room + 5) * f.mss), "la_send failed");
	expect_full(&f, 10, room);
	expect_quiet(&f);
	SACK(&f, 0, {1, 2});
	expect_full(&f, 10 + (int32_t)room, 1);
	SACK(&f, 0, {1, 3});
	expect_full(&f, 11 + (int32_t)room, 1);
	expect_quiet(&f);
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 3 * f.mss, 0); /* reordering: no window is reduced */
	CHECK(s->r, rig_counter(s->r, LA_C_retransmits) == 0, "retransmitted");
}

SCENARIO(recovery, L_13, "after a time-out only unreported data is sent again")
{
	struct flow f = open_flow(s, 6);
	struct peer_rx *x;

	SACK(&f, 0, {1, 3});
	expect_quiet(&f);
	x = peer_wait(f.p, 5000);
	CHECK(s->r, x && x->seq == f.base && x->len == f.mss, "not segment 0");
	expect_quiet(&f);
	SACK(&f, 3, {4, 5});
	expect_full(&f, 3, 1);
	expect_full(&f, 5, 1);
	expect_quiet(&f);
	CHECK(s->r, rig_counter(s->r, LA_C_rto_expired) == 1, "another time-out");
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 6 * f.mss, 0);
	CHECK(s->r, s->r->s->tcp.board_free == 1, "the board was not returned");
}

SCENARIO(recovery, L_13_keep, "a time-out keeps the reports")
{
	struct flow f = open_flow(s, 6);
	struct peer_rx *x;

	SACK(&f, 0, {2, 4});
	x = peer_wait(f.p, 5000);
	CHECK(s->r, x && x->seq == f.base, "not segment 0");
	peer_send(f.p, LA_ACK, f.p->snd, f.base + f.mss, 0);
	expect_full(&f, 1, 1);
	expect_full(&f, 4, 1);
	expect_quiet(&f);
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 6 * f.mss, 0);
}

SCENARIO(recovery, L_13_renege, "a peer that discards reported data gets it again after a time-out")
{
	struct flow f = open_flow(s, 6);
	struct peer_rx *x;

	SACK(&f, 0, {2, 6});
	expect_full(&f, 0, 1);
	expect_full(&f, 1, 1);
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 2 * f.mss, 0); /* acknowledges up to a range, and not the range */
	expect_quiet(&f);
	x = peer_wait(f.p, 5000);
	CHECK(s->r, x && x->seq == f.base + 2 * f.mss, "not segment 2");
	CHECK(s->r, rig_counter(s->r, LA_C_sack_reneged) == 1, "not counted");
	for (int i = 3; i <= 5; i++)
		peer_send(f.p, LA_ACK, f.p->snd, f.base + (uint32_t)i * f.mss, 0);
	expect_full(&f, 3, 3);
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 6 * f.mss, 0);
	expect_quiet(&f);
}

SCENARIO(recovery, L_14, "blocks that report no data in flight are counted, and have no effect")
{
	enum { FAR = 3 << 29 };
	struct flow f = open_flow(s, 10);

	SACK(&f, 0, {3, 2}, {8, 11}, {-4, -2});
	/* the second block ends 3 * 2^29 before snd_una, and begins as far after it */
	SACK(&f, 0, {-1000000, 9}, {FAR / (int32_t)f.mss, -FAR / (int32_t)f.mss}, {0, 5});
	expect_quiet(&f);
	CHECK(s->r, rig_counter(s->r, LA_C_sack_blocks_ignored) == 6, "%llu counted",
	      (unsigned long long)rig_counter(s->r, LA_C_sack_blocks_ignored));
	CHECK(s->r, s->r->s->tcp.board_fresh == 0, "a board is in use");
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 10 * f.mss, 0);
}

SCENARIO(recovery, L_14_ranges, "a scoreboard has a bounded number of ranges; other data is sent again")
{
	enum { SMALL = 100 };
	struct flow f = open_flow(s, 10);
	uint32_t full = f.mss;

	f.mss = SMALL; /* blocks count in units of 100 bytes */
	for (int i = 0; i < LA_BOARD_RANGES + 4; i++)
		SACK(&f, 0, {2 * i + 1, 2 * i + 2});
	CHECK(s->r, rig_counter(s->r, LA_C_sack_ranges_short) == 4, "%llu blocks without room",
	      (unsigned long long)rig_counter(s->r, LA_C_sack_ranges_short));
	for (int i = 0; i < LA_BOARD_RANGES + 4; i++)
		SACK(&f, 0, {1, 2 * i + 2}); /* merges one range after the other */
	CHECK(s->r, s->r->s->tcp.boards[0].n == 1, "%u ranges", s->r->s->tcp.boards[0].n);
	for (const struct peer_rx *x; (x = peer_next(f.p));)
		CHECK(s->r, x->len <= full, "%u bytes", x->len);
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 10 * full, 0);
}

SCENARIO(recovery, L_15, "duplicate SACKs are counted, and are no reports")
{
	struct flow f = open_flow(s, 10);

	peer_send(f.p, LA_ACK, f.p->snd, f.base + 2 * f.mss, 0);
	SACK(&f, 2, {0, 1});	     /* below the acknowledgement number */
	SACK(&f, 2, {5, 6}, {4, 7}); /* inside of the second block */
	CHECK(s->r, rig_counter(s->r, LA_C_dsacks_in) == 2, "%llu counted",
	      (unsigned long long)rig_counter(s->r, LA_C_dsacks_in));
	CHECK(s->r, rig_counter(s->r, LA_C_sack_blocks_ignored) == 0, "ignored");
	expect_full(&f, 2, 1); /* three segments are above the hole */
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 10 * f.mss, 0);
}

SCENARIO(recovery, L_16, "without a free scoreboard, and with duplicate ACKs without blocks, NewReno recovers")
{
	struct flow f = open_flow(s, 10);
	struct la_tcp *t = &s->r->s->tcp;
	uint32_t capacity = t->board_capacity;

	t->board_capacity = 0;
	SACK(&f, 0, {1, 2});
	SACK(&f, 0, {1, 3});
	expect_quiet(&f);
	SACK(&f, 0, {1, 4});
	expect_full(&f, 0, 1);
	CHECK(s->r, rig_counter(s->r, LA_C_sack_boards_short) == 3, "%llu counted",
	      (unsigned long long)rig_counter(s->r, LA_C_sack_boards_short));
	t->board_capacity = capacity;
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 10 * f.mss, 0);
	expect_quiet(&f);
}

SCENARIO(recovery, L_17, "a lost FIN above reported data is sent again, and a reported FIN is not")
{
	struct flow f = open_flow(s, 4);
	struct peer_rx *x;

	user_shutdown(f.p);
	x = peer_next(f.p);
	CHECK(s->r, x && (x->flags & LA_FIN), "no FIN");
	SACK(&f, 0, {1, 4}); /* lost: 0 and the FIN */
	expect_full(&f, 0, 1);
	x = peer_next(f.p);
	if (x) /* the rescue retransmission */
		CHECK(s->r, (x->flags & LA_FIN) && x->len == 0, "not the FIN");
	else
		x = peer_wait(f.p, 5000);
	CHECK(s->r, x != NULL, "nothing is sent again");
	peer_send(f.p, LA_ACK, f.p->snd, f.base + 4 * f.mss, 0);
	while (peer_state(f.p) == LA_FIN_WAIT_1 && (x = peer_wait(f.p, 5000)) != NULL)
		if (x->flags & LA_FIN)
			peer_send(f.p, LA_ACK, f.p->snd, x->end, 0);
	peer_expect_state(f.p, LA_FIN_WAIT_2);
}
