/* SPDX-License-Identifier: BSD-3-Clause */

/* RFC 6298 5: a segment is retransmitted at the earliest one RTO after its last transmission. The last part tests
 * congestion control by bytes (RFC 3465). */

#include "scenario.h"
#include "tcp/internal.h"

enum { SEGMENTS = 400, SEG = 1000 };

/* A receiver with a constant round-trip time: it acknowledges each segment rtt ms after the shard sent the segment. */
struct receiver {
	struct peer *p;
	uint64_t rtt;
	uint32_t base;	    /* sequence number of the first byte */
	bool got[SEGMENTS]; /* segments received, by number */
	unsigned lost;	    /* number of the segment that is lost once; SEGMENTS: none */
	unsigned next;	    /* index in p->rx of the next segment to acknowledge */
	unsigned acked;	    /* number of segments acknowledged */
	uint32_t tsecr;	    /* TSval of the last segment in order */
};

static void
receiver_tick(struct receiver *f)
{
	struct peer *p = f->p;

	rig_run(p->r, 1);
	for (; f->next < p->nrx && p->rx[f->next].at + f->rtt <= p->r->now; f->next++) {
		const struct peer_rx *x = &p->rx[f->next];
		unsigned n = (x->seq - f->base) / SEG;

		if (x->len == 0)
			continue;
		CHECK(p->r, x->len == SEG && n < SEGMENTS, "a segment of %u bytes", x->len);
		if (n == f->lost) {
			f->lost = SEGMENTS;
			continue;
		}
		f->got[n] = true;
		if (n == f->acked)
			f->tsecr = x->f.tsval; /* RFC 7323 4.3 */
		while (f->got[f->acked])
			f->acked++;
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = f->base + f->acked * SEG,
			.ts = p->ts_on ? TS_SET : TS_AUTO, .tsval = p->ts_now, .tsecr = f->tsecr);
	}
}

static struct peer *
receiver_open(struct scene *s, struct receiver *f, uint64_t rtt)
{
	struct peer *p;

	scene_rig(s, &(struct rig_opts){.rto_min_ms = 200});
	s->o.mss = s->o.ts ? SEG + 12 : SEG;
	s->o.conn.sndbuf = 1000000;
	s->o.conn.nodelay = true;
	p = scene_listen(s);
	peer_to_syn_rcvd_passive(p);
	rig_run(s->r, rtt);
	peer_ack(p);
	*f = (struct receiver){.p = p, .rtt = rtt, .base = p->N, .lost = SEGMENTS, .next = p->nrx};
	return p;
}

/* Sends a segment every `gap` ms. The first transmission of segment `lost` is lost. */
static void
steady_loss(struct scene *s, uint64_t rtt, unsigned gap, unsigned lost)
{
	enum { N = 120 };
	struct receiver f;
	struct peer *p = receiver_open(s, &f, rtt);
	uint32_t least = UINT32_MAX;

	f.lost = lost;
	for (unsigned ms = 0; f.acked < N; ms++) {
		CHECK(s->r, ms < 100000, "the transfer does not end");
		if (ms % gap == 0 && ms / gap < N)
			CHECK(s->r, user_send(p, SEG) == SEG, "la_send failed");
		receiver_tick(&f);
		if (peer_info(p).cwnd < least)
			least = peer_info(p).cwnd;
	}
	CHECK(s->r, rig_counter(s->r, LA_C_fast_retransmits) == 1, "%llu fast retransmits, RTT %u, gap %u",
	      (unsigned long long)rig_counter(s->r, LA_C_fast_retransmits), (unsigned)rtt, gap);
	CHECK(s->r, rig_counter(s->r, LA_C_rto_expired) == 0, "a time-out, RTT %u, gap %u", (unsigned)rtt, gap);
	CHECK(s->r, rig_counter(s->r, LA_C_retransmits) == 1, "more than the lost segment was retransmitted");
	CHECK(s->r, least >= 2 * SEG, "cwnd fell to %u, RTT %u, gap %u", least, (unsigned)rtt, gap);
}

