/* SPDX-License-Identifier: BSD-3-Clause */
/* SEGMENT ARRIVES (RFC 9293 3.10.7), for bursts.
 *
 * A burst is walked three times: hash and prefetch the index line; prefetch the object of the line's tag;
 * run the state machine in arrival order, with its data in the cache. The third walk looks each tuple up
 * again, so that a segment finds the changes that earlier segments of the burst have made.
 *
 * The order of checks in a synchronized state: RST, PAWS (RFC 7323 5.3 R1), SYN (RFC 5961 answers a SYN at any sequence
 * number), sequence number, ACK, text, FIN. text.c processes text and FIN: la_text_arrives() and fin_arrives().
 *
 * Urgent data has no step of its own: it is read in line (MUST-31). The API does not pass on the urgent pointer, which
 * is a hint to the reader. */

#include "tcp/accepted.h"
#include "tcp/events.h"
#include "tcp/handshake.h"
#include "tcp/sack.h"

/* --- answers and endings of one step -------------------------------------------------------------------- */

/* RFC 5961 7: challenge ACKs are rate-limited. The limit is per connection, so that the number of challenge ACKs gives
 * no information to off-path hosts (CVE-2016-5696). */
void
la_input_challenge_ack(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;

	if ((uint16_t)(t->tick - c->challenge_at) >= LA_CHALLENGE_WINDOW_MS) {
		c->challenge_at = (uint16_t)t->tick;
		c->challenges = 0;
	}
	if (c->challenges >= LA_CHALLENGE_MAX) {
		la_count(t, LA_C_challenge_throttled);
		return;
	}
	c->challenges++;
	la_count(t, LA_C_challenge_acks);
	la_output_segment(c, c->snd_max, 0, 0);
}

/* Answers an unacceptable segment by <SEQ=snd_max><ACK=rcv_nxt><CTL=ACK> (3.10.7.4 first step). A segment with data or
 * FIN usually arrives again because our ACK was lost: its answer is not limited. An empty segment may answer an ACK of
 * ours: its answer is throttled, because two desynchronized sides must not answer each other for ever. */
static void
answer_unacceptable(struct la_tcb *c, const struct la_seg *s)
{
	if (la_seg_len(s) == 0) {
		la_input_challenge_ack(c);
		return;
	}
	la_count(c->tcp, LA_C_dup_acks_out);
	la_sack_old(c, s);
	la_output_segment(c, c->snd_max, 0, 0);
}

/* --- the steps of 3.10.7.4 ------------------------------------------------------------------------------ */

/* RFC 7323 5.3 R1 and 3.2. True: the segment was dropped, and answered where the RFC requires it. */
static bool
paws_drops(struct la_tcb *c, const struct la_seg *s)
{
	struct la_tcp *t = c->tcp;

	if (!(s->opts & LA_OPT_TS)) {
		if (s->flags & LA_SYN)
			return false; /* syn_drops() decides */
		la_count(t, LA_C_drop_no_timestamp);
		return true;
	}
	if (!la_paws_rejects(c, s))
		return false;
	la_count(t, LA_C_drop_paws);
	if (s->flags & LA_SYN)
		la_input_challenge_ack(c);
	else
		answer_unacceptable(c, s);
	return true;
}

/* RFC 5961 3.2. */
static void
rst_arrives(struct la_tcb *c, const struct la_seg *s)
{
	struct la_tcp *t = c->tcp;

	if (s->seq != c->rcv_nxt) {
		la_count(t, LA_C_drop_rst_seq);
		if (la_seq_in_window(s->seq, c->rcv_nxt, la_rcv_window(c->rcv_adv, c->rcv_nxt)))
			la_input_challenge_ack(c);
		return;
	}
	if (c->state == LA_SYN_RCVD && (c->flags & LA_F_ACTIVE))
		la_end_conn(c, LA_END_REFUSED);
	else
		la_end_conn(c, LA_END_RESET);
}

/* RFC 5961 4.2 and two cases of the handshake. True: the segment was processed; false: it is the SYN,ACK of a
 * simultaneous open, and the remaining steps apply. */
