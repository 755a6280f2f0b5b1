/* SPDX-License-Identifier: BSD-3-Clause */

/* A clean world: theory of operation.
 *
 * A client shard and a server shard are connected by a network that delivers bursts: many connections are interleaved
 * in each. Both are real shards, so that the segments are those of a correct peer: whole lives of connections, with
 * and without timestamps, over IPv4 and IPv6, on the link and behind a gateway, closed by either end first or by
 * both. The shape of a world adds what makes an expected segment unexpected: loss, duplicates, reordering, small
 * windows, small tables and pools, SYN cookies, limits of held buffers and orphans, users that make any call in any
 * callback, output that is not taken, floods of old segments, listeners that come and go, next hops that change their
 * MAC, and mbufs as chains, padded, shared or with checksum flags.
 *
 * A world is a sequence of steps. In a step users act, frames are taken from both shards and delivered, and time
 * passes. All draws come from one generator, so that two runs of the same seed are the same as long as the shards do
 * the same. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/fast_path_record.h"
#include "clean.h"

enum { HOPS = 400, DRAIN_ROUNDS = 200000, END_MS = 1200000, MORE_STEPS = 200, PATIENCE = 400 };

static struct rte_mempool *pools[CW_SHARDS], *control_pool;

void
cw_start(void)
{
	for (unsigned k = 0; k < CW_SHARDS; k++)
		pools[k] = rte_pktmbuf_pool_create(k ? "client" : "server", CW_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
						   SOCKET_ID_ANY);
	control_pool = rte_pktmbuf_pool_create("control", CW_CONTROL, 0, 0, RTE_PKTMBUF_HEADROOM + 128, SOCKET_ID_ANY);
	if (!pools[0] || !pools[1] || !control_pool) {
		fprintf(stderr, "clean_worlds: no memory for the pools\n");
		exit(2);
	}
}

/* ------------------------------------------------------------------ creation */

static struct la_prefix
prefix(const char *text)
{
	struct la_prefix p;

	if (la_prefix_parse(text, &p) != 0)
		abort();
	return p;
}

static void
shape_draw(struct cw *w)
{
	struct cw_shape *h = &w->shape;
	bool faulty = cw_chance(w, 300000), wild = cw_chance(w, 400000), rough = cw_chance(w, 300000);

	h->gateway = cw_below(w, 2);
	h->ranges = cw_below(w, 2);
	h->crowd = cw_chance(w, 250000);
	h->pad = cw_below(w, 2);
	h->loss = faulty ? cw_below(w, 50000) : 0;
	h->dup = faulty ? cw_below(w, 50000) : 0;
	h->late = faulty ? cw_below(w, 50000) : 0;
	h->wild = wild ? 100000 + cw_below(w, 900000) : 0;
	h->clog = rough ? cw_below(w, 20000) : 0;
	h->flood = rough && cw_below(w, 2) ? 4000 : 0;
	h->starve = rough ? cw_below(w, 5000) : 0;
	h->listen = rough ? cw_below(w, 20000) : 0;
	h->shed = rough && cw_below(w, 2) ? 20000 : 0;
	h->move = cw_below(w, 20000);
	h->ports = cw_chance(w, 300000) ? 1 + cw_below(w, 20) : 20000;
	h->opens = 1 + cw_below(w, 12);
}

static void
config_addresses(struct cw *w)
{
	struct la_prefix *a = w->addrs[CW_SERVER], *r = w->ranges[CW_SERVER];
	struct la_shard_config *s = &w->cfg[CW_SERVER], *c = &w->cfg[CW_CLIENT];

	a[0] = prefix("10.1.0.1/24");
	a[1] = prefix("fd00::1/64");
	r[0] = prefix("10.9.0.0/24");
	r[1] = prefix("fd09::/112");
	a = w->addrs[CW_CLIENT], r = w->ranges[CW_CLIENT];
	a[0] = prefix("10.1.0.2/24");
	a[1] = prefix("fd00::2/64");
	a[2] = prefix("10.1.0.254/24"); /* the server's gateways */
	a[3] = prefix("fd00::fe/64");
	r[0] = prefix("192.0.2.0/24");
	r[1] = prefix("2001:db8::/112");
	r[2] = prefix("10.1.0.128/26");
	r[3] = prefix("fd00::1:0/112");
	s->naddrs = 2;
	s->nranges = w->shape.ranges ? 2 : 0;
	c->naddrs = c->nranges = 4;
	if (w->shape.gateway) {
		s->gateway4 = a[2].addr;
		s->gateway6 = a[3].addr;
	}
	c->gateway4 = w->addrs[CW_SERVER][0].addr;
	c->gateway6 = w->addrs[CW_SERVER][1].addr;
}

