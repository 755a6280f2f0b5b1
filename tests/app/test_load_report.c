/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "load/load_report.h"

static struct load_totals t, before;
static struct load_report r;
static struct load_config cfg;
static struct la_histogram diff;
static struct expect e;
static char why[1400];

/* 1000 connections: 700 closed by the client first, 200 by the server first, 50 by both; 40 aborted, 10 reset. */
static void
fill(void)
{
	t.n.connects = t.n.established = 1000;
	t.n.complete = 990;
	t.n.incomplete = 10;
	t.n.wrong = 3;
	t.n.bad[REPLY_BAD_LENGTH] = 2;
	t.n.bad[BAD_EXTRA_BYTES] = 1;
	t.n.reconnects = 20;
	t.n.planned[CLOSE_CLIENT] = 710;
	t.n.planned[CLOSE_SERVER] = 200;
	t.n.planned[CLOSE_BOTH] = 50;
	t.n.planned[CLOSE_ABORT] = 40;
	t.n.ended[CLOSE_CLIENT][KIND_CLIENT_FIRST] = 700;
	t.n.ended[CLOSE_CLIENT][KIND_RESET] = 10;
	t.n.failed[KIND_RESET] = 10;
	t.n.ended[CLOSE_SERVER][KIND_SERVER_FIRST] = 200;
	t.n.ended[CLOSE_BOTH][KIND_SIMULTANEOUS] = 50;
	t.n.ended[CLOSE_ABORT][KIND_ABORTED] = 40;
	for (uint64_t i = 1; i <= 950; i++)
		la_histogram_record(&t.latency[LAT_CLOSE], i * 1000);
	t.c.v[LA_C_retransmits] = 3;
	t.c.v[LA_C_time_wait_peak] = 750;
	t.port.rx_missed = 2;
	t.port.tx_full = 5;
	t.seconds = 2;
	t.open = true;
	t.offered = 1000;
	t.carried = 950;
	t.busy = NAN;
}

static bool
holds(const char *text)
{
	cr_assert_eq(expect_parse(text, &e, why, sizeof(why)), 0, "%s: %s", text, why);
	return expect_judge(&e, &t);
}

Test(expect, every_operator_and_unit, .init = fill)
{
	cr_expect(holds("resets==10"));
	cr_expect(!holds("resets==0"));
	cr_expect(holds("resets != 0"));
	cr_expect(holds("closes>=1k"));
	cr_expect(!holds("closes>1k"));
	cr_expect(holds("closes_per_s==475"));
	cr_expect(holds("failed==10"));
	cr_expect(holds("failed<=1%"));
	cr_expect(!holds("failed<1%"));
	cr_expect(holds("complete>=99%"));
	cr_expect(!holds("complete >= 99.9%"));
	cr_expect_float_eq(e.got, 0.99, 1e-9);
	cr_expect(holds("resets==1%"));
	cr_expect(holds("unplanned==0"));
	cr_expect(holds("unfinished==0"));
	cr_expect(holds("orderly == 950"));
	cr_expect(holds("bad_length==2"));
	cr_expect(holds("extra_bytes==1"));
	cr_expect(holds("bad_chunk==0"));
	cr_expect(holds("reconnects==20"));
	cr_expect(holds("port_drops<8"));
	cr_expect(holds("retransmits==3"));
	cr_expect(holds("time_wait_peak<1M"));
	cr_expect(holds("early_recycles==0"));
	cr_expect(holds("unexplained_drops==0"));
	cr_expect(holds("close_max==950us"));
	cr_expect(holds("close_min==1000ns"));
	cr_expect(holds("close_mean<0.5ms"));
	cr_expect(holds("close_p50>=475us"));
	cr_expect(holds("close_p50<477us"));
	cr_expect(holds("close_p99.999<=0.95ms"));
	cr_expect(!e.no_samples);
}

