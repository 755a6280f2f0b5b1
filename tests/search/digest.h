/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SEARCH_DIGEST_H
#define LA_SEARCH_DIGEST_H

/* The state of a small world as one number, its digest. When two states have the same digest, the same events can
 * follow each of them. (Theory and exceptions at the top of digest.c.) */

#include <stdint.h>

#include "sim/world.h"

/** One tuple between two hosts. */
struct digest {
	struct la_sim *w;
	unsigned host[2];
	struct la_tuple t[2];	/* the tuple as each host sees it */
	uint32_t isn[2], ts[2]; /* offsets: ISN and TSval of a host are its ISN and timestamp clock plus these */
	uint32_t far;		/* distances of sequence numbers above this have the same digest */
};

/** Host a opens, host b listens; t is the tuple as a sees it. far, in bytes, must be larger than every window and
 * than the number of bytes sent in one incarnation. */
void digest_init(struct digest *d, struct la_sim *w, unsigned a, unsigned b, const struct la_tuple *t, uint32_t far);

/** Returns the digest of the world. h: the digest of the caller's own part of the state. */
uint64_t digest(const struct digest *d, uint64_t h);

/** Returns the digest h with v added to it. */
static inline uint64_t
digest_mix(uint64_t h, uint64_t v)
{
	unsigned __int128 p = (unsigned __int128)(h ^ v ^ UINT64_C(0xa0761d6478bd642f)) * UINT64_C(0xe7037ed1a0b428db);

	return ((uint64_t)p ^ (uint64_t)(p >> 64)) + (v << 32 | v >> 32);
}

/** The tuple's TCB and TIME_WAIT entry in the shard's tables; NULL: there is none. */
struct la_tcb;
struct la_tw_core;
struct digest_end {
	const struct la_tcb *tcb;
	const struct la_tw_core *tw; /* the entry in the index, or the entry that tcb->shadow names */
};
struct digest_end digest_look(const struct digest *d, unsigned end);

#endif
