/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_FAST_H
#define LA_TCP_FAST_H

/* The parts of the fast path that its files share: fast.c (theory), fast_open.c. */

#include "tcp/internal.h"

/** Like la_tcb_schedule() while the retransmission timer runs: usually a reference fires early enough. */
static __rte_always_inline void
la_fast_schedule(struct la_tcb *c)
{
	uint32_t at = seq_min(c->rexmt_at, c->first_unacked_at + la_tcb_r2_timeout_ms(c));

	if (c->flags & LA_F_USER_TIMER)
		at = seq_min(at, c->user_at);
	if (likely((c->flags & LA_F_NEAR) && seq_le(c->wheel_near, at)))
		return;
	la_tcb_schedule(c);
}

#endif
