/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "load/load_mix.h"
#include "load/load_pace.h"

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)

static struct pace p;
static char why[256];

static void
good(const char *text)
{
	cr_assert_eq(pace_parse(text, &p, why, sizeof(why)), 0, "%s: %s", text, why);
}

/* Connections 333 333.3 ns apart: after a day, connection 259 200 000 is due on the nanosecond. */
Test(pace, a_rate_does_not_drift)
{
	good("3k");
	cr_expect_eq(pace_due(&p, 0), 0);
	cr_expect_eq(pace_due(&p, 1), 333333);
	cr_expect_eq(pace_due(&p, 2), 666666);
	cr_expect_eq(pace_due(&p, 3), MS);
	cr_expect_eq(pace_due(&p, 3000ull * 86400), 86400 * S);
	cr_expect_eq(pace_due(&p, 3000ull * 86400 + 1), 86400 * S + 333333);
	cr_expect_eq(pace_end(&p), PACE_NEVER);
}

/* A call that is 10 ms late gets exactly the connections due by then, each with its own time. */
Test(pace, lateness_does_not_accumulate)
{
	uint64_t n = 0, now = 10 * MS;

	good("1000");
	while (pace_due(&p, n) <= now) {
		cr_assert_eq(pace_due(&p, n), n * MS);
		n++;
	}
	cr_expect_eq(n, 11);
	cr_expect_eq(pace_due(&p, n), 11 * MS);
}

/* A generator in virtual time, which is called at random times and begins at most 64 connections a call, as a station
 * does. Within 10 s it begins the rate to 0.1 %. */
Test(pace, the_offered_rate_of_ten_seconds)
{
	static const uint64_t rates[] = {1, 3, 7, 99, 1000, 54321, 333333, 1000000};

	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		uint64_t n = 0, now = 0, random = 1;
		char text[24];

		snprintf(text, sizeof(text), "%lu", rates[i]);
		good(text);
		while (now < 10 * S) {
			for (unsigned burst = 0; burst < 64 && pace_due(&p, n) <= now; burst++)
				n++;
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
			now += 1 + (random >> 40) % 30000;
		}
		cr_expect(n * 1000 >= rates[i] * 10 * 999 && n * 1000 <= rates[i] * 10 * 1001, "%s/s: %lu in 10 s",
			  text, n);
	}
}

/* The highest rates: connection 10 * rate is due after 10 s. */
Test(pace, high_rates_are_exact)
{
	static const char *const texts[] = {"7654321", "33333333", "99999999", "100M"};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		good(texts[i]);
		cr_expect_eq(pace_due(&p, 10 * p.step[0].rate), 10 * S, "%s", texts[i]);
		cr_expect_eq(pace_count(&p, 10 * S), 10 * p.step[0].rate, "%s", texts[i]);
	}
}

Test(pace, counts_are_what_is_due_before)
{
	static const char *const texts[] = {"1", "7", "999", "100M", "10,100,30,333ms", "50,5,5,20ms"};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		good(texts[i]);
		for (uint64_t ns = 0; ns < 3 * MS * 100; ns += 13 * MS + 7) {
			uint64_t n = pace_count(&p, ns);

			cr_expect(n == 0 || pace_due(&p, n - 1) < ns, "%s: %lu", texts[i], ns);
			cr_expect_geq(pace_due(&p, n), ns, "%s: %lu", texts[i], ns);
		}
	}
}

Test(pace, a_ramp_goes_up_and_ends)
{
	good("100,300,100,2s");
	cr_expect_eq(p.nsteps, 3);
	cr_expect_eq(pace_end(&p), 6 * S);
	cr_expect_eq(pace_count(&p, 2 * S), 200);
	cr_expect_eq(pace_count(&p, 4 * S), 600);
	cr_expect_eq(pace_due(&p, 199), 1990 * MS);
	cr_expect_eq(pace_due(&p, 200), 2 * S);
	cr_expect_eq(pace_due(&p, 201), 2005 * MS);
	cr_expect_eq(pace_due(&p, 600), 4 * S);
	cr_expect_eq(pace_due(&p, 1199), 4 * S + 599 * S / 300);
	cr_expect_eq(pace_due(&p, 1200), PACE_NEVER);
	cr_expect_eq(pace_count(&p, PACE_NEVER), 1200);
}

Test(pace, a_ramp_goes_down_and_reaches_its_end_with_an_uneven_step)
{
	good("10,1,4,1s"); /* 10, 6, 2, 1 */
	cr_expect_eq(p.nsteps, 4);
	cr_expect_eq(p.step[1].rate, 6);
	cr_expect_eq(p.step[2].rate, 2);
	cr_expect_eq(p.step[3].rate, 1);
	cr_expect_eq(pace_count(&p, PACE_NEVER), 19);
	good("5,5,1,1s");
	cr_expect_eq(p.nsteps, 1);
	good("1,10,4,1s"); /* 1, 5, 9, 10 */
	cr_expect_eq(p.nsteps, 4);
	cr_expect_eq(p.step[3].rate, 10);
}

