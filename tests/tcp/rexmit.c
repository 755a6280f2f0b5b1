/* SPDX-License-Identifier: BSD-3-Clause */

/* Retransmission and congestion control (RFC 6298, 5681, 6582, 3042). */

#include "scenario.h"

/* After ms milliseconds the peer acknowledges all sequence numbers below `ack`. */
static void
ack_after(struct peer *p, uint64_t ms, uint32_t ack)
{
	rig_run(p->r, ms);
	peer_send(p, LA_ACK, p->snd, ack, 0);
}

/* Opens a connection with a handshake of rtt ms, which gives the first RTT sample. */
static struct peer *
open_with_rtt(struct scene *s, uint64_t rtt)
{
	struct peer *p = scene_listen(s);

	peer_to_syn_rcvd_passive(p);
	rig_run(s->r, rtt);
	peer_ack(p);
	peer_expect_state(p, LA_ESTABLISHED);
	return p;
}

/* Makes n writes of 100 bytes. The peer acknowledges each write after rtt ms. */
static void
send_writes(struct peer *p, unsigned n, uint64_t rtt)
{
	for (unsigned i = 0; i < n; i++) {
		CHECK(p->r, user_send(p, 100) == 100, "la_send failed");
		CHECK(p->r, peer_waiting(p) == 1, "%u segments for a small write", peer_waiting(p));
		peer_skip(p);
		ack_after(p, rtt, p->N);
		CHECK(p->r, peer_waiting(p) == 0, "retransmitted within the round-trip time");
	}
}

/* Opens a connection and sends until its congestion window is large enough for n full segments. */
static struct peer *
open_with_cwnd(struct scene *s, unsigned n)
{
	struct peer *p;

	s->o.mss = 1000;
	s->o.conn.sndbuf = 1000000;
	p = scene_open(s);
	for (unsigned i = 0; i < 2 * n; i++) {
		CHECK(s->r, user_send(p, 4000) == 4000, "la_send failed");
		drain(p, 1);
	}
	CHECK(s->r, p->got == p->N, "bytes are still in flight");
	return p;
}

SCENARIO(rexmit, X_01, "the RTO follows SRTT and RTTVAR, and has a floor")
{
	struct peer *p = open_with_rtt(s, 300);
	struct peer_rx *x;
	uint64_t from;

	send_writes(p, 20, 300);
	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
	peer_skip(p);
	from = s->r->now;
	x = peer_wait(p, 10000);
	CHECK(s->r, x && x->len == 100, "not retransmitted");
	/* SRTT is near 300 and RTTVAR near 0, so the RTO is above the floor of 200 ms */
	CHECK(s->r, x->at - from >= 300 && x->at - from <= 700, "after %llu ms", (unsigned long long)(x->at - from));
	CHECK(s->r, peer_info(p).srtt_ms >= 280 && peer_info(p).srtt_ms <= 320, "SRTT %u", peer_info(p).srtt_ms);
}

SCENARIO(rexmit, X_01_floor, "the RTO is at least the configured rto_min_ms")
{
	struct peer *p;
	struct peer_rx *x;
	uint64_t from;

	scene_rig(s, &(struct rig_opts){.rto_min_ms = 1000});
	p = scene_open(s);
	send_writes(p, 10, 5);
	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
	peer_skip(p);
	from = s->r->now;
	x = peer_wait(p, 10000);
	CHECK(s->r, x && x->at - from >= 1000 && x->at - from <= 1100, "after %llu ms",
	      (unsigned long long)(x ? x->at - from : 0));
}

SCENARIO(rexmit, X_02, "Karn: the ACK of a retransmission gives no RTT sample")
{
	struct peer *p = open_with_rtt(s, 300);
	uint32_t before;

	if (s->o.ts)
		return; /* a timestamp identifies the acknowledged copy */
	send_writes(p, 10, 300);
	before = peer_info(p).srtt_ms;
	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
	peer_skip(p);
	CHECK(s->r, peer_wait(p, 5000) != NULL, "not retransmitted");
	ack_after(p, 5, p->N);
	CHECK(s->r, peer_info(p).srtt_ms == before, "SRTT moved from %u to %u", before, peer_info(p).srtt_ms);
}

