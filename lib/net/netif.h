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

/** State of an address (RFC 4862 5.4). IPv4 addresses are USABLE from creation on. */
enum la_ifaddr_state {
	LA_ADDR_TENTATIVE, /* in duplicate address detection: not used, and no request for it is answered */
	LA_ADDR_USABLE,
	LA_ADDR_DUPLICATE, /* another host uses the address: never used here */
};

/** A prefix prepared for comparison. An IPv4 prefix begins with the 96 bits of ::ffff:0:0. */
struct la_net {
	struct la_addr net, mask;
	uint8_t bits; /* prefix length, 0 to 128; of an IPv4 prefix at least 96 */
};

struct la_ifaddr {
	struct la_addr addr;
	struct la_net net;
	enum la_ifaddr_state state;
	uint64_t defend_at; /* ms: earliest time of the next announcement after a conflict */
};

struct la_netif {
	struct la_ifaddr *addrs;
	struct la_net *onlink; /* the on-link prefixes of addrs, without repetitions */
	struct la_net *ranges;
	struct la_spans link;	/* the addresses of onlink */
	struct la_spans range;	/* the addresses of ranges */
	struct la_spans near;	/* the addresses of onlink and ranges */
	struct la_spans4 near4; /* the IPv4 addresses of near */
	struct la_spans4 own4;	/* the IPv4 addresses of range that are not broadcast or multicast: ours */
	uint32_t *bcasts;	/* directed broadcast addresses of onlink, host byte order, sorted */
	uint32_t *lows;		/* last 24 bits of our IPv6 addresses, sorted */
	uint16_t *slots;	/* hash set of (index in addrs + 1); 0: the slot is empty */
	unsigned naddrs, nonlink, nranges, nbcasts, nlows;
	unsigned slot_shift; /* 64 - log2(slots) */
	uint8_t mac[6];
	uint16_t vlan, mtu;
	bool has4, has6, range6;
	bool follower; /* another shard of this interface announces the addresses */
	struct la_addr gateway4, gateway6;
	uint8_t gateway_mac[6];	  /* all zero: resolved by requests */
	uint64_t dad_at;	  /* ms: when tentative addresses become usable; UINT64_MAX: no address is tentative */
	uint64_t conflict_at;	  /* ms: earliest time of the next log line about a conflict */
	uint64_t range_defend_at; /* ms: earliest time of the next announcement of a range's address after a conflict */
	uint64_t conflicts;	  /* packets that claim one of our addresses for another MAC */
	struct la_addr peer;	  /* when has_peer: the address of the last la_netif_note_peer() */
	bool has_peer;
};

/** The kind of a destination address. */
enum la_dst {
	LA_DST_OURS,
	LA_DST_MULTICAST, /* multicast, or 255.255.255.255 */
	LA_DST_BROADCAST, /* directed broadcast of one of our prefixes */
	LA_DST_OTHER,
};

/** Returns whether the prefix contains a. */
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

/** Returns whether a MAC for the gateways is configured. */
static inline bool
la_netif_gateway_given(const struct la_netif *nif)
{
	const uint8_t *m = nif->gateway_mac;

	return (m[0] | m[1] | m[2] | m[3] | m[4] | m[5]) != 0;
}

struct la_net la_net_make(const struct la_prefix *p);
/** Sets *a to the directed broadcast address of an IPv4 prefix. False: the prefix has none. */
bool la_net_broadcast(const struct la_net *n, struct la_addr *a);

/** Returns whether mac is a unicast address: neither a group address nor all zero. */
bool la_mac_is_station(const uint8_t mac[6]);

/** Returns the name of the first invalid field: a MAC, addresses, ranges, a gateway, or an MTU that is too small for
 * IPv6. NULL: all are valid. */
const char *la_netif_check(const struct la_shard_config *cfg);
/** Bytes of memory for the tables of la_netif_init(). */
size_t la_netif_memory(const struct la_shard_config *cfg);
/** cfg: filled by la_config_fill(), and valid by la_netif_check(). mem: zeroed, 16-aligned. Adds the
 * link-local address (RFC 4291 2.5.1, App. A) if there is an IPv6 address. */
