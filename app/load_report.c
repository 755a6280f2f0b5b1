/* SPDX-License-Identifier: BSD-3-Clause */

/* Reports of a load.
 *
 * The control thread reads what all stations have counted once an interval and keeps the copy: the
 * difference to the next is a row, percentiles included, since histograms subtract as well as they add. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "load_report.h"
#include "run/units.h"

static const double percents[] = {50, 90, 99, 99.9, 99.99, 99.999};
static const enum load_latency columns[] = {LAT_HANDSHAKE, LAT_FIRST_BYTE, LAT_ANSWER, LAT_CLOSE};

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

int
load_report_init(struct load_report *r)
{
	r->before = calloc(1, sizeof(*r->before));
	r->now = calloc(1, sizeof(*r->now));
	return r->before && r->now ? 0 : -ENOMEM;
}

void
load_report_fini(struct load_report *r)
{
	free(r->before);
	free(r->now);
}

/* ---- totals ---- */

static void
add_faults(struct la_faulty_counts *sum, const struct la_faulty *f)
{
	struct la_faulty_counts n;

	la_faulty_read(f, &n);
	sum->dropped += n.dropped;
	sum->held += n.held;
	sum->duplicated += n.duplicated;
	sum->corrupted += n.corrupted;
	sum->reordered += n.reordered;
	sum->no_room += n.no_room;
	sum->lost += n.lost;
	sum->added += n.added;
}

/* Seconds since the first station's schedule began: on until it has stopped and all are closed. */
static double
load_seconds(const struct load_report *r)
{
	uint64_t longest = 0;

	for (unsigned i = 0; i < r->nstations; i++) {
		const struct load_station *st = &r->stations[i];
		uint64_t last = __atomic_load_n(&st->last_close, __ATOMIC_RELAXED), start = st->start;

		if (__atomic_load_n(&st->phase, __ATOMIC_ACQUIRE) == LOAD_GO)
			last = load_now(st);
		if (last > start && last - start > longest)
			longest = last - start;
	}
	return (double)longest / 1e9;
}

static void
take(struct load_report *r, struct load_totals *t)
{
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < r->nstations; i++) {
		struct la_station_stats s;

		load_totals_add(t, &r->stations[i], &r->scratch);
		la_engine_stats(r->engine, i, &s);
		la_counters_add(&t->c, &s.c);
		/* a port's losses are one figure for all of its queues */
		if (i == 0)
			t->port = s.port;
		t->unexplained += la_summary_unexplained(&s);
		if (r->stations[i].faulty)
			add_faults(&t->faults, r->stations[i].faulty);
	}
	t->seconds = load_seconds(r);
}

/* ---- an interval ---- */

void
load_csv_header(FILE *f)
{
	fprintf(f, "seconds,rate,connects,established,closes");
	for (unsigned k = 0; k < KINDS; k++)
		fprintf(f, ",%s", load_kind_name[k]);
	fprintf(f, ",incomplete,wrong,no_tuple,late,retransmits,port_drops,live,time_wait");
	for (unsigned i = 0; i < LEN(columns); i++) {
		const char *name = load_latency_name[columns[i]];

		fprintf(f, ",%s_p50_us,%s_p99_us,%s_p99.9_us,%s_max_us", name, name, name, name);
	}
	fprintf(f, "\n");
}

