/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of one packet: IP header, TCP header, payload, checksums. What comes out waits in la_tcp.out for
 * lib/net to put Ethernet before it. */

#include "tcp/internal.h"
#include "wire/cksum.h"
#include "wire/ip.h"

enum { TTL = 64 };

static bool
out_room(struct la_tcp *t)
{
	if (t->out_n < LA_TCP_OUT_MAX)
		return true;
	if (t->out_head == 0) {
		la_count(t, LA_C_out_full);
		return false;
	}
	memmove(t->out, t->out + t->out_head, (t->out_n - t->out_head) * sizeof(t->out[0]));
	t->out_n -= t->out_head;
	t->out_head = 0;
	return true;
}

static struct rte_mbuf *
packet(struct la_tcp *t)
{
	struct rte_mbuf *m;

	if (!out_room(t))
		return NULL;
	m = rte_pktmbuf_alloc(t->mbufs);
	if (!m)
		la_count(t, LA_C_mbuf_exhausted);
	return m;
}

/* Puts the TCP header behind room for the IP header, and its sum into *sum. Returns where the IP header
 * goes. */
static inline uint8_t *
put_tcp(struct rte_mbuf *m, bool is4, const struct la_tcp_hdr *h, uint32_t *sum)
{
	size_t ip_len = is4 ? LA_IP4_LEN : LA_IP6_LEN;
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	size_t tcp_len = la_tcp_write_sum(p + ip_len, h, sum);

	rte_pktmbuf_append(m, (uint16_t)(ip_len + tcp_len));
	m->l3_len = ip_len & 0x1ff;
	m->l4_len = tcp_len & 0xff;
	return p;
}

/* The IP header and both checksums, now that the payload is there; queues the packet. sum: of the TCP header. */
static void
finish(struct la_tcp *t, struct rte_mbuf *m, uint8_t *p, bool is4, const struct la_addr *src,
       const struct la_addr *dst, uint32_t sum)
{
	uint16_t l4 = (uint16_t)(m->pkt_len - m->l3_len);
	uint32_t pseudo = la_cksum_pseudo(src, dst, LA_IPPROTO_TCP, l4), hlen = m->l3_len + m->l4_len;
	uint16_t cksum;

	if (is4) {
		bool soft = !(t->offloads & LA_OFF_TX_IP_CKSUM);

		la_ip4_write(p, src, dst, LA_IPPROTO_TCP, TTL, l4, soft);
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | (soft ? 0 : RTE_MBUF_F_TX_IP_CKSUM);
	} else {
		la_ip6_write(p, src, dst, LA_IPPROTO_TCP, TTL, l4);
		m->ol_flags |= RTE_MBUF_F_TX_IPV6;
	}
	if (t->offloads & LA_OFF_TX_TCP_CKSUM) {
		m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
		cksum = la_cksum_fold(pseudo);
	} else {
		sum += pseudo;
		if (m->nb_segs > 1)
			sum = la_cksum_add_mbuf(sum, m, hlen, m->pkt_len - hlen);
		else if (m->pkt_len > hlen)
			sum = la_cksum_add(sum, p + hlen, m->pkt_len - hlen);
		cksum = la_cksum_finish(sum);
	}
	memcpy(p + m->l3_len + LA_TCP_CKSUM_OFF, &cksum, sizeof(cksum));
	t->out[t->out_n++] = m;
	la_count(t, LA_C_tcp_segments_out);
}

bool
la_emit(struct la_tcb *c, struct la_tcp_hdr *h, uint32_t off, uint32_t len)
{
	struct la_tcp *t = c->tcp;
	struct rte_mbuf *m = packet(t);
	uint32_t sum;
	uint8_t *p;

	if (!m)
		return false;
	h->sport = c->lport;
	h->dport = c->rport;
	p = put_tcp(m, c->is4, h, &sum);
	if (len && !la_sendq_fill(c, m, off, len)) {
		rte_pktmbuf_free(m);
		return false;
	}
	finish(t, m, p, c->is4, &c->laddr, &c->raddr, sum);
	return true;
}

bool
la_emit_stateless(struct la_tcp *t, const struct la_addr *src, const struct la_addr *dst,
		  struct la_tcp_hdr *h)
{
	struct rte_mbuf *m = packet(t);
	bool is4 = la_addr_is4(src);
	uint32_t sum;
	uint8_t *p;

	if (!m)
		return false;
	p = put_tcp(m, is4, h, &sum);
	finish(t, m, p, is4, src, dst, sum);
	return true;
}

/* RFC 7323 3.2 (and 5.2 of its discussion): a RST provoked by a segment with timestamps should echo it;
 * there is no clock of ours behind it, so TSval is 0. */
static void
rst_timestamps(const struct la_seg *s, struct la_tcp_hdr *h)
{
	if (s->opts & LA_OPT_TS) {
		h->opts = LA_OPT_TS;
		h->tsval = 0;
		h->tsecr = s->tsval;
	}
}

/* Whoever sends us rubbish gets at most so many answers a second: a flood is not reflected, nor paid for
 * with the time that connections need. (Challenge ACKs are limited per connection, in la_tcb_answer(): a
 * limit that all of them shared would tell an attacker about other people's connections, as CVE-2016-5696
 * did.) */
static void
rst(struct la_tcp *t, const struct la_seg *s, struct la_tcp_hdr *h)
{
	if (!la_tokens_take(&t->rsts, t->now, t->rst_rate, t->rst_rate)) {
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

	rst(t, s, &h);
}

/* RFC 9293 3.10.7.1: the answer to a segment that belongs to no connection; RSTs are never answered. */
void
la_emit_rst_for(struct la_tcp *t, const struct la_seg *s)
{
	struct la_tcp_hdr h = {.flags = LA_RST | LA_ACK, .ack = s->seq + la_seg_len(s)};

	if (s->flags & LA_RST)
		return;
	if (s->flags & LA_ACK)
		la_emit_rst_ack(t, s);
	else
		rst(t, s, &h);
}

/* <SEQ=snd_nxt><ACK=rcv_nxt><CTL=ACK> (or RST,ACK) from a table entry, with the window last offered and, where the
 * old incarnation had them, timestamps that go on where they were (RFC 7323 3.2). */
void
la_emit_time_wait(struct la_tcp *t, const struct la_tw_core *e, const struct la_seg *s,
		  uint8_t flags)
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
