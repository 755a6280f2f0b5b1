/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_REPORT_H
#define LA_APP_LOAD_REPORT_H

/* What a load says: a word behind every live line, a row an interval, the table and the JSON at the end. */

#include <stdio.h>

#include "load_totals.h"
#include "run/summary.h"

struct load_report {
	const struct load_config *cfg;
	struct load_station *stations;
	unsigned nstations;
	const struct la_engine *engine;
	uint32_t msl_ms;
	FILE *csv; /* NULL: no rows */
	struct expect *expects;
	unsigned nexpects;

	/* private */
	struct load_totals *before, *now; /* of the last interval's end, and of this one's */
	struct la_histogram scratch, diff;
	double slowest;	      /* fewest closes a second of any whole interval that was under load */
	unsigned intervals;
	char note[160];
};

/** 0 or -ENOMEM. */
int load_report_init(struct load_report *r);
void load_report_fini(struct load_report *r);

/** Names of the CSV's columns. */
void load_csv_header(FILE *f);
/** One row: what happened between the two, dt seconds. diff: room for a histogram. */
void load_csv_row(FILE *f, double seconds, double dt, double rate, const struct load_totals *before,
		  const struct load_totals *now, struct la_histogram *diff);

/** An interval is over. */
void load_report_interval(struct load_report *r, double seconds);
/** Words behind the live line; valid until the next interval. */
const char *load_report_note(struct load_report *r);

/** The run is over: totals, conditions judged; sets *s->more and its seconds. */
void load_report_end(struct load_report *r, struct la_summary *s);
/** The table and the verdict. */
void load_report_print(const struct load_report *r, FILE *f);
/** All conditions hold. */
bool load_report_ok(const struct load_report *r);

/** The "load" object of the JSON. The caller owns it. */
struct json_t *load_json(const struct load_report *r);

/** Draws FILE.png or FILE.svg from a CSV with gnuplot. 0, or -1 with a line in err. */
int load_plot(const char *csv, const char *file, uint32_t msl_ms, char *err, size_t size);
/** Is there a gnuplot, and can it draw into a file of that name? */
int load_plot_check(const char *file, char *err, size_t size);

#endif
