/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ICMP, ICMPv6 and neighbour discovery.
 *
 * An error is classified by its effect on TCP (RFC 1122 4.2.3.9, RFC 5461): soft errors are only counted,
 * hard errors end an open in SYN_SENT, and too-big errors lower the path MTU. An error quotes the beginning of
 * our packet, which names the connection. Without a TCP header in the quote, has_tuple is false and the
 * error matches no connection. */

#include "core/bytes.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"

enum { ICMP_LEN = 8, QUOTE_LEN = 8, CKSUM_OFF = 2, IP4_FRAG_OFF = 0x1fff };

enum { ICMP4_ECHO_REPLY = 0, ICMP4_UNREACH = 3, ICMP4_ECHO = 8, ICMP4_TIME_EXCEEDED = 11, ICMP4_PARAM = 12 };
enum { UNREACH4_PROTO = 2, UNREACH4_PORT = 3, UNREACH4_NEEDFRAG = 4 };

enum {
	ICMP6_UNREACH = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAM = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_RA = 134,
	ICMP6_NS = 135,
	ICMP6_NA = 136
};
enum { UNREACH6_PORT = 4, PARAM6_NEXT_HEADER = 1 };

enum { ND_FIXED_LEN = 24, ND_TARGET_OFF = 8 };
enum { ND_OPT_SRC_LLADDR = 1, ND_OPT_DST_LLADDR = 2 };
enum { NA_ROUTER = 0x80, NA_SOLICITED = 0x40, NA_OVERRIDE = 0x20 };

/* RFC 792 and RFC 4443 guarantee eight bytes of the TCP header: both ports and the sequence number. */
static void
take_quote(const uint8_t *tcp, struct la_icmp *m)
{
	m->tuple.lport = la_get16(tcp);
	m->tuple.rport = la_get16(tcp + 2);
	m->seq = la_get32(tcp + 4);
	m->has_tuple = true;
}

static void
parse_quote4(const uint8_t *p, size_t len, struct la_icmp *m)
{
	size_t hlen;

	if (len < LA_IP4_LEN)
		return;
	hlen = (p[0] & 0xfu) * 4;
	if (p[0] >> 4 != 4 || hlen < LA_IP4_LEN || len < hlen + QUOTE_LEN)
		return;
	/* a fragment with an offset has no ports */
	if (p[9] != LA_IPPROTO_TCP || la_get16(p + 6) & IP4_FRAG_OFF)
		return;
	m->tuple.laddr = la_addr_from4(0);
	m->tuple.raddr = la_addr_from4(0);
	memcpy(m->tuple.laddr.b + 12, p + 12, 4);
	memcpy(m->tuple.raddr.b + 12, p + 16, 4);
	take_quote(p + hlen, m);
}

static void
parse_quote6(const uint8_t *p, size_t len, struct la_icmp *m)
{
	/* we send no extension headers, so the quote has none */
	if (len < LA_IP6_LEN + QUOTE_LEN || p[0] >> 4 != 6 || p[6] != LA_IPPROTO_TCP)
		return;
	memcpy(m->tuple.laddr.b, p + 8, 16);
	memcpy(m->tuple.raddr.b, p + 24, 16);
	/* with mapped addresses an ICMPv6 error would match an IPv4 connection */
	if (la_addr_is4(&m->tuple.laddr) || la_addr_is4(&m->tuple.raddr))
		return;
	take_quote(p + LA_IP6_LEN, m);
}

static enum la_icmp_kind
icmp4_kind_of(uint8_t type, uint8_t code)
{
	switch (type) {
	case ICMP4_ECHO:
		return code == 0 ? LA_ICMP_ECHO : LA_ICMP_OTHER;
	case ICMP4_UNREACH:
		if (code == UNREACH4_PROTO || code == UNREACH4_PORT)
			return LA_ICMP_ERR_HARD;
		/* soft: 0, 1, 5 by RFC 1122 4.2.3.9, and all other codes, because soft errors are only counted */
		return code == UNREACH4_NEEDFRAG ? LA_ICMP_ERR_PMTU : LA_ICMP_ERR_SOFT;
	case ICMP4_TIME_EXCEEDED:
	case ICMP4_PARAM:
		return LA_ICMP_ERR_SOFT;
	default: /* includes source quench: RFC 9293 MUST-55 */
		return LA_ICMP_OTHER;
	}
}

