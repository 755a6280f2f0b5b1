/* SPDX-License-Identifier: BSD-3-Clause */

/* API calls have no `now` argument. Timers that a call starts after idle time run from the next `now` that the shard
 * gets. */

#include "scenario.h"
#include "tcp/internal.h"

/* Lets time pass without a call of the shard. */
static void
pass(struct rig *r, uint64_t ms)
{
	r->now += ms;
}

static const uint64_t idle[] = {2, 999, 1000, 1001, 5000, 3600000};

enum { IDLE = sizeof(idle) / sizeof(idle[0]) };

SCENARIO(calls, connect, "la_connect() after idle time sends one SYN, and retransmits it one second later")
{
	for (unsigned i = 0; i < IDLE; i++) {
		struct peer *p;
		struct peer_rx *x;
		uint64_t from;

		scene_rig(s, NULL);
		p = peer_new(s->r, &s->o);
		pass(s->r, idle[i]);
		from = s->r->now;
		CHECK(s->r, user_connect(p) == 0, "la_connect failed");
		x = peer_wait(p, 0);
		CHECK(s->r, x && x->flags == LA_SYN, "no SYN");
		CHECK(s->r, peer_next(p) == NULL, "two SYNs after %u ms", (unsigned)idle[i]);
		x = peer_wait(p, 3000);
		CHECK(s->r, x && x->at - from == 1000, "the SYN is retransmitted after %u ms, expected 1000",
		      (unsigned)(x ? x->at - from : 0));
		CHECK(s->r, rig_counter(s->r, LA_C_rto_expired) == 1, "rto_expired is not 1");
	}
}

SCENARIO(calls, connect_r2,
	 "la_connect() after idle time: the open does not time out early, and SRTT excludes the idle time")
{
	struct peer *p = peer_new(s->r, &s->o), *q;

	pass(s->r, 100000);
	p->r = s->r;
	CHECK(s->r, user_connect(p) == 0, "la_connect failed");
	rig_run(s->r, 199999);
	CHECK(s->r, p->u.closed == 0, "the connection ended early");
	rig_run(s->r, 2);
	user_expect_closed(p, LA_END_TIMEOUT);
	q = peer_new(s->r, &s->o);
	pass(s->r, 100000);
	CHECK(s->r, user_connect(q) == 0, "la_connect failed");
	rig_run(s->r, 30);
	peer_send(q, LA_SYN | LA_ACK, q->IRS, q->ISS + 1, 0);
	CHECK(s->r, peer_info(q).srtt_ms == 30, "SRTT %u", peer_info(q).srtt_ms);
}

SCENARIO(calls, send, "la_send() after idle time: no retransmission before the RTO; R2 runs from the call")
{
	for (unsigned i = 0; i < IDLE; i++) {
		struct peer *p;
		struct peer_rx *x;
		uint64_t from;
		uint32_t rto;

		scene_rig(s, NULL);
		s->o.conn.user_timeout_ms = 4000;
		p = scene_open(s);
		peer_skip(p);
		rto = peer_info(p).rto_ms;
		pass(s->r, idle[i]);
		from = s->r->now;
		CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
		CHECK(s->r, peer_waiting(p) == 1, "%u segments after %u ms", peer_waiting(p), (unsigned)idle[i]);
		peer_skip(p);
		x = peer_wait(p, 3000);
		CHECK(s->r, x && x->at - from >= rto, "retransmitted after %u ms, the RTO is %u",
		      (unsigned)(x ? x->at - from : 0), rto);
		rig_run(s->r, from + 3999 - s->r->now);
		CHECK(s->r, p->u.closed == 0, "the connection ended early");
		rig_run(s->r, 2);
		user_expect_closed(p, LA_END_TIMEOUT);
	}
}

