/* SPDX-License-Identifier: BSD-3-Clause */

/* The index: theory of operation.
 *
 * One table finds every connection of a shard, live or in TIME_WAIT, because a segment does not show
 * the state of its connection. Entering TIME_WAIT then overwrites one reference in place.
 *
 * Layout. A bucket is one cache line: ten 16-bit tags, ten 32-bit references, and two words of
 * bookkeeping. The index does not store the keys: a matching tag costs a read of the object that
 * the reference names, which the caller needs anyway if the key matches. A tag matches a wrong key
 * once in about 10000 probes. So a look-up reads one line of the index and one of
 * the object.
 *
 * Cuckoo with partial keys (Fan et al., "MemC3", NSDI 2013). A key has two of the n buckets. The number of its first
 * bucket is (low word of the hash) * n / 2^32: a multiplication, so n need not be a power of two. The number of the
 * second is (sum - first) modulo n; sum is odd, below n, and computed from the tag. This subtraction is its own
 * inverse, so a key can be moved with the data of its cache line alone. The two buckets always differ: 2 * first = sum
 * modulo n is impossible, because n is even and sum is odd.
 *
 * First bucket preferred. A key goes to its second bucket only if its first bucket is full at that moment.
 * `spilled` of a bucket counts the keys that have it as their first bucket and are in their second: four counters, by
 * the last two bits of the tag. While a counter is 0, one line decides a look-up. `second` marks the places of a bucket
 * whose keys have another first bucket, so that the removal of such a key decrements the right
 * counter.
 *
 * Load. At capacity a bucket of ten has 6.4 keys: 10 bytes a key. After long churn
 * at a constant fill (each key replaced 20 times):
 *
 *	fill                                  0.4     0.5     0.6     0.64    0.7     0.8     0.9
 *	buckets with spilled keys             1.8 %   7.3 %   20 %    28 %    43 %    70 %    91 %
 *	  with a given counter above 0        0.5 %   2.3 %   7.0 %   10 %    17 %    33 %    53 %
 *	keys in their second bucket           0.6 %   2.1 %   5.4 %   7.5 %   12 %    22 %    36 %
 *
 * The second row is the share of misses that cost a second line, the third row the share of hits.
 *
 * When both buckets of a new key are full, one of the twenty keys in them is moved to its own other bucket, if that
 * bucket has room. If none of the twenty can move, one of the two hundred keys in their other buckets is moved first,
 * to make room. There is no third step: at most 2 * (10 + 10 * 10) lines are read, and then -ENOSPC is returned without
 * a change. In the churn above no key was refused in 7 million inserts, even at a fill of 0.9; the second step is for a
 * table above its capacity.
 *
 * No key is lost or found twice:
 *
 * (1) A key is always in its first bucket n or in other(n, tag). Insert puts the key in one of the two,
 *     and a move takes the key from bucket b to other(b, tag), which is the other one of the same two.
 * (2) A key is in one place. Insert writes one place, and a move frees the old place in the same call. Only one
 *     thread uses the index.
 * (3) A look-up reads n, and also other(n, tag) unless the tag's counter in `spilled` of n is 0. A key is in
 *     other(n, tag) iff its bit in `second` there is set. The counter is the number of these keys with the same last
 *     two tag bits: insert and move add 1 where they set the bit, remove and move subtract 1 where they clear
 *     it. So the counter is 0 only if no such key of n is in its second bucket,
 *     and the look-up finds every key.
 *
 * la_index_check() verifies all three. A counter has 4 bits and does not wrap: a sixteenth key
 * does not move to its second bucket, or is refused. The largest value in the churn above was 8, and with
 * a keyed hash an attacker cannot choose a bucket.
 *
 * Pointers into the table (la_index_find) are valid until the next insert, which may move keys. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "table/index.h"

enum {
	ALL_PLACES = (1 << LA_BUCKET_KEYS) - 1,
	SPILL_MAX = 15, /* largest value of each of the four counters in `spilled` */
};

/* ------------------------------------------------------------------ creation and end */

/* The even number of buckets for 6.4 keys a bucket, at least 2. */
static uint32_t
buckets_for(uint32_t capacity)
{
	uint32_t n = (uint32_t)(((uint64_t)capacity * 10 + 63) / 64 + 1) & ~1u;

	return n ? n : 2;
}

size_t
la_index_memory(uint32_t capacity)
{
	return (size_t)buckets_for(capacity) * sizeof(struct la_bucket);
}

int
la_index_init(struct la_index *ix, const struct la_mem_ops *mem, uint32_t capacity)
{
	*ix = (struct la_index){
		.buckets = la_mem_alloc(mem, la_index_memory(capacity), 64),
		.mem = mem,
		.nbuckets = buckets_for(capacity),
		.capacity = capacity,
	};
	return ix->buckets ? 0 : -ENOMEM;
}

void
la_index_fini(struct la_index *ix)
{
	la_mem_free(ix->mem, ix->buckets, la_index_memory(ix->capacity));
	*ix = (struct la_index){0};
}

