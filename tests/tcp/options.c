/* SPDX-License-Identifier: BSD-3-Clause */

/* MSS, window scale, timestamps and SACK: negotiation (RFC 9293 3.7.1, RFC 7323, RFC 2018). */

#include "scenario.h"

static uint16_t
own_mss(const struct scene *s)
{
	return s->o.ip6 ? 1440 : 1460;
}

SCENARIO(options, O_01, "SYN and SYN,ACK have an MSS that follows from the MTU")
{
	struct peer *p = scene_open(s), *q = peer_new(s->r, &s->o);

	CHECK(s->r, p->mss_dut == own_mss(s), "SYN,ACK with MSS %u", p->mss_dut);
	peer_to_syn_sent(q);
	CHECK(s->r, q->mss_dut == own_mss(s), "SYN with MSS %u", q->mss_dut);
	scene_rig(s, &(struct rig_opts){.mtu = 1400});
	p = scene_open(s);
	CHECK(s->r, p->mss_dut == own_mss(s) - 100, "MSS %u at MTU 1400", p->mss_dut);
}

SCENARIO(options, O_01_clamp, "the configured MSS is announced, and limits the segments that are sent")
{
	struct peer *p;
	uint32_t bytes;

	s->o.conn.mss = 600;
	p = scene_open(s);
	CHECK(s->r, p->mss_dut == 600, "MSS %u", p->mss_dut);
	CHECK(s->r, user_send(p, 3000) == 3000, "la_send failed");
	rig_pump(s->r);
	for (struct peer_rx *x; (x = peer_next(p)) != NULL;)
		CHECK(s->r, x->len + x->f.optlen <= 600, "%u bytes in a segment", x->len);
	flight(p, &bytes);
}

SCENARIO(options, O_03, "to a peer without an MSS option, segments have at most 536 bytes (IPv4) or 1220 (IPv6)")
{
	struct peer *p;
	uint32_t max = s->o.ip6 ? 1220 : 536, top = 0;

	s->o.no_mss = true;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 5000) == 5000, "la_send failed");
	drain(p, 600);
	for (unsigned i = 0; i < p->nrx; i++)
		if (p->rx[i].len > top)
			top = p->rx[i].len;
	CHECK(s->r, top <= max && top >= max - 12, "segments of up to %u bytes", top);
}

SCENARIO(options, O_04, "the payload of a segment is at most the smaller MSS minus the bytes of options")
{
	const uint16_t mss[] = {1000, 536, 88, 9000};

	for (unsigned i = 0; i < sizeof(mss) / sizeof(mss[0]); i++) {
		uint32_t max = mss[i] < own_mss(s) ? mss[i] : own_mss(s), top = 0;
		struct peer *p;

		s->o.mss = mss[i];
		s->o.lport = (uint16_t)(81 + i);
		p = scene_open(s);
		CHECK(s->r, user_send(p, 5000) == 5000, "la_send failed");
		drain(p, 600);
		for (unsigned k = 0; k < p->nrx; k++)
			if (p->rx[k].len + p->rx[k].f.optlen > top)
				top = p->rx[k].len + (uint32_t)p->rx[k].f.optlen;
		CHECK(s->r, top == max, "MSS %u: payload and options of up to %u bytes", mss[i], top);
		CHECK(s->r, p->got == p->ISS + 5001, "MSS %u: only %u bytes arrived", mss[i], p->got - p->ISS - 1);
	}
}

SCENARIO(options, O_05, "a very small MSS of the peer does not stop the transfer")
{
	const uint16_t mss[] = {0, 1, 8, 20, 47};

	for (unsigned i = 0; i < sizeof(mss) / sizeof(mss[0]); i++) {
		const uint8_t opts[4] = {2, 4, 0, (uint8_t)mss[i]};
		struct peer *p;

		s->o.mss = mss[i];
		s->o.ts = s->o.sack = false;
		s->o.wscale = 0;
		s->o.lport = (uint16_t)(81 + i);
		p = scene_listen(s);
		PEER_TX(p, .flags = LA_SYN, .seq = p->IRS, .opts = opts, .optlen = sizeof(opts));
		if (peer_next(p) == NULL)
			continue; /* the SYN was refused */
		p->o.mss = 1460;  /* the shard may use a larger MSS than the peer's */
		peer_ack(p);
		CHECK(s->r, user_send(p, 500) == 500, "la_send failed");
		drain(p, 600);
		CHECK(s->r, p->got == p->ISS + 501, "MSS %u: only %u bytes arrived", mss[i], p->got - p->ISS - 1);
	}
}

