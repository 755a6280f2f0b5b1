/* SPDX-License-Identifier: BSD-3-Clause
 *
 * IPv4 and IPv6 headers.
 *
 * Headers of both families are parsed into struct la_ip, with IPv4 addresses in mapped form. So an IPv6 packet
 * with a mapped address must be dropped: it would match an IPv4 connection. RFC 4291
 * 2.5.5.2 does not use mapped addresses on the wire. */

#include "core/bytes.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip.h"

enum { IP4_FRAG_OFF = 0x1fff, IP4_MF = 0x2000 };
enum { IP4_OPT_EOL = 0, IP4_OPT_NOP = 1 };

static bool
ip4_cksum_ok(const uint8_t *p, size_t hlen)
{
	return hlen > LA_IP4_LEN ? la_cksum_finish(la_cksum_add(0, p, hlen)) == 0 : la_ip4_plain_sum_ok(p);
}

/* RFC 1122 3.2.1.8: options are skipped, but their lengths must be valid. */
static bool
ip4_options_ok(const uint8_t *p, size_t len)
{
	while (len > 0 && p[0] != IP4_OPT_EOL) {
		size_t n = 1;

		if (p[0] != IP4_OPT_NOP) {
			if (len < 2 || p[1] < 2 || p[1] > len)
				return false;
			n = p[1];
		}
		p += n;
		len -= n;
	}
	return true;
}

enum la_counter
la_ip4_parse(const uint8_t *p, size_t len, bool cksum_ok, struct la_ip *ip)
{
	size_t hlen, total;

	if (len < LA_IP4_LEN)
		return LA_C_drop_ip_short;
	hlen = (p[0] & 0xfu) * 4;
	total = la_get16(p + 2);
	if (p[0] >> 4 != 4)
		return LA_C_drop_ip_version;
	if (hlen < LA_IP4_LEN)
		return LA_C_drop_ip_header;
	if (total < hlen || total > len)
		return LA_C_drop_ip_short;
	if (!cksum_ok && !ip4_cksum_ok(p, hlen))
		return LA_C_drop_ip_cksum;
	if (hlen > LA_IP4_LEN && !ip4_options_ok(p + LA_IP4_LEN, hlen - LA_IP4_LEN))
		return LA_C_drop_ip_header;
	if (la_get16(p + 6) & (IP4_MF | IP4_FRAG_OFF))
		return LA_C_drop_ip_fragment;

	ip->src = la_ip4_src(p);
	ip->dst = la_ip4_dst(p);
	ip->hlen = (uint16_t)hlen;
	ip->plen = (uint16_t)(total - hlen);
	ip->proto = p[9];
	ip->ttl = p[8];
	ip->tos = p[1];
	return LA_WIRE_OK;
}

enum {
	EXT_HOPOPTS = 0,
	EXT_ROUTING = 43,
	EXT_FRAGMENT = 44,
	EXT_ESP = 50,
	EXT_AH = 51,
	EXT_DSTOPTS = 60,
	EXT_MOBILITY = 135,
	EXT_HIP = 139,
	EXT_SHIM6 = 140,
	EXT_TEST1 = 253,
	EXT_TEST2 = 254
};

enum { IP6_OPT_PAD1 = 0, IP6_OPT_ACTION = 0xc0 };

/* RFC 8200 4.2: the two highest bits of an unknown option give its treatment; any value except 00
 * (skip) discards the packet. All known options are skipped. */
static bool
ip6_options_ok(const uint8_t *p, size_t len)
{
	while (len > 0) {
		size_t n = 1;

		if (p[0] != IP6_OPT_PAD1) {
			if (len < 2 || p[1] + 2u > len || p[0] & IP6_OPT_ACTION)
				return false;
			n = p[1] + 2u;
		}
		p += n;
		len -= n;
	}
	return true;
}

/* Checks one extension header at p; len is at least 8. *n: its length. */
static enum la_counter
ip6_ext_check(uint8_t kind, const uint8_t *p, size_t len, size_t *n)
{
	if (kind == EXT_FRAGMENT) {
		*n = 8;
		/* an atomic fragment (RFC 6946) has offset 0 and no M flag */
		return la_get16(p + 2) & 0xfff9 ? LA_C_drop_ip_fragment : LA_WIRE_OK;
	}
	*n = (p[1] + 1u) * 8;
	if (*n > len)
		return LA_C_drop_ip6_ext;
	if (kind == EXT_ROUTING) /* p[3]: segments left; above 0, the packet is for another node */
		return p[3] == 0 ? LA_WIRE_OK : LA_C_drop_ip6_ext;
	return ip6_options_ok(p + 2, *n - 2) ? LA_WIRE_OK : LA_C_drop_ip6_ext;
}

/* Moves *off past the extension headers and sets *proto to the upper layer. end: offset of the end of the
 * packet. */
static enum la_counter
ip6_ext_walk(const uint8_t *p, size_t end, size_t *off, uint8_t *proto)
{
	for (int i = 0; i <= LA_IP6_MAX_EXT; i++) {
		enum la_counter why;
		size_t n;

		switch (*proto) {
		case EXT_HOPOPTS:
			if (i > 0) /* RFC 8200 4.1: only as the first header */
				return LA_C_drop_ip6_ext;
			break;
		case EXT_ROUTING:
		case EXT_FRAGMENT:
		case EXT_DSTOPTS:
			break;
		case EXT_ESP:
		case EXT_AH:
		case EXT_MOBILITY:
		case EXT_HIP:
		case EXT_SHIM6:
		case EXT_TEST1:
		case EXT_TEST2:
			return LA_C_drop_ip6_ext;
		default:
			return LA_WIRE_OK;
		}
		if (end - *off < 8)
			return LA_C_drop_ip6_ext;
		why = ip6_ext_check(*proto, p + *off, end - *off, &n);
		if (why != LA_WIRE_OK)
			return why;
		*proto = p[*off];
		*off += n;
	}
	return LA_C_drop_ip6_ext;
}

enum la_counter
la_ip6_parse(const uint8_t *p, size_t len, struct la_ip *ip)
{
	size_t off = LA_IP6_LEN, end;
	enum la_counter why;

	if (len < LA_IP6_LEN)
		return LA_C_drop_ip_short;
	if (p[0] >> 4 != 6)
		return LA_C_drop_ip_version;
	end = LA_IP6_LEN + (size_t)la_get16(p + 4);
	if (end > len)
		return LA_C_drop_ip_short;
	memcpy(ip->src.b, p + 8, 16);
	memcpy(ip->dst.b, p + 24, 16);
	if (la_addr_is4(&ip->src))
		return LA_C_drop_ip_src;
	if (la_addr_is4(&ip->dst))
		return LA_C_drop_ip_dst;
	ip->proto = p[6];
	if (ip->proto != LA_IPPROTO_TCP) {
		why = ip6_ext_walk(p, end, &off, &ip->proto);
		if (why != LA_WIRE_OK)
			return why;
	}
	ip->hlen = (uint16_t)off;
	ip->plen = (uint16_t)(end - off);
	ip->ttl = p[7];
	ip->tos = (uint8_t)(la_get16(p) >> 4);
	return LA_WIRE_OK;
}
