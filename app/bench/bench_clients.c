/* SPDX-License-Identifier: BSD-3-Clause */

/* Clients of one server in virtual time, and the server's loop. (The theory is in bench_clients.h.) */

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench_clients.h"
#include "wire/tcp.h"

enum {
	SYN_ACK = LA_SYN | LA_ACK,
	FIN_ACK = LA_FIN | LA_ACK,
	STEP_FRAMES = 256,	 /* approximate number of received frames between two checks of the schedule */
	BATCH = 2 * BENCH_BATCH, /* frames that reach the ring together, in any order */
	REQUEST = 120,		 /* bytes */
	RESPONSE = 200,		 /* bytes */
	ISN_SHIFT = 8,
	RING = 1024,
	POOL = 65535,
};

/* A client retransmits RTO_NS after a segment, as long as its SYN is less than PATIENCE_NS old. */
static const double RTO_NS = 100e6, PATIENCE_NS = 950e6;

static const struct gen_step script[CLIENTS_NSTEPS] = {{LA_SYN, 0, SYN_ACK, 0},
						       {LA_ACK, 0, 0, 0},
						       {LA_PSH | LA_ACK, REQUEST, FIN_ACK, RESPONSE},
						       {FIN_ACK, 0, LA_ACK, 0}};

/* ------------------------------------------------------------------ the server */

static char response[RESPONSE];

static void
make_response(void)
{
	for (unsigned i = 0; i < RESPONSE; i++)
		response[i] = (char)bench_mix32(i + 1);
}

void
clients_respond(struct la_conn *c)
{
	la_consume(c, la_unread(c));
	la_send_const(c, response, RESPONSE);
	la_close(c);
}

/* Runs rounds like the worker's (run/worker.c) until a burst is not full or STEP_FRAMES were received. Returns whether
 * the last burst had frames. */
static bool
server_step(struct clients *o)
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
				      la_shed_note(&o->shed, now, n, o->n.ring_full, la_shard_counters(sv->shard)));
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

/* Merges the frames of the traffic hook with the frames of the clients, as a switch with two links does. The order
 * within each link is kept. */
static void
clients_merge(struct gen *g, unsigned first)
{
	struct rte_mbuf *own[RTE_DIM(g->batch)];
	unsigned i = 0, k = first, n = g->n;

	memcpy(own, g->batch, first * sizeof(own[0]));
	for (unsigned at = 0; at < n; at++) {
		unsigned left = first - i, more = n - k;

		g->batch[at] = gen_random(g) % (left + more) < left ? own[i++] : g->batch[k++];
	}
}

/* Frames that do not fit into the ring are lost. */
void
clients_deliver(struct clients *o)
{
	struct gen *g = &o->g;
	unsigned n = g->n, sent;

	if (o->traffic)
		clients_merge(g, RTE_MIN(o->nown, n));
	else if (o->tick == 0)
		gen_shuffle(g);
	o->nown = UINT32_MAX;
	sent = la_port_tx_offer(g->port, g->queue, g->batch, RTE_MIN(n, RING - o->in_ring));
	o->in_ring += sent;
	rte_pktmbuf_free_bulk(g->batch + sent, n - sent);
	o->n.ring_full += n - sent;
	g->n = 0;
}

/* Sends or retransmits the segment of the client's present step. */
static void
send_step(struct clients *o, uint32_t slot, bool again)
{
	struct gen *g = &o->g;
	struct gen_flow *f = &g->flow[slot];
	const struct gen_step *s = &script[f->step];
	uint32_t len = s->len + ((s->flags & LA_SYN) != 0) + ((s->flags & LA_FIN) != 0);

	if (g->n >= BATCH)
		clients_deliver(o);
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
	if (o->tail - o->head == o->ntimers) {
		bench_fault(g->b, "%s: more than %u timers", o->what, o->ntimers);
		return;
	}
	o->timer[o->tail++ % o->ntimers] = (struct client_timer){
		.due = o->sv.now_ns + RTO_NS, .slot = slot, .sent = o->sent};
}

void
clients_begin(struct clients *o, double due)
{
	uint32_t slot;

	if (o->nfree == 0) {
		bench_fault(o->g.b, "%s: more than %u clients at once", o->what, o->nslots);
		return;
	}
	slot = o->free[--o->nfree];
	gen_new_flow(&o->g, slot);
	o->recent[o->nrecent++ % CLIENTS_RECENT] = slot;
	o->client[slot].begun = due;
	o->n.offered++;
	send_step(o, slot, false);
}

static void
clients_end(struct clients *o, uint32_t slot)
{
	o->client[slot].begun = -1;
	o->free[o->nfree++] = slot;
	if (o->gap == 0 && o->offering)
		clients_begin(o, o->sv.now_ns);
}

