/* SPDX-License-Identifier: BSD-3-Clause */

/* More connections offered than the server can carry. (Clients, server and time: bench_clients.h.)
 *
 * A client whose SYN is not answered in 100 ms gives up without a retransmission, so that the number of SYNs is the
 * number of offered connections.
 *
 * Capacity is measured first, in a closed loop of WINDOW connections, without overload control. The ring holds the
 * frames of WINDOW connections. Each of the four measured rates offers a multiple of the capacity. The peak is the
 * largest rate carried among the four. The peak is below the capacity, because the clients of the closed loop are
 * fewer, and stay in the caches.
 * After each measurement, no connection is offered for two seconds, in which the last clients end. Then no connection
 * may be open, TIME_WAIT must have the population alone, and the level of shedding must be 0.
 */

#include <inttypes.h>

#include "bench/bench_clients.h"

enum {
	SLOTS = 1 << 22, /* most clients at once */
	WINDOW = 480,	 /* clients of the closed loop */
	TIME_WAIT = 4 << 20,
	MSL_MS = 5,
	LONG_LIFE = 240000, /* 2*MSL of the population, ms: longer than a run */
	ROUNDS = 3,
	NTIMES = 4,
};

static const double AFTER_NS = 1e9 + 1000e6;
static const double times[NTIMES] = {0.5, 1, 2, 4};

static void
respond_and_close(struct la_conn *c, void *user)
{
	(void)user;
	clients_respond(c);
}

static const struct la_conn_ops ops = {.data = respond_and_close};

static int
overload_open(struct clients *o, struct bench *b)
{
	struct server_options so = {
		.ops = &ops, .time_wait = b->opt.population + TIME_WAIT, .conn = {.msl_ms = MSL_MS}};

	if (clients_open(o, b, &so, "overload", SLOTS) != 0)
		return -1;
	if (bench_fill(&o->sv, b->opt.population, LONG_LIFE, true) != 0) {
		clients_close(o);
		return -1;
	}
	o->g.next = RTE_MAX(o->g.next, b->opt.population); /* tuples of the population are not used again */
	bench_wake(&o->sv);
	return 0;
}

/* Runs for AFTER_NS. Then checks that all begun connections have ended, and that the gauges have their old values. */
static void
overload_settle(struct clients *o, const char *what)
{
	const struct la_counters *c = la_shard_counters(o->sv.shard);
	struct bench *b = o->g.b;

	o->offering = false;
	clients_run(o, AFTER_NS);
	if (b->faults == 0 && (o->nfree != o->nslots || o->n.offered != o->n.carried + o->n.timeouts + o->n.resets))
		bench_fault(b, "%s: %" PRIu64 " offered; %" PRIu64 " carried, %" PRIu64 " timed out, %" PRIu64 " reset",
			    what, o->n.offered, o->n.carried, o->n.timeouts, o->n.resets);
	if (b->faults == 0 &&
	    (c->v[LA_C_live] != 0 || c->v[LA_C_syn_shed_level] != 0 || c->v[LA_C_time_wait] != b->opt.population))
		bench_fault(b,
			    "%s: two seconds after the load: %" PRIu64 " connections, %" PRIu64
			    " in TIME_WAIT, shedding %" PRIu64 "/256",
			    what, c->v[LA_C_live], c->v[LA_C_time_wait], c->v[LA_C_syn_shed_level]);
	if (c->v[LA_C_early_recycles] != 0 || c->v[LA_C_out_full] != 0)
		bench_fault(b, "%s: out_full %" PRIu64 ", early_recycles %" PRIu64, what, c->v[LA_C_out_full],
			    c->v[LA_C_early_recycles]);
}

/* rate: connections offered a second, measured for 3 * `seconds` after 2 * `seconds`. rate 0: a closed loop, measured
 * for `seconds` after half of `seconds`. When `seconds` is so short that no connection was carried (one step can take
 * longer on a busy machine), the measurement continues, up to LONGEST times the time. Returns the events of the
 * measured time. */
static struct clients_tally
overload_measure(struct clients *o, double rate, const char *what)
{
	enum { LONGEST = 100 };
	double seconds = o->g.b->opt.seconds;
	struct clients_tally n, mark;

	clients_offer(o, rate);
	for (unsigned i = 0; i < WINDOW && rate == 0; i++)
		clients_begin(o, o->sv.now_ns);
	clients_run(o, 1e9 * (rate > 0 ? 2 : 0.5) * seconds);
	mark = clients_mark(o);
	for (unsigned i = 0; i < LONGEST; i++) {
		clients_run(o, 1e9 * (rate > 0 ? 3 : 1) * seconds);
		n = clients_since(o, &mark);
		if (n.carried > 0 || o->g.b->faults)
			break;
	}
	overload_settle(o, what);
	return n;
}

