/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_BUFFERS_H
#define LA_IO_BUFFERS_H

/* The packet buffers of a shard: how many, of what size, made where. (Arithmetic at the top of buffers.c.) */

#include <stdbool.h>
#include <stdint.h>

struct rte_mempool;

enum { LA_POOL_FRAME_EXTRA = 14 + 4 }; /* Ethernet header and one VLAN tag, bytes */

/** What a shard's buffers are for; each a number of buffers. */
struct la_pool_plan {
	uint32_t rings;	   /* in the port's receive and transmit rings */
	uint32_t bursts;   /* in bursts, caches of cores, hand-over rings, frames that wait for the port */
	uint32_t conns;	   /* one for each connection, up to a limit: what max_held needs at least */
	uint32_t total;	   /* of the pool: rings, bursts and max_held */
	uint32_t max_held; /* la_shard_config.max_held */
	uint32_t low;	   /* la_shard_config.low_mbufs */
};

/** The plan for a shard of `conns` connections. look: frames that its thread reads at a time, at most; shards: of the
 * port, this one included; xdp: the port is AF_XDP. */
void la_buffers_plan(uint32_t conns, unsigned look, unsigned shards, bool xdp, struct la_pool_plan *plan);

/** Data room of a buffer for that MTU, headroom included, bytes. 0: the largest MTU of a usual buffer, 2030. */
uint32_t la_buffers_room(uint16_t mtu);

/** Bytes of DPDK memory for the plan's pools. on_pages: every buffer on a page of its own. */
uint64_t la_buffers_bytes(const struct la_pool_plan *plan, uint32_t room, bool on_pages);

/** How a pool is laid out. */
struct la_pool_place {
	int socket;  /* NUMA node; SOCKET_ID_ANY */
	bool mapped; /* for a port that maps its pools into the kernel (la_port_maps_pools()) */
	bool dense;  /* buffers may cross pages */
};

/** Makes the two pools of a shard, "NAME_mbufs_I" and "NAME_control_I": la_shard_config.mbufs and .control. 0, or
 * negative errno: -E2BIG, no page takes a buffer of that room, which AF_XDP demands; otherwise DPDK's reason, mostly
 * that there is no memory. Then *mbufs, if it is not NULL, is for the caller to free. */
int la_buffers_make(const char *name, unsigned i, const struct la_pool_plan *plan, uint32_t room,
		    const struct la_pool_place *place, struct rte_mempool **mbufs, struct rte_mempool **control);

#endif
