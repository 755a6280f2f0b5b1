/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_POOLS_H
#define LA_RUN_POOLS_H

/* The packet buffers of a station. */

#include "io/buffers.h"
#include "run/engine.h"

/** The plan of station i, which has its defaults filled in. 0, or -EINVAL when the configuration asks for fewer buffers
 * than are needed, with the arithmetic in err. */
int la_pool_plan(const struct la_engine_config *cfg, unsigned i, struct la_pool_plan *plan, char *err, size_t size);

/** Data room of a station's buffers, headroom included, bytes. */
uint32_t la_pool_room(const struct la_station *s);

/** Bytes of DPDK memory for the pools of station i. on_pages: every buffer on its own page. */
uint64_t la_pool_bytes(const struct la_engine_config *cfg, unsigned i, const struct la_pool_plan *plan, bool on_pages);

/** Makes the pools of station i: *mbufs and *control. 0, or negative errno with a line in err. */
int la_pools_make(const struct la_engine_config *cfg, unsigned i, const struct la_pool_plan *plan,
		  const struct la_pool_place *place, struct rte_mempool **mbufs, struct rte_mempool **control,
		  char *err, size_t size);

#endif
