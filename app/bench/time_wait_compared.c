/* SPDX-License-Identifier: BSD-3-Clause */

/* The structures that the table is compared with.
 *
 * rte_hash + rte_timer: TIME_WAIT with DPDK's own libraries. The position of a key
 * in the hash is the slot of the entry in an array of { timer, state }. Both libraries are used in their fastest way:
 * keys of 12 bytes with CRC32, look-ups in bulk, which prefetch, and then prefetched entries.
 * rte_timer reads the TSC itself, so timers are armed one day ahead. Before the measured time of an expiry, the timers
 * that are to expire are armed again for the present time: they move to the head of rte_timer's list.
 *
 * Bare memory: an array of the table's size. A miss reads one random line. A hit reads two lines, and the first has
 * the address of the second. Lines are prefetched in the same bursts. */

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>
#include <rte_timer.h>

#include "bench/time_wait.h"
#include "core/mem.h"
#include "core/seq.h"

/* ------------------------------------------------------------------ rte_hash + rte_timer */

struct entry {
	struct rte_timer timer;
	struct la_tw_core core;
};

struct rte {
	struct rte_hash *hash;
	struct entry *entry; /* indexed by the key's position */
	uint32_t n, entries, expired, live;
	uint64_t far; /* expiry of an entry: one day, in timer cycles */
	uint64_t sum; /* sum of the read memory, so that the compiler keeps the reads */
	void *heap;
	size_t heap_size;
};

static const char HEAP[] = "bench_time_wait";
static const size_t HUGE_PAGE = (size_t)2 << 20;

/* Returns the size of a hash for n keys. The number of places in rte_hash is a power of two, and rte_hash refuses keys
 * when nearly all places are taken. So the number is doubled when more than nine in ten would be taken. */
static uint32_t
entries_for(uint32_t n)
{
	uint64_t places = rte_align64pow2(n);

	return n > places / 10 * 9 ? (uint32_t)places + 1 : n;
}

/* Returns the bytes that rte_hash needs: buckets of 64 bytes for 8 keys; 32 bytes for a key and a pointer; a ring of
 * free positions. */
static size_t
heap_needed(uint32_t n)
{
	size_t places = rte_align64pow2(entries_for(n) + 1ul);

	return RTE_ALIGN_CEIL(places * 8 + (entries_for(n) + 1ul) * 32 + 2 * places * 4 + HUGE_PAGE, HUGE_PAGE);
}

static size_t
rte_memory(uint32_t n, uint32_t live, bool is4)
{
	(void)is4;
	n += live;
	return heap_needed(n) + (size_t)entries_for(n) * sizeof(struct entry);
}

/* Makes a DPDK heap for rte_hash, from memory with transparent hugepages like the table's. */
static bool
heap_make(struct rte *r)
{
	r->heap_size = heap_needed(r->n);
	r->heap = la_mem_alloc(NULL, r->heap_size, HUGE_PAGE);
	return r->heap && rte_malloc_heap_create(HEAP) == 0 &&
	       rte_malloc_heap_memory_add(HEAP, r->heap, r->heap_size, NULL, (unsigned)(r->heap_size / HUGE_PAGE),
					  HUGE_PAGE) == 0;
}

static void *
rte_create(uint32_t n, uint32_t live, bool is4)
{
	struct rte_hash_parameters p = {
		.name = "bench_time_wait",
		.entries = entries_for(n + live),
		.key_len = KEY4_LEN,
		.hash_func = rte_hash_crc,
	};
	struct rte *r = calloc(1, sizeof(*r));

	if (!r || !is4)
		return NULL;
	r->n = n + live;
	r->entries = p.entries;
	r->far = rte_get_timer_hz() * 24 * 3600;
	if (!heap_make(r))
		return NULL;
	p.socket_id = rte_malloc_heap_get_socket(HEAP);
	r->hash = rte_hash_create(&p);
	r->entry = la_mem_alloc(NULL, r->entries * sizeof(struct entry), 64);
	return r->hash && r->entry && rte_timer_subsystem_init() == 0 ? r : NULL;
}

static void
rte_destroy(void *self)
{
	struct rte *r = self;

	rte_timer_subsystem_finalize(); /* also frees the list of pending timers */
	rte_hash_free(r->hash);
	rte_malloc_heap_memory_remove(HEAP, r->heap, r->heap_size);
	rte_malloc_heap_destroy(HEAP);
	la_mem_free(NULL, r->heap, r->heap_size);
	la_mem_free(NULL, r->entry, r->entries * sizeof(struct entry));
	free(r);
}

