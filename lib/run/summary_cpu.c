/* SPDX-License-Identifier: BSD-3-Clause */

/* The load of the workers. Shards of one worker have equal cycles, which are counted once. The packets and connections
 * of these shards are added up. */

#include "run/summary_parts.h"

double
la_summary_busy(const struct la_station_stats *before, const struct la_station_stats *now)
{
	uint64_t busy = now->busy_cycles, total = now->total_cycles;

	if (before != NULL) {
		busy -= before->busy_cycles;
		total -= before->total_cycles;
	}
	return total != 0 ? (double)busy / (double)total : 0;
}

bool
la_cpu_is_first(const struct la_summary *s, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (s->shard[k].worker == s->shard[i].worker)
			return false;
	return true;
}

static void
cpu_use_add(struct la_cpu_use *u, const struct la_station_stats *st, bool cycles)
{
	u->busy += cycles ? st->busy_cycles : 0;
	u->total += cycles ? st->total_cycles : 0;
	u->packets += st->frames_in + st->frames_out;
	u->connections += la_summary_opens(&st->c);
}

struct la_cpu_use
la_cpu_of_shard(const struct la_summary *s, unsigned i)
{
	struct la_cpu_use u = {0};

	for (unsigned k = 0; k < s->nshards; k++)
		if (s->shard[k].worker == s->shard[i].worker)
			cpu_use_add(&u, &s->shard[k].stats, k == i);
	return u;
}

struct la_cpu_use
la_cpu_of_all(const struct la_summary *s)
{
	struct la_cpu_use u = {0};

	for (unsigned k = 0; k < s->nshards; k++)
		cpu_use_add(&u, &s->shard[k].stats, la_cpu_is_first(s, k));
	for (unsigned k = 0; s->nshards == 0 && k < s->nends; k++)
		cpu_use_add(&u, &s->end[k].stats, true);
	if (s->opens_of >= 0)
		u.connections = la_summary_opens(&s->end[s->opens_of].stats.c);
	return u;
}

struct la_busy_range
la_busy_range(const struct la_summary *before, const struct la_summary *now)
{
	struct la_busy_range r = {.low = 1};
	unsigned n = now->nshards != 0 ? now->nshards : now->nends;

	for (unsigned k = 0; k < n; k++) {
		const struct la_station_stats *a, *b;
		double busy;

		/* the first line of a run has no previous reading */
		if (now->nshards != 0) {
			a = k < before->nshards ? &before->shard[k].stats : NULL;
			b = &now->shard[k].stats;
		} else {
			a = k < before->nends ? &before->end[k].stats : NULL;
			b = &now->end[k].stats;
		}
		r.workers += now->nshards == 0 || la_cpu_is_first(now, k);
		busy = la_summary_busy(a, b);
		r.low = busy < r.low ? busy : r.low;
		r.high = busy > r.high ? busy : r.high;
	}
	return r;
}