SCENARIO(rto, one_loss,
	 "with a constant RTT one loss causes a fast retransmit, no time-out, and no cwnd below 2 segments")
{
	static const uint64_t rtt[] = {20, 50, 100, 130, 160, 185, 199, 210, 300, 400};

	for (unsigned i = 0; i < sizeof(rtt) / sizeof(rtt[0]); i++)
		for (unsigned gap = 5; gap <= 20; gap += 5)
			if (rtt[i] >= 4 * gap) /* otherwise there are fewer than three duplicate ACKs */
				steady_loss(s, rtt[i], gap, 60);
}

SCENARIO(rto, bulk_loss, "with a constant RTT one loss in a full cwnd causes a fast retransmit and no time-out")
{
	static const uint64_t rtt[] = {20, 160, 190, 400};

	for (unsigned i = 0; i < sizeof(rtt) / sizeof(rtt[0]); i++) {
		struct receiver f;
		struct peer *p = receiver_open(s, &f, rtt[i]);

		f.lost = 100;
		CHECK(s->r, user_send(p, 300 * SEG) == 300 * SEG, "la_send failed");
		for (unsigned ms = 0; f.acked < 300; ms++) {
			CHECK(s->r, ms < 100000, "the transfer does not end");
			receiver_tick(&f);
		}
		CHECK(s->r, rig_counter(s->r, LA_C_fast_retransmits) == 1, "RTT %u: no fast retransmit",
		      (unsigned)rtt[i]);
		CHECK(s->r, rig_counter(s->r, LA_C_rto_expired) == 0, "RTT %u: a time-out", (unsigned)rtt[i]);
	}
}

/* Waits until the shard sends the segment at `seq` again. Returns the time. */
static uint64_t
retransmitted_at(struct peer *p, uint32_t seq)
{
	struct peer_rx *x;

	peer_skip(p);
	do
		x = peer_wait(p, 10000);
	while (x && x->seq != seq);
	CHECK(p->r, x != NULL, "not retransmitted");
	return x->at;
}

SCENARIO(rto, path_mtu, "the retransmission after an ICMP \"too big\" restarts the retransmission timer")
{
	static const unsigned after[] = {10, 100, 190};

	for (unsigned i = 0; i < 3; i++) {
		struct frame_icmp f = {.type = s->o.ip6 ? 2 : 3, .code = s->o.ip6 ? 0 : 4, .rest = 1300};
		struct peer *p;
		uint8_t buf[FRAME_MAX];
		uint64_t from, at;

		s->o.lport = (uint16_t)(80 + i);
		p = scene_open(s);
		CHECK(s->r, user_send(p, 1400) == 1400, "la_send failed");
		rig_run(s->r, after[i]);
		f.from = f.dst = p->t.raddr;
		f.to = f.src = p->t.laddr;
		f.sport = p->t.lport;
		f.dport = p->t.rport;
		f.seq = p->U;
		memcpy(f.eth_dst, s->r->mac, 6);
		memcpy(f.eth_src, s->r->peer_mac, 6);
		peer_skip(p);
		rig_inject(s->r, buf, frame_icmp_write(buf, &f));
		CHECK(s->r, peer_waiting(p) == 2, "not retransmitted in two segments");
		from = s->r->now;
		at = retransmitted_at(p, p->U);
		CHECK(s->r, at - from >= 200, "retransmitted again after %u ms, the RTO is 200", (unsigned)(at - from));
		peer_ack(p);
	}
}

SCENARIO(rto, syn_repeated, "the SYN,ACK that answers a repeated SYN restarts the retransmission timer")
{
	struct peer *p = scene_listen(s);
	uint64_t at;

	peer_syn(p);
	rig_run(s->r, 900);
	peer_syn(p);
	at = retransmitted_at(p, p->ISS);
	CHECK(s->r, at - s->r->now == 0 && p->rx[p->nrx - 2].at + 1000 <= at,
	      "retransmitted %u ms after the previous SYN,ACK", (unsigned)(at - p->rx[p->nrx - 2].at));
}

