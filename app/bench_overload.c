/* SPDX-License-Identifier: BSD-3-Clause */

/* More offered than the server can carry.
 *
 * Connections begin by a schedule, in an open loop, whatever becomes of them. Time is virtual: it passes
 * while the server works (its CPU time), and is moved on to the next event when the server has nothing to do;
 * generator and network take none. So one core is enough, and others on the machine make no difference.
 *
 *	clients -> ring (1024 frames, as a port's; a frame that finds it full is lost) -> server: the worker's loop
 *	clients <- answers, none lost
 *
 * The server's loop has the worker's overload control (run/shed.h). A client sends a segment again after
 * 100 ms without an answer and gives up a second after its SYN; a client whose SYN is not answered in 100 ms
 * gives up at once, so that exactly as many SYNs arrive as are offered. A client that gave up answers
 * what still comes by RST.
 *
 * Capacity is measured first, in a closed loop of WINDOW connections, which the ring holds, without overload
 * control; offered is a multiple of it. Peak is the best of the four: the closed loop's clients are fewer and
 * stay in the caches, so an open loop carries less than it even without overload.
 * After each nothing is offered for a second (and for what clients still wait): then no connection may be
 * left, TIME_WAIT be as before, and no SYN be shed.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench_gen.h"
#include "core/histogram.h"
#include "run/shed.h"
#include "wire/tcp.h"

enum {
	SYN_ACK = LA_SYN | LA_ACK,
	FIN_ACK = LA_FIN | LA_ACK,
	NSTEPS = 4,
	SLOTS = 1 << 22,	/* clients at once */
	TIMERS = 1 << 22,
	WINDOW = 480, 		/* clients of the closed loop */
	STEP_FRAMES = 256,	/* that the server takes in between two looks at the schedule, about */
	BATCH = 2 * BENCH_BATCH, /* frames that reach the ring together, in any order */
	REQUEST = 120, RESPONSE = 200, /* bytes, as of a small HTTP exchange */
	ISN_SHIFT = 8,
	RING = 1024,
	POOL = 65535,
	TIME_WAIT = 4 << 20,
	MSL_MS = 5,
	LONG_LIFE = 240000,	/* 2*MSL of the population, ms: longer than a run */
	ROUNDS = 3,
	NTIMES = 4,
};

static const double RTO_NS = 100e6, PATIENCE_NS = 950e6, AFTER_NS = 1e9 + 1000e6;
static const double times[NTIMES] = {0.5, 1, 2, 4};

static const struct gen_step script[NSTEPS] = {
	{LA_SYN, 0, SYN_ACK, 0}, {LA_ACK, 0, 0, 0}, {LA_PSH | LA_ACK, REQUEST, FIN_ACK, RESPONSE}, {FIN_ACK, 0, LA_ACK, 0}};

struct client {
	double begun;  /* ns; below 0: the slot is free */
	uint32_t sent; /* number of its last segment, modulo 2^32: which timer is its own */
};

struct timer {
	double due; /* ns */
	uint32_t slot, sent;
};

struct tally {
	uint64_t offered, carried, timeouts, resets, ring_full, shed;
	double ns, cpu;
	uint64_t tsc;
	double p99; /* ns */
};

struct overload {
	struct server sv;
	struct gen g;
	struct la_shed shed;
	struct client *client;
	uint32_t *free; /* stack of slots */
	uint32_t nfree, sent;
	struct timer *timer; /* in the order they are due: all run for RTO_NS */
	uint64_t head, tail;
	double gap, next;    /* ns between two SYNs, and when the next is due; gap 0: closed loop */
	bool offering;
	unsigned in_ring; /* frames on their way to the server */
	struct tally n;
	struct la_histogram took; /* SYN sent until the last ACK, ns */
};

/* ------------------------------------------------------------------ the server's side */

static const char response[RESPONSE] = "y";

static void
respond_and_close(struct la_conn *c, void *user)
{
	(void)user;
	la_consume(c, la_unread(c));
	la_send_const(c, response, RESPONSE);
	la_close(c);
}

static const struct la_conn_ops ops = {.data = respond_and_close};

