/* SPDX-License-Identifier: BSD-3-Clause */

/* Input to a TIME_WAIT entry returns a verdict and sends no segment. The rules of RFC 9293 3.10.7.4 with RFC 1337,
 * 5961, 6191 and 7323, in this order:
 *
 *  1. RST: ignored (RFC 1337 F1). Checked first: no RST ends an entry, not even at rcv_nxt.
 *  2. SYN without ACK or FIN: opens a new incarnation if it is provably newer (RFC 6191 2; RFC 9293
 *     MAY-2):
 *
 *	old had TS   SYN has TS   reopens when
 *	yes          yes          TSval > TS.Recent; or equal and ISN > the last sequence number
 *	yes          no           ISN > the last sequence number
 *	no           yes          always: the new connection drops segments without TS (RFC 7323 3.2)
 *	no           no           ISN > the last sequence number
 *
 *     The last sequence number is that of the peer's FIN, rcv_nxt - 1; ">" is modulo 2^32.
 *     Every other SYN draws a challenge ACK (RFC 5961 4.2), which gives a
 *     restarted peer the sequence number for its RST. No SYN draws a RST.
 *  3. If the connection used timestamps: a segment without one is dropped (RFC 7323 3.2); a TSval older than
 *     TS.Recent (PAWS) is answered and dropped (RFC 7323 5.3 R1). TS.Recent cannot be outdated (5.5,
 *     24 days): the peer's FIN updated it, and a lifetime is at most 2^30 ms, 12 days.
 *  4. No ACK bit: dropped (RFC 9293 3.10.7.4, fifth step).
 *  5. ACK above snd_nxt: answered (same step).
 *  6. The peer's repeated FIN, with or without data: always acknowledged at once, and 2*MSL
 *     restarts (eighth step). No other rule restarts 2*MSL.
 *  7. A bare ACK at <SEQ=rcv_nxt>: no answer. With an answer, two sides in TIME_WAIT would acknowledge each other's
 *     ACKs without end.
 *  8. All other segments (old, out of window, or new text): answered (3.10.7.4, first step) and
 *     dropped.
 *
 * "Answered" means <SEQ=snd_nxt><ACK=rcv_nxt><CTL=ACK>, at most once in 257 to 512 ms for an entry, except
 * by rule 6. This limit also bounds the traffic with a peer that answers ACKs with ACKs. The time of the last
 * answer has 7 bits, in units of 256 ms. After 32 s this time is ambiguous, and one answer may be suppressed by
 * mistake. */

#include <assert.h>

#include "core/seq.h"
#include "table/accept.h"
#include "table/time_wait.h"

enum {
	THROTTLE_UNIT_SHIFT = 8,		/* 256 ms */
	THROTTLE_MODULUS = LA_TW_THROTTLE_MASK, /* times are 1 to 127; 0: no answer so far */
	THROTTLE_MIN_UNITS = 2,			/* 257 to 512 ms */
};

static enum la_tw_verdict
tw_ignore(struct la_tw *t, enum la_counter why)
{
	la_counters_drop(t->counters, why, 1);
	return LA_TW_DROP;
}

/* The rate limit for answers that an off-path host can cause: at most one in THROTTLE_MIN_UNITS. */
enum la_tw_verdict
la_tw_throttled_ack(struct la_tw *t, struct la_tw_core *e, uint32_t tick)
{
	unsigned then = e->flags >> LA_TW_THROTTLE_SHIFT & LA_TW_THROTTLE_MASK;
	unsigned now = (tick >> THROTTLE_UNIT_SHIFT) % THROTTLE_MODULUS + 1;

	if (then && (now + THROTTLE_MODULUS - then) % THROTTLE_MODULUS < THROTTLE_MIN_UNITS)
		return tw_ignore(t, LA_C_time_wait_throttled);
	e->flags = (uint16_t)((e->flags & ~(LA_TW_THROTTLE_MASK << LA_TW_THROTTLE_SHIFT)) |
			      now << LA_TW_THROTTLE_SHIFT);
	la_counters_one(t->counters, LA_C_time_wait_acked);
	return LA_TW_ACK;
}

bool
la_tw_syn_is_newer(const struct la_tw_core *e, const struct la_seg *seg)
{
	bool isn_newer = seq_gt(seg->seq, e->rcv_nxt - 1);

	if (!(seg->opts & LA_OPT_TS))
		return isn_newer;
	if (!(e->flags & LA_TW_TS))
		return true;
	if (seg->tsval == e->ts_recent)
		return isn_newer;
	return seq_gt(seg->tsval, e->ts_recent);
}

enum la_tw_verdict
la_tw_refuse_syn(struct la_tw *t, la_ref ref, uint32_t tick)
{
	la_counters_one(t->counters, LA_C_time_wait_syn_refused);
	return la_tw_throttled_ack(t, la_tw_core(t, ref), tick);
}

