/* SPDX-License-Identifier: BSD-3-Clause */

/* Checks the addresses, prefixes, ranges and gateways of an interface. */

#include <string.h>

#include "net/netif.h"
#include "wire/ip.h"

static bool
prefix_ok(const struct la_prefix *p)
{
	static const struct la_addr mapped = {.b = {[10] = 0xff, [11] = 0xff}};
	bool is4 = la_addr_is4(&p->addr);
	struct la_net n;

	if (p->len > (is4 ? 32 : 128) || !la_ip_src_valid(&p->addr))
		return false;
	/* an IPv6 prefix that contains the IPv4-mapped addresses, such as ::/64, would also match IPv4 addresses */
	n = la_net_make(p);
	return is4 || !la_net_has(&n, &mapped);
}

static bool
addr_ok(const struct la_prefix *p)
{
	struct la_net n;
	struct la_addr bcast;

	if (!prefix_ok(p))
		return false;
	/* the first and the last address of an IPv4 prefix are not host addresses (RFC 1122 3.2.1.3) */
	n = la_net_make(p);
	return !la_net_broadcast(&n, &bcast) || (!la_addr_eq(&bcast, &p->addr) && !la_addr_eq(&n.net, &p->addr));
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
has_ip6_prefix(const struct la_prefix *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!la_addr_is4(&p[i].addr))
			return true;
	return false;
}

static bool
addrs_ok(const struct la_shard_config *cfg)
{
	for (unsigned i = 0; i < cfg->naddrs; i++) {
		if (!addr_ok(&cfg->addrs[i]))
			return false;
		for (unsigned j = 0; j < i; j++)
			if (la_addr_eq(&cfg->addrs[i].addr, &cfg->addrs[j].addr))
				return false;
	}
	return true;
}

static bool
ranges_ok(const struct la_shard_config *cfg)
{
	for (unsigned i = 0; i < cfg->nranges; i++)
		if (!range_ok(&cfg->ranges[i]))
			return false;
	return true;
}

const char *
la_netif_check(const struct la_shard_config *cfg)
{
	if (!la_mac_is_station(cfg->mac))
		return "mac";
	if (cfg->naddrs + cfg->nranges == 0 || cfg->naddrs > LA_NETIF_MAX_ADDRS)
		return "naddrs";
	if (cfg->nranges > LA_NETIF_MAX_RANGES)
		return "nranges";
	if (cfg->naddrs && (!cfg->addrs || !addrs_ok(cfg)))
		return "addrs";
	if (cfg->nranges && (!cfg->ranges || !ranges_ok(cfg)))
		return "ranges";
	if (!gateway_ok(cfg, &cfg->gateway4, true))
		return "gateway4";
	if (!gateway_ok(cfg, &cfg->gateway6, false))
		return "gateway6";
	if (memcmp(cfg->gateway_mac, (const uint8_t[6]){0}, 6) != 0 && !la_mac_is_station(cfg->gateway_mac))
		return "gateway_mac";
	/* RFC 8200 5: every link with IPv6 carries 1280 bytes */
	if (cfg->mtu < 1280 && (has_ip6_prefix(cfg->addrs, cfg->naddrs) || has_ip6_prefix(cfg->ranges, cfg->nranges)))
		return "mtu";
	return NULL;
}
