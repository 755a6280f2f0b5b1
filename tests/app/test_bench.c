/* SPDX-License-Identifier: BSD-3-Clause */

/* `lastack bench` with small sizes: every bench runs, the server's counts agree with the generator's, and the JSON is
 * complete. Counts that differ are a fault with status 1. No figure is asserted. */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "bench/internal.h"
#include "cli/command.h"
#include "wire/tcp.h"

const char *const lastack_version = "0.0.0-test";

static char json_path[] = "/tmp/test_bench_XXXXXX";

static json_t *
result(const char *path)
{
	json_t *j = json_load_file(path, 0, NULL);

	cr_assert_not_null(j);
	return j;
}

/* Runs the named benches with small sizes; returns the JSON. */
static json_t *
run(const char *const *benches, int status, const char *compare)
{
	static char words[32][128];
	static const char *const small[] = {"--rounds",	     "2",      "--seconds", "0.002", "--population", "2048",
					    "--populations", "200000", "--idle",    "4096",  "--inflight",   "64",
					    "--json",	     NULL};
	char *argv[33] = {NULL};
	int argc = 0;
	json_t *j;

	close(mkstemp(json_path));
	strcpy(words[argc++], "bench");
	for (; *benches; benches++)
		strcpy(words[argc++], *benches);
	for (unsigned i = 0; small[i]; i++)
		strcpy(words[argc++], small[i]);
	strcpy(words[argc++], json_path);
	if (compare) {
		strcpy(words[argc++], "--compare");
		strcpy(words[argc++], compare);
	}
	for (int i = 0; i < argc; i++)
		argv[i] = words[i];
	cr_expect_eq(command_bench.run(argc, argv), status);
	j = result(json_path);
	unlink(json_path);
	return j;
}

static void
is_series(const json_t *row, const char *key, const char *name)
{
	const json_t *s = json_object_get(row, key);
	double median = json_number_value(json_object_get(s, "median"));

	cr_assert_not_null(s, "%s: no %s", name, key);
	cr_expect_eq(json_array_size(json_object_get(s, "rounds")), strcmp(key, "bytes") ? 2 : 1);
	/* the cost of an attack frame is a difference of two runs: on a busy machine it may be negative */
	if (strncmp(name, "abuse, under", 12) != 0 || strcmp(key, "ratio") == 0)
		cr_expect_gt(median, 0, "%s: %s", name, key);
	cr_expect_leq(json_number_value(json_object_get(s, "least")), median);
	cr_expect_geq(json_number_value(json_object_get(s, "most")), median);
}

/* Checks that every row is complete; returns the number of rows of this bench. */
static unsigned
rows_of(const json_t *j, const char *bench)
{
	const json_t *rows = json_object_get(j, "rows");
	unsigned n = 0;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *name = json_string_value(json_object_get(row, "name"));
		const char *is = json_string_value(json_object_get(row, "bench"));

		cr_assert(name && is);
		if (json_object_get(row, "bytes")) {
			is_series(row, "bytes", name);
		} else {
			is_series(row, "cycles", name);
			is_series(row, "tsc_cycles", name);
			is_series(row, "ns", name);
			if (strncmp(name, "abuse, under", 12) != 0)
				cr_expect_gt(json_number_value(json_object_get(row, "per_second")), 0);
		}
		if (json_object_get(row, "ratio_to"))
			is_series(row, "ratio", name);
		n += strcmp(is, bench) == 0;
	}
	return n;
}

static void
expect_rows(json_t *j, const char *bench, unsigned rows)
{
	cr_expect(json_is_true(json_object_get(j, "good")), "%s: %s", bench,
		  json_string_value(json_object_get(j, "fault")));
	cr_expect_eq(rows_of(j, bench), rows, "%s: %u rows", bench, rows_of(j, bench));
}

static void
run_one(const char *bench, unsigned rows)
{
	const char *const names[] = {bench, NULL};
	json_t *j = run(names, EXIT_OK, NULL);

	expect_rows(j, bench, rows);
	json_decref(j);
}

