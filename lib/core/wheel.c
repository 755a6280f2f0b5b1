/* SPDX-License-Identifier: BSD-3-Clause */

/* The wheel: theory of operation.
 *
 * Purpose: tens of millions of TIME_WAIT entries and the timers of live connections, in one wheel per
 * shard, at a few nanoseconds and about four bytes for each reference. All timers are lazy. A new deadline is only
 * written into its object; the reference stays in its slot, fires early, and is added again. So the wheel
 * needs no removal and no back pointers, and does not access the objects.
 *
 * Layout. The number of a tick's slot is the tick modulo the number of slots. A slot has 8 bytes and owns a ring of
 * chunks. The slot names the last chunk, whose `next` is the first chunk, so one word gives the last and the first
 * chunk:
 *
 *	slot { tail, fill, first }
 *	        |
 *	        +------------------------------+
 *	                                       v
 *	   +--> chunk --next--> chunk --next--> chunk --next--+     chunk, 128 B: ref[31] | next
 *	   +--------------------------------------------------+
 *
 * fill is the number of references in the last chunk, first the number of popped references in the first chunk.
 * `next` is at the end of a chunk, in the cache line that is in use when the chunk becomes full or empty.
 * Adding uses two cache lines: that of the slot and that of the reference. A burst of adds to one tick, as from
 * closes at a steady rate with one 2*MSL, stays in the same two lines.
 *
 * Chunks come from a free list (last freed first, still in the cache), otherwise from the end of the used
 * part, so unneeded memory is not touched. Every occupied slot wastes less
 * than one chunk at its end, and the slot that is being drained wastes less than one more at its
 * start. This bounds the pool: with at most K = min(slots, max_refs) occupied slots, the pool needs
 * (max_refs + 30 K) / 31 + 1 chunks, and a chunk is always available when count < max_refs. A reference
 * takes 4.13 bytes in well filled ticks. With one or two references a tick, the bound is one
 * chunk a slot, 32 MiB for the longest wheel. Draining reads one chunk for each burst of about 32. At the
 * start of a chunk the next chunk is prefetched, one burst ahead of its use.
 *
 * Time. `base` is the first tick of which no reference has been popped. References are at the ticks base to
 * base + nslots - 2. The remaining slot is that of tick base - 1, which may be partly drained.
 * Popping the first reference of a tick moves base past the tick at once, so an add cannot use
 * the tick that is being drained: a loop of "pop, check, add again" ends. No reference is popped
 * before its tick. Adding clamps a tick to the range above. Only a reference clamped at the far end fires
 * early; the owner then checks its true deadline and adds the reference again.
 *
 * Number of slots. 2^18 slots cover 262 s: nearly every TCP deadline is added once. They take 2 MB,
 * too much for a shard with a few connections, so la_wheel_slots() returns about the number of
 * references, and at least 4096. A deadline after the end of a shorter wheel fires early once in each length
 * of the wheel (at least 4 s), and la_wheel_next() then returns the early tick. A
 * short wheel has few references, so few of them fire early.
 *
 * All comparisons are modulo 2^32 (core/seq.h): pop has to be called once in 2^31 ticks, 24 days.
 *
 * Empty slots. Three levels of bitmap mark the slots, groups of 64 slots and groups of 4096 slots with
 * references (2^18 slots are exactly one word at the top). Reads of a few words find the next occupied tick,
 * whether `now` moved by one tick or by hours. After a jump longer than the wheel every
 * slot is due, and the slots are drained in the order of their ticks, from base on. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/seq.h"
#include "core/wheel.h"

enum {
	CHUNK_REFS = LA_WHEEL_CHUNK_REFS,
	MIN_SLOTS = 64,
	SUITABLE_MIN_SLOTS = 1 << 12,
	MAX_SLOTS = 1 << 18,
	LEVELS = 3,
};

/* ------------------------------------------------------------------ creation and end */

static uint32_t
chunks_needed(uint32_t nslots, uint32_t max_refs)
{
	uint64_t occupied = max_refs < nslots ? max_refs : nslots;

	return (uint32_t)((max_refs + (CHUNK_REFS - 1) * occupied) / CHUNK_REFS + 1);
}

uint32_t
la_wheel_slots(uint32_t max_refs)
{
	uint32_t n = SUITABLE_MIN_SLOTS;

	while (n < MAX_SLOTS && n < max_refs)
		n <<= 1;
	return n;
}

