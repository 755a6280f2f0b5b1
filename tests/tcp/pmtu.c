/* SPDX-License-Identifier: BSD-3-Clause */

/* Path MTU discovery (RFC 1191, RFC 8201). IPv4 paths below 552 bytes get packets without DF. Ten minutes after a
 * decrease the shard tries larger packets again. */

#include "scenario.h"

static void
too_big(struct peer *p, uint32_t mtu)
{
	struct frame_icmp f = {.from = p->t.raddr,
			       .to = p->t.laddr,
			       .type = p->o.ip6 ? 2 : 3,
			       .code = p->o.ip6 ? 0 : 4,
			       .rest = mtu,
			       .src = p->t.laddr,
			       .dst = p->t.raddr,
			       .sport = p->t.lport,
			       .dport = p->t.rport,
			       .seq = p->U};
	uint8_t buf[FRAME_MAX];

	memcpy(f.eth_dst, p->r->mac, 6);
	memcpy(f.eth_src, p->r->peer_mac, 6);
	peer_skip(p);
	rig_inject(p->r, buf, frame_icmp_write(buf, &f));
}

static uint32_t
packet(const struct peer *p, const struct peer_rx *x)
{
	return x->len + 20 + (uint32_t)x->f.optlen + (p->o.ip6 ? 40 : 20);
}

/* Checks DF on every received packet, and returns the size of the largest. */
static uint32_t
largest(struct peer *p, bool df)
{
	struct peer_rx *x;
	uint32_t most = 0;

	while ((x = peer_next(p)) != NULL) {
		if (x->len == 0)
			continue;
		CHECK(p->r, x->f.df == df, "DF is %s", x->f.df ? "set" : "missing");
		if (packet(p, x) > most)
			most = packet(p, x);
	}
	return most;
}

SCENARIO(pmtu, below_552,
	 "for IPv4 path MTUs below 552, packets have 552 bytes, no DF, and each its own identification")
{
	static const uint32_t mtu[] = {68, 69, 200, 296, 508, 551};

	if (s->o.ip6)
		return;
	for (unsigned i = 0; i < sizeof(mtu) / sizeof(mtu[0]); i++) {
		static bool seen[65536];
		struct peer *p;
		uint32_t most;

		memset(seen, 0, sizeof(seen));
		s->o.lport = (uint16_t)(80 + i);
		p = scene_open(s);
		s->r->small_path = false;
		CHECK(s->r, user_send(p, 6000) == 6000, "la_send failed");
		s->r->small_path = true;
		too_big(p, mtu[i]);
		most = largest(p, false);
		CHECK(s->r, most == 552, "packets of %u bytes, the path MTU is %u", most, mtu[i]);
		too_big(p, mtu[i]); /* a second error, for a packet with DF */
		CHECK(s->r, peer_waiting(p) == 0, "retransmitted twice");
		p->got = p->ISS + 1;
		peer_ack(p);
		drain(p, 5000);
		CHECK(s->r, p->got == p->ISS + 6001, "only %u bytes arrived", p->got - p->ISS - 1);
		for (unsigned k = 0; k < p->nrx; k++) {
			if (p->rx[k].f.df)
				continue;
			CHECK(s->r, !seen[p->rx[k].f.id], "identification %u twice", p->rx[k].f.id);
			seen[p->rx[k].f.id] = true;
		}
	}
}

SCENARIO(pmtu, identifications, "connections of one shard do not share an identification")
{
	static bool seen[65536];
	struct peer *p[8];

	if (s->o.ip6)
		return;
	memset(seen, 0, sizeof(seen));
	s->r->small_path = true;
	for (unsigned i = 0; i < 8; i++) {
		s->o.lport = (uint16_t)(80 + i);
		p[i] = scene_open(s);
		CHECK(s->r, user_send(p[i], 6000) == 6000, "la_send failed");
		too_big(p[i], 400);
	}
	for (unsigned i = 0; i < 8; i++)
		for (unsigned k = 0; k < p[i]->nrx; k++) {
			if (p[i]->rx[k].f.df)
				continue;
			CHECK(s->r, !seen[p[i]->rx[k].f.id], "identification %u twice", p[i]->rx[k].f.id);
			seen[p[i]->rx[k].f.id] = true;
		}
}

SCENARIO(pmtu, small_peer,
	 "MSS below 552: an error with the present packet size has no effect; a smaller MTU clears DF")
{
	struct peer *p;
	uint32_t most;

	if (s->o.ip6)
		return;
	s->o.mss = 400;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 3000) == 3000, "la_send failed");
	s->r->small_path = true;
	too_big(p, 440); /* the size of the packets: no change */
	CHECK(s->r, peer_waiting(p) == 0 && rig_counter(s->r, LA_C_icmp_pmtu) == 0, "440 was accepted as path MTU");
	too_big(p, 439);
	most = largest(p, false);
	CHECK(s->r, most == 440, "packets of %u bytes", most);
}

SCENARIO(pmtu, from_552, "for path MTUs of at least 552, packets have the size of the path MTU, and DF")
{
	static const uint32_t mtu[] = {1499, 1400, 1280, 1279, 600, 552};

	for (unsigned i = 0; i < sizeof(mtu) / sizeof(mtu[0]); i++) {
		struct peer *p;
		uint32_t most;

		s->o.lport = (uint16_t)(80 + i);
		p = scene_open(s);
		CHECK(s->r, user_send(p, 6000) == 6000, "la_send failed");
		too_big(p, mtu[i]);
		if (s->o.ip6 && mtu[i] < 1280) { /* RFC 8201 4: the error is discarded */
			CHECK(s->r, peer_waiting(p) == 0, "retransmitted");
			CHECK(s->r, rig_counter(s->r, LA_C_icmp_soft) == i - 2, "icmp_soft is wrong");
			continue;
		}
		most = largest(p, true);
		CHECK(s->r, most == mtu[i], "packets of %u bytes, the path MTU is %u", most, mtu[i]);
	}
}

