/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_test.h"

#include "wire/icmp.h"

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

/* Our own segment as an error quotes it: 10.0.0.2:80 > 10.0.0.1:1024, seq 0x01020304 */
static const uint8_t quote4[] = {0x45, 0, 0,  40, 0, 0, 0x40, 0,  63, 6, 0, 0, 10, 0,
				 0,    2, 10, 0,  0, 1, 0,    80, 4,  0, 1, 2, 3,  4};

/* Builds an ICMP message from type, code, the word after the checksum and a body. Parses it in a
 * block of its exact size. */
static enum la_counter
icmp4(uint8_t type, uint8_t code, uint32_t word, const uint8_t *body, size_t n, struct la_icmp *m)
{
	uint8_t b[128] = {type, code}, *p;
	enum la_counter why;

	b[4] = (uint8_t)(word >> 24);
	b[5] = (uint8_t)(word >> 16);
	b[6] = (uint8_t)(word >> 8);
	b[7] = (uint8_t)word;
	memcpy(b + 8, body, n);
	set_cksum(b, 8 + n, 2, 0);
	p = exact(b, 8 + n);
	memset(m, 0xa5, sizeof(*m));
	why = la_icmp4_parse(p, 8 + n, m);
	free(p);
	return why;
}

static enum la_counter
error4(uint8_t type, uint8_t code, uint32_t word, struct la_icmp *m)
{
	return icmp4(type, code, word, quote4, sizeof(quote4), m);
}

Test(icmp4, kinds)
{
	static const struct {
		uint8_t type, first, last;
		enum la_icmp_kind kind;
	} t[] = {
		{0, 0, 0, LA_ICMP_OTHER},     {3, 0, 1, LA_ICMP_ERR_SOFT},
		{3, 2, 3, LA_ICMP_ERR_HARD},  {3, 4, 4, LA_ICMP_ERR_PMTU},
		{3, 5, 15, LA_ICMP_ERR_SOFT}, {4, 0, 0, LA_ICMP_OTHER}, /* source quench */
		{5, 0, 3, LA_ICMP_OTHER},     {8, 0, 0, LA_ICMP_ECHO},
		{8, 1, 1, LA_ICMP_OTHER},     {11, 0, 1, LA_ICMP_ERR_SOFT},
		{12, 0, 2, LA_ICMP_ERR_SOFT}, {13, 0, 0, LA_ICMP_OTHER},
		{128, 0, 0, LA_ICMP_OTHER},   {135, 0, 0, LA_ICMP_OTHER},
	};
	struct la_icmp m;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		for (uint8_t code = t[i].first; code <= t[i].last; code++) {
			assert_ok(error4(t[i].type, code, 0, &m));
			cr_assert_eq(m.kind, t[i].kind, "type %u code %u", t[i].type, code);
			cr_assert_eq(m.type, t[i].type);
			cr_assert_eq(m.code, code);
			cr_assert_eq(m.has_tuple, t[i].kind >= LA_ICMP_ERR_SOFT && t[i].kind <= LA_ICMP_ERR_PMTU);
		}
	}
}

/* M-01: the shard sent the quoted packet, so its source is the local end */
Test(icmp4, quoted_tuple)
{
	struct la_icmp m;

	assert_ok(error4(3, 4, 0x12340578, &m));
	cr_assert(m.has_tuple);
	assert_addr(m.tuple.laddr, "10.0.0.2");
	assert_addr(m.tuple.raddr, "10.0.0.1");
	cr_assert_eq(m.tuple.lport, 80);
	cr_assert_eq(m.tuple.rport, 1024);
	cr_assert_eq(m.seq, 0x01020304);
	cr_assert_eq(m.mtu, 0x578); /* RFC 1191: the MTU is the low 16 bits of the word */
	assert_ok(error4(3, 4, 0, &m));
	cr_assert_eq(m.mtu, 0);
	assert_ok(error4(3, 3, 1500, &m));
	cr_assert_eq(m.mtu, 0);
}

