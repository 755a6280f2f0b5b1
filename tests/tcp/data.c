/* SPDX-License-Identifier: BSD-3-Clause */

/* Receiving, acknowledging and windows (RFC 9293 3.8.6, 3.10.7.4; RFC 5681 4.2). */

#include "scenario.h"

#include <stdlib.h>

/* Sends a segment of `len` bytes at R + off, and checks that it is acceptable or not (ok), by RFC 9293 table 6. With a
 * zero window only an empty segment at R is acceptable. */
static void
acceptable(struct scene *s, uint32_t off, uint32_t len, bool zero_window, bool ok)
{
	struct peer *p = scene_open(s);
	uint32_t r;

	if (zero_window) {
		p->u.hold = true;
		for (uint32_t room; (room = p->edge - p->snd) > 0;)
			peer_data(p, room < 1000 ? room : 1000);
		rig_run(s->r, 600);
		CHECK(s->r, p->W == 0 && p->R == p->snd, "a zero window was expected, not %u", p->W);
	}
	peer_skip(p);
	r = p->R;
	peer_send(p, LA_ACK, r + off, p->got, len);
	rig_run(s->r, 600);
	if (ok && len == 0)
		CHECK(s->r, peer_waiting(p) == 0, "an acceptable empty segment drew a segment");
	else
		CHECK(s->r, peer_waiting(p) == 1, "%u answers, expected 1", peer_waiting(p));
	if (!ok || off)
		CHECK(s->r, p->R == r, "RCV.NXT moved by a segment that is not acceptable or not in order");
	else
		CHECK(s->r, p->R == r + len, "R moved by %u, expected %u", p->R - r, len);
	CHECK(s->r, peer_state(p) == LA_ESTABLISHED, "the state is not ESTABLISHED");
	scene_rig(s, NULL);
}

SCENARIO(data, D_01, "a segment is acceptable in the four cases of RFC 9293 table 6")
{
	uint32_t w;
	struct peer *p;

	s->o.conn.rcvbuf = 8192;
	p = scene_open(s);
	w = p->W;
	scene_rig(s, NULL);
	CHECK(s->r, w > 2000, "a window of %u, expected more than 2000", w);
	acceptable(s, 0, 0, false, true);
	acceptable(s, (uint32_t)-1, 0, false, false);
	acceptable(s, w, 0, false, false);
	acceptable(s, w - 1, 0, false, true);
	acceptable(s, 0, 1, false, true);
	acceptable(s, (uint32_t)-1, 1, false, false);
	acceptable(s, w, 1, false, false);
	acceptable(s, w - 1, 1, false, true);
	acceptable(s, 0, 1000, false, true);
	acceptable(s, (uint32_t)-1000, 1000, false, false);
	acceptable(s, w, 1000, false, false);
	acceptable(s, 0, 0, true, true);
	acceptable(s, (uint32_t)-1, 0, true, false);
	acceptable(s, 1, 0, true, false);
	acceptable(s, 0, 1, true, false);
	acceptable(s, 0, 1000, true, false);
	acceptable(s, (uint32_t)-1, 1, true, false);
}

SCENARIO(data, D_02_left, "a segment that overlaps the left edge of the window is trimmed")
{
	struct peer *p = scene_open(s);

	peer_data(p, 100);
	rig_run(s->r, 600);
	peer_skip(p);
	peer_send(p, LA_ACK, p->R - 50, p->got, 100);
	rig_run(s->r, 600);
	CHECK(s->r, p->R == p->IRS + 151 && p->u.bytes == 150, "R %u, %llu bytes", p->R - p->IRS,
	      (unsigned long long)p->u.bytes);
}

SCENARIO(data, D_02_right, "a segment that overlaps the right edge of the window is trimmed")
{
	struct peer *p;

	s->o.conn.rcvbuf = 4096;
	p = scene_open(s);
	p->u.hold = true;
	for (uint32_t room; (room = p->edge - p->snd) > 10;)
		peer_data(p, room - 10 < 1000 ? room - 10 : 1000);
	rig_run(s->r, 600);
	CHECK(s->r, p->edge - p->snd == 10, "%u bytes of window left", p->edge - p->snd);
	peer_send(p, LA_ACK, p->snd, p->got, 20);
	rig_run(s->r, 600);
	CHECK(s->r, p->R == p->snd + 10, "R moved by %u", p->R - p->snd);
	user_read(p, UINT64_MAX);
}

