/* SPDX-License-Identifier: BSD-3-Clause */

/* A histogram of high dynamic range, after HdrHistogram's idea (log-linear slots).
 *
 * Each value below 2^11 has its own slot. Above, every octave [2^k, 2^(k+1)) has 2^10 slots of equal width
 * 2^(k-10), so a slot's width is at most 1/1024 of the values in it: three digits at every scale.
 * The slots of all octaves are consecutive, and a count of leading zeros and a shift give a value's
 * slot. 33 octaves are 33 792 slots, 264 KiB. Only pages with counts are touched, and the
 * latencies of one run are on few pages.
 *
 * The sum of several workers' histograms is exactly the histogram of all values. Percentiles cannot be
 * added, so each worker has a histogram. */

#include <stddef.h>
#include <string.h>

#include "core/histogram.h"

static inline uint64_t
histogram_load(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

uint64_t
la_histogram_value(uint32_t slot)
{
	uint32_t octave;

	if (slot < 2u << LA_HIST_SUB_BITS)
		return slot;
	octave = (slot >> LA_HIST_SUB_BITS) - 1;
	return ((((uint64_t)slot - ((uint64_t)octave << LA_HIST_SUB_BITS)) + 1) << octave) - 1;
}

void
la_histogram_add(struct la_histogram *sum, const struct la_histogram *part)
{
	if (part->total == 0)
		return;
	if (sum->total == 0 || part->min < sum->min)
		sum->min = part->min;
	if (part->max > sum->max)
		sum->max = part->max;
	sum->total += part->total;
	sum->sum += part->sum;
	for (uint32_t i = 0; i < LA_HIST_SLOTS; i++)
		sum->slot[i] += part->slot[i];
}

void
la_histogram_read(struct la_histogram *copy, const struct la_histogram *h)
{
	copy->sum = histogram_load(&h->sum);
	copy->min = histogram_load(&h->min);
	copy->max = histogram_load(&h->max);
	copy->total = 0;
	for (uint32_t i = 0; i < LA_HIST_SLOTS; i++)
		copy->total += copy->slot[i] = histogram_load(&h->slot[i]);
}

void
la_histogram_since(struct la_histogram *diff, const struct la_histogram *now, const struct la_histogram *before)
{
	memset(diff, 0, offsetof(struct la_histogram, slot));
	diff->sum = now->sum - before->sum;
	for (uint32_t i = 0; i < LA_HIST_SLOTS; i++) {
		diff->slot[i] = now->slot[i] - before->slot[i];
		if (diff->slot[i] == 0)
			continue;
		if (diff->total == 0)
			diff->min = la_histogram_value(i);
		diff->max = la_histogram_value(i);
		diff->total += diff->slot[i];
	}
	/* the largest value of a slot may be up to 0.1 % above the largest recorded value */
	if (diff->max > now->max)
		diff->max = now->max;
	if (diff->min > diff->max)
		diff->min = diff->max;
}

uint64_t
la_histogram_percentile(const struct la_histogram *h, double percent)
{
	uint64_t rank, seen = 0;
	double exact = (double)h->total * percent / 100;

	if (h->total == 0)
		return 0;
	/* `rank` is percent of the total, rounded up. A remainder that is only a rounding error does not count: 99.9 %
	 * of 1000 is 999, although 99.9 has no exact binary form. */
	rank = (uint64_t)exact;
	if (exact - (double)rank > 1e-12 * (double)h->total)
		rank++;
	if (rank == 0)
		return h->min;
	if (rank >= h->total)
		return h->max;
	for (uint32_t i = 0; i < LA_HIST_SLOTS; i++) {
		seen += h->slot[i];
		if (seen >= rank)
			return la_histogram_value(i) < h->max ? la_histogram_value(i) : h->max;
	}
	return h->max;
}

double
la_histogram_mean(const struct la_histogram *h)
{
	return h->total == 0 ? 0 : (double)h->sum / (double)h->total;
}
