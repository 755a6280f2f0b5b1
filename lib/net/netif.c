/* SPDX-License-Identifier: BSD-3-Clause */

/* The interface: addresses, ranges, on-link prefixes, gateways.
 *
 * Asked once or twice a packet: "is this address ours?" (ingress, destination and source) and "who is
 * the next hop?" (egress). Single addresses are found in a small open-addressed hash set, at most
 * half full; ranges and on-link prefixes are few and compared one by one as masked 128-bit words. Both
 * families are in the same tables: a prefix of IPv4 has the 96 bits of ::ffff:0:0 in front, so that it
 * never matches an IPv6 address. Nothing here changes after birth but the state of tentative
 * addresses.
 *
 * Ranges are for load tests: every address inside is ours, is answered for in ARP and ND and is taken
 * as a destination, without an entry each. They are not subject to duplicate address detection (it
 * would take one packet and one second per address), and they are not on-link prefixes: how their
 * peers are reached is said by addrs and gateways. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "net/netif.h"
#include "wire/ip.h"

enum { CONFLICT_LOG_MS = 60000 };

static struct la_net
net_make(const struct la_prefix *p)
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

/* The last address of a prefix; only IPv4 prefixes with room for it have a broadcast address. */
static bool
net_broadcast(const struct la_net *n, struct la_addr *a)
{
	if (n->bits < 96 || n->bits > 126 || !la_addr_is4(&n->net))
		return false;
	a->q[0] = n->net.q[0] | ~n->mask.q[0];
	a->q[1] = n->net.q[1] | ~n->mask.q[1];
	return true;
}

bool
la_mac_is_station(const uint8_t mac[6])
{
	return !la_mac_is_group(mac) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) != 0;
}

/* RFC 4291 App. A: the MAC with ff:fe in its middle and the universal/local bit turned round. */
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

/* The link-local address comes on top of what cfg lists. */
static unsigned
max_addrs(const struct la_shard_config *cfg)
{
	return cfg->naddrs + 1;
}

static bool
prefix_ok(const struct la_prefix *p)
{
	static const struct la_addr mapped = {.b = {[10] = 0xff, [11] = 0xff}};
	bool is4 = la_addr_is4(&p->addr);
	struct la_net n;

	if (p->len > (is4 ? 32 : 128) || !la_ip_src_valid(&p->addr))
		return false;
	/* an IPv6 prefix so short that it holds all of IPv4 in its mapped form would match both */
	n = net_make(p);
	return is4 || !la_net_has(&n, &mapped);
}

static bool
addr_ok(const struct la_prefix *p)
{
	struct la_net n;
	struct la_addr bcast;

	if (!prefix_ok(p))
		return false;
	/* {network, 0} and {network, -1} are nobody's address (RFC 1122 3.2.1.3) */
	n = net_make(p);
	return !net_broadcast(&n, &bcast) ||
	       (!la_addr_eq(&bcast, &p->addr) && !la_addr_eq(&n.net, &p->addr));
}

static bool
range_ok(const struct la_prefix *p)
{
	return prefix_ok(p) && p->len > 0;
}

static bool
gateway_ok(const struct la_shard_config *cfg, const struct la_addr *gw, bool is4)
{
	if (la_addr_is_any(gw))
		return true;
	if (la_addr_is4(gw) != is4 || !la_ip_src_valid(gw))
		return false;
	for (unsigned i = 0; i < cfg->naddrs; i++)
		if (la_addr_eq(&cfg->addrs[i].addr, gw))
			return false;
	for (unsigned i = 0; i < cfg->nranges; i++)
		if (la_prefix_contains(&cfg->ranges[i], gw))
			return false;
	return true;
}

static bool
any6(const struct la_prefix *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!la_addr_is4(&p[i].addr))
			return true;
	return false;
}