/* Answers a segment by RST, because its client has ended. */
static void
clients_refuse(struct clients *o, const struct gen_answer *a)
{
	if (a->flags & LA_RST)
		return;
	if (o->g.n >= BATCH)
		clients_deliver(o);
	gen_segment(&o->g, a->raddr, a->rport, a->ack, 0, LA_RST, 0);
}

static bool
is_response(const struct gen_answer *a)
{
	char copy[RESPONSE];
	const void *p;

	if (a->len == 0)
		return true;
	p = a->len <= RESPONSE ? rte_pktmbuf_read(a->m, a->off, a->len, copy) : NULL;
	return p != NULL && memcmp(p, response, a->len) == 0;
}

static void
clients_answer(struct gen *g, const struct gen_answer *a)
{
	struct clients *o = g->ctx;
	uint32_t slot = a->ack >> ISN_SHIFT;
	struct gen_flow *f = slot < o->nslots ? &g->flow[slot] : NULL;
	const struct gen_step *s;

	if (o->other && !gen_is_flow(a->raddr)) {
		o->other(o, a);
		return;
	}
	if (f == NULL || o->client[slot].begun < 0 || f->raddr != a->raddr || f->rport != a->rport) {
		clients_refuse(o, a);
		return;
	}
	if (a->flags & LA_RST) {
		o->n.resets++;
		clients_end(o, slot);
		return;
	}
	s = &script[f->step];
	if (!f->waiting || (a->flags & ~LA_PSH) != s->want || a->len != s->want_len || a->ack != f->snd ||
	    (!(s->flags & LA_SYN) && a->seq != f->rcv))
		return; /* a retransmission of the server, or an intermediate ACK: the client's timer goes on */
	if (!is_response(a)) {
		bench_fault(g->b, "%s: an answer with wrong bytes", o->what);
		return;
	}
	f->rcv = a->seq + a->len + ((a->flags & LA_SYN) != 0) + ((a->flags & LA_FIN) != 0);
	f->waiting = false;
	if (++f->step < CLIENTS_NSTEPS) {
		send_step(o, slot, false);
		return;
	}
	o->n.carried++;
	la_histogram_record(&o->took, (uint64_t)(o->sv.now_ns - o->client[slot].begun));
	clients_end(o, slot);
}

static void
run_timers(struct clients *o)
{
	while (o->head < o->tail && o->timer[o->head % o->ntimers].due <= o->sv.now_ns) {
		struct client_timer t = o->timer[o->head++ % o->ntimers];
		struct client *c = &o->client[t.slot];
		struct gen_flow *f = &o->g.flow[t.slot];

		if (c->begun < 0 || c->sent != t.sent || !f->waiting)
			continue;
		if ((f->step > 0 || o->syn_again) && o->sv.now_ns - c->begun < PATIENCE_NS) {
			send_step(o, t.slot, true);
			continue;
		}
		o->n.timeouts++;
		if (f->step > 0)
			gen_segment(&o->g, f->raddr, f->rport, f->snd, 0, LA_RST, 0);
		clients_end(o, t.slot);
	}
}

static void
take_answers(struct clients *o)
{
	struct rte_mbuf *pkts[BENCH_BURST];
	unsigned n;

	while ((n = la_port_rx(o->g.port, o->g.queue, pkts, BENCH_BURST)) > 0) {
		gen_take(&o->g, pkts, n);
		rte_pktmbuf_free_bulk(pkts, n);
	}
}

/* Returns the time of the next event, at most `until`. Until then the server would only poll. */
static double
next_event(const struct clients *o, double until)
{
	double at = INFINITY, due;

	if (o->tick > 0 && (o->offering || o->traffic))
		at = o->next_tick;
	else if (o->offering && o->gap > 0)
		at = o->next;
	if (o->head < o->tail)
		at = RTE_MIN(at, o->timer[o->head % o->ntimers].due);
	if (o->tick > 0)
		at = RTE_MAX(at, o->next_tick);
	/* the shard's timers have ticks of 1 ms, and the level of overload control falls with the checks */
	due = o->shed.level > 0 ? 0 : (double)la_shard_next(o->sv.shard) * 1e6;
	return RTE_MIN(RTE_MIN(at, until), RTE_MAX(due, o->sv.now_ns + 1e6));
}

