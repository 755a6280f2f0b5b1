/* SPDX-License-Identifier: BSD-3-Clause */

/* The interface: addresses, ranges, on-link prefixes, gateways.
 *
 * Ingress looks up whether the destination and the source of a packet are our addresses. Egress looks up the next hop.
 * Single addresses are in an open-addressed hash set, at most half full. Ranges and on-link prefixes
 * are sorted sets of intervals, and broadcast addresses and solicited-node groups are sorted numbers (span.h), so that
 * the cost of a look-up grows with the logarithm of their number. Both
 * families are in the same tables: an IPv4 prefix begins with the 96 bits of ::ffff:0:0, so it
 * does not match an IPv6 address. After creation only the states of tentative
 * addresses and the times and the count of conflicts change.
 *
 * Ranges are for load tests. Every address of a range is ours: ARP and ND requests for it are answered, and it is
 * accepted as a destination, without a table entry. Ranges have no duplicate address detection, which
 * would take one packet and one second per address. Ranges are not on-link prefixes: addrs and
 * gateways give the route to their peers. */

#include <string.h>

#include "core/log.h"
#include "net/netif.h"
#include "wire/ip.h"

enum { CONFLICT_LOG_MS = 60000 };

struct la_net
la_net_make(const struct la_prefix *p)
{
	unsigned bits = p->len + (la_addr_is4(&p->addr) ? 96u : 0u);
	struct la_net n = {.bits = (uint8_t)bits};

	for (unsigned i = 0; i < 16; i++) {
		unsigned left = bits > i * 8 ? bits - i * 8 : 0;

		n.mask.b[i] = (uint8_t)(0xff00u >> (left < 8 ? left : 8));
		n.net.b[i] = p->addr.b[i] & n.mask.b[i];
	}
	return n;
}

/* Sets *a to the last address of a prefix. */
static void
last_of(const struct la_net *n, struct la_addr *a)
{
	a->q[0] = n->net.q[0] | ~n->mask.q[0];
	a->q[1] = n->net.q[1] | ~n->mask.q[1];
}

bool
la_net_broadcast(const struct la_net *n, struct la_addr *a)
{
	if (n->bits < 96 || n->bits > 126 || !la_addr_is4(&n->net))
		return false;
	last_of(n, a);
	return true;
}

bool
la_mac_is_station(const uint8_t mac[6])
{
	return !la_mac_is_group(mac) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) != 0;
}

/* RFC 4291 App. A: the MAC with ff:fe in its middle and the universal/local bit inverted. */
static struct la_prefix
link_local(const uint8_t mac[6])
{
	struct la_prefix p = {.addr = {.b = {0xfe, 0x80, [11] = 0xff, [12] = 0xfe}}, .len = 64};

	p.addr.b[8] = mac[0] ^ 0x02;
	p.addr.b[9] = mac[1];
	p.addr.b[10] = mac[2];
	p.addr.b[13] = mac[3];
	p.addr.b[14] = mac[4];
	p.addr.b[15] = mac[5];
	return p;
}

static unsigned
slots_log2(unsigned naddrs)
{
	unsigned n = 2;

	while ((1u << n) < 2 * naddrs)
		n++;
	return n;
}

/* The addresses of cfg and the link-local address. */
static unsigned
max_addrs(const struct la_shard_config *cfg)
{
	return cfg->naddrs + 1;
}

size_t
la_netif_memory(const struct la_shard_config *cfg)
{
	unsigned n = max_addrs(cfg), all = n + cfg->nranges;

	return n * sizeof(struct la_ifaddr) + all * (sizeof(struct la_net) + 2 * sizeof(struct la_span)) +
	       2 * all * sizeof(struct la_span4) + 2 * n * sizeof(uint32_t) + (sizeof(uint16_t) << slots_log2(n));
}

static unsigned
slot_of(const struct la_netif *nif, const struct la_addr *a)
{
	/* the top bits of the product depend on every bit of both halves */
	return (unsigned)(((a->q[0] ^ (a->q[1] << 7 | a->q[1] >> 57)) * 0x9e3779b97f4a7c15u) >> nif->slot_shift);
}

