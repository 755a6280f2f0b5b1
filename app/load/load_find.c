/* SPDX-License-Identifier: BSD-3-Clause */

/* The highest rate that meets the conditions. (Theory at the top of load_find.h.) */

#include <stdlib.h>
#include <string.h>

#include "load/load_find.h"

void
find_init(struct find *f, uint64_t start, uint64_t most)
{
	memset(f, 0, sizeof(*f));
	f->rate = start;
	f->most = most;
	f->challenges_most = FIND_CHALLENGES;
}

static void
find_end(struct find *f, enum find_phase how)
{
	f->phase = how;
	f->rate = 0;
}

/* Ends the search: no rate above the confirmed rate, if there is one, remains to be tried. */
static void
find_settle(struct find *f)
{
	find_end(f, f->best != 0 ? FIND_FOUND : FIND_NOTHING);
}

/* Tries a rate above `best` again, or ends the search after enough failed challenges. */
static void
find_challenge(struct find *f)
{
	uint64_t rate = f->best + (f->best + FIND_BACK - 1) / FIND_BACK;

	f->phase = FIND_CHALLENGE;
	f->rate = rate < f->most ? rate : f->most;
	if (f->best == f->most || f->challenges == f->challenges_most)
		find_settle(f);
}

static void
find_confirm(struct find *f, uint64_t rate)
{
	if (rate <= f->best) { /* the challenge passed, but no rate above `best` was confirmed: counts as failed */
		f->challenges++;
		find_challenge(f);
		return;
	}
	f->phase = FIND_CONFIRM;
	f->confirmed = 0;
	f->rate = rate;
}

/* Sets the next rate after a bound has changed. */
static void
find_narrow(struct find *f)
{
	uint64_t gap = f->failed - f->passed;

	if (f->passed == 0 && f->failed <= 1)
		find_end(f, FIND_NOTHING);
	else if (gap <= 1 || (double)gap < FIND_PRECISION * (double)f->passed)
		find_confirm(f, f->passed);
	else
		f->rate = f->passed + gap / 2;
}

static void
find_go_up(struct find *f)
{
	uint64_t step = f->climbing ? (f->passed + FIND_CLIMB - 1) / FIND_CLIMB : f->passed;

	if (f->failed != 0) {
		f->phase = FIND_BISECT;
		find_narrow(f);
	} else if (f->passed == f->most) {
		find_confirm(f, f->most);
	} else {
		f->rate = f->passed > f->most - step ? f->most : f->passed + step;
	}
}

static void
find_confirm_result(struct find *f, bool ok, double carried)
{
	uint64_t part;

	if (ok) {
		f->carried[f->confirmed++] = carried;
		if (f->confirmed < FIND_CONFIRMATIONS)
			return;
		f->best = f->rate;
		memcpy(f->best_carried, f->carried, sizeof(f->carried));
		f->challenges = f->back = 0;
		find_challenge(f);
		return;
	}
	f->failed = f->rate;
	if (f->rate == 1 || (f->best == 0 && ++f->restarts > FIND_RESTARTS)) {
		find_settle(f);
		return;
	}
	part = FIND_BACK >> f->back;
	if (part > FIND_BACK_MOST) /* the next step back is twice as large */
		f->back++;
	find_confirm(f, f->rate - (f->rate + part - 1) / part);
}

static void
find_challenge_result(struct find *f, bool ok)
{
	if (!ok) {
		f->challenges++;
		find_challenge(f);
		return;
	}
	f->phase = FIND_UP;
	f->climbing = true;
	f->passed = f->rate;
	f->failed = 0;
	find_go_up(f);
}

/* Takes the result of the rate: of a trial that passed, or of the trials after which the rate has failed. */
static void
find_decide(struct find *f, bool ok, double carried)
{
	f->again = false;
	f->disturbed = 0;
	if (f->phase == FIND_CONFIRM) {
		find_confirm_result(f, ok, carried);
		return;
	}
	if (f->phase == FIND_CHALLENGE) {
		find_challenge_result(f, ok);
		return;
	}
	if (ok)
		f->passed = f->rate;
	else
		f->failed = f->rate;
	if (f->phase == FIND_UP)
		find_go_up(f);
	else
		find_narrow(f);
}

void
find_note(struct find *f, bool ok, double carried)
{
	f->trials++;
	if (ok || f->again)
		find_decide(f, ok, carried);
	else
		f->again = true;
}

void
find_note_disturbed(struct find *f)
{
	f->trials++;
	if (++f->disturbed == FIND_DISTURBED)
		find_decide(f, false, 0);
}

static int
find_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void
find_result(const struct find *f, double *median, double *least, double *greatest)
{
	double v[FIND_CONFIRMATIONS];

	memcpy(v, f->best_carried, sizeof(v));
	qsort(v, FIND_CONFIRMATIONS, sizeof(v[0]), find_compare);
	*least = v[0];
	*median = v[FIND_CONFIRMATIONS / 2];
	*greatest = v[FIND_CONFIRMATIONS - 1];
}
