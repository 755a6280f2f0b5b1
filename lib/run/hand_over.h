/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_HAND_OVER_H
#define LA_RUN_HAND_OVER_H

/* Inside lib/run: frames between the shards of one port. (The theory is at the top of hand_over.c.) */

#include <stdbool.h>
#include <stddef.h>

#include "io/port.h"
#include "io/steer.h"

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

enum { LA_HAND_PEERS = LA_PORT_MAX_QUEUES, LA_HAND_FRAMES = 4096 };

/** A shard's side of it. Rings have one writer and one reader each. */
struct la_hand_over {
	struct la_steer steer;
	unsigned index; /* of this shard among those of its port */
	unsigned peers; /* shards of the port; 1: there is nothing to hand over */
	unsigned queue; /* of the port: what this shard sends goes there */
	bool has_queue; /* it is this shard's; otherwise shard `queue` owns it */
	struct rte_ring *in[LA_HAND_PEERS], *out[LA_HAND_PEERS]; /* received frames; NULL: itself */
	struct rte_ring *tx_in[LA_HAND_PEERS]; /* frames that other shards want sent; NULL: none do */
	struct rte_ring *tx_out;	       /* without a queue: to its owner */
	uint64_t away;		/* frames of our queue that were another shard's */
	uint64_t over, taken;	/* frames put into the rings of others, taken out of ours */
	uint64_t full;		/* frames and copies that were lost on the way */
};

/** Makes the rings between n shards of a port with `queues` queues, 1 <= queues <= n; all zero
 * before. sockets[i]: NUMA node of shard i. 0, or -ENOMEM with what was made in place for
 * la_hand_over_fini(). */
int la_hand_over_init(struct la_hand_over *const *shards, unsigned n, unsigned queues, unsigned port,
		      const int *sockets);
/** Frees the rings that others write to, and what is in them. */
void la_hand_over_fini(struct la_hand_over *h);

/** Steers a burst: frames of other shards go to them, copies of what all want to know are made from
 * `pool`. Returns how many are left for this shard, in order, at the front of pkts. */
unsigned la_hand_over(struct la_hand_over *h, struct rte_mbuf **pkts, unsigned n,
		      struct rte_mempool *pool);

/** Frames from shard k, at most max. */
unsigned la_hand_over_take(struct la_hand_over *h, unsigned k, struct rte_mbuf **pkts, unsigned max);

/** Frames in the fullest of the rings from other shards. */
unsigned la_hand_over_waiting(const struct la_hand_over *h);

/** Room on the way to the owner of our queue. */
unsigned la_hand_over_tx_room(const struct la_hand_over *h);
/** Passes n frames, for which there is room, to the owner of our queue. */
void la_hand_over_tx(struct la_hand_over *h, struct rte_mbuf **pkts, unsigned n);
/** Frames that shard k wants sent on our queue. */
unsigned la_hand_over_tx_take(struct la_hand_over *h, unsigned k, struct rte_mbuf **pkts,
			      unsigned max);

#endif
