/* SPDX-License-Identifier: BSD-3-Clause */

/* ICMP and ICMPv6: echo requests are answered, errors are passed to lib/tcp, and neighbour discovery to nd.c. All other
 * messages (redirects, router advertisements, source quench, ...) are dropped. */

#include <string.h>

#include "net/shard.h"

enum { TTL = 64, HEADROOM = LA_ETH_LEN + LA_VLAN_LEN + LA_IP6_LEN };

/* RFC 4443 2.4 (f), used for echo replies: a bucket of LA_ECHO_BURST replies, filled at LA_ECHO_RATE a second. */
static bool
echo_allowed(struct la_shard *s)
{
	return la_tokens_take(&s->echo, s->now, LA_ECHO_RATE, LA_ECHO_BURST);
}

/* Returns an mbuf that holds only the ICMP message and may be written: that of the request if it is not shared,
 * otherwise a copy. NULL: no mbuf is left. */
static struct rte_mbuf *
icmp_writable_mbuf(struct la_shard *s, const struct la_rx *rx)
{
	uint16_t off = (uint16_t)(rx->eth.len + rx->ip.hlen), len = rx->ip.plen;
	struct rte_mbuf *m = rx->m;
	char *p;

	if (m->nb_segs == 1 && RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 &&
	    rte_pktmbuf_headroom(m) + off >= HEADROOM) {
		rte_pktmbuf_adj(m, off);
		rte_pktmbuf_trim(m, (uint16_t)(m->data_len - len));
		m->ol_flags = 0;
		m->tx_offload = 0;
		return m;
	}
	m = rte_pktmbuf_alloc(s->mbufs);
	p = m ? rte_pktmbuf_append(m, len) : NULL;
	if (!p) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(p, rx->p + off, len);
	return m;
}

/* RFC 1122 3.2.2.6, RFC 4443 4.2. The reply goes to the source MAC of the request, so that a ping makes no
 * neighbour entry. The reply has no IP options. */
static int
icmp_echo_reply(struct la_shard *s, const struct la_rx *rx)
{
	bool is4 = rx->eth.type == LA_ETH_IP4;
	uint16_t hlen = is4 ? LA_IP4_LEN : LA_IP6_LEN, len = rx->ip.plen;
	const struct la_addr *src = &rx->ip.dst, *dst = &rx->ip.src;
	struct rte_mbuf *m;
	uint8_t *p;

	if (la_ip_is_multicast(src) || rx->group || hlen + len > s->nif.mtu)
		return LA_C_drop_icmp_type;
	if (!echo_allowed(s))
		return LA_C_drop_icmp_throttled;
	m = icmp_writable_mbuf(s, rx);
	if (!m)
		return LA_C_mbuf_exhausted;
	p = rte_pktmbuf_mtod(m, uint8_t *);
	if (is4)
		la_icmp4_echo_reply(p, len);
	else
		la_icmp6_echo_reply(p, len, src, dst);
	p = (uint8_t *)rte_pktmbuf_prepend(m, hlen);
	if (is4)
		la_ip4_write(p, src, dst, LA_IPPROTO_ICMP, TTL, len, true);
	else
		la_ip6_write(p, src, dst, LA_IPPROTO_ICMP6, TTL, len);
	la_egress_ether(s, m, rx->eth.src, rx->eth.type);
	la_egress_frame(s, m);
	la_count_net(s, LA_C_icmp_echo);
	return m == rx->m ? LA_RX_KEPT : LA_RX_DONE;
}

/* RFC 9293 MUST-54: the quoted tuple gives the connection. lib/tcp checks the sequence number (RFC 5927 4.1). */
static int
icmp_error_input(struct la_shard *s, const struct la_rx *rx, const struct la_icmp *ic)
{
	enum la_tcp_icmp what = LA_TCP_ICMP_SOFT;

	if (la_ip_is_multicast(&rx->ip.dst) || !ic->has_tuple || !la_netif_owns(&s->nif, &ic->tuple.laddr))
		return LA_C_icmp_unmatched;
	if (ic->kind == LA_ICMP_ERR_HARD)
		what = LA_TCP_ICMP_HARD;
	else if (ic->kind == LA_ICMP_ERR_PMTU)
		what = LA_TCP_ICMP_PMTU;
	la_tcp_icmp(&s->tcp, &ic->tuple, ic->seq, what, ic->mtu);
	return LA_RX_DONE;
}

/* Returns whether the source address is valid. For ND also "::" (a solicitation that detects duplicates) and an address
 * of ours (an advertisement by a duplicate) are valid: nd.c handles these. */
static bool
source_ok(struct la_shard *s, const struct la_rx *rx, const struct la_icmp *ic)
{
	const struct la_addr *src = &rx->ip.src;

	if (rx->eth.type == LA_ETH_IP4)
		return true; /* ingress.c has checked the source */
	if (ic->kind == LA_ICMP_NS && la_addr_is_any(src))
		return true;
	if (ic->kind == LA_ICMP_NA)
		return la_ip_src_valid(src);
	return la_ingress_src_ok(s, src);
}

int
la_icmp_input(struct la_shard *s, struct la_rx *rx)
{
	const uint8_t *p = rx->p + rx->eth.len + rx->ip.hlen;
	struct la_icmp ic;
	enum la_counter why = rx->eth.type == LA_ETH_IP4 ? la_icmp4_parse(p, rx->ip.plen, &ic)
							 : la_icmp6_parse(p, rx->ip.plen, &rx->ip, &ic);

	if (why != LA_WIRE_OK)
		return why;
	if (!source_ok(s, rx, &ic))
		return LA_C_drop_ip_src;
	switch (ic.kind) {
	case LA_ICMP_ECHO:
		return icmp_echo_reply(s, rx);
	case LA_ICMP_NS:
	case LA_ICMP_NA:
		return la_nd_input(s, rx, &ic);
	case LA_ICMP_ERR_SOFT:
	case LA_ICMP_ERR_HARD:
	case LA_ICMP_ERR_PMTU:
		return icmp_error_input(s, rx, &ic);
	default:
		return LA_C_drop_icmp_type;
	}
}
