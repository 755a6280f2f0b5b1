/* SPDX-License-Identifier: BSD-3-Clause */

/* Random draws. A draw depends on the world's seed and on the number of the connection, segment or host that it is
 * for, never on draws for others. A connection that is left out or a fault that is turned off therefore changes no
 * other draw, and a failing world can be made smaller. */

#include <string.h>

#include "random.h"

const char *const rw_kind_name[RW_KINDS] = {"drop",   "dup",   "hold",	"reorder", "corrupt", "jitter", "restart",
					    "starve", "small", "abort", "deaf",	   "reuse",   "pause",	"pools"};

enum { OF_WORLD = 1, OF_OPTIONS, OF_ATTEMPT, OF_SEGMENT, OF_POOLS };

uint64_t
rw_mix(uint64_t a, uint64_t b, uint64_t c)
{
	struct la_rng r = {a};

	r = (struct la_rng){la_rng64(&r) ^ b};
	r = (struct la_rng){la_rng64(&r) ^ c};
	return la_rng64(&r);
}

static bool
has(const struct rw_spec *spec, enum rw_kind k)
{
	return spec->level > 0 && !(spec->without & 1u << k);
}

static uint32_t
between(struct la_rng *r, uint32_t low, uint32_t high)
{
	return low + la_rng_below(r, high - low + 1);
}

static bool
one_in(struct la_rng *r, uint32_t n)
{
	return la_rng_below(r, n) == 0;
}

static uint32_t
pick(struct la_rng *r, const uint32_t *v, unsigned n)
{
	return v[la_rng_below(r, n)];
}
#define PICK(r, ...) pick(r, (const uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* ------------------------------------------------------------------ a world */

static void
options(const struct rw_spec *spec, const struct rw_params *d, unsigned i, struct la_conn_opts *o)
{
	struct la_rng r = {rw_mix(spec->seed, OF_OPTIONS, i)};

	*o = (struct la_conn_opts){
		.rcvbuf = PICK(&r, 0, 0, 0, 4096, 20000, 100000),
		.sndbuf = PICK(&r, 0, 0, 0, 3000),
		.user_timeout_ms = PICK(&r, 0, 0, 0, 8000),
		.fin_wait_2_ms = PICK(&r, 0, 4000, 9000),
		.keepalive_ms = PICK(&r, 0, 0, 0, 2000),
		.mss = (uint16_t)PICK(&r, 0, 0, 0, 300),
		.nodelay = one_in(&r, 3),
		.no_timestamps = one_in(&r, 3),
		.no_wscale = one_in(&r, 3),
	};
	if (d->fixed_isn)
		o->no_timestamps = true;
}

/* Chances in a million, at the highest level. */
static const uint32_t worst[RW_JITTER + 1] = {
	[RW_DROP] = 250000,    [RW_DUP] = 150000,    [RW_HOLD] = 100000,
	[RW_REORDER] = 100000, [RW_CORRUPT] = 60000, [RW_JITTER] = 1000000,
};

static void
faults(const struct rw_spec *spec, struct rw_params *d, struct la_rng *r)
{
	static const uint32_t share[4] = {0, 10, 40, 100};

	for (unsigned k = 0; k <= RW_JITTER; k++) {
		/* some worlds leave out some kinds, so that the other kinds occur alone */
		uint32_t p = one_in(r, 3) ? 0 : la_rng_below(r, worst[k] / 100 * share[spec->level] + 1);

		d->ppm[k] = has(spec, (enum rw_kind)k) ? p : 0;
	}
}

/* Table sizes: large enough for the world, or so small that tables become full. */
static void
tables(const struct rw_spec *spec, struct la_shard_config *c, struct la_rng *r)
{
	uint32_t conns = between(r, 8, 40), tw4 = between(r, 16, 60), tw6 = between(r, 16, 60);
	bool reset = one_in(r, 3), tight = one_in(r, 3);

	if (!tight || !has(spec, RW_SMALL)) {
		conns = 400;
		tw4 = tw6 = 500;
	}
	c->max_conns = conns;
	c->max_time_wait4 = tw4;
	c->max_time_wait6 = tw6;
	c->tw_full_reset = reset;
}

/* Limits of a host: the buffers held for its peers, the number of orphans and their time. Small limits reach every
 * branch of lib/tcp/hold.c. */
