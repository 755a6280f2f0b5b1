/* SPDX-License-Identifier: BSD-3-Clause */

/* References of the TIME_WAIT table that fire.
 *
 * Most references belong to entries whose 2*MSL has ended. A burst of references is walked four times:
 *
 *	1  prefetch the entry
 *	2  hash the tuple, and prefetch its first bucket
 *	3  find the entry's place in its first bucket; otherwise prefetch its second bucket
 *	4  in the order of the references: end the entry and free its slot, or do what else the reference is for
 *
 * The hash is computed once and the first bucket searched once. A place found in walk 3 is valid in walk 4, because
 * only an insert moves keys. la_index_remove() removes an entry from its second bucket. The counters change once in a
 * burst. */

#include "table/tw_slot.h"

enum {
	BURST = 32,
};

void
la_tw_end_fin_wait_2(struct la_tw *t, la_ref ref, enum la_counter how)
{
	struct la_tw_core *e = la_tw_core(t, ref);
	bool removed = la_index_remove(t->index, la_tw_hash(t, ref), ref);

	assert(removed);
	(void)removed;
	la_counters_one(t->counters, how);
	t->counters->state[LA_FIN_WAIT_2]--;
	la_tw_moves(t, e, LA_FIN_WAIT_2, LA_CLOSED);
	la_tw_slot_end(t, ref, e);
}

/* Returns whether the entry is in TIME_WAIT and its 2*MSL has ended. */
static inline bool
tw_is_over(const struct la_tw_core *e, uint32_t tick)
{
	return (e->flags & (LA_TW_LIFE | LA_TW_WHEEL | LA_TW_FW2)) == (LA_TW_LIVE | LA_TW_WHEEL) &&
	       !seq_lt(tick, e->deadline);
}

/* 2*MSL has ended: RFC 9293 3.10.8, the entry ends without a segment. place: of ref in its first bucket; NULL: ref is
 * in its second bucket. The caller counts the end. */
static inline void
tw_expire_entry(struct la_tw *t, la_ref ref, struct la_tw_core *e, la_ref *place, uint64_t hash)
{
	bool removed = true;

	if (__builtin_expect(place != NULL, 1))
		la_index_remove_at(t->index, place);
	else
		removed = la_index_remove(t->index, hash, ref);
	assert(removed);
	(void)removed;
	LA_PROBE3(entry_state, e, LA_TIME_WAIT, LA_CLOSED);
	la_tw_pool_of(t, ref)->live--;
	la_tw_slot_free(t, ref, e);
}

/* Counts n entries that tw_expire_entry() has ended. */
static void
tw_count_expired(struct la_tw *t, uint32_t n)
{
	t->counters->v[LA_C_time_wait] -= n;
	t->counters->v[LA_C_time_wait_expired] += n;
	la_state_moves_all(t->counters, LA_TIME_WAIT, LA_CLOSED, n);
}

/* Handles a reference that does not end TIME_WAIT. */
static void
tw_reference_fires(struct la_tw *t, la_ref ref, struct la_tw_core *e, uint32_t tick)
{
	enum la_tw_life life = la_tw_life(e);

	assert(e->flags & LA_TW_WHEEL);
	if (life != LA_TW_ZOMBIE && seq_lt(tick, e->deadline)) {
		la_tw_add_to_wheel(t, ref, e->deadline, e->flags, tick);
		return;
	}
	e->flags = (uint16_t)(e->flags & ~LA_TW_WHEEL);
	if (life == LA_TW_LIVE)
		la_tw_end_fin_wait_2(t, ref, LA_C_ended_fin_wait_2);
	else if (life == LA_TW_ZOMBIE)
		la_tw_slot_free(t, ref, e);
	/* SHADOW: la_tw_give_back() or la_tw_forget() frees the slot */
}

/* la_tw_wheel_burst() for at most BURST references. */
static void
tw_fire_burst(struct la_tw *t, const la_ref *refs, unsigned n, uint32_t tick)
{
	struct la_tw_core *e[BURST];
	uint64_t hash[BURST];
	la_ref *place[BURST];
	uint32_t over = 0;

	for (unsigned i = 0; i < n; i++) {
		e[i] = la_tw_core(t, refs[i]);
		__builtin_prefetch(e[i], 1);
	}
	for (unsigned i = 0; i < n; i++) {
		hash[i] = la_tw_hash(t, refs[i]);
		la_index_prefetch(t->index, hash[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		place[i] = la_index_place(t->index, hash[i], refs[i]);
		if (!place[i])
			la_index_prefetch_other(t->index, hash[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		if (__builtin_expect(tw_is_over(e[i], tick), 1)) {
			tw_expire_entry(t, refs[i], e[i], place[i], hash[i]);
			over++;
		} else {
			tw_reference_fires(t, refs[i], e[i], tick);
		}
	}
	tw_count_expired(t, over);
}

void
la_tw_wheel_burst(struct la_tw *t, const la_ref *refs, unsigned n, uint32_t tick)
{
	for (; n > BURST; refs += BURST, n -= BURST)
		tw_fire_burst(t, refs, BURST, tick);
	tw_fire_burst(t, refs, n, tick);
}

void
la_tw_wheel(struct la_tw *t, la_ref ref, uint32_t tick)
{
	tw_fire_burst(t, &ref, 1, tick);
}