/* Limits of the server that some worlds reach. */
static void
config_limits(struct cw *w)
{
	struct la_shard_config *s = &w->cfg[CW_SERVER];

	if (cw_chance(w, 200000))
		s->max_time_wait4 = s->max_time_wait6 = 2 + cw_below(w, 60);
	if (cw_chance(w, 150000))
		s->max_conns = 4 + cw_below(w, 40);
	if (cw_chance(w, 200000))
		s->syn_cookies_at = 1 + cw_below(w, 4);
	if (cw_chance(w, 150000))
		s->max_held = 40 + cw_below(w, 200);
	if (cw_chance(w, 150000))
		s->max_orphans = 1 + cw_below(w, 8);
	if (cw_chance(w, 250000))
		s->max_neighbours = 4;
	if (cw_chance(w, 100000))
		s->low_mbufs = CW_MBUFS - 200 - cw_below(w, 1000);
	if (cw_chance(w, 100000))
		s->rst_rate = 1 + cw_below(w, 20);
	s->tw_full_reset = cw_below(w, 2);
	s->tw_share_percent = cw_chance(w, 100000) ? 20 : 0;
	s->rto_min_ms = cw_below(w, 2) ? 1 : 0;
}

static void
config_draw(struct cw *w, uint64_t seed, bool differ)
{
	static const uint32_t msl[] = {30000, 1000, 100};
	uint32_t offloads = cw_below(w, 32), vlan = cw_chance(w, 120000) ? 7 : 0, m = msl[cw_below(w, 3)];

	for (unsigned k = 0; k < CW_SHARDS; k++) {
		struct la_shard_config *c = &w->cfg[k];

		*c = (struct la_shard_config){.mbufs = pools[k],
					      .addrs = w->addrs[k],
					      .ranges = w->ranges[k],
					      .now = w->now,
					      .no_dad = true,
					      .max_conns = 2 * CW_USERS,
					      .max_time_wait4 = 4096,
					      .max_time_wait6 = 4096,
					      .max_neighbours = 256,
					      .msl_ms = m,
					      .vlan = (uint16_t)vlan,
					      .offloads = offloads};
		cw_mac(c->mac, k, 0);
		for (unsigned i = 0; i < sizeof(c->secret); i++)
			c->secret[i] = (uint8_t)la_rng_mix(seed + i + 100 * k);
	}
	w->cfg[CW_SERVER].msl_ms -= differ;
	w->cfg[CW_SERVER].control = cw_below(w, 2) ? control_pool : NULL;
	config_addresses(w);
	config_limits(w);
}

static void
world_create(struct cw *w, uint64_t seed, bool differ)
{
	struct cw_frame *way[CW_SHARDS] = {w->way[0], w->way[1]}, *old = w->old;

	memset(w, 0, sizeof(*w));
	for (unsigned k = 0; k < CW_SHARDS; k++)
		w->way[k] = way[k] ? way[k] : calloc(CW_FRAMES, sizeof(*w->way[k]));
	w->old = old ? old : calloc(CW_BURST, sizeof(*w->old));
	w->rng.s = seed;
	w->now = cw_below(w, 2) ? UINT32_MAX - 5000ull : 1000000;
	shape_draw(w);
	config_draw(w, seed, differ);
	for (unsigned k = 0; k < CW_SHARDS; k++)
		if (!w->way[k] || !w->old || la_shard_create(&w->cfg[k], &w->s[k]) != 0) {
			fprintf(stderr, "clean_worlds: seed %llu: a shard cannot be created: %s\n",
				(unsigned long long)seed, la_shard_config_check(&w->cfg[k]));
			exit(2);
		}
	cw_listen(w, false);
}

/* ------------------------------------------------------------------ steps */

/* Lets ms milliseconds pass. Timers run at their times; late: only after the whole time. */
static void
time_pass(struct cw *w, uint64_t ms, bool late)
{
	uint64_t until = w->now + ms;

	for (unsigned i = 0; i < HOPS && !late && ms > 0; i++) {
		uint64_t a = la_shard_next(w->s[0]), b = la_shard_next(w->s[1]), next = RTE_MIN(a, b);

		if (next > until)
			break;
		if (next > w->now)
			w->now = next;
		w->step++;
		cw_deliver(w);
		cw_take(w);
	}
	w->now = until;
}

static uint64_t
time_draw(struct cw *w)
{
	uint32_t k = cw_below(w, 100);

	if (k < 60)
		return 0;
	if (k < 85)
		return 1;
	if (k < 95)
		return 2 + cw_below(w, 40);
	return k < 99 ? 100 + cw_below(w, 900) : 5000 + cw_below(w, 65000);
}

