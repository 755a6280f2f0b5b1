/* SPDX-License-Identifier: BSD-3-Clause */

/* Handing over: received frames that belong to another shard than the owner of their queue, and frames that a shard
 * without its own queue sends.
 *
 *      queue 0 -> worker 0 -- steer --> shard 0          shard 1 -- tx ring --> worker 0 -> queue 0
 *                               \-- ring 0>1 --> shard 1
 *
 * Every ordered pair of shards of a port has its own ring with one writer and one reader, without
 * locks and atomic exchanges. A burst is sorted into one array for each destination, and each array is put into
 * its ring at once. For received frames a full ring drops the frame (hand_over_full): waiting would
 * let one slow worker stop the others, and TCP retransmits. Frames to send are not lost: the caller takes
 * only as many frames from a shard as there is room for. Without room for a burst the shard makes no more frames
 * (io/lane.h). The owner of the queue takes only frames for which its transmit queue has room.
 *
 * A frame for every shard is copied, because shards write into their frames. */

#include <errno.h>
#include <stdio.h>

#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include <lastack/counters.h>

#include "core/probe.h"
#include "run/hand_over.h"

enum { BURST = 64, LOOK_AHEAD = 4 };

static struct rte_ring *
make_ring(const char *what, unsigned port, unsigned from, unsigned to, int socket)
{
	struct rte_ring *r;
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "la_%s%u_%u_%u", what, port, from, to);
	r = rte_ring_create(name, LA_HAND_FRAMES, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (r == NULL)
		r = rte_ring_create(name, LA_HAND_FRAMES, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return r;
}

int
la_hand_over_init(struct la_hand_over *const *shards, unsigned n, unsigned queues, unsigned port, const int *sockets)
{
	for (unsigned to = 0; to < n; to++) {
		struct la_hand_over *h = shards[to];

		la_steer_init(&h->steer, n);
		h->index = to;
		h->peers = n;
		h->queue = to % queues;
		h->has_queue = to < queues;
		for (unsigned from = 0; from < n; from++) {
			if (from == to)
				continue;
			h->in[from] = make_ring("rx", port, from, to, sockets[to]);
			if (h->in[from] == NULL)
				return -ENOMEM;
			shards[from]->out[to] = h->in[from];
			if (from < queues || from % queues != to)
				continue;
			h->tx_in[from] = make_ring("tx", port, from, to, sockets[to]);
			if (h->tx_in[from] == NULL)
				return -ENOMEM;
			shards[from]->tx_out = h->tx_in[from];
		}
	}
	return 0;
}

static void
free_ring(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while (r != NULL && rte_ring_sc_dequeue(r, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

void
la_hand_over_fini(struct la_hand_over *h)
{
	for (unsigned k = 0; k < h->peers; k++) {
		free_ring(h->in[k]);
		free_ring(h->tx_in[k]);
		h->in[k] = h->tx_in[k] = NULL;
	}
}

/* Counts n lost frames. The worker publishes h->full as hand_over_full. */
static void
hand_over_lose(struct la_hand_over *h, unsigned n)
{
	h->full += n;
	LA_PROBE2(drop, LA_C_hand_over_full, (uint64_t)n);
}

static void
hand_over_put(struct la_hand_over *h, unsigned to, struct rte_mbuf **pkts, unsigned n)
{
	unsigned done = rte_ring_sp_enqueue_burst(h->out[to], (void **)pkts, n, NULL);

	h->over += done;
	if (unlikely(done < n)) {
		hand_over_lose(h, n - done);
		rte_pktmbuf_free_bulk(pkts + done, n - done);
	}
}

unsigned
la_hand_over(struct la_hand_over *h, struct rte_mbuf **pkts, unsigned n, struct rte_mempool *pool)
{
	struct rte_mbuf *to[LA_HAND_PEERS][BURST];
	unsigned count[LA_HAND_PEERS] = {0}, kept = 0;

	for (unsigned i = 0; i < n && i < LOOK_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (unsigned i = 0; i < n; i++) {
		int shard = la_steer_frame(&h->steer, pkts[i]);

		if (i + LOOK_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + LOOK_AHEAD], void *));
		if (unlikely(shard == LA_STEER_ALL)) {
			for (unsigned k = 0; k < h->peers; k++) {
				struct rte_mbuf *copy;

				if (k == h->index)
					continue;
				copy = rte_pktmbuf_copy(pkts[i], pool, 0, UINT32_MAX);
				if (copy != NULL)
					to[k][count[k]++] = copy;
				else
					hand_over_lose(h, 1);
			}
			shard = (int)h->index;
		}
		if ((unsigned)shard == h->index)
			pkts[kept++] = pkts[i];
		else
			to[shard][count[shard]++] = pkts[i];
	}
	h->away += n - kept;
	for (unsigned k = 0; k < h->peers; k++)
		if (count[k] > 0)
			hand_over_put(h, k, to[k], count[k]);
	return kept;
}

unsigned
la_hand_over_take(struct la_hand_over *h, unsigned k, struct rte_mbuf **pkts, unsigned max)
{
	unsigned n = 0;

	if (h->in[k] != NULL)
		n = rte_ring_sc_dequeue_burst(h->in[k], (void **)pkts, max, NULL);
	h->taken += n;
	return n;
}

unsigned
la_hand_over_waiting(const struct la_hand_over *h)
{
	unsigned most = 0;

	for (unsigned k = 0; k < h->peers; k++)
		if (h->in[k] != NULL)
			most = RTE_MAX(most, rte_ring_count(h->in[k]));
	return most;
}

unsigned
la_hand_over_tx_room(const struct la_hand_over *h)
{
	return rte_ring_free_count(h->tx_out);
}

void
la_hand_over_tx(struct la_hand_over *h, struct rte_mbuf **pkts, unsigned n)
{
	unsigned done = rte_ring_sp_enqueue_burst(h->tx_out, (void **)pkts, n, NULL);

	h->full += n - done; /* 0 here: there was room, and this ring has one writer */
	rte_pktmbuf_free_bulk(pkts + done, n - done);
}

unsigned
la_hand_over_tx_take(struct la_hand_over *h, unsigned k, struct rte_mbuf **pkts, unsigned max)
{
	if (h->tx_in[k] == NULL)
		return 0;
	return rte_ring_sc_dequeue_burst(h->tx_in[k], (void **)pkts, max, NULL);
}
