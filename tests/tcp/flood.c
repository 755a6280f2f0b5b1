/* SPDX-License-Identifier: BSD-3-Clause */

/* Floods: SYN cookies (RFC 4987 3.6) and the rate limit of RSTs to unknown peers. */

#include "scenario.h"

enum { MARK = 4 }; /* threshold: with this number of half-open connections the next SYN gets a cookie */

static uint64_t
count(const struct scene *s, enum la_counter c)
{
	return rig_counter(s->r, c);
}

/* Returns a peer with a listener of its own. */
static struct peer *
listen_next(struct scene *s)
{
	s->o.lport = (uint16_t)(s->o.lport ? s->o.lport + 1 : 1000);
	return scene_listen(s);
}

/* A rig with MARK half-open connections, whose peers send no ACK. */
static void
half_open(struct scene *s, struct peer *silent[MARK])
{
	scene_rig(s, &(struct rig_opts){.syn_cookies_at = MARK});
	for (unsigned i = 0; i < MARK; i++) {
		silent[i] = listen_next(s);
		peer_to_syn_rcvd_passive(silent[i]);
	}
	CHECK(s->r, count(s, LA_C_syn_cookies_sent) == 0, "a cookie was sent below the threshold");
}

/* Returns a peer whose SYN was answered by a cookie. */
static struct peer *
get_cookie(struct scene *s)
{
	uint64_t live = count(s, LA_C_live), sent = count(s, LA_C_syn_cookies_sent);
	struct peer *p = listen_next(s);

	peer_syn(p);
	peer_expect(p, LA_SYN | LA_ACK, p->ISS, p->IRS + 1, 0);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, count(s, LA_C_live) == live, "the cookie uses a TCB");
	CHECK(s->r, count(s, LA_C_syn_cookies_sent) == sent + 1, "syn_cookies_sent is wrong");
	return p;
}

static struct peer *
open_by_cookie(struct scene *s)
{
	struct peer *p = get_cookie(s);

	peer_ack(p);
	peer_expect_none(p, 0);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, p->u.opened == 1, "`opened` was called %u times", p->u.opened);
	return p;
}

SCENARIO(flood, cookie_opens, "above the threshold a SYN takes no TCB, and the ACK of the cookie opens the connection")
{
	struct peer *silent[MARK], *p;
	struct la_conn_info i;

	half_open(s, silent);
	p = open_by_cookie(s);
	CHECK(s->r, count(s, LA_C_syn_cookies_on) == 1 && count(s, LA_C_syn_cookies_opened) == 1,
	      "syn_cookies_on or syn_cookies_opened is not 1");
	i = peer_info(p);
	CHECK(s->r, i.timestamps == s->o.ts, "timestamps %d", i.timestamps);
	CHECK(s->r, i.wscale == (s->o.ts && s->o.wscale), "window scale %d", i.wscale);
	CHECK(s->r, i.sack_permitted == (s->o.ts && s->o.sack), "SACK %d", i.sack_permitted);
	CHECK(s->r, i.mss <= (s->o.ip6 ? 1440 : 1460) && i.mss >= 1400, "MSS %u", i.mss);
	peer_agree(p);
	feed(p, 20000, 1000);
	CHECK(s->r, p->u.bytes == 20000, "%llu bytes received", (unsigned long long)p->u.bytes);
	CHECK(s->r, user_send(p, 20000) == 20000, "la_send failed");
	rig_pump(s->r);
	drain(p, 600);
	CHECK(s->r, p->got == p->ISS + 20001, "%u bytes sent", p->got - p->ISS - 1);
}

SCENARIO(flood, cookie_closes, "a connection opened by a cookie closes and enters TIME_WAIT")
{
	struct peer *silent[MARK], *p;

	half_open(s, silent);
	p = open_by_cookie(s);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_expect(p, LA_FIN | LA_ACK, p->ISS + 1, p->IRS + 1, 0);
	peer_fin(p);
	peer_expect(p, LA_ACK, p->ISS + 2, p->IRS + 2, 0);
	peer_expect_state(p, LA_TIME_WAIT);
	user_expect_closed(p, LA_END_ORDERLY);
}

SCENARIO(flood, first_data_opens,
	 "when the ACK of a cookie is lost, the first data segment opens the connection, and a later one does not")
{
	struct peer *silent[MARK], *p;

	half_open(s, silent);
	p = get_cookie(s);
	peer_send(p, LA_ACK, p->IRS + 1 + 500, p->ISS + 1, 500);
	peer_expect_none(p, 600);
	CHECK(s->r, count(s, LA_C_syn_cookies_bad) == 1, "syn_cookies_bad is not 1");
	peer_send(p, LA_ACK | LA_PSH, p->IRS + 1, p->ISS + 1, 500);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, p->u.bytes == 500, "%llu bytes", (unsigned long long)p->u.bytes);
}

