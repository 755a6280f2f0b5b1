/* SPDX-License-Identifier: BSD-3-Clause */

/* TIME_WAIT on the wire (RFC 9293 3.6.1 and 3.10.7.4, RFC 1337, RFC 6191): an entry lives its whole
 * 2*MSL and answers for all of it, whatever arrives; only a provably newer SYN ends it before, only
 * the peer's FIN restarts it. */

#include "scenario.h"

enum { LIFE = 60000 }; /* 2*MSL of the rig, ms */

static struct peer *
waiting(struct scene *s, char path)
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, path);
	return p;
}

/* The entry is there: an old ACK is answered. Not twice within the throttle's half second. */
static void
expect_there(struct peer *p)
{
	peer_skip(p);
	peer_send(p, LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_TIME_WAIT);
}

static void
expect_gone(struct peer *p)
{
	peer_skip(p);
	peer_send(p, LA_ACK, p->R - 1, p->N, 0);
	peer_expect(p, LA_RST, p->N, 0, 0);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(time_wait, TW_01, "2*MSL, by every way in, each entry asked once")
{
	const uint32_t at[] = {LIFE / 10, LIFE / 2, LIFE / 100 * 95, LIFE / 100 * 105};

	for (char path = 'a'; path <= 'c'; path++) {
		for (unsigned i = 0; i < 4; i++) {
			struct peer *p;

			s->o.lport = (uint16_t)(100 + 10 * path + i);
			p = waiting(s, path);
			peer_expect_none(p, at[i]);
			if (i < 3)
				expect_there(p);
			else
				expect_gone(p);
		}
	}
}

SCENARIO(time_wait, TW_01_msl, "the MSL is the shard's, or the listener's own")
{
	struct peer *p, *q;

	scene_rig(s, &(struct rig_opts){.msl_ms = 7000});
	p = waiting(s, 'a');
	s->o.lport = 81;
	s->o.conn.msl_ms = 2500;
	q = waiting(s, 'b');
	CHECK(s->r, peer_info(p).time_wait_left_ms == 14000, "%u", peer_info(p).time_wait_left_ms);
	CHECK(s->r, peer_info(q).time_wait_left_ms == 5000, "%u", peer_info(q).time_wait_left_ms);
	rig_run(s->r, 4999);
	peer_expect_state(q, LA_TIME_WAIT);
	rig_run(s->r, 2);
	peer_expect_state(q, LA_CLOSED);
	rig_run(s->r, 8998);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 2);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(time_wait, TW_03, "every repeated FIN is acknowledged, however fast they come")
{
	struct peer *p = waiting(s, 'a');

	for (unsigned i = 0; i < 50; i++) {
		peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
		peer_expect_chk(p);
		rig_run(s->r, i);
	}
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_fin_acked) == 50, "not counted");
}

SCENARIO(time_wait, TW_03_data, "the FIN repeated with the data before it")
{
	struct peer *p = scene_open(s);

	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown");
	peer_ack(p);
	peer_skip(p);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->got, 100);
	peer_expect(p, LA_ACK, p->N, p->IRS + 102, 0);
	rig_run(s->r, 1000);
	peer_send(p, LA_FIN | LA_ACK, p->IRS + 1, p->got, 100);
	peer_expect_chk(p);
	CHECK(s->r, peer_info(p).time_wait_left_ms == LIFE, "2*MSL did not restart");
	CHECK(s->r, p->u.bytes == 100, "%llu bytes", (unsigned long long)p->u.bytes);
}

SCENARIO(time_wait, TW_04, "a repeated FIN restarts 2*MSL")
{
	struct peer *p = waiting(s, 'a');

	rig_run(s->r, LIFE / 10 * 9);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
	rig_run(s->r, LIFE / 10 * 6);
	expect_there(p);
	rig_run(s->r, LIFE / 10 * 4 - 1);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 2);
	expect_gone(p);
}

SCENARIO(time_wait, TW_05, "nothing else does")
{
	struct peer *p = waiting(s, 'a');

	for (unsigned i = 0; i < 59; i++) {
		rig_run(s->r, 1000);
		peer_send(p, LA_ACK, p->R - 1, p->N, 0);
		peer_send(p, LA_ACK, p->R, p->N, 10);
		peer_send(p, LA_RST, p->R, 0, 0);
		peer_send(p, LA_ACK, p->R - 100, p->N, 50);
		peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
		if (!s->o.ts)
			peer_send(p, LA_SYN, p->R - 1, 0, 0);
		peer_skip(p);
	}
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, peer_info(p).time_wait_left_ms == 1000, "%u ms left",
	      peer_info(p).time_wait_left_ms);
	rig_run(s->r, 1001);
	expect_gone(p);
}

