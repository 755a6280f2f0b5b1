/* SPDX-License-Identifier: BSD-3-Clause */

/* A station of a load: opens connections.
 *
 * Open loop: connection n begins at its time in the schedule (load_pace.c), independent of earlier
 * connections. A late station begins the due connections in bursts, one burst a round, so that packets are processed
 * in between. Latencies count from the due time. Connections that have not begun at the end count as unstarted. When no
 * tuple is free, the connection is not opened and counts as no_tuple. Station i of k has connections
 * i, i + k, i + 2k ...
 *
 * Closed loop: a constant number of connections is open; the next begins when one has ended.
 *
 * Before either loop, one connection to each target is opened and closed without a request, and counts only as
 * warmup. During the resolution of a next hop only a few packets can wait: many SYNs would be dropped
 * and sent again a second later. The schedule starts when the warm-up connections are open or have failed. This
 * wait is taken from --drain, so that duration + drain + linger bounds the run.
 *
 * When a schedule ends by time (--duration, or the end of a ramp), the station aborts the connections that are still
 * open --drain later; they count as unfinished. At the end of the hold time of a --find-max trial that fell behind, the
 * station aborts the open connections at once. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "load/internal.h"

enum {
	BURST = 64,	      /* most connections begun a round */
	SKIPS = 64,	      /* most attempts with tuples in use, for one connection a round */
	WARM_NS = 1500000000, /* longest wait for the warm-up connections; at most half of --drain */
	LATE_NS = 1000000,    /* a larger lag counts as late; also the time to the next attempt */
	GRACE_NS = 50000000,  /* largest lag with which connections still begin after the end */
	ABORT_BURST = 512,    /* most connections aborted a round */
	AWAKE_NS = 600000,    /* no sleep when a connection is due within this time: a sleep may take 500 us */
};

enum verdict { BEGUN, NO_TUPLE, NOT_NOW, NEVER };

/* Returns the end of the schedule, by its own length or by --duration, ns. PACE_NEVER: no end. */
static uint64_t
schedule_end(const struct load_station *st)
{
	uint64_t end = load_time_limit(st->cfg);

	return end == PACE_NEVER ? end : st->start + end;
}

/* Returns the time at which open connections are aborted, ns. UINT64_MAX: never. */
static uint64_t
abort_time(const struct load_station *st)
{
	uint64_t end = schedule_end(st), warm = st->start - st->warm_start;
	uint64_t drain = st->cfg->drain_ms * UINT64_C(1000000);

	return end == PACE_NEVER ? UINT64_MAX : end + (drain > warm ? drain - warm : 0);
}

/* From this call on the station opens no connections of the schedule. */
static void
station_stop(struct load_station *st)
{
	if (st->phase == LOAD_STOPPED)
		return;
	st->stopped_at = load_now(st);
	st->abort_at = st->phase == LOAD_GO ? abort_time(st) : UINT64_MAX;
	if (st->phase == LOAD_WARM)
		st->start = st->stopped_at;
	st->orderly_at_stop = load_orderly(&st->n);
	__atomic_store_n(&st->phase, LOAD_STOPPED, __ATOMIC_RELEASE);
}

/* Stops the station after a permanent error of la_connect(). */
static void
station_cannot_open(struct load_station *st)
{
	st->cut = true;
	station_stop(st);
}

/* Draws a tuple of the next target that has a free one. The targets of a port take turns. Returns false when no target
 * has one. */
static bool
next_tuple(struct load_station *st, uint64_t now_ms, struct la_tuple *t, unsigned *ticket, unsigned *target)
{
	for (unsigned i = 0; i < st->ntargets; i++) {
		unsigned at = st->targets[st->turn];

		st->turn = st->turn + 1 == st->ntargets ? 0 : st->turn + 1;
		if (la_tuples_next(&st->tuples[at], now_ms, t, ticket) == 0) {
			*target = at;
			return true;
		}
	}
	return false;
}

static enum verdict
connect_on(struct load_station *st, struct la_shard *shard, struct load_conn *lc, const struct la_tuple *t)
{
	int rc = load_connect(st, shard, lc, t);

	if (rc == 0)
		return BEGUN;
	if (rc == -EADDRINUSE || rc == -EADDRNOTAVAIL)
		return NO_TUPLE; /* of this target; the next target may have one */
	if (rc == -ENOBUFS || rc == -EAGAIN)
		return NOT_NOW; /* no TCB, no TIME_WAIT entry, or quiet time */
	st->fatal = rc;
	return NEVER;
}

static void
station_account(struct load_station *st, struct load_conn *lc, uint64_t due)
{
	uint64_t now = load_now(st), lag = now > due ? now - due : 0;

	lc->mode = (uint8_t)mix_next(&st->mix);
	LOAD_ADD(st->n.connects, 1);
	LOAD_ADD(st->n.planned[lc->mode], 1);
	LOAD_ADD(st->at[lc->target].connects, 1);
	st->begun++;
	la_histogram_record(&st->latency[LAT_LAG], lag);
	if (lag > LATE_NS)
		LOAD_ADD(st->n.late, 1);
	if (st->step) {
		lc->step = (uint16_t)pace_step_of(&st->cfg->pace, st->index + st->slots * st->of);
		st->step[lc->step].begun++;
		la_histogram_record(&st->step[lc->step].latency[LAT_LAG], lag);
	}
}

