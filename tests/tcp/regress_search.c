/* SPDX-License-Identifier: BSD-3-Clause */

/* Regression tests for bugs that the explorer (tests/search) found. */

#include "scenario.h"

/* The bug: the ISN clock did not move within a millisecond. When a connection opened and ended within one
 * millisecond, the next connection of the tuple got the same ISN. An old duplicate SYN opened that next connection,
 * which then accepted old data with an old ACK. */
SCENARIO(regress_search, isn_in_one_tick,
	 "RFC 9293 3.4.1: after a passive close the next ISN is above all that was sent, even in the same tick")
{
	struct peer *p = scene_listen(s);
	uint32_t end, isn = p->IRS;

	for (unsigned round = 0; round < 5; round++) {
		peer_to_established(p);
		CHECK(s->r, user_send(p, 3000) == 3000, "la_send failed");
		rig_pump(s->r);
		peer_skip(p);
		peer_ack(p);
		peer_skip(p);
		peer_fin(p);
		peer_skip(p);
		CHECK(s->r, user_close(p) == 0, "la_close failed");
		peer_skip(p);
		peer_ack(p);
		peer_expect_state(p, LA_CLOSED);
		end = p->ISS + 3002;
		peer_renew(p, isn);
		p->lax_edge = true;
		peer_syn(p);
		CHECK(s->r, seq_gt(p->ISS, end - 1), "ISN is %d above the old end", (int)(p->ISS - end));
		peer_skip(p);
		peer_send(p, LA_RST, isn + 1, 0, 0);
		peer_expect_state(p, LA_CLOSED);
		peer_renew(p, isn);
		p->lax_edge = true;
	}
}

SCENARIO(regress_search, isn_after_abort,
	 "after an abort the next ISN is above all that was sent, even in the same tick")
{
	struct peer *p = scene_open(s);
	uint32_t end;

	CHECK(s->r, user_send(p, 1000) == 1000, "la_send failed");
	rig_pump(s->r);
	end = p->ISS + 1001;
	CHECK(s->r, user_abort(p) == 0, "la_abort failed");
	peer_skip(p);
	peer_renew(p, p->snd + 100);
	p->lax_edge = true;
	peer_syn(p);
	CHECK(s->r, seq_ge(p->ISS, end), "ISN is %d above the old end", (int)(p->ISS - end));
}

/* The bug: our ACK of the peer's FIN is lost, so the peer is in LAST_ACK when we open over our own TIME_WAIT.
 * The peer's segments of the old connection drew a RST, and the peer's user got a reset. */
SCENARIO(regress_search, reuse_in_last_ack, "an open over our own TIME_WAIT does not reset a peer in LAST_ACK")
{
	struct peer *p;
	uint32_t old_n, old_r;

	s->o.conn.reuse_time_wait = true;
	p = peer_new(s->r, &s->o);
	peer_to_established_active(p);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_skip(p);
	peer_fin(p);
	peer_skip(p); /* the last ACK is lost */
	peer_expect_state(p, LA_TIME_WAIT);
	old_n = p->N;
	old_r = p->R;
	rig_run(s->r, 10);

	peer_renew(p, p->snd + 100000);
	p->lax_edge = true;
	CHECK(s->r, user_connect(p) == 0, "la_connect failed");
	peer_expect(p, LA_SYN, p->ISS, 0, 0);
	/* a peer in LAST_ACK answers a SYN by an ACK with its SND.NXT and RCV.NXT */
	peer_send(p, LA_ACK, old_r, old_n, 0);
	peer_expect(p, LA_ACK, old_n, old_r, 0);
	peer_send(p, LA_FIN | LA_ACK, old_r - 1, old_n, 0);
	peer_expect(p, LA_ACK, old_n, old_r, 0);
	CHECK(s->r, rig_counter(s->r, LA_C_rst_out) == 0, "a RST was sent");
	/* an ACK that belongs to no connection still draws a RST */
	peer_send(p, LA_ACK, old_r, old_n - 5, 0);
	CHECK(s->r, rig_counter(s->r, LA_C_rst_out) == 1, "no RST");
	peer_skip(p);
	/* the peer has left LAST_ACK; our retransmitted SYN opens */
	peer_wait(p, 4000);
	peer_send(p, LA_SYN | LA_ACK, p->IRS, p->ISS + 1, 0);
	peer_expect_state(p, LA_ESTABLISHED);
}