SCENARIO(pmtu, plateaus, "RFC 1191 7.1: an error without an MTU steps down the plateaus, to packets without DF")
{
	static const uint32_t table[] = {1492, 1006, 552};
	struct peer *p;

	if (s->o.ip6)
		return;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 6000) == 6000, "la_send failed");
	for (unsigned i = 0; i < 3; i++) {
		uint32_t most;

		s->r->small_path = i == 2;
		too_big(p, 0);
		most = largest(p, i < 2);
		CHECK(s->r, most == table[i], "packets of %u bytes, expected %u", most, table[i]);
	}
}

/* Sends several full segments. Returns the size of the largest packet. */
static uint32_t
flight_size(struct peer *p, bool df)
{
	peer_skip(p);
	CHECK(p->r, user_send(p, 6000) == 6000, "la_send failed");
	return largest(p, df);
}

SCENARIO(pmtu, up_again,
	 "the old packet size is tried again ten minutes after the last decrease, not earlier (RFC 1191 6.3)")
{
	static const uint32_t mtu[] = {1400, 1300, 552, 300};

	s->o.conn.keepalive_ms = 0;
	for (unsigned i = 0; i < (s->o.ip6 ? 2u : 4u); i++) {
		struct peer *p;
		uint32_t before, now, low;

		scene_rig(s, NULL);
		s->r->now += 1000 * i; /* other offsets within a unit of pmtu_at */
		p = scene_open(s);
		before = flight_size(p, true);
		s->r->small_path = mtu[i] < 552;
		too_big(p, mtu[i]);
		p->got = p->ISS + 1;
		peer_ack(p);
		drain(p, 1000);
		CHECK(s->r, p->got == p->ISS + 6001, "not all bytes arrived");
		rig_run(s->r, 590000);
		low = flight_size(p, mtu[i] >= 552);
		CHECK(s->r, low == (mtu[i] < 552 ? 552 : mtu[i]), "%u bytes after less than ten minutes", low);
		drain(p, 1000);
		rig_run(s->r, 12000);
		now = flight_size(p, true);
		CHECK(s->r, now == before, "packets of %u bytes after ten minutes, %u at first", now, before);
		CHECK(s->r, rig_counter(s->r, LA_C_pmtu_raised) == 1, "pmtu_raised is not 1");
		too_big(p, mtu[i]); /* the path MTU is still small */
		now = largest(p, mtu[i] >= 552);
		CHECK(s->r, now == low, "packets of %u bytes", now);
		rig_run(s->r, 300);
		peer_ack(p);
		drain(p, 1000);
	}
}

SCENARIO(pmtu, up_after_time_out, "when the segment size grows, cwnd is at least one segment of the new size")
{
	struct peer *p = scene_open(s);
	uint32_t size = s->o.ip6 ? 1280 : 552, cwnd;

	if (s->o.ip6)
		return; /* two segments of 1280 have more bytes than one of 1500 */
	CHECK(s->r, user_send(p, 1000) == 1000, "la_send failed");
	too_big(p, size);
	rig_run(s->r, 300); /* the RTO expires: cwnd is one segment of 552 */
	peer_ack(p);
	drain(p, 1000);
	cwnd = peer_info(p).cwnd;
	CHECK(s->r, p->got == p->ISS + 1001 && cwnd < 1400, "cwnd %u", cwnd);
	rig_run(s->r, 610000);
	CHECK(s->r, flight_size(p, true) == 1500, "cwnd %u: no full segment was sent", peer_info(p).cwnd);
	drain(p, 1000);
	CHECK(s->r, p->got == p->ISS + 7001, "only %u bytes arrived", p->got - p->ISS - 1);
	CHECK(s->r, rig_counter(s->r, LA_C_zero_window_probes) == 0, "zero_window_probes is not 0");
}

SCENARIO(pmtu, syn, "an error about the SYN sets the path MTU; later the peer's MSS limits the packets")
{
	struct peer *p;

	s->o.mss = 1350;
	p = peer_new(s->r, &s->o);
	peer_to_syn_sent(p);
	too_big(p, 1300);
	peer_send(p, LA_SYN | LA_ACK, p->IRS, p->ISS + 1, 0);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, flight_size(p, true) == 1300, "the path MTU is lost");
	drain(p, 1000);
	rig_run(s->r, 610000);
	CHECK(s->r, flight_size(p, true) == 1350u + (s->o.ip6 ? 60 : 40), "packets do not have the peer's MSS");
	drain(p, 1000);
}

SCENARIO(pmtu, up_again_without_data,
	 "the packet size grows ten minutes after the decrease also when only ACKs are sent")
{
	struct peer *p = scene_open(s);
	uint16_t before = peer_info(p).mss;

	CHECK(s->r, user_send(p, 6000) == 6000, "la_send failed");
	too_big(p, 1400);
	p->got = p->ISS + 1;
	peer_ack(p);
	drain(p, 1000);
	CHECK(s->r, peer_info(p).mss < before, "the error had no effect");
	rig_run(s->r, 590000);
	peer_data(p, 10); /* the next hop is verified again */
	rig_run(s->r, 20000);
	CHECK(s->r, rig_counter(s->r, LA_C_pmtu_raised) == 0, "raised early");
	peer_data(p, 10);
	CHECK(s->r, p->u.bytes == 20, "the text did not arrive");
	CHECK(s->r, rig_counter(s->r, LA_C_pmtu_raised) == 1, "pmtu_raised is not 1");
	CHECK(s->r, peer_info(p).mss == before, "the MSS is %u", peer_info(p).mss);
}
