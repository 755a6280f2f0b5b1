/* SPDX-License-Identifier: BSD-3-Clause */

/* SYN_RCVD out of SYN_SENT (simultaneous open): as the passive one, but the user knows the
 * connection and is told when it fails (RFC 9293 MUST-11: the origin is remembered). */

#include "matrix.h"

#define ROW(ev, text) ROW_AS(M_SRA, "SRA", ev, LA_SYN_RCVD, ROW_ONCE, text)

ROW(a, "SYN in the window")
{
	enter(c);
	send(c, S, R + 100, 0, 0);
	want(c, CHK);
	stays(c);
}

ROW(b, "SYN outside the window")
{
	/* the SYN we have: it is answered again; others are challenged (RFC 5961 4.2) */
	enter(c);
	send(c, S, IRS, 0, 0);
	want(c, SYNACK | CHK);
	stays(c);

	enter(c);
	send(c, S, IRS - 5000, 0, 0);
	want(c, SYNACK | CHK);
	stays(c);
}

ROW(c, "SYN,ACK")
{
	/* crossing SYN,ACKs: the other end of a simultaneous open sends this (3.5, figure 7; A.2)
	 */
	enter(c);
	send(c, S | A, IRS, N, 0);
	want(c, NONE | CHK);
	CHECK(c->r, c->p->u.opened == 1, "not opened");
	state(c, LA_ESTABLISHED);
}

ROW(d, "acceptable new ACK")
{
	enter(c);
	send(c, A, R, N, 0);
	want(c, NONE);
	CHECK(c->r, c->p->u.opened == 1, "not opened");
	state(c, LA_ESTABLISHED);
	CHECK(c->r, peer_info(c->p).snd_wnd == 65535u << (c->opts ? 2 : 0),
	      "SND.WND not from this ACK: %u", peer_info(c->p).snd_wnd);
}

ROW(e, "duplicate ACK")
{
	enter(c);
	send(c, A, R, ISS, 0);
	want(c, RST_ACK);
	undelivered(c);
	stays(c);
}

ROW(f, "ACK of something never sent")
{
	enter(c);
	send(c, A, R, N + 1, 0);
	want(c, RST_ACK);
	undelivered(c);
	stays(c);
}

ROW(g, "ACK older than any window, with data")
{
	enter(c);
	send(c, A, R, ISS - 70000, 10);
	want(c, RST_ACK);
	undelivered(c);
	stays(c);
}

ROW(h, "ACK outside the window")
{
	enter(c);
	send(c, A, R - 1, U, 0);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, A, R + W, U, 0);
	want(c, CHK);
	stays(c);

	/* not acceptable, so its ACK does not open */
	enter(c);
	send(c, A, R + W, N, 0);
	want(c, CHK);
	stays(c);
}

ROW(i, "FIN in order")
{
	enter(c);
	send(c, F | A, R, N, 0);
	want_ack(c, c->r0 + 1, 0);
	CHECK(c->r, c->p->u.opened == 1 && c->p->u.peer_fin == 1,
	      "C-20: not opened and told of the FIN");
	state(c, LA_CLOSE_WAIT);
}

ROW(j, "FIN above a hole")
{
	enter(c);
	send(c, F | A, R + 10, N, 0);
	want(c, CHK);
	CHECK(c->r, c->p->u.opened == 1 && c->p->u.peer_fin == 0, "FIN taken above a hole");
	state(c, LA_ESTABLISHED);
	send(c, A, R, N, 10);
	want_ack(c, c->r0 + 11, 0);
	CHECK(c->r, c->p->u.bytes == 10 && c->p->u.peer_fin == 1, "the hole was filled");
	state(c, LA_CLOSE_WAIT);
}

ROW(k, "FIN outside the window")
{
	enter(c);
	send(c, F | A, R - 1, N, 0);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, F | A, R + W, N, 0);
	want(c, CHK);
	stays(c);
}

ROW(l, "RST at R")
{
	enter(c);
	send(c, RS, R, 0, 0);
	want(c, NONE);
	gone(c, LA_END_REFUSED);

	enter(c);
	send(c, RS | A, R, N, 0);
	want(c, NONE);
	gone(c, LA_END_REFUSED);
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
	send(c, A, R, N, 10);
	want_ack(c, c->r0 + 10, 500);
	CHECK(c->r, c->p->u.opened == 1 && c->p->u.bytes == 10, "opened %u, %llu bytes",
	      c->p->u.opened, (unsigned long long)c->p->u.bytes);
	state(c, LA_ESTABLISHED);
}

ROW(p, "data above a hole")
{
	enter(c);
	send(c, A, R + 10, N, 10);
	want(c, CHK);
	CHECK(c->r, c->p->u.opened == 1 && c->p->u.bytes == 0,
	      "not opened, or data above a hole delivered");
	state(c, LA_ESTABLISHED);
}

ROW(q, "old data")
{
	enter(c);
	send(c, A, R - 10, N, 10);
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

ROW(t, "time passes")
{
	uint64_t from;
	unsigned n;

	enter(c);
	from = c->r->now;
	n = retransmits(c, ISS, 400000);
	CHECK(c->r, n >= 3, "SYN,ACK sent %u times more", n);
	for (unsigned i = 2; i < c->p->nrx; i++)
		CHECK(c->r, c->p->rx[i].flags == (LA_SYN | LA_ACK), "not a SYN,ACK");
	CHECK(c->r, c->p->u.closed == 1 && c->p->u.closed_at >= from + 100000, "gave up before R2");
	gone(c, LA_END_TIMEOUT);
}

ROW(u, "the user closes")
{
	struct peer_rx *x;

	/* 3.10.4: a FIN at once or when the SYN is acknowledged, one only, and FIN_WAIT_1 */
	enter(c);
	CHECK(c->r, user_close(c->p) == 0, "la_close");
	send(c, A, R, ISS + 1, 0);
	x = peer_next(c->p);
	CHECK(c->r, x && x->flags == (LA_FIN | LA_ACK) && x->seq == ISS + 1, "no FIN");
	CHECK(c->r, peer_next(c->p) == NULL, "more than a FIN");
	CHECK(c->r, c->p->u.opened == 0,
	      "the user was called after la_close(), and not for closed");
	state(c, LA_FIN_WAIT_1);
}

ROW(v, "the user aborts")
{
	enter(c);
	CHECK(c->r, user_abort(c->p) == 0, "la_abort");
	want(c, RST_NXT);
	gone(c, LA_END_ABORTED);
}
