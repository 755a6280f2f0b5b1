/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_SHED_H
#define LA_RUN_SHED_H

/* Overload control of one station: the share of SYNs to drop (la_shard_shed()), so that open connections
 * are served when the load exceeds the worker's capacity.
 *
 * The measure is the number of frames that wait for the shard. DPDK's drivers for virtual devices do not
 * report it, so the worker measures it by reading: after a full burst, and at most once in LA_SHED_MS, it reads
 * until the port has no more frames, or up to LA_SHED_LOOK. A worker with spare capacity gets short bursts
 * and does not check. Many connections of clients that wait for their answers (a closed loop)
 * also fill a ring, but not completely while they are fewer than its places. So control starts only
 * when the ring was full in LA_SHED_BEGIN consecutive checks.
 *
 *	level 0		more than LA_SHED_FULL frames, LA_SHED_BEGIN times in a row: the level rises
 *	level > 0	each check moves it by (waiting - LA_SHED_TARGET) / LA_SHED_STEP
 *
 * So the ring is about half full on average: not empty, which would waste the worker's time, and not
 * so full that frames of open connections are lost.
 *
 * A full ring alone is no overload. A peer on a ring pair (memif) may wait for room in the ring, and send at the
 * worker's capacity: a shed SYN costs such a peer a time-out of one second without a benefit. Overload is a full
 * ring and frames that were lost: the port counts them (rx_missed), or connections time out and retransmit, which
 * shows after the first RTO (200 ms) where the port does not count. A check finds losses when more than one frame in
 * LA_SHED_LOSS was lost since the previous check. LA_SHED_LOSSY such checks within LA_SHED_LOSSY_MS allow shedding for
 * LA_SHED_ALLOWED_MS. Overload loses frames continuously. In contrast, SYN,ACKs that were dropped while a next hop was
 * resolved, or while a peer was absent, expire together within a few milliseconds.
 *
 * If fewer than one in LA_SHED_SYNS frames is a SYN, SYNs do not cause the load: dropping them would
 * only exclude new clients.
 *
 * The level falls at any number of waiting frames, without losses or with few SYNs. From 0 to a half takes at least
 * 64 ms, from all to 0 at most 130 ms. */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/counters.h>

enum {
	LA_SHED_MS = 2,	     /* between two checks */
	LA_SHED_LOOK = 1024, /* frames read in a check: the size of most receive rings */
	LA_SHED_FULL = 896,
	LA_SHED_TARGET = 256,
	LA_SHED_STEP = 64,
	LA_SHED_BEGIN = 8, /* looks */
	LA_SHED_SYNS = 32,
	LA_SHED_LOSS = 4096,
	LA_SHED_LOSSY = 12, /* looks */
	LA_SHED_LOSSY_MS = 1000,
	LA_SHED_ALLOWED_MS = 5000,
};

struct la_shed {
	uint64_t look_at;	     /* ms: earliest next check */
	unsigned full;		     /* consecutive checks with a full ring */
	unsigned level;		     /* of LA_SHED_ALL */
	uint64_t syns, frames, lost; /* counts at the last check */
	uint64_t lossy_until;	     /* ms: until then checks with losses are counted */
	unsigned lossy;		     /* ... and their number */
	uint64_t lost_until;	     /* ms: until then shedding is allowed; 0: it never was */
};

/** Returns whether a check is due. full_burst: the last burst was full. */
static inline bool
la_shed_due(const struct la_shed *d, uint64_t now, bool full_burst)
{
	return now >= d->look_at && (full_burst || d->level > 0);
}

/** Processes a check with `waiting` frames. missed: frames that the port has lost since its start, 0 if it does not
 * count them; c: the shard's counters. Returns the new level. now: ms. */
unsigned la_shed_note(struct la_shed *d, uint64_t now, unsigned waiting, uint64_t missed, const struct la_counters *c);

#endif
