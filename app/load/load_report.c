/* SPDX-License-Identifier: BSD-3-Clause */

/* Reports of a load.
 *
 * The control thread reads the counts of all stations once per interval and keeps the copy. A row is the difference of
 * two consecutive copies. It has percentiles too, because histograms can be subtracted. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "load/load_report.h"
#include "run/units.h"

static const enum load_latency columns[] = {LAT_HANDSHAKE, LAT_FIRST_BYTE, LAT_ANSWER, LAT_CLOSE};

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

int
load_report_init(struct load_report *r)
{
	r->before = calloc(1, sizeof(*r->before));
	r->now = calloc(1, sizeof(*r->now));
	r->worker = calloc(r->nstations, sizeof(*r->worker));
	return r->before && r->now && r->worker ? 0 : -ENOMEM;
}

void
load_report_fini(struct load_report *r)
{
	free(r->before);
	free(r->now);
	free(r->worker);
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

/* Returns the length of the schedule, ns: to its time limit, or to the due time of connection --connections (from 0)
 * if earlier. PACE_NEVER: not known. */
static uint64_t
schedule_length(const struct load_config *cfg)
{
	uint64_t end = load_time_limit(cfg), due;

	if (cfg->pace.nsteps > 0 && cfg->connections != 0) {
		due = pace_due(&cfg->pace, cfg->connections);
		end = due < end ? due : end;
	}
	return end;
}

uint64_t
load_due_ns(const struct load_report *r)
{
	uint64_t end = schedule_length(r->cfg), going = 0, stopped = 0;
	bool go = false, cut = false;

	for (unsigned i = 0; i < r->nstations; i++) {
		const struct load_station *st = &r->stations[i];
		enum load_phase phase = __atomic_load_n(&st->phase, __ATOMIC_ACQUIRE);

		if (phase == LOAD_GO) {
			uint64_t now = load_now(st);

			go = true;
			going = RTE_MAX(going, now > st->start ? now - st->start : 0);
		} else if (phase == LOAD_STOPPED) {
			stopped = RTE_MAX(stopped, st->stopped_at - st->start);
			cut |= st->cut;
		}
	}
	if (go)
		return RTE_MIN(going, end);
	if (cut || r->cfg->pace.nsteps == 0)
		return RTE_MIN(stopped, end);
	if (stopped == 0) /* still in the warm-up */
		return 0;
	/* with --connections a late generator stops after `end`; to count only until `end` would raise its rate */
	return r->cfg->connections != 0 && end < load_time_limit(r->cfg) ? RTE_MAX(stopped, end) : end;
}

/* Returns the number of orderly closes that count as carried. */
static uint64_t
report_carried(const struct load_report *r, const struct load_totals *t)
{
	uint64_t sum = 0;

	if (t->open)
		return load_orderly(&t->n);
	for (unsigned i = 0; i < r->nstations; i++) {
		const struct load_station *st = &r->stations[i];

		sum += __atomic_load_n(&st->phase, __ATOMIC_ACQUIRE) == LOAD_STOPPED ? st->orderly_at_stop
										     : load_orderly(&st->n);
	}
	return sum;
}

/* Returns the larger number; NaN is ignored. */
static double
report_larger(double a, double b)
{
	return isnan(a) || b > a ? b : a;
}

/* Records a reading of worker i, and keeps the largest busy share of all workers in t. */
static void
report_look(struct load_report *r, unsigned i, const struct la_station_stats *s, struct load_totals *t)
{
	struct load_worker *w = &r->worker[i];
	double share;

	load_worker_look(w, &r->stations[i], s, __atomic_load_n(&r->stations[i].phase, __ATOMIC_ACQUIRE) == LOAD_GO);
	share = load_busy_share(&w->first.stats, &w->last.stats);
	t->busy = report_larger(t->busy, share);
}

static void
report_take(struct load_report *r, struct load_totals *t)
{
	uint64_t ns, n;

	memset(t, 0, sizeof(*t));
	t->busy = NAN;
	for (unsigned i = 0; i < r->nstations; i++) {
		struct la_station_stats s;

		load_totals_add(t, &r->stations[i], &r->scratch);
		la_engine_stats(r->engine, i, &s);
		la_counters_add(&t->c, &s.c);
		report_look(r, i, &s, t);
		/* losses are counted per port, not per queue: the port's first station has them, the others have 0 */
		la_port_stats_add(&t->port, &s.port);
		t->unexplained += la_summary_unexplained(&s);
		if (r->stations[i].faulty)
			add_faults(&t->faults, r->stations[i].faulty);
	}
	ns = load_due_ns(r);
	t->seconds = (double)ns / 1e9;
	t->open = r->cfg->pace.nsteps > 0;
	t->carried = report_carried(r, t);
	if (!t->open)
		return;
	n = pace_count(&r->cfg->pace, RTE_MIN(ns, schedule_length(r->cfg)));
	t->offered = r->cfg->connections != 0 ? RTE_MIN(n, r->cfg->connections) : n;
}

