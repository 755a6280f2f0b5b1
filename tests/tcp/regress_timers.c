/* SPDX-License-Identifier: BSD-3-Clause */

/* Regression tests: timers that did not fire, fired early or fired in every tick. */

#include "scenario.h"
#include "tcp/tcp.h"

enum { QUICK_MAX = 12 }; /* larger than the number of references that a slot may have in the wheel */

/* Uses one TCB slot n times, each time for a half-open connection that is reset, in n milliseconds. */
static void
reset_n_times(struct scene *s, unsigned n)
{
	scene_rig(s, NULL);
	scene_listen(s);
	while (n-- > 0) {
		struct peer *p = peer_new(s->r, &s->o);

		peer_to_syn_rcvd_passive(p);
		peer_send(p, LA_RST, p->R, 0, 0);
		peer_expect_state(p, LA_CLOSED);
		rig_run(s->r, 1);
	}
}

/* Checks that unacknowledged data is retransmitted, and that R2 ends the connection (RFC 9293 3.8.3). */
static void
expect_retransmission(struct peer *p, uint32_t seq, uint32_t len)
{
	struct rig *r = p->r;
	uint64_t from = r->now;
	struct peer_rx *x = peer_wait(p, 60000);

	CHECK(r, x && x->seq == seq && x->len == len, "not retransmitted in a minute");
	CHECK(r, x->at - from <= 3000, "retransmitted after %llu ms, the RTO is below 1.5 s",
	      (unsigned long long)(x->at - from));
	rig_run(r, 200000);
	peer_skip(p);
	user_expect_closed(p, LA_END_TIMEOUT);
	CHECK(r, rig_counter(r, LA_C_live) == 0, "a TCB is left");
}

SCENARIO(regress_timers, slot_reused_handshake,
	 "RFC 9293 3.8.3: SYN_RCVD has timers in a slot that was just used many times")
{
	for (unsigned n = 0; n <= QUICK_MAX; n++) {
		struct peer *p;
		struct peer_rx *x;
		uint64_t from;

		reset_n_times(s, n);
		p = peer_new(s->r, &s->o);
		peer_to_syn_rcvd_passive(p);
		from = s->r->now;
		x = peer_wait(p, 60000);
		CHECK(s->r, x && x->flags == (LA_SYN | LA_ACK), "SYN,ACK not retransmitted, n = %u", n);
		CHECK(s->r, x->at - from <= 2000, "retransmitted after %llu ms, n = %u",
		      (unsigned long long)(x->at - from), n);
		rig_run(s->r, 400000);
		peer_skip(p);
		CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "still half-open after R2, n = %u", n);
		CHECK(s->r, rig_counter(s->r, LA_C_timer_late) == 0, "a timer was late, n = %u", n);
	}
}

SCENARIO(regress_timers, slot_reused_data,
	 "RFC 6298: lost data is retransmitted in a slot that was just used many times")
{
	for (unsigned n = 0; n <= QUICK_MAX; n++) {
		struct peer *p;

		reset_n_times(s, n);
		p = peer_new(s->r, &s->o);
		peer_to_established(p);
		CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
		peer_skip(p);
		expect_retransmission(p, p->ISS + 1, 100);
	}
}

SCENARIO(regress_timers, slot_reused_churn,
	 "RFC 6298: lost data is retransmitted in a slot whose last connections were short")
{
	for (unsigned n = 0; n <= QUICK_MAX; n++) {
		struct peer *p;

		scene_rig(s, NULL);
		scene_listen(s);
		for (unsigned i = 0;; i++) {
			p = peer_new(s->r, &s->o);
			peer_to_established(p);
			CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
			peer_skip(p);
			if (i == n)
				break;
			peer_ack(p);
			peer_fin(p);
			CHECK(s->r, user_close(p) == 0, "la_close failed");
			peer_ack(p);
			peer_skip(p);
			peer_expect_state(p, LA_CLOSED);
			rig_run(s->r, 1);
		}
		expect_retransmission(p, p->ISS + 1, 100);
	}
}

