/* SPDX-License-Identifier: BSD-3-Clause */

/* Tests of rules that had no test, as the mutation check (tests/mutate) showed. */

#include "scenario.h"

enum { HOLD = 5000 }; /* ms that the TCB stays in FIN_WAIT_2 after la_close(), before an entry replaces it */

/* The old incarnation sends more than 250 bytes a millisecond, the rate of the ISN clock. */
SCENARIO(rules, reuse_iss, "an active reopen starts above all sequence numbers of a fast old incarnation (TW-20)")
{
	static const struct la_conn_opts reuse = {.reuse_time_wait = true};
	struct peer *p = scene_connect(s);
	struct la_conn *c;
	uint32_t old_n;

	CHECK(s->r, user_send(p, 60000) == 60000, "la_send failed");
	drain(p, 1);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_skip(p);
	peer_ack(p);
	peer_fin(p);
	peer_skip(p);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 10);
	old_n = p->N;
	p->lax_edge = true;
	CHECK(s->r, la_connect(s->r->s, &p->t, &user_ops, p, &reuse, &c) == 0, "la_connect failed");
	p->u = (struct user){.c = c};
	rig_pump(s->r);
	CHECK(s->r, last_rx(p)->flags == LA_SYN && seq_gt(last_rx(p)->seq, old_n),
	      "ISS is SND.NXT of the old incarnation%+d", (int)(last_rx(p)->seq - old_n));
}

SCENARIO(rules, isn_tuples, "ISNs of different tuples at one time are unrelated (I-01)")
{
	uint32_t iss[12];

	peer_listen(peer_new(s->r, &s->o));
	for (unsigned i = 0; i < 12; i++) {
		struct peer *p = peer_new(s->r, &s->o);

		peer_to_syn_rcvd_passive(p);
		iss[i] = p->ISS;
		for (unsigned j = 0; j < i; j++)
			CHECK(s->r, iss[i] - iss[j] + 10000 > 20000, "two ISNs differ by %d, expected more than 10000",
			      (int)(iss[i] - iss[j]));
	}
}

static struct peer *
held_in_fin_wait_2(struct scene *s)
{
	struct peer *p = scene_listen(s);

	peer_to_fin_wait_2(p, true);
	peer_expect_none(p, HOLD + 10);
	CHECK(s->r, rig_counter(s->r, LA_C_fin_wait_2_held) == 1, "no entry in the table");
	return p;
}