/* ---- an interval ---- */

void
load_csv_header(FILE *f, unsigned nworkers)
{
	fprintf(f, "seconds,rate,connects,established,closes");
	for (unsigned k = 0; k < KINDS; k++)
		fprintf(f, ",%s", load_kind_name[k]);
	fprintf(f, ",failed,incomplete,wrong,no_tuple,late,retransmits,port_drops,live,time_wait");
	for (unsigned i = 0; i < LEN(columns); i++) {
		const char *name = load_latency_name[columns[i]];

		fprintf(f, ",%s_p50_us,%s_p99_us,%s_p99.9_us,%s_max_us", name, name, name, name);
	}
	for (unsigned i = 0; i < nworkers; i++)
		fprintf(f, ",busy_share_%u,cycles_per_connection_%u,lag_p50_us_%u,lag_p99_us_%u", i, i, i, i);
	fprintf(f, "\n");
}

/* Writes a field; empty for NaN: no samples. */
static void
csv_number(FILE *f, const char *format, double value)
{
	fputc(',', f);
	if (!isnan(value))
		fprintf(f, format, value);
}

void
load_csv_row(FILE *f, double seconds, double dt, double rate, const struct load_totals *before,
	     const struct load_totals *now, const struct load_use *u, unsigned nworkers, struct la_histogram *diff)
{
	const struct load_counts *a = &before->n, *b = &now->n;
	double per = dt > 0 ? 1 / dt : 0;

	fprintf(f, "%.3f,%.1f,%.1f,%.1f,%.1f", seconds, rate, (double)(b->connects - a->connects) * per,
		(double)(b->established - a->established) * per, (double)(load_orderly(b) - load_orderly(a)) * per);
	for (unsigned k = 0; k < KINDS; k++)
		fprintf(f, ",%lu", load_kind_total(b, (enum load_kind)k) - load_kind_total(a, (enum load_kind)k));
	fprintf(f, ",%lu,%lu,%lu", load_failed(b) - load_failed(a), b->incomplete - a->incomplete, b->wrong - a->wrong);
	fprintf(f, ",%lu,%lu,%lu,%lu,%lu,%lu", b->no_tuple - a->no_tuple, b->late - a->late,
		now->c.v[LA_C_retransmits] - before->c.v[LA_C_retransmits],
		load_port_drops(now) - load_port_drops(before), now->c.v[LA_C_live], now->c.v[LA_C_time_wait]);
	for (unsigned i = 0; i < LEN(columns); i++) {
		la_histogram_since(diff, &now->latency[columns[i]], &before->latency[columns[i]]);
		if (diff->total == 0) { /* no samples */
			fprintf(f, ",,,,");
			continue;
		}
		fprintf(f, ",%.1f,%.1f,%.1f,%.1f", (double)la_histogram_percentile(diff, 50) / 1e3,
			(double)la_histogram_percentile(diff, 99) / 1e3,
			(double)la_histogram_percentile(diff, 99.9) / 1e3, (double)diff->max / 1e3);
	}
	for (unsigned i = 0; i < nworkers; i++) {
		csv_number(f, "%.4f", u[i].busy);
		csv_number(f, "%.0f", u[i].cycles);
		csv_number(f, "%.1f", u[i].lag_p50 / 1e3);
		csv_number(f, "%.1f", u[i].lag_p99 / 1e3);
	}
	fprintf(f, "\n");
}

/* Returns the rate of the schedule between the last two readings, connections/s; 0 for a closed loop. */
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
is_station_waiting(const struct load_report *r)
{
	for (unsigned i = 0; i < r->nstations; i++)
		if (__atomic_load_n(&r->stations[i].waiting, __ATOMIC_RELAXED))
			return true;
	return false;
}

/* Writes the highest cycles per connection and the highest lag of all workers as text; "" without samples. */
static const char *
spent_text(const struct load_report *r, const struct load_use *use, char *buf, size_t size)
{
	double cycles = NAN, lag = NAN;
	char text[16];
	int n;

	for (unsigned i = 0; i < r->nstations; i++) {
		cycles = report_larger(cycles, use[i].cycles);
		lag = report_larger(lag, use[i].lag_p99);
	}
	buf[0] = '\0';
	if (isnan(cycles))
		return buf;
	n = snprintf(buf, size, "  cycles/connection %.0f", cycles);
	if (!isnan(lag))
		snprintf(buf + n, size - (size_t)n, "  lag p99 %s", load_format_ns(lag, text, sizeof(text)));
	return buf;
}

