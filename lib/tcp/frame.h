/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_FRAME_H
#define LA_TCP_FRAME_H

/* Whole frames, of the fast path (fast.c) and of answers without a TCB (emit.c): Ethernet, IP and TCP header with both
 * checksums. All values stay in registers until they are stored, and no word is loaded that was just stored. emit.c
 * writes all other packets. For the same values both write the same bytes behind the Ethernet header.
 *
 * The checksums are always computed here, also when the port could compute them: the header is in registers, and the
 * payload is short. */

#include "tcp/internal.h"
#include "tcp/spare.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip.h"

/** Returns whether the received buffer may be overwritten by a frame: one segment, not shared, large enough. */
static __rte_always_inline bool
la_frame_may_reuse(const struct la_tcp *t, const struct rte_mbuf *m)
{
	return m->nb_segs == 1 && rte_mbuf_refcnt_read(m) == 1 && RTE_MBUF_DIRECT(m) && m->buf_len >= t->buf_len;
}

/** Returns a buffer for a frame: a spare one, or one of the pool. NULL: none; it is not counted. */
static __rte_always_inline struct rte_mbuf *
la_frame_spare(struct la_tcp *t)
{
	struct la_spare *spare = t->spare;

	if (likely(spare->n > 0 && spare->m[spare->n - 1]->buf_len >= t->buf_len))
		return spare->m[--spare->n];
	return rte_mbuf_raw_alloc(t->mbufs);
}

/** Returns a buffer for a frame: that of the segment if it has one, otherwise la_frame_spare(). NULL: none; it is not
 * counted. */
static __rte_always_inline struct rte_mbuf *
la_frame_buffer(struct la_tcp *t, struct la_seg *s)
{
	struct rte_mbuf *m = s->m;

	if (m) {
		if (unlikely(!la_frame_may_reuse(t, m)))
			return NULL;
		s->m = NULL;
		return m;
	}
	return la_frame_spare(t);
}

/** Prepares the mbuf for a frame of len bytes. Returns the place of the Ethernet header. */
static __rte_always_inline uint8_t *
la_frame_begin(struct rte_mbuf *m, uint32_t len)
{
	static const struct {
		uint16_t data_off, refcnt, nb_segs, port;
	} whole = {RTE_PKTMBUF_HEADROOM - LA_ETH_LEN, 1, 1, RTE_MBUF_PORT_INVALID};

	_Static_assert(sizeof(whole) == 8 && offsetof(struct rte_mbuf, port) - offsetof(struct rte_mbuf, data_off) == 6,
		       "rearm_data is these four fields");
	memcpy(&m->rearm_data, &whole, sizeof(whole));
	m->ol_flags &= RTE_MBUF_F_EXTERNAL; /* of the pool, if its buffers are pinned */
	m->packet_type = 0;
	m->pkt_len = len;
	m->data_len = (uint16_t)len;
	m->vlan_tci = 0;
	m->vlan_tci_outer = 0;
	m->tx_offload = 0;
	m->next = NULL;
	return (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM - LA_ETH_LEN;
}

/** Writes the Ethernet and the IP header for l4 bytes of TCP. Returns the unfolded sum of the pseudo-header. */
static __rte_always_inline uint64_t
la_frame_ip(uint8_t *p, const uint8_t *eth, bool is4, const struct la_addr *src, const struct la_addr *dst, uint32_t l4)
{
	uint8_t *ip = p + LA_ETH_LEN;

	memcpy(p, eth, LA_ETH_LEN);
	if (is4) {
		la_ip4_write(ip, src, dst, LA_IPPROTO_TCP, LA_TCP_TTL, (uint16_t)l4, true);
		return la_cksum_pseudo_words4(src, dst, LA_IPPROTO_TCP, l4);
	}
	la_ip6_write(ip, src, dst, LA_IPPROTO_TCP, LA_TCP_TTL, (uint16_t)l4);
	return la_cksum_pseudo_words6(src, dst, LA_IPPROTO_TCP, l4);
}

/** Stores the checksum of the TCP header at p. sum: the unfolded sum of pseudo-header, header and payload. */
static __rte_always_inline void
la_frame_cksum(uint8_t *p, uint64_t sum)
{
	uint16_t cksum = la_cksum_finish64(sum);

	memcpy(p + LA_TCP_CKSUM_OFF, &cksum, sizeof(cksum));
}

/** Copies len bytes of payload. Returns their unfolded sum. */
static __rte_always_inline uint64_t
la_frame_text(uint8_t *to, const uint8_t *from, uint32_t len)
{
	if (len == 1) {
		*to = *from;
		return htole16(*from);
	}
	memcpy(to, from, len);
	return la_cksum_data(0, from, len);
}

/** Writes a frame with the header *h and len bytes of text into m, and appends it to la_tcp.out, which has room. */
static __rte_always_inline void
la_frame_send(struct la_tcp *t, struct rte_mbuf *m, bool is4, const struct la_addr *src, const struct la_addr *dst,
	      const struct la_tcp_hdr *h, const uint8_t *text, uint32_t len)
{
	uint32_t ip_len = is4 ? LA_IP4_LEN : LA_IP6_LEN, hlen;
	uint8_t *tcp = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM + ip_len, *p;
	uint64_t sum;

	hlen = (uint32_t)la_tcp_write_sum(tcp, h, &sum);
	p = la_frame_begin(m, LA_ETH_LEN + ip_len + hlen + len);
	sum += la_frame_ip(p, t->eth, is4, src, dst, hlen + len);
	if (len)
		sum += la_frame_text(tcp + hlen, text, len);
	la_frame_cksum(tcp, sum);
	t->out[t->out_n++] = m;
	t->eth_used = true;
	la_count(t, LA_C_tcp_segments_out);
}

#endif