SCENARIO(options, O_06,
	 "the SYN,ACK has a window scale only if the SYN had one; the option is ignored on other segments")
{
	const uint8_t ws[4] = {3, 3, 14, 0};
	struct peer *p;
	uint32_t w;

	s->o.ts = s->o.sack = false;
	s->o.wscale = 0;
	p = scene_open(s);
	CHECK(s->r, !p->rx[0].f.has_ws, "window scale in the SYN,ACK");
	CHECK(s->r, !peer_info(p).wscale, "window scale was negotiated without an offer");
	w = peer_info(p).snd_wnd;
	CHECK(s->r, w == 65535, "SND.WND %u", w);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .opts = ws, .optlen = 4);
	CHECK(s->r, peer_info(p).snd_wnd == w, "a window scale option without SYN changed SND.WND to %u",
	      peer_info(p).snd_wnd);
}

SCENARIO(options, O_06_off, "window scale and timestamps can be turned off")
{
	struct peer *p, *q;

	s->o.conn.no_wscale = s->o.conn.no_timestamps = true;
	p = scene_listen(s);
	peer_syn(p);
	CHECK(s->r, p->nrx == 1 && !p->rx[0].f.has_ws && !p->rx[0].f.has_ts,
	      "the SYN,ACK has window scale or timestamps");
	q = peer_new(s->r, &s->o);
	peer_to_syn_sent(q);
	CHECK(s->r, !q->rx[0].f.has_ws && !q->rx[0].f.has_ts, "the SYN has window scale or timestamps");
}

SCENARIO(options, O_07, "windows of SYN and SYN,ACK are unscaled, all other windows are scaled")
{
	struct peer *p;
	uint32_t bytes;

	s->o.wscale = 8;
	s->o.win = 10;
	s->o.conn.nodelay = true;
	p = scene_listen(s);
	peer_syn(p);
	peer_expect(p, LA_SYN | LA_ACK, p->ISS, p->IRS + 1, 0);
	CHECK(s->r, peer_info(p).snd_wnd == 10, "SND.WND %u after a SYN with 10", peer_info(p).snd_wnd);
	peer_ack(p);
	CHECK(s->r, peer_info(p).snd_wnd == 1280, "SND.WND %u after an ACK with 10 and shift 7", peer_info(p).snd_wnd);
	CHECK(s->r, user_send(p, 5000) == 5000, "la_send failed");
	rig_run(s->r, 10);
	flight(p, &bytes);
	CHECK(s->r, bytes <= 1280 && bytes >= 1000, "%u bytes in flight", bytes);
	/* the window that the shard offers: 256 KiB need more than 16 bits */
	peer_data(p, 100);
	peer_data(p, 100);
	rig_run(s->r, 600);
	CHECK(s->r, p->ws_on && p->W > 65535 && p->W <= 262144, "window of %u", p->W);
}

SCENARIO(options, O_08, "a window scale above 14 counts as 14")
{
	struct peer *p;

	if (!s->o.ts)
		return;
	for (unsigned i = 0; i < 2; i++) {
		s->o.wscale = i ? 255 : 16;
		s->o.win = 100;
		s->o.lport = (uint16_t)(81 + i);
		p = scene_listen(s);
		peer_syn(p);
		peer_skip(p);
		peer_send(p, LA_ACK, p->snd, p->got, 0);
		CHECK(s->r, peer_info(p).snd_wnd == 100u << 14, "SND.WND %u with shift %u", peer_info(p).snd_wnd,
		      s->o.wscale - 1);
	}
}

