/* SPDX-License-Identifier: BSD-3-Clause */

/* The user's side: every API call from every callback, unread text at the end of a connection, keep-alive, abort of all
 * connections. */

#include "scenario.h"

/* Every call from every callback. Each run makes one kind of call in one callback. */
enum where { IN_OPENED, IN_DATA, IN_FIN, IN_TIMER, IN_ACKED, IN_WRITABLE, NWHERE };
enum what { DO_CLOSE, DO_ABORT, DO_SHUTDOWN, DO_SHUTDOWN_CLOSE, DO_SEND_CLOSE, DO_CLOSE_TWICE, NWHAT };

struct actor {
	struct rig *r;
	enum where where;
	enum what what;
	unsigned acted;	 /* runs of the callback `where` */
	unsigned closed; /* calls of `closed` */
	unsigned after;	 /* other callbacks while `ending` */
	bool ending;	 /* la_close() or la_abort() was called: only `closed` may follow */
	enum la_end end;
};

static void
act(struct la_conn *c, struct actor *a, enum where where)
{
	static const char text[300];

	CHECK(a->r, a->closed == 0, "a callback ran after `closed`");
	if (a->ending)
		a->after++;
	if (where != a->where || a->acted++)
		return;
	switch (a->what) {
	case DO_CLOSE:
		a->ending = true;
		la_close(c);
		break;
	case DO_ABORT:
		a->ending = true;
		la_abort(c);
		CHECK(a->r, a->closed == 1, "la_abort() returned without a call of `closed`");
		break;
	case DO_SHUTDOWN:
		la_shutdown(c);
		break;
	case DO_SHUTDOWN_CLOSE:
		la_shutdown(c);
		a->ending = true;
		la_close(c);
		break;
	case DO_SEND_CLOSE:
		la_send(c, text, sizeof(text));
		a->ending = true;
		la_close(c);
		break;
	default:
		a->ending = true;
		la_close(c);
		if (a->closed == 0)
			CHECK(a->r, la_close(c) == -EALREADY, "the second la_close did not fail with EALREADY");
		break;
	}
}

static void
on_opened(struct la_conn *c, void *user)
{
	struct actor *a = user;

	la_set_timer(c, 50);
	act(c, a, IN_OPENED);
}

static void
on_data(struct la_conn *c, void *user)
{
	struct actor *a = user;

	if (a->what != DO_ABORT || a->where != IN_DATA)
		la_consume(c, la_unread(c));
	act(c, a, IN_DATA);
}

static void
on_fin(struct la_conn *c, void *user)
{
	act(c, user, IN_FIN);
}

static void
on_timer(struct la_conn *c, void *user)
{
	static const char text[4000];
	struct actor *a = user;

	act(c, a, IN_TIMER);
	if (!a->ending && !a->closed)
		la_send(c, text, sizeof(text)); /* more than the room in the send queue, so that `writable` fires */
}

static void
on_acked(struct la_conn *c, void *user)
{
	act(c, user, IN_ACKED);
}

static void
on_writable(struct la_conn *c, void *user)
{
	act(c, user, IN_WRITABLE);
}

static void
on_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct actor *a = user;

	(void)c;
	a->closed++;
	a->end = why->end;
	CHECK(a->r, a->closed == 1, "`closed` was called twice");
}

static const struct la_conn_ops actor_ops = {
	.opened = on_opened,
	.data = on_data,
	.acked = on_acked,
	.writable = on_writable,
	.peer_fin = on_fin,
	.timer = on_timer,
	.closed = on_closed,
};

/* Runs one connection with one call in one callback. The user sends zeros instead of the pattern, so its bytes are
 * not compared. */
