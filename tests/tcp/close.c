/* SPDX-License-Identifier: BSD-3-Clause */

/* Closing (RFC 9293 3.6, 3.10.4, 3.10.5, 3.10.7.4 eighth step). */

#include "scenario.h"

SCENARIO(close, C_01, "the FIN is sent after all queued data")
{
	struct peer *p;

	s->o.win = 1000;
	s->o.wscale = 0;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 5000) == 5000, "la_send failed");
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	for (struct peer_rx *x; (x = peer_wait(p, 5000)) != NULL;) {
		if (x->flags & LA_FIN)
			CHECK(s->r, x->end == p->ISS + 5002, "FIN at offset %u, expected 5000", x->end - 2 - p->ISS);
		else
			CHECK(s->r, seq_le(x->end, p->ISS + 5001), "data above the 5000 bytes");
		CHECK(s->r, (x->flags & LA_ACK) && x->ack == p->R, "a segment does not acknowledge R");
		peer_ack(p);
	}
	peer_expect_state(p, LA_FIN_WAIT_2);
	CHECK(s->r, p->got == p->ISS + 5002, "data or FIN is missing");
}

SCENARIO(close, C_01_window, "the FIN waits until the window has room")
{
	struct peer *p;

	s->o.win = 1000;
	s->o.wscale = 0;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 1000) == 1000, "la_send failed");
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	CHECK(s->r, p->N == p->ISS + 1001, "%u sequence numbers used in a window of 1000", p->N - p->ISS - 1);
	peer_skip(p);
	peer_ack(p);
	peer_expect(p, LA_FIN | LA_ACK, p->ISS + 1001, p->R, 0);
}

SCENARIO(close, C_02, "data, then the FIN, are retransmitted until acknowledged")
{
	struct peer *p = scene_open(s);
	struct peer_rx *x;

	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	peer_skip(p);
	x = peer_wait(p, 5000);
	CHECK(s->r, x && x->seq == p->ISS + 1 && x->len == 100, "the data is not retransmitted first");
	peer_skip(p);
	peer_send(p, LA_ACK, p->snd, p->ISS + 101, 0);
	for (unsigned i = 0; i < 4; i++) {
		x = peer_wait(p, 20000);
		CHECK(s->r, x && x->seq == p->ISS + 101 && (x->flags & LA_FIN) && x->len == 0,
		      "the FIN is not retransmitted");
	}
	peer_send(p, LA_ACK, p->snd, p->ISS + 102, 0);
	peer_skip(p);
	peer_expect_none(p, 5000);
	peer_expect_state(p, LA_FIN_WAIT_2);
}

SCENARIO(close, C_03, "la_send() fails after a close, and one FIN is sent")
{
	struct peer *p = scene_open(s);

	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	peer_expect(p, LA_FIN | LA_ACK, p->ISS + 1, p->R, 0);
	peer_ack(p);
	CHECK(s->r, user_send(p, 10) == -EPIPE, "la_send after la_shutdown: no EPIPE");
	CHECK(s->r, user_shutdown(p) == -EPIPE, "second la_shutdown: no EPIPE");
	peer_expect_none(p, 5000);
	CHECK(s->r, user_close(p) == 0, "la_close after la_shutdown fails");
	CHECK(s->r, user_close(p) == -EALREADY, "second la_close: no EALREADY");
	CHECK(s->r, user_send(p, 10) == -EPIPE, "la_send after la_close: no EPIPE");
	peer_expect_none(p, 5000);
}

