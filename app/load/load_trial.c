/* SPDX-License-Identifier: BSD-3-Clause */

/* Trials of --find-max. (Theory at the top of load_trial.h.) */

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "load/load_trial.h"

#define MS UINT64_C(1000000)

enum {
	LEAD_MS = 50,	 /* from the addition of a trial to its start, so that no station is late */
	REST_MS = 300,	 /* between two trials */
	LATE_MS = 20,	 /* allowed lag of generator and target: this part of the schedule ... */
	LATE_LEAST = 64, /* ... plus this number of connections */
	ENDS_MS = 30000, /* longest wait for the end of a trial's connections */
};

int
trials_parse(struct trials *t, const char *text, char *why, size_t size)
{
	char *next, *save;

	if (strlen(text) >= sizeof(t->text)) {
		snprintf(why, size, "conditions of at most %zu characters", sizeof(t->text) - 1);
		return -1;
	}
	strcpy(t->text, text);
	for (next = strtok_r(t->text, ",", &save); next; next = strtok_r(NULL, ",", &save)) {
		if (t->nconditions == TRIAL_CONDITIONS) {
			snprintf(why, size, "at most %d conditions", TRIAL_CONDITIONS);
			return -1;
		}
		if (expect_parse(next, &t->condition[t->nconditions], why, size) != 0)
			return -1;
		t->nconditions++;
	}
	if (t->nconditions > 0)
		return 0;
	snprintf(why, size, "conditions: 'failed<0.01%%,first_byte_p99<50ms'");
	return -1;
}

int
trials_init(struct trials *t, struct pace *pace, uint64_t start, uint64_t most, uint64_t hold)
{
	t->pace = pace;
	t->hold = hold;
	t->state = TRIAL_IDLE;
	pace_pause(pace);
	find_init(&t->find, start, most);
	t->before = calloc(1, sizeof(*t->before));
	t->own = calloc(1, sizeof(*t->own));
	return t->before && t->own ? 0 : -ENOMEM;
}

void
trials_fini(struct trials *t)
{
	free(t->before);
	free(t->own);
}

static void
trial_begin(struct trials *t, const struct load_totals *all, uint64_t now)
{
	t->begin = now + LEAD_MS * MS;
	t->end = t->begin + t->hold;
	if (t->find.rate == 0 || t->nrows == TRIALS_MAX || pace_grow(t->pace, t->begin, t->find.rate, t->hold) != 0) {
		pace_finish(t->pace, now);
		t->state = TRIAL_OVER;
		return;
	}
	*t->before = *all;
	t->row[t->nrows] = (struct trial_row){.rate = t->find.rate};
	t->open_middle = t->open_end = 0;
	t->readings = t->late_readings = 0;
	t->state = TRIAL_RUNS;
}

static double
trial_p99(const struct load_totals *own, enum load_latency which)
{
	const struct la_histogram *h = &own->latency[which];

	return h->total ? (double)la_histogram_percentile(h, 99) : -1;
}

/* Returns the allowed lag, connections. */
static uint64_t
trial_slack(const struct trial_row *row)
{
	return row->rate * LATE_MS / 1000 + LATE_LEAST;
}

static bool
trial_generator_was_late(const struct trials *t, const struct trial_row *row)
{
	return t->late > trial_slack(row);
}

static bool
trial_target_was_late(const struct trials *t, const struct trial_row *row)
{
	return t->open_end > t->open_middle + trial_slack(row);
}

/* Returns whether the trial passes. If not, row->why has the first rule that failed. */
static bool
trial_passes(struct trials *t, struct trial_row *row)
{
	char got[32];

	if (row->begun < row->due || trial_generator_was_late(t, row)) {
		snprintf(row->why, sizeof(row->why),
			 "the generator was late: %" PRIu64 " connections behind, %" PRIu64 " not begun", t->late,
			 row->due - row->begun);
		return false;
	}
	if (trial_target_was_late(t, row)) {
		snprintf(row->why, sizeof(row->why),
			 "the target was late: %" PRIu64 " open in the middle, %" PRIu64 " at the end", t->open_middle,
			 t->open_end);
		return false;
	}
	for (unsigned i = 0; i < t->nconditions; i++) {
		struct expect *e = &t->condition[i];

		if (!expect_judge(e, t->own)) {
			snprintf(row->why, sizeof(row->why), "%s: it is %s", e->text,
				 expect_value(e, got, sizeof(got)));
			return false;
		}
	}
	return true;
}