static void
play(struct scene *s, enum where where, enum what what)
{
	struct actor a = {.r = s->r, .where = where, .what = what};
	struct peer *p = peer_new(s->r, &s->o);
	struct la_conn_opts opts = {.sndbuf = 2000};
	int err;

	p->lax_data = true;
	if (where == IN_OPENED || what == DO_CLOSE) {
		struct la_conn *c;

		err = la_connect(s->r->s, &p->t, &actor_ops, &a, &opts, &c);
		CHECK(s->r, err == 0, "la_connect: %d", err);
		rig_pump(s->r);
		peer_send(p, LA_SYN | LA_ACK, p->IRS, p->N, 0);
	} else {
		err = la_listen(s->r->s, NULL, p->t.lport, &actor_ops, &a, &opts);
		CHECK(s->r, err == 0, "la_listen: %d", err);
		peer_syn(p);
		peer_ack(p);
	}
	peer_skip(p);
	peer_data(p, 100);
	peer_data(p, 100);
	drain(p, 300);
	if (peer_state(p) != LA_CLOSED)
		peer_data(p, 50);
	drain(p, 300);
	if (peer_state(p) != LA_CLOSED && peer_state(p) != LA_TIME_WAIT)
		peer_fin(p);
	drain(p, 300);
	if (peer_state(p) != LA_CLOSED && peer_state(p) != LA_TIME_WAIT)
		peer_send(p, LA_RST, p->snd, 0, 0);
	rig_run(s->r, 300000);
	CHECK(s->r, a.closed == 1, "`closed` was called %u times", a.closed);
	CHECK(s->r, a.after == 0, "%u callbacks except `closed` ran after la_close() or la_abort()", a.after);
	CHECK(s->r, a.acted > 0, "the callback never ran");
	CHECK(s->r, what != DO_ABORT || a.end == LA_END_ABORTED, "ended as %s", la_end_name(a.end));
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "a TCB is left");
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 0, "an entry is left");
}

SCENARIO(user, every_call_from_every_callback, "every API call works in every callback")
{
	for (unsigned where = 0; where < NWHERE; where++) {
		for (unsigned what = 0; what < NWHAT; what++) {
			rig_note(s->r, "callback %u, call %u", where, what);
			s->o.lport = (uint16_t)(100 + where * NWHAT + what);
			play(s, (enum where)where, (enum what)what);
		}
	}
}

SCENARIO(user, unread_in_time_wait,
	 "unread text stays readable in TIME_WAIT; `closed` is called after the last byte is read")
{
	struct peer *p = scene_open(s);

	p->u.hold = true;
	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	peer_ack(p);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->got, 1000);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, p->u.closed == 0, "`closed` was called before the text was read");
	CHECK(s->r, la_unread(p->u.c) == 1000, "%zu bytes unread", la_unread(p->u.c));
	rig_run(s->r, 70000);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, p->u.closed == 0 && la_unread(p->u.c) == 1000, "the text was lost when the entry expired");
	CHECK(s->r, la_send(p->u.c, "x", 1) < 0, "la_send did not fail");
	user_read(p, 999);
	CHECK(s->r, p->u.closed == 0, "`closed` was called before all text was read");
	user_read(p, 1);
	CHECK(s->r, p->u.bytes == 1000 && p->u.peer_fin == 1, "%llu bytes, %u FIN", (unsigned long long)p->u.bytes,
	      p->u.peer_fin);
	user_expect_closed(p, LA_END_ORDERLY);
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "a TCB is left");
}

SCENARIO(user, unread_and_reopened, "a tuple opens again while the user of the old connection still reads")
{
	struct peer *p = scene_open(s), *q;

	p->u.hold = true;
	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	peer_ack(p);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->got, 1000);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 100);
	s->o.rport = p->t.rport;
	s->o.isn = p->R + 1000;
	q = peer_new(s->r, &s->o);
	q->ts_dut = p->ts_dut;
	peer_to_established(q);
	peer_data(q, 200);
	CHECK(s->r, q->u.bytes == 200, "the data was not delivered");
	user_read(p, UINT64_MAX);
	CHECK(s->r, p->u.bytes == 1000, "%llu bytes", (unsigned long long)p->u.bytes);
	user_expect_closed(p, LA_END_ORDERLY);
	peer_expect_state(q, LA_ESTABLISHED);
}

