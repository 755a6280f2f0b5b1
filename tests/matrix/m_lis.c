/* SPDX-License-Identifier: BSD-3-Clause */

/* LISTEN (RFC 9293 3.10.7.2): RST ignored, any ACK answered by RST, SYN opens, the rest dropped. */

#include "matrix.h"

#define ROW(ev, text) ROW_AS(M_LIS, "LIS", ev, LA_LISTEN, ROW_ONCE, text)

/* A SYN,ACK that acknowledges the SYN, and maybe its text. */
static void
want_syn_ack(struct cell *c)
{
	struct peer_rx *x;

	rig_run(c->r, 600);
	x = peer_next(c->p);
	CHECK(c->r, x && x->flags == (LA_SYN | LA_ACK), "no SYN,ACK");
	CHECK(c->r, x->ack == IRS + 1 || x->ack == c->seg_end, "SYN,ACK of IRS+%u", x->ack - IRS);
	CHECK(c->r, peer_next(c->p) == NULL, "more than a SYN,ACK");
}

ROW(a, "SYN in the window")
{
	enter(c);
	send(c, S, IRS, 0, 0);
	want(c, SYNACK);
	state(c, LA_SYN_RCVD);
	CHECK(c->r, c->p->u.opened == 0, "opened by a SYN alone");

	/* text on the SYN may be queued or not, but nobody sees it yet */
	enter(c);
	send(c, S, IRS, 0, 10);
	want_syn_ack(c);
	CHECK(c->r, c->p->u.opened == 0 && c->p->u.bytes == 0, "delivered before the handshake");

	/* FIN on the SYN: processed or dropped, never a RST */
	enter(c);
	send(c, S | F, IRS, 0, 0);
	rig_run(c->r, 600);
	for (struct peer_rx *x; (x = peer_next(c->p)) != NULL;)
		CHECK(c->r, x->flags == (LA_SYN | LA_ACK), "SYN,FIN answered by %02x", x->flags);
}

ROW(b, "SYN outside the window")
{
	enter(c);
	send(c, S, IRS - 5000, 0, 0);
	want(c, SYNACK);
	peer_expect_state(c->p, LA_SYN_RCVD);

	enter(c);
	send(c, S, IRS + 0x80000000u, 0, 0);
	want(c, SYNACK);
	peer_expect_state(c->p, LA_SYN_RCVD);
}

ROW(c, "SYN,ACK")
{
	enter(c);
	send(c, S | A, IRS, N, 0);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, S | A, IRS, 0, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(d, "acceptable new ACK")
{
	enter(c);
	send(c, A, R, N, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(e, "duplicate ACK")
{
	enter(c);
	send(c, A, R, U, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(f, "ACK of something never sent")
{
	enter(c);
	send(c, A, R, N + 1, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(g, "ACK older than any window, with data")
{
	enter(c);
	send(c, A, R, TOO_OLD, 10);
	want(c, RST_ACK);
	stays(c);
}

ROW(h, "ACK outside the window")
{
	enter(c);
	send(c, A, R - 1, U, 0);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, A, R + W, U, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(i, "FIN in order")
{
	enter(c);
	send(c, F | A, R, N, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(j, "FIN above a hole")
{
	enter(c);
	send(c, F | A, R + 10, N, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(k, "FIN outside the window")
{
	enter(c);
	send(c, F | A, R - 1, N, 0);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, F | A, R + W, N, 0);
	want(c, RST_ACK);
	stays(c);
}

ROW(l, "RST at R")
{
	enter(c);
	send(c, RS, R, 0, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS | A, R, N, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS | S, R, 0, 0);
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
	send(c, RS, R - 1, 0, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS | A, R + W, N, 0);
	want(c, NONE);
	stays(c);
}

ROW(o, "data in order")
{
	enter(c);
	send(c, A, R, N, 10);
	want(c, RST_ACK);
	stays(c);
}

ROW(p, "data above a hole")
{
	enter(c);
	send(c, A, R + 10, N, 10);
	want(c, RST_ACK);
	stays(c);
}

ROW(q, "old data")
{
	enter(c);
	send(c, A, R - 10, N, 10);
	want(c, RST_ACK);
	stays(c);
}

ROW(r, "data beyond the window")
{
	enter(c);
	send(c, A, R + W, N, 10);
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

ROW(t, "time passes")
{
	enter(c);
	peer_expect_none(c->p, 400000);
	stays(c);
}

ROW(u, "the user closes")
{
	struct peer_opts po = {.ip6 = c->ip6};
	struct peer *q;

	enter(c);
	CHECK(c->r, la_unlisten(c->r->s, NULL, c->p->t.lport) == 0, "la_unlisten");
	rig_pump(c->r);
	want(c, NONE);
	send(c, S, IRS, 0, 0);
	want(c, RST_ZERO);
	state(c, LA_CLOSED);

	/* children in SYN_RCVD are reset, established ones live on */
	enter(c);
	q = peer_new(c->r, &po);
	peer_to_established(q);
	peer_syn(c->p);
	peer_skip(c->p);
	peer_expect_state(c->p, LA_SYN_RCVD);
	mark(c);
	CHECK(c->r, la_unlisten(c->r->s, NULL, c->p->t.lport) == 0, "la_unlisten");
	rig_pump(c->r);
	want(c, RST_NXT);
	state(c, LA_CLOSED);
	peer_expect_state(q, LA_ESTABLISHED);
	CHECK(c->r, c->p->u.opened == 0 && c->p->u.closed == 0, "the user knows of an embryo");
}

ROW(v, "the user aborts")
{
	/* ABORT ends connections; of a listener only la_unlisten() does, and it does so once */
	enter(c);
	CHECK(c->r, la_shard_abort_all(c->r->s, 100) == 0, "a connection was left to abort");
	rig_pump(c->r);
	want(c, NONE);
	stays(c);
	CHECK(c->r, la_unlisten(c->r->s, NULL, c->p->t.lport) == 0, "la_unlisten");
	CHECK(c->r, la_unlisten(c->r->s, NULL, c->p->t.lport) == -ENOENT, "la_unlisten twice");
	rig_pump(c->r);
	mark(c);
	want(c, NONE);
	state(c, LA_CLOSED);
}
