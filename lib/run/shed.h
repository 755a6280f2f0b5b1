/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_SHED_H
#define LA_RUN_SHED_H

/* Overload control of one station: the share of SYNs to drop (la_shard_shed()), so that open connections
 * are served when the load exceeds the worker's capacity.
 *
 * The measure is the number of frames that wait for the shard. DPDK's drivers for virtual devices do not
 * report this number, so the worker finds it by a check. After a full burst, or while the level is above 0, but at most
 * once in LA_SHED_MS, the worker reads until the port has no more frames, or up to LA_SHED_LOOK. A worker with spare
 * capacity gets short bursts, and does not check at level 0. In a closed loop (clients wait for their answers) frames
 * wait, too, but fill the ring only with as many connections as places. So control starts only when the ring was full
 * in LA_SHED_BEGIN consecutive checks.
 *
 *	level 0		more than LA_SHED_FULL frames, LA_SHED_BEGIN times in a row: the level rises
 *	level > 0	each check moves the level by (waiting - LA_SHED_TARGET) / LA_SHED_STEP
 *
 * So a check finds about LA_SHED_TARGET frames: an empty ring would waste the worker's time, a full ring would lose
 * frames of open connections.
 *
 * A full ring alone is no overload. A peer on a ring pair (memif) may wait for room in the ring, and send at the
 * worker's capacity: a shed SYN costs such a peer a time-out of one second without a benefit. Overload is a full ring
 * together with lost frames. Lost frames are the sum of two counters: frames that the port has missed (rx_missed), and
 * retransmission time-outs. These show losses, an RTO (200 ms) later, on a port that does not count them. A check
 * finds losses when at least one frame in LA_SHED_LOSS was lost since the previous check. LA_SHED_LOSSY checks with
 * losses within LA_SHED_LOSSY_MS allow shedding for LA_SHED_ALLOWED_MS. Overload loses frames continuously. In
 * contrast, SYN,ACKs that were dropped while a next hop was resolved, or while a peer was absent, time out together
 * within a few milliseconds.
 *
 * If fewer than one in LA_SHED_SYNS frames is a SYN, SYNs do not cause the load: dropping them would
 * only exclude new clients.
 *
 * Without losses, or with few SYNs, the level falls at any number of waiting frames. A check raises the level by at
 * most 12 of LA_SHED_ALL and lowers it by at most 4: from 0 to a half takes at least 11 checks (22 ms), from all to 0
 * at least 64 checks (128 ms). */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/counters.h>

enum {
	LA_SHED_MS = 2,	     /* between two checks */
	LA_SHED_LOOK = 1024, /* frames read in a check: the size of most receive rings */
	LA_SHED_FULL = 896,
	LA_SHED_TARGET = 256,
	LA_SHED_STEP = 64,
	LA_SHED_BEGIN = 8, /* checks */
	LA_SHED_SYNS = 32,
	LA_SHED_LOSS = 4096,
	LA_SHED_LOSSY = 12, /* checks */
	LA_SHED_LOSSY_MS = 1000,
	LA_SHED_ALLOWED_MS = 5000,
};

struct la_shed {
	uint64_t look_at;	     /* ms: earliest next check */
	unsigned full;		     /* consecutive checks with a full ring */
	unsigned level;		     /* share of the SYNs to drop, in parts of LA_SHED_ALL */
	uint64_t syns, frames, lost; /* counts at the last check */
	uint64_t lossy_until;	     /* ms: end of the present interval of LA_SHED_LOSSY_MS */
	unsigned lossy;		     /* checks with losses in that interval */
	uint64_t lost_until;	     /* ms: shedding is allowed until this time; 0: it was never allowed */
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