SCENARIO(rto, simultaneous_open, "the SYN,ACK of a simultaneous open restarts the retransmission timer")
{
	struct peer *p = peer_new(s->r, &s->o);
	uint64_t from, at;

	peer_to_syn_sent(p);
	rig_run(s->r, 700);
	peer_syn(p);
	peer_expect_state(p, LA_SYN_RCVD);
	from = s->r->now;
	at = retransmitted_at(p, p->ISS);
	CHECK(s->r, at - from >= 1000, "retransmitted %u ms after the SYN,ACK", (unsigned)(at - from));
}

SCENARIO(rto, window_opens, "the retransmission when the window opens restarts the retransmission timer")
{
	struct peer *p;
	uint64_t from, at;

	s->o.mss = 1000;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 3000) == 3000, "la_send failed");
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->U, .win = WIN_ZERO);
	at = retransmitted_at(p, p->U);
	from = s->r->now;
	rig_run(s->r, 300); /* the RTO is 400 */
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->U);
	CHECK(s->r, last_rx(p)->seq == p->U && last_rx(p)->at == from + 300, "not sent when the window opens");
	from = s->r->now;
	at = retransmitted_at(p, p->U);
	CHECK(s->r, at - from >= 400, "retransmitted after %u ms, the RTO is 400", (unsigned)(at - from));
}

/* --- windows in bytes ------------------------------------------------------------------------------------ */

/* Opens a connection and brings n segments of SEG bytes in flight, with a cwnd of the same size. */
static struct peer *
in_flight(struct scene *s, unsigned n)
{
	struct receiver f;
	struct peer *p = receiver_open(s, &f, 1);

	s->o.conn.sndbuf = 1000000;
	for (unsigned i = 0; p->N - p->U < n * SEG; i++) {
		CHECK(s->r, i < 100, "only %u bytes in flight", p->N - p->U);
		user_send(p, 50 * SEG);
		if (p->N - p->U >= n * SEG)
			break;
		peer_send(p, LA_ACK, p->snd, p->U + SEG, 0);
	}
	peer_skip(p);
	return p;
}

SCENARIO(rto, dupack_flood, "RFC 5681 3.2 (4): duplicate ACKs inflate cwnd by at most the bytes in flight")
{
	struct peer *p = in_flight(s, 20);
	uint32_t u = p->U, out = p->N - u, ssthresh, most;

	for (unsigned i = 0; i < 2000; i++)
		peer_send(p, LA_ACK, p->snd, u, 0);
	ssthresh = peer_info(p).ssthresh;
	most = ssthresh + out + 2 * SEG; /* limited transmit has sent two more segments */
	CHECK(s->r, rig_counter(s->r, LA_C_fast_retransmits) == 1, "fast_retransmits is not 1");
	CHECK(s->r, peer_info(p).cwnd <= most, "cwnd %u, ssthresh %u, %u bytes in flight before the duplicate ACKs",
	      peer_info(p).cwnd, ssthresh, out);
	CHECK(s->r, p->N - u <= most, "%u bytes in flight", p->N - u);
	CHECK(s->r, p->N - u >= out, "no new segments for duplicate ACKs");
	/* after a partial ACK the duplicate ACKs may inflate cwnd by the bytes in flight again */
	peer_send(p, LA_ACK, p->snd, u + SEG, 0);
	out = p->N - p->U;
	for (unsigned i = 0; i < 2000; i++)
		peer_send(p, LA_ACK, p->snd, u + SEG, 0);
	CHECK(s->r, p->N - p->U <= 2 * out + SEG, "%u bytes in flight after a partial ACK with %u", p->N - p->U, out);
	CHECK(s->r, p->N - p->U >= out + 10 * SEG, "%u bytes in flight after a partial ACK with %u", p->N - p->U, out);
	peer_send(p, LA_ACK, p->snd, p->N, 0);
	CHECK(s->r, peer_info(p).cwnd <= ssthresh, "cwnd %u, ssthresh %u", peer_info(p).cwnd, ssthresh);
}

