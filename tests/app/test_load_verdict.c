/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "load/load_report.h"

static struct load_totals t;
static struct load_verdict lv;
static struct expect e;
static char why[1400];

/* 1000 connections: 990 ended as planned, 10 were reset. */
static void
fill(void)
{
	t.n.connects = t.n.established = 1000;
	t.n.ended[CLOSE_CLIENT][KIND_CLIENT_FIRST] = 950;
	t.n.ended[CLOSE_ABORT][KIND_ABORTED] = 40;
	t.n.complete = 990;
	t.n.incomplete = 10;
	t.n.ended[CLOSE_CLIENT][KIND_RESET] = t.n.failed[KIND_RESET] = 10;
	t.seconds = 2;
	t.open = true;
	t.offered = 1000;
	t.carried = 950;
	t.busy = NAN;
}

/* ---- failed connections ---- */

Test(cause, each_mode_has_its_orderly_ends)
{
	static const bool planned[CLOSE_MODES][KIND_SIMULTANEOUS + 1] = {[CLOSE_CLIENT] = {true, false, true},
									 [CLOSE_SERVER] = {false, true, true},
									 [CLOSE_BOTH] = {true, true, true},
									 [CLOSE_HALF] = {true, false, true},
									 [CLOSE_ABORT] = {false, false, false}};

	for (enum close_mode m = 0; m < CLOSE_MODES; m++) {
		for (enum load_kind k = 0; k < KINDS; k++) {
			enum load_cause want = CAUSE_UNPLANNED;

			if (load_is_orderly(k) ? planned[m][k] : m == CLOSE_ABORT && k == KIND_ABORTED)
				want = CAUSES;
			else if (!load_is_orderly(k))
				want = (enum load_cause)k;
			cr_expect_eq(load_cause(m, k, true, false), want, "%s ends as %s", close_mode_name[m],
				     load_kind_name[k]);
		}
	}
	cr_expect_eq(load_cause(CLOSE_CLIENT, KIND_CLIENT_FIRST, false, false), CAUSE_INCOMPLETE);
	cr_expect_eq(load_cause(CLOSE_CLIENT, KIND_CLIENT_FIRST, true, true), CAUSE_WRONG);
	cr_expect_eq(load_cause(CLOSE_ABORT, KIND_ABORTED, false, false), CAUSE_INCOMPLETE);
	cr_expect_eq(load_cause(CLOSE_CLIENT, KIND_RESET, true, true), (enum load_cause)KIND_RESET);
}

static bool
worked(double allow, const char *expect, bool signalled)
{
	struct load_rules rules = {.expects = &e, .nexpects = expect != NULL, .allow = allow, .signalled = signalled};

	if (expect)
		cr_assert_eq(expect_parse(expect, &e, why, sizeof(why)), 0, "%s", why);
	why[0] = '\0';
	return load_worked(&t, &rules, why, sizeof(why));
}

Test(worked, one_failure_fails_the_run_unless_it_is_bounded, .init = fill)
{
	cr_expect(!worked(-1, NULL, false));
	cr_expect(strstr(why, "10 of 1000 connections failed: 10 resets"), "%s", why);
	cr_expect(worked(1, NULL, false));
	cr_expect(worked(0.01, NULL, false));
	cr_expect(!worked(0.009, NULL, false));
	cr_expect(worked(-1, "failed<=10", false));
	cr_expect(worked(-1, "resets<100", false));
	cr_expect(worked(-1, "complete>=99%", false));
	cr_expect(worked(-1, "incomplete<=10", false));
	cr_expect(!worked(-1, "resets>=1", false), "a lower bound allowed a failure");
	cr_expect(!worked(-1, "refused<100", false), "a bound on another kind allowed a failure");
	cr_expect(!worked(-1, "complete<=99%", false));
	cr_expect(!worked(0.001, "failed<=10", false), "the wider of two bounds applied");

	t.n.failed[CAUSE_WRONG] = 1;
	cr_expect(!worked(-1, "resets<100", false));
	cr_expect(!worked(-1, "complete>=99%", false), "a complete connection with a wrong answer passed");
	cr_expect(worked(-1, "failed<100", false));
	cr_expect(!worked(-1, NULL, true));
}

