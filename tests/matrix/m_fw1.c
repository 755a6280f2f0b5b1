/* SPDX-License-Identifier: BSD-3-Clause */

/* FIN_WAIT_1: our FIN is out and not acknowledged, U = N - 1. */

#include "matrix.h"

#define ROW(ev, text) ROW_AS(M_FW1, "FW1", ev, LA_FIN_WAIT_1, ROW_HALF_FULL, text)

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

/* FIN_WAIT_1 with 100 bytes and the FIN outstanding. */
static void
enter_est_data_fin(struct cell *c)
{
	struct peer *p;

	enter(c);
	p = peer_new(c->r, &(struct peer_opts){.ip6 = c->ip6,
					       .ts = c->opts,
					       .sack = c->opts,
					       .wscale = c->opts ? 3 : 0});
	peer_to_established(p);
	CHECK(c->r, user_send(p, 100) == 100, "la_send");
	CHECK(c->r, (c->full ? user_close : user_shutdown)(p) == 0, "close");
	c->p = p;
	CHECK(c->r, N == ISS + 102, "data and FIN are not all sent");
	peer_skip(p);
	c->entry = p->u;
}

ROW(d, "acceptable new ACK")
{
	enter(c);
	send(c, A, R, N, 0);
	want(c, NONE);
	CHECK(c->r, c->p->u.closed == 0, "closed too early");
	state(c, LA_FIN_WAIT_2);
	peer_expect_none(c->p, 5000);

	/* our last data acknowledged, not yet our FIN */
	enter_est_data_fin(c);
	send(c, A, R, N - 1, 0);
	want(c, NONE);
	CHECK(c->r, peer_info(c->p).snd_una == N - 1, "U did not advance");
	state(c, LA_FIN_WAIT_1);
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
	/* it acknowledges our FIN: TIME_WAIT */
	enter(c);
	send(c, F | A, R, N, 0);
	want_ack(c, c->r0 + 1, 0);
	user_expect_closed(c->p, LA_END_ORDERLY);
	state(c, LA_TIME_WAIT);

	/* it does not: CLOSING */
	enter(c);
	send(c, F | A, R, N - 1, 0);
	want_ack(c, c->r0 + 1, 0);
	CHECK(c->r, c->p->u.closed == 0, "closed too early");
	state(c, LA_CLOSING);
}

ROW(j, "FIN above a hole")
{
	enter(c);
	send(c, F | A, R + 10, U, 0);
	if (want(c, c->full ? CHK | RST_ACK | RST_NXT : CHK) == CHK)
		stays(c);

	/* the ACK field counts though the FIN must wait */
	enter(c);
	send(c, F | A, R + 10, N, 0);
	if (want(c, c->full ? CHK | RST_ACK | RST_NXT : CHK) != CHK)
		return;
	state(c, LA_FIN_WAIT_2);
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

ROW(t, "no answer to our FIN: again, then R2")
{
	fin_timer(c);
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