/* Returns whether this generator cannot carry the rate: it was late at half of the readings or more. It then begins half
 * of the connections or more, because the rate is at most twice a rate that has passed. */
static bool
trial_generator_is_overloaded(const struct trials *t, const struct trial_row *row)
{
	return 2 * t->late_readings >= t->readings && 2 * row->begun >= row->due;
}

/* Returns whether a trial that failed was disturbed. If so, adds the longest lag to row->why. */
static bool
trial_was_disturbed(const struct trials *t, struct trial_row *row)
{
	double lag = (double)la_histogram_percentile(&t->own->latency[LAT_LAG], 100);
	char text[16];
	size_t n = strlen(row->why);

	if (trial_generator_is_overloaded(t, row) || (lag <= (double)(LATE_MS * MS) && row->begun == row->due))
		return false;
	if (lag > 0) /* a connection was begun */
		snprintf(row->why + n, sizeof(row->why) - n, "; longest lag %s",
			 load_format_ns(lag, text, sizeof(text)));
	return true;
}

static void
trial_judge(struct trials *t, const struct load_totals *all)
{
	struct trial_row *row = &t->row[t->nrows++];
	struct load_totals *own = t->own;

	load_totals_since(own, all, t->before);
	own->seconds = (double)t->hold / 1e9;
	own->offered = row->due;
	own->carried = load_orderly(&own->n);
	row->begun = own->n.connects - own->n.reconnects;
	row->orderly = load_orderly(&own->n);
	row->failed = load_failed(&own->n);
	row->carried = (double)row->orderly / own->seconds;
	row->first_byte_p99 = trial_p99(own, LAT_FIRST_BYTE);
	row->close_p99 = trial_p99(own, LAT_CLOSE);
	row->lag_p99 = trial_p99(own, LAT_LAG);
	row->ok = trial_passes(t, row);
	row->disturbed = !row->ok && trial_was_disturbed(t, row);
	if (row->disturbed)
		find_note_disturbed(&t->find);
	else
		find_note(&t->find, row->ok, row->carried);
}

/* Returns the number of open connections. Opens are read earlier than closes, so closes may exceed opens. */
static uint64_t
trial_open(const struct load_counts *n)
{
	return n->connects - RTE_MIN(n->connects, load_closes(n));
}

uint64_t
trials_tick(struct trials *t, const struct load_totals *all, uint64_t now)
{
	struct trial_row *row = &t->row[t->nrows];
	uint64_t due = pace_count(t->pace, now), skip = 0;

	switch (t->state) {
	case TRIAL_RESTS:
		if (now < t->rest)
			break;
		/* fall through */
	case TRIAL_IDLE:
		trial_begin(t, all, now);
		break;
	case TRIAL_RUNS:
		row->due = due - pace_count(t->pace, t->begin);
		if (now < t->end) {
			t->late = row->due - RTE_MIN(row->due, all->n.connects - all->n.reconnects -
								       t->before->n.connects + t->before->n.reconnects);
			t->open_end = trial_open(&all->n);
			if (t->readings == 0 || now <= t->begin + t->hold / 2)
				t->open_middle = t->open_end;
			t->readings++;
			t->late_readings += trial_generator_was_late(t, row);
			break;
		}
		t->state = TRIAL_ENDS;
		t->aborts = trial_generator_was_late(t, row) || trial_target_was_late(t, row);
		/* fall through */
	case TRIAL_ENDS:
		skip = due;
		if (all->n.connects != load_closes(&all->n) && now < t->end + ENDS_MS * MS)
			break;
		trial_judge(t, all);
		t->aborts = false;
		t->rest = now + REST_MS * MS;
		t->state = TRIAL_RESTS;
		break;
	case TRIAL_OVER:
		break;
	}
	return skip;
}

const struct trial_row *
trials_news(struct trials *t)
{
	return t->told < t->nrows ? &t->row[t->told++] : NULL;
}

/* ---- output ---- */

void
trials_print_header(FILE *f)
{
	fprintf(f, "  %10s %10s %10s %8s %14s %10s %10s\n", "offered/s", "begun", "carried/s", "failed",
		"first_byte p99", "close p99", "lag p99");
}

