/* SPDX-License-Identifier: BSD-3-Clause */

/* Placement works on address ranges, not on threads: the range is mapped untouched by
 * la_mem_default, gets its policy by mbind(2), and takes its pages from the node whenever they are
 * first touched, by whichever thread. So the main thread may build the shard of a worker on
 * another node. */

#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/mem.h"
#include "io/numa.h"

static void *
alloc_on_node(void *ctx, size_t size, size_t align)
{
	void *p = la_mem_alloc(&la_mem_default, size, align);
	struct bitmask *mask;

	if (p == NULL)
		return NULL;
	mask = numa_allocate_nodemask();
	if (mask == NULL)
		return p;
	numa_bitmask_setbit(mask, (unsigned)(uintptr_t)ctx);
	/* Best effort: a container may forbid mbind(); memory that is far away still works. */
	(void)mbind(p, size, MPOL_PREFERRED, mask->maskp, mask->size + 1, 0);
	numa_free_nodemask(mask);
	return p;
}

static void
free_on_node(void *ctx, void *p, size_t size)
{
	(void)ctx;
	la_mem_free(&la_mem_default, p, size);
}

static bool
is_allowed(int node)
{
	struct bitmask *allowed = numa_get_mems_allowed();
	bool yes = node <= numa_max_node() && numa_bitmask_isbitset(allowed, (unsigned)node);

	numa_free_nodemask(allowed);
	return yes;
}

int
la_numa_mem(int node, struct la_mem_ops *ops)
{
	*ops = la_mem_default;
	if (node < 0 || numa_available() < 0 || !is_allowed(node))
		return -1;
	*ops = (struct la_mem_ops){
		.alloc = alloc_on_node,
		.free = free_on_node,
		.ctx = (void *)(uintptr_t)node,
	};
	return node;
}

int
la_numa_node_of(const void *p)
{
	void *page = (void *)((uintptr_t)p & ~(uintptr_t)4095);
	int status = -1;

	/* With no target nodes move_pages(2) moves nothing and only tells where the page is. */
	if (numa_available() < 0 || move_pages(0, 1, &page, NULL, &status, 0) < 0 || status < 0)
		return -1;
	return status;
}