static uint32_t
level_words(uint32_t nslots, unsigned level)
{
	uint32_t words = nslots >> (6 * (level + 1));

	return words ? words : 1;
}

static size_t
slots_size(uint32_t nslots)
{
	return nslots * sizeof(struct la_wheel_slot);
}

/* Chunk 0 is not used: 0 means no chunk. */
static size_t
chunks_size(uint32_t nchunks)
{
	return ((size_t)nchunks + 1) * sizeof(struct la_wheel_chunk);
}

static size_t
bitmap_size(uint32_t nslots)
{
	size_t words = 0;

	for (unsigned level = 0; level < LEVELS; level++)
		words += level_words(nslots, level);
	return words * sizeof(uint64_t);
}

size_t
la_wheel_memory(uint32_t nslots, uint32_t max_refs)
{
	return slots_size(nslots) + chunks_size(chunks_needed(nslots, max_refs)) + bitmap_size(nslots);
}

int
la_wheel_init(struct la_wheel *w, const struct la_mem_ops *mem, uint32_t nslots, uint32_t max_refs, uint32_t tick)
{
	if (nslots < MIN_SLOTS || nslots > MAX_SLOTS || (nslots & (nslots - 1)) != 0 || max_refs == 0 ||
	    max_refs > 1u << 31)
		return -EINVAL;
	*w = (struct la_wheel){
		.mem = mem,
		.nslots = nslots,
		.nchunks = chunks_needed(nslots, max_refs),
		.fresh_chunk = 1,
		.base = tick,
		.max_refs = max_refs,
	};
	w->slots = la_mem_alloc(mem, slots_size(nslots), 64);
	w->chunks = la_mem_alloc(mem, chunks_size(w->nchunks), 64);
	w->bitmap[0] = la_mem_alloc(mem, bitmap_size(nslots), 64);
	if (!w->slots || !w->chunks || !w->bitmap[0]) {
		la_wheel_fini(w);
		return -ENOMEM;
	}
	for (unsigned level = 1; level < LEVELS; level++)
		w->bitmap[level] = w->bitmap[level - 1] + level_words(nslots, level - 1);
	return 0;
}

void
la_wheel_fini(struct la_wheel *w)
{
	la_mem_free(w->mem, w->slots, slots_size(w->nslots));
	la_mem_free(w->mem, w->chunks, chunks_size(w->nchunks));
	la_mem_free(w->mem, w->bitmap[0], bitmap_size(w->nslots));
	*w = (struct la_wheel){0};
}

/* ------------------------------------------------------------------ chunks and bitmap */

static uint32_t
chunk_get(struct la_wheel *w)
{
	uint32_t c = w->free_chunk;

	if (c) {
		w->free_chunk = w->chunks[c].next;
		return c;
	}
	assert(w->fresh_chunk <= w->nchunks);
	return w->fresh_chunk++;
}

static void
chunk_put(struct la_wheel *w, uint32_t c)
{
	w->chunks[c].next = w->free_chunk;
	w->free_chunk = c;
}

static void
wheel_mark_slot(struct la_wheel *w, uint32_t slot)
{
	for (unsigned level = 0; level < LEVELS; level++, slot >>= 6) {
		uint64_t *word = &w->bitmap[level][slot >> 6], was = *word;

		*word |= UINT64_C(1) << (slot & 63);
		if (was)
			return; /* the upper levels have the bit already */
	}
}

static void
wheel_unmark_slot(struct la_wheel *w, uint32_t slot)
{
	for (unsigned level = 0; level < LEVELS; level++, slot >>= 6) {
		uint64_t *word = &w->bitmap[level][slot >> 6];

		*word &= ~(UINT64_C(1) << (slot & 63));
		if (*word)
			return;
	}
}

/* Finds the first occupied slot from `pos` to the end of the array: goes up the levels to the first word with a bit
 * at or after the start, then down again along the lowest bits. False: no such slot. */
static bool
wheel_scan(const struct la_wheel *w, uint32_t pos, uint32_t *slot)
{
	for (unsigned level = 0; level < LEVELS; level++) {
		uint32_t word = pos >> 6;
		uint64_t bits;

		if (word >= level_words(w->nslots, level))
			return false;
		bits = w->bitmap[level][word] & (~UINT64_C(0) << (pos & 63));
		if (bits) {
			pos = word << 6 | (uint32_t)__builtin_ctzll(bits);
			while (level-- > 0)
				pos = pos << 6 | (uint32_t)__builtin_ctzll(w->bitmap[level][pos]);
			*slot = pos;
			return true;
		}
		pos = word + 1;
	}
	return false;
}

