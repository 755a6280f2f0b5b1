/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_ARENA_H
#define LA_SIM_ARENA_H

/* All memory of one world, in one block at a fixed address.
 *
 * The shards' tables, every mbuf and the world's own records come from here, so the state of a
 * world is a range of bytes: la_arena_save() copies it, la_arena_load() restores it, and all
 * pointers in it are valid again. A search restores a world to try another choice. */

#include <stddef.h>
#include <stdint.h>

#include <lastack/shard.h>

struct rte_mempool;
struct la_arena;

/** Creates an arena of `size` zeroed bytes. Untouched pages use no memory. Returns 0 or -ENOMEM. */
int la_arena_create(size_t size, struct la_arena **out);
void la_arena_destroy(struct la_arena *a);

/** Returns zeroed memory, or NULL when the arena is full. align: a power of two. */
void *la_arena_alloc(struct la_arena *a, size_t size, size_t align);

/** Returns the functions that allocate a shard's memory in the arena. A freed block is reused for the same size. */
const struct la_mem_ops *la_arena_mem(struct la_arena *a);

/** Creates a pool of n mbufs in the arena. Each has the default headroom and `room` bytes of data. EAL must be running.
 * Returns 0, -ENOMEM, or the error of rte_mempool. */
int la_arena_mbufs(struct la_arena *a, unsigned n, uint16_t room, struct rte_mempool **out);
/** Returns the number of free mbufs of the pool. */
unsigned la_arena_mbufs_free(const struct rte_mempool *mp);

/** Returns the number of bytes that la_arena_save() writes now. */
size_t la_arena_used(const struct la_arena *a);
void la_arena_save(const struct la_arena *a, void *buf);
/** buf was written by la_arena_save() of the same arena. */
void la_arena_load(struct la_arena *a, const void *buf);

#endif