SCENARIO(options, O_09, "the offered window can be filled to the last byte")
{
	struct peer *p;

	s->o.conn.rcvbuf = 100000;
	p = scene_open(s);
	p->u.hold = true;
	peer_data(p, 1);
	rig_run(s->r, 600);
	for (uint32_t room; (room = p->edge - p->snd) > 0;) {
		peer_data(p, room < 1400 ? room : 1400);
		if (p->edge == p->snd)
			break;
	}
	rig_run(s->r, 600);
	CHECK(s->r, p->R == p->snd, "the last byte of the window was refused");
	user_read(p, UINT64_MAX);
	CHECK(s->r, p->u.bytes == p->snd - p->IRS - 1, "not all bytes were delivered");
}

SCENARIO(options, O_10, "the SYN,ACK has timestamps if and only if the SYN has; TSecr echoes the TSval of the SYN")
{
	struct peer *p = scene_listen(s), *q;

	peer_syn(p);
	CHECK(s->r, p->rx[0].f.has_ts == s->o.ts, "timestamps %s", s->o.ts ? "missing" : "without an offer");
	if (s->o.ts)
		CHECK(s->r, p->rx[0].f.tsecr == p->ts_now, "TSecr %u", p->rx[0].f.tsecr);
	/* the shard's SYN offers timestamps, with TSecr 0 */
	q = peer_new(s->r, &s->o);
	peer_to_syn_sent(q);
	CHECK(s->r, q->rx[0].f.has_ts && q->rx[0].f.tsecr == 0, "a SYN without timestamps, or with TSecr %u",
	      q->rx[0].f.tsecr);
	peer_send(q, LA_SYN | LA_ACK, q->IRS, q->N, 0);
	CHECK(s->r, peer_info(q).timestamps == s->o.ts,
	      "timestamps were negotiated without an offer, or not negotiated");
}

SCENARIO(options, O_11_rst, "a RST of a connection with timestamps may have timestamps")
{
	struct peer *p = scene_open(s);

	CHECK(s->r, user_abort(p) == 0, "la_abort failed");
	CHECK(s->r, last_rx(p)->f.has_ts == false || s->o.ts, "a timestamp without negotiation");
	if (last_rx(p)->f.has_ts && (last_rx(p)->flags & LA_ACK))
		CHECK(s->r, last_rx(p)->f.tsecr == p->ts_now, "TSecr %u", last_rx(p)->f.tsecr);
}

SCENARIO(options, O_12, "a segment without the negotiated timestamp is dropped and draws no RST")
{
	struct peer *p = scene_open(s);

	if (!s->o.ts)
		return;
	PEER_TX(p, .flags = LA_ACK, .seq = p->R, .ack = p->got, .len = 100, .ts = TS_NONE);
	rig_run(s->r, 600);
	while (peer_waiting(p))
		CHECK(s->r, !(peer_next(p)->flags & LA_RST), "a RST was sent");
	CHECK(s->r, p->u.bytes == 0, "the data was delivered");
	CHECK(s->r, rig_counter(s->r, LA_C_drop_no_timestamp) == 1, "drop_no_timestamp is not 1");
	PEER_TX(p, .flags = LA_ACK | LA_FIN, .seq = p->R, .ack = p->got, .ts = TS_NONE);
	rig_run(s->r, 600);
	peer_expect_state(p, LA_ESTABLISHED);
	peer_skip(p);
	peer_data(p, 100);
	CHECK(s->r, p->u.bytes == 100, "the retransmission with a timestamp was not accepted");
}

SCENARIO(options, O_13, "a timestamp without negotiation is ignored")
{
	struct peer *p = scene_open(s);

	if (s->o.ts)
		return;
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .len = 100, .ts = TS_SET, .tsval = 1000, .tsecr = 7);
	p->snd += 100;
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .len = 100, .ts = TS_SET, .tsval = 5, .tsecr = 7);
	rig_run(s->r, 600);
	CHECK(s->r, p->u.bytes == 200 && p->R == p->snd + 100, "the data was not accepted");
}