void la_netif_init(struct la_netif *nif, const struct la_shard_config *cfg, void *mem);

/** Returns the entry of exactly this address, or NULL. Addresses of ranges have no entry. */
struct la_ifaddr *la_netif_find(const struct la_netif *nif, const struct la_addr *a);
/** Returns whether a is a usable address of ours or in a range. */
static inline bool la_netif_owns(const struct la_netif *nif, const struct la_addr *a);
/** The general path of la_netif_owns(). */
bool la_netif_owns_any(const struct la_netif *nif, const struct la_addr *a);
/** Returns whether an IPv4 address in network byte order is ours by a range. Such an address is USABLE from creation
 * on, also if it is a single address of ours, too. */
static inline bool
la_netif_in_range4(const struct la_netif *nif, uint32_t a)
{
	return la_spans4_has(&nif->own4, be32toh(a));
}
static inline bool
la_netif_owns(const struct la_netif *nif, const struct la_addr *a)
{
	return (la_addr_is4(a) && la_netif_in_range4(nif, a->w[3])) || la_netif_owns_any(nif, a);
}
/** Like la_netif_owns(), but also true for a tentative address. For listeners. */
bool la_netif_configured(const struct la_netif *nif, const struct la_addr *a);
/** Returns the kind of a destination address. */
enum la_dst la_netif_dst(const struct la_netif *nif, const struct la_addr *a);
/** Returns whether a is the directed broadcast address of one of our IPv4 prefixes (RFC 922). */
bool la_netif_is_broadcast(const struct la_netif *nif, const struct la_addr *a);
/** Returns whether to accept frames to this group MAC: broadcast, all-hosts, all-nodes, solicited-node. */
bool la_netif_hears(const struct la_netif *nif, const uint8_t mac[6]);
/** Returns whether we have joined this IPv6 group: all-nodes or a solicited-node group of ours. */
bool la_netif_joined(const struct la_netif *nif, const struct la_addr *group);
/** Returns whether a is in none of our prefixes and ranges. Then a is neither ours, nor one of our broadcast addresses,
 * nor on-link. */
static inline bool
la_netif_is_far(const struct la_netif *nif, const struct la_addr *a)
{
	return !la_spans_has(&nif->near, a);
}
/** Like la_netif_is_far(), for an IPv4 address in network byte order. */
static inline bool
la_netif_is_far4(const struct la_netif *nif, uint32_t a)
{
	return !la_spans4_has(&nif->near4, be32toh(a));
}
/** Returns whether a is in one of our on-link prefixes. */
bool la_netif_is_onlink(const struct la_netif *nif, const struct la_addr *a);
/** Sets *hop to the next hop to dst. False: no on-link prefix and no gateway, or dst is ours, a broadcast or a
 * multicast address. */
bool la_netif_route(const struct la_netif *nif, const struct la_addr *dst, struct la_addr *hop);
/** Returns whether dst is the address of the last la_netif_note_peer(). */
static inline bool
la_netif_is_peer(const struct la_netif *nif, const struct la_addr *dst)
{
	return nif->has_peer && la_addr_eq(dst, &nif->peer);
}
/** Keeps dst, which la_netif_route() accepted. While no address is tentative, the result does not change. */
void la_netif_note_peer(struct la_netif *nif, const struct la_addr *dst);
/** Returns the source of a request for `target`: a usable address of ours whose prefix contains target, otherwise any
 * usable address of the family, otherwise NULL. Ranges are not used. */
const struct la_addr *la_netif_source(const struct la_netif *nif, const struct la_addr *target);
/** Another station, with this MAC, uses the address a of ours. Logs at most once a minute. Returns whether to announce
 * the address now: at most once in LA_DEFEND_MS for each address, and for all ranges together (RFC 5227 2.4 (c)). A
 * follower logs nothing and returns false. */
bool la_netif_conflict(struct la_netif *nif, uint64_t now, const struct la_addr *a, const uint8_t mac[6]);

#endif
