/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/histogram.h"
#include "rng.h"

static struct la_histogram a, b, sum, copy, diff;

Test(histogram, slots_are_without_gaps_and_within_a_thousandth)
{
	uint64_t next = 0;

	for (uint32_t i = 0; i < LA_HIST_SLOTS; i++) {
		uint64_t top = la_histogram_value(i);

		cr_assert_eq(la_histogram_slot(next), i);
		cr_assert_eq(la_histogram_slot(top), i);
		cr_assert(top - next <= next >> LA_HIST_SUB_BITS, "slot %u: %lu to %lu", i, next, top);
		next = top + 1;
	}
	cr_expect_eq(next, 1ull << LA_HIST_MAX_BITS);
	cr_expect_eq(la_histogram_slot(UINT64_MAX), LA_HIST_SLOTS - 1);
}

Test(histogram, an_empty_histogram_has_no_percentiles)
{
	cr_expect_eq(la_histogram_percentile(&a, 50), 0);
	cr_expect_eq(la_histogram_mean(&a), 0);
	la_histogram_add(&sum, &a);
	cr_expect_eq(sum.min, 0);
	la_histogram_record(&b, 5);
	la_histogram_add(&sum, &b);
	cr_expect_eq(sum.min, 5);
	cr_expect_eq(sum.max, 5);
}

Test(histogram, percentiles_by_rank)
{
	for (uint64_t v = 1; v <= 1000; v++)
		la_histogram_record(&a, v);
	cr_expect_eq(la_histogram_percentile(&a, 0), 1);
	cr_expect_eq(la_histogram_percentile(&a, 50), 500);
	cr_expect_eq(la_histogram_percentile(&a, 99), 990);
	cr_expect_eq(la_histogram_percentile(&a, 99.9), 999);
	cr_expect_eq(la_histogram_percentile(&a, 99.91), 1000);
	cr_expect_eq(la_histogram_percentile(&a, 100), 1000);
	cr_expect_eq(la_histogram_mean(&a), 500.5);
}

/* p99.999 shows 11 slow values in a million. */
Test(histogram, slow_values_show_in_the_tail)
{
	for (unsigned i = 0; i < 999989; i++)
		la_histogram_record(&a, 100000 + i % 100);
	for (unsigned i = 0; i < 11; i++)
		la_histogram_record(&a, 3000000000u + i);
	cr_expect(la_histogram_percentile(&a, 99.99) < 100200);
	cr_expect(la_histogram_percentile(&a, 99.999) >= 3000000000u);
	cr_expect_eq(la_histogram_percentile(&a, 100), 3000000010u);
	cr_expect_eq(a.max, 3000000010u);
	cr_expect_eq(a.min, 100000);
}

static int
by_value(const void *x, const void *y)
{
	uint64_t p = *(const uint64_t *)x, q = *(const uint64_t *)y;

	return p < q ? -1 : p > q;
}

/* The percentiles of merged histograms are those of the sorted list of all values. */
Test(histogram, merged_percentiles_match_a_sorted_list)
{
	enum { N = 20000 };
	static uint64_t v[N];
	static const double percent[] = {1, 50, 90, 99, 99.9, 99.99};
	struct rng r = rng_make(42);

	for (unsigned i = 0; i < N; i++) {
		v[i] = rng64(&r) >> (24 + rng64(&r) % 40);
		la_histogram_record(i % 3 ? &a : &b, v[i]);
	}
	la_histogram_read(&sum, &a);
	cr_assert_eq(memcmp(&sum, &a, sizeof(a)), 0);
	la_histogram_add(&sum, &b);
	qsort(v, N, sizeof(v[0]), by_value);
	cr_expect_eq(sum.total, N);
	cr_expect_eq(sum.min, v[0]);
	cr_expect_eq(sum.max, v[N - 1]);
	for (unsigned i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
		uint64_t rank = (uint64_t)(N * percent[i] / 100 + 0.5), want = v[rank - 1];
		uint64_t got = la_histogram_percentile(&sum, percent[i]);

		cr_expect(got >= want && got - want <= want >> LA_HIST_SUB_BITS, "p%g: %lu for %lu", percent[i], got,
			  want);
	}
}

Test(histogram, since_is_one_interval)
{
	la_histogram_record(&a, 10);
	la_histogram_record(&a, 5000000);
	la_histogram_read(&copy, &a);
	la_histogram_record(&a, 700);
	la_histogram_record(&a, 900);
	la_histogram_since(&diff, &a, &copy);
	cr_expect_eq(diff.total, 2);
	cr_expect_eq(diff.min, 700);
	cr_expect_eq(diff.max, 900);
	cr_expect_eq(la_histogram_mean(&diff), 800);
	la_histogram_since(&diff, &a, &a);
	cr_expect_eq(diff.total, 0);
	cr_expect_eq(la_histogram_percentile(&diff, 99), 0);
}