int
la_netif_check(const struct la_shard_config *cfg)
{
	bool has6;

	if (cfg->naddrs + cfg->nranges == 0 || cfg->naddrs > LA_NETIF_MAX_ADDRS ||
	    cfg->nranges > LA_NETIF_MAX_RANGES || (cfg->naddrs && !cfg->addrs) ||
	    (cfg->nranges && !cfg->ranges) || !la_mac_is_station(cfg->mac) || cfg->vlan > 4094)
		return -EINVAL;
	for (unsigned i = 0; i < cfg->naddrs; i++) {
		if (!addr_ok(&cfg->addrs[i]))
			return -EINVAL;
		for (unsigned j = 0; j < i; j++)
			if (la_addr_eq(&cfg->addrs[i].addr, &cfg->addrs[j].addr))
				return -EINVAL;
	}
	for (unsigned i = 0; i < cfg->nranges; i++)
		if (!range_ok(&cfg->ranges[i]))
			return -EINVAL;
	if (!gateway_ok(cfg, &cfg->gateway4, true) || !gateway_ok(cfg, &cfg->gateway6, false))
		return -EINVAL;
	if (memcmp(cfg->gateway_mac, (const uint8_t[6]){0}, 6) != 0 && !la_mac_is_station(cfg->gateway_mac))
		return -EINVAL;
	/* RFC 791 3.2: every link takes 68 bytes; RFC 8200 5: 1280 */
	has6 = any6(cfg->addrs, cfg->naddrs) || any6(cfg->ranges, cfg->nranges);
	return cfg->mtu && cfg->mtu < (has6 ? 1280 : 68) ? -EINVAL : 0;
}

size_t
la_netif_memory(const struct la_shard_config *cfg)
{
	unsigned n = max_addrs(cfg);

	return n * (sizeof(struct la_ifaddr) + sizeof(struct la_net)) +
	       cfg->nranges * sizeof(struct la_net) + (n + cfg->nranges) * sizeof(struct la_net4) +
	       (sizeof(uint16_t) << slots_log2(n));
}

static unsigned
slot_of(const struct la_netif *nif, const struct la_addr *a)
{
	/* the top bits of the product depend on every bit of both halves */
	return (unsigned)(((a->q[0] ^ (a->q[1] << 7 | a->q[1] >> 57)) * 0x9e3779b97f4a7c15u) >>
			  nif->slot_shift);
}

static void
add_addr(struct la_netif *nif, const struct la_prefix *p, enum la_ifaddr_state state)
{
	struct la_ifaddr *a = &nif->addrs[nif->naddrs++];
	unsigned mask = (1u << (64 - nif->slot_shift)) - 1;
	unsigned i;

	*a = (struct la_ifaddr){.addr = p->addr, .net = net_make(p), .state = state};
	for (i = slot_of(nif, &a->addr); nif->slots[i]; i = (i + 1) & mask)
		;
	nif->slots[i] = (uint16_t)nif->naddrs;
	for (i = 0; i < nif->nonlink; i++)
		if (nif->onlink[i].bits == a->net.bits &&
		    la_addr_eq(&nif->onlink[i].net, &a->net.net))
			return;
	nif->onlink[nif->nonlink++] = a->net;
}

static int
longer_first(const void *a, const void *b)
{
	return ((const struct la_net *)b)->bits - ((const struct la_net *)a)->bits;
}

static void
add_near4(struct la_netif *nif, const struct la_net *nets, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (la_addr_is4(&nets[i].net))
			nif->near4[nif->nnear4++] =
				(struct la_net4){nets[i].net.w[3], nets[i].mask.w[3]};
}

