/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_WINDOW_H
#define LA_TCP_WINDOW_H

/* The window to offer, in line for la_output_window() and the fast path. */

#include "tcp/hold.h"

/** The window to offer, bytes. Its right edge never moves left (SHLD-14). It moves right only by a sufficient step: the
 * smaller of a segment and half the buffer (MUST-39, receiver's silly window avoidance). When memory is short, the free
 * buffer is what la_hold_window() allows.
 *
 * A window that is no multiple of the scale's unit is rounded. Rounding down would move the edge left by less than a
 * unit, so the window is rounded up while it exceeds the free buffer by at most a segment: a peer that sends byte by
 * byte must not move the edge without limit. Otherwise it is rounded down; bytes offered earlier are still accepted
 * (RFC 7323 2.3). */
static __rte_always_inline uint32_t
la_window_offer(const struct la_tcb *c)
{
	uint32_t buf = la_tcb_opts(c)->rcvbuf, unit = 1u << c->rcv_wscale;
	uint32_t want = c->rcv_queued < buf ? buf - c->rcv_queued : 0, free_bytes = la_hold_window(c, want);
	uint32_t offered = la_rcv_window(c->rcv_adv, c->rcv_nxt);
	uint32_t step = c->mss < buf / 2 ? c->mss : buf / 2;
	uint32_t limit = (uint32_t)UINT16_MAX << c->rcv_wscale;
	uint32_t w;

	if (unlikely(free_bytes < want)) {
		uint32_t least = RTE_MIN(buf, (uint32_t)LA_HOLD_WINDOW_LEAST << LA_HOLD_WINDOW_SHIFT) / 2;

		step = RTE_MIN(step, RTE_MAX(free_bytes / 2, least));
	}
	w = free_bytes >= offered + step ? free_bytes : offered;
	if (c->state == LA_SYN_RCVD) /* a repeated SYN,ACK could not offer more */
		limit = UINT16_MAX;
	if (w > limit)
		w = limit;
	if (w & (unit - 1)) {
		w &= ~(unit - 1);
		if (w < offered && w + unit <= free_bytes + c->mss && w < limit)
			w += unit;
	}
	return w;
}

#endif