Test(icmp4, quoted_options)
{
	uint8_t q[40] = {0};
	struct la_icmp m;

	memcpy(q, quote4, 20);
	q[0] = 0x48;
	memcpy(q + 32, quote4 + 20, 8);
	assert_ok(icmp4(3, 1, 0, q, 40, &m));
	cr_assert(m.has_tuple);
	cr_assert_eq(m.tuple.lport, 80);
	cr_assert_eq(m.seq, 0x01020304);
	for (size_t n = 0; n < 40; n++) {
		assert_ok(icmp4(3, 1, 0, q, n, &m));
		cr_assert_not(m.has_tuple, "%zu bytes", n);
	}
}

Test(icmp4, quotes_without_a_tuple)
{
	static const struct {
		size_t off;
		uint8_t value;
	} t[] = {{0, 0x44}, {0, 0x65}, {0, 0x46}, {9, 17}, {7, 1}, {6, 0x01}};
	uint8_t q[sizeof(quote4)];
	struct la_icmp m;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memcpy(q, quote4, sizeof(q));
		q[t[i].off] = t[i].value;
		assert_ok(icmp4(3, 3, 0, q, sizeof(q), &m));
		cr_assert_not(m.has_tuple, "case %zu", i);
	}
	/* a first fragment has the ports */
	memcpy(q, quote4, sizeof(q));
	q[6] = 0x20;
	assert_ok(icmp4(3, 3, 0, q, sizeof(q), &m));
	cr_assert(m.has_tuple);
}

Test(icmp4, short_and_checksum)
{
	uint8_t b[16] = {8, 0, 0, 0, 0, 1, 0, 2, 'p', 'i', 'n', 'g'};
	struct la_icmp m;

	for (size_t n = 0; n < 8; n++) {
		uint8_t *p = exact(b, n);

		assert_drop(la_icmp4_parse(p, n, &m), drop_icmp_bad);
		free(p);
	}
	for (size_t n = 8; n <= sizeof(b); n++) { /* odd lengths too */
		set_cksum(b, n, 2, 0);
		assert_ok(la_icmp4_parse(b, n, &m));
		cr_assert_eq(m.kind, LA_ICMP_ECHO);
		b[n - 1] ^= 0x10;
		assert_drop(la_icmp4_parse(b, n, &m), drop_icmp_bad);
		b[n - 1] ^= 0x10;
	}
}

Test(icmp4, echo_reply_exact_bytes)
{
	uint8_t p[12] = {8, 0, 0xf7, 0xfc, 0, 1, 0, 2, 0, 0, 0, 0};
	static const uint8_t want[12] = {0, 0, 0xff, 0xfc, 0, 1, 0, 2, 0, 0, 0, 0};
	struct la_icmp m;

	assert_ok(la_icmp4_parse(p, sizeof(p), &m));
	la_icmp4_echo_reply(p, sizeof(p));
	cr_assert_arr_eq(p, want, sizeof(p));
	assert_ok(la_icmp4_parse(p, sizeof(p), &m));
}

/* All bytes but the type are 0: the reply's checksum must be 0xffff. A checksum of 0 would not verify. */
Test(icmp4, echo_reply_of_zeros)
{
	uint8_t p[11] = {8, 0, 0xf7, 0xff};
	struct la_icmp m;

	assert_ok(la_icmp4_parse(p, sizeof(p), &m));
	la_icmp4_echo_reply(p, sizeof(p));
	cr_assert_eq(p[2] << 8 | p[3], 0xffff);
	assert_ok(la_icmp4_parse(p, sizeof(p), &m));
}

/* IPv6: source, destination and hop limit of a message. */
struct six {
	const char *src, *dst;
	uint8_t ttl;
};

static const struct six from_host = {"fd00::1", "fd00::2", 255};

static enum la_counter
icmp6(const struct six *s, const uint8_t *msg, size_t n, struct la_icmp *m)
{
	struct la_ip ip = {.src = addr(s->src),
			   .dst = addr(s->dst),
			   .ttl = s->ttl,
			   .proto = LA_IPPROTO_ICMP6,
			   .hlen = 40,
			   .plen = (uint16_t)n};
	uint8_t *p = exact(msg, n);
	enum la_counter why;

	if (n >= 4)
		set_cksum(p, n, 2, naive_pseudo6(&ip.src, &ip.dst, LA_IPPROTO_ICMP6, n));
	memset(m, 0xa5, sizeof(*m));
	why = la_icmp6_parse(p, n, &ip, m);
	free(p);
	return why;
}

