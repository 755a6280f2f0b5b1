/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of one packet: IP header, TCP header, payload, checksums, and the Ethernet header of answers to the segment in
 * work (la_tcp.eth). Packets wait in la_tcp.out. lib/net adds the other Ethernet headers. */

#include "tcp/frame.h"
#include "tcp/isn.h"

/* Returns whether another packet fits below the limit `most`. text: the packet has payload. lost: without room the
 * packet is lost; otherwise the caller retries it later (la_tcb_pend()). */
static __attribute__((noinline)) bool
make_out_room(struct la_tcp *t, unsigned most, bool text, bool lost)
{
	if (text && t->hold.is_low) { /* the remaining buffers are for reception */
		la_count(t, LA_C_mbuf_exhausted);
		return false;
	}
	if (la_tcp_out_waiting(t) >= most) {
		if (lost)
			la_count(t, LA_C_out_full);
		else
			la_count(t, LA_C_out_waits);
		return false;
	}
	if (t->out_n < LA_TCP_OUT_MAX)
		return true;
	memmove(t->out, t->out + t->out_head, la_tcp_out_waiting(t) * sizeof(t->out[0]));
	t->out_n -= t->out_head;
	t->out_head = 0;
	return true;
}

static __rte_always_inline struct rte_mbuf *
emit_get_packet(struct la_tcp *t, bool text, bool lost)
{
	unsigned most = text ? t->out_text : LA_TCP_OUT_MAX;

	if (unlikely(t->out_n >= most) && !make_out_room(t, most, text, lost))
		return NULL;
	return la_spare_take(t, !text);
}

/* A packet while it is being written. */
struct draft {
	struct rte_mbuf *m;
	uint8_t *p; /* start of the IP header */
	uint32_t ip_len, tcp_len;
	uint64_t sum; /* sum of the TCP header's words */
};

/* Starts a packet: writes the TCP header after room for the IP header. text: payload follows; lost: as in
 * make_out_room(). False: no room or no buffer, which is counted. */
static __rte_always_inline bool
emit_begin(struct la_tcp *t, struct draft *d, bool is4, const struct la_tcp_hdr *h, bool text, bool lost)
{
	d->m = emit_get_packet(t, text, lost);
	if (!d->m)
		return false;
	d->p = rte_pktmbuf_mtod(d->m, uint8_t *);
	d->ip_len = is4 ? LA_IP4_LEN : LA_IP6_LEN;
	d->tcp_len = (uint32_t)la_tcp_write_sum(d->p + d->ip_len, h, &d->sum);
	d->m->pkt_len = d->ip_len + d->tcp_len;
	d->m->data_len = (uint16_t)d->m->pkt_len; /* every buffer has room for headers */
	return true;
}

/* Sets the mbuf's flags and offsets for checksums that the port computes. */
static void
emit_set_offload(const struct la_tcp *t, const struct draft *d, bool is4)
{
	uint64_t flags = is4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;

	if (is4 && t->offloads & LA_OFF_TX_IP_CKSUM)
		flags |= RTE_MBUF_F_TX_IP_CKSUM;
	if (t->offloads & LA_OFF_TX_TCP_CKSUM)
		flags |= RTE_MBUF_F_TX_TCP_CKSUM;
	d->m->tx_offload = rte_mbuf_tx_offload(0, d->ip_len, d->tcp_len, 0, 0, 0, 0);
	d->m->ol_flags |= flags;
}

/* Puts the Ethernet header in front of a packet. */
static __rte_always_inline void
emit_put_eth(struct la_tcp *t, const struct draft *d, const uint8_t *eth)
{
	struct rte_mbuf *m = d->m;

	memcpy(d->p - LA_ETH_LEN, eth, LA_ETH_LEN);
	m->data_off = (uint16_t)(m->data_off - LA_ETH_LEN);
	m->data_len = (uint16_t)(m->data_len + LA_ETH_LEN);
	m->pkt_len += LA_ETH_LEN;
	if (m->tx_offload)
		m->l2_len = LA_ETH_LEN;
	t->eth_used = true;
}

/* The payload is in place: writes the IP header and both checksums, and queues the packet. eth: its Ethernet header, or
 * NULL. */
