/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_test.h"

#include "wire/ip.h"

/* 10.0.0.1 > 10.0.0.2, TCP, DF, TTL 64, 4 bytes of upper layer */
static const uint8_t ip4[] = {0x45, 0, 0, 24, 0, 0, 0x40, 0, 64, 6, 0x26, 0xde, 10, 0, 0, 1, 10, 0, 0, 2, 1, 2, 3, 4};

static const uint8_t ip6[] = {0x60, 0, 0,    0, 0, 4, 6, 64, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			      0,    1, 0xfd, 0, 0, 0, 0, 0,  0,	   0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 3, 4};

Test(ip4, parse)
{
	uint8_t *p = exact(ip4, sizeof(ip4));
	struct la_ip ip;

	p[1] = 0xb8;
	set_cksum(p, 20, 10, 0);
	assert_ok(la_ip4_parse(p, sizeof(ip4), false, &ip));
	assert_addr(ip.src, "10.0.0.1");
	assert_addr(ip.dst, "10.0.0.2");
	cr_assert_eq(ip.hlen, 20);
	cr_assert_eq(ip.plen, 4);
	cr_assert_eq(ip.proto, LA_IPPROTO_TCP);
	cr_assert_eq(ip.ttl, 64);
	cr_assert_eq(ip.tos, 0xb8);
	free(p);
}

Test(ip4, write_exact_bytes)
{
	struct la_addr src = addr("10.0.0.1"), dst = addr("10.0.0.2");
	uint8_t out[20], want[20];

	memset(out, 0xee, sizeof(out));
	cr_assert_eq(la_ip4_write(out, &src, &dst, 6, 64, 4, true), 20);
	cr_assert_arr_eq(out, ip4, 20);
	memset(out, 0xee, sizeof(out));
	cr_assert_eq(la_ip4_write(out, &src, &dst, 6, 64, 4, false), 20);
	memcpy(want, ip4, 20);
	want[10] = want[11] = 0;
	cr_assert_arr_eq(out, want, 20);
}

Test(ip4, padding_is_not_payload)
{
	uint8_t p[46] = {0};
	struct la_ip ip;

	memcpy(p, ip4, sizeof(ip4));
	memset(p + sizeof(ip4), 0xaa, sizeof(p) - sizeof(ip4));
	assert_ok(la_ip4_parse(p, sizeof(p), false, &ip));
	cr_assert_eq(ip.plen, 4);
}

Test(ip4, truncated)
{
	struct la_ip ip;

	for (size_t n = 0; n < sizeof(ip4); n++) {
		uint8_t *p = exact(ip4, n);

		assert_drop(la_ip4_parse(p, n, false, &ip), drop_ip_short);
		free(p);
	}
}

/* Sets one byte, makes the checksum right again, parses. */
static enum la_counter
ip4_with(size_t off, uint8_t value)
{
	uint8_t *p = exact(ip4, sizeof(ip4));
	struct la_ip ip;
	enum la_counter why;

	p[off] = value;
	set_cksum(p, 20, 10, 0);
	why = la_ip4_parse(p, sizeof(ip4), false, &ip);
	free(p);
	return why;
}

Test(ip4, bad_headers)
{
	assert_drop(ip4_with(0, 0x65), drop_ip_version);
	assert_drop(ip4_with(0, 0x44), drop_ip_header);
	assert_drop(ip4_with(0, 0x40), drop_ip_header);
	assert_drop(ip4_with(0, 0x47), drop_ip_short); /* header beyond the total length */
	assert_drop(ip4_with(3, 19), drop_ip_short);
	assert_drop(ip4_with(3, 25), drop_ip_short);
	assert_drop(ip4_with(2, 1), drop_ip_short);
	assert_drop(ip4_with(6, 0x20), drop_ip_fragment); /* more fragments */
	assert_drop(ip4_with(7, 0x01), drop_ip_fragment); /* offset 8 */
	assert_drop(ip4_with(6, 0x1f), drop_ip_fragment);
	assert_ok(ip4_with(6, 0x00)); /* not fragmented, and DF is 0 */
	assert_ok(ip4_with(3, 20));   /* no payload */
}

Test(ip4, checksum)
{
	uint8_t p[sizeof(ip4)];
	struct la_ip ip;

	for (size_t i = 0; i < 20 * 8; i++) {
		memcpy(p, ip4, sizeof(ip4));
		p[i / 8] ^= (uint8_t)(1 << i % 8);
		cr_assert_neq(la_ip4_parse(p, sizeof(p), false, &ip), LA_WIRE_OK, "bit %zu", i);
	}
	memcpy(p, ip4, sizeof(ip4));
	p[10] ^= 1;
	assert_drop(la_ip4_parse(p, sizeof(p), false, &ip), drop_ip_cksum);
	assert_ok(la_ip4_parse(p, sizeof(p), true, &ip)); /* the NIC reports a valid checksum */
}