Test(expect, a_figure_without_samples_fails, .init = fill)
{
	static struct load_totals none;

	cr_expect(!holds("handshake_p99<1s"));
	cr_expect(e.no_samples);
	cr_expect(!holds("handshake_mean>=0s"));
	cr_expect(!holds("unfinished_max<1s"));
	cr_assert_eq(expect_parse("failed<1%", &e, why, sizeof(why)), 0);
	cr_expect(!expect_judge(&e, &none) && e.no_samples);
	cr_assert_eq(expect_parse("closes_per_s<=1", &e, why, sizeof(why)), 0);
	cr_expect(!expect_judge(&e, &none) && e.no_samples);
	cr_assert_eq(expect_parse("resets==0", &e, why, sizeof(why)), 0);
	cr_expect(expect_judge(&e, &none), "a count without connections is not 0");
}

static void
expect_error(const char *text, const char *says)
{
	why[0] = '\0';
	cr_expect_eq(expect_parse(text, &e, why, sizeof(why)), -1, "%s", text);
	cr_expect(strstr(why, says), "%s: %s", text, why);
}

Test(expect, invalid_expectations_are_reported)
{
	expect_error("reset==0", "nearest figure is resets;");
	expect_error("reset==0", "resets, timeouts");
	expect_error("refusd==0", "nearest figure is refused;");
	expect_error("close_p9b<1ms", "nearest figure is close_p99;");
	expect_error("handshak_p99.9<1ms", "nearest figure is handshake_p99.9;");
	expect_error("closes_per_sec>1", "nearest figure is closes_per_s;");
	expect_error("retransmit==0", "nearest figure is retransmits;");
	expect_error("close_p99.9x<1ms", "close_pNN");
	expect_error("close_p101<1ms", "a percentile from 0 to 100");
	expect_error("close_p1e1<1ms", "close_pNN");
	expect_error("close_p99<5%", "unit (ns, us, ms, s)");
	expect_error("closes_per_s>5%", "a number");
	expect_error("retransmits<5%", "a number");
	expect_error("resets<0", "can hold");
	expect_error("close_p99<0ns", "can hold");
	expect_error("complete>=101%", "can hold");
	expect_error("complete>100%", "can hold");
	expect_error("resets==0.5", "can hold");
	expect_error("close_q<1ms", "first_byte_pNN");
	expect_error("resets", "NAME, one of == != <= >= < >");
	expect_error("resets=0", "NAME, one of");
	expect_error("==0", "NAME, one of");
	expect_error("resets==", "a number");
	expect_error("resets==0ms", "a number");
	expect_error("resets==-1", "a number");
	expect_error("resets==0x10", "a number");
	expect_error("close_p99<5", "unit (ns, us, ms, s)");
	expect_error("close_p99<5m", "unit (ns, us, ms, s)");
	expect_error("close_p99<nan", "unit");
	expect_error("", "NAME");
}

/* The nth field of a line, by the name in the header. */
static double
field(char *csv, const char *name)
{
	char *header = csv, *row = strchr(csv, '\n') + 1, *h, *f;

	while ((h = strsep(&header, ",\n")) != NULL && (f = strsep(&row, ",\n")) != NULL)
		if (strcmp(h, name) == 0)
			return *f != '\0' ? atof(f) : NAN;
	cr_assert_fail("no column %s", name);
	return 0;
}

static const struct load_use use[2] = {{.busy = 0.25, .cycles = 4000, .lag_p50 = 500, .lag_p99 = 2500},
				       {.busy = NAN, .cycles = NAN, .lag_p50 = NAN, .lag_p99 = NAN}};

static double
column(const char *name)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	double v;

	load_csv_header(f, 2);
	load_csv_row(f, 7.5, 2, 500, &before, &t, use, 2, &diff);
	fclose(f);
	v = field(text, name);
	free(text);
	return v;
}