SCENARIO(rules, fin_wait_2_paws, "a FIN_WAIT_2 entry in the table drops a FIN that fails PAWS (T-01)")
{
	struct peer *p;

	if (!s->o.ts)
		return;
	p = held_in_fin_wait_2(s);
	PEER_TX(p, .flags = LA_FIN | LA_ACK, .seq = p->R, .ack = p->N, .ts = TS_SET, .tsval = p->ts_now - 5);
	peer_expect_chk(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
	CHECK(s->r, rig_counter(s->r, LA_C_drop_paws) == 1, "drop_paws is not 1");
	peer_fin(p);
	peer_expect(p, LA_ACK, p->N, p->R, 0);
	peer_expect_state(p, LA_TIME_WAIT);
}

SCENARIO(rules, fin_wait_2_ack_unsent, "a FIN whose ACK is above SND.NXT is dropped (M-FW2-f)")
{
	struct peer *p = held_in_fin_wait_2(s);

	peer_send(p, LA_FIN | LA_ACK, p->R, p->N + 1, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
	CHECK(s->r, rig_counter(s->r, LA_C_drop_ack_unsent) == 1, "drop_ack_unsent is not 1");
}

SCENARIO(rules, fin_at_the_edge,
	 "data up to the right edge of the window is accepted, a FIN above the edge is not (C-18)")
{
	struct peer *p;
	uint32_t room;

	s->o.conn.rcvbuf = 4096;
	p = scene_open(s);
	p->u.hold = true;
	for (room = p->edge - p->snd; room > 1000; room -= 1000)
		peer_data(p, 1000);
	peer_skip(p);
	peer_send(p, LA_FIN | LA_ACK, p->snd, p->got, room);
	p->snd += room;
	rig_run(s->r, 600);
	CHECK(s->r, p->R == p->snd, "R is the right edge %+d", (int)(p->R - p->snd));
	CHECK(s->r, p->u.peer_fin == 0, "`peer_fin` was called");
	peer_expect_state(p, LA_ESTABLISHED);
	user_read(p, UINT64_MAX);
	rig_pump(s->r);
	peer_fin(p);
	CHECK(s->r, p->R == p->snd && p->u.peer_fin == 1, "the repeated FIN was not accepted");
}

SCENARIO(rules, unacceptable_whole, "the ACK and window of a segment outside the receive window are ignored (D-01)")
{
	struct peer *p = scene_open(s);
	struct la_conn_info i;
	uint32_t una = p->U, wnd = peer_info(p).snd_wnd;

	CHECK(s->r, user_send(p, 1000) == 1000, "la_send failed");
	peer_skip(p);
	peer_send(p, LA_ACK, p->R - 10, p->N, 10); /* old data */
	peer_expect(p, LA_ACK, p->N, p->R, 0);
	PEER_TX(p, .flags = LA_ACK, .seq = p->R + p->W, .ack = p->N, .len = 10, .win = 100);
	peer_expect(p, LA_ACK, p->N, p->R, 0);
	i = peer_info(p);
	CHECK(s->r, i.snd_una == una && i.snd_wnd == wnd, "SND.UNA moved by %u, SND.WND from %u to %u", i.snd_una - una,
	      wnd, i.snd_wnd);
}

SCENARIO(rules, edge_stays,
	 "the right edge does not move left when the window is no multiple of the scale unit (SHLD-14)")
{
	struct peer *p = scene_open(s);
	uint32_t edge = 0;

	p->u.hold = true;
	for (unsigned i = 0; i < 40; i++) {
		const struct peer_rx *x;

		peer_data(p, 1001 + i);
		rig_run(s->r, 100); /* a delayed ACK for each segment */
		x = last_rx(p);
		CHECK(s->r, x->ack == p->snd, "no ACK");
		CHECK(s->r, i == 0 || seq_ge(x->ack + x->wnd, edge), "the edge moved left by %u",
		      edge - (x->ack + x->wnd));
		edge = x->ack + x->wnd;
	}
}

/* --- the retransmission time-out, with the formulas of RFC 6298 ------------------------------- */

static struct peer *
open_after(struct scene *s, uint64_t ms)
{
	struct peer *p = scene_listen(s);

	peer_syn(p);
	rig_run(s->r, ms);
	peer_skip(p);
	peer_ack(p);
	return p;
}

static void
round_trip(struct peer *p, uint32_t len, uint64_t ms)
{
	CHECK(p->r, user_send(p, len) == (ssize_t)len, "la_send failed");
	rig_run(p->r, ms);
	peer_skip(p);
	peer_ack(p);
}

static void
expect_rto(struct peer *p, uint32_t ms, uint32_t about)
{
	uint32_t rto = peer_info(p).rto_ms;

	CHECK(p->r, rto + about >= ms && rto <= ms + about, "RTO is %u, expected %u", rto, ms);
}

SCENARIO(rules, rto_variance, "the RTO is SRTT + 4 * RTTVAR (X-01)")
{
	struct peer *p = open_after(s, 300);

	expect_rto(p, 300 + 4 * 150, 4); /* 2.2: RTTVAR is half the first sample */
	for (unsigned i = 0; i < 30; i++)
		round_trip(p, 100, 300);
	expect_rto(p, 310, 10); /* RTTVAR is near 0 */
	s->o.lport = 81;
	p = open_after(s, 100);
	round_trip(p, 100, 260); /* RTTVAR 3/4 * 50 + 1/4 * 160, SRTT 7/8 * 100 + 1/8 * 260 */
	expect_rto(p, 120 + 310, 6);
}

SCENARIO(rules, rto_syn_lost, "after a retransmitted SYN,ACK without an RTT sample the RTO is 3 s (RFC 6298 5.7)")
{
	struct peer *p;

	if (s->o.ts)
		return; /* a timestamp identifies the acknowledged copy */
	p = open_after(s, 1500);
	peer_expect_state(p, LA_ESTABLISHED);
	expect_rto(p, 3000, 0);
}

SCENARIO(rules, congestion,
	 "only the first time-out sets ssthresh; above it cwnd grows by one segment a round trip (X-08, X-10)")
{
	struct peer *p = scene_open(s);
	uint32_t mss = peer_info(p).mss, cwnd;

	CHECK(s->r, user_send(p, 10 * mss) == 10 * (ssize_t)mss, "la_send failed");
	CHECK(s->r, p->N - p->U == 10 * mss, "%u bytes in flight", p->N - p->U);
	rig_run(s->r, 250);
	CHECK(s->r, rig_counter(s->r, LA_C_rto_expired) == 1, "rto_expired is not 1");
	CHECK(s->r, peer_info(p).ssthresh == 5 * mss && peer_info(p).cwnd == mss, "RFC 5681 (4): ssthresh %u, cwnd %u",
	      peer_info(p).ssthresh, peer_info(p).cwnd);
	rig_run(s->r, 450);
	CHECK(s->r, rig_counter(s->r, LA_C_rto_expired) == 2, "rto_expired is not 2");
	CHECK(s->r, peer_info(p).ssthresh == 5 * mss, "ssthresh %u after the second time-out", peer_info(p).ssthresh);
	peer_skip(p);
	peer_ack(p);
	for (unsigned i = 0; i < 10 && peer_info(p).cwnd < 5 * mss; i++)
		round_trip(p, mss, 0);
	cwnd = peer_info(p).cwnd;
	CHECK(s->r, cwnd >= 5 * mss && cwnd <= 6 * mss, "cwnd %u", cwnd);
	for (unsigned i = 1; i * mss < cwnd; i++) { /* RFC 3465 2.1: no growth until cwnd bytes are acknowledged */
		round_trip(p, mss, 0);
		CHECK(s->r, peer_info(p).cwnd == cwnd, "cwnd from %u to %u after %u bytes", cwnd, peer_info(p).cwnd,
		      i * mss);
	}
	round_trip(p, mss, 0);
	CHECK(s->r, peer_info(p).cwnd == cwnd + mss, "cwnd from %u to %u", cwnd, peer_info(p).cwnd);
}

SCENARIO(rules, keepalive_active, "a peer that sends segments gets no keep-alive probe (RFC 9293 3.8.4)")
{
	struct peer *p;

	s->o.conn.keepalive_ms = 10000;
	p = scene_open(s);
	for (unsigned i = 0; i < 10; i++) {
		rig_run(s->r, 6000);
		peer_data(p, 10);
		peer_skip(p);
	}
	CHECK(s->r, rig_counter(s->r, LA_C_keepalive_probes) == 0, "a probe was sent");
	rig_run(s->r, 11000);
	CHECK(s->r, rig_counter(s->r, LA_C_keepalive_probes) == 1,
	      "keepalive_probes is not 1 after 10 s without a segment");
}

/* --- callbacks of a listener's user ----------------------------------------------------------- */

struct callbacks {
	unsigned opened, closed;
};

static void
count_opened(struct la_conn *c, void *user)
{
	(void)c;
	((struct callbacks *)user)->opened++;
}

static void
count_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	(void)c;
	(void)why;
	((struct callbacks *)user)->closed++;
}

static const struct la_conn_ops count_ops = {.opened = count_opened, .closed = count_closed};

SCENARIO(rules, half_open_no_callback, "a handshake that fails calls no callback of the listener")
{
	struct peer *p = peer_new(s->r, &s->o);
	struct callbacks n = {0};

	CHECK(s->r, la_listen(s->r->s, NULL, p->t.lport, &count_ops, &n, NULL) == 0, "la_listen failed");
	peer_syn(p); /* ends by a RST */
	peer_skip(p);
	peer_send(p, LA_RST, p->R, 0, 0);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, rig_counter(s->r, LA_C_embryonic_gone) == 1, "embryonic_gone is not 1");

	peer_renew(p, 0x20000000); /* ends by R2 */
	peer_syn(p);
	rig_run(s->r, 400000);
	peer_expect_state(p, LA_CLOSED);

	peer_renew(p, 0x30000000); /* ends by an abort */
	peer_syn(p);
	CHECK(s->r, la_shard_abort_all(s->r->s, 10) == 0, "la_shard_abort_all failed");
	rig_pump(s->r);
	CHECK(s->r, n.opened == 0 && n.closed == 0, "`opened` ran %u times, `closed` %u times", n.opened, n.closed);
	CHECK(s->r, rig_counter(s->r, LA_C_embryonic_gone) == 3, "embryonic_gone is not 3");
}

SCENARIO(rules, listener_of_address, "a listener on one address has precedence over a listener on all addresses")
{
	struct callbacks one = {0}, any = {0};
	struct peer *p, *q;

	for (unsigned order = 0; order < 2; order++) {
		s->o.lport = (uint16_t)(7000 + order);
		s->o.other = false;
		p = peer_new(s->r, &s->o);
		s->o.other = true;
		q = peer_new(s->r, &s->o);
		for (unsigned i = 0; i < 2; i++) {
			bool first = i == order;
			int rc = la_listen(s->r->s, first ? &p->t.laddr : NULL, s->o.lport, &count_ops,
					   first ? &one : &any, NULL);

			CHECK(s->r, rc == 0, "la_listen: %d", rc);
		}
		peer_syn(p);
		peer_syn(q);
		peer_ack(p);
		peer_ack(q);
		CHECK(s->r, one.opened == order + 1 && any.opened == order + 1,
		      "%u opens for one address, %u for all addresses", one.opened, any.opened);
	}
	la_shard_abort_all(s->r->s, 100);
	rig_pump(s->r);
}