static __rte_always_inline void
emit_finish(struct la_tcp *t, const struct draft *d, bool is4, const struct la_addr *src, const struct la_addr *dst,
	    uint32_t frag, const uint8_t *eth)
{
	struct rte_mbuf *m = d->m;
	uint32_t hlen = d->ip_len + d->tcp_len, l4 = m->pkt_len - d->ip_len;
	uint64_t s = is4 ? la_cksum_pseudo_words4(src, dst, LA_IPPROTO_TCP, l4)
			 : la_cksum_pseudo_words6(src, dst, LA_IPPROTO_TCP, l4);
	uint16_t cksum;

	if (is4)
		la_ip4_write_frag(d->p, src, dst, LA_IPPROTO_TCP, LA_TCP_TTL, (uint16_t)l4,
				  !(t->offloads & LA_OFF_TX_IP_CKSUM), frag);
	else
		la_ip6_write(d->p, src, dst, LA_IPPROTO_TCP, LA_TCP_TTL, (uint16_t)l4);
	if (unlikely(t->offloads & (LA_OFF_TX_IP_CKSUM | LA_OFF_TX_TCP_CKSUM)))
		emit_set_offload(t, d, is4);
	if (t->offloads & LA_OFF_TX_TCP_CKSUM) {
		cksum = (uint16_t)la_cksum_fold64(s);
	} else {
		s += d->sum;
		if (m->nb_segs == 2 && m->data_len == hlen) /* one chunk of the send queue after the headers */
			s = la_cksum_data(s, rte_pktmbuf_mtod(m->next, const uint8_t *), m->next->data_len);
		else if (m->nb_segs > 1)
			s += la_cksum_add_mbuf(0, m, hlen, m->pkt_len - hlen);
		else if (m->pkt_len > hlen)
			s = la_cksum_data(s, d->p + hlen, m->pkt_len - hlen);
		cksum = la_cksum_finish64(s);
	}
	memcpy(d->p + d->ip_len + LA_TCP_CKSUM_OFF, &cksum, sizeof(cksum));
	if (eth)
		emit_put_eth(t, d, eth);
	else if (t->bare < LA_TCP_BARE_MAX && ++t->bare == LA_TCP_BARE_MAX)
		t->eth = NULL;
	t->out[t->out_n++] = m;
	la_count(t, LA_C_tcp_segments_out);
}

/* Instantiated once for each address family, so that header lengths are compile-time constants. */
static __rte_always_inline bool
emit_segment(struct la_tcb *c, const struct la_tcp_hdr *h, uint32_t off, uint32_t len, bool is4)
{
	struct la_tcp *t = c->tcp;
	uint32_t frag = LA_IP4_DF;
	struct draft d;

	if (!emit_begin(t, &d, is4, h, len > 0, h->flags & LA_RST))
		return false;
	if (is4 && unlikely(c->flags & LA_F_NO_DF))
		frag = (uint32_t)la_pmtu_ip_id(c) << 16;
	if (len && !la_sendq_fill(c, d.m, off, len)) {
		rte_pktmbuf_free(d.m);
		return false;
	}
	/* the TCB in work is that of the segment in work: its peer is the segment's source */
	emit_finish(t, &d, is4, &c->laddr, &c->raddr, frag, c->flags & LA_F_BUSY ? t->eth : NULL);
	return true;
}

bool
la_emit(struct la_tcb *c, struct la_tcp_hdr *h, uint32_t off, uint32_t len)
{
	h->sport = c->lport;
	h->dport = c->rport;
	return c->is4 ? emit_segment(c, h, off, len, true) : emit_segment(c, h, off, len, false);
}

/* Sends the answer as a whole frame, if lib/net has a header for it. False: nothing has changed. */
static __rte_always_inline bool
emit_frame(struct la_tcp *t, const struct la_addr *src, const struct la_addr *dst, const struct la_tcp_hdr *h, bool is4)
{
	struct rte_mbuf *m;

	if (unlikely(!t->eth || t->out_n >= LA_TCP_OUT_MAX) || !(m = la_frame_spare(t)))
		return false;
	la_frame_send(t, m, is4, src, dst, h, NULL, 0);
	return true;
}

static __rte_always_inline bool
emit_stateless(struct la_tcp *t, const struct la_addr *src, const struct la_addr *dst, const struct la_tcp_hdr *h,
	       bool is4)
{
	struct draft d;

	if (likely(emit_frame(t, src, dst, h, is4)))
		return true;
	if (!emit_begin(t, &d, is4, h, false, true))
		return false;
	emit_finish(t, &d, is4, src, dst, LA_IP4_DF, t->eth);
	return true;
}

bool
la_emit_stateless(struct la_tcp *t, const struct la_addr *src, const struct la_addr *dst, struct la_tcp_hdr *h)
{
	return la_addr_is4(src) ? emit_stateless(t, src, dst, h, true) : emit_stateless(t, src, dst, h, false);
}

/* RFC 7323 3.2, 5.2: a RST that answers a segment with a timestamp should echo the timestamp. Without a connection
 * there is no clock. TSecr of an ACK is the last TSval that the peer has accepted, so as TSval it passes the peer's
 * PAWS check: a peer in TIME_WAIT may apply PAWS to a RST, too (Linux does). TSecr of a segment without ACK is not
 * valid. */
static void
rst_timestamps(const struct la_seg *s, struct la_tcp_hdr *h)
{
	if (s->opts & LA_OPT_TS) {
		h->opts = LA_OPT_TS;
		h->tsval = s->flags & LA_ACK ? s->tsecr : 0;
		h->tsecr = s->tsval;
	}
}