/* Lets ms milliseconds pass. Returns the number of times that la_shard_next() named. */
static unsigned
count_wakeups(struct rig *r, uint64_t ms)
{
	uint64_t end = r->now + ms, next;
	unsigned n = 0;

	rig_pump(r);
	while ((next = la_shard_next(r->s)) <= end && n < 1000) {
		r->now = next > r->now ? next : r->now;
		rig_pump(r);
		n++;
	}
	r->now = end;
	rig_pump(r);
	return n;
}

SCENARIO(regress_timers, keepalive_and_persist,
	 "RFC 9293 3.8.4: no keep-alive while the persist timer runs, and no wake-up in every tick")
{
	struct peer *p;
	unsigned n;

	s->o.conn.keepalive_ms = 10000;
	p = scene_open(s);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	CHECK(s->r, user_send(p, 100) == 100, "la_send failed");
	n = count_wakeups(s->r, 60000);
	CHECK(s->r, n < 40, "%u wake-ups in a minute", n);
	CHECK(s->r, rig_counter(s->r, LA_C_zero_window_probes) >= 3, "zero_window_probes is below 3");
	CHECK(s->r, rig_counter(s->r, LA_C_keepalive_probes) == 0, "a keep-alive probe was sent");
}

SCENARIO(regress_timers, keepalive_and_detached,
	 "RFC 9293 3.8.4: a DETACHED connection with unread text sends no keep-alive")
{
	struct peer *p;
	unsigned n;

	s->o.conn.keepalive_ms = 5000;
	p = scene_open(s);
	p->u.hold = true;
	peer_data(p, 100);
	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	peer_ack(p);
	peer_fin(p);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 6000);
	peer_skip(p);
	n = count_wakeups(s->r, 10000);
	CHECK(s->r, n < 20, "%u wake-ups in 10 s", n);
	peer_expect_none(p, 0);
	user_read(p, UINT64_MAX);
	user_expect_closed(p, LA_END_ORDERLY);
}

static void
read_all(struct la_conn *c, void *user)
{
	struct peer *p = user;

	p->u.timer++;
	CHECK(p->r, p->u.c == c, "`timer` was called for another connection");
	user_read(p, UINT64_MAX);
}

SCENARIO(regress_timers, consume_in_timer,
	 "RFC 9293 3.8.6.2.2: text read in the timer callback opens the offered window at once")
{
	struct la_conn_ops ops = user_ops;
	struct peer *p;

	ops.timer = read_all;
	s->o.conn.rcvbuf = 5000;
	p = scene_open(s);
	la_set_ops(p->u.c, &ops);
	p->u.hold = true;
	peer_data(p, 1400);
	peer_data(p, 1400);
	peer_data(p, 900);
	rig_run(s->r, 1000);
	peer_skip(p);
	CHECK(s->r, p->W < 1400, "the window is %u with 3700 of 5000 bytes unread", p->W);
	la_set_timer(p->u.c, 50);
	rig_run(s->r, 60);
	CHECK(s->r, p->u.timer == 1 && p->u.bytes == 3700, "`timer` ran %u times, %llu bytes read", p->u.timer,
	      (unsigned long long)p->u.bytes);
	CHECK(s->r, p->W == 5000, "the offered window is %u", p->W);
}

/* Listens with these options. (Times are limited because a 32-bit tick that is 2^31 or more ahead counts as past.) */

static int
listen_with(struct scene *s, uint16_t port, const struct la_conn_opts *o)
{
	return la_listen(s->r->s, NULL, port, &user_ops, NULL, o);
}