/* Segments overlap at random offsets, until all bytes have arrived. */
SCENARIO(data, D_03, "out-of-order and overlapping data is delivered once, with correct bytes")
{
	struct peer *p = scene_open(s);
	unsigned seed = 12345;

	for (unsigned round = 0; round < 200; round++) {
		uint32_t base = p->R, total = 3000;

		for (unsigned i = 0; i < 40 && p->R != base + total; i++) {
			uint32_t off = (uint32_t)rand_r(&seed) % total;
			uint32_t len = 1 + (uint32_t)rand_r(&seed) % 1400;

			if (off + len > total)
				len = total - off;
			peer_send(p, LA_ACK, base + off, p->got, len);
			peer_skip(p);
		}
		for (uint32_t off = 0; off < total; off += 1000)
			peer_send(p, LA_ACK, base + off, p->got, 1000);
		rig_run(s->r, 600);
		peer_skip(p);
		CHECK(s->r, p->R == base + total, "round %u: R at %u of %u", round, p->R - base, total);
		CHECK(s->r, p->u.bytes == p->R - (p->IRS + 1), "round %u: %llu bytes delivered", round,
		      (unsigned long long)p->u.bytes);
	}
}

SCENARIO(data, D_04, "filling a hole below five queued segments gives one ACK")
{
	struct peer *p = scene_open(s);

	for (uint32_t i = 1; i <= 5; i++) {
		peer_send(p, LA_ACK, p->IRS + 1 + 100 * i, p->got, 100);
		peer_expect_chk(p);
	}
	CHECK(s->r, p->u.bytes == 0, "data above a hole was delivered");
	peer_send(p, LA_ACK, p->IRS + 1, p->got, 100);
	peer_expect(p, LA_ACK, p->N, p->IRS + 601, 0);
	peer_expect_none(p, 600);
	CHECK(s->r, p->u.bytes == 600, "%llu bytes", (unsigned long long)p->u.bytes);
}

SCENARIO(data, D_05, "an ACK is delayed by less than half a second; the second full segment is acknowledged at once")
{
	struct peer *p = scene_open(s);
	uint64_t from = s->r->now;
	struct peer_rx *x;

	peer_data(p, 100);
	x = peer_wait(p, 600);
	CHECK(s->r, x && x->flags == LA_ACK && x->ack == p->snd && x->at - from < 500, "no ACK in half a second");
	peer_expect_none(p, 1000);
	peer_data(p, 1000);
	peer_skip(p);
	peer_data(p, 1000);
	CHECK(s->r, p->R == p->snd, "two full segments not acknowledged at once");
	peer_skip(p);
	peer_expect_none(p, 1000);
}

SCENARIO(data, D_06, "a segment draws at most one ACK")
{
	struct peer *p = scene_open(s);
	unsigned seed = 4711;

	for (unsigned i = 0; i < 300; i++) {
		uint32_t off = (uint32_t)rand_r(&seed) % 3000;

		peer_skip(p);
		if (i % 3)
			peer_send(p, LA_ACK, p->snd + off, p->got, 500);
		else
			peer_data(p, 500);
		CHECK(s->r, peer_waiting(p) <= 1, "%u ACKs for one segment", peer_waiting(p));
	}
}

