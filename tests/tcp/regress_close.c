/* SPDX-License-Identifier: BSD-3-Clause */

/* Regression tests of ends, aborts, and rate limits of ACKs. */

#include "scenario.h"

SCENARIO(regress_close, abort_all_detached, "la_shard_abort_all() also ends DETACHED connections with unread text")
{
	struct peer *p = scene_open(s);

	p->u.hold = true;
	peer_data(p, 100);
	peer_fin(p);
	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	peer_ack(p);
	peer_expect_state(p, LA_CLOSED);
	peer_skip(p);
	CHECK(s->r, p->u.closed == 0 && la_unread(p->u.c) == 100, "the unread text was not kept");
	CHECK(s->r, la_shard_abort_all(s->r->s, 64) == 0, "a connection is left");
	peer_expect_none(p, 1000); /* both FINs are acknowledged: no RST */
	CHECK(s->r, p->u.closed == 1, "`closed` was not called");
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "a TCB is left");
}

/* Opens a connection with a window of 1000 and 5000 bytes queued, so that the FIN of a close is not sent. */
static struct peer *
open_with_more_than_fits(struct scene *s)
{
	struct peer *p;

	s->o.win = 1000;
	s->o.wscale = 0;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 5000) == 5000, "la_send failed");
	peer_skip(p);
	return p;
}

static void
expect_rst(struct peer *p)
{
	struct peer_rx *x = peer_next(p);

	CHECK(p->r, x && (x->flags & LA_RST), "no RST");
	CHECK(p->r, x->seq == p->N, "the RST has SEG.SEQ ISS+%u, the peer's RCV.NXT is ISS+%u", x->seq - p->ISS,
	      p->N - p->ISS);
	peer_expect_none(p, 1000);
	user_expect_closed(p, LA_END_ABORTED);
}

SCENARIO(regress_close, abort_last_ack_fin_unsent,
	 "RFC 9293 3.10.5: an abort in LAST_ACK before our FIN was sent sends a RST")
{
	struct peer *p = open_with_more_than_fits(s);

	PEER_TX(p, .flags = LA_FIN | LA_ACK, .seq = p->snd++, .ack = p->got, .win = WIN_ZERO);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_skip(p);
	peer_expect_state(p, LA_LAST_ACK);
	CHECK(s->r, user_abort(p) == 0, "la_abort failed");
	expect_rst(p);
}

SCENARIO(regress_close, abort_closing_fin_unsent,
	 "RFC 9293 3.10.5: an abort in CLOSING before our FIN was sent sends a RST")
{
	struct peer *p = open_with_more_than_fits(s);

	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	PEER_TX(p, .flags = LA_FIN | LA_ACK, .seq = p->snd++, .ack = p->got, .win = WIN_ZERO);
	peer_skip(p);
	peer_expect_state(p, LA_CLOSING);
	CHECK(s->r, user_abort(p) == 0, "la_abort failed");
	expect_rst(p);
}

SCENARIO(regress_close, abort_fin_sent,
	 "RFC 9293 3.10.5: an abort in LAST_ACK or CLOSING after our FIN was sent sends no segment")
{
	struct peer *p = scene_listen(s), *q;

	peer_to_last_ack(p, false);
	CHECK(s->r, user_abort(p) == 0, "la_abort failed");
	peer_expect_none(p, 1000);
	q = peer_new(s->r, &s->o);
	peer_to_closing(q, false);
	CHECK(s->r, user_abort(q) == 0, "la_abort failed");
	peer_expect_none(q, 1000);
}

SCENARIO(regress_close, close_unread_last_ack,
	 "RFC 9293 3.6: la_close() with unread data in LAST_ACK, after our FIN was sent, ends orderly")
{
	struct peer *p = scene_open(s);
	struct peer_rx *x;

	p->u.hold = true;
	peer_data(p, 100);
	peer_fin(p);
	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	rig_run(s->r, 100);
	peer_expect_state(p, LA_LAST_ACK);
	peer_skip(p);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	CHECK(s->r, p->u.closed == 0, "`closed` was called in LAST_ACK: %s", la_end_name(p->u.why.end));
	x = peer_wait(p, 10000); /* our FIN was lost */
	CHECK(s->r, x && x->flags == (LA_FIN | LA_ACK), "the FIN is not retransmitted");
	peer_ack(p);
	peer_expect_state(p, LA_CLOSED);
	user_expect_closed(p, LA_END_ORDERLY);
	CHECK(s->r, rig_counter(s->r, LA_C_rst_out) == 0, "a RST was sent");
}

