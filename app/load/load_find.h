/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_FIND_H
#define LA_APP_LOAD_FIND_H

/* The search for the highest rate that meets the conditions of --find-max. Pure: it returns the rate of the next
 * trial and takes the result of that trial.
 *
 *	UP		the rate doubles until a trial fails
 *	BISECT		between the highest rate that passed and the lowest that failed, until they are close
 *	CONFIRM		the highest rate that passed is tried FIND_CONFIRMATIONS times more
 *	CHALLENGE	the bound above is tried again: a rate FIND_BACK of itself higher must fail so many times
 *	FOUND		a rate was confirmed, and every challenge failed
 *	NOTHING		no rate passes, or no rate was confirmed
 *
 * On a shared machine a trial fails now and then. For this reason a rate has failed when two consecutive trials of it
 * fail; this holds for confirmations and challenges, too. A rate that fails its confirmation is lowered by FIND_BACK of
 * itself, then by twice as much up to FIND_BACK_MOST, and confirmed again, but not below a rate that was confirmed
 * before. A machine that was slow for some seconds causes a bound that is too low: when a challenge passes, the search
 * goes UP from there by an eighth, and BISECT and CONFIRM follow again. */

#include <stdbool.h>
#include <stdint.h>

enum {
	FIND_CONFIRMATIONS = 3,
	FIND_BACK = 40,	     /* a fortieth */
	FIND_BACK_MOST = 5,  /* a fifth */
	FIND_RESTARTS = 16,  /* of confirmation, before the search ends without a confirmed rate */
	FIND_CHALLENGES = 3, /* the default */
	FIND_CLIMB = 8,	     /* an eighth */
};

/** BISECT ends when the two rates differ by less than this share of the lower one. */
#define FIND_PRECISION 0.01

enum find_phase { FIND_UP, FIND_BISECT, FIND_CONFIRM, FIND_CHALLENGE, FIND_FOUND, FIND_NOTHING };

struct find {
	enum find_phase phase;
	uint64_t rate;	 /* of the next trial, connections/s; 0: the search is over */
	uint64_t most;	 /* no trial is above */
	uint64_t passed; /* highest rate that has passed; 0: none */
	uint64_t failed; /* lowest rate that has failed; 0: none */
	bool again;	 /* the next trial repeats one that has failed */
	unsigned trials; /* so far */
	bool climbing;	 /* UP after a challenge */
	unsigned confirmed, restarts, challenges;
	unsigned challenges_most;	    /* number of failed challenges before FOUND; may be set after find_init() */
	unsigned back;			    /* steps back without a confirmed rate */
	uint64_t best;			    /* the highest rate that all confirmations passed; 0: none yet */
	double carried[FIND_CONFIRMATIONS]; /* by the confirmations so far, connections/s, in their order */
	double best_carried[FIND_CONFIRMATIONS]; /* by those of `best` */
};

/** start: rate of the first trial, most: of the highest, connections/s. 1 <= start <= most. */
void find_init(struct find *f, uint64_t start, uint64_t most);

/** The trial of f->rate is over; ok: it met the conditions; carried: connections/s. */
void find_note(struct find *f, bool ok, double carried);

/** The result of FIND_FOUND: the median of the confirmations, the least and the most. */
void find_result(const struct find *f, double *median, double *least, double *greatest);

#endif