SCENARIO(rexmit, X_02_fast, "Karn: the ACK of a fast retransmit gives no RTT sample")
{
	struct peer *p;
	uint32_t u, before;

	if (s->o.ts)
		return;
	p = open_with_cwnd(s, 10);
	u = p->N;
	before = peer_info(p).srtt_ms;
	CHECK(s->r, user_send(p, 9000) == 9000, "la_send failed");
	rig_run(s->r, 10);
	for (unsigned i = 0; i < 3; i++)
		peer_send(p, LA_ACK, p->snd, u, 0);
	CHECK(s->r, rig_counter(s->r, LA_C_fast_retransmits) == 1, "no fast retransmit");
	ack_after(p, 150, p->N);
	CHECK(s->r, rig_counter(s->r, LA_C_rto_expired) == 0, "the RTO expired");
	CHECK(s->r, peer_info(p).srtt_ms == before, "SRTT moved from %u to %u", before, peer_info(p).srtt_ms);
}

SCENARIO(rexmit, X_03, "backoff doubles up to at least a minute")
{
	struct peer *p;
	uint64_t last, gap = 0;

	s->o.conn.user_timeout_ms = 1000000;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 3000) == 3000, "la_send failed");
	rig_pump(s->r);
	peer_skip(p);
	last = s->r->now;
	for (unsigned i = 0; i < 12; i++) {
		struct peer_rx *x = peer_wait(p, 200000);

		CHECK(s->r, x && x->seq == p->ISS + 1, "the first unacknowledged segment is not retransmitted");
		CHECK(s->r, i == 0 || x->at - last >= 2 * gap - 1 || x->at - last >= 60000,
		      "X-04: an interval of %llu ms after one of %llu", (unsigned long long)(x->at - last),
		      (unsigned long long)gap);
		gap = x->at - last;
		last = x->at;
		CHECK(s->r, peer_waiting(p) == 0, "X-10: more than one segment after a time-out");
	}
	CHECK(s->r, gap >= 60000, "the longest interval is %llu ms", (unsigned long long)gap);
}

SCENARIO(rexmit, X_05, "an ACK of new data restarts the timer, and the last ACK stops it")
{
	struct peer *p;
	struct peer_rx *x;

	s->o.conn.nodelay = true;
	p = scene_open(s);
	send_writes(p, 10, 100);
	CHECK(s->r, user_send(p, 2 * 1400) == 2800, "la_send failed");
	rig_pump(s->r);
	CHECK(s->r, peer_waiting(p) >= 2, "fewer than two segments were sent");
	peer_skip(p);
	ack_after(p, 100, p->rx[p->nrx - 2].end);
	x = peer_wait(p, 10000);
	CHECK(s->r, x && x->at >= s->r->now && x->seq == p->U, "not retransmitted");
	CHECK(s->r, x->at - p->rx[p->nrx - 2].at >= 300, "retransmitted %llu ms after the ACK",
	      (unsigned long long)(x->at - p->rx[p->nrx - 2].at - 100));
	peer_skip(p);
	peer_send(p, LA_ACK, p->snd, p->N, 0);
	peer_expect_none(p, 100000);
}

SCENARIO(rexmit, X_06, "R2 is at least 100 s by default, and configurable")
{
	struct peer *p = scene_open(s), *q;
	uint64_t from = s->r->now;

	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
	rig_run(s->r, 99999);
	CHECK(s->r, p->u.closed == 0, "SHLD-11: the connection ended before 100 s");
	rig_run(s->r, 200000);
	user_expect_closed(p, LA_END_TIMEOUT);
	CHECK(s->r, p->nrx >= 5, "MUST-20: fewer than 5 segments before the time-out");
	CHECK(s->r, rig_counter(s->r, LA_C_ended_timeout) == 1, "ended_timeout is not 1");

	s->o.conn.user_timeout_ms = 5000;
	s->o.lport = 81;
	q = scene_open(s);
	from = s->r->now;
	CHECK(s->r, user_send(q, 100) == 100, "la_send failed");
	rig_run(s->r, 60000);
	user_expect_closed(q, LA_END_TIMEOUT);
	CHECK(s->r, q->u.closed_at - from >= 5000 && q->u.closed_at - from <= 15000, "after %llu ms",
	      (unsigned long long)(q->u.closed_at - from));
}

