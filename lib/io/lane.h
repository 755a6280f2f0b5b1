/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_LANE_H
#define LA_IO_LANE_H

/* A lane: one queue of a port in both directions, as one thread drives it for a shard. A worker of lib/run and the
 * loop of an embedding program (io/io.c) run on it.
 *
 * Back-pressure. Frames leave the shard only when the next queue has room for them. Each queue is bounded, so the
 * back-pressure of a slow port reaches the sender:
 *
 *	port's transmit ring	full: frames wait in the lane's transmit queue (io/tx_queue.h)
 *	transmit queue		no room for a burst: the round holds; it reads nothing, runs no timer and only transmits
 *	shard's output		frames stay in the shard; without input no frame is added
 *	port's receive ring	fills up, because nothing is read
 *
 * Two shards may wait for each other: neither port takes frames, because neither lane reads. So after
 * LA_TXQ_PATIENCE_MS without a frame taken by the port, the lane reads again. The lane reads at most HOLD_READ
 * frames a millisecond (lane.c). It reads at most LA_HOLD_READ_MOST frames until its shard is empty again: the shard
 * has room for their answers. After LA_TXQ_STALL_MS the transmit queue drops frames. So every wait ends.
 *
 * Rest. A lane without work spins LA_REST_SPINS rounds, then sleeps: microseconds at first, so that a pause in the
 * traffic costs little, and after some time up to LA_REST_LONG_US. Longer sleeps would fill the port's receive ring. */

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "io/port.h"
#include "io/tx_queue.h"

enum {
	LA_LANE_BURST = 32,	  /* most frames that are read at once, or sent at once */
	LA_LANE_TAKE_LEAST = 4,	  /* with room for fewer frames, none are taken from the shard */
	LA_HOLD_READ_MOST = 2048, /* most frames that are read while the port takes none */
	LA_REST_SPINS = 256,	  /* empty rounds before the first sleep */
	LA_REST_SHORT_US = 50,
	LA_REST_LONG_US = 500,
};

struct la_lane {
	const struct la_port *port;
	struct rte_mempool *pool; /* of the queue; copies for the port are made from it */
	uint16_t queue;
	unsigned hold_read; /* frames read while the port took none, since the shard was last empty */
	uint64_t held;	    /* number of milliseconds with a round that held */
	uint64_t held_at;   /* the last such millisecond */
	uint64_t read_at;   /* ms: the last time that a round that held has read frames */
	struct la_txq txq;  /* frames that wait for the port */
};

/** Called with a burst that was received. now: ms. */
typedef void (*la_lane_received)(void *ctx, uint64_t now, struct rte_mbuf **pkts, unsigned n);
/** Stores up to max frames to send in pkts. Returns their number. */
typedef unsigned (*la_lane_take)(void *ctx, struct rte_mbuf **pkts, unsigned max);

/** Reads up to LA_LANE_BURST frames. */
static inline unsigned
la_lane_rx(struct la_lane *l, struct rte_mbuf **pkts)
{
	return la_port_rx(l->port, l->queue, pkts, LA_LANE_BURST);
}

/** Returns how many frames may still be made before the port must take some. Below LA_LANE_BURST a round holds. */
static inline unsigned
la_lane_room(const struct la_lane *l)
{
	return la_txq_room(&l->txq);
}

/** Offers the port the frames that wait for it. Returns how many it took. now: ms. */
static inline unsigned
la_lane_retry(struct la_lane *l, uint64_t now)
{
	return unlikely(l->txq.n > 0) ? la_txq_retry(&l->txq, l->port, l->queue, now) : 0;
}

/** Takes frames and sends them, as many as there is room for. own: as in la_txq_send(). Returns how many. Inline, so
 * that the call of `take` is a direct one. */
static __rte_always_inline unsigned
la_lane_send(struct la_lane *l, bool own, la_lane_take take, void *ctx)
{
	struct rte_mbuf *pkts[LA_LANE_BURST];
	unsigned n, room, all = 0;

	while ((room = la_lane_room(l)) >= LA_LANE_TAKE_LEAST &&
	       (n = take(ctx, pkts, RTE_MIN(room, (unsigned)LA_LANE_BURST))) > 0) {
		la_txq_send(&l->txq, l->port, l->queue, pkts, n, own, l->pool);
		all += n;
	}
	return all;
}

/** Call in a round that holds: counts its millisecond. now: ms. */
static inline void
la_lane_held(struct la_lane *l, uint64_t now)
{
	l->held += now != l->held_at;
	l->held_at = now;
}

/** Call in a round that does not hold: the last la_lane_send() left room for a burst, so it emptied the shard. */
static inline void
la_lane_emptied(struct la_lane *l)
{
	if (unlikely(l->hold_read != 0))
		l->hold_read = 0;
}

/** Call in a round that holds: when the port has taken no frame for LA_TXQ_PATIENCE_MS, reads some frames and passes
 * them to `received`. Returns the number of frames. now: ms. */
unsigned la_lane_hold_read(struct la_lane *l, uint64_t now, la_lane_received received, void *ctx);

/** Returns how long a thread may sleep after `idle` rounds in a row without work, us; 0: it must not sleep. waiting:
 * frames wait for a port, which may have room again at any time. */
uint64_t la_rest_us(unsigned idle, bool waiting);

/** Sleeps, or spins once when us is 0. */
void la_rest(uint64_t us);

#endif
