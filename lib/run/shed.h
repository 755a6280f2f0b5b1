/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_SHED_H
#define LA_RUN_SHED_H

/* Overload control of one station: which share of SYNs to drop (la_shard_shed()), so that the connections
 * there are keep being served when more is offered than the worker can carry.
 *
 * What is measured is how many frames wait in front of the shard. DPDK's drivers for virtual devices do not
 * say, so the worker finds out by reading: when a burst was full, and at most once in LA_SHED_MS, it reads on
 * until the port has no more, or LA_SHED_LOOK frames have come. A worker that keeps up finds a short burst
 * now and then and never looks. Many busy connections of clients that wait for their answers (a closed loop)
 * fill a ring as well, but not to the brim, as long as they are fewer than its places: control begins only
 * when the ring was found full LA_SHED_BEGIN times in a row.
 *
 *	level 0		more than LA_SHED_FULL frames, LA_SHED_BEGIN times in a row: the level rises
 *	level > 0	each look moves it by (waiting - LA_SHED_TARGET) / LA_SHED_STEP
 *
 * So the ring is about half full on the average: it is neither empty, which would waste the worker's time, nor
 * so full that frames of existing connections are lost in front of it.
 *
 * A full ring alone is no overload. A peer on a ring pair (memif) may wait until the ring has room, and send as much as
 * the worker can take: a shed SYN costs such a peer its time-out of a second and gains nothing. Overload is a full
 * ring and frames that were lost: the port counts them (rx_missed), or connections time out and retransmit, which
 * shows after the first RTO (200 ms) where the port does not count. A look finds losses when more than one frame in
 * LA_SHED_LOSS was lost since the look before. LA_SHED_LOSSY such looks within LA_SHED_LOSSY_MS allow shedding for
 * LA_SHED_ALLOWED_MS. Overload loses frames all the time. SYN,ACKs that found no room while a next hop was resolved, or a
 * peer that was away for a moment, expire together within a few milliseconds.
 *
 * SYNs that are fewer than one in LA_SHED_SYNS frames are not what keeps the worker busy: dropping them would
 * shut out new clients and gain nothing.
 *
 * The level falls, whatever waits, without losses or with few SYNs. From 0 to a half takes at least 64 ms, from all
 * to 0 at most 130 ms.
 */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/counters.h>

enum {
	LA_SHED_MS = 2,		/* between two looks */
	LA_SHED_LOOK = 1024,	/* frames read in a look: the size of most receive rings */
	LA_SHED_FULL = 896,
	LA_SHED_TARGET = 256,
	LA_SHED_STEP = 64,
	LA_SHED_BEGIN = 8,	/* looks */
	LA_SHED_SYNS = 32,
	LA_SHED_LOSS = 4096,
	LA_SHED_LOSSY = 12,	/* looks */
	LA_SHED_LOSSY_MS = 1000,
	LA_SHED_ALLOWED_MS = 5000,
};

struct la_shed {
	uint64_t look_at; /* ms: not before */
	unsigned full;	  /* looks in a row that found the ring full */
	unsigned level;	  /* of LA_SHED_ALL */
	uint64_t syns, frames, lost; /* as counted at the last look */
	uint64_t lossy_until;	     /* ms: looks that find losses are counted for so long */
	unsigned lossy;		     /* ... and so many were */
	uint64_t lost_until;	     /* ms: shedding is allowed for so long; 0: it never was */
};

/** Is it time to look? full_burst: the port had as many frames as were asked for. */
static inline bool
la_shed_due(const struct la_shed *d, uint64_t now, bool full_burst)
{
	return now >= d->look_at && (full_burst || d->level > 0);
}

/** `waiting` frames were found; missed: frames that the port has lost since it started, 0 if it does not count them; c:
 * the shard's counters. Returns the new level. now: ms. */
unsigned la_shed_note(struct la_shed *d, uint64_t now, unsigned waiting, uint64_t missed, const struct la_counters *c);

#endif