SCENARIO(rexmit, X_06_progress, "R2 runs from the last ACK of new data, not from the first segment")
{
	struct peer *p;

	s->o.conn.user_timeout_ms = 5000;
	s->o.mss = 1000;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 50000) == 50000, "la_send failed");
	for (unsigned i = 1; i <= 10; i++) {
		rig_run(s->r, 3000);
		CHECK(s->r, p->u.closed == 0, "the connection ended although the peer acknowledges");
		peer_send(p, LA_ACK, p->snd, p->U + 500, 0);
	}
	rig_run(s->r, 20000);
	user_expect_closed(p, LA_END_TIMEOUT);
	CHECK(s->r, p->u.why.unacked == 45000, "%llu bytes", (unsigned long long)p->u.why.unacked);
}

SCENARIO(rexmit, X_07, "the initial window is at least two segments and at most ten")
{
	struct peer *p;
	uint32_t bytes;
	unsigned n;

	s->o.mss = 1000;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 50000) == 50000, "la_send failed");
	rig_pump(s->r);
	n = flight(p, &bytes);
	CHECK(s->r, n >= 2 && bytes <= 10 * 1000, "%u segments, %u bytes", n, bytes);
}

SCENARIO(rexmit, X_07_lost, "the initial window is one segment after a lost SYN,ACK")
{
	struct peer *p;
	uint32_t bytes;
	unsigned n;

	s->o.mss = 1000;
	p = scene_listen(s);
	peer_to_syn_rcvd_passive(p);
	CHECK(s->r, peer_wait(p, 5000) != NULL, "the SYN,ACK is not retransmitted");
	peer_ack(p);
	CHECK(s->r, user_send(p, 50000) == 50000, "la_send failed");
	rig_pump(s->r);
	n = flight(p, &bytes);
	CHECK(s->r, n == 1, "%u segments, %u bytes", n, bytes);
}

SCENARIO(rexmit, X_08, "in slow start, the bytes in flight at most double in each round trip")
{
	struct peer *p;
	uint32_t last = 0;

	s->o.mss = 1000;
	s->o.conn.sndbuf = 1000000;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 600000) == 600000, "la_send failed");
	rig_pump(s->r);
	for (unsigned round = 0; round < 5; round++) {
		uint32_t from = p->U, to = p->N, bytes;

		flight(p, &bytes);
		CHECK(s->r, last == 0 || bytes <= 2 * last + 1000, "%u bytes in flight after %u", bytes, last);
		if (last && last < 40000)
			CHECK(s->r, bytes > last, "slow start does not grow: %u bytes in flight after %u", bytes, last);
		last = bytes;
		rig_run(s->r, 50);
		for (uint32_t a = from + 1000; seq_lt(a, to); a += 1000)
			peer_send(p, LA_ACK, p->snd, a, 0);
		peer_send(p, LA_ACK, p->snd, to, 0);
	}
}

