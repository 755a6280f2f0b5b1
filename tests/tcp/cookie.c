/* SPDX-License-Identifier: BSD-3-Clause */

/* SYN cookies: the thresholds that turn cookies on, the memory that a SYN flood can hold, the ISN of a cookie (RFC 9293
 * 3.4.1, RFC 6528), and old duplicates of an ACK, which open no connection. */

#include <arpa/inet.h>
#include <stdlib.h>

#include <rte_common.h>

#include "scenario.h"

static uint64_t
count(const struct scene *s, enum la_counter c)
{
	return rig_counter(s->r, c);
}

/* --- the memory that a flood can hold ------------------------------------------------------------------ */

/* Sends SYN number i, from an address and port of its own. Nothing answers the SYN,ACK. The rig resolves these
 * addresses to the peer's MAC address. */
static void
silent_syn(struct peer *from, uint32_t i)
{
	struct la_tuple was = from->t;

	from->t.rport = (uint16_t)(1024 + i % 60000);
	if (from->o.ip6)
		from->t.raddr.w[2] ^= htonl(1 + i / 60000);
	else
		from->t.raddr.w[3] ^= htonl((1 + i / 60000) << 3); /* an address of 10.1.0.0/24 */
	peer_send(from, LA_SYN, 7 * i, 0, 0);
	from->t = was;
}

/* Opens a connection, sends, and closes from the client first, so that the shard has no TIME_WAIT entry. */
static void
run_client(struct scene *s, struct peer *p, uint32_t i)
{
	peer_renew(p, 0x10000000 + i * 100000);
	p->lax_edge = true;
	peer_syn(p);
	CHECK(s->r, last_rx(p)->flags == (LA_SYN | LA_ACK), "client %u: no SYN,ACK", i);
	peer_skip(p);
	peer_data(p, 100);
	CHECK(s->r, p->u.bytes == 100, "client %u: %llu bytes", i, (unsigned long long)p->u.bytes);
	p->got = p->N;
	peer_fin(p);
	CHECK(s->r, user_close(p) == 0, "client %u: la_close", i);
	p->got = p->N;
	peer_ack(p);
	CHECK(s->r, p->u.closed == 1 && p->u.why.end == LA_END_ORDERLY, "client %u: no orderly end", i);
	peer_skip(p);
}

static void
flood(struct scene *s, uint32_t table, uint32_t conns, unsigned syns)
{
	struct peer *from, *client;
	unsigned step = syns / 16 + 1;

	scene_rig(s, &(struct rig_opts){.max_conns = conns, .max_time_wait4 = table, .max_time_wait6 = table});
	client = scene_listen(s);
	from = peer_new(s->r, &(struct peer_opts){.ip6 = s->o.ip6, .rport = 1023});
	s->r->quiet_strays = true;
	for (unsigned i = 0; i < syns; i++) {
		silent_syn(from, i);
		if (i % step == 0)
			run_client(s, client, i / step);
	}
	run_client(s, client, 17);
	CHECK(s->r, count(s, LA_C_tw_reserve_exhausted) == 0 && count(s, LA_C_conn_table_full) == 0,
	      "a SYN was refused: tw_reserve_exhausted or conn_table_full is not 0");
	CHECK(s->r, la_shard_counters(s->r->s)->state[LA_SYN_RCVD] * 4 <= RTE_MIN(table, conns),
	      "%u half-open connections", (unsigned)la_shard_counters(s->r->s)->state[LA_SYN_RCVD]);
	CHECK(s->r, count(s, LA_C_drop_neigh_full) == 0 && count(s, LA_C_syn_cookies_bad) == 0,
	      "drop_neigh_full or syn_cookies_bad is not 0");
}

SCENARIO(cookie, by_reservations,
	 "SYNs without an ACK hold at most a quarter of the reservations, in a table of any size")
{
	static const uint32_t table[] = {4, 5, 16, 62, 128, 1000};

	if (!s->o.ts)
		return;
	for (unsigned i = 0; i < RTE_DIM(table); i++) {
		flood(s, table[i], 65536, 1);
		flood(s, table[i], 65536, table[i]);
		flood(s, table[i], 65536, 3 * table[i] + 50);
	}
}

