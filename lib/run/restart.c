/* SPDX-License-Identifier: BSD-3-Clause */

/* How an engine begins and ends with a state file, and the quiet time that stands in for one.
 *
 *	--state FILE   the last run left a good one    shards go on with it; no quiet time
 *	               there is none, or it is refused  one MSL of quiet time
 *	neither        --quiet-time                     one MSL of quiet time
 *
 * The file may be of another number of workers: its entries are redistributed (lib/snapshot/state.c). For that, the
 * shards of a port have one secret, which costs nothing: none of them ever sees a tuple of another's.
 *
 * A missing file means a crash, or the first start on this machine: the two cannot be told apart,
 * so both wait, unless --quiet-time=off says that nothing ran here within the last MSL. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "io/secret.h"
#include "run/restart.h"
#include "run/units.h"

static void
addrs_of(const struct la_engine *e, struct la_statefile_addrs *a)
{
	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		const struct la_shard_config *sc = &e->cfg.stations[i].shard;

		a[i] = (struct la_statefile_addrs){sc->addrs, sc->ranges, sc->naddrs, sc->nranges,
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

/* Nothing is known of what ran here before, because of `why`. */
static void
be_quiet(struct la_engine *e, const char *why)
{
	char msl[16];
	FILE *f = e->state_refused ? stderr : stdout;
	bool off = e->cfg.quiet_time == LA_QUIET_OFF;

	e->quiet_ms = off ? 0 : longest_msl(e);
	if (e->cfg.quiet && !e->state_refused)
		return;
	if (off)
		fprintf(f, "state: %s; no quiet time, as asked for\n", why);
	else
		fprintf(f, "state: %s; quiet time, one MSL: no SYN is sent or answered for %s\n",
			why, la_format_duration(e->quiet_ms, msl, sizeof(msl)));
	fflush(f);
}

void
la_restart_open(struct la_engine *e)
{
	struct la_statefile_addrs addrs[LA_ENGINE_MAX_STATIONS];
	char err[400];
	int rc;

	if (e->cfg.state == NULL) {
		if (e->cfg.quiet_time == LA_QUIET_ON)
			be_quiet(e, "none was asked for");
		return;
	}
	addrs_of(e, addrs);
	rc = la_statefile_open(e->cfg.state, addrs, e->cfg.nstations, !e->cfg.quiet, NULL,
			       &e->state, err, sizeof(err));
	if (rc == 0) {
		for (unsigned i = 0; i < e->cfg.nstations; i++)
			if (e->cfg.stations[i].port == 0)
				la_secret_set_rss(la_statefile_secret(e->state, i));
		/* the clock goes on from the saved time, for all workers alike */
		e->clock.base = rte_rdtsc() - la_statefile_now(e->state) * e->clock.per_ms;
		return;
	}
	e->state_refused = rc != -ENOENT;
	be_quiet(e, err);
}

static void
say_loaded(const struct la_engine *e)
{
	unsigned shards = la_statefile_shards(e->state);
	uint64_t loaded = 0, lapsed = 0;

	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		const uint64_t *v = la_shard_counters(e->stations[i].shard)->v;

		loaded += v[LA_C_time_wait_loaded];
		lapsed += v[LA_C_time_wait_lapsed];
	}
	printf("state: %s: %lu TIME_WAIT entries go on, %lu ended in the %.3f s since\n",
	       e->cfg.state, loaded, lapsed, (double)la_statefile_passed(e->state) / 1000);
	if (shards != e->cfg.nstations)
		printf("state: %s: written with %u shard%s, this run has %u: entries are redistributed\n",
		       e->cfg.state, shards, shards == 1 ? "" : "s", e->cfg.nstations);
	if (la_statefile_backwards(e->state))
		printf("state: %s: it is from the future, the clock was set back: nothing is "
		       "counted as passed\n",
		       e->cfg.state);
}

bool
la_restart_load(struct la_engine *e)
{
	struct la_shard *shards[LA_ENGINE_MAX_STATIONS];
	char err[400];
	int rc;

	if (e->state == NULL)
		return true;
	for (unsigned i = 0; i < e->cfg.nstations; i++)
		shards[i] = e->stations[i].shard;
	rc = la_statefile_load(e->state, shards, err, sizeof(err));
	if (rc == 0)
		rc = la_statefile_consume(e->state, err, sizeof(err));
	if (rc == 0 && !e->cfg.quiet)
		say_loaded(e);
	la_statefile_close(e->state);
	e->state = NULL;
	if (rc == 0)
		return true;
	e->state_refused = true;
	be_quiet(e, err);
	return false;
}

void
la_restart_config(struct la_engine *e, unsigned i, struct la_shard_config *sc)
{
	_Static_assert(sizeof(sc->secret) == LA_SECRET_LEN, "the shard's secret is a port's");
	if (e->state)
		memcpy(sc->secret, la_statefile_secret(e->state, i), sizeof(sc->secret));
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
la_engine_save_state(struct la_engine *e, char *err, size_t size)
{
	struct la_statefile_addrs addrs[LA_ENGINE_MAX_STATIONS];
	struct la_shard *shards[LA_ENGINE_MAX_STATIONS];
	uint64_t entries = 0, bytes = 0, t0, t1;
	int rc;

	if (e->cfg.state == NULL)
		return 0;
	addrs_of(e, addrs);
	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		shards[i] = e->stations[i].shard;
		entries += la_shard_counters(shards[i])->v[LA_C_time_wait] +
			   la_shard_counters(shards[i])->v[LA_C_fin_wait_2_held];
	}
	t0 = la_clock_now(&e->clock);
	rc = la_statefile_save(e->cfg.state, addrs, shards, e->cfg.nstations, t0, !e->cfg.quiet,
			       NULL, &bytes, err, size);
	t1 = la_clock_now(&e->clock);
	if (rc == 0 && !e->cfg.quiet)
		printf("state: %s: %lu TIME_WAIT entries saved, %.1f MB in %.2f s\n", e->cfg.state,
		       entries, (double)bytes / 1e6, (double)(t1 - t0) / 1000);
	return rc;
}