Test(worked, a_run_in_which_nothing_worked_fails, .init = fill)
{
	memset(t.n.ended, 0, sizeof(t.n.ended));
	memset(t.n.failed, 0, sizeof(t.n.failed));
	cr_expect(!worked(1, NULL, false), "a run in which no connection has ended passed");
	t.n.ended[CLOSE_CLIENT][KIND_REFUSED] = t.n.failed[KIND_REFUSED] = 1000;
	cr_expect(!worked(1, NULL, false));
	cr_expect(strstr(why, "no connection ended as planned: 1000 refused"), "%s", why);
	cr_expect(!worked(-1, "refused<=1000", false));
	cr_expect(!worked(1, NULL, true));
	t.n.ended[CLOSE_ABORT][KIND_ABORTED] = 1;
	cr_expect(worked(1, NULL, false), "a planned abort failed the run");

	memset(&t.n, 0, sizeof(t.n));
	cr_expect(!worked(1, NULL, false), "a run without connections and without a signal passed");
	cr_expect(worked(-1, NULL, true), "a run that a signal stopped before its first connection failed");
}

Test(worked, connections_open_at_a_signal_are_no_failures, .init = fill)
{
	memset(t.n.failed, 0, sizeof(t.n.failed));
	t.n.failed[KIND_UNFINISHED] = 10;
	cr_expect(!worked(-1, NULL, false));
	cr_expect(worked(-1, NULL, true));
	t.n.failed[KIND_RESET] = 1;
	cr_expect(!worked(-1, NULL, true));
	cr_expect(worked(-1, "resets<2", true));
}

/* ---- limit of the run ---- */

static void
set_faultless(void)
{
	fill();
	memset(t.n.failed, 0, sizeof(t.n.failed));
	memset(&t.port, 0, sizeof(t.port));
	for (unsigned i = 0; i < 1000; i++) {
		la_histogram_record(&t.latency[LAT_HANDSHAKE], 100000);
		la_histogram_record(&t.latency[LAT_LAG], 5000);
	}
}

Test(limit, nothing, .init = set_faultless)
{
	load_judge(&t, &lv);
	cr_expect_eq(lv.limit, LIMIT_NONE, "%s", lv.reason);
	cr_expect_str_empty(lv.generator);
	cr_expect_eq(lv.offered, 500);
	t.busy = 0.95;
	t.open = false;
	load_judge(&t, &lv);
	cr_expect_eq(lv.limit, LIMIT_NONE, "%s", lv.reason);
	cr_expect(strstr(lv.reason, "closed loop"), "%s", lv.reason);
	cr_expect(isnan(lv.offered));
}

Test(limit, the_target, .init = set_faultless)
{
	t.n.failed[KIND_TIMEOUT] = 3;
	t.n.failed[CAUSE_UNPLANNED] = 2;
	t.n.no_tuple = 1;
	load_judge(&t, &lv);
	cr_expect_eq(lv.limit, LIMIT_TARGET);
	cr_expect(strstr(lv.reason, "5 of 1000 connections failed: 3 timeouts, 2 unplanned"), "%s", lv.reason);
	cr_expect(strstr(lv.generator, "1 connections had no tuple"), "%s", lv.generator);
	t.n.connects = 1000000; /* five of a million are no limit */
	load_judge(&t, &lv);
	cr_expect_eq(lv.limit, LIMIT_GENERATOR);
}

Test(limit, the_port, .init = set_faultless)
{
	t.port.rx_nombuf = 1;
	load_judge(&t, &lv);
	cr_expect_eq(lv.limit, LIMIT_PORT);
	cr_expect(strstr(lv.reason, "the port lost 1 frames"), "%s", lv.reason);
}

Test(limit, this_generator, .init = set_faultless)
{
	t.busy = 0.96;
	load_judge(&t, &lv);
	cr_expect_eq(lv.limit, LIMIT_GENERATOR);
	cr_expect(strstr(lv.generator, "busy 96 %"), "%s", lv.generator);
	t.busy = NAN;
	for (unsigned i = 0; i < 11; i++) /* p99: 11 of 1011 */
		la_histogram_record(&t.latency[LAT_LAG], 20000);
	load_judge(&t, &lv);
	cr_expect_eq(lv.limit, LIMIT_GENERATOR);
	cr_expect(strstr(lv.generator, "lag p99 20.0us, above a tenth"), "%s", lv.generator);
	t.open = false; /* a closed loop has no schedule */
	load_judge(&t, &lv);
	cr_expect_eq(lv.limit, LIMIT_NONE);
	t.n.unstarted = 7;
	load_judge(&t, &lv);
	cr_expect(strstr(lv.generator, "7 connections were due and not begun"), "%s", lv.generator);
	t.n.no_room = 3;
	load_judge(&t, &lv);
	cr_expect(strstr(lv.reason, "3 waits for a TCB"), "%s", lv.reason);
}