Test(bench, limit)
{
	run_one("limit", 4);
}

Test(bench, exchange)
{
	run_one("exchange", 2);
}

Test(bench, repeat)
{
	run_one("repeat", 1);
}

Test(bench, lifecycle)
{
	run_one("lifecycle", 5);
}

Test(bench, churn)
{
	run_one("churn", 2);
}

Test(bench, bulk)
{
	run_one("bulk", 8);
}

Test(bench, syn_flood)
{
	run_one("syn-flood", 1);
}

Test(bench, ack_garbage)
{
	run_one("ack-garbage", 1);
}

Test(bench, idle)
{
	run_one("idle", 1);
}

static double
number(const json_t *row, const char *key)
{
	const json_t *v = json_object_get(row, key);

	cr_assert(json_is_number(v), "no %s", key);
	return json_number_value(v);
}

Test(bench, overload)
{
	const char *const names[] = {"overload", NULL};
	json_t *j = run(names, EXIT_OK, NULL), *rows = json_object_get(j, "rows");

	expect_rows(j, "overload", 5);
	for (size_t i = 1; i < 5; i++) {
		const json_t *row = json_array_get(rows, i), *ratio = json_object_get(row, "ratio");

		cr_expect_leq(json_number_value(json_object_get(ratio, "most")), 1.0);
		cr_expect_gt(number(row, "offered_per_s"), 0);
		cr_expect_gt(number(row, "carried_per_s"), 0);
		cr_expect_geq(number(row, "shed_per_s"), 0);
		cr_expect_geq(number(row, "timeouts_per_s"), 0);
		cr_expect_gt(number(row, "p99_ms"), 0);
	}
	json_decref(j);
}

Test(bench, abuse)
{
	const char *const names[] = {"abuse", NULL};
	double costs = 0;
	json_t *j = run(names, EXIT_OK, NULL), *rows = json_object_get(j, "rows");

	expect_rows(j, "abuse", 10);
	cr_assert_eq(json_array_size(json_object_get(j, "goals")), 1);
	for (size_t i = 1; i < 10; i++)
		costs += json_number_value(
			json_object_get(json_object_get(json_array_get(rows, i), "cycles"), "median"));
	cr_expect_gt(costs, 0, "the attack frames together cost nothing");
	for (size_t i = 0; i < 10; i++) {
		const json_t *row = json_array_get(rows, i);
		const char *name = json_string_value(json_object_get(row, "name"));
		double held = number(row, "held_share");

		cr_expect_eq(json_object_get(row, "ratio") != NULL, i > 0, "%s", name);
		cr_expect_gt(number(row, "closes_per_s"), 0, "%s", name);
		cr_expect_gt(number(row, "p99_ms"), 0, "%s", name);
		cr_expect_eq(number(row, "attack_frames_per_s") > 0, i > 0, "%s", name);
		cr_expect_geq(number(row, "cookies_guessed"), 0, "%s", name); /* 0.02 of a connection in this time */
		cr_expect(held >= 0 && held <= 1, "%s", name);
		/* a flood of SYNs is answered by cookies */
		cr_expect(i < 2 || json_object_size(json_object_get(row, "drops")) > 0, "%s", name);
		/* half-open connections of sources without an ACK end after 63 s, everything else ends within one
		 * second */
		cr_expect_eq(json_is_true(json_object_get(row, "gauges_back")), i != 1 && i != 2, "%s: %s", name,
			     json_string_value(json_object_get(row, "gauges_late")));
		cr_expect_leq(number(row, "gauges_back_s"), 70, "%s", name);
	}
	json_decref(j);
}

/* With one core the bench has no row, and does not fail. */
Test(bench, scaling)
{
	run_one("scaling", sysconf(_SC_NPROCESSORS_ONLN) < 2 ? 0 : 2);
}