/* An error that quotes fd00::2 port 80 > fd00::1 port 1024. */
static size_t
error6(uint8_t *b, uint8_t type, uint8_t code, uint32_t word)
{
	struct la_addr l = addr("fd00::2"), r = addr("fd00::1");

	memset(b, 0, 56);
	b[0] = type;
	b[1] = code;
	b[4] = (uint8_t)(word >> 24);
	b[5] = (uint8_t)(word >> 16);
	b[6] = (uint8_t)(word >> 8);
	b[7] = (uint8_t)word;
	b[8] = 0x60;
	b[13] = 20;
	b[14] = LA_IPPROTO_TCP;
	memcpy(b + 16, l.b, 16);
	memcpy(b + 32, r.b, 16);
	memcpy(b + 48, (const uint8_t[]){0, 80, 4, 0, 1, 2, 3, 4}, 8);
	return 56;
}

Test(icmp6, kinds)
{
	static const struct {
		uint8_t type, first, last;
		enum la_icmp_kind kind;
	} t[] = {
		{1, 0, 3, LA_ICMP_ERR_SOFT}, {1, 4, 4, LA_ICMP_ERR_HARD}, {1, 5, 7, LA_ICMP_ERR_SOFT},
		{2, 0, 1, LA_ICMP_ERR_PMTU}, {3, 0, 1, LA_ICMP_ERR_SOFT}, {4, 0, 0, LA_ICMP_ERR_SOFT},
		{4, 1, 1, LA_ICMP_ERR_HARD}, {4, 2, 3, LA_ICMP_ERR_SOFT}, {5, 0, 0, LA_ICMP_OTHER},
		{8, 0, 0, LA_ICMP_OTHER},    {128, 0, 0, LA_ICMP_ECHO},	  {128, 1, 1, LA_ICMP_OTHER},
		{129, 0, 0, LA_ICMP_OTHER},  {133, 0, 0, LA_ICMP_OTHER},  {134, 0, 0, LA_ICMP_RA},
		{137, 0, 0, LA_ICMP_OTHER},
	};
	uint8_t b[56];
	struct la_icmp m;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		for (uint8_t code = t[i].first; code <= t[i].last; code++) {
			error6(b, t[i].type, code, 0);
			assert_ok(icmp6(&from_host, b, sizeof(b), &m));
			cr_assert_eq(m.kind, t[i].kind, "type %u code %u", t[i].type, code);
			cr_assert_eq(m.has_tuple, t[i].kind >= LA_ICMP_ERR_SOFT && t[i].kind <= LA_ICMP_ERR_PMTU);
		}
	}
}

Test(icmp6, quoted_tuple)
{
	uint8_t b[56];
	struct la_icmp m;

	error6(b, 2, 0, 0x00010500);
	assert_ok(icmp6(&from_host, b, sizeof(b), &m));
	cr_assert(m.has_tuple);
	assert_addr(m.tuple.laddr, "fd00::2");
	assert_addr(m.tuple.raddr, "fd00::1");
	cr_assert_eq(m.tuple.lport, 80);
	cr_assert_eq(m.tuple.rport, 1024);
	cr_assert_eq(m.seq, 0x01020304);
	cr_assert_eq(m.mtu, 0x10500);
	for (size_t n = 8; n < sizeof(b); n++) {
		assert_ok(icmp6(&from_host, b, n, &m));
		cr_assert_not(m.has_tuple);
	}
	b[8] = 0x45;
	assert_ok(icmp6(&from_host, b, sizeof(b), &m));
	cr_assert_not(m.has_tuple);
	b[8] = 0x60;
	b[14] = 17;
	assert_ok(icmp6(&from_host, b, sizeof(b), &m));
	cr_assert_not(m.has_tuple);
}