SCENARIO(user, unread_in_last_ack,
	 "unread text stays readable after LAST_ACK; `closed` is called after the last byte is read")
{
	struct peer *p = scene_open(s);

	p->u.hold = true;
	peer_send(p, LA_FIN | LA_ACK, p->R, p->got, 1000);
	p->snd += 1001;
	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	peer_ack(p);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, p->u.closed == 0, "`closed` was called before the text was read");
	user_read(p, UINT64_MAX);
	CHECK(s->r, p->u.bytes == 1000, "%llu bytes", (unsigned long long)p->u.bytes);
	user_expect_closed(p, LA_END_ORDERLY);
}

SCENARIO(user, unread_reset, "a RST discards unread text, and `closed` is called at once")
{
	struct peer *p = scene_open(s);

	p->u.hold = true;
	peer_data(p, 1000);
	peer_send(p, LA_RST, p->snd, 0, 0);
	user_expect_closed(p, LA_END_RESET);
}

SCENARIO(user, keepalive,
	 "keep-alive is off by default; when it is on, one lost probe does not end the connection (M-06)")
{
	struct peer *p = scene_open(s), *q;
	struct peer_rx *x;

	peer_expect_none(p, 10ull * 3600 * 1000);
	s->o.conn.keepalive_ms = 10000;
	s->o.lport = 81;
	q = scene_open(s);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t from = s->r->now;

		x = peer_wait(q, 20000);
		CHECK(s->r, x && x->flags == LA_ACK && x->seq == q->N - 1 && x->len <= 1, "no probe");
		CHECK(s->r, x->at - from >= 9990, "a probe after %llu ms", (unsigned long long)(x->at - from));
		CHECK(s->r, peer_wait(q, 20000) != NULL, "no second probe");
		peer_ack(q);
		peer_skip(q);
		CHECK(s->r, q->u.closed == 0, "one lost probe ended the connection");
	}
	rig_run(s->r, 20ull * 60 * 1000);
	user_expect_closed(q, LA_END_TIMEOUT);
	CHECK(s->r, p->u.closed == 0, "the connection without keep-alive ended");
}

SCENARIO(user, abort_all,
	 "la_shard_abort_all() aborts at most `max` connections in one call, and keeps TIME_WAIT entries")
{
	struct peer *p = scene_listen(s), *q[5];

	peer_to_time_wait(p, true, 'b');
	for (unsigned i = 0; i < 5; i++) {
		q[i] = peer_new(s->r, &s->o);
		peer_to_established(q[i]);
	}
	CHECK(s->r, la_shard_abort_all(s->r->s, 2) == 3, "not exactly 2 of 5 connections were aborted");
	CHECK(s->r, la_shard_abort_all(s->r->s, 100) == 0, "connections are left");
	rig_pump(s->r);
	for (unsigned i = 0; i < 5; i++) {
		user_expect_closed(q[i], LA_END_ABORTED);
		CHECK(s->r, last_rx(q[i])->flags & LA_RST, "no RST");
	}
	peer_expect_state(p, LA_TIME_WAIT);
}

SCENARIO(user, slots_again, "slots are reused many times, after every kind of end")
{
	struct peer *p = scene_listen(s);

	for (unsigned i = 0; i < 300; i++) {
		switch (i % 5) {
		case 0:
			peer_to_time_wait(p, true, (char)('a' + i / 5 % 3));
			rig_run(s->r, 60001);
			break;
		case 1:
			peer_to_last_ack(p, i & 1);
			peer_ack(p);
			break;
		case 2:
			peer_to_established(p);
			user_abort(p);
			break;
		case 3:
			peer_to_established(p);
			peer_send(p, LA_RST, p->R, 0, 0);
			break;
		default:
			peer_to_syn_rcvd_passive(p);
			peer_send(p, LA_RST, p->R, 0, 0);
			break;
		}
		peer_expect_state(p, LA_CLOSED);
		peer_skip(p);
		rig_run(s->r, 300);
		peer_renew(p, p->IRS + 12345);
	}
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "a TCB is left");
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_entered) == 60 && rig_counter(s->r, LA_C_time_wait_expired) == 60,
	      "time_wait_entered or time_wait_expired is not 60");
}
