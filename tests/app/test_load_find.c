/* SPDX-License-Identifier: BSD-3-Clause */

/* The search for the highest rate: a model of a server decides which trials pass. */

#include <criterion/criterion.h>

#include "load/load_find.h"

static struct find f;
static unsigned trials;

/* A server with a capacity of `capacity` connections/s. Trial k also fails if bit k % 64 of luck is set. */
static void
search(uint64_t capacity, uint64_t luck)
{
	unsigned before = f.trials;

	for (trials = 0; f.rate != 0; trials++) {
		bool ok = f.rate <= capacity && !(luck >> trials % 64 & 1);

		cr_assert_lt(trials, 200u, "the search does not end");
		cr_assert_leq(f.rate, f.most);
		cr_assert_geq(f.rate, 1u);
		find_note(&f, ok, (double)(f.rate < capacity ? f.rate : capacity));
	}
	cr_assert_eq(f.trials - before, trials);
}

/* Expects that the search finds a rate that is at most the share `below` below the capacity. */
static void
expect_found(uint64_t start, uint64_t capacity, uint64_t luck, double below)
{
	double median, least, greatest;

	find_init(&f, start, 10000000);
	search(capacity, luck);
	cr_assert_eq(f.phase, FIND_FOUND, "%lu from %lu: phase %d", capacity, start, f.phase);
	find_result(&f, &median, &least, &greatest);
	cr_assert(least <= median && median <= greatest && greatest <= (double)capacity);
	cr_assert_geq(least, (double)capacity * (1 - below) - 1, "%lu from %lu: %g", capacity, start, least);
}

Test(find, the_capacity_to_one_percent)
{
	static const uint64_t capacities[] = {1, 2, 3, 10, 99, 1000, 1001, 54321, 385000, 1000000, 9999999};
	static const uint64_t starts[] = {1, 7, 1000, 1000000};

	for (unsigned c = 0; c < sizeof(capacities) / sizeof(capacities[0]); c++)
		for (unsigned s = 0; s < sizeof(starts) / sizeof(starts[0]); s++)
			expect_found(starts[s], capacities[c], 0, FIND_PRECISION);
}

Test(find, single_random_failures_change_nothing)
{
	/* every third trial fails */
	expect_found(1000, 385000, UINT64_C(0x9249249249249249), FIND_PRECISION);
	/* the first trial fails */
	expect_found(1000, 385000, 1, FIND_PRECISION);
}

/* Up to FIND_DISTURBED - 1 disturbed trials before each trial that counts. */
Test(find, disturbed_trials_change_nothing)
{
	double median, least, greatest;
	unsigned disturbed = 0;

	find_init(&f, 1000, 10000000);
	for (unsigned i = 0; f.rate != 0; i++) {
		uint64_t rate = f.rate;

		cr_assert_lt(i, 200u, "the search does not end");
		/* a trial that fails is followed by a second one of the same rate */
		for (unsigned k = 0; !f.again && k < i % FIND_DISTURBED; k++, disturbed++) {
			find_note_disturbed(&f);
			cr_assert_eq(f.rate, rate);
		}
		find_note(&f, rate <= 385000, (double)rate);
	}
	cr_assert_gt(disturbed, 20u);
	cr_assert_eq(f.phase, FIND_FOUND);
	find_result(&f, &median, &least, &greatest);
	cr_assert(least >= 385000 * (1 - FIND_PRECISION) && greatest <= 385000, "%g to %g", least, greatest);
}

Test(find, a_rate_whose_trials_are_all_disturbed_has_failed)
{
	find_init(&f, 1000, 10000000);
	find_note(&f, true, 1000);
	cr_assert_eq(f.rate, 2000u);
	for (unsigned i = 1; i < FIND_DISTURBED; i++)
		find_note_disturbed(&f);
	cr_assert_eq(f.rate, 2000u);
	find_note_disturbed(&f);
	cr_assert_eq(f.phase, FIND_BISECT);
	cr_assert_eq(f.failed, 2000u);
	cr_assert_eq(f.rate, 1500u);
	cr_assert_eq(f.disturbed, 0u, "the next rate has all its trials");
	cr_assert_eq(f.trials, 1u + FIND_DISTURBED);
}

