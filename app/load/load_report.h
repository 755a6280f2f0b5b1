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
	const struct la_engine *engine;
	uint32_t msl_ms;
	FILE *csv;	       /* NULL: no rows */
	struct trials *trials; /* NULL: no search */
	struct expect *expects;
	unsigned nexpects;
	double allow;	      /* struct load_rules */
	uint32_t interval_ms; /* between two calls of load_report_interval() */

	/* private */
	struct load_totals *before, *now; /* of the last interval's end, and of this one's */
	struct la_histogram scratch, diff;
	double slowest;	      /* fewest orderly closes a second of any whole interval that was under load */
	double last_interval; /* its time, seconds */
	unsigned intervals;
	struct load_worker *worker; /* nstations of them, once the run has begun */
	struct load_verdict verdict;
	char note[200];
};

/** For nstations stations. 0 or -ENOMEM. */
int load_report_init(struct load_report *r);
void load_report_fini(struct load_report *r);

/** For a ramp: one row per step. */
static inline bool
load_is_ramp(const struct load_report *r)
{
	return r->cfg->pace.nsteps > 1 && r->trials == NULL;
}

/** Names of the CSV's columns, with those of the workers. */
void load_csv_header(FILE *f, unsigned nworkers);
/** One row: the difference of the two, dt seconds apart; u: of each worker. diff: room for a histogram. */
void load_csv_row(FILE *f, double seconds, double dt, double rate, const struct load_totals *before,
		  const struct load_totals *now, const struct load_use *u, unsigned nworkers,
		  struct la_histogram *diff);

/** How long connections have been due, ns (load_totals.h). */
uint64_t load_due_ns(const struct load_report *r);

/** An interval is over. */
void load_report_interval(struct load_report *r, double seconds);
/** Text at the end of the live line; valid until the next interval. */
const char *load_report_note(struct load_report *r);

/** The run is over: totals, conditions judged; sets *s->more and its seconds. */
void load_report_end(struct load_report *r, struct la_summary *s);
/** The table and the verdict. */
void load_report_print(const struct load_report *r, FILE *f);
/** Returns whether all conditions hold, and connections ended as planned, as far as the rules require it. If not:
 * why. */
bool load_report_ok(const struct load_report *r, bool signalled, char *why, size_t size);

/** A latency of all stations in one step of a ramp, in *sum. */
void load_step_latency(const struct load_report *r, unsigned step, enum load_latency which, struct la_histogram *sum);
/** Connections due in a step of a ramp until the end of the run; and its counts, of all stations. */
struct load_step_counts {
	uint64_t offered, begun, complete, failed;
	double seconds;
};
void load_step_read(const struct load_report *r, unsigned step, struct load_step_counts *n);
/** "10.0.0.1:80", "[fd00::1]:80". Returns buf. */
const char *load_target_name(const struct load_target *to, char *buf, size_t size);
/** Counts of one target, of all stations. */
void load_target_read(const struct load_report *r, unsigned target, struct load_target_counts *n);

/** The "load" object of the JSON. The caller owns it. */
struct json_t *load_json(const struct load_report *r);

/** Draws FILE.png or FILE.svg with gnuplot: the CSV's intervals, and the steps of a ramp; or the CSV's trials. 0, or -1 with
 * a line in err. */
int load_plot(const struct load_report *r, const char *csv, const char *file, char *err, size_t size);
/** Returns whether gnuplot is installed and can draw into a file of that name. */
int load_plot_check(const char *file, char *err, size_t size);

#endif
