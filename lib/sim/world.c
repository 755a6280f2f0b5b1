/* SPDX-License-Identifier: BSD-3-Clause */

/* A world: theory of operation.
 *
 * An event is either the arrival of a frame (net.c keeps the frames in flight in a heap) or a
 * shard's timer (la_shard_next()). la_sim_step() selects the earliest event, sets the clock to
 * its time, and calls the shard of its host. Frames of this shard then enter the network at the
 * same time. An hour without events takes no time to run.
 *
 * Of events at one time, arrivals come first, then the timers of the hosts, in the order of hosts. This
 * order is fixed, so a run is a function of its configuration and seed. All random numbers come from
 * one generator; a probability of 0 draws none.
 *
 * A shard's clock counts milliseconds. The network's clock counts microseconds, because a delay of
 * 250 us or a rate of 1 Gbit/s needs a finer unit. A shard's time is rounded down.
 *
 * All state is in one arena (arena.h). la_sim_load() keeps the hooks, because the caller owns them. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/shard.h"
#include "sim/internal.h"

enum {
	DEF_MBUFS = 512,
	DEF_FLIGHTS = 256,
	DEF_CONNS = 64,
	SMALL_CONNS = 64,
	SMALL_TIME_WAIT = 64,
	SMALL_NEIGHBOURS = 16,
	ROOM = 2048, /* data bytes of an mbuf: a frame of an MTU of 1500 fits into one mbuf */
	SLACK = 1 << 20,
};

static uint32_t
or_default(uint32_t v, uint32_t def)
{
	return v ? v : def;
}

/* ------------------------------------------------------------------ creation */

/* Fills in the world's defaults. */
static void
world_complete_config(struct la_shard_config *c)
{
	c->naddrs = 2;
	c->max_conns = or_default(c->max_conns, SMALL_CONNS);
	c->max_time_wait4 = or_default(c->max_time_wait4, SMALL_TIME_WAIT);
	c->max_time_wait6 = or_default(c->max_time_wait6, SMALL_TIME_WAIT);
	c->max_neighbours = or_default(c->max_neighbours, SMALL_NEIGHBOURS);
}

static void
configure_host(struct la_sim *w, unsigned i, const struct la_sim_config *cfg)
{
	struct la_sim_node *n = &w->node[i];
	const struct la_sim_host *h = &cfg->host[i];
	struct la_shard_config *c = &n->cfg;
	char addr[LA_ADDR_STRLEN];

	snprintf(n->name, sizeof(n->name), "%s", h->name ? h->name : (char[]){(char)('A' + i), 0});
	n->weak = h->weak;
	n->fixed_isn = h->fixed_isn;
	snprintf(addr, sizeof(addr), "10.0.0.%u/24", i + 1);
	(void)la_prefix_parse(addr, &n->addrs[0]);
	snprintf(addr, sizeof(addr), "fd00::%u/64", i + 1);
	(void)la_prefix_parse(addr, &n->addrs[1]);
	memcpy(n->mac, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)(i + 1)}, 6);

	*c = h->shard;
	c->mbufs = w->mbufs;
	c->mem = la_arena_mem(w->arena);
	c->now = la_sim_ms(w);
	memcpy(c->mac, n->mac, 6);
	c->addrs = n->addrs;
	c->no_dad = true;
	c->offloads = 0;
	for (unsigned k = 0; k < sizeof(c->secret); k++)
		if (!h->shard.secret[k])
			c->secret[k] = (uint8_t)la_rng64(&w->rng);
	world_complete_config(c);
}

int
la_sim_birth(struct la_sim *w, unsigned host)
{
	struct la_sim_node *n = &w->node[host];

	n->cfg.now = la_sim_ms(w);
	return la_shard_create(&n->cfg, &n->shard);
}

/* Returns the size of the arena, bytes. A restart may allocate the tables of a shard a second time. */
static size_t
arena_size(const struct la_sim_config *cfg)
{
	size_t size = SLACK + sizeof(struct la_sim);
	unsigned mbufs = or_default(cfg->mbufs, DEF_MBUFS);

	for (unsigned i = 0; i < cfg->nhosts; i++) {
		struct la_shard_config c = cfg->host[i].shard;

		world_complete_config(&c);
		size += 2 * la_shard_memory(&c) + 64 * 4096;
	}
	size += (size_t)mbufs * (ROOM + RTE_PKTMBUF_HEADROOM + sizeof(struct rte_mbuf) + 256);
	size += 2 * (size_t)or_default(cfg->flights, DEF_FLIGHTS) * sizeof(struct la_sim_flight);
	size += (size_t)or_default(cfg->conns, DEF_CONNS) * (sizeof(struct la_sim_conn) + 2 * sizeof(uint32_t));
	return size;
}