/* An ICMPv6 error must not reach an IPv4 connection by quoting mapped addresses. */
Test(icmp6, quoted_mapped_addresses)
{
	struct la_addr four = addr("10.0.0.1");
	uint8_t b[56];
	struct la_icmp m;

	error6(b, 1, 4, 0);
	memcpy(b + 16, four.b, 16);
	assert_ok(icmp6(&from_host, b, sizeof(b), &m));
	cr_assert_not(m.has_tuple);
	error6(b, 1, 4, 0);
	memcpy(b + 32, four.b, 16);
	assert_ok(icmp6(&from_host, b, sizeof(b), &m));
	cr_assert_not(m.has_tuple);
}

Test(icmp6, short_and_checksum)
{
	struct la_ip ip = {.src = addr("fd00::1"), .dst = addr("fd00::2"), .ttl = 64};
	uint8_t b[13] = {128, 0, 0, 0, 0, 1, 0, 2, 1, 2, 3, 4, 5};
	struct la_icmp m;

	for (size_t n = 0; n < 8; n++)
		assert_drop(icmp6(&from_host, b, n, &m), drop_icmp_bad);
	set_cksum(b, sizeof(b), 2, naive_pseudo6(&ip.src, &ip.dst, 58, sizeof(b)));
	assert_ok(la_icmp6_parse(b, sizeof(b), &ip, &m));
	b[12] ^= 1;
	assert_drop(la_icmp6_parse(b, sizeof(b), &ip, &m), drop_icmp_bad);
	b[12] ^= 1;
	ip.dst = addr("fd00::3"); /* the checksum covers the pseudo-header */
	assert_drop(la_icmp6_parse(b, sizeof(b), &ip, &m), drop_icmp_bad);
}

/* A ping to all nodes is answered from our own address. */
Test(icmp6, echo_reply)
{
	struct la_addr us = addr("fd00::2"), peer = addr("fd00::1");
	struct la_ip ip = {.src = us, .dst = peer, .ttl = 64};
	uint8_t b[11] = {128, 0, 0xaa, 0xbb, 0, 1, 0, 2, 'a', 'b', 'c'}, want[11];
	struct la_icmp m;

	memcpy(want, b, sizeof(b));
	want[0] = 129;
	set_cksum(want, sizeof(want), 2, naive_pseudo6(&us, &peer, 58, sizeof(want)));
	la_icmp6_echo_reply(b, sizeof(b), &us, &peer);
	cr_assert_arr_eq(b, want, sizeof(b));
	assert_ok(la_icmp6_parse(b, sizeof(b), &ip, &m));
}

static const uint8_t ns[] = {135, 0, 0, 0, 0, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0,
			     0,	  0, 0, 0, 0, 0, 0, 2, 1,    1, 2, 0, 0, 0, 0, 1};
static const uint8_t na[] = {136, 0, 0, 0, 0x60, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0,
			     0,	  0, 0, 0, 0,	 0, 0, 2, 2,	1, 2, 0, 0, 0, 0, 1};

Test(nd, solicitation)
{
	static const struct six how = {"fd00::1", "ff02::1:ff00:2", 255};
	struct la_icmp m;

	assert_ok(icmp6(&how, ns, sizeof(ns), &m));
	cr_assert_eq(m.kind, LA_ICMP_NS);
	assert_addr(m.target, "fd00::2");
	cr_assert(m.has_lladdr);
	cr_assert_arr_eq(m.lladdr, mac, 6);
	cr_assert_not(m.has_tuple);
	assert_ok(icmp6(&how, ns, 24, &m));
	cr_assert_not(m.has_lladdr);
	assert_ok(icmp6(&from_host, ns, sizeof(ns), &m)); /* unicast: unreachability detection */
}

Test(nd, advertisement)
{
	uint8_t b[sizeof(na)];
	struct la_icmp m;

	assert_ok(icmp6(&from_host, na, sizeof(na), &m));
	cr_assert_eq(m.kind, LA_ICMP_NA);
	assert_addr(m.target, "fd00::2");
	cr_assert(m.has_lladdr);
	cr_assert_arr_eq(m.lladdr, mac, 6);
	cr_assert(m.na_solicited && m.na_override && !m.na_router);
	memcpy(b, na, sizeof(b));
	b[4] = 0x80;
	assert_ok(icmp6(&from_host, b, sizeof(b), &m));
	cr_assert(!m.na_solicited && !m.na_override && m.na_router);
}

