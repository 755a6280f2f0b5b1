/* SPDX-License-Identifier: BSD-3-Clause */

/* Finds the next hop of packets in the neighbour table, by RFC 4861 7.2 and 7.3 and RFC 826. arp.c and nd.c parse and
 * write the messages, neigh.c has states and times.
 *
 * Replies while no handshake is complete (SYN,ACK, SYN cookie, RST). The peer is unverified, and its address may
 * not exist.
 *
 *   next hop                          the reply
 *   gateway                           uses the gateway's entry, which all off-link peers share
 *   on-link, entry with a MAC         uses the entry; one unicast request verifies a claimed MAC
 *   on-link, no entry                 waits in a new unverified entry, and a request is sent (RFC 1122 3.3.1.1)
 *   ... and the unverified part full  goes to the source MAC of the frame that it answers; no entry, no request
 *   ... and no frame (SYN,ACK timer)  waits in a new entry, for which the oldest unverified one is evicted
 *
 * ARP and ND are the first choice, because the frame's source MAC is not always the right destination: a load balancer
 * that rewrites only MAC addresses forwards the client's frame with its own MAC, and the reply must go to the
 * client. The MAC of the frame is the second choice. Peers that fill the table cannot suppress such a reply, it causes
 * no broadcast, and it reaches at worst the station that sent the frame. The frame is from our VLAN (ingress.c), and
 * the reply has the same VLAN. A follower shard gets the frame with its original MAC. A retransmitted SYN,ACK has no
 * frame. With many half-open connections, each of which retransmits after 1, 2, 4 s ..., an entry is evicted after tens
 * of milliseconds. Then the peer's repeated SYN is answered to the MAC of its frame.
 *
 * A completed handshake verifies a peer: its packets make an entry in the verified part, or move its entry there.
 * The state of the connection (la_tcp_find()) is looked up only if a packet's next hop has no verified entry. */

#include <string.h>

#include "net/shard.h"

enum { TCP_FLAGS_OFF = 13 };

static void
resolve_solicit(struct la_shard *s, const struct la_neigh *n)
{
	if (la_addr_is4(&n->addr))
		la_arp_solicit(s, n);
	else
		la_nd_solicit(s, n);
}

/* Updates the gauges from the table. */
static void
resolve_set_gauges(struct la_shard *s)
{
	s->counters.v[LA_C_neighbours] = la_neigh_count(&s->neigh);
	s->counters.v[LA_C_neighbours_unverified] = s->neigh.count[LA_NC_UNVERIFIED];
	s->counters.v[LA_C_neigh_waiting] = la_neigh_waiting(&s->neigh);
}

void
la_resolve_drop(struct la_shard *s, struct la_neigh *n, enum la_counter count)
{
	struct rte_mbuf *m;

	while ((m = la_neigh_dequeue(&s->neigh, n)) != NULL) {
		if (count != LA_NCOUNTERS)
			la_counters_drop(&s->counters, count, 1);
		rte_pktmbuf_free(m);
	}
	if (s->last_hop == n)
		s->last_hop = NULL;
	la_neigh_remove(&s->neigh, n);
	resolve_set_gauges(s);
}

static void
resolve_evict(struct la_shard *s, struct la_neigh *n)
{
	la_count_net(s, n->class == LA_NC_UNVERIFIED ? LA_C_neigh_unverified_evicted : LA_C_neigh_evicted);
	la_resolve_drop(s, n, LA_C_drop_neigh_evicted);
}

static void
resolve_write_hdr(struct la_shard *s, struct la_neigh *n, bool is4)
{
	struct la_eth e = {.type = is4 ? LA_ETH_IP4 : LA_ETH_IP6, .vlan = s->nif.vlan};

	memcpy(e.src, s->nif.mac, 6);
	n->hdr_len = (uint8_t)la_eth_write(n->hdr, &e);
}

/* Returns a new entry whose header has all fields but the MAC. NULL: the class is full, and no entry may be evicted. */
static struct la_neigh *
resolve_new_entry(struct la_shard *s, const struct la_addr *a, enum la_neigh_class class)
{
	struct la_neigh *victim = la_neigh_victim(&s->neigh, class, true), *n;

	if (victim)
		resolve_evict(s, victim);
	n = la_neigh_add(&s->neigh, a, class, s->now);
	if (!n)
		return NULL;
	resolve_write_hdr(s, n, la_addr_is4(a));
	resolve_set_gauges(s);
	return n;
}

/* Makes an unverified neighbour verified, if there is room. in_use: a verified neighbour in use may be evicted. */
static void
resolve_promote(struct la_shard *s, struct la_neigh *n, bool in_use)
{
	struct la_neigh *victim = la_neigh_victim(&s->neigh, LA_NC_VERIFIED, in_use);

	if (victim)
		resolve_evict(s, victim);
	(void)la_neigh_promote(&s->neigh, n, s->now); /* without room the next packet retries */
	resolve_set_gauges(s);
}