SCENARIO(data, D_08, "while the user reads byte by byte, the window opens in large steps")
{
	struct peer *p;
	uint32_t edge;

	s->o.conn.rcvbuf = 8192;
	p = scene_open(s);
	p->u.hold = true;
	for (uint32_t room; (room = p->edge - p->snd) > 0;)
		peer_data(p, room < 1000 ? room : 1000);
	rig_run(s->r, 600);
	CHECK(s->r, p->W == 0, "a zero window was expected, not %u", p->W);
	peer_skip(p);
	edge = p->edge;
	for (unsigned i = 0; i < 8000; i++) {
		user_read(p, 1);
		rig_pump(s->r);
		if (p->edge != edge)
			CHECK(s->r, p->edge - edge >= 1024, "the window opened by %u, expected at least 1024",
			      p->edge - edge);
		edge = p->edge;
	}
	CHECK(s->r, p->W > 0, "the window did not open");
	CHECK(s->r, peer_waiting(p) <= 8, "%u window updates, expected at most 8", peer_waiting(p));
}

SCENARIO(data, D_09, "zero window: probes are answered, and the window update needs no probe")
{
	struct peer *p;

	s->o.conn.rcvbuf = 8192;
	p = scene_open(s);
	p->u.hold = true;
	for (uint32_t room; (room = p->edge - p->snd) > 0;)
		peer_data(p, room < 1000 ? room : 1000);
	rig_run(s->r, 600);
	CHECK(s->r, p->W == 0, "a zero window was expected, not %u", p->W);
	peer_skip(p);
	for (unsigned i = 0; i < 3; i++) {
		peer_send(p, LA_ACK, p->R, p->got, 1);
		CHECK(s->r, peer_expect(p, LA_ACK, p->N, p->R, 0)->win == 0, "the window is not 0");
		rig_run(s->r, 1000);
		peer_send(p, LA_ACK, p->R - 1, p->got, 0);
		CHECK(s->r, peer_expect(p, LA_ACK, p->N, p->R, 0)->win == 0, "the window is not 0");
		rig_run(s->r, 1000);
	}
	user_read(p, UINT64_MAX);
	rig_pump(s->r);
	CHECK(s->r, peer_waiting(p) > 0 && last_rx(p)->wnd >= 4096 && last_rx(p)->len == 0, "no window update");
}

SCENARIO(data, D_10, "urgent pointers of all values leave the data unchanged")
{
	struct peer *p = scene_open(s);
	const uint16_t up[] = {0, 1, 50, 100, 101, 5000, 65535};

	for (unsigned i = 0; i < sizeof(up) / sizeof(up[0]); i++) {
		PEER_TX(p, .flags = LA_ACK | LA_URG, .seq = p->snd, .ack = p->got, .len = 100, .urg = up[i]);
		p->snd += 100;
		PEER_TX(p, .flags = LA_ACK | LA_URG, .seq = p->snd + 50, .ack = p->got, .len = 10, .urg = up[i]);
		PEER_TX(p, .flags = LA_ACK | LA_URG, .seq = p->snd, .ack = p->got, .urg = up[i]);
		rig_run(s->r, 600);
	}
	CHECK(s->r, p->u.bytes >= 700, "%llu bytes", (unsigned long long)p->u.bytes);
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(data, D_12, "an old ACK does not change the window")
{
	struct peer *p = scene_open(s);
	uint32_t wnd;

	/* SND.WL1: the newer segment offers 500; then an older segment arrives, which offers 30000 */
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .len = 10, .win = 1000);
	wnd = peer_info(p).snd_wnd;
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd + 10, .ack = p->got, .win = 500);
	CHECK(s->r, peer_info(p).snd_wnd == wnd / 2, "the window of the newer segment was not used: %u",
	      peer_info(p).snd_wnd);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd + 5, .ack = p->got, .len = 10, .win = 30000);
	CHECK(s->r, peer_info(p).snd_wnd == wnd / 2, "the window of an older segment was used: %u",
	      peer_info(p).snd_wnd);
}

