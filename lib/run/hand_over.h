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

/** A shard's rings. Each ring has one writer and one reader. */
struct la_hand_over {
	struct la_steer steer;
	unsigned index;			       /* number of this shard among the shards of its port */
	unsigned peers;			       /* shards of the port; 1: no frames to hand over */
	unsigned queue;			       /* queue of the port for this shard's frames */
	bool has_queue;			       /* this shard owns the queue; otherwise shard `queue` does */
	struct rte_ring *in[LA_HAND_PEERS];    /* received frames from each shard of the port; NULL: this shard */
	struct rte_ring *out[LA_HAND_PEERS];   /* received frames for each shard of the port; NULL: this shard */
	struct rte_ring *tx_in[LA_HAND_PEERS]; /* frames of shards that send on our queue, or NULL */
	struct rte_ring *tx_out;	       /* without a queue: frames to send, to its owner */
	uint64_t away;			       /* frames of our queue for other shards */
	uint64_t over;			       /* frames put into rings to other shards */
	uint64_t taken;			       /* frames taken from rings to this shard */
	uint64_t full; /* frames dropped at a full ring, and copies that found no buffer or a full ring */
};

/** Makes the rings between n shards of a port with `queues` queues, 1 <= queues <= n. shards[i] is all zero before.
 * sockets[i]: NUMA node of shard i. 0, or -ENOMEM: then la_hand_over_fini() frees the rings made so far. */
int la_hand_over_init(struct la_hand_over *const *shards, unsigned n, unsigned queues, unsigned port,
		      const int *sockets);
/** Frees the rings that other shards write to, and their frames. */
void la_hand_over_fini(struct la_hand_over *h);

/** Steers a burst: gives frames to their shards; copies for all shards come from
 * `pool`. Returns the number of frames for this shard, in order, at the front of pkts. */
unsigned la_hand_over(struct la_hand_over *h, struct rte_mbuf **pkts, unsigned n, struct rte_mempool *pool);

/** Takes received frames from shard k, at most max. Returns their number. */
unsigned la_hand_over_take(struct la_hand_over *h, unsigned k, struct rte_mbuf **pkts, unsigned max);

/** Returns the number of frames in the fullest ring of received frames from other shards. */
unsigned la_hand_over_waiting(const struct la_hand_over *h);

/** Returns the number of frames that the ring to the owner of our queue has room for. */
unsigned la_hand_over_tx_room(const struct la_hand_over *h);
/** Passes n frames, for which there is room, to the owner of our queue. */
void la_hand_over_tx(struct la_hand_over *h, struct rte_mbuf **pkts, unsigned n);
/** Takes frames of shard k to send on our queue, at most max. Returns their number. */
unsigned la_hand_over_tx_take(struct la_hand_over *h, unsigned k, struct rte_mbuf **pkts, unsigned max);

#endif
