/* SPDX-License-Identifier: BSD-3-Clause */

/* Opening (RFC 9293 3.5, 3.10.7.2 to 3.10.7.4). */

#include "scenario.h"

SCENARIO(open, P_01_passive, "a passive open by a three-way handshake carries data in both directions")
{
	struct peer *p = scene_open(s);

	peer_data(p, 700);
	CHECK(s->r, p->u.bytes == 700, "the data was not delivered");
	CHECK(s->r, user_send(p, 900) == 900, "la_send failed");
	drain(p, 600);
	CHECK(s->r, p->got == p->ISS + 901 && p->R == p->snd, "not sent, or not acknowledged");
	CHECK(s->r, rig_counter(s->r, LA_C_opens_passive) == 1, "opens_passive is not 1");
}

SCENARIO(open, P_01_active, "an active open by a three-way handshake carries data in both directions")
{
	struct peer *p = scene_connect(s);

	peer_data(p, 700);
	CHECK(s->r, p->u.bytes == 700, "the data was not delivered");
	CHECK(s->r, user_send(p, 900) == 900, "la_send failed");
	drain(p, 600);
	CHECK(s->r, p->got == p->ISS + 901 && p->R == p->snd, "not sent, or not acknowledged");
	CHECK(s->r, rig_counter(s->r, LA_C_opens_active) == 1, "opens_active is not 1");
}

SCENARIO(open, P_01_early_send, "data queued during the handshake is sent after the handshake")
{
	struct peer *p = peer_new(s->r, &s->o);

	peer_to_syn_sent(p);
	CHECK(s->r, user_send(p, 300) == 300, "la_send in SYN_SENT");
	peer_expect_none(p, 0);
	peer_send(p, LA_SYN | LA_ACK, p->IRS, p->N, 0);
	drain(p, 600);
	CHECK(s->r, p->got == p->ISS + 301, "the data was not sent");
}

static void
simultaneous(struct scene *s, uint8_t flags)
{
	struct peer *p = peer_new(s->r, &s->o);

	peer_to_syn_rcvd_active(p);
	if (flags & LA_SYN)
		peer_send(p, flags, p->IRS, p->N, 0);
	else
		peer_ack(p);
	rig_run(s->r, 600);
	peer_skip(p);
	CHECK(s->r, p->u.opened == 1, "`opened` was not called");
	peer_expect_state(p, LA_ESTABLISHED);
	peer_data(p, 100);
	CHECK(s->r, p->u.bytes == 100, "the data was not delivered");
	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
	drain(p, 600);
	CHECK(s->r, p->got == p->ISS + 101, "the data was not sent");
}

SCENARIO(open, P_02_syn_ack, "a simultaneous open succeeds when both sides send SYN,ACK")
{
	simultaneous(s, LA_SYN | LA_ACK);
}

SCENARIO(open, P_02_ack, "an ACK without SYN completes a simultaneous open")
{
	simultaneous(s, LA_ACK);
}

SCENARIO(open, P_03_passive, "a RST ends a passive open in SYN_RCVD without a callback, and the listener stays")
{
	struct peer *p = scene_listen(s);

	peer_to_syn_rcvd_passive(p);
	peer_send(p, LA_RST, p->R, 0, 0);
	peer_expect_none(p, 5000);
	CHECK(s->r, p->u.opened == 0 && p->u.closed == 0, "a callback ran for a half-open connection");
	CHECK(s->r, rig_counter(s->r, LA_C_embryonic_gone) == 1, "embryonic_gone is not 1");
	peer_renew(p, p->IRS + 10);
	peer_to_established(p);
}

