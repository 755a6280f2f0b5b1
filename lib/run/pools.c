/* SPDX-License-Identifier: BSD-3-Clause */

/* The number of packet buffers of a station.
 *
 *   rings     1024 receive and 1024 transmit descriptors; AF_XDP fills twice as many
 *   bursts    buffers of the worker and of its shard: LA_TXQ_FRAMES that wait for the port
 *             (io/tx_queue.h), LA_SHED_LOOK read in one check (run/shed.h), answers to LA_HOLD_READ_MOST frames read
 *             while the port takes nothing (run/transmit.c), the shard's output queue, caches of cores, and with
 *             several shards on a port a hand-over ring
 *   held      la_shard_config.max_held: unread, out of order, in send queues (lib/tcp/hold.c). At least one for each
 *             connection, so that each can receive its next segment; of connections beyond 65 536 one for each 16,
 *             because a service that reads at once frees the buffer in the same burst
 *
 * The pool is the sum of the three. By default the limit of held buffers is one for each connection plus a quarter, and
 * at least 16 384 more. With --mbufs it is the rest after rings and bursts. A small second pool serves packets without
 * payload when this one is empty. */

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#include "io/pool.h"
#include "io/tx_queue.h"
#include "net/shard.h"
#include "run/pools.h"
#include "run/shed.h"

enum {
	RING = 1024,		 /* descriptors of a ring, as in lib/io/port.c */
	RING_XDP = 4096,	 /* net_af_xdp: fill and receive ring */
	CACHE = 256,		 /* a core's cache; DPDK fills it to one and a half times that */
	BURSTS = LA_TXQ_FRAMES + LA_SHED_LOOK + LA_HOLD_READ_MOST + LA_TCP_OUT_MAX,
	HAND_OVER = 1024,	 /* in hand-over rings, which normally have at most a burst */
	CONNS_WHOLE = 65536,	 /* connections up to here need a buffer each, */
	CONNS_PART = 16,	 /* beyond, one in CONNS_PART does */
	EXTRA_LEAST = 16384,	 /* default limit of held buffers beyond one for each connection: 40 MB */
	LOW_PART = 4,		 /* the pool is low when a quarter of `bursts` is left */
	CONTROL = 4095,		 /* buffers for packets without payload */
	CONTROL_ROOM = RTE_PKTMBUF_HEADROOM + 128,
	MBUF_BYTES = 512,	 /* largest overhead of an mbuf beside its data room */
};

uint32_t
la_pool_room(const struct la_station *s)
{
	uint32_t room = (uint32_t)s->shard.mtu + LA_POOL_FRAME_EXTRA;

	return RTE_PKTMBUF_HEADROOM + RTE_MAX(2048u, RTE_ALIGN_CEIL(room, 64u));
}

static unsigned
stations_on(const struct la_engine_config *cfg, unsigned port)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cfg->nstations; i++)
		n += cfg->stations[i].port == port;
	return n;
}

int
la_pool_plan(const struct la_engine_config *cfg, unsigned i, struct la_pool_plan *plan, char *err, size_t size)
{
	unsigned port = cfg->stations[i].port, shards = stations_on(cfg, port);
	bool xdp = port < cfg->eal.nports && cfg->eal.ports[port].kind == LA_PORT_XDP;
	uint32_t conns = cfg->stations[i].shard.max_conns, needed;

	assert(conns != 0); /* la_config_fill() was there */
	plan->rings = RING + (xdp ? RING_XDP : RING);
	plan->bursts = BURSTS + (shards + 1) * CACHE * 3 / 2 + (shards > 1 ? HAND_OVER : 0);
	plan->conns = conns;
	if (conns > CONNS_WHOLE)
		plan->conns = CONNS_WHOLE + (conns - CONNS_WHOLE) / CONNS_PART;
	plan->low = plan->bursts / LOW_PART;
	needed = plan->rings + plan->bursts + plan->conns;
	if (cfg->mbufs != 0 && cfg->mbufs < needed) {
		snprintf(err, size,
			 "--mbufs: '%u' was given; allowed: at least %u with --max-conns %u a shard: %u in the port's rings, "
			 "%u in bursts, caches and queues, %u so that each connection can receive",
			 cfg->mbufs, needed, conns, plan->rings, plan->bursts, plan->conns);
		return -EINVAL;
	}
	plan->max_held = plan->conns + RTE_MAX(plan->conns / 4, (uint32_t)EXTRA_LEAST);
	plan->total = plan->rings + plan->bursts + plan->max_held;
	if (cfg->mbufs != 0) {
		plan->total = cfg->mbufs;
		plan->max_held = cfg->mbufs - plan->rings - plan->bursts;
	}
	return 0;
}

uint64_t
la_pool_bytes(const struct la_engine_config *cfg, unsigned i, const struct la_pool_plan *plan, bool on_pages)
{
	uint64_t each = la_pool_room(&cfg->stations[i]) + MBUF_BYTES;

	if (on_pages)
		each = RTE_ALIGN_CEIL(each, 4096u);
	return plan->total * each + CONTROL * (uint64_t)(CONTROL_ROOM + MBUF_BYTES);
}

/* rte_pktmbuf_pool_create() with flags. */
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
make(const char *name, uint32_t n, uint32_t room, const struct la_pool_place *place, int socket)
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
	struct rte_mempool *mp = make(name, n, room, place, place->socket);

	return mp != NULL ? mp : make(name, n, room, place, SOCKET_ID_ANY);
}

int
la_pools_make(const struct la_engine_config *cfg, unsigned i, const struct la_pool_plan *plan,
	      const struct la_pool_place *place, struct rte_mempool **mbufs, struct rte_mempool **control, char *err,
	      size_t size)
{
	struct la_pool_place plain = {.socket = place->socket, .dense = place->dense};
	uint32_t room = la_pool_room(&cfg->stations[i]);
	char name[32];

	snprintf(name, sizeof(name), "la_mbufs_%u", i);
	*mbufs = make_anywhere(name, plan->total, room, place);
	if (*mbufs == NULL && rte_errno == E2BIG) {
		snprintf(err, size, "port %u: AF_XDP takes no packet buffers of more than a page, as an MTU of %u needs",
			 cfg->stations[i].port, cfg->stations[i].shard.mtu);
		return -E2BIG;
	}
	snprintf(name, sizeof(name), "la_control_%u", i);
	*control = *mbufs != NULL ? make_anywhere(name, CONTROL, CONTROL_ROOM, &plain) : NULL;
	if (*control == NULL) {
		snprintf(err, size,
			 "no memory for %u packet buffers of %u bytes (%s); ask for fewer with --mbufs and --max-conns, "
			 "or give DPDK more memory with --eal \"-m MEGABYTES\"",
			 plan->total, room, rte_strerror(rte_errno));
		return -ENOMEM;
	}
	return 0;
}
