/* SPDX-License-Identifier: BSD-3-Clause */

/* TIME_WAIT: a table entry that still knows R, N, the last window and TS.Recent. Nothing but its
 * 2*MSL, or a provably newer SYN, ends it; only the peer's FIN restarts it (RFC 9293 3.10.7.4, RFC
 * 1337, RFC 6191). */

#include "matrix.h"

#define ROW(ev, text) ROW_AS(M_TWT, "TWT", ev, LA_TIME_WAIT, ROW_HALF_FULL | ROW_PATHS, text)

/* A SYN with this sequence number opens a new incarnation above the old one. */
static void
newer(struct cell *c, uint32_t isn)
{
	uint32_t old_n = N;

	rig_run(c->r, 10); /* the peer's timestamp clock has moved on */
	c->p->lax_edge = true;
	send(c, S, isn, 0, 0);
	want(c, SYNACK);
	CHECK(c->r, (int32_t)(ISS - old_n) > 0, "TW-20: ISS %d from the old SND.NXT",
	      (int)(ISS - old_n));
	peer_expect_state(c->p, LA_SYN_RCVD);
}

ROW(a, "SYN in the window")
{
	uint32_t left;

	/* provably newer: by the timestamp where there is one (RFC 6191), else by the sequence
	 * number */
	enter(c);
	newer(c, R + 1);
	CHECK(c->r, rig_counter(c->r, LA_C_early_recycles) == 0, "counted as an early recycle");

	/* in the window, and not provably newer where a timestamp says so */
	if (!c->opts)
		return;
	enter(c);
	left = peer_info(c->p).time_wait_left_ms;
	SEND(c, .flags = S, .seq = R + 100, .ts = TS_SET, .tsval = c->p->ts_now - 1);
	want(c, CHK | NONE);
	CHECK(c->r, peer_info(c->p).time_wait_left_ms <= left, "a refused SYN prolonged the stay");
	stays(c);
}

ROW(b, "SYN outside the window")
{
	const uint32_t off[] = {(uint32_t)-1, (uint32_t)-5000, 0x80000000u};

	for (unsigned i = 0; i < 3; i++) {
		uint32_t left, last;

		enter(c);
		left = peer_info(c->p).time_wait_left_ms;
		last = c->p->ts_now;
		if (c->opts) /* R is the FIN's number + 1, and equal timestamps leave it to that */
			SEND(c, .flags = S, .seq = R + off[i], .ts = TS_SET, .tsval = last);
		else
			send(c, S, R + off[i], 0, 0);
		want(c, CHK | NONE);
		CHECK(c->r, peer_info(c->p).time_wait_left_ms <= left - 600,
		      "a refused SYN prolonged the stay");
		stays(c);
	}
	/* an old timestamp, whatever the sequence number (TW-15) */
	if (c->opts) {
		enter(c);
		SEND(c, .flags = S, .seq = R + 100000, .ts = TS_SET, .tsval = c->p->ts_now - 1);
		want(c, CHK | NONE);
		stays(c);
	}
}

ROW(c, "SYN,ACK")
{
	enter(c);
	send(c, S | A, R, N, 0);
	want(c, CHK | NONE);
	stays(c);

	enter(c);
	send(c, S | A, IRS, N, 0);
	want(c, CHK | NONE);
	stays(c);
}

ROW(d, "ACK of all: nothing is outstanding")
{
	enter(c);
	send(c, A, R, N, 0);
	want(c, NONE);
	stays(c);
}

ROW(e, "duplicate ACK")
{
	enter(c);
	for (unsigned i = 0; i < 5; i++) {
		send(c, A, R, U, 0);
		want(c, NONE);
	}
	stays(c);
}

ROW(f, "ACK of something never sent")
{
	enter(c);
	send(c, A, R, N + 1, 0);
	want(c, CHK | NONE);
	stays(c);
}

ROW(g, "ACK older than any window, with data")
{
	enter(c);
	send(c, A, R, TOO_OLD, 10);
	want(c, CHK);
	stays(c);
}

ROW(h, "ACK outside the window")
{
	enter(c);
	send(c, A, R - 1, N, 0);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, A, R + W, N, 0);
	want(c, CHK);
	stays(c);
}

ROW(i, "FIN in order")
{
	enter(c);
	send(c, F | A, R, N, 0);
	want(c, CHK);
	stays(c);
}

