/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fuzz target: received frames. An input is a frame. The frame is parsed as the stack does, and each
 * parser also parses the frame from its first byte. The target checks for inconsistent results: lengths that do
 * not add up, mixed address families, headers that differ after writing and parsing. Sanitizers report memory
 * errors. */

#include <string.h>

#include "target.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/print.h"
#include "wire/tcp.h"

/* Writes a parsed header and parses the result, which must be the same. */
static void
tcp_round_trip(const struct la_seg *s)
{
	struct la_tcp_hdr h = {.seq = s->seq,
			       .ack = s->ack,
			       .tsval = s->tsval,
			       .tsecr = s->tsecr,
			       .sport = s->sport,
			       .dport = s->dport,
			       .wnd = s->wnd,
			       .mss = s->mss,
			       .flags = s->flags,
			       .opts = s->opts & (uint8_t)~LA_OPT_BAD,
			       .wscale = s->wscale};
	struct la_sack blocks[LA_SACK_MAX];
	size_t n, hlen;
	uint8_t *out;
	struct la_seg t;

	if (s->opts & LA_OPT_SACK) {
		CHECK(s->nsack >= 1 && s->nsack <= LA_SACK_MAX);
		for (unsigned i = 0; i < s->nsack; i++)
			blocks[i] = (struct la_sack){la_get32(s->sack + 8 * i), la_get32(s->sack + 8 * i + 4)};
		h.sack = blocks;
		h.nsack = s->nsack;
	}
	n = la_tcp_hdr_len(h.opts, h.nsack);
	out = malloc(n);
	CHECK(out != NULL);
	CHECK(la_tcp_write(out, &h) == n && n <= LA_TCP_MAXLEN);
	CHECK(la_tcp_parse(out, n, n + s->len, &t, &hlen) == LA_WIRE_OK && hlen == n);
	CHECK(t.seq == s->seq && t.ack == s->ack && t.sport == s->sport && t.dport == s->dport);
	CHECK(t.wnd == s->wnd && t.flags == s->flags && t.len == s->len && t.opts == h.opts);
	CHECK(t.tsval == s->tsval && t.tsecr == s->tsecr && t.mss == s->mss);
	CHECK(t.wscale == s->wscale);
	if (s->opts & LA_OPT_SACK)
		CHECK(t.nsack == s->nsack && memcmp(t.sack, s->sack, 8u * s->nsack) == 0);
	free(out);
}

static void
one_tcp(const uint8_t *p, size_t len, size_t total)
{
	struct la_seg s;
	size_t hlen;

	if (la_tcp_parse(p, len, total, &s, &hlen) != LA_WIRE_OK)
		return;
	CHECK(hlen >= LA_TCP_LEN && hlen <= len && hlen + s.len == total);
	CHECK(s.wscale <= 14 && !((s.flags & LA_SYN) && (s.opts & LA_OPT_BAD)));
	tcp_round_trip(&s);
}

static void
one_icmp(const uint8_t *p, const struct la_ip *ip, bool v4)
{
	enum la_counter why;
	struct la_icmp m;

	why = v4 ? la_icmp4_parse(p, ip->plen, &m) : la_icmp6_parse(p, ip->plen, ip, &m);
	CHECK(why == LA_WIRE_OK || why == LA_C_drop_icmp_bad || why == LA_C_drop_nd_bad);
	if (why != LA_WIRE_OK)
		return;
	if (m.has_tuple)
		CHECK(la_addr_is4(&m.tuple.laddr) == v4 && la_addr_is4(&m.tuple.raddr) == v4);
	if (m.kind == LA_ICMP_NS || m.kind == LA_ICMP_NA)
		CHECK(!v4 && ip->ttl == 255 && !la_ip_is_multicast(&m.target));
	if (m.kind == LA_ICMP_ECHO) {
		uint8_t *copy = malloc(ip->plen);

		CHECK(copy != NULL);
		memcpy(copy, p, ip->plen);
		if (v4)
			la_icmp4_echo_reply(copy, ip->plen);
		else
			la_icmp6_echo_reply(copy, ip->plen, &ip->dst, &ip->src);
		why = v4 ? la_icmp4_parse(copy, ip->plen, &m) : la_icmp6_parse(copy, ip->plen, ip, &m);
		CHECK(why == LA_WIRE_OK && m.kind == LA_ICMP_OTHER);
		free(copy);
	}
}

