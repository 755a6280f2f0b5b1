/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_ISN_H
#define LA_TCP_ISN_H

/* Initial sequence numbers and timestamp offsets. (Theory at the top of isn.c.) The functions that every open
 * calls are in line. */

#include "core/siphash.h"
#include "tcp/internal.h"

enum { LA_ISN_STEPS = 250 /* of the ISN clock, a millisecond */ };

struct la_isn {
	uint32_t iss;
	uint32_t offset;    /* value for la_tcb.isn_offset */
	uint32_t ts_offset; /* TSval minus tick */
};

/** Returns the shard's ISN clock, in steps. */
static inline uint64_t
la_isn_now(const struct la_tcp *t)
{
	uint64_t m = t->now * LA_ISN_STEPS;

	return m > t->isn_floor ? m : t->isn_floor;
}

/** Returns the clock of the tuple with these offsets if a record has it ahead of m; otherwise m. */
uint64_t la_isn_ahead(const struct la_tcp *t, uint32_t offset, uint32_t ts_offset, uint64_t m);

/** Returns the ISN clock, in steps, of the tuple with these offsets. */
static inline uint64_t
la_isn_clock(const struct la_tcp *t, uint32_t offset, uint32_t ts_offset)
{
	uint64_t m = la_isn_now(t);

	return unlikely(t->isn_far_max > m) ? la_isn_ahead(t, offset, ts_offset, m) : m;
}

/** Returns the ISN and the offsets of a new connection of the tuple. */
static inline struct la_isn
la_isn(const struct la_tcp *t, const struct la_tuple *tuple)
{
	uint64_t h = la_siphash_tuple(t->key.isn, tuple);

	return (struct la_isn){
		.iss = (uint32_t)la_isn_clock(t, (uint32_t)h, (uint32_t)(h >> 32)) + (uint32_t)h,
		.offset = (uint32_t)h,
		.ts_offset = (uint32_t)(h >> 32),
	};
}

/** Returns iss if it is above old_snd_nxt, the snd_nxt of the tuple's TIME_WAIT entry; otherwise a sequence number
 * above old_snd_nxt (RFC 9293 3.6.1 MAY-2 (1)). */
uint32_t la_isn_above(uint32_t iss, uint32_t old_snd_nxt);
/** Returns the record of the end of the tuple's last connection; NULL: there is no record. */
struct la_isn_end *la_isn_noted(const struct la_tcp *t, uint32_t ts_offset, uint32_t offset);
/** Returns whether a connection of the tuple with this cookie, or a later one, has already ended. */
bool la_isn_used(const struct la_tcp *t, const struct la_isn *isn, uint32_t iss);
/** Records the end of a connection without a TIME_WAIT entry. */
void la_isn_passed(struct la_tcb *c);

#endif
