/* SPDX-License-Identifier: BSD-3-Clause */

/* Neighbour discovery (RFC 4861 7.2) and duplicate address detection (RFC 4862 5.4).
 *
 * At creation each IPv6 address is TENTATIVE. One solicitation for it is sent from "::". For one second the
 * address is not used, and solicitations for it are not answered. If in that second another station sends a
 * solicitation for it from "::", or an advertisement of it, the address is DUPLICATE permanently. Otherwise it becomes
 * USABLE and is announced. With no_dad all addresses are USABLE at once. A follower receives
 * the same frames and gets the same result, but sends no frame: one shard sends for all. Ranges are not
 * checked. A solicitation from our own MAC was reflected by a switch and is dropped. */

#include <string.h>

#include "core/log.h"
#include "net/shard.h"

static const struct la_addr all_nodes = {.b = {0xff, 0x02, [15] = 1}};

enum { ND_HOPS = 255 };

struct nd_out {
	struct la_addr src, dst, target;
	const uint8_t *mac; /* destination MAC; NULL: that of the multicast address dst */
	bool advert, solicited, dad;
};

static void
send_nd(struct la_shard *s, const struct nd_out *o)
{
	uint16_t len = o->dad ? LA_ND_LEN - 8 : LA_ND_LEN;
	uint8_t group[6], *p;
	struct rte_mbuf *m;

	if (!o->mac)
		la_nd_multicast_mac(&o->dst, group);
	m = la_egress_new(s, o->mac ? o->mac : group, LA_ETH_IP6, (uint16_t)(LA_IP6_LEN + len), &p);
	if (!m)
		return;
	p += la_ip6_write(p, &o->src, &o->dst, LA_IPPROTO_ICMP6, ND_HOPS, len);
	if (o->advert)
		la_nd_advert_write(p, &o->src, &o->dst, &o->target, s->nif.mac, o->solicited, true);
	else
		la_nd_solicit_write(p, &o->src, &o->dst, &o->target, o->dad ? NULL : s->nif.mac);
	la_egress_frame(s, m);
}

/* RFC 4861 7.2.6: sends an unsolicited advertisement to all nodes, with the override flag, so that our MAC replaces an
 * older one. */
static void
nd_announce(struct la_shard *s, const struct la_addr *a)
{
	send_nd(s, &(struct nd_out){.src = *a, .dst = all_nodes, .target = *a, .advert = true});
}

