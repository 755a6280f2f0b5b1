/* SPDX-License-Identifier: BSD-3-Clause */

/* The index with chosen hashes, so that any bucket can be filled. Key n has the hash hash[n], and its
 * reference has the slot n. */

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "table/index.h"

#include "../core/rng.h"

enum { MAX_KEYS = 4096, BUCKETS = 64 };

static struct la_index ix;
static uint64_t hash[MAX_KEYS];

static la_ref
ref_of(uint32_t n)
{
	return la_ref_make(LA_POOL_TCB, n);
}

static uint64_t
hash_of(const void *ctx, la_ref ref)
{
	(void)ctx;
	return hash[la_ref_slot(ref)];
}

static bool
match(const void *ctx, la_ref ref, const void *key)
{
	(void)ctx;
	return la_ref_slot(ref) == *(const uint32_t *)key;
}

static la_ref
find(uint32_t n)
{
	la_ref *place = la_index_find(&ix, hash[n], match, NULL, &n);

	return place ? *place : 0;
}

#define check(...) cr_assert_eq(la_index_check(&ix, hash_of, NULL, stderr), 0, __VA_ARGS__)

static void
make(uint32_t capacity)
{
	cr_assert_eq(la_index_init(&ix, NULL, capacity), 0);
}

/* The first bucket is the low word as a fraction of all buckets. */
static uint64_t
hash_for(uint32_t bucket, uint16_t tag)
{
	uint64_t low = (((uint64_t)bucket << 32) + ix.nbuckets - 1) / ix.nbuckets;

	cr_assert_lt(bucket, ix.nbuckets);
	return (uint64_t)tag << 48 | low;
}

/* Returns how many keys have this first bucket and are in their second bucket. */
static unsigned
spilled(uint32_t bucket)
{
	unsigned n = 0;

	for (uint16_t kind = 0; kind < 4; kind++)
		n += la_bucket_spilled(&ix.buckets[bucket], kind);
	return n;
}

/* Inserts key n with first bucket `first` and second bucket `other`. Returns the result of la_index_insert(). */
static int
insert_between(uint32_t n, uint32_t first, uint32_t other)
{
	uint32_t tag = n * 256 + 1;

	while (la_index_other(&ix, first, (uint16_t)tag) != other)
		tag++;
	cr_assert(tag <= UINT16_MAX);
	hash[n] = hash_for(first, (uint16_t)tag);
	return la_index_insert(&ix, hash[n], ref_of(n));
}

static void
all_found(uint32_t from, uint32_t to)
{
	for (uint32_t n = from; n <= to; n++)
		cr_assert_eq(find(n), ref_of(n), "key %u", n);
}

Test(index, sizes)
{
	cr_assert_eq(la_index_memory(1), 2 * 64);
	cr_assert_eq(la_index_memory(12), 2 * 64);
	cr_assert_eq(la_index_memory(13), 4 * 64);
	/* a TIME_WAIT entry costs at most 48 B: 32 B, 4.2 B in the wheel and about 10 B in the index */
	for (uint64_t n = 1; n <= UINT32_MAX; n += 1 + n / 7) {
		size_t buckets = la_index_memory((uint32_t)n) / 64;

		cr_assert(buckets % 2 == 0);
		/* at most 6.4 keys for each bucket of ten places, and at most two buckets more than needed */
		cr_assert(buckets * 64 >= n * 10 && (buckets - 2) * 64 < n * 10, "%lu", n);
	}
}

static void *
no_alloc(void *ctx, size_t size, size_t align)
{
	(void)ctx;
	(void)size;
	(void)align;
	return NULL;
}

Test(index, no_memory)
{
	const struct la_mem_ops none = {.alloc = no_alloc};

	cr_assert_eq(la_index_init(&ix, &none, 100), -ENOMEM);
}

Test(index, other_bucket_is_an_involution_and_differs)
{
	static const uint32_t sizes[] = {1, 13, 64, 1000, 99999, 1 << 20, 3000001};

	for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		make(sizes[s]);
		for (uint32_t tag = 1; tag <= UINT16_MAX; tag += 13) {
			for (uint32_t b = 0; b < ix.nbuckets; b += 1 + ix.nbuckets / 35) {
				uint32_t o = la_index_other(&ix, b, (uint16_t)tag);

				cr_assert(o != b && o < ix.nbuckets);
				cr_assert_eq(la_index_other(&ix, o, (uint16_t)tag), b);
			}
		}
		la_index_fini(&ix);
	}
}

/* Sizes other than powers of two: every bucket is the first of a hash, and the largest hash is in the table. */
Test(index, first_bucket_covers_the_table)
{
	for (uint32_t capacity = 1; capacity < 3000; capacity += 97) {
		make(capacity);
		for (uint32_t b = 0; b < ix.nbuckets; b++)
			cr_assert_eq(la_index_first(&ix, hash_for(b, 1)), b);
		cr_assert_eq(la_index_first(&ix, UINT64_MAX), ix.nbuckets - 1);
		cr_assert_eq(la_index_first(&ix, 0), 0);
		la_index_fini(&ix);
	}
}

