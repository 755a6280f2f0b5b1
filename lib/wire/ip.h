/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_WIRE_IP_H
#define LA_WIRE_IP_H

/* IPv4 (RFC 791) and IPv6 (RFC 8200) headers: bytes <-> struct. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>
#include <lastack/counters.h>

enum { LA_IP4_LEN = 20, LA_IP6_LEN = 40 };
enum { LA_IPPROTO_ICMP = 1, LA_IPPROTO_TCP = 6, LA_IPPROTO_ICMP6 = 58 };
enum { LA_IP6_MAX_EXT = 8 }; /* extension headers walked before a packet is dropped */

struct la_ip {
	struct la_addr src, dst;
	uint16_t hlen;	/* bytes before the upper layer: options and extension headers included */
	uint16_t plen;	/* bytes of upper layer; what follows in the frame is padding */
	uint8_t proto;	/* of the upper layer */
	uint8_t ttl;	/* or hop limit */
	uint8_t tos;	/* or traffic class */
};

/** Header checks of RFC 1122 3.2.1: version, lengths, checksum (unless cksum_ok says that hardware did
 * it), options skipped, fragments refused. len: bytes at p. */
enum la_counter la_ip4_parse(const uint8_t *p, size_t len, bool cksum_ok, struct la_ip *ip);

/** Walks hop-by-hop, routing (segments left 0 only) and destination options within bounds; a fragment
 * header is drop_ip_fragment unless it is an atomic fragment (RFC 6946), which is walked over. */
enum la_counter la_ip6_parse(const uint8_t *p, size_t len, struct la_ip *ip);

/** False for a source no host may use: multicast, limited broadcast, loopback, 0/8 for IPv4; multicast,
 * loopback, unspecified for IPv6 (RFC 1122 3.2.1.3, RFC 4291 2.5-2.7; RFC 9293 MUST-63). */
bool la_ip_src_valid(const struct la_addr *src);

/** True for multicast of either family and 255.255.255.255. */
bool la_ip_is_multicast(const struct la_addr *a);

/** Write a header for plen bytes of upper layer: 20 or 40 bytes; DF set and id 0 (RFC 6864 atomic).
 * la_ip4_write leaves the checksum 0 when `cksum` is false. Return the header's length. */
size_t la_ip4_write(uint8_t *p, const struct la_addr *src, const struct la_addr *dst, uint8_t proto,
		    uint8_t ttl, uint16_t plen, bool cksum);
size_t la_ip6_write(uint8_t *p, const struct la_addr *src, const struct la_addr *dst, uint8_t proto,
		    uint8_t ttl, uint16_t plen);

#endif