/* A header with eight bytes of options before the four bytes of payload. */
static enum la_counter
ip4_options(const uint8_t opts[8], struct la_ip *ip)
{
	uint8_t b[32], *p;
	enum la_counter why;

	memcpy(b, ip4, 20);
	b[0] = 0x47;
	b[3] = 32;
	memcpy(b + 20, opts, 8);
	memcpy(b + 28, ip4 + 20, 4);
	set_cksum(b, 28, 10, 0);
	p = exact(b, sizeof(b));
	why = la_ip4_parse(p, sizeof(b), false, ip);
	free(p);
	return why;
}

Test(ip4, options)
{
	struct la_ip ip;

	assert_ok(ip4_options((const uint8_t[8]){148, 4, 0, 0, 1, 1, 1, 0}, &ip)); /* router alert */
	cr_assert_eq(ip.hlen, 28);
	cr_assert_eq(ip.plen, 4);
	assert_ok(ip4_options((const uint8_t[8]){0, 255, 255, 255, 255, 255, 255, 255}, &ip));
	assert_ok(ip4_options((const uint8_t[8]){7, 8, 4, 0, 0, 0, 0, 0}, &ip));
	assert_drop(ip4_options((const uint8_t[8]){7, 9, 4, 0, 0, 0, 0, 0}, &ip), drop_ip_header);
	assert_drop(ip4_options((const uint8_t[8]){7, 0, 4, 0, 0, 0, 0, 0}, &ip), drop_ip_header);
	assert_drop(ip4_options((const uint8_t[8]){7, 1, 4, 0, 0, 0, 0, 0}, &ip), drop_ip_header);
	assert_drop(ip4_options((const uint8_t[8]){1, 1, 1, 1, 1, 1, 1, 7}, &ip), drop_ip_header);
}

Test(ip6, parse)
{
	uint8_t *p = exact(ip6, sizeof(ip6));
	struct la_ip ip;

	p[0] = 0x6b;
	p[1] = 0x8f; /* traffic class 0xb8, and flow label */
	assert_ok(la_ip6_parse(p, sizeof(ip6), &ip));
	assert_addr(ip.src, "fd00::1");
	assert_addr(ip.dst, "fd00::2");
	cr_assert_eq(ip.hlen, 40);
	cr_assert_eq(ip.plen, 4);
	cr_assert_eq(ip.proto, LA_IPPROTO_TCP);
	cr_assert_eq(ip.ttl, 64);
	cr_assert_eq(ip.tos, 0xb8);
	free(p);
}

Test(ip6, write_exact_bytes)
{
	struct la_addr src = addr("fd00::1"), dst = addr("fd00::2");
	uint8_t out[40];

	memset(out, 0xee, sizeof(out));
	cr_assert_eq(la_ip6_write(out, &src, &dst, 6, 64, 4), 40);
	cr_assert_arr_eq(out, ip6, 40);
}

Test(ip6, truncated_and_version)
{
	struct la_ip ip;
	uint8_t *p;

	for (size_t n = 0; n < sizeof(ip6); n++) {
		p = exact(ip6, n);
		assert_drop(la_ip6_parse(p, n, &ip), drop_ip_short);
		free(p);
	}
	p = exact(ip6, sizeof(ip6));
	p[0] = 0x45;
	assert_drop(la_ip6_parse(p, sizeof(ip6), &ip), drop_ip_version);
	free(p);
}

/* An IPv6 packet must not reach an IPv4 connection. */
Test(ip6, mapped_addresses_are_refused)
{
	struct la_addr four = addr("10.0.0.1");
	uint8_t p[sizeof(ip6)];
	struct la_ip ip;

	memcpy(p, ip6, sizeof(ip6));
	memcpy(p + 8, four.b, 16);
	assert_drop(la_ip6_parse(p, sizeof(p), &ip), drop_ip_src);
	memcpy(p, ip6, sizeof(ip6));
	memcpy(p + 24, four.b, 16);
	assert_drop(la_ip6_parse(p, sizeof(p), &ip), drop_ip_dst);
}

/* Puts n bytes of extension headers before the four bytes of payload, and parses. Packet and length
 * field are `cut` bytes shorter. */