Test(index, bucket_match_finds_each_place)
{
	static const uint16_t tags[] = {1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x00ff, 0xff00, 0x0100};
	struct la_bucket b __attribute__((aligned(64)));

	for (unsigned t = 0; t < sizeof(tags) / sizeof(tags[0]); t++) {
		for (unsigned set = 0; set < 1024; set++) {
			/* places that are not in the set have a tag that differs in one bit */
			for (unsigned i = 0; i < 10; i++)
				b.tag[i] = (uint16_t)(tags[t] ^ !(set >> i & 1) << (i + set) % 16);
			b.spilled = b.second = tags[t];
			cr_assert_eq(la_bucket_match(&b, tags[t]), set);
		}
	}
}

Test(index, tag_is_never_zero)
{
	la_ref *place = NULL;

	make(100);
	hash[1] = 3;
	cr_assert_eq(la_index_tag(hash[1]), 1);
	cr_assert_eq(la_index_insert(&ix, hash[1], ref_of(1)), 0);
	cr_assert_eq(find(1), ref_of(1));
	cr_assert_eq(la_index_peek(&ix, hash[1], &place), ref_of(1));
	cr_assert_eq(*place, ref_of(1));
	hash[2] = hash_for(0, 1);
	cr_assert_eq(find(2), 0); /* the same tag and bucket, another key */
	cr_assert_eq(la_index_peek(&ix, hash_for(0, 2), &place), 0);
	check("tag");
	la_index_fini(&ix);
}

Test(index, replace_and_remove_name_exactly_one)
{
	make(100);
	hash[1] = hash[2] = hash[3] = hash_for(5, 0x1234);
	cr_assert_eq(la_index_insert(&ix, hash[1], ref_of(1)), 0);
	cr_assert_eq(la_index_insert(&ix, hash[2], ref_of(2)), 0);
	all_found(1, 2);
	cr_assert(la_index_replace(&ix, hash[2], ref_of(2), ref_of(3)));
	cr_assert_not(la_index_replace(&ix, hash[2], ref_of(2), ref_of(3)));
	cr_assert_eq(find(2), 0);
	cr_assert_eq(find(3), ref_of(3));
	cr_assert_not(la_index_remove(&ix, hash[1], ref_of(2)));
	cr_assert(la_index_remove(&ix, hash[1], ref_of(1)));
	cr_assert_not(la_index_remove(&ix, hash[1], ref_of(1)));
	cr_assert_eq(find(1), 0);
	cr_assert_eq(find(3), ref_of(3));
	cr_assert_eq(ix.keys, 1);
	check("one left");
	la_index_fini(&ix);
}

/* ------------------------------------------------------------------ full buckets */

/* Eleven keys with one first bucket: the last goes to its second, and both buckets record it. */
Test(index, full_bucket_spills)
{
	make(BUCKETS * 64 / 10);
	for (uint32_t n = 1; n <= 11; n++)
		cr_assert_eq(insert_between(n, 8, 21), 0);
	cr_assert_eq(spilled(8), 1);
	cr_assert_eq(ix.buckets[21].second, 1);
	cr_assert_eq(ix.buckets[21].ref[0], ref_of(11));
	all_found(1, 11);
	check("spilled");
	/* a place in the first bucket becomes free: the displaced key stays and is found */
	cr_assert(la_index_remove(&ix, hash[4], ref_of(4)));
	cr_assert_eq(find(11), ref_of(11));
	cr_assert(la_index_replace(&ix, hash[11], ref_of(11), ref_of(12)));
	hash[12] = hash[11];
	cr_assert_eq(find(12), ref_of(12));
	check("replaced in its second bucket");
	cr_assert(la_index_remove(&ix, hash[12], ref_of(12)));
	cr_assert_eq(spilled(8), 0);
	cr_assert_eq(ix.buckets[21].second, 0);
	cr_assert_eq(find(12), 0);
	check("gone");
	la_index_fini(&ix);
}

/* Keys 1 to 10 have first bucket 8 and second bucket 21; keys 11 to 20 have first bucket 21 and second bucket
 * 8. They fill both buckets. The second bucket of key `odd` is `elsewhere` instead; odd = 0: of no key. */
static void
fill_two(uint32_t odd, uint32_t elsewhere)
{
	make(BUCKETS * 64 / 10);
	for (uint32_t n = 1; n <= 10; n++)
		cr_assert_eq(insert_between(n, 8, n == odd ? elsewhere : 21), 0);
	for (uint32_t n = 11; n <= 20; n++)
		cr_assert_eq(insert_between(n, 21, n == odd ? elsewhere : 8), 0);
	check("two full buckets");
}

