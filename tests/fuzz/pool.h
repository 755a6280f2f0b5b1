/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUZZ_POOL_H
#define FUZZ_POOL_H

struct rte_mempool;

/** Returns the pool of `mbufs` buffers. The first call starts EAL without huge pages and devices, and creates the pool.
 * Without memory the process ends with status 1. */
struct rte_mempool *fuzz_pool(unsigned mbufs);
/** Returns the pool of `mbufs` small buffers for packets without payload. To be called after fuzz_pool(). The first
 * call creates the pool. Without memory the process ends with status 1. */
struct rte_mempool *fuzz_control_pool(unsigned mbufs);

#endif
