/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_PLACEMENT_H
#define LA_RUN_PLACEMENT_H

/* The placement of cores, ports and memory, and a better one. */

#include <stdio.h>

#include "io/numa.h"

/** One shard's place. Nodes: -1 unknown or any; memory -2: on several. */
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