/* RFC 4861 7.1.1, 7.1.2: each message breaks one rule */
Test(nd, checks_of_solicitation_and_advertisement)
{
	static const uint8_t *const msgs[] = {ns, na};
	static const struct six far = {"fd00::1", "fd00::2", 254};
	struct la_addr four = addr("10.0.0.1");
	uint8_t b[32];
	struct la_icmp m;

	for (size_t i = 0; i < 2; i++) {
		assert_drop(icmp6(&far, msgs[i], 32, &m), drop_nd_bad);
		for (size_t n = 8; n < 32; n++) {
			if (n != 24)
				assert_drop(icmp6(&from_host, msgs[i], n, &m), drop_nd_bad);
		}
		memcpy(b, msgs[i], 32);
		b[1] = 1; /* code */
		assert_drop(icmp6(&from_host, b, 32, &m), drop_nd_bad);
		memcpy(b, msgs[i], 32);
		b[8] = 0xff; /* the target is a group */
		assert_drop(icmp6(&from_host, b, 32, &m), drop_nd_bad);
		memset(b + 8, 0, 16); /* the unspecified address */
		assert_drop(icmp6(&from_host, b, 32, &m), drop_nd_bad);
		memcpy(b + 8, four.b, 16); /* a mapped IPv4 address */
		assert_drop(icmp6(&from_host, b, 32, &m), drop_nd_bad);
		memcpy(b, msgs[i], 32);
		b[25] = 0; /* option length */
		assert_drop(icmp6(&from_host, b, 32, &m), drop_nd_bad);
		b[25] = 2;
		assert_drop(icmp6(&from_host, b, 32, &m), drop_nd_bad);
		memcpy(b, msgs[i], 32);
		b[26] = 1; /* the link-layer address is a group */
		assert_drop(icmp6(&from_host, b, 32, &m), drop_nd_bad);
	}
}

Test(nd, duplicate_address_detection)
{
	static const struct six good = {"::", "ff02::1:ff00:2", 255};
	static const struct six unicast = {"::", "fd00::2", 255};
	static const struct six all_nodes = {"::", "ff02::1", 255};
	struct la_icmp m;

	assert_ok(icmp6(&good, ns, 24, &m));
	assert_drop(icmp6(&good, ns, 32, &m), drop_nd_bad); /* has a link-layer address */
	assert_drop(icmp6(&unicast, ns, 24, &m), drop_nd_bad);
	assert_drop(icmp6(&all_nodes, ns, 24, &m), drop_nd_bad);
}

Test(nd, solicited_to_a_group)
{
	static const struct six all_nodes = {"fd00::1", "ff02::1", 255};
	uint8_t b[32];
	struct la_icmp m;

	assert_drop(icmp6(&all_nodes, na, 32, &m), drop_nd_bad);
	memcpy(b, na, 32);
	b[4] = 0x20;
	assert_ok(icmp6(&all_nodes, b, 32, &m));
}

Test(nd, other_options_are_skipped)
{
	uint8_t b[64] = {0};
	struct la_icmp m;

	memcpy(b, ns, 24);
	b[24] = 14; /* nonce, 16 bytes */
	b[25] = 2;
	memcpy(b + 40, ns + 24, 8);
	memcpy(b + 48, ns + 24, 8);
	b[50] = 4; /* a second source link-layer address: the parser returns the first */
	b[56] = 2; /* target link-layer address: for advertisements only */
	b[57] = 1;
	assert_ok(icmp6(&from_host, b, 64, &m));
	cr_assert(m.has_lladdr);
	cr_assert_arr_eq(m.lladdr, mac, 6);
	b[40] = 2;
	b[48] = 2;
	assert_ok(icmp6(&from_host, b, 64, &m));
	cr_assert_not(m.has_lladdr);
	b[40] = 1;
	b[41] = 2; /* the option of an Ethernet address is 8 bytes long, not 16 */
	assert_drop(icmp6(&from_host, b, 64, &m), drop_nd_bad);
}