SCENARIO(time_wait, TW_10, "RFC 1337 figure 1: the assassination fails")
{
	struct peer *p = waiting(s, 'a');

	/* an old duplicate; the challenge it draws; the RST of a peer that knows nothing any more
	 */
	peer_send(p, LA_ACK, p->R - 200, p->N - 1, 100);
	peer_expect_chk(p);
	peer_send(p, LA_RST, last_rx(p)->ack, 0, 0);
	peer_expect_none(p, 2000);
	expect_there(p);
	CHECK(s->r, p->u.bytes == 0, "old data delivered");
}

/* A SYN with or without a timestamp, `ts` away from the last one seen. */
static void
syn_again(struct peer *p, uint32_t seq, bool stamped, int32_t ts)
{
	peer_skip(p);
	p->lax_edge = true;
	if (stamped)
		PEER_TX(p, .flags = LA_SYN, .seq = seq, .ts = TS_SET,
			.tsval = p->ts_now + (uint32_t)ts);
	else
		PEER_TX(p, .flags = LA_SYN, .seq = seq, .ts = TS_NONE);
}

static void
expect_reopened(struct peer *p, uint32_t isn, uint32_t old_n)
{
	struct peer_rx *x = peer_next(p);

	CHECK(p->r, x && x->flags == (LA_SYN | LA_ACK) && x->ack == isn + 1, "not reopened");
	CHECK(p->r, seq_gt(x->seq, old_n), "TW-20: ISS below the old SND.NXT");
	peer_expect_state(p, LA_SYN_RCVD);
}

static void
expect_refused(struct peer *p)
{
	struct peer_rx *x = peer_next(p);

	CHECK(p->r, x == NULL || (x->flags == LA_ACK && x->seq == p->N && x->ack == p->R),
	      "TW-22: answered by flags %02x", x ? x->flags : 0);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(p->r, 1000);
}

SCENARIO(time_wait, TW_12_15, "RFC 6191: both with timestamps")
{
	struct peer *p;
	uint32_t n, r, t;

	if (!s->o.ts)
		return;
	p = waiting(s, 'a');
	t = p->ts_now;
	r = p->R;
	n = p->N;
	syn_again(p, r - 1, true, 0); /* TW-14: equal, and not above the FIN's number */
	expect_refused(p);
	syn_again(p, r - 1000, true, 0);
	expect_refused(p);
	syn_again(p, r + 100000, true, -1); /* TW-15: older */
	expect_refused(p);
	p->ts_now = t;
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_syn_refused) == 3, "not counted");
	syn_again(p, r + 1, true, 0); /* TW-13: equal, and above */
	expect_reopened(p, r + 1, n);

	s->o.lport = 81;
	p = waiting(s, 'a');
	n = p->N;
	r = p->R;
	syn_again(p, r - 500000, true, 1); /* TW-12: newer, whatever the number */
	expect_reopened(p, r - 500000, n);
}

SCENARIO(time_wait, TW_16, "RFC 6191: timestamps before, none now")
{
	struct peer *p;
	uint32_t n, r;

	if (!s->o.ts)
		return;
	p = waiting(s, 'a');
	n = p->N;
	r = p->R;
	syn_again(p, r - 1, false, 0);
	expect_refused(p);
	p->o.ts = false;
	syn_again(p, r + 1, false, 0);
	expect_reopened(p, r + 1, n);
}

SCENARIO(time_wait, TW_17, "RFC 6191: no timestamps before, some now")
{
	struct peer *p;
	uint32_t n, r;

	if (s->o.ts)
		return;
	p = waiting(s, 'a');
	n = p->N;
	r = p->R;
	p->o.ts = true;
	syn_again(p, r - 5000, true, 1000);
	expect_reopened(p, r - 5000, n);
	CHECK(s->r, p->rx[p->nrx - 1].f.has_ts, "the SYN,ACK has no timestamp");
}

SCENARIO(time_wait, TW_18, "RFC 6191: no timestamps at all")
{
	const uint32_t above[] = {0, 1, 100000, 0x7ffffffe}, below[] = {1, 2, 1000, 0x7fffffff};

	if (s->o.ts)
		return;
	for (unsigned i = 0; i < 4; i++) {
		struct peer *p;
		uint32_t n, r;

		s->o.lport = (uint16_t)(81 + i);
		p = waiting(s, 'b');
		n = p->N;
		r = p->R;
		syn_again(p, r - below[i], false, 0);
		expect_refused(p);
		syn_again(p, r + above[i], false, 0);
		expect_reopened(p, r + above[i], n);
	}
}