static bool
syn_drops(struct la_tcb *c, struct la_seg *s)
{
	if (c->state == LA_SYN_RCVD && s->seq == c->rcv_nxt - 1) {
		if (!(s->flags & LA_ACK)) { /* our SYN,ACK was lost */
			c->flags |= LA_F_SYN_LOST;
			c->snd_nxt = c->snd_una;
			la_output_send(c);
			return true;
		}
		if ((c->flags & LA_F_ACTIVE) && s->ack == c->snd_max) {
			s->seq++;
			s->flags &= (uint8_t)~LA_SYN;
			s->wnd = (uint16_t)(s->wnd >> c->snd_wscale); /* a SYN's window is not scaled */
			return false;
		}
	}
	la_count(c->tcp, LA_C_drop_syn_sync);
	la_input_challenge_ack(c);
	return true;
}

/* The segment has failed the first step of 3.10.7.4. The ACK of a repeated FIN is valid in CLOSING: in a simultaneous
 * close where both final ACKs were lost, this ACK takes both sides out of CLOSING (RFC 9293 appendix A.2). */
static void
seg_unacceptable(struct la_tcb *c, const struct la_seg *s)
{
	la_count(c->tcp, LA_C_drop_seq);
	answer_unacceptable(c, s);
	if (c->state == LA_CLOSING && (s->flags & LA_FIN) && (s->flags & LA_ACK) &&
	    s->seq + la_seg_len(s) == c->rcv_nxt && s->ack == c->snd_max)
		la_ack_arrives(c, s);
}

/* Fifth step in SYN_RCVD. False: the segment does not acknowledge our SYN,ACK, and was answered by a RST. */
static bool
syn_rcvd_ack(struct la_tcb *c, const struct la_seg *s)
{
	if (seq_le(s->ack, c->snd_una) || seq_gt(s->ack, c->snd_max)) {
		la_count(c->tcp, LA_C_drop_ack_unsent);
		la_emit_rst_ack(c->tcp, s);
		return false;
	}
	if ((c->flags & LA_F_TS) && s->tsecr)
		la_accepted_rtt_sample(c, la_tcb_tsval(c) - s->tsecr);
	c->snd_una++;
	la_handshake_done(c);
	return true;
}

/* Fifth step: returns whether the ACK may be processed (RFC 5961 5.2, RFC 9293 3.10.7.4). */
static bool
ack_valid(struct la_tcb *c, const struct la_seg *s)
{
	if (seq_gt(s->ack, c->snd_max)) {
		la_count(c->tcp, LA_C_drop_ack_unsent);
		la_input_challenge_ack(c);
		return false;
	}
	if (seq_lt(s->ack, c->snd_una - c->max_snd_wnd)) {
		la_count(c->tcp, LA_C_drop_ack_old);
		la_input_challenge_ack(c);
		return false;
	}
	return true;
}

/* The checks of the first five steps, for a segment without RST. True: the segment was refused, and answered if due. */
static __rte_always_inline bool
seg_refused(struct la_tcb *c, struct la_seg *s)
{
	if ((c->flags & LA_F_TS) && paws_drops(c, s))
		return true;
	if ((s->flags & LA_SYN) && syn_drops(c, s))
		return true;
	if (!la_seg_acceptable(s->seq, la_seg_len(s), c->rcv_nxt, la_rcv_window(c->rcv_adv, c->rcv_nxt))) {
		seg_unacceptable(c, s);
		return true;
	}
	if (!(s->flags & LA_ACK)) {
		la_count(c->tcp, LA_C_drop_ack_missing);
		return true;
	}
	return c->state != LA_SYN_RCVD && !ack_valid(c, s);
}

static void
input_synchronized(struct la_tcb *c, struct la_seg *s)
{
	bool opens = c->state == LA_SYN_RCVD;

	if (s->flags & LA_RST) {
		rst_arrives(c, s);
		return;
	}
	if (unlikely(seg_refused(c, s))) {
		la_emit_rst_charge(c->tcp, s); /* see emit.c */
		return;
	}
	if (opens && !syn_rcvd_ack(c, s))
		return;
	la_accepted_alive(c);
	la_accepted_ts_recent(c, s);
	la_ack_arrives(c, s);
	if ((s->len || (s->flags & LA_FIN)) && la_tcb_is_live(c))
		la_text_arrives(c, s);
	if (unlikely(opens && c->ooo)) /* text of a SYN that crossed ours */
		la_text_deliver_queued(c);
}

