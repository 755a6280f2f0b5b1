/* SPDX-License-Identifier: BSD-3-Clause */

/* The plans of users: every ending at every moment, users that do not read, and the pairing of the two ends. */

#include <errno.h>

#include "fixture.h"

enum { DELAY = 10000 };

static const struct la_sim_plan passive = {.send = 4000, .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN};

/* Runs a connection for 10 s. A ends by `ending` at the moment `when`. B closes after A's FIN; with PEER_FIN, B shuts
 * down first. */
static struct la_sim_conn *
run_plan(enum la_sim_ending ending, enum la_sim_when when)
{
	static struct la_sim_plan a, b;
	struct la_sim *w;
	struct la_sim_conn *c;

	a = (struct la_sim_plan){.send = 3000,
				 .chunk = 700,
				 .ending = ending,
				 .when = when,
				 .amount = when == LA_SIM_WHEN_GOT ? 4000 : 500};
	b = passive;
	if (when == LA_SIM_WHEN_PEER_FIN) {
		b.ending = LA_SIM_SHUTDOWN;
		b.when = LA_SIM_WHEN_SENT;
	}
	w = sim_pair(&(struct la_sim_link){.delay_us = DELAY}, NULL, 0, &b);
	c = sim_open(w, false, &a);
	la_sim_run(w, 10 * SIM_S);
	return c;
}

Test(plan, endings)
{
	for (enum la_sim_when when = LA_SIM_WHEN_SENT; when <= LA_SIM_WHEN_TIME; when++) {
		struct la_sim_conn *c = run_plan(LA_SIM_STAYS, when);

		cr_expect(!c->closed && c->sent == 3000 && c->partner->got == 3000 && c->got == 4000,
			  "LA_SIM_STAYS, when %d: closed, or bytes are missing", when);
		cr_expect_eq(c->peer_fin, when == LA_SIM_WHEN_PEER_FIN);

		c = run_plan(LA_SIM_SHUTDOWN, when);
		sim_over(c->w);
		sim_whole(c);

		if (when != LA_SIM_WHEN_SENT) { /* close_before_data tests this moment */
			c = run_plan(LA_SIM_CLOSE, when);
			sim_over(c->w);
			sim_whole(c);
		}
		c = run_plan(LA_SIM_ABORT, when);
		cr_expect(c->closed && c->why.end == LA_END_ABORTED, "LA_SIM_ABORT, when %d: not aborted", when);
		sim_over(c->w);
	}
}

/* SHLD-3: la_close() after the last byte was sent. Data that arrives later draws a RST. */
Test(plan, close_before_data)
{
	struct la_sim_conn *c = run_plan(LA_SIM_CLOSE, LA_SIM_WHEN_SENT);

	cr_expect_eq(c->why.end, LA_END_RESET);
	cr_expect_eq(c->partner->why.end, LA_END_RESET);
	cr_expect_not_null(sim_event(LA_SIM_SENT, 0, LA_RST, 1));
	sim_over(c->w);
}

Test(plan, moments)
{
	const struct sim_seen *fin;
	struct la_sim_conn *c = run_plan(LA_SIM_SHUTDOWN, LA_SIM_WHEN_TIME);

	fin = sim_event(LA_SIM_SENT, 0, LA_FIN, 1);
	cr_expect(fin->us >= c->opened_us + 500 * SIM_MS && fin->us <= c->opened_us + 501 * SIM_MS, "WHEN_TIME");

	run_plan(LA_SIM_SHUTDOWN, LA_SIM_WHEN_PEER_FIN);
	fin = sim_event(LA_SIM_SENT, 1, LA_FIN, 1);
	cr_expect_eq(sim_event(LA_SIM_SENT, 0, LA_FIN, 1)->us, sim_arrival(fin->packet, 1)->us, "WHEN_PEER_FIN");

	run_plan(LA_SIM_SHUTDOWN, LA_SIM_WHEN_SENT);
	cr_expect_leq(sim_event(LA_SIM_SENT, 0, LA_FIN, 1)->us, c->opened_us + 2 * DELAY, "WHEN_SENT");
}

Test(plan, chunks)
{
	static const struct la_sim_plan drip = {.send = 1000,
						.chunk = 300,
						.every_ms = 100,
						.ending = LA_SIM_CLOSE,
						.when = LA_SIM_WHEN_GOT,
						.amount = 4000};
	struct la_sim *w = sim_pair(&(struct la_sim_link){.delay_us = DELAY}, NULL, 0, &passive);
	struct la_sim_conn *c = sim_open(w, true, &drip);
	unsigned n = 0;

	sim_over(w);
	sim_whole(c);
	for (unsigned i = 1; sim_event(LA_SIM_SENT, 0, 0, i); i++) {
		const struct sim_seen *s = sim_event(LA_SIM_SENT, 0, 0, i);

		if (!s->seg.len)
			continue;
		cr_expect_eq(s->seg.len, n < 3 ? 300 : 100);
		cr_expect(s->us >= c->opened_us + n * 100 * SIM_MS && s->us <= c->opened_us + (n * 100 + 3) * SIM_MS);
		n++;
	}
	cr_expect_eq(n, 4);
}