/* ------------------------------------------------------------------ the three operations */

bool
la_wheel_next(const struct la_wheel *w, uint32_t *tick)
{
	uint32_t mask = w->nslots - 1, slot;

	if (w->count == 0)
		return false;
	if (w->slots[(w->base - 1) & mask].tail) { /* partly drained */
		*tick = w->base - 1;
		return true;
	}
	if (!wheel_scan(w, w->base & mask, &slot) && !wheel_scan(w, 0, &slot))
		return false;
	*tick = w->base + ((slot - w->base) & mask);
	return true;
}

uint32_t
la_wheel_add_slow(struct la_wheel *w, uint32_t tick, uint32_t ref)
{
	uint32_t far = w->nslots - 2, ahead = tick - w->base, slot, c;
	struct la_wheel_slot *s;

	assert(w->count < w->max_refs);
	if (ahead > far)
		ahead = seq_lt(tick, w->base) ? 0 : far;
	tick = w->base + ahead;
	slot = tick & (w->nslots - 1);
	s = &w->slots[slot];

	if (s->tail == 0) {
		c = chunk_get(w);
		w->chunks[c].next = c;
		*s = (struct la_wheel_slot){.tail = c};
		wheel_mark_slot(w, slot);
	} else if (s->fill == CHUNK_REFS) {
		c = chunk_get(w);
		w->chunks[c].next = w->chunks[s->tail].next;
		w->chunks[s->tail].next = c;
		s->tail = c;
		s->fill = 0;
	}
	w->chunks[s->tail].ref[s->fill++] = ref;
	w->count++;
	return tick;
}

/* Removes up to max references from the front of a slot's ring. Returns their number. */
static unsigned
wheel_drain_slot(struct la_wheel *w, uint32_t slot, uint32_t *refs, unsigned max)
{
	struct la_wheel_slot *s = &w->slots[slot];
	unsigned n = 0;

	while (n < max) {
		uint32_t head = w->chunks[s->tail].next;
		unsigned end = head == s->tail ? s->fill : CHUNK_REFS;
		unsigned k = end - s->first;
		const struct la_wheel_chunk *ahead = &w->chunks[w->chunks[head].next];

		__builtin_prefetch(ahead);
		__builtin_prefetch(&ahead->next);
		if (k > max - n)
			k = max - n;
		memcpy(&refs[n], &w->chunks[head].ref[s->first], k * sizeof(refs[0]));
		n += k;
		s->first = (uint16_t)(s->first + k);
		if (s->first < end)
			break;
		if (head == s->tail) {
			*s = (struct la_wheel_slot){0};
			wheel_unmark_slot(w, slot);
			chunk_put(w, head);
			break;
		}
		w->chunks[s->tail].next = w->chunks[head].next;
		s->first = 0;
		chunk_put(w, head);
	}
	w->count -= n;
	return n;
}

unsigned
la_wheel_pop(struct la_wheel *w, uint32_t now, uint32_t *refs, unsigned max, uint32_t *tick)
{
	uint32_t mask = w->nslots - 1, t = w->base - 1;

	if (!w->slots[t & mask].tail) {
		if (seq_lt(now, w->base))
			return 0;
		if (!la_wheel_next(w, &t) || seq_gt(t, now)) {
			w->base = now + 1;
			return 0;
		}
		w->base = t + 1;
	}
	*tick = t;
	return wheel_drain_slot(w, t & mask, refs, max);
}

/* ------------------------------------------------------------------ the checker */

void
la_wheel_each(const struct la_wheel *w, la_wheel_visit *visit, void *ctx)
{
	uint32_t slot = 0;

	for (uint32_t pos = 0; wheel_scan(w, pos, &slot); pos = slot + 1) {
		const struct la_wheel_slot *s = &w->slots[slot];
		uint32_t c = w->chunks[s->tail].next, i = s->first;

		/* the slots hold the ticks base - 1 to base + nslots - 2 */
		uint32_t tick = w->base - 1 + ((slot - (w->base - 1)) & (w->nslots - 1));

		for (;; c = w->chunks[c].next, i = 0) {
			uint32_t end = c == s->tail ? s->fill : CHUNK_REFS;

			for (; i < end; i++)
				visit(ctx, w->chunks[c].ref[i], tick);
			if (c == s->tail)
				break;
		}
	}
}