Test(index, displaces_one)
{
	fill_two(7, 33);
	cr_assert_eq(insert_between(21, 8, 21), 0);
	cr_assert_eq(ix.buckets[33].ref[0], ref_of(7));
	cr_assert_eq(ix.buckets[33].second, 1);
	cr_assert_eq(spilled(8), 1);
	cr_assert_eq(spilled(21), 0);
	cr_assert_eq(find(21), ref_of(21));
	all_found(1, 21);
	check("displaced");
	la_index_fini(&ix);
}

Test(index, refusal_changes_nothing)
{
	struct la_bucket before[BUCKETS];

	fill_two(0, 0);
	memcpy(before, ix.buckets, sizeof(before));
	cr_assert_eq(insert_between(21, 8, 21), -ENOSPC);
	cr_assert_eq(insert_between(22, 21, 8), -ENOSPC);
	cr_assert_eq(memcmp(before, ix.buckets, sizeof(before)), 0);
	cr_assert_eq(ix.keys, 20);
	check("refused");
	la_index_fini(&ix);
}

/* A displaced key returns to its first bucket when a new key needs its place and the first bucket has room. */
Test(index, displaced_key_returns_to_its_first_bucket)
{
	fill_two(7, 33);
	cr_assert_eq(insert_between(21, 8, 21), 0);
	for (uint32_t n = 22; n <= 30; n++) /* the other nine places of bucket 33 */
		cr_assert_eq(insert_between(n, 33, 60), 0);
	for (uint32_t n = 31; n <= 40; n++)
		cr_assert_eq(insert_between(n, 60, 33), 0);
	cr_assert(la_index_remove(&ix, hash[1], ref_of(1)));
	cr_assert_eq(ix.buckets[33].second, 1);
	cr_assert_eq(insert_between(41, 33, 60), 0);
	cr_assert_eq(ix.buckets[33].second, 0);
	cr_assert_eq(spilled(8), 0);
	all_found(2, 41);
	check("in its first bucket");
	la_index_fini(&ix);
}

/* Key 7 has to move to bucket 33, which is full: key 25 moves first. */
Test(index, displaces_two)
{
	fill_two(7, 32 + 1);
	for (uint32_t n = 21; n <= 30; n++)
		cr_assert_eq(insert_between(n, 33, n == 25 ? 60 : 8), 0);
	cr_assert_eq(insert_between(31, 8, 21), 0);
	cr_assert_eq(ix.buckets[60].ref[0], ref_of(25));
	cr_assert_eq(spilled(33), 1);
	cr_assert_eq(spilled(8), 1);
	all_found(1, 31);
	check("two moves");
	cr_assert_eq(insert_between(32, 8, 21), -ENOSPC);
	check("no third move");
	la_index_fini(&ix);
}

/* Only the second bucket can make room: the new key goes to its second bucket. */
Test(index, displaces_in_the_other)
{
	fill_two(13, 32);
	cr_assert_eq(insert_between(21, 8, 21), 0);
	cr_assert_eq(ix.buckets[32].ref[0], ref_of(13));
	cr_assert_eq(spilled(21), 1);
	cr_assert_eq(spilled(8), 1);
	cr_assert_eq(ix.buckets[21].ref[2], ref_of(21));
	all_found(1, 21);
	check("in its second bucket");
	la_index_fini(&ix);
}

/* A counter in `spilled` is at most 15. At 15 a further key is refused, because an overflow to 0 would hide
 * displaced keys. */
Test(index, spilled_does_not_wrap)
{
	fill_two(7, 33);
	ix.buckets[8].spilled = UINT16_MAX;
	cr_assert_eq(insert_between(21, 8, 21), -ENOSPC);
	cr_assert(la_index_remove(&ix, hash[20], ref_of(20)));
	cr_assert_eq(insert_between(21, 8, 21), -ENOSPC);
	cr_assert_eq(ix.buckets[8].spilled, UINT16_MAX);
	/* only the counter of the key's kind limits */
	ix.buckets[8].spilled = (uint16_t)(UINT16_MAX & ~(1u << la_spill_shift(la_index_tag(hash[21]))));
	cr_assert_eq(la_index_insert(&ix, hash[21], ref_of(21)), 0);
	cr_assert_eq(ix.buckets[8].spilled, UINT16_MAX);
	cr_assert_eq(find(21), ref_of(21));
	cr_assert(la_index_remove(&ix, hash[21], ref_of(21)));
	ix.buckets[8].spilled = 0;
	check("unchanged");
	la_index_fini(&ix);
}