static void
pools(const struct rw_spec *spec, struct rw_params *d, unsigned h)
{
	struct la_rng r = {rw_mix(spec->seed, OF_POOLS, h)};
	struct la_shard_config *c = &d->cfg.host[h].shard;
	bool scarce = one_in(&r, 2), control = one_in(&r, 2), few = one_in(&r, 3);
	uint32_t held = PICK(&r, 1, 4, 12, 16, 48, 150, 500), low = PICK(&r, 0, 1, 1, 100, 1500);
	uint32_t orphans = PICK(&r, 1, 2, 8, 0), ms = PICK(&r, 0, 100, 2000, 20000);

	if (!has(spec, RW_POOLS) || spec->beyond)
		return;
	if (scarce) {
		c->max_held = held;
		c->low_mbufs = low;
	}
	d->control[h] = control;
	if (few) {
		c->max_orphans = orphans;
		c->orphan_ms = ms;
	}
}

/* Inside the law, nothing arrives later than one MSL after it was sent (RFC 9293 3.4.2): the longest hold is
 * one MSL minus the delay. Outside the law, holds are up to ten MSL. */
void
rw_params(const struct rw_spec *spec, struct rw_params *d)
{
	struct la_rng r = {rw_mix(spec->seed, OF_WORLD, 0)};

	memset(d, 0, sizeof(*d));
	d->msl_us = 1000ull * PICK(&r, 500, 1000, 2000, 4000);
	d->delay_us = PICK(&r, 50, 1000, 5000, 30000);
	d->jitter_us = d->delay_us / PICK(&r, 1, 4, 10) + 1;
	d->gap_us = d->msl_us / PICK(&r, 5, 20, 60);
	faults(spec, d, &r);
	d->hold_us = d->msl_us - d->delay_us - 1000;
	d->hosts = between(&r, 2, RW_HOSTS);
	d->lports = between(&r, 1, RW_PORTS);
	d->rports = between(&r, 1, RW_LISTENED);
	if (spec->beyond) {
		d->msl_us = 100000;
		d->gap_us = 100000;
		d->hold_us = 10 * d->msl_us;
		d->fixed_isn = (uint32_t)la_rng64(&r) | 1;
		d->hosts = 2;
		d->lports = d->rports = 2; /* weak.c keeps shifts for this number of tuples */
	}
	d->cfg = (struct la_sim_config){
		.seed = rw_mix(spec->seed, OF_WORLD, 1),
		.nhosts = d->hosts,
		.link = {.delay_us = d->delay_us},
		.start_ms = PICK(&r, LA_SIM_HEADROOM_MS, UINT32_MAX - 20000, UINT32_MAX / 2 - 20000),
		.mbufs = RW_MBUFS,
		.flights = 4096,
		.conns = 2 * RW_ATTEMPTS + 64,
	};
	for (unsigned h = 0; h < d->hosts; h++) {
		struct la_sim_host *host = &d->cfg.host[h];

		host->shard.msl_ms = (uint32_t)(d->msl_us / 1000);
		tables(spec, &host->shard, &r);
		pools(spec, d, h);
		if (d->fixed_isn) {
			host->weak = LA_SIM_FIXED_ISN;
			host->fixed_isn = d->fixed_isn;
		}
	}
	for (unsigned i = 0; i < sizeof(d->opts) / sizeof(d->opts[0]); i++)
		options(spec, d, i, &d->opts[i]);
}

/* ------------------------------------------------------------------ a connection */

static void
sending(const struct rw_spec *spec, struct la_rng *r, struct la_sim_plan *p)
{
	static const uint32_t most[] = {0, 1, 200, 2000, 2000, 2000, 2000, 6000, 6000, 20000};
	uint32_t max = la_rng_below(r, 60) ? pick(r, most, 10) : 100000;

	p->send = la_rng_below(r, max + 1);
	p->chunk = PICK(r, 0, 0, 1, 3) * between(r, 50, 1400);
	p->every_ms = p->chunk && one_in(r, 2) ? between(r, 1, 40) : 0;
	if (p->every_ms && p->send > 100 * p->chunk)
		p->send = 100 * p->chunk;
	if (spec->max_bytes && p->send > spec->max_bytes)
		p->send = spec->max_bytes;
}

