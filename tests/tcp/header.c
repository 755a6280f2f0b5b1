/* SPDX-License-Identifier: BSD-3-Clause */

/* Invalid headers, unusual headers, and sequence numbers that wrap (RFC 9293 3.1, 3.4). */

#include "scenario.h"

/* Checks that the shard still accepts a new connection. */
static void
check_new_connection(struct scene *s)
{
	struct peer *q = peer_new(s->r, &(struct peer_opts){.ip6 = s->o.ip6});

	peer_to_established(q);
}

SCENARIO(header, H_02, "a segment with a wrong checksum has no effect")
{
	struct peer *p = scene_listen(s);
	uint64_t sent;

	PEER_TX(p, .flags = LA_SYN, .seq = p->IRS, .bad_cksum = true);
	peer_expect_none(p, 600);
	peer_to_established(p);
	sent = s->r->tcp_frames;
	PEER_TX(p, .flags = LA_ACK, .seq = p->R, .ack = p->N, .len = 100, .bad_cksum = true);
	PEER_TX(p, .flags = LA_FIN | LA_ACK, .seq = p->R, .ack = p->N, .bad_cksum = true);
	PEER_TX(p, .flags = LA_RST, .seq = p->R, .bad_cksum = true);
	rig_run(s->r, 600);
	CHECK(s->r, s->r->tcp_frames == sent && p->u.bytes == 0, "a segment with a wrong checksum had an effect");
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, rig_counter(s->r, LA_C_drop_tcp_cksum) == 4, "drop_tcp_cksum is %llu, expected 4",
	      (unsigned long long)rig_counter(s->r, LA_C_drop_tcp_cksum));
	peer_data(p, 100);
	CHECK(s->r, p->u.bytes == 100, "the segment with the correct checksum was not accepted");
	peer_fin(p);
	peer_expect_state(p, LA_CLOSE_WAIT);
}

SCENARIO(header, H_02_time_wait, "a segment with a wrong checksum has no effect in TIME_WAIT")
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, 'a');
	rig_run(s->r, 1000);
	PEER_TX(p, .flags = LA_FIN | LA_ACK, .seq = p->R - 1, .ack = p->N, .bad_cksum = true);
	peer_expect_none(p, 600);
	CHECK(s->r, peer_info(p).time_wait_left_ms == 60000 - 1600, "2*MSL restarted");
}

SCENARIO(header, H_04, "after invalid option lengths the connection and new connections still work")
{
	static const uint8_t lists[][12] = {
		{2, 0, 5, 180},
		{2, 1, 5, 180},
		{2, 3, 5, 180},
		{2, 40, 5, 180},
		{1, 1, 1, 8, 10, 1},
		{3},
		{1, 1, 1, 2},
		{253, 0, 1, 1},
		{253, 1, 1, 1},
		{253, 255, 1, 1},
		{1, 1, 5, 3, 0, 0, 0, 0},
		{1, 1, 5, 40, 1, 2, 3, 4},
		{8, 9, 1, 2, 3, 4, 5, 6},
		{8, 0, 0, 0},
	};
	struct peer *p = scene_open(s);

	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct peer *q = peer_new(s->r, &(struct peer_opts){.ip6 = s->o.ip6, .mss = 1400});

		for (size_t len = 4; len <= 12; len += 4) {
			PEER_TX(q, .flags = LA_SYN, .seq = q->IRS, .opts = lists[i], .optlen = len);
			PEER_TX(p, .flags = LA_ACK, .seq = p->R, .ack = p->N, .opts = lists[i], .optlen = len);
		}
		peer_skip(q);
	}
	rig_run(s->r, 10);
	peer_expect_state(p, LA_ESTABLISHED);
	peer_data(p, 100);
	CHECK(s->r, p->u.bytes == 100, "the data was not delivered");
	check_new_connection(s);
}

SCENARIO(header, H_07, "segments whose data offset or IP length contradicts the packet are dropped")
{
	struct peer *p = scene_open(s);
	uint64_t sent = s->r->tcp_frames;

	for (unsigned doff = 1; doff < 5; doff++)
		PEER_TX(p, .flags = LA_ACK, .seq = p->R, .ack = p->N, .len = 100, .doff = doff);
	PEER_TX(p, .flags = LA_ACK, .seq = p->R, .ack = p->N, .doff = 15);
	PEER_TX(p, .flags = LA_RST, .seq = p->R, .doff = 15);
	for (int d = -40; d < 0; d++) /* IP length shorter than the packet */
		PEER_TX(p, .flags = LA_RST, .seq = p->R, .iplen_delta = d);
	for (int d = 1; d < 40; d++) /* IP length longer than the packet */
		PEER_TX(p, .flags = LA_RST, .seq = p->R, .iplen_delta = d);
	rig_run(s->r, 600);
	CHECK(s->r, s->r->tcp_frames == sent, "a segment was answered");
	CHECK(s->r, p->u.bytes == 0, "the data was delivered");
	peer_expect_state(p, LA_ESTABLISHED);
	check_new_connection(s);
}

