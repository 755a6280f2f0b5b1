/* SPDX-License-Identifier: BSD-3-Clause */

/* Between the neighbour table and the packets: what RFC 4861 7.2 and 7.3 (and RFC 826) make the table's
 * states mean. arp.c and nd.c read and write the messages, neigh.c keeps states and time. */

#include <string.h>

#include "net/shard.h"

static void
solicit(struct la_shard *s, const struct la_neigh *n)
{
	if (la_addr_is4(&n->addr))
		la_arp_solicit(s, n);
	else
		la_nd_solicit(s, n);
}

void
la_neigh_drop(struct la_shard *s, struct la_neigh *n, enum la_counter count)
{
	struct rte_mbuf *m;

	while ((m = la_neigh_dequeue(n)) != NULL) {
		if (count != LA_NCOUNTERS)
			la_count_net(s, count);
		rte_pktmbuf_free(m);
	}
	if (s->last_hop == n)
		s->last_hop = NULL;
	la_neigh_remove(&s->neigh, n);
}

/* A new entry whose header lacks only the MAC; somebody less useful may have to go for it. */
static struct la_neigh *
add(struct la_shard *s, const struct la_addr *a, bool learnt)
{
	struct la_neigh *victim = la_neigh_victim(&s->neigh, learnt), *n;
	struct la_eth e = {
		.type = la_addr_is4(a) ? LA_ETH_IP4 : LA_ETH_IP6,
		.vlan = s->nif.vlan,
	};

	if (victim)
		la_neigh_drop(s, victim, LA_NCOUNTERS);
	n = la_neigh_add(&s->neigh, a, s->now);
	if (!n)
		return NULL;
	memcpy(e.src, s->nif.mac, 6);
	n->hdr_len = (uint8_t)la_eth_write(n->hdr, &e);
	return n;
}

/* A gateway whose MAC we were given: nobody is asked for it, and nobody's word changes it. When it does
 * not answer the probes of its old age, the entry goes and the next packet makes a new one. */
static bool
is_given(const struct la_shard *s, const struct la_addr *a)
{
	static const uint8_t none[6];

	return memcmp(s->nif.gateway_mac, none, sizeof(none)) != 0 &&
	       (la_addr_eq(a, &s->nif.gateway4) || la_addr_eq(a, &s->nif.gateway6));
}

static struct la_neigh *
drop(struct la_shard *s, struct rte_mbuf *m, enum la_counter why)
{
	la_count_net(s, why);
	rte_pktmbuf_free(m);
	return NULL;
}

static void
packet_src(const struct rte_mbuf *m, struct la_addr *src)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	if (p[0] >> 4 == 4)
		*src = la_ip4_src(p);
	else
		memcpy(src->b, p + 8, 16);
}

struct la_neigh *
la_resolve(struct la_shard *s, const struct la_addr *dst, struct rte_mbuf *m)
{
	struct la_addr hop;
	struct la_neigh *n;
	struct rte_mbuf *old;

	if (!la_netif_route(&s->nif, dst, &hop))
		return drop(s, m, LA_C_drop_no_route);
	n = la_neigh_find(&s->neigh, &hop);
	if (!n) {
		n = add(s, &hop, false);
		if (!n)
			return drop(s, m, LA_C_drop_neigh_full);
		packet_src(m, &n->src);
		if (is_given(s, &hop)) {
			la_neigh_set_mac(n, s->nif.gateway_mac);
			la_neigh_enter(&s->neigh, n, LA_NEIGH_REACHABLE, s->now);
		} else {
			solicit(s, n);
		}
	}
	if (n->state == LA_NEIGH_INCOMPLETE) {
		old = la_neigh_enqueue(n, m);
		if (old)
			drop(s, old, LA_C_drop_neigh_queue);
		return NULL;
	}
	s->last_dst = *dst;
	s->last_hop = n;
	s->last_is_gateway4 = la_addr_eq(&n->addr, &s->nif.gateway4);
	return n;
}

struct la_neigh *
la_neigh_learn(struct la_shard *s, const struct la_addr *a, const uint8_t mac[6],
	       const struct la_addr *us)
{
	struct la_neigh *n = la_neigh_find(&s->neigh, a);
	bool gateway = la_addr_eq(a, &s->nif.gateway4) || la_addr_eq(a, &s->nif.gateway6);

	/* an address that we would never send to directly is not worth an entry */
	if (!n && (la_netif_is_onlink(&s->nif, a) || gateway)) {
		n = add(s, a, true);
		if (n)
			n->src = *us;
	}
	if (n)
		la_neigh_update(s, n, mac, LA_NEWS_CLAIM);
	return n;
}

void
la_neigh_update(struct la_shard *s, struct la_neigh *n, const uint8_t mac[6],
		enum la_neigh_news news)
{
	bool fresh = n->state == LA_NEIGH_INCOMPLETE || !la_neigh_mac_is(n, mac);

	if (is_given(s, &n->addr))
		mac = s->nif.gateway_mac;
	la_neigh_set_mac(n, mac);
	if (news == LA_NEWS_CONFIRMED)
		la_neigh_enter(&s->neigh, n, LA_NEIGH_REACHABLE, s->now);
	else if (fresh)
		la_neigh_enter(&s->neigh, n, LA_NEIGH_STALE, s->now);
	la_egress_resolved(s, n);
}

bool
la_neigh_poll(struct la_shard *s)
{
	for (unsigned i = 0; i < LA_POLL_NEIGHS; i++) {
		struct la_neigh *n;

		switch (la_neigh_expire(&s->neigh, s->now, &n)) {
		case LA_NEIGH_IDLE:
			return false;
		case LA_NEIGH_SOLICIT:
			solicit(s, n);
			break;
		case LA_NEIGH_GONE:
			la_neigh_drop(s, n, LA_C_drop_neigh_failed);
			break;
		case LA_NEIGH_AGED:
			break;
		}
	}
	return la_neigh_next(&s->neigh) <= s->now;
}