SCENARIO(open, P_03_active, "a RST ends an active open in SYN_RCVD as refused")
{
	struct peer *p = peer_new(s->r, &s->o);

	peer_to_syn_rcvd_active(p);
	peer_send(p, LA_RST, p->R, 0, 0);
	user_expect_closed(p, LA_END_REFUSED);
	peer_expect_none(p, 5000);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(open, P_04, "an open connection works beside a thousand half-open connections")
{
	struct peer *p;

	scene_rig(s, &(struct rig_opts){.max_conns = 2048,
					.max_time_wait4 = 2048,
					.max_time_wait6 = 2048,
					.syn_cookies_at = UINT32_MAX});
	for (unsigned i = 0; i < 1000; i++) {
		p = peer_new(s->r, &s->o);
		if (i == 0)
			peer_listen(p);
		peer_to_syn_rcvd_passive(p);
	}
	s->o.lport = 81;
	p = scene_open(s);
	peer_data(p, 100);
	CHECK(s->r, p->u.bytes == 100, "the data was not delivered");
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 1001, "%llu connections, expected 1001",
	      (unsigned long long)rig_counter(s->r, LA_C_live));
	rig_run(s->r, 300000);
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 1, "half-open connections are left");
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(open, P_05, "answers have the address that the peer sent to")
{
	struct peer *p = scene_open(s), *q;

	s->o.other = true;
	q = peer_new(s->r, &s->o);
	peer_to_established(q);
	CHECK(s->r, !la_addr_eq(&p->t.laddr, &q->t.laddr), "both connections have the same local address");
}

SCENARIO(open, P_06,
	 "segments from an invalid source address, or to an address that the shard does not have, are dropped")
{
	static const char *const src4[] = {"0.0.0.0",	"255.255.255.255", "224.0.0.1",
					   "127.0.0.1", "10.1.0.1",	   "0.1.2.3"};
	static const char *const dst4[] = {"255.255.255.255", "224.0.0.1", "10.1.0.255", "10.1.0.9"};
	static const char *const src6[] = {"::", "::1", "ff02::1", "fd00::1"};
	static const char *const dst6[] = {"ff02::1", "ff02::1:ff00:1", "fd00::9"};
	const char *const *src = s->o.ip6 ? src6 : src4, *const *dst = s->o.ip6 ? dst6 : dst4;
	unsigned nsrc = s->o.ip6 ? 4 : 6, ndst = s->o.ip6 ? 3 : 4;
	static const uint8_t flags[] = {LA_SYN, LA_ACK, LA_SYN | LA_ACK, LA_FIN | LA_ACK};
	struct peer *p = scene_listen(s);
	struct la_addr a;

	/* the shard learns the peer's MAC address, so that an answer would be sent at once */
	peer_to_syn_rcvd_passive(p);
	peer_send(p, LA_RST, p->R, 0, 0);
	for (unsigned f = 0; f < sizeof(flags); f++) {
		uint64_t sent = s->r->tx_frames;

		for (unsigned i = 0; i < nsrc; i++) {
			la_addr_parse(src[i], &a);
			PEER_TX(p, .flags = flags[f], .seq = 1, .ack = 1, .src = &a);
			CHECK(s->r, s->r->tx_frames == sent, "a segment from %s was answered", src[i]);
		}
		for (unsigned i = 0; i < ndst; i++) {
			la_addr_parse(dst[i], &a);
			PEER_TX(p, .flags = flags[f], .seq = 1, .ack = 1, .dst = &a);
			CHECK(s->r, s->r->tx_frames == sent, "a segment to %s was answered", dst[i]);
		}
		rig_run(s->r, 3000);
		CHECK(s->r, s->r->tx_frames == sent, "a frame was sent within 3 s");
	}
	CHECK(s->r, rig_counter(s->r, LA_C_syns_accepted) == 1, "syns_accepted is not 1: a SYN was accepted");
}

SCENARIO(open, P_07, "text on a SYN is delivered once, after ESTABLISHED")
{
	struct peer *p = scene_listen(s);
	struct peer_rx *x;

	peer_send(p, LA_SYN, p->IRS, 0, 10);
	x = peer_next(p);
	CHECK(s->r, x && x->flags == (LA_SYN | LA_ACK), "no SYN,ACK");
	CHECK(s->r, x->ack == p->IRS + 1 || x->ack == p->IRS + 11, "the SYN,ACK acknowledges IRS+%u", x->ack - p->IRS);
	rig_run(s->r, 500);
	CHECK(s->r, p->u.opened == 0 && p->u.bytes == 0, "delivered before ESTABLISHED");
	peer_send(p, LA_ACK, p->R, p->N, 0);
	peer_send(p, LA_ACK, p->IRS + 1, p->N, 10);
	rig_run(s->r, 600);
	CHECK(s->r, p->u.bytes == 10 && p->R == p->IRS + 11, "%llu bytes delivered, R is IRS+%u",
	      (unsigned long long)p->u.bytes, p->R - p->IRS);
}