static int
world_build(struct la_sim *w, const struct la_sim_config *cfg, char *err, size_t size)
{
	int e;

	w->max_flights = or_default(cfg->flights, DEF_FLIGHTS);
	w->heap = la_arena_alloc(w->arena, w->max_flights * sizeof(*w->heap), 64);
	w->shelf = la_arena_alloc(w->arena, w->max_flights * sizeof(*w->shelf), 64);
	e = la_arena_mbufs(w->arena, or_default(cfg->mbufs, DEF_MBUFS), ROOM, &w->mbufs);
	if (!e && (!w->heap || !w->shelf))
		e = -ENOMEM;
	if (!e)
		e = la_sim_users(w, or_default(cfg->conns, DEF_CONNS));
	for (unsigned i = 0; !e && i < w->nhosts; i++) {
		for (unsigned k = 0; k < w->nhosts; k++)
			w->way[i][k].l = cfg->link;
		configure_host(w, i, cfg);
		e = la_sim_birth(w, i);
	}
	if (e)
		snprintf(err, size, "a world of %u hosts: %s", w->nhosts, strerror(-e));
	return e;
}

int
la_sim_create(const struct la_sim_config *cfg, struct la_sim **out, char *err, size_t size)
{
	struct la_arena *arena;
	struct la_sim *w;
	int e;

	if (cfg->nhosts < 2 || cfg->nhosts > LA_SIM_HOSTS || cfg->nfaults > LA_SIM_FAULTS) {
		snprintf(err, size, "a world has 2 to %d hosts, at most %d faults", LA_SIM_HOSTS, LA_SIM_FAULTS);
		return -EINVAL;
	}
	e = la_arena_create(arena_size(cfg), &arena);
	if (e) {
		snprintf(err, size, "no memory for a world");
		return e;
	}
	w = la_arena_alloc(arena, sizeof(*w), 64);
	w->arena = arena;
	w->rng.s = cfg->seed;
	w->nhosts = cfg->nhosts;
	w->start_ms = cfg->start_ms ? cfg->start_ms : LA_SIM_HEADROOM_MS;
	for (unsigned i = 0; !e && i < cfg->nfaults; i++)
		e = la_fault_parse(cfg->faults[i], &w->fault[w->nfaults++], err, size);
	if (!e)
		e = world_build(w, cfg, err, size);
	if (e) {
		la_arena_destroy(arena);
		return e;
	}
	la_sim_settle(w);
	*out = w;
	return 0;
}

void
la_sim_destroy(struct la_sim *w)
{
	la_arena_destroy(w->arena); /* frees every shard and mbuf */
}

void
la_sim_hooks(struct la_sim *w, const struct la_sim_hooks *hooks)
{
	w->hooks = *hooks;
}

void
la_sim_link(struct la_sim *w, unsigned from, unsigned to, const struct la_sim_link *link)
{
	w->way[from][to].l = *link;
}

/* ------------------------------------------------------------------ events at a host */

void
la_sim_tell(struct la_sim *w, struct la_sim_event *e)
{
	if (!w->hooks.event)
		return;
	e->us = w->us;
	w->hooks.event(w->hooks.ctx, e);
}

static enum la_state
state_of(const struct la_sim *w, unsigned host, const struct la_tuple *t)
{
	struct la_conn_info info;

	return la_shard_find(w->node[host].shard, t, &info) == 0 ? info.state : LA_CLOSED;
}

static void
world_tell_states(struct la_sim *w, unsigned host)
{
	for (unsigned i = 0; i < w->nwatches; i++) {
		enum la_state s;

		if (w->watch[i].host != host)
			continue;
		s = state_of(w, host, &w->watch[i].t);
		if (s == w->watch[i].state)
			continue;
		la_sim_tell(w, &(struct la_sim_event){.what = LA_SIM_STATE,
						      .host = (uint8_t)host,
						      .watch = i,
						      .from = w->watch[i].state,
						      .to = s});
		w->watch[i].state = s;
	}
}

/* Runs after an event at the host: weakens the host, reports its changed states, and sends its frames. */
static void
world_after(struct la_sim *w, unsigned host)
{
	struct la_sim_node *n = &w->node[host];
	struct rte_mbuf *m[32];
	unsigned k;

	la_sim_weak_after(n);
	world_tell_states(w, host);
	while ((k = la_shard_tx(n->shard, m, 32)) > 0)
		for (unsigned i = 0; i < k; i++)
			la_sim_send_frame(w, host, m[i]);
}

void
la_sim_settle(struct la_sim *w)
{
	for (unsigned i = 0; i < w->nhosts; i++)
		world_after(w, i);
}

void
la_sim_touch(struct la_sim *w, unsigned host)
{
	while (la_shard_poll(w->node[host].shard, la_sim_ms(w)))
		;
}

