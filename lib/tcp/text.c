/* SPDX-License-Identifier: BSD-3-Clause */
/* The peer's text and FIN (RFC 9293 3.10.7.4 seventh and eighth step).
 *
 * In-order bytes are a chain of mbuf segments, linked through `next`; ooo.c has data above a hole. Text that
 * fits after the last bytes of the chain is copied there, so that a peer that sends byte by byte does not take a
 * buffer for each byte. In a long chain, when the user does not read, every segment is packed: its first bytes fill the
 * last buffer of the chain, and the rest stays in the segment's own buffer. So a full receive buffer takes little more
 * memory than its size. */

#include "tcp/board.h"
#include "tcp/sack.h"

enum { PACK_AFTER = 16 }; /* buffers of a connection beyond which segments are packed */

/* Cuts n bytes off the front of a chain; n is at most its length. Returns the new head. */
static struct rte_mbuf *
trim_front(struct rte_mbuf *m, uint32_t n)
{
	uint32_t len = m->pkt_len - n;
	uint16_t segs = m->nb_segs;

	while (m->next && n >= m->data_len) {
		struct rte_mbuf *next = m->next;

		n -= m->data_len;
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free_seg(m);
		m = next;
		segs--;
	}
	m->data_off = (uint16_t)(m->data_off + n);
	m->data_len = (uint16_t)(m->data_len - n);
	m->pkt_len = len;
	m->nb_segs = segs;
	return m;
}

/* Cuts a chain to its first `len` bytes; len is at least 1. */
static void
trim_back(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *seg = m, *rest;
	uint32_t left = len;
	uint16_t segs = 1;

	for (; left > seg->data_len; seg = seg->next, segs++)
		left -= seg->data_len;
	seg->data_len = (uint16_t)left;
	rest = seg->next;
	seg->next = NULL;
	m->pkt_len = len;
	m->nb_segs = segs;
	while (rest) {
		struct rte_mbuf *next = rest->next;

		rte_pktmbuf_free_seg(rest);
		rest = next;
	}
}

static void
drop_chain(struct la_tcb *c, struct rte_mbuf *m)
{
	for (struct rte_mbuf *next; m; m = next) {
		next = m->next;
		la_spare_put(c->tcp, m);
	}
}

void
la_text_free_buffers(struct la_tcb *c)
{
	if (la_board_of(c))
		la_board_give_back(c);
	la_ooo_drop(c);
	drop_chain(c, c->snd_head);
	drop_chain(c, c->rcv_head);
	la_hold_release(c, c->bufs);
	c->snd_head = c->snd_tail = c->rcv_head = c->rcv_tail = NULL;
	c->snd_queued = c->rcv_queued = 0;
}

/* --- in order -------------------------------------------------------------------------------------------- */

/* Returns whether bytes may be moved within this buffer, or appended. */
static bool
is_writable(const struct rte_mbuf *m)
{
	return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1;
}

/* Room after the last unread bytes. */
static uint32_t
tail_room(const struct la_tcb *c)
{
	const struct rte_mbuf *tail = c->rcv_tail;

	return tail && is_writable(tail) ? rte_pktmbuf_tailroom(tail) : 0;
}

/* Moves the first n bytes of a segment after the last unread bytes. */
static void
move_to_tail(struct la_tcb *c, const struct rte_mbuf *m, uint32_t n)
{
	struct rte_mbuf *tail = c->rcv_tail;

	memcpy(rte_pktmbuf_mtod_offset(tail, char *, tail->data_len), rte_pktmbuf_mtod(m, char *), n);
	tail->data_len = (uint16_t)(tail->data_len + n);
}

/* Returns whether a segment fits after the last unread bytes, so that it needs no buffer of its own. */
static bool
joins_tail(const struct la_tcb *c, const struct rte_mbuf *m)
{
	return m->nb_segs == 1 && m->data_len <= tail_room(c);
}

