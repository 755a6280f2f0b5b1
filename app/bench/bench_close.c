/* SPDX-License-Identifier: BSD-3-Clause */

/* Parts of a connection, measured separately.
 *
 * - exchange: FINs arrive for random connections of many established ones. The server answers each FIN by one segment
 *   with its ACK and its own FIN. Only this exchange is measured. The peer's last ACK and the new open of the same
 *   tuple, which keeps the population constant, are not measured.
 * - repeat: repeated FINs arrive for the entries of a full TIME_WAIT table. Each FIN is acknowledged again, and 2*MSL
 *   of the entry starts again.
 * - idle: the memory of an established connection without traffic. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/internal.h"
#include "net/shard.h"
#include "tcp/tcb.h"
#include "wire/tcp.h"

enum {
	LONG_LIFE = 240000, /* 2*MSL, ms: longer than any run of `repeat` */
	GOAL_BYTES = 256,
};

/* The steps of a flow. `exchange` measures only STEP_FIN. */
enum { STEP_SYN, STEP_ACK, STEP_FIN, STEP_LAST_ACK, NSTEPS };
static const struct gen_step script[NSTEPS] = {
	[STEP_SYN] = {LA_SYN, 0, LA_SYN | LA_ACK, 0},
	[STEP_ACK] = {LA_ACK, 0, 0, 0},
	[STEP_FIN] = {LA_FIN | LA_ACK, 0, LA_FIN | LA_ACK, 0},
	[STEP_LAST_ACK] = {LA_ACK, 0, 0, 0},
};

static void
close_second(struct la_conn *c, void *user)
{
	(void)user;
	la_close(c);
}

static const struct la_conn_ops second = {.peer_fin = close_second};

struct flows {
	struct server sv;
	struct gen g;
	uint32_t *order; /* indices of the flows, shuffled */
	uint32_t n;	 /* number of flows */
	uint32_t at;	 /* position of the next batch in `order` */
	uint64_t closed; /* connections that were closed */
};

/* ------------------------------------------------------------------ a set of connections */

static int
flows_order(struct flows *c)
{
	c->order = malloc(c->n * sizeof(*c->order));
	if (c->order == NULL) {
		bench_fault(c->sv.b, "no memory for %u flows", c->n);
		return -1;
	}
	for (uint32_t i = 0; i < c->n; i++)
		c->order[i] = i;
	for (uint32_t i = c->n; i > 1; i--) {
		uint32_t j = (uint32_t)(gen_random(&c->g) % i), k = c->order[j];

		c->order[j] = c->order[i - 1];
		c->order[i - 1] = k;
	}
	return 0;
}

static void
flows_close(struct flows *c)
{
	server_close(&c->sv);
	gen_close(&c->g);
	free(c->order);
	c->order = NULL;
}

static int
flows_open(struct flows *c, struct bench *b, uint32_t n, const struct server_options *o)
{
	*c = (struct flows){.n = n};
	if (server_open(&c->sv, b, o) != 0)
		return -1;
	if (gen_open(&c->g, &c->sv, n, script, NSTEPS) != 0 || flows_order(c) != 0) {
		flows_close(c);
		return -1;
	}
	return 0;
}

/* Runs the next step of k flows, from order[from] on. */
static void
flows_step(struct flows *c, uint32_t from, uint32_t k, bool timed)
{
	for (uint32_t i = from; i < from + k; i++)
		gen_send(&c->g, c->order[i]);
	gen_run(&c->g, timed);
}

static void
flows_establish(struct flows *c)
{
	for (uint32_t i = 0; i < c->n && c->sv.b->faults == 0; i += BENCH_BATCH) {
		uint32_t k = c->n - i < BENCH_BATCH ? c->n - i : (uint32_t)BENCH_BATCH;

		flows_step(c, i, k, false);
		flows_step(c, i, k, false);
	}
	if (c->sv.b->faults == 0 && la_shard_counters(c->sv.shard)->state[LA_ESTABLISHED] != c->n)
		bench_fault(c->sv.b, "%u connections were opened, but not all are established", c->n);
}

/* Takes the next flows of the order, at most a batch. Returns the number of flows, and their position in *from. */
static uint32_t
flows_next(struct flows *c, uint32_t *from)
{
	uint32_t k = c->n < BENCH_BATCH ? c->n : (uint32_t)BENCH_BATCH;

	if (c->at + k > c->n)
		c->at = 0;
	*from = c->at;
	c->at += k;
	return k;
}

/* ------------------------------------------------------------------ exchange */

static void
exchange_batch(struct flows *c)
{
	uint32_t from, k = flows_next(c, &from);

	flows_step(c, from, k, true);
	flows_step(c, from, k, false);
	c->closed += k;
	for (uint32_t i = from; i < from + k; i++) {
		struct gen_flow *f = &c->g.flow[c->order[i]];

		f->step = STEP_SYN;
		f->snd = c->order[i] << 8;
	}
	flows_step(c, from, k, false);
	flows_step(c, from, k, false);
}

static void
exchange_check(struct flows *c)
{
	const struct la_counters *v = la_shard_counters(c->sv.shard);

	server_check(&c->sv, "exchange", NULL);
	if (v->v[LA_C_ended_orderly] != c->closed || v->state[LA_ESTABLISHED] != c->n)
		bench_fault(c->sv.b,
			    "exchange: %" PRIu64 " closed and %u open; the server counts %" PRIu64 " and %" PRIu64,
			    c->closed, c->n, v->v[LA_C_ended_orderly], v->state[LA_ESTABLISHED]);
}

static bool
flows_fits(const char *what, uint32_t n, const struct server_options *o)
{
	return bench_fits(what, server_memory(o) + n * (sizeof(struct gen_flow) + sizeof(uint32_t)));
}

