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
	unsigned index; /* of this shard among those of its port */
	unsigned peers; /* shards of the port; 1: no frames to hand over */
	unsigned queue; /* of the port, for this shard's frames */
	bool has_queue; /* this shard owns the queue; otherwise shard `queue` does */
	struct rte_ring *in[LA_HAND_PEERS], *out[LA_HAND_PEERS]; /* received frames; NULL: itself */
	struct rte_ring *tx_in[LA_HAND_PEERS];			 /* frames to send of other shards; NULL: none */
	struct rte_ring *tx_out;				 /* without a queue: to its owner */
	uint64_t away;						 /* frames of our queue for other shards */
	uint64_t over, taken; /* frames put into rings of others, and taken from ours */
	uint64_t full;	      /* frames and copies dropped at a full ring */
};

/** Makes the rings between n shards of a port with `queues` queues, 1 <= queues <= n; all zero
 * before. sockets[i]: NUMA node of shard i. 0, or -ENOMEM; la_hand_over_fini() frees what
 * was created. */
int la_hand_over_init(struct la_hand_over *const *shards, unsigned n, unsigned queues, unsigned port,
		      const int *sockets);
/** Frees the rings that others write to, and their frames. */
void la_hand_over_fini(struct la_hand_over *h);

/** Steers a burst: gives frames to their shards; copies for all shards come from
 * `pool`. Returns the number of frames for this shard, in order, at the front of pkts. */
unsigned la_hand_over(struct la_hand_over *h, struct rte_mbuf **pkts, unsigned n, struct rte_mempool *pool);

/** Frames from shard k, at most max. */
unsigned la_hand_over_take(struct la_hand_over *h, unsigned k, struct rte_mbuf **pkts, unsigned max);

/** Frames in the fullest of the rings from other shards. */
unsigned la_hand_over_waiting(const struct la_hand_over *h);

/** Room on the way to the owner of our queue. */
unsigned la_hand_over_tx_room(const struct la_hand_over *h);
/** Passes n frames, for which there is room, to the owner of our queue. */
void la_hand_over_tx(struct la_hand_over *h, struct rte_mbuf **pkts, unsigned n);
/** Frames of shard k to send on our queue. */
unsigned la_hand_over_tx_take(struct la_hand_over *h, unsigned k, struct rte_mbuf **pkts, unsigned max);

#endif
