/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_SUMMARY_PARTS_H
#define LA_RUN_SUMMARY_PARTS_H

/* Inside lib/run: shared by the text (summary.c) and the JSON (summary_json.c) of a summary. */

#include "run/summary.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/** The counter of each kind of end. */
extern const enum la_counter la_end_counter[LA_NENDS];

/** Adds up all ends in *sum. *once: the counters of the ends whose opens and closes are the run's
 * (la_summary.opens_of). *unexplained: frames of all ends that no counter accounts for. */
void la_summary_add_up(const struct la_summary *s, struct la_counters *sum, struct la_counters *once,
		       uint64_t *unexplained);

/** Connections by the end that sent the first FIN. Crossing: the peer's FIN arrived before ours was acknowledged
 * (CLOSING), also while ours was queued after data. A connection without a FIN is in none of the three. */
struct la_first_fin {
	uint64_t ours, peer, crossing;
};
struct la_first_fin la_first_fin(const struct la_counters *c);

/** The work of one or more workers, and the traffic of their stations. */
struct la_cpu_use {
	uint64_t busy, total; /* TSC cycles */
	uint64_t packets;     /* frames in and out */
	uint64_t connections; /* opens */
};

/** The work of the worker of shard i of the summary, and the traffic of all shards of that worker. */
struct la_cpu_use la_cpu_of_shard(const struct la_summary *s, unsigned i);

/** The sum over all workers. */
struct la_cpu_use la_cpu_of_all(const struct la_summary *s);

/** The busy shares of the least and of the most busy worker between two readings, 0 to 1. */
struct la_busy_range {
	double low, high;
	unsigned workers;
};
struct la_busy_range la_busy_range(const struct la_summary *before, const struct la_summary *now);

/** Returns whether shard i is the first shard of the summary on its worker. */
bool la_cpu_is_first(const struct la_summary *s, unsigned i);

static inline double
la_per_second(uint64_t n, double seconds)
{
	return seconds > 0 ? (double)n / seconds : 0;
}

#endif
