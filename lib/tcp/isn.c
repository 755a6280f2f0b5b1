/* SPDX-License-Identifier: BSD-3-Clause */

/* Initial sequence numbers and timestamp offsets (RFC 6528 3, RFC 7323 7.1): theory of operation.
 *
 *	ISN = M + F(tuple, secret)	TSval = tick + G(tuple, secret)
 *
 * F and G are the two halves of one SipHash, so that an open costs one. M is a clock of 4 us, 250 steps a
 * millisecond.
 *
 * A new incarnation of a tuple must begin above everything the old one sent. Where there is a TIME_WAIT entry it says how
 * far that was (la_isn_above()). A connection that ended without one, by LAST_ACK, reset or abort, leaves only the
 * clock, and the clock knows the time to a millisecond at best: a connection may be opened, used and gone within
 * one reading of it, or have sent more than its 250 kB a second. So a connection that ends ahead of the
 * clock pulls the clock after it: M never falls behind (la_isn_passed()). How far it may run ahead of the time
 * is bounded by LEAD: it goes for every tuple, and a SYN must not look older to a peer in TIME_WAIT because the
 * number came round. A connection that was further ahead than that is RFC 6528's to worry about, and PAWS'.
 *
 * A process that goes on with the tables of another goes on with its clock too (la_isn_resume()), and with the
 * furthest ahead when there are several: a connection that pulled it along in one may come again to any of them. */

#include "tcp/internal.h"

enum {
	STEPS = 250,   /* a millisecond */
	LEAD = 1 << 24, /* 67 s of the clock */
};

static uint64_t
clock_now(const struct la_tcp *t)
{
	uint64_t m = t->now * STEPS;

	return m > t->isn_floor ? m : t->isn_floor;
}

struct la_isn
la_isn(const struct la_tcp *t, const struct la_tuple *tuple)
{
	uint64_t h = la_siphash_tuple(t->key.isn, tuple);

	return (struct la_isn){
		.iss = (uint32_t)clock_now(t) + (uint32_t)h,
		.offset = (uint32_t)h,
		.ts_offset = (uint32_t)(h >> 32),
	};
}

uint32_t
la_isn_above(uint32_t iss, uint32_t old_snd_nxt)
{
	enum { STEP = 65537 };

	return seq_gt(iss, old_snd_nxt) ? iss : old_snd_nxt + STEP;
}

uint32_t
la_isn_offset(const struct la_tcp *t, uint32_t iss)
{
	return iss - (uint32_t)clock_now(t);
}

void
la_isn_passed(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;
	uint64_t m = clock_now(t);
	/* the clock's reading at which this tuple's next ISN is above snd_max */
	uint32_t ahead = c->snd_max + 1 - c->isn_offset - (uint32_t)m;

	if (ahead - 1 < LEAD && m + ahead <= t->now * STEPS + LEAD)
		t->isn_floor = m + ahead;
}

bool
la_isn_resume(struct la_tcp *t, uint64_t floor, uint64_t then)
{
	if (floor > then * STEPS + LEAD)
		return false;
	if (floor > t->isn_floor)
		t->isn_floor = floor;
	return true;
}
