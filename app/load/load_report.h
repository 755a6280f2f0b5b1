/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_REPORT_H
#define LA_APP_LOAD_REPORT_H

/* The output of a load: text at the end of every live line, a row per interval, the table and the JSON at the end. */

#include <stdio.h>

#include "load/load_trial.h"
#include "load/load_verdict.h"
#include "load/load_worker.h"
#include "run/summary.h"

struct load_report {
	const struct load_config *cfg;
	struct load_station *stations;
	unsigned nstations;
	unsigned nports;
	const struct la_engine *engine;
	uint32_t msl_ms;
	FILE *csv;	       /* NULL: no rows */
	struct trials *trials; /* NULL: no search */
	struct expect *expects;
	unsigned nexpects;
	double allow;	      /* struct load_rules */
	uint32_t interval_ms; /* between two calls of load_report_interval() */

	/* private */
	struct load_totals *before, *now; /* totals at the end of the previous interval, and of this interval */
	struct la_histogram scratch, diff;
	double slowest;	      /* least orderly closes a second of a whole interval under load */
	double last_interval; /* end of the last interval, seconds */
	unsigned intervals;
	struct load_worker *worker; /* nstations of them, after load_report_init() */
	struct load_verdict verdict;
	char note[200];
};

/** Requires nstations. Returns 0 or -ENOMEM. */
int load_report_init(struct load_report *r);
void load_report_fini(struct load_report *r);

/** Returns whether the load is a ramp, which has a row per step. */
static inline bool
load_is_ramp(const struct load_report *r)
{
	return r->cfg->pace.nsteps > 1 && r->trials == NULL;
}

/** Writes the names of the CSV's columns, those of each worker included. */
void load_csv_header(FILE *f, unsigned nworkers);
/** Writes a row: the difference of `before` and `now`, dt seconds apart. u: cost of each worker; diff: room for a
 * histogram. */
void load_csv_row(FILE *f, double seconds, double dt, double rate, const struct load_totals *before,
		  const struct load_totals *now, const struct load_use *u, unsigned nworkers,
		  struct la_histogram *diff);

/** Returns the length of the time in which connections were due, until now, ns (load_totals.h). */
uint64_t load_due_ns(const struct load_report *r);

/** Processes the end of an interval; seconds: since the start of the run. */
void load_report_interval(struct load_report *r, double seconds);
/** Returns the text at the end of the live line; valid until the next interval. */
const char *load_report_note(struct load_report *r);

/** Processes the end of the run: reads the totals, judges verdict and conditions, sets s->seconds. */
void load_report_end(struct load_report *r, struct la_summary *s);
/** Prints the tables and the verdict. */
void load_report_print(const struct load_report *r, FILE *f);
/** Returns whether all conditions hold and the rules of load_worked() are met; --find-max: whether a rate was found. If
 * not: `why` has the reason, or is empty when a printed condition failed. */
bool load_report_ok(const struct load_report *r, bool signalled, char *why, size_t size);

/** Sets *sum to a latency of all stations in one step of a ramp. */
void load_step_latency(const struct load_report *r, unsigned step, enum load_latency which, struct la_histogram *sum);
/** Counts of one step of a ramp, of all stations. offered: connections that were due in the step before the end of the
 * run; seconds: length of the step before the end of the run. */
struct load_step_counts {
	uint64_t offered, begun, complete, failed;
	double seconds;
};
void load_step_read(const struct load_report *r, unsigned step, struct load_step_counts *n);
/** Writes "10.0.0.1:80" or "[fd00::1]:80". Returns buf. */
const char *load_target_name(const struct load_target *to, char *buf, size_t size);
/** Sets *n to the counts of one target, of all stations. */
void load_target_read(const struct load_report *r, unsigned target, struct load_target_counts *n);

/** Returns an object with the key "load" for the JSON. The caller owns it. */
struct json_t *load_json(const struct load_report *r);

/** Draws FILE.png or FILE.svg with gnuplot: the CSV's intervals, and the steps of a ramp; or the CSV's trials. Returns
 * 0, or -1 with a line in err. */
int load_plot(const struct load_report *r, const char *csv, const char *file, char *err, size_t size);
/** Returns 0 when gnuplot is installed and can draw into a file of that name, else -1 with a line in err. */
int load_plot_check(const char *file, char *err, size_t size);

#endif
