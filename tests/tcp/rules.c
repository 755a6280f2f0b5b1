/* SPDX-License-Identifier: BSD-3-Clause */

/* Rules that no other test covers. The mutation check (tests/mutate) found them. */

#include "scenario.h"

enum { HOLD = 5000 }; /* after la_close() a FIN_WAIT_2 connection is a TCB for this time, then a table entry */

/* The ISN clock runs by 250 a millisecond. This connection sends far more. */
SCENARIO(rules, reuse_iss, "our own reopen starts above all numbers of a fast old incarnation (TW-20)")
{
	static const struct la_conn_opts reuse = {.reuse_time_wait = true};
	struct peer *p = scene_connect(s);
	struct la_conn *c;
	uint32_t old_n;

	CHECK(s->r, user_send(p, 60000) == 60000, "la_send");
	drain(p, 1);
	CHECK(s->r, user_close(p) == 0, "la_close");
	peer_skip(p);
	peer_ack(p);
	peer_fin(p);
	peer_skip(p);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 10);
	old_n = p->N;
	p->lax_edge = true;
	CHECK(s->r, la_connect(s->r->s, &p->t, &user_ops, p, &reuse, &c) == 0, "la_connect");
	p->u = (struct user){.c = c};
	rig_pump(s->r);
	CHECK(s->r, last_rx(p)->flags == LA_SYN && seq_gt(last_rx(p)->seq, old_n),
	      "ISS is SND.NXT of the old incarnation%+d", (int)(last_rx(p)->seq - old_n));
}

SCENARIO(rules, isn_tuples, "ISNs of different tuples at one moment are unrelated (I-01)")
{
	uint32_t iss[12];

	peer_listen(peer_new(s->r, &s->o));
	for (unsigned i = 0; i < 12; i++) {
		struct peer *p = peer_new(s->r, &s->o);

		peer_to_syn_rcvd_passive(p);
		iss[i] = p->ISS;
		for (unsigned j = 0; j < i; j++)
			CHECK(s->r, iss[i] - iss[j] + 10000 > 20000, "%d apart", (int)(iss[i] - iss[j]));
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
	CHECK(s->r, rig_counter(s->r, LA_C_drop_paws) == 1, "not counted");
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
	CHECK(s->r, rig_counter(s->r, LA_C_drop_ack_unsent) == 1, "not counted");
}

SCENARIO(rules, fin_at_the_edge, "data up to the edge is accepted, the FIN beyond the edge is not (C-18)")
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
	CHECK(s->r, p->R == p->snd, "acknowledged to %+d of the edge", (int)(p->R - p->snd));
	CHECK(s->r, p->u.peer_fin == 0, "`peer_fin` was called");
	peer_expect_state(p, LA_ESTABLISHED);
	user_read(p, UINT64_MAX);
	rig_pump(s->r);
	peer_fin(p);
	CHECK(s->r, p->R == p->snd && p->u.peer_fin == 1, "the repeated FIN was not accepted");
}

SCENARIO(rules, unacceptable_whole, "a segment outside the window is dropped whole, with its ACK (D-01)")
{
	struct peer *p = scene_open(s);
	struct la_conn_info i;
	uint32_t una = p->U, wnd = peer_info(p).snd_wnd;

	CHECK(s->r, user_send(p, 1000) == 1000, "la_send");
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
	 "the right edge does not move left when the window is no multiple of the scale's unit (SHLD-14)")
{
	struct peer *p = scene_open(s);
	uint32_t edge = 0;

	p->u.hold = true;
	for (unsigned i = 0; i < 40; i++) {
		const struct peer_rx *x;

		peer_data(p, 1001 + i);
		rig_run(s->r, 100); /* a delayed ACK for each */
		x = last_rx(p);
		CHECK(s->r, x->ack == p->snd, "no ACK");
		CHECK(s->r, i == 0 || seq_ge(x->ack + x->wnd, edge), "the edge moved left by %u",
		      edge - (x->ack + x->wnd));
		edge = x->ack + x->wnd;
	}
}

/* --- the retransmission time-out, by RFC 6298's own arithmetic -------------------------------- */

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
	CHECK(p->r, user_send(p, len) == (ssize_t)len, "la_send");
	rig_run(p->r, ms);
	peer_skip(p);
	peer_ack(p);
}

static void
rto_is(struct peer *p, uint32_t ms, uint32_t about)
{
	uint32_t rto = peer_info(p).rto_ms;

	CHECK(p->r, rto + about >= ms && rto <= ms + about, "RTO is %u, not %u", rto, ms);
}

SCENARIO(rules, rto_variance, "the RTO is SRTT + 4 * RTTVAR (X-01)")
{
	struct peer *p = open_after(s, 300);

	rto_is(p, 300 + 4 * 150, 4); /* 2.2: RTTVAR is half the first sample */
	for (unsigned i = 0; i < 30; i++)
		round_trip(p, 100, 300);
	rto_is(p, 310, 10); /* RTTVAR is near 0 */
	s->o.lport = 81;
	p = open_after(s, 100);
	round_trip(p, 100, 260); /* RTTVAR 3/4 * 50 + 1/4 * 160, SRTT 7/8 * 100 + 1/8 * 260 */
	rto_is(p, 120 + 310, 6);
}