static const char *
time_text(double ns, char *buf, size_t size)
{
	if (ns < 0)
		return "-";
	return load_format_ns(ns, buf, size);
}

void
trials_print_row(const struct trial_row *row, FILE *f)
{
	char a[16], b[16], c[16];

	fprintf(f, "  %10" PRIu64 " %10" PRIu64 " %10.0f %8" PRIu64 " %14s %10s %10s  %s%s\n", row->rate, row->begun,
		row->carried, row->failed, time_text(row->first_byte_p99, a, sizeof(a)),
		time_text(row->close_p99, b, sizeof(b)), time_text(row->lag_p99, c, sizeof(c)),
		row->ok		 ? "passes"
		: row->disturbed ? "disturbed: "
				 : "fails: ",
		row->why);
	fflush(f);
}

void
trials_csv_header(FILE *f)
{
	fprintf(f,
		"rate,due,begun,orderly,failed,carried,first_byte_p99_us,close_p99_us,lag_p99_us,passes,disturbed\n");
}

static void
csv_time(double ns, FILE *f)
{
	if (ns < 0)
		fprintf(f, ",");
	else
		fprintf(f, ",%.1f", ns / 1e3);
}

void
trials_csv_row(const struct trial_row *row, FILE *f)
{
	fprintf(f, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.1f", row->rate, row->due, row->begun,
		row->orderly, row->failed, row->carried);
	csv_time(row->first_byte_p99, f);
	csv_time(row->close_p99, f);
	csv_time(row->lag_p99, f);
	fprintf(f, ",%d,%d\n", row->ok, row->disturbed);
	fflush(f);
}

static const char *
last_failure(const struct trials *t)
{
	for (unsigned i = t->nrows; i-- > 0;)
		if (!t->row[i].ok)
			return t->row[i].why;
	return "no trial was run";
}

void
trials_print_result(const struct trials *t, FILE *f)
{
	double median, least, most;
	char above[48] = "no higher rate was tried";

	if (t->find.phase != FIND_FOUND) {
		fprintf(f, "highest rate: none found in %u trials (%s)\n", t->nrows, last_failure(t));
		return;
	}
	find_result(&t->find, &median, &least, &most);
	if (t->find.failed != 0)
		snprintf(above, sizeof(above), "%" PRIu64 "/s failed", t->find.failed);
	fprintf(f, "highest rate: %.0f closes/s (%.0f to %.0f in %d confirmations of %.1f s; %s; %u trials)\n", median,
		least, most, FIND_CONFIRMATIONS, (double)t->hold / 1e9, above, t->nrows);
}

static json_t *
time_json(double ns)
{
	return ns < 0 ? json_null() : json_real(ns);
}

static json_t *
row_json(const struct trial_row *row)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:b, s:b, s:s}", "rate", (json_int_t)row->rate,
			 "due", (json_int_t)row->due, "begun", (json_int_t)row->begun, "orderly",
			 (json_int_t)row->orderly, "failed", (json_int_t)row->failed, "carried_per_s", row->carried,
			 "first_byte_p99_ns", time_json(row->first_byte_p99), "close_p99_ns", time_json(row->close_p99),
			 "lag_p99_ns", time_json(row->lag_p99), "ok", row->ok, "disturbed", row->disturbed, "why",
			 row->why);
}

struct json_t *
trials_json(const struct trials *t)
{
	json_t *o = json_object(), *rows = json_array();
	double median, least, most;

	for (unsigned i = 0; i < t->nrows; i++)
		json_array_append_new(rows, row_json(&t->row[i]));
	json_object_set_new(o, "found", json_boolean(t->find.phase == FIND_FOUND));
	if (t->find.phase == FIND_FOUND) {
		find_result(&t->find, &median, &least, &most);
		json_object_set_new(o, "carried_per_s",
				    json_pack("{s:f, s:f, s:f}", "median", median, "least", least, "most", most));
	} else {
		json_object_set_new(o, "carried_per_s", json_null());
	}
	json_object_set_new(o, "lowest_failed_per_s",
			    t->find.failed != 0 ? json_integer((json_int_t)t->find.failed) : json_null());
	json_object_set_new(o, "trials", rows);
	return o;
}
