/* SPDX-License-Identifier: BSD-3-Clause */

/* Regression tests: windows, congestion control and RTT samples of the handshake. */

#include <rte_mbuf.h>

#include "scenario.h"

SCENARIO(regress_send, small_window_stays,
	 "RFC 9293 3.8.6.2.1 (4): a window that stays small is used after the override time-out")
{
	struct peer *p;
	unsigned n = 0;

	s->o.wscale = 0;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 1000) == 1000, "la_send failed"); /* the largest window was 65535 */
	peer_skip(p);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = 500);
	CHECK(s->r, user_send(p, 2000) == 2000, "la_send failed");
	while (p->got != p->ISS + 3001) {
		CHECK(s->r, peer_wait(p, 120000) != NULL, "no segment after %u of 3000 bytes", p->got - p->ISS - 1);
		CHECK(s->r, n++ < 50, "%u segments with only %u of 3000 bytes", n, p->got - p->ISS - 1);
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = 500);
	}
	peer_ack(p);
	CHECK(s->r, peer_info(p).snd_queued == 0, "%u queued", peer_info(p).snd_queued);
}

SCENARIO(regress_send, crossing_syn_ack_window,
	 "RFC 7323 2.2: the window of a SYN,ACK in a simultaneous open is not scaled")
{
	struct peer *p;
	uint32_t sent;

	s->o.wscale = s->o.wscale ? 9 : 0;
	s->o.win = 1000;
	p = peer_new(s->r, &s->o);
	peer_to_syn_rcvd_active(p);
	peer_send(p, LA_SYN | LA_ACK, p->IRS, p->ISS + 1, 0);
	peer_skip(p);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, peer_info(p).snd_wnd <= 1000, "SND.WND is %u, expected at most 1000", peer_info(p).snd_wnd);
	CHECK(s->r, user_send(p, 5000) == 5000, "la_send failed");
	flight(p, &sent);
	CHECK(s->r, sent > 0 && sent <= 1000, "%u bytes into a window of 1000", sent);
}

SCENARIO(regress_send, fast_retransmit_within_window,
	 "RFC 9293 3.8.6: a fast retransmit sends no new data above the window")
{
	struct peer *p;
	struct peer_rx *x;
	uint32_t una;

	s->o.win = 40;
	s->o.wscale = 0;
	s->o.conn.nodelay = true;
	p = scene_open(s);
	una = p->ISS + 1;
	for (unsigned i = 0; i < 4; i++)
		CHECK(s->r, user_send(p, 10) == 10, "la_send failed");
	CHECK(s->r, user_send(p, 3000) == 3000, "la_send failed");
	peer_skip(p);
	p->offered += 100000; /* turns off the check of capture.c: this test has its own */
	for (unsigned i = 0; i < 3; i++)
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = una, .win = 40);
	CHECK(s->r, rig_counter(s->r, LA_C_fast_retransmits) == 1, "no fast retransmit");
	CHECK(s->r, peer_waiting(p) > 0, "no segment was retransmitted");
	while ((x = peer_next(p)) != NULL)
		CHECK(s->r, seq_le(x->end, una + 40), "sent up to %u, the window is 40", x->end - una);
}

SCENARIO(regress_send, window_shut_over_flight,
	 "RFC 9293 SHLD-15: a window that shrank below the data in flight is used when it opens again")
{
	struct peer *p = scene_open(s);
	uint32_t una = p->ISS + 1;
	uint64_t until;
	struct peer_rx *x;

	CHECK(s->r, user_send(p, 5000) == 5000, "la_send failed");
	peer_skip(p);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = una, .win = WIN_ZERO);
	for (until = s->r->now + 60000; s->r->now < until;) {
		if (peer_wait(p, 1000) != NULL)
			PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = una, .win = WIN_ZERO);
	}
	peer_skip(p);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = una);
	x = peer_next(p);
	CHECK(s->r, x && x->seq == una && x->len > 0, "no data was sent into the open window");
	drain(p, 10000);
	CHECK(s->r, p->U == una + 5000, "only %u of 5000 bytes arrived", p->U - una);
}

