/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_PLACEMENT_H
#define LA_RUN_PLACEMENT_H

/* Which core serves which port, on which memory, and what would be better. */

#include <stdio.h>

#include "io/numa.h"

/** One shard's place. Nodes: -1 unknown or any; memory -2: on several. */
struct la_place {
	unsigned port;
	int port_node;
	unsigned worker, cpu;
	int memory_node; /* where its tables were found to be */
};

/** Prints the table, a line a shard, to `table` (NULL: not at all) and warnings to `warn`. Returns how
 * many warnings there were. cpus: all that this process may use. */
unsigned la_placement_say(const struct la_place *p, unsigned n, const struct la_cpus *cpus, FILE *table,
			  FILE *warn);

#endif
