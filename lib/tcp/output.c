/* SPDX-License-Identifier: BSD-3-Clause */
/* Output (RFC 9293 3.8.6, 3.7.4; RFC 5681): la_output_send() alone decides what may be sent. It is called at the
 * end of every input, API call and timer that may change the decision.
 *
 * Sequence space, once the SYN is acknowledged:
 *
 *      snd_una                snd_nxt            snd_una + snd_queued   (+1 with our FIN)
 *         |---- in flight -------|---- to be sent -------|
 *
 * snd_max is the highest value of snd_nxt. A time-out sets snd_nxt back to snd_una, and the data up to
 * snd_max is then retransmitted within the congestion window. */

#include "tcp/recovery.h"
#include "tcp/sack.h"
#include "tcp/window.h"

uint32_t
la_output_window(const struct la_tcb *c)
{
	return la_window_offer(c);
}

/* Fills in window, timestamps, acknowledgement number and the nsack blocks of la_tcp.sack. */
static void
output_fill_hdr(struct la_tcb *c, struct la_tcp_hdr *h, unsigned nsack)
{
	uint32_t w = la_output_window(c) >> c->rcv_wscale;

	h->wnd = (uint16_t)w;
	if (c->flags & LA_F_TS) {
		h->opts |= LA_OPT_TS;
		h->tsval = la_tcb_tsval(c);
		h->tsecr = c->ts_recent;
	}
	if (unlikely(nsack)) {
		h->opts |= LA_OPT_SACK;
		h->nsack = (uint8_t)nsack;
		h->sack = c->tcp->sack;
	}
	if (h->flags & LA_ACK)
		h->ack = c->rcv_nxt;
}

/* Records the ACK that was sent, and the right edge that it offers. */
static void
output_note_ack(struct la_tcb *c, const struct la_tcp_hdr *h)
{
	uint32_t edge = c->rcv_nxt + ((uint32_t)h->wnd << c->rcv_wscale);

	if (unlikely(h->opts & LA_OPT_SACK)) {
		la_count(c->tcp, LA_C_sacks_out);
		if (c->tcp->dsack_of == c)
			la_count(c->tcp, LA_C_dsacks_out);
		c->tcp->dsack_of = NULL;
	}
	c->last_ack_sent = c->rcv_nxt;
	c->rcv_adv = seq_max(c->rcv_adv, edge);
	c->flags &= ~(uint32_t)(LA_F_ACK_NOW | LA_F_ACK_DELAY);
}

/* la_output_segment() with the nsack blocks of la_tcp.sack. */
static bool
output_segment_sack(struct la_tcb *c, uint32_t seq, uint32_t len, uint8_t flags, unsigned nsack)
{
	struct la_tcp_hdr h = {.seq = seq, .flags = flags | LA_ACK};

	output_fill_hdr(c, &h, nsack);
	if (!la_emit(c, &h, seq - c->snd_una, len)) {
		la_tcb_pend(c);
		return false;
	}
	output_note_ack(c, &h);
	c->tcp->counters->v[LA_C_tcp_data_out] += len;
	return true;
}

/* Sends one segment of a synchronized state: `len` bytes from `seq` on. False: no room or no buffer; c is pending. */
bool
la_output_segment(struct la_tcb *c, uint32_t seq, uint32_t len, uint8_t flags)
{
	return output_segment_sack(c, seq, len, flags, la_sack_blocks(c));
}

/* Payload bytes of a full-sized segment with nsack blocks (RFC 6691). */
static uint32_t
output_smss(const struct la_tcb *c, unsigned nsack)
{
	return la_tcb_smss(c) - (nsack ? (uint32_t)la_tcp_sack_len(nsack) : 0);
}