SCENARIO(cookie, by_tcbs, "SYNs without an ACK hold at most a quarter of the TCBs")
{
	static const uint32_t conns[] = {4, 7, 62, 63, 64, 256};

	if (s->o.ts)
		return;
	for (unsigned i = 0; i < RTE_DIM(conns); i++)
		flood(s, 65536, conns[i], 3 * conns[i] + 50);
}

SCENARIO(cookie, flood_70000, "70 000 SYNs without an ACK hold at most a quarter of a table of 65 536 entries")
{
	if (s->o.ts)
		flood(s, 65536, 65536, 70000);
}

SCENARIO(cookie, of_what_is_left,
	 "in a nearly full TIME_WAIT table half-open connections take at most a quarter of the free entries")
{
	enum { TABLE = 64, TAKEN = 56 };
	struct peer *p, *from;
	unsigned half_open;

	scene_rig(s, &(struct rig_opts){.max_conns = 1000, .max_time_wait4 = TABLE, .max_time_wait6 = TABLE});
	p = scene_listen(s);
	peer_to_time_wait(p, true, 'a');
	for (unsigned i = 1; i < TAKEN; i++) {
		p = peer_new(s->r, &s->o);
		peer_to_time_wait(p, true, 'a');
	}
	from = peer_new(s->r, &(struct peer_opts){.ip6 = s->o.ip6, .rport = 1023});
	s->r->quiet_strays = true;
	for (unsigned i = 0; i < 100; i++)
		silent_syn(from, i);
	half_open = (unsigned)la_shard_counters(s->r->s)->state[LA_SYN_RCVD];
	CHECK(s->r, half_open == (TABLE - TAKEN) / 4, "%u half-open connections", half_open);
	/* the other entries are for clients that complete the handshake */
	for (unsigned i = 0; i < TABLE - TAKEN - half_open; i++) {
		p = peer_new(s->r, &s->o);
		peer_syn(p);
		peer_skip(p);
		peer_ack(p);
		peer_expect_state(p, LA_ESTABLISHED);
	}
	CHECK(s->r, count(s, LA_C_tw_reserve_exhausted) == 0, "tw_reserve_exhausted is not 0");
	p = peer_new(s->r, &s->o);
	peer_syn(p); /* without a free entry a cookie could not open a connection */
	CHECK(s->r, peer_waiting(p) == 0, "the SYN was answered");
	CHECK(s->r, count(s, LA_C_tw_reserve_exhausted) == 1, "tw_reserve_exhausted is not 1");
}

SCENARIO(cookie, never, "a threshold of UINT32_MAX turns cookies off for every resource")
{
	struct peer *p;

	scene_rig(s, &(struct rig_opts){.max_conns = 4, .syn_cookies_at = UINT32_MAX});
	for (unsigned i = 0; i < 4; i++) {
		p = i ? peer_new(s->r, &s->o) : scene_listen(s);
		peer_to_syn_rcvd_passive(p);
	}
	CHECK(s->r, count(s, LA_C_syn_cookies_sent) == 0, "a cookie was sent");
}

/* --- the ISN of a cookie ------------------------------------------------------------------------------- */

enum { TUPLES = 120 };

/* Opens p, with or without a cookie, and closes it through LAST_ACK. This leaves no TIME_WAIT entry, so only the ISN
 * clock orders the ISNs. */
static void
open_and_close(struct scene *s, struct peer *p, bool cookie, uint32_t bytes)
{
	uint64_t sent = count(s, LA_C_syn_cookies_sent);

	peer_renew(p, p->snd + 100000);
	p->lax_edge = p->lax_data = true;
	peer_syn(p);
	peer_skip(p);
	CHECK(s->r, count(s, LA_C_syn_cookies_sent) == sent + cookie, "a cookie was expected: %d", cookie);
	peer_ack(p);
	peer_expect_state(p, LA_ESTABLISHED);
	if (bytes)
		CHECK(s->r, user_send(p, bytes) == (ssize_t)bytes, "la_send failed");
	drain(p, 0);
	peer_fin(p);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	drain(p, 0);
	p->got = p->N;
	peer_ack(p);
	peer_expect_state(p, LA_CLOSED);
	peer_skip(p);
}

/* Turns cookies on by a half-open connection of `silent`, or off by its end. */
static void
set_cookies(struct peer *silent, bool on)
{
	if (on && peer_state(silent) == LA_CLOSED) {
		peer_renew(silent, silent->snd + 5000);
		silent->lax_edge = true;
		peer_syn(silent);
	} else if (!on && peer_state(silent) == LA_SYN_RCVD) {
		peer_send(silent, LA_RST, silent->R, 0, 0);
	}
	peer_skip(silent);
	peer_expect_state(silent, on ? LA_SYN_RCVD : LA_CLOSED);
}

