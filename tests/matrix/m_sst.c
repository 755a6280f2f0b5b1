/* SPDX-License-Identifier: BSD-3-Clause */

/* SYN_SENT (RFC 9293 3.10.7.3): our SYN is out, N = ISS + 1. No IRS yet, so sequence numbers are
 * not looked at: the ACK field decides, then RST, then SYN. R is what the peer's ISN would make it.
 */

#include "matrix.h"

#define ROW(ev, text) ROW_AS(M_SST, "SST", ev, LA_SYN_SENT, ROW_ONCE, text)

ROW(a, "SYN in the window")
{
	enter(c);
	send(c, S, IRS, 0, 0);
	want(c, SYNACK);
	CHECK(c->r, c->p->u.opened == 0, "opened before our SYN was acknowledged");
	state(c, LA_SYN_RCVD);
}

ROW(b, "SYN outside the window")
{
	enter(c);
	IRS -= 100000;
	send(c, S, IRS, 0, 0);
	want(c, SYNACK);
	state(c, LA_SYN_RCVD);
}

ROW(c, "SYN,ACK")
{
	enter(c);
	send(c, S | A, IRS, N, 0);
	want_ack(c, IRS + 1, 0);
	CHECK(c->r, c->p->u.opened == 1, "not opened");
	state(c, LA_ESTABLISHED);

	enter(c);
	send(c, S | A, IRS, ISS, 0);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, S | A, IRS, N + 1, 0);
	want(c, RST_ACK);
	stays(c);

	/* 3.10.7.3: other controls and text go on at the sixth step */
	enter(c);
	send(c, S | A | F, IRS, N, 0);
	want_ack(c, IRS + 2, 0);
	CHECK(c->r, c->p->u.opened == 1 && c->p->u.peer_fin == 1, "SYN,FIN,ACK not taken whole");
	state(c, LA_CLOSE_WAIT);
}

ROW(d, "acceptable new ACK")
{
	enter(c);
	send(c, A, R, N, 0);
	want(c, NONE);
	stays(c);
}