/* The worker's rounds (run/worker.c) until the ring is empty or STEP_FRAMES were taken in; false: it was empty. */
static bool
server_step(struct overload *o)
{
	struct server *sv = &o->sv;
	struct rte_mbuf *pkts[LA_SHED_LOOK], *out[BENCH_BURST];
	uint64_t now = server_now(sv);
	unsigned n, k, taken = 0;

	bench_watch_start(&sv->cost);
	do {
		n = la_port_rx(sv->port, sv->queue, pkts, BENCH_BURST);
		if (o->gap > 0 && la_shed_due(&o->shed, now, n == BENCH_BURST)) {
			for (k = n; k == BENCH_BURST && n < LA_SHED_LOOK; n += k)
				k = la_port_rx(sv->port, sv->queue, pkts + n, BENCH_BURST);
			la_shard_shed(sv->shard,
				      la_shed_note(&o->shed, now, n, la_shard_counters(sv->shard)));
		}
		for (unsigned i = 0; i < n; i += BENCH_BURST) {
			la_shard_rx(sv->shard, now, pkts + i, RTE_MIN(n - i, (unsigned)BENCH_BURST));
			while ((k = la_shard_tx(sv->shard, out, BENCH_BURST)) > 0)
				la_port_tx(sv->port, sv->queue, out, k, sv->pool);
		}
		la_shard_poll(sv->shard, now);
		while ((k = la_shard_tx(sv->shard, out, BENCH_BURST)) > 0)
			la_port_tx(sv->port, sv->queue, out, k, sv->pool);
		taken += n;
		o->in_ring -= n;
	} while (n >= BENCH_BURST && taken < STEP_FRAMES);
	sv->now_ns += bench_watch_stop(sv->b, &sv->cost);
	return n > 0;
}

/* ------------------------------------------------------------------ the clients */

/* What is in the batch reaches the ring in any order; what finds it full is lost. */
static void
deliver(struct overload *o)
{
	struct gen *g = &o->g;
	unsigned n = g->n, sent;

	gen_shuffle(g);
	sent = la_port_tx_offer(g->port, g->queue, g->batch, RTE_MIN(n, RING - o->in_ring));
	o->in_ring += sent;
	rte_pktmbuf_free_bulk(g->batch + sent, n - sent);
	o->n.ring_full += n - sent;
	g->n = 0;
}

/* The segment of the client's present step, for the first time or again. */
static void
send_step(struct overload *o, uint32_t slot, bool again)
{
	struct gen *g = &o->g;
	struct gen_flow *f = &g->flow[slot];
	const struct gen_step *s = &script[f->step];
	uint32_t len = s->len + ((s->flags & LA_SYN) != 0) + ((s->flags & LA_FIN) != 0);

	if (g->n >= BATCH)
		deliver(o);
	if (!again)
		f->snd += len;
	gen_segment(g, f->raddr, f->rport, f->snd - len, f->rcv, s->flags, s->len);
	if (s->want == 0) {
		f->step++;
		send_step(o, slot, false);
		return;
	}
	f->waiting = true;
	o->client[slot].sent = ++o->sent;
	if (o->tail - o->head == TIMERS) {
		bench_fault(g->b, "overload: more than %d timers", TIMERS);
		return;
	}
	o->timer[o->tail++ % TIMERS] =
		(struct timer){.due = o->sv.now_ns + RTO_NS, .slot = slot, .sent = o->sent};
}

static void
begin(struct overload *o, double due)
{
	uint32_t slot;

	if (o->nfree == 0) {
		bench_fault(o->g.b, "overload: more than %d clients at once", SLOTS);
		return;
	}
	slot = o->free[--o->nfree];
	gen_new_flow(&o->g, slot);
	o->client[slot].begun = due;
	o->n.offered++;
	send_step(o, slot, false);
}

static void
end(struct overload *o, uint32_t slot)
{
	o->client[slot].begun = -1;
	o->free[o->nfree++] = slot;
	if (o->gap == 0 && o->offering)
		begin(o, o->sv.now_ns);
}

/* A segment for a client that is no more. */
static void
refuse(struct overload *o, const struct gen_answer *a)
{
	if (a->flags & LA_RST)
		return;
	if (o->g.n >= BATCH)
		deliver(o);
	gen_segment(&o->g, a->raddr, a->rport, a->ack, 0, LA_RST, 0);
}