/* ------------------------------------------------------------------ places */

/* Returns a free place of the bucket, or -1. */
static int
free_place(const struct la_bucket *b)
{
	uint32_t m = la_bucket_match(b, 0);

	return m ? __builtin_ctz(m) : -1;
}

/* Returns whether the key at this place is in its second bucket. */
static bool
is_in_second(const struct la_bucket *b, unsigned place)
{
	return b->second >> place & 1;
}

static void
bucket_put(struct la_bucket *b, unsigned place, uint16_t tag, la_ref ref, bool second)
{
	b->tag[place] = tag;
	b->ref[place] = ref;
	b->second = (uint16_t)((b->second & ~(1u << place)) | (uint32_t)second << place);
}

static bool
may_spill(const struct la_bucket *b, uint16_t tag)
{
	return la_bucket_spilled(b, tag) < SPILL_MAX;
}

/* Counts a key with this tag and the first bucket b that moves to its second bucket. */
static void
bucket_spill(struct la_bucket *b, uint16_t tag)
{
	assert(may_spill(b, tag));
	b->spilled = (uint16_t)(b->spilled + (1u << la_spill_shift(tag)));
}

/* Counts a key with this tag and the first bucket b that leaves its second bucket. */
static void
bucket_unspill(struct la_bucket *b, uint16_t tag)
{
	assert(la_bucket_spilled(b, tag) > 0);
	b->spilled = (uint16_t)(b->spilled - (1u << la_spill_shift(tag)));
}

/* Moves the key at (from, place) to its other bucket `to`, which has room. */
static void
bucket_move_key(struct la_bucket *from, unsigned place, struct la_bucket *to, unsigned to_place)
{
	bool to_first = is_in_second(from, place);
	uint16_t tag = from->tag[place];

	bucket_put(to, to_place, tag, from->ref[place], !to_first);
	bucket_put(from, place, 0, 0, false);
	if (to_first)
		bucket_unspill(to, tag);
	else
		bucket_spill(from, tag);
}

/* Returns whether the counter allows the key at this place to move to its other bucket. */
static bool
may_move(const struct la_bucket *b, unsigned place)
{
	return is_in_second(b, place) || may_spill(b, b->tag[place]);
}

/* Frees a place in bucket n, which is full, by moves of keys to their other buckets: at most `depth` moves. The last
 * bucket of the chain gets its key first, so that each move finds room. Returns the place or -1. Only the last move
 * changes bucket n: a key moves only to a bucket with room. */
static int
make_room(struct la_index *ix, uint32_t n, unsigned depth)
{
	struct la_bucket *b = &ix->buckets[n];

	for (unsigned i = 0; i < LA_BUCKET_KEYS; i++) {
		struct la_bucket *to = &ix->buckets[la_index_other(ix, n, b->tag[i])];
		int room = free_place(to);

		if (room >= 0 && may_move(b, i)) {
			bucket_move_key(b, i, to, (unsigned)room);
			return (int)i;
		}
	}
	if (depth == 1)
		return -1;
	for (unsigned i = 0; i < LA_BUCKET_KEYS; i++) {
		uint32_t o = la_index_other(ix, n, b->tag[i]);
		int room = may_move(b, i) ? make_room(ix, o, depth - 1) : -1;

		if (room >= 0) {
			bucket_move_key(b, i, &ix->buckets[o], (unsigned)room);
			return (int)i;
		}
	}
	return -1;
}

/* Finds the place of exactly this reference in the two buckets of its hash. False: it is in neither. */
static inline __attribute__((always_inline)) bool
index_locate(const struct la_index *ix, uint64_t hash, la_ref ref, uint32_t *bucket, unsigned *place)
{
	uint16_t tag = la_index_tag(hash);
	uint32_t n = la_index_first(ix, hash);

	for (int round = 0; round < 2; round++, n = la_index_other(ix, n, tag)) {
		const struct la_bucket *b = &ix->buckets[n];

		for (uint32_t m = la_bucket_match(b, tag); m; m &= m - 1) {
			unsigned i = (unsigned)__builtin_ctz(m);

			if (b->ref[i] == ref) {
				*bucket = n;
				*place = i;
				return true;
			}
		}
	}
	return false;
}

/* ------------------------------------------------------------------ insert, remove, replace */

/* The general path of la_index_insert(): the first bucket is full. */
static __attribute__((noinline)) int
insert_full(struct la_index *ix, uint32_t n, uint16_t tag, la_ref ref)
{
	struct la_bucket *first = &ix->buckets[n];
	uint32_t o = la_index_other(ix, n, tag);
	struct la_bucket *other = &ix->buckets[o];
	int place = may_spill(first, tag) ? free_place(other) : -1;

	for (unsigned depth = 1; place < 0 && depth <= 2; depth++) {
		place = make_room(ix, n, depth);
		if (place >= 0) {
			bucket_put(first, (unsigned)place, tag, ref, false);
			ix->keys++;
			return 0;
		}
		if (may_spill(first, tag))
			place = make_room(ix, o, depth);
	}
	if (place < 0)
		return -ENOSPC;
	bucket_put(other, (unsigned)place, tag, ref, true);
	bucket_spill(first, tag);
	ix->keys++;
	return 0;
}

