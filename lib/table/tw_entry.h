/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TABLE_TW_ENTRY_H
#define LA_TABLE_TW_ENTRY_H

/* A new entry, in line: for time_wait.c, and for the fast path of lib/tcp, which has the place in the index. */

#include "table/tw_slot.h"

/** Turns a reservation into a slot: the one freed last, which may still be in the cache. The prefix stays charged. */
static inline la_ref
la_tw_slot_take(struct la_tw *t, bool is4)
{
	struct la_tw_pool *p = &t->pool[!is4];
	enum la_pool which = is4 ? LA_POOL_TW4 : LA_POOL_TW6;
	la_ref ref;

	assert(p->reserved > 0 && p->nfree > 0);
	p->reserved--;
	p->nfree--;
	if (p->free_head) {
		ref = la_ref_make(which, p->free_head);
		p->free_head = la_tw_core(t, ref)->snd_nxt;
		return ref;
	}
	return la_ref_make(which, p->fresh++);
}

static inline void
la_tw_count_entered(struct la_tw *t)
{
	uint64_t *v = t->counters->v;

	la_counters_one(t->counters, LA_C_time_wait_entered);
	if (++v[LA_C_time_wait] > v[LA_C_time_wait_peak])
		v[LA_C_time_wait_peak] = v[LA_C_time_wait];
}

/** Makes a reserved slot LIVE and adds it to the wheel. ports: lport << 16 | rport. The caller puts the reference into
 * the index. state: snd_nxt, rcv_nxt, ts_recent and wnd. flags: LA_TW_TS, LA_TW_FW2 and the class. */
static __rte_always_inline la_ref
la_tw_entry_make(struct la_tw *t, bool is4, const struct la_addr *laddr, const struct la_addr *raddr, uint32_t ports,
		 const struct la_tw_core *state, uint32_t deadline, uint32_t tick, unsigned flags)
{
	la_ref ref = la_tw_slot_take(t, is4);
	uint32_t slot = la_ref_slot(ref);
	struct la_tw_core *e;

	if (is4) {
		struct la_tw4 *e4 = &((struct la_tw4 *)t->pool[0].slots)[slot];

		e4->laddr = laddr->w[3];
		e4->raddr = raddr->w[3];
		e4->lport = (uint16_t)(ports >> 16);
		e4->rport = (uint16_t)ports;
		e = &e4->core;
	} else {
		struct la_tw6 *e6 = &((struct la_tw6 *)t->pool[1].slots)[slot];

		e6->laddr = *laddr;
		e6->raddr = *raddr;
		e6->lport = (uint16_t)(ports >> 16);
		e6->rport = (uint16_t)ports;
		e = &e6->core;
	}
	/* field by field: a copy of the whole structure would stall, because its fields were just written */
	e->snd_nxt = state->snd_nxt;
	e->rcv_nxt = state->rcv_nxt;
	e->ts_recent = state->ts_recent;
	e->deadline = deadline;
	e->wnd = state->wnd;
	e->flags = (uint16_t)(LA_TW_LIVE | LA_TW_WHEEL | flags);
	la_tw_add_to_wheel(t, ref, deadline, e->flags, tick);
	t->pool[!is4].live++;
	return ref;
}

/** la_tw_enter() for a caller with the place of the TCB's reference in the index. */
static __rte_always_inline void
la_tw_enter_at(struct la_tw *t, la_ref *place, bool is4, const struct la_addr *laddr, const struct la_addr *raddr,
	       uint32_t ports, const struct la_tw_core *state, uint32_t tick, int class)
{
	la_tw_count_entered(t);
	*place = la_tw_entry_make(t, is4, laddr, raddr, ports, state, tick + t->lifetime[class], tick,
				  state->flags | (unsigned)class << LA_TW_CLASS_SHIFT);
}

#endif
