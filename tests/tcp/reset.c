/* SPDX-License-Identifier: BSD-3-Clause */

/* RST, challenge ACKs (RFC 5961), initial sequence numbers (RFC 6528). */

#include "scenario.h"

SCENARIO(reset, R_02, "a RST is never answered")
{
	struct peer *p = scene_open(s), *q;
	const uint8_t flags[] = {LA_RST, LA_RST | LA_ACK, LA_RST | LA_SYN, LA_RST | LA_FIN | LA_ACK};

	s->o.lport = 9;
	q = peer_new(s->r, &s->o); /* a port without a listener */
	for (unsigned i = 0; i < sizeof(flags); i++) {
		peer_send(q, flags[i], 1000, 2000, 0);
		peer_expect_none(q, 10);
		peer_send(p, flags[i], p->R + p->W + 10, p->N, 0);
		peer_send(p, flags[i], p->R - 10, p->N, 0);
		peer_expect_none(p, 1000);
	}
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(reset, R_06, "after a challenge ACK a RST at RCV.NXT is accepted")
{
	struct peer *p = scene_open(s);
	struct peer_rx *x;

	peer_send(p, LA_RST, p->R + 10, 0, 0);
	x = peer_next(p);
	CHECK(s->r, x && x->flags == LA_ACK && x->ack == p->R, "no challenge ACK");
	CHECK(s->r, rig_counter(s->r, LA_C_challenge_acks) == 1, "challenge_acks is not 1");
	peer_send(p, LA_RST, x->ack, 0, 0);
	user_expect_closed(p, LA_END_RESET);
}

SCENARIO(reset, R_08, "SYNs in ESTABLISHED draw challenge ACKs and do not change the connection")
{
	struct peer *p = scene_open(s);
	const uint32_t off[] = {(uint32_t)-1, 0, 1, 100000000, 0x80000000u, 0xdeadbeef};

	for (unsigned i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		peer_send(p, LA_SYN, p->R + off[i], 0, 0);
		peer_expect_chk(p);
		rig_run(s->r, 2000);
	}
	peer_data(p, 100);
	CHECK(s->r, p->u.bytes == 100, "the data was not delivered");
}

SCENARIO(reset, R_09, "SEG.ACK is acceptable down to MAX.SND.WND below SND.UNA")
{
	struct peer *p = scene_open(s);
	uint32_t max;

	/* moves U so far from ISS that U - MAX.SND.WND is above ISS */
	max = p->max_wnd;
	for (uint32_t n = 0; n < max + 5000; n += 8000) {
		CHECK(s->r, user_send(p, 8000) == 8000, "la_send failed");
		drain(p, 1);
	}
	peer_skip(p);
	peer_send(p, LA_ACK, p->snd, p->U - max - 1, 100);
	peer_expect_chk(p);
	CHECK(s->r, p->u.bytes == 0, "the data was delivered");
	CHECK(s->r, rig_counter(s->r, LA_C_drop_ack_old) == 1, "drop_ack_old is not 1");
	rig_run(s->r, 1000);
	peer_send(p, LA_ACK, p->snd, p->U - max, 100);
	CHECK(s->r, p->u.bytes == 100, "the data was not delivered");
}

SCENARIO(reset, R_10, "challenge ACKs are rate limited for each connection")
{
	struct peer *p = scene_open(s), *q;
	unsigned n;

	q = peer_new(s->r, &s->o);
	peer_to_established(q);
	for (unsigned i = 0; i < 1000; i++) {
		peer_send(p, LA_RST, p->R + 10, 0, 0);
		rig_run(s->r, 1);
	}
	n = peer_waiting(p);
	CHECK(s->r, n >= 1 && n <= 20, "%u challenge ACKs in a second", n);
	CHECK(s->r, rig_counter(s->r, LA_C_challenge_throttled) == 1000 - n, "challenge_throttled is wrong");
	peer_send(q, LA_RST, q->R + 10, 0, 0);
	peer_expect_chk(q);
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(reset, R_13, "RST and ACK are accepted with a zero receive window")
{
	struct peer *p;

	s->o.conn.rcvbuf = 4096;
	p = scene_open(s);
	p->u.hold = true;
	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
	p->got = p->ISS + 1;
	for (uint32_t room; (room = p->edge - p->snd) > 0;)
		peer_send(p, LA_ACK, p->snd, p->ISS + 1, room < 1000 ? room : 1000),
			p->snd += room < 1000 ? room : 1000;
	rig_run(s->r, 150);
	CHECK(s->r, p->W == 0, "a zero window was expected, not %u", p->W);
	peer_send(p, LA_ACK, p->R, p->N, 0);
	CHECK(s->r, peer_info(p).snd_una == p->N, "the ACK was not accepted");
	peer_send(p, LA_RST, p->R, 0, 0);
	user_expect_closed(p, LA_END_RESET);
}

SCENARIO(reset, R_15, "SYN_SENT: only a RST that acknowledges the SYN ends the open")
{
	struct peer *p = peer_new(s->r, &s->o);

	peer_to_syn_sent(p);
	peer_send(p, LA_RST, 0, 0, 0);
	peer_send(p, LA_RST | LA_ACK, 0, p->ISS, 0);
	peer_send(p, LA_RST | LA_ACK, 0, p->ISS + 2, 0);
	peer_expect_state(p, LA_SYN_SENT);
	CHECK(s->r, peer_wait(p, 2000) != NULL, "the SYN is not retransmitted");
	peer_send(p, LA_RST | LA_ACK, 0, p->ISS + 1, 0);
	user_expect_closed(p, LA_END_REFUSED);
}

SCENARIO(reset, ack_loop, "answers to unacceptable ACKs are rate limited, and ACKs in order draw none (TW-33)")
{
	struct peer *p = scene_open(s), *q;
	uint64_t sent;

	q = peer_new(s->r, &s->o);
	peer_to_time_wait(q, true, 'a');
	sent = s->r->tcp_frames;
	for (unsigned i = 0; i < 1000; i++) {
		peer_send(q, LA_ACK, q->R + q->W + 1, q->N, 0);
		rig_run(s->r, 1);
	}
	CHECK(s->r, s->r->tcp_frames - sent <= 20 && s->r->tcp_frames > sent, "%llu answers from TIME_WAIT in a second",
	      (unsigned long long)(s->r->tcp_frames - sent));
	/* pure ACKs in sequence draw no answer */
	sent = s->r->tcp_frames;
	for (unsigned i = 0; i < 1000; i++) {
		peer_send(p, LA_ACK, p->R, p->N, 0);
		peer_send(q, LA_ACK, q->R, q->N, 0);
	}
	CHECK(s->r, s->r->tcp_frames == sent, "an ACK in order was answered");
}

SCENARIO(reset, I_01, "ISNs of one tuple rise with the clock, ISNs of different tuples are unrelated")
{
	struct peer *p = scene_listen(s);
	uint32_t last = 0, step[8];
	unsigned equal = 0;

	for (unsigned i = 0; i < 50; i++) {
		peer_renew(p, 1000 + 1000 * i);
		peer_to_syn_rcvd_passive(p);
		if (i)
			CHECK(s->r, p->ISS - last >= 10 * 100 && p->ISS - last <= 10 * 1000, "ISN moved by %u in 10 ms",
			      p->ISS - last);
		last = p->ISS;
		peer_send(p, LA_RST, p->R, 0, 0);
		rig_run(s->r, 10);
	}
	for (unsigned i = 0; i < 8; i++) {
		struct peer *q = peer_new(s->r, &s->o);

		peer_to_syn_rcvd_passive(q);
		step[i] = q->ISS - last;
		last = q->ISS;
	}
	for (unsigned i = 1; i < 8; i++)
		equal += step[i] - step[0] + 1000 < 2000;
	CHECK(s->r, equal <= 1, "the ISNs of consecutive ports have a constant distance");
}
