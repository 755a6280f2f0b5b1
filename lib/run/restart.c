/* SPDX-License-Identifier: BSD-3-Clause */

/* The start and end of an engine with a snapshot file, and quiet time without one.
 *
 *	--state FILE, a valid file of the last run       shards load it; no quiet time
 *	--state FILE, no file, or the file is refused    one MSL of quiet time
 *	--quiet-time without --state                     one MSL of quiet time
 *
 * The file may come from a run with another number of workers: its entries are redistributed (lib/snapshot/snapshot.c).
 * For that, the shards of a port have one secret, which is safe because they have no tuple in common.
 *
 * A missing file means a crash, or the first start on this machine: the two cannot be distinguished,
 * so both have quiet time, unless --quiet-time=off states that no process ran here within the last MSL. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "io/secret.h"
#include "run/restart.h"
#include "run/units.h"

static void
addrs_of(const struct la_engine *e, struct la_snapshot_addrs *a)
{
	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		const struct la_shard_config *sc = &e->cfg.stations[i].shard;

		a[i] = (struct la_snapshot_addrs){sc->addrs, sc->ranges, sc->naddrs, sc->nranges,
						  e->cfg.stations[i].port};
	}
}

static uint32_t
longest_msl(const struct la_engine *e)
{
	uint32_t msl = 0;

	for (unsigned i = 0; i < e->cfg.nstations; i++)
		msl = RTE_MAX(msl, e->cfg.stations[i].shard.msl_ms);
	return msl;
}

/* Starts quiet time unless it is off, because the previous run is unknown. why: the reason, for the message. */
static void
set_quiet_time(struct la_engine *e, const char *why)
{
	char msl[16];
	FILE *f = e->state_refused ? stderr : stdout;
	bool off = e->cfg.quiet_time == LA_QUIET_OFF;

	e->quiet_ms = off ? 0 : longest_msl(e);
	if (e->cfg.quiet && !e->state_refused)
		return;
	if (off)
		fprintf(f, "state: %s; no quiet time, as configured\n", why);
	else
		fprintf(f, "state: %s; quiet time, one MSL: no SYN is sent or answered for %s\n", why,
			la_format_duration(e->quiet_ms, msl, sizeof(msl)));
	fflush(f);
}

void
la_restart_open(struct la_engine *e)
{
	struct la_snapshot_addrs addrs[LA_ENGINE_MAX_STATIONS];
	char err[LA_ERROR_LINE];
	int rc;

	if (e->cfg.snapshot == NULL) {
		if (e->cfg.quiet_time == LA_QUIET_ON)
			set_quiet_time(e, "no snapshot file is configured");
		return;
	}
	addrs_of(e, addrs);
	rc = la_snapshot_open(e->cfg.snapshot, addrs, e->cfg.nstations, !e->cfg.quiet, NULL, &e->snapshot, err,
			      sizeof(err));
	if (rc == 0) {
		for (unsigned i = 0; i < e->cfg.nstations; i++)
			if (e->cfg.stations[i].port == 0)
				la_secret_set_rss(la_snapshot_secret(e->snapshot, i));
		/* the clock continues from the saved time, for all workers */
		e->clock.base = rte_rdtsc() - la_snapshot_now(e->snapshot) * e->clock.per_ms;
		return;
	}
	e->state_refused = rc != -ENOENT;
	set_quiet_time(e, err);
}

static void
say_loaded(const struct la_engine *e)
{
	unsigned shards = la_snapshot_shards(e->snapshot);
	uint64_t loaded = 0, lapsed = 0;

	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		const uint64_t *v = la_shard_counters(e->stations[i].shard)->v;

		loaded += v[LA_C_time_wait_loaded];
		lapsed += v[LA_C_time_wait_lapsed];
	}
	printf("state: %s: %lu TIME_WAIT entries go on, %lu ended in the %.3f s since\n", e->cfg.snapshot, loaded,
	       lapsed, (double)la_snapshot_passed(e->snapshot) / 1000);
	if (shards != e->cfg.nstations)
		printf("state: %s: written with %u shard%s, this run has %u: entries are redistributed\n",
		       e->cfg.snapshot, shards, shards == 1 ? "" : "s", e->cfg.nstations);
	if (la_snapshot_backwards(e->snapshot))
		printf("state: %s: saved at a later time than now, so the clock was set back: the time "
		       "since counts as 0 s\n",
		       e->cfg.snapshot);
}

bool
la_restart_load(struct la_engine *e)
{
	struct la_shard *shards[LA_ENGINE_MAX_STATIONS];
	char err[LA_ERROR_LINE];
	int rc;

	if (e->snapshot == NULL)
		return true;
	for (unsigned i = 0; i < e->cfg.nstations; i++)
		shards[i] = e->stations[i].shard;
	rc = la_snapshot_load(e->snapshot, shards, err, sizeof(err));
	if (rc == 0)
		rc = la_snapshot_consume(e->snapshot, err, sizeof(err));
	if (rc == 0 && !e->cfg.quiet)
		say_loaded(e);
	la_snapshot_close(e->snapshot);
	e->snapshot = NULL;
	if (rc == 0)
		return true;
	e->state_refused = true;
	set_quiet_time(e, err);
	return false;
}

void
la_restart_config(struct la_engine *e, unsigned i, struct la_shard_config *sc)
{
	_Static_assert(sizeof(sc->secret) == LA_SECRET_LEN, "the shard's secret is a port's");
	if (e->snapshot)
		memcpy(sc->secret, la_snapshot_secret(e->snapshot, i), sizeof(sc->secret));
	else
		la_secret_of_port(e->cfg.stations[i].port, sc->secret);
	sc->quiet_ms = e->quiet_ms;
}

uint64_t
la_restart_quiet_until(const struct la_engine *e)
{
	uint64_t until = 0;

	for (unsigned i = 0; i < e->cfg.nstations; i++)
		until = RTE_MAX(until, la_shard_quiet_until(e->stations[i].shard));
	return until;
}

uint32_t
la_engine_quiet_left(const struct la_engine *e)
{
	struct la_clock c = e->clock;
	uint64_t until = la_restart_quiet_until(e), now = la_clock_now(&c);

	return now < until ? (uint32_t)(until - now) : 0;
}

int
la_engine_save_snapshot(struct la_engine *e, char *err, size_t size)
{
	struct la_snapshot_addrs addrs[LA_ENGINE_MAX_STATIONS];
	struct la_shard *shards[LA_ENGINE_MAX_STATIONS];
	uint64_t entries = 0, bytes = 0, t0, t1;
	int rc;

	if (e->cfg.snapshot == NULL)
		return 0;
	addrs_of(e, addrs);
	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		shards[i] = e->stations[i].shard;
		entries += la_shard_counters(shards[i])->v[LA_C_time_wait] +
			   la_shard_counters(shards[i])->v[LA_C_fin_wait_2_held];
	}
	t0 = la_clock_now(&e->clock);
	rc = la_snapshot_save(e->cfg.snapshot, addrs, shards, e->cfg.nstations, t0, !e->cfg.quiet, NULL, &bytes, err,
			      size);
	t1 = la_clock_now(&e->clock);
	if (rc == 0 && !e->cfg.quiet)
		printf("state: %s: %lu TIME_WAIT entries saved, %.1f MB in %.2f s\n", e->cfg.snapshot, entries,
		       (double)bytes / 1e6, (double)(t1 - t0) / 1000);
	return rc;
}