/* Takes all mbufs but a few out of the server's pool, for some steps. */
static void
pool_starve(struct cw *w)
{
	unsigned avail = rte_mempool_avail_count(pools[CW_SERVER]), leave = cw_below(w, 40);

	if (w->nhoard > 0 || avail <= leave)
		return;
	w->fed = w->step + 1 + cw_below(w, 60);
	if (rte_mempool_get_bulk(pools[CW_SERVER], w->hoard, avail - leave) == 0)
		w->nhoard = avail - leave;
}

static void
pool_feed(struct cw *w)
{
	rte_mempool_put_bulk(pools[CW_SERVER], w->hoard, w->nhoard);
	w->nhoard = 0;
}

static void
world_disturb(struct cw *w)
{
	const struct cw_shape *h = &w->shape;

	if (cw_chance(w, h->clog))
		w->clogged[cw_below(w, CW_SHARDS)] = 1 + cw_below(w, 40);
	if (cw_chance(w, h->flood))
		cw_flood(w);
	if (cw_chance(w, h->starve))
		pool_starve(w);
	if (cw_chance(w, h->listen))
		cw_listen(w, true);
	else if (cw_chance(w, h->listen))
		cw_listen(w, false);
	if (cw_chance(w, h->move))
		cw_move(w);
	if (cw_chance(w, h->shed))
		la_shard_shed(w->s[CW_SERVER], cw_below(w, 2) * cw_below(w, 200));
	if (w->nhoard > 0 && w->step >= w->fed)
		pool_feed(w);
}

static void
world_step(struct cw *w, unsigned n)
{
	w->step++;
	world_disturb(w);
	for (unsigned k = cw_below(w, w->shape.opens + 1); k > 0 && w->begun + w->refused < n; k--)
		cw_connect(w);
	if (cw_chance(w, 300000))
		cw_act(w);
	cw_take(w);
	cw_deliver(w);
	time_pass(w, time_draw(w), cw_chance(w, 100000));
}

/* ------------------------------------------------------------------ end */

static bool
is_quiet(const struct cw *w)
{
	for (unsigned k = 0; k < CW_SHARDS; k++) {
		const uint64_t *v = la_shard_counters(w->s[k])->v;

		if (v[LA_C_live] || v[LA_C_time_wait] || v[LA_C_fin_wait_2_held])
			return false;
	}
	return true;
}

/* Closes what is left in order, then aborts it, and lets every entry expire. */
static bool
world_end(struct cw *w, uint64_t seed)
{
	uint64_t until;
	unsigned rounds = 0;
	bool ok = true;

	memset(w->clogged, 0, sizeof(w->clogged));
	w->shape = (struct cw_shape){.pad = w->shape.pad, .ports = 1, .opens = 1};
	pool_feed(w);
	for (unsigned i = 0; i < PATIENCE && w->live > 0; i++) {
		w->step++;
		if (i % 4 == 0)
			cw_act(w);
		cw_take(w);
		cw_deliver(w);
		time_pass(w, 20, false);
	}
	for (unsigned k = 0; k < CW_SHARDS; k++)
		while (la_shard_abort_all(w->s[k], 100) > 0 && ++rounds < DRAIN_ROUNDS) {
			cw_take(w);
			cw_deliver(w);
		}
	for (until = w->now + END_MS; w->now < until && !is_quiet(w) && rounds < DRAIN_ROUNDS; rounds++)
		time_pass(w, 1000, false);
	for (unsigned i = 0; i < 2 + LA_NENDS; i++) {
		w->step += 100;
		cw_take(w);
		cw_deliver(w);
	}
	if (!is_quiet(w)) {
		printf("seed %llu: connections or entries are left\n", (unsigned long long)seed);
		ok = false;
	}
	for (unsigned k = 0; k < CW_SHARDS; k++) {
		const uint64_t *v = la_shard_counters(w->s[k])->v;

		for (unsigned i = 0; i < LA_NCOUNTERS; i++)
			w->in[i] += v[i];
		la_shard_destroy(w->s[k]);
	}
	for (unsigned k = 0; k < CW_SHARDS; k++)
		if (!rte_mempool_full(pools[k])) {
			printf("seed %llu: %u buffers are missing\n", (unsigned long long)seed,
			       CW_MBUFS - rte_mempool_avail_count(pools[k]));
			exit(1);
		}
	return ok && rte_mempool_full(control_pool);
}

bool
cw_world(struct cw *w, uint64_t seed, unsigned n, bool differ)
{
	world_create(w, seed, differ);
	while (w->begun + w->refused < n)
		world_step(w, n);
	for (unsigned i = 0; i < MORE_STEPS && w->live > 0; i++)
		world_step(w, 0);
	return world_end(w, seed);
}
