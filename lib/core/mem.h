/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_MEM_H
#define LA_CORE_MEM_H

/* Memory for large tables, through ops, so that lib/io can place it on a NUMA node. */

#include <lastack/shard.h>

/** Anonymous mmap, zeroed; untouched pages use no memory; requests transparent hugepages. */
extern const struct la_mem_ops la_mem_default;

/** align is a power of two, at most 2 MiB. NULL when there is none. */
void *la_mem_alloc(const struct la_mem_ops *ops, size_t size, size_t align);
void la_mem_free(const struct la_mem_ops *ops, void *p, size_t size);

#endif