Test(find, a_confirmation_that_fails_twice_lowers_the_rate)
{
	find_init(&f, 1000, 10000000);
	while (f.phase != FIND_CONFIRM)
		find_note(&f, f.rate <= 100000, (double)f.rate);
	find_note(&f, true, (double)f.rate);
	find_note(&f, false, 0);
	find_note(&f, false, 0);
	cr_assert_eq(f.phase, FIND_CONFIRM);
	cr_assert_eq(f.confirmed, 0u, "the number of confirmations is not 0 again");
	cr_assert(f.rate <= 97500 && f.rate >= 96500, "%lu", f.rate);
	search(96000, 0);
	cr_assert_eq(f.phase, FIND_FOUND);
}

Test(find, the_highest_rate_allowed_ends_the_search)
{
	double median, least, greatest;

	find_init(&f, 1000, 50000);
	search(UINT64_MAX, 0);
	find_result(&f, &median, &least, &greatest);
	cr_assert_eq(f.phase, FIND_FOUND);
	cr_assert_eq(median, 50000);
}

Test(find, nothing_passes)
{
	find_init(&f, 1000, 10000000);
	search(0, 0);
	cr_assert_eq(f.phase, FIND_NOTHING);
	cr_assert_lt(trials, 30u);
}

/* A machine that has become slower: steps back grow, and the search goes up again. */
Test(find, a_machine_that_became_slower)
{
	static const uint64_t slow[] = {90000, 50000, 10000};
	double median, least, greatest;

	for (unsigned i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		find_init(&f, 1000, 10000000);
		while (f.phase != FIND_CONFIRM)
			find_note(&f, f.rate <= 100000, (double)f.rate);
		search(slow[i], 0);
		cr_assert_eq(f.phase, FIND_FOUND);
		find_result(&f, &median, &least, &greatest);
		cr_assert_geq(least, (double)slow[i] * (1 - 1.0 / FIND_BACK) - 1, "%g", least);
	}
}

/* The machine is slow until the first rate is confirmed. */
Test(find, a_bound_that_was_too_low_is_tried_again)
{
	static const uint64_t slow[] = {3, 1000, 54321, 385000};
	double median, least, greatest;

	for (unsigned i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		find_init(&f, 1000, 10000000);
		while (f.phase != FIND_CHALLENGE)
			find_note(&f, f.rate <= slow[i], (double)f.rate);
		search(slow[i] * 3, 0);
		cr_assert_eq(f.phase, FIND_FOUND);
		find_result(&f, &median, &least, &greatest);
		cr_assert_geq(least, (double)slow[i] * 3 * (1 - FIND_PRECISION) - 1, "%g", least);
	}
}

Test(find, every_retry_must_fail)
{
	find_init(&f, 1000, 10000000);
	while (f.phase != FIND_CHALLENGE)
		find_note(&f, f.rate <= 100000, (double)f.rate);
	f.challenges_most = 7;
	for (unsigned i = 0; i < 7 * 2; i++) {
		cr_assert_eq(f.phase, FIND_CHALLENGE);
		cr_assert(f.rate >= 101500 && f.rate <= 102500, "%lu", f.rate);
		find_note(&f, false, 0);
	}
	cr_assert_eq(f.phase, FIND_FOUND);
}

/* A rate that passed once without confirmation does not replace the confirmed rate. */
Test(find, a_confirmed_rate_is_kept)
{
	double median, least, greatest;

	find_init(&f, 1000, 10000000);
	while (f.phase != FIND_CHALLENGE)
		find_note(&f, f.rate <= 100000, (double)f.rate);
	find_note(&f, true, (double)f.rate);
	while (f.phase != FIND_CHALLENGE)
		find_note(&f, false, 0);
	cr_expect_eq(f.challenges, 1u, "the unconfirmed challenge does not count as failed");
	search(1, 0);
	cr_assert_eq(f.phase, FIND_FOUND);
	find_result(&f, &median, &least, &greatest);
	cr_assert(least >= 99000 && greatest <= 100000, "%g to %g", least, greatest);
}

/* The server's capacity shrinks: the search fails. */
Test(find, nothing_is_confirmed)
{
	find_init(&f, 1000, 10000000);
	while (f.phase != FIND_CONFIRM)
		find_note(&f, f.rate <= 100000, (double)f.rate);
	search(0, 0);
	cr_assert_eq(f.phase, FIND_NOTHING);
}