static void
one_ip(const uint8_t *p, size_t len, bool v4, bool cksum_ok)
{
	struct la_ip ip;

	if ((v4 ? la_ip4_parse(p, len, cksum_ok, &ip) : la_ip6_parse(p, len, &ip)) != LA_WIRE_OK)
		return;
	CHECK((size_t)ip.hlen + ip.plen <= len);
	CHECK(la_addr_is4(&ip.src) == v4 && la_addr_is4(&ip.dst) == v4);
	if (ip.proto == LA_IPPROTO_TCP)
		one_tcp(p + ip.hlen, ip.plen, ip.plen);
	else if (ip.proto == (v4 ? LA_IPPROTO_ICMP : LA_IPPROTO_ICMP6))
		one_icmp(p + ip.hlen, &ip, v4);
}

/* Corrects the checksum, because a fuzzer does not guess checksums, and parses the message as ICMP. */
static void
icmp_with_checksum(const uint8_t *p, size_t len, bool v4)
{
	struct la_ip ip = {.ttl = 255, .plen = (uint16_t)len, .proto = LA_IPPROTO_ICMP6};
	uint8_t *copy;
	uint16_t sum;

	if (len < 8 || len > 2000)
		return;
	copy = malloc(len);
	CHECK(copy != NULL);
	memcpy(copy, p, len);
	memset(copy + 2, 0, 2);
	if (v4) {
		ip.src = ip.dst = la_addr_from4(0x01020304);
		sum = la_cksum_finish(la_cksum_add(0, copy, len));
	} else {
		ip.src.b[0] = 0xfd;
		ip.dst.b[0] = p[2] & 1 ? 0xff : 0xfd;
		sum = la_cksum_finish(
			la_cksum_add(la_cksum_pseudo(&ip.src, &ip.dst, LA_IPPROTO_ICMP6, (uint32_t)len), copy, len));
	}
	memcpy(copy + 2, &sum, 2);
	one_icmp(copy, &ip, v4);
	free(copy);
}

static void
one_eth(const uint8_t *p, size_t len)
{
	uint8_t out[LA_ETH_LEN + LA_VLAN_LEN], arp[LA_ARP_LEN];
	struct la_eth e, again;
	struct la_arp a;

	if (la_eth_parse(p, len, &e) != LA_WIRE_OK)
		return;
	CHECK(e.len <= len && e.vlan < 4095);
	if (e.type != LA_ETH_VLAN || e.vlan != 0) { /* la_eth_write() cannot write a second tag after a priority tag */
		size_t n = la_eth_write(out, &e);

		CHECK(la_eth_parse(out, n, &again) == LA_WIRE_OK && again.len == n);
		CHECK(again.type == e.type && again.vlan == e.vlan);
	}
	p += e.len;
	len -= e.len;
	if (e.type == LA_ETH_ARP && la_arp_parse(p, len, &a) == LA_WIRE_OK) {
		la_arp_write(arp, &a);
		CHECK(memcmp(arp, p, LA_ARP_LEN) == 0);
	} else if (e.type == LA_ETH_IP4 || e.type == LA_ETH_IP6) {
		one_ip(p, len, e.type == LA_ETH_IP4, false);
		one_ip(p, len, e.type == LA_ETH_IP4, true);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	char line[256], small[20];

	if (len > 65535)
		return 0;
	one_eth(p, len);
	one_ip(p, len, true, true);
	one_ip(p, len, false, true);
	one_tcp(p, len, len);
	one_tcp(p, len < 60 ? len : 60, len);
	icmp_with_checksum(p, len, true);
	icmp_with_checksum(p, len, false);
	CHECK(strlen(la_frame_format(p, len, line, sizeof(line))) > 0);
	la_frame_format(p, len, small, sizeof(small));
	CHECK(strncmp(line, small, sizeof(small) - 1) == 0);
	return 0;
}