/* RFC 7323 4.3: the cases (A), (B) and (C). */
SCENARIO(options, O_14,
	 "TSecr follows RFC 7323 4.3 on a delayed ACK, on an ACK above a hole and on an ACK for a filled hole")
{
	struct peer *p = scene_open(s);
	uint32_t t = p->ts_now;

	if (!s->o.ts)
		return;
	for (unsigned i = 0; i < 15; i++) /* ends the quick ACKs at the start of a connection */
		peer_data(p, 10);
	t = p->ts_now;
	/* a delayed ACK of two segments echoes the first */
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .len = 1000, .ts = TS_SET, .tsval = t + 10);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd + 1000, .ack = p->got, .len = 1000, .ts = TS_SET, .tsval = t + 20);
	p->snd += 2000;
	rig_run(s->r, 600);
	CHECK(s->r, last_rx(p)->ack == p->snd && last_rx(p)->f.tsecr == t + 10, "TSecr t+%u, expected t+10",
	      last_rx(p)->f.tsecr - t);
	/* an ACK for a segment above a hole echoes the last segment in order; then the hole is filled */
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd + 1000, .ack = p->got, .len = 1000, .ts = TS_SET, .tsval = t + 40);
	CHECK(s->r, last_rx(p)->ack == p->snd && last_rx(p)->f.tsecr == t + 10,
	      "above a hole: TSecr t+%u, expected t+10", last_rx(p)->f.tsecr - t);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .len = 1000, .ts = TS_SET, .tsval = t + 50);
	p->snd += 2000;
	CHECK(s->r, last_rx(p)->ack == p->snd && last_rx(p)->f.tsecr == t + 50,
	      "hole filled: TSecr t+%u, expected t+50", last_rx(p)->f.tsecr - t);
}

SCENARIO(options, O_15, "TSval grows by at most one a millisecond, and also into the next incarnation")
{
	struct peer *p = scene_open(s);
	uint32_t first, last;

	if (!s->o.ts)
		return;
	CHECK(s->r, user_send(p, 10) == 10, "la_send failed");
	first = last_rx(p)->f.tsval;
	peer_ack(p);
	rig_run(s->r, 2000);
	CHECK(s->r, user_send(p, 10) == 10, "la_send failed");
	last = last_rx(p)->f.tsval;
	CHECK(s->r, last - first >= 2 && last - first <= 2000, "TSval grew by %u in two seconds", last - first);
	peer_ack(p);
	peer_send(p, LA_RST, p->R, 0, 0);
	rig_run(s->r, 5);
	peer_renew(p, p->IRS + 5);
	peer_skip(p);
	peer_to_syn_sent(p);
	CHECK(s->r, seq_gt(p->ts_dut, last), "TSval of the next incarnation is not larger");
}

SCENARIO(options, O_16, "no SACK blocks are sent to a peer without SACK-permitted")
{
	struct peer *p;

	s->o.sack = false;
	p = scene_open(s);
	CHECK(s->r, !p->rx[0].f.sack_ok, "SACK-permitted in the SYN,ACK");
	peer_send(p, LA_ACK, p->R + 100, p->got, 100);
	CHECK(s->r, last_rx(p)->f.nsack == 0, "SACK blocks were sent");
}

SCENARIO(options, unknown_first, "unknown options before the MSS (H-03) and unaligned options (H-05) are skipped")
{
	static const uint8_t lists[][16] = {
		{253, 4, 1, 2, 2, 4, 2, 88},  {254, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 2, 4, 2, 88},
		{200, 2, 2, 4, 2, 88, 1, 1},  {1, 2, 4, 2, 88, 1, 1, 0},
		{1, 1, 2, 4, 2, 88, 1, 0},    {1, 1, 1, 2, 4, 2, 88, 0},
		{2, 4, 2, 88, 0, 77, 77, 77}, /* bytes after the end-of-list option are ignored */
	};
	const size_t len[] = {8, 16, 8, 8, 8, 8, 8};

	s->o.ts = s->o.sack = false;
	s->o.wscale = 0;
	s->o.mss = 600;
	for (unsigned i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		struct peer *p;

		s->o.lport = (uint16_t)(81 + i);
		p = scene_listen(s);
		PEER_TX(p, .flags = LA_SYN, .seq = p->IRS, .opts = lists[i], .optlen = len[i]);
		peer_expect(p, LA_SYN | LA_ACK, p->ISS, p->IRS + 1, 0);
		peer_ack(p);
		CHECK(s->r, peer_info(p).mss == 600, "list %u: MSS %u", i, peer_info(p).mss);
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .len = 50, .opts = lists[i],
			.optlen = len[i]);
		CHECK(s->r, p->u.bytes == 50, "list %u: the data was not delivered", i);
	}
}