/* SYN, or SYN,ACK in SYN_RCVD (RFC 9293 3.5). Its window is never scaled (RFC 7323 2.2). */
static bool
send_syn(struct la_tcb *c)
{
	const struct la_conn_opts *o = la_tcb_opts(c);
	bool first = c->state == LA_SYN_SENT;
	struct la_tcp_hdr h = {
		.seq = c->snd_una,
		.flags = first ? LA_SYN : LA_SYN | LA_ACK,
		.opts = LA_OPT_MSS,
		.mss = la_mss_offered(c->tcp, o, c->is4),
		.wnd = la_syn_window(o),
		.wscale = c->tcp->profiles[c->profile].rcv_wscale,
	};

	if (first ? !o->no_wscale : (c->flags & LA_F_WS) != 0)
		h.opts |= LA_OPT_WSCALE;
	if (first ? !o->no_timestamps : (c->flags & LA_F_TS) != 0) {
		h.opts |= LA_OPT_TS;
		h.tsval = la_tcb_tsval(c);
		h.tsecr = first ? 0 : c->ts_recent;
	}
	if (first ? !o->no_sack : (c->flags & LA_F_SACK_PERM) != 0)
		h.opts |= LA_OPT_SACK_PERM;
	h.ack = first ? 0 : c->rcv_nxt;
	if (!first) /* not less than an earlier offer (SHLD-14) */
		h.wnd = (uint16_t)RTE_MAX((uint32_t)la_hold_syn_window(c->tcp, o),
					  la_rcv_window(c->rcv_adv, c->rcv_nxt));
	if (!la_emit(c, &h, 0, 0)) {
		la_tcb_pend(c);
		return false;
	}
	if (!first) {
		c->last_ack_sent = c->rcv_nxt;
		c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt + h.wnd);
	}
	c->flags &= ~(uint32_t)LA_F_ACK_NOW;
	if (c->snd_nxt == c->snd_una && c->snd_max != c->snd_una)
		la_count(c->tcp, LA_C_retransmits);
	c->snd_nxt = c->snd_una + 1;
	c->snd_max = c->snd_nxt;
	la_tcb_arm_rexmt(c, c->rto); /* also for the answer to a repeated SYN, which does not prolong R2 */
	return true;
}

/* The sender's silly window avoidance and Nagle's rule (RFC 9293 3.8.6.2.1, 3.7.4): returns whether a
 * segment that is not full may be sent. */
static bool
may_send_small(const struct la_tcb *c, uint32_t len, uint32_t left, bool fin)
{
	if (fin || seq_lt(c->snd_nxt, c->snd_max)) /* the last segment, or a retransmission */
		return true;
	if (c->flags & LA_F_PROBE) /* the override time-out of 3.8.6.2.1 (4) */
		return true;
	if (len == left && ((c->flags & LA_F_NODELAY) || c->snd_nxt == c->snd_una))
		return true;
	return c->max_snd_wnd && len >= c->max_snd_wnd / 2;
}

/* RFC 6298 5: the timer retransmits a segment one RTO or more after its last transmission. The timer is for the segment
 * at snd_una, so every retransmission of that segment restarts the timer: after a time-out, fast retransmit, each
 * partial ACK (the "slow-but-steady" variant of RFC 6582 4), a smaller path MTU, a window that opens. R2 is not
 * restarted. */
static void
output_note_sent(struct la_tcb *c, uint32_t seq, uint32_t seglen)
{
	bool again = false;

	if (seq_lt(seq, c->snd_max)) {
		again = seq == c->snd_una;
		la_count(c->tcp, LA_C_retransmits);
		if (c->retransmits < UINT16_MAX)
			c->retransmits++;
		c->flags &= ~(uint32_t)LA_F_RTT_TIMING; /* Karn */
	} else if (!(c->flags & (LA_F_RTT_TIMING | LA_F_TS))) {
		c->flags |= LA_F_RTT_TIMING;
		c->rtt_seq = seq + seglen;
		c->rtt_at = c->tcp->tick;
	}
	if (unlikely(c->flags & LA_F_RECOVERY) && la_board_of(c))
		la_recovery_sent(c, la_board_of(c), seq, seglen);
	if (c->snd_una == c->snd_max) {
		c->first_unacked_at = c->tcp->tick;
		if (!c->quick_acks) /* a peer with Nagle that answers in two writes waits for an ACK between them */
			c->quick_acks = 1;
	}
	c->last_snd_at = c->tcp->tick;
	c->snd_nxt = seq + seglen;
	c->snd_max = seq_max(c->snd_max, c->snd_nxt);
	if (!(c->flags & LA_F_REXMT_ON) || (c->flags & LA_F_PERSIST) || again) {
		c->flags &= ~(uint32_t)LA_F_PERSIST;
		la_tcb_arm_rexmt(c, c->rto);
	}
}

