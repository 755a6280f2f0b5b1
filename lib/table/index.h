/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TABLE_INDEX_H
#define LA_TABLE_INDEX_H

/* The index finds the reference of a connection by the hash of its tuple, for every connection of a shard, live or in
 * TIME_WAIT. (Theory at the top of index.c.)
 *
 * A bucket is one cache line: 16-bit tags and 32-bit references, probed with SIMD compares. A key
 * has two buckets (cuckoo with partial keys: the second is computed from the first and the tag).
 * The first bucket counts its keys that are in their second bucket, so nearly every look-up, hit or miss, reads one
 * line. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <emmintrin.h>

#include "core/mem.h"

/** A reference: pool (2 bits) and slot (30 bits). 0: no reference. */
typedef uint32_t la_ref;

enum la_pool { LA_POOL_NONE, LA_POOL_TCB, LA_POOL_TW4, LA_POOL_TW6 };

enum { LA_REF_SLOT_BITS = 30 };
#define LA_REF_SLOT_MASK ((1u << LA_REF_SLOT_BITS) - 1)

static inline la_ref
la_ref_make(enum la_pool pool, uint32_t slot)
{
	return (uint32_t)pool << LA_REF_SLOT_BITS | slot;
}

static inline enum la_pool
la_ref_pool(la_ref r)
{
	return (enum la_pool)(r >> LA_REF_SLOT_BITS);
}

static inline uint32_t
la_ref_slot(la_ref r)
{
	return r & LA_REF_SLOT_MASK;
}

enum { LA_BUCKET_KEYS = 10 };

struct la_bucket {
	uint16_t tag[LA_BUCKET_KEYS]; /* 0: the place is free */
	uint16_t spilled;	      /* keys with this first bucket that are in their second bucket: four
				       * counters of 4 bits, by the tag's last two bits */
	uint16_t second;	      /* bit i: this bucket is the second bucket of the key at place i */
	la_ref ref[LA_BUCKET_KEYS];
};
_Static_assert(sizeof(struct la_bucket) == 64, "a bucket is one cache line");

struct la_index {
	struct la_bucket *buckets;
	const struct la_mem_ops *mem;
	uint32_t nbuckets; /* even */
	uint32_t keys;	   /* number of keys in the index */
	uint32_t capacity; /* keys at a load factor of 0.64 */
};

/** Bytes of memory for `capacity` keys: about 10 for each, a load factor of 0.64. */
size_t la_index_memory(uint32_t capacity);
/** Returns 0 or -ENOMEM. */
int la_index_init(struct la_index *ix, const struct la_mem_ops *mem, uint32_t capacity);
void la_index_fini(struct la_index *ix);

/** The tag of a hash: the upper 16 bits, or 1 if they are 0. The first bucket depends on the lower 32 bits. */
static inline uint16_t
la_index_tag(uint64_t hash)
{
	uint16_t tag = (uint16_t)(hash >> 48);

	return tag ? tag : 1;
}

static inline uint32_t
la_index_first(const struct la_index *ix, uint64_t hash)
{
	return (uint32_t)((uint64_t)(uint32_t)hash * ix->nbuckets >> 32);
}

/** The other bucket of a key that is in `bucket`. The sum of the two bucket numbers, modulo the number of buckets, is
 * an odd number computed from the tag. So the same function gives the second bucket from the first, and the first from
 * the second. */
static inline uint32_t
la_index_other(const struct la_index *ix, uint32_t bucket, uint16_t tag)
{
	uint64_t half = (uint64_t)((uint32_t)tag * 0x5bd1e995u) * (ix->nbuckets / 2) >> 32;
	uint32_t sum = (uint32_t)half * 2 + 1;

	return sum >= bucket ? sum - bucket : sum + (ix->nbuckets - bucket);
}

/** The position in `spilled` of the counter for this tag. */
static inline unsigned
la_spill_shift(uint16_t tag)
{
	return (tag & 3u) * 4;
}

/** Number of keys with this first bucket that are in their second bucket and whose tags have the same last two bits. */
static inline unsigned
la_bucket_spilled(const struct la_bucket *b, uint16_t tag)
{
	return b->spilled >> la_spill_shift(tag) & 15u;
}

static inline void
la_index_prefetch(const struct la_index *ix, uint64_t hash)
{
	__builtin_prefetch(&ix->buckets[la_index_first(ix, hash)]);
}

/** Returns a mask: bit i is set if place i of the bucket has this tag. */
static inline uint32_t
la_bucket_match(const struct la_bucket *b, uint16_t tag)
{
	const __m128i t = _mm_set1_epi16((short)tag);
	__m128i lo = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)(const void *)b), t);
	__m128i hi = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)(const void *)b + 1), t);

	/* the compare also covers words after the last tag */
	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(lo, hi)) & ((1u << LA_BUCKET_KEYS) - 1);
}

/** Returns whether the object of ref has the key. Inlined into la_index_find(). */
typedef bool la_index_match(const void *ctx, la_ref ref, const void *key);

/** Returns a pointer to the key's reference in the index, to read or overwrite it. NULL: no such key. */
static inline __attribute__((always_inline)) la_ref *
la_index_find(struct la_index *ix, uint64_t hash, la_index_match *match, const void *ctx, const void *key)
{
	uint16_t tag = la_index_tag(hash);
	uint32_t n = la_index_first(ix, hash);

	for (int round = 0; round < 2; round++) {
		struct la_bucket *b = &ix->buckets[n];

		for (uint32_t m = la_bucket_match(b, tag); m; m &= m - 1) {
			unsigned i = (unsigned)__builtin_ctz(m);

			if (match(ctx, b->ref[i], key))
				return &b->ref[i];
		}
		if (__builtin_expect(la_bucket_spilled(b, tag) == 0, 1))
			return NULL;
		n = la_index_other(ix, n, tag);
	}
	return NULL;
}