static void
exchange_on(struct bench *b, bool null)
{
	uint32_t n = (uint32_t)b->opt.population;
	struct server_options o = {.ops = &second, .max_conns = n + n / 8 + 4096, .time_wait = n + 4096, .null = null};
	struct bench_row *r;
	struct flows c;

	if (!flows_fits("exchange", n, &o) || flows_open(&c, b, n, &o) != 0)
		return;
	r = bench_row(b, "exchange", "packet", 1, "exchange, %u established%s", n, null ? ", net_null" : "");
	flows_establish(&c);
	for (unsigned k = 0; r && k <= b->opt.rounds && b->faults == 0; k++) {
		double limit = null ? bench_limit_null(b) : bench_limit(b, BENCH_FRAME);
		uint64_t closed = c.closed;

		c.sv.cost = (struct bench_cost){0};
		c.sv.frames = 0;
		while (c.sv.cost.cpu < b->opt.seconds * 1e9 && b->faults == 0)
			exchange_batch(&c);
		if (k > 0 && b->faults == 0)
			bench_note(b, r, &c.sv.cost, null ? (double)c.sv.frames : (double)(c.closed - closed), limit);
	}
	exchange_check(&c);
	if (r)
		bench_print_row(b, r);
	flows_close(&c);
}

static void
exchange_run(struct bench *b)
{
	exchange_on(b, false);
	if (b->faults == 0)
		exchange_on(b, true);
}

const struct bench_kind bench_exchange_kind = {
	"exchange", "FIN in, ACK and our FIN out, among --population established connections", exchange_run};

/* ------------------------------------------------------------------ repeated FINs */

static const struct gen_step repeat_script[] = {{LA_FIN | LA_ACK, 0, LA_ACK, 0}};

static void
repeat_batch(struct flows *c)
{
	uint32_t from, k = flows_next(c, &from);

	for (uint32_t i = from; i < from + k; i++) {
		uint32_t slot = c->order[i];
		struct gen_flow *f = &c->g.flow[slot];

		f->step = 0;
		f->snd = bench_fill_rcv_nxt(slot) - 1;
		f->rcv = bench_fill_snd_nxt(slot);
		gen_send(&c->g, slot);
	}
	gen_run(&c->g, true);
}

static void
repeat_run(struct bench *b)
{
	uint32_t n = (uint32_t)b->opt.population;
	struct server_options o = {.ops = &second, .max_conns = 4096, .time_wait = n + 4096};
	struct bench_row *r;
	struct flows c;

	if (!flows_fits("repeat", n, &o) || flows_open(&c, b, n, &o) != 0)
		return;
	c.g.script = repeat_script;
	c.g.nsteps = 1;
	r = bench_row(b, "repeat", "packet", 1, "repeated FIN, %u in TIME_WAIT", n);
	if (bench_fill(&c.sv, n, LONG_LIFE, true) != 0)
		r = NULL;
	for (unsigned k = 0; r && k <= b->opt.rounds && b->faults == 0; k++) {
		double limit = bench_limit(b, BENCH_FRAME);
		uint64_t sent = c.g.sent;

		c.sv.cost = (struct bench_cost){0};
		while (c.sv.cost.cpu < b->opt.seconds * 1e9 && b->faults == 0)
			repeat_batch(&c);
		if (k > 0 && b->faults == 0)
			bench_note(b, r, &c.sv.cost, (double)(c.g.sent - sent), limit);
	}
	server_check(&c.sv, "repeat", NULL);
	if (b->faults == 0 && la_shard_counters(c.sv.shard)->v[LA_C_time_wait_fin_acked] != c.g.answered)
		bench_fault(b, "repeat: %" PRIu64 " answers arrived, but the server counts %" PRIu64, c.g.answered,
			    la_shard_counters(c.sv.shard)->v[LA_C_time_wait_fin_acked]);
	if (r)
		bench_print_row(b, r);
	flows_close(&c);
}

const struct bench_kind bench_repeat_kind = {"repeat", "repeated FINs to --population entries in TIME_WAIT",
					     repeat_run};

/* ------------------------------------------------------------------ idle */

static uint64_t
close_resident_bytes(void)
{
	unsigned long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &pages) != 2)
		pages = 0;
	fclose(f);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Measures the growth of resident memory while connections are created. The generator's table of flows is filled
 * earlier. Resident memory counts whole hugepages, so the cost of few connections looks high. */
static void
idle_run(struct bench *b)
{
	uint32_t n = (uint32_t)b->opt.idle;
	struct server_options o = {.ops = &second, .max_conns = n, .time_wait = n};
	uint64_t before, bytes;
	struct bench_row *r;
	struct flows c;

	if (n == 0 || !flows_fits("idle", n, &o) || flows_open(&c, b, n, &o) != 0)
		return;
	before = close_resident_bytes();
	flows_establish(&c);
	bytes = close_resident_bytes() - before;
	r = bench_row(b, "idle", "byte", 0, "idle, %u established", n);
	if (r && b->faults == 0) {
		size_t index = la_index_memory(c.sv.shard->tcp.index.capacity);

		bench_add(&r->value, (double)bytes / n);
		snprintf(r->note, sizeof(r->note),
			 "a TCB of %zu B and a share of the index (%.1f B, for the TCB and its reserved "
			 "TIME_WAIT entry)",
			 sizeof(struct la_tcb), (double)index / n);
	}
	server_check(&c.sv, "idle", NULL);
	if (r)
		bench_print_row(b, r);
	flows_close(&c);
}

const struct bench_kind bench_idle_kind = {
	"idle", "bytes of memory of an established connection, measured with --idle connections", idle_run};
