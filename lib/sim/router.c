/* SPDX-License-Identifier: BSD-3-Clause */

/* The router between two hosts. When a packet is larger than the next link's MTU, the router sends an ICMP error
 * (RFC 1191, RFC 4443 3.2) with this MTU to the packet's sender. The router has no address of its own: the
 * source of the error is the packet's destination. */

#include <string.h>

#include "sim/internal.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip.h"

enum { ICMP_LEN = 8, QUOTE4 = LA_IP4_LEN + 8, QUOTE6 = 1280 - LA_IP6_LEN - ICMP_LEN };

static void
router_put_icmp(uint8_t *p, bool is4, uint16_t mtu, const uint8_t *quote, uint32_t len)
{
	memset(p, 0, ICMP_LEN);
	p[0] = is4 ? 3 : 2;
	p[1] = is4 ? 4 : 0;
	p[6] = (uint8_t)(mtu >> 8);
	p[7] = (uint8_t)mtu;
	memcpy(p + ICMP_LEN, quote, len);
}

struct rte_mbuf *
la_sim_too_big(struct la_sim *w, unsigned from, unsigned to, const uint8_t *frame, uint32_t len, uint16_t mtu)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->mbufs);
	struct la_eth eth = {0};
	struct la_fault_seg s;
	uint32_t quote, body, sum;
	uint16_t cksum;
	uint8_t *p, *ip;
	bool is4;

	if (!m || !la_fault_seg_read(frame, len, &s)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	is4 = la_addr_is4(&s.t.laddr);
	quote = is4 ? QUOTE4 : QUOTE6;
	if (quote > len - LA_ETH_LEN)
		quote = len - LA_ETH_LEN;
	body = ICMP_LEN + quote;
	p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(LA_ETH_LEN + (is4 ? LA_IP4_LEN : LA_IP6_LEN) + body));
	if (!p) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(eth.dst, w->node[from].mac, 6);
	memcpy(eth.src, w->node[to].mac, 6);
	eth.type = is4 ? LA_ETH_IP4 : LA_ETH_IP6;
	ip = p + la_eth_write(p, &eth);
	if (is4)
		p = ip + la_ip4_write(ip, &s.t.raddr, &s.t.laddr, LA_IPPROTO_ICMP, 64, (uint16_t)body, true);
	else
		p = ip + la_ip6_write(ip, &s.t.raddr, &s.t.laddr, LA_IPPROTO_ICMP6, 64, (uint16_t)body);
	router_put_icmp(p, is4, mtu, frame + LA_ETH_LEN, quote);
	sum = is4 ? 0 : la_cksum_pseudo(&s.t.raddr, &s.t.laddr, LA_IPPROTO_ICMP6, body);
	cksum = la_cksum_finish(la_cksum_add(sum, p, body));
	memcpy(p + 2, &cksum, sizeof(cksum));
	return m;
}