/* The usable window from snd_una on: the smaller of the peer's window and the congestion window. The congestion window
 * counts one segment more for each of the first two duplicate ACKs (RFC 3042). */
static uint32_t
output_usable_wnd(const struct la_tcb *c)
{
	uint32_t w = c->cwnd;

	if (c->dupacks && c->dupacks < 3 && !(c->flags & LA_F_RECOVERY))
		w += c->dupacks * la_tcb_smss(c);
	return w < c->snd_wnd ? w : c->snd_wnd;
}

/* Sends one segment from snd_nxt on, or our FIN, within wnd bytes from snd_una on. False: no further segment may or can
 * be sent. */
static bool
send_next(struct la_tcb *c, uint32_t wnd)
{
	uint32_t off = c->snd_nxt - c->snd_una, smss, left, len;
	unsigned nsack;
	bool fin;

	if (off > c->snd_queued) /* our FIN was sent, and snd_nxt is past it */
		return false;
	left = c->snd_queued - off;
	if (left == 0 && !(c->flags & LA_F_FIN_QUEUED))
		return false;
	nsack = la_sack_blocks(c);
	smss = output_smss(c, nsack);
	len = left < smss ? left : smss;
	if (off + len > wnd)
		len = off < wnd ? wnd - off : 0;
	fin = (c->flags & LA_F_FIN_QUEUED) && len == left && off + len < wnd;
	if (len == 0 && !fin)
		return false;
	if (len < smss && !may_send_small(c, len, left, fin))
		return false;
	if (!output_segment_sack(c, c->snd_nxt, len, (uint8_t)((len && len == left ? LA_PSH : 0) | (fin ? LA_FIN : 0)),
				 nsack))
		return false;
	if (fin)
		c->flags |= LA_F_FIN_SENT;
	output_note_sent(c, c->snd_nxt, len + fin);
	return true;
}

/* Sends up to `most` sequence numbers from seq on again, in one segment; snd_nxt does not move back. False: the window
 * allows none, or no buffer. */
static bool
send_again(struct la_tcb *c, uint32_t seq, uint32_t most)
{
	unsigned nsack = la_sack_blocks(c);
	uint32_t next = c->snd_nxt, smss = output_smss(c, nsack), off = seq - c->snd_una;
	uint32_t left = c->snd_queued > off ? c->snd_queued - off : 0, len = RTE_MIN(RTE_MIN(left, smss), most);
	bool fin;

	if (off + len > c->snd_wnd)
		len = off < c->snd_wnd ? c->snd_wnd - off : 0;
	fin = (c->flags & LA_F_FIN_SENT) && len == left && len < most;
	if (len + fin == 0 ||
	    !output_segment_sack(c, seq, len, (uint8_t)((len && len == left ? LA_PSH : 0) | (fin ? LA_FIN : 0)), nsack))
		return false;
	output_note_sent(c, seq, len + fin);
	c->snd_nxt = seq_max(c->snd_nxt, next);
	return true;
}

/* send_some() with a scoreboard: NextSeg() (RFC 6675 4), while the congestion window has room for a segment. */
static bool
send_by_board(struct la_tcb *c, struct la_board *b)
{
	uint32_t smss = la_tcb_smss(c), room, most, seq;

	if (seq_lt(c->snd_nxt, c->snd_max))
		la_recovery_rewind(c, b);
	room = la_recovery_room(c, b);
	most = room >= smss ? la_recovery_lost(c, b, &seq) : 0;
	if (most)
		return send_again(c, seq, most);
	if (send_next(c, RTE_MIN(c->snd_nxt - c->snd_una + room, c->snd_wnd)))
		return true;
	most = room >= smss ? la_recovery_idle(c, b, smss, &seq) : 0;
	return most && send_again(c, seq, most);
}

/* Sends one segment of new or retransmitted data, or our FIN. False: no further segment may or can be sent. */
static bool
send_some(struct la_tcb *c)
{
	struct la_board *b = la_board_of(c);

	return unlikely(b) ? send_by_board(c, b) : send_next(c, output_usable_wnd(c));
}