static void
answer(struct gen *g, const struct gen_answer *a)
{
	struct overload *o = g->ctx;
	uint32_t slot = a->ack >> ISN_SHIFT;
	struct gen_flow *f = slot < SLOTS ? &g->flow[slot] : NULL;
	const struct gen_step *s;

	if (f == NULL || o->client[slot].begun < 0 || f->raddr != a->raddr || f->rport != a->rport) {
		refuse(o, a);
		return;
	}
	if (a->flags & LA_RST) {
		o->n.resets++;
		end(o, slot);
		return;
	}
	s = &script[f->step];
	if (!f->waiting || (a->flags & ~LA_PSH) != s->want || a->len != s->want_len || a->ack != f->snd ||
	    (!(s->flags & LA_SYN) && a->seq != f->rcv))
		return; /* sent again by the server, or an ACK in between: the timer sees to the rest */
	f->rcv = a->seq + a->len + ((a->flags & LA_SYN) != 0) + ((a->flags & LA_FIN) != 0);
	f->waiting = false;
	if (++f->step < NSTEPS) {
		send_step(o, slot, false);
		return;
	}
	o->n.carried++;
	la_histogram_record(&o->took, (uint64_t)(o->sv.now_ns - o->client[slot].begun));
	end(o, slot);
}

static void
run_timers(struct overload *o)
{
	while (o->head < o->tail && o->timer[o->head % TIMERS].due <= o->sv.now_ns) {
		struct timer t = o->timer[o->head++ % TIMERS];
		struct client *c = &o->client[t.slot];
		struct gen_flow *f = &o->g.flow[t.slot];

		if (c->begun < 0 || c->sent != t.sent || !f->waiting)
			continue;
		if (f->step > 0 && o->sv.now_ns - c->begun < PATIENCE_NS) {
			send_step(o, t.slot, true);
			continue;
		}
		o->n.timeouts++;
		if (f->step > 0)
			gen_segment(&o->g, f->raddr, f->rport, f->snd, 0, LA_RST, 0);
		end(o, t.slot);
	}
}

static void
take_answers(struct overload *o)
{
	struct rte_mbuf *pkts[BENCH_BURST];
	unsigned n;

	while ((n = la_port_rx(o->g.port, o->g.queue, pkts, BENCH_BURST)) > 0) {
		gen_take(&o->g, pkts, n);
		rte_pktmbuf_free_bulk(pkts, n);
	}
}

/* Nothing to do before that: the server would only poll. */
static double
next_event(const struct overload *o, double until)
{
	double at = until;

	if (o->offering && o->gap > 0)
		at = RTE_MIN(at, o->next);
	if (o->head < o->tail)
		at = RTE_MIN(at, o->timer[o->head % TIMERS].due);
	return RTE_MIN(at, o->sv.now_ns + 1e6); /* the shard's own timers have ticks of 1 ms */
}

/* So many ns of the server's time. */
static void
run_for(struct overload *o, double ns)
{
	double until = o->sv.now_ns + ns;

	while (o->sv.now_ns < until && o->g.b->faults == 0) {
		bool busy;

		run_timers(o);
		while (o->offering && o->gap > 0 && o->next <= o->sv.now_ns) {
			begin(o, o->next);
			o->next += o->gap;
		}
		deliver(o);
		busy = server_step(o);
		take_answers(o);
		if (!busy && o->g.n == 0)
			o->sv.now_ns = RTE_MAX(o->sv.now_ns, next_event(o, until));
	}
}

/* ------------------------------------------------------------------ a run */

static void
overload_close(struct overload *o)
{
	server_close(&o->sv);
	gen_close(&o->g);
	free(o->client);
	free(o->free);
	free(o->timer);
}

