/* SPDX-License-Identifier: BSD-3-Clause */

#include "pool.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

struct rte_mempool *
fuzz_pool(unsigned mbufs)
{
	static struct rte_mempool *pool;
	char core[16], *argv[] = {(char[]){"fuzz"},
				  (char[]){"--no-huge"},
				  (char[]){"--no-shconf"},
				  (char[]){"--no-pci"},
				  (char[]){"--no-telemetry"},
				  (char[]){"-m"},
				  (char[]){"64"},
				  (char[]){"-l"},
				  core,
				  (char[]){"--log-level=error"}};
	cpu_set_t cpus;
	int cpu = 0;

	if (pool)
		return pool;
	/* DPDK ties the caller to a core; the fuzzers of one machine shall not all share it */
	sched_getaffinity(0, sizeof(cpus), &cpus);
	while (!CPU_ISSET(cpu, &cpus))
		cpu++;
	snprintf(core, sizeof(core), "%d", cpu);
	if (rte_eal_init(RTE_DIM(argv), argv) >= 0)
		pool = rte_pktmbuf_pool_create("fuzz", mbufs, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, -1);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	if (!pool) {
		fprintf(stderr, "fuzz: EAL does not start, or has no memory\n");
		exit(1);
	}
	return pool;
}
