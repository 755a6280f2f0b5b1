/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_NET_NETIF_H
#define LA_NET_NETIF_H

/* The interface of a shard: our addresses, on-link prefixes, gateways.
 * (Theory at the top of netif.c.) */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>
#include <lastack/shard.h>

#include "net/span.h"

enum { LA_NETIF_MAX_ADDRS = 1024, LA_NETIF_MAX_RANGES = 256 };
enum { LA_DEFEND_MS = 10000 };	/* RFC 5227 1.1: DEFEND_INTERVAL */
enum { LA_DAD_WAIT_MS = 1000 }; /* RFC 4862 5.1: RetransTimer after DupAddrDetectTransmits = 1 */

/** Life of an address (RFC 4862 5.4). IPv4 addresses are USABLE from creation on. */
enum la_ifaddr_state {
	LA_ADDR_TENTATIVE, /* being checked: neither answered for nor used */
	LA_ADDR_USABLE,
	LA_ADDR_DUPLICATE, /* another host uses it: never used again */
};

/** A prefix prepared for comparison: IPv4 ones begin with the 96 bits of ::ffff:0:0. */
struct la_net {
	struct la_addr net, mask;
	uint8_t bits; /* 0-128, IPv4 counted from 96 */
};

struct la_ifaddr {
	struct la_addr addr;
	struct la_net net;
	enum la_ifaddr_state state;
	uint64_t defend_at; /* ms: earliest next announcement after a conflict */
};

struct la_netif {
	struct la_ifaddr *addrs;
	struct la_net *onlink; /* each on-link prefix once */
	struct la_net *ranges;
	struct la_spans link, range, near; /* onlink, ranges, and both */
	struct la_spans4 near4;		   /* IPv4 part of near */
	uint32_t *bcasts;		   /* directed broadcast addresses of onlink, host byte order, sorted */
	uint32_t *lows;			   /* last 24 bits of our IPv6 addresses, sorted */
	uint16_t *slots;		   /* hash set over addrs: index + 1, or 0 */
	unsigned naddrs, nonlink, nranges, nbcasts, nlows;
	unsigned slot_shift; /* 64 - log2(slots) */
	uint8_t mac[6];
	uint16_t vlan, mtu;
	bool has4, has6, range6;
	bool follower; /* another shard of this interface announces the addresses */
	struct la_addr gateway4, gateway6;
	uint8_t gateway_mac[6];	  /* all zero: resolved by requests */
	uint64_t dad_at;	  /* ms: when tentative addresses become usable; UINT64_MAX: none is */
	uint64_t conflict_at;	  /* ms: earliest time of the next log line about a conflict */
	uint64_t range_defend_at; /* ms: earliest next announcement of a range's address after a conflict */
	uint64_t conflicts;	  /* packets that claim one of our addresses for another MAC */
};

/** The kind of a destination address. */
enum la_dst {
	LA_DST_OURS,
	LA_DST_MULTICAST, /* and 255.255.255.255 */
	LA_DST_BROADCAST, /* directed broadcast of one of our prefixes */
	LA_DST_OTHER,
};

static inline bool
la_net_has(const struct la_net *n, const struct la_addr *a)
{
	return (((a->q[0] & n->mask.q[0]) ^ n->net.q[0]) | ((a->q[1] & n->mask.q[1]) ^ n->net.q[1])) == 0;
}

static inline bool
la_mac_is_group(const uint8_t mac[6])
{
	return mac[0] & 1;
}

/** A MAC for the gateways is configured. */
static inline bool
la_netif_gateway_given(const struct la_netif *nif)
{
	const uint8_t *m = nif->gateway_mac;

	return (m[0] | m[1] | m[2] | m[3] | m[4] | m[5]) != 0;
}

struct la_net la_net_make(const struct la_prefix *p);
/** The directed broadcast address of an IPv4 prefix. False: the prefix has none. */
bool la_net_broadcast(const struct la_net *n, struct la_addr *a);

/** Returns whether it is a unicast MAC: neither a group address nor all zero. */
bool la_mac_is_station(const uint8_t mac[6]);

/** The name of the first field with an invalid MAC, address, prefix, range or gateway, or with an MTU that is too small
 * for them; NULL: none. */
const char *la_netif_check(const struct la_shard_config *cfg);
/** Bytes of memory for the tables of la_netif_init(). */
size_t la_netif_memory(const struct la_shard_config *cfg);
/** cfg passed la_netif_check() and has its defaults filled in; mem: zeroed, 16-aligned. Adds the
 * link-local address (RFC 4291 2.5.1, App. A) when there is any IPv6 address. */
void la_netif_init(struct la_netif *nif, const struct la_shard_config *cfg, void *mem);

/** The entry of exactly this address (without ranges), or NULL. */
struct la_ifaddr *la_netif_find(const struct la_netif *nif, const struct la_addr *a);
/** Ours and in use: usable address, or inside a range. */
bool la_netif_owns(const struct la_netif *nif, const struct la_addr *a);
/** Like the previous one, tentative addresses included: the addresses for listeners. */
bool la_netif_configured(const struct la_netif *nif, const struct la_addr *a);
enum la_dst la_netif_dst(const struct la_netif *nif, const struct la_addr *a);
/** Directed broadcast address of one of our IPv4 prefixes (RFC 922). */
bool la_netif_is_broadcast(const struct la_netif *nif, const struct la_addr *a);
/** Returns whether to accept frames to this group MAC: broadcast, all-hosts, all-nodes, solicited-node. */
bool la_netif_hears(const struct la_netif *nif, const uint8_t mac[6]);
/** Returns whether we have joined this IPv6 group: all-nodes or a solicited-node group of ours. */
bool la_netif_joined(const struct la_netif *nif, const struct la_addr *group);
/** In none of our prefixes and ranges: neither ours, nor one of our broadcast addresses, nor on the link. */
static inline bool
la_netif_is_far(const struct la_netif *nif, const struct la_addr *a)
{
	return !la_spans_has(&nif->near, a); /* every address of ours has its prefix there */
}
/** Like the previous one, for an IPv4 address in network byte order. */
static inline bool
la_netif_is_far4(const struct la_netif *nif, uint32_t a)
{
	return !la_spans4_has(&nif->near4, be32toh(a));
}
bool la_netif_is_onlink(const struct la_netif *nif, const struct la_addr *a);
/** Next hop towards dst. False: no on-link prefix and no gateway, or dst is ours or a group. */
bool la_netif_route(const struct la_netif *nif, const struct la_addr *dst, struct la_addr *hop);
/** The source of a request for `target`: our address whose prefix holds it, or any usable one of
 * the family, or NULL. */
const struct la_addr *la_netif_source(const struct la_netif *nif, const struct la_addr *target);
/** Another station, with this MAC, uses an address of ours: logged at most once a minute. True: announce the address
 * now, which is at most once in LA_DEFEND_MS per address, and per all ranges (RFC 5227 2.4 (c)); never for a follower. */
bool la_netif_conflict(struct la_netif *nif, uint64_t now, const struct la_addr *a, const uint8_t mac[6]);

#endif
