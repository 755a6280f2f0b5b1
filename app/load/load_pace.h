/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_PACE_H
#define LA_APP_LOAD_PACE_H

/* The due time of the nth connection of an open loop, by arithmetic alone. Times are nanoseconds since the start
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
	uint64_t at;	/* start of the step */
	uint64_t first; /* the number of the first connection in the step */
};

struct pace {
	struct pace_step step[PACE_STEPS];
	unsigned nsteps; /* 0: no schedule, a closed loop. Other threads read the number while pace_grow() adds steps */
};

/** Reads "5k", or a ramp "FROM,TO,STEP,HOLD": FROM/s for HOLD, then STEP more (or fewer), and so on to TO.
 * Returns 0, or -1 with the allowed form in why. */
int pace_parse(const char *text, struct pace *p, char *why, size_t size);

/** Makes a schedule of one endless pause, to which pace_grow() adds steps. */
void pace_pause(struct pace *p);

/** Ends the final pause at `at`, and appends a step of `rate` for ns and another endless pause. One thread may
 * grow a schedule while others call pace_due() and pace_end(). Returns 0, or -1: no room for more steps, or
 * `at` is earlier than the start of the last step. */
int pace_grow(struct pace *p, uint64_t at, uint64_t rate, uint64_t ns);

/** Ends the final pause and the schedule at `at`. */
void pace_finish(struct pace *p, uint64_t at);

/** Returns the due time of connection n = 0, 1, ... PACE_NEVER: no step has a connection n (yet). */
uint64_t pace_due(const struct pace *p, uint64_t n);

/** Returns the number of the step in which connection n is due. */
unsigned pace_step_of(const struct pace *p, uint64_t n);

/** Returns the number of connections that are due earlier than ns. */
uint64_t pace_count(const struct pace *p, uint64_t ns);

/** Returns the end of the schedule; PACE_NEVER: no end. */
uint64_t pace_end(const struct pace *p);

/** Returns the most connections that are due within any `window` ns of the first `length` ns (PACE_NEVER: of all). */
uint64_t pace_most(const struct pace *p, uint64_t window, uint64_t length);

#endif