/* Frees the frames that the shard sends, without the checks of the rig. */
static void
discard(struct rig *r)
{
	struct rte_mbuf *burst[64];
	unsigned n;

	while ((n = la_shard_tx(r->s, burst, 64)) > 0)
		rte_pktmbuf_free_bulk(burst, n);
}

/* Sends more than 2^31 bytes without a loss. Time does not advance. */
static void
send_2_gib(struct peer *p)
{
	enum { AT_ONCE = 1 << 20 };
	static const char text[AT_ONCE];
	uint64_t left = (1ull << 31) + 100000;

	while (left > 0) {
		struct la_conn_info i = peer_info(p);
		uint32_t n = (i.cwnd < AT_ONCE ? i.cwnd : AT_ONCE) / i.mss * i.mss;
		ssize_t took = la_send_const(p->u.c, text, n);

		CHECK(p->r, took == (ssize_t)n, "la_send_const: %zd", took);
		discard(p->r);
		i = peer_info(p);
		CHECK(p->r, i.snd_nxt - i.snd_una == n, "%u of %u sent", i.snd_nxt - i.snd_una, n);
		p->u.sent += n;
		p->N = p->got = i.snd_nxt;
		peer_ack(p);
		left -= n < left ? n : left;
	}
}

SCENARIO(regress_send, fast_retransmit_after_2_gib,
	 "RFC 6582 3.2: an old `recover` does not block fast retransmit after 2^31 bytes without a loss")
{
	struct peer *p;
	uint32_t una, smss;

	if (!s->o.wscale) /* without window scale 2^31 bytes take too long; the rule does not depend on it */
		return;
	scene_rig(s, &(struct rig_opts){.mtu = 9000, .offloads = LA_OFF_TX_MULTI_SEG});
	s->o.wscale = 9;
	s->o.mss = 8900;
	s->o.conn.sndbuf = 4 << 20;
	p = scene_open(s);
	send_2_gib(p);
	peer_skip(p);
	una = p->U;
	smss = peer_info(p).mss;
	CHECK(s->r, user_send(p, 8 * smss) == (ssize_t)(8 * smss), "la_send failed");
	peer_skip(p);
	for (unsigned i = 0; i < 3; i++)
		peer_send(p, LA_ACK, p->snd, una, 0);
	CHECK(s->r, rig_counter(s->r, LA_C_fast_retransmits) == 1, "%llu fast retransmits, expected 1",
	      (unsigned long long)rig_counter(s->r, LA_C_fast_retransmits));
	CHECK(s->r, peer_waiting(p) > 0 && p->rx[p->next].seq == una, "not retransmitted");
}

SCENARIO(regress_send, syn_repeated_is_no_sample,
	 "RFC 5681 3.1, RFC 6298 3: after a retransmitted SYN,ACK the IW is one segment, and no RTT sample is taken")
{
	struct peer *p = scene_listen(s);
	struct la_conn_info i;

	peer_to_syn_rcvd_passive(p);
	rig_run(s->r, 700);
	peer_syn(p);
	peer_expect(p, LA_SYN | LA_ACK, p->ISS, p->IRS + 1, 0);
	rig_run(s->r, 5);
	peer_ack(p);
	i = peer_info(p);
	CHECK(s->r, i.state == LA_ESTABLISHED && i.cwnd == i.mss, "cwnd %u, MSS %u", i.cwnd, i.mss);
	if (s->o.ts) /* the timestamp identifies the acknowledged copy */
		CHECK(s->r, i.srtt_ms == 5, "SRTT %u", i.srtt_ms);
	else
		CHECK(s->r, i.srtt_ms == 0 && i.rto_ms == 3000, "SRTT %u, RTO %u (RFC 6298 5.7)", i.srtt_ms, i.rto_ms);
}

