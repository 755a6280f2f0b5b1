/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_TRIAL_H
#define LA_APP_LOAD_TRIAL_H

/* The trials of --find-max: the control thread adds one after the other to the schedule and judges each by its own
 * counts.
 *
 *	IDLE	the rate of the next trial is known: the schedule grows by its hold time
 *	RUNS	connections are due
 *	ENDS	no more connections are due; those begun end. Due connections that have not begun are given up.
 *		A trial that has failed already, because generator or target fell behind, aborts its connections: they
 *		may wait for the retransmission of SYNs for many seconds.
 *	RESTS	no connection is left; a pause, and the next trial
 *
 * A trial passes when the generator kept up with the schedule (it is at most 20 ms behind at the last reading of the
 * hold time), the target kept up with it in the second half (the open connections grow by at most 20 ms of the
 * schedule), and all conditions hold for its totals. Without the second rule a target that lets connections wait, and
 * serves them after the hold time, would pass at any rate. Totals are the
 * difference of two readings while no connection lives, so they belong to the trial alone. */

#include <stdio.h>

#include "load/load_find.h"
#include "load/load_totals.h"

enum { TRIALS_MAX = 1024, TRIAL_CONDITIONS = 8 };

struct trial_row {
	uint64_t rate, due, begun, orderly, failed;
	double carried;				   /* orderly closes per second of the hold time */
	double first_byte_p99, close_p99, lag_p99; /* ns; below 0: no sample */
	bool ok;
	char why[96]; /* after a failure: the condition and its figure */
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
	uint64_t begin, end, rest; /* of the trial, of its hold time, of the pause: ns since the schedule began */
	uint64_t late; /* connections that were due and not begun at the last reading within the hold time */
	uint64_t open_middle, open_end; /* connections that were open at the last readings of each half */
	bool was_read;			/* within the hold time */
	bool aborts;			/* the open connections are to be aborted; read after trials_tick() */
	struct load_totals *before, *own;
	unsigned told;	/* number of rows that trials_news() has returned */
	char text[256]; /* the conditions */
};

/** "failed<0.01%,first_byte_p99<50ms". 0, or -1 with the allowed form in why. */
int trials_parse(struct trials *t, const char *text, char *why, size_t size);

/** start, most: rates of the first and the highest trial, connections/s; hold: ns. 0 or -ENOMEM. */
int trials_init(struct trials *t, struct pace *pace, uint64_t start, uint64_t most, uint64_t hold);
void trials_fini(struct trials *t);

/** Called often (100 ms) with the totals so far. now: ns since the schedule began. Returns the number of the first slot
 * of the schedule that is not given up: stations skip those before it. */
uint64_t trials_tick(struct trials *t, const struct load_totals *all, uint64_t now);

/** A trial that was judged since the last call, or NULL. */
const struct trial_row *trials_news(struct trials *t);

void trials_print_header(FILE *f);
void trials_print_row(const struct trial_row *row, FILE *f);
/** A row of the CSV, times in microseconds; empty: no sample. */
void trials_csv_header(FILE *f);
void trials_csv_row(const struct trial_row *row, FILE *f);
/** The result in one line, or the reason for no result. */
void trials_print_result(const struct trials *t, FILE *f);
/** {"rate", "carried_per_s": {median, least, most}, "trials": [...]}. The caller owns it. */
struct json_t *trials_json(const struct trials *t);

#endif
