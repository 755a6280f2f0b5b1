/* SPDX-License-Identifier: BSD-3-Clause */

/* Packet buffers: how many a shard needs.
 *
 *   rings     1024 receive and 1024 transmit descriptors; AF_XDP: 4096 in its fill and receive rings, 1024 to transmit
 *   bursts    buffers that the thread and its shard work on: LA_TXQ_FRAMES that wait for the port
 *             (io/tx_queue.h), frames read in one check of the load (run/shed.h), answers to LA_HOLD_READ_MOST frames
 *             read while the port takes none (io/lane.h), the shard's output queue, caches of cores, and with
 *             several shards on a port the hand-over rings
 *   held      la_shard_config.max_held: unread, out of order, in send queues (lib/tcp/hold.c). At least one for each
 *             connection, so that each can receive its next segment. Above 65 536 connections, one for 16 connections
 *             is enough: a service that reads at once returns the buffer in the same burst
 *
 * The pool has the sum of the three. By default max_held is this least number plus a quarter of it, and at least 16 384
 * more. Packets without payload have another small pool, for the time when the main pool is empty. */

#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#include "io/buffers.h"
#include "io/lane.h"
#include "io/pool.h"
#include "net/shard.h"

enum {
	RING = 1024,	 /* descriptors of a ring: DEFAULT_DESC of lib/io/port.c */
	RING_XDP = 4096, /* net_af_xdp: fill and receive ring */
	CACHE = 256,	 /* a core's cache; DPDK fills it to one and a half times that */
	BURSTS = LA_TXQ_FRAMES + LA_HOLD_READ_MOST + LA_TCP_OUT_MAX,
	HAND_OVER = 1024,    /* buffers in hand-over rings, which usually have about a burst */
	CONNS_WHOLE = 65536, /* up to this number every connection needs a buffer */
	CONNS_PART = 16,     /* above that number so many connections share a buffer */
	EXTRA_LEAST = 16384, /* max_held exceeds la_pool_plan.conns by at least this number: 40 MB */
	LOW_PART = 4,	     /* the pool is low when less than a quarter of `bursts` is free */
	CONTROL = 4095,	     /* buffers for packets without payload */
	CONTROL_ROOM = RTE_PKTMBUF_HEADROOM + 128,
	MBUF_BYTES = 512, /* what an mbuf costs beside its data room, at most */
};

uint32_t
la_buffers_room(uint16_t mtu)
{
	uint32_t room = (uint32_t)mtu + LA_POOL_FRAME_EXTRA;

	return RTE_PKTMBUF_HEADROOM + RTE_MAX(2048u, RTE_ALIGN_CEIL(room, 64u));
}

void
la_buffers_plan(uint32_t conns, unsigned look, unsigned shards, bool xdp, struct la_pool_plan *plan)
{
	plan->rings = RING + (xdp ? RING_XDP : RING);
	plan->bursts = BURSTS + look + (shards + 1) * CACHE * 3 / 2 + (shards > 1 ? HAND_OVER : 0);
	plan->conns = conns;
	if (conns > CONNS_WHOLE)
		plan->conns = CONNS_WHOLE + (conns - CONNS_WHOLE) / CONNS_PART;
	plan->low = plan->bursts / LOW_PART;
	plan->max_held = plan->conns + RTE_MAX(plan->conns / 4, (uint32_t)EXTRA_LEAST);
	plan->total = plan->rings + plan->bursts + plan->max_held;
}

uint64_t
la_buffers_bytes(const struct la_pool_plan *plan, uint32_t room, bool on_pages)
{
	uint64_t each = room + MBUF_BYTES;

	if (on_pages)
		each = RTE_ALIGN_CEIL(each, 4096u);
	return plan->total * each + CONTROL * (uint64_t)(CONTROL_ROOM + MBUF_BYTES);
}

/* Like rte_pktmbuf_pool_create(), but buffers may cross pages. */
static struct rte_mempool *
dense_pool(const char *name, uint32_t n, uint16_t room, int socket)
{
	struct rte_pktmbuf_pool_private priv = {.mbuf_data_room_size = room};
	struct rte_mempool *mp = rte_mempool_create_empty(name, n, (unsigned)sizeof(struct rte_mbuf) + room, CACHE,
							  sizeof(priv), socket, RTE_MEMPOOL_F_NO_IOVA_CONTIG);

	if (mp == NULL)
		return NULL;
	if (rte_mempool_set_ops_byname(mp, rte_mbuf_best_mempool_ops(), NULL) != 0) {
		rte_mempool_free(mp);
		return NULL;
	}
	rte_pktmbuf_pool_init(mp, &priv);
	if (rte_mempool_populate_default(mp) < 0) {
		rte_mempool_free(mp);
		return NULL;
	}
	rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
	return mp;
}

static struct rte_mempool *
pool_make(const char *name, uint32_t n, uint32_t room, const struct la_pool_place *place, int socket)
{
	if (place->mapped)
		return la_pool_create_mapped(name, n, CACHE, (uint16_t)room, socket);
	if (place->dense)
		return dense_pool(name, n, (uint16_t)room, socket);
	return rte_pktmbuf_pool_create(name, n, CACHE, 0, (uint16_t)room, socket);
}

static struct rte_mempool *
make_anywhere(const char *name, uint32_t n, uint32_t room, const struct la_pool_place *place)
{
	struct rte_mempool *mp = pool_make(name, n, room, place, place->socket);

	return mp != NULL ? mp : pool_make(name, n, room, place, SOCKET_ID_ANY);
}

int
la_buffers_make(const char *name, unsigned i, const struct la_pool_plan *plan, uint32_t room,
		const struct la_pool_place *place, struct rte_mempool **mbufs, struct rte_mempool **control)
{
	struct la_pool_place plain = {.socket = place->socket, .dense = place->dense};
	char text[RTE_MEMPOOL_NAMESIZE];

	snprintf(text, sizeof(text), "%s_mbufs_%u", name, i);
	*mbufs = make_anywhere(text, plan->total, room, place);
	snprintf(text, sizeof(text), "%s_control_%u", name, i);
	*control = *mbufs != NULL ? make_anywhere(text, CONTROL, CONTROL_ROOM, &plain) : NULL;
	return *control != NULL ? 0 : rte_errno != 0 ? -rte_errno : -ENOMEM;
}
