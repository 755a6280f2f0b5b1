/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_WIRE_IP_H
#define LA_WIRE_IP_H

/* Parses and writes IPv4 (RFC 791) and IPv6 (RFC 8200) headers. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>
#include <lastack/counters.h>

#include "core/bytes.h"
#include "wire/cksum.h"

enum { LA_IP4_LEN = 20, LA_IP6_LEN = 40 };
enum { LA_IP4_DF = 0x4000, LA_IP4_CKSUM_OFF = 10 };
enum { LA_IPPROTO_ICMP = 1, LA_IPPROTO_TCP = 6, LA_IPPROTO_ICMP6 = 58 };
enum { LA_IP6_MAX_EXT = 8 }; /* extension headers walked before a packet is dropped */

struct la_ip {
	struct la_addr src, dst;
	uint16_t hlen; /* bytes of the header, options and extension headers included */
	uint16_t plen; /* bytes of the upper layer; later bytes of the frame are padding */
	uint8_t proto; /* protocol of the upper layer */
	uint8_t ttl;   /* IPv6: hop limit */
	uint8_t tos;   /* IPv6: traffic class */
};

/** Checks a header by RFC 1122 3.2.1: version, lengths, and the checksum unless cksum_ok (the port has
 * verified it). Skips options, and refuses fragments. len: bytes at p. Returns LA_WIRE_OK or a drop counter. */
enum la_counter la_ip4_parse(const uint8_t *p, size_t len, bool cksum_ok, struct la_ip *ip);

/** Returns whether the checksum of a header without options is valid. */
static inline bool
la_ip4_plain_sum_ok(const uint8_t *p)
{
	return la_cksum_finish64(la_cksum_short(0, p, LA_IP4_LEN)) == 0;
}

static inline struct la_addr
la_ip4_src(const uint8_t *p)
{
	uint32_t a;

	memcpy(&a, p + 12, sizeof(a));
	return la_addr_from4(a);
}

static inline struct la_addr
la_ip4_dst(const uint8_t *p)
{
	uint32_t a;

	memcpy(&a, p + 16, sizeof(a));
	return la_addr_from4(a);
}

/** Skips hop-by-hop options, routing headers with 0 segments left, destination options, and atomic fragment headers
 * (RFC 6946). Returns LA_WIRE_OK, drop_ip_fragment for any other fragment, or another drop counter. */
enum la_counter la_ip6_parse(const uint8_t *p, size_t len, struct la_ip *ip);

/** Returns false for an invalid source. IPv4: multicast, 255.255.255.255, loopback, 0/8. IPv6: multicast,
 * loopback, unspecified (RFC 1122 3.2.1.3, RFC 4291 2.5-2.7; RFC 9293 MUST-63). */
static inline bool la_ip_src_valid(const struct la_addr *src);

/** Returns true for a multicast address of either family and for 255.255.255.255. */
static inline bool
la_ip_is_multicast(const struct la_addr *a)
{
	if (!la_addr_is4(a))
		return a->b[0] == 0xff;
	return a->b[12] >> 4 == 0xe || a->w[3] == 0xffffffff;
}

static inline bool
la_ip_src_valid(const struct la_addr *src)
{
	static const struct la_addr loopback6 = {.b = {[15] = 1}};

	if (la_ip_is_multicast(src))
		return false;
	if (la_addr_is4(src))
		return src->b[12] != 0 && src->b[12] != 127;
	return !la_addr_is_any(src) && !la_addr_eq(src, &loopback6);
}

/** Writes an IPv4 header of 20 bytes for plen bytes of upper layer. `frag` is the header's second word, in host byte
 * order: LA_IP4_DF (atomic, RFC 6864), or an identification << 16 for a packet that routers may fragment. The checksum
 * is 0 if `cksum` is false. Returns the header's length. */
static inline size_t
la_ip4_write_frag(uint8_t *p, const struct la_addr *src, const struct la_addr *dst, uint8_t proto, uint8_t ttl,
		  uint16_t plen, bool cksum, uint32_t frag)
{
	uint32_t w[5] = {
		htobe32(0x45u << 24 | (uint16_t)(LA_IP4_LEN + plen)),
		htobe32(frag),
		htobe32((uint32_t)ttl << 24 | (uint32_t)proto << 16),
		src->w[3],
		dst->w[3],
	};
	uint16_t sum = 0;

	/* summed in registers: a load of words that were just stored would stall */
	if (cksum)
		sum = la_cksum_finish64((uint64_t)w[0] + w[1] + w[2] + w[3] + w[4]);
	memcpy(p, w, sizeof(w));
	memcpy(p + LA_IP4_CKSUM_OFF, &sum, sizeof(sum));
	return LA_IP4_LEN;
}

/** Writes an IPv4 header with DF and identification 0 (atomic, RFC 6864) for plen bytes of upper layer. The checksum is
 * 0 if `cksum` is false. Returns 20. */
static inline size_t
la_ip4_write(uint8_t *p, const struct la_addr *src, const struct la_addr *dst, uint8_t proto, uint8_t ttl,
	     uint16_t plen, bool cksum)
{
	return la_ip4_write_frag(p, src, dst, proto, ttl, plen, cksum, LA_IP4_DF);
}

/** Writes an IPv6 header for plen bytes of upper layer. Returns 40. */
static inline size_t
la_ip6_write(uint8_t *p, const struct la_addr *src, const struct la_addr *dst, uint8_t proto, uint8_t ttl,
	     uint16_t plen)
{
	la_put32(p, 6u << 28);
	la_put16(p + 4, plen);
	p[6] = proto;
	p[7] = ttl;
	memcpy(p + 8, src->b, 16);
	memcpy(p + 24, dst->b, 16);
	return LA_IP6_LEN;
}

#endif
