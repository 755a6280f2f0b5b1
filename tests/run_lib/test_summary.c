/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/summary.h"

static struct la_summary
sample(void)
{
	static struct la_summary s;
	struct la_station_stats *a, *b;

	memset(&s, 0, sizeof(s));
	s.program = "demo";
	s.version = "1.2.3";
	s.seconds = 2;
	s.msl_ms = 30000;
	s.nends = 2;
	s.end[0].name = "client";
	s.end[1].name = "server";
	s.end[0].port = s.end[1].port = "port";
	a = &s.end[0].stats;
	b = &s.end[1].stats;
	a->c.v[LA_C_opens_active] = 100;
	a->c.v[LA_C_ended_orderly] = 98;
	a->c.v[LA_C_ended_reset] = 2;
	a->c.v[LA_C_time_wait] = 90;
	a->c.v[LA_C_time_wait_peak] = 95;
	a->c.v[LA_C_rx_packets] = a->frames_in = 500;
	a->c.v[LA_C_tx_packets] = 400;
	a->frames_out = 397;
	a->frames_refused = a->port.tx_full = 3;
	a->mbufs_before = 7;
	a->mbufs_out = 8;
	b->c.v[LA_C_opens_passive] = 100;
	b->c.v[LA_C_ended_orderly] = 100;
	b->c.v[LA_C_drop_seq] = 4;
	b->c.v[LA_C_time_wait] = 1;
	b->c.state[LA_TIME_WAIT] = 1;
	s.opens_of = 0;
	return s;
}

static char *
printed(const struct la_summary *s)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	la_summary_print(s, f);
	fclose(f);
	return text;
}

Test(summary, text_names_kinds_drops_and_losses)
{
	struct la_summary s = sample();
	char *t = printed(&s);

	cr_expect(strstr(t, "orderly 98, reset 2\n"), "%s", t);
	cr_expect(strstr(t, "drop drop_seq "), "%s", t);
	cr_expect(strstr(t, "outside the window"), "%s", t);
	cr_expect(strstr(t, "port tx_full "), "%s", t);
	cr_expect(strstr(t, "\nunexplained drops 0\n"), "%s", t);
	cr_expect(strstr(t, "\nearly recycles 0\n"), "%s", t);
	cr_expect(strstr(t, "50 closes/s, 98 orderly, with MSL 30s and a TIME_WAIT peak of 95"), "%s", t);
	free(t);
}

Test(summary, a_frame_that_nobody_counts_is_unexplained)
{
	struct la_summary s = sample();
	char *t;

	cr_expect_eq(la_summary_unexplained(&s.end[0].stats), 0);
	s.end[0].stats.frames_in++;
	s.end[1].stats.c.v[LA_C_tx_packets]++;
	cr_expect_eq(la_summary_unexplained(&s.end[0].stats), 1);
	cr_expect_eq(la_summary_unexplained(&s.end[1].stats), 1);
	t = printed(&s);
	cr_expect(strstr(t, "\nunexplained drops 2\n"), "%s", t);
	free(t);
}

static json_t *
dig(json_t *at, const char **keys)
{
	for (; *keys; keys++)
		at = json_object_get(at, *keys);
	return at;
}

#define INT(o, ...) json_integer_value(dig(o, (const char *[]){__VA_ARGS__, NULL}))

Test(summary, json_has_the_documented_keys)
{
	static const char *const keys[] = {
		"program",   "version",	       "seconds", "msl_ms", "opens",	"opens_per_s",
		"closes",    "closes_per_s",   "states",  "time_wait", "early_recycles",
		"drops",     "unexplained_drops", "counters", "ports", "ends",	"tuple_budget"};
	char path[] = "/tmp/lastack-test-XXXXXX";
	struct la_summary s = sample();
	int fd = mkstemp(path);
	json_t *o;

	cr_assert(fd >= 0);
	la_summary_extra(&s, "tuple_budget", "tuples", 42);
	cr_assert_eq(la_summary_json(&s, path), 0);
	o = json_load_file(path, 0, NULL);
	close(fd);
	unlink(path);
	cr_assert(o);
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		cr_expect(json_object_get(o, keys[i]), "%s", keys[i]);

	cr_expect_eq(INT(o, "opens"), 100, "the client's alone");
	cr_expect_eq(INT(o, "closes", "total"), 100);
	cr_expect_eq(INT(o, "closes", "orderly"), 98);
	cr_expect_eq(INT(o, "closes", "reset"), 2);
	cr_expect_eq(INT(o, "closes", "fin_wait_2"), 0);
	cr_expect_eq(INT(o, "time_wait", "now"), 91, "the sum of both");
	cr_expect_eq(INT(o, "states", "TIME_WAIT"), 1);
	cr_expect_eq(INT(o, "drops", "drop_seq"), 4);
	cr_expect_eq(json_object_size(json_object_get(o, "drops")), 1, "only those that happened");
	cr_expect_eq(json_object_size(json_object_get(o, "counters")), LA_NCOUNTERS);
	cr_expect_eq(INT(o, "tuple_budget"), 42);
	cr_expect_eq(json_array_size(json_object_get(o, "ports")), 2);
	cr_expect_eq(INT(json_array_get(json_object_get(o, "ports"), 0), "tx_full"), 3);
	cr_expect_eq(INT(json_array_get(json_object_get(o, "ports"), 0), "mbufs_before"), 7);
	cr_expect_eq(INT(json_array_get(json_object_get(o, "ports"), 0), "mbufs_out"), 8);
	cr_expect_eq(json_array_size(json_object_get(o, "ends")), 2);
	json_decref(o);
}

Test(summary, json_says_when_it_cannot_be_written)
{
	struct la_summary s = sample();

	cr_expect_lt(la_summary_json(&s, "/nonexistent/dir/out.json"), 0);
	cr_expect_lt(la_summary_json(&s, "/dev/full"), 0);
}

Test(summary, the_live_line_shows_rates)
{
	struct la_summary before = sample(), now = sample();
	char line[256];

	now.end[0].stats.c.v[LA_C_opens_active] += 30;
	now.end[0].stats.c.v[LA_C_ended_orderly] += 20;
	la_live_line(&before, &now, 2.0, line, sizeof(line));
	cr_expect(strstr(line, "opens/s 15 "), "%s", line);
	cr_expect(strstr(line, "closes/s 10 "), "%s", line);
	cr_expect(strstr(line, "TIME_WAIT 91 "), "%s", line);
	cr_expect(strstr(line, "drops 4"), "%s", line);
}
