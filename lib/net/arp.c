/* SPDX-License-Identifier: BSD-3-Clause */

/* ARP (RFC 826). Only requests for our addresses and ranges are answered. */

#include <string.h>

#include "net/shard.h"

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void
send_arp(struct la_shard *s, const uint8_t dst[6], const struct la_arp *a)
{
	uint8_t *p;
	struct rte_mbuf *m = la_egress_new(s, dst, LA_ETH_ARP, LA_ARP_LEN, &p);

	if (!m)
		return;
	la_arp_write(p, a);
	la_egress_frame(s, m);
}

static void
arp_reply(struct la_shard *s, const struct la_arp *q)
{
	struct la_arp a = {.op = LA_ARP_REPLY, .spa = q->tpa, .tpa = q->spa};

	memcpy(a.sha, s->nif.mac, 6);
	memcpy(a.tha, q->sha, 6);
	send_arp(s, q->sha, &a);
}

/* RFC 5227 2.3: sends an ARP announcement. Stations that have another MAC for the address take ours. */
static void
arp_send_announcement(struct la_shard *s, const struct la_addr *addr)
{
	struct la_arp a = {.op = LA_ARP_REQUEST, .spa = addr->w[3], .tpa = addr->w[3]};

	memcpy(a.sha, s->nif.mac, 6);
	send_arp(s, broadcast, &a);
}

/* A reply to our request confirms the entry; other frames only update its MAC. An unsolicited reply
 * does not confirm, because it may be old or forged. */
static enum la_neigh_news
arp_news(const struct la_arp *a, bool for_us, const struct la_neigh *n)
{
	bool asked = n->state == LA_NEIGH_INCOMPLETE || n->state == LA_NEIGH_PROBE;

	return a->op == LA_ARP_REPLY && for_us && asked ? LA_NEWS_CONFIRMED : LA_NEWS_CLAIM;
}

int
la_arp_input(struct la_shard *s, const struct la_rx *rx)
{
	struct la_addr from, target;
	struct la_neigh *n;
	struct la_arp a;
	enum la_counter why = la_arp_parse(rx->p + rx->eth.len, rx->len - rx->eth.len, &a);
	bool probe, for_us;

	if (why != LA_WIRE_OK)
		return why;
	from = la_addr_from4(a.spa);
	target = la_addr_from4(a.tpa);
	probe = a.spa == 0; /* RFC 5227 2.1.1: the sender checks whether an address is in use */
	if (!la_mac_is_station(a.sha) || (!probe && !la_ip_src_valid(&from)) || la_netif_is_broadcast(&s->nif, &from))
		return LA_C_drop_arp_bad;
	if (la_netif_owns(&s->nif, &from)) {
		if (memcmp(a.sha, s->nif.mac, 6) == 0)
			return LA_C_drop_own_reflected;
		if (la_netif_conflict(&s->nif, s->now, &from, a.sha)) {
			arp_send_announcement(s, &from);
			la_count_net(s, LA_C_conflict_defences);
		}
		return LA_C_arp_conflict;
	}
	for_us = la_netif_owns(&s->nif, &target);
	/* RFC 826: update an existing entry, then check whether the request is for us, then
	 * make an entry for the sender, which will probably connect to us */
	n = probe ? NULL : la_neigh_find(&s->neigh, &from);
	if (n)
		la_resolve_update(s, n, a.sha, arp_news(&a, for_us, n));
	if (a.op == LA_ARP_REPLY)
		return n ? (int)LA_RX_DONE : (int)LA_C_drop_arp_not_ours;
	if (!for_us || s->nif.follower)
		return a.spa == a.tpa && n ? (int)LA_RX_DONE : (int)LA_C_drop_arp_not_ours;
	if (!n && !probe)
		la_resolve_learn(s, &from, a.sha, &target);
	arp_reply(s, &a);
	return LA_RX_DONE;
}

void
la_arp_solicit(struct la_shard *s, const struct la_neigh *n)
{
	const struct la_addr *src = la_netif_source(&s->nif, &n->addr);
	struct la_arp a = {.op = LA_ARP_REQUEST, .tpa = n->addr.w[3]};
	bool unicast = n->state == LA_NEIGH_PROBE;

	a.spa = src ? src->w[3] : n->src.w[3];
	memcpy(a.sha, s->nif.mac, 6);
	if (unicast)
		memcpy(a.tha, n->hdr, 6);
	send_arp(s, unicast ? n->hdr : broadcast, &a);
}

void
la_arp_announce(struct la_shard *s)
{
	for (unsigned i = 0; i < s->nif.naddrs; i++)
		if (la_addr_is4(&s->nif.addrs[i].addr))
			arp_send_announcement(s, &s->nif.addrs[i].addr);
}