/* Due times of one step and the next do not decrease. */
Test(pace, due_times_never_go_back)
{
	uint64_t before = 0;

	good("3,50,7,311ms");
	for (uint64_t n = 0; n < pace_count(&p, PACE_NEVER); n++) {
		cr_assert_geq(pace_due(&p, n), before);
		before = pace_due(&p, n);
	}
	cr_expect_lt(before, pace_end(&p));
}

Test(pace, tuples_must_cover_the_fullest_window)
{
	good("1000");
	cr_expect_eq(pace_most(&p, 60 * S, PACE_NEVER), 60000);
	cr_expect_eq(pace_most(&p, 60 * S, 5 * S), 5000);
	good("100,300,100,10s");
	cr_expect_eq(pace_most(&p, 10 * S, PACE_NEVER), 3000);
	cr_expect_eq(pace_most(&p, 15 * S, PACE_NEVER), 4000);
	cr_expect_eq(pace_most(&p, 60 * S, 10 * S), 1000);
	good("300,100,100,10s");
	cr_expect_eq(pace_most(&p, 15 * S, PACE_NEVER), 4000);
}

/* --find-max: trials with their own rates, and pauses between them. The verdict on a trial decides the next rate. */
Test(pace, a_schedule_grows)
{
	pace_pause(&p);
	cr_assert_eq(pace_due(&p, 0), PACE_NEVER);
	cr_assert_eq(pace_end(&p), PACE_NEVER);
	cr_assert_eq(pace_grow(&p, 500, 1000, 3000000), 0);
	cr_assert_eq(pace_due(&p, 0), 500u);
	cr_assert_eq(pace_due(&p, 2), 2000500u);
	cr_assert_eq(pace_due(&p, 3), PACE_NEVER, "an open is due after the trial");
	cr_assert_eq(pace_end(&p), PACE_NEVER);
	cr_assert_eq(pace_grow(&p, 3000499, 1000, 3000000), -1, "a trial was added before the end of the last one");
	cr_assert_eq(pace_grow(&p, 4000000, 1000000, 2000), 0);
	cr_assert_eq(pace_due(&p, 2), 2000500u, "a due time of an earlier trial changed");
	cr_assert_eq(pace_due(&p, 3), 4000000u);
	cr_assert_eq(pace_due(&p, 4), 4001000u);
	cr_assert_eq(pace_due(&p, 5), PACE_NEVER);
	cr_assert_eq(pace_count(&p, 5000000), 5u);
	pace_finish(&p, 6000000);
	cr_assert_eq(pace_end(&p), 6000000u);
}

Test(pace, a_schedule_that_is_full_does_not_grow)
{
	unsigned n = 0;

	pace_pause(&p);
	while (pace_grow(&p, n * UINT64_C(1000), 1000000, 1000) == 0)
		cr_assert_lt(++n, PACE_STEPS);
	cr_assert_eq(n, (PACE_STEPS - 1) / 2);
	cr_assert_eq(pace_due(&p, n - 1), (n - 1) * UINT64_C(1000));
}

Test(pace, invalid_schedules_are_reported)
{
	static const char *const texts[] = {"0",	   "",		 "x",	    "101M",	"1,2",
					    "1,2,3",	   "1,2,0,1s",	 "1,2,1,5", "1,2,1,0s", "0,2,1,1s",
					    "1,100k,1,1s", "1,2,3,4s,5", "-5"};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		why[0] = '\0';
		cr_expect_eq(pace_parse(texts[i], &p, why, sizeof(why)), -1, "%s", texts[i]);
		cr_expect(why[0] != '\0');
	}
}

/* ---- mixes of closes ---- */

static struct mix m;

Test(mix, one_way_has_all_connections)
{
	cr_assert_eq(mix_parse("half", &m, why, sizeof(why)), 0);
	for (unsigned i = 0; i < 10; i++)
		cr_expect_eq(mix_next(&m), CLOSE_HALF);
}

/* Shares are exact in every round, and nearly exact within a round. */
Test(mix, shares_are_exact_and_even)
{
	unsigned n[CLOSE_MODES] = {0};

	cr_assert_eq(mix_parse("client:70,server:20,abort:10", &m, why, sizeof(why)), 0);
	for (unsigned i = 1; i <= 1000; i++) {
		n[mix_next(&m)]++;
		cr_expect(n[CLOSE_CLIENT] * 10 + 10 >= i * 7 && n[CLOSE_CLIENT] * 10 <= i * 7 + 10);
		if (i % 100 == 0) {
			cr_expect_eq(n[CLOSE_CLIENT], i * 7 / 10);
			cr_expect_eq(n[CLOSE_SERVER], i / 5);
			cr_expect_eq(n[CLOSE_ABORT], i / 10);
		}
	}
	cr_expect_eq(n[CLOSE_BOTH] + n[CLOSE_HALF], 0);
}

Test(mix, invalid_mixes_are_reported)
{
	static const char *const texts[] = {"",		 "nobody",   "client:0",  "client,client", "client:-1",
					    "client:1,", "client:x", "client:2M", "client;server", "clients"};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		why[0] = '\0';
		cr_expect_eq(mix_parse(texts[i], &m, why, sizeof(why)), -1, "%s", texts[i]);
		cr_expect(strstr(why, "client, server, both, half or abort"));
	}
}
