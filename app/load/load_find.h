/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_FIND_H
#define LA_APP_LOAD_FIND_H

/* The search for the highest rate that meets the conditions of --find-max. It only computes: it gives the rate of the
 * next trial and takes the result of that trial.
 *
 *	UP		the rate doubles until a trial fails
 *	BISECT		the gap between the highest rate that passed and the lowest that failed is halved until it is
 *			small
 *	CONFIRM		the highest rate that passed is tried FIND_CONFIRMATIONS times more
 *	CHALLENGE	the upper bound is tried again: a rate higher by a fortieth (FIND_BACK) must fail
 *			challenges_most times
 *	FOUND		a rate was confirmed, and no higher rate passed and was confirmed
 *	NOTHING		no rate passes, or no rate was confirmed
 *
 * On a shared machine single trials fail by chance. So a rate has failed only when two consecutive trials of the rate
 * fail; this is also the rule for confirmations and challenges. A failed trial that the generator's machine disturbed
 * shows nothing about the rate. It is repeated, and does not count; FIND_DISTURBED such trials of one rate count as two
 * that failed. A rate that fails a confirmation is lowered by a
 * fortieth, then by twice as much each time up to a fifth (FIND_BACK_MOST), and confirmed again, but never lowered to a
 * rate that is already confirmed. A machine that is slow for some seconds causes a bound that is too low: when a
 * challenge passes, the search goes UP from that rate by eighths (FIND_CLIMB), and BISECT and CONFIRM follow again. */

#include <stdbool.h>
#include <stdint.h>

enum {
	FIND_CONFIRMATIONS = 3,
	FIND_BACK = 40,	     /* smallest step back, and step of a challenge: a fortieth */
	FIND_BACK_MOST = 5,  /* largest step back: a fifth */
	FIND_RESTARTS = 16,  /* failed confirmations before the search ends without a confirmed rate */
	FIND_CHALLENGES = 3, /* default of challenges_most */
	FIND_CLIMB = 8,	     /* step of UP after a challenge: an eighth */
	FIND_DISTURBED = 5,  /* disturbed trials of one rate after which the rate has failed */
};

/** BISECT ends when the two rates differ by less than this share of the lower one. */
#define FIND_PRECISION 0.01

enum find_phase { FIND_UP, FIND_BISECT, FIND_CONFIRM, FIND_CHALLENGE, FIND_FOUND, FIND_NOTHING };

struct find {
	enum find_phase phase;
	uint64_t rate;	    /* of the next trial, connections/s; 0: the search is over */
	uint64_t most;	    /* highest rate of a trial, connections/s */
	uint64_t passed;    /* highest rate that has passed; 0: none */
	uint64_t failed;    /* lowest rate above `best` that has failed; 0: none */
	bool again;	    /* the next trial repeats a trial that failed */
	unsigned trials;    /* number of trials that were run */
	unsigned disturbed; /* number of disturbed trials since the last result of a rate */
	bool climbing;	    /* UP after a challenge that passed */
	unsigned confirmed, restarts, challenges;
	unsigned challenges_most;	    /* failed challenges that end the search; may be set after find_init() */
	unsigned back;			    /* how often the step back was doubled since the last confirmed rate */
	uint64_t best;			    /* the highest rate that all confirmations passed; 0: none yet */
	double carried[FIND_CONFIRMATIONS]; /* carried by the confirmations of `rate`, connections/s */
	double best_carried[FIND_CONFIRMATIONS]; /* carried by the confirmations of `best`, connections/s */
};

/** start: rate of the first trial; most: highest rate of a trial; both connections/s. 1 <= start <= most. */
void find_init(struct find *f, uint64_t start, uint64_t most);

/** Takes the result of the trial of f->rate. ok: it met the conditions; carried: connections/s. */
void find_note(struct find *f, bool ok, double carried);

/** Takes a failed trial of f->rate that was disturbed: the trial is repeated, or the rate has failed. */
void find_note_disturbed(struct find *f);

/** Gives the result after FIND_FOUND: median, least and most of what the confirmations carried, connections/s. */
void find_result(const struct find *f, double *median, double *least, double *greatest);

#endif