ROW(e, "duplicate ACK")
{
	enter(c);
	send(c, A, R, ISS, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(f, "ACK of something never sent")
{
	enter(c);
	send(c, A, R, N + 1, 0);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, A, R, N + 0x7fffff00, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(g, "ACK older than any window, with data")
{
	enter(c);
	send(c, A, R, ISS - 70000, 10);
	want(c, RST_ACK);
	stays(c);
}

ROW(h, "ACK outside the window")
{
	/* ack=N without SYN: fifth step, dropped */
	enter(c);
	send(c, A, R - 1, N, 0);
	want(c, NONE);
	stays(c);

	/* an unacceptable ACK: RST, and nothing else of the segment counts */
	enter(c);
	send(c, A, R - 1, ISS, 0);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, A, R - 1, N + 1, 0);
	want(c, RST_ACK);
	stays(c);

	/* ack=N without SYN: fifth step, dropped */
	enter(c);
	send(c, A, R + 100000, N, 0);
	want(c, NONE);
	stays(c);

	/* an unacceptable ACK: RST, and nothing else of the segment counts */
	enter(c);
	send(c, A, R + 100000, ISS, 0);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, A, R + 100000, N + 1, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(i, "FIN in order")
{
	/* ack=N without SYN: fifth step, dropped */
	enter(c);
	send(c, F | A, R, N, 0);
	want(c, NONE);
	stays(c);

	/* an unacceptable ACK: RST, and nothing else of the segment counts */
	enter(c);
	send(c, F | A, R, ISS, 0);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, F | A, R, N + 1, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(j, "FIN above a hole")
{
	/* ack=N without SYN: fifth step, dropped */
	enter(c);
	send(c, F | A, R + 10, N, 0);
	want(c, NONE);
	stays(c);

	/* an unacceptable ACK: RST, and nothing else of the segment counts */
	enter(c);
	send(c, F | A, R + 10, ISS, 0);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, F | A, R + 10, N + 1, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(k, "FIN outside the window")
{
	/* ack=N without SYN: fifth step, dropped */
	enter(c);
	send(c, F | A, R - 1, N, 0);
	want(c, NONE);
	stays(c);

	/* an unacceptable ACK: RST, and nothing else of the segment counts */
	enter(c);
	send(c, F | A, R - 1, ISS, 0);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, F | A, R - 1, N + 1, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(l, "RST at R")
{
	enter(c);
	send(c, RS | A, R, N, 0);
	want(c, NONE);
	gone(c, LA_END_REFUSED);

	enter(c);
	send(c, RS, R, 0, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS | A, R, ISS, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS | A, R, N + 1, 0);
	want(c, NONE);
	stays(c);
}

ROW(m, "RST in the window")
{
	enter(c);
	send(c, RS | A, R + 10, N, 0);
	want(c, NONE);
	gone(c, LA_END_REFUSED);

	enter(c);
	send(c, RS, R + 10, 0, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS | A, R + 10, ISS, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS | A, R + 10, N + 1, 0);
	want(c, NONE);
	stays(c);
}

ROW(n, "RST outside the window")
{
	enter(c);
	send(c, RS | A, R - 1, N, 0);
	want(c, NONE);
	gone(c, LA_END_REFUSED);

	enter(c);
	send(c, RS, R - 1, 0, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS | A, R - 1, ISS, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS | A, R - 1, N + 1, 0);
	want(c, NONE);
	stays(c);
}

ROW(o, "data in order")
{
	/* ack=N without SYN: fifth step, dropped */
	enter(c);
	send(c, A, R, N, 10);
	want(c, NONE);
	stays(c);

	/* an unacceptable ACK: RST, and nothing else of the segment counts */
	enter(c);
	send(c, A, R, ISS, 10);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, A, R, N + 1, 10);
	want(c, RST_ACK);
	stays(c);
}

ROW(p, "data above a hole")
{
	/* ack=N without SYN: fifth step, dropped */
	enter(c);
	send(c, A, R + 10, N, 10);
	want(c, NONE);
	stays(c);

	/* an unacceptable ACK: RST, and nothing else of the segment counts */
	enter(c);
	send(c, A, R + 10, ISS, 10);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, A, R + 10, N + 1, 10);
	want(c, RST_ACK);
	stays(c);
}

ROW(q, "old data")
{
	/* ack=N without SYN: fifth step, dropped */
	enter(c);
	send(c, A, R - 10, N, 10);
	want(c, NONE);
	stays(c);

	/* an unacceptable ACK: RST, and nothing else of the segment counts */
	enter(c);
	send(c, A, R - 10, ISS, 10);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, A, R - 10, N + 1, 10);
	want(c, RST_ACK);
	stays(c);
}

ROW(r, "data beyond the window")
{
	/* ack=N without SYN: fifth step, dropped */
	enter(c);
	send(c, A, R + 100000, N, 10);
	want(c, NONE);
	stays(c);

	/* an unacceptable ACK: RST, and nothing else of the segment counts */
	enter(c);
	send(c, A, R + 100000, ISS, 10);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, A, R + 100000, N + 1, 10);
	want(c, RST_ACK);
	stays(c);
}

ROW(s, "no ACK bit")
{
	const uint8_t flags[] = {0, LA_PSH, LA_URG, LA_FIN, LA_FIN | LA_PSH | LA_URG};

	for (unsigned i = 0; i < sizeof(flags); i++) {
		enter(c);
		send(c, flags[i], R, 0, 0);
		want(c, NONE);
		stays(c);
	}
	enter(c);
	send(c, LA_PSH, R, 0, 10);
	want(c, NONE);
	stays(c);
}

ROW(t, "no answer: SYN again, then R2")
{
	uint64_t from;
	unsigned n;

	enter(c);
	from = c->r->now;
	n = retransmits(c, ISS, 400000);
	/* RFC 6298 2.1: about 1, 3, 7, 15, 31, 63, 127 s; MUST-23: three minutes at least */
	CHECK(c->r, n >= 6 && n <= 9, "SYN sent %u times more", n);
	CHECK(c->r, c->p->rx[1].at - from >= 900 && c->p->rx[1].at - from <= 1200,
	      "P-10: first retransmission after %llu ms",
	      (unsigned long long)(c->p->rx[1].at - from));
	for (unsigned i = 1; i < c->p->nrx; i++)
		CHECK(c->r, c->p->rx[i].flags == LA_SYN && c->p->rx[i].f.mss == c->p->rx[0].f.mss,
		      "a SYN that differs");
	CHECK(c->r, c->p->u.closed == 1 && c->p->u.closed_at >= from + 180000,
	      "MUST-23: gave up before three minutes");
	gone(c, LA_END_TIMEOUT);
}

ROW(u, "the user closes")
{
	enter(c);
	CHECK(c->r, user_close(c->p) == 0, "la_close");
	want(c, NONE);
	CHECK(c->r, c->p->u.closed == 1 && c->p->u.opened == 0, "the user was not told of the end");
	peer_expect_state(c->p, LA_CLOSED);
	send(c, S | A, IRS, N, 0);
	want(c, RST_ACK);
	state(c, LA_CLOSED);

	/* half-close: nothing on the wire before the handshake is done */
	enter(c);
	CHECK(c->r, user_shutdown(c->p) == 0, "la_shutdown");
	want(c, NONE);
}

ROW(v, "the user aborts")
{
	enter(c);
	CHECK(c->r, user_abort(c->p) == 0, "la_abort");
	want(c, NONE);
	gone(c, LA_END_ABORTED);
}