static void
add_addr(struct la_netif *nif, const struct la_prefix *p, enum la_ifaddr_state state)
{
	struct la_ifaddr *a = &nif->addrs[nif->naddrs++];
	unsigned mask = (1u << (64 - nif->slot_shift)) - 1;
	unsigned i;

	*a = (struct la_ifaddr){.addr = p->addr, .net = la_net_make(p), .state = state};
	for (i = slot_of(nif, &a->addr); nif->slots[i]; i = (i + 1) & mask)
		;
	nif->slots[i] = (uint16_t)nif->naddrs;
	for (i = 0; i < nif->nonlink; i++)
		if (nif->onlink[i].bits == a->net.bits && la_addr_eq(&nif->onlink[i].net, &a->net.net))
			return;
	nif->onlink[nif->nonlink++] = a->net;
}

static void
add_spans(struct la_spans *to, const struct la_net *nets, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct la_addr last;

		last_of(&nets[i], &last);
		la_spans_add(to, &nets[i].net, &last);
	}
}

/* The last 24 bits of an IPv6 address, which name its solicited-node group (RFC 4291 2.7.1). */
static uint32_t
netif_low24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* Fills own4: the IPv4 intervals of range without broadcast and multicast addresses. A broadcast address divides at
 * most one interval, so own4 has at most nranges + nbcasts intervals. */
static void
netif_seal_own4(struct la_netif *nif)
{
	const uint32_t last_unicast = 0xdfffffff;
	struct la_spans4 whole = {.v = nif->own4.v + nif->nbcasts}, *own = &nif->own4;
	unsigned k = 0;

	la_spans4_from(&whole, &nif->range);
	for (unsigned i = 0; i < whole.n && whole.v[i].first <= last_unicast; i++) {
		uint32_t first = whole.v[i].first, last = first + whole.v[i].more;

		if (last > last_unicast)
			last = last_unicast;
		while (k < nif->nbcasts && nif->bcasts[k] < first)
			k++;
		for (; k < nif->nbcasts && nif->bcasts[k] <= last; k++) {
			if (nif->bcasts[k] > first)
				own->v[own->n++] = (struct la_span4){first, nif->bcasts[k] - 1 - first};
			first = nif->bcasts[k] + 1;
		}
		if (first <= last)
			own->v[own->n++] = (struct la_span4){first, last - first};
	}
}

/* Builds the look-up tables from the addresses, prefixes and ranges. */
static void
netif_seal(struct la_netif *nif)
{
	add_spans(&nif->link, nif->onlink, nif->nonlink);
	add_spans(&nif->range, nif->ranges, nif->nranges);
	add_spans(&nif->near, nif->onlink, nif->nonlink);
	add_spans(&nif->near, nif->ranges, nif->nranges);
	la_spans_seal(&nif->link);
	la_spans_seal(&nif->range);
	la_spans_seal(&nif->near);
	la_spans4_from(&nif->near4, &nif->near);
	for (unsigned i = 0; i < nif->nonlink; i++) {
		struct la_addr a;

		if (la_net_broadcast(&nif->onlink[i], &a))
			nif->bcasts[nif->nbcasts++] = be32toh(a.w[3]);
	}
	la_u32s_sort(nif->bcasts, nif->nbcasts);
	netif_seal_own4(nif);
	for (unsigned i = 0; i < nif->naddrs; i++)
		if (!la_addr_is4(&nif->addrs[i].addr))
			nif->lows[nif->nlows++] = netif_low24(&nif->addrs[i].addr.b[13]);
	la_u32s_sort(nif->lows, nif->nlows);
}

