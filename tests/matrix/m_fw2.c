/* SPDX-License-Identifier: BSD-3-Clause */

/* FIN_WAIT_2: our FIN is acknowledged, the peer is still open. U = N. */

#include "matrix.h"

#define ROW(ev, text) ROW_AS(M_FW2, "FW2", ev, LA_FIN_WAIT_2, ROW_HALF_FULL, text)

ROW(a, "SYN in the window")
{
	sync_a(c);
}

ROW(b, "SYN outside the window")
{
	sync_b(c);
}

ROW(c, "SYN,ACK")
{
	sync_c(c);
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
	sync_e(c);
}

ROW(f, "ACK of something never sent")
{
	sync_f(c);
}

ROW(g, "ACK older than any window, with data")
{
	sync_g(c);
}

ROW(h, "ACK outside the window")
{
	sync_h(c);
}

ROW(i, "FIN in order")
{
	enter(c);
	send(c, F | A, R, N, 0);
	want_ack(c, c->r0 + 1, 0);
	user_expect_closed(c->p, LA_END_ORDERLY);
	CHECK(c->r, peer_info(c->p).time_wait_left_ms >= 60000 - 600, "2*MSL did not start");
	state(c, LA_TIME_WAIT);

	/* C-21: reordered, with an ACK from before our FIN */
	enter(c);
	send(c, F | A, R, N - 1, 0);
	want_ack(c, c->r0 + 1, 0);
	state(c, LA_TIME_WAIT);
}

ROW(j, "FIN above a hole")
{
	enter(c);
	send(c, F | A, R + 10, N, 0);
	if (want(c, c->full ? CHK | RST_ACK | RST_NXT : CHK) != CHK)
		return;
	stays(c);
	if (c->full)
		return;
	send(c, A, R, N, 10);
	want_ack(c, c->r0 + 11, 0);
	CHECK(c->r, c->p->u.bytes == 10 && c->p->u.peer_fin == 1, "C-17: the hole was filled");
	state(c, LA_TIME_WAIT);
}

ROW(k, "FIN outside the window")
{
	sync_k(c);
}

ROW(l, "RST at R")
{
	sync_l(c);
}

ROW(m, "RST in the window")
{
	sync_m(c);
}

ROW(n, "RST outside the window")
{
	sync_n(c);
}

ROW(o, "data in order")
{
	enter(c);
	send(c, A, R, U, 10);
	if (c->full) {
		/* SHLD-3: nobody is there to read it; the form for a segment with an ACK, or our
		 * own N */
		want(c, RST_ACK | RST_NXT);
		undelivered(c);
		gone(c, LA_END_RESET);
	} else {
		CHECK(c->r, c->p->u.bytes == 10, "C-04: not delivered");
		want_ack(c, c->r0 + 10, 500);
		state(c, c->row->state);
	}
}

ROW(p, "data above a hole")
{
	enter(c);
	send(c, A, R + 10, U, 10);
	if (want(c, c->full ? CHK | RST_ACK | RST_NXT : CHK) == CHK)
		stays(c);
	else
		gone(c, LA_END_RESET);
}

ROW(q, "old data")
{
	sync_q(c);
}

ROW(r, "data beyond the window")
{
	sync_r(c);
}

ROW(s, "no ACK bit")
{
	sync_s(c);
}

ROW(t, "time passes: for ever with a user, 60 s without")
{
	uint64_t from;

	enter(c);
	from = c->r->now;
	if (!c->full) {
		/* no RFC knows a timer here, and the user may still be reading */
		peer_expect_none(c->p, 300000);
		stays(c);
		return;
	}
	/* nobody reads any more: 60 s, counted; a later FIN finds nothing */
	peer_expect_none(c->p, 59000);
	peer_expect_state(c->p, LA_FIN_WAIT_2);
	peer_expect_none(c->p, 1500);
	user_expect_closed(c->p, LA_END_FIN_WAIT_2);
	CHECK(c->r, c->p->u.closed_at >= from + 5000, "the table took over early");
	CHECK(c->r, rig_counter(c->r, LA_C_ended_fin_wait_2) == 1, "not counted");
	send(c, F | A, R, N, 0);
	want(c, RST_ACK);
	gone(c, LA_END_FIN_WAIT_2);
}

ROW(u, "the user closes")
{
	enter(c);
	if (c->full) {
		CHECK(c->r, user_close(c->p) == -EALREADY, "la_close twice");
		CHECK(c->r, user_shutdown(c->p) == -EPIPE, "la_shutdown after la_close");
	} else {
		CHECK(c->r, user_shutdown(c->p) == -EPIPE, "la_shutdown twice");
		CHECK(c->r, la_send(c->p->u.c, "x", 1) == -EPIPE,
		      "C-03: la_send after la_shutdown");
		CHECK(c->r, user_close(c->p) == 0, "la_close after la_shutdown");
	}
	want(c, NONE);
	stays(c);
}

ROW(v, "the user aborts")
{
	abort_resets(c);
}