SCENARIO(rto, ack_division, "RFC 3465: many ACKs for one segment open cwnd by one segment")
{
	struct receiver f;
	struct peer *p = receiver_open(s, &f, 1);
	uint32_t u = p->U, cwnd = peer_info(p).cwnd;

	CHECK(s->r, user_send(p, 10 * SEG) == 10 * SEG, "la_send failed");
	for (unsigned i = 1; i <= 100; i++) /* slow start */
		peer_send(p, LA_ACK, p->snd, u + i * SEG / 100, 0);
	CHECK(s->r, peer_info(p).cwnd == cwnd + SEG, "slow start: cwnd from %u to %u", cwnd, peer_info(p).cwnd);
	peer_send(p, LA_ACK, p->snd, p->N, 0);

	CHECK(s->r, user_send(p, 10 * SEG) == 10 * SEG, "la_send failed");
	rig_run(s->r, 250); /* the RTO expires: ssthresh is 5 segments */
	peer_send(p, LA_ACK, p->snd, p->N, 0);
	u = p->N;
	for (unsigned i = 1; peer_info(p).cwnd < peer_info(p).ssthresh; i++) {
		CHECK(s->r, user_send(p, SEG) == SEG, "la_send failed");
		peer_send(p, LA_ACK, p->snd, p->N, 0);
		CHECK(s->r, i < 20, "cwnd does not reach ssthresh");
	}
	cwnd = peer_info(p).cwnd;
	u = p->N;
	for (uint32_t sent = 0; sent < cwnd - SEG; sent += SEG) { /* congestion avoidance */
		CHECK(s->r, user_send(p, SEG) == SEG, "la_send failed");
		for (unsigned i = 1; i <= 10; i++)
			peer_send(p, LA_ACK, p->snd, u + sent + i * SEG / 10, 0);
		CHECK(s->r, peer_info(p).cwnd == cwnd, "cwnd %u after %u of %u bytes", peer_info(p).cwnd, sent + SEG,
		      cwnd);
	}
	CHECK(s->r, user_send(p, SEG) == SEG, "la_send failed");
	peer_send(p, LA_ACK, p->snd, p->N, 0);
	CHECK(s->r, peer_info(p).cwnd == cwnd + SEG, "cwnd %u after %u bytes", peer_info(p).cwnd, cwnd);
}

SCENARIO(rto, stretch_acks, "RFC 3465 2.1: with one ACK for four segments cwnd grows as fast as with one ACK for each")
{
	struct receiver f;
	struct peer *p = receiver_open(s, &f, 1);
	uint32_t cwnd;

	CHECK(s->r, user_send(p, 10 * SEG) == 10 * SEG, "la_send failed");
	rig_run(s->r, 250);
	peer_send(p, LA_ACK, p->snd, p->N, 0);
	while (peer_info(p).cwnd < peer_info(p).ssthresh) {
		CHECK(s->r, user_send(p, SEG) == SEG, "la_send failed");
		peer_send(p, LA_ACK, p->snd, p->N, 0);
	}
	cwnd = peer_info(p).cwnd;
	for (uint32_t done = 0; done < 3 * cwnd + 3 * SEG; done += 4 * SEG) {
		CHECK(s->r, user_send(p, 4 * SEG) == 4 * SEG, "la_send failed");
		peer_send(p, LA_ACK, p->snd, p->N, 0);
	}
	CHECK(s->r, peer_info(p).cwnd >= cwnd + 2 * SEG && peer_info(p).cwnd <= cwnd + 3 * SEG,
	      "cwnd from %u to %u after three windows", cwnd, peer_info(p).cwnd);
}