/* The use of a worker: between the last two readings, and between the first and the last reading under load. */
Test(limit, time_spent_by_a_worker)
{
	static struct load_worker w;
	static struct la_histogram latency[LATENCIES], scratch;
	struct load_station station = {.latency = latency};
	struct la_station_stats s = {.busy_cycles = 100, .total_cycles = 1000};
	struct load_use u;

	station.n.connects = 1; /* ahead of the schedule */
	load_worker_look(&w, &station, &s, false);
	for (unsigned i = 1; i <= 3; i++) {
		station.n.connects += 10 * i;
		s.busy_cycles += 1000 * i;
		s.total_cycles += 4000;
		la_histogram_record(&latency[LAT_LAG], 1000 * i);
		load_worker_look(&w, &station, &s, i < 3);
	}
	load_look_use(&w.before, &w.now, &scratch, &u);
	cr_expect_eq(u.busy, 0.75);
	cr_expect_eq(u.cycles, 100);
	cr_expect(u.lag_p50 >= 3000 && u.lag_p99 <= 3003, "%g", u.lag_p99);
	load_look_use(&w.first, &w.last, &scratch, &u);
	cr_expect_eq(u.busy, 0.5);
	cr_expect_eq(u.cycles, 100);
	cr_expect(u.lag_p50 >= 2000 && u.lag_p99 <= 2002, "%g", u.lag_p99);
	load_look_use(&w.last, &w.last, &scratch, &u);
	cr_expect(isnan(u.busy) && isnan(u.cycles) && isnan(u.lag_p50) && isnan(u.lag_p99));
}

Test(limit, busy_share)
{
	struct la_station_stats a = {.busy_cycles = 100, .total_cycles = 1000};
	struct la_station_stats b = {.busy_cycles = 850, .total_cycles = 2000};

	cr_expect_eq(load_busy_share(&a, &b), 0.75);
	cr_expect(isnan(load_busy_share(&a, &a)));
}

/* ---- duration of rates ---- */

static struct load_config cfg;
static struct load_station st[2];
static struct load_report r = {.cfg = &cfg, .stations = st, .nstations = 2};

static double
due_ms(void)
{
	return (double)load_due_ns(&r) / 1e6;
}

static void
stopped(unsigned i, uint64_t start_ms, uint64_t at_ms)
{
	st[i].phase = LOAD_STOPPED;
	st[i].start = start_ms * 1000000;
	st[i].stopped_at = at_ms * 1000000;
}

static void
rate(const char *text, uint32_t duration_ms, uint64_t connections)
{
	cr_assert_eq(pace_parse(text, &cfg.pace, why, sizeof(why)), 0);
	cfg.duration_ms = duration_ms;
	cfg.connections = connections;
}

Test(due, an_open_loop_ends_with_its_schedule)
{
	rate("10", 1000, 0);
	cr_expect_eq(due_ms(), 0, "the schedule ended before the end of the warm-up");
	stopped(0, 100, 1100);
	stopped(1, 130, 1131); /* the latest connection is begun a little late */
	cr_expect_eq(due_ms(), 1000);
	rate("100,300,100,2s", 0, 0);
	cr_expect_eq(due_ms(), 6000);
	rate("100,300,100,2s", 5000, 0);
	cr_expect_eq(due_ms(), 5000);
}

Test(due, connections_end_when_the_next_would_be_due_or_the_last_was_begun)
{
	rate("1000", 0, 500);
	stopped(0, 0, 499);
	stopped(1, 0, 498);
	cr_expect_eq(due_ms(), 500);
	stopped(1, 0, 2000); /* a generator four times too slow: the duration ends with the last open */
	cr_expect_eq(due_ms(), 2000);
	rate("1000", 300, 500); /* --duration ends the load first */
	cr_expect_eq(due_ms(), 300);
}

Test(due, a_closed_loop_ends_when_it_opens_no_more)
{
	cfg.connections = 1000;
	stopped(0, 100, 900);
	stopped(1, 100, 850);
	cr_expect_eq(due_ms(), 800);
	cfg.duration_ms = 700;
	cr_expect_eq(due_ms(), 700);
}

Test(due, a_signal_ends_the_load_early)
{
	rate("10", 60000, 0);
	stopped(0, 100, 2100);
	stopped(1, 100, 2100);
	st[0].cut = st[1].cut = true;
	cr_expect_eq(due_ms(), 2000);
}

Test(due, a_station_without_a_part_does_not_end_the_load)
{
	rate("10", 0, 1);
	stopped(1, 5, 5);
	st[0].phase = LOAD_GO;
	st[0].base = rte_rdtsc();
	st[0].ns_per_tsc = 0; /* the station's clock stands still */
	cr_expect_eq(due_ms(), 0);
}