SCENARIO(rexmit, X_09, "the third duplicate ACK causes a fast retransmit, before the RTO")
{
	struct peer *p = open_with_cwnd(s, 10);
	uint32_t u = p->N, before;
	struct peer_rx *x;

	CHECK(s->r, user_send(p, 9000) == 9000, "la_send failed");
	rig_pump(s->r);
	peer_skip(p);
	before = p->N - u;
	CHECK(s->r, before >= 8000, "only %u bytes in flight", before);
	rig_run(s->r, 10);
	for (unsigned i = 0; i < 2; i++) {
		peer_send(p, LA_ACK, p->snd, u, 0);
		while ((x = peer_next(p)) != NULL)
			CHECK(s->r, x->seq != u, "retransmitted after %u duplicate ACKs", i + 1);
	}
	peer_send(p, LA_ACK, p->snd, u, 0);
	x = peer_next(p);
	CHECK(s->r, x && x->seq == u && x->len > 0, "no fast retransmit");
	CHECK(s->r, x->at == s->r->now, "the fast retransmit is late");
	CHECK(s->r, rig_counter(s->r, LA_C_fast_retransmits) == 1, "fast_retransmits is not 1");
	rig_run(s->r, 10);
	peer_skip(p);
	peer_send(p, LA_ACK, p->snd, p->N, 0);
	while ((x = peer_next(p)) != NULL)
		CHECK(s->r, seq_ge(x->seq, u + before), "an acknowledged segment was retransmitted");
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(rexmit, X_10, "after a time-out one segment is sent, then slow start begins")
{
	struct peer *p = open_with_cwnd(s, 10);
	uint32_t u = p->N, bytes;
	struct peer_rx *x;

	CHECK(s->r, user_send(p, 40000) == 40000, "la_send failed");
	rig_pump(s->r);
	CHECK(s->r, p->N - u >= 8000, "only %u bytes in flight", p->N - u);
	peer_skip(p);
	x = peer_wait(p, 5000);
	CHECK(s->r, x && x->seq == u, "not retransmitted");
	CHECK(s->r, flight(p, &bytes) == 0, "more than one segment after a time-out");
	CHECK(s->r, peer_info(p).cwnd <= 1000, "cwnd %u", peer_info(p).cwnd);
	rig_run(s->r, 10);
	peer_send(p, LA_ACK, p->snd, x->end, 0);
	CHECK(s->r, flight(p, &bytes) <= 2, "%u bytes after the first ACK", bytes);
	p->got = x->end;
	for (unsigned i = 0; i < p->nrx; i++)
		if (seq_le(p->rx[i].seq, p->got) && seq_gt(p->rx[i].end, p->got))
			p->got = p->rx[i].end;
	peer_ack(p);
	drain(p, 5000);
	CHECK(s->r, p->got == u + 40000, "only %u bytes arrived", p->got - u);
}

SCENARIO(rexmit, X_11, "limited transmit sends one new segment for each of the first two duplicate ACKs")
{
	struct peer *p = open_with_cwnd(s, 10);
	uint32_t u = p->N, n;

	CHECK(s->r, user_send(p, 100000) == 100000, "la_send failed");
	rig_pump(s->r);
	for (unsigned i = 0; i < 2; i++) {
		struct peer_rx *x;

		peer_skip(p);
		n = p->N;
		peer_send(p, LA_ACK, p->snd, u, 0);
		x = peer_next(p);
		CHECK(s->r, x && x->seq == n && x->len > 0, "no new segment for duplicate ACK %u", i + 1);
		CHECK(s->r, peer_next(p) == NULL, "more than one new segment for a duplicate ACK");
	}
}

SCENARIO(rexmit, X_12, "partial ACKs repair two losses in one window without a time-out")
{
	struct peer *p = open_with_cwnd(s, 10);
	uint32_t u = p->N, seg, first;
	struct peer_rx *x;

	CHECK(s->r, user_send(p, 10000) == 10000, "la_send failed");
	rig_pump(s->r);
	x = peer_next(p);
	CHECK(s->r, x && x->seq == u && x->len > 0, "no data");
	seg = x->len;
	CHECK(s->r, p->N - u >= 7 * seg, "only %u bytes in flight", p->N - u);
	first = p->N;
	peer_skip(p);
	rig_run(s->r, 5);
	/* the second and the fourth segment are lost */
	peer_send(p, LA_ACK, p->snd, u + seg, 0);
	for (unsigned i = 0; i < 3; i++)
		peer_send(p, LA_ACK, p->snd, u + seg, 0);
	while ((x = peer_next(p)) != NULL && x->seq != u + seg)
		;
	CHECK(s->r, x != NULL, "no fast retransmit");
	peer_skip(p);
	rig_run(s->r, 5);
	peer_send(p, LA_ACK, p->snd, u + 3 * seg, 0);
	while ((x = peer_next(p)) != NULL && x->seq != u + 3 * seg)
		;
	CHECK(s->r, x != NULL, "a partial ACK does not retransmit the next lost segment");
	rig_run(s->r, 5);
	peer_skip(p);
	peer_send(p, LA_ACK, p->snd, p->N, 0);
	drain(p, 600);
	CHECK(s->r, seq_ge(p->got, first), "bytes are missing");
	CHECK(s->r, rig_counter(s->r, LA_C_rto_expired) == 0, "the RTO expired");
}

SCENARIO(rexmit, X_13, "after idle time the shard sends at most an initial window at once")
{
	struct peer *p = open_with_cwnd(s, 40);
	uint32_t bytes;

	CHECK(s->r, peer_info(p).cwnd > 20000, "cwnd only %u", peer_info(p).cwnd);
	rig_run(s->r, 20000);
	CHECK(s->r, user_send(p, 50000) == 50000, "la_send failed");
	rig_pump(s->r);
	flight(p, &bytes);
	CHECK(s->r, bytes > 0 && bytes <= 10000, "%u bytes after idle time", bytes);
}

SCENARIO(rexmit, X_14, "ACKs that change the window or carry data do not count as duplicate ACKs")
{
	struct peer *p = open_with_cwnd(s, 10);
	uint32_t u = p->N;
	struct peer_rx *x;

	CHECK(s->r, user_send(p, 9000) == 9000, "la_send failed");
	rig_pump(s->r);
	peer_skip(p);
	for (int32_t i = 1; i <= 4; i++)
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = u, .win = 65535 - i);
	for (unsigned i = 0; i < 4; i++)
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd + 10 * i, .ack = u, .len = 10, .win = 65535 - 4);
	while ((x = peer_next(p)) != NULL)
		CHECK(s->r, x->seq != u || x->len == 0, "retransmitted");
	CHECK(s->r, rig_counter(s->r, LA_C_fast_retransmits) == 0, "a fast retransmit");
}