/* Puts all due frames into the ring. */
static void
clients_arrivals(struct clients *o)
{
	if (o->tick > 0) {
		if (o->sv.now_ns < o->next_tick)
			return;
		o->next_tick = RTE_MAX(o->next_tick + o->tick, o->sv.now_ns);
	}
	run_timers(o);
	while (o->offering && o->gap > 0 && o->next <= o->sv.now_ns) {
		clients_begin(o, o->next);
		o->next += o->gap;
	}
	o->nown = o->g.n;
	if (o->traffic)
		o->traffic(o);
	clients_deliver(o);
}

void
clients_run(struct clients *o, double ns)
{
	double until = o->sv.now_ns + ns;

	while (o->sv.now_ns < until && o->g.b->faults == 0) {
		bool busy;

		clients_arrivals(o);
		busy = server_step(o);
		take_answers(o);
		if (o->stepped)
			o->stepped(o);
		if (!busy && (o->g.n == 0 || o->tick > 0))
			o->sv.now_ns = RTE_MAX(o->sv.now_ns, o->g.n == 0 ? next_event(o, until) : o->next_tick);
	}
}

/* ------------------------------------------------------------------ beginning, end, tallies */

void
clients_close(struct clients *o)
{
	server_close(&o->sv);
	gen_close(&o->g);
	free(o->client);
	free(o->free);
	free(o->timer);
}

static uint64_t
clients_memory(uint32_t slots)
{
	return slots *
	       (sizeof(struct gen_flow) + sizeof(struct client) + sizeof(uint32_t) + sizeof(struct client_timer));
}

/* Returns the pool of the clients' frames. The server writes answers into received buffers, so answers to clients that
 * gave up hold buffers of the generator. */
static struct rte_mempool *
make_pool(void)
{
	static struct rte_mempool *pool;

	if (pool == NULL)
		pool = rte_pktmbuf_pool_create("bench_clients", POOL, RTE_MEMPOOL_CACHE_MAX_SIZE, 0,
					       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return pool;
}

int
clients_open(struct clients *o, struct bench *b, const struct server_options *so, const char *what, uint32_t slots)
{
	struct server_options with = *so;
	struct rte_mempool *pool = make_pool();

	memset(o, 0, sizeof(*o));
	o->what = what;
	o->nown = UINT32_MAX;
	o->nslots = o->ntimers = slots;
	make_response();
	if (with.pool == CLIENTS_POOL)
		with.pool = pool;
	if (!bench_fits(what, server_memory(&with) + clients_memory(slots)) || server_open(&o->sv, b, &with) != 0)
		return -1;
	if (gen_open(&o->g, &o->sv, slots, script, CLIENTS_NSTEPS) != 0) {
		server_close(&o->sv);
		return -1;
	}
	o->client = malloc(slots * sizeof(*o->client));
	o->free = malloc(slots * sizeof(*o->free));
	o->timer = malloc(slots * sizeof(*o->timer));
	if (pool == NULL || o->client == NULL || o->free == NULL || o->timer == NULL) {
		bench_fault(b, "%s: no memory for %u clients", what, slots);
		clients_close(o);
		return -1;
	}
	for (uint32_t i = 0; i < slots; i++) {
		o->client[i].begun = -1;
		o->free[i] = slots - 1 - i; /* the lowest slots are used first: memory of unused slots is not touched */
	}
	o->nfree = slots;
	o->g.pool = pool;
	o->g.answer = clients_answer;
	o->g.ctx = o;
	return 0;
}

void
clients_offer(struct clients *o, double rate)
{
	memset(&o->n, 0, sizeof(o->n));
	memset(&o->took, 0, sizeof(o->took));
	o->offering = true;
	o->gap = rate > 0 ? 1e9 / rate : 0;
	o->next = o->next_tick = o->sv.now_ns;
}

struct clients_tally
clients_mark(struct clients *o)
{
	struct clients_tally n = o->n;

	memset(&o->took, 0, sizeof(o->took));
	o->sv.cost = (struct bench_cost){0};
	n.shed = la_shard_counters(o->sv.shard)->v[LA_C_syn_shed];
	n.ns = o->sv.now_ns;
	return n;
}

struct clients_tally
clients_since(const struct clients *o, const struct clients_tally *mark)
{
	return (struct clients_tally){.offered = o->n.offered - mark->offered,
				      .carried = o->n.carried - mark->carried,
				      .timeouts = o->n.timeouts - mark->timeouts,
				      .resets = o->n.resets - mark->resets,
				      .ring_full = o->n.ring_full - mark->ring_full,
				      .shed = la_shard_counters(o->sv.shard)->v[LA_C_syn_shed] - mark->shed,
				      .ns = o->sv.now_ns - mark->ns,
				      .cpu = o->sv.cost.cpu,
				      .tsc = o->sv.cost.tsc,
				      .p99 = (double)la_histogram_percentile(&o->took, 99)};
}
