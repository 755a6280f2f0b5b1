/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_TCB_TAKE_H
#define LA_TCP_TCB_TAKE_H

/* Takes a free slot, in line for la_tcb_alloc() and the fast path. */

#include <emmintrin.h>

#include "tcp/internal.h"

/** Returns whether a slot is free. */
static inline bool
la_tcb_has_free(const struct la_tcp *t)
{
	return t->tcb_free || t->tcb_fresh <= t->tcb_capacity;
}

/* Sets all fields to 0. */
static __rte_always_inline void
tcb_clear(struct la_tcb *c)
{
	__m128i *p = (__m128i *)(void *)c;

	for (unsigned i = 0; i < sizeof(*c) / sizeof(*p); i++)
		_mm_store_si128(p + i, _mm_setzero_si128());
}

/** Takes a free slot: FREE -> LIVE. All fields are 0, but `tcp` and the slot's place in the wheel, which outlives
 * connections. la_tcb_has_free() is true. */
static __rte_always_inline struct la_tcb *
la_tcb_take(struct la_tcp *t)
{
	uint32_t slot = t->tcb_free;
	struct la_tcb *c;

	if (likely(slot)) {
		uint32_t flags, wheel_near, wheel_far;
		bool delack_ref;
		uint8_t refs;

		c = &t->tcbs[slot];
		flags = c->flags & (LA_F_NEAR | LA_F_FAR | LA_F_LIFE);
		refs = c->wheel_refs;
		delack_ref = c->delack_ref;
		wheel_near = c->wheel_near;
		wheel_far = c->wheel_far;
		t->tcb_free = c->next;
		tcb_clear(c);
		c->flags = flags;
		c->wheel_refs = refs & 7u;
		c->delack_ref = delack_ref;
		c->wheel_near = wheel_near;
		c->wheel_far = wheel_far;
	} else {
		c = &t->tcbs[t->tcb_fresh++];
		c->flags = (uint32_t)LA_TCB_FREE << LA_TCB_LIFE_SHIFT;
	}
	la_tcb_set_life(c, LA_TCB_LIVE);
	c->tcp = t;
	if (++t->tcb_live > t->counters->v[LA_C_live_peak])
		t->counters->v[LA_C_live_peak] = t->tcb_live;
	t->counters->v[LA_C_live] = t->tcb_live;
	return c;
}

#endif
