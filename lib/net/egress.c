/* SPDX-License-Identifier: BSD-3-Clause */

/* Egress: IP packets to frames.
 *
 * The packets of lib/tcp begin with the IP header and have headroom for an Ethernet header. Most answers already have
 * that header, because ingress passes it to lib/tcp (la_egress_usual_header()); they begin in the headroom. Of the
 * others the common packet goes to the destination of the previous packet, or to another destination behind the same
 * gateway: this takes a few comparisons and a copy of 14 bytes. la_resolve() handles all other packets. Frames wait in
 * the tx array until la_shard_tx() is called. When the array is full, packets stay in la_tcp.out, so that lib/tcp stops
 * sending, and frames of lib/net itself are dropped and counted. */

#include <assert.h>
#include <string.h>

#include "net/shard.h"

/* Returns the next hop of the previous packet if it is also that of this packet, or NULL. Many clients are behind one
 * gateway. */
static inline struct la_neigh *
usual_hop4(const struct la_shard *s, const uint8_t *ip)
{
	const struct la_addr dst = la_ip4_dst(ip);

	if (s->last_is_gateway4 && la_netif_is_far4(&s->nif, dst.w[3]) && be32toh(dst.w[3]) < 0xe0000000)
		return s->last_hop;
	return la_addr_eq(&dst, &s->last_dst) ? s->last_hop : NULL;
}

static inline struct la_neigh *
usual_hop6(const struct la_shard *s, const uint8_t *ip)
{
	struct la_addr dst;

	memcpy(&dst, ip + 24, sizeof(dst));
	if (s->last_is_gateway6 && dst.b[0] != 0xff && la_netif_is_far(&s->nif, &dst))
		return s->last_hop;
	return la_addr_eq(&dst, &s->last_dst) ? s->last_hop : NULL;
}

/* Returns whether the neighbour may be evicted before the packets of a burst have left. */
static inline bool
may_be_evicted(const struct la_shard *s, const struct la_neigh *n)
{
	enum { NEW_HOPS = LA_RX_PARSE_BURST + LA_TCP_BARE_MAX };

	return n->class != LA_NC_GATEWAY && s->neigh.count[n->class] + NEW_HOPS > s->neigh.max[n->class];
}

/* A neighbour in STALE gets its first packet from put_header(), which starts DELAY. lib/tcp copies no tagged header. */
const uint8_t *
la_egress_usual_header(const struct la_shard *s)
{
	const struct la_neigh *n = s->last_hop;

	if (!n || n->state == LA_NEIGH_STALE || n->hdr_len != LA_ETH_LEN || s->no_fast_path || may_be_evicted(s, n))
		return NULL;
	if (s->tx_tail - s->tx_head > LA_TX_MAX - LA_TCP_OUT_MAX) /* packets may wait while the next hop changes */
		return NULL;
	return n->hdr;
}

static struct la_neigh *
egress_resolve(struct la_shard *s, const uint8_t *ip, struct rte_mbuf *m)
{
	struct la_addr dst;

	if (ip[0] >> 4 == 4)
		dst = la_ip4_dst(ip);
	else
		memcpy(dst.b, ip + 24, 16);
	return la_resolve(s, &dst, m);
}

static inline void
put_header(struct la_shard *s, struct la_neigh *n, struct rte_mbuf *m)
{
	char *p = rte_pktmbuf_prepend(m, n->hdr_len);

	assert(p);
	if (likely(n->hdr_len == LA_ETH_LEN)) /* a copy of constant length is two moves */
		memcpy(p, n->hdr, LA_ETH_LEN);
	else
		memcpy(p, n->hdr, LA_ETH_LEN + LA_VLAN_LEN);
	if (m->tx_offload) /* checksum offload */
		m->l2_len = n->hdr_len & 0x7fu;
	n->used = s->now;
	/* RFC 4861 7.3.3: the first packet to a STALE entry starts DELAY, which ends with a probe. An unverified entry
	 * lives one second and never enters DELAY. */
	if (n->state == LA_NEIGH_STALE && n->class != LA_NC_UNVERIFIED)
		la_neigh_enter(&s->neigh, n, LA_NEIGH_DELAY, s->now);
}

