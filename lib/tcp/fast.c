/* SPDX-License-Identifier: BSD-3-Clause */
/* The fast path for expected segments: theory of operation.
 *
 * A short connection exchanges six segments. In nearly every case each of them is the one that the state of the
 * connection leads one to expect:
 *
 *	state              segment                            effect
 *	(none)             SYN to a listener                  SYN_RCVD, SYN,ACK sent
 *	SYN_SENT           SYN,ACK                            ESTABLISHED
 *	SYN_RCVD           ACK of our SYN, text, FIN          ESTABLISHED, or CLOSE_WAIT
 *	ESTABLISHED        text in order, FIN                 ESTABLISHED, or CLOSE_WAIT
 *	FIN_WAIT_1         ACK of our FIN                     FIN_WAIT_2
 *	FIN_WAIT_1         ACK of our FIN, and FIN            TIME_WAIT, ACK sent
 *	FIN_WAIT_2         FIN                                TIME_WAIT, ACK sent
 *	LAST_ACK           ACK of our FIN                     CLOSED
 *	TIME_WAIT          the peer's FIN again               ACK sent, 2*MSL restarts
 *
 * The general path (input.c and the files that it calls) decides each step of RFC 9293 3.10.7 for every possible
 * segment. The fast path has one function for each row; that of the SYN is in fast_open.c. A function begins with one
 * test that everything is as expected. If the test fails, the function changes nothing and returns false, and the
 * general path processes the segment. If the test succeeds, most decisions of the general path are known, and the
 * function does the remaining work: the same changes of the TCB, the same callbacks, counters, transitions, timers and
 * frames. The general path has the rules: without the fast path nothing changes but the time
 * (la_shard_config.no_fast_path; tests run both ways and compare).
 *
 * A segment is "next" (is_next()) if it begins at RCV.NXT, ends within the window, acknowledges all that was sent, and
 * passes PAWS, while no data is above a hole and no timer but the usual ones runs. So nothing is in flight afterwards,
 * and the answer is one segment (fast_output()): everything that waits, with our FIN if it is queued; or an ACK.
 *
 * The answer is written as a whole frame (frame.h), so the fast path is taken only while lib/net has a header for the
 * answer (la_tcp.eth). The frame is written into the buffer of the segment, unless a queue has taken the buffer. */

#include "tcp/accepted.h"
#include "tcp/events.h"
#include "tcp/frame.h"
#include "tcp/handshake.h"
#include "tcp/window.h"
#include "table/tw_entry.h"

enum {
	/* flags of a TCB that takes the general path */
	UNUSUAL = (int)(LA_F_BLOCKED | LA_F_RECOVERY | LA_F_PERSIST | LA_F_PENDING | LA_F_NO_DF),
	/* least window to offer without a look at la_hold: window_opens() of output.c is then false */
	WIDE = LA_HOLD_WINDOW_LEAST << LA_HOLD_WINDOW_SHIFT >> 1,
};

/* --- tests ------------------------------------------------------------------------------------------------ */

/* Returns whether s is the next segment of c; the caller has checked the flags. */
static __rte_always_inline bool
is_next(const struct la_tcb *c, const struct la_seg *s)
{
	uint32_t differ = (s->seq ^ c->rcv_nxt) | (s->ack ^ c->snd_max) | (c->flags & (uint32_t)UNUSUAL) | c->shadow |
			  (s->opts & LA_OPT_SACK);

	if (differ || c->ooo || (int32_t)(c->rcv_adv - c->rcv_nxt) <= (int32_t)s->len)
		return false;
	return !(c->flags & LA_F_TS) || ((s->opts & LA_OPT_TS) && !la_paws_is_older(s->tsval, c->ts_recent));
}

/* Returns whether all bytes of the send queue were sent, and are in one buffer. fin: our FIN was sent, too. */
static __rte_always_inline bool
all_was_sent(const struct la_tcb *c, bool fin)
{
	return c->snd_max - c->snd_una == c->snd_queued + fin && c->snd_head == c->snd_tail;
}

/* Returns whether the segment's text can be the only unread text of c. */
static __rte_always_inline bool
has_room_for_text(const struct la_tcb *c, const struct la_seg *s)
{
	const struct la_hold *h = &c->tcp->hold;

	return s->m->nb_segs == 1 && !c->rcv_head && c->bufs == (c->snd_head != NULL) && h->held < h->max;
}

/* --- parts of the work ------------------------------------------------------------------------------------ */