/** The first reference with this tag in the first bucket, or 0, and its place. The key is not compared. */
static inline la_ref
la_index_peek(const struct la_index *ix, uint64_t hash, la_ref **place)
{
	struct la_bucket *b = &ix->buckets[la_index_first(ix, hash)];
	uint32_t m = la_bucket_match(b, la_index_tag(hash));

	if (!m)
		return 0;
	*place = &b->ref[__builtin_ctz(m)];
	return **place;
}

/** If the first bucket has no such tag and the key may be in its second bucket, prefetches the second
 * bucket and returns true. The first bucket should be in the cache. */
static inline bool
la_index_prefetch_other(const struct la_index *ix, uint64_t hash)
{
	uint32_t n = la_index_first(ix, hash);
	const struct la_bucket *b = &ix->buckets[n];
	uint16_t tag = la_index_tag(hash);

	if (la_bucket_match(b, tag))
		return false;
	if (__builtin_expect(la_bucket_spilled(b, tag) == 0, 1)) {
		if (la_bucket_match(b, 0) == 0) /* full: a new key would go to its second bucket */
			__builtin_prefetch(&ix->buckets[la_index_other(ix, n, tag)]);
		return false;
	}
	__builtin_prefetch(&ix->buckets[la_index_other(ix, n, tag)]);
	return true;
}

/** Returns true only if the index has no such key: the first bucket has no such tag, and the key is not in its second
 * bucket. */
static inline bool
la_index_misses(const struct la_index *ix, uint64_t hash)
{
	const struct la_bucket *b = &ix->buckets[la_index_first(ix, hash)];
	uint16_t tag = la_index_tag(hash);

	return !la_bucket_match(b, tag) && la_bucket_spilled(b, tag) == 0;
}

/** Like la_index_peek(), in the other bucket. */
static inline la_ref
la_index_peek_other(const struct la_index *ix, uint64_t hash)
{
	uint16_t tag = la_index_tag(hash);
	const struct la_bucket *b = &ix->buckets[la_index_other(ix, la_index_first(ix, hash), tag)];
	uint32_t m = la_bucket_match(b, tag);

	return m ? b->ref[__builtin_ctz(m)] : 0;
}

/** Adds a key that is not in the index. Returns 0, or -ENOSPC if both buckets are full and no move frees a place. Then
 * the index is unchanged, and the caller refuses the new connection. */
int la_index_insert(struct la_index *ix, uint64_t hash, la_ref ref);

/** Returns whether the first bucket of the hash has a free place. */
static inline bool
la_index_has_room(const struct la_index *ix, uint64_t hash)
{
	return la_bucket_match(&ix->buckets[la_index_first(ix, hash)], 0) != 0;
}

/** la_index_insert() when la_index_has_room(). */
static inline void
la_index_insert_first(struct la_index *ix, uint64_t hash, la_ref ref)
{
	struct la_bucket *b = &ix->buckets[la_index_first(ix, hash)];
	unsigned place = (unsigned)__builtin_ctz(la_bucket_match(b, 0));

	b->tag[place] = la_index_tag(hash);
	b->ref[place] = ref; /* the bit in `second` is 0 */
	ix->keys++;
}

/** Removes exactly this reference. Returns false if it is not in the index (a bug of the caller). */
bool la_index_remove(struct la_index *ix, uint64_t hash, la_ref ref);

/** Returns the place of exactly this reference: the first place with its tag in its first bucket, as for nearly every
 * reference. NULL: the reference is elsewhere, or not in the index. The place is valid until the next insert. */
static inline la_ref *
la_index_place(const struct la_index *ix, uint64_t hash, la_ref ref)
{
	struct la_bucket *b = &ix->buckets[la_index_first(ix, hash)];
	uint32_t m = la_bucket_match(b, la_index_tag(hash));
	la_ref *place = &b->ref[m ? __builtin_ctz(m) : 0];

	return m && *place == ref ? place : NULL;
}

/** Removes the reference at a place that la_index_place() has returned. */
static inline void
la_index_remove_at(struct la_index *ix, la_ref *place)
{
	struct la_bucket *b = (struct la_bucket *)((uintptr_t)place & ~(uintptr_t)(sizeof(*b) - 1));

	b->tag[place - b->ref] = 0; /* the bit in `second` is 0 */
	*place = 0;
	ix->keys--;
}

/* The general path of la_index_replace(). */
bool la_index_replace_slow(struct la_index *ix, uint64_t hash, la_ref old, la_ref new_ref);

/** Overwrites `old` with `new_ref` in place. Returns false if `old` is not in the index (a bug of the caller). */
static inline bool
la_index_replace(struct la_index *ix, uint64_t hash, la_ref old, la_ref new_ref)
{
	la_ref *place = la_index_place(ix, hash, old);

	if (__builtin_expect(place == NULL, 0))
		return la_index_replace_slow(ix, hash, old, new_ref);
	*place = new_ref;
	return true;
}

/** Returns the hash of the object that ref names. For the checker. */
typedef uint64_t la_index_hash_of(const void *ctx, la_ref ref);

/** Checks that tags match hashes, every key is in one of its two buckets, `second`, `spilled` and the number of keys
 * are right, and no reference occurs twice. Prints faults to f. Returns the number of faults. */
unsigned la_index_check(const struct la_index *ix, la_index_hash_of *hash_of, const void *ctx, FILE *f);

#endif