static bool
is_gateway(const struct la_shard *s, const struct la_addr *a)
{
	return la_addr_eq(a, &s->nif.gateway4) || la_addr_eq(a, &s->nif.gateway6);
}

/* Returns whether a is a gateway with a configured MAC. Such a gateway is not resolved, and no frame changes its MAC.
 * If probes fail after REACHABLE, the entry is removed and the next packet makes a new one. */
static bool
has_configured_mac(const struct la_shard *s, const struct la_addr *a)
{
	return la_netif_gateway_given(&s->nif) && is_gateway(s, a);
}

static struct la_neigh *
resolve_drop_packet(struct la_shard *s, struct rte_mbuf *m, enum la_counter why)
{
	la_counters_drop(&s->counters, why, 1);
	rte_pktmbuf_free(m);
	return NULL;
}

/* Sets *t to addresses and ports of a packet of lib/tcp. Returns its TCP flags. */
static uint8_t
packet_tuple(const struct rte_mbuf *m, struct la_tuple *t)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *), *l4;

	if (p[0] >> 4 == 4) {
		t->laddr = la_ip4_src(p);
		t->raddr = la_ip4_dst(p);
		l4 = p + LA_IP4_LEN;
	} else {
		memcpy(t->laddr.b, p + 8, 16);
		memcpy(t->raddr.b, p + 24, 16);
		l4 = p + LA_IP6_LEN;
	}
	t->lport = (uint16_t)(l4[0] << 8 | l4[1]);
	t->rport = (uint16_t)(l4[2] << 8 | l4[3]);
	return l4[TCP_FLAGS_OFF];
}

/* Returns whether the packet is for a peer with a completed handshake, or for an open of our user. SYN and RST
 * decide. Otherwise the state decides, because a challenge ACK may be sent in SYN_RCVD. */
static bool
is_verified(const struct la_shard *s, const struct la_tuple *t, uint8_t flags)
{
	struct la_conn_info info;

	if (flags & LA_RST)
		return false;
	if (flags & LA_SYN)
		return !(flags & LA_ACK);
	return la_tcp_find(&s->tcp, t, &info) == 0 && info.state != LA_SYN_RCVD;
}

/* Returns a temporary neighbour with the source MAC of the frame that the packet answers. NULL: no such frame. */
static struct la_neigh *
resolve_by_origin(struct la_shard *s, const struct la_addr *dst)
{
	struct la_origins *o = &s->origins;

	/* replies have the order of their frames, so the search starts at the source that was found last */
	for (unsigned k = 0; k < o->n; k++) {
		unsigned i = (o->at + k) % o->n;

		if (!la_addr_eq(&o->v[i].addr, dst))
			continue;
		o->at = i;
		o->hop = (struct la_neigh){.addr = *dst, .state = LA_NEIGH_REACHABLE};
		resolve_write_hdr(s, &o->hop, la_addr_is4(dst));
		la_neigh_set_mac(&o->hop, o->v[i].mac);
		la_count_net(s, LA_C_neigh_by_frame);
		return &o->hop;
	}
	return NULL;
}

/* Makes an entry for a next hop, and sends a request for the MAC. NULL: no room for an entry, and m was dropped. */
static struct la_neigh *
resolve_new_hop(struct la_shard *s, const struct la_addr *hop, const struct la_tuple *t, bool verified,
		struct rte_mbuf *m)
{
	enum la_neigh_class class = verified ? LA_NC_VERIFIED : LA_NC_UNVERIFIED;
	struct la_neigh *n;

	if (is_gateway(s, hop))
		class = LA_NC_GATEWAY;
	if (class == LA_NC_UNVERIFIED && la_neigh_full(&s->neigh, class)) {
		n = resolve_by_origin(s, hop);
		if (n)
			return n;
	}
	n = resolve_new_entry(s, hop, class);
	if (!n)
		return resolve_drop_packet(s, m, LA_C_drop_neigh_full);
	n->src = t->laddr;
	la_resolve_ask(s, n);
	return n;
}

/* Queues the packet until n's MAC is known. */
static void
resolve_queue_packet(struct la_shard *s, struct la_neigh *n, struct rte_mbuf *m)
{
	struct rte_mbuf *old = la_neigh_enqueue(&s->neigh, n, m);

	if (old)
		resolve_drop_packet(s, old, LA_C_drop_neigh_queue);
	resolve_set_gauges(s);
}

