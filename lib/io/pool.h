/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_POOL_H
#define LA_IO_POOL_H

/* Pools of mbufs for a port whose driver gives the pool's memory to the kernel (AF_XDP). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_mempool;

/** Like rte_pktmbuf_pool_create(), but every mbuf is in the memory that the driver maps, on its own page; the
 * data room is at least `room` and fills the page. NULL: rte_errno, E2BIG when a page is too small. */
struct rte_mempool *la_pool_create_mapped(const char *name, uint32_t n, uint32_t cache, uint16_t room, int socket);

/** Returns the number of mbufs of a pool that are outside the memory that net_af_xdp would map. */
uint32_t la_pool_unmapped(struct rte_mempool *mp);

#endif