static enum la_icmp_kind
icmp6_kind_of(uint8_t type, uint8_t code)
{
	switch (type) {
	case ICMP6_ECHO:
		return code == 0 ? LA_ICMP_ECHO : LA_ICMP_OTHER;
	case ICMP6_UNREACH:
		return code == UNREACH6_PORT ? LA_ICMP_ERR_HARD : LA_ICMP_ERR_SOFT;
	case ICMP6_TOO_BIG:
		return LA_ICMP_ERR_PMTU;
	case ICMP6_TIME_EXCEEDED:
		return LA_ICMP_ERR_SOFT;
	case ICMP6_PARAM:
		return code == PARAM6_NEXT_HEADER ? LA_ICMP_ERR_HARD : LA_ICMP_ERR_SOFT;
	case ICMP6_NS:
		return LA_ICMP_NS;
	case ICMP6_NA:
		return LA_ICMP_NA;
	case ICMP6_RA:
		return LA_ICMP_RA;
	default:
		return LA_ICMP_OTHER;
	}
}

static bool
is_error(enum la_icmp_kind kind)
{
	return kind == LA_ICMP_ERR_SOFT || kind == LA_ICMP_ERR_HARD || kind == LA_ICMP_ERR_PMTU;
}

enum la_counter
la_icmp4_parse(const uint8_t *p, size_t len, struct la_icmp *m)
{
	memset(m, 0, sizeof(*m));
	if (len < ICMP_LEN || la_cksum_finish(la_cksum_add(0, p, len)) != 0)
		return LA_C_drop_icmp_bad;
	m->type = p[0];
	m->code = p[1];
	m->kind = icmp4_kind_of(m->type, m->code);
	if (is_error(m->kind))
		parse_quote4(p + ICMP_LEN, len - ICMP_LEN, m);
	if (m->kind == LA_ICMP_ERR_PMTU)
		m->mtu = la_get16(p + 6); /* RFC 1191 4 */
	return LA_WIRE_OK;
}

static bool
is_solicited_node(const struct la_addr *a)
{
	static const uint8_t prefix[13] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

	return memcmp(a->b, prefix, sizeof(prefix)) == 0;
}

/* Walks ND options, and stores the link-layer address of the first option of type `want` in m. False: malformed. */
static bool
nd_options(const uint8_t *p, size_t len, uint8_t want, struct la_icmp *m)
{
	while (len > 0) {
		size_t n;

		if (len < 8 || p[1] == 0 || p[1] * 8u > len)
			return false;
		n = p[1] * 8u;
		if (p[0] == want) {
			/* RFC 2464 6: the option has 8 bytes on Ethernet; a group address is not valid */
			if (n != 8 || p[2] & 1)
				return false;
			if (!m->has_lladdr)
				memcpy(m->lladdr, p + 2, 6);
			m->has_lladdr = true;
		}
		p += n;
		len -= n;
	}
	return true;
}

/* RFC 4861 7.1.1 and 7.1.2. The caller has verified the checksum. */
static enum la_counter
nd_parse(const uint8_t *p, size_t len, const struct la_ip *ip, struct la_icmp *m)
{
	bool ns = m->kind == LA_ICMP_NS;

	if (ip->ttl != 255 || m->code != 0 || len < ND_FIXED_LEN)
		return LA_C_drop_nd_bad;
	memcpy(m->target.b, p + ND_TARGET_OFF, 16);
	if (la_ip_is_multicast(&m->target) || la_addr_is_any(&m->target) || la_addr_is4(&m->target))
		return LA_C_drop_nd_bad;
	if (!nd_options(p + ND_FIXED_LEN, len - ND_FIXED_LEN, ns ? ND_OPT_SRC_LLADDR : ND_OPT_DST_LLADDR, m))
		return LA_C_drop_nd_bad;
	if (ns) {
		/* duplicate address detection, from ::, goes to a solicited-node group and has no link-layer address */
		if (la_addr_is_any(&ip->src) && (!is_solicited_node(&ip->dst) || m->has_lladdr))
			return LA_C_drop_nd_bad;
		return LA_WIRE_OK;
	}
	m->na_router = p[4] & NA_ROUTER;
	m->na_solicited = p[4] & NA_SOLICITED;
	m->na_override = p[4] & NA_OVERRIDE;
	return m->na_solicited && la_ip_is_multicast(&ip->dst) ? LA_C_drop_nd_bad : LA_WIRE_OK;
}

