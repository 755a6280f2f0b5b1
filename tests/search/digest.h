/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SEARCH_DIGEST_H
#define LA_SEARCH_DIGEST_H

/* The state of a small world as one number. Two states have the same number when the same events can follow
 * both. (Theory at the top of digest.c.) */

#include <stdint.h>

#include "sim/world.h"

/** One tuple between two hosts. */
struct digest {
	struct la_sim *w;
	unsigned host[2];
	struct la_tuple t[2];	/* as each host sees it */
	uint32_t isn[2], ts[2]; /* ISN and TSval of a host are its clock plus this */
	uint32_t far;		/* numbers further apart than this are equally far */
};

/** a opens, b listens; far: above every window and everything sent in one incarnation, bytes. */
void digest_init(struct digest *d, struct la_sim *w, unsigned a, unsigned b, const struct la_tuple *t, uint32_t far);

/** h: the caller's own part of the state. */
uint64_t digest(const struct digest *d, uint64_t h);

/** Adds a number to a digest. */
static inline uint64_t
digest_mix(uint64_t h, uint64_t v)
{
	unsigned __int128 p = (unsigned __int128)(h ^ v ^ UINT64_C(0xa0761d6478bd642f)) * UINT64_C(0xe7037ed1a0b428db);

	return ((uint64_t)p ^ (uint64_t)(p >> 64)) + (v << 32 | v >> 32);
}

/** The tuple's TCB and entry in the shard's tables: either may be NULL. */
struct la_tcb;
struct la_tw_core;
struct digest_end {
	const struct la_tcb *tcb;
	const struct la_tw_core *tw; /* in the index, or the shadow behind tcb */
};
struct digest_end digest_look(const struct digest *d, unsigned end);

#endif
