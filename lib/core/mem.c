/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdint.h>
#include <unistd.h>
#include <sys/mman.h>

#include "core/mem.h"

static const size_t HUGE_SIZE = (size_t)2 << 20;

static size_t
page_round(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) & ~(page - 1);
}

/* A random access to a table of gigabytes misses the TLB and the cache. Hugepages reduce TLB misses. They need an
 * alignment of 2 MiB. */
static void *
map_anonymous(void *ctx, size_t size, size_t align)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), len, before, after;
	uint8_t *p;

	(void)ctx;
	if (size == 0 || align > HUGE_SIZE || (align & (align - 1)) != 0 || size > SIZE_MAX - 2 * HUGE_SIZE)
		return NULL;
	if (size >= HUGE_SIZE)
		align = HUGE_SIZE;
	else if (align < page)
		align = page;

	/* mmap aligns only to a page: this maps up to `align` bytes more, and unmaps the unaligned parts */
	size = page_round(size);
	len = size + align - page;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	before = (size_t)(-(uintptr_t)p & (align - 1));
	after = len - before - size;
	if (before)
		(void)munmap(p, before);
	p += before;
	if (after)
		(void)munmap(p + size, after);
	if (size >= HUGE_SIZE)
		(void)madvise(p, size, MADV_HUGEPAGE); /* optional */
	return p;
}

static void
unmap_anonymous(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)munmap(p, page_round(size));
}

const struct la_mem_ops la_mem_default = {.alloc = map_anonymous, .free = unmap_anonymous};

void *
la_mem_alloc(const struct la_mem_ops *ops, size_t size, size_t align)
{
	if (!ops)
		ops = &la_mem_default;
	return ops->alloc(ops->ctx, size, align);
}

void
la_mem_free(const struct la_mem_ops *ops, void *p, size_t size)
{
	if (!p)
		return;
	if (!ops)
		ops = &la_mem_default;
	ops->free(ops->ctx, p, size);
}
