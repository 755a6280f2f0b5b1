/* SPDX-License-Identifier: BSD-3-Clause */

/* Initial sequence numbers and timestamp offsets (RFC 6528 3, RFC 7323 7.1): theory of operation.
 *
 *	ISN = M + F(tuple, secret)	TSval = tick + G(tuple, secret)
 *
 * F and G are the two halves of one SipHash, so that an open computes one hash. M is a clock of 4 us, 250 steps a
 * millisecond.
 *
 * A new incarnation of a tuple must begin above all sequence numbers of the old incarnation. A TIME_WAIT entry has the
 * last sequence number (la_isn_above()). After a connection that ended without an entry (LAST_ACK, reset, abort) only
 * the clock protects the new incarnation. The clock has a resolution of a millisecond: a connection may open and end
 * within one reading, or send more than 250 kB a second. So a connection that ends ahead of the clock moves the clock
 * forward (la_isn_passed()). LEAD bounds the clock's lead over the time: otherwise sequence numbers could wrap, and a
 * SYN would look old to a peer in TIME_WAIT. A connection that ends more than LEAD ahead does not move the clock: then
 * only the clock of RFC 6528 and PAWS protect the new incarnation.
 *
 * There are two kinds of clocks. The shard's clock is moved by up to NEAR at a time: the usual case, at the cost of one
 * comparison. A connection further ahead moves only the clock of its tuple, in la_tcp.isn_ends. SYN cookies begin up to
 * 8.4 s ahead (cookie.c). If each cookie moved the clock of all tuples, LEAD would be used up after 16
 * connections in sequence.
 *
 * isn_ends has a second use. While cookies are valid, it records every connection that ends without an entry,
 * because an old duplicate of the handshake's ACK may still have a valid cookie and would open the connection again.
 * A cookie below the tuple's recorded end was used before, or is no cookie (la_isn_used()).
 *
 * isn_ends is a set-associative table. Bits of the tuple's keyed hash choose a set of WAYS places, and 32 other bits
 * are the tag. A full set replaces its oldest place. The table holds about as many ends as it has places: with the
 * default max_conns of 65 536, the ends of the last 6.5 s at 10 000 a second.
 *
 * A process that loads a snapshot continues the clock of the previous process (la_isn_resume()). With several shards
 * each shard takes the furthest clock, because the next incarnation of a connection may hash to any shard. */

#include "tcp/isn.h"

enum {
	LEAD = 1 << 24, /* 67 s of the clock */
	NEAR = 1 << 17, /* 0.5 s: up to this lead a connection moves the clock of all tuples */
	UNIT_SHIFT = 8, /* a recorded clock is in units of 256 steps */
	WAYS = 4,
	FRESH = (1 << 26) >> UNIT_SHIFT, /* 268 s: an older end is older than every valid cookie */
};

/* The first place of the tuple's set. */
static struct la_isn_end *
set_of(const struct la_tcp *t, uint32_t ts_offset)
{
	return &t->isn_ends[ts_offset >> 16 & t->isn_mask & ~(uint32_t)(WAYS - 1)];
}

struct la_isn_end *
la_isn_noted(const struct la_tcp *t, uint32_t ts_offset, uint32_t offset)
{
	struct la_isn_end *e = set_of(t, ts_offset);

	for (unsigned i = 0; i < WAYS; i++, e++)
		if (e->tag == offset)
			return e;
	return NULL;
}

uint64_t
la_isn_ahead(const struct la_tcp *t, uint32_t offset, uint32_t ts_offset, uint64_t m)
{
	const struct la_isn_end *e = la_isn_noted(t, ts_offset, offset);
	uint32_t ahead = e ? e->clock - (uint32_t)(m >> UNIT_SHIFT) : 0;

	/* a record that is ahead by LEAD or more is old */
	return ahead - 1 < LEAD >> UNIT_SHIFT ? ((m >> UNIT_SHIFT) + ahead) << UNIT_SHIFT : m;
}

uint32_t
la_isn_above(uint32_t iss, uint32_t old_snd_nxt)
{
	enum { STEP = 65537 };

	return seq_gt(iss, old_snd_nxt) ? iss : old_snd_nxt + STEP;
}

/* Age of a recorded clock in units, relative to the largest possible lead. An unused place is old. */
static uint32_t
isn_age(const struct la_tcp *t, const struct la_isn_end *e)
{
	return (uint32_t)(la_isn_now(t) >> UNIT_SHIFT) + (LEAD >> UNIT_SHIFT) - e->clock;
}

/* Replaces the record of the tuple, or the oldest one in its set. */
static __attribute__((noinline)) void
note_end(struct la_tcp *t, const struct la_tcb *c, uint64_t clock)
{
	struct la_isn_end *set = set_of(t, c->ts_offset), *e = la_isn_noted(t, c->ts_offset, c->isn_offset);
	uint64_t up = (clock + (1u << UNIT_SHIFT) - 1) >> UNIT_SHIFT;

	if (!e) {
		e = set;
		for (unsigned i = 1; i < WAYS; i++)
			if (isn_age(t, &set[i]) > isn_age(t, e))
				e = &set[i];
	}
	*e = (struct la_isn_end){.clock = (uint32_t)up, .tag = c->isn_offset};
	if (up << UNIT_SHIFT > t->isn_far_max)
		t->isn_far_max = up << UNIT_SHIFT;
}

void
la_isn_passed(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;
	uint64_t m = la_isn_clock(t, c->isn_offset, c->ts_offset), end;
	/* steps from the clock to the reading at which this tuple's next ISN is above snd_max */
	int32_t ahead = (int32_t)(c->snd_max + 1 - c->isn_offset - (uint32_t)m);
	bool noted = la_cookie_valid_now(t);

	end = m + (uint64_t)(int64_t)ahead;
	if (ahead > LEAD || end > t->now * LA_ISN_STEPS + LEAD || (ahead <= 0 && !noted))
		return;
	if (end > la_isn_now(t) && end - la_isn_now(t) <= NEAR)
		t->isn_floor = end;
	else if (ahead > 0)
		noted = true;
	if (noted)
		note_end(t, c, end);
}

bool
la_isn_used(const struct la_tcp *t, const struct la_isn *isn, uint32_t iss)
{
	const struct la_isn_end *e = la_isn_noted(t, isn->ts_offset, isn->offset);
	uint32_t d = iss - isn->offset, below;

	if (!e || isn_age(t, e) > FRESH)
		return false;
	below = (e->clock - (d >> UNIT_SHIFT)) << UNIT_SHIFT;
	return below && below < 1u << 31;
}

uint64_t
la_isn_floor(const struct la_tcp *t)
{
	return t->isn_floor > t->isn_far_max ? t->isn_floor : t->isn_far_max;
}

bool
la_isn_resume(struct la_tcp *t, uint64_t floor, uint64_t then)
{
	if (floor > then * LA_ISN_STEPS + LEAD)
		return false;
	if (floor > t->isn_floor)
		t->isn_floor = floor;
	return true;
}