SCENARIO(open, P_08, "a SYN,ACK with a wrong SEG.ACK draws a RST; the correct SYN,ACK opens")
{
	struct peer *p = peer_new(s->r, &s->o);

	peer_to_syn_sent(p);
	peer_send(p, LA_SYN | LA_ACK, p->IRS - 999, p->ISS - 9, 0);
	peer_expect(p, LA_RST, p->ISS - 9, 0, 0);
	peer_expect_state(p, LA_SYN_SENT);
	peer_send(p, LA_SYN | LA_ACK, p->IRS, p->ISS + 1, 0);
	peer_expect(p, LA_ACK, p->ISS + 1, p->IRS + 1, 0);
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(open, P_09,
	 "a restarted peer: its SYN draws a challenge ACK, its RST ends the old connection, its next SYN opens")
{
	struct peer *p = scene_open(s);
	uint32_t isn = p->IRS + 77777;

	if (s->o.ts) /* the restarted peer's TSval must be newer, or PAWS drops the SYN
		      */
		rig_run(s->r, 100);
	peer_send(p, LA_SYN, isn, 0, 0);
	peer_expect_chk(p);
	peer_send(p, LA_RST, last_rx(p)->ack, 0, 0);
	user_expect_closed(p, LA_END_RESET);
	peer_renew(p, isn);
	peer_to_established(p);
}

SCENARIO(open, P_10, "the SYN is retransmitted after 1, 2, 4 ... s, for at least three minutes")
{
	struct peer *p = peer_new(s->r, &s->o);
	uint64_t from = s->r->now, at = 0;
	struct peer_rx *x;

	peer_to_syn_sent(p);
	for (uint64_t gap = 1000; gap <= 64000; gap *= 2) {
		at += gap;
		x = peer_wait(p, 300000);
		CHECK(s->r, x && x->flags == LA_SYN && x->seq == p->ISS, "no SYN after %llu ms",
		      (unsigned long long)gap);
		CHECK(s->r, x->f.has_mss && x->f.mss == p->rx[0].f.mss, "the retransmitted SYN has another MSS");
		if (gap <= 32000)
			CHECK(s->r, x->at - from >= at && x->at - from <= at + at / 20 + 10,
			      "SYN after %llu ms, expected %llu", (unsigned long long)(x->at - from),
			      (unsigned long long)at);
	}
	rig_run(s->r, 300000);
	user_expect_closed(p, LA_END_TIMEOUT);
	CHECK(s->r, p->u.closed_at - from >= 180000, "ended after %llu ms",
	      (unsigned long long)(p->u.closed_at - from));
}

SCENARIO(open, P_11, "after a retransmitted SYN the first RTO is 3 s, unless a timestamp gives an RTT sample")
{
	struct peer *p = peer_new(s->r, &s->o);
	struct peer_rx *x;
	uint64_t from;

	peer_to_syn_sent(p);
	x = peer_wait(p, 5000);
	CHECK(s->r, x && x->flags == LA_SYN, "the SYN is not retransmitted");
	peer_send(p, LA_SYN | LA_ACK, p->IRS, p->N, 0);
	peer_skip(p);
	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
	peer_skip(p);
	from = s->r->now;
	x = peer_wait(p, 20000);
	CHECK(s->r, x && x->len == 100, "the data is not retransmitted");
	if (s->o.ts)
		CHECK(s->r, x->at - from <= 3000, "after %llu ms, expected at most 3000",
		      (unsigned long long)(x->at - from));
	else
		CHECK(s->r, x->at - from == 3000, "after %llu ms, expected 3000", (unsigned long long)(x->at - from));
}

SCENARIO(open, P_12_syn_ack, "a lost SYN,ACK: the shard retransmits it, and answers a retransmitted SYN")
{
	struct peer *p = scene_listen(s);
	struct peer_rx *x;

	peer_to_syn_rcvd_passive(p);
	x = peer_wait(p, 5000);
	CHECK(s->r, x && x->flags == (LA_SYN | LA_ACK) && x->seq == p->ISS && x->ack == p->IRS + 1,
	      "the SYN,ACK is not retransmitted");
	CHECK(s->r, x->at - p->rx[0].at >= 1000 && x->at - p->rx[0].at <= 1100, "after %llu ms, expected 1000",
	      (unsigned long long)(x->at - p->rx[0].at));
	peer_syn(p);
	x = peer_next(p);
	CHECK(s->r,
	      x && ((x->flags == (LA_SYN | LA_ACK) && x->seq == p->ISS) || (x->flags == LA_ACK && x->seq == p->N)),
	      "a retransmitted SYN is not answered");
	peer_ack(p);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, p->u.opened == 1, "`opened` was not called");
}