/* The limit on RSTs: theory of operation.
 *
 * Segments without a connection draw at most la_shard_config.rst_rate RSTs a second, over all sources. So a spoofed
 * flood from any number of addresses is reflected at most at that rate, and does not take the time of connections.
 *
 * A shared limit is a side channel. An off-path attacker spoofs n segments of a victim's tuple, then counts the RSTs to
 * its own address: if the tuple is not in use, n RSTs are missing (CVE-2016-5696 uses challenge ACKs this way). Three
 * designs were compared:
 *
 *   - a bucket for each source prefix: each source has its own count. But the sum over all sources also needs a limit,
 *     which is shared. The table of buckets is shared, too, through collisions and evictions.
 *   - noise on the shared limit, as in Linux: an attacker averages more trials.
 *   - equal cost for equal segments: a segment that would draw a RST for an unused tuple also takes a token when its
 *     tuple is in use and the segment is refused. Then the remaining tokens are independent of the tuple.
 *
 * la_emit_rst_charge() implements the third design, which closes the channel exactly: the counts are equal. Segments
 * that a connection accepts take no token; an attacker who can send such a segment already has the connection's
 * sequence numbers. Duplicates on a path with heavy loss take tokens, too: at worst some unknown peers get their RST a
 * second later.
 *
 * Other limits: challenge ACKs are limited per connection (la_input_challenge_ack()), the ACKs of TIME_WAIT per entry
 * (la_tw_throttled_ack()), echo replies by a bucket that no TCP segment touches (lib/net/icmp.c). No ICMP error is
 * sent. The SYN,ACK of a cookie looks like any other SYN,ACK, but is sent once. So an attacker may learn whether
 * cookies are on, as with every implementation of RFC 4987. */
static bool
take_token(struct la_tcp *t)
{
	return la_tokens_take(&t->rsts, t->now, t->rst_rate, t->rst_rate);
}

/* Returns whether la_open_listen_input() would answer this segment by a RST if its tuple were not in use. */
static bool
draws_rst(struct la_tcp *t, const struct la_seg *s)
{
	if (s->flags & LA_RST)
		return false;
	if (!la_listener_find(t, &s->dst, s->dport))
		return true;
	return (s->flags & LA_ACK) && ((s->flags & LA_SYN) || !la_cookie_valid_now(t));
}

void
la_emit_rst_charge(struct la_tcp *t, const struct la_seg *s)
{
	if (draws_rst(t, s))
		take_token(t);
}

static void
emit_rst(struct la_tcp *t, const struct la_seg *s, struct la_tcp_hdr *h)
{
	if (!take_token(t)) {
		la_count(t, LA_C_rst_throttled);
		return;
	}
	h->sport = s->dport;
	h->dport = s->sport;
	rst_timestamps(s, h);
	if (la_emit_stateless(t, &s->dst, &s->src, h))
		la_count(t, LA_C_rst_out);
}

void
la_emit_rst_ack(struct la_tcp *t, const struct la_seg *s)
{
	struct la_tcp_hdr h = {.seq = s->ack, .flags = LA_RST};

	emit_rst(t, s, &h);
}

/* RFC 9293 3.10.7.1: answers a segment without a connection. A RST is never answered. */
void
la_emit_rst_for(struct la_tcp *t, const struct la_seg *s)
{
	struct la_tcp_hdr h = {.flags = LA_RST | LA_ACK, .ack = s->seq + la_seg_len(s)};

	if (s->flags & LA_RST)
		return;
	if (s->flags & LA_ACK)
		la_emit_rst_ack(t, s);
	else
		emit_rst(t, s, &h);
}

/* Sends <SEQ=snd_nxt><ACK=rcv_nxt><CTL=flags> for a table entry, with the last offered window. If the old incarnation
 * had timestamps, the packet has them, and TSval continues the old clock (RFC 7323 3.2). */
void
la_emit_time_wait(struct la_tcp *t, const struct la_tw_core *e, const struct la_seg *s, uint8_t flags)
{
	struct la_tcp_hdr h = {
		.seq = e->snd_nxt,
		.ack = e->rcv_nxt,
		.sport = s->dport,
		.dport = s->sport,
		.wnd = e->wnd,
		.flags = flags,
	};

	if (e->flags & LA_TW_TS) {
		struct la_tuple tuple = {s->dst, s->src, s->dport, s->sport};

		h.opts = LA_OPT_TS;
		h.tsval = t->tick + la_isn(t, &tuple).ts_offset;
		h.tsecr = e->ts_recent;
	}
	if (la_emit_stateless(t, &s->dst, &s->src, &h) && (flags & LA_RST))
		la_count(t, LA_C_rst_out);
}
