/* SPDX-License-Identifier: BSD-3-Clause */

/* ESTABLISHED (RFC 9293 3.10.7.4). */

#include "matrix.h"

#define ROW(ev, text) ROW_AS(M_EST, "EST", ev, LA_ESTABLISHED, ROW_ONCE, text)

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
	enter(c);
	send(c, F | A, R, N, 0);
	want_ack(c, c->r0 + 1, 0);
	CHECK(c->r, c->p->u.peer_fin == 1, "the user does not know of the FIN");
	state(c, LA_CLOSE_WAIT);

	enter(c);
	send(c, F | A, R, N, 100);
	want_ack(c, c->r0 + 101, 0);
	CHECK(c->r, c->p->u.bytes == 100 && c->p->u.peer_fin == 1, "C-16: data, then FIN");
	state(c, LA_CLOSE_WAIT);
}

ROW(j, "FIN above a hole")
{
	enter(c);
	send(c, F | A, R + 10, N, 0);
	want(c, CHK);
	stays(c);
	send(c, A, R, N, 10);
	want_ack(c, c->r0 + 11, 0);
	CHECK(c->r, c->p->u.bytes == 10 && c->p->u.peer_fin == 1, "C-17: the hole was filled");
	state(c, LA_CLOSE_WAIT);
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
	send(c, A, R, N, 10);
	CHECK(c->r, c->p->u.bytes == 10, "not delivered");
	want_ack(c, c->r0 + 10, 500);
	state(c, LA_ESTABLISHED);
}

ROW(p, "data above a hole")
{
	struct peer_rx *x;

	enter(c);
	send(c, A, R + 10, N, 10);
	want(c, CHK);
	x = &c->p->rx[c->p->nrx - 1];
	CHECK(c->r, x->at == c->at, "the duplicate ACK was not sent at once");
	if (c->p->sack_on)
		CHECK(c->r,
		      x->f.nsack == 1 && x->f.sack[0][0] == R + 10 && x->f.sack[0][1] == R + 20,
		      "SACK does not name the block");
	stays(c);
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
		state(c, LA_FIN_WAIT_1);
		CHECK(c->r, c->p->u.closed == 0, "closed too early");
	}

	/* after all queued bytes */
	enter(c);
	CHECK(c->r, user_send(c->p, 100) == 100, "la_send");
	CHECK(c->r, user_close(c->p) == 0, "la_close");
	CHECK(c->r, N == ISS + 102, "data and FIN are not all sent");
	CHECK(c->r, c->p->rx[c->p->nrx - 1].flags & LA_FIN, "the FIN is not last");
	peer_expect_state(c->p, LA_FIN_WAIT_1);

	/* SHLD-3: unread bytes, and nobody to read them */
	enter(c);
	c->p->u.hold = true;
	send(c, A, R, N, 10);
	rig_run(c->r, 600);
	peer_skip(c->p);
	mark(c);
	CHECK(c->r, user_close(c->p) == 0, "la_close");
	want(c, RST_NXT);
	gone(c, LA_END_ABORTED);
}

ROW(v, "the user aborts")
{
	abort_resets(c);

	/* queued data is dropped, and counted */
	enter(c);
	CHECK(c->r, user_send(c->p, 100) == 100, "la_send");
	peer_skip(c->p);
	mark(c);
	CHECK(c->r, user_abort(c->p) == 0, "la_abort");
	want(c, RST_NXT);
	gone(c, LA_END_ABORTED);
	CHECK(c->r, c->p->u.why.unacked == 100, "unacknowledged bytes miscounted");
}