SCENARIO(header, H_07_states, "with no connection or in TIME_WAIT, segments with a wrong data offset are dropped")
{
	struct peer *p = scene_listen(s), *q;

	peer_to_time_wait(p, true, 'b');
	q = peer_new(s->r, &s->o);
	for (unsigned doff = 1; doff < 5; doff++) {
		PEER_TX(p, .flags = LA_ACK, .seq = p->R - 1, .ack = p->N, .doff = doff);
		PEER_TX(q, .flags = LA_SYN, .seq = q->IRS, .doff = doff);
	}
	peer_expect_none(p, 600);
	peer_expect_none(q, 0);
}

SCENARIO(header, H_08, "reserved bits are ignored")
{
	struct peer *p = scene_listen(s);

	PEER_TX(p, .flags = LA_SYN, .seq = p->IRS, .resv = 15);
	peer_expect(p, LA_SYN | LA_ACK, p->ISS, p->IRS + 1, 0);
	PEER_TX(p, .flags = LA_ACK, .seq = p->R, .ack = p->N, .resv = 15);
	peer_expect_state(p, LA_ESTABLISHED);
	PEER_TX(p, .flags = LA_ACK, .seq = p->R, .ack = p->N, .len = 50, .resv = 9);
	CHECK(s->r, p->u.bytes == 50, "the data was not delivered");
}

SCENARIO(header, H_09, "the window field is unsigned")
{
	const uint16_t win[] = {0x8000, 0xfffe, 0xffff};

	s->o.ts = s->o.sack = false;
	s->o.wscale = 0;
	for (unsigned i = 0; i < 3; i++) {
		struct peer *p;

		s->o.win = win[i];
		s->o.lport = (uint16_t)(81 + i);
		p = scene_open(s);
		CHECK(s->r, peer_info(p).snd_wnd == win[i], "SND.WND %u", peer_info(p).snd_wnd);
		CHECK(s->r, user_send(p, 100000) == 100000, "la_send failed");
		drain(p, 600);
		CHECK(s->r, p->got == p->ISS + 100001, "only %u bytes arrived", p->got - p->ISS - 1);
	}
}

SCENARIO(header, H_10, "sequence numbers wrap: transfer, FIN and TIME_WAIT work across zero")
{
	const uint32_t isn[] = {0xffffff00, 0xfffffffd, 0xfffffffe, 0xffffffff, 0x7fffff00};

	for (unsigned i = 0; i < sizeof(isn) / sizeof(isn[0]); i++) {
		struct peer *p;

		s->o.isn = isn[i];
		s->o.lport = (uint16_t)(81 + i);
		p = scene_open(s);
		peer_send(p, LA_ACK, p->R + 400, p->got, 400); /* leaves a hole, across the wrap */
		peer_send(p, LA_ACK, p->R, p->got, 400);
		p->snd += 800;
		CHECK(s->r, p->u.bytes == 800 && p->R == p->snd, "%llu bytes", (unsigned long long)p->u.bytes);
		feed(p, 5000, 1000);
		CHECK(s->r, p->u.bytes == 5800, "%llu bytes", (unsigned long long)p->u.bytes);
		CHECK(s->r, user_close(p) == 0, "la_close failed");
		peer_fin(p);
		peer_skip(p);
		peer_expect_state(p, LA_TIME_WAIT);
		peer_send(p, LA_ACK, p->R - 1, p->N, 0);
		peer_expect_chk(p);
	}
}

SCENARIO(header, H_10_fin, "a FIN with SEG.SEQ 0xffffffff or 0 leads to TIME_WAIT")
{
	for (uint32_t i = 0; i < 2; i++) {
		struct peer *p;

		s->o.isn = 0xfffffffe + i;
		s->o.lport = (uint16_t)(81 + i);
		p = scene_listen(s);
		peer_to_time_wait(p, true, 'a');
		peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
		peer_expect_chk(p);
		CHECK(s->r, p->R == i, "R is %x", p->R);
	}
}

SCENARIO(header, M_08, "Ethernet padding is not data")
{
	struct peer *p = scene_open(s);

	PEER_TX(p, .flags = LA_ACK, .seq = p->R, .ack = p->N, .pad = true, .ts = TS_AUTO);
	peer_expect_none(p, 600);
	CHECK(s->r, p->u.bytes == 0 && peer_info(p).rcv_nxt == p->R, "padding was accepted as data");
	PEER_TX(p, .flags = LA_ACK, .seq = p->R, .ack = p->N, .len = 1, .pad = true);
	CHECK(s->r, p->u.bytes == 1, "%llu bytes", (unsigned long long)p->u.bytes);
}

SCENARIO(header, vlan, "a connection in frames with an 802.1Q tag works")
{
	struct peer *p;

	scene_rig(s, &(struct rig_opts){.vlan = true});
	p = scene_listen(s);
	peer_to_time_wait(p, true, 'c');
}

SCENARIO(header, jumbo, "the MSS follows from an MTU of 1280 or 9000")
{
	const uint16_t mtu[] = {1280, 9000};

	for (unsigned i = 0; i < 2; i++) {
		struct peer *p;

		scene_rig(s, &(struct rig_opts){.mtu = mtu[i]});
		s->o.mss = 8900;
		p = scene_open(s);
		CHECK(s->r, p->mss_dut == mtu[i] - (s->o.ip6 ? 60 : 40), "MSS %u", p->mss_dut);
		CHECK(s->r, user_send(p, 50000) == 50000, "la_send failed");
		drain(p, 600);
		CHECK(s->r, p->got == p->ISS + 50001, "only %u bytes arrived", p->got - p->ISS - 1);
	}
}
