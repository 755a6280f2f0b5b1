/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Prints a frame as one line, like tcpdump. The parsers are those of the packet
 * path, so a line shows the frame as the stack parses it, or the counter of the drop. */

#include <stdarg.h>
#include <stdio.h>

#include "core/bytes.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/print.h"

/* A line to append to: always zero-terminated, truncated when the buffer is full. */
struct line {
	char *buf;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void
line_printf(struct line *l, const char *fmt, ...)
{
	size_t room = l->size - l->used;
	va_list ap;
	int n;

	if (room <= 1)
		return;
	va_start(ap, fmt);
	n = vsnprintf(l->buf + l->used, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->used += (size_t)n < room ? (size_t)n : room - 1;
}

static void
put_addr(struct line *l, const struct la_addr *a)
{
	char text[LA_ADDR_STRLEN];

	line_printf(l, "%s", la_addr_format(a, text, sizeof(text)));
}

static void
put_addr_port(struct line *l, const struct la_addr *a, uint16_t port)
{
	char text[LA_ADDR_STRLEN];

	la_addr_format(a, text, sizeof(text));
	line_printf(l, la_addr_is4(a) ? "%s:%u" : "[%s]:%u", text, port);
}

static void
put_mac(struct line *l, const uint8_t *m)
{
	line_printf(l, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void
put_bad(struct line *l, const char *what, enum la_counter why)
{
	line_printf(l, "%s dropped: %s (%s)", what, la_counter_name(why), la_counter_text(why));
}

const char *
la_tcp_flags_format(uint8_t flags, char *buf, size_t size)
{
	static const struct {
		uint8_t bit;
		char letter;
	} names[] = {{LA_FIN, 'F'}, {LA_SYN, 'S'}, {LA_RST, 'R'}, {LA_PSH, 'P'},
		     {LA_ACK, '.'}, {LA_URG, 'U'}, {LA_ECE, 'E'}, {LA_CWR, 'W'}};
	char text[sizeof(names) / sizeof(names[0]) + 1] = "none";
	size_t n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (flags & names[i].bit) {
			text[n++] = names[i].letter;
			text[n] = '\0';
		}
	}
	snprintf(buf, size, "%s", text);
	return buf;
}

static void
put_tcp_options(struct line *l, const struct la_seg *s)
{
	const char *sep = " <";

	if (s->opts & LA_OPT_MSS) {
		line_printf(l, "%smss %u", sep, s->mss);
		sep = ",";
	}
	if (s->opts & LA_OPT_SACK_PERM) {
		line_printf(l, "%ssackOK", sep);
		sep = ",";
	}
	if (s->opts & LA_OPT_TS) {
		line_printf(l, "%sTS val %u ecr %u", sep, s->tsval, s->tsecr);
		sep = ",";
	}
	if (s->opts & LA_OPT_WSCALE) {
		line_printf(l, "%swscale %u", sep, s->wscale);
		sep = ",";
	}
	if (s->opts & LA_OPT_SACK) {
		line_printf(l, "%ssack", sep);
		for (unsigned i = 0; i < s->nsack; i++)
			line_printf(l, " {%u:%u}", la_get32(s->sack + 8 * i), la_get32(s->sack + 8 * i + 4));
		sep = ",";
	}
	if (s->opts & LA_OPT_BAD) {
		line_printf(l, "%sbad", sep);
		sep = ",";
	}
	if (s->opts)
		line_printf(l, ">");
}

static void
put_tcp(struct line *l, const uint8_t *p, const struct la_ip *ip)
{
	char flags[10];
	struct la_seg s;
	enum la_counter why;
	size_t hlen;

	why = la_tcp_parse(p, ip->plen, ip->plen, &s, &hlen);
	if (why == LA_C_drop_tcp_short) {
		put_addr(l, &ip->src);
		line_printf(l, " > ");
		put_addr(l, &ip->dst);
		put_bad(l, " tcp", why);
		return;
	}
	put_addr_port(l, &ip->src, s.sport);
	line_printf(l, " > ");
	put_addr_port(l, &ip->dst, s.dport);
	line_printf(l, " %s seq %u:%u(%u)", la_tcp_flags_format(s.flags, flags, sizeof(flags)), s.seq, s.seq + s.len,
		    s.len);
	if (s.flags & LA_ACK)
		line_printf(l, " ack %u", s.ack);
	line_printf(l, " win %u", s.wnd);
	if (s.flags & LA_URG)
		line_printf(l, " urg %u", s.urg);
	put_tcp_options(l, &s);
}

static void
put_nd(struct line *l, const struct la_icmp *m)
{
	bool ns = m->kind == LA_ICMP_NS;

	line_printf(l, ns ? " neighbour solicitation who-has " : " neighbour advertisement ");
	put_addr(l, &m->target);
	if (m->has_lladdr) {
		line_printf(l, ns ? " from " : " is-at ");
		put_mac(l, m->lladdr);
	}
	if (m->na_router || m->na_solicited || m->na_override)
		line_printf(l, " flags %s%s%s", m->na_router ? "R" : "", m->na_solicited ? "S" : "",
			    m->na_override ? "O" : "");
}

static void
put_icmp_error(struct line *l, const struct la_icmp *m)
{
	static const char *const what[] = {
		[LA_ICMP_ERR_SOFT] = "soft error",
		[LA_ICMP_ERR_HARD] = "hard error",
		[LA_ICMP_ERR_PMTU] = "too big",
	};

	line_printf(l, " %s type %u code %u", what[m->kind], m->type, m->code);
	if (m->kind == LA_ICMP_ERR_PMTU)
		line_printf(l, " mtu %u", m->mtu);
	if (m->has_tuple) {
		line_printf(l, " for ");
		put_addr_port(l, &m->tuple.laddr, m->tuple.lport);
		line_printf(l, " > ");
		put_addr_port(l, &m->tuple.raddr, m->tuple.rport);
		line_printf(l, " seq %u", m->seq);
	}
}

static void
put_icmp(struct line *l, const uint8_t *p, const struct la_ip *ip)
{
	bool v4 = la_addr_is4(&ip->src);
	struct la_icmp m;
	enum la_counter why;

	put_addr(l, &ip->src);
	line_printf(l, " > ");
	put_addr(l, &ip->dst);
	why = v4 ? la_icmp4_parse(p, ip->plen, &m) : la_icmp6_parse(p, ip->plen, ip, &m);
	if (why != LA_WIRE_OK) {
		put_bad(l, v4 ? " icmp" : " icmp6", why);
		return;
	}
	line_printf(l, v4 ? " icmp" : " icmp6");
	switch (m.kind) {
	case LA_ICMP_ECHO:
		line_printf(l, " echo request id %u seq %u len %u", la_get16(p + 4), la_get16(p + 6), ip->plen);
		break;
	case LA_ICMP_NS:
	case LA_ICMP_NA:
		put_nd(l, &m);
		break;
	case LA_ICMP_ERR_SOFT:
	case LA_ICMP_ERR_HARD:
	case LA_ICMP_ERR_PMTU:
		put_icmp_error(l, &m);
		break;
	case LA_ICMP_RA:
		line_printf(l, " router advertisement len %u", ip->plen);
		break;
	case LA_ICMP_OTHER:
		if (m.code == 0 && m.type == (v4 ? 0 : 129))
			line_printf(l, " echo reply id %u seq %u len %u", la_get16(p + 4), la_get16(p + 6), ip->plen);
		else
			line_printf(l, " type %u code %u len %u", m.type, m.code, ip->plen);
		break;
	}
}

static void
put_ip(struct line *l, const uint8_t *p, size_t len, bool v4)
{
	struct la_ip ip;
	enum la_counter why;

	/* a checksum of 0 is accepted: the frame may be transmitted, and the port fills the checksum in */
	why = v4 ? la_ip4_parse(p, len, len >= LA_IP4_LEN && la_get16(p + 10) == 0, &ip) : la_ip6_parse(p, len, &ip);
	if (why != LA_WIRE_OK) {
		put_bad(l, v4 ? "ip" : "ip6", why);
		return;
	}
	if (ip.proto == LA_IPPROTO_TCP) {
		put_tcp(l, p + ip.hlen, &ip);
	} else if (ip.proto == (v4 ? LA_IPPROTO_ICMP : LA_IPPROTO_ICMP6)) {
		put_icmp(l, p + ip.hlen, &ip);
	} else {
		put_addr(l, &ip.src);
		line_printf(l, " > ");
		put_addr(l, &ip.dst);
		line_printf(l, " proto %u len %u", ip.proto, ip.plen);
	}
}

static void
put_arp(struct line *l, const uint8_t *p, size_t len)
{
	struct la_addr spa, tpa;
	struct la_arp a;
	enum la_counter why;

	why = la_arp_parse(p, len, &a);
	if (why != LA_WIRE_OK) {
		put_bad(l, "arp", why);
		return;
	}
	spa = la_addr_from4(a.spa);
	tpa = la_addr_from4(a.tpa);
	if (a.op == LA_ARP_REQUEST) {
		line_printf(l, "arp who-has ");
		put_addr(l, &tpa);
		line_printf(l, " tell ");
		put_addr(l, &spa);
		line_printf(l, " at ");
	} else {
		line_printf(l, "arp ");
		put_addr(l, &spa);
		line_printf(l, " is-at ");
	}
	put_mac(l, a.sha);
}

const char *
la_frame_format(const uint8_t *p, size_t len, char *buf, size_t size)
{
	struct line l = {.buf = buf, .size = size};
	struct la_eth e;
	enum la_counter why;

	if (size == 0)
		return buf;
	buf[0] = '\0';
	why = la_eth_parse(p, len, &e);
	if (why != LA_WIRE_OK) {
		put_bad(&l, "frame", why);
		return buf;
	}
	if (e.vlan != 0)
		line_printf(&l, "vlan %u ", e.vlan);
	if (e.type == LA_ETH_IP4 || e.type == LA_ETH_IP6) {
		put_ip(&l, p + e.len, len - e.len, e.type == LA_ETH_IP4);
	} else if (e.type == LA_ETH_ARP) {
		put_arp(&l, p + e.len, len - e.len);
	} else {
		put_mac(&l, e.src);
		line_printf(&l, " > ");
		put_mac(&l, e.dst);
		line_printf(&l, " ethertype 0x%04x len %zu", e.type, len);
	}
	return buf;
}
