/* SPDX-License-Identifier: BSD-3-Clause */

/* One worker and two: connections from SYN to TIME_WAIT. Each worker has its own shard, queue pair,
 * generator, packet buffers and core. The rate of two workers together is compared
 * with the rate of one worker in the same round. Rates are by CPU time: other threads on a core have no
 * effect, but shared caches and shared memory have an effect. */

#include <string.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "bench/internal.h"
#include "wire/tcp.h"

enum { FLOWS = BENCH_BATCH / 3 * 3, STEPS = 3 };

static const struct gen_step script[STEPS] = {
	{LA_SYN, 0, LA_SYN | LA_ACK, 0},
	{LA_ACK, 0, LA_FIN | LA_ACK, 0},
	{LA_FIN | LA_ACK, 0, LA_ACK, 0},
};

static void
scaling_close(struct la_conn *c, void *user)
{
	(void)user;
	la_close(c);
}

static const struct la_conn_ops ops = {.opened = scaling_close};

struct worker {
	struct server sv;
	struct gen g;
	double seconds, rate;
	uint64_t done;
	unsigned *working; /* number of workers that have not finished their part */
};

/* Runs a whole connection of every flow. Each batch has the same step of all flows. */
static void
worker_cycle(struct worker *w)
{
	for (unsigned s = 0; s < STEPS; s++) {
		for (uint32_t i = 0; i < w->g.nflows; i++)
			gen_send(&w->g, i);
		gen_shuffle(&w->g);
		gen_run(&w->g, true);
	}
	for (uint32_t i = 0; i < w->g.nflows; i++)
		gen_new_flow(&w->g, i);
	w->done += w->g.nflows;
}

/* A finished worker continues until all are finished, so that each is measured while the others run. */
static int
worker_main(void *arg)
{
	struct worker *w = arg;
	struct bench *b = w->sv.b;
	uint64_t done;

	w->sv.cost = (struct bench_cost){0};
	while (w->sv.cost.cpu < w->seconds * 0.25e9 && !b->faults)
		worker_cycle(w);
	w->sv.cost = (struct bench_cost){0};
	done = w->done;
	while (w->sv.cost.cpu < w->seconds * 1e9 && !b->faults)
		worker_cycle(w);
	w->rate = (double)(w->done - done) / w->sv.cost.cpu * 1e9;
	__atomic_sub_fetch(w->working, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(w->working, __ATOMIC_RELAXED) > 0 && !b->faults)
		worker_cycle(w);
	return 0;
}

/* Returns the connections/s of the first n workers together. */
static double
workers_together(struct worker *w, unsigned n, double seconds)
{
	unsigned lcore, launched = 0, working = n;
	double rate = 0;

	for (unsigned i = 0; i < n; i++) {
		w[i].seconds = seconds;
		w[i].working = &working;
	}
	RTE_LCORE_FOREACH_WORKER(lcore) {
		if (launched + 1 < n)
			(void)rte_eal_remote_launch(worker_main, &w[++launched], lcore);
	}
	worker_main(&w[0]);
	rte_eal_mp_wait_lcore();
	for (unsigned i = 0; i < n; i++)
		rate += w[i].rate;
	return rate;
}

static int
worker_open(struct worker *w, struct bench *b, unsigned i)
{
	const struct server_options o = {.ops = &ops, .time_wait = 4 << 20, .queue = i, .conn = {.msl_ms = 250}};

	*w = (struct worker){.done = 0};
	if (server_open(&w->sv, b, &o) != 0)
		return -1;
	if (gen_open(&w->g, &w->sv, FLOWS, script, STEPS) == 0)
		return 0;
	server_close(&w->sv);
	return -1;
}

static void
worker_close(struct worker *w)
{
	if (w->sv.b->faults == 0) {
		server_check(&w->sv, "scaling", NULL);
		if (la_shard_counters(w->sv.shard)->v[LA_C_ended_orderly] != w->done)
			bench_fault(w->sv.b,
				    "scaling: the server's count of orderly ends differs from the generator's");
	}
	server_close(&w->sv);
	gen_close(&w->g);
}

static void
scaling_note(const struct bench *b, struct bench_row *r, double rate, double alone)
{
	struct bench_cost second = {.cpu = 1e9, .tsc = (uint64_t)(b->ghz * 1e9)};

	bench_note(b, r, &second, rate, 0);
	bench_add(&r->ratio, rate / alone);
	r->of = "one worker";
}

static void
scaling_rounds(struct bench *b, struct worker *w)
{
	struct bench_row *r[BENCH_WORKERS] = {bench_row(b, "scaling", "connection", STEPS, "scaling, 1 worker"),
					      bench_row(b, "scaling", "connection", STEPS, "scaling, 2 workers")};

	for (unsigned k = 0; r[1] && k <= b->opt.rounds && b->faults == 0; k++) {
		double one = workers_together(w, 1, b->opt.seconds);
		double two = workers_together(w, 2, b->opt.seconds);

		if (k == 0 || b->faults != 0)
			continue;
		scaling_note(b, r[0], one, one);
		scaling_note(b, r[1], two, one);
	}
	for (unsigned i = 0; i < BENCH_WORKERS && r[i]; i++)
		bench_print_row(b, r[i]);
}

static void
scaling_run(struct bench *b)
{
	static struct worker w[BENCH_WORKERS];
	unsigned n = 0;

	if (b->eal.lcores < BENCH_WORKERS || b->port[1].queues < BENCH_WORKERS) {
		printf("left out: scaling: this process may run on one core only\n");
		return;
	}
	while (n < BENCH_WORKERS && worker_open(&w[n], b, n) == 0)
		n++;
	if (n == BENCH_WORKERS)
		scaling_rounds(b, w);
	while (n-- > 0)
		worker_close(&w[n]);
}

const struct bench_kind bench_scaling_kind = {
	"scaling", "two workers compared with one, each with its own core, queue and shard", scaling_run};