SCENARIO(cookie, above_the_old_one,
	 "1 000 reopens, with and without a cookie in random order: the ISN is above the old SND.MAX")
{
	static const uint32_t sizes[] = {0, 1, 300, 30000};
	struct peer *silent, *p[TUPLES];
	uint32_t old[TUPLES], old_ts[TUPLES], seed = 1;
	bool used_before[TUPLES] = {false};
	unsigned reopens = 0;

	scene_rig(s, &(struct rig_opts){
			     .syn_cookies_at = 1, .max_conns = 1024, .max_time_wait4 = 1024, .max_time_wait6 = 1024});
	silent = scene_listen(s);
	for (unsigned i = 0; i < TUPLES; i++)
		p[i] = peer_new(s->r, &s->o);
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < TUPLES; i++) {
			bool cookie = rand_r((unsigned *)&seed) % 2;

			set_cookies(silent, cookie);
			open_and_close(s, p[i], cookie, sizes[rand_r((unsigned *)&seed) % 4]);
			if (used_before[i]) {
				reopens++;
				CHECK(s->r, seq_gt(p[i]->ISS, old[i]), "reopen %u: ISS is %u below the old SND.MAX",
				      reopens, old[i] - p[i]->ISS);
				CHECK(s->r, !s->o.ts || seq_ge(p[i]->ts_dut, old_ts[i]), "TSval went back");
			}
			used_before[i] = true;
			old[i] = p[i]->N;
			old_ts[i] = p[i]->ts_dut;
		}
		rig_run(s->r, rand_r((unsigned *)&seed) % 3 * 700); /* often 0: the next round is in the same tick */
	}
	CHECK(s->r, reopens == 9 * TUPLES && reopens >= 1000, "%u reopens", reopens);
}

SCENARIO(cookie, rises, "cookie ISNs of one tuple rise with the clock, cookie ISNs of two tuples are unrelated")
{
	struct peer *silent, *p, *q;
	uint32_t last = 0, first;

	scene_rig(s, &(struct rig_opts){.syn_cookies_at = 1});
	silent = scene_listen(s);
	set_cookies(silent, true);
	p = peer_new(s->r, &s->o);
	for (unsigned i = 0; i < 20; i++) {
		peer_renew(p, 1000 + 77777 * i);
		p->lax_edge = true;
		peer_syn(p);
		CHECK(s->r, i == 0 || (seq_gt(p->ISS, last) && p->ISS - last < 3u << 21), "ISN moved by %u",
		      p->ISS - last);
		last = p->ISS;
		peer_skip(p);
		rig_run(s->r, 4195);	   /* one slot of the cookie clock */
		set_cookies(silent, true); /* the half-open connection ends after 63 s: opens another */
	}
	first = p->ISS;
	q = peer_new(s->r, &s->o);
	peer_syn(q);
	CHECK(s->r, q->ISS - first + (1 << 22) > 1 << 23, "neighbouring ports have neighbouring ISNs");
}

SCENARIO(cookie, replay, "an old duplicate of the ACK that opened a connection does not open it again")
{
	struct peer *silent, *p;
	uint32_t iss, irs, ts;
	uint64_t bad;

	scene_rig(s, &(struct rig_opts){.syn_cookies_at = 1});
	silent = scene_listen(s);
	set_cookies(silent, true);
	p = peer_new(s->r, &s->o);
	for (unsigned wait = 0; wait < 40000; wait += 13000) {
		open_and_close(s, p, true, 100);
		iss = p->ISS;
		irs = p->IRS;
		ts = p->ts_dut;
		rig_run(s->r, wait);
		peer_skip(p);
		set_cookies(silent, true);
		bad = count(s, LA_C_syn_cookies_bad);
		PEER_TX(p, .flags = LA_ACK | LA_PSH, .seq = irs + 1, .ack = iss + 1, .len = 10,
			.ts = s->o.ts ? TS_SET : TS_NONE, .tsval = 1, .tsecr = ts);
		peer_expect_none(p, 0);
		peer_expect_state(p, LA_CLOSED);
		CHECK(s->r, count(s, LA_C_syn_cookies_bad) == bad + 1, "syn_cookies_bad is wrong");
	}
	CHECK(s->r, count(s, LA_C_syn_cookies_opened) == 4, "%llu connections opened by a cookie, expected 4",
	      (unsigned long long)count(s, LA_C_syn_cookies_opened));
}

