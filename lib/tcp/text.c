/* SPDX-License-Identifier: BSD-3-Clause */
/* The peer's text and FIN (RFC 9293 3.10.7.4 seventh and eighth step) and reassembly.
 *
 * In-order bytes are a chain of mbuf segments, linked through `next`. What lies above a hole waits as
 * packets in ascending order that do not overlap; while a packet waits, the mbuf's own fields say where it
 * belongs: hash.usr is its sequence number, vlan_tci whether the peer's FIN stands behind it, tx_offload
 * (of no use to a received mbuf) the next packet. */

#include "tcp/internal.h"

enum { COALESCE_MAX = 256 }; /* payloads up to this move into the tail's room, so that a peer that sends
			      * byte by byte does not cost an mbuf a byte */

static struct rte_mbuf *
ooo_next(const struct rte_mbuf *m)
{
	return (struct rte_mbuf *)(uintptr_t)m->tx_offload;
}

static void
ooo_link(struct rte_mbuf *m, struct rte_mbuf *next)
{
	m->tx_offload = (uint64_t)(uintptr_t)next;
}

static uint32_t
ooo_end(const struct rte_mbuf *m)
{
	return m->hash.usr + m->pkt_len;
}

/* Cuts n bytes off the front of a chain; n is at most its length. Returns the new head. */
static struct rte_mbuf *
trim_front(struct rte_mbuf *m, uint32_t n)
{
	uint32_t len = m->pkt_len - n;
	uint16_t segs = m->nb_segs;

	while (m->next && n >= m->data_len) {
		struct rte_mbuf *next = m->next;

		n -= m->data_len;
		next->hash.usr = m->hash.usr;
		next->vlan_tci = m->vlan_tci;
		next->tx_offload = m->tx_offload;
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
		la_buf_put(c->tcp, m);
	}
}

void
la_tcb_drop_buffers(struct la_tcb *c)
{
	drop_chain(c, c->snd_head);
	drop_chain(c, c->rcv_head);
	for (struct rte_mbuf *m = c->ooo, *next; m; m = next) {
		next = ooo_next(m);
		rte_pktmbuf_free(m);
	}
	c->snd_head = c->snd_tail = c->rcv_head = c->rcv_tail = c->ooo = NULL;
	c->snd_queued = c->rcv_queued = 0;
	c->ooo_count = 0;
}

/* --- in order -------------------------------------------------------------------------------------------- */

static bool
coalesce(struct la_tcb *c, struct rte_mbuf *m)
{
	struct rte_mbuf *tail = c->rcv_tail;

	if (!tail || m->pkt_len > COALESCE_MAX || m->nb_segs != 1 || !RTE_MBUF_DIRECT(tail) ||
	    rte_mbuf_refcnt_read(tail) != 1 || rte_pktmbuf_tailroom(tail) < m->data_len)
		return false;
	memcpy(rte_pktmbuf_mtod_offset(tail, char *, tail->data_len), rte_pktmbuf_mtod(m, char *),
	       m->data_len);
	tail->data_len = (uint16_t)(tail->data_len + m->data_len);
	return true;
}

/* The next bytes in order: m is ours. */
static void
deliver(struct la_tcb *c, struct rte_mbuf *m)
{
	uint32_t len = m->pkt_len;

	c->rcv_nxt += len;
	c->rcv_queued += len;
	c->tcp->counters->v[LA_C_tcp_data_in] += len;
	c->flags |= LA_F_NEW_DATA;
	if (coalesce(c, m)) {
		rte_pktmbuf_free(m);
		return;
	}
	if (unlikely(m->data_len == 0)) /* no empty segment at the front */
		m = trim_front(m, 0);
	if (c->rcv_tail)
		c->rcv_tail->next = m;
	else
		c->rcv_head = m;
	c->rcv_tail = rte_pktmbuf_lastseg(m);
}

/* --- above a hole ---------------------------------------------------------------------------------------- */

/* What of [m] lies over packets that wait already is cut away: theirs counts. NULL: nothing is left. */
static struct rte_mbuf *
ooo_cut(struct la_tcb *c, struct rte_mbuf *m, struct rte_mbuf **link)
{
	struct rte_mbuf *next;

	while ((next = *link) != NULL && seq_lt(next->hash.usr, ooo_end(m))) {
		if (seq_le(ooo_end(next), ooo_end(m))) { /* covered: the longer one replaces it */
			if (next->vlan_tci && ooo_end(next) == ooo_end(m))
				m->vlan_tci = 1;
			*link = ooo_next(next);
			c->ooo_count--;
			rte_pktmbuf_free(next);
			continue;
		}
		if (next->hash.usr == m->hash.usr) {
			rte_pktmbuf_free(m);
			return NULL;
		}
		trim_back(m, next->hash.usr - m->hash.usr);
		m->vlan_tci = 0;
	}
	return m;
}