static void
nd_addr_is_duplicate(struct la_shard *s, struct la_ifaddr *f, const uint8_t mac[6])
{
	char buf[LA_ADDR_STRLEN];

	f->state = LA_ADDR_DUPLICATE;
	s->last_src = (struct la_addr){0};
	if (s->nif.follower)
		return;
	la_log(LA_LOG_ERROR,
	       "%s is in use by %02x:%02x:%02x:%02x:%02x:%02x: not used here (RFC 4862 5.4.5); "
	       "choose another address and start again",
	       la_addr_format(&f->addr, buf, sizeof(buf)), mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static struct la_ifaddr *
nd_find_tentative(const struct la_shard *s, const struct la_addr *a)
{
	struct la_ifaddr *f = la_netif_find(&s->nif, a);

	return f && f->state == LA_ADDR_TENTATIVE ? f : NULL;
}

/* RFC 4861 7.2.3 and 7.2.4. */
static int
nd_solicit_input(struct la_shard *s, const struct la_rx *rx, const struct la_icmp *ic)
{
	bool dad = la_addr_is_any(&rx->ip.src);
	struct nd_out o = {.src = ic->target, .target = ic->target, .advert = true};
	struct la_ifaddr *f = nd_find_tentative(s, &ic->target);

	if (memcmp(rx->eth.src, s->nif.mac, 6) == 0)
		return LA_C_drop_own_reflected;
	if (f) {
		/* RFC 4862 5.4.3: a solicitation from "::" means that another station checks the same address, and
		 * neither station may use it. Other solicitations are dropped, and their senders repeat them. */
		if (dad)
			nd_addr_is_duplicate(s, f, rx->eth.src);
		return dad ? (int)LA_RX_DONE : (int)LA_C_drop_icmp_type;
	}
	if (s->nif.follower || !la_netif_owns(&s->nif, &ic->target))
		return LA_C_drop_icmp_type;
	if (ic->has_lladdr && !la_mac_is_station(ic->lladdr))
		return LA_C_drop_nd_bad;
	o.dst = dad ? all_nodes : rx->ip.src;
	o.solicited = !dad;
	if (!dad) {
		/* a unicast probe may omit the option; then the answer goes to the source MAC
		 * of the solicitation, which is from this link because its hop limit is 255 */
		o.mac = ic->has_lladdr ? ic->lladdr : rx->eth.src;
		if (ic->has_lladdr)
			la_resolve_learn(s, &rx->ip.src, ic->lladdr, &ic->target);
	}
	send_nd(s, &o);
	return LA_RX_DONE;
}

/* RFC 4861 7.2.5 for an existing entry, in the RFC's order. */
static int
nd_update_entry(struct la_shard *s, struct la_neigh *n, const struct la_icmp *ic)
{
	bool other = ic->has_lladdr && !la_neigh_mac_is(n, ic->lladdr);

	if (n->state == LA_NEIGH_INCOMPLETE) {
		if (!ic->has_lladdr)
			return LA_C_drop_nd_bad;
	} else if (other && !ic->na_override) {
		if (n->state == LA_NEIGH_REACHABLE)
			la_neigh_enter(&s->neigh, n, LA_NEIGH_STALE, s->now);
		return LA_RX_DONE;
	}
	if (ic->na_solicited || other || n->state == LA_NEIGH_INCOMPLETE) {
		uint8_t mac[6];

		memcpy(mac, ic->has_lladdr ? ic->lladdr : n->hdr, 6);
		la_resolve_update(s, n, mac, ic->na_solicited ? LA_NEWS_CONFIRMED : LA_NEWS_CLAIM);
	}
	return LA_RX_DONE;
}

static int
nd_advert_input(struct la_shard *s, const struct la_rx *rx, const struct la_icmp *ic)
{
	struct la_ifaddr *f = nd_find_tentative(s, &ic->target);
	struct la_neigh *n;

	if (memcmp(rx->eth.src, s->nif.mac, 6) == 0)
		return LA_C_drop_own_reflected;
	if (f) {
		nd_addr_is_duplicate(s, f, rx->eth.src);
		return LA_RX_DONE;
	}
	if (la_netif_owns(&s->nif, &ic->target)) {
		/* RFC 4862 5.4.4 has no rule for a late duplicate: the address is defended as in RFC 5227 2.4 */
		if (la_netif_conflict(&s->nif, s->now, &ic->target, rx->eth.src)) {
			nd_announce(s, &ic->target);
			la_count_net(s, LA_C_conflict_defences);
		}
		return LA_C_nd_conflict;
	}
	if (la_netif_owns(&s->nif, &rx->ip.src))
		return LA_C_drop_ip_src;
	if (ic->has_lladdr && !la_mac_is_station(ic->lladdr))
		return LA_C_drop_nd_bad;
	n = la_neigh_find(&s->neigh, &ic->target);
	/* RFC 4861 7.2.5: an advertisement does not create an entry */
	return n ? nd_update_entry(s, n, ic) : (int)LA_C_drop_icmp_type;
}

int
la_nd_input(struct la_shard *s, const struct la_rx *rx, const struct la_icmp *ic)
{
	return ic->kind == LA_ICMP_NS ? nd_solicit_input(s, rx, ic) : nd_advert_input(s, rx, ic);
}

void
la_nd_solicit(struct la_shard *s, const struct la_neigh *n)
{
	const struct la_addr *src = la_netif_source(&s->nif, &n->addr);
	struct nd_out o = {.src = src ? *src : n->src, .dst = n->addr, .target = n->addr};

	if (n->state == LA_NEIGH_PROBE)
		o.mac = n->hdr;
	else
		o.dst = la_nd_solicited_node(&n->addr);
	send_nd(s, &o);
}

void
la_nd_start(struct la_shard *s)
{
	for (unsigned i = 0; i < s->nif.naddrs; i++) {
		const struct la_ifaddr *f = &s->nif.addrs[i];

		if (la_addr_is4(&f->addr))
			continue;
		if (f->state == LA_ADDR_USABLE)
			nd_announce(s, &f->addr);
		else
			send_nd(s, &(struct nd_out){
					   .dst = la_nd_solicited_node(&f->addr), .target = f->addr, .dad = true});
	}
}

void
la_nd_poll(struct la_shard *s)
{
	if (s->now < s->nif.dad_at)
		return;
	s->nif.dad_at = UINT64_MAX;
	s->last_src = (struct la_addr){0};
	for (unsigned i = 0; i < s->nif.naddrs; i++) {
		struct la_ifaddr *f = &s->nif.addrs[i];

		if (f->state != LA_ADDR_TENTATIVE)
			continue;
		f->state = LA_ADDR_USABLE;
		if (!s->nif.follower)
			nd_announce(s, &f->addr);
	}
	la_gateway_start(s);
}
