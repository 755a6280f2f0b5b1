/* SPDX-License-Identifier: BSD-3-Clause */

/* Regression tests of packet buffers, orphans and calls, in cases where two limits apply at once. */

#include "scenario.h"

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "net/shard.h"
#include "pattern.h"
#include "tables.h"
#include "tcp/hold.h"

static struct la_hold *
hold(struct scene *s)
{
	return &s->r->s->tcp.hold;
}

static void
check_hold(struct scene *s)
{
	CHECK(s->r, la_hold_check(&s->r->s->tcp, stderr) == 0, "the count of held buffers is wrong");
}

/* --- the budget ------------------------------------------------------------------------------------------ */

SCENARIO(regress_hold, never_above_max,
	 "with more connections than reserved first buffers, held buffers stay at or below max_held")
{
	struct peer *p[24];

	scene_rig(s, &(struct rig_opts){.max_held = 24,
					.max_conns = 256,
					.max_time_wait4 = 512,
					.max_time_wait6 = 512,
					.syn_cookies_at = UINT32_MAX});
	for (unsigned i = 0; i < 23; i++) {
		p[i] = scene_another(s);
		p[i]->u.hold = true;
		peer_data(p[i], 10);
		CHECK(s->r, la_unread(p[i]->u.c) == 10, "a first buffer was refused");
	}
	for (unsigned i = 0; i < 23; i++) {
		user_send(p[i], 100);
		CHECK(s->r, hold(s)->held <= 24, "%u buffers are held of 24", hold(s)->held);
	}
	for (unsigned i = 0; i < 23; i++) { /* text in order that does not fit in the last buffer */
		peer_data(p[i], 1400);
		CHECK(s->r, hold(s)->held <= 24, "%u buffers are held of 24", hold(s)->held);
		if (seq_lt(p[i]->R, p[i]->snd))
			p[i]->snd = p[i]->R;
	}
	check_hold(s);
	for (unsigned i = 0; i < 23; i++) {
		user_read(p[i], UINT64_MAX);
		peer_skip(p[i]);
	}
}

/* Opens connections that use all buffers except the reserved first buffers, so that a share is one buffer. Returns
 * the number of connections. */
static unsigned
use_extra(struct scene *s, struct peer **p, unsigned max)
{
	unsigned n = 0;

	while (n < max && la_hold_share(&s->r->s->tcp) > 1) {
		p[n] = scene_another(s);
		p[n]->u.hold = true;
		for (unsigned k = 0; k < 40; k++) {
			peer_data(p[n], 1400);
			if (seq_lt(p[n]->R, p[n]->snd)) {
				p[n]->snd = p[n]->R;
				break;
			}
		}
		peer_skip(p[n++]);
	}
	CHECK(s->r, la_hold_share(&s->r->s->tcp) == 1, "the share is %u", la_hold_share(&s->r->s->tcp));
	return n;
}

SCENARIO(regress_hold, own_block, "data above a hole leaves a buffer for the text that fills the hole")
{
	struct peer *first, *other[8], *hogs[40];
	unsigned n;

	scene_rig(s, &(struct rig_opts){.max_held = 64 + 16});
	n = use_extra(s, hogs, 40);
	first = scene_another(s);
	peer_send(first, LA_ACK, first->snd + 500, first->got, 100);
	for (unsigned i = 0; i < 8; i++) { /* later, with as many blocks as `first` */
		other[i] = scene_another(s);
		peer_send(other[i], LA_ACK, other[i]->snd + 500, other[i]->got, 100);
	}
	peer_data(first, 500);
	CHECK(s->r, first->u.bytes >= 500, "%llu bytes arrived", (unsigned long long)first->u.bytes);
	check_hold(s);
	for (unsigned i = 0; i < n; i++)
		user_read(hogs[i], UINT64_MAX);
	rig_run(s->r, 100);
	for (unsigned i = 0; i < n; i++)
		peer_skip(hogs[i]);
	for (unsigned i = 0; i < 8; i++)
		peer_skip(other[i]);
	peer_skip(first);
}