Test(nd, write_exact_bytes)
{
	struct la_addr us = addr("fd00::1"), target = addr("fd00::2");
	struct la_addr group = la_nd_solicited_node(&target), any = addr("::");
	uint8_t out[33], want[32];

	memset(out, 0xee, sizeof(out));
	memcpy(want, ns, 32);
	set_cksum(want, 32, 2, naive_pseudo6(&us, &group, 58, 32));
	cr_assert_eq(la_nd_solicit_write(out, &us, &group, &target, mac), LA_ND_LEN);
	cr_assert_arr_eq(out, want, 32);
	cr_assert_eq(out[32], 0xee);

	memset(out, 0xee, sizeof(out));
	memcpy(want, ns, 24);
	set_cksum(want, 24, 2, naive_pseudo6(&any, &group, 58, 24));
	cr_assert_eq(la_nd_solicit_write(out, &any, &group, &target, NULL), 24);
	cr_assert_arr_eq(out, want, 24);
	cr_assert_eq(out[24], 0xee);

	for (int flags = 0; flags < 4; flags++) {
		memcpy(want, na, 32);
		want[4] = (uint8_t)((flags & 1 ? 0x40 : 0) | (flags & 2 ? 0x20 : 0));
		set_cksum(want, 32, 2, naive_pseudo6(&us, &target, 58, 32));
		memset(out, 0xee, sizeof(out));
		cr_assert_eq(la_nd_advert_write(out, &us, &target, &target, mac, flags & 1, flags & 2), 32);
		cr_assert_arr_eq(out, want, 32);
		cr_assert_eq(out[32], 0xee);
	}
}

Test(nd, multicast_addresses)
{
	static const uint8_t want[6] = {0x33, 0x33, 0xff, 0x12, 0x34, 0x56};
	struct la_addr a = addr("fd00::ab12:3456"), g = la_nd_solicited_node(&a);
	uint8_t out[6];

	assert_addr(g, "ff02::1:ff12:3456");
	la_nd_multicast_mac(&g, out);
	cr_assert_arr_eq(out, want, 6);
}

Test(icmp, mutated)
{
	static const char *const dsts[] = {"fd00::2", "ff02::1", "ff02::1:ff00:2"};
	static const uint8_t types6[] = {1, 2, 3, 4, 128, 134, 135, 136};
	static const uint8_t types4[] = {0, 3, 3, 4, 8, 11, 12};
	uint64_t seed = 9;

	for (int i = 0; i < 60000; i++) {
		struct la_ip ip = {
			.src = addr(rnd(&seed) % 8 ? "fd00::1" : "::"), .dst = addr(dsts[rnd(&seed) % 3]), .ttl = 255};
		uint8_t b[72] = {0}, *p;
		size_t n = rnd(&seed) % (sizeof(b) + 1);
		bool v4 = rnd(&seed) & 1;
		enum la_counter why;
		struct la_icmp m;

		error6(b, 0, 0, rnd(&seed));
		if (v4)
			memcpy(b + 8, quote4, sizeof(quote4));
		else if (rnd(&seed) & 1)
			memcpy(b, ns, sizeof(ns));
		b[0] = v4 ? types4[rnd(&seed) % sizeof(types4)] : types6[rnd(&seed) % sizeof(types6)];
		mutate(&seed, b, n);
		p = exact(b, n);
		if (n >= 4)
			set_cksum(p, n, 2, v4 ? 0 : naive_pseudo6(&ip.src, &ip.dst, 58, n));
		why = v4 ? la_icmp4_parse(p, n, &m) : la_icmp6_parse(p, n, &ip, &m);
		cr_assert(why == LA_WIRE_OK || why == LA_C_drop_icmp_bad || why == LA_C_drop_nd_bad);
		if (why == LA_WIRE_OK && m.has_tuple) {
			cr_assert_eq(la_addr_is4(&m.tuple.laddr), v4);
			cr_assert_eq(la_addr_is4(&m.tuple.raddr), v4);
		}
		free(p);
	}
}