static void
account_warm(struct load_station *st, struct load_conn *lc, uint64_t now)
{
	lc->mode = CLOSE_CLIENT;
	LOAD_ADD(st->n.warmup, 1);
	if (st->warm == 0)
		st->warm_start = now;
	st->warm_open++;
}

static enum verdict
station_begin_conn(struct load_station *st, struct la_shard *shard, uint64_t due, bool warm)
{
	struct load_conn *lc = slab_get(&st->conns);
	unsigned target;
	struct la_tuple t;

	if (lc == NULL)
		return NOT_NOW;
	for (unsigned skips = 0; skips < SKIPS; skips++) {
		enum verdict v;

		if (!next_tuple(st, st->now_ms, &t, &lc->ticket, &target))
			break;
		lc->st = st;
		lc->target = (uint8_t)target;
		v = connect_on(st, shard, lc, &t);
		if (v == BEGUN) {
			lc->due = due;
			lc->warm = warm;
			if (warm)
				account_warm(st, lc, due);
			else
				station_account(st, lc, due);
			load_conn_begin(lc);
		} else if (v == NO_TUPLE)
			LOAD_ADD(st->n.skipped, 1);
		else
			slab_put(&st->conns, lc);
		if (v != NO_TUPLE)
			return v;
	}
	slab_put(&st->conns, lc);
	return NO_TUPLE;
}

/* Opens the first connections, one a target, then waits for them and starts the schedule. A connection that is refused
 * during duplicate address detection of our own address (RFC 4862 5.4) is tried again. */
static void
warm_up(struct load_station *st, struct la_shard *shard, uint64_t now)
{
	uint64_t half = st->cfg->drain_ms * UINT64_C(500000), wait = half < WARM_NS ? half : WARM_NS;

	if (st->warm < st->ntargets && st->begun < st->share) {
		enum verdict v = station_begin_conn(st, shard, now, true);

		if (v == BEGUN) {
			st->warm++;
			st->warm_until = st->warm_start + wait;
		} else if (v == NEVER) {
			station_cannot_open(st);
		}
		st->retry_at = v == BEGUN ? 0 : now + LATE_NS;
		return;
	}
	if (st->warmed < st->warm && now < st->warm_until)
		return;
	LOAD_ADD(st->n.skipped, -st->n.skipped);
	st->start = now;
	if (st->warm == 0)
		st->warm_start = now;
	__atomic_store_n(&st->phase, LOAD_GO, __ATOMIC_RELEASE);
}

/* Returns the due time of the next connection of the schedule. A due time does not change once it is known. */
static uint64_t
due_of(struct load_station *st)
{
	uint64_t n = st->index + st->slots * st->of;

	if (n != st->next_n || st->next_due == PACE_NEVER) {
		st->next_n = n;
		st->next_due = pace_due(&st->cfg->pace, n);
	}
	return st->next_due == PACE_NEVER ? PACE_NEVER : st->start + st->next_due;
}

/* Ends the schedule: connections that are due and have not begun count as unstarted. */
static void
stop_schedule(struct load_station *st, uint64_t end)
{
	uint64_t due = due_of(st);

	while (due < end && st->begun < st->share) {
		LOAD_ADD(st->n.unstarted, 1);
		st->slots++;
		st->begun++;
		due = due_of(st);
	}
	station_stop(st);
}

/* Skips the slots of the schedule that the control thread has given up; they count as unstarted. */
static void
skip_given_up(struct load_station *st)
{
	uint64_t before = __atomic_load_n(&st->given_up, __ATOMIC_RELAXED), slots;

	if (before <= st->index + st->slots * st->of)
		return;
	slots = (before - st->index + st->of - 1) / st->of;
	LOAD_ADD(st->n.unstarted, slots - st->slots);
	st->slots = slots;
}

static enum la_round
open_loop(struct load_station *st, struct la_shard *shard, uint64_t now)
{
	uint64_t end = schedule_end(st), due;
	bool busy = false;

	skip_given_up(st);
	due = due_of(st);

	for (unsigned i = 0; i < BURST && due <= now && due < end && st->begun < st->share; i++) {
		enum verdict v = station_begin_conn(st, shard, due, false);

		if (v == NOT_NOW || v == NEVER) {
			if (!st->room_missed)
				LOAD_ADD(st->n.no_room, 1);
			st->room_missed = true;
			if (v == NEVER)
				station_cannot_open(st);
			break;
		}
		if (v == NO_TUPLE) {
			LOAD_ADD(st->n.no_tuple, 1);
			st->begun++;
		}
		st->room_missed = false;
		st->slots++;
		due = due_of(st);
		busy = true;
	}
	if (st->begun >= st->share || (due >= end && now >= end))
		station_stop(st);
	else if (now >= end && now - due > GRACE_NS)
		stop_schedule(st, end);
	return busy ? LA_ROUND_BUSY : due < now + AWAKE_NS ? LA_ROUND_AWAKE : LA_ROUND_IDLE;
}