SCENARIO(rexmit, X_16, "ECE and CWR on the SYN are ignored")
{
	struct peer *p = scene_listen(s);

	peer_send(p, LA_SYN | LA_ECE | LA_CWR, p->IRS, 0, 0);
	peer_expect(p, LA_SYN | LA_ACK, p->ISS, p->IRS + 1, 0);
	peer_ack(p);
	peer_expect_state(p, LA_ESTABLISHED);
	peer_send(p, LA_ACK | LA_ECE | LA_CWR, p->snd, p->got, 100);
	CHECK(s->r, p->u.bytes == 100, "the data was not delivered");
}

SCENARIO(rexmit, sndbuf_loss, "all bytes of a long transfer arrive although every seventh segment is lost")
{
	struct peer *p;
	struct peer_rx *x;
	unsigned n = 0;

	s->o.conn.sndbuf = 300000;
	p = scene_open(s);
	p->got = p->ISS + 1;
	CHECK(s->r, user_send(p, 200000) == 200000, "la_send failed");
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	/* `got` replaces p->got, because peer.c assumes that no segment is lost */
	for (uint32_t got = p->ISS + 1, high = got; got != p->ISS + 200002; n++) {
		CHECK(s->r, n < 20000, "the transfer does not end");
		x = peer_wait(p, 200000);
		CHECK(s->r, x != NULL, "stopped at %u of 200000", got - p->ISS - 1);
		if (x->end == x->seq || n % 7 == 3)
			continue;
		if (seq_le(x->seq, got) && seq_gt(x->end, got))
			got = x->end; /* the peer discards data above a hole */
		high = seq_max(high, x->end);
		if (n % 5 == 0)
			rig_run(s->r, 3);
		peer_send(p, LA_ACK, p->snd, got, 0);
	}
	peer_expect_state(p, LA_FIN_WAIT_2);
}
