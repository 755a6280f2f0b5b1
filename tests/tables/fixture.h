/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_TABLES_FIXTURE_H
#define TEST_TABLES_FIXTURE_H

/* Index, wheel and TIME_WAIT table, combined as in a shard. A "TCB" is a number: the slot of an
 * LA_POOL_TCB reference, which selects a tuple. The time is fx.now, in ticks. */

#include <criterion/criterion.h>

#include "core/seq.h"
#include "table/time_wait.h"

enum { FX_TCBS = 4096 };

struct fx {
	struct la_index index;
	struct la_wheel wheel;
	struct la_hash_key key;
	struct la_counters counters;
	struct la_tw tw;
	uint32_t now;
	struct la_tuple tcb[FX_TCBS]; /* by slot; slot 0 is not used */
};

/** Makes room for capacity4 and capacity6 entries. The wheel has nslots slots of one tick. Time starts at now. */
void fx_init(struct fx *fx, uint32_t capacity4, uint32_t capacity6, uint32_t nslots, uint32_t now);
/** Checks all invariants, then frees the fixture. */
void fx_fini(struct fx *fx);
/** Asserts that the three checkers report no fault and no entry ended early; a failure prints the text. */
void fx_check(const struct fx *fx, const char *text);

/** Returns tuple n. Tuples of different n below 60000 differ. */
struct la_tuple fx_tuple(uint32_t n, bool is4);
bool fx_same(const struct la_tuple *a, const struct la_tuple *b);
uint64_t fx_hash(const struct fx *fx, const struct la_tuple *t);

/** Returns the index's reference for a tuple, found as in lib/tcp; 0: no reference. */
la_ref fx_lookup(struct fx *fx, const struct la_tuple *t);

/** Opens a connection in slot n: reserves an entry, adds the tuple to the index. False: refused. */
bool fx_open(struct fx *fx, uint32_t n, const struct la_tuple *t);
/** Ends the connection without TIME_WAIT. */
void fx_close(struct fx *fx, uint32_t n);
/** Moves the connection to TIME_WAIT with this state. Returns the entry's reference. */
la_ref fx_enter(struct fx *fx, uint32_t n, const struct la_tw_core *state, uint32_t lifetime);
/** fx_open() and fx_enter() with default state: snd_nxt 1000, rcv_nxt 5000, no timestamps. */
la_ref fx_time_wait(struct fx *fx, uint32_t n, bool is4, uint32_t lifetime);

/** Sets the time to `tick`. All references due by then go to the table. */
void fx_advance(struct fx *fx, uint32_t tick);

/** Returns a segment of the peer to the entry's connection. */
struct la_seg fx_seg(const struct fx *fx, la_ref ref, uint8_t flags, uint32_t seq, uint32_t ack);

#define FX_COUNT(fx, name) ((fx)->counters.v[LA_C_##name])

#endif
