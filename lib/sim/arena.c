/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "core/mem.h"
#include "sim/arena.h"

enum {
	MAX_FREED = 64,
	/* no DMA here: objects may cross pages */
	POOL_FLAGS = RTE_MEMPOOL_F_NO_SPREAD | RTE_MEMPOOL_F_NO_IOVA_CONTIG,
};

/* The head of the arena. la_arena_save() saves the head too. */
struct la_arena {
	struct la_mem_ops ops;
	size_t size, used;
	struct rte_mempool *pool; /* freed with the arena */
	struct {
		void *p;
		size_t size;
	} freed[MAX_FREED];
	unsigned nfreed;
};

/* ------------------------------------------------------------------ memory */

void *
la_arena_alloc(struct la_arena *a, size_t size, size_t align)
{
	size_t at = (a->used + align - 1) & ~(align - 1);

	if (at > a->size || size > a->size - at)
		return NULL;
	a->used = at + size;
	return (uint8_t *)a + at;
}

static void *
mem_alloc(void *ctx, size_t size, size_t align)
{
	struct la_arena *a = ctx;

	for (unsigned i = 0; i < a->nfreed; i++)
		if (a->freed[i].size == size && ((uintptr_t)a->freed[i].p & (align - 1)) == 0) {
			void *p = a->freed[i].p;

			a->freed[i] = a->freed[--a->nfreed];
			return memset(p, 0, size);
		}
	return la_arena_alloc(a, size, align);
}

/* When the list is full, the block stays unused until the arena is destroyed. Only restarts of hosts free memory, and
 * a restart allocates the same sizes again. */
static void
mem_free(void *ctx, void *p, size_t size)
{
	struct la_arena *a = ctx;

	if (a->nfreed == MAX_FREED)
		return;
	a->freed[a->nfreed].p = p;
	a->freed[a->nfreed++].size = size;
}

int
la_arena_create(size_t size, struct la_arena **out)
{
	struct la_arena *a;

	size += sizeof(*a);
	a = la_mem_alloc(&la_mem_default, size, 4096);
	if (!a)
		return -ENOMEM;
	a->size = size;
	a->used = sizeof(*a);
	a->ops = (struct la_mem_ops){.alloc = mem_alloc, .free = mem_free, .ctx = a};
	*out = a;
	return 0;
}

void
la_arena_destroy(struct la_arena *a)
{
	rte_mempool_free(a->pool);
	la_mem_free(&la_mem_default, a, a->size);
}

const struct la_mem_ops *
la_arena_mem(struct la_arena *a)
{
	return &a->ops;
}

size_t
la_arena_used(const struct la_arena *a)
{
	return a->used;
}

void
la_arena_save(const struct la_arena *a, void *buf)
{
	memcpy(buf, a, a->used);
}

void
la_arena_load(struct la_arena *a, const void *buf)
{
	size_t used = ((const struct la_arena *)buf)->used;

	/* la_arena_alloc() returns zeroed memory: clear what was allocated after the save */
	if (a->used > used)
		memset((uint8_t *)a + used, 0, a->used - used);
	memcpy(a, buf, used);
}

/* ------------------------------------------------------------------ mbufs
 *
 * A mempool puts its objects into given memory, but lists the free ones in a ring outside. These
 * ops keep the list in the arena too, as a stack. So a restored world gets the same mbufs in
 * the same order. */

struct stack {
	unsigned len;
	void *obj[];
};

static int
stack_alloc(struct rte_mempool *mp)
{
	struct la_arena *a = mp->pool_config;

	mp->pool_data = la_arena_alloc(a, sizeof(struct stack) + mp->size * sizeof(void *), 64);
	return mp->pool_data ? 0 : -ENOMEM;
}

static void
stack_free(struct rte_mempool *mp)
{
	mp->pool_data = NULL;
}

static int
stack_put(struct rte_mempool *mp, void *const *obj, unsigned n)
{
	struct stack *s = mp->pool_data;

	for (unsigned i = 0; i < n; i++)
		s->obj[s->len++] = obj[i];
	return 0;
}

static int
stack_get(struct rte_mempool *mp, void **obj, unsigned n)
{
	struct stack *s = mp->pool_data;

	if (n > s->len)
		return -ENOBUFS;
	for (unsigned i = 0; i < n; i++)
		obj[i] = s->obj[--s->len];
	return 0;
}

static unsigned
stack_count(const struct rte_mempool *mp)
{
	const struct stack *s = mp->pool_data;

	return s->len;
}

static const struct rte_mempool_ops stack_ops = {
	.name = "la_sim_stack",
	.alloc = stack_alloc,
	.free = stack_free,
	.enqueue = stack_put,
	.dequeue = stack_get,
	.get_count = stack_count,
};

static int
register_ops(void)
{
	static int index = -1;

	if (index < 0)
		index = rte_mempool_register_ops(&stack_ops);
	return index;
}

int
la_arena_mbufs(struct la_arena *a, unsigned n, uint16_t room, struct rte_mempool **out)
{
	static unsigned number; /* mempools need different names */
	struct rte_pktmbuf_pool_private priv = {.mbuf_data_room_size = (uint16_t)(RTE_PKTMBUF_HEADROOM + room)};
	unsigned elt = (unsigned)sizeof(struct rte_mbuf) + priv.mbuf_data_room_size;
	struct rte_mempool_objsz sz;
	struct rte_mempool *mp;
	char name[RTE_MEMPOOL_NAMESIZE];
	size_t size;
	void *mem;
	int err = register_ops();

	if (err < 0)
		return err;
	snprintf(name, sizeof(name), "la_sim_%u", number++);
	mp = rte_mempool_create_empty(name, n, elt, 0, sizeof(priv), SOCKET_ID_ANY, POOL_FLAGS);
	if (!mp)
		return -rte_errno;
	rte_mempool_calc_obj_size(elt, POOL_FLAGS, &sz);
	size = (size_t)n * sz.total_size + RTE_MEMPOOL_ALIGN;
	mem = la_arena_alloc(a, size, 4096);
	err = mem ? rte_mempool_set_ops_byname(mp, stack_ops.name, a) : -ENOMEM;
	if (!err) {
		rte_pktmbuf_pool_init(mp, &priv);
		err = rte_mempool_populate_iova(mp, mem, RTE_BAD_IOVA, size, NULL, NULL);
	}
	if (err < 0 || mp->populated_size < n) {
		rte_mempool_free(mp);
		return err < 0 ? err : -ENOMEM;
	}
	rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
	a->pool = mp;
	*out = mp;
	return 0;
}

unsigned
la_arena_mbufs_free(const struct rte_mempool *mp)
{
	return rte_mempool_avail_count(mp);
}
