/* SPDX-License-Identifier: BSD-3-Clause */

#include "pool.h"

#include <stdio.h>
#include <stdlib.h>

#include <rte_mbuf.h>

#include "../support/eal.h"

struct rte_mempool *
fuzz_pool(unsigned mbufs)
{
	static struct rte_mempool *pool;

	if (!pool && test_eal_start() >= 0)
		pool = rte_pktmbuf_pool_create("fuzz", mbufs, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, -1);
	if (!pool) {
		fprintf(stderr, "fuzz: EAL does not start, or has no memory for the pool\n");
		exit(1);
	}
	return pool;
}

struct rte_mempool *
fuzz_control_pool(unsigned mbufs)
{
	static struct rte_mempool *pool;

	if (!pool)
		pool = rte_pktmbuf_pool_create("fuzz_control", mbufs, 0, 0, RTE_PKTMBUF_HEADROOM + 128, -1);
	if (!pool) {
		fprintf(stderr, "fuzz: no memory for the control pool\n");
		exit(1);
	}
	return pool;
}