Test(csv, a_row_covers_the_time_since_the_last_row, .init = fill)
{
	char *text = NULL;
	size_t n, commas[2] = {0, 0};
	FILE *f = open_memstream(&text, &n);

	load_csv_header(f, 2);
	load_csv_row(f, 7.5, 2, 500, &before, &t, use, 2, &diff);
	fclose(f);
	for (size_t i = 0, line = 0; i < n; i++) {
		if (text[i] == '\n')
			line++;
		else
			commas[line] += text[i] == ',';
	}
	cr_expect_eq(commas[0], commas[1], "%s", text);
	free(text);

	before.n.connects = 400;
	before.n.ended[CLOSE_CLIENT][KIND_CLIENT_FIRST] = 300;
	before.c.v[LA_C_retransmits] = 1;
	la_histogram_record(&before.latency[LAT_CLOSE], 950000);
	t.c.v[LA_C_time_wait] = 77;
	cr_expect_eq(column("seconds"), 7.5);
	cr_expect_eq(column("rate"), 500);
	cr_expect_eq(column("connects"), 300); /* per second */
	cr_expect_eq(column("closes"), 325);   /* orderly closes per second */
	cr_expect_eq(column("failed"), 10);
	cr_expect_eq(column("client_first"), 400); /* in the interval */
	cr_expect_eq(column("server_first"), 200);
	cr_expect_eq(column("resets"), 10);
	cr_expect_eq(column("retransmits"), 2);
	cr_expect_eq(column("time_wait"), 77);
	cr_expect_eq(column("busy_share_0"), 0.25);
	cr_expect_eq(column("cycles_per_connection_0"), 4000);
	cr_expect_eq(column("lag_p99_us_0"), 2.5);
	cr_expect(isnan(column("lag_p99_us_1")));
	cr_expect(column("close_max_us") < 950); /* the largest value is from before the interval */
	cr_expect(column("close_max_us") >= 949);
	cr_expect(isnan(column("handshake_p99_us")));
}

static const json_t *
member(const json_t *o, const char *path)
{
	char copy[80], *next = strcpy(copy, path), *key;

	while ((key = strsep(&next, "/")) != NULL)
		cr_assert((o = json_object_get(o, key)) != NULL, "%s", path);
	return o;
}

static json_int_t
number(const json_t *o, const char *path)
{
	return json_integer_value(member(o, path));
}

Test(json, has_the_documented_keys, .init = fill)
{
	json_t *o;

	r.cfg = &cfg;
	r.now = &t;
	expect_parse("resets==0", &e, why, sizeof(why));
	expect_judge(&e, &t);
	r.expects = &e;
	r.nexpects = 1;
	r.allow = 1;
	cr_expect(!load_report_ok(&r, false, why, sizeof(why)));
	load_judge(&t, &r.verdict);
	o = load_json(&r);
	cr_expect_eq(number(o, "load/connects"), 1000);
	cr_expect_eq(number(o, "load/orderly"), 950);
	cr_expect_eq(number(o, "load/closes"), 1000);
	cr_expect_eq(number(o, "load/port_drops"), 7);
	cr_expect_eq(number(o, "load/ended/resets"), 10);
	cr_expect_eq(number(o, "load/modes/client/planned"), 710);
	cr_expect_eq(number(o, "load/modes/client/client_first"), 700);
	cr_expect_eq(number(o, "load/modes/both/simultaneous"), 50);
	cr_expect_eq(number(o, "load/latency_ns/close/count"), 950);
	cr_expect_eq(number(o, "load/latency_ns/close/max"), 950000);
	cr_expect_eq(number(o, "load/faults/dropped"), 0);
	cr_expect_eq(number(o, "load/failed"), 10);
	cr_expect_eq(number(o, "load/failed_by/resets"), 10);
	cr_expect(json_is_null(member(o, "load/latency_ns/handshake/p99")));
	cr_expect(json_is_null(member(o, "load/latency_ns/handshake/mean")));
	cr_expect_eq(json_real_value(member(o, "load/verdict/offered_per_s")), 500);
	cr_expect_eq(json_real_value(member(o, "load/verdict/carried_per_s")), 475);
	cr_expect_str_eq(json_string_value(member(o, "load/verdict/limit")), "target");
	cr_expect(json_is_null(member(o, "load/slowest_closes_per_s")));
	cr_expect(json_is_true(member(o, "load/survivors_only")));
	cr_expect_eq(number(o, "load/wrong"), 3);
	cr_expect_eq(number(o, "load/reconnects"), 20);
	cr_expect_eq(number(o, "load/ended/bad_answers"), 0);
	cr_expect_eq(number(o, "load/answers_bad/bad_length"), 2);
	cr_expect_eq(number(o, "load/answers_bad/extra_bytes"), 1);
	cr_expect_eq(number(o, "load/answers_bad/timed_out"), 0);
	cr_expect(json_is_false(
		json_object_get(json_array_get(json_object_get(json_object_get(o, "load"), "expects"), 0), "ok")));
	cr_expect_null(json_object_get(json_object_get(json_object_get(o, "load"), "modes"), "half"));
	json_decref(o);
}