/* Places the tables in mem, in the order of their alignment, the largest first. */
static void
lay_out(struct la_netif *nif, const struct la_shard_config *cfg, void *mem)
{
	unsigned n = max_addrs(cfg), all = n + cfg->nranges;

	nif->addrs = mem;
	nif->onlink = (struct la_net *)(nif->addrs + n);
	nif->ranges = nif->onlink + n;
	nif->link.v = (struct la_span *)(nif->ranges + cfg->nranges);
	nif->range.v = nif->link.v + n;
	nif->near.v = nif->range.v + cfg->nranges;
	nif->near4.v = (struct la_span4 *)(nif->near.v + all);
	nif->own4.v = nif->near4.v + all;
	nif->bcasts = (uint32_t *)(nif->own4.v + all);
	nif->lows = nif->bcasts + n;
	nif->slots = (uint16_t *)(nif->lows + n);
}

void
la_netif_init(struct la_netif *nif, const struct la_shard_config *cfg, void *mem)
{
	enum la_ifaddr_state state6 = cfg->no_dad ? LA_ADDR_USABLE : LA_ADDR_TENTATIVE;
	struct la_prefix ll = link_local(cfg->mac);

	*nif = (struct la_netif){
		.slot_shift = 64 - slots_log2(max_addrs(cfg)),
		.vlan = cfg->vlan,
		.mtu = cfg->mtu,
		.gateway4 = cfg->gateway4,
		.gateway6 = cfg->gateway6,
		.follower = cfg->follower,
		.dad_at = UINT64_MAX,
	};
	lay_out(nif, cfg, mem);
	memcpy(nif->mac, cfg->mac, sizeof(nif->mac));
	memcpy(nif->gateway_mac, cfg->gateway_mac, sizeof(nif->gateway_mac));
	for (unsigned i = 0; i < cfg->naddrs; i++) {
		bool is4 = la_addr_is4(&cfg->addrs[i].addr);

		add_addr(nif, &cfg->addrs[i], is4 ? LA_ADDR_USABLE : state6);
		*(is4 ? &nif->has4 : &nif->has6) = true;
	}
	for (unsigned i = 0; i < cfg->nranges; i++) {
		bool is4 = la_addr_is4(&cfg->ranges[i].addr);

		nif->ranges[nif->nranges++] = la_net_make(&cfg->ranges[i]);
		*(is4 ? &nif->has4 : &nif->has6) = true;
		nif->range6 |= !is4;
	}
	if (nif->has6 && !la_netif_find(nif, &ll.addr))
		add_addr(nif, &ll, state6);
	netif_seal(nif);
	if (nif->has6 && !cfg->no_dad)
		nif->dad_at = cfg->now + LA_DAD_WAIT_MS;
}

struct la_ifaddr *
la_netif_find(const struct la_netif *nif, const struct la_addr *a)
{
	unsigned mask = (1u << (64 - nif->slot_shift)) - 1;

	for (unsigned i = slot_of(nif, a); nif->slots[i]; i = (i + 1) & mask) {
		struct la_ifaddr *f = &nif->addrs[nif->slots[i] - 1];

		if (la_addr_eq(&f->addr, a))
			return f;
	}
	return NULL;
}

bool
la_netif_is_broadcast(const struct la_netif *nif, const struct la_addr *a)
{
	return nif->nbcasts != 0 && la_addr_is4(a) && la_u32s_has(nif->bcasts, nif->nbcasts, be32toh(a->w[3]));
}

static bool
in_range(const struct la_netif *nif, const struct la_addr *a)
{
	return la_spans_has(&nif->range, a) && !la_netif_is_broadcast(nif, a) && !la_ip_is_multicast(a);
}

bool
la_netif_owns_any(const struct la_netif *nif, const struct la_addr *a)
{
	const struct la_ifaddr *f = la_netif_find(nif, a);

	return f ? f->state == LA_ADDR_USABLE : in_range(nif, a);
}

bool
la_netif_configured(const struct la_netif *nif, const struct la_addr *a)
{
	const struct la_ifaddr *f = la_netif_find(nif, a);

	return f ? f->state != LA_ADDR_DUPLICATE : in_range(nif, a);
}

enum la_dst
la_netif_dst(const struct la_netif *nif, const struct la_addr *a)
{
	if (la_netif_owns(nif, a))
		return LA_DST_OURS;
	if (la_ip_is_multicast(a))
		return LA_DST_MULTICAST;
	return la_netif_is_broadcast(nif, a) ? LA_DST_BROADCAST : LA_DST_OTHER;
}

