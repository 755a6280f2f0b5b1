/* SPDX-License-Identifier: BSD-3-Clause */

#include "eal.h"

#include <sched.h>
#include <stdio.h>

#include <rte_common.h>
#include <rte_eal.h>

int
test_eal_start(void)
{
	return test_eal_start_with(64);
}

int
test_eal_start_with(unsigned mb)
{
	/* EAL keeps pointers into these arrays */
	static char core[16],
		args[][20] = {"test", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "--log-level=error",
			      "-m",   "64",	   "-l"};
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
	rc = rte_eal_init(RTE_DIM(args) + 1, argv);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	return rc;
}