/* A cookie's ISN is ahead of the ISN clock, so it may be above the numbers of a connection that was opened after it. */
SCENARIO(cookie, ack_of_an_older_one,
	 "the ACK of a cookie does not open a connection over the TIME_WAIT of a later one")
{
	struct peer *silent, *p;
	uint32_t iss, irs, tsval, tsecr;

	scene_rig(s, &(struct rig_opts){.syn_cookies_at = 1});
	silent = scene_listen(s);
	set_cookies(silent, true);
	p = peer_new(s->r, &s->o);
	peer_syn(p); /* its ACK stays in the network */
	iss = p->ISS;
	irs = p->IRS;
	tsval = p->ts_now;
	tsecr = p->ts_dut;
	peer_skip(p);
	rig_run(s->r, 10);
	set_cookies(silent, false);
	peer_renew(p, irs + 100000);
	p->lax_edge = p->lax_data = true;
	peer_syn(p);
	peer_ack(p);
	CHECK(s->r, seq_lt(p->N, iss), "the ISN is above that of the cookie");
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	drain(p, 0);
	peer_fin(p);
	peer_expect_state(p, LA_TIME_WAIT);
	peer_skip(p);
	set_cookies(silent, true);
	PEER_TX(p, .flags = LA_ACK | LA_PSH, .seq = irs + 1, .ack = iss + 1, .len = 10,
		.ts = s->o.ts ? TS_SET : TS_NONE, .tsval = tsval, .tsecr = tsecr);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, count(s, LA_C_syn_cookies_opened) == 0, "an old duplicate has opened a connection");
}

SCENARIO(cookie, later_segment,
	 "a segment of the first window that arrives before the first segment does not open a connection")
{
	struct peer *silent, *p;
	uint64_t bad;
	uint32_t wnd;

	scene_rig(s, &(struct rig_opts){.syn_cookies_at = 1});
	silent = scene_listen(s);
	set_cookies(silent, true);
	for (unsigned i = 0; i < 4; i++) {
		p = peer_new(s->r, &s->o);
		peer_renew(p, 0x20000000 + i * 7777777);
		peer_syn(p);
		wnd = last_rx(p)->wnd;
		CHECK(s->r, wnd >= 10 * 1460, "a cookie offers a window of %u", wnd);
		peer_skip(p);
		bad = count(s, LA_C_syn_cookies_bad);
		for (uint32_t off = 1; off <= wnd; off++)
			peer_send(p, off < wnd ? LA_ACK | LA_PSH : LA_ACK | LA_FIN, p->snd + off, p->ISS + 1,
				  off < wnd);
		CHECK(s->r, count(s, LA_C_syn_cookies_bad) == bad + wnd, "%u segments, %llu of them refused", wnd,
		      (unsigned long long)(count(s, LA_C_syn_cookies_bad) - bad));
		peer_expect_none(p, 0);
		peer_data(p, 100);
		CHECK(s->r, p->u.bytes == 100, "%llu bytes", (unsigned long long)p->u.bytes);
		peer_skip(p);
	}
}

SCENARIO(cookie, scale_without_stamps, "without timestamps a cookie encodes the window scale")
{
	const uint8_t offer[] = {1, 3, 4, 5, 8, 9, 15};
	struct peer *silent, *p;

	if (s->o.ts)
		return;
	scene_rig(s, &(struct rig_opts){.syn_cookies_at = 1});
	silent = scene_listen(s);
	set_cookies(silent, true);
	for (unsigned i = 0; i < RTE_DIM(offer); i++) {
		s->o.wscale = offer[i]; /* the shift + 1 */
		p = peer_new(s->r, &s->o);
		peer_syn(p);
		peer_skip(p);
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = 100);
		CHECK(s->r, peer_info(p).wscale, "the window scale is lost");
		CHECK(s->r,
		      peer_info(p).snd_wnd <= 100u << (offer[i] - 1) &&
			      peer_info(p).snd_wnd * 128 >= 100u << (offer[i] - 1),
		      "shift %u: SND.WND is %u", offer[i] - 1, peer_info(p).snd_wnd);
	}
}