/* Removes the only buffer of the send queue. */
static __rte_always_inline void
fast_drop_sent(struct la_tcb *c)
{
	struct rte_mbuf *m = c->snd_head;

	if (!m)
		return;
	c->snd_queued = 0;
	c->snd_head = c->snd_tail = NULL;
	la_hold_release(c, 1);
	m->tx_offload = 0;
	la_spare_put(c->tcp, m);
}

/* The segment acknowledges all that was sent, and something new (ack_advance_una() of ack.c). */
static __rte_always_inline void
fast_acked(struct la_tcb *c, const struct la_seg *s)
{
	uint32_t acked = s->ack - c->snd_una;

	la_accepted_rtt(c, s);
	fast_drop_sent(c);
	c->snd_una = c->snd_nxt = s->ack;
	c->first_unacked_at = c->tcp->tick;
	if (c->flags & LA_F_USER_CLOSED)
		la_tcb_orphan(c);
	c->backoff = 0;
	c->flags &= ~(uint32_t)LA_F_REXMT_ON;
	la_accepted_cwnd(c, acked);
}

/* Text and FIN in order (la_text_arrives()). Returns the callbacks that are due. */
static __rte_always_inline uint32_t
fast_receive(struct la_tcb *c, struct la_seg *s)
{
	uint32_t news = 0;

	if (!s->len && !(s->flags & LA_FIN))
		return 0;
	c->flags |= (c->flags & LA_F_ACK_DELAY) || c->quick_acks ? LA_F_ACK_NOW : LA_F_ACK_DELAY;
	if (s->len) {
		c->rcv_nxt += s->len;
		c->rcv_queued = s->len;
		c->tcp->counters->v[LA_C_tcp_data_in] += s->len;
		c->rcv_head = c->rcv_tail = s->m;
		s->m = NULL;
		la_hold_take(c, 1);
		news = LA_F_NEW_DATA;
	}
	if (s->flags & LA_FIN) {
		c->rcv_nxt++;
		c->flags |= LA_F_ACK_NOW;
		la_tcb_set_state_from(c, LA_ESTABLISHED, LA_CLOSE_WAIT);
		news |= LA_F_NEW_FIN;
	}
	return news;
}

/* --- output ----------------------------------------------------------------------------------------------- */

/* Writes and queues a frame of c with len bytes of text, which are in one buffer, and records its ACK
 * (la_output_segment()). wnd: bytes to offer. */
static __rte_always_inline void
fast_emit(struct la_tcb *c, struct rte_mbuf *m, bool is4, uint32_t len, uint8_t flags, uint32_t wnd)
{
	struct la_tcp *t = c->tcp;
	struct la_tcp_hdr h = {
		.seq = c->snd_max,
		.ack = c->rcv_nxt,
		.sport = c->lport,
		.dport = c->rport,
		.wnd = (uint16_t)(wnd >> c->rcv_wscale),
		.flags = flags,
	};

	if (c->flags & LA_F_TS) {
		h.opts = LA_OPT_TS;
		h.tsval = la_tcb_tsval(c);
		h.tsecr = c->ts_recent;
	}
	la_frame_send(t, m, is4, &c->laddr, &c->raddr, &h, len ? rte_pktmbuf_mtod(c->snd_head, const uint8_t *) : NULL,
		      len);
	c->last_ack_sent = c->rcv_nxt;
	c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt + ((uint32_t)h.wnd << c->rcv_wscale));
	c->flags &= ~(uint32_t)(LA_F_ACK_NOW | LA_F_ACK_DELAY);
}

/* Nothing is queued: sends the ACK that is due, or delays it. */
static __rte_always_inline bool
fast_output_ack(struct la_tcb *c, struct la_seg *s, bool is4)
{
	struct la_tcp *t = c->tcp;
	struct rte_mbuf *m;

	if (!(c->flags & LA_F_ACK_NOW)) {
		if ((int32_t)(c->rcv_adv - c->rcv_nxt) < WIDE || ((c->flags & LA_F_ACK_DELAY) && !c->delack_ref))
			return false;
		return true;
	}
	if (t->out_n >= LA_TCP_OUT_MAX || !(m = la_frame_buffer(t, s)))
		return false;
	if (c->quick_acks && c->rcv_nxt != c->last_ack_sent)
		c->quick_acks--;
	fast_emit(c, m, is4, 0, LA_ACK, la_window_offer(c));
	return true;
}

