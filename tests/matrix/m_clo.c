/* SPDX-License-Identifier: BSD-3-Clause */

/* CLOSED (RFC 9293 3.10.7.1): no listener, no connection. Everything but a RST draws a RST whose
 * form depends on the ACK bit alone. Run for a port that never had a connection, and for a tuple
 * after LAST_ACK. */

#include "matrix.h"

#define ROW(ev, text) ROW_AS(M_CLO, "CLO", ev, LA_CLOSED, ROW_PAST, text)

ROW(a, "SYN in the window")
{
	enter(c);
	send(c, S, R, 0, 0);
	want(c, RST_ZERO);
	stays(c);

	enter(c);
	send(c, S, R, 0, 100);
	want(c, RST_ZERO);
	stays(c);

	enter(c);
	send(c, S | F, R, 0, 0);
	want(c, RST_ZERO);
	stays(c);
}

ROW(b, "SYN outside the window")
{
	enter(c);
	send(c, S, R - 5000, 0, 0);
	want(c, RST_ZERO);
	stays(c);

	enter(c);
	send(c, S, R + 0x80000000u, 0, 0);
	want(c, RST_ZERO);
	stays(c);
}

ROW(c, "SYN,ACK")
{
	enter(c);
	send(c, S | A, R, N, 0);
	want(c, RST_ACK);
	stays(c);

	enter(c);
	send(c, S | A, R, 0, 0);
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

	enter(c);
	send(c, F, R, 0, 0);
	want(c, RST_ZERO);
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
		want(c, RST_ZERO);
		stays(c);
	}
	enter(c);
	send(c, LA_PSH, R, 0, 10);
	want(c, RST_ZERO);
	stays(c);
}

ROW(t, "time passes")
{
	/* nothing may be sent for a connection that is no more */
	enter(c);
	peer_expect_none(c->p, 400000);
	stays(c);
}

ROW(u, "the user closes")
{
	/* no pointer names a closed connection; what a user can still call finds nothing */
	enter(c);
	CHECK(c->r, la_unlisten(c->r->s, NULL, c->p->t.lport) == -ENOENT, "la_unlisten");
	want(c, NONE);
	stays(c);
}

ROW(v, "the user aborts")
{
	enter(c);
	CHECK(c->r, la_shard_abort_all(c->r->s, 100) == 0, "a connection was left to abort");
	rig_pump(c->r);
	want(c, NONE);
	stays(c);
}
