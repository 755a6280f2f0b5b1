/* SPDX-License-Identifier: BSD-3-Clause */

/* The tables at the end of a load. "-" stands for a figure without samples. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "load/load_report.h"
#include "run/units.h"

static const double percents[] = {50, 90, 99, 99.9, 99.99, 99.999};

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void
print_latencies(const struct load_totals *t, FILE *f)
{
	char text[16];

	fprintf(f, "  %-11s %10s %8s %8s", "latency", "count", "min", "mean");
	for (unsigned i = 0; i < LEN(percents); i++)
		fprintf(f, " p%-7g", percents[i]);
	fprintf(f, " %8s\n", "max");
	for (unsigned i = 0; i < LATENCIES; i++) {
		const struct la_histogram *h = &t->latency[i];

		if (h->total == 0 && i == LAT_UNFINISHED)
			continue;
		fprintf(f, "  %-11s %10lu", load_latency_name[i], h->total);
		if (h->total == 0) {
			for (unsigned p = 0; p < LEN(percents) + 3; p++)
				fprintf(f, " %8s", "-");
			fprintf(f, "\n");
			continue;
		}
		fprintf(f, " %8s", load_format_ns((double)h->min, text, sizeof(text)));
		fprintf(f, " %8s", load_format_ns(la_histogram_mean(h), text, sizeof(text)));
		for (unsigned p = 0; p < LEN(percents); p++)
			fprintf(f, " %8s",
				load_format_ns((double)la_histogram_percentile(h, percents[p]), text, sizeof(text)));
		fprintf(f, " %8s\n", load_format_ns((double)h->max, text, sizeof(text)));
	}
	if (load_failed(&t->n) != 0)
		fprintf(f, "  failed connections lack some latencies: %lu of %lu connects ended as planned\n",
			load_closes(&t->n) - load_failed(&t->n), t->n.connects);
}

static void
print_closes(const struct load_counts *n, FILE *f)
{
	fprintf(f, "  %-11s %10s", "close", "planned");
	for (unsigned k = 0; k < KINDS; k++)
		if (load_kind_total(n, (enum load_kind)k) != 0)
			fprintf(f, " %12s", load_kind_name[k]);
	fprintf(f, "\n");
	for (unsigned m = 0; m < CLOSE_MODES; m++) {
		if (n->planned[m] == 0)
			continue;
		fprintf(f, "  %-11s %10lu", close_mode_name[m], n->planned[m]);
		for (unsigned k = 0; k < KINDS; k++)
			if (load_kind_total(n, (enum load_kind)k) != 0)
				fprintf(f, " %12lu", n->ended[m][k]);
		fprintf(f, "\n");
	}
}

static void
print_trouble(const struct load_totals *t, bool open, FILE *f)
{
	const struct {
		uint64_t n;
		const char *text;
	} lines[] = {
		{t->n.incomplete, "connections without all of their answers"},
		{t->n.wrong, "wrong answers"},
		{t->n.reconnects, "additional connections: the server closed before the last request"},
		{t->n.unacked, "bytes never acknowledged"},
		{t->n.no_tuple, open ? "connections not made: every tuple was in use or rested for 2*MSL"
				     : "waits for a tuple: every tuple was in use or rested for 2*MSL"},
		{t->n.no_room, "waits for a TCB or a TIME_WAIT entry (--max-conns, --time-wait)"},
		{t->n.skipped, "tuples refused as in use"},
		{t->n.late, "connections begun more than 1 ms late (latencies include the lag)"},
		{t->n.unstarted, "connections were due and not begun"},
		{t->c.v[LA_C_retransmits], "segments retransmitted"},
		{load_port_drops(t), "frames lost by the port"},
		{t->faults.dropped, "faults: frames dropped"},
		{t->faults.held, "faults: frames held"},
		{t->faults.duplicated, "faults: frames duplicated"},
		{t->faults.corrupted, "faults: frames corrupted"},
		{t->faults.reordered, "faults: frames reordered"},
		{t->faults.no_room, "faults not applied: too many frames were waiting"},
	};

	for (unsigned i = 0; i < LEN(lines); i++)
		if (lines[i].n != 0)
			fprintf(f, "  %10lu %s\n", lines[i].n, lines[i].text);
	for (unsigned i = REPLY_GOOD + 1; i < BAD_ANSWERS; i++)
		if (t->n.bad[i] != 0)
			fprintf(f, "  %10lu wrong answers: %s\n", t->n.bad[i], load_bad_name(i));
}

static void
print_expect(const struct expect *e, FILE *f)
{
	char got[32];

	if (e->no_samples)
		fprintf(f, "expect %s: FAILED, it has no samples\n", e->text);
	else
		fprintf(f, "expect %s: %s, it is %s\n", e->text, e->ok ? "holds" : "FAILED",
			expect_value(e, got, sizeof(got)));
}

static void
print_percentile(const struct la_histogram *h, double percent, FILE *f)
{
	char text[16] = "-";

	if (h->total != 0)
		load_format_ns((double)la_histogram_percentile(h, percent), text, sizeof(text));
	fprintf(f, " %13s", text);
}

/* A ramp: one row for each step. */
static void
print_steps(const struct load_report *r, FILE *f)
{
	static const enum load_latency columns[] = {LAT_HANDSHAKE, LAT_FIRST_BYTE, LAT_CLOSE, LAT_LAG};
	struct la_histogram *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return;
	fprintf(f, "  %-9s %8s %10s %10s %9s", "step", "offered", "begun", "complete", "failed %");
	for (unsigned k = 0; k < LEN(columns); k++)
		fprintf(f, " %9s p99", load_latency_name[columns[k]]);
	fprintf(f, "\n");
	for (unsigned i = 0; i < r->cfg->pace.nsteps; i++) {
		struct load_step_counts n;

		load_step_read(r, i, &n);
		if (n.offered == 0 && n.begun == 0)
			continue;
		fprintf(f, "  %7lu/s %8lu %10lu %10lu", r->cfg->pace.step[i].rate, n.offered, n.begun, n.complete);
		if (n.begun != 0)
			fprintf(f, " %9.3g", 100 * (double)n.failed / (double)n.begun);
		else
			fprintf(f, " %9s", "-");
		for (unsigned k = 0; k < LEN(columns); k++) {
			load_step_latency(r, i, columns[k], h);
			print_percentile(h, 99, f);
		}
		fprintf(f, "\n");
	}
	free(h);
}

