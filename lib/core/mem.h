/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_MEM_H
#define LA_CORE_MEM_H

/* Memory for large tables. It comes from a la_mem_ops, so that lib/io can choose the NUMA node. */

#include <lastack/shard.h>

/** Anonymous mmap, zeroed; untouched pages use no memory; requests transparent hugepages. */
extern const struct la_mem_ops la_mem_default;

/** ops NULL: la_mem_default. align: a power of two, at most 2 MiB. Returns zeroed memory, or NULL. */
void *la_mem_alloc(const struct la_mem_ops *ops, size_t size, size_t align);
void la_mem_free(const struct la_mem_ops *ops, void *p, size_t size);

#endif
