/* SPDX-License-Identifier: BSD-3-Clause */

/* FIN_WAIT_2 after la_close(), as a table entry.
 *
 * Our FIN is acknowledged, so no data is left to retransmit. The user has closed, so no data is read. The
 * connection then needs only the fields of a TIME_WAIT entry. So a peer that does not close uses an entry
 * instead of a TCB, up to fin_wait_2_ms of conn.h (RFC 9293 has no limit).
 *
 * The rules are those of RFC 9293 3.10.7.4 for FIN_WAIT_2, with RFC 5961, in the order of the RFC:
 *
 *	segment                        result ("answered": by an ACK)
 *	timestamp missing              dropped (RFC 7323 3.2; not for RST and SYN)
 *	PAWS fails                     answered (not for RST and SYN)
 *	RST at rcv_nxt                 the connection is reset
 *	RST elsewhere in the window    challenge ACK
 *	RST outside the window         dropped
 *	SYN                            challenge ACK
 *	outside the window             answered
 *	no ACK                         dropped
 *	ACK above snd_nxt              answered
 *	new text, window open          RST: no user will read the text (SHLD-3)
 *	text or FIN, window closed     answered
 *	FIN, next in order             acknowledged; TIME_WAIT begins in this entry
 *	FIN above a hole               answered: text below the FIN is missing
 *	a bare ACK                     dropped
 *
 * A TCB in FIN_WAIT_2 whose user has closed has the same rules (tcp/input.c, tcp/text.c). accept.h has the common
 * predicates and lists the differences: the entry's window, for example, is the last window field, not scaled. The
 * entry has no MAX.SND.WND, so the lower bound of RFC 5961 5.2 for an ACK does not apply.
 *
 * With a closed window, text and FIN are not acceptable and draw an ACK (first step). SHLD-3 is about received text, so
 * it does not apply yet. The ACK offers an open window, because the entry holds no text that could fill a buffer; a TCB
 * with an empty buffer does the same. Then text draws the RST, and the FIN is accepted. */

#include "core/seq.h"
#include "table/accept.h"
#include "table/time_wait.h"

/* The window field after a closed window has opened: more than a full-sized segment, so that the peer's silly window
 * avoidance permits sending (RFC 9293 3.8.6.2.1). A TCB that holds no text offers at least as much (tcp/hold.h). */
enum { WINDOW_OPENED = 4096 };

static enum la_tw_verdict
fw2_drop(struct la_tw *t, enum la_counter why)
{
	la_counters_drop(t->counters, why, 1);
	return LA_TW_DROP;
}

static enum la_tw_verdict
rst_arrives(struct la_tw *t, la_ref ref, const struct la_seg *seg, uint32_t tick)
{
	struct la_tw_core *e = la_tw_core(t, ref);

	if (seg->seq == e->rcv_nxt) {
		la_tw_end_fin_wait_2(t, ref, LA_C_ended_reset);
		return LA_TW_DROP;
	}
	la_counters_one(t->counters, LA_C_drop_rst_seq);
	return la_seq_in_window(seg->seq, e->rcv_nxt, e->wnd) ? la_tw_throttled_ack(t, e, tick) : LA_TW_DROP;
}

/* Every segment with data or FIN is answered, because our earlier ACK may be lost. Other answers are rate-limited. */
static enum la_tw_verdict
fw2_answer(struct la_tw *t, struct la_tw_core *e, const struct la_seg *seg, uint32_t tick)
{
	return la_seg_len(seg) ? LA_TW_ACK : la_tw_throttled_ack(t, e, tick);
}

static enum la_tw_verdict
segment_arrives(struct la_tw *t, la_ref ref, const struct la_seg *seg, uint32_t tick)
{
	struct la_tw_core *e = la_tw_core(t, ref);
	uint32_t end = seg->seq + seg->len;
	bool fin = (seg->flags & LA_FIN) != 0;

	if ((e->flags & LA_TW_TS) && !(seg->flags & (LA_RST | LA_SYN))) {
		if (!(seg->opts & LA_OPT_TS))
			return fw2_drop(t, LA_C_drop_no_timestamp);
		if (la_paws_is_older(seg->tsval, e->ts_recent)) {
			la_counters_one(t->counters, LA_C_drop_paws);
			return fw2_answer(t, e, seg, tick);
		}
	}
	if (seg->flags & LA_RST)
		return rst_arrives(t, ref, seg, tick);
	if (seg->flags & LA_SYN) {
		la_counters_one(t->counters, LA_C_drop_syn_sync);
		return la_tw_throttled_ack(t, e, tick);
	}
	if (!la_seg_acceptable(seg->seq, la_seg_len(seg), e->rcv_nxt, e->wnd)) {
		la_counters_one(t->counters, LA_C_drop_seq);
		return fw2_answer(t, e, seg, tick);
	}
	if (!(seg->flags & LA_ACK))
		return fw2_drop(t, LA_C_drop_ack_missing);
	if (seq_gt(seg->ack, e->snd_nxt)) {
		la_counters_one(t->counters, LA_C_drop_ack_unsent);
		return la_tw_throttled_ack(t, e, tick);
	}
	if (seg->len && seq_gt(end, e->rcv_nxt) && e->wnd) {
		la_tw_end_fin_wait_2(t, ref, LA_C_ended_reset);
		return LA_TW_RST;
	}
	if ((e->flags & LA_TW_TS) && seq_le(seg->seq, e->rcv_nxt))
		e->ts_recent = seg->tsval;
	if (la_seg_len(seg) && !e->wnd) {
		la_counters_one(t->counters, LA_C_drop_rcvbuf);
		return LA_TW_ACK;
	}
	if (!fin)
		return fw2_drop(t, LA_C_time_wait_ignored);
	if (end != e->rcv_nxt)
		return LA_TW_ACK;
	e->rcv_nxt++;
	la_tw_begin(t, ref, tick);
	return LA_TW_ACK;
}

enum la_tw_verdict
la_tw_input_fin_wait_2(struct la_tw *t, la_ref ref, const struct la_seg *seg, uint32_t tick)
{
	enum la_tw_verdict v = segment_arrives(t, ref, seg, tick);
	struct la_tw_core *e = la_tw_core(t, ref);

	if (v == LA_TW_ACK && !e->wnd)
		e->wnd = WINDOW_OPENED;
	return v;
}
