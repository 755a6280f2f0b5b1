/* SPDX-License-Identifier: BSD-3-Clause */

/* CLOSE_WAIT: the peer's FIN is in and counted in R, our side is open. */

#include "matrix.h"

#define ROW(ev, text) ROW_AS(M_CWT, "CWT", ev, LA_CLOSE_WAIT, ROW_ONCE, text)

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
	CHECK(c->r, user_send(c->p, 100) == 100, "la_send");
	peer_expect(c->p, A, ISS + 1, R, 100);
	send(c, A, R, N, 0);
	want(c, NONE);
	CHECK(c->r, peer_info(c->p).snd_una == N, "U did not advance");
	stays(c);

	/* a part of it */
	enter(c);
	CHECK(c->r, user_send(c->p, 100) == 100, "la_send");
	peer_expect(c->p, A, ISS + 1, R, 100);
	send(c, A, R, ISS + 41, 0);
	CHECK(c->r, peer_info(c->p).snd_una == ISS + 41, "U did not advance");
	peer_expect_none(c->p, 0);
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

ROW(t, "no answer to data: again, then R2")
{
	uint64_t from;

	enter(c);
	CHECK(c->r, user_send(c->p, 100) == 100, "la_send");
	peer_expect(c->p, A, ISS + 1, R, 100);
	from = c->r->now;
	CHECK(c->r, retransmits(c, ISS + 1, 400000) >= 3, "MUST-20: fewer than R1 retransmissions");
	CHECK(c->r, c->p->u.closed == 1 && c->p->u.closed_at >= from + 100000,
	      "SHLD-11: gave up before R2");
	gone(c, LA_END_TIMEOUT);
	CHECK(c->r, c->p->u.why.unacked == 100, "%llu bytes said to be unacknowledged",
	      (unsigned long long)c->p->u.why.unacked);
}

ROW(u, "the user closes")
{
	for (unsigned full = 0; full < 2; full++) {
		enter(c);
		CHECK(c->r, (full ? user_close : user_shutdown)(c->p) == 0, "close");
		want(c, FINACK);
		CHECK(c->r, c->p->u.closed == 0, "closed too early");
		state(c, LA_LAST_ACK);
	}

	/* after all queued bytes; not by CLOSING (RFC 1122 4.2.2.20 (a)) */
	enter(c);
	CHECK(c->r, user_send(c->p, 100) == 100, "la_send");
	CHECK(c->r, user_close(c->p) == 0, "la_close");
	CHECK(c->r, N == ISS + 102, "data and FIN are not all sent");
	CHECK(c->r, c->p->rx[c->p->nrx - 1].flags & LA_FIN, "the FIN is not last");
	peer_expect_state(c->p, LA_LAST_ACK);
}

ROW(v, "the user aborts")
{
	abort_resets(c);
}
