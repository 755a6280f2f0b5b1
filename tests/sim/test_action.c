/* SPDX-License-Identifier: BSD-3-Clause */

/* The fault language: the effect of each action on the segment and on its time of arrival, and the segment that each
 * kind selects. */

#include <string.h>

#include "fixture.h"

enum { DELAY = 20000 };

static const struct la_sim_plan server = {.send = 3000, .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN};
static const struct la_sim_plan client = {
	.send = 3000, .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_GOT, .amount = 3000};

/* Runs a connection with one rule. Returns the only event of the kind `what`. */
static const struct sim_seen *
run_with(const char *rule, enum la_sim_what what)
{
	struct la_sim *w = sim_pair(&(struct la_sim_link){.delay_us = DELAY}, &rule, 1, &server);
	struct la_sim_conn *c = sim_open(w, false, &client);

	sim_over(w);
	sim_whole(c);
	cr_assert_eq(rec.count[what], 1, "%s: %u events, expected 1", rule, rec.count[what]);
	return sim_event(what, -1, 0, 1);
}

static const struct sim_seen *
sent(uint32_t packet)
{
	for (unsigned i = 0; i < rec.n; i++)
		if (rec.e[i].what == LA_SIM_SENT && rec.e[i].packet == packet)
			return &rec.e[i];
	cr_assert(false, "packet %u was not sent", packet);
	return NULL;
}

Test(action, nothing_happens)
{
	const struct sim_seen *s;
	struct la_sim *w = sim_pair(&(struct la_sim_link){.delay_us = DELAY}, NULL, 0, &server);

	sim_whole((sim_over(w), sim_open(w, false, &client), sim_over(w), la_sim_conn_next(w, &(unsigned){0})));
	for (unsigned i = 1; (s = sim_event(LA_SIM_SENT, -1, 0, i)); i++) {
		cr_expect_eq(s->due_us, s->us + DELAY);
		cr_expect_eq(sim_arrival(s->packet, 1)->us, s->us + DELAY);
		cr_expect_null(sim_arrival(s->packet, 2));
	}
	for (int k = LA_SIM_LOST; k <= LA_SIM_NOTE; k++)
		cr_expect_eq(rec.count[k], 0);
	cr_expect_eq(rec.count[LA_SIM_SENT], rec.count[LA_SIM_ARRIVED]);
}

Test(action, drop)
{
	const struct sim_seen *l = run_with("drop 1st data from A", LA_SIM_LOST);

	cr_expect_eq(l->host, 0);
	cr_expect_gt(l->seg.len, 0);
	cr_expect_str_eq(l->text, "dropped");
	cr_expect_null(sim_arrival(l->packet, 1));
}

Test(action, hold)
{
	const struct sim_seen *h = run_with("hold 1st data from B for 300ms", LA_SIM_HELD), *a;

	a = sim_arrival(h->packet, 1);
	cr_expect_eq(h->host, 1);
	cr_expect_eq(h->due_us, h->us + DELAY + 300000);
	cr_expect_eq(a->us, h->us + DELAY + 300000);
	cr_expect(a->late);
	cr_expect_null(sim_arrival(h->packet, 2));
}

Test(action, dup)
{
	const struct sim_seen *c = run_with("dup 1st FIN from A for 70ms", LA_SIM_COPIED), *a;

	cr_expect(c->seg.flags & LA_FIN);
	a = sim_arrival(c->packet, 1);
	cr_expect(a->us == c->us + DELAY && !a->copy);
	a = sim_arrival(c->packet, 2);
	cr_expect(a->us == c->us + DELAY + 70000 && a->copy && a->late);
	cr_expect_null(sim_arrival(c->packet, 3));
}

Test(action, dup_at_once)
{
	const struct sim_seen *c = run_with("dup 1st synack", LA_SIM_COPIED);

	cr_expect_eq(sim_arrival(c->packet, 2)->us, c->us + DELAY);
	cr_expect(!sim_arrival(c->packet, 2)->late);
}

Test(action, corrupt)
{
	const struct sim_seen *c = run_with("corrupt 2nd data from A", LA_SIM_CORRUPTED);
	struct la_sim_conn *conn;

	cr_expect_eq(c->host, 0);
	cr_expect_eq(sim_arrival(c->packet, 1)->us, c->us + DELAY);
	/* another world, whose counters can be read */
	conn = sim_open(sim_pair(&(struct la_sim_link){0}, (const char *[]){"corrupt 50% data"}, 1, &server), true,
			&client);
	sim_over(conn->w);
	sim_whole(conn);
	cr_expect_gt(rec.count[LA_SIM_CORRUPTED], 2);
	cr_expect_eq(rec.count[LA_SIM_CORRUPTED],
		     sim_count(conn->w, 0, LA_C_drop_tcp_cksum) + sim_count(conn->w, 1, LA_C_drop_tcp_cksum) +
			     sim_count(conn->w, 0, LA_C_drop_tcp_short) + sim_count(conn->w, 1, LA_C_drop_tcp_short));
}