static void
ooo_insert(struct la_tcb *c, struct rte_mbuf *m, uint32_t seq, bool fin)
{
	struct rte_mbuf *head, **link;

	m->hash.usr = seq;
	m->vlan_tci = fin;
	for (link = &c->ooo; *link && seq_le(ooo_end(*link), seq); link = (void *)&(*link)->tx_offload)
		if (m->pkt_len == 0 && ooo_end(*link) == seq) { /* a lone FIN behind what waits */
			(*link)->vlan_tci = 1;
			rte_pktmbuf_free(m);
			return;
		}
	head = *link;
	if (head && seq_le(head->hash.usr, seq) && seq_gt(ooo_end(head), seq)) { /* overlaps our front */
		if (seq_ge(ooo_end(head), ooo_end(m))) { /* nothing new but perhaps the FIN */
			if (fin && ooo_end(head) == ooo_end(m))
				head->vlan_tci = 1;
			la_count(c->tcp, LA_C_drop_dup_data);
			rte_pktmbuf_free(m);
			return;
		}
		m = trim_front(m, ooo_end(head) - seq);
		m->hash.usr = ooo_end(head);
		link = (void *)&head->tx_offload;
	}
	m = ooo_cut(c, m, link);
	if (!m)
		return;
	if (c->ooo_count == LA_OOO_MAX) {
		la_count(c->tcp, LA_C_drop_ooo_full);
		rte_pktmbuf_free(m);
		return;
	}
	la_count(c->tcp, LA_C_out_of_order);
	ooo_link(m, *link);
	*link = m;
	c->ooo_count++;
}

/* The hole may have been filled: moves what is in order now. True: the peer's FIN came with it. */
static bool
ooo_drain(struct la_tcb *c)
{
	bool fin = false;

	while (!fin && c->ooo && seq_le(c->ooo->hash.usr, c->rcv_nxt)) {
		struct rte_mbuf *m = c->ooo;
		uint32_t old = c->rcv_nxt - m->hash.usr;

		c->ooo = ooo_next(m);
		c->ooo_count--;
		fin = m->vlan_tci && seq_ge(ooo_end(m), c->rcv_nxt);
		if (old < m->pkt_len)
			deliver(c, old ? trim_front(m, old) : m);
		else
			rte_pktmbuf_free(m);
	}
	return fin;
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
	case LA_FIN_WAIT_1: /* had this segment acknowledged our FIN it would be FIN_WAIT_2 by now */
		la_tcb_set_state(c, LA_CLOSING);
		break;
	case LA_FIN_WAIT_2: /* should this ACK get lost, the table answers the next FIN */
		la_tcb_send_segment(c, c->snd_max, 0, 0);
		la_tcb_time_wait(c);
		break;
	default:
		break;
	}
}

/* --- the segment's text ---------------------------------------------------------------------------------- */

/* Cuts the segment to the window. False: nothing of it is left. */
static bool
cut_to_window(struct la_tcb *c, struct la_seg *s)
{
	uint32_t room = seq_gt(c->rcv_adv, c->rcv_nxt) ? c->rcv_adv - c->rcv_nxt : 0;
	uint32_t behind, end;

	if (seq_lt(s->seq, c->rcv_nxt)) {
		uint32_t old = c->rcv_nxt - s->seq;

		if (old > s->len || (old == s->len && !(s->flags & LA_FIN)))
			return false;
		if (s->len)
			s->m = trim_front(s->m, old);
		s->len = (uint16_t)(s->len - old);
		s->seq = c->rcv_nxt;
	}
	behind = s->seq - c->rcv_nxt;
	end = behind + s->len;
	if (end > room) { /* only what fits, and so not the FIN */
		s->flags &= (uint8_t)~LA_FIN;
		s->len = (uint16_t)(behind < room ? room - behind : 0);
		if (s->len)
			trim_back(s->m, s->len);
	} else if (end == room) { /* the FIN's own number lies outside */
		s->flags &= (uint8_t)~LA_FIN;
	}
	return s->len || (s->flags & LA_FIN);
}

static bool
takes_text(const struct la_tcb *c)
{
	return c->state == LA_ESTABLISHED || c->state == LA_FIN_WAIT_1 ||
	       c->state == LA_FIN_WAIT_2;
}

void
la_tcb_text(struct la_tcb *c, struct la_seg *s)
{
	bool fin;

	if (!takes_text(c)) {
		la_count(c->tcp, LA_C_drop_after_fin);
		la_tcb_answer(c);
		return;
	}
	if (!cut_to_window(c, s)) {
		la_count(c->tcp, LA_C_drop_rcvbuf);
		c->flags |= LA_F_ACK_NOW;
		return;
	}
	if (s->len && (c->flags & LA_F_USER_CLOSED)) { /* SHLD-3: nobody will ever read this */
		la_tcb_reset(c);
		la_tcb_end(c, LA_END_RESET);
		return;
	}
	fin = (s->flags & LA_FIN) != 0;
	if (s->seq != c->rcv_nxt) {
		c->flags |= LA_F_ACK_NOW; /* RFC 5681 4.2: at once, it is the peer's duplicate ACK */
		la_count(c->tcp, LA_C_dup_acks_out);
		ooo_insert(c, s->m, s->seq, fin);
		s->m = NULL;
		return;
	}
	c->flags |= (c->flags & LA_F_ACK_DELAY) || c->ooo ? LA_F_ACK_NOW : LA_F_ACK_DELAY;
	if (s->len) {
		deliver(c, s->m);
		s->m = NULL;
	}
	if (c->ooo && !fin)
		fin = ooo_drain(c);
	if (fin)
		fin_arrives(c);
}