/* Which end closes first, and how. At least one end does not wait for the other. */
static void
endings(const struct rw_spec *spec, struct la_rng *r, struct la_sim_plan *p, uint32_t partner, bool first)
{
	uint32_t time = between(r, 0, one_in(r, 4) ? 3000 : 100);
	bool abort = one_in(r, 15), deaf = one_in(r, 40), stays = one_in(r, 100);

	p->ending = one_in(r, 4) ? LA_SIM_SHUTDOWN : LA_SIM_CLOSE;
	if (stays)
		p->ending = LA_SIM_STAYS;
	if (abort && has(spec, RW_ABORT))
		p->ending = LA_SIM_ABORT;
	p->when = (enum la_sim_when[]){LA_SIM_WHEN_SENT, LA_SIM_WHEN_GOT, LA_SIM_WHEN_TIME,
				       LA_SIM_WHEN_GOT}[la_rng_below(r, 4)];
	if (!first && !one_in(r, 5))
		p->when = LA_SIM_WHEN_PEER_FIN;
	p->amount = p->when == LA_SIM_WHEN_GOT ? partner : time;
	if (deaf && has(spec, RW_DEAF)) {
		p->deaf = true;
		p->when = LA_SIM_WHEN_TIME;
		p->amount = 10 * time;
	}
}

void
rw_attempt(const struct rw_spec *spec, const struct rw_params *d, unsigned i, struct rw_attempt *a)
{
	struct la_rng r = {rw_mix(spec->seed, OF_ATTEMPT, i)};
	unsigned opts = la_rng_below(&r, 32), first = la_rng_below(&r, 5), lport, rport;
	bool six = one_in(&r, 3), reuse = one_in(&r, 2), pause = one_in(&r, 250), restart, starve;
	uint32_t gap = la_rng_below(&r, 1000);

	memset(a, 0, sizeof(*a));
	a->gap_us = d->gap_us * gap * gap / 333333;
	if (pause && has(spec, RW_PAUSE))
		a->gap_us += la_rng_below(&r, 7200) * UINT64_C(1000000);
	a->from = (uint8_t)la_rng_below(&r, d->hosts);
	a->to = (uint8_t)((a->from + 1 + la_rng_below(&r, d->hosts - 1)) % d->hosts);
	a->ip6 = spec->ip6 && (six || !spec->ip4);
	lport = la_rng_below(&r, d->lports);
	rport = la_rng_below(&r, d->rports);
	/* few tuples, opened from one end only: nearly every connection follows another one on its tuple */
	if (d->fixed_isn) {
		a->from = 0;
		a->to = 1;
	}
	a->lport = (uint16_t)(RW_PORT + lport);
	a->rport = (uint16_t)(RW_PORT + rport);
	sending(spec, &r, &a->active);
	sending(spec, &r, &a->passive);
	endings(spec, &r, &a->active, a->passive.send, first < 3);
	endings(spec, &r, &a->passive, a->active.send, first > 1);
	a->active.opts = d->opts[opts];
	a->active.opts.reuse_time_wait = reuse && has(spec, RW_REUSE) && !spec->beyond;
	restart = one_in(&r, 300);
	a->orderly = one_in(&r, 2);
	a->restart = restart && has(spec, RW_RESTART) && !spec->beyond ? (int)la_rng_below(&r, d->hosts) : -1;
	starve = one_in(&r, 200);
	a->starve = starve && has(spec, RW_STARVE);
}

/* ------------------------------------------------------------------ a segment */

struct la_fate
rw_fate(const struct rw_spec *spec, const struct rw_params *d, unsigned way, uint32_t n)
{
	struct la_rng r = {rw_mix(spec->seed, OF_SEGMENT | way << 8, n)};
	bool is[RW_JITTER + 1];
	uint64_t hold, jitter;

	for (unsigned k = 0; k <= RW_JITTER; k++) {
		is[k] = la_rng_below(&r, 1000000) < d->ppm[k];
	}
	hold = la_rng64(&r) % d->hold_us;
	jitter = la_rng64(&r) % d->jitter_us;
	if (is[RW_DROP])
		return (struct la_fate){LA_FAULT_DROP, 0};
	if (is[RW_HOLD])
		return (struct la_fate){LA_FAULT_HOLD, hold};
	if (is[RW_DUP])
		return (struct la_fate){LA_FAULT_DUP, n & 1 ? hold : jitter};
	if (is[RW_CORRUPT])
		return (struct la_fate){LA_FAULT_CORRUPT, 0};
	if (is[RW_REORDER])
		return (struct la_fate){LA_FAULT_REORDER, 0};
	if (is[RW_JITTER] && jitter)
		return (struct la_fate){LA_FAULT_HOLD, jitter};
	return (struct la_fate){LA_FAULT_NONE, 0};
}
