/* SPDX-License-Identifier: BSD-3-Clause */

/* The cost of each worker of a load. */

#include <math.h>

#include "load/load_worker.h"
#include "run/summary.h"

double
load_busy_share(const struct la_station_stats *before, const struct la_station_stats *now)
{
	return now->total_cycles <= before->total_cycles ? NAN : la_summary_busy(before, now);
}

void
load_worker_look(struct load_worker *w, const struct load_station *st, const struct la_station_stats *s,
		 bool under_load)
{
	w->before = w->now;
	w->now.stats = *s;
	w->now.connects = __atomic_load_n(&st->n.connects, __ATOMIC_RELAXED);
	la_histogram_read(&w->now.lag, &st->latency[LAT_LAG]);
	if (!under_load)
		return;
	if (!w->loaded)
		w->first = w->now;
	w->loaded = true;
	w->last = w->now;
}

void
load_look_use(const struct load_look *from, const struct load_look *to, struct la_histogram *scratch,
	      struct load_use *u)
{
	uint64_t n = to->connects - from->connects;

	la_histogram_since(scratch, &to->lag, &from->lag);
	u->busy = load_busy_share(&from->stats, &to->stats);
	u->cycles = n != 0 ? (double)(to->stats.busy_cycles - from->stats.busy_cycles) / (double)n : NAN;
	u->lag_p50 = scratch->total != 0 ? (double)la_histogram_percentile(scratch, 50) : NAN;
	u->lag_p99 = scratch->total != 0 ? (double)la_histogram_percentile(scratch, 99) : NAN;
}
