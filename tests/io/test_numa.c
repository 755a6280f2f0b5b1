/* SPDX-License-Identifier: BSD-3-Clause */

#include <criterion/criterion.h>
#include <numa.h>
#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "io/numa.h"

enum { SIZE = 5 << 20, ALIGN = 2 << 20 };

static void
check_memory(const struct la_mem_ops *ops, int node)
{
	uint8_t *p = la_mem_alloc(ops, SIZE, ALIGN);
	int lies;

	cr_assert_not_null(p);
	cr_assert_eq((uintptr_t)p % ALIGN, 0u);
	for (size_t i = 0; i < SIZE; i += 512)
		cr_assert_eq(p[i], 0);
	memset(p, 1, SIZE);
	lies = la_numa_node_of(p + SIZE / 2);
	if (node >= 0 && lies >= 0)
		cr_assert_eq(lies, node);
	la_mem_free(ops, p, SIZE);
}

Test(numa, any_node_is_the_default)
{
	struct la_mem_ops ops;

	cr_assert_eq(la_numa_mem(-1, &ops), -1);
	cr_assert_eq(ops.alloc, la_mem_default.alloc);
	check_memory(&ops, -1);
}

Test(numa, every_allowed_node_gives_its_memory)
{
	struct bitmask *allowed;
	struct la_mem_ops ops;

	if (numa_available() < 0)
		cr_skip_test("no NUMA");
	allowed = numa_get_mems_allowed();
	for (int node = 0; node <= numa_max_node(); node++) {
		if (!numa_bitmask_isbitset(allowed, (unsigned)node))
			continue;
		cr_assert_eq(la_numa_mem(node, &ops), node);
		check_memory(&ops, node);
	}
	numa_free_nodemask(allowed);
}

Test(numa, an_unknown_node_is_the_default)
{
	struct la_mem_ops ops;

	cr_assert_eq(la_numa_mem(4000, &ops), -1);
	cr_assert_eq(ops.alloc, la_mem_default.alloc);
}

Test(numa, node_of_null_is_unknown)
{
	cr_assert_eq(la_numa_node_of(NULL), -1);
}
