/* SPDX-License-Identifier: BSD-3-Clause */

/* Quick ACKs at the start of a connection and after a pause, delayed ACKs later (RFC 5681 4.2, RFC 9293 SHLD-18). */

#include "scenario.h"
#include "tcp/internal.h"

/* Sends a segment of 100 bytes. Returns the ms until its one ACK. */
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

static void
slow_after(struct peer *p, unsigned quick)
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

SCENARIO(quickack, start, "the first 15 segments are acknowledged at once, later ones may wait")
{
	struct peer *p = scene_open(s);

	slow_after(p, 15);
	/* delayed ACK: the second of two segments is acknowledged at once */
	peer_skip(p);
	peer_data(p, 100);
	CHECK(s->r, peer_waiting(p) == 0, "not delayed");
	peer_data(p, 100);
	CHECK(s->r, peer_waiting(p) == 1, "the second segment is not acknowledged at once");
}

SCENARIO(quickack, start_active, "after an active open the first 15 segments are acknowledged at once")
{
	slow_after(scene_connect(s), 15);
}

SCENARIO(quickack, pause, "after a pause longer than the RTO, 15 segments are acknowledged at once again")
{
	struct peer *p = scene_open(s);

	slow_after(p, 15);
	rig_run(s->r, peer_info(p).rto_ms - 50);
	slow_after(p, 0);
	rig_run(s->r, peer_info(p).rto_ms + 1);
	slow_after(p, 15);
}

SCENARIO(quickack, small_buffer,
	 "with a small receive buffer, quick ACKs cover half of the buffer, at least two segments")
{
	struct peer *p;

	s->o.mss = 1000;
	s->o.conn.rcvbuf = 10000;
	p = scene_open(s);
	slow_after(p, 5);
	s->o.conn.rcvbuf = 3500;
	s->o.lport = 81;
	slow_after(scene_open(s), 2);
}

static void
answer(struct la_conn *c, void *user)
{
	struct peer *p = user;

	user_read(p, UINT64_MAX);
	if (p->u.bytes % 100 == 0)
		CHECK(p->r, user_send(p, 50) == 50, "la_send");
	(void)c;
}

SCENARIO(quickack, answered,
	 "an answer carries the ACK: one segment for each request, and the quick ACKs are not used up")
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
		CHECK(s->r, peer_waiting(p) == 1 && last_rx(p)->len == 50, "%u segments", peer_waiting(p));
		rig_run(s->r, 20);
		CHECK(s->r, peer_waiting(p) == 1, "an ACK in addition to the answer");
		peer_ack(p);
	}
	la_set_ops(p->u.c, &user_ops);
	slow_after(p, 15);
}

/* The next request when the answer of two segments is complete. */
static void
ask_again(struct la_conn *c, void *user)
{
	struct peer *p = user;

	user_read(p, UINT64_MAX);
	if (p->u.bytes % 200 == 0)
		CHECK(p->r, user_send(p, 50) == 50, "la_send");
	(void)c;
}

SCENARIO(quickack, two_writes, "a server that writes twice for each request gets the first ACK at once")
{
	struct la_conn_ops ops = user_ops;
	struct peer *p = scene_connect(s);

	ops.data = ask_again;
	la_set_ops(p->u.c, &ops);
	CHECK(s->r, user_send(p, 50) == 50, "la_send");
	for (unsigned i = 0; i < 60; i++) {
		rig_run(s->r, 5);
		CHECK(s->r, ack_delay(p) == 0, "the head of answer %u is acknowledged late", i);
		peer_data(p, 100);
		CHECK(s->r, peer_waiting(p) == 1 && last_rx(p)->len == 50, "the next request does not carry the ACK");
	}
}

SCENARIO(quickack, burst_bounded, "at most one ACK for each segment")
{
	struct peer *p = scene_open(s);

	peer_skip(p);
	for (unsigned i = 0; i < 60; i++)
		peer_data(p, 100);
	rig_run(s->r, 100);
	CHECK(s->r, peer_waiting(p) <= 15 + 45 / 2 + 1, "%u ACKs for 60 segments", peer_waiting(p));
}
