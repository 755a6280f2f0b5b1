/* SPDX-License-Identifier: BSD-3-Clause */

/* Quick ACKs at the start of a connection and after a pause, then delayed ACKs (RFC 5681 4.2, RFC 9293 SHLD-18). */

#include "scenario.h"
#include "tcp/internal.h"

/* Sends a segment of 100 bytes and expects exactly one ACK. Returns the delay of the ACK in ms. */
static uint64_t
ack_delay(struct peer *p)
{
	uint64_t from = p->r->now;
	struct peer_rx *x;

	peer_skip(p);
	peer_data(p, 100);
	x = peer_wait(p, 1000);
	CHECK(p->r, x && x->ack == p->snd, "not acknowledged");
	CHECK(p->r, peer_next(p) == NULL, "acknowledged twice");
	return x->at - from;
}

/* Expects that the next `quick` segments are acknowledged at once, and later segments with a delay. */
static void
expect_quick_acks(struct peer *p, unsigned quick)
{
	for (unsigned i = 0; i < quick; i++) {
		uint64_t ms = ack_delay(p);

		CHECK(p->r, ms == 0, "segment %u is acknowledged after %u ms", i, (unsigned)ms);
	}
	for (unsigned i = 0; i < 4; i++) {
		uint64_t ms = ack_delay(p);

		CHECK(p->r, ms > 0 && ms <= LA_DELACK_MS, "segment %u is acknowledged after %u ms", quick + i,
		      (unsigned)ms);
	}
}

SCENARIO(quickack, start, "the first 15 segments are acknowledged at once, later segments with a delay")
{
	struct peer *p = scene_open(s);

	expect_quick_acks(p, 15);
	/* delayed ACK: the second of two segments is acknowledged at once */
	peer_skip(p);
	peer_data(p, 100);
	CHECK(s->r, peer_waiting(p) == 0, "the ACK was not delayed");
	peer_data(p, 100);
	CHECK(s->r, peer_waiting(p) == 1, "the second segment is not acknowledged at once");
}

SCENARIO(quickack, start_active, "after an active open the first 15 segments are acknowledged at once")
{
	expect_quick_acks(scene_connect(s), 15);
}

SCENARIO(quickack, pause, "after a pause longer than the RTO, the next 15 segments are acknowledged at once")
{
	struct peer *p = scene_open(s);

	expect_quick_acks(p, 15);
	rig_run(s->r, peer_info(p).rto_ms - 50);
	expect_quick_acks(p, 0);
	rig_run(s->r, peer_info(p).rto_ms + 1);
	expect_quick_acks(p, 15);
}

SCENARIO(quickack, small_buffer,
	 "with a small receive buffer there are quick ACKs for half of the buffer, but for at least two segments")
{
	struct peer *p;

	s->o.mss = 1000;
	s->o.conn.rcvbuf = 10000;
	p = scene_open(s);
	expect_quick_acks(p, 5);
	s->o.conn.rcvbuf = 3500;
	s->o.lport = 81;
	expect_quick_acks(scene_open(s), 2);
}

static void
answer(struct la_conn *c, void *user)
{
	struct peer *p = user;

	user_read(p, UINT64_MAX);
	if (p->u.bytes % 100 == 0)
		CHECK(p->r, user_send(p, 50) == 50, "la_send failed");
	(void)c;
}

SCENARIO(quickack, answered, "an answer carries the ACK of the request and does not use up a quick ACK")
{
	struct la_conn_ops ops = user_ops;
	struct peer *p;

	ops.data = answer;
	s->o.conn.nodelay = true;
	p = scene_open(s);
	la_set_ops(p->u.c, &ops);
	for (unsigned i = 0; i < 40; i++) {
		peer_skip(p);
		peer_data(p, 100);
		CHECK(s->r, peer_waiting(p) == 1 && last_rx(p)->len == 50,
		      "%u segments, expected one answer of 50 bytes", peer_waiting(p));
		rig_run(s->r, 20);
		CHECK(s->r, peer_waiting(p) == 1, "an ACK in addition to the answer");
		peer_ack(p);
	}
	la_set_ops(p->u.c, &user_ops);
	expect_quick_acks(p, 15);
}

/* A `data` callback that sends the next request when the answer of two segments is complete. */
static void
ask_again(struct la_conn *c, void *user)
{
	struct peer *p = user;

	user_read(p, UINT64_MAX);
	if (p->u.bytes % 200 == 0)
		CHECK(p->r, user_send(p, 50) == 50, "la_send failed");
	(void)c;
}

SCENARIO(quickack, two_writes,
	 "when a server writes each answer in two segments, the first segment is acknowledged at once")
{
	struct la_conn_ops ops = user_ops;
	struct peer *p = scene_connect(s);

	ops.data = ask_again;
	la_set_ops(p->u.c, &ops);
	CHECK(s->r, user_send(p, 50) == 50, "la_send failed");
	for (unsigned i = 0; i < 60; i++) {
		rig_run(s->r, 5);
		CHECK(s->r, ack_delay(p) == 0, "the first segment of answer %u is acknowledged late", i);
		peer_data(p, 100);
		CHECK(s->r, peer_waiting(p) == 1 && last_rx(p)->len == 50, "the next request does not carry the ACK");
	}
}

SCENARIO(quickack, burst_bounded,
	 "segments that arrive at once draw few ACKs: one for each of the first 15, then one for two")
{
	struct peer *p = scene_open(s);

	peer_skip(p);
	for (unsigned i = 0; i < 60; i++)
		peer_data(p, 100);
	rig_run(s->r, 100);
	CHECK(s->r, peer_waiting(p) <= 15 + 45 / 2 + 1, "%u ACKs for 60 segments", peer_waiting(p));
}