SCENARIO(close, C_04, "half-close: 100 kB are still received")
{
	struct peer *p = scene_open(s);

	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	peer_expect(p, LA_FIN | LA_ACK, p->ISS + 1, p->R, 0);
	feed(p, 100000, 1400);
	peer_expect_state(p, LA_FIN_WAIT_2);
	CHECK(s->r, p->u.bytes == 100000, "%llu bytes delivered", (unsigned long long)p->u.bytes);
	CHECK(s->r, p->R == p->snd, "not all bytes are acknowledged");
	peer_fin(p);
	peer_expect(p, LA_ACK, p->N, p->snd, 0);
	CHECK(s->r, p->u.peer_fin == 1, "`peer_fin` was not called");
	user_expect_closed(p, LA_END_ORDERLY);
	peer_expect_state(p, LA_TIME_WAIT);
}

SCENARIO(close, C_04_fin_wait_1, "half-close: data is received in FIN_WAIT_1")
{
	struct peer *p = scene_open(s);

	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	p->got--; /* our FIN is not acknowledged */
	feed(p, 5000, 1400);
	peer_expect_state(p, LA_FIN_WAIT_1);
	CHECK(s->r, p->u.bytes == 5000 && p->R == p->snd, "the data was not delivered or not acknowledged");
}

