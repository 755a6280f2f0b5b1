/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_PACE_H
#define LA_APP_LOAD_PACE_H

/* The due time of the nth connection of an open loop. Pure arithmetic: times are nanoseconds since the start
 * of the schedule. (Theory at the top of load_pace.c.) */

#include <stddef.h>
#include <stdint.h>

enum {
	PACE_STEPS = 1024,
	PACE_RATE_MAX = 100000000, /* connections a second */
};

#define PACE_NEVER UINT64_MAX

struct pace_step {
	uint64_t rate;	/* connections a second; 0: a pause */
	uint64_t ns;	/* length; PACE_NEVER: without end */
	uint64_t at;	/* its begin */
	uint64_t first; /* the number of its first connection */
};

struct pace {
	struct pace_step step[PACE_STEPS];
	unsigned nsteps; /* 0: no schedule, a closed loop. Other threads read a schedule that grows (pace_grow()) */
};

/** "5k", or a ramp "FROM,TO,STEP,HOLD": FROM/s for HOLD, then STEP more (or fewer), and so on to TO.
 * 0, or -1 with the allowed form in why. */
int pace_parse(const char *text, struct pace *p, char *why, size_t size);

/** A schedule of one endless pause: pace_grow() adds to it. */
void pace_pause(struct pace *p);

/** Ends the final pause at `at`, and appends rate/s for ns and another endless pause. One thread may
 * grow a schedule while others call pace_due() and pace_end(). 0, or -1: no room for more steps, or `at` is before the
 * begin of the last step. */
int pace_grow(struct pace *p, uint64_t at, uint64_t rate, uint64_t ns);

/** Ends the final pause and the schedule at `at`. */
void pace_finish(struct pace *p, uint64_t at);

/** The due time of connection n = 0, 1, ... PACE_NEVER: after the end of the ramp, or not known yet. */
uint64_t pace_due(const struct pace *p, uint64_t n);

/** The step that connection n is due in. */
unsigned pace_step_of(const struct pace *p, uint64_t n);

/** The number of connections due before ns. */
uint64_t pace_count(const struct pace *p, uint64_t ns);

/** The end of the schedule; PACE_NEVER: it has none. */
uint64_t pace_end(const struct pace *p);

/** The most connections that fall due within any `window` of the first `length` (PACE_NEVER: all). */
uint64_t pace_most(const struct pace *p, uint64_t window, uint64_t length);

#endif