static size_t
rte_bytes(void *self)
{
	struct rte *r = self;
	struct rte_malloc_socket_stats s;

	if (rte_malloc_get_socket_stats(rte_malloc_heap_get_socket(HEAP), &s) != 0)
		return 0;
	return s.heap_allocsz_bytes + r->entries * sizeof(struct entry);
}

static unsigned
rte_areas(void *self, struct area *a)
{
	const struct rte *r = self;

	a[0] = (struct area){r->heap, r->heap_size};
	a[1] = (struct area){r->entry, r->entries * sizeof(struct entry)};
	return 2;
}

static void
look_up_bulk(struct rte *r, const struct burst *b, int32_t *pos)
{
	const void *keys[BURST];

	for (unsigned i = 0; i < b->n; i++)
		keys[i] = &b->key[i];
	rte_hash_lookup_bulk(r->hash, keys, b->n, pos);
	for (unsigned i = 0; i < b->n; i++) {
		if (pos[i] >= 0) {
			rte_prefetch0(&r->entry[pos[i]].core);
			if (b->op != OP_HIT)
				rte_prefetch0(&r->entry[pos[i]].timer);
		}
	}
}

static void
rte_on_expiry(struct rte_timer *timer, void *arg)
{
	struct rte *r = arg;
	struct entry *e = RTE_PTR_SUB(timer, offsetof(struct entry, timer));
	void *key;

	r->expired += rte_hash_get_key_with_position(r->hash, (int32_t)(e - r->entry), &key) == 0 &&
		      rte_hash_del_key(r->hash, key) >= 0;
	r->live--;
}

static unsigned
rte_insert(void *self, const struct burst *b)
{
	struct rte *r = self;
	unsigned done = 0;

	for (unsigned i = 0; i < b->n; i++) {
		int32_t pos = rte_hash_add_key(r->hash, &b->key[i]);

		if (pos < 0)
			continue;
		rte_timer_init(&r->entry[pos].timer);
		done++;
	}
	return done;
}

static unsigned
rte_enter(void *self, const struct burst *b)
{
	struct rte *r = self;
	int32_t pos[BURST];
	unsigned done = 0;

	look_up_bulk(r, b, pos);
	for (unsigned i = 0; i < b->n; i++) {
		if (pos[i] < 0)
			continue;
		r->entry[pos[i]].core = b->state[i];
		done += rte_timer_reset(&r->entry[pos[i]].timer, r->far, SINGLE, rte_lcore_id(), rte_on_expiry, r) == 0;
	}
	r->live += done;
	return done;
}

static unsigned
rte_look_up(void *self, const struct burst *b)
{
	struct rte *r = self;
	int32_t pos[BURST];
	unsigned found = 0;

	look_up_bulk(r, b, pos);
	for (unsigned i = 0; i < b->n; i++) {
		if (pos[i] < 0)
			continue;
		r->sum += r->entry[pos[i]].core.snd_nxt;
		found++;
	}
	return b->op == OP_MISS ? b->n - found : found;
}

static unsigned
rte_fin(void *self, const struct burst *b)
{
	struct rte *r = self;
	int32_t pos[BURST];
	unsigned done = 0;

	look_up_bulk(r, b, pos);
	for (unsigned i = 0; i < b->n; i++) {
		struct entry *e = &r->entry[pos[i]];

		if (pos[i] < 0 || b->seg[i].seq + 1 != e->core.rcv_nxt)
			continue;
		e->core.ts_recent = b->seg[i].tsval;
		done += rte_timer_reset(&e->timer, r->far, SINGLE, rte_lcore_id(), rte_on_expiry, r) == 0;
	}
	return done;
}

/* The new connection uses the key of the old one: the key stays in the hash. */
static unsigned
rte_reopen(void *self, const struct burst *b)
{
	struct rte *r = self;
	int32_t pos[BURST];
	unsigned done = 0;

	look_up_bulk(r, b, pos);
	for (unsigned i = 0; i < b->n; i++) {
		struct entry *e = &r->entry[pos[i]];

		if (pos[i] >= 0 && seq_gt(b->seg[i].tsval, e->core.ts_recent))
			done += rte_timer_stop(&e->timer) == 0;
	}
	r->live -= done;
	return done;
}