void
la_netif_init(struct la_netif *nif, const struct la_shard_config *cfg, void *mem)
{
	enum la_ifaddr_state state6 = cfg->no_dad ? LA_ADDR_USABLE : LA_ADDR_TENTATIVE;
	struct la_prefix ll = link_local(cfg->mac);
	unsigned n = max_addrs(cfg);

	*nif = (struct la_netif){
		.addrs = mem,
		.slot_shift = 64 - slots_log2(n),
		.vlan = cfg->vlan,
		.mtu = cfg->mtu,
		.gateway4 = cfg->gateway4,
		.gateway6 = cfg->gateway6,
		.follower = cfg->follower,
		.dad_at = UINT64_MAX,
	};
	nif->onlink = (struct la_net *)(nif->addrs + n);
	nif->ranges = nif->onlink + n;
	nif->near4 = (struct la_net4 *)(nif->ranges + cfg->nranges);
	nif->slots = (uint16_t *)(nif->near4 + n + cfg->nranges);
	memcpy(nif->mac, cfg->mac, sizeof(nif->mac));
	memcpy(nif->gateway_mac, cfg->gateway_mac, sizeof(nif->gateway_mac));
	for (unsigned i = 0; i < cfg->naddrs; i++) {
		bool is4 = la_addr_is4(&cfg->addrs[i].addr);

		add_addr(nif, &cfg->addrs[i], is4 ? LA_ADDR_USABLE : state6);
		*(is4 ? &nif->has4 : &nif->has6) = true;
	}
	for (unsigned i = 0; i < cfg->nranges; i++) {
		bool is4 = la_addr_is4(&cfg->ranges[i].addr);

		nif->ranges[nif->nranges++] = net_make(&cfg->ranges[i]);
		*(is4 ? &nif->has4 : &nif->has6) = true;
		nif->range6 |= !is4;
	}
	if (nif->has6 && !la_netif_find(nif, &ll.addr))
		add_addr(nif, &ll, state6);
	qsort(nif->onlink, nif->nonlink, sizeof(*nif->onlink), longer_first);
	add_near4(nif, nif->onlink, nif->nonlink);
	add_near4(nif, nif->ranges, nif->nranges);
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
	struct la_addr bcast;

	if (!nif->has4 || !la_addr_is4(a))
		return false;
	for (unsigned i = 0; i < nif->nonlink; i++)
		if (la_net_has(&nif->onlink[i], a) && net_broadcast(&nif->onlink[i], &bcast) &&
		    la_addr_eq(&bcast, a))
			return true;
	return false;
}

static bool
in_range(const struct la_netif *nif, const struct la_addr *a)
{
	for (unsigned i = 0; i < nif->nranges; i++)
		if (la_net_has(&nif->ranges[i], a))
			return !la_netif_is_broadcast(nif, a) && !la_ip_is_multicast(a);
	return false;
}

bool
la_netif_owns(const struct la_netif *nif, const struct la_addr *a)
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

/* Solicited-node groups are named by the last 24 bits of an address (RFC 4291 2.7.1); a range has
 * so many of them that all are heard. */
static bool
solicited(const struct la_netif *nif, const uint8_t low[3])
{
	if (nif->range6)
		return true;
	for (unsigned i = 0; i < nif->naddrs; i++) {
		const struct la_ifaddr *f = &nif->addrs[i];

		if (!la_addr_is4(&f->addr) && memcmp(&f->addr.b[13], low, 3) == 0)
			return true;
	}
	return false;
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
	       (memcmp(mac, sol_nodes, 3) == 0 && solicited(nif, mac + 3));
}

bool
la_netif_joined(const struct la_netif *nif, const struct la_addr *group)
{
	static const struct la_addr all_nodes = {.b = {0xff, 0x02, [15] = 1}};
	static const uint8_t sol_nodes[13] = {0xff, 0x02, [11] = 1, [12] = 0xff};

	return nif->has6 &&
	       (la_addr_eq(group, &all_nodes) ||
		(memcmp(group->b, sol_nodes, 13) == 0 && solicited(nif, &group->b[13])));
}

bool
la_netif_is_onlink(const struct la_netif *nif, const struct la_addr *a)
{
	for (unsigned i = 0; i < nif->nonlink; i++)
		if (la_net_has(&nif->onlink[i], a))
			return true;
	return false;
}

bool
la_netif_route(const struct la_netif *nif, const struct la_addr *dst, struct la_addr *hop)
{
	/* a packet to ourselves is not looped: nobody may open a connection to us from us */
	if (la_netif_dst(nif, dst) != LA_DST_OTHER)
		return false;
	*hop = *dst;
	if (!la_netif_is_onlink(nif, dst))
		*hop = la_addr_is4(dst) ? nif->gateway4 : nif->gateway6;
	return !la_addr_is_any(hop);
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

void
la_netif_conflict(struct la_netif *nif, uint64_t now, const struct la_addr *a,
		  const uint8_t mac[6])
{
	char buf[LA_ADDR_STRLEN];

	nif->conflicts++;
	if (nif->follower || now < nif->conflict_at)
		return;
	nif->conflict_at = now + CONFLICT_LOG_MS;
	la_log(LA_LOG_WARN, "address conflict: %s is also used by %02x:%02x:%02x:%02x:%02x:%02x "
	       "(%llu such packets so far)", la_addr_format(a, buf, sizeof(buf)), mac[0], mac[1],
	       mac[2], mac[3], mac[4], mac[5], (unsigned long long)nif->conflicts);
}