SCENARIO(data, D_13, "the peer shrinks its window to 0: no new data is sent; all bytes arrive when the window opens")
{
	struct peer *p;
	struct peer_rx *x;
	uint32_t n;

	s->o.win = 10000;
	s->o.wscale = 0;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 30000) == 30000, "la_send failed");
	rig_pump(s->r);
	peer_skip(p);
	n = p->N;
	CHECK(s->r, n - p->ISS - 1 >= 8000, "only %u bytes in flight", n - p->ISS - 1);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->ISS + 1, .win = WIN_ZERO);
	for (unsigned i = 0; i < 4; i++) {
		x = peer_wait(p, 60000);
		CHECK(s->r, x && x->len > 0 && seq_lt(x->seq, n), "no retransmission, or new data into a zero window");
		peer_skip(p);
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->ISS + 1, .win = WIN_ZERO);
	}
	peer_expect_state(p, LA_ESTABLISHED);
	p->got = p->ISS + 1;
	peer_ack(p);
	drain(p, 5000);
	CHECK(s->r, p->got == p->ISS + 30001, "only %u bytes arrived", p->got - p->ISS - 1);
}

SCENARIO(data, D_14, "zero-window probes: the interval starts at RTO and doubles up to at least a minute")
{
	struct peer *p = scene_open(s);
	uint64_t last, gap = 0;

	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	CHECK(s->r, user_send(p, 1000) == 1000, "la_send failed");
	CHECK(s->r, peer_waiting(p) == 0, "data was sent into a zero window");
	last = s->r->now;
	for (unsigned i = 0; i < 14; i++) {
		struct peer_rx *x = peer_wait(p, 130000);

		CHECK(s->r, x != NULL, "no probe");
		CHECK(s->r, (x->len == 1 && x->seq == p->ISS + 1) || (x->len == 0 && x->seq == p->ISS),
		      "not a probe: seq ISS+%u len %u", x->seq - p->ISS, x->len);
		CHECK(s->r, i == 0 || x->at - last >= 2 * gap - 1 || x->at - last >= 60000,
		      "probe after %llu ms, the previous one after %llu", (unsigned long long)(x->at - last),
		      (unsigned long long)gap);
		gap = x->at - last;
		last = x->at;
		peer_skip(p);
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->ISS + 1, .win = WIN_ZERO);
		CHECK(s->r, peer_waiting(p) == 0, "the answer to a probe drew a segment");
	}
	CHECK(s->r, gap <= 120001, "the last probes are %llu ms apart", (unsigned long long)gap);
}

SCENARIO(data, D_15, "answered probes keep the connection open without limit")
{
	struct peer *p = scene_open(s);

	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	CHECK(s->r, user_send(p, 1000) == 1000, "la_send failed");
	for (unsigned i = 0; i < 40; i++) {
		CHECK(s->r, peer_wait(p, 200000) != NULL, "no probe");
		peer_skip(p);
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->ISS + 1, .win = WIN_ZERO);
	}
	CHECK(s->r, p->u.closed == 0, "closed after %u answered probes", 40);
	p->got = p->ISS + 1;
	peer_ack(p);
	drain(p, 2000);
	CHECK(s->r, p->got == p->ISS + 1001, "the data was not sent when the window opened");
}

SCENARIO(data, D_15_silent, "unanswered probes end the connection after R2")
{
	struct peer *p = scene_open(s);

	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	CHECK(s->r, user_send(p, 1000) == 1000, "la_send failed");
	rig_run(s->r, 600000);
	user_expect_closed(p, LA_END_TIMEOUT);
	CHECK(s->r, p->u.why.unacked == 1000, "%llu bytes", (unsigned long long)p->u.why.unacked);
}

SCENARIO(data, D_16_nagle, "the second small write waits for the ACK (Nagle), unless nodelay is set")
{
	struct peer *p = scene_open(s), *q;

	CHECK(s->r, user_send(p, 10) == 10, "la_send failed");
	peer_expect(p, LA_ACK, p->ISS + 1, p->R, 10);
	CHECK(s->r, user_send(p, 10) == 10, "la_send failed");
	CHECK(s->r, user_send(p, 10) == 10, "la_send failed");
	peer_expect_none(p, 50);
	peer_ack(p);
	peer_expect(p, LA_ACK, p->ISS + 11, p->R, 20);

	s->o.conn.nodelay = true;
	s->o.lport = 81;
	q = scene_open(s);
	CHECK(s->r, user_send(q, 10) == 10, "la_send failed");
	peer_expect(q, LA_ACK, q->ISS + 1, q->R, 10);
	CHECK(s->r, user_send(q, 10) == 10, "la_send failed");
	peer_expect(q, LA_ACK, q->ISS + 11, q->R, 10);
}