SCENARIO(regress_send, syn_repeated_for_ever,
	 "RFC 9293 3.8.3: repeated SYNs do not prolong a half-open connection above R2")
{
	struct peer *p = scene_listen(s);

	for (unsigned i = 0; i < 400; i++) {
		peer_syn(p);
		peer_skip(p);
		rig_run(s->r, 900);
	}
	/* each lasts 63 s; the next SYN, at most 900 ms later, opens another */
	CHECK(s->r, rig_counter(s->r, LA_C_embryonic_gone) == 5, "%llu half-open connections ended in 6 minutes",
	      (unsigned long long)rig_counter(s->r, LA_C_embryonic_gone));
}

SCENARIO(regress_send, tsecr_bogus_passive,
	 "RFC 7323 4.1: a passive open ignores the echo of a timestamp that was never sent")
{
	struct peer *p;

	if (!s->o.ts)
		return;
	p = scene_listen(s);
	peer_to_syn_rcvd_passive(p);
	rig_run(s->r, 20);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->ISS + 1, .ts = TS_SET, .tsval = p->ts_now + 20,
		.tsecr = p->ts_dut + 1000);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, peer_info(p).rto_ms <= 1000, "RTO %u", peer_info(p).rto_ms);
}

SCENARIO(regress_send, tsecr_bogus_active,
	 "RFC 7323 4.1: an active open ignores the echo of a timestamp that was never sent")
{
	struct peer *p;

	if (!s->o.ts)
		return;
	p = peer_new(s->r, &s->o);
	peer_to_syn_sent(p);
	rig_run(s->r, 20);
	PEER_TX(p, .flags = LA_SYN | LA_ACK, .seq = p->IRS, .ack = p->N, .ts = TS_SET, .tsval = 7,
		.tsecr = p->ts_dut + 1000);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, peer_info(p).rto_ms <= 1000, "RTO %u", peer_info(p).rto_ms);
}

SCENARIO(regress_send, ssthresh_without_limited_transmit,
	 "RFC 5681 3.2 (2): segments of limited transmit do not count in ssthresh")
{
	struct peer *p;
	struct la_conn_info i;
	uint32_t flying, una;

	s->o.mss = 1000;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 50000) == 50000, "la_send failed");
	i = peer_info(p);
	una = i.snd_una;
	flying = i.snd_nxt - una;
	for (unsigned k = 0; k < 3; k++)
		peer_send(p, LA_ACK, p->snd, una, 0);
	CHECK(s->r, rig_counter(s->r, LA_C_fast_retransmits) == 1, "no fast retransmit");
	i = peer_info(p);
	CHECK(s->r, i.snd_nxt - una == flying + 2 * i.mss, "no limited transmit");
	CHECK(s->r, i.ssthresh == flying / 2, "%u in flight, ssthresh %u", flying, i.ssthresh);
}

static unsigned empty_calls;

static void
eager_opened(struct la_conn *c, void *user)
{
	(void)user;
	la_consume(c, la_unread(c));
}

static void
eager_data(struct la_conn *c, void *user)
{
	(void)user;
	empty_calls += la_unread(c) == 0;
}

/* tests/fuzz/fuzz_shard.c found this bug. */
SCENARIO(regress_send, data_read_in_opened,
	 "conn.h: `data` is not called when `opened` has read the bytes of the handshake's ACK")
{
	static const struct la_conn_ops eager = {.opened = eager_opened, .data = eager_data};
	struct peer *p = peer_new(s->r, &s->o);

	empty_calls = 0;
	CHECK(s->r, la_listen(s->r->s, NULL, p->t.lport, &eager, NULL, &s->o.conn) == 0, "la_listen failed");
	peer_syn(p);
	peer_skip(p);
	peer_data(p, 100);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, peer_info(p).rcv_queued == 0, "`opened` did not read the bytes");
	CHECK(s->r, empty_calls == 0, "`data` was called without unread bytes");
}
