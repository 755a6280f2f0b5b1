/* SPDX-License-Identifier: BSD-3-Clause */

/* PAWS and TS.Recent (RFC 7323 5). All scenarios but the last have timestamps. */

#include "scenario.h"

/* Opens a connection with timestamps and writes its TS.Recent to *t. Returns NULL in variants without timestamps. */
static struct peer *
stamped(struct scene *s, uint32_t *t)
{
	struct peer *p;

	if (!s->o.ts)
		return NULL;
	p = scene_open(s);
	*t = p->ts_now;
	return p;
}

static void
stamp(struct peer *p, uint8_t flags, uint32_t seq, uint32_t len, uint32_t tsval)
{
	PEER_TX(p, .flags = flags, .seq = seq, .ack = p->got, .len = len, .ts = TS_SET, .tsval = tsval);
}

SCENARIO(stamps, T_01, "a segment in order with an older TSval draws an ACK and is dropped")
{
	uint32_t t;
	struct peer *p = stamped(s, &t);

	if (p == NULL)
		return;
	stamp(p, LA_ACK, p->R, 100, t - 1);
	peer_expect_chk(p);
	CHECK(s->r, p->u.bytes == 0, "the data was delivered");
	CHECK(s->r, rig_counter(s->r, LA_C_drop_paws) == 1, "drop_paws is not 1");
	stamp(p, LA_ACK, p->R, 100, t);
	CHECK(s->r, p->u.bytes == 100, "a segment with an equal TSval was dropped");
}

SCENARIO(stamps, T_02, "a segment outside the window that fails PAWS counts as a PAWS drop")
{
	uint32_t t;
	struct peer *p = stamped(s, &t);
	const uint8_t flags[] = {LA_SYN, LA_FIN | LA_ACK, LA_ACK};

	if (p == NULL)
		return;
	for (unsigned i = 0; i < sizeof(flags); i++) {
		PEER_TX(p, .flags = flags[i], .seq = p->R + p->W + 1000, .ack = p->got, .len = i == 2 ? 100 : 0,
			.ts = TS_SET, .tsval = t - 1);
		peer_expect_chk(p);
		peer_expect_none(p, 2000);
	}
	CHECK(s->r, rig_counter(s->r, LA_C_drop_paws) == 3, "%llu PAWS drops",
	      (unsigned long long)rig_counter(s->r, LA_C_drop_paws));
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(stamps, T_03, "a segment above a hole does not raise TS.Recent")
{
	uint32_t t;
	struct peer *p = stamped(s, &t);

	if (p == NULL)
		return;
	stamp(p, LA_ACK, p->R + 100, 100, t + 1000);
	peer_skip(p);
	stamp(p, LA_ACK, p->R, 100, t + 1);
	CHECK(s->r, p->u.bytes == 200, "%llu bytes: the segment in order failed PAWS", (unsigned long long)p->u.bytes);
}

SCENARIO(stamps, T_04, "PAWS works across the wrap of TSval")
{
	uint32_t t;
	struct peer *p;

	s->o.tsbase = 0xfffffff0u - 1000000;
	if (s->o.ip6)
		s->o.rport = 41000;
	p = stamped(s, &t);
	if (p == NULL)
		return;
	CHECK(s->r, t == 0xfffffff0u, "the peer's TSval is %x", t);
	stamp(p, LA_ACK, p->R, 100, 0x10);
	CHECK(s->r, p->u.bytes == 100, "the data was not delivered");
	rig_run(s->r, 600);
	stamp(p, LA_ACK, p->R, 100, 0xfffffff8u);
	CHECK(s->r, p->u.bytes == 100, "an old segment was delivered");
}

SCENARIO(stamps, T_05, "after 24 days without a segment TS.Recent is invalid")
{
	uint32_t t;
	struct peer *p = stamped(s, &t);

	if (p == NULL)
		return;
	rig_run(s->r, 25ull * 86400 * 1000);
	p->ts_dut += 25u * 86400 * 1000; /* support/capture.c compares TSvals that are at most 24 days apart */
	stamp(p, LA_ACK, p->R, 100, t - 5000);
	CHECK(s->r, p->u.bytes == 100, "the data was not delivered");
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(stamps, T_06, "an unacceptable ACK does not raise TS.Recent")
{
	uint32_t t;
	struct peer *p = stamped(s, &t);

	if (p == NULL)
		return;
	PEER_TX(p, .flags = LA_ACK, .seq = p->R, .ack = p->N + 1000, .ts = TS_SET, .tsval = t + 1000);
	peer_skip(p);
	rig_run(s->r, 1000);
	stamp(p, LA_ACK, p->R, 100, t + 1);
	CHECK(s->r, p->u.bytes == 100, "the data was not delivered");
}

SCENARIO(stamps, T_07, "only an ACK of new data gives an RTT sample")
{
	uint32_t t, srtt, rto;
	struct peer *p = stamped(s, &t);

	if (p == NULL)
		return;
	for (unsigned i = 0; i < 10; i++) {
		CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
		rig_run(s->r, 50);
		peer_ack(p);
	}
	srtt = peer_info(p).srtt_ms;
	rto = peer_info(p).rto_ms;
	rig_run(s->r, 1000);
	for (uint32_t i = 0; i < 5; i++)
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .ts = TS_SET, .tsval = p->ts_now,
			.tsecr = p->ts_dut - 900 * i);
	CHECK(s->r, peer_info(p).srtt_ms == srtt && peer_info(p).rto_ms == rto, "SRTT %u to %u, RTO %u to %u", srtt,
	      peer_info(p).srtt_ms, rto, peer_info(p).rto_ms);
}

SCENARIO(stamps, T_07_absurd, "the echo of a timestamp that was never sent gives no RTT sample")
{
	uint32_t t, rto;
	struct peer *p = stamped(s, &t);

	if (p == NULL)
		return;
	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
	rig_run(s->r, 20);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .ts = TS_SET, .tsval = p->ts_now + 1,
		.tsecr = p->ts_dut + 0x40000000);
	rto = peer_info(p).rto_ms;
	CHECK(s->r, rto <= 60000, "RTO of %u ms", rto);
	CHECK(s->r, peer_info(p).snd_una == p->N, "the ACK itself was not accepted");
}