/* --- callbacks ------------------------------------------------------------------------------------------ */

static void
input_run_callbacks(struct la_tcb *c)
{
	uint32_t news = c->flags & (LA_F_NEW_OPEN | LA_F_NEW_ACK | LA_F_NEW_DATA | LA_F_NEW_FIN);

	c->flags &= ~news;
	la_events_run(c, news);
	if ((c->flags & LA_F_BLOCKED) && la_tcb_is_live(c) && !(c->flags & LA_F_USER_CLOSED) &&
	    c->snd_queued <= la_tcb_opts(c)->sndbuf / 2) {
		c->flags &= ~(uint32_t)LA_F_BLOCKED;
		if (c->ops->writable)
			c->ops->writable((struct la_conn *)c, c->user);
	}
}

/* Ends the work on a BUSY connection: calls the due callbacks, sends what may be sent, and frees an ended
 * TCB. */
void
la_input_end_work(struct la_tcb *c)
{
	if (la_tcb_in_use(c))
		input_run_callbacks(c);
	if (la_tcb_is_live(c)) {
		la_output_send(c);
		if (c->state == LA_FIN_WAIT_2)
			la_end_limit_fin_wait_2(c);
	}
	if (la_tcb_is_detached(c))
		la_end_if_read(c);
	c->flags &= ~(uint32_t)LA_F_BUSY;
	if (!la_tcb_in_use(c))
		la_tcb_free(c);
}

/* --- a burst --------------------------------------------------------------------------------------------- */

/* A segment without text is answered in its own buffer. A FIN may have to wait for earlier text. */
static inline bool
seg_is_bare(const struct la_seg *s)
{
	return s->len == 0 && !(s->flags & LA_FIN);
}

void
la_input_segment(struct la_tcb *c, struct la_seg *s)
{
	if (unlikely(c->state <= LA_SYN_RCVD) && c->shadow && la_open_shadow_input(c, s))
		return;
	c->flags |= LA_F_BUSY;
	if (c->state == LA_SYN_SENT)
		la_open_syn_sent_input(c, s);
	else
		input_synchronized(c, s);
	if (unlikely(s->opts & LA_OPT_SACK) && s->m &&
	    seg_is_bare(s)) /* the blocks, which are in the buffer, were read */
		la_spare_free_seg(c->tcp, s);
	la_input_end_work(c);
	c->tcp->dsack_of = NULL;
}

/* RFC 6191 2 requires that timestamps "would be enabled for the new incarnation": the SYN offers them and the listener
 * accepts them. Timestamps that the listener does not accept do not make a SYN newer, because the SYN of the old
 * connection also offered timestamps. */
static void
drop_refused_timestamps(struct la_tcp *t, struct la_seg *s)
{
	const struct la_listener *l;

	if (!(s->flags & LA_SYN) || !(s->opts & LA_OPT_TS))
		return;
	l = la_listener_find(t, &s->dst, s->dport);
	if (l && t->profiles[l->profile].o.no_timestamps)
		s->opts &= (uint8_t)~LA_OPT_TS;
}

static void
time_wait_arrives(struct la_tcp *t, la_ref *place, struct la_seg *s)
{
	la_ref ref = *place;
	const struct la_tw_core *e = la_tw_core(&t->tw, ref); /* readable also after la_tw_input() has freed it */

	if (unlikely(seq_gt(s->ack, e->snd_nxt)) && la_open_reopen_input(t, s, place))
		return;
	if (s->m)
		la_spare_free_seg(t, s);
	drop_refused_timestamps(t, s);
	if (s->seq + la_seg_len(s) != e->rcv_nxt) /* neither the peer's FIN nor an ACK after it */
		la_emit_rst_charge(t, s);
	switch (la_tw_input(&t->tw, ref, s, t->tick)) {
	case LA_TW_DROP:
		break;
	case LA_TW_ACK:
		la_emit_time_wait(t, e, s, LA_ACK);
		break;
	case LA_TW_RST:
		la_emit_time_wait(t, e, s, LA_RST | LA_ACK);
		break;
	case LA_TW_REOPEN:
		la_open_listen_input(t, s, place);
		break;
	}
}

/* Returns the place of the segment's tuple in the index, or NULL. The second walk has found a place with the tag of the
 * tuple. An earlier segment of the burst may have changed the reference there. */
