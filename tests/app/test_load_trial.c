/* SPDX-License-Identifier: BSD-3-Clause */

/* Trials of --find-max in virtual time: a model of a target and of the generator counts connections. */

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <jansson.h>

#include "load/load_trial.h"

#define MS UINT64_C(1000000)

static struct pace pace;
static struct trials t;
static struct load_totals *all;
static char why[1400];

/* The model of the target and of the generator. */
static uint64_t serves;	  /* connections per second that the target serves; it resets all others */
static uint64_t begins;	  /* connections per second that the generator opens */
static uint64_t given_up; /* connections below this number are given up */
static uint64_t slots;	  /* number of connections that were opened or given up */

/* queues: the target lets connections wait, and resets none. waiting: number of waiting connections. */
static bool queues;
static uint64_t waiting;

/* The machine stops the generator at random times for 300 ms: on average once in `stalls` steps; 0: never. Then the
 * target resets the burst. */
static uint64_t stalls, stall_from, stalled_until, lag, dice = 1;

/* In every other reading, closes between the reading of the opens and the reading of the closes. */
static uint64_t meanwhile;

/* Runs the model for 100 ms: due connections are opened, and end at once. */
static void
step(uint64_t now)
{
	uint64_t due = pace_count(&pace, now), n, served = serves / 10;

	dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
	if (stalls != 0 && (dice >> 33) % stalls == 0)
		stalled_until = now + 300 * MS;
	if (now >= stall_from && now < stalled_until) {
		lag = due > slots ? 300 * MS : 0;
		return;
	}
	if (slots < given_up) {
		all->n.unstarted += given_up - slots;
		slots = given_up;
	}
	n = due - slots < begins / 10 ? due - slots : begins / 10;
	slots += n;
	all->n.connects += n;
	if (n > 0)
		la_histogram_record(&all->latency[LAT_LAG], lag);
	lag = 0;
	if (queues) {
		waiting += n;
		n = waiting < served ? waiting : served;
		waiting -= n;
	}
	served = n < served ? n : served;
	all->n.ended[CLOSE_CLIENT][KIND_CLIENT_FIRST] += served;
	all->n.ended[CLOSE_CLIENT][KIND_RESET] += n - served;
	all->n.failed[KIND_RESET] += n - served;
	for (uint64_t i = 0; i < served && i < 1000; i++)
		la_histogram_record(&all->latency[LAT_CLOSE], 1000000);
}

static void
abort_waiting(void)
{
	cr_assert_eq(t.state, TRIAL_ENDS);
	all->n.ended[CLOSE_CLIENT][KIND_UNFINISHED] += waiting;
	all->n.failed[KIND_UNFINISHED] += waiting;
	waiting = 0;
}

static unsigned
run(const char *conditions)
{
	uint64_t now = 0;

	memset(&t, 0, sizeof(t));
	all = calloc(1, sizeof(*all));
	cr_assert_eq(trials_parse(&t, conditions, why, sizeof(why)), 0, "%s", why);
	cr_assert_eq(trials_init(&t, &pace, 1000, 10000000, 2000 * MS), 0);
	given_up = slots = 0;
	while (pace_end(&pace) == PACE_NEVER) {
		now += 100 * MS;
		cr_assert_lt(now, 1000000 * MS, "the search does not end");
		step(now);
		if (now % (200 * MS) == 0)
			all->n.ended[CLOSE_CLIENT][KIND_CLIENT_FIRST] += meanwhile;
		given_up = trials_tick(&t, all, now);
		if (t.aborts)
			abort_waiting();
		if (now % (200 * MS) == 0)
			all->n.ended[CLOSE_CLIENT][KIND_CLIENT_FIRST] -= meanwhile;
	}
	return t.nrows;
}

static void
end(void)
{
	trials_fini(&t);
	free(all);
}

Test(trials, the_target_is_the_limit, .fini = end)
{
	double median, least, most;
	json_int_t failed;
	struct json_t *o;

	serves = 54000;
	begins = 10000000;
	run("resets==0,close_p99<5ms");
	cr_assert_eq(t.find.phase, FIND_FOUND);
	find_result(&t.find, &median, &least, &most);
	cr_assert(median <= 54000 && median >= 54000 * 0.985, "%g", median);
	for (unsigned i = 0; i < t.nrows; i++) {
		const struct trial_row *row = &t.row[i];

		cr_assert_eq(row->due, row->rate * 2, "row %u", i);
		cr_assert_eq(row->begun, row->due, "row %u", i);
		cr_assert_eq(row->orderly + row->failed, row->begun, "row %u", i);
		cr_assert_eq(row->ok, row->failed == 0, "row %u", i);
		cr_assert_eq(row->ok, row->why[0] == '\0', "row %u: %s", i, row->why);
	}
	o = trials_json(&t);
	cr_assert_eq(json_array_size(json_object_get(o, "trials")), t.nrows);
	cr_assert(json_is_true(json_object_get(o, "found")));
	failed = json_integer_value(json_object_get(o, "lowest_failed_per_s"));
	cr_assert(failed > 54000 && (double)failed <= 54000 * 1.015, "%lld", failed);
	json_decref(o);
}