Test(plan, text)
{
	static const struct la_sim_plan hello = {
		.send = 12, .text = "hello", .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_GOT, .amount = 4000};
	struct la_sim *w = sim_pair(&(struct la_sim_link){0}, NULL, 0, &passive);
	struct la_sim_conn *c = sim_open(w, false, &hello);

	sim_over(w);
	sim_whole(c);
	cr_expect_arr_eq(c->partner->first, "hellohellohe", 12);
	cr_expect_neq(c->tag, c->partner->tag);
	for (unsigned i = 0; i < 64; i++)
		cr_expect_eq(c->first[i], la_sim_byte(c->partner->tag, NULL, i));
}

/* When a user does not read, its window goes to 0, and la_close() with unread bytes sends a RST. */
Test(plan, no_reading)
{
	static struct la_sim_plan p = {
		.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_TIME, .amount = 20000, .deaf = true, .opts.rcvbuf = 5000};
	static const struct la_sim_plan much = {.send = 100000, .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_SENT};
	struct la_sim *w = sim_pair(&(struct la_sim_link){.delay_us = DELAY}, NULL, 0, &much);
	struct la_sim_conn *c = sim_open(w, false, &p);

	la_sim_run(w, 19 * SIM_S);
	cr_expect_eq(c->got, 0);
	cr_expect_eq(la_unread(c->c), 5000);
	cr_expect_gt(sim_count(w, 1, LA_C_zero_window_probes), 1);
	la_sim_run(w, 30 * SIM_S);
	cr_expect_eq(c->why.end, LA_END_ABORTED);
	cr_expect_eq(c->partner->why.end, LA_END_RESET);
	sim_over(w);
}

/* Direct calls instead of a plan. Calls after the end of the connection fail. */
Test(plan, by_direct_calls)
{
	static const struct la_sim_plan idle = {.ending = LA_SIM_STAYS};
	struct la_sim *w = sim_pair(&(struct la_sim_link){.delay_us = DELAY}, NULL, 0, &idle);
	struct la_sim_conn *c = sim_open(w, false, &idle), *p;

	la_sim_run(w, SIM_S);
	p = c->partner;
	la_sim_send(c, 777);
	la_sim_run(w, 2 * SIM_S);
	cr_expect_eq(p->got, 777);
	cr_expect_eq(la_sim_shutdown(c), 0);
	cr_expect_eq(la_sim_shutdown(c), -EPIPE);
	la_sim_run(w, 3 * SIM_S);
	cr_expect(p->peer_fin);
	cr_expect_eq(la_sim_close(p), 0);
	sim_over(w);
	cr_expect(c->closed && p->closed && p->wrong == 0);
	cr_expect_eq(la_sim_close(c), -ENOTCONN);
	cr_expect_eq(la_sim_abort(c), -ENOTCONN);
	la_sim_conn_free(p);
	cr_expect_null(c->partner, "the partner was not unpaired");
	la_sim_conn_free(c);
	cr_expect_null(la_sim_conn_next(w, &(unsigned){0}));
}

/* In a simultaneous open both ends are active, and are paired when the second handshake ends. */
Test(plan, simultaneous_open)
{
	struct la_sim *w = sim_pair(&(struct la_sim_link){.delay_us = DELAY}, NULL, 0, &passive);
	static const struct la_sim_plan both = {
		.send = 500, .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_GOT, .amount = 500};
	struct la_sim_conn *a, *b;

	cr_assert_eq(la_sim_connect(w, 0, 1, false, 700, 701, &both, &a), 0);
	cr_assert_eq(la_sim_connect(w, 1, 0, false, 701, 700, &both, &b), 0);
	sim_over(w);
	cr_assert(a->partner == b && b->partner == a);
	sim_whole(a);
}

/* Without a free user record la_sim_connect() fails, and the listener resets a new connection. */
Test(plan, records)
{
	struct la_sim_config cfg = {.nhosts = 2, .conns = 3};
	struct la_sim *w = sim_make(&cfg);
	struct la_sim_conn *c[3];

	cr_assert_eq(la_sim_listen(w, 1, 80, &passive), 0);
	for (unsigned i = 0; i < 3; i++)
		c[i] = sim_open(w, false, &passive);
	cr_expect_eq(la_sim_connect(w, 0, 1, false, 9, 80, &passive, NULL), -ENOBUFS);
	la_sim_run(w, SIM_S);
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(c[i]->why.end, LA_END_RESET, "a connection was accepted without a record");
	la_sim_conn_free(c[1]);
	cr_expect_eq(la_sim_connect(w, 0, 1, false, 9, 80, &passive, &c[1]), 0);
}