SCENARIO(regress_hold, shares,
	 "blocks above a hole take at most one share; an answer gets a buffer also when a share is one buffer")
{
	struct peer *p, *q, *hogs[40];
	unsigned n, before;

	scene_rig(s, &(struct rig_opts){.max_held = 64 + 16});
	p = scene_another(s);
	q = scene_another(s);
	CHECK(s->r, user_send(q, 100000) > 0 && hold(s)->held <= 7, "%u buffers in a send queue, expected at most 7",
	      hold(s)->held);
	drain(q, 300);
	CHECK(s->r, hold(s)->held == 0, "%u buffers are held", hold(s)->held);
	n = use_extra(s, hogs, 40);
	before = hold(s)->held;
	for (unsigned i = 0; i < 5; i++)
		peer_send(p, LA_ACK, p->snd + 3000 + i * 2048, p->got, 1);
	CHECK(s->r, hold(s)->held - before == 1, "%u blocks, expected 1", hold(s)->held - before);
	q = scene_another(s);
	q->u.hold = true;
	peer_data(q, 100);
	CHECK(s->r, user_send(q, 100) == 100, "la_send() of the answer got no buffer");
	check_hold(s);
	user_read(q, UINT64_MAX);
	for (unsigned i = 0; i < n; i++) {
		user_read(hogs[i], UINT64_MAX);
		peer_skip(hogs[i]);
	}
	peer_skip(p);
	peer_skip(q);
}

SCENARIO(regress_hold, low_pool,
	 "below low_mbufs no payload is sent, and a connection with a buffer gets no second one")
{
	static struct rte_mbuf *out[RIG_MBUFS];
	struct peer *p, *q;
	unsigned n = 0;

	scene_rig(s, &(struct rig_opts){.low_mbufs = 100});
	p = scene_another(s);
	q = scene_another(s);
	p->u.hold = q->u.hold = true;
	peer_data(p, 1400);
	peer_skip(p);
	while (rig_mbufs_free() >= 100) /* stands for buffers in the queues of a port */
		out[n++] = rte_pktmbuf_alloc(rig_pool());
	rig_run(s->r, 1);
	peer_skip(p);
	peer_data(p, 1400);
	CHECK(s->r, la_unread(p->u.c) == 1400, "text for a second buffer was accepted");
	peer_data(q, 1400);
	CHECK(s->r, la_unread(q->u.c) == 1400, "the first text was not accepted");
	peer_skip(p);
	peer_skip(q);
	CHECK(s->r, user_send(q, 100) == 100, "la_send failed");
	rig_run(s->r, 500);
	CHECK(s->r, q->N == q->ISS + 1, "payload was sent below low_mbufs");
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	user_expect_closed(p, LA_END_ABORTED);
	while (n > 0)
		rte_pktmbuf_free(out[--n]);
	rig_run(s->r, 2);
	CHECK(s->r, q->N == q->ISS + 101, "payload was not sent after the buffers were freed");
	user_read(q, UINT64_MAX);
	peer_skip(p);
	peer_skip(q);
}

/* --- windows --------------------------------------------------------------------------------------------- */

SCENARIO(regress_hold, large_segments, "a window limited by memory opens again for a connection with large segments")
{
	struct peer *p, *hogs[60];
	unsigned n;

	scene_rig(s, &(struct rig_opts){.max_held = 64 + 16, .mtu = 9000});
	n = use_extra(s, hogs, 60);
	s->o.mss = 8900;
	p = scene_another(s);
	CHECK(s->r, p->W < 8900, "the window is %u", p->W);
	for (unsigned i = 0, sent = 0; sent < 20000; i++) {
		uint32_t room = p->edge - p->snd, len = room < 1000 ? room : 1000;

		CHECK(s->r, i < 100, "the window does not open: %u bytes sent", sent);
		if (len)
			peer_data(p, len);
		sent += len;
		rig_run(s->r, 100); /* the peer sends no probe */
		peer_skip(p);
	}
	for (unsigned i = 0; i < n; i++) {
		user_read(hogs[i], UINT64_MAX);
		peer_skip(hogs[i]);
	}
}

