/* SPDX-License-Identifier: BSD-3-Clause */

#include "eal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

/* EAL loads every driver of the system's folder of drivers, more than 100 shared objects, if stat64() finds that folder.
 * It takes longer than a test. Tests need one driver, that of memory pools. During rte_eal_init() this stat64() is
 * called instead of the C library's, and does not find the folder. */
static bool hides_drivers;

__attribute__((visibility("default"))) int
stat64(const char *restrict path, struct stat64 *restrict st)
{
	if (hides_drivers && strstr(path, "/dpdk/pmds-") != NULL) {
		errno = ENOENT;
		return -1;
	}
	return fstatat64(AT_FDCWD, path, st, 0);
}

int
test_eal_start(void)
{
	return test_eal_start_with(64);
}

int
test_eal_start_with(unsigned mb)
{
	/* EAL keeps pointers into these arrays */
	static char core[16], args[][24] = {"test",
					    "--no-huge",
					    "--no-shconf",
					    "--no-pci",
					    "--no-telemetry",
					    "--log-level=error",
					    "-d",
					    "librte_mempool_ring.so",
					    "-m",
					    "64",
					    "-l"};
	static char *argv[RTE_DIM(args) + 2];
	cpu_set_t cpus; /* EAL binds the caller to one core; the old set of cores is restored at the end */
	int cpu = 0, rc;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	while (!CPU_ISSET(cpu, &cpus))
		cpu++;
	snprintf(core, sizeof(core), "%d", cpu);
	snprintf(args[RTE_DIM(args) - 2], sizeof(args[0]), "%u", mb);
	for (unsigned i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	argv[RTE_DIM(args)] = core;
	hides_drivers = true;
	rc = rte_eal_init(RTE_DIM(args) + 1, argv);
	hides_drivers = false;
	sched_setaffinity(0, sizeof(cpus), &cpus);
	return rc;
}

/* On plain pages rte_pktmbuf_pool_create() would give each buffer a page of its own. */
struct rte_mempool *
test_pool_make(const char *name, unsigned n)
{
	struct rte_pktmbuf_pool_private priv = {.mbuf_data_room_size = RTE_MBUF_DEFAULT_BUF_SIZE};
	struct rte_mempool *mp;

	mp = rte_mempool_create_empty(name, n, sizeof(struct rte_mbuf) + RTE_MBUF_DEFAULT_BUF_SIZE, 0, sizeof(priv),
				      SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG | RTE_MEMPOOL_F_NO_SPREAD);
	if (mp == NULL)
		return NULL;
	rte_pktmbuf_pool_init(mp, &priv);
	if (rte_mempool_populate_default(mp) != (int)n) {
		rte_mempool_free(mp);
		return NULL;
	}
	rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
	return mp;
}