unsigned
la_egress_burst(struct la_shard *s, struct rte_mbuf **pkts, unsigned n)
{
	unsigned ready = 0;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
		struct la_neigh *hop;

		if (likely(m->data_off < RTE_PKTMBUF_HEADROOM)) { /* lib/tcp has written the header */
			pkts[ready++] = m;
			continue;
		}
		hop = ip[0] >> 4 == 4 ? usual_hop4(s, ip) : usual_hop6(s, ip);
		if (unlikely(hop == NULL)) {
			hop = egress_resolve(s, ip, m);
			if (!hop)
				continue;
		}
		put_header(s, hop, m);
		pkts[ready++] = m;
	}
	return ready;
}

static void
egress_compact(struct la_shard *s)
{
	if (s->tx_head == 0)
		return;
	memmove(s->tx, s->tx + s->tx_head, (s->tx_tail - s->tx_head) * sizeof(s->tx[0]));
	s->tx_tail -= s->tx_head;
	s->tx_head = 0;
}

void
la_egress_drain(struct la_shard *s)
{
	egress_compact(s);
	while (s->tx_tail < LA_TX_MAX) {
		struct rte_mbuf *pkts[LA_RX_PARSE_BURST];
		unsigned room = LA_TX_MAX - s->tx_tail;
		unsigned n = la_tcp_take(&s->tcp, pkts, room < LA_RX_PARSE_BURST ? room : LA_RX_PARSE_BURST);

		if (n == 0)
			break;
		n = la_egress_burst(s, pkts, n);
		memcpy(s->tx + s->tx_tail, pkts, n * sizeof(pkts[0]));
		s->tx_tail += n;
	}
}

void
la_egress_frame(struct la_shard *s, struct rte_mbuf *m)
{
	if (s->tx_tail == LA_TX_MAX)
		egress_compact(s);
	if (s->tx_tail == LA_TX_MAX) {
		la_count_net(s, LA_C_out_full);
		rte_pktmbuf_free(m);
		return;
	}
	s->tx[s->tx_tail++] = m;
}

void
la_egress_ether(struct la_shard *s, struct rte_mbuf *m, const uint8_t dst[6], uint16_t type)
{
	struct la_eth e = {.type = type, .vlan = s->nif.vlan};
	uint16_t len = s->nif.vlan ? LA_ETH_LEN + LA_VLAN_LEN : LA_ETH_LEN;
	char *p = rte_pktmbuf_prepend(m, len);

	assert(p);
	memcpy(e.dst, dst, 6);
	memcpy(e.src, s->nif.mac, 6);
	la_eth_write((uint8_t *)p, &e);
	m->l2_len = len & 0x7fu;
}

struct rte_mbuf *
la_egress_new(struct la_shard *s, const uint8_t dst[6], uint16_t type, uint16_t len, uint8_t **p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->mbufs);

	if (!m && s->control) /* buffers of `control` have room for every frame of lib/net */
		m = rte_pktmbuf_alloc(s->control);
	if (m)
		*p = (uint8_t *)rte_pktmbuf_append(m, len);
	if (!m || !*p) {
		la_count_net(s, LA_C_mbuf_exhausted);
		rte_pktmbuf_free(m);
		return NULL;
	}
	la_egress_ether(s, m, dst, type);
	return m;
}

void
la_egress_resolved(struct la_shard *s, struct la_neigh *n)
{
	struct rte_mbuf *m;

	while ((m = la_neigh_dequeue(&s->neigh, n)) != NULL) {
		put_header(s, n, m);
		la_egress_frame(s, m);
	}
}
