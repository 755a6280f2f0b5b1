/* SPDX-License-Identifier: BSD-3-Clause */

/* The TIME_WAIT table, called as lib/tcp calls it: bursts as in la_tcp_input(), the wheel as in
 * la_tcp_poll(). A live connection is only a reference in the index, without a TCB. */

#include <stdlib.h>
#include <string.h>

#include "bench/time_wait.h"

struct table {
	struct la_hash_key key;
	struct la_counters counters;
	struct la_index index;
	struct la_wheel wheel;
	struct la_tw tw;
	int class[2]; /* [0]: class of LIFE, [1]: class of SHORT_LIFE */
	uint64_t sum; /* sum of the read memory, so that the compiler keeps the reads */
	bool is4;
};

static size_t
table_memory(uint32_t n, uint32_t live, bool is4)
{
	n += live; /* each live connection reserves an entry */
	return la_index_memory(n) + la_tw_memory(is4 ? n : 0, is4 ? 0 : n) + la_wheel_memory(la_wheel_slots(n), n);
}

static void *
table_create(uint32_t n, uint32_t live, bool is4)
{
	static const uint8_t secret[32] = "a secret that differs elsewhere";
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	n += live;
	t->is4 = is4;
	la_hash_key_init(&t->key, secret);
	if (la_index_init(&t->index, NULL, n) || la_wheel_init(&t->wheel, NULL, la_wheel_slots(n), n, 0) ||
	    la_tw_init(&t->tw, NULL, &t->index, &t->wheel, &t->key, &t->counters, is4 ? n : 0, is4 ? 0 : n))
		return NULL;
	t->class[0] = la_tw_class(&t->tw, LIFE);
	t->class[1] = la_tw_class(&t->tw, SHORT_LIFE);
	return t;
}

static void
table_destroy(void *self)
{
	struct table *t = self;

	la_tw_fini(&t->tw);
	la_wheel_fini(&t->wheel);
	la_index_fini(&t->index);
	free(t);
}

/* ------------------------------------------------------------------ the packet path */

#define INLINE static inline __attribute__((always_inline))

INLINE uint64_t
hash_of(const struct table *t, const struct la_tuple *u, bool is4)
{
	uint32_t ports = (uint32_t)u->lport << 16 | u->rport;

	return is4 ? la_hash_tuple4(&t->key, u->laddr.w[3], u->raddr.w[3], ports)
		   : la_hash_tuple6(&t->key, &u->laddr, &u->raddr, ports);
}

static la_ref
live_ref(uint64_t id)
{
	return la_ref_make(LA_POOL_TCB, (uint32_t)id + 1);
}

INLINE bool
table_match4(const void *ctx, la_ref ref, const void *key)
{
	const struct table *t = ctx;
	const struct la_tuple *u = key;

	return la_ref_pool(ref) == LA_POOL_TW4 &&
	       la_tw_match4(&t->tw, ref, u->laddr.w[3], u->raddr.w[3], u->lport, u->rport);
}

INLINE bool
table_match6(const void *ctx, la_ref ref, const void *key)
{
	const struct table *t = ctx;
	const struct la_tuple *u = key;

	return la_ref_pool(ref) == LA_POOL_TW6 && la_tw_match6(&t->tw, ref, &u->laddr, &u->raddr, u->lport, u->rport);
}

/* The first two passes of la_tcp_input(): prefetches index lines, then the entries whose tags match. */
INLINE void
table_walk(struct table *t, const struct burst *b, uint64_t *hash, bool is4)
{
	for (unsigned i = 0; i < b->n; i++) {
		hash[i] = hash_of(t, &b->tuple[i], is4);
		la_index_prefetch(&t->index, hash[i]);
	}
	uint32_t late = 0;
	for (unsigned i = 0; i < b->n; i++) {
		la_ref *place, ref = la_index_peek(&t->index, hash[i], &place);

		if (ref == 0)
			late |= (uint32_t)la_index_prefetch_other(&t->index, hash[i]) << i;
		else if (la_ref_pool(ref) == (is4 ? LA_POOL_TW4 : LA_POOL_TW6))
			__builtin_prefetch(la_tw_core(&t->tw, ref));
	}
	for (; late; late &= late - 1) {
		la_ref ref = la_index_peek_other(&t->index, hash[__builtin_ctz(late)]);

		if (la_ref_pool(ref) == (is4 ? LA_POOL_TW4 : LA_POOL_TW6))
			__builtin_prefetch(la_tw_core(&t->tw, ref));
	}
}

INLINE la_ref *
table_find(struct table *t, const struct la_tuple *u, uint64_t hash, bool is4)
{
	return is4 ? la_index_find(&t->index, hash, table_match4, t, u)
		   : la_index_find(&t->index, hash, table_match6, t, u);
}

/* The work of an open: a reservation and a reference in the index. */
INLINE unsigned
table_insert(struct table *t, const struct burst *b, bool is4)
{
	uint64_t hash[BURST];
	unsigned done = 0;

	table_walk(t, b, hash, is4);
	for (unsigned i = 0; i < b->n; i++)
		done += la_tw_reserve(&t->tw, &b->tuple[i].raddr) &&
			la_index_insert(&t->index, hash[i], live_ref(b->id[i])) == 0;
	return done;
}

INLINE unsigned
table_enter(struct table *t, const struct burst *b, bool is4)
{
	uint64_t hash[BURST];

	table_walk(t, b, hash, is4);
	for (unsigned i = 0; i < b->n; i++)
		la_tw_enter(&t->tw, &b->tuple[i], hash[i], live_ref(b->id[i]), &b->state[i], b->tick,
			    t->class[b->brief]);
	return b->n;
}

