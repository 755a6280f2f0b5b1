/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TABLE_ACCEPT_H
#define LA_TABLE_ACCEPT_H

/* Rules for an arriving segment on plain numbers: one predicate for each rule of the RFCs. TCBs (lib/tcp) and table
 * entries (tw_input.c, tw_fin_wait_2.c) use the same predicates, so that a connection in FIN_WAIT_2 answers alike
 * before and after the table takes it over. Two things differ, since an entry has no room for more:
 *
 *	            TCB                           entry
 *	wnd         la_rcv_window(), bytes        la_tw_core.wnd: the window field, not scaled
 *	TS.Recent   la_ts_recent_is_outdated()    has no age, is never outdated
 *
 * Unscaled, the window of an entry is at most the window that was offered. What lies between their right edges draws
 * an ACK from an entry, as any segment outside the window. A TCB takes a FIN there as one above a hole, and answers
 * text with a RST (SHLD-3). Both answers tell the peer what comes next in order.
 *
 * That TS.Recent is never outdated is exact for TIME_WAIT: at most 2^30 ms have passed since the peer's FIN. In
 * FIN_WAIT_2 an entry whose peer has been silent for LA_TS_AGE_MS may reject a FIN that the TCB would have taken. The
 * rejection is answered, and fin_wait_2_ms bounds it.
 *
 * PAWS does not apply to a SYN that reopens TIME_WAIT: RFC 6191 asks for a newer TSval, or for an equal one with a
 * higher ISN. syn_is_newer() in tw_input.c is that rule. */

#include <stdbool.h>
#include <stdint.h>

#include "core/seq.h"

enum { LA_TS_AGE_MS = 24 * 24 * 3600 * 1000u }; /* RFC 7323 5.5: an older TS.Recent refuses nothing */

/** RCV.WND in bytes (RFC 9293 3.3.1): from rcv_nxt to rcv_adv, the right edge that was offered. 0 when rcv_nxt has
 * reached the edge, or passed it. */
static inline uint32_t
la_rcv_window(uint32_t rcv_adv, uint32_t rcv_nxt)
{
	return seq_gt(rcv_adv, rcv_nxt) ? rcv_adv - rcv_nxt : 0;
}

/** RCV.NXT =< SEG.SEQ < RCV.NXT+RCV.WND (RFC 9293 3.4): the segment begins in the window. RFC 5961 3.2 challenges a RST
 * by this rule alone. A closed window has no such number. */
static inline bool
la_seq_in_window(uint32_t seq, uint32_t rcv_nxt, uint32_t wnd)
{
	return seq - rcv_nxt < wnd;
}

/** RFC 9293 3.10.7.4 first step, table 6: a number of the segment lies in the window. len counts SYN and FIN. False: an
 * ACK answers the segment.
 *
 * A closed window: a segment at rcv_nxt is true whatever its length, which goes beyond table 6, so that its ACK counts
 * ("special allowance should be made to accept valid ACKs"). The caller drops text and FIN, and answers with an ACK. */
static inline bool
la_seg_acceptable(uint32_t seq, uint32_t len, uint32_t rcv_nxt, uint32_t wnd)
{
	uint32_t first = seq - rcv_nxt;

	if (wnd == 0)
		return first == 0;
	if (first < wnd)
		return true;
	return len && (first + len - 1) < wnd;
}

/** RFC 7323 5.3 R1: the TSval is older than TS.Recent. PAWS rejects the segment, unless TS.Recent is outdated. Callers
 * exempt RST (5.2). TS.Recent takes only a TSval that passes (4.3 (2)). */
static inline bool
la_paws_is_older(uint32_t tsval, uint32_t ts_recent)
{
	return seq_lt(tsval, ts_recent);
}

/** RFC 7323 5.5: the comparison means nothing after 24 days. age: ms since TS.Recent was updated. */
static inline bool
la_ts_recent_is_outdated(uint32_t age)
{
	return age > LA_TS_AGE_MS;
}

#endif