static int
overload_open(struct overload *o, struct bench *b)
{
	/* answers are written into what arrives: a server that waits for clients which gave up holds buffers of theirs */
	static struct rte_mempool *pool;
	struct server_options so = {.ops = &ops, .time_wait = b->opt.population + TIME_WAIT, .conn = {.msl_ms = MSL_MS}};

	memset(o, 0, sizeof(*o));
	if (!bench_fits("overload", server_memory(&so) + SLOTS * (sizeof(struct gen_flow) + sizeof(*o->client) +
								   sizeof(*o->free)) + TIMERS * sizeof(*o->timer)) ||
	    server_open(&o->sv, b, &so) != 0)
		return -1;
	if (gen_open(&o->g, &o->sv, SLOTS, script, NSTEPS) != 0) {
		server_close(&o->sv);
		return -1;
	}
	if (pool == NULL)
		pool = rte_pktmbuf_pool_create("bench_overload", POOL, RTE_MEMPOOL_CACHE_MAX_SIZE, 0,
					       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool != NULL)
		o->g.pool = pool;
	o->client = malloc(SLOTS * sizeof(*o->client));
	o->free = malloc(SLOTS * sizeof(*o->free));
	o->timer = malloc(TIMERS * sizeof(*o->timer));
	if (pool == NULL || o->client == NULL || o->free == NULL || o->timer == NULL) {
		bench_fault(b, "overload: no memory for %d clients", SLOTS);
		overload_close(o);
		return -1;
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		o->client[i].begun = -1;
		o->free[i] = SLOTS - 1 - i; /* the lowest numbers first: only those in use are touched */
	}
	o->nfree = SLOTS;
	o->g.answer = answer;
	o->g.ctx = o;
	if (bench_fill(&o->sv, b->opt.population, LONG_LIFE, true) != 0) {
		overload_close(o);
		return -1;
	}
	o->g.next = RTE_MAX(o->g.next, b->opt.population); /* tuples of the population are not used again */
	bench_wake(&o->sv);
	return 0;
}

/* Everything begun has ended, and the gauges are where they were. */
static void
settle(struct overload *o, const char *what)
{
	const struct la_counters *c = la_shard_counters(o->sv.shard);
	struct bench *b = o->g.b;

	o->offering = false;
	run_for(o, AFTER_NS);
	if (b->faults == 0 && (o->nfree != SLOTS || o->n.offered != o->n.carried + o->n.timeouts + o->n.resets))
		bench_fault(b, "%s: %" PRIu64 " offered; %" PRIu64 " carried, %" PRIu64 " timed out, %" PRIu64 " reset",
			    what, o->n.offered, o->n.carried, o->n.timeouts, o->n.resets);
	if (b->faults == 0 && (c->v[LA_C_live] != 0 || c->v[LA_C_syn_shed_level] != 0 || c->v[LA_C_time_wait] != b->opt.population))
		bench_fault(b, "%s: a second later %" PRIu64 " connections, %" PRIu64 " in TIME_WAIT, shedding %" PRIu64 "/256",
			    what, c->v[LA_C_live], c->v[LA_C_time_wait], c->v[LA_C_syn_shed_level]);
	if (c->v[LA_C_early_recycles] != 0 || c->v[LA_C_out_full] != 0)
		bench_fault(b, "%s: out_full %" PRIu64 ", early_recycles %" PRIu64, what, c->v[LA_C_out_full],
			    c->v[LA_C_early_recycles]);
}

/* rate: connections offered a second, measured for 3 * seconds after 2 * seconds; 0: a closed loop, for a third
 * of that. */
static struct tally
measure(struct overload *o, double rate, const char *what)
{
	const uint64_t *v = la_shard_counters(o->sv.shard)->v;
	double seconds = o->g.b->opt.seconds, start;
	uint64_t shed;
	struct tally n, before;

	memset(&o->n, 0, sizeof(o->n));
	memset(&o->took, 0, sizeof(o->took));
	o->offering = true;
	o->gap = rate > 0 ? 1e9 / rate : 0;
	o->next = o->sv.now_ns;
	for (unsigned i = 0; i < WINDOW && rate == 0; i++)
		begin(o, o->sv.now_ns);
	run_for(o, 1e9 * (rate > 0 ? 2 : 0.5) * seconds);
	before = o->n;
	memset(&o->took, 0, sizeof(o->took));
	o->sv.cost = (struct bench_cost){0};
	shed = v[LA_C_syn_shed];
	start = o->sv.now_ns;
	run_for(o, 1e9 * (rate > 0 ? 3 : 1) * seconds);
	n = (struct tally){.offered = o->n.offered - before.offered,
			   .carried = o->n.carried - before.carried,
			   .timeouts = o->n.timeouts - before.timeouts,
			   .resets = o->n.resets - before.resets,
			   .ring_full = o->n.ring_full - before.ring_full,
			   .shed = v[LA_C_syn_shed] - shed,
			   .ns = o->sv.now_ns - start,
			   .cpu = o->sv.cost.cpu,
			   .tsc = o->sv.cost.tsc,
			   .p99 = (double)la_histogram_percentile(&o->took, 99)};
	settle(o, what);
	return n;
}

