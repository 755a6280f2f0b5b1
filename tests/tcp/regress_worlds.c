/* SPDX-License-Identifier: BSD-3-Clause */

/* Regression tests for bugs that random worlds (tests/search) found. */

#include "scenario.h"

/* The bug: the listener refuses timestamps, so the connection has none. A SYN with timestamps is newer than a
 * connection without (RFC 6191 2), so an old duplicate of the connection's own SYN ended the entry. The peer's FIN,
 * retransmitted after a lost last ACK, then drew a RST. */
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
	CHECK(s->r, rig_counter(s->r, LA_C_rst_out) == 0, "a RST was sent");

	/* a SYN with a larger SEG.SEQ still reopens */
	p->lax_edge = true;
	PEER_TX(p, .flags = LA_SYN, .seq = p->R + 1, .ts = TS_SET, .tsval = p->ts_now + 2);
	x = peer_next(p);
	CHECK(s->r, x && x->flags == (LA_SYN | LA_ACK), "not reopened");
	CHECK(s->r, !x->f.has_ts, "the SYN,ACK has timestamps");
}

/* The bug: the time of the handshake counted as idle time. */
SCENARIO(regress_worlds, keepalive_after_slow_open,
	 "RFC 9293 3.8.4: the keep-alive time runs from the last segment, also from a SYN,ACK")
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
	CHECK(s->r, rig_counter(s->r, LA_C_keepalive_probes) == 1, "keepalive_probes is not 1 after 2 s");
}