void
load_csv_row(FILE *f, double seconds, double dt, double rate, const struct load_totals *before,
	     const struct load_totals *now, struct la_histogram *diff)
{
	const struct load_counts *a = &before->n, *b = &now->n;
	double per = dt > 0 ? 1 / dt : 0;

	fprintf(f, "%.3f,%.1f,%.1f,%.1f,%.1f", seconds, rate, (double)(b->connects - a->connects) * per,
		(double)(b->established - a->established) * per,
		(double)(load_closes(b) - load_closes(a)) * per);
	for (unsigned k = 0; k < KINDS; k++)
		fprintf(f, ",%lu",
			load_kind_total(b, (enum load_kind)k) - load_kind_total(a, (enum load_kind)k));
	fprintf(f, ",%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu", b->incomplete - a->incomplete, b->wrong - a->wrong,
		b->no_tuple - a->no_tuple, b->late - a->late,
		now->c.v[LA_C_retransmits] - before->c.v[LA_C_retransmits],
		load_port_drops(now) - load_port_drops(before), now->c.v[LA_C_live],
		now->c.v[LA_C_time_wait]);
	for (unsigned i = 0; i < LEN(columns); i++) {
		la_histogram_since(diff, &now->latency[columns[i]], &before->latency[columns[i]]);
		fprintf(f, ",%.1f,%.1f,%.1f,%.1f", (double)la_histogram_percentile(diff, 50) / 1e3,
			(double)la_histogram_percentile(diff, 99) / 1e3,
			(double)la_histogram_percentile(diff, 99.9) / 1e3, (double)diff->max / 1e3);
	}
	fprintf(f, "\n");
}

/* Connections a second that the schedule asked for between the two. */
static double
rate_asked(const struct load_report *r, double dt)
{
	uint64_t from = (uint64_t)(r->before->seconds * 1e9), to = (uint64_t)(r->now->seconds * 1e9);

	if (r->cfg->pace.nsteps == 0 || dt <= 0)
		return 0;
	if (r->cfg->duration_ms != 0 && to > r->cfg->duration_ms * UINT64_C(1000000))
		to = r->cfg->duration_ms * UINT64_C(1000000);
	return to > from ? (double)(pace_count(&r->cfg->pace, to) - pace_count(&r->cfg->pace, from)) / dt : 0;
}

static bool
any_waits(const struct load_report *r)
{
	for (unsigned i = 0; i < r->nstations; i++)
		if (__atomic_load_n(&r->stations[i].waiting, __ATOMIC_RELAXED))
			return true;
	return false;
}

static void
make_note(struct load_report *r, double rate)
{
	char p50[16], p99[16], rate_text[40] = "";

	if (any_waits(r)) {
		snprintf(r->note, sizeof(r->note), "waiting: every tuple is live or rests its 2*MSL");
		return;
	}
	la_histogram_since(&r->diff, &r->now->latency[LAT_CLOSE], &r->before->latency[LAT_CLOSE]);
	if (rate > 0)
		snprintf(rate_text, sizeof(rate_text), "asked %.0f/s  ", rate);
	snprintf(r->note, sizeof(r->note), "%sclose p50 %s p99 %s", rate_text,
		 load_format_ns((double)la_histogram_percentile(&r->diff, 50), p50, sizeof(p50)),
		 load_format_ns((double)la_histogram_percentile(&r->diff, 99), p99, sizeof(p99)));
}

void
load_report_interval(struct load_report *r, double seconds)
{
	struct load_totals *t = r->before;
	double dt, closes, rate;
	bool loaded = true;

	r->before = r->now;
	r->now = t;
	take(r, r->now);
	dt = r->now->seconds - r->before->seconds;
	for (unsigned i = 0; i < r->nstations; i++)
		loaded &= __atomic_load_n(&r->stations[i].phase, __ATOMIC_ACQUIRE) == LOAD_GO;
	rate = rate_asked(r, dt);
	make_note(r, rate);
	if (dt <= 0)
		return;
	closes = (double)(load_closes(&r->now->n) - load_closes(&r->before->n)) / dt;
	/* the first interval holds the start */
	if (loaded && r->before->seconds > 0 && (r->intervals++ == 0 || closes < r->slowest))
		r->slowest = closes;
	if (r->csv) {
		load_csv_row(r->csv, seconds, dt, rate, r->before, r->now, &r->diff);
		fflush(r->csv);
	}
}

const char *
load_report_note(struct load_report *r)
{
	return r->note;
}

/* ---- the end ---- */

void
load_report_end(struct load_report *r, struct la_summary *s)
{
	take(r, r->now);
	s->seconds = r->now->seconds;
	for (unsigned i = 0; i < r->nexpects; i++)
		expect_judge(&r->expects[i], r->now);
}

