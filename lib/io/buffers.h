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
	uint32_t conns;	   /* least max_held: one for each connection up to 65 536, and one for 16 above */
	uint32_t total;	   /* of the pool: rings, bursts and max_held */
	uint32_t max_held; /* la_shard_config.max_held */
	uint32_t low;	   /* la_shard_config.low_mbufs */
};

/** Computes the plan for a shard of `conns` connections. look: most frames that its thread reads at a time; shards:
 * number of shards of the port, this shard included; xdp: the port is AF_XDP. */
void la_buffers_plan(uint32_t conns, unsigned look, unsigned shards, bool xdp, struct la_pool_plan *plan);

/** Data room of a buffer for that MTU, headroom included, bytes. mtu 0: room for an MTU of 2030, the largest of a usual
 * buffer. */
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
 * negative errno. -E2BIG: AF_XDP demands that a buffer fits a page, and a buffer of this room does not. Other values
 * are DPDK's reason, usually no memory. After an error the caller frees *mbufs if it is not NULL. */
int la_buffers_make(const char *name, unsigned i, const struct la_pool_plan *plan, uint32_t room,
		    const struct la_pool_place *place, struct rte_mempool **mbufs, struct rte_mempool **control);

#endif
