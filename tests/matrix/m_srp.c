/* SPDX-License-Identifier: BSD-3-Clause */

/* SYN_RCVD out of LISTEN: R = IRS + 1, U = ISS, N = ISS + 1. What goes wrong here goes back to
 * LISTEN, and the user, who was never told, is not told of the end either. */

#include "matrix.h"

#define ROW(ev, text) ROW_AS(M_SRP, "SRP", ev, LA_SYN_RCVD, ROW_ONCE, text)

ROW(a, "SYN in the window")
{
	enter(c);
	send(c, S, R + 100, 0, 0);
	want(c, NONE | CHK);
	if (peer_state(c->p) == LA_SYN_RCVD)
		stays(c);
	else
		state(c, LA_LISTEN);
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
	enter(c);
	send(c, S | A, IRS, N, 0);
	want(c, CHK | SYNACK);
	stays(c);

	enter(c);
	send(c, S | A, R, N, 0);
	want(c, CHK | SYNACK);
	stays(c);
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
	state(c, LA_LISTEN);
	CHECK(c->r, c->p->u.opened == 0 && c->p->u.closed == 0, "the user knows of an embryo");

	enter(c);
	send(c, RS | A, R, N, 0);
	want(c, NONE);
	state(c, LA_LISTEN);
	CHECK(c->r, c->p->u.opened == 0 && c->p->u.closed == 0, "the user knows of an embryo");
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
	unsigned n;

	enter(c);
	n = retransmits(c, ISS, 400000);
	CHECK(c->r, n >= 3, "SYN,ACK sent %u times more", n);
	for (unsigned i = 1; i < c->p->nrx; i++)
		CHECK(c->r, c->p->rx[i].flags == (LA_SYN | LA_ACK), "not a SYN,ACK");
	CHECK(c->r, c->p->u.opened == 0 && c->p->u.closed == 0, "the user knows of an embryo");
	state(c, LA_LISTEN);
}

ROW(u, "the user closes the listener, or closes when opened")
{
	/* the user has no pointer yet: the listener is what can be closed */
	enter(c);
	CHECK(c->r, la_unlisten(c->r->s, NULL, c->p->t.lport) == 0, "la_unlisten");
	rig_pump(c->r);
	want(c, RST_NXT);
	CHECK(c->r, c->p->u.opened == 0 && c->p->u.closed == 0, "the user knows of an embryo");
	state(c, LA_CLOSED);

	/* closing as soon as it opens: FIN at N, FIN_WAIT_1 */
	enter(c);
	c->p->u.close_on_open = true;
	send(c, A, R, N, 0);
	want(c, FINACK);
	state(c, LA_FIN_WAIT_1);
}

ROW(v, "the user aborts")
{
	enter(c);
	CHECK(c->r, la_shard_abort_all(c->r->s, 100) == 0, "a connection was left to abort");
	rig_pump(c->r);
	want(c, RST_NXT);
	CHECK(c->r, c->p->u.opened == 0 && c->p->u.closed == 0, "the user knows of an embryo");
	peer_expect_state(c->p, LA_CLOSED);
}
