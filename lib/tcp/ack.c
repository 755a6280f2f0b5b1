/* SPDX-License-Identifier: BSD-3-Clause */
/* A valid ACK (RFC 9293 3.10.7.4 fifth step) removes acknowledged bytes from the send queue, gives an RTT sample, and
 * moves the congestion window and the send window. An ACK of our FIN changes the state. */

#include "tcp/accepted.h"
#include "tcp/recovery.h"

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

/* Moves snd_una to s->ack. a->board: the scoreboard, or NULL. */
static void
ack_advance_una(struct la_tcb *c, const struct la_seg *s, const struct la_recovery_ack *a)
{
	uint32_t acked = s->ack - c->snd_una;
	uint32_t bytes = acked < c->snd_queued ? acked : c->snd_queued;
	bool fin = acked > c->snd_queued;

	la_accepted_rtt(c, s);
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
	if (unlikely(a->board))
		la_recovery_end(c, a);
	else
		la_cc_acked(c, acked);
	if (fin && (c->flags & LA_F_FIN_SENT))
		our_fin_acked(c);
}

void
la_ack_window(struct la_tcb *c, const struct la_seg *s)
{
	la_accepted_snd_wnd(c, s);
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
	struct la_recovery_ack a = {.board = NULL};

	if (unlikely((c->flags & LA_F_RECOVERY) || (s->opts & LA_OPT_SACK)))
		a = la_recovery_begin(c, s);
	if (seq_gt(s->ack, c->snd_una)) {
		ack_advance_una(c, s, &a);
		if (!la_tcb_is_live(c))
			return;
	} else if (a.board) {
		la_recovery_end(c, &a);
	} else if (is_duplicate(c, s)) {
		la_cc_dupack(c);
	}
	if (seq_ge(s->ack, c->snd_una))
		la_accepted_snd_wnd(c, s);
}