static __rte_always_inline la_ref *
input_lookup(struct la_tcp *t, const struct la_seg *s)
{
	if (likely(s->ref && *s->place == s->ref) &&
	    likely(s->is4 ? la_tcb_match4(t, s->ref, s) : la_tcb_match6(t, s->ref, s)))
		return s->place;
	if (!s->ref && la_index_misses(&t->index, s->hash))
		return NULL;
	return la_tcb_lookup(t, s);
}

static void
segment_arrives(struct la_tcp *t, struct la_seg *s)
{
	la_ref *place = input_lookup(t, s);

	if (likely(t->eth != NULL) &&
	    (likely(place != NULL) ? la_fast_input(t, s, place) : s->flags == LA_SYN && la_fast_syn(t, s)))
		return;
	if (seg_is_bare(s) && !(s->opts & LA_OPT_SACK))
		la_spare_free_seg(t, s);
	if (!place)
		la_open_listen_input(t, s, NULL);
	else if (la_ref_pool(*place) == LA_POOL_TCB)
		la_input_segment(&t->tcbs[la_ref_slot(*place)], s);
	else
		time_wait_arrives(t, place, s);
}

/* A load whose result is not used. A prefetch into a table this large misses the TLB and is usually dropped. A repeated
 * FIN into a table of a million entries took 784 cycles with a prefetch, and takes 444 cycles with this load. */
static inline void
prefetch_by_load(const void *p)
{
	(void)*(const volatile uint32_t *)p;
}

static void
prefetch_object(const struct la_tcp *t, la_ref ref)
{
	uint32_t slot = la_ref_slot(ref);

	switch (la_ref_pool(ref)) {
	case LA_POOL_TCB:
		__builtin_prefetch(&t->tcbs[slot]);
		__builtin_prefetch((const char *)&t->tcbs[slot] + 64);
		__builtin_prefetch((const char *)&t->tcbs[slot] + 128);
		__builtin_prefetch((const char *)&t->tcbs[slot] + 192);
		break;
	case LA_POOL_TW4:
		prefetch_by_load((const struct la_tw4 *)t->tw.pool[0].slots + slot);
		break;
	case LA_POOL_TW6:
		prefetch_by_load((const struct la_tw6 *)t->tw.pool[1].slots + slot);
		break;
	case LA_POOL_NONE:
		break;
	}
}

bool
la_tcp_input(struct la_tcp *t, struct la_seg *segs, unsigned n, const uint8_t *eth)
{
	struct la_spare spare;
	uint64_t late = 0; /* bit i: the key of segment i, below 64, may be in its second bucket */

	spare.n = 0;
	t->spare = &spare;
	t->on_time = true;
	t->eth_used = false;
	t->bare = 0;
	t->counters->v[LA_C_tcp_segments_in] += n;
	for (unsigned i = 0; i < n; i++) {
		struct la_seg *s = &segs[i];
		uint32_t ports = (uint32_t)s->dport << 16 | s->sport;

		s->hash = s->is4 ? la_hash_tuple4(&t->key, s->dst.w[3], s->src.w[3], ports)
				 : la_hash_tuple6(&t->key, &s->dst, &s->src, ports);
		la_index_prefetch(&t->index, s->hash);
	}
	for (unsigned i = 0; i < n; i++) {
		segs[i].ref = la_index_peek(&t->index, segs[i].hash, &segs[i].place);
		if (segs[i].ref)
			prefetch_object(t, segs[i].ref);
		else if (la_index_prefetch_other(&t->index, segs[i].hash))
			late |= i < 64 ? 1ull << i : 0;
	}
	for (; late; late &= late - 1)
		prefetch_object(t, la_index_peek_other(&t->index, segs[__builtin_ctzll(late)].hash));
	for (unsigned i = 0; i < n; i++) {
		t->eth = segs[i].usual_hop && t->bare < LA_TCP_BARE_MAX ? eth : NULL;
		segment_arrives(t, &segs[i]);
		if (segs[i].m) /* no queue has taken the buffer */
			la_spare_free_seg(t, &segs[i]);
	}
	t->spare = NULL;
	t->on_time = false;
	t->eth = NULL;
	la_spare_flush(&spare);
	return t->eth_used;
}
