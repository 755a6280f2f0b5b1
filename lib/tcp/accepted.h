/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_ACCEPTED_H
#define LA_TCP_ACCEPTED_H

/* What an accepted segment changes in a TCB, besides queues and state: one function for each rule, in line, for the
 * general path (input.c, ack.c) and the fast path (fast.c). */

#include "tcp/internal.h"

/** RFC 7323 5.3 R1, 5.5. The caller has checked that the segment has the timestamps option. */
static inline bool
la_paws_rejects(const struct la_tcb *c, const struct la_seg *s)
{
	return la_paws_is_older(s->tsval, c->ts_recent) && !la_ts_recent_is_outdated(c->tcp->tick - c->ts_recent_at);
}

/** RFC 7323 4.3 (2). Called after the ACK was found valid: an unacceptable segment must not move TS.Recent. */
static __rte_always_inline void
la_accepted_ts_recent(struct la_tcb *c, const struct la_seg *s)
{
	if (!(c->flags & LA_F_TS) || !(s->opts & LA_OPT_TS) || seq_gt(s->seq, c->last_ack_sent))
		return;
	if (la_paws_rejects(c, s))
		return;
	c->ts_recent = s->tsval;
	c->ts_recent_at = c->tcp->tick;
}

/** Records an acceptable segment, which restarts keep-alive (RFC 9293 3.8.4). */
static __rte_always_inline void
la_accepted_alive(struct la_tcb *c)
{
	if (!(c->flags & LA_F_FW2_TIMER)) {
		/* after a pause the peer's slow start needs ACKs again */
		if (unlikely(c->quick_acks != LA_QUICK_ACKS && c->tcp->tick - c->long_at > c->rto))
			la_tcb_ack_quickly(c);
		c->long_at = c->tcp->tick;
	}
	if (c->snd_una == c->snd_max && !(c->flags & LA_F_PERSIST))
		c->backoff = 0;
}

/* Limits an RTO to the allowed range. */
static inline uint16_t
la_rto_within(const struct la_tcb *c, uint32_t ms)
{
	if (ms < c->tcp->rto_min)
		ms = c->tcp->rto_min;
	return (uint16_t)(ms > LA_RTO_MAX_MS ? LA_RTO_MAX_MS : ms);
}

/** One round trip was measured (2.2, 2.3). The caller applies Karn's rule: with timestamps every ACK of new
 * data is a sample; without timestamps only the ACK of a segment that was sent once is a sample. */
static __rte_always_inline void
la_accepted_rtt_sample(struct la_tcb *c, uint32_t ms)
{
	if (ms > INT32_MAX) /* an echo of a timestamp that we never sent */
		return;
	if (ms > LA_RTO_MAX_MS)
		ms = LA_RTO_MAX_MS;
	if (!(c->flags & LA_F_SRTT)) {
		c->srtt = ms << 3;
		c->rttvar = ms << 1; /* R/2, scaled by 4 */
		c->flags |= LA_F_SRTT;
	} else {
		int32_t delta = (int32_t)ms - (int32_t)(c->srtt >> 3);

		c->srtt = (uint32_t)((int32_t)c->srtt + delta);
		if (delta < 0)
			delta = -delta;
		c->rttvar = (uint32_t)((int32_t)c->rttvar + (delta - (int32_t)(c->rttvar >> 2)));
	}
	/* K * RTTVAR is rttvar itself; the clock's granularity G is one tick (2.3) */
	c->rto = la_rto_within(c, (c->srtt >> 3) + (c->rttvar ? c->rttvar : 1));
}

enum { LA_IW_SEGMENTS = 10, LA_IW_BYTES = 14600 };

/** RFC 6928 2: min (10*MSS, max (2*MSS, 14600)); one segment when the SYN was lost (RFC 5681 3.1). */
static __rte_always_inline uint32_t
la_cc_initial_window(const struct la_tcb *c)
{
	uint32_t mss = la_tcb_smss(c);
	uint32_t floor = 2 * mss > LA_IW_BYTES ? 2 * mss : LA_IW_BYTES;

	if (c->flags & LA_F_SYN_LOST)
		return mss;
	return LA_IW_SEGMENTS * mss < floor ? LA_IW_SEGMENTS * mss : floor;
}

static __rte_always_inline void
la_cwnd_grow(struct la_tcb *c, uint32_t acked)
{
	uint32_t mss = la_tcb_smss(c);

	if (c->cwnd >= (1u << 30))
		return;
	if (c->cwnd < c->ssthresh) { /* slow start: RFC 5681 (2), RFC 3465 2.2 with L = 1 */
		c->cwnd += acked < mss ? acked : mss;
		return;
	}
	c->ca_acked += acked; /* congestion avoidance: one segment for each window of bytes (RFC 3465 2.1) */
	if (c->ca_acked < c->cwnd)
		return;
	c->ca_acked -= c->cwnd;
	if (c->ca_acked > c->cwnd)
		c->ca_acked = 0;
	c->cwnd += mss;
}

/** The congestion window after `acked` new bytes, outside of fast recovery; snd_una has moved already. */
static __rte_always_inline void
la_accepted_cwnd(struct la_tcb *c, uint32_t acked)
{
	c->dupacks = 0;
	if (seq_ge(c->snd_una - acked, c->recover)) /* an old `recover` would compare as ahead after 2 GiB */
		c->recover = c->snd_una;
	la_cwnd_grow(c, acked);
}

/** RFC 7323 4.2, RFC 6298 3 (Karn): with timestamps each ACK of new data is a sample; without them only the
 * timed segment is, if it was sent once. */
static __rte_always_inline void
la_accepted_rtt(struct la_tcb *c, const struct la_seg *s)
{
	uint32_t now = c->tcp->tick;

	if (c->flags & LA_F_TS) {
		if (s->tsecr)
			la_accepted_rtt_sample(c, la_tcb_tsval(c) - s->tsecr);
	} else if ((c->flags & LA_F_RTT_TIMING) && seq_ge(s->ack, c->rtt_seq)) {
		c->flags &= ~(uint32_t)LA_F_RTT_TIMING;
		la_accepted_rtt_sample(c, now - c->rtt_at);
	}
}

/** RFC 9293 3.10.7.4: only a segment that is not older than the last one that set the window (SND.WL1, SND.WL2) may set
 * the window. */
static __rte_always_inline void
la_accepted_snd_wnd(struct la_tcb *c, const struct la_seg *s)
{
	if (!seq_lt(c->snd_wl1, s->seq) && !(c->snd_wl1 == s->seq && seq_le(c->snd_wl2, s->ack)))
		return;
	c->snd_wnd = (uint32_t)s->wnd << c->snd_wscale;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	if (c->snd_wnd > c->max_snd_wnd)
		c->max_snd_wnd = c->snd_wnd;
	/* MUST-37: a connection stays while its window probes are answered; an orphan stays for orphan_ms */
	if ((c->snd_wnd == 0 || (c->flags & LA_F_PERSIST)) &&
	    (c->flags & (LA_F_USER_CLOSED | LA_F_USER_TIMER)) != LA_F_USER_CLOSED)
		c->first_unacked_at = c->tcp->tick;
	if (c->snd_wnd && (c->flags & LA_F_PERSIST))
		c->backoff = 0;
}

#endif
