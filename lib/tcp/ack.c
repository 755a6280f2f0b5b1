/* SPDX-License-Identifier: BSD-3-Clause */
/* A valid ACK (RFC 9293 3.10.7.4 fifth step) removes acknowledged bytes from the send queue, gives an RTT sample, and
 * moves the congestion window and the send window. An ACK of our FIN changes the state. */

#include "tcp/internal.h"

/* RFC 7323 4.2, RFC 6298 3 (Karn): with timestamps each ACK of new data is a sample; without them only the
 * timed segment is, if it was sent once. */
static void
sample_rtt(struct la_tcb *c, const struct la_seg *s)
{
	uint32_t now = c->tcp->tick;

	if (c->flags & LA_F_TS) {
		if (s->tsecr)
			la_rtt_sample(c, la_tcb_tsval(c) - s->tsecr);
	} else if ((c->flags & LA_F_RTT_TIMING) && seq_ge(s->ack, c->rtt_seq)) {
		c->flags &= ~(uint32_t)LA_F_RTT_TIMING;
		la_rtt_sample(c, now - c->rtt_at);
	}
}

static void
our_fin_acked(struct la_tcb *c)
{
	switch (c->state) {
	case LA_FIN_WAIT_1:
		la_tcb_set_state(c, LA_FIN_WAIT_2);
		break;
	case LA_CLOSING:
		la_end_time_wait(c);
		break;
	case LA_LAST_ACK:
		la_end_conn(c, LA_END_ORDERLY);
		break;
	default:
		break;
	}
}

/* Moves snd_una to s->ack. */
static void
ack_advance_una(struct la_tcb *c, const struct la_seg *s)
{
	uint32_t acked = s->ack - c->snd_una;
	uint32_t bytes = acked < c->snd_queued ? acked : c->snd_queued;
	bool fin = acked > c->snd_queued;

	sample_rtt(c, s);
	la_sendq_trim(c, bytes);
	c->flags |= bytes ? LA_F_NEW_ACK : 0u;
	c->snd_una = s->ack;
	c->snd_nxt = seq_max(c->snd_nxt, s->ack);
	c->first_unacked_at = c->tcp->tick;
	if (c->flags & LA_F_USER_CLOSED)
		la_tcb_orphan(c);
	c->backoff = 0;
	if (c->snd_una == c->snd_max) /* RFC 6298 5.2, 5.3 */
		c->flags &= ~(uint32_t)LA_F_REXMT_ON;
	else
		la_tcb_arm_rexmt(c, c->rto);
	la_cc_acked(c, acked);
	if (fin && (c->flags & LA_F_FIN_SENT))
		our_fin_acked(c);
}

/* RFC 9293 3.10.7.4: only a segment that is not older than the last one that set the window (SND.WL1, SND.WL2) may set
 * the window. */
static __rte_always_inline void
ack_update_snd_wnd(struct la_tcb *c, const struct la_seg *s)
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

void
la_ack_window(struct la_tcb *c, const struct la_seg *s)
{
	ack_update_snd_wnd(c, s);
}

/* RFC 5681 2: the conditions of a duplicate ACK. */
static bool
is_duplicate(const struct la_tcb *c, const struct la_seg *s)
{
	return s->ack == c->snd_una && c->snd_una != c->snd_max && la_seg_len(s) == 0 &&
	       (uint32_t)s->wnd << c->snd_wscale == c->snd_wnd;
}

void
la_ack_arrives(struct la_tcb *c, const struct la_seg *s)
{
	if (seq_gt(s->ack, c->snd_una)) {
		ack_advance_una(c, s);
		if (!la_tcb_is_live(c))
			return;
	} else if (is_duplicate(c, s)) {
		la_cc_dupack(c);
	}
	if (seq_ge(s->ack, c->snd_una))
		ack_update_snd_wnd(c, s);
}