static void
rte_due(void *self, const struct burst *b)
{
	struct rte *r = self;
	int32_t pos[BURST];

	look_up_bulk(r, b, pos);
	for (unsigned i = 0; i < b->n; i++)
		if (pos[i] >= 0)
			rte_timer_reset(&r->entry[pos[i]].timer, 0, SINGLE, rte_lcore_id(), rte_on_expiry, r);
}

/* Runs all due timers: the work of one call is not bounded. */
static unsigned
rte_poll(void *self, uint32_t tick)
{
	struct rte *r = self;
	uint32_t before = r->expired;

	(void)tick;
	rte_timer_manage();
	return r->expired - before;
}

static unsigned
rte_expire(void *self, const struct burst *b)
{
	return rte_poll(self, b->tick);
}

static bool
rte_check(void *self, uint32_t live, bool thorough)
{
	struct rte *r = self;

	(void)thorough;
	if (r->live != live)
		printf("FAIL: rte_timer has %u entries, not %u\n", r->live, live);
	return r->live == live;
}

const struct side side_rte = {
	.name = "rte_hash + rte_timer",
	.memory = rte_memory,
	.create = rte_create,
	.destroy = rte_destroy,
	.run = {[1] = {[OP_EXPIRE] = rte_expire,
		       [OP_INSERT] = rte_insert,
		       [OP_ENTER] = rte_enter,
		       [OP_HIT] = rte_look_up,
		       [OP_MISS] = rte_look_up,
		       [OP_FIN] = rte_fin,
		       [OP_REOPEN] = rte_reopen}},
	.poll = rte_poll,
	.due = rte_due,
	.check = rte_check,
	.areas = rte_areas,
	.bytes = rte_bytes,
};

/* ------------------------------------------------------------------ bare memory */

struct line {
	uint64_t v[8];
};

struct memory {
	struct line *line;
	size_t bytes;
	uint64_t n, sum;
};

static size_t
memory_memory(uint32_t n, uint32_t live, bool is4)
{
	return side_table.memory(n, live, is4);
}

static void *
memory_create(uint32_t n, uint32_t live, bool is4)
{
	struct memory *m = calloc(1, sizeof(*m));
	uint64_t x = 88172645463325252;

	if (!m)
		return NULL;
	m->bytes = memory_memory(n, live, is4);
	m->n = m->bytes / sizeof(struct line);
	m->line = la_mem_alloc(NULL, m->bytes, 64);
	if (!m->line)
		return NULL;
	for (uint64_t i = 0; i < m->n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		m->line[i].v[0] = x;
	}
	return m;
}

static void
memory_destroy(void *self)
{
	struct memory *m = self;

	la_mem_free(NULL, m->line, m->bytes);
	free(m);
}

static unsigned
memory_areas(void *self, struct area *a)
{
	const struct memory *m = self;

	a[0] = (struct area){m->line, m->bytes};
	return 1;
}

static inline const struct line *
memory_pick(const struct memory *m, uint64_t random)
{
	return &m->line[(uint64_t)((unsigned __int128)random * m->n >> 64)];
}

/* Returns a random number from the key, which selects the line. */
static inline uint64_t
random_of(const struct burst *b, unsigned i)
{
	return (uint64_t)b->key[i].laddr << 32 | b->key[i].raddr;
}

static unsigned
one_line(void *self, const struct burst *b)
{
	struct memory *m = self;
	const struct line *l[BURST];

	for (unsigned i = 0; i < b->n; i++) {
		l[i] = memory_pick(m, random_of(b, i));
		rte_prefetch0(l[i]);
	}
	for (unsigned i = 0; i < b->n; i++)
		m->sum += l[i]->v[0];
	return b->n;
}

static unsigned
two_lines(void *self, const struct burst *b)
{
	struct memory *m = self;
	const struct line *l[BURST];

	for (unsigned i = 0; i < b->n; i++) {
		l[i] = memory_pick(m, random_of(b, i));
		rte_prefetch0(l[i]);
	}
	for (unsigned i = 0; i < b->n; i++) {
		l[i] = memory_pick(m, l[i]->v[0]);
		rte_prefetch0(l[i]);
	}
	for (unsigned i = 0; i < b->n; i++)
		m->sum += l[i]->v[0];
	return b->n;
}

const struct side side_memory = {
	.name = "bare memory",
	.memory = memory_memory,
	.create = memory_create,
	.destroy = memory_destroy,
	.areas = memory_areas,
	.run = {{[OP_HIT] = two_lines, [OP_MISS] = one_line}, {[OP_HIT] = two_lines, [OP_MISS] = one_line}},
};
