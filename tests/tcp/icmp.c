/* SPDX-License-Identifier: BSD-3-Clause */

/* ICMP errors about our segments (RFC 9293 3.9.2.2, RFC 5461, RFC 5927, RFC 1191). */

#include "scenario.h"

enum trouble { NET_UNREACHABLE, PORT_UNREACHABLE, TIME_EXCEEDED, PARAMETER, QUENCH, TOO_BIG };

static const uint8_t type4[][2] = {{3, 0}, {3, 3}, {11, 0}, {12, 0}, {4, 0}, {3, 4}};
static const uint8_t type6[][2] = {{1, 0}, {1, 4}, {3, 0}, {4, 0}, {255, 0}, {2, 0}};

static void
error(struct peer *p, enum trouble what, uint32_t seq, uint32_t mtu, uint16_t sport)
{
	const uint8_t *tc = p->o.ip6 ? type6[what] : type4[what];
	struct frame_icmp f = {.from = p->t.raddr,
			       .to = p->t.laddr,
			       .type = tc[0],
			       .code = tc[1],
			       .rest = mtu,
			       .src = p->t.laddr,
			       .dst = p->t.raddr,
			       .sport = sport,
			       .dport = p->t.rport,
			       .seq = seq};
	uint8_t buf[FRAME_MAX];

	memcpy(f.eth_dst, p->r->mac, 6);
	memcpy(f.eth_src, p->r->peer_mac, 6);
	rig_inject(p->r, buf, frame_icmp_write(buf, &f));
}

SCENARIO(icmp, M_01, "errors that do not match a connection and its sequence numbers are ignored")
{
	struct peer *p = scene_open(s);
	uint16_t mss;

	CHECK(s->r, user_send(p, 3000) == 3000, "la_send failed");
	peer_skip(p);
	mss = peer_info(p).mss;
	error(p, TOO_BIG, p->U, 1280, (uint16_t)(p->t.lport + 1));
	error(p, TOO_BIG, p->U - 1, 1280, p->t.lport);
	error(p, TOO_BIG, p->N, 1280, p->t.lport);
	error(p, TOO_BIG, p->N + 100000, 1280, p->t.lport);
	CHECK(s->r, peer_info(p).mss == mss, "MSS went from %u to %u", mss, peer_info(p).mss);
	CHECK(s->r, rig_counter(s->r, LA_C_icmp_unmatched) == 4, "icmp_unmatched is %llu, expected 4",
	      (unsigned long long)rig_counter(s->r, LA_C_icmp_unmatched));
	CHECK(s->r, peer_waiting(p) == 0, "a segment was sent");
}

/* The error QUENCH is row M-05. */
SCENARIO(icmp, M_02, "soft errors and hard errors do not end a synchronized connection")
{
	struct peer *p = scene_open(s);

	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
	for (unsigned what = NET_UNREACHABLE; what <= QUENCH; what++)
		error(p, (enum trouble)what, p->U, 0, p->t.lport);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, p->u.closed == 0, "an error ended the connection");
	peer_ack(p);
	peer_data(p, 100);
	CHECK(s->r, p->u.bytes == 100, "the data was not delivered");
}

SCENARIO(icmp, M_03, "a hard error ends SYN_SENT; soft errors and errors that do not match are ignored")
{
	struct peer *p = peer_new(s->r, &s->o);

	peer_to_syn_sent(p);
	error(p, NET_UNREACHABLE, p->ISS, 0, p->t.lport);
	error(p, TIME_EXCEEDED, p->ISS, 0, p->t.lport);
	error(p, PORT_UNREACHABLE, p->ISS + 5000, 0, p->t.lport);
	peer_expect_state(p, LA_SYN_SENT);
	error(p, PORT_UNREACHABLE, p->ISS, 0, p->t.lport);
	user_expect_closed(p, LA_END_REFUSED);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, rig_counter(s->r, LA_C_icmp_hard) == 1, "icmp_hard is not 1");
}

SCENARIO(icmp, M_04, "after an error with a smaller path MTU the data is retransmitted at once, in smaller segments")
{
	struct peer *p = scene_open(s);
	uint32_t headers = s->o.ip6 ? 60 : 40;
	struct peer_rx *x;

	CHECK(s->r, user_send(p, 10000) == 10000, "la_send failed");
	rig_pump(s->r);
	peer_skip(p);
	error(p, TOO_BIG, p->U, 1300, p->t.lport);
	CHECK(s->r, rig_counter(s->r, LA_C_icmp_pmtu) == 1, "icmp_pmtu is not 1");
	x = peer_next(p);
	CHECK(s->r, x && x->seq == p->ISS + 1, "not retransmitted at once");
	for (; x; x = peer_next(p))
		CHECK(s->r, x->len + x->f.optlen <= 1300 - headers, "%u bytes in a segment", x->len);
	p->got = p->ISS + 1;
	peer_ack(p);
	drain(p, 5000);
	for (unsigned i = p->nrx; i-- > 0 && p->rx[i].at > p->rx[0].at;)
		CHECK(s->r, p->rx[i].len + p->rx[i].f.optlen <= 1300 - headers, "%u bytes", p->rx[i].len);
	CHECK(s->r, p->got == p->ISS + 10001, "only %u bytes arrived", p->got - p->ISS - 1);
}

SCENARIO(icmp, M_04_absurd, "a path MTU outside the valid range does not stop the transfer")
{
	const uint32_t mtu[] = {0, 1, 67, 68, 9000, 65535, 0xffffffff};

	for (unsigned i = 0; i < sizeof(mtu) / sizeof(mtu[0]); i++) {
		struct peer *p;
		uint16_t mss;

		s->o.lport = (uint16_t)(81 + i);
		p = scene_open(s);
		mss = peer_info(p).mss;
		CHECK(s->r, user_send(p, 10000) == 10000, "la_send failed");
		s->r->small_path = !s->o.ip6;
		error(p, TOO_BIG, p->U, mtu[i], p->t.lport);
		CHECK(s->r, peer_info(p).mss <= mss, "MTU %u: MSS grew to %u", mtu[i], peer_info(p).mss);
		CHECK(s->r, peer_info(p).mss >= 28, "MTU %u: MSS %u", mtu[i], peer_info(p).mss);
		if (mtu[i] > 1500)
			CHECK(s->r, peer_info(p).mss == mss, "MTU %u: MSS %u", mtu[i], peer_info(p).mss);
		p->got = p->ISS + 1;
		for (unsigned k = 0; k < p->nrx; k++)
			if (p->rx[k].seq == p->got)
				p->got = p->rx[k].end;
		peer_ack(p);
		drain(p, 5000);
		CHECK(s->r, p->got == p->ISS + 10001, "MTU %u: only %u bytes arrived", mtu[i], p->got - p->ISS - 1);
	}
}

SCENARIO(icmp, time_wait, "no ICMP error ends a TIME_WAIT entry")
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, 'a');
	for (unsigned what = NET_UNREACHABLE; what <= TOO_BIG; what++)
		error(p, (enum trouble)what, p->N - 1, 1280, p->t.lport);
	peer_expect_none(p, 600);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, peer_info(p).time_wait_left_ms == 60000 - 600, "the deadline changed");
}
