/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_COUNT_H
#define LA_CORE_COUNT_H

/* Counting. Every increment of a counter of kind DROP fires the probe `drop` with the number of the counter and the
 * amount. tests/probes fails on an increment of a DROP outside this file. */

#include <stdbool.h>

#include <lastack/counters.h>

#include "core/probe.h"

/* Without optimization __builtin_constant_p() is false for every argument, and la_counter_drops() runs each time. */
#ifdef __OPTIMIZE__
#define LA_COUNTER_KNOWN(c) __builtin_constant_p(c)
#else
#define LA_COUNTER_KNOWN(c) true
#endif

/** Returns whether the counter is of kind DROP: for a constant c, a constant. */
static inline bool
la_counter_drops(enum la_counter c)
{
	static const bool drops[] = {
#define LA_COUNTER(name, kind, text) [LA_C_##name] = LA_KIND_##kind == LA_KIND_DROP,
#include <lastack/counters.def>
#undef LA_COUNTER
	};

	return drops[c];
}

/** Adds n to a counter of kind DROP. c may be a variable. */
static inline void
la_counters_drop(struct la_counters *to, enum la_counter c, uint64_t n)
{
	to->v[c] += n;
	LA_PROBE2(drop, c, n);
}

/** Adds 1 to a counter. If c is a variable, its counter is not of kind DROP. */
static inline void
la_counters_one(struct la_counters *to, enum la_counter c)
{
	to->v[c]++;
	if (LA_COUNTER_KNOWN(c) && la_counter_drops(c))
		LA_PROBE2(drop, c, 1ul);
}

#endif