/* A `data` callback that reads a request and sends the answer at once. */
static void
answer(struct la_conn *c, void *user)
{
	uint8_t buf[1000];
	struct peer *p = user;
	ssize_t n;

	user_read(p, UINT64_MAX);
	for (uint32_t i = 0; i < sizeof(buf); i++)
		buf[i] = pattern(PATTERN_OUT, p->u.sent + i);
	n = la_send(c, buf, sizeof(buf));
	p->u.sent += n > 0 ? (uint64_t)n : 0;
}

SCENARIO(regress_hold, after_the_answer,
	 "a window closed by a full send queue is announced when the send queue is acknowledged")
{
	static struct la_conn_ops ops;
	struct peer *p;

	scene_rig(s, &(struct rig_opts){.max_held = 64 + 8});
	hold(s)->extra = hold(s)->common = 0; /* one buffer for each connection */
	p = scene_another(s);
	ops = user_ops;
	ops.data = answer;
	la_set_ops(p->u.c, &ops);
	for (unsigned i = 0; i < 20; i++) {
		uint32_t room = p->edge - p->snd;

		CHECK(s->r, room > 0, "the window is still 0 after %u answers", i);
		peer_data(p, room < 1000 ? room : 1000);
		p->got = p->N;
		peer_ack(p);
		rig_run(s->r, 50);
		peer_skip(p);
	}
	CHECK(s->r, p->u.sent == 20000, "%llu bytes sent", (unsigned long long)p->u.sent);
	la_set_ops(p->u.c, &user_ops);
}

SCENARIO(regress_hold, probe,
	 "a window closed by unread text: the answer to a peer's probe offers a window when memory is free again")
{
	struct peer *p, *hogs[60];
	struct peer_rx *x;
	unsigned n;

	scene_rig(s, &(struct rig_opts){.max_held = 64 + 16});
	n = use_extra(s, hogs, 60);
	p = scene_another(s);
	p->u.hold = true;
	while (seq_lt(p->snd, p->edge)) {
		uint32_t len = RTE_MIN(p->edge - p->snd, 1000u);

		peer_data(p, len);
		CHECK(s->r, seq_ge(p->R, p->snd) || p->u.hold, "the text was not accepted");
		if (seq_lt(p->R, p->snd)) {
			p->snd = p->R;
			break;
		}
		peer_skip(p);
	}
	for (unsigned i = 0; i < n; i++) {
		user_read(hogs[i], UINT64_MAX);
		peer_skip(hogs[i]);
	}
	rig_run(s->r, 1000);
	peer_skip(p);
	peer_send(p, LA_ACK, p->snd - 1, p->got, 0); /* a zero-window probe (RFC 9293 3.8.6.1) */
	x = peer_wait(p, 10);
	CHECK(s->r, x && p->edge - p->snd >= 4096, "the answer offers a window of %u, expected at least 4096",
	      p->edge - p->snd);
	user_read(p, UINT64_MAX);
	peer_skip(p);
}

static void
send_more(struct la_conn *c, void *user)
{
	static uint8_t buf[100000];
	struct peer *p = user;
	ssize_t n;

	for (uint32_t i = 0; i < sizeof(buf); i++)
		buf[i] = pattern(PATTERN_OUT, p->u.sent + i);
	n = la_send(c, buf, sizeof(buf));
	p->u.sent += n > 0 ? (uint64_t)n : 0;
}

SCENARIO(regress_hold, blocked_and_stuck,
	 "while the user waits for buffers, the persist timer sends data into a small window")
{
	static struct la_conn_ops ops;
	struct peer *p;
	uint32_t got = 0;

	scene_rig(s, &(struct rig_opts){.max_held = 64 + 16});
	p = scene_another(s);
	ops = user_ops;
	ops.writable = send_more;
	la_set_ops(p->u.c, &ops);
	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = 100);
	user_send(p, 100000);
	CHECK(s->r, p->u.sent < 20000 && rig_counter(s->r, LA_C_send_short) > 0,
	      "la_send() accepted all bytes, or send_short is 0");
	peer_skip(p);
	rig_run(s->r, 100);
	CHECK(s->r, la_shard_next(s->r->s) > s->r->now + 1, "`writable` is called in every tick");
	for (unsigned i = 0; i < 10; i++) { /* the peer sends nothing; its window stays 100 */
		struct peer_rx *x = peer_wait(p, 10000);

		CHECK(s->r, x && x->len > 0, "no data was sent into the window");
		got += x->len;
		p->got = x->end;
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = 100);
	}
	CHECK(s->r, got >= 1000, "%u bytes arrived", got);
	la_set_ops(p->u.c, &user_ops);
	peer_skip(p);
}