SCENARIO(regress_timers, options_too_long, "la_listen() and la_connect() refuse times above 2^30 ms")
{
	const uint32_t max = 1u << 30, bad[] = {max + 1, 0x80000000u, 0x90000000u, UINT32_MAX};
	struct la_conn *c = NULL;
	struct peer *p = peer_new(s->r, &s->o);

	for (unsigned i = 0; i < 4; i++) {
		const struct la_conn_opts o[] = {
			{.keepalive_ms = bad[i]}, {.fin_wait_2_ms = bad[i]}, {.user_timeout_ms = bad[i]}};

		for (unsigned k = 0; k < 3; k++) {
			CHECK(s->r, listen_with(s, 80, &o[k]) == -EINVAL, "la_listen() accepted %#x for option %u",
			      bad[i], k);
			CHECK(s->r, la_connect(s->r->s, &p->t, &user_ops, p, &o[k], &c) == -EINVAL,
			      "la_connect() accepted %#x for option %u", bad[i], k);
		}
	}
	CHECK(s->r, listen_with(s, 80, &(struct la_conn_opts){.keepalive_ms = max}) == 0,
	      "keepalive_ms of 2^30 was refused");
	CHECK(s->r, listen_with(s, 81, &(struct la_conn_opts){.fin_wait_2_ms = max}) == 0,
	      "fin_wait_2_ms of 2^30 was refused");
	CHECK(s->r, listen_with(s, 82, &(struct la_conn_opts){.user_timeout_ms = max}) == 0,
	      "user_timeout_ms of 2^30 was refused");
}

SCENARIO(regress_timers, options_longest, "timers of 2^30 ms do not fire early")
{
	const uint32_t max = 1u << 30;
	struct peer *p, *q;
	struct peer_rx *x;
	uint64_t from = s->r->now;

	s->o.conn.keepalive_ms = max;
	p = scene_open(s);
	s->o.conn = (struct la_conn_opts){.fin_wait_2_ms = max};
	s->o.lport = 81;
	q = scene_listen(s);
	peer_to_fin_wait_2(q, true);
	peer_expect_none(p, max - 2000);
	peer_expect_state(q, LA_FIN_WAIT_2);
	x = peer_wait(p, 4000);
	CHECK(s->r, x && x->at - from >= max, "no keep-alive probe, or it was early");
	rig_run(s->r, 4000);
	user_expect_closed(q, LA_END_FIN_WAIT_2);
}

SCENARIO(regress_timers, user_timer_clamped, "la_set_timer() with more than 2^30 ms does not fire at once")
{
	const uint32_t max = 1u << 30;
	struct peer *p = scene_open(s);

	la_set_timer(p->u.c, UINT32_MAX);
	rig_run(s->r, 1000);
	la_set_timer(p->u.c, 0x90000000u);
	rig_run(s->r, max - 1);
	CHECK(s->r, p->u.timer == 0, "the timer fired early");
	rig_run(s->r, 10);
	CHECK(s->r, p->u.timer == 1, "the timer fired %u times", p->u.timer);
}

SCENARIO(regress_timers, msl_limits,
	 "RFC 9293 3.6: an MSL must be below 2^29 ms, and the longest MSL gives a full 2*MSL")
{
	const uint32_t max = (1u << 29) - 1;
	const uint32_t bad[] = {max + 1, max + 2, 1u << 30, 1u << 31, (1u << 31) + 1, UINT32_MAX};
	struct la_conn_opts o = {0};
	struct peer *p;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		o.msl_ms = bad[i];
		CHECK(s->r, listen_with(s, 80, &o) == -EINVAL, "la_listen() accepted an MSL of %#x", bad[i]);
	}
	s->o.conn.msl_ms = max;
	p = scene_listen(s);
	peer_to_time_wait(p, true, 'b');
	rig_run(s->r, 2ull * max);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 2);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(regress_timers, profiles_full,
	 "a full table of option sets refuses a new set and uses no class of 2*MSL; known sets still work")
{
	struct la_conn_opts o = {0};
	uint16_t port = 1000;
	int err = 0;

	for (unsigned i = 1; i <= LA_TCP_PROFILES + 1u && !err; i++) {
		o.user_timeout_ms = 1000 * i;
		err = listen_with(s, port++, &o);
	}
	CHECK(s->r, err == -ENOMEM, "the table did not become full: %d", err);
	for (uint32_t msl = 1; msl <= 2 * LA_TW_CLASSES; msl++) {
		o.msl_ms = msl;
		err = listen_with(s, 9000, &o);
		CHECK(s->r, err == -ENOMEM, "MSL %u: %d, expected -ENOMEM", msl, err);
	}
	o = (struct la_conn_opts){.user_timeout_ms = 1000};
	CHECK(s->r, listen_with(s, 9001, &o) == 0, "a known option set is refused");
}