/* Returns whether the solicited-node group with these last 24 bits (RFC 4291 2.7.1) is one of ours. With an IPv6 range
 * all groups are accepted, because a range has very many. */
static bool
netif_hears_solicited(const struct la_netif *nif, const uint8_t low[3])
{
	return nif->range6 || la_u32s_has(nif->lows, nif->nlows, netif_low24(low));
}

bool
la_netif_hears(const struct la_netif *nif, const uint8_t mac[6])
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t all_hosts[6] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0x01};
	static const uint8_t all_nodes[6] = {0x33, 0x33, 0x00, 0x00, 0x00, 0x01};
	static const uint8_t sol_nodes[3] = {0x33, 0x33, 0xff};

	if (memcmp(mac, broadcast, 6) == 0)
		return true;
	if (nif->has4 && memcmp(mac, all_hosts, 6) == 0)
		return true;
	if (!nif->has6)
		return false;
	return memcmp(mac, all_nodes, 6) == 0 ||
	       (memcmp(mac, sol_nodes, 3) == 0 && netif_hears_solicited(nif, mac + 3));
}

bool
la_netif_joined(const struct la_netif *nif, const struct la_addr *group)
{
	static const struct la_addr all_nodes = {.b = {0xff, 0x02, [15] = 1}};
	static const uint8_t sol_nodes[13] = {0xff, 0x02, [11] = 1, [12] = 0xff};

	return nif->has6 && (la_addr_eq(group, &all_nodes) ||
			     (memcmp(group->b, sol_nodes, 13) == 0 && netif_hears_solicited(nif, &group->b[13])));
}

bool
la_netif_is_onlink(const struct la_netif *nif, const struct la_addr *a)
{
	return la_spans_has(&nif->link, a);
}

bool
la_netif_route(const struct la_netif *nif, const struct la_addr *dst, struct la_addr *hop)
{
	/* there is no loopback: a connection between two of our addresses is refused */
	if (la_netif_dst(nif, dst) != LA_DST_OTHER)
		return false;
	*hop = *dst;
	if (!la_netif_is_onlink(nif, dst))
		*hop = la_addr_is4(dst) ? nif->gateway4 : nif->gateway6;
	return !la_addr_is_any(hop);
}

void
la_netif_note_peer(struct la_netif *nif, const struct la_addr *dst)
{
	if (nif->dad_at != UINT64_MAX)
		return;
	nif->peer = *dst;
	nif->has_peer = true;
}

const struct la_addr *
la_netif_source(const struct la_netif *nif, const struct la_addr *target)
{
	const struct la_addr *any = NULL;

	for (unsigned i = 0; i < nif->naddrs; i++) {
		const struct la_ifaddr *f = &nif->addrs[i];

		if (f->state != LA_ADDR_USABLE || la_addr_is4(&f->addr) != la_addr_is4(target))
			continue;
		if (la_net_has(&f->net, target))
			return &f->addr;
		if (!any)
			any = &f->addr;
	}
	return any;
}

bool
la_netif_conflict(struct la_netif *nif, uint64_t now, const struct la_addr *a, const uint8_t mac[6])
{
	struct la_ifaddr *f = la_netif_find(nif, a);
	uint64_t *defend_at = f ? &f->defend_at : &nif->range_defend_at;
	char buf[LA_ADDR_STRLEN];

	nif->conflicts++;
	if (nif->follower)
		return false;
	if (now >= nif->conflict_at) {
		nif->conflict_at = now + CONFLICT_LOG_MS;
		la_log(LA_LOG_WARN,
		       "address conflict: %s is also used by %02x:%02x:%02x:%02x:%02x:%02x "
		       "(%llu such packets so far)",
		       la_addr_format(a, buf, sizeof(buf)), mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
		       (unsigned long long)nif->conflicts);
	}
	if (now < *defend_at)
		return false;
	*defend_at = now + LA_DEFEND_MS;
	return true;
}