enum la_counter
la_icmp6_parse(const uint8_t *p, size_t len, const struct la_ip *ip, struct la_icmp *m)
{
	uint32_t sum;

	memset(m, 0, sizeof(*m));
	if (len < ICMP_LEN)
		return LA_C_drop_icmp_bad;
	sum = la_cksum_pseudo(&ip->src, &ip->dst, LA_IPPROTO_ICMP6, (uint32_t)len);
	if (la_cksum_finish(la_cksum_add(sum, p, len)) != 0)
		return LA_C_drop_icmp_bad;
	m->type = p[0];
	m->code = p[1];
	m->kind = icmp6_kind_of(m->type, m->code);
	if (m->kind == LA_ICMP_NS || m->kind == LA_ICMP_NA)
		return nd_parse(p, len, ip, m);
	if (is_error(m->kind))
		parse_quote6(p + ICMP_LEN, len - ICMP_LEN, m);
	if (m->kind == LA_ICMP_ERR_PMTU)
		m->mtu = la_get32(p + 4);
	return LA_WIRE_OK;
}

static void
put_cksum(uint8_t *p, size_t len, uint32_t sum)
{
	uint16_t v;

	memset(p + CKSUM_OFF, 0, sizeof(v));
	v = la_cksum_finish(la_cksum_add(sum, p, len));
	memcpy(p + CKSUM_OFF, &v, sizeof(v));
}

static void
put_cksum6(uint8_t *p, size_t len, const struct la_addr *src, const struct la_addr *dst)
{
	put_cksum(p, len, la_cksum_pseudo(src, dst, LA_IPPROTO_ICMP6, (uint32_t)len));
}

/* Both replies get a new sum, since pings are rare: an incremental update (RFC 1624) cannot distinguish +0 and -0 when
 * a reply is all zeros. */
void
la_icmp4_echo_reply(uint8_t *p, size_t len)
{
	p[0] = ICMP4_ECHO_REPLY;
	put_cksum(p, len, 0);
}

void
la_icmp6_echo_reply(uint8_t *p, size_t len, const struct la_addr *src, const struct la_addr *dst)
{
	p[0] = ICMP6_ECHO_REPLY;
	put_cksum6(p, len, src, dst);
}

/* Writes the 24 fixed bytes of NS or NA, and the option unless lladdr is NULL. Returns the number of bytes. */
static size_t
nd_write(uint8_t *p, uint8_t type, uint8_t flags, const struct la_addr *target, uint8_t opt, const uint8_t *lladdr)
{
	p[0] = type;
	p[1] = 0;
	la_put16(p + CKSUM_OFF, 0);
	la_put32(p + 4, (uint32_t)flags << 24);
	memcpy(p + ND_TARGET_OFF, target->b, 16);
	if (lladdr == NULL)
		return ND_FIXED_LEN;
	p[ND_FIXED_LEN] = opt;
	p[ND_FIXED_LEN + 1] = 1;
	memcpy(p + ND_FIXED_LEN + 2, lladdr, 6);
	return LA_ND_LEN;
}

size_t
la_nd_solicit_write(uint8_t *p, const struct la_addr *src, const struct la_addr *dst, const struct la_addr *target,
		    const uint8_t *lladdr)
{
	size_t n = nd_write(p, ICMP6_NS, 0, target, ND_OPT_SRC_LLADDR, lladdr);

	put_cksum6(p, n, src, dst);
	return n;
}

size_t
la_nd_advert_write(uint8_t *p, const struct la_addr *src, const struct la_addr *dst, const struct la_addr *target,
		   const uint8_t lladdr[6], bool solicited, bool override)
{
	uint8_t flags = (uint8_t)((solicited ? NA_SOLICITED : 0) | (override ? NA_OVERRIDE : 0));
	size_t n = nd_write(p, ICMP6_NA, flags, target, ND_OPT_DST_LLADDR, lladdr);

	put_cksum6(p, n, src, dst);
	return n;
}

struct la_addr
la_nd_solicited_node(const struct la_addr *a)
{
	struct la_addr g = {.b = {0xff, 0x02, [11] = 1, [12] = 0xff}};

	memcpy(g.b + 13, a->b + 13, 3);
	return g;
}

void
la_nd_multicast_mac(const struct la_addr *group, uint8_t mac[6])
{
	mac[0] = 0x33;
	mac[1] = 0x33;
	memcpy(mac + 2, group->b + 12, 4);
}