Test(bench, goals_are_in_the_json)
{
	const char *const names[] = {"exchange", "repeat", NULL};
	json_t *j = run(names, EXIT_OK, NULL), *goals = json_object_get(j, "goals");

	cr_assert_eq(json_array_size(goals), 2); /* net_null's rows have no goal */
	for (size_t i = 0; i < 2; i++) {
		const json_t *g = json_array_get(goals, i);
		double v = json_number_value(json_object_get(g, "value"));

		cr_expect_eq(json_is_true(json_object_get(g, "met")),
			     v >= json_number_value(json_object_get(g, "bound_value")));
	}
	json_decref(j);
}

/* Compares with an older run whose ratios are all `times`, and expects the status. */
static void
compare(double times, int status)
{
	char path[] = "/tmp/test_bench_old_XXXXXX";
	json_t *old = json_pack("{s:[{s:s, s:{s:f, s:f, s:f}}]}", "rows", "name", "repeated FIN, 2048 in TIME_WAIT",
				"ratio", "median", times, "least", times, "most", times);
	const char *const names[] = {"repeat", NULL};

	close(mkstemp(path));
	cr_assert_eq(json_dump_file(old, path, 0), 0);
	json_decref(old);
	json_decref(run(names, status, path));
	unlink(path);
}

Test(bench, worse_than_the_older_run_fails)
{
	compare(1000, EXIT_FAILED);
}

Test(bench, better_than_the_older_run_passes)
{
	compare(0.00001, EXIT_OK);
}

/* ------------------------------------------------------------------ faults are detected */

static void
reset(struct la_conn *c, void *user)
{
	(void)user;
	la_abort(c);
}

static void
send_two(struct la_conn *c, void *user)
{
	(void)user;
	la_consume(c, la_unread(c));
	la_send(c, "yy", 2);
}

enum { F = LA_FIN | LA_ACK, S = LA_SYN | LA_ACK };

/* Expects a fault that contains `what`, for a connection whose script differs from the server's behaviour. */
static void
expect_fault(const struct la_conn_ops *ops, const struct gen_step *script, unsigned nsteps, const char *what)
{
	static struct bench b;
	static struct gen g;
	struct server sv;
	char err[512];
	const struct server_options o = {.ops = ops};

	cr_assert_eq(bench_start(&b, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(server_open(&sv, &b, &o), 0);
	cr_assert_eq(gen_open(&g, &sv, 1, script, nsteps), 0);
	for (unsigned i = 0; i < nsteps && b.faults == 0; i++) {
		gen_send(&g, 0);
		gen_run(&g, true);
	}
	if (b.faults == 0)
		server_check(&sv, "test", NULL);
	cr_assert(b.faults > 0);
	cr_expect(strstr(b.fault, what), "%s", b.fault);
	gen_close(&g);
	server_close(&sv);
	bench_stop(&b);
}

Test(bench, a_reset_is_a_fault)
{
	static const struct gen_step script[] = {{LA_SYN, 0, S, 0}, {LA_ACK, 0, F, 0}};

	expect_fault(&(const struct la_conn_ops){.opened = reset}, script, 2, "step 1: flags 0x14");
}

Test(bench, a_missing_answer_is_a_fault)
{
	static const struct gen_step script[] = {{LA_SYN, 0, S, 0}, {LA_ACK, 0, F, 0}};

	expect_fault(&(const struct la_conn_ops){.opened = NULL}, script, 2, "missing");
}

Test(bench, a_longer_answer_is_a_fault)
{
	static const struct gen_step script[] = {{LA_SYN, 0, S, 0}, {LA_ACK, 1, LA_ACK, 1}};

	expect_fault(&(const struct la_conn_ops){.data = send_two}, script, 2, "step 1");
}

Test(bench, a_counted_drop_is_a_fault)
{
	static const struct gen_step script[] = {{LA_SYN, 0, S, 0}, {LA_ACK, 0, 0, 0}, {LA_RST | LA_ACK, 0, 0, 0}};

	expect_fault(&(const struct la_conn_ops){.opened = NULL}, script, 3, "ended_reset");
}