/* --- orphans --------------------------------------------------------------------------------------------- */

static void
answer_probes(struct peer *p, uint64_t ms)
{
	uint64_t until = p->r->now + ms;

	while (p->r->now < until && p->u.closed == 0) {
		uint64_t left = until - p->r->now;
		struct peer_rx *x = peer_wait(p, left < 100 ? left : 100);

		if (x && !(x->flags & LA_RST))
			PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	}
	peer_skip(p);
}

static struct peer *
open_zero_window(struct scene *s)
{
	struct peer *p = scene_another(s);

	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	CHECK(s->r, user_send(p, 3000) == 3000, "la_send failed");
	return p;
}

SCENARIO(regress_hold, close_between_probes,
	 "an orphan ends exactly orphan_ms after its close, also when the next probe is due in a minute")
{
	static const uint32_t limits[] = {50, 1000, 7777};

	for (unsigned i = 0; i < 3; i++) {
		struct peer *p;
		uint64_t from;

		s->o.conn.orphan_ms = limits[i];
		scene_rig(s, NULL);
		p = open_zero_window(s);
		answer_probes(p, 200000);
		CHECK(s->r, p->u.closed == 0, "the connection ended early");
		CHECK(s->r, user_close(p) == 0, "la_close failed");
		from = s->r->now;
		answer_probes(p, 100000);
		CHECK(s->r,
		      p->u.closed == 1 && p->u.closed_at - from >= limits[i] && p->u.closed_at - from <= limits[i] + 1,
		      "ended after %lu ms of %u", p->u.closed_at - from, limits[i]);
	}
}

SCENARIO(regress_hold, close_after_idle, "la_close() after idle time: orphan_ms runs from the close")
{
	static const uint64_t idle[] = {4000, 6000, 40000};

	for (unsigned i = 0; i < 3; i++) {
		struct peer *p;
		uint64_t from;

		s->o.conn.orphan_ms = 5000;
		scene_rig(s, NULL);
		p = scene_another(s);
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
		s->r->now += idle[i]; /* without a call of the shard */
		from = s->r->now;
		CHECK(s->r, user_close(p) == 0, "la_close failed");
		answer_probes(p, 4999);
		CHECK(s->r, p->u.closed == 0, "ended after %lu ms", p->u.closed_at - from);
		answer_probes(p, 1000);
		CHECK(s->r, p->u.closed == 1 && p->u.closed_at - from <= 5001, "the connection is still open");
	}
}

SCENARIO(regress_hold, timer_then_close, "la_set_timer() just before la_close() does not become the orphan's deadline")
{
	static const uint32_t timers[] = {1, 300, 1000000};

	for (unsigned i = 0; i < 3; i++)
		for (uint64_t idle = 0; idle < 100; idle += 50) {
			struct peer *p;
			uint64_t from;

			s->o.conn.orphan_ms = 5000;
			scene_rig(s, NULL);
			p = open_zero_window(s);
			s->r->now += idle;
			from = s->r->now;
			la_set_timer(p->u.c, timers[i]);
			CHECK(s->r, user_close(p) == 0, "la_close failed");
			answer_probes(p, 4999);
			CHECK(s->r, p->u.closed == 0, "ended after %lu ms", p->u.closed_at - from);
			answer_probes(p, 1000);
			CHECK(s->r, p->u.closed == 1 && p->u.closed_at - from <= 5001, "the connection is still open");
		}
}