SCENARIO(regress_close, close_unread_closing,
	 "RFC 9293 3.6: la_close() with unread data in CLOSING, after our FIN was sent, enters TIME_WAIT")
{
	struct peer *p = scene_open(s);

	p->u.hold = true;
	peer_data(p, 100);
	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	peer_send(p, LA_FIN | LA_ACK, p->snd++, p->ISS + 1, 0);
	peer_expect_state(p, LA_CLOSING);
	peer_skip(p);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	CHECK(s->r, p->u.closed == 0, "`closed` was called in CLOSING: %s", la_end_name(p->u.why.end));
	peer_ack(p);
	peer_expect_none(p, 1000);
	peer_expect_state(p, LA_TIME_WAIT);
	user_expect_closed(p, LA_END_ORDERLY);
}

SCENARIO(regress_close, close_unread_fin_unsent,
	 "RFC 9293 SHLD-3: la_close() with unread data before our FIN was sent sends a RST")
{
	struct peer *p = open_with_more_than_fits(s);

	p->u.hold = true;
	p->win = 1000;
	peer_data(p, 100);
	PEER_TX(p, .flags = LA_FIN | LA_ACK, .seq = p->snd++, .ack = p->got, .win = WIN_ZERO);
	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	peer_expect_state(p, LA_LAST_ACK);
	peer_skip(p);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	expect_rst(p);
}

SCENARIO(regress_close, closed_before_open, "conn.h: after la_close() in SYN_RCVD the only callback is `closed`")
{
	struct peer *p = peer_new(s->r, &s->o);

	peer_to_syn_rcvd_active(p);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_ack(p);
	CHECK(s->r, p->u.opened == 0, "`opened` was called after la_close()");
	peer_expect(p, LA_FIN | LA_ACK, p->ISS + 1, p->R, 0);
	peer_fin(p);
	peer_skip(p);
	CHECK(s->r, p->u.opened == 0 && p->u.peer_fin == 0, "`opened` or `peer_fin` was called");
	peer_expect_state(p, LA_TIME_WAIT);
	user_expect_closed(p, LA_END_ORDERLY);
}

SCENARIO(regress_close, paws_syn_throttled,
	 "RFC 5961 7: challenge ACKs to a flood of SYNs that fail PAWS are rate limited")
{
	struct peer *p;

	if (!s->o.ts)
		return;
	p = scene_open(s);
	for (unsigned i = 0; i < 1000; i++)
		PEER_TX(p, .flags = LA_SYN, .seq = p->R + 100, .ts = TS_SET, .tsval = 1);
	CHECK(s->r, peer_waiting(p) >= 1 && peer_waiting(p) <= 10, "%u answers to 1000 SYNs", peer_waiting(p));
	peer_skip(p);
	rig_run(s->r, 1000);
	PEER_TX(p, .flags = LA_SYN, .seq = p->R + 100, .ts = TS_SET, .tsval = 1);
	peer_expect_chk(p);
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(regress_close, time_wait_syn_throttled,
	 "RFC 5961 7: answers to newer SYNs in TIME_WAIT without a listener are rate limited")
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, 'a');
	CHECK(s->r, la_unlisten(s->r->s, NULL, p->t.lport) == 0, "la_unlisten failed");
	rig_run(s->r, 2000);
	for (unsigned i = 0; i < 1000; i++)
		peer_send(p, LA_SYN, p->R + 100, 0, 0);
	CHECK(s->r, peer_waiting(p) >= 1 && peer_waiting(p) <= 5, "%u answers to 1000 SYNs", peer_waiting(p));
	peer_skip(p);
	rig_run(s->r, 1000);
	peer_send(p, LA_SYN, p->R + 100, 0, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_TIME_WAIT);
}