SCENARIO(stamps, R_14, "a RST is exempt from PAWS")
{
	uint32_t t;
	struct peer *p = stamped(s, &t);

	if (p == NULL)
		return;
	stamp(p, LA_RST, p->R, 0, t - 100000);
	user_expect_closed(p, LA_END_RESET);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(stamps, T_08, "a RST to an unknown peer has a timestamp only if the segment has one")
{
	struct peer *p = scene_listen(s);

	PEER_TX(p, .flags = LA_ACK, .seq = 5, .ack = 7, .ts = TS_SET, .tsval = 1234);
	peer_expect(p, LA_RST, 7, 0, 0);
	if (last_rx(p)->f.has_ts)
		CHECK(s->r, last_rx(p)->f.tsecr == 1234, "TSecr %u", last_rx(p)->f.tsecr);
	PEER_TX(p, .flags = LA_ACK, .seq = 5, .ack = 7, .ts = TS_NONE);
	peer_expect(p, LA_RST, 7, 0, 0);
	CHECK(s->r, !last_rx(p)->f.has_ts, "the RST has a timestamp, the segment had none");
}

SCENARIO(stamps, T_09,
	 "a RST to an unknown peer has as TSval the TSecr of an ACK, which passes the PAWS check of its sender")
{
	struct peer *p = scene_listen(s);

	PEER_TX(p, .flags = LA_ACK, .seq = 5, .ack = 7, .ts = TS_SET, .tsval = 1234, .tsecr = 0xfffffff0);
	peer_expect(p, LA_RST, 7, 0, 0);
	CHECK(s->r, last_rx(p)->f.has_ts && last_rx(p)->f.tsval == 0xfffffff0 && last_rx(p)->f.tsecr == 1234,
	      "TSval %u, TSecr %u", last_rx(p)->f.tsval, last_rx(p)->f.tsecr);
}