static double
per_second(uint64_t n, const struct tally *t)
{
	return (double)n / t->ns * 1e9;
}

/* The last round's figures in words, and for the JSON. */
static void
say(struct bench_row *r, const struct tally *t)
{
	snprintf(r->note, sizeof(r->note),
		 "offered %.0f/s, carried %.0f/s; shed %.0f, lost at the ring %.0f, timed out %.0f, reset %.0f a "
		 "second; open to close p99 %.2f ms",
		 per_second(t->offered, t), per_second(t->carried, t), per_second(t->shed, t),
		 per_second(t->ring_full, t), per_second(t->timeouts, t), per_second(t->resets, t), t->p99 * 1e-6);
	json_decref(r->more);
	r->more = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "offered_per_s", per_second(t->offered, t),
			    "carried_per_s", per_second(t->carried, t), "shed_per_s", per_second(t->shed, t),
			    "ring_full_per_s", per_second(t->ring_full, t), "timeouts_per_s",
			    per_second(t->timeouts, t), "resets_per_s", per_second(t->resets, t), "p99_ms",
			    t->p99 * 1e-6);
}

static void
add(struct bench_row *r, struct bench *b, const struct tally *t)
{
	if (t->carried == 0) {
		bench_fault(b, "%s: nothing carried", r->name);
		return;
	}
	bench_add(&r->value, t->cpu * b->ghz / (double)t->carried);
	bench_add(&r->wall, (double)t->tsc / (double)t->carried);
	say(r, t);
}

/* Each multiple is one of a capacity measured just before it, and rates are compared as shares of the
 * capacities just before and after: what a shared machine does in a second does not matter. */
static void
overload_round(struct bench *b, struct overload *o, struct bench_row **row)
{
	struct tally t[NTIMES], c[NTIMES + 1];
	double share[NTIMES], peak = 0;

	c[0] = measure(o, 0, row[0]->name);
	for (unsigned i = 0; i < NTIMES && b->faults == 0; i++) {
		double before = per_second(c[i].carried, &c[i]);

		t[i] = measure(o, before * times[i], row[i + 1]->name);
		c[i + 1] = measure(o, 0, row[0]->name);
		share[i] = per_second(t[i].carried, &t[i]) * 2 / (before + per_second(c[i + 1].carried, &c[i + 1]));
		peak = RTE_MAX(peak, share[i]);
	}
	if (b->faults == 0)
		add(row[0], b, &c[0]);
	for (unsigned i = 0; i < NTIMES && b->faults == 0; i++) {
		add(row[i + 1], b, &t[i]);
		bench_add(&row[i + 1]->ratio, share[i] / peak);
	}
}

static void
overload_run(struct bench *b)
{
	static struct overload o;
	struct bench_row *row[1 + NTIMES];

	row[0] = bench_row(b, "overload", "connection", NSTEPS, "overload, capacity: %d at once", WINDOW);
	for (unsigned i = 0; i < NTIMES; i++)
		row[i + 1] = bench_row(b, "overload", "connection", NSTEPS, "overload, %g times the capacity offered",
				       times[i]);
	for (unsigned i = 0; i <= NTIMES; i++) {
		if (row[i] == NULL)
			return;
		row[i]->of = "peak"; /* of an open loop */
	}
	if (overload_open(&o, b) != 0)
		return;
	for (unsigned k = 0; k < RTE_MIN(b->opt.rounds, (uint64_t)ROUNDS) && b->faults == 0; k++)
		overload_round(b, &o, row);
	for (unsigned i = 0; i <= NTIMES; i++)
		bench_print_row(b, row[i]);
	overload_close(&o);
}

const struct bench_kind bench_overload_kind = {
	"overload",
	"0.5, 1, 2 and 4 times the capacity offered, by schedule; carried, shed and timed out;\n"
	"its cycles are those of a carried connection, and three rounds at most",
	overload_run};