static bool
closed_loop(struct load_station *st, struct la_shard *shard, uint64_t now)
{
	uint64_t used = st->conns.used - st->warm_open;
	uint64_t room = st->concurrency > used ? st->concurrency - used : 0;
	bool busy = false;

	if (now >= schedule_end(st)) {
		station_stop(st);
		return false;
	}
	for (unsigned i = 0; i < BURST && room > 0 && st->begun < st->share; i++, room--) {
		enum verdict v = station_begin_conn(st, shard, now, false);

		if (v == BEGUN) {
			__atomic_store_n(&st->waiting, false, __ATOMIC_RELAXED);
			busy = true;
			continue;
		}
		if (v == NO_TUPLE && !st->waiting) {
			LOAD_ADD(st->n.no_tuple, 1);
			__atomic_store_n(&st->waiting, true, __ATOMIC_RELAXED);
		} else if (v == NOT_NOW) {
			LOAD_ADD(st->n.no_room, 1);
		}
		if (v == NEVER)
			station_cannot_open(st);
		/* tuples and table entries become free in ticks of 1 ms */
		st->retry_at = now + LATE_NS;
		break;
	}
	if (st->begun >= st->share)
		station_stop(st);
	return busy;
}

/* Aborts open connections, ABORT_BURST a round, after the time of --drain and after a trial that fell behind. Returns
 * whether there were any. */
static bool
abort_open(struct load_station *st, struct la_shard *shard, uint64_t now)
{
	bool is_due = load_aborts(st) || (st->phase == LOAD_STOPPED && now >= st->abort_at);

	if (st->conns.used == 0 || !is_due)
		return false;
	la_shard_abort_all(shard, ABORT_BURST);
	return true;
}

static enum la_round
poll_station(void *ctx, struct la_shard *shard, uint64_t now_ms)
{
	struct load_station *st = ctx;
	uint64_t now = load_now(st);
	enum la_round did = LA_ROUND_IDLE;
	bool busy;

	st->now_ms = now_ms;
	st->shard = shard;
	busy = !TAILQ_EMPTY(&st->later) && load_conn_later(st);
	busy |= !TAILQ_EMPTY(&st->carried) && load_carry_open(st, shard, now);
	busy |= abort_open(st, shard, now);
	if (st->phase == LOAD_STOPPED || now < st->retry_at)
		return busy ? LA_ROUND_BUSY : LA_ROUND_IDLE;
	else if (st->phase == LOAD_WARM)
		warm_up(st, shard, now);
	else if (st->cfg->pace.nsteps > 0)
		did = open_loop(st, shard, now);
	else
		busy |= closed_loop(st, shard, now);
	return busy ? LA_ROUND_BUSY : did;
}

static void
station_drain(void *ctx, struct la_shard *shard)
{
	struct load_station *st = ctx;

	(void)shard;
	st->drained = true;
	st->cut |= st->phase != LOAD_STOPPED;
	station_stop(st);
}

/* Returns whether all connections have ended and --linger has passed since then. In this time TIME_WAIT answers a
 * repeated FIN after the loss of our last ACK. */
static bool
station_is_done(void *ctx, struct la_shard *shard)
{
	struct load_station *st = ctx;
	uint64_t linger = st->cfg->linger_ms * UINT64_C(1000000);

	(void)shard;
	return st->phase == LOAD_STOPPED && st->conns.used == 0 &&
	       (st->last_close == 0 || load_now(st) >= st->last_close + linger);
}

const struct la_station_ops load_station_ops = {.poll = poll_station, .drain = station_drain, .done = station_is_done};

int
load_station_init(struct load_station *st)
{
	const struct load_config *cfg = st->cfg;

	TAILQ_INIT(&st->later);
	TAILQ_INIT(&st->carried);
	st->base = rte_rdtsc();
	st->ns_per_tsc = 1e9 / (double)rte_get_tsc_hz();
	st->mix = cfg->mix;
	st->next_due = PACE_NEVER;
	st->rng.s = cfg->seed + st->index;
	st->latency = la_mem_alloc(NULL, LATENCIES * sizeof(*st->latency), 64);
	if (st->latency == NULL)
		return -ENOMEM;
	if (cfg->pace.nsteps > 1) {
		/* calloc(), because untouched pages need no memory, and most pages of the histograms stay untouched */
		st->step = calloc(cfg->pace.nsteps, sizeof(*st->step));
		if (st->step == NULL)
			return -ENOMEM;
	}
	return slab_init(&st->conns, sizeof(struct load_conn), st->capacity + st->ntargets);
}

void
load_station_fini(struct load_station *st)
{
	if (st->latency)
		la_mem_free(NULL, st->latency, LATENCIES * sizeof(*st->latency));
	st->latency = NULL;
	free(st->step);
	st->step = NULL;
	slab_fini(&st->conns);
}