SCENARIO(open, P_12_ack, "a lost final ACK: data or the repeated SYN,ACK completes the handshake")
{
	struct peer *p = scene_listen(s), *q;

	peer_to_syn_rcvd_passive(p);
	peer_data(p, 100);
	CHECK(s->r, p->u.opened == 1 && p->u.bytes == 100, "the data did not complete the handshake");
	q = peer_new(s->r, &s->o);
	peer_to_established_active(q);
	peer_send(q, LA_SYN | LA_ACK, q->IRS, q->N, 0);
	peer_expect_chk(q);
	peer_expect_state(q, LA_ESTABLISHED);
}

SCENARIO(open, P_13_conns, "no free TCB: a new connection is refused and counted, and open connections continue")
{
	struct peer *p[10];

	scene_rig(s, &(struct rig_opts){.max_conns = 4, .syn_cookies_at = UINT32_MAX});
	p[0] = scene_listen(s);
	for (unsigned i = 1; i < 10; i++)
		p[i] = peer_new(s->r, &s->o);
	for (unsigned i = 0; i < 10; i++)
		peer_syn(p[i]);
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 4, "%llu connections",
	      (unsigned long long)rig_counter(s->r, LA_C_live));
	CHECK(s->r, rig_counter(s->r, LA_C_conn_table_full) == 6, "conn_table_full is %llu, expected 6",
	      (unsigned long long)rig_counter(s->r, LA_C_conn_table_full));
	for (unsigned i = 0; i < 10; i++) {
		struct peer_rx *x = peer_next(p[i]);

		CHECK(s->r, i < 4 ? x != NULL : x == NULL || (x->flags & LA_RST), "wrong answer to the SYN of peer %u",
		      i);
		if (i < 4) {
			peer_ack(p[i]);
			peer_expect_state(p[i], LA_ESTABLISHED);
		}
	}
}

SCENARIO(open, P_13_time_wait, "no free TIME_WAIT entry: a new connection is refused and counted")
{
	struct peer *p, *q;

	scene_rig(s, &(struct rig_opts){.max_time_wait4 = 2, .max_time_wait6 = 2});
	p = scene_listen(s);
	peer_to_time_wait(p, true, 'a');
	q = peer_new(s->r, &s->o);
	peer_to_established(q);
	q = peer_new(s->r, &s->o);
	peer_syn(q);
	CHECK(s->r, peer_waiting(q) == 0 || (last_rx(q)->flags & LA_RST), "a SYN was accepted without a free entry");
	CHECK(s->r, rig_counter(s->r, LA_C_tw_reserve_exhausted) == 1, "tw_reserve_exhausted is not 1");
	peer_skip(q);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 60001);
	peer_syn(q);
	CHECK(s->r, peer_waiting(q) == 1 && last_rx(q)->flags == (LA_SYN | LA_ACK),
	      "the SYN was not accepted after the expiry of an entry");
}

SCENARIO(open, connect_errors, "la_connect() returns an error for a tuple that cannot be opened")
{
	struct peer *p = scene_connect(s), *q;

	q = peer_new(s->r, &s->o);
	q->t = p->t;
	CHECK(s->r, user_connect(q) == -EADDRINUSE, "the tuple is in use: no EADDRINUSE");
	CHECK(s->r, rig_counter(s->r, LA_C_connect_in_use) == 1, "connect_in_use is not 1");
	q->t.rport = 50000;
	q->t.laddr = q->t.raddr;
	CHECK(s->r, user_connect(q) == -EADDRNOTAVAIL, "not an address of the shard: no EADDRNOTAVAIL");
	q->t.laddr = s->o.ip6 ? s->r->addr4 : s->r->addr6;
	CHECK(s->r, user_connect(q) == -EAFNOSUPPORT, "two families: no EAFNOSUPPORT");
	q->t.laddr = p->t.laddr;
	la_addr_parse(s->o.ip6 ? "2001:db8::1" : "192.0.2.1", &q->t.raddr);
	CHECK(s->r, user_connect(q) == -EHOSTUNREACH, "no route: no EHOSTUNREACH");
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 1, "a failed open left a TCB");
	q->u.c = NULL;
}