SCENARIO(close, C_05, "CLOSE_WAIT: 100 kB are still sent")
{
	struct peer *p = scene_open(s);

	peer_fin(p);
	peer_expect(p, LA_ACK, p->N, p->IRS + 2, 0);
	CHECK(s->r, user_send(p, 100000) == 100000, "la_send failed");
	drain(p, 2000);
	CHECK(s->r, p->got == p->ISS + 1 + 100000, "only %u bytes arrived", p->got - p->ISS - 1);
	peer_expect_state(p, LA_CLOSE_WAIT);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_expect(p, LA_FIN | LA_ACK, p->ISS + 100001, p->R, 0);
	peer_expect_state(p, LA_LAST_ACK);
	peer_ack(p);
	user_expect_closed(p, LA_END_ORDERLY);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(close, C_06, "`closed` reports orderly or reset, and the number of unacknowledged bytes")
{
	struct peer *p = scene_open(s), *q;

	p->u.close_on_fin = true;
	peer_fin(p);
	peer_ack(p);
	CHECK(s->r, p->u.peer_fin == 1, "`peer_fin` was not called");
	user_expect_closed(p, LA_END_ORDERLY);

	q = peer_new(s->r, &s->o);
	peer_to_established(q);
	CHECK(s->r, user_send(q, 1000) == 1000, "la_send failed");
	peer_send(q, LA_ACK, q->snd, q->ISS + 401, 0);
	peer_send(q, LA_RST, q->R, 0, 0);
	user_expect_closed(q, LA_END_RESET);
	CHECK(s->r, q->u.peer_fin == 0, "`peer_fin` was called for a reset");
	CHECK(s->r, q->u.why.unacked == 600, "%llu bytes unacknowledged", (unsigned long long)q->u.why.unacked);
	CHECK(s->r, rig_counter(s->r, LA_C_bytes_unacked_at_end) == 600, "bytes_unacked_at_end is not 600");
}

SCENARIO(close, C_07_unread, "la_close() with unread data sends a RST")
{
	struct peer *p = scene_open(s);

	p->u.hold = true;
	peer_data(p, 100);
	rig_run(s->r, 600);
	peer_skip(p);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	CHECK(s->r, (last_rx(p)->flags & LA_RST) && last_rx(p)->seq == p->N, "no RST with SEG.SEQ = N");
	user_expect_closed(p, LA_END_ABORTED);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(close, C_07_late, "data after la_close() is answered by a RST")
{
	struct peer *p = scene_open(s);

	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_ack(p);
	peer_skip(p);
	peer_data(p, 100);
	CHECK(s->r, peer_waiting(p) == 1 && (last_rx(p)->flags & LA_RST), "no RST");
	CHECK(s->r, last_rx(p)->seq == p->N, "the RST's SEG.SEQ is not the peer's RCV.NXT");
	CHECK(s->r, p->u.bytes == 0 && p->u.data == 0, "data was delivered after la_close");
	user_expect_closed(p, LA_END_RESET);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(close, C_08, "a duplicate of data already read does not count as unread data")
{
	struct peer *p = scene_open(s);

	peer_data(p, 100);
	rig_run(s->r, 600);
	peer_skip(p);
	peer_send(p, LA_ACK, p->IRS + 1, p->got, 100);
	p->snd++;
	peer_send(p, LA_FIN | LA_ACK, p->IRS + 51, p->got, 50);
	CHECK(s->r, p->u.bytes == 100 && p->u.peer_fin == 1, "%llu bytes, %u FIN", (unsigned long long)p->u.bytes,
	      p->u.peer_fin);
	CHECK(s->r, p->R == p->IRS + 102, "the FIN after old data was not accepted");
	peer_skip(p);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_expect(p, LA_FIN | LA_ACK, p->N - 1, p->R, 0);
	peer_expect_state(p, LA_LAST_ACK);
}

SCENARIO(close, C_08_in_fin_wait, "old data after la_close() is answered by an ACK, not by a RST")
{
	struct peer *p = scene_open(s);

	peer_data(p, 100);
	rig_run(s->r, 600);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_ack(p);
	peer_skip(p);
	peer_send(p, LA_ACK, p->IRS + 1, p->got, 100);
	peer_expect_chk(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
}

SCENARIO(close, C_09, "an abort sends a RST with SEG.SEQ = SND.NXT, not the end of the send queue")
{
	struct peer *p;

	s->o.win = 1000;
	s->o.wscale = 0;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 5000) == 5000, "la_send failed");
	CHECK(s->r, p->N == p->ISS + 1001, "%u bytes sent, expected a full window of 1000", p->N - p->ISS - 1);
	CHECK(s->r, user_abort(p) == 0, "la_abort failed");
	CHECK(s->r, (last_rx(p)->flags & LA_RST) && last_rx(p)->seq == p->N, "no RST with SEG.SEQ = N");
	CHECK(s->r, p->u.why.unacked == 5000, "%llu bytes unacknowledged", (unsigned long long)p->u.why.unacked);
	user_expect_closed(p, LA_END_ABORTED);
}

SCENARIO(close, C_10, "after an abort an old segment draws a RST, and the next incarnation drops it")
{
	struct peer *p = scene_open(s);
	uint32_t old_r = p->R, old_n = p->N;

	CHECK(s->r, user_abort(p) == 0, "la_abort failed");
	peer_skip(p);
	peer_send(p, LA_ACK, old_r, old_n, 50);
	CHECK(s->r, peer_waiting(p) == 1 && last_rx(p)->flags == LA_RST && last_rx(p)->seq == old_n,
	      "the old segment drew no RST with its SEG.ACK as SEG.SEQ");
	peer_skip(p);
	peer_renew(p, p->IRS + 500000);
	rig_run(s->r, 10);
	peer_to_established(p);
	peer_send(p, LA_ACK, old_r, old_n, 50);
	CHECK(s->r, p->u.bytes == 0, "data of the old incarnation was delivered");
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(close, C_11, "an active close goes through FIN_WAIT_2 to TIME_WAIT")
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, 'a');
	peer_expect_none(p, 10000);
	peer_send(p, LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
}

SCENARIO(close, C_12, "a FIN that acknowledges our FIN starts TIME_WAIT at once, and our FIN is not retransmitted")
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, 'b');
	peer_expect_none(p, 10000);
	peer_send(p, LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
}

SCENARIO(close, C_13, "a simultaneous close retransmits our FIN in CLOSING and ends in TIME_WAIT")
{
	struct peer *p = scene_listen(s);
	struct peer_rx *x;

	peer_to_closing(p, true);
	x = peer_wait(p, 5000);
	CHECK(s->r, x && (x->flags & LA_FIN) && x->seq == p->N - 1 && x->ack == p->R,
	      "the FIN is not retransmitted in CLOSING");
	peer_ack(p);
	peer_expect_none(p, 10000);
	peer_expect_state(p, LA_TIME_WAIT);
	user_expect_closed(p, LA_END_ORDERLY);
}

SCENARIO(close, C_14, "simultaneous close: a retransmitted FIN that acknowledges our FIN leads to TIME_WAIT")
{
	struct peer *p = scene_listen(s);

	peer_to_closing(p, true);
	/* SEG.SEQ is old, but SEG.ACK acknowledges our FIN and ends CLOSING */
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_TIME_WAIT);
	user_expect_closed(p, LA_END_ORDERLY);
	peer_expect_none(p, 5000);
}