SCENARIO(rules, rto_syn_lost, "a lost SYN,ACK and no sample: 3 s for the data (RFC 6298 5.7)")
{
	struct peer *p;

	if (s->o.ts)
		return; /* a timestamp identifies the acknowledged copy */
	p = open_after(s, 1500);
	peer_expect_state(p, LA_ESTABLISHED);
	rto_is(p, 3000, 0);
}

SCENARIO(rules, congestion,
	 "a time-out halves ssthresh once; above ssthresh cwnd grows by one segment a round trip (X-08, X-10)")
{
	struct peer *p = scene_open(s);
	uint32_t mss = peer_info(p).mss, cwnd;

	CHECK(s->r, user_send(p, 10 * mss) == 10 * (ssize_t)mss, "la_send");
	CHECK(s->r, p->N - p->U == 10 * mss, "%u bytes in flight", p->N - p->U);
	rig_run(s->r, 250);
	CHECK(s->r, rig_counter(s->r, LA_C_rto_expired) == 1, "no time-out, or too many");
	CHECK(s->r, peer_info(p).ssthresh == 5 * mss && peer_info(p).cwnd == mss, "RFC 5681 (4): ssthresh %u, cwnd %u",
	      peer_info(p).ssthresh, peer_info(p).cwnd);
	rig_run(s->r, 450);
	CHECK(s->r, rig_counter(s->r, LA_C_rto_expired) == 2, "no second time-out, or too many");
	CHECK(s->r, peer_info(p).ssthresh == 5 * mss, "ssthresh %u after the second time-out", peer_info(p).ssthresh);
	peer_skip(p);
	peer_ack(p);
	for (unsigned i = 0; i < 10 && peer_info(p).cwnd < 5 * mss; i++)
		round_trip(p, mss, 0);
	cwnd = peer_info(p).cwnd;
	CHECK(s->r, cwnd >= 5 * mss && cwnd <= 6 * mss, "cwnd %u", cwnd);
	for (unsigned i = 1; i * mss < cwnd; i++) { /* RFC 3465 2.1: a window of bytes, acknowledged in small steps */
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
	CHECK(s->r, rig_counter(s->r, LA_C_keepalive_probes) == 0, "probed");
	rig_run(s->r, 11000);
	CHECK(s->r, rig_counter(s->r, LA_C_keepalive_probes) == 1, "not probed after 10 s of silence");
}

/* --- callbacks of a listener's user ----------------------------------------------------------- */

struct told {
	unsigned opened, closed;
};

static void
told_opened(struct la_conn *c, void *user)
{
	(void)c;
	((struct told *)user)->opened++;
}

static void
told_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	(void)c;
	(void)why;
	((struct told *)user)->closed++;
}

static const struct la_conn_ops told_ops = {.opened = told_opened, .closed = told_closed};

SCENARIO(rules, half_open_no_callback, "a handshake that fails calls no callback of the listener")
{
	struct peer *p = peer_new(s->r, &s->o);
	struct told told = {0};

	CHECK(s->r, la_listen(s->r->s, NULL, p->t.lport, &told_ops, &told, NULL) == 0, "la_listen");
	peer_syn(p); /* reset */
	peer_skip(p);
	peer_send(p, LA_RST, p->R, 0, 0);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, rig_counter(s->r, LA_C_embryonic_gone) == 1, "not counted");

	peer_renew(p, 0x20000000); /* timed out */
	peer_syn(p);
	rig_run(s->r, 400000);
	peer_expect_state(p, LA_CLOSED);

	peer_renew(p, 0x30000000); /* aborted */
	peer_syn(p);
	CHECK(s->r, la_shard_abort_all(s->r->s, 10) == 0, "la_shard_abort_all");
	rig_pump(s->r);
	CHECK(s->r, told.opened == 0 && told.closed == 0, "%u opened, %u closed", told.opened, told.closed);
	CHECK(s->r, rig_counter(s->r, LA_C_embryonic_gone) == 3, "not counted");
}

SCENARIO(rules, listener_of_address, "a listener on the address takes precedence over a listener on every address")
{
	struct told one = {0}, any = {0};
	struct peer *p, *q;

	for (unsigned order = 0; order < 2; order++) {
		s->o.lport = (uint16_t)(7000 + order);
		s->o.other = false;
		p = peer_new(s->r, &s->o);
		s->o.other = true;
		q = peer_new(s->r, &s->o);
		for (unsigned i = 0; i < 2; i++) {
			bool first = i == order;
			int rc = la_listen(s->r->s, first ? &p->t.laddr : NULL, s->o.lport, &told_ops,
					   first ? &one : &any, NULL);

			CHECK(s->r, rc == 0, "la_listen: %d", rc);
		}
		peer_syn(p);
		peer_syn(q);
		peer_ack(p);
		peer_ack(q);
		CHECK(s->r, one.opened == order + 1 && any.opened == order + 1, "%u for the address, %u for any",
		      one.opened, any.opened);
	}
	la_shard_abort_all(s->r->s, 100);
	rig_pump(s->r);
}