/* Records the segment that was sent: len sequence numbers (output_note_sent() of output.c). */
static __rte_always_inline void
fast_note_sent(struct la_tcb *c, uint32_t len)
{
	uint32_t tick = c->tcp->tick;

	if (!(c->flags & (LA_F_RTT_TIMING | LA_F_TS))) {
		c->flags |= LA_F_RTT_TIMING;
		c->rtt_seq = c->snd_max + len;
		c->rtt_at = tick;
	}
	c->first_unacked_at = tick;
	if (!c->quick_acks)
		c->quick_acks = 1;
	c->last_snd_at = tick;
	c->snd_nxt = c->snd_max = c->snd_max + len;
	if (!(c->flags & LA_F_REXMT_ON))
		la_tcb_arm_rexmt(c, c->rto);
}

/* la_output_send() when everything that waits fits one segment, and nothing is in flight. False: nothing has
 * changed. */
static __rte_always_inline bool
fast_output(struct la_tcb *c, struct la_seg *s, bool is4)
{
	struct la_tcp *t = c->tcp;
	uint32_t len = c->snd_queued, most = c->cwnd < c->snd_wnd ? c->cwnd : c->snd_wnd, wnd;
	bool fin = (c->flags & LA_F_FIN_QUEUED) != 0;
	struct rte_mbuf *m;

	if ((c->flags & ((uint32_t)UNUSUAL | LA_F_LIFE | LA_F_FIN_SENT)) || c->snd_una != c->snd_max || c->pmtu_at)
		return false;
	if (unlikely(!t->eth)) /* the callbacks have sent many packets */
		return false;
	if (len + fin == 0)
		return fast_output_ack(c, s, is4);
	if (len >= most || len > la_tcb_smss(c) || len > LA_COPY_MAX || c->snd_head != c->snd_tail ||
	    t->out_n >= t->out_text)
		return false;
	if (len && (c->flags & LA_F_SRTT) && t->tick - c->last_snd_at > c->rto) /* la_cc_idle() */
		return false;
	wnd = la_window_offer(c);
	if (wnd < WIDE + (1u << c->rcv_wscale) || !(m = la_frame_buffer(t, s)))
		return false;
	fast_emit(c, m, is4, len, (uint8_t)(LA_ACK | (len ? LA_PSH : 0) | (fin ? LA_FIN : 0)), wnd);
	t->counters->v[LA_C_tcp_data_out] += len;
	c->flags |= fin ? LA_F_FIN_SENT : 0u;
	fast_note_sent(c, len + fin);
	return true;
}

/* Callbacks, output, and the end of BUSY (la_input_end_work()), in a state with output. */
static __rte_always_inline void
fast_end_work(struct la_tcb *c, struct la_seg *s, bool is4, uint32_t news)
{
	if (s->m) /* calls of the callbacks may take the buffer, as in the general path */
		la_spare_free_seg(c->tcp, s);
	la_events_run(c, news);
	if (likely(fast_output(c, s, is4)))
		c->flags &= ~(uint32_t)LA_F_BUSY;
	else
		la_input_end_work(c);
}

/* --- one function for each expected segment --------------------------------------------------------------- */

/* SYN_SENT: the SYN,ACK. The answer has what the user sends in `opened`, or is an ACK. */
static __rte_always_inline bool
fast_syn_sent(struct la_tcb *c, struct la_seg *s, bool is4)
{
	enum { NOT_PLAIN = UNUSUAL | LA_F_SYN_LOST | LA_F_FIN_QUEUED | LA_F_ACK_NOW };

	if (s->flags != (LA_SYN | LA_ACK) || s->ack != c->snd_max || c->snd_max - c->snd_una != 1 || s->len ||
	    (c->flags & (uint32_t)NOT_PLAIN) || c->shadow || c->snd_head)
		return false;
	c->flags |= LA_F_BUSY;
	la_handshake_syn_acked(c, s);
	c->flags &= ~(uint32_t)LA_F_NEW_OPEN;
	c->flags |= LA_F_ACK_NOW;
	fast_end_work(c, s, is4, LA_F_NEW_OPEN);
	return true;
}

/* SYN_RCVD: the ACK of our SYN, perhaps with text and FIN. */
static __rte_always_inline bool
fast_syn_rcvd(struct la_tcb *c, struct la_seg *s, bool is4)
{
	if (!is_next(c, s) || (c->flags & (LA_F_ACTIVE | LA_F_SYN_LOST | LA_F_FIN_QUEUED | LA_F_ACK_NOW)) ||
	    c->snd_max - c->snd_una != 1 || c->snd_head || (s->len && !has_room_for_text(c, s)))
		return false;
	c->flags |= LA_F_BUSY;
	if ((c->flags & LA_F_TS) && s->tsecr)
		la_accepted_rtt_sample(c, la_tcb_tsval(c) - s->tsecr);
	c->snd_una++;
	la_handshake_done(c);
	c->flags &= ~(uint32_t)LA_F_NEW_OPEN;
	la_accepted_alive(c);
	la_accepted_ts_recent(c, s);
	la_accepted_snd_wnd(c, s);
	fast_end_work(c, s, is4, fast_receive(c, s) | LA_F_NEW_OPEN);
	return true;
}