SCENARIO(close, C_15, "a passive close leaves no TIME_WAIT entry: the tuple opens again at once")
{
	struct peer *p = scene_listen(s);

	peer_to_last_ack(p, true);
	peer_ack(p);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_entered) == 0, "TIME_WAIT after a passive close");
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "a TCB is left");
	peer_send(p, LA_ACK, p->R, p->N, 0);
	peer_expect(p, LA_RST, p->N, 0, 0);
	peer_renew(p, p->IRS - 1000000);
	peer_to_established(p);
}

SCENARIO(close, C_16, "for a FIN with data the user gets the data, then `peer_fin`")
{
	struct peer *p = scene_open(s);

	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 100);
	peer_expect(p, LA_ACK, p->N, p->IRS + 102, 0);
	CHECK(s->r, p->u.bytes == 100 && p->u.peer_fin == 1, "the data or the FIN did not reach the user");
	peer_expect_none(p, 600);
}

SCENARIO(close, C_16_held, "for a FIN with data that the user reads later, `peer_fin` waits for the read")
{
	struct peer *p = scene_open(s);

	p->u.hold = true;
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 100);
	peer_expect(p, LA_ACK, p->N, p->IRS + 102, 0);
	CHECK(s->r, la_unread(p->u.c) == 100, "the data is lost");
	user_read(p, UINT64_MAX);
	rig_pump(s->r);
	CHECK(s->r, p->u.bytes == 100 && p->u.peer_fin == 1, "no `peer_fin` after the data");
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_skip(p);
	peer_expect_state(p, LA_LAST_ACK);
}

static void
fin_above_hole(struct scene *s, enum la_state from, enum la_state to)
{
	struct peer *p = scene_open(s);

	if (from != LA_ESTABLISHED) {
		CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
		if (from == LA_FIN_WAIT_2)
			peer_ack(p);
		else
			p->got--;
		peer_skip(p);
	}
	peer_expect_state(p, from);
	peer_send(p, LA_FIN | LA_ACK, p->IRS + 101, p->got, 0);
	peer_expect_chk(p);
	CHECK(s->r, p->u.peer_fin == 0, "`peer_fin` was called for a FIN above a hole");
	peer_expect_state(p, from);
	peer_send(p, LA_ACK, p->IRS + 1, p->got, 100);
	peer_expect(p, LA_ACK, p->N, p->IRS + 102, 0);
	CHECK(s->r, p->u.bytes == 100 && p->u.peer_fin == 1, "%llu bytes, %u FIN", (unsigned long long)p->u.bytes,
	      p->u.peer_fin);
	peer_expect_state(p, to);
}

SCENARIO(close, C_17, "a FIN above a hole waits until the hole is filled")
{
	fin_above_hole(s, LA_ESTABLISHED, LA_CLOSE_WAIT);
}

SCENARIO(close, C_17_fin_wait_1, "FIN_WAIT_1: a FIN above a hole waits until the hole is filled")
{
	fin_above_hole(s, LA_FIN_WAIT_1, LA_CLOSING);
}

SCENARIO(close, C_17_fin_wait_2, "FIN_WAIT_2: a FIN above a hole waits until the hole is filled")
{
	fin_above_hole(s, LA_FIN_WAIT_2, LA_TIME_WAIT);
}