SCENARIO(flood, fin_opens, "text and FIN on the ACK of a cookie are accepted")
{
	struct peer *silent[MARK], *p;

	half_open(s, silent);
	p = get_cookie(s);
	peer_send(p, LA_ACK | LA_FIN, p->IRS + 1, p->ISS + 1, 10);
	peer_expect_state(p, LA_CLOSE_WAIT);
	CHECK(s->r, p->u.bytes == 10 && p->u.peer_fin == 1, "the text or the FIN was not accepted");
}

SCENARIO(flood, timers_in_portions,
	 "SYN,ACKs that are due in one tick are retransmitted in portions, over several polls")
{
	enum { HALF_OPEN = 500, PORTION = 160 };
	uint64_t before;

	scene_rig(s, &(struct rig_opts){.max_conns = HALF_OPEN,
					.max_time_wait4 = HALF_OPEN,
					.max_time_wait6 = HALF_OPEN,
					.syn_cookies_at = UINT32_MAX});
	for (unsigned i = 0; i < HALF_OPEN; i++)
		peer_to_syn_rcvd_passive(listen_next(s));
	before = count(s, LA_C_retransmits);
	s->r->now += 1000;
	CHECK(s->r, la_shard_poll(s->r->s, s->r->now), "one poll handled all timers");
	CHECK(s->r, count(s, LA_C_retransmits) - before <= PORTION, "%llu retransmissions in one poll",
	      (unsigned long long)(count(s, LA_C_retransmits) - before));
	rig_pump(s->r);
	CHECK(s->r, count(s, LA_C_retransmits) - before == HALF_OPEN, "%llu retransmissions in all",
	      (unsigned long long)(count(s, LA_C_retransmits) - before));
}

SCENARIO(flood, guesses, "an ACK without a valid cookie opens no connection and is dropped")
{
	const uint32_t off[] = {(uint32_t)-1, 1, 8, 16, 32, 0x10000, 0x80000000u};
	const unsigned n = sizeof(off) / sizeof(off[0]);
	struct peer *silent[MARK], *p;

	half_open(s, silent);
	p = get_cookie(s);
	for (unsigned i = 0; i < n; i++) {
		peer_send(p, LA_ACK, p->IRS + 1, p->ISS + 1 + off[i], 0);
		peer_expect_none(p, 0);
		peer_expect_state(p, LA_CLOSED);
	}
	peer_send(p, LA_ACK, p->IRS + 2, p->ISS + 1, 0); /* SEG.SEQ - 1 is not the ISN of the SYN */
	peer_expect_none(p, 0);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, count(s, LA_C_syn_cookies_bad) == n + 1, "syn_cookies_bad is %llu",
	      (unsigned long long)count(s, LA_C_syn_cookies_bad));
	CHECK(s->r, count(s, LA_C_rst_out) == 0, "a RST was sent");
}

SCENARIO(flood, age, "a cookie is valid after 65 s and is not valid after 132 s")
{
	struct peer *silent[MARK], *young, *old;

	half_open(s, silent);
	young = get_cookie(s);
	old = get_cookie(s);
	rig_run(s->r, 62000);
	get_cookie(s); /* checks that cookies are still on */
	rig_run(s->r, 3000);
	peer_ack(young);
	peer_expect_state(young, LA_ESTABLISHED);
	rig_run(s->r, 132000 - 65000);
	peer_ack(old);
	peer_expect_state(old, LA_CLOSED);
	CHECK(s->r, count(s, LA_C_syn_cookies_bad) == 1, "syn_cookies_bad is not 1");
}

SCENARIO(flood, off_again, "below three quarters of the threshold a SYN takes a TCB again")
{
	struct peer *silent[MARK], *p;

	half_open(s, silent);
	get_cookie(s);
	for (unsigned i = 0; i < 2; i++) {
		peer_ack(silent[i]);
		peer_expect_state(silent[i], LA_ESTABLISHED);
	}
	p = listen_next(s);
	peer_to_syn_rcvd_passive(p); /* takes a TCB */
	CHECK(s->r, count(s, LA_C_syn_cookies_sent) == 1, "a cookie was sent below three quarters of the threshold");
}