/* Sends one unicast request when a claimed MAC of an unverified neighbour is used for the first time. A host replies
 * and is verified, even if its connection stays idle. The entry of an address that does not exist ends in a second. */
static void
resolve_probe_stale(struct la_shard *s, struct la_neigh *n)
{
	if (n->state != LA_NEIGH_STALE)
		return;
	la_neigh_enter(&s->neigh, n, LA_NEIGH_PROBE, s->now);
	resolve_solicit(s, n);
}

struct la_neigh *
la_resolve(struct la_shard *s, const struct la_addr *dst, struct rte_mbuf *m)
{
	struct la_addr hop;
	struct la_neigh *n;

	if (!la_netif_route(&s->nif, dst, &hop))
		return resolve_drop_packet(s, m, LA_C_drop_no_route);
	n = la_neigh_find(&s->neigh, &hop);
	if (!n || n->class == LA_NC_UNVERIFIED) {
		struct la_tuple t;
		uint8_t flags = packet_tuple(m, &t);
		bool verified = is_verified(s, &t, flags);

		if (n && verified)
			resolve_promote(s, n, true);
		if (!n)
			n = resolve_new_hop(s, &hop, &t, verified, m);
		if (!n)
			return NULL;
	}
	if (n->state == LA_NEIGH_INCOMPLETE) {
		resolve_queue_packet(s, n, m);
		return NULL;
	}
	if (n->class == LA_NC_UNVERIFIED) { /* not cached in last_hop, so that its next packet can verify it */
		resolve_probe_stale(s, n);
		return n;
	}
	s->last_dst = *dst;
	s->last_hop = n;
	s->last_is_gateway4 = la_addr_eq(&n->addr, &s->nif.gateway4);
	s->last_is_gateway6 = la_addr_eq(&n->addr, &s->nif.gateway6);
	return n;
}

void
la_resolve_ask(struct la_shard *s, struct la_neigh *n)
{
	if (has_configured_mac(s, &n->addr)) {
		la_neigh_set_mac(n, s->nif.gateway_mac);
		la_neigh_enter(&s->neigh, n, LA_NEIGH_REACHABLE, s->now);
	} else {
		resolve_solicit(s, n);
	}
}

struct la_neigh *
la_resolve_add_gateway(struct la_shard *s, const struct la_addr *a)
{
	return resolve_new_entry(s, a, LA_NC_GATEWAY);
}

struct la_neigh *
la_resolve_learn(struct la_shard *s, const struct la_addr *a, const uint8_t mac[6], const struct la_addr *us)
{
	struct la_neigh *n = la_neigh_find(&s->neigh, a);
	bool gateway = is_gateway(s, a);

	/* no entry for an address that is not on-link */
	if (!n && (la_netif_is_onlink(&s->nif, a) || gateway)) {
		n = resolve_new_entry(s, a, gateway ? LA_NC_GATEWAY : LA_NC_UNVERIFIED);
		if (n)
			n->src = *us;
	}
	if (n)
		la_resolve_update(s, n, mac, LA_NEWS_CLAIM);
	return n;
}

void
la_resolve_update(struct la_shard *s, struct la_neigh *n, const uint8_t mac[6], enum la_neigh_news news)
{
	bool fresh = n->state == LA_NEIGH_INCOMPLETE || !la_neigh_mac_is(n, mac);

	if (has_configured_mac(s, &n->addr))
		mac = s->nif.gateway_mac;
	la_neigh_set_mac(n, mac);
	if (news == LA_NEWS_CONFIRMED) {
		la_neigh_enter(&s->neigh, n, LA_NEIGH_REACHABLE, s->now);
		if (n->class == LA_NC_UNVERIFIED)
			resolve_promote(s, n, false);
	} else if (fresh) {
		la_neigh_enter(&s->neigh, n, LA_NEIGH_STALE, s->now);
	}
	if (n->class == LA_NC_GATEWAY)
		la_gateway_answered(s, n);
	la_egress_resolved(s, n);
	resolve_set_gauges(s);
}

bool
la_resolve_poll(struct la_shard *s)
{
	for (unsigned i = 0; i < LA_POLL_NEIGHS; i++) {
		struct la_neigh *n;

		switch (la_neigh_expire(&s->neigh, s->now, &n)) {
		case LA_NEIGH_IDLE:
			return false;
		case LA_NEIGH_SOLICIT:
			resolve_solicit(s, n);
			break;
		case LA_NEIGH_GONE:
			if (n->class == LA_NC_GATEWAY)
				la_gateway_gone(s, n);
			la_resolve_drop(s, n, LA_C_drop_neigh_failed);
			break;
		case LA_NEIGH_AGED:
			break;
		}
	}
	return la_neigh_next(&s->neigh) <= s->now;
}