/* Starts the persist timer if data or a FIN is queued, nothing is in flight and the window allows no segment: a probe
 * must detect when the window opens (RFC 9293 3.8.6.1). */
static void
persist_if_stuck(struct la_tcb *c)
{
	bool waits = c->snd_queued || (c->flags & (LA_F_FIN_QUEUED | LA_F_FIN_SENT)) == LA_F_FIN_QUEUED;

	if (!waits || c->snd_nxt != c->snd_una || c->snd_max != c->snd_una)
		return;
	if (c->flags & (LA_F_REXMT_ON | LA_F_PENDING))
		return;
	c->flags |= LA_F_PERSIST;
	c->backoff = 0;
	c->first_unacked_at = c->tcp->tick;
	la_tcb_arm_rexmt(c, c->rto);
}

static void
delay_ack(struct la_tcb *c)
{
	if (c->delack_ref)
		return;
	la_wheel_add(&c->tcp->delack, c->tcp->tick + LA_DELACK_MS, la_tcb_slot(c));
	c->delack_ref = true;
}

static void
pure_ack(struct la_tcb *c)
{
	if (c->quick_acks && c->rcv_nxt != c->last_ack_sent)
		c->quick_acks--;
	la_output_segment(c, c->snd_max, 0, 0);
}

/* Returns whether an ACK must announce the window: buffers of the send queue had nearly closed it and are free again.
 * Otherwise the peer would wait for its own probe (RFC 9293 3.8.6). la_consume() announces a window that unread text
 * had closed. */
static bool
window_opens(const struct la_tcb *c)
{
	int32_t offered = (int32_t)(c->rcv_adv - c->rcv_nxt); /* la_rcv_window(), or below 0 */

	return unlikely(offered < LA_HOLD_WINDOW_LEAST << LA_HOLD_WINDOW_SHIFT >> 1) &&
	       (c->state == LA_ESTABLISHED || c->state == LA_FIN_WAIT_1 || c->state == LA_FIN_WAIT_2) &&
	       la_output_window(c) > (uint32_t)RTE_MAX(offered, 0);
}

void
la_output_send(struct la_tcb *c)
{
	if (unlikely(!c->tcp->on_time))
		la_call_sends(c);
	switch (c->state) {
	case LA_SYN_SENT:
	case LA_SYN_RCVD:
		if (c->snd_nxt == c->snd_una)
			send_syn(c);
		else if (c->flags & LA_F_ACK_NOW)
			la_output_segment(c, c->snd_nxt, 0, 0);
		return;
	case LA_ESTABLISHED:
	case LA_CLOSE_WAIT:
	case LA_FIN_WAIT_1:
	case LA_CLOSING:
	case LA_LAST_ACK:
		if (c->snd_una == c->snd_max && c->snd_queued && (c->flags & LA_F_SRTT) &&
		    c->tcp->tick - c->last_snd_at > c->rto)
			la_cc_idle(c);
		if (unlikely(c->pmtu_at))
			la_pmtu_age(c);
		while (send_some(c))
			;
		persist_if_stuck(c);
		break;
	case LA_FIN_WAIT_2:
		break;
	default:
		return;
	}
	if ((c->flags & LA_F_ACK_NOW) || window_opens(c))
		pure_ack(c);
	else if (c->flags & LA_F_ACK_DELAY)
		delay_ack(c);
}

/* Retransmits the first unacknowledged segment. snd_nxt does not move back. */
void
la_output_resend_first(struct la_tcb *c)
{
	unsigned nsack = la_sack_blocks(c);
	uint32_t next = c->snd_nxt, smss = output_smss(c, nsack);
	uint32_t out = c->snd_max - c->snd_una - la_tcb_fin(c); /* bytes already sent */
	uint32_t len = out < smss ? out : smss;
	bool fin = (c->flags & LA_F_FIN_SENT) && len == c->snd_queued;

	if (len + fin == 0)
		return;
	if (output_segment_sack(c, c->snd_una, len,
				(uint8_t)((len && len == c->snd_queued ? LA_PSH : 0) | (fin ? LA_FIN : 0)), nsack))
		output_note_sent(c, c->snd_una, len + fin);
	c->snd_nxt = seq_max(c->snd_nxt, next);
}
