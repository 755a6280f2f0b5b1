/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_PLACEMENT_H
#define LA_RUN_PLACEMENT_H

/* Prints the placement of workers, ports and memory, and proposes a better placement. */

#include <stdio.h>

#include "io/numa.h"

/** The place of one shard. port_node and memory_node: NUMA node; -1: unknown or any; memory_node -2: on several
 * nodes. */
struct la_place {
	unsigned port;
	int port_node;
	unsigned worker, cpu;
	int memory_node; /* the actual node of its tables */
};

/** Prints the table, a line for each shard, to `table` (NULL: no table) and warnings to `warn`. Returns the
 * number of warnings. cpus: all CPUs of this process. */
unsigned la_placement_say(const struct la_place *p, unsigned n, const struct la_cpus *cpus, FILE *table, FILE *warn);

#endif
