/* SPDX-License-Identifier: BSD-3-Clause */

/* LAST_ACK: the peer closed first, our FIN is not acknowledged. U = N - 1. No TIME_WAIT follows. */

#include "matrix.h"

#define ROW(ev, text) ROW_AS(M_LAK, "LAK", ev, LA_LAST_ACK, ROW_HALF_FULL, text)

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

ROW(d, "acceptable new ACK")
{
	enter(c);
	send(c, A, R, N, 0);
	want(c, NONE);
	gone(c, LA_END_ORDERLY);
	CHECK(c->r, c->p->u.why.unacked == 0, "unacknowledged bytes at an orderly end");
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
	after_fin_i(c);
}

ROW(j, "FIN above a hole")
{
	after_fin_j(c);
}

ROW(k, "FIN outside the window")
{
	sync_k(c);

	/* the FIN again, with an ACK that covers ours: it may be taken */
	enter(c);
	send(c, F | A, R - 1, N, 0);
	want(c, CHK);
	if (peer_state(c->p) == LA_CLOSED)
		user_expect_closed(c->p, LA_END_ORDERLY);
	else
		stays(c);
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
	after_fin_o(c);
}

ROW(p, "data above a hole")
{
	after_fin_p(c);
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
	} else {
		CHECK(c->r, user_shutdown(c->p) == -EPIPE, "la_shutdown twice");
		CHECK(c->r, user_close(c->p) == 0, "la_close after la_shutdown");
	}
	want(c, NONE);
	stays(c);
}

ROW(v, "the user aborts")
{
	/* 3.10.5: no RST is needed here */
	enter(c);
	CHECK(c->r, user_abort(c->p) == 0, "la_abort");
	want(c, NONE);
	gone(c, LA_END_ABORTED);
}