/* Moves the bytes of a buffer to its start, to leave the most room after them. */
static struct rte_mbuf *
to_front(struct rte_mbuf *m)
{
	if (is_writable(m) && m->data_off > RTE_PKTMBUF_HEADROOM) {
		memmove((char *)m->buf_addr + RTE_PKTMBUF_HEADROOM, rte_pktmbuf_mtod(m, char *), m->data_len);
		m->data_off = RTE_PKTMBUF_HEADROOM;
	}
	return m;
}

/* Queues the next bytes in order, and takes m. joins: the result of joins_tail(). */
static void
text_deliver(struct la_tcb *c, struct rte_mbuf *m, bool joins)
{
	uint32_t len = m->pkt_len;

	c->rcv_nxt += len;
	c->rcv_queued += len;
	c->tcp->counters->v[LA_C_tcp_data_in] += len;
	c->flags |= LA_F_NEW_DATA;
	if (joins) {
		move_to_tail(c, m, len);
		la_spare_put(c->tcp, m);
		return;
	}
	if (c->bufs > PACK_AFTER && m->nb_segs == 1) {
		uint32_t room = tail_room(c);

		if (room) {
			move_to_tail(c, m, room);
			m = to_front(trim_front(m, room));
		}
	}
	if (unlikely(m->data_len == 0)) /* removes empty mbufs at the front */
		m = trim_front(m, 0);
	if (c->rcv_tail)
		c->rcv_tail->next = m;
	else
		c->rcv_head = m;
	c->rcv_tail = rte_pktmbuf_lastseg(m);
	la_hold_take(c, m->nb_segs);
}

/* Delivers the blocks that are now in order. True: the peer's FIN is next. */
static bool
drain_ooo(struct la_tcb *c)
{
	struct rte_mbuf *m;

	while ((m = la_ooo_next(c)) != NULL)
		text_deliver(c, m, joins_tail(c, m));
	return la_ooo_fin(c);
}

/* --- the peer's FIN -------------------------------------------------------------------------------------- */

static void
fin_arrives(struct la_tcb *c)
{
	c->rcv_nxt++;
	c->flags |= LA_F_NEW_FIN | LA_F_ACK_NOW;
	switch (c->state) {
	case LA_ESTABLISHED:
		la_tcb_set_state(c, LA_CLOSE_WAIT);
		break;
	case LA_FIN_WAIT_1: /* our FIN is not acknowledged, or the state would be FIN_WAIT_2 */
		la_tcb_set_state(c, LA_CLOSING);
		break;
	case LA_FIN_WAIT_2: /* if this ACK is lost, the TIME_WAIT entry answers the repeated FIN */
		la_output_segment(c, c->snd_max, 0, 0);
		la_end_time_wait(c);
		break;
	default:
		break;
	}
}

/* --- the segment's text ---------------------------------------------------------------------------------- */

/* Returns whether text and FIN are in order and within the window, so that there is nothing to cut. */
static bool
text_is_in_order(const struct la_tcb *c, const struct la_seg *s)
{
	return s->seq == c->rcv_nxt && seq_lt(s->seq + s->len, c->rcv_adv);
}

/* Trims the segment to the window. False: nothing is left. */
static bool
cut_to_window(struct la_tcb *c, struct la_seg *s)
{
	uint32_t room = la_rcv_window(c->rcv_adv, c->rcv_nxt);
	uint32_t behind, end;

	if (seq_lt(s->seq, c->rcv_nxt)) {
		uint32_t old = c->rcv_nxt - s->seq;

		la_sack_old(c, s);
		c->flags |= LA_F_ACK_NOW;
		if (old > s->len || (old == s->len && !(s->flags & LA_FIN)))
			return false;
		if (s->len)
			s->m = trim_front(s->m, old);
		s->len = (uint16_t)(s->len - old);
		s->seq = c->rcv_nxt;
	}
	behind = s->seq - c->rcv_nxt;
	end = behind + s->len;
	if (end > room) { /* only the part that fits, without the FIN */
		s->flags &= (uint8_t)~LA_FIN;
		s->len = (uint16_t)(behind < room ? room - behind : 0);
		if (s->len)
			trim_back(s->m, s->len);
	} else if (end == room) { /* the sequence number of the FIN is outside the window */
		s->flags &= (uint8_t)~LA_FIN;
	}
	return s->len || (s->flags & LA_FIN);
}

