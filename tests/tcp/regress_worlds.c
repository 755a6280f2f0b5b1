/* SPDX-License-Identifier: BSD-3-Clause */

/* Regression tests for bugs that random worlds (tests/search) found. */

#include "scenario.h"

/* The listener refuses timestamps, so the connection has none. A duplicate of the connection's own SYN then met the
 * rule "no timestamps before, some now" (RFC 6191 2) and ended the entry. The peer's FIN, retransmitted because the
 * last ACK was lost, got a RST. */
SCENARIO(regress_worlds, refused_timestamps,
	 "RFC 6191: timestamps that the listener does not accept do not make an old SYN newer")
{
	struct peer *p;
	struct peer_rx *x;

	s->o.ts = true;
	s->o.conn.no_timestamps = true;
	p = scene_listen(s);
	peer_to_time_wait(p, true, 'a');
	peer_skip(p);
	PEER_TX(p, .flags = LA_SYN, .seq = p->IRS, .ts = TS_SET, .tsval = p->ts_now + 1);
	peer_expect_chk(p);
	peer_expect_state(p, LA_TIME_WAIT);
	PEER_TX(p, .flags = LA_FIN | LA_ACK, .seq = p->R - 1, .ack = p->N);
	x = peer_next(p);
	CHECK(s->r, x && x->flags == LA_ACK && x->ack == p->R, "the FIN is not acknowledged");
	CHECK(s->r, rig_counter(s->r, LA_C_rst_out) == 0, "a RST");

	/* one that is newer by its number still is */
	p->lax_edge = true;
	PEER_TX(p, .flags = LA_SYN, .seq = p->R + 1, .ts = TS_SET, .tsval = p->ts_now + 2);
	x = peer_next(p);
	CHECK(s->r, x && x->flags == (LA_SYN | LA_ACK), "not reopened");
	CHECK(s->r, !x->f.has_ts, "with timestamps");
}

/* The time the handshake took counted as idle. */
SCENARIO(regress_worlds, keepalive_after_slow_open,
	 "RFC 9293 3.8.4: keep-alive counts from the last segment, SYN,ACK included")
{
	struct peer *p;

	s->o.conn.keepalive_ms = 2000;
	p = scene_listen(s);
	peer_to_syn_sent(p);
	rig_run(s->r, 10000);
	peer_skip(p);
	peer_send(p, LA_SYN | LA_ACK, p->IRS, p->N, 0);
	peer_skip(p);
	peer_expect_state(p, LA_ESTABLISHED);
	peer_expect_none(p, 1990);
	rig_run(s->r, 20);
	CHECK(s->r, rig_counter(s->r, LA_C_keepalive_probes) == 1, "no probe when it is time");
}
