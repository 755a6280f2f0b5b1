/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_NUMA_H
#define LA_IO_NUMA_H

/* Where a worker's tables live: on the memory node of the core that uses them. */

#include <stddef.h>

#include <lastack/shard.h>

/** Fills *ops with an allocator of zeroed, anonymous memory on NUMA node `node`. The node is
 * preferred, not demanded: when it is full the kernel takes the next one. Falls back to
 * la_mem_default when node is -1 or not there, or the kernel has no NUMA.
 * Returns the node that is used, -1 for "any". */
int la_numa_mem(int node, struct la_mem_ops *ops);

/** The node on which the page at p lies now, -1 when unknown or never touched. */
int la_numa_node_of(const void *p);

#endif