SCENARIO(time_wait, TW_19, "the last sequence number is the FIN's, modulo 2^32")
{
	const uint32_t isn[] = {5, 0x7fffff00, 0x80000010};

	if (s->o.ts)
		return;
	for (unsigned i = 0; i < 3; i++) {
		struct peer *p;
		uint32_t n;

		s->o.isn = 0xfffffffe; /* the FIN is 0xffffffff */
		s->o.lport = (uint16_t)(81 + i);
		p = waiting(s, 'a');
		n = p->N;
		CHECK(s->r, p->R == 0, "R is %x", p->R);
		syn_again(p, isn[i], false, 0);
		if (i < 2)
			expect_reopened(p, isn[i], n);
		else
			expect_refused(p);
	}
}

SCENARIO(time_wait, TW_22_flags, "a SYN with more on it is never taken for newer")
{
	struct peer *p = waiting(s, 'a');
	const uint8_t flags[] = {LA_SYN | LA_ACK, LA_SYN | LA_FIN, LA_SYN | LA_RST};

	for (unsigned i = 0; i < sizeof(flags); i++) {
		rig_run(s->r, 1000);
		peer_skip(p);
		peer_send(p, flags[i], p->R + 1000, p->N, 0);
		expect_refused(p);
	}
}

SCENARIO(time_wait, TW_23, "nobody listens any more: not reopened, and kept")
{
	struct peer *p = waiting(s, 'a');
	struct peer_rx *x;

	CHECK(s->r, la_unlisten(s->r->s, NULL, p->t.lport) == 0, "la_unlisten");
	rig_run(s->r, 1000);
	peer_send(p, LA_SYN, p->R + 1000, 0, 0);
	x = peer_next(p);
	CHECK(s->r,
	      x == NULL || x->flags == (LA_RST | LA_ACK) ||
		      (x->flags == LA_ACK && x->ack == p->R && x->seq == p->N),
	      "answered by %02x", x->flags);
	rig_run(s->r, 1000);
	expect_there(p);
}

SCENARIO(time_wait, TW_24, "PAWS in TIME_WAIT: answered, not taken for the FIN it may be")
{
	struct peer *p;
	uint32_t t;

	if (!s->o.ts)
		return;
	p = waiting(s, 'a');
	t = p->ts_now;
	rig_run(s->r, 10000);
	PEER_TX(p, .flags = LA_FIN | LA_ACK, .seq = p->R - 1, .ack = p->N, .ts = TS_SET,
		.tsval = t - 1);
	peer_expect_chk(p);
	CHECK(s->r, peer_info(p).time_wait_left_ms == LIFE - 10000,
	      "2*MSL restarted by an old FIN");
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_paws) == 1, "not counted");
}

SCENARIO(time_wait, TW_25_26, "answers carry a current timestamp and the window last offered")
{
	struct peer *p = waiting(s, 'a');
	uint16_t win = last_rx(p)->win;
	uint32_t val, t;

	rig_run(s->r, 1000);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	val = last_rx(p)->f.tsval;
	t = p->ts_now;
	CHECK(s->r, last_rx(p)->win <= win && last_rx(p)->win > 0, "window %u, was %u",
	      last_rx(p)->win, win);
	rig_run(s->r, 100);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	if (!s->o.ts)
		return;
	CHECK(s->r, last_rx(p)->f.tsval - val == 100, "TSval moved by %u in 100 ms",
	      last_rx(p)->f.tsval - val);
	CHECK(s->r, last_rx(p)->f.tsecr == t || last_rx(p)->f.tsecr == p->ts_now, "TSecr %u",
	      last_rx(p)->f.tsecr);
}

SCENARIO(time_wait, TW_27, "LAST_ACK leaves no entry; CLOSING leaves a whole one")
{
	struct peer *p = scene_listen(s), *q;

	peer_to_last_ack(p, true);
	peer_ack(p);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 0, "an entry after LAST_ACK");
	q = peer_new(s->r, &s->o);
	peer_to_time_wait(q, true, 'c');
	CHECK(s->r, peer_info(q).time_wait_left_ms == LIFE, "%u", peer_info(q).time_wait_left_ms);
}

SCENARIO(time_wait, TW_28, "an entry is for its tuple alone")
{
	struct peer *p = waiting(s, 'a'), *q;

	q = peer_new(s->r, &s->o); /* another port */
	peer_to_established(q);
	s->o.rport = p->t.rport;
	s->o.other = true;
	q = peer_new(s->r, &s->o); /* another address of ours */
	peer_to_established(q);
	rig_run(s->r, 1000);
	expect_there(p);
}

SCENARIO(time_wait, TW_29, "an active open does not take a tuple in TIME_WAIT, and does after it")
{
	struct peer *p = waiting(s, 'a');

	CHECK(s->r, user_connect(p) == -EADDRNOTAVAIL, "taken");
	CHECK(s->r, rig_counter(s->r, LA_C_connect_time_wait) == 1, "not counted");
	rig_run(s->r, LIFE + 1);
	peer_skip(p);
	peer_renew(p, p->R + 1);
	peer_to_established_active(p);
}