SCENARIO(data, D_16_sws, "silly window avoidance: a window that opens by a few bytes is not used")
{
	struct peer *p;

	s->o.win = 2000;
	s->o.wscale = 0;
	p = scene_open(s);
	CHECK(s->r, user_send(p, 20000) == 20000, "la_send failed");
	rig_pump(s->r);
	peer_skip(p);
	p->got = p->N;
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	peer_skip(p);
	for (int32_t w = 1; w <= 50; w++) {
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = w);
		CHECK(s->r, peer_waiting(p) == 0, "%u bytes were sent into a window of %d", last_rx(p)->len, w);
	}
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = 2000);
	CHECK(s->r, peer_waiting(p) >= 1 && p->rx[p->next].len >= 1000,
	      "no full segment was sent into the open window");
}

SCENARIO(data, D_17, "the last segment of a write has PSH")
{
	struct peer *p = scene_open(s);
	const uint32_t sizes[] = {1, 100, 1460, 3000, 10000};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CHECK(s->r, user_send(p, sizes[i]) == (ssize_t)sizes[i], "la_send failed");
		drain(p, 600);
		for (unsigned k = p->nrx; k-- > 0;) {
			if (p->rx[k].len == 0)
				continue;
			CHECK(s->r, p->rx[k].flags & LA_PSH, "no PSH on the last segment of %u bytes", sizes[i]);
			break;
		}
	}
}

SCENARIO(data, D_18, "a segment larger than the window is answered by an ACK")
{
	struct peer *p;
	uint32_t r;

	s->o.conn.rcvbuf = 4096;
	p = scene_open(s);
	p->u.hold = true;
	for (uint32_t room; (room = p->edge - p->snd) > 500;)
		peer_data(p, room - 500 < 1000 ? room - 500 : 1000);
	rig_run(s->r, 600);
	peer_skip(p);
	r = p->R;
	peer_send(p, LA_ACK, p->R, p->got, 1200);
	rig_run(s->r, 600);
	CHECK(s->r, peer_waiting(p) == 1, "%u answers, expected 1", peer_waiting(p));
	CHECK(s->r, p->R == r || p->R == r + 500, "R moved by %u, expected 0 or 500", p->R - r);
	user_read(p, UINT64_MAX);
}

SCENARIO(data, send_queue,
	 "la_send() accepts at most the room in the send queue; `writable` fires when there is room again")
{
	struct peer *p;

	s->o.conn.sndbuf = 10000;
	s->o.win = 2000;
	s->o.wscale = 0;
	p = scene_open(s);
	CHECK(s->r, la_send_room(p->u.c) == 10000, "room for %zu bytes, expected 10000", la_send_room(p->u.c));
	CHECK(s->r, user_send(p, 15000) == 10000, "la_send did not accept exactly 10000");
	CHECK(s->r, user_send(p, 1) == 0, "la_send accepted a byte without room");
	CHECK(s->r, p->u.writable == 0, "`writable` fired before there was room");
	drain(p, 2000);
	CHECK(s->r, p->u.writable >= 1, "no `writable` callback");
	CHECK(s->r, p->got == p->ISS + 10001, "only %u bytes arrived", p->got - p->ISS - 1);
	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
}

