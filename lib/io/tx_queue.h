/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_TX_QUEUE_H
#define LA_IO_TX_QUEUE_H

/* Frames that wait for one queue of a port, in order.
 *
 * A port whose ring is full refuses frames; they wait here, at most LA_TXQ_FRAMES of them, and are offered
 * again before any later frame. The bound gives back-pressure: a worker whose queue has no room for a
 * burst neither reads nor makes more frames (io/lane.h), so the port's receive ring fills and the
 * sender slows down.
 *
 * Two stations must not wait for each other for ever, and a port without a peer must not stop
 * its worker. In both cases the port takes no frames. So
 *
 *	refused for LA_TXQ_PATIENCE_MS	the worker reads a few frames: this makes room for its peer,
 *					and the answers wait in the shard
 *	refused for LA_TXQ_STALL_MS	frames beyond LA_TXQ_LOW are dropped, the oldest first
 *	refused for LA_TXQ_GIVE_UP_MS	all waiting frames are dropped
 *
 * and a single frame that the port takes ends each of these states. Only milliseconds with an offer to the port count,
 * not those in which the worker did not run. Dropped frames are counted as tx_full.
 *
 * A queue may carry frames of other shards (run/hand_over.h). `own` counts the frames of the queue's own shard. */

#include <stdbool.h>
#include <stdint.h>

struct la_port;
struct rte_mbuf;
struct rte_mempool;

enum {
	LA_TXQ_FRAMES = 1024, /* limit of waiting frames */
	LA_TXQ_LOW = 512,     /* limit of waiting frames for a port that takes none */
	LA_TXQ_PATIENCE_MS = 1,
	LA_TXQ_STALL_MS = 20, /* a peer process may be off its CPU for some time slices */
	LA_TXQ_GIVE_UP_MS = 100,
};

struct la_txq {
	uint32_t head, n;	     /* frames [head, head + n) modulo LA_TXQ_FRAMES wait */
	uint32_t peak;		     /* highest number of waiting frames */
	uint32_t own;		     /* of n: frames of the queue's own shard */
	uint32_t refused_ms;	     /* milliseconds with offers since the port last took a frame */
	uint64_t refused_at;	     /* ms: the last of them */
	uint64_t own_sent, own_lost; /* frames of the own shard that the port took; that were dropped */
	struct rte_mbuf *m[LA_TXQ_FRAMES];
	bool is_own[LA_TXQ_FRAMES];
};

static inline unsigned
la_txq_room(const struct la_txq *q)
{
	return LA_TXQ_FRAMES - q->n;
}

/** Offers the waiting frames to the port; drops frames after the limits above. now: ms. Returns the number of
 * frames that the port took. */
unsigned la_txq_retry(struct la_txq *q, const struct la_port *port, uint16_t queue, uint64_t now);

/** Takes n frames, n <= la_txq_room(), prepares them and sends them after the waiting frames. own: the frames are of
 * the queue's own shard. `pool`: as in la_port_tx_ready(). */
void la_txq_send(struct la_txq *q, const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n,
		 bool own, struct rte_mempool *pool);

/** Drops all waiting frames. */
void la_txq_drop_all(struct la_txq *q, const struct la_port *port, uint16_t queue);

#endif