SCENARIO(flood, no_reservation, "a SYN flood takes no TIME_WAIT reservation from open connections")
{
	struct peer *silent[MARK], *p;

	half_open(s, silent);
	for (unsigned i = 0; i < 200; i++) /* more than the table's 64 entries */
		(void)get_cookie(s);
	p = open_by_cookie(s);
	feed(p, 1000, 1000);
	CHECK(s->r, p->u.bytes == 1000, "%llu bytes", (unsigned long long)p->u.bytes);
	CHECK(s->r, count(s, LA_C_tw_reserve_exhausted) == 0, "tw_reserve_exhausted is not 0");
}

SCENARIO(flood, reopen_keeps_its_entry,
	 "a newer SYN in TIME_WAIT draws a cookie, and the entry stays until the ACK of the cookie")
{
	struct peer *silent[MARK], *p;
	uint64_t live;
	uint32_t old;

	half_open(s, silent);
	p = open_by_cookie(s);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_skip(p);
	peer_fin(p);
	peer_skip(p);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 10);
	old = p->N;
	p->lax_edge = true;
	peer_renew(p, p->snd + 1000);
	live = count(s, LA_C_live);
	peer_syn(p);
	peer_expect(p, LA_SYN | LA_ACK, p->ISS, p->IRS + 1, 0);
	CHECK(s->r, seq_gt(p->ISS, old), "ISS is not above the old SND.NXT");
	CHECK(s->r, count(s, LA_C_live) == live, "the newer SYN took a TCB");
	peer_expect_state(p, LA_TIME_WAIT);
	peer_data(p, 100);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, p->u.bytes == 100, "%llu bytes", (unsigned long long)p->u.bytes);
	CHECK(s->r, count(s, LA_C_time_wait_reopened) == 1 && count(s, LA_C_time_wait) == 0,
	      "time_wait_reopened is not 1 or time_wait is not 0");
}

SCENARIO(flood, mss, "the MSS of a cookie is at most the peer's offer")
{
	const uint16_t offer[] = {64, 100, 535, 536, 1219, 1220, 1300, 1360, 1439, 1440, 1459, 1460, 9000};
	struct peer *silent[MARK];

	half_open(s, silent);
	for (unsigned i = 0; i < sizeof(offer) / sizeof(offer[0]); i++) {
		struct la_conn_info info;

		s->o.mss = offer[i];
		info = peer_info(open_by_cookie(s));
		CHECK(s->r, info.mss <= offer[i] && info.mss * 2.5 >= (offer[i] < 1400 ? offer[i] : 1400),
		      "MSS %u offered, %u used", offer[i], info.mss);
	}
}

SCENARIO(flood, stamps, "the TSval of a SYN cookie is at most the next TSval")
{
	struct peer *silent[MARK], *p;
	uint32_t syn_ts;

	if (!s->o.ts)
		return;
	half_open(s, silent);
	for (unsigned i = 0; i < 32; i++) { /* in 32 successive ticks */
		rig_run(s->r, 1);
		p = get_cookie(s);
		syn_ts = p->ts_dut;
		peer_ack(p);
		CHECK(s->r, user_send(p, 10) == 10, "la_send failed");
		rig_pump(s->r);
		CHECK(s->r, p->ts_dut - syn_ts < 32, "TSval of the cookie %u, next TSval %u", syn_ts, p->ts_dut);
	}
}

SCENARIO(flood, rst_rate, "RSTs to unknown peers are rate limited, and suppressed RSTs are counted")
{
	struct peer *p;
	uint64_t out;

	scene_rig(s, &(struct rig_opts){.rst_rate = 10});
	for (unsigned i = 0; i < 25; i++) {
		p = peer_new(s->r, &s->o);
		peer_send(p, LA_ACK, 1, 1, 0);
	}
	CHECK(s->r, count(s, LA_C_rst_out) == 10, "%llu RSTs at once, expected 10",
	      (unsigned long long)count(s, LA_C_rst_out));
	CHECK(s->r, count(s, LA_C_rst_throttled) == 15, "rst_throttled is %llu, expected 15",
	      (unsigned long long)count(s, LA_C_rst_throttled));
	rig_run(s->r, 500);
	out = count(s, LA_C_rst_out);
	for (unsigned i = 0; i < 25; i++)
		peer_send(p, LA_ACK, 1, 1, 0);
	CHECK(s->r, count(s, LA_C_rst_out) == out + 5, "%llu RSTs after half a second, expected 5",
	      (unsigned long long)(count(s, LA_C_rst_out) - out));
}