SCENARIO(data, acked, "`acked` is called once a segment; la_unacked() and la_unsent() count the bytes")
{
	struct peer *p;

	s->o.win = 1000;
	s->o.wscale = 0;
	p = scene_open(s);
	CHECK(s->r, la_unacked(p->u.c) == 0 && la_unsent(p->u.c) == 0, "unacked or unsent is not 0 for an empty queue");
	CHECK(s->r, user_send(p, 2500) == 2500, "la_send failed");
	CHECK(s->r, p->u.acked == 0 && la_unacked(p->u.c) == 2500, "%zu unacknowledged", la_unacked(p->u.c));
	CHECK(s->r, la_unsent(p->u.c) == 1500, "%zu unsent", la_unsent(p->u.c));
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->ISS + 401, .win = WIN_ZERO);
	CHECK(s->r, p->u.acked == 1, "`acked` called %u times", p->u.acked);
	CHECK(s->r, la_unacked(p->u.c) == 2100 && la_unsent(p->u.c) == 1500, "unacked %zu, unsent %zu",
	      la_unacked(p->u.c), la_unsent(p->u.c));
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->ISS + 401, .win = WIN_ZERO);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->ISS + 401, .win = WIN_ZERO, .len = 10);
	p->snd += 10;
	CHECK(s->r, p->u.acked == 1, "`acked` was called for an ACK of no new data");
	peer_ack(p);
	CHECK(s->r, p->u.acked == 2, "`acked` called %u times", p->u.acked);
	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	drain(p, 2000);
	CHECK(s->r, p->got == p->ISS + 2502, "%u bytes before the FIN, expected 2500", p->got - p->ISS - 2);
	CHECK(s->r, la_unacked(p->u.c) == 0 && la_unsent(p->u.c) == 0, "unacked or unsent is not 0");
	user_close(p);
}

SCENARIO(data, a_fin_alone_is_not_acked, "an ACK of the FIN alone does not call `acked`")
{
	struct peer *p = scene_open(s);

	user_shutdown(p);
	peer_ack(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
	CHECK(s->r, p->u.acked == 0, "`acked` was called");
	CHECK(s->r, la_unsent(p->u.c) == 0, "%zu never sent", la_unsent(p->u.c));
	peer_fin(p);
}

SCENARIO(data, unsent_before_the_handshake, "bytes queued before the handshake count as unsent")
{
	struct peer *p = scene_listen(s);

	CHECK(s->r, user_connect(p) == 0, "la_connect failed");
	CHECK(s->r, user_send(p, 300) == 300, "la_send failed");
	CHECK(s->r, la_unsent(p->u.c) == 300 && la_unacked(p->u.c) == 300, "%zu unsent", la_unsent(p->u.c));
	peer_send(p, LA_SYN | LA_ACK, p->IRS, p->N, 0);
	CHECK(s->r, la_unsent(p->u.c) == 0 && p->u.acked == 0, "%zu unsent", la_unsent(p->u.c));
	drain(p, 100);
	CHECK(s->r, p->u.acked == 1 && la_unacked(p->u.c) == 0, "%zu unacknowledged", la_unacked(p->u.c));
}

SCENARIO(data, now, "la_shard_now() is the time of the last call")
{
	uint64_t at = s->r->now;

	rig_run(s->r, 123);
	CHECK(s->r, la_shard_now(s->r->s) == at + 123, "%lu", la_shard_now(s->r->s));
	(void)scene_open(s);
	CHECK(s->r, la_shard_now(s->r->s) == s->r->now, "%lu", la_shard_now(s->r->s));
}

SCENARIO(data, timer, "the user's timer fires once, unless it is cancelled or moved")
{
	struct peer *p = scene_open(s);

	la_set_timer(p->u.c, 100);
	rig_run(s->r, 99);
	CHECK(s->r, p->u.timer == 0, "the timer fired early");
	rig_run(s->r, 2);
	CHECK(s->r, p->u.timer == 1, "the timer did not fire");
	rig_run(s->r, 1000);
	CHECK(s->r, p->u.timer == 1, "the timer fired again");
	la_set_timer(p->u.c, 100);
	la_set_timer(p->u.c, 0);
	rig_run(s->r, 1000);
	CHECK(s->r, p->u.timer == 1, "a cancelled timer fired");
	la_set_timer(p->u.c, 5000);
	la_set_timer(p->u.c, 100);
	rig_run(s->r, 101);
	CHECK(s->r, p->u.timer == 2, "a timer that was moved forward did not fire");
	rig_run(s->r, 10000);
	CHECK(s->r, p->u.timer == 2, "the timer fired twice");
}
