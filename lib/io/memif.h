/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_MEMIF_H
#define LA_IO_MEMIF_H

/* Additions to net_memif: mutual exclusion of its handshake and the workers, and a client that reconnects.
 * (The theory is at the top of memif.c.) */

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_spinlock.h>

#include "io/port.h"

/** One direction of one queue. */
struct la_memif_queue {
	rte_spinlock_t lock; /* held during a burst, and while the handshake runs */
	uint64_t dropped;    /* frames to send without a peer; written by the queue's worker */
} __rte_cache_aligned;

struct la_memif {
	uint16_t id; /* of the port */
	uint16_t queues;
	bool client;
	bool up;	   /* there is a peer; written with the locks of all queues held */
	uint64_t tried_ms; /* time of the client's last try to connect */
	char path[108];	   /* of the socket */
	struct la_memif_queue rx[LA_PORT_MAX_QUEUES], tx[LA_PORT_MAX_QUEUES];
};

/** Call before a memif device is made: its server accepts no client before la_memif_start(). 0 or negative errno. */
int la_memif_hold(void);

/** Starts port `id`. A server does not wait for its client. A client waits some seconds for its server, or
 * until `stopped` returns true (-EINTR). 0 and *out, or negative errno: -ETIMEDOUT: no server answered. */
int la_memif_start(uint16_t id, uint16_t queues, bool (*stopped)(void), struct la_memif **out);

/** Stops the port and frees m. No worker may be in a burst, or begin one. */
void la_memif_stop(struct la_memif *m);

/** Ends the pump thread. No handshake runs from then on. */
void la_memif_end(void);

/** Call before rte_eal_cleanup(), which waits for the interrupt thread: that thread is not held any longer. */
void la_memif_release(void);

/** Call before a burst: takes the lock of the queue. False: no peer, so no burst is allowed; the lock is not held. */
bool la_memif_enter(struct la_memif *m, struct la_memif_queue *q);

/** Call after a burst: releases the lock of the queue. */
static inline void
la_memif_leave(struct la_memif_queue *q)
{
	rte_spinlock_unlock(&q->lock);
}

#endif