bool
load_report_ok(const struct load_report *r)
{
	for (unsigned i = 0; i < r->nexpects; i++)
		if (!r->expects[i].ok)
			return false;
	return true;
}

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

		if (h->total == 0)
			continue;
		fprintf(f, "  %-11s %10lu %8s", load_latency_name[i], h->total,
			load_format_ns((double)h->min, text, sizeof(text)));
		fprintf(f, " %8s", load_format_ns(la_histogram_mean(h), text, sizeof(text)));
		for (unsigned p = 0; p < LEN(percents); p++)
			fprintf(f, " %8s",
				load_format_ns((double)la_histogram_percentile(h, percents[p]), text,
					       sizeof(text)));
		fprintf(f, " %8s\n", load_format_ns((double)h->max, text, sizeof(text)));
	}
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
		{t->n.reconnects, "connections more than planned: a server closed before the last request"},
		{t->n.unacked, "bytes never acknowledged"},
		{t->n.no_tuple, open ? "connections not made: every tuple was live or rested its 2*MSL"
				     : "waits for a tuple: all were live or rested their 2*MSL"},
		{t->n.no_room, "times that a connection waited for room (--max-conns, --time-wait)"},
		{t->n.skipped, "tuples found taken"},
		{t->n.late, "begun more than 1 ms late (counted in their latencies)"},
		{t->n.unstarted, "due, and not begun when time was up"},
		{t->c.v[LA_C_retransmits], "segments sent again"},
		{load_port_drops(t), "frames lost by the port"},
		{t->faults.dropped, "faults: frames dropped"},
		{t->faults.held, "faults: frames held"},
		{t->faults.duplicated, "faults: frames doubled"},
		{t->faults.corrupted, "faults: frames corrupted"},
		{t->faults.reordered, "faults: frames reordered"},
		{t->faults.no_room, "faults not carried out: too many frames wait"},
	};

	for (unsigned i = 0; i < LEN(lines); i++)
		if (lines[i].n != 0)
			fprintf(f, "  %10lu %s\n", lines[i].n, lines[i].text);
	for (unsigned i = REPLY_GOOD + 1; i < BAD_ANSWERS; i++)
		if (t->n.bad[i] != 0)
			fprintf(f, "  %10lu wrong answers: %s\n", t->n.bad[i], load_bad_name(i));
}

void
load_report_print(const struct load_report *r, FILE *f)
{
	const struct load_totals *t = r->now;
	uint64_t closes = load_closes(&t->n);
	char msl[16], got[32];

	fprintf(f, "\nload: %lu connects, %lu established, %lu requests, %lu answers, %.3f s\n",
		t->n.connects, t->n.established, t->n.requests, t->n.answers, t->seconds);
	print_closes(&t->n, f);
	print_latencies(t, f);
	print_trouble(t, r->cfg->pace.nsteps > 0, f);
	for (unsigned i = 0; i < r->nexpects; i++) {
		const struct expect *e = &r->expects[i];

		if (e->is_time)
			load_format_ns(e->got, got, sizeof(got));
		else
			snprintf(got, sizeof(got), "%.*f", e->got == (double)(uint64_t)e->got ? 0 : 1, e->got);
		fprintf(f, "expect %s: %s, it is %s\n", e->text, e->ok ? "holds" : "FAILED", got);
	}
	fprintf(f, "verdict: %.0f closes/s", t->seconds > 0 ? (double)closes / t->seconds : 0);
	if (r->intervals > 0)
		fprintf(f, " (%.0f in the slowest interval)", r->slowest);
	fprintf(f, " sustained for %.1f s, MSL %s, TIME_WAIT peak %lu, early recycles %lu\n", t->seconds,
		la_format_duration(r->msl_ms, msl, sizeof(msl)), t->c.v[LA_C_time_wait_peak],
		t->c.v[LA_C_early_recycles]);
	fflush(f);
}