SCENARIO(regress_hold, orphan_without_buffers, "an orphan that cannot send for lack of buffers ends after orphan_ms")
{
	struct peer *p, *q;
	uint64_t from;

	s->o.conn.orphan_ms = 5000;
	scene_rig(s, NULL);
	p = scene_another(s);
	q = scene_another(s);
	hold(s)->low = s->r->mbufs + 1; /* the pool counts as low */
	rig_run(s->r, 2);
	CHECK(s->r, user_send(p, 3000) > 0 && user_send(q, 700) == 700, "la_send failed");
	CHECK(s->r, user_close(p) == 0 && user_close(q) == 0, "la_close failed");
	from = s->r->now;
	rig_run(s->r, 3000);
	CHECK(s->r, p->u.closed == 0, "the connection ended early");
	PEER_TX(q, .flags = LA_ACK, .seq = q->snd, .ack = q->got);
	rig_run(s->r, 1999);
	CHECK(s->r, p->u.closed == 0, "the connection ended early");
	rig_run(s->r, 2);
	CHECK(s->r, p->u.closed == 1 && p->u.closed_at - from <= 5001, "the connection is still open");
	hold(s)->low = 1;
	rig_run(s->r, 10);
	peer_skip(p);
	peer_skip(q);
}

SCENARIO(regress_hold, no_spin,
	 "above max_orphans, when no orphan may be aborted, la_shard_next() does not return every tick")
{
	struct peer *p[12];
	uint64_t polls = 0, until;

	scene_rig(s, &(struct rig_opts){.max_orphans = 2});
	for (unsigned i = 0; i < 12; i++) {
		p[i] = scene_another(s);
		CHECK(s->r, user_close(p[i]) == 0, "la_close failed");
		drain(p[i], 0);
		p[i]->got = p[i]->N;
		if (i % 2)
			peer_ack(p[i]); /* FIN_WAIT_2 */
	}
	CHECK(s->r, hold(s)->orphans == 12, "%u orphans", hold(s)->orphans);
	rig_run(s->r, 10);
	for (until = s->r->now + 1000; s->r->now < until; polls++) {
		uint64_t next = la_shard_next(s->r->s);

		CHECK(s->r, next > s->r->now, "la_shard_next() is not in the future");
		rig_run(s->r, RTE_MIN(next, until) - s->r->now);
	}
	CHECK(s->r, polls < 60, "la_shard_next() returned %lu times in one second, expected fewer than 60", polls);
	for (unsigned i = 0; i < 12; i++)
		peer_skip(p[i]);
}

/* --- SYN cookies ----------------------------------------------------------------------------------------- */

SCENARIO(regress_hold, cookies,
	 "SYN cookies are on while few first buffers are left, and off when buffers are free again")
{
	struct peer *p[40], *q;

	scene_rig(s,
		  &(struct rig_opts){.max_held = 40, .max_conns = 256, .max_time_wait4 = 512, .max_time_wait6 = 512});
	for (unsigned i = 0; i < 37; i++) {
		p[i] = scene_another(s);
		p[i]->u.hold = true;
		peer_data(p[i], 10);
		peer_skip(p[i]);
	}
	CHECK(s->r, hold(s)->held == 37 && rig_counter(s->r, LA_C_syn_cookies_sent) == 0, "%u held, %lu cookies",
	      hold(s)->held, rig_counter(s->r, LA_C_syn_cookies_sent));
	q = peer_new(s->r, &s->o);
	peer_syn(q);
	peer_expect_state(q, LA_CLOSED);
	CHECK(s->r, rig_counter(s->r, LA_C_syn_cookies_sent) == 1, "no cookie");
	peer_skip(q);
	peer_send(q, LA_ACK, q->IRS + 1, q->ISS + 1, 0);
	peer_expect_state(q, LA_ESTABLISHED);
	for (unsigned i = 0; i < 37; i++)
		user_read(p[i], UINT64_MAX);
	q = peer_new(s->r, &s->o);
	peer_syn(q);
	peer_expect_state(q, LA_SYN_RCVD);
	peer_skip(q);
	for (unsigned i = 0; i < 37; i++)
		peer_skip(p[i]);
}