/* A reordered segment arrives after the next segment of its direction, in the same microsecond. */
Test(action, reorder)
{
	struct la_sim *w = sim_pair(&(struct la_sim_link){.delay_us = DELAY},
				    (const char *[]){"reorder 1st data from A"}, 1, &server);
	struct la_sim_conn *c = sim_open(w, false, &client);
	const struct sim_seen *first = NULL, *a, *b;

	sim_over(w);
	sim_whole(c);
	for (unsigned i = 1; !first || !first->seg.len; i++)
		first = sim_event(LA_SIM_SENT, 0, 0, i);
	a = sim_arrival(first->packet, 1);
	b = sim_arrival(first->packet + 1, 1); /* A sends two at once */
	cr_expect(sent(first->packet + 1)->seg.len > 0);
	cr_expect(a > b, "the first segment did not arrive after the second");
	cr_expect_eq(a->us, b->us);
	cr_expect_eq(sim_count(w, 1, LA_C_out_of_order), 1);
}

/* A reordered segment that no other segment follows arrives after a delay. */
Test(action, reorder_the_last)
{
	struct la_sim *w = sim_pair(&(struct la_sim_link){.delay_us = DELAY},
				    (const char *[]){"reorder 1st lastack from A"}, 1, &server);
	struct la_sim_conn *c = sim_open(w, false, &client);

	sim_over(w);
	sim_whole(c);
	cr_expect_eq(rec.count[LA_SIM_SENT], rec.count[LA_SIM_ARRIVED]);
}

Test(action, kinds)
{
	cr_expect_eq(run_with("drop 1st syn", LA_SIM_LOST)->seg.flags, LA_SYN);
	cr_expect_eq(run_with("drop 1st synack", LA_SIM_LOST)->seg.flags, LA_SYN | LA_ACK);
	cr_expect(run_with("drop 1st fin from B", LA_SIM_LOST)->seg.flags & LA_FIN);
	cr_expect_eq(run_with("drop 1st ack from B", LA_SIM_LOST)->seg.len, 0);
}

/* lastack is the ACK of the other end's FIN, not an earlier ACK. */
Test(action, lastack)
{
	const struct sim_seen *l = run_with("drop 1st lastack from A", LA_SIM_LOST),
			      *fin = sim_event(LA_SIM_SENT, 1, LA_FIN, 1);

	cr_expect_eq(l->seg.flags, LA_ACK);
	cr_expect_eq(l->seg.ack, fin->seg.seq + la_fault_seg_space(&fin->seg));
	cr_expect_not_null(sim_event(LA_SIM_SENT, 1, LA_FIN, 2), "the FIN is not retransmitted");
}

Test(action, rst)
{
	static const struct la_sim_plan aborts = {.ending = LA_SIM_ABORT, .when = LA_SIM_WHEN_TIME, .amount = 100},
					stays = {.ending = LA_SIM_STAYS};
	struct la_sim *w = sim_pair(&(struct la_sim_link){.delay_us = DELAY}, (const char *[]){"drop every rst"}, 1,
				    &stays);
	struct la_sim_conn *c = sim_open(w, false, &aborts);

	la_sim_run(w, SIM_S);
	cr_expect_eq(c->why.end, LA_END_ABORTED);
	cr_expect(!c->partner->closed, "the RST arrived");
	cr_expect(sim_event(LA_SIM_LOST, 0, LA_RST, 1) != NULL);
}

static struct la_fate
hold_fins(void *ctx, unsigned from, unsigned to, const struct la_fault_seg *s)
{
	(void)to;
	return (struct la_fate){from == *(unsigned *)ctx && (s->flags & LA_FIN) ? LA_FAULT_HOLD : LA_FAULT_NONE,
				UINT64_MAX};
}

/* The hook holds A's FINs. A held segment stays on the shelf until it is released or discarded. */
Test(action, shelf)
{
	struct la_sim *w = sim_pair(&(struct la_sim_link){.delay_us = DELAY}, NULL, 0, &server);
	unsigned who = 0;
	struct la_sim_conn *c;
	uint32_t first;
	uint64_t at;

	la_sim_hooks(w, &(struct la_sim_hooks){.fate = hold_fins, .ctx = &who});
	c = sim_open(w, false, &client);
	la_sim_run(w, 5 * SIM_S);
	cr_assert_geq(la_sim_shelf(w), 3, "fewer than 3 FINs are on the shelf");
	first = la_sim_shelf_packet(w, 0);
	cr_expect_lt(la_sim_shelf_since(w, 0), la_sim_shelf_since(w, 1));
	cr_expect_lt(first, la_sim_shelf_packet(w, 1));
	cr_expect_eq(la_sim_in_flight(w), la_sim_shelf(w));
	cr_expect(!la_sim_quiet(w, 6 * SIM_S));
	cr_expect(!c->partner->peer_fin);
	at = la_sim_now(w);
	la_sim_release(w, 1);
	cr_expect_eq(la_sim_next(w), at, "a released segment does not arrive at once");
	la_sim_run(w, at);
	cr_expect(c->partner->peer_fin);
	cr_expect_eq(la_sim_shelf_packet(w, 0), first);
	while (la_sim_shelf(w))
		la_sim_discard(w, 0);
	sim_over(w);
	sim_whole(c);
}
