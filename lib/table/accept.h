/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TABLE_ACCEPT_H
#define LA_TABLE_ACCEPT_H

/* Rules for an arriving segment on plain numbers: one predicate for each rule of the RFCs. TCBs (lib/tcp) and table
 * entries (tw_input.c, tw_fin_wait_2.c) use the same predicates. So a connection in FIN_WAIT_2 gives the same answers
 * from its TCB and, later, from the table entry. Two values differ, because an entry has no room for them:
 *
 *	            TCB                           entry
 *	wnd         la_rcv_window(), bytes        la_tw_core.wnd: the window field, not scaled
 *	TS.Recent   la_ts_recent_is_outdated()    never outdated: its age is not stored
 *
 * The window of an entry is not scaled, so it is at most the window that was offered. A segment between the two right
 * edges draws an ACK from an entry, as does every segment outside the window. A TCB takes a FIN there as a FIN above a
 * hole, and answers text with a RST (SHLD-3). The ACK and the RST both carry RCV.NXT.
 *
 * In TIME_WAIT no TS.Recent can be outdated: at most 2^30 ms have passed since the peer's FIN. In FIN_WAIT_2, after
 * LA_TS_AGE_MS without a segment, an entry may reject a FIN that a TCB would accept. The entry answers with an ACK, and
 * fin_wait_2_ms limits the time.
 *
 * PAWS does not apply to a SYN that reopens TIME_WAIT: RFC 6191 requires a newer TSval, or an equal TSval with a
 * higher ISN. la_tw_syn_is_newer() in tw_input.c is that rule. */

#include <stdbool.h>
#include <stdint.h>

#include "core/seq.h"

enum { LA_TS_AGE_MS = 24 * 24 * 3600 * 1000u }; /* RFC 7323 5.5: an older TS.Recent rejects no segment */

/** RCV.WND in bytes (RFC 9293 3.3.1): from rcv_nxt to rcv_adv, the right edge that was offered. 0 when rcv_nxt is at
 * the edge or above it. */
static inline uint32_t
la_rcv_window(uint32_t rcv_adv, uint32_t rcv_nxt)
{
	return seq_gt(rcv_adv, rcv_nxt) ? rcv_adv - rcv_nxt : 0;
}

/** RCV.NXT =< SEG.SEQ < RCV.NXT+RCV.WND (RFC 9293 3.4): the segment begins in the window. For a RST this rule alone
 * decides on the challenge ACK (RFC 5961 3.2). A closed window contains no sequence number. */
static inline bool
la_seq_in_window(uint32_t seq, uint32_t rcv_nxt, uint32_t wnd)
{
	return seq - rcv_nxt < wnd;
}

/** RFC 9293 3.10.7.4 first step, table 6: a sequence number of the segment is in the window. len counts SYN and FIN.
 * False: the caller drops the segment and answers with an ACK.
 *
 * With a closed window every segment at rcv_nxt is acceptable. Table 6 accepts only a segment without text. But the
 * ACK of a segment with text must be processed, too ("special allowance should be made to accept valid ACKs"). The
 * caller drops its text and FIN, and answers with an ACK. */
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

/** RFC 7323 5.5: after 24 days TS.Recent must not be compared any more. age: ms since TS.Recent was updated. */
static inline bool
la_ts_recent_is_outdated(uint32_t age)
{
	return age > LA_TS_AGE_MS;
}

#endif
