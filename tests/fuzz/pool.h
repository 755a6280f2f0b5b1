/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUZZ_POOL_H
#define FUZZ_POOL_H

struct rte_mempool;

/** Starts EAL without huge pages and devices, and creates the pool, once in a process. */
struct rte_mempool *fuzz_pool(unsigned mbufs);
/** A pool for packets without payload, likewise. After fuzz_pool(). */
struct rte_mempool *fuzz_control_pool(unsigned mbufs);

#endif
