/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TABLE_STATE_H
#define LA_TABLE_STATE_H

/* The state machine as a table: the lawful transitions (transitions.def), and one function for every
 * change of state, of a TCB (la_tcb_set_state()) or of a table entry (time_wait.c). la_state_moves() counts the
 * transition. It stops the program at an unlawful transition, because an impossible state would
 * break the promises silently. */

#include <assert.h>
#include <stdbool.h>

#include <lastack/counters.h>

/** Returns whether the transition is an LA_MOVE of transitions.def. */
static inline bool
la_state_lawful(enum la_state from, enum la_state to)
{
	static const uint8_t next[LA_NSTATES][LA_NSTATES] = {
#define LA_MOVE(f, t, why) [LA_##f][LA_##t] = 1,
#define LA_NEVER(f, t, why)
#include "table/transitions.def"
#undef LA_MOVE
#undef LA_NEVER
	};

	return next[from][to];
}

/** Counts the transition of `times` connections or table entries, which must be lawful. */
static inline void
la_state_moves_all(struct la_counters *n, enum la_state from, enum la_state to, uint32_t times)
{
	assert(la_state_lawful(from, to));
	n->transition[from][to] += times;
	n->entered[to] += times;
}

/** Counts the transition of one connection or table entry. */
static inline void
la_state_moves(struct la_counters *n, enum la_state from, enum la_state to)
{
	la_state_moves_all(n, from, to, 1);
}

#endif
