/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_WHEEL_H
#define LA_CORE_WHEEL_H

/* A timing wheel of references. (The theory is at the top of wheel.c.)
 *
 * A slot is one tick (1 ms). It holds 32-bit references in the order of their addition, in chunks
 * from a pool of a fixed size. A reference cannot be removed or moved. The object that the reference names
 * has the true deadline. When the reference fires, the owner of the object checks the deadline, and adds the reference
 * again if the deadline is later. The owner counts the references of each object in the wheel.
 *
 * Ticks are 32-bit and wrap. A reference for a tick after the end of the wheel is added at the
 * end and fires early. la_wheel_pop() has to be called at least once in 2^31 ticks (24 days). */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/mem.h"

enum { LA_WHEEL_CHUNK_REFS = 31 };

struct la_wheel_slot {
	uint32_t tail;	/* last chunk of the ring; 0: the slot is empty */
	uint16_t fill;	/* references in the last chunk */
	uint16_t first; /* popped references of the first chunk */
};

struct la_wheel_chunk {
	uint32_t ref[LA_WHEEL_CHUNK_REFS];
	uint32_t next; /* next chunk in the ring or in the free list; 0: end of the free list */
};
_Static_assert(sizeof(struct la_wheel_chunk) == 128, "a chunk is two cache lines");
_Static_assert(sizeof(struct la_wheel_slot) == 8, "eight slots share a cache line");

struct la_wheel {
	struct la_wheel_slot *slots;
	struct la_wheel_chunk *chunks;
	uint64_t *bitmap[3]; /* set bits: slots, groups of 64 slots, groups of 4096 slots with references */
	const struct la_mem_ops *mem;
	uint32_t nslots; /* power of two */
	uint32_t nchunks;
	uint32_t free_chunk;  /* head of the free list */
	uint32_t fresh_chunk; /* chunks from here on were never used (their memory is untouched) */
	uint32_t base;	      /* the first tick of which no reference has been popped */
	uint32_t count;	      /* references in the wheel */
	uint32_t max_refs;    /* limit of count */
};

/** The number of slots for max_refs references: the next power of two, from 2^12 to 2^18. */
uint32_t la_wheel_slots(uint32_t max_refs);

/** Bytes that la_wheel_init() allocates. */
size_t la_wheel_memory(uint32_t nslots, uint32_t max_refs);

/** nslots: power of two, 64 to 2^18. max_refs: limit of references. tick: the current tick.
 * Returns 0, -ENOMEM or -EINVAL. */
int la_wheel_init(struct la_wheel *w, const struct la_mem_ops *mem, uint32_t nslots, uint32_t max_refs, uint32_t tick);
void la_wheel_fini(struct la_wheel *w);

/** Adds ref at `tick`. A tick after base + nslots - 2, the end of the wheel, is replaced by that tick, and a tick
 * before base by base. Returns the tick of the reference. There is always room for max_refs references. */
static inline uint32_t la_wheel_add(struct la_wheel *w, uint32_t tick, uint32_t ref);

/* The general path: a new chunk (for the adds 1, 32, 63, ... to a tick), or a tick out of range. */
uint32_t la_wheel_add_slow(struct la_wheel *w, uint32_t tick, uint32_t ref);

static inline uint32_t
la_wheel_add(struct la_wheel *w, uint32_t tick, uint32_t ref)
{
	struct la_wheel_slot *s = &w->slots[tick & (w->nslots - 1)];

	if (__builtin_expect(tick - w->base > w->nslots - 2, 0) || s->fill == 0 || s->fill == LA_WHEEL_CHUNK_REFS)
		return la_wheel_add_slow(w, tick, ref);
	w->chunks[s->tail].ref[s->fill++] = ref;
	w->count++;
	return tick;
}

/** Removes up to max references of one tick, the first occupied one, if that tick is <= now, and sets *tick. Returns
 * their number. 0: no reference is due, and base is after now. */
unsigned la_wheel_pop(struct la_wheel *w, uint32_t now, uint32_t *refs, unsigned max, uint32_t *tick);

/** Returns whether la_wheel_pop() would return 0 and change nothing: the usual case of several polls within a tick. */
static inline bool
la_wheel_is_done(const struct la_wheel *w, uint32_t now)
{
	return (int32_t)(now - w->base) < 0 && w->slots[(w->base - 1) & (w->nslots - 1)].tail == 0;
}

/** Sets *tick to the first occupied tick. False: the wheel is empty. */
bool la_wheel_next(const struct la_wheel *w, uint32_t *tick);

/** Calls `visit` for every reference, with its tick. For checkers and dumps. */
typedef void la_wheel_visit(void *ctx, uint32_t ref, uint32_t tick);
void la_wheel_each(const struct la_wheel *w, la_wheel_visit *visit, void *ctx);

/** Checks the whole wheel, and prints each broken invariant to f. Returns the number of faults. */
unsigned la_wheel_check(const struct la_wheel *w, FILE *f);

#endif