static enum la_counter
ip6_ext(uint8_t first, const uint8_t *ext, size_t n, size_t cut, struct la_ip *ip)
{
	uint8_t b[400], *p;
	enum la_counter why;
	size_t len = 40 + n + 4 - cut;

	memcpy(b, ip6, 40);
	b[5] = (uint8_t)(n + 4 - cut);
	b[6] = first;
	memcpy(b + 40, ext, n);
	memcpy(b + 40 + n, ip6 + 40, 4);
	p = exact(b, len);
	why = la_ip6_parse(p, len, ip);
	free(p);
	return why;
}

Test(ip6, extension_headers)
{
	static const uint8_t all[] = {
		43, 0, 5, 2, 0, 0, 1, 0,			    /* hop-by-hop: router alert */
		60, 0, 4, 0, 0, 0, 0, 0,			    /* routing, no segments left */
		44, 1, 1, 4, 0, 0, 0, 0, 0x1e, 4, 0, 0, 0, 0, 0, 0, /* destination: padding, unknown */
		6,  0, 0, 0, 1, 2, 3, 4,			    /* atomic fragment */
	};
	struct la_ip ip;

	assert_ok(ip6_ext(0, all, sizeof(all), 0, &ip));
	cr_assert_eq(ip.hlen, 40 + sizeof(all));
	cr_assert_eq(ip.plen, 4);
	cr_assert_eq(ip.proto, LA_IPPROTO_TCP);
	/* the packet ends anywhere inside the chain */
	for (size_t cut = 5; cut <= sizeof(all) + 4; cut++)
		assert_drop(ip6_ext(0, all, sizeof(all), cut, &ip), drop_ip6_ext);
	assert_ok(ip6_ext(0, all, sizeof(all), 4, &ip));
	cr_assert_eq(ip.plen, 0);
}

#define EXT(first, ...) ip6_ext(first, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), 0, &ip)

Test(ip6, extension_headers_refused)
{
	struct la_ip ip;

	/* a hop-by-hop header that is not the first */
	assert_drop(EXT(60, 0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0), drop_ip6_ext);
	/* a routing header with segments left */
	assert_drop(EXT(43, 6, 0, 4, 1, 0, 0, 0, 0), drop_ip6_ext);
	/* a header longer than the packet */
	assert_drop(EXT(60, 6, 1, 1, 4, 0, 0, 0, 0), drop_ip6_ext);
	/* an option longer than its header; an option without a length byte */
	assert_drop(EXT(60, 6, 0, 1, 5, 0, 0, 0, 0), drop_ip6_ext);
	assert_drop(EXT(60, 6, 0, 1, 3, 0, 0, 0, 1), drop_ip6_ext);
	/* unknown options, by the highest two bits: 00 is skipped; 01, 10 and 11 drop the packet */
	assert_ok(EXT(60, 6, 0, 0x3e, 4, 0, 0, 0, 0));
	assert_drop(EXT(60, 6, 0, 0x7e, 4, 0, 0, 0, 0), drop_ip6_ext);
	assert_drop(EXT(60, 6, 0, 0xbe, 4, 0, 0, 0, 0), drop_ip6_ext);
	assert_drop(EXT(0, 6, 0, 0xfe, 4, 0, 0, 0, 0), drop_ip6_ext);
	/* fragments: offset, more fragments; the reserved bits do not matter */
	assert_drop(EXT(44, 6, 0, 0, 8, 1, 2, 3, 4), drop_ip_fragment);
	assert_drop(EXT(44, 6, 0, 0, 1, 1, 2, 3, 4), drop_ip_fragment);
	assert_drop(EXT(44, 6, 0, 1, 0, 1, 2, 3, 4), drop_ip_fragment);
	assert_ok(EXT(44, 6, 0xff, 0, 6, 1, 2, 3, 4));
	/* headers that the parser does not skip */
	assert_drop(EXT(51, 6, 0, 0, 0, 0, 0, 0, 0), drop_ip6_ext);
	assert_drop(EXT(50, 6, 0, 0, 0, 0, 0, 0, 0), drop_ip6_ext);
	assert_drop(EXT(135, 6, 0, 0, 0, 0, 0, 0, 0), drop_ip6_ext);
	assert_drop(EXT(139, 6, 0, 0, 0, 0, 0, 0, 0), drop_ip6_ext);
	assert_drop(EXT(140, 6, 0, 0, 0, 0, 0, 0, 0), drop_ip6_ext);
	assert_drop(EXT(253, 6, 0, 0, 0, 0, 0, 0, 0), drop_ip6_ext);
	assert_drop(EXT(254, 6, 0, 0, 0, 0, 0, 0, 0), drop_ip6_ext);
	/* the caller drops other upper layers */
	assert_ok(EXT(60, 17, 0, 1, 4, 0, 0, 0, 0));
	cr_assert_eq(ip.proto, 17);
	assert_ok(EXT(59, 0));
	cr_assert_eq(ip.proto, 59);
}