SCENARIO(open, refused, "a RST,ACK to our SYN ends the open as refused")
{
	struct peer *p = peer_new(s->r, &s->o);

	peer_to_syn_sent(p);
	peer_send(p, LA_RST | LA_ACK, 0, p->N, 0);
	user_expect_closed(p, LA_END_REFUSED);
	peer_expect_none(p, 5000);
	CHECK(s->r, rig_counter(s->r, LA_C_ended_refused) == 1, "ended_refused is not 1");
}

/* Opens simultaneously: the peer's SYN has text, and a FIN if `fin` is LA_FIN. The shard does not acknowledge the
 * text before ESTABLISHED. Returns the peer in SYN_RCVD. */
static struct peer *
crossing_text(struct scene *s, uint16_t lport, uint32_t len, uint8_t fin)
{
	struct peer *p;

	s->o.lport = lport;
	p = peer_new(s->r, &s->o);
	peer_to_syn_sent(p);
	peer_send(p, LA_SYN | fin, p->IRS, 0, len);
	peer_expect(p, LA_SYN | LA_ACK, p->ISS, p->IRS + 1, 0);
	peer_expect_state(p, LA_SYN_RCVD);
	CHECK(s->r, p->u.bytes == 0 && p->u.opened == 0 && p->u.data == 0, "a callback ran before ESTABLISHED");
	p->snd = p->IRS + 1 + len;
	return p;
}

SCENARIO(open, simultaneous_text,
	 "RFC 9293 3.10.7.3: text on the SYN of a simultaneous open is delivered after ESTABLISHED")
{
	struct peer *p = crossing_text(s, 5000, 300, 0);

	rig_run(s->r, 500);
	CHECK(s->r, p->u.bytes == 0, "delivered in SYN_RCVD");
	peer_skip(p);
	peer_send(p, LA_ACK, p->snd, p->ISS + 1, 0);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, p->u.opened == 1 && p->u.bytes == 300, "%llu bytes", (unsigned long long)p->u.bytes);
	peer_expect(p, LA_ACK, p->ISS + 1, p->snd, 0);
	peer_data(p, 100);
	CHECK(s->r, p->u.bytes == 400, "%llu bytes", (unsigned long long)p->u.bytes);
}

SCENARIO(open, simultaneous_text_again,
	 "text on the SYN of a simultaneous open is delivered once when the peer sends it again, or sends more")
{
	for (unsigned i = 0; i < 2; i++) {
		struct peer *p = crossing_text(s, (uint16_t)(5000 + i), 300, 0);
		uint32_t len = i ? 500 : 300;

		peer_send(p, LA_ACK, p->IRS + 1, p->ISS + 1, len);
		peer_expect_state(p, LA_ESTABLISHED);
		CHECK(s->r, p->u.bytes == len, "%llu bytes", (unsigned long long)p->u.bytes);
		CHECK(s->r, last_rx(p)->ack == p->IRS + 1 + len, "the ACK is for %u bytes",
		      last_rx(p)->ack - p->IRS - 1);
		p->snd = p->IRS + 1 + len;
	}
}

SCENARIO(open, simultaneous_fin, "text and FIN on the SYN of a simultaneous open are delivered after ESTABLISHED")
{
	struct peer *p = crossing_text(s, 5000, 10, LA_FIN);

	peer_send(p, LA_ACK, p->snd + 1, p->ISS + 1, 0);
	p->snd++;
	peer_expect_state(p, LA_CLOSE_WAIT);
	CHECK(s->r, p->u.bytes == 10 && p->u.peer_fin == 1, "%llu bytes, %u FINs", (unsigned long long)p->u.bytes,
	      p->u.peer_fin);
	peer_expect(p, LA_ACK, p->ISS + 1, p->snd, 0);
}

SCENARIO(open, simultaneous_text_closed,
	 "SHLD-3: after la_close(), text on the SYN of a simultaneous open is answered by a RST")
{
	struct peer *p = crossing_text(s, 5000, 10, 0);

	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_send(p, LA_ACK, p->snd, p->ISS + 1, 0);
	user_expect_closed(p, LA_END_RESET);
	CHECK(s->r, last_rx(p)->flags & LA_RST, "no RST");
}
