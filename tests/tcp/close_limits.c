/* SPDX-License-Identifier: BSD-3-Clause */

/* Closing when the peer's window is 0, when the peer sends nothing, and when the peer does not close. */

#include "scenario.h"

SCENARIO(close_limits, C_22, "a zero window delays data and FIN")
{
	struct peer *p = scene_open(s);
	struct peer_rx *x;

	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	CHECK(s->r, user_send(p, 1000) == 1000, "la_send failed");
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	for (unsigned i = 0; i < 5; i++) {
		x = peer_wait(p, 60000);
		CHECK(s->r, x && x->len <= 1 && !(x->flags & LA_FIN), "no probe, or more than one byte, or a FIN");
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->ISS + 1, .win = WIN_ZERO);
		peer_skip(p);
	}
	peer_send(p, LA_ACK, p->snd, p->ISS + 1, 0);
	drain(p, 2000);
	CHECK(s->r, p->got == p->ISS + 1002, "data and FIN are not sent when the window opens");
	peer_expect_state(p, LA_FIN_WAIT_2);
}

SCENARIO(close_limits, C_22_rst, "a RST is accepted while the peer's window is 0")
{
	struct peer *p = scene_open(s);

	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	CHECK(s->r, user_send(p, 1000) == 1000, "la_send failed");
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	rig_run(s->r, 5000);
	peer_send(p, LA_RST, p->R, 0, 0);
	user_expect_closed(p, LA_END_RESET);
	peer_expect_state(p, LA_CLOSED);
}

/* Checks that R2 ends the connection, and that a later segment draws a RST. */
static void
expect_r2(struct scene *s, struct peer *p)
{
	rig_run(s->r, 400000);
	user_expect_closed(p, LA_END_TIMEOUT);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "a TCB is left");
	CHECK(s->r,
	      la_shard_counters(s->r->s)->state[LA_FIN_WAIT_1] == 0 &&
		      la_shard_counters(s->r->s)->state[LA_CLOSING] == 0 &&
		      la_shard_counters(s->r->s)->state[LA_LAST_ACK] == 0,
	      "the gauge of a closing state is not 0");
	peer_skip(p);
	peer_send(p, LA_ACK, p->R - 1, p->N, 0);
	peer_expect(p, LA_RST, p->N, 0, 0);
}

SCENARIO(close_limits, C_23_fin_wait_1, "R2 ends FIN_WAIT_1")
{
	struct peer *p = scene_listen(s);

	peer_to_fin_wait_1(p, true);
	expect_r2(s, p);
}

SCENARIO(close_limits, C_23_closing, "R2 ends CLOSING")
{
	struct peer *p = scene_listen(s);

	peer_to_closing(p, true);
	expect_r2(s, p);
}

SCENARIO(close_limits, C_23_last_ack, "R2 ends LAST_ACK")
{
	struct peer *p = scene_listen(s);

	peer_to_last_ack(p, true);
	expect_r2(s, p);
}

SCENARIO(close_limits, C_24, "FIN_WAIT_2 after la_close() ends at the configured limit")
{
	struct peer *p;

	s->o.conn.fin_wait_2_ms = 5000;
	p = scene_listen(s);
	peer_to_fin_wait_2(p, true);
	peer_expect_none(p, 4990);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_expect_none(p, 20);
	user_expect_closed(p, LA_END_FIN_WAIT_2);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
	peer_expect(p, LA_RST, p->N, 0, 0);
}

SCENARIO(close_limits, C_24_late_close, "the FIN_WAIT_2 limit runs from la_close(), also after a half-close")
{
	struct peer *p = scene_listen(s);

	peer_to_fin_wait_2(p, false);
	peer_expect_none(p, 100000);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_expect_none(p, 59000);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_expect_none(p, 1100);
	user_expect_closed(p, LA_END_FIN_WAIT_2);
	peer_expect_state(p, LA_CLOSED);
}
