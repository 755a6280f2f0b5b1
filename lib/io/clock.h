/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_CLOCK_H
#define LA_IO_CLOCK_H

/* The clock of a shard: the TSC as milliseconds. */

#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>

/** The TSC as milliseconds, with a division only when the millisecond changes. */
struct la_clock {
	uint64_t next; /* TSC at which the next millisecond begins */
	uint64_t ms;
	uint64_t base, per_ms;
};

/** Starts the clock at `ms`, below 2^41. Call after the start of DPDK, which measures the rate of the TSC. */
static inline void
la_clock_start(struct la_clock *c, uint64_t ms)
{
	c->per_ms = rte_get_tsc_hz() / 1000;
	c->base = rte_rdtsc() - ms * c->per_ms;
	c->next = 0;
	c->ms = ms;
}

/** The millisecond of `tsc`; the result never decreases. */
static inline uint64_t
la_clock_at(struct la_clock *c, uint64_t tsc)
{
	if (unlikely(tsc >= c->next)) {
		c->ms = (tsc - c->base) / c->per_ms;
		c->next = c->base + (c->ms + 1) * c->per_ms;
	}
	return c->ms;
}

static inline uint64_t
la_clock_now(struct la_clock *c)
{
	return la_clock_at(c, rte_rdtsc());
}

#endif