SCENARIO(calls, timer, "a timer set after idle time does not fire early; the last la_set_timer() applies")
{
	for (unsigned i = 0; i < IDLE; i++) {
		struct peer *p, *q;

		scene_rig(s, NULL);
		s->o.lport = 80;
		p = scene_open(s);
		s->o.lport = 81;
		q = scene_open(s);
		pass(s->r, idle[i]);
		la_set_timer(p->u.c, 100);
		la_set_timer(q->u.c, 77);
		la_set_timer(p->u.c, 300);
		CHECK(s->r, la_shard_next(s->r->s) < s->r->now, "la_shard_next() is in the future");
		rig_run(s->r, 76);
		CHECK(s->r, q->u.timer == 0, "the timer fired early");
		rig_run(s->r, 1);
		CHECK(s->r, q->u.timer == 1, "the timer did not fire on time");
		rig_run(s->r, 300 - 77 - 1);
		CHECK(s->r, p->u.timer == 0, "the timer fired early");
		rig_run(s->r, 1);
		CHECK(s->r, p->u.timer == 1, "the timer did not fire on time");
		la_set_timer(p->u.c, 50);
		pass(s->r, 20);
		la_set_timer(p->u.c, 0);
		rig_run(s->r, 1000);
		CHECK(s->r, p->u.timer == 1, "a cancelled timer fired");
	}
}

SCENARIO(calls, unread, "a timer set after idle time in a DETACHED connection with unread text does not fire early")
{
	for (unsigned i = 0; i < IDLE; i++) {
		struct peer *p;

		scene_rig(s, NULL);
		p = scene_open(s);
		p->u.hold = true;
		peer_data(p, 1000);
		peer_fin(p);
		CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
		peer_ack(p);
		CHECK(s->r, la_tcb_is_detached((struct la_tcb *)p->u.c), "the connection is not DETACHED");
		pass(s->r, idle[i]);
		la_set_timer(p->u.c, 100);
		rig_run(s->r, 99);
		CHECK(s->r, p->u.timer == 0, "the timer fired early");
		rig_run(s->r, 1);
		CHECK(s->r, p->u.timer == 1, "the timer did not fire on time");
		user_read(p, 1000);
		user_expect_closed(p, LA_END_ORDERLY);
	}
}

SCENARIO(calls, fin_wait_2, "la_close() in FIN_WAIT_2 after idle time: the full FIN_WAIT_2 limit applies")
{
	struct peer *p;

	s->o.conn.fin_wait_2_ms = 3000;
	p = scene_listen(s);
	peer_to_fin_wait_2(p, false);
	pass(s->r, 10000);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	rig_run(s->r, 2999);
	CHECK(s->r, p->u.closed == 0, "the connection ended early");
	rig_run(s->r, 2);
	user_expect_closed(p, LA_END_FIN_WAIT_2);
}

SCENARIO(calls, many, "when more calls are made than the shard's list holds, no timer fires early")
{
	struct peer *p = scene_open(s), *q;

	s->o.lport = 81;
	q = scene_open(s);
	pass(s->r, 1000);
	for (unsigned i = 0; i < LA_TCP_CALLS; i++) {
		la_set_timer(p->u.c, 500);
		la_set_timer(q->u.c, 500);
	}
	la_send(p->u.c, "", 0);
	CHECK(s->r, user_send(q, 100) == 100, "la_send failed");
	CHECK(s->r, peer_next(q) && peer_waiting(q) == 0, "more than one segment");
	peer_skip(q);
	rig_run(s->r, peer_info(q).rto_ms - 1);
	CHECK(s->r, peer_waiting(q) == 0, "retransmitted before the RTO");
	peer_ack(q);
	rig_run(s->r, 499 - 199);
	CHECK(s->r, p->u.timer == 0 && q->u.timer == 0, "the timer fired early");
	rig_run(s->r, 1001);
	CHECK(s->r, p->u.timer == 1 && q->u.timer == 1, "a timer is late by more than the idle time");
}

SCENARIO(calls, callbacks, "timers that callbacks set fire on time")
{
	struct peer *p = scene_open(s);

	rig_run(s->r, 3000);
	la_set_timer(p->u.c, 10);
	rig_run(s->r, 10);
	CHECK(s->r, p->u.timer == 1, "the first timer is late");
	CHECK(s->r, la_shard_next(s->r->s) > s->r->now, "la_shard_next() stays in the past");
}