static void
make_note(struct load_report *r, double rate, double dt, const struct load_use *use)
{
	const struct load_counts *a = &r->before->n, *b = &r->now->n;
	double per = dt > 0 ? 1 / dt : 0;
	char p50[16] = "-", p99[16] = "-", rate_text[40] = "", spent[80];

	if (is_station_waiting(r)) {
		snprintf(r->note, sizeof(r->note), "waiting: every tuple is in use or rests for 2*MSL");
		return;
	}
	la_histogram_since(&r->diff, &r->now->latency[LAT_CLOSE], &r->before->latency[LAT_CLOSE]);
	if (rate > 0)
		snprintf(rate_text, sizeof(rate_text), "asked %.0f/s  ", rate);
	if (r->diff.total != 0) {
		load_format_ns((double)la_histogram_percentile(&r->diff, 50), p50, sizeof(p50));
		load_format_ns((double)la_histogram_percentile(&r->diff, 99), p99, sizeof(p99));
	}
	snprintf(r->note, sizeof(r->note), "%sok/s %.0f  failed/s %.0f  close p50 %s p99 %s%s", rate_text,
		 (double)(load_closes(b) - load_failed(b) - load_closes(a) + load_failed(a)) * per,
		 (double)(load_failed(b) - load_failed(a)) * per, p50, p99, spent_text(r, use, spent, sizeof(spent)));
}

/* Advances the search of --find-max. */
static void
report_search(struct load_report *r)
{
	const struct trial_row *row;
	uint64_t given_up;

	for (unsigned i = 0; i < r->nstations; i++)
		if (__atomic_load_n(&r->stations[i].phase, __ATOMIC_ACQUIRE) != LOAD_GO)
			return;
	given_up = trials_tick(r->trials, r->now, (uint64_t)(r->now->seconds * 1e9));
	for (unsigned i = 0; i < r->nstations; i++) {
		if (given_up > 0)
			__atomic_store_n(&r->stations[i].given_up, given_up, __ATOMIC_RELAXED);
		__atomic_store_n(&r->stations[i].aborts, r->trials->aborts, __ATOMIC_RELAXED);
	}
	while ((row = trials_news(r->trials)) != NULL) {
		if (row == r->trials->row)
			trials_print_header(stdout);
		trials_print_row(row, stdout);
		if (r->csv)
			trials_csv_row(row, r->csv);
	}
}

void
load_report_interval(struct load_report *r, double seconds)
{
	struct load_totals *t = r->before;
	struct load_use use[LA_ENGINE_MAX_STATIONS];
	double dt, under_load, rate;
	bool loaded = true;

	r->before = r->now;
	r->now = t;
	report_take(r, r->now);
	if (r->trials) {
		report_search(r);
		return;
	}
	under_load = r->now->seconds - r->before->seconds;
	/* the first interval under load begins with the schedule; after the schedule an interval has no load */
	dt = r->before->seconds > 0 ? seconds - r->last_interval : under_load;
	r->last_interval = seconds;
	for (unsigned i = 0; i < r->nstations; i++)
		loaded &= __atomic_load_n(&r->stations[i].phase, __ATOMIC_ACQUIRE) == LOAD_GO;
	rate = rate_asked(r, dt);
	for (unsigned i = 0; i < r->nstations; i++)
		load_look_use(&r->worker[i].before, &r->worker[i].now, &r->diff, &use[i]);
	make_note(r, rate, dt, use);
	if (dt <= 0)
		return;
	/* the first interval counts when the schedule began in its first half */
	if (loaded && under_load >= dt / 2 && under_load * 2000 >= r->interval_ms) {
		double closes = (double)(r->now->carried - r->before->carried) / under_load;

		if (r->intervals++ == 0 || closes < r->slowest)
			r->slowest = closes;
	}
	if (r->csv) {
		load_csv_row(r->csv, seconds, dt, rate, r->before, r->now, use, r->nstations, &r->diff);
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
	report_take(r, r->now);
	s->seconds = r->now->seconds;
	load_judge(r->now, &r->verdict);
	/* closes and length of an interval are not read at the same instant, so its rate can be too high */
	if (r->slowest > r->verdict.carried)
		r->slowest = r->verdict.carried;
	for (unsigned i = 0; i < r->nexpects; i++)
		expect_judge(&r->expects[i], r->now);
}

bool
load_report_ok(const struct load_report *r, bool signalled, char *why, size_t size)
{
	struct load_rules rules = {
		.expects = r->expects, .nexpects = r->nexpects, .allow = r->allow, .signalled = signalled};

	why[0] = '\0';
	for (unsigned i = 0; i < r->nexpects; i++)
		if (!r->expects[i].ok)
			return false;
	if (r->trials == NULL)
		return load_worked(r->now, &rules, why, size);
	if (r->trials->find.phase != FIND_FOUND)
		snprintf(why, size, "--find-max found no rate that meets the conditions");
	return r->trials->find.phase == FIND_FOUND;
}