static void
print_targets(const struct load_report *r, FILE *f)
{
	fprintf(f, "  %-24s %10s %12s %10s %10s\n", "target", "connects", "established", "orderly", "failed");
	for (unsigned i = 0; i < r->cfg->ntargets; i++) {
		const struct load_target *to = &r->cfg->target[i];
		char name[LA_ADDR_STRLEN + 8];
		struct load_target_counts n;

		load_target_read(r, i, &n);
		load_target_name(to, name, sizeof(name));
		fprintf(f, "  %-24s %10lu %12lu %10lu %10lu\n", name, n.connects, n.established, n.orderly, n.failed);
	}
}

static const char *
rate_text(double rate, char *buf, size_t size)
{
	if (isnan(rate))
		snprintf(buf, size, "-");
	else
		snprintf(buf, size, "%.*f", rate < 10 ? 1 : 0, rate);
	return buf;
}

static void
print_verdict(const struct load_report *r, FILE *f)
{
	const struct load_totals *t = r->now;
	const struct load_verdict *v = &r->verdict;
	char msl[16], offered[32], carried[32];

	if (load_is_ramp(r))
		fprintf(f, "verdict: a ramp: the row of each step has its figures");
	else
		fprintf(f, "verdict: offered %s%s, carried %s orderly closes/s",
			t->open ? rate_text(v->offered, offered, sizeof(offered)) : "what was carried (closed loop)",
			t->open ? " connections/s" : "", rate_text(v->carried, carried, sizeof(carried)));
	if (r->intervals > 0 && !load_is_ramp(r))
		fprintf(f, " (%s in the slowest interval)", rate_text(r->slowest, carried, sizeof(carried)));
	fprintf(f, "; connections were due for %.*f s, MSL %s, TIME_WAIT peak %lu, early recycles %lu\n",
		t->seconds < 1 ? 4 : 1, t->seconds, la_format_duration(r->msl_ms, msl, sizeof(msl)),
		t->c.v[LA_C_time_wait_peak], t->c.v[LA_C_early_recycles]);
	if (v->limit == LIMIT_GENERATOR)
		fprintf(f, "limited by this generator: %s\n", v->reason);
	else
		fprintf(f, "limit: %s: %s\n", load_limit_name[v->limit], v->reason);
	if (v->limit != LIMIT_GENERATOR && v->generator[0] != '\0')
		fprintf(f, "limited by this generator: %s\n", v->generator);
}

void
load_report_print(const struct load_report *r, FILE *f)
{
	const struct load_totals *t = r->now;
	uint64_t failed = load_failed(&t->n);
	char causes[160];

	fprintf(f, "\nload: %lu connects, %lu established, %lu requests, %lu answers, %lu complete, %lu failed",
		t->n.connects, t->n.established, t->n.requests, t->n.answers, t->n.complete, failed);
	if (failed != 0 && t->n.connects != 0)
		fprintf(f, " (%.3g %%: %s)", 100 * (double)failed / (double)t->n.connects,
			load_failures(&t->n, causes, sizeof(causes)));
	fprintf(f, "; warm-up connections, counted only here: %lu\n", t->n.warmup);
	print_closes(&t->n, f);
	if (load_is_ramp(r))
		print_steps(r, f);
	else
		print_latencies(t, f);
	if (r->cfg->ntargets > 1)
		print_targets(r, f);
	print_trouble(t, r->cfg->pace.nsteps > 0, f);
	for (unsigned i = 0; i < r->nexpects; i++)
		print_expect(&r->expects[i], f);
	if (r->trials)
		trials_print_result(r->trials, f);
	else
		print_verdict(r, f);
	fflush(f);
}