static bool
takes_text(const struct la_tcb *c)
{
	return c->state == LA_ESTABLISHED || c->state == LA_FIN_WAIT_1 || c->state == LA_FIN_WAIT_2;
}

void
la_text_arrives(struct la_tcb *c, struct la_seg *s)
{
	bool fin, joins;

	if (!takes_text(c)) {
		la_count(c->tcp, LA_C_drop_after_fin);
		la_input_challenge_ack(c);
		return;
	}
	if (unlikely(!text_is_in_order(c, s)) &&
	    !cut_to_window(c, s)) { /* no new data: an ACK, no RST of SHLD-3 (C-27) */
		la_count(c->tcp, LA_C_drop_rcvbuf);
		c->flags |= LA_F_ACK_NOW;
		return;
	}
	if (s->len && (c->flags & LA_F_USER_CLOSED)) { /* SHLD-3: the user does not read any more */
		la_end_send_rst(c);
		la_end_conn(c, LA_END_RESET);
		return;
	}
	fin = (s->flags & LA_FIN) != 0;
	if (s->seq != c->rcv_nxt) {
		c->flags |= LA_F_ACK_NOW; /* RFC 5681 4.2: at once, as a duplicate ACK for the peer */
		la_count(c->tcp, LA_C_dup_acks_out);
		la_ooo_insert(c, s, fin);
		return;
	}
	joins = s->len && joins_tail(c, s->m);
	if (s->len && !joins && !la_hold_admits_text(c, s->m->nb_segs))
		return; /* unacknowledged: the peer retransmits it with growing intervals */
	/* quick_acks: at the start of a connection no ACK is delayed (RFC 5681 4.2: delay is only a SHOULD) */
	c->flags |= (c->flags & LA_F_ACK_DELAY) || c->ooo || c->quick_acks ? LA_F_ACK_NOW : LA_F_ACK_DELAY;
	if (s->len) {
		text_deliver(c, s->m, joins);
		s->m = NULL;
	}
	if (c->ooo && !fin)
		fin = drain_ooo(c);
	if (fin) {
		if (s->m) /* the answer takes the buffer of the FIN */
			la_spare_free_seg(c->tcp, s);
		if (c->ooo)
			la_ooo_drop(c); /* no data follows a FIN */
		fin_arrives(c);
	}
}

/* RFC 9293 3.10.7.3: text and FIN of a SYN that crosses ours wait for ESTABLISHED, unacknowledged. s->seq is
 * after the SYN. */
void
la_text_queue(struct la_tcb *c, struct la_seg *s)
{
	if (!cut_to_window(c, s)) {
		la_count(c->tcp, LA_C_drop_rcvbuf);
		return;
	}
	la_ooo_insert(c, s, (s->flags & LA_FIN) != 0);
}

/* Call after the handshake, while c has blocks: delivers the text that is now in order. */
void
la_text_deliver_queued(struct la_tcb *c)
{
	if (!la_tcb_is_live(c) || seq_gt(c->ooo->hash.usr, c->rcv_nxt))
		return;
	if (c->flags & LA_F_USER_CLOSED) { /* SHLD-3 */
		la_end_send_rst(c);
		la_end_conn(c, LA_END_RESET);
		return;
	}
	c->flags |= LA_F_ACK_NOW;
	if (drain_ooo(c)) {
		la_ooo_drop(c);
		fin_arrives(c);
	}
}
