/* SPDX-License-Identifier: BSD-3-Clause */

/* R2 is a deadline (RFC 9293 3.8.3): a connection ends R2 after its first unacknowledged segment was sent, at most one
 * tick late. */

#include "scenario.h"

static const uint32_t limits[] = {1000, 5000, 27000, 100000, 120000, 130001};

enum { LIMITS = sizeof(limits) / sizeof(limits[0]), SYN_R2 = 200000, R2 = 120000, HALF_OPEN = 63000 };

/* Checks that the connection exists at from + ms - 1, and that it ends at from + ms or a tick later. */
static void
expect_end_after(struct peer *p, uint64_t from, uint64_t ms)
{
	struct rig *r = p->r;

	rig_run(r, from + ms - 1 - r->now);
	CHECK(r, peer_state(p) != LA_CLOSED, "the connection ended before R2 (%u ms)", (unsigned)ms);
	rig_run(r, 2);
	CHECK(r, peer_state(p) == LA_CLOSED, "the state is %s after R2 (%u ms)", la_state_name(peer_state(p)),
	      (unsigned)ms);
	peer_skip(p);
}

static struct peer *
next_peer(struct scene *s, unsigned i)
{
	scene_rig(s, NULL);
	s->o.lport = 0;
	s->o.conn = (struct la_conn_opts){.user_timeout_ms = i < LIMITS ? limits[i] : 0};
	return scene_listen(s);
}

SCENARIO(r2, data, "unacknowledged data ends ESTABLISHED and CLOSE_WAIT after R2")
{
	for (unsigned i = 0; i <= 2 * LIMITS + 1; i++) {
		struct peer *p = next_peer(s, i / 2);

		if (i % 2)
			peer_to_close_wait(p);
		else
			peer_to_established(p);
		rig_run(s->r, 777);
		CHECK(s->r, user_send(p, 3000) == 3000, "la_send failed");
		expect_end_after(p, s->r->now, i / 2 < LIMITS ? limits[i / 2] : R2);
		user_expect_closed(p, LA_END_TIMEOUT);
	}
}

SCENARIO(r2, fin, "an unacknowledged FIN ends FIN_WAIT_1, CLOSING and LAST_ACK after R2")
{
	for (unsigned i = 0; i < 3 * (LIMITS + 1); i++) {
		struct peer *p = next_peer(s, i / 3);
		uint64_t from = s->r->now;

		if (i % 3 == 0)
			peer_to_fin_wait_1(p, true);
		else if (i % 3 == 1)
			peer_to_closing(p, true);
		else
			peer_to_last_ack(p, true);
		expect_end_after(p, from, i / 3 < LIMITS ? limits[i / 3] : R2);
		user_expect_closed(p, LA_END_TIMEOUT);
	}
}

SCENARIO(r2, round_trips, "R2 does not depend on the RTO")
{
	for (uint64_t rtt = 1; rtt < 5000; rtt = rtt * 3 + 1) {
		struct peer *p;

		scene_rig(s, NULL);
		s->o.conn.user_timeout_ms = 27000;
		p = scene_listen(s);
		peer_to_syn_rcvd_passive(p);
		rig_run(s->r, rtt < 900 ? rtt : 900);
		peer_ack(p);
		CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
		expect_end_after(p, s->r->now, 27000);
		user_expect_closed(p, LA_END_TIMEOUT);
	}
}

SCENARIO(r2, fast_retransmit, "a fast retransmit does not prolong R2")
{
	struct peer *p;
	uint64_t from;
	uint32_t u;

	s->o.mss = 1000;
	s->o.conn.user_timeout_ms = 5000;
	p = scene_open(s);
	u = p->N;
	from = s->r->now;
	CHECK(s->r, user_send(p, 9000) == 9000, "la_send failed");
	rig_run(s->r, 150);
	for (unsigned i = 0; i < 3; i++)
		peer_send(p, LA_ACK, p->snd, u, 0);
	CHECK(s->r, rig_counter(s->r, LA_C_fast_retransmits) == 1, "no fast retransmit");
	expect_end_after(p, from, 5000);
}

SCENARIO(r2, persist_silent, "unanswered zero-window probes end the connection after R2")
{
	for (unsigned i = 1; i <= LIMITS; i++) {
		struct peer *p = next_peer(s, i);

		peer_to_established(p);
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
		CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
		expect_end_after(p, s->r->now, i < LIMITS ? limits[i] : R2);
		user_expect_closed(p, LA_END_TIMEOUT);
	}
}

SCENARIO(r2, syn_sent, "SYN_SENT: R2 is user_timeout_ms, by default 200 s")
{
	for (unsigned i = 0; i <= LIMITS; i++) {
		struct peer *p = next_peer(s, i);
		uint64_t from = s->r->now;

		peer_to_syn_sent(p);
		expect_end_after(p, from, i < LIMITS ? limits[i] : SYN_R2);
		user_expect_closed(p, LA_END_TIMEOUT);
	}
}

SCENARIO(r2, simultaneous_open, "a peer's SYN in SYN_SENT does not prolong R2")
{
	for (unsigned i = 2; i <= LIMITS; i++) {
		struct peer *p = next_peer(s, i);
		uint64_t from = s->r->now;

		peer_to_syn_sent(p);
		rig_run(s->r, 7500);
		peer_syn(p);
		peer_expect_state(p, LA_SYN_RCVD);
		expect_end_after(p, from, i < LIMITS ? limits[i] : SYN_R2);
		user_expect_closed(p, LA_END_TIMEOUT);
	}
}

SCENARIO(r2, half_open, "SYN_RCVD: R2 is 63 s, with six SYN,ACKs, or a shorter user_timeout_ms")
{
	for (unsigned i = 0; i <= LIMITS; i++) {
		struct peer *p = next_peer(s, i);
		uint64_t ms = i < LIMITS && limits[i] < HALF_OPEN ? limits[i] : HALF_OPEN;

		peer_syn(p);
		expect_end_after(p, s->r->now, ms);
		CHECK(s->r, rig_counter(s->r, LA_C_embryonic_gone) == 1, "embryonic_gone is not 1");
		CHECK(s->r, rig_counter(s->r, LA_C_ended_timeout) == 0, "ended_timeout is not 0");
		if (ms == HALF_OPEN)
			CHECK(s->r, p->nrx == 6, "%u SYN,ACKs in 63 s", p->nrx);
	}
}

SCENARIO(r2, half_open_repeated, "SYN_RCVD: repeated SYNs do not prolong R2")
{
	for (unsigned gap = 300; gap < 9000; gap = gap * 3 + 7) {
		struct peer *p = next_peer(s, LIMITS);
		uint64_t from = s->r->now;

		for (uint64_t at = 0; at + gap < HALF_OPEN; at += gap) {
			peer_syn(p);
			rig_run(s->r, gap);
		}
		expect_end_after(p, from, HALF_OPEN);
	}
}

SCENARIO(r2, answered_probes, "MUST-37: answered zero-window probes keep the connection open")
{
	struct peer *p = next_peer(s, 1);
	struct peer_rx *x;

	peer_to_established(p);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
	for (unsigned i = 0; i < 5; i++) {
		x = peer_wait(p, 4900);
		CHECK(s->r, x != NULL, "no probe within R2");
		peer_skip(p);
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	}
	peer_expect_state(p, LA_ESTABLISHED);
}