Test(index, checker_reports_faults)
{
	FILE *null = fopen("/dev/null", "w");
	struct la_bucket good, *b;

	make(BUCKETS * 64 / 10);
	for (uint32_t n = 1; n <= 11; n++)
		cr_assert_eq(insert_between(n, 8, 21), 0);
	b = &ix.buckets[8];
	good = *b;
#define BROKEN(how)                                                              \
	do {                                                                     \
		how;                                                             \
		cr_assert_gt(la_index_check(&ix, hash_of, NULL, null), 0, #how); \
		*b = good;                                                       \
		check(#how);                                                     \
	} while (0)
	BROKEN(b->spilled = 0);
	BROKEN(b->spilled *= 2);
	BROKEN(b->spilled |= 0x1111);
	BROKEN(b->second = 1);
	BROKEN(b->second = 1 << 12);
	BROKEN(b->tag[3]++);
	BROKEN(b->tag[3] = 0);
	BROKEN(b->ref[3] = 0);
	BROKEN((b->ref[3] = b->ref[4], b->tag[3] = b->tag[4]));
	BROKEN((b->ref[3] = ref_of(11), b->tag[3] = la_index_tag(hash[11])));
	ix.keys++;
	cr_assert_gt(la_index_check(&ix, hash_of, NULL, null), 0);
	fclose(null);
	la_index_fini(&ix);
}

/* ------------------------------------------------------------------ against a plain array */

struct model {
	bool in[MAX_KEYS];
	uint32_t keys, present, refused;
	struct rng r;
};

static void
model_step(struct model *m)
{
	uint32_t n = 1 + rng_below(&m->r, m->keys - 1), what = rng_below(&m->r, 10);
	uint32_t o = 1 + rng_below(&m->r, m->keys - 1);

	if (what < 6 && !m->in[n]) {
		int rc = la_index_insert(&ix, hash[n], ref_of(n));

		cr_assert(rc == 0 || rc == -ENOSPC);
		m->in[n] = rc == 0;
		m->present += rc == 0;
		m->refused += rc != 0;
	} else if (what < 8) {
		cr_assert_eq(la_index_remove(&ix, hash[n], ref_of(n)), m->in[n]);
		m->present -= m->in[n];
		m->in[n] = false;
	} else if (m->in[n] && !m->in[o]) {
		hash[o] = hash[n];
		cr_assert(la_index_replace(&ix, hash[n], ref_of(n), ref_of(o)));
		m->in[n] = false;
		m->in[o] = true;
	}
}

/* Random inserts, removals and replacements. narrow: hashes from few buckets and tags, so that
 * buckets overflow and tags collide often. Returns the number of refused keys. */
static uint32_t
run_model(uint64_t seed, uint32_t capacity, bool narrow, uint32_t keys, unsigned steps)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	m.keys = keys;
	m.r = rng_make(seed);
	make(capacity);
	for (uint32_t n = 1; n < keys; n++)
		hash[n] = narrow ? hash_for(rng_below(&m.r, 3) * 3, (uint16_t)rng_below(&m.r, 12)) : rng64(&m.r);
	for (unsigned step = 0; step < steps; step++) {
		model_step(&m);
		cr_assert_eq(ix.keys, m.present, "seed %lu", m.r.seed);
		for (uint32_t k = 1; k < keys; k += 1 + step % 7)
			cr_assert_eq(find(k), m.in[k] ? ref_of(k) : 0, "seed %lu, step %u, key %u", m.r.seed, step, k);
		check("seed %lu, step %u", m.r.seed, step);
	}
	la_index_fini(&ix);
	return m.refused;
}

Test(index, model_collisions)
{
	uint32_t refused = 0;

	for (uint64_t seed = 1; seed <= 8; seed++)
		refused += run_model(seed, 200, true, 400, 3000);
	cr_assert_gt(refused, 0, "no key was refused, though buckets overflow");
}

Test(index, model_at_capacity)
{
	for (uint64_t seed = 50; seed <= 56; seed++)
		cr_assert_eq(run_model(seed, 256, false, 257, 4000), 0);
}

Test(index, model_over_capacity)
{
	for (uint64_t seed = 70; seed <= 73; seed++)
		(void)run_model(seed, 256, false, 500, 4000);
}

Test(index, model_tiny)
{
	for (uint64_t seed = 90; seed <= 93; seed++)
		cr_assert_gt(run_model(seed, 1, false, 40, 3000), 0);
}

/* A table accepts as many keys as its capacity. */
Test(index, full_capacity_has_room)
{
	static const uint32_t sizes[] = {1, 8, 12, 13, 16, 64, 1000, 1 << 15, 270001};
	struct rng r = rng_make(7);

	for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		make(sizes[s]);
		for (uint32_t i = 1; i <= sizes[s]; i++)
			cr_assert_eq(la_index_insert(&ix, rng64(&r), ref_of(i)), 0, "%u of %u", i, sizes[s]);
		la_index_fini(&ix);
	}
}