/* Sets note and JSON of the row to the figures of the last round. */
static void
overload_describe(struct bench_row *r, const struct clients_tally *t)
{
	snprintf(r->note, sizeof(r->note),
		 "offered %.0f/s, carried %.0f/s; shed %.0f, lost at the ring %.0f, timed out %.0f, reset %.0f a "
		 "second; open to close p99 %.2f ms",
		 clients_per_second(t->offered, t), clients_per_second(t->carried, t), clients_per_second(t->shed, t),
		 clients_per_second(t->ring_full, t), clients_per_second(t->timeouts, t),
		 clients_per_second(t->resets, t), t->p99 * 1e-6);
	json_decref(r->more);
	r->more = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "offered_per_s", clients_per_second(t->offered, t),
			    "carried_per_s", clients_per_second(t->carried, t), "shed_per_s",
			    clients_per_second(t->shed, t), "ring_full_per_s", clients_per_second(t->ring_full, t),
			    "timeouts_per_s", clients_per_second(t->timeouts, t), "resets_per_s",
			    clients_per_second(t->resets, t), "p99_ms", t->p99 * 1e-6);
}

static void
overload_add(struct bench_row *r, struct bench *b, const struct clients_tally *t)
{
	if (t->carried == 0) {
		bench_fault(b, "%s: no connection was carried", r->name);
		return;
	}
	bench_add(&r->value, t->cpu * b->ghz / (double)t->carried);
	bench_add(&r->wall, (double)t->tsc / (double)t->carried);
	overload_describe(r, t);
}

/* Each multiple refers to a capacity measured directly before it. The carried rates are compared as shares of the mean
 * of the capacities directly before and after. So changes of a shared machine's speed have little effect. */
static void
overload_round(struct bench *b, struct clients *o, struct bench_row **row)
{
	struct clients_tally t[NTIMES], c[NTIMES + 1];
	double share[NTIMES], peak = 0;

	c[0] = overload_measure(o, 0, row[0]->name);
	for (unsigned i = 0; i < NTIMES && b->faults == 0; i++) {
		double before = clients_per_second(c[i].carried, &c[i]);

		t[i] = overload_measure(o, before * times[i], row[i + 1]->name);
		c[i + 1] = overload_measure(o, 0, row[0]->name);
		share[i] = clients_per_second(t[i].carried, &t[i]) * 2 /
			   (before + clients_per_second(c[i + 1].carried, &c[i + 1]));
		peak = RTE_MAX(peak, share[i]);
	}
	if (b->faults == 0)
		overload_add(row[0], b, &c[0]);
	for (unsigned i = 0; i < NTIMES && b->faults == 0; i++) {
		overload_add(row[i + 1], b, &t[i]);
		bench_add(&row[i + 1]->ratio, share[i] / peak);
	}
}

static void
overload_run(struct bench *b)
{
	static struct clients o;
	struct bench_row *row[1 + NTIMES];

	row[0] = bench_row(b, "overload", "connection", CLIENTS_NSTEPS, "overload, capacity: %d at once", WINDOW);
	for (unsigned i = 0; i < NTIMES; i++)
		row[i + 1] = bench_row(b, "overload", "connection", CLIENTS_NSTEPS,
				       "overload, %g times the capacity offered", times[i]);
	for (unsigned i = 0; i <= NTIMES; i++) {
		if (row[i] == NULL)
			return;
		row[i]->of = "peak"; /* the best rate of the open loops */
	}
	if (overload_open(&o, b) != 0)
		return;
	for (unsigned k = 0; k < RTE_MIN(b->opt.rounds, (uint64_t)ROUNDS) && b->faults == 0; k++)
		overload_round(b, &o, row);
	for (unsigned i = 0; i <= NTIMES; i++)
		bench_print_row(b, row[i]);
	clients_close(&o);
}

const struct bench_kind bench_overload_kind = {
	"overload",
	"0.5, 1, 2 and 4 times the capacity offered, by schedule, with --population entries in\n"
	"TIME_WAIT; carried, shed and timed out; cycles per carried connection; three rounds at most",
	overload_run};