static void
world_arrive(struct la_sim *w, const struct la_sim_flight *f)
{
	struct la_sim_node *n = &w->node[f->to];
	struct la_sim_event e = {.what = LA_SIM_ARRIVED,
				 .host = f->to,
				 .peer = f->from,
				 .packet = f->packet,
				 .copy = f->copy,
				 .late = f->late,
				 .frame = rte_pktmbuf_mtod(f->m, const uint8_t *),
				 .frame_len = f->m->pkt_len};
	struct rte_mbuf *m = f->m;

	if (f->packet && la_fault_seg_read(e.frame, e.frame_len, &e.seg))
		la_sim_tell(w, &e);
	la_sim_weak_in(n, m);
	la_sim_touch(w, f->to); /* timers that are due fire before the frame is processed */
	la_shard_rx(n->shard, la_sim_ms(w), &m, 1);
	world_after(w, f->to);
}

/* ------------------------------------------------------------------ time */

uint64_t
la_sim_now(const struct la_sim *w)
{
	return w->us;
}

static uint64_t
host_next(const struct la_sim *w, unsigned host)
{
	uint64_t ms = la_shard_next(w->node[host].shard), us;

	if (ms == UINT64_MAX)
		return UINT64_MAX;
	us = ms > w->start_ms ? (ms - w->start_ms) * 1000 : 0;
	return us > w->us ? us : w->us;
}

static uint64_t
world_earliest(const struct la_sim *w, unsigned *host)
{
	uint64_t t = w->nheap ? w->heap[0].us : UINT64_MAX;

	*host = w->nhosts; /* means an arrival; a lower number means a timer of that host */
	for (unsigned i = 0; i < w->nhosts; i++) {
		uint64_t h = host_next(w, i);

		if (h < t) {
			t = h;
			*host = i;
		}
	}
	return t;
}

uint64_t
la_sim_next(const struct la_sim *w)
{
	unsigned host;

	return world_earliest(w, &host);
}

bool
la_sim_step(struct la_sim *w, uint64_t until)
{
	struct la_sim_flight f;
	unsigned host;
	uint64_t t = world_earliest(w, &host);

	if (t > until || t == UINT64_MAX) {
		if (until != UINT64_MAX && until > w->us)
			w->us = until;
		return false;
	}
	if (t > w->us)
		w->us = t;
	if (host == w->nhosts) {
		if (la_sim_land(w, t, &f))
			world_arrive(w, &f);
	} else {
		la_sim_touch(w, host);
		world_after(w, host);
	}
	return true;
}

void
la_sim_run(struct la_sim *w, uint64_t until)
{
	while (la_sim_step(w, until))
		;
}

static bool
is_quiet(const struct la_sim *w)
{
	if (la_sim_in_flight(w))
		return false;
	for (unsigned i = 0; i < w->nhosts; i++) {
		const struct la_counters *c = la_shard_counters(w->node[i].shard);

		if (c->v[LA_C_live] || c->v[LA_C_time_wait] || c->v[LA_C_fin_wait_2_held])
			return false;
	}
	return true;
}

bool
la_sim_quiet(struct la_sim *w, uint64_t until)
{
	while (!is_quiet(w))
		if (!la_sim_step(w, until))
			return is_quiet(w);
	return true;
}

/* ------------------------------------------------------------------ contents */

struct la_shard *
la_sim_shard(struct la_sim *w, unsigned host)
{
	return w->node[host].shard;
}

const char *
la_sim_host_name(const struct la_sim *w, unsigned host)
{
	return w->node[host].name;
}

struct la_addr
la_sim_addr(const struct la_sim *w, unsigned host, bool ip6)
{
	return w->node[host].addrs[ip6].addr;
}

struct la_arena *
la_sim_arena(struct la_sim *w)
{
	return w->arena;
}

struct rte_mempool *
la_sim_mbufs(struct la_sim *w)
{
	return w->mbufs;
}

uint32_t
la_sim_no_mbufs(const struct la_sim *w)
{
	return w->no_mbufs;
}

int
la_sim_watch(struct la_sim *w, unsigned host, const struct la_tuple *t)
{
	if (w->nwatches == LA_SIM_WATCHES)
		return -ENOSPC;
	w->watch[w->nwatches].host = (uint8_t)host;
	w->watch[w->nwatches].t = *t;
	w->watch[w->nwatches].state = state_of(w, host, t);
	return (int)w->nwatches++;
}

void
la_sim_note(struct la_sim *w, unsigned host, const char *text)
{
	la_sim_tell(w, &(struct la_sim_event){.what = LA_SIM_NOTE, .host = (uint8_t)host, .text = text});
}

size_t
la_sim_save_size(const struct la_sim *w)
{
	return la_arena_used(w->arena);
}

void
la_sim_save(const struct la_sim *w, void *buf)
{
	la_arena_save(w->arena, buf);
}

void
la_sim_load(struct la_sim *w, const void *buf)
{
	struct la_sim_hooks hooks = w->hooks;

	la_arena_load(w->arena, buf);
	w->hooks = hooks;
}