SCENARIO(close, C_17_data, "data with a FIN above a hole waits until the hole is filled")
{
	struct peer *p = scene_open(s);

	peer_send(p, LA_FIN | LA_ACK, p->IRS + 101, p->got, 50);
	peer_expect_chk(p);
	peer_send(p, LA_ACK, p->IRS + 1, p->got, 100);
	peer_expect(p, LA_ACK, p->N, p->IRS + 152, 0);
	CHECK(s->r, p->u.bytes == 150 && p->u.peer_fin == 1, "%llu bytes, %u FIN", (unsigned long long)p->u.bytes,
	      p->u.peer_fin);
}

SCENARIO(close, C_18, "a FIN above the right edge of the window is dropped")
{
	struct peer *p;
	uint32_t room;

	s->o.conn.rcvbuf = 8192;
	p = scene_open(s);
	p->u.hold = true;
	peer_send(p, LA_FIN | LA_ACK, p->R + p->W, p->got, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_ESTABLISHED);

	/* data up to the edge, then the FIN: the data is accepted. The FIN is accepted or dropped;
	 * the peer sends a dropped FIN again. */
	room = p->edge - p->snd;
	while (room > 1000) {
		peer_data(p, 1000);
		room -= 1000;
	}
	peer_skip(p);
	peer_send(p, LA_FIN | LA_ACK, p->snd, p->got, room);
	p->snd += room;
	rig_run(s->r, 600);
	CHECK(s->r, p->R == p->snd || p->R == p->snd + 1, "the data was not acknowledged");
	user_read(p, UINT64_MAX);
	rig_pump(s->r);
	peer_send(p, LA_FIN | LA_ACK, p->snd, p->got, 0);
	CHECK(s->r, p->R == p->snd + 1 && p->u.peer_fin == 1, "the repeated FIN was not accepted");
}

SCENARIO(close, C_19, "text after the peer's FIN is dropped and not acknowledged")
{
	struct peer *p = scene_listen(s);

	peer_to_close_wait(p);
	for (unsigned i = 0; i < 3; i++) {
		peer_send(p, LA_ACK, p->R, p->N, 500);
		rig_run(s->r, 600);
		CHECK(s->r, p->R == p->IRS + 2, "a sequence number above the FIN was acknowledged");
	}
	CHECK(s->r, p->u.bytes == 0 && p->u.peer_fin == 1, "text after the FIN was delivered to the user");
	peer_expect_state(p, LA_CLOSE_WAIT);
}

SCENARIO(close, C_20, "a FIN on the handshake's ACK is accepted")
{
	struct peer *p = scene_listen(s);

	peer_to_syn_rcvd_passive(p);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
	peer_expect(p, LA_ACK, p->N, p->IRS + 2, 0);
	CHECK(s->r, p->u.opened == 1 && p->u.peer_fin == 1, "opened %u, FIN %u", p->u.opened, p->u.peer_fin);
	peer_expect_state(p, LA_CLOSE_WAIT);
}

SCENARIO(close, C_21, "the ACK of our FIN arrives before the peer's earlier FIN")
{
	struct peer *p = scene_listen(s);

	peer_to_fin_wait_1(p, true);
	peer_send(p, LA_ACK, p->R + 1, p->N, 0);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_skip(p);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N - 1, 0);
	peer_expect(p, LA_ACK, p->N, p->IRS + 2, 0);
	peer_expect_state(p, LA_TIME_WAIT);
	user_expect_closed(p, LA_END_ORDERLY);
}

SCENARIO(close, C_26, "la_close() in the peer_fin callback closes in order")
{
	struct peer *p = scene_open(s);

	p->u.close_on_fin = true;
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 100);
	p->snd += 101;
	CHECK(s->r, p->u.bytes == 100, "the data was not delivered");
	drain(p, 600);
	user_expect_closed(p, LA_END_ORDERLY);
	peer_expect_state(p, LA_CLOSED);
}
