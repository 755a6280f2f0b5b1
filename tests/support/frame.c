/* SPDX-License-Identifier: BSD-3-Clause */

#include "frame.h"

#include <string.h>

enum { ETH_IP4 = 0x0800, ETH_IP6 = 0x86dd, ETH_VLAN = 0x8100, PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_ICMP6 = 58 };
enum { OPT_END, OPT_NOP, OPT_MSS, OPT_WS, OPT_SACK_OK, OPT_SACK, OPT_TS = 8 };
enum { FLAG_SYN = 0x02 };

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

uint32_t
frame_sum(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += get16(p + i);
	if (len & 1)
		sum += (uint32_t)p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

bool
frame_fill_cksums(uint8_t *p, size_t len)
{
	size_t n = get16(p + 12) == ETH_VLAN ? 18 : 14, from = 12, addrs = 8;
	bool is4 = get16(p + n - 2) == ETH_IP4;
	uint8_t *ip = p + n, *tcp = ip + (is4 ? 20 : 40);
	size_t tlen = is4 ? get16(ip + 2) - 20u : get16(ip + 4);

	if (tcp + tlen > p + len)
		return false;
	if (is4) {
		put16(ip + 10, 0);
		put16(ip + 10, ~frame_sum(0, ip, 20));
	} else {
		from = 8;
		addrs = 32;
	}
	if (ip[is4 ? 9 : 6] != PROTO_TCP)
		return true;
	put16(tcp + 16, 0);
	put16(tcp + 16, ~frame_sum(frame_sum(PROTO_TCP + (uint32_t)tlen, ip + from, addrs), tcp, tlen));
	return true;
}

static uint32_t
pseudo_sum(const struct la_addr *src, const struct la_addr *dst, size_t len, uint8_t proto)
{
	size_t from = la_addr_is4(src) ? 12 : 0;
	uint32_t sum = frame_sum(0, src->b + from, 16 - from);

	sum = frame_sum(sum, dst->b + from, 16 - from);
	return sum + proto + (uint32_t)len;
}

static size_t
eth_write(uint8_t *p, const uint8_t dst[6], const uint8_t src[6], uint16_t vlan, bool is4)
{
	size_t n = 12;

	memcpy(p, dst, 6);
	memcpy(p + 6, src, 6);
	if (vlan) {
		put16(p + n, ETH_VLAN);
		put16(p + n + 2, vlan);
		n += 4;
	}
	put16(p + n, is4 ? ETH_IP4 : ETH_IP6);
	return n + 2;
}

static size_t
ip_write(uint8_t *p, const struct la_addr *src, const struct la_addr *dst, uint8_t proto, size_t plen)
{
	if (la_addr_is4(dst)) {
		memset(p, 0, 20);
		p[0] = 0x45;
		put16(p + 2, (uint32_t)plen + 20);
		p[6] = 0x40; /* DF */
		p[8] = 64;
		p[9] = proto;
		memcpy(p + 12, &src->b[12], 4);
		memcpy(p + 16, &dst->b[12], 4);
		put16(p + 10, ~frame_sum(0, p, 20));
		return 20;
	}
	memset(p, 0, 40);
	p[0] = 0x60;
	put16(p + 4, (uint32_t)plen);
	p[6] = proto;
	p[7] = 64;
	memcpy(p + 8, src->b, 16);
	memcpy(p + 24, dst->b, 16);
	return 40;
}

size_t
frame_write(uint8_t buf[FRAME_MAX], const struct frame *f)
{
	bool is4 = la_addr_is4(&f->dst);
	size_t hlen = 20 + (f->optlen + 3) / 4 * 4;
	size_t n = eth_write(buf, f->eth_dst, f->eth_src, f->vlan, is4);
	uint8_t *t;

	n += ip_write(buf + n, &f->src, &f->dst, PROTO_TCP, (size_t)((long)(hlen + f->len) + f->iplen_delta));
	t = buf + n;
	memset(t, 0, hlen);
	put16(t, f->sport);
	put16(t + 2, f->dport);
	put32(t + 4, f->seq);
	put32(t + 8, f->ack);
	t[12] = (uint8_t)((f->doff ? f->doff : hlen / 4) << 4 | f->resv);
	t[13] = f->flags;
	put16(t + 14, f->win);
	put16(t + 18, f->urg);
	memcpy(t + 20, f->opts, f->optlen);
	if (f->len)
		memcpy(t + hlen, f->data, f->len);
	put16(t + 16, ~frame_sum(pseudo_sum(&f->src, &f->dst, hlen + f->len, PROTO_TCP), t, hlen + f->len));
	if (f->bad_cksum)
		t[16] ^= 0x10;
	n += hlen + f->len;
	if (f->pad && n < 60) {
		memset(buf + n, 0x5a, 60 - n);
		n = 60;
	}
	return n;
}

size_t
frame_icmp_write(uint8_t buf[FRAME_MAX], const struct frame_icmp *f)
{
	bool is4 = la_addr_is4(&f->to);
	size_t n = eth_write(buf, f->eth_dst, f->eth_src, f->vlan, is4);
	size_t quote = (is4 ? 20 : 40) + 20, len = 8 + quote;
	uint8_t proto = is4 ? PROTO_ICMP : PROTO_ICMP6, *m, *t;
	uint32_t sum;

	n += ip_write(buf + n, &f->from, &f->to, proto, len);
	m = buf + n;
	memset(m, 0, len);
	m[0] = f->type;
	m[1] = f->code;
	put32(m + 4, f->rest);
	t = m + 8 + ip_write(m + 8, &f->src, &f->dst, PROTO_TCP, 20);
	put16(t, f->sport);
	put16(t + 2, f->dport);
	put32(t + 4, f->seq);
	t[12] = 5 << 4;
	sum = is4 ? 0 : pseudo_sum(&f->from, &f->to, len, proto);
	put16(m + 2, ~frame_sum(sum, m, len));
	return n + len;
}

static const char *
option_read(const uint8_t *o, size_t olen, struct frame_in *f)
{
	bool syn = (f->flags & FLAG_SYN) != 0;

	switch (o[0]) {
	case OPT_MSS:
		f->has_mss = true;
		f->mss = get16(o + 2);
		if (olen != 4)
			return "MSS option of a wrong length";
		return syn ? NULL : "O-02: MSS option without SYN";
	case OPT_WS:
		f->has_ws = true;
		f->ws = o[2];
		if (olen != 3)
			return "window scale option of a wrong length";
		return syn ? NULL : "O-06: window scale option without SYN";
	case OPT_SACK_OK:
		f->sack_ok = true;
		if (olen != 2)
			return "SACK-permitted option of a wrong length";
		return syn ? NULL : "O-16: SACK-permitted option without SYN";
	case OPT_SACK:
		if (olen < 10 || (olen - 2) % 8 || olen > 34)
			return "SACK option of a wrong length";
		for (f->nsack = 0; f->nsack < (olen - 2) / 8; f->nsack++) {
			f->sack[f->nsack][0] = get32(o + 2 + 8 * f->nsack);
			f->sack[f->nsack][1] = get32(o + 6 + 8 * f->nsack);
		}
		return syn ? "SACK blocks on a SYN" : NULL;
	case OPT_TS:
		f->has_ts = true;
		f->tsval = get32(o + 2);
		f->tsecr = get32(o + 6);
		return olen == 10 ? NULL : "timestamp option of a wrong length";
	default:
		return "an option that the stack never sends";
	}
}

/* H-06: no option runs past the data offset, and the bytes after an end-of-list option are zero. Returns NULL or the
 * fault. */
static const char *
options_read(const uint8_t *o, size_t len, struct frame_in *f)
{
	size_t i = 0;

	while (i < len && o[i] != OPT_END) {
		const char *bad;
		size_t olen = 1;

		if (o[i] != OPT_NOP) {
			if (i + 1 >= len || o[i + 1] < 2 || i + o[i + 1] > len)
				return "H-06: option list runs past the header";
			olen = o[i + 1];
			bad = option_read(o + i, olen, f);
			if (bad)
				return bad;
		}
		i += olen;
	}
	for (; i < len; i++)
		if (o[i] != 0)
			return "H-06: header padding is not zero";
	return NULL;
}

static const char *
tcp_read(const uint8_t *t, size_t len, struct frame_in *f)
{
	if (len < 20)
		return "TCP header cut short";
	if (frame_sum(pseudo_sum(&f->src, &f->dst, len, PROTO_TCP), t, len) != 0xffff)
		return "H-01: TCP checksum wrong";
	f->tcp = t;
	f->sport = get16(t);
	f->dport = get16(t + 2);
	f->seq = get32(t + 4);
	f->ack = get32(t + 8);
	f->hlen = (size_t)(t[12] >> 4) * 4;
	f->resv = t[12] & 0x0f;
	f->flags = t[13];
	f->win = get16(t + 14);
	f->urg = get16(t + 18);
	if (f->hlen < 20 || f->hlen > len)
		return "H-07: data offset out of bounds";
	if (f->resv)
		return "H-08: reserved bits are not zero";
	f->optlen = f->hlen - 20;
	f->data = t + f->hlen;
	f->len = len - f->hlen;
	return options_read(t + 20, f->optlen, f);
}

static const char *
ip_read(const uint8_t *p, size_t len, uint16_t type, struct frame_in *f)
{
	size_t plen;

	if (type == ETH_IP4) {
		if (len < 20 || p[0] != 0x45)
			return "IPv4 header cut short or with options";
		plen = get16(p + 2);
		if (plen < 20 || plen > len)
			return "IPv4 total length out of bounds";
		if (frame_sum(0, p, 20) != 0xffff)
			return "IPv4 header checksum wrong";
		if (get16(p + 6) & 0xbfff)
			return "a fragment, or the reserved IPv4 flag is set";
		f->df = p[6] & 0x40;
		f->id = get16(p + 4);
		if (!f->df && f->id == 0)
			return "neither DF nor an identification";
		f->src = f->dst = la_addr_from4(0);
		memcpy(&f->src.b[12], p + 12, 4);
		memcpy(&f->dst.b[12], p + 16, 4);
		if (p[9] != PROTO_TCP || p[8] == 0)
			return "not TCP, or TTL 0";
		return tcp_read(p + 20, plen - 20, f);
	}
	if (len < 40 || p[0] >> 4 != 6)
		return "IPv6 header cut short";
	f->df = true;
	f->id = 0;
	plen = get16(p + 4);
	if (plen + 40 > len)
		return "IPv6 payload length out of bounds";
	memcpy(f->src.b, p + 8, 16);
	memcpy(f->dst.b, p + 24, 16);
	if (p[6] != PROTO_TCP || p[7] == 0)
		return "not TCP, or hop limit 0";
	return tcp_read(p + 40, plen, f);
}

const char *
frame_read(const uint8_t *p, size_t len, struct frame_in *f)
{
	size_t n = 14;
	uint16_t type;

	memset(f, 0, sizeof(*f));
	if (len < n)
		return "shorter than an Ethernet header";
	memcpy(f->eth_dst, p, 6);
	memcpy(f->eth_src, p + 6, 6);
	type = get16(p + 12);
	if (type == ETH_VLAN && len >= 18) {
		f->vlan = get16(p + 14) & 0x0fff;
		type = get16(p + 16);
		n = 18;
	}
	if (type != ETH_IP4 && type != ETH_IP6)
		return "neither IPv4 nor IPv6";
	return ip_read(p + n, len - n, type, f);
}
