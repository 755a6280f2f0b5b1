/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LASTACK_COUNTERS_H
#define LASTACK_COUNTERS_H

/* Counters and gauges of a shard. counters.def alone has names, kinds and texts. */

#include <stdint.h>

#include <lastack/conn.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum la_counter_kind { LA_KIND_COUNT, LA_KIND_DROP, LA_KIND_GAUGE, LA_KIND_PEAK };

enum la_counter {
#define LA_COUNTER(name, kind, text) LA_C_##name,
#include <lastack/counters.def>
#undef LA_COUNTER
	LA_NCOUNTERS
};

struct la_counters {
	uint64_t v[LA_NCOUNTERS];
	uint64_t state[LA_NSTATES];		     /* connections that are in each state */
	uint64_t entered[LA_NSTATES];		     /* times each state was entered */
	uint64_t transition[LA_NSTATES][LA_NSTATES]; /* times each [old][new] was taken */
};

/** The counter's name (its JSON key), kind, and one-line text. Out of range: NULL, LA_KIND_COUNT and NULL. */
const char *la_counter_name(enum la_counter c);
enum la_counter_kind la_counter_kind(enum la_counter c);
const char *la_counter_text(enum la_counter c);

/** Adds the counters of one shard to the sum of several. Peaks are added too, since each shard has its own table. */
void la_counters_add(struct la_counters *sum, const struct la_counters *part);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
