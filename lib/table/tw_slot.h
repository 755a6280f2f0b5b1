/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TABLE_TW_SLOT_H
#define LA_TABLE_TW_SLOT_H

/* Slots and entries, for the files of the TIME_WAIT table alone. time_wait.c draws the life of a slot. */

#include <assert.h>

#include <rte_common.h>

#include "core/seq.h"
#include "table/state.h"
#include "table/time_wait.h"

static inline struct la_tw_pool *
la_tw_pool_of(struct la_tw *t, la_ref ref)
{
	return &t->pool[la_ref_pool(ref) == LA_POOL_TW6];
}

static inline void
la_tw_set_life(struct la_tw_core *e, enum la_tw_life life)
{
	e->flags = (uint16_t)((e->flags & ~LA_TW_LIFE) | life);
}

/** Frees a slot without a reference in the wheel, and ends the charge to its prefix. */
static inline void
la_tw_slot_free(struct la_tw *t, la_ref ref, struct la_tw_core *e)
{
	struct la_tw_pool *p = la_tw_pool_of(t, ref);

	if (la_ref_pool(ref) == LA_POOL_TW4)
		t->held[0][la_tw_prefix4(t->key, container_of(e, struct la_tw4, core)->raddr)]--;
	else
		t->held[1][la_tw_prefix6(t->key, &container_of(e, struct la_tw6, core)->raddr)]--;
	e->flags = LA_TW_FREE;
	e->snd_nxt = p->free_head;
	p->free_head = la_ref_slot(ref);
	p->nfree++;
}

/** Ends a LIVE or SHADOW entry. The slot becomes free when its wheel reference has fired. */
static inline void
la_tw_slot_end(struct la_tw *t, la_ref ref, struct la_tw_core *e)
{
	la_tw_pool_of(t, ref)->live--;
	t->counters->v[e->flags & LA_TW_FW2 ? LA_C_fin_wait_2_held : LA_C_time_wait]--;
	if (e->flags & LA_TW_WHEEL)
		la_tw_set_life(e, LA_TW_ZOMBIE);
	else
		la_tw_slot_free(t, ref, e);
}

/** The tuple's hash, which is not stored: a few multiplications compute it from the entry's cache line. */
static inline uint64_t
la_tw_hash(const struct la_tw *t, la_ref ref)
{
	uint32_t slot = la_ref_slot(ref);

	if (la_ref_pool(ref) == LA_POOL_TW4) {
		const struct la_tw4 *e = &((const struct la_tw4 *)t->pool[0].slots)[slot];

		return la_hash_tuple4(t->key, e->laddr, e->raddr, (uint32_t)e->lport << 16 | e->rport);
	} else {
		const struct la_tw6 *e = &((const struct la_tw6 *)t->pool[1].slots)[slot];

		return la_hash_tuple6(t->key, &e->laddr, &e->raddr, (uint32_t)e->lport << 16 | e->rport);
	}
}

/** The lifetime (2*MSL in ticks) of an entry with these flags. */
static inline uint32_t
la_tw_lifetime_of(const struct la_tw *t, unsigned flags)
{
	return t->lifetime[flags >> LA_TW_CLASS_SHIFT & LA_TW_CLASS_MASK];
}

/** Adds an entry's reference at the entry's deadline, in FIN_WAIT_2 at most 2*MSL ahead. */
static inline void
la_tw_add_to_wheel(struct la_tw *t, la_ref ref, uint32_t deadline, unsigned flags, uint32_t tick)
{
	if (flags & LA_TW_FW2)
		deadline = seq_min(deadline, tick + la_tw_lifetime_of(t, flags));
	la_wheel_add(t->wheel, deadline, ref);
}

/** Counts a transition; no field of an entry holds the state. */
static inline void
la_tw_moves(struct la_tw *t, const struct la_tw_core *e, enum la_state from, enum la_state to)
{
	LA_PROBE3(entry_state, e, from, to);
	la_state_moves(t->counters, from, to);
}

#endif