struct check {
	const struct la_wheel *w;
	FILE *f;
	uint8_t *seen; /* by chunk: 1 if a slot or the free list has it */
	uint32_t nseen;
	unsigned faults;
};

#define FAULT(c, ...)                                   \
	do {                                            \
		(c)->faults++;                          \
		fprintf((c)->f, "wheel: " __VA_ARGS__); \
		fputc('\n', (c)->f);                    \
	} while (0)

static bool
check_chunk(struct check *c, uint32_t chunk, const char *where, uint32_t slot)
{
	if (chunk == 0 || chunk >= c->w->fresh_chunk) {
		FAULT(c, "%s %u names chunk %u; valid are 1 to %u", where, slot, chunk, c->w->fresh_chunk - 1);
		return false;
	}
	if (c->seen[chunk]) {
		FAULT(c, "%s %u: chunk %u has two owners", where, slot, chunk);
		return false;
	}
	c->seen[chunk] = 1;
	c->nseen++;
	return true;
}

/* Checks a slot. Returns the number of its references. */
static uint64_t
check_slot(struct check *c, uint32_t slot)
{
	const struct la_wheel *w = c->w;
	const struct la_wheel_slot *s = &w->slots[slot];
	uint32_t head, chunk;
	uint64_t n = 0;

	if (s->tail == 0) {
		if (s->fill || s->first)
			FAULT(c, "empty slot %u has fill %u, first %u", slot, s->fill, s->first);
		return 0;
	}
	if (s->tail >= w->fresh_chunk) {
		FAULT(c, "slot %u ends in chunk %u; valid are 1 to %u", slot, s->tail, w->fresh_chunk - 1);
		return 0;
	}
	head = chunk = w->chunks[s->tail].next;
	do {
		if (!check_chunk(c, chunk, "slot", slot))
			return n;
		n += chunk == s->tail ? s->fill : CHUNK_REFS;
		chunk = w->chunks[chunk].next;
	} while (chunk != head);
	if (s->fill == 0 || s->fill > CHUNK_REFS || s->first >= CHUNK_REFS || s->first >= n)
		FAULT(c, "slot %u has fill %u, first %u: out of range", slot, s->fill, s->first);
	if (s->first && slot != ((w->base - 1) & (w->nslots - 1)))
		FAULT(c, "slot %u is partly drained, but base is %u", slot, w->base);
	return n - s->first;
}

static void
check_bitmap(struct check *c)
{
	const struct la_wheel *w = c->w;

	for (uint32_t i = 0; i < w->nslots; i++)
		if ((w->slots[i].tail != 0) != (w->bitmap[0][i >> 6] >> (i & 63) & 1))
			FAULT(c, "slot %u: its bit is not set though it has references, or set without", i);
	for (unsigned level = 1; level < LEVELS; level++)
		for (uint32_t i = 0; i < level_words(w->nslots, level - 1); i++)
			if ((w->bitmap[level - 1][i] != 0) != (w->bitmap[level][i >> 6] >> (i & 63) & 1))
				FAULT(c, "level %u, bit %u does not agree with the level below", level, i);
}

unsigned
la_wheel_check(const struct la_wheel *w, FILE *f)
{
	struct check c = {.w = w, .f = f, .seen = calloc(w->nchunks + 1ul, 1)};
	uint64_t refs = 0;

	if (!c.seen) {
		FAULT(&c, "no memory for the check");
		return c.faults;
	}
	for (uint32_t i = 0; i < w->nslots; i++)
		refs += check_slot(&c, i);
	for (uint32_t i = w->free_chunk; i; i = w->chunks[i].next)
		if (!check_chunk(&c, i, "free list", 0))
			break;
	check_bitmap(&c);
	if (refs != w->count || w->count > w->max_refs)
		FAULT(&c, "%llu references; count is %u, limit %u", (unsigned long long)refs, w->count, w->max_refs);
	if (w->fresh_chunk > w->nchunks + 1 || c.nseen != w->fresh_chunk - 1)
		FAULT(&c, "%u chunks found, %u used so far, %u in the pool", c.nseen, w->fresh_chunk - 1, w->nchunks);
	free(c.seen);
	return c.faults;
}
