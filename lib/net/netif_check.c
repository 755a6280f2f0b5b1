/* SPDX-License-Identifier: BSD-3-Clause */

/* Checks the addresses, prefixes, ranges and gateways of an interface. */

#include <errno.h>
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
	/* an IPv6 prefix so short that it holds all of IPv4 in its mapped form would match both */
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
	/* {network, 0} and {network, -1} are no host addresses (RFC 1122 3.2.1.3) */
	n = la_net_make(p);
	return !la_net_broadcast(&n, &bcast) ||
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
	/* RFC 791 3.2: every link carries 68 bytes; RFC 8200 5: 1280 */
	has6 = any6(cfg->addrs, cfg->naddrs) || any6(cfg->ranges, cfg->nranges);
	return cfg->mtu && cfg->mtu < (has6 ? 1280 : 68) ? -EINVAL : 0;
}
