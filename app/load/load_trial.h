/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_TRIAL_H
#define LA_APP_LOAD_TRIAL_H

/* The trials of --find-max: the control thread adds one after the other to the schedule and judges each by its own
 * counts.
 *
 *	IDLE	the rate of the next trial is known: a step with this rate is added to the schedule
 *	RUNS	connections are due
 *	ENDS	no more connections are due; open connections may end. Due connections that have not begun are given
 *		up. When generator or target fell behind, the trial has failed, and its connections are aborted: some
 *		would wait for the retransmission of SYNs for many seconds.
 *	RESTS	a pause without connections; then the next trial
 *	OVER	the search has ended, or has no room for another trial
 *
 * A trial passes when three rules hold:
 *  1. The generator kept up with the schedule: at the last reading of the hold time it is at most 20 ms behind.
 *  2. The target kept up with the schedule: in the second half of the hold time the number of open connections grows by
 *     at most 20 ms of the schedule. Without this rule a target that lets connections wait, and serves them after the
 *     hold time, would pass at any rate.
 *  3. All conditions hold for the totals of the trial.
 * A trial that fails is disturbed when a connection was begun more than 20 ms late, or not at all, although the generator
 * was on schedule at most readings; also when the generator began less than half of the connections. The machine has
 * stopped the generator for a moment, and the generator has then begun the connections of this moment at once. Such a
 * burst exceeds what the target carries at lower rates, too.
 *
 * Totals are the difference of two readings at times without connections, so they belong to the trial alone. The second
 * reading waits at most 30 s for connections to end. */

#include <stdio.h>

#include "load/load_find.h"
#include "load/load_totals.h"

enum { TRIALS_MAX = 1024, TRIAL_CONDITIONS = 8 };

struct trial_row {
	uint64_t rate, due, begun, orderly, failed;
	double carried;				   /* orderly closes/s of the hold time */
	double first_byte_p99, close_p99, lag_p99; /* ns; below 0: no sample */
	bool ok;
	bool disturbed; /* the trial failed, and does not count */
	char why[160];	/* after a failure: the rule or condition that failed, and its figures */
};

enum trial_state { TRIAL_IDLE, TRIAL_RUNS, TRIAL_ENDS, TRIAL_RESTS, TRIAL_OVER };

struct trials {
	struct find find;
	struct pace *pace;
	uint64_t hold; /* ns */
	struct expect condition[TRIAL_CONDITIONS];
	unsigned nconditions;
	struct trial_row row[TRIALS_MAX];
	unsigned nrows;

	/* private */
	enum trial_state state;
	uint64_t begin, end, rest; /* start and end of the hold time, end of the pause; ns since the schedule began */
	uint64_t late; /* connections that were due and not begun at the last reading within the hold time */
	uint64_t open_middle, open_end;	  /* connections that were open at the last readings of each half */
	unsigned readings, late_readings; /* within the hold time: all, and those at which the generator was late */
	bool aborts;			  /* the open connections are to be aborted; read after trials_tick() */
	struct load_totals *before, *own;
	unsigned told;	/* number of rows that trials_news() has returned */
	char text[256]; /* the conditions */
};

/** Reads "failed<0.01%,first_byte_p99<50ms". Returns 0, or -1 with the allowed form in why. */
int trials_parse(struct trials *t, const char *text, char *why, size_t size);

/** start: rate of the first trial; most: highest rate of a trial, connections/s; hold: length of a trial, ns. Returns 0
 * or -ENOMEM. */
int trials_init(struct trials *t, struct pace *pace, uint64_t start, uint64_t most, uint64_t hold);
void trials_fini(struct trials *t);

/** Called every 100 ms with the totals of the run until now. now: ns since the schedule began. Returns the number of
 * the first slot of the schedule that is not given up: stations skip the slots with lower numbers. 0: no change. */
uint64_t trials_tick(struct trials *t, const struct load_totals *all, uint64_t now);

/** Returns the next judged trial that was not returned yet, or NULL. */
const struct trial_row *trials_news(struct trials *t);

void trials_print_header(FILE *f);
void trials_print_row(const struct trial_row *row, FILE *f);
/** Write the names of the CSV's columns, and a row. Times are in microseconds; an empty field has no samples. */
void trials_csv_header(FILE *f);
void trials_csv_row(const struct trial_row *row, FILE *f);
/** Prints the result in one line, or the reason for no result. */
void trials_print_result(const struct trials *t, FILE *f);
/** Returns {"found", "carried_per_s": {median, least, most} or null, "lowest_failed_per_s": number or null, "trials":
 * [...]}. The caller owns it. */
struct json_t *trials_json(const struct trials *t);

#endif