Test(json, targets_of_several_ports_have_their_port, .init = fill)
{
	json_t *o, *targets;

	r.cfg = &cfg;
	r.now = &t;
	cfg.ntargets = 2;
	cfg.target[1].via = 1;
	for (r.nports = 1; r.nports <= 2; r.nports++) {
		o = load_json(&r);
		targets = json_object_get(json_object_get(o, "load"), "targets");
		for (unsigned i = 0; i < 2; i++) {
			const json_t *port = json_object_get(json_array_get(targets, i), "port");

			cr_expect_eq(port != NULL, r.nports == 2);
			cr_expect_eq(json_integer_value(port), r.nports == 2 ? i : 0);
		}
		json_decref(o);
	}
}

Test(json, the_table_and_the_verdict, .init = fill)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	r.cfg = &cfg;
	r.now = &t;
	r.msl_ms = 30000;
	load_judge(&t, &r.verdict);
	expect_parse("handshake_p99<1s", &e, why, sizeof(why));
	expect_judge(&e, &t);
	r.expects = &e;
	r.nexpects = 1;
	load_report_print(&r, f);
	fclose(f);
	cr_expect(strstr(text, "client             710          700            0"), "%s", text);
	cr_expect(strstr(text, "990 complete, 10 failed (1 %: 10 resets)"), "%s", text);
	cr_expect(strstr(text, "handshake            0        -        -"), "%s", text);
	cr_expect(strstr(text, "expect handshake_p99<1s: FAILED, it has no samples\n"), "%s", text);
	cr_expect(strstr(text, "verdict: offered 500 connections/s, carried 475 orderly closes/s; "), "%s", text);
	cr_expect(strstr(text, "990 of 1000 connects"), "%s", text);
	cr_expect(strstr(text, "limit: target: 10 of 1000 connections failed: 10 resets; the port lost 7 frames\n"),
		  "%s", text);
	cr_expect(strstr(text, "           2 wrong answers: bad_length\n"), "%s", text);
	free(text);
}

/* ---- parts ---- */