/* RFC 7323 4.3 (2). The caller has checked PAWS and that the segment is at or below rcv_nxt. */
static void
update_ts_recent(struct la_tw_core *e, const struct la_seg *seg)
{
	if ((e->flags & LA_TW_TS) && e->ts_recent != seg->tsval)
		e->ts_recent = seg->tsval;
}

enum la_tw_verdict
la_tw_input(struct la_tw *t, la_ref ref, const struct la_seg *seg, uint32_t tick)
{
	struct la_tw_core *e = la_tw_core(t, ref);
	bool fin = seg->flags & LA_FIN;

	assert(la_tw_life(e) == LA_TW_LIVE || la_tw_life(e) == LA_TW_SHADOW);
	if (e->flags & LA_TW_FW2)
		return la_tw_input_fin_wait_2(t, ref, seg, tick);
	if (seg->flags & LA_RST) /* 1 */
		return tw_ignore(t, LA_C_time_wait_rst_ignored);
	if (seg->flags & LA_SYN) /* 2 */
		return !(seg->flags & (LA_ACK | LA_FIN)) && la_tw_syn_is_newer(e, seg) ? LA_TW_REOPEN
										       : la_tw_refuse_syn(t, ref, tick);
	if (e->flags & LA_TW_TS) { /* 3 */
		if (!(seg->opts & LA_OPT_TS))
			return tw_ignore(t, LA_C_time_wait_ignored);
		if (la_paws_is_older(seg->tsval, e->ts_recent)) {
			la_counters_one(t->counters, LA_C_time_wait_paws);
			return la_tw_throttled_ack(t, e, tick);
		}
	}
	if (!(seg->flags & LA_ACK)) /* 4 */
		return tw_ignore(t, LA_C_time_wait_ignored);
	if (seq_gt(seg->ack, e->snd_nxt)) /* 5 */
		return la_tw_throttled_ack(t, e, tick);
	if (fin && seg->seq + seg->len + 1 == e->rcv_nxt) { /* 6 */
		unsigned class = e->flags >> LA_TW_CLASS_SHIFT & LA_TW_CLASS_MASK;

		e->deadline = tick + t->lifetime[class];
		update_ts_recent(e, seg);
		la_counters_one(t->counters, LA_C_time_wait_fin_acked);
		return LA_TW_ACK;
	}
	if (!fin && seg->len == 0 && seg->seq == e->rcv_nxt) { /* 7 */
		update_ts_recent(e, seg);
		return tw_ignore(t, LA_C_time_wait_ignored);
	}
	return la_tw_throttled_ack(t, e, tick); /* 8 */
}

/* RFC 7323 5.3 and 3.2: returns whether the timestamp is of the old connection, and not older than the peer's FIN. */
static bool
stamp_fits(const struct la_tw_core *e, const struct la_seg *seg)
{
	return !(e->flags & LA_TW_TS) || ((seg->opts & LA_OPT_TS) && !la_paws_is_older(seg->tsval, e->ts_recent));
}

/* A segment of the old connection acknowledges at most snd_nxt; the new incarnation's ISS is above snd_nxt. An old
 * segment ends 0 to SPAN - 1 below rcv_nxt, the end of the peer's FIN. In TIME_WAIT the peer has acknowledged our FIN,
 * so a bare ACK acknowledges exactly snd_nxt. */
enum la_tw_old
la_tw_shadow_fits(const struct la_tw_core *e, const struct la_seg *seg, uint32_t tick)
{
	enum { SPAN = 1 << 24 };
	bool fin = (seg->flags & LA_FIN) != 0;
	uint32_t end = seg->seq + seg->len + fin;

	if ((seg->flags & LA_SYN) || seq_ge(tick, e->deadline))
		return LA_TW_NOT_OLD;
	if (seg->flags & LA_RST)
		return seg->seq == e->rcv_nxt ? LA_TW_OLD_RST : LA_TW_NOT_OLD;
	if (!(seg->flags & LA_ACK) || e->snd_nxt - seg->ack >= SPAN || e->rcv_nxt - end >= SPAN ||
	    e->rcv_nxt - seg->seq >= SPAN || (fin && end != e->rcv_nxt) || (end == seg->seq && seg->ack != e->snd_nxt))
		return LA_TW_NOT_OLD;
	return stamp_fits(e, seg) ? LA_TW_OLD : LA_TW_OLD_STALE;
}

enum la_tw_verdict
la_tw_input_old(struct la_tw *t, la_ref ref, const struct la_seg *seg, uint32_t tick)
{
	struct la_tw_core *e = la_tw_core(t, ref);

	if (la_seg_len(seg) == 0 && !(seg->flags & LA_RST) && stamp_fits(e, seg))
		return la_tw_throttled_ack(t, e, tick);
	return la_tw_input(t, ref, seg, tick);
}
