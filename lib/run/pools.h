/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_POOLS_H
#define LA_RUN_POOLS_H

/* The packet buffers of a station: number, size, place. (Arithmetic at the top of pools.c.) */

#include "run/engine.h"

struct rte_mempool;

/** Limit of frames that a worker reads while the port takes none; their answers wait in the shard (worker.c). */
enum { LA_HOLD_READ_MOST = 2048 };

enum { LA_POOL_FRAME_EXTRA = 14 + 4 }; /* Ethernet header and one VLAN tag, bytes */

/** The uses of a station's buffers, in buffers. */
struct la_pool_plan {
	uint32_t rings;	   /* in the port's receive and transmit rings */
	uint32_t bursts;   /* in bursts, caches of cores, hand-over rings, frames that wait for the port */
	uint32_t conns;	   /* one for each connection, up to a limit: the least max_held */
	uint32_t total;	   /* of the pool: as configured, or the default */
	uint32_t max_held; /* la_shard_config.max_held */
	uint32_t low;	   /* la_shard_config.low_mbufs */
};

/** The plan of station i, whose defaults are filled in. 0, or -EINVAL if the configuration has fewer buffers than
 * needed, with the arithmetic in err. */
int la_pool_plan(const struct la_engine_config *cfg, unsigned i, struct la_pool_plan *plan, char *err, size_t size);

/** Data room of a station's buffers, headroom included, bytes. */
uint32_t la_pool_room(const struct la_station *s);

/** Bytes of DPDK memory for the pools of station i. on_pages: every buffer on its own page. */
uint64_t la_pool_bytes(const struct la_engine_config *cfg, unsigned i, const struct la_pool_plan *plan, bool on_pages);

/** The layout of a pool. */
struct la_pool_place {
	int socket;   /* NUMA node; SOCKET_ID_ANY */
	bool mapped;  /* for a port that maps its pools into the kernel (la_port_maps_pools()) */
	bool dense;   /* buffers may cross pages */
};

/** Makes the pools of station i: *mbufs and *control. 0, or negative errno with a message in err. */
int la_pools_make(const struct la_engine_config *cfg, unsigned i, const struct la_pool_plan *plan,
		  const struct la_pool_place *place, struct rte_mempool **mbufs, struct rte_mempool **control,
		  char *err, size_t size);

#endif