Test(steps, a_connection_counts_in_the_step_of_its_due_time, .init = fill)
{
	static struct load_station st[2];
	static struct load_step step[2][2];
	static struct la_histogram latency[2][LATENCIES];
	static struct load_worker worker[2];
	char *text = NULL;
	size_t n;
	FILE *f;
	json_t *o;

	cr_assert_eq(pace_parse("100,200,100,1s", &cfg.pace, why, sizeof(why)), 0);
	for (unsigned i = 0; i < 2; i++) {
		st[i].step = step[i];
		step[i][0] = (struct load_step){.begun = 50, .complete = 50};
		step[i][1] = (struct load_step){.begun = 75, .complete = 60, .failed = 15};
		la_histogram_record(&step[i][1].latency[LAT_CLOSE], 1000);
		st[i].latency = latency[i];
		la_histogram_record(&latency[i][LAT_LAG], 1000);
		worker[i].last.stats = (struct la_station_stats){.busy_cycles = 5000, .total_cycles = 20000};
		worker[i].last.connects = 10;
		st[i].at[0] = (struct load_target_counts){.connects = 125, .orderly = 110, .failed = 15};
	}
	cfg.ntargets = 2;
	cr_assert_eq(la_addr_parse("10.0.0.1", &cfg.target[0].addr), 0);
	cfg.target[0].port = 80;
	t.seconds = 1.75; /* three quarters of the second step */
	r = (struct load_report){
		.cfg = &cfg, .now = &t, .stations = st, .nstations = 2, .msl_ms = 1000, .worker = worker};
	load_judge(&t, &r.verdict);
	f = open_memstream(&text, &n);
	load_report_print(&r, f);
	fclose(f);
	cr_expect(strstr(text, "      100/s      100        100        100         0 "), "%s", text);
	cr_expect(strstr(text, "      200/s      150        150        120        20 "), "%s", text);
	cr_expect(strstr(text, "verdict: a ramp"), "%s", text);
	cr_expect(strstr(text, "10.0.0.1:80                     250            0        220         30"), "%s", text);
	free(text);
	o = load_json(&r);
	cr_expect_eq(json_array_size(member(o, "load/steps")), 2);
	cr_expect_eq(number(json_array_get(member(o, "load/steps"), 1), "offered"), 150);
	cr_expect_eq(number(json_array_get(member(o, "load/steps"), 1), "failed"), 30);
	cr_expect_eq(number(json_array_get(member(o, "load/steps"), 1), "latency_ns/close/count"), 2);
	cr_expect_eq(number(json_array_get(member(o, "load/targets"), 0), "orderly"), 220);
	cr_expect(json_is_null(member(o, "load/verdict/carried_per_s")));
	cr_expect_eq(json_array_size(member(o, "load/workers")), 2);
	cr_expect_eq(json_real_value(member(json_array_get(member(o, "load/workers"), 1), "busy_share")), 0.25);
	cr_expect_eq(json_real_value(member(json_array_get(member(o, "load/workers"), 1), "cycles_per_connection")),
		     500);
	cr_expect_eq(number(json_array_get(member(o, "load/workers"), 1), "lag_ns/count"), 1);
	json_decref(o);
}

Test(totals, stations_add_up)
{
	static struct la_histogram h[2][LATENCIES], scratch;
	static struct load_station st[2];

	for (unsigned i = 0; i < 2; i++) {
		st[i].latency = h[i];
		st[i].n.connects = 5 + i;
		st[i].n.ended[CLOSE_ABORT][KIND_GAVE_UP] = 1;
		la_histogram_record(&h[i][LAT_LAG], 100 + i);
		load_totals_add(&t, &st[i], &scratch);
	}
	cr_expect_eq(t.n.connects, 11);
	cr_expect_eq(load_closes(&t.n), 2);
	cr_expect_eq(load_kind_total(&t.n, KIND_GAVE_UP), 2);
	cr_expect_eq(t.latency[LAT_LAG].total, 2);
	cr_expect_eq(t.latency[LAT_LAG].max, 101);
}

Test(totals, times_are_printed_short_with_their_unit)
{
	static const struct {
		double ns;
		const char *text;
	} rows[] = {{0, "0ns"},		 {999, "999ns"},       {1234, "1.2us"},	     {123456, "123us"},
		    {1234567, "1.23ms"}, {12345678, "12.3ms"}, {123456789, "123ms"}, {1.5e9, "1.50s"}};
	char buf[16];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_str_eq(load_format_ns(rows[i].ns, buf, sizeof(buf)), rows[i].text);
}