SCENARIO(time_wait, TW_30, "five thousand entries: every one lives, answers, and goes")
{
	struct peer *p;
	uint64_t start;

	if (s->o.ts != s->o.ip6)
		return; /* two variants are enough */
	scene_rig(s, &(struct rig_opts){.max_time_wait4 = 6000, .max_time_wait6 = 6000});
	p = scene_listen(s);
	start = s->r->now;
	for (unsigned i = 0; i < 5000; i++) {
		p->t.rport = (uint16_t)(1024 + i);
		peer_renew(p, 1000 * i);
		peer_to_time_wait(p, true, (char)('a' + i % 3));
		rig_run(s->r, 10);
		peer_skip(p);
	}
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 5000, "%llu entries",
	      (unsigned long long)rig_counter(s->r, LA_C_time_wait));
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "a TCB is left");
	for (unsigned i = 0; i < 5000; i += 100) {
		p->t.rport = (uint16_t)(1024 + i);
		CHECK(s->r, peer_info(p).time_wait_left_ms == start + 10 * i + LIFE - s->r->now,
		      "entry %u: %u ms left", i, peer_info(p).time_wait_left_ms);
	}
	rig_run(s->r, start + LIFE + 25000 - s->r->now);
	CHECK(s->r,
	      rig_counter(s->r, LA_C_time_wait) >= 2498 &&
		      rig_counter(s->r, LA_C_time_wait) <= 2501,
	      "%llu entries half-way", (unsigned long long)rig_counter(s->r, LA_C_time_wait));
	rig_run(s->r, 26000);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 0, "entries are left");
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_expired) == 5000, "not all expired");
}

SCENARIO(time_wait, TW_32, "entries of different ages expire each at its own tick")
{
	struct peer *p[3];
	uint64_t due[3];

	for (unsigned i = 0; i < 3; i++) {
		s->o.lport = (uint16_t)(81 + i);
		p[i] = waiting(s, 'a');
		due[i] = s->r->now + LIFE;
		rig_run(s->r, LIFE / 10 * 3);
	}
	peer_send(p[0], LA_FIN | LA_ACK, p[0]->R - 1, p[0]->N, 0);
	due[0] = s->r->now + LIFE;
	for (unsigned k = 1; k <= 3; k++) {
		unsigned i = k % 3;

		rig_run(s->r, due[i] - 1 - s->r->now);
		peer_expect_state(p[i], LA_TIME_WAIT);
		rig_run(s->r, 2);
		peer_expect_state(p[i], LA_CLOSED);
	}
}

SCENARIO(time_wait, TW_34, "after a reopen nothing of the old incarnation is taken")
{
	struct peer *p = scene_open(s);
	uint32_t old_r, old_n, old_t = p->ts_now;

	peer_data(p, 1000);
	CHECK(s->r, p->u.bytes == 1000, "not delivered");
	CHECK(s->r, user_close(p) == 0, "la_close");
	peer_fin(p);
	peer_ack(p);
	peer_expect_state(p, LA_TIME_WAIT);
	old_r = p->R;
	old_n = p->N;
	rig_run(s->r, 50);
	p->lax_edge = true;
	peer_skip(p);
	peer_renew(p, old_r + 200000);
	p->lax_edge = true;
	peer_to_established(p);
	p->lax_edge = false;
	PEER_TX(p, .flags = LA_ACK, .seq = old_r - 1001, .ack = old_n - 1, .len = 1000,
		.ts = s->o.ts ? TS_SET : TS_NONE, .tsval = old_t);
	PEER_TX(p, .flags = LA_FIN | LA_ACK, .seq = old_r - 1, .ack = old_n,
		.ts = s->o.ts ? TS_SET : TS_NONE, .tsval = old_t);
	PEER_TX(p, .flags = LA_RST, .seq = old_r);
	rig_run(s->r, 600);
	CHECK(s->r, p->u.bytes == 0 && p->u.peer_fin == 0 && p->u.closed == 0,
	      "something was taken");
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(time_wait, TW_36, "2*MSL runs from TIME_WAIT's begin, not from close()")
{
	struct peer *p;

	s->o.conn.fin_wait_2_ms = 200000;
	p = scene_listen(s);
	peer_to_fin_wait_2(p, true);
	rig_run(s->r, LIFE);
	peer_fin(p);
	peer_expect(p, LA_ACK, p->N, p->IRS + 2, 0);
	CHECK(s->r, peer_info(p).time_wait_left_ms == LIFE, "%u", peer_info(p).time_wait_left_ms);
	rig_run(s->r, LIFE - 1);
	expect_there(p);
	rig_run(s->r, 2);
	expect_gone(p);
}
