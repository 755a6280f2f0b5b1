/* SPDX-License-Identifier: BSD-3-Clause */

/* FIN_WAIT_2 after la_close(), as a table entry.
 *
 * Our FIN is acknowledged, so no data is left to retransmit. The user has closed, so no data is read. The
 * connection then needs only the fields of a TIME_WAIT entry. So a peer that does not close uses an entry
 * instead of a TCB, up to fin_wait_2_ms of conn.h (RFC 9293 has no limit).
 *
 * The rules are those of RFC 9293 3.10.7.4 for FIN_WAIT_2, with RFC 5961, in its order:
 *
 *	PAWS fails                     answered
 *	RST, exactly rcv_nxt           the connection is reset; in the window: challenge ACK; else ignored
 *	SYN                            challenge ACK
 *	outside the window             answered
 *	no ACK; an ACK above snd_nxt   dropped; answered
 *	new text                       RST: no user will read it (SHLD-3)
 *	FIN, next in order             acknowledged; TIME_WAIT begins in this entry
 *	FIN above a hole               answered: the missing data is text
 *	a bare ACK                     no answer
 *
 * The window of the entry is the last field, unscaled: at most the offered window. It only decides between
 * a challenge ACK and no answer. */

#include "core/seq.h"
#include "table/time_wait.h"

static enum la_tw_verdict
drop(struct la_tw *t, enum la_counter why)
{
	t->counters->v[why]++;
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
	t->counters->v[LA_C_drop_rst_seq]++;
	return seg->seq - e->rcv_nxt < e->wnd ? la_tw_throttled_ack(t, e, tick) : LA_TW_DROP;
}

/* A segment with data or FIN is always answered: our ACK may have been lost. */
static enum la_tw_verdict
answer(struct la_tw *t, struct la_tw_core *e, const struct la_seg *seg, uint32_t tick)
{
	return la_seg_len(seg) ? LA_TW_ACK : la_tw_throttled_ack(t, e, tick);
}

enum la_tw_verdict
la_tw_input_fin_wait_2(struct la_tw *t, la_ref ref, const struct la_seg *seg, uint32_t tick)
{
	struct la_tw_core *e = la_tw_core(t, ref);
	uint32_t end = seg->seq + seg->len, wnd = e->wnd ? e->wnd : 1;
	bool fin = (seg->flags & LA_FIN) != 0;

	if ((e->flags & LA_TW_TS) && !(seg->flags & (LA_RST | LA_SYN))) {
		if (!(seg->opts & LA_OPT_TS))
			return drop(t, LA_C_drop_no_timestamp);
		if (seq_lt(seg->tsval, e->ts_recent)) {
			t->counters->v[LA_C_drop_paws]++;
			return answer(t, e, seg, tick);
		}
	}
	if (seg->flags & LA_RST)
		return rst_arrives(t, ref, seg, tick);
	if (seg->flags & LA_SYN) {
		t->counters->v[LA_C_drop_syn_sync]++;
		return la_tw_throttled_ack(t, e, tick);
	}
	/* RFC 9293 table 6: a part is in the window */
	if (seg->seq - e->rcv_nxt >= wnd && !(la_seg_len(seg) && end + fin - 1 - e->rcv_nxt < wnd)) {
		t->counters->v[LA_C_drop_seq]++;
		return answer(t, e, seg, tick);
	}
	if (!(seg->flags & LA_ACK))
		return drop(t, LA_C_drop_ack_missing);
	if (seq_gt(seg->ack, e->snd_nxt)) {
		t->counters->v[LA_C_drop_ack_unsent]++;
		return la_tw_throttled_ack(t, e, tick);
	}
	if (seg->len && seq_gt(end, e->rcv_nxt)) {
		la_tw_end_fin_wait_2(t, ref, LA_C_ended_reset);
		return LA_TW_RST;
	}
	if ((e->flags & LA_TW_TS) && seq_le(seg->seq, e->rcv_nxt))
		e->ts_recent = seg->tsval;
	if (!fin)
		return drop(t, LA_C_time_wait_ignored);
	if (end != e->rcv_nxt)
		return LA_TW_ACK;
	e->rcv_nxt++;
	la_tw_begin(t, ref, tick);
	return LA_TW_ACK;
}
