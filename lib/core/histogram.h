/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_HISTOGRAM_H
#define LA_CORE_HISTOGRAM_H

/* A histogram of high dynamic range: 1 ns and 1 h in the same table, each to three digits.
 * (Theory at the top of histogram.c.)
 *
 * One thread records. Other threads may read at the same time: each count is correct, but the counts may be
 * of different moments. The caller provides memory of a fixed size; nothing is allocated. */

#include <stdbool.h>
#include <stdint.h>

enum {
	LA_HIST_SUB_BITS = 10, /* an octave has 2^10 slots: an error of at most 0.1 % */
	LA_HIST_MAX_BITS = 42, /* values of 2^42 (73 minutes in nanoseconds) or more are counted in the last slot */
	LA_HIST_SLOTS = (LA_HIST_MAX_BITS - LA_HIST_SUB_BITS + 1) << LA_HIST_SUB_BITS,
};

struct la_histogram {
	uint64_t total; /* values recorded */
	uint64_t sum;	/* sum of all values, for the mean */
	uint64_t min;	/* smallest recorded value; 0: no value was recorded */
	uint64_t max;	/* largest recorded value; 0: no value was recorded */
	uint64_t slot[LA_HIST_SLOTS];
};

/** The slot that counts the value. */
static inline uint32_t
la_histogram_slot(uint64_t value)
{
	uint32_t octave;

	if (value >> LA_HIST_MAX_BITS)
		return LA_HIST_SLOTS - 1;
	if (value < 2u << LA_HIST_SUB_BITS)
		return (uint32_t)value;
	octave = 63 - (uint32_t)__builtin_clzll(value) - LA_HIST_SUB_BITS;
	return (octave << LA_HIST_SUB_BITS) + (uint32_t)(value >> octave);
}

/** The largest value that the slot counts. */
uint64_t la_histogram_value(uint32_t slot);

/* Another thread may read *p at the same time. */
static inline void
la_histogram_store(uint64_t *p, uint64_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
}

/** Counts a value. */
static inline void
la_histogram_record(struct la_histogram *h, uint64_t value)
{
	uint64_t *slot = &h->slot[la_histogram_slot(value)];

	la_histogram_store(slot, *slot + 1);
	la_histogram_store(&h->sum, h->sum + value);
	if (h->total == 0 || value < h->min)
		la_histogram_store(&h->min, value);
	if (value > h->max)
		la_histogram_store(&h->max, value);
	la_histogram_store(&h->total, h->total + 1);
}

/** Adds the counts of `part` to `sum`. */
void la_histogram_add(struct la_histogram *sum, const struct la_histogram *part);

/** *diff = counts of `now` minus counts of `before`, an earlier copy. min and max are computed from the slots. */
void la_histogram_since(struct la_histogram *diff, const struct la_histogram *now, const struct la_histogram *before);

/** Copies a histogram that another thread records into. The total of the copy is the sum of its slots. */
void la_histogram_read(struct la_histogram *copy, const struct la_histogram *h);

/** The smallest v such that at least `percent` % (0 to 100) of all values are <= v. It is at most 0.1 % too large,
 * and at most max. 0: no value was recorded. */
uint64_t la_histogram_percentile(const struct la_histogram *h, double percent);

double la_histogram_mean(const struct la_histogram *h);

#endif