ROW(j, "FIN above a hole")
{
	enter(c);
	send(c, F | A, R + 10, N, 0);
	want(c, CHK);
	stays(c);
}

ROW(k, "FIN outside the window")
{
	/* the FIN again: our last ACK was lost. Answered, and 2*MSL starts anew. */
	enter(c);
	rig_run(c->r, 40000);
	peer_expect_none(c->p, 0);
	send(c, F | A, R - 1, N, 0);
	want(c, CHK);
	CHECK(c->r,
	      peer_info(c->p).time_wait_left_ms == 60000 - 600 ||
		      peer_info(c->p).time_wait_left_ms == 60000 - 599,
	      "2*MSL was not restarted: %u left", peer_info(c->p).time_wait_left_ms);
	stays(c);

	/* beyond the window: not that FIN */
	enter(c);
	rig_run(c->r, 40000);
	send(c, F | A, R + W, N, 0);
	want(c, CHK);
	CHECK(c->r, peer_info(c->p).time_wait_left_ms <= 20000, "2*MSL was restarted");
	stays(c);
}

ROW(l, "RST at R")
{
	/* RFC 1337 F1 */
	enter(c);
	send(c, RS, R, 0, 0);
	want(c, NONE);
	CHECK(c->r, rig_counter(c->r, LA_C_time_wait_rst_ignored) == 1, "not counted");
	stays(c);

	enter(c);
	send(c, RS | A, R, N, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS | A, R - 1, N, 0);
	want(c, NONE);
	stays(c);
}

ROW(m, "RST in the window")
{
	enter(c);
	send(c, RS, R + 1, 0, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS | A, R + W - 1, N, 0);
	want(c, NONE);
	stays(c);
}

ROW(n, "RST outside the window")
{
	enter(c);
	send(c, RS, R - 2, 0, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS, R + W, 0, 0);
	want(c, NONE);
	stays(c);
}

ROW(o, "data in order")
{
	enter(c);
	send(c, A, R, N, 10);
	want(c, CHK | NONE);
	stays(c);
}

ROW(p, "data above a hole")
{
	enter(c);
	send(c, A, R + 10, N, 10);
	want(c, CHK | NONE);
	stays(c);
}

ROW(q, "old data")
{
	enter(c);
	send(c, A, R - 10, N, 10);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, A, R - 100, U, 50);
	want(c, CHK);
	stays(c);
}

ROW(r, "data beyond the window")
{
	enter(c);
	send(c, A, R + W, N, 10);
	want(c, CHK);
	stays(c);
}

ROW(s, "no ACK bit")
{
	sync_s(c);
}

ROW(t, "2*MSL passes")
{
	uint64_t end;

	enter(c);
	end = c->r->now + peer_info(c->p).time_wait_left_ms;
	CHECK(c->r, end - c->r->now == 60000, "2*MSL is %llu ms",
	      (unsigned long long)(end - c->r->now));
	peer_expect_none(c->p, 59999);
	peer_expect_state(c->p, LA_TIME_WAIT);
	send(c, A, R - 1, N, 0);
	peer_expect_chk(c->p);

	/* at most one tick late, and without a word */
	peer_expect_none(c->p, 2);
	peer_expect_state(c->p, LA_CLOSED);
	CHECK(c->r, rig_counter(c->r, LA_C_time_wait) == 0, "the gauge still counts it");
	CHECK(c->r, rig_counter(c->r, LA_C_time_wait_expired) == 1, "expiry not counted");
	state(c, LA_CLOSED);
	send(c, S, R - 5000, 0, 0);
	want(c, SYNACK);
}

ROW(u, "the user opens the same tuple")
{
	struct la_conn *q;

	/* the user's pointer is gone; what is left to call must leave the entry alone */
	enter(c);
	CHECK(c->r, c->p->u.c == NULL, "the user still holds it");
	CHECK(c->r, la_connect(c->r->s, &c->p->t, &user_ops, c->p, NULL, &q) == -EADDRNOTAVAIL,
	      "la_connect took a tuple in TIME_WAIT");
	rig_pump(c->r);
	want(c, NONE);
	stays(c);
}

ROW(v, "the user aborts all: not what is in TIME_WAIT")
{
	enter(c);
	CHECK(c->r, la_shard_abort_all(c->r->s, 100) == 0, "a connection was left to abort");
	rig_pump(c->r);
	want(c, NONE);
	stays(c);
	CHECK(c->r, rig_counter(c->r, LA_C_time_wait) == 1, "the entry is gone");
}