int
la_index_insert(struct la_index *ix, uint64_t hash, la_ref ref)
{
	assert(ref != 0);
	if (__builtin_expect(!la_index_has_room(ix, hash), 0))
		return insert_full(ix, la_index_first(ix, hash), la_index_tag(hash), ref);
	la_index_insert_first(ix, hash, ref);
	return 0;
}

bool
la_index_remove(struct la_index *ix, uint64_t hash, la_ref ref)
{
	struct la_bucket *b;
	unsigned place;
	uint32_t n;

	if (!index_locate(ix, hash, ref, &n, &place))
		return false;
	b = &ix->buckets[n];
	if (is_in_second(b, place))
		bucket_unspill(&ix->buckets[la_index_first(ix, hash)], b->tag[place]);
	bucket_put(b, place, 0, 0, false);
	ix->keys--;
	return true;
}

bool
la_index_replace_slow(struct la_index *ix, uint64_t hash, la_ref old, la_ref new_ref)
{
	unsigned place;
	uint32_t n;

	if (!index_locate(ix, hash, old, &n, &place))
		return false;
	ix->buckets[n].ref[place] = new_ref;
	return true;
}

/* ------------------------------------------------------------------ the checker */

#define FAULT(f, faults, ...)                      \
	do {                                       \
		(faults)++;                        \
		fprintf(f, "index: " __VA_ARGS__); \
		fputc('\n', f);                    \
	} while (0)

static unsigned
times_in(const struct la_bucket *b, la_ref ref)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LA_BUCKET_KEYS; i++)
		n += b->tag[i] != 0 && b->ref[i] == ref;
	return n;
}

/* Checks that a key is in one of its two buckets, that its bit in `second` is right, and that it is in no other place.
 * Returns the number of faults. */
static unsigned
check_key(const struct la_index *ix, uint32_t n, unsigned i, uint64_t hash, FILE *f)
{
	const struct la_bucket *b = &ix->buckets[n];
	uint32_t first = la_index_first(ix, hash);
	uint32_t other = la_index_other(ix, first, la_index_tag(hash));
	unsigned faults = 0;

	if (b->ref[i] == 0)
		FAULT(f, faults, "bucket %u place %u has a tag and no reference", n, i);
	if (b->tag[i] != la_index_tag(hash))
		FAULT(f, faults, "bucket %u place %u: tag %04x, not %04x", n, i, b->tag[i], la_index_tag(hash));
	if (n != first && n != other)
		FAULT(f, faults, "reference %08x is in bucket %u, not in %u or %u", b->ref[i], n, first, other);
	if (is_in_second(b, i) != (n != first))
		FAULT(f, faults, "bucket %u place %u: the bit in `second` is wrong", n, i);
	if (times_in(&ix->buckets[first], b->ref[i]) + times_in(&ix->buckets[other], b->ref[i]) != 1)
		FAULT(f, faults, "reference %08x is not exactly once in its buckets", b->ref[i]);
	return faults;
}

unsigned
la_index_check(const struct la_index *ix, la_index_hash_of *hash_of, const void *ctx, FILE *f)
{
	uint32_t(*spilled)[4] = calloc(ix->nbuckets, sizeof(*spilled)), keys = 0;
	unsigned faults = 0;

	if (!spilled) {
		FAULT(f, faults, "no memory for the check");
		return faults;
	}
	for (uint32_t n = 0; n < ix->nbuckets; n++) {
		const struct la_bucket *b = &ix->buckets[n];

		if (b->second & ~ALL_PLACES)
			FAULT(f, faults, "bucket %u: `second` has bits above the last place", n);
		for (unsigned i = 0; i < LA_BUCKET_KEYS; i++) {
			if (b->tag[i] == 0) {
				if (b->ref[i] || is_in_second(b, i))
					FAULT(f, faults, "bucket %u place %u has no tag but other data", n, i);
				continue;
			}
			keys++;
			faults += check_key(ix, n, i, hash_of(ctx, b->ref[i]), f);
			if (is_in_second(b, i))
				spilled[la_index_other(ix, n, b->tag[i])][b->tag[i] & 3]++;
		}
	}
	for (uint32_t n = 0; n < ix->nbuckets; n++)
		for (uint16_t kind = 0; kind < 4; kind++)
			if (la_bucket_spilled(&ix->buckets[n], kind) != spilled[n][kind])
				FAULT(f, faults, "bucket %u has %u spilled keys of kind %u, but counts %u", n,
				      spilled[n][kind], kind, la_bucket_spilled(&ix->buckets[n], kind));
	if (keys != ix->keys)
		FAULT(f, faults, "the index has %u keys, but counts %u", keys, ix->keys);
	free(spilled);
	return faults;
}