/* ESTABLISHED: text or FIN in order, or an ACK; all of our data is acknowledged. */
static __rte_always_inline bool
fast_established(struct la_tcb *c, struct la_seg *s, bool is4)
{
	uint32_t news = 0;

	if (!is_next(c, s) || !all_was_sent(c, false) || (s->len && !has_room_for_text(c, s)))
		return false;
	c->flags |= LA_F_BUSY;
	la_accepted_alive(c);
	la_accepted_ts_recent(c, s);
	if (s->ack != c->snd_una) {
		fast_acked(c, s);
		news = LA_F_NEW_ACK;
	}
	la_accepted_snd_wnd(c, s);
	news |= fast_receive(c, s);
	fast_end_work(c, s, is4, news);
	return true;
}

/* Both FINs are acknowledged: the connection leaves its TCB (end_orderly() of end.c). After la_close() only `closed` is
 * due. */
static __rte_always_inline void
fast_end(struct la_tcb *c, uint32_t news)
{
	enum { TIMERS = LA_F_REXMT_ON | LA_F_FW2_TIMER | LA_F_ACK_NOW | LA_F_ACK_DELAY };
	struct la_closed why = {.end = LA_END_ORDERLY};

	la_count(c->tcp, LA_C_ended_orderly);
	c->flags &= ~(uint32_t)TIMERS;
	if (!(c->flags & LA_F_USER_CLOSED)) {
		la_tcb_set_life(c, LA_TCB_DETACHED);
		c->flags |= news;
		la_input_end_work(c);
		return;
	}
	c->tcp->hold.orphans--;
	la_tcb_set_life(c, LA_TCB_ENDED);
	la_tcb_drop_buffers(c);
	if ((c->flags & LA_F_USER_KNOWS) && c->ops->closed)
		c->ops->closed((struct la_conn *)c, c->user, &why);
	c->flags &= ~(uint32_t)LA_F_BUSY;
	la_tcb_free(c);
}

/* FIN_WAIT_1: the ACK of our FIN. */
static __rte_always_inline bool
fast_fin_acked(struct la_tcb *c, struct la_seg *s)
{
	uint32_t bytes = c->snd_queued;

	if (!is_next(c, s) || s->len || !(c->flags & LA_F_FIN_SENT) || !all_was_sent(c, true))
		return false;
	la_spare_free_seg(c->tcp, s);
	c->flags |= LA_F_BUSY;
	la_accepted_alive(c);
	la_accepted_ts_recent(c, s);
	fast_acked(c, s);
	la_tcb_set_state_from(c, LA_FIN_WAIT_1, LA_FIN_WAIT_2);
	la_accepted_snd_wnd(c, s);
	c->flags |= bytes ? LA_F_NEW_ACK : 0u;
	la_input_end_work(c);
	return true;
}

/* FIN_WAIT_1 and FIN_WAIT_2: the peer's FIN, and in FIN_WAIT_1 also the ACK of our FIN. The ACK is sent, and the
 * TIME_WAIT entry takes the place of the TCB. */
static __rte_always_inline bool
fast_last_fin(struct la_tcb *c, struct la_seg *s, la_ref *place, bool is4)
{
	struct la_tcp *t = c->tcp;
	bool fin_acked = c->state == LA_FIN_WAIT_1;
	uint32_t news = LA_F_NEW_FIN;
	struct la_tw_core core;
	struct rte_mbuf *m;

	if (!is_next(c, s) || s->len || !(c->flags & LA_F_FIN_SENT) || c->rcv_queued || t->out_n >= LA_TCP_OUT_MAX ||
	    !(fin_acked ? all_was_sent(c, true) : c->snd_una == c->snd_max) || !(m = la_frame_buffer(t, s)))
		return false;
	c->flags |= LA_F_BUSY;
	la_accepted_alive(c);
	la_accepted_ts_recent(c, s);
	if (fin_acked) {
		news |= c->snd_queued ? LA_F_NEW_ACK : 0u;
		fast_acked(c, s);
		la_tcb_set_state_from(c, LA_FIN_WAIT_1, LA_FIN_WAIT_2);
	}
	la_accepted_snd_wnd(c, s);
	c->rcv_nxt++;
	fast_emit(c, m, is4, 0, LA_ACK, la_window_offer(c));
	core = la_tcb_entry(c);
	la_tw_enter_at(&t->tw, place, is4, &c->laddr, &c->raddr, (uint32_t)c->lport << 16 | c->rport, &core, t->tick,
		       t->profiles[c->profile].tw_class);
	la_tcb_set_state_from(c, LA_FIN_WAIT_2, LA_TIME_WAIT);
	fast_end(c, news);
	return true;
}

