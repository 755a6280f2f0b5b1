/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "load_report.h"

static struct load_totals t, before;
static struct load_report r;
static struct load_config cfg;
static struct la_histogram diff;
static struct expect e;
static char why[1400];

/* 1000 connections: 700 we closed, 200 the server, 50 crossed, 40 were aborted, 10 reset. */
static void
fill(void)
{
	t.n.connects = t.n.established = 1000;
	t.n.complete = 990;
	t.n.incomplete = 10;
	t.n.planned[CLOSE_CLIENT] = 710;
	t.n.planned[CLOSE_SERVER] = 200;
	t.n.planned[CLOSE_BOTH] = 50;
	t.n.planned[CLOSE_ABORT] = 40;
	t.n.ended[CLOSE_CLIENT][KIND_CLIENT_FIRST] = 700;
	t.n.ended[CLOSE_CLIENT][KIND_RESET] = 10;
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
	cr_expect(holds("closes_per_s<=0.5k"));
	cr_expect(holds("orderly == 950"));
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
	cr_expect(holds("handshake_p99<1s"));
	cr_expect_eq(e.got, 0);
}

static void
bad(const char *text, const char *says)
{
	why[0] = '\0';
	cr_expect_eq(expect_parse(text, &e, why, sizeof(why)), -1, "%s", text);
	cr_expect(strstr(why, says), "%s: %s", text, why);
}

Test(expect, what_cannot_be_judged_is_said)
{
	bad("reset==0", "resets, timeouts");
	bad("close_p99.9x<1ms", "close_pNN");
	bad("close_p101<1ms", "close_pNN");
	bad("close_q<1ms", "first_byte_pNN");
	bad("resets", "NAME, one of == != <= >= < >");
	bad("resets=0", "NAME, one of");
	bad("==0", "NAME, one of");
	bad("resets==", "a number");
	bad("resets==0ms", "a number");
	bad("resets==-1", "a number");
	bad("resets==0x10", "a number");
	bad("close_p99<5", "unit (ns, us, ms, s)");
	bad("close_p99<5m", "unit (ns, us, ms, s)");
	bad("close_p99<nan", "unit");
	bad("", "NAME");
}

/* The nth field of a line, by the name in the header. */
static double
field(char *csv, const char *name)
{
	char *header = csv, *row = strchr(csv, '\n') + 1, *h, *f;

	while ((h = strsep(&header, ",\n")) != NULL && (f = strsep(&row, ",\n")) != NULL)
		if (strcmp(h, name) == 0)
			return atof(f);
	cr_assert_fail("no column %s", name);
	return 0;
}

static double
column(const char *name)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	double v;

	load_csv_header(f);
	load_csv_row(f, 7.5, 2, 500, &before, &t, &diff);
	fclose(f);
	v = field(text, name);
	free(text);
	return v;
}

Test(csv, a_row_is_what_happened_since_the_last, .init = fill)
{
	char *text = NULL;
	size_t n, commas[2] = {0, 0};
	FILE *f = open_memstream(&text, &n);

	load_csv_header(f);
	load_csv_row(f, 7.5, 2, 500, &before, &t, &diff);
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
	cr_expect_eq(column("connects"), 300); /* a second */
	cr_expect_eq(column("closes"), 350);
	cr_expect_eq(column("client_first"), 400); /* in the interval */
	cr_expect_eq(column("server_first"), 200);
	cr_expect_eq(column("resets"), 10);
	cr_expect_eq(column("retransmits"), 2);
	cr_expect_eq(column("time_wait"), 77);
	cr_expect(column("close_max_us") < 950); /* the largest belongs to the interval before */
	cr_expect(column("close_max_us") >= 949);
	cr_expect_eq(column("handshake_p99_us"), 0);
}

static json_int_t
number(const json_t *o, const char *path)
{
	char copy[80], *next = strcpy(copy, path), *key;

	while ((key = strsep(&next, "/")) != NULL)
		cr_assert((o = json_object_get(o, key)) != NULL, "%s", path);
	return json_integer_value(o);
}

Test(json, has_what_the_help_says, .init = fill)
{
	json_t *o;

	r.cfg = &cfg;
	r.now = &t;
	expect_parse("resets==0", &e, why, sizeof(why));
	expect_judge(&e, &t);
	r.expects = &e;
	r.nexpects = 1;
	cr_expect(!load_report_ok(&r));
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
	cr_expect(json_is_false(json_object_get(
		json_array_get(json_object_get(json_object_get(o, "load"), "expects"), 0), "ok")));
	cr_expect_null(json_object_get(json_object_get(json_object_get(o, "load"), "modes"), "half"));
	json_decref(o);
}

Test(json, the_table_and_the_verdict, .init = fill)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	r.cfg = &cfg;
	r.now = &t;
	r.msl_ms = 30000;
	load_report_print(&r, f);
	fclose(f);
	cr_expect(strstr(text, "client             710          700            0"), "%s", text);
	cr_expect(strstr(text, "verdict: 500 closes/s sustained for 2.0 s, MSL 30s, TIME_WAIT peak 750, "
			       "early recycles 0\n"), "%s", text);
	cr_expect_null(strstr(text, "handshake"), "%s", text);
	free(text);
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

Test(totals, times_are_for_reading)
{
	static const struct {
		double ns;
		const char *text;
	} rows[] = {{0, "0ns"},		 {999, "999ns"},      {1234, "1.2us"},	   {123456, "123us"},
		    {1234567, "1.23ms"}, {12345678, "12.3ms"}, {123456789, "123ms"}, {1.5e9, "1.50s"}};
	char buf[16];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_str_eq(load_format_ns(rows[i].ns, buf, sizeof(buf)), rows[i].text);
}