INLINE unsigned
table_look_up(struct table *t, const struct burst *b, bool is4)
{
	uint64_t hash[BURST];
	unsigned found = 0;

	table_walk(t, b, hash, is4);
	for (unsigned i = 0; i < b->n; i++) {
		const la_ref *place = table_find(t, &b->tuple[i], hash[i], is4);

		if (place) {
			t->sum += la_tw_core(&t->tw, *place)->deadline;
			found++;
		}
	}
	return b->op == OP_MISS ? b->n - found : found;
}

INLINE unsigned
table_fin(struct table *t, const struct burst *b, bool is4)
{
	uint64_t hash[BURST];
	unsigned acked = 0;

	table_walk(t, b, hash, is4);
	for (unsigned i = 0; i < b->n; i++) {
		const la_ref *place = table_find(t, &b->tuple[i], hash[i], is4);

		acked += place && la_tw_input(&t->tw, *place, &b->seg[i], b->tick) == LA_TW_ACK;
	}
	return acked;
}

/* Does the work at the SYN (the entry becomes a shadow) and at ESTABLISHED (the shadow is forgotten), without the
 * handshake in between. */
INLINE unsigned
table_reopen(struct table *t, const struct burst *b, bool is4)
{
	uint64_t hash[BURST];
	unsigned done = 0;

	table_walk(t, b, hash, is4);
	for (unsigned i = 0; i < b->n; i++) {
		la_ref *place = table_find(t, &b->tuple[i], hash[i], is4), old;

		if (!place || la_tw_input(&t->tw, *place, &b->seg[i], b->tick) != LA_TW_REOPEN)
			continue;
		old = *place;
		la_tw_shadow(&t->tw, old);
		*place = live_ref(b->id[i]);
		la_tw_forget(&t->tw, old);
		done++;
	}
	return done;
}

#define BOTH(op)                                              \
	static unsigned op##4(void *t, const struct burst *b) \
	{                                                     \
		return op(t, b, true);                        \
	}                                                     \
	static unsigned op##6(void *t, const struct burst *b) \
	{                                                     \
		return op(t, b, false);                       \
	}

BOTH(table_insert)
BOTH(table_enter)
BOTH(table_look_up)
BOTH(table_fin)
BOTH(table_reopen)

/* ------------------------------------------------------------------ time */

static unsigned
table_expire(void *self, const struct burst *b)
{
	struct table *t = self;
	la_ref refs[BURST];
	uint32_t tick;
	unsigned n = la_wheel_pop(&t->wheel, b->tick, refs, b->n, &tick);

	la_tw_wheel_burst(&t->tw, refs, n, tick);
	return n;
}

static unsigned
table_poll(void *self, uint32_t now)
{
	const struct burst b = {.n = BURST, .tick = now};
	unsigned n, done = 0;

	do {
		n = table_expire(self, &b);
		done += n;
	} while (n && done < TW_A_POLL);
	return done;
}

static unsigned
table_areas(void *self, struct area *a)
{
	const struct table *t = self;
	const struct la_tw_pool *p = &t->tw.pool[!t->is4];

	a[0] = (struct area){t->index.buckets, t->index.nbuckets * sizeof(struct la_bucket)};
	a[1] = (struct area){p->slots, (size_t)p->fresh * p->size};
	a[2] = (struct area){t->wheel.chunks, (size_t)t->wheel.fresh_chunk * sizeof(struct la_wheel_chunk)};
	return 3;
}

/* ------------------------------------------------------------------ checks */

static uint64_t
check_hash(const void *ctx, la_ref ref)
{
	const struct table *t = ctx;
	struct la_tuple u;

	if (la_ref_pool(ref) == LA_POOL_TCB)
		burst_tuple(la_ref_slot(ref) - 1, t->is4, &u);
	else
		la_tw_tuple(&t->tw, ref, &u);
	return hash_of(t, &u, t->is4);
}

static bool
table_check(void *self, uint32_t live, bool thorough)
{
	struct table *t = self;
	const uint64_t *v = t->counters.v;
	unsigned faults = 0;

	if (v[LA_C_time_wait] != live || v[LA_C_early_recycles] != 0 ||
	    v[LA_C_time_wait_entered] != v[LA_C_time_wait_expired] + v[LA_C_time_wait_reopened] + live) {
		printf("FAIL: %llu entries, not %u; entered %llu, expired %llu, reopened %llu, "
		       "early recycles %llu\n",
		       (unsigned long long)v[LA_C_time_wait], live, (unsigned long long)v[LA_C_time_wait_entered],
		       (unsigned long long)v[LA_C_time_wait_expired], (unsigned long long)v[LA_C_time_wait_reopened],
		       (unsigned long long)v[LA_C_early_recycles]);
		faults++;
	}
	if (thorough)
		faults += la_index_check(&t->index, check_hash, t, stdout) + la_wheel_check(&t->wheel, stdout) +
			  la_tw_check(&t->tw, stdout);
	return faults == 0;
}

const struct side side_table = {
	.name = "lastack",
	.memory = table_memory,
	.create = table_create,
	.destroy = table_destroy,
	.run = {{[OP_EXPIRE] = table_expire,
		 [OP_INSERT] = table_insert6,
		 [OP_ENTER] = table_enter6,
		 [OP_HIT] = table_look_up6,
		 [OP_MISS] = table_look_up6,
		 [OP_FIN] = table_fin6,
		 [OP_REOPEN] = table_reopen6},
		{[OP_EXPIRE] = table_expire,
		 [OP_INSERT] = table_insert4,
		 [OP_ENTER] = table_enter4,
		 [OP_HIT] = table_look_up4,
		 [OP_MISS] = table_look_up4,
		 [OP_FIN] = table_fin4,
		 [OP_REOPEN] = table_reopen4}},
	.poll = table_poll,
	.check = table_check,
	.areas = table_areas,
};
