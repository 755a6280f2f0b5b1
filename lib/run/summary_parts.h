/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_SUMMARY_PARTS_H
#define LA_RUN_SUMMARY_PARTS_H

/* Inside lib/run: what the text (summary.c) and the JSON (summary_json.c) of a summary share. */

#include "run/summary.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/** The counter of each kind of end. */
extern const enum la_counter la_end_counter[LA_NENDS];

/** All ends as one: *sum holds every counter added up, *once the ends whose opens count. */
void la_summary_add_up(const struct la_summary *s, struct la_counters *sum, struct la_counters *once,
		       uint64_t *unexplained);

/** Which end sent the FIN first, by connection. Crossing: the peer's FIN arrived before ours was acknowledged
 * (CLOSING), also when ours still waited behind data. A connection without a FIN is in none of the three. */
struct la_first_fin {
	uint64_t ours, peer, crossing;
};
struct la_first_fin la_first_fin(const struct la_counters *c);

/** What one or more workers did, and what passed through their stations. */
struct la_cpu_use {
	uint64_t busy, total; /* TSC cycles */
	uint64_t packets;     /* frames in and out */
	uint64_t connections; /* opens */
};

/** The worker that shard i of the summary is on. */
struct la_cpu_use la_cpu_of_shard(const struct la_summary *s, unsigned i);

/** Of all workers, each once. */
struct la_cpu_use la_cpu_of_all(const struct la_summary *s);

/** The busy shares of the least and of the most busy worker between two looks, 0 to 1. */
struct la_busy_range {
	double low, high;
	unsigned workers;
};
struct la_busy_range la_busy_range(const struct la_summary *before, const struct la_summary *now);

/** The first shard of the summary on its worker? */
bool la_cpu_is_first(const struct la_summary *s, unsigned i);

static inline double
la_per_second(uint64_t n, double seconds)
{
	return seconds > 0 ? (double)n / seconds : 0;
}

#endif