Test(trials, the_generator_is_the_limit, .fini = end)
{
	double median, least, most;

	serves = 10000000;
	begins = 20000;
	run("resets==0");
	cr_assert_eq(t.find.phase, FIND_FOUND);
	find_result(&t.find, &median, &least, &most);
	cr_assert(median <= 20000 * 1.02 && median >= 20000 * 0.98, "%g", median);
	/* closer to the limit the generator is late only near the end of a trial */
	for (unsigned i = 0; i < t.nrows; i++)
		cr_assert(t.row[i].rate < 21000 || !t.row[i].disturbed, "row %u: %s", i, t.row[i].why);
	cr_assert_gt(all->n.unstarted, 0u, "no connection that was due and not begun was given up");
}

/* Every connection is served in the end, at any rate. Only the growing number of open connections shows overload. */
Test(trials, a_target_that_lets_connections_wait, .fini = end)
{
	double median, least, most;

	serves = 54000;
	begins = 10000000;
	queues = true;
	run("failed==0");
	cr_assert_eq(t.find.phase, FIND_FOUND);
	find_result(&t.find, &median, &least, &most);
	cr_assert(median <= 54000 * 1.03 && median >= 54000 * 0.98, "%g", median);
	for (unsigned i = 0; i < t.nrows; i++) {
		const struct trial_row *row = &t.row[i];

		cr_assert_eq(row->begun, row->orderly + row->failed, "row %u", i);
		cr_assert_eq(row->failed > 0, strstr(row->why, "the target was late") != NULL, "row %u: %s", i,
			     row->why);
	}
}

/* Each stall makes a burst, which exceeds what the target serves in 100 ms at half of its capacity, too. */
Test(trials, a_machine_that_stops_the_generator, .fini = end)
{
	double median, least, most;
	unsigned disturbed = 0;

	serves = 54000;
	begins = 10000000;
	stalls = 40;
	run("resets==0");
	cr_assert_eq(t.find.phase, FIND_FOUND);
	find_result(&t.find, &median, &least, &most);
	cr_assert(median <= 54000 && median >= 54000 * 0.985, "%g", median);
	for (unsigned i = 0; i < t.nrows; i++) {
		const struct trial_row *row = &t.row[i];

		cr_assert(!row->disturbed || !row->ok, "row %u", i);
		cr_assert(row->disturbed || strstr(row->why, "; longest lag ") == NULL, "row %u: %s", i, row->why);
		cr_assert(row->ok || row->disturbed || row->rate > 54000, "row %u: %s", i, row->why);
		disturbed += row->disturbed;
	}
	cr_assert_gt(disturbed, 10u);
}

/* The generator begins nothing during the second to the fourth trial. */
Test(trials, a_machine_that_stops_the_generator_for_whole_trials, .fini = end)
{
	double median, least, most;

	serves = 54000;
	begins = 10000000;
	stall_from = 2500 * MS;
	stalled_until = 9500 * MS;
	run("resets==0");
	cr_assert_eq(t.find.phase, FIND_FOUND);
	find_result(&t.find, &median, &least, &most);
	cr_assert(median <= 54000 && median >= 54000 * 0.985, "%g", median);
	cr_assert(t.row[1].disturbed && t.row[1].begun == 0, "row 1: %s", t.row[1].why);
}

/* Opens and closes are not read at once: there may be more closes than opens. */
Test(trials, closes_after_the_reading_of_the_opens, .fini = end)
{
	double median, least, most;

	serves = 54000;
	begins = 10000000;
	meanwhile = 3;
	run("resets==0");
	cr_assert_eq(t.find.phase, FIND_FOUND);
	find_result(&t.find, &median, &least, &most);
	cr_assert(median <= 54000 * 1.01 && median >= 54000 * 0.98, "%g", median);
}

Test(trials, a_target_that_resets_every_connection, .fini = end)
{
	serves = 0;
	begins = 1000000;
	run("resets==0");
	cr_assert_eq(t.find.phase, FIND_NOTHING);
	cr_assert(strstr(t.row[0].why, "resets==0: it is 2000"), "%s", t.row[0].why);
	cr_assert_eq(t.row[0].close_p99, -1, "a percentile without a sample");
}

Test(trials, invalid_conditions_are_reported)
{
	static const char *const texts[] = {"", ",", "nonsense", "resets==0,close_p99<5", "resets"};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(&t, 0, sizeof(t));
		why[0] = '\0';
		cr_assert_eq(trials_parse(&t, texts[i], why, sizeof(why)), -1, "'%s'", texts[i]);
		cr_assert_gt(strlen(why), 0u);
	}
}