/* LAST_ACK: the ACK of our FIN. */
static __rte_always_inline bool
fast_last_ack(struct la_tcb *c, struct la_seg *s, const la_ref *place)
{
	struct la_tcp *t = c->tcp;

	if (!is_next(c, s) || s->len || !(c->flags & LA_F_FIN_SENT) || !all_was_sent(c, true) ||
	    la_index_place(&t->index, s->hash, *place) != place)
		return false;
	la_spare_free_seg(t, s);
	c->flags |= LA_F_BUSY;
	la_accepted_alive(c);
	la_accepted_ts_recent(c, s);
	fast_acked(c, s);
	la_isn_passed(c);
	la_index_remove_at(&t->index, (la_ref *)(uintptr_t)place);
	la_tw_unreserve(&t->tw, &c->raddr);
	la_tcb_set_state_from(c, LA_LAST_ACK, LA_CLOSED);
	fast_end(c, 0);
	return true;
}

static __rte_always_inline bool
fast_tcb(struct la_tcb *c, struct la_seg *s, la_ref *place, bool is4)
{
	uint8_t flags = s->flags & (uint8_t)~LA_PSH;

	if (unlikely((flags & ~LA_FIN) != LA_ACK))
		return c->state == LA_SYN_SENT && fast_syn_sent(c, s, is4);
	switch (c->state) {
	case LA_SYN_RCVD:
		return fast_syn_rcvd(c, s, is4);
	case LA_ESTABLISHED:
		return fast_established(c, s, is4);
	case LA_FIN_WAIT_1:
		return flags & LA_FIN ? fast_last_fin(c, s, place, is4) : fast_fin_acked(c, s);
	case LA_FIN_WAIT_2:
		return (flags & LA_FIN) && fast_last_fin(c, s, place, is4);
	case LA_LAST_ACK:
		return flags == LA_ACK && fast_last_ack(c, s, place);
	default:
		return false;
	}
}

/* TIME_WAIT: the peer's FIN again (rule 6 of tw_input.c). */
static __rte_always_inline bool
fast_repeated_fin(struct la_tcp *t, la_ref ref, struct la_seg *s, bool is4)
{
	struct la_tw_core *e = la_tw_core(&t->tw, ref);
	bool ts = (e->flags & LA_TW_TS) != 0;
	struct la_tcp_hdr h = {
		.seq = e->snd_nxt,
		.ack = e->rcv_nxt,
		.sport = s->dport,
		.dport = s->sport,
		.wnd = e->wnd,
		.flags = LA_ACK,
	};
	struct rte_mbuf *m;

	if ((s->flags & (uint8_t)~LA_PSH) != (LA_FIN | LA_ACK) || (e->flags & LA_TW_FW2) ||
	    seq_gt(s->ack, e->snd_nxt) || s->seq + s->len + 1 != e->rcv_nxt || t->out_n >= LA_TCP_OUT_MAX)
		return false;
	if (ts && (!(s->opts & LA_OPT_TS) || la_paws_is_older(s->tsval, e->ts_recent)))
		return false;
	m = la_frame_buffer(t, s);
	if (!m)
		return false;
	e->deadline = t->tick + la_tw_lifetime_of(&t->tw, e->flags);
	if (ts) {
		struct la_tuple tuple = {s->dst, s->src, s->dport, s->sport};

		e->ts_recent = s->tsval;
		h.opts = LA_OPT_TS;
		h.tsval = t->tick + la_isn(t, &tuple).ts_offset;
		h.tsecr = s->tsval;
	}
	la_frame_send(t, m, is4, &s->dst, &s->src, &h, NULL, 0);
	la_count(t, LA_C_time_wait_fin_acked);
	return true;
}

__attribute__((flatten)) bool
la_fast_input(struct la_tcp *t, struct la_seg *s, la_ref *place)
{
	la_ref ref = *place;

	if (la_ref_pool(ref) == LA_POOL_TCB) {
		struct la_tcb *c = &t->tcbs[la_ref_slot(ref)];

		return s->is4 ? fast_tcb(c, s, place, true) : fast_tcb(c, s, place, false);
	}
	return s->is4 ? fast_repeated_fin(t, ref, s, true) : fast_repeated_fin(t, ref, s, false);
}