Test(ip6, extension_header_limit)
{
	uint8_t ext[8 * (LA_IP6_MAX_EXT + 1)];
	struct la_ip ip;

	for (int i = 0; i <= LA_IP6_MAX_EXT; i++)
		memcpy(ext + 8 * i, (const uint8_t[]){60, 0, 1, 4, 0, 0, 0, 0}, 8);
	ext[8 * (LA_IP6_MAX_EXT - 1)] = 6;
	assert_ok(ip6_ext(60, ext, 8 * LA_IP6_MAX_EXT, 0, &ip));
	ext[8 * (LA_IP6_MAX_EXT - 1)] = 60;
	ext[8 * LA_IP6_MAX_EXT] = 6;
	assert_drop(ip6_ext(60, ext, sizeof(ext), 0, &ip), drop_ip6_ext);
}

Test(ip, sources)
{
	static const char *const good[] = {"10.0.0.1", "1.0.0.0", "223.255.255.255", "128.0.0.1",
					   "fd00::1",  "fe80::1", "2001:db8::"};
	static const char *const bad[] = {
		"0.0.0.0",	   "0.1.2.3", "127.0.0.1", "127.255.255.255", "224.0.0.1", "239.1.2.3",
		"255.255.255.255", "::",      "::1",	   "ff02::1"};
	struct la_addr a;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		a = addr(good[i]);
		cr_assert(la_ip_src_valid(&a), "%s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		a = addr(bad[i]);
		cr_assert_not(la_ip_src_valid(&a), "%s", bad[i]);
	}
}

Test(ip, multicast)
{
	static const char *const yes[] = {"224.0.0.0", "239.255.255.255", "255.255.255.255", "ff02::1", "ffff::"};
	static const char *const no[] = {"223.255.255.255", "240.0.0.0", "255.255.255.254",
					 "10.0.0.255",	    "fe80::1",	 "::"};
	struct la_addr a;

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		a = addr(yes[i]);
		cr_assert(la_ip_is_multicast(&a), "%s", yes[i]);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		a = addr(no[i]);
		cr_assert_not(la_ip_is_multicast(&a), "%s", no[i]);
	}
}

Test(ip, mutated)
{
	static const uint8_t first[] = {0, 6, 43, 44, 58, 60};
	uint64_t seed = 6;
	struct la_ip ip;

	for (int i = 0; i < 60000; i++) {
		uint8_t b[120] = {0}, *p;
		size_t n = rnd(&seed) % sizeof(b);
		bool v4 = rnd(&seed) & 1;

		memcpy(b, v4 ? ip4 : ip6, v4 ? sizeof(ip4) : sizeof(ip6));
		if (v4) {
			b[0] = (uint8_t)(0x40 | (5 + rnd(&seed) % 3));
			b[3] = (uint8_t)(rnd(&seed) % sizeof(b));
		} else {
			b[5] = (uint8_t)(rnd(&seed) % sizeof(b));
			b[6] = first[rnd(&seed) % sizeof(first)];
			for (size_t at = 40; at < sizeof(b); at += 8)
				b[at] = first[rnd(&seed) % sizeof(first)];
		}
		mutate(&seed, b, sizeof(b));
		p = exact(b, n);
		if ((v4 ? la_ip4_parse(p, n, rnd(&seed) & 1, &ip) : la_ip6_parse(p, n, &ip)) == LA_WIRE_OK) {
			cr_assert_leq((size_t)ip.hlen + ip.plen, n);
			cr_assert_geq(ip.hlen, v4 ? 20 : 40);
			cr_assert_eq(la_addr_is4(&ip.src), v4);
			cr_assert_eq(la_addr_is4(&ip.dst), v4);
		}
		free(p);
	}
}

Test(ip, unaligned)
{
	uint8_t *b = malloc(sizeof(ip6) + 1), *c = malloc(sizeof(ip4) + 1);
	struct la_ip ip;

	memcpy(b + 1, ip6, sizeof(ip6));
	memcpy(c + 1, ip4, sizeof(ip4));
	assert_ok(la_ip6_parse(b + 1, sizeof(ip6), &ip));
	assert_ok(la_ip4_parse(c + 1, sizeof(ip4), false, &ip));
	free(b);
	free(c);
}
