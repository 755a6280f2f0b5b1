/* SPDX-License-Identifier: BSD-3-Clause */

/* la_netif alone: addresses, ranges, on-link prefixes and gateways. */

#include <stdlib.h>

#include "net_test.h"

static struct la_prefix addrs[4], ranges[2];
static struct la_shard_config cfg;
static struct la_netif nif;
static void *mem;

static struct la_prefix
P(const char *text) {
	struct la_prefix p;

	cr_assert_eq(la_prefix_parse(text, &p), 0, "%s", text);
	return p;
}

static void
setup(void)
{
	addrs[0] = P("10.0.0.2/24");
	addrs[1] = P("192.0.2.1/30");
	addrs[2] = P("fd00::2/64");
	addrs[3] = P("10.0.0.3/24");
	ranges[0] = P("10.9.0.0/16");
	ranges[1] = P("fd09::/112");
	cfg = (struct la_shard_config){
		.mac = {2, 0, 0, 0, 0, 2},
		.mtu = 1500,
		.now = 5000,
		.addrs = addrs,
		.naddrs = 4,
		.ranges = ranges,
		.nranges = 2,
		.gateway4 = A("10.0.0.254"),
		.gateway6 = A("fe80::1"),
	};
}

static void
create_netif(void)
{
	cr_assert_null(la_netif_check(&cfg));
	mem = aligned_alloc(64, (la_netif_memory(&cfg) + 63) / 64 * 64);
	memset(mem, 0, la_netif_memory(&cfg));
	la_netif_init(&nif, &cfg, mem);
}

static void
teardown(void)
{
	free(mem);
}

TestSuite(netif, .init = setup, .fini = teardown);

static bool
owns(const char *text)
{
	struct la_addr a = A(text);

	return la_netif_owns(&nif, &a);
}

static enum la_dst
dst(const char *text)
{
	struct la_addr a = A(text);

	return la_netif_dst(&nif, &a);
}

static const char *
route(const char *text)
{
	static char buf[LA_ADDR_STRLEN];
	struct la_addr a = A(text), hop;

	return la_netif_route(&nif, &a, &hop) ? la_addr_format(&hop, buf, sizeof(buf)) : "none";
}

Test(netif, owns_addresses_and_ranges_only)
{
	cfg.no_dad = true;
	create_netif();
	cr_assert(owns("10.0.0.2") && owns("10.0.0.3") && owns("192.0.2.1") && owns("fd00::2"));
	cr_assert(owns("10.9.0.0") && owns("10.9.255.255") && owns("fd09::") && owns("fd09::ffff"));
	cr_assert(owns("fe80::ff:fe00:2"), "the link-local address of the MAC is not owned");
	cr_assert(!owns("10.0.0.1") && !owns("10.10.0.0") && !owns("10.8.255.255"));
	cr_assert(!owns("fd00::3") && !owns("fd09::1:0") && !owns("fe80::2"));
}

Test(netif, a_broadcast_address_in_a_range_is_not_owned)
{
	addrs[3] = P("10.9.1.1/24");
	cfg.no_dad = true;
	create_netif();
	cr_assert(owns("10.9.1.254") && owns("10.9.2.255"));
	cr_assert_eq(dst("10.9.1.255"), LA_DST_BROADCAST);
}

/* Every address near the end of a range or of an interval between broadcast addresses, by the definition: ours are our
 * addresses, and the addresses of ranges that are neither broadcast nor multicast. */
Test(netif, ownership_of_ipv4_is_that_of_the_definition)
{
	struct la_prefix many[] = {P("10.9.0.0/16"),   P("10.9.4.0/24"),   P("192.0.2.0/24"), P("203.0.113.4/30"),
				   P("10.8.255.0/24"), P("10.0.0.200/32"), P("10.0.0.255/32")};
	struct la_prefix own[] = {P("10.9.0.7/24"), P("10.9.4.6/30"), P("10.9.9.9/16"), P("192.0.2.7/24"),
				  P("10.0.0.2/24")};

	cfg.addrs = own, cfg.naddrs = 5;
	cfg.ranges = many, cfg.nranges = 7;
	cfg.gateway6 = (struct la_addr){.w = {0}};
	create_netif();
	cr_expect(nif.own4.n > 3 && nif.own4.n <= nif.nranges + nif.nbcasts, "%u intervals", nif.own4.n);
	for (unsigned i = 0; i < 7; i++) {
		uint32_t first = be32toh(many[i].addr.w[3]), size = 1u << (32 - many[i].len);

		for (uint32_t a = first - 300; a != first + size + 300; a++) {
			struct la_addr addr = la_addr_from4(htobe32(a));
			bool want = false;

			for (unsigned k = 0; k < 7; k++)
				want |= la_prefix_contains(&many[k], &addr);
			for (unsigned k = 0; k < 5; k++) {
				uint32_t host = (1u << (32 - own[k].len)) - 1;

				want &= !(la_prefix_contains(&own[k], &addr) && (a & host) == host);
			}
			for (unsigned k = 0; k < 5; k++)
				want |= la_addr_eq(&own[k].addr, &addr);
			cr_assert_eq(la_netif_owns(&nif, &addr), want, "%u.%u.%u.%u", a >> 24, a >> 16 & 255,
				     a >> 8 & 255, a & 255);
		}
	}
}

Test(netif, multicast_in_a_range_is_not_owned)
{
	ranges[0] = P("192.0.0.0/2");
	addrs[1] = P("10.1.0.1/30");
	create_netif();
	cr_assert(owns("192.0.0.0") && owns("223.255.255.255"));
	cr_assert(!owns("224.0.0.0") && !owns("239.1.1.1") && !owns("255.255.255.255"));
}

Test(netif, a_peer_is_kept_when_no_address_is_tentative)
{
	struct la_addr a = A("10.0.0.77"), b = A("fd00::77"), zero = {.w = {0}};

	create_netif();
	cr_assert(!la_netif_is_peer(&nif, &zero) && !la_netif_is_peer(&nif, &a));
	la_netif_note_peer(&nif, &a);
	cr_assert(!la_netif_is_peer(&nif, &a));
	nif.dad_at = UINT64_MAX;
	la_netif_note_peer(&nif, &a);
	cr_assert(la_netif_is_peer(&nif, &a) && !la_netif_is_peer(&nif, &b) && !la_netif_is_peer(&nif, &zero));
	la_netif_note_peer(&nif, &b);
	cr_assert(la_netif_is_peer(&nif, &b) && !la_netif_is_peer(&nif, &a));
}

Test(netif, destinations)
{
	cfg.no_dad = true;
	create_netif();
	cr_assert_eq(dst("10.0.0.2"), LA_DST_OURS);
	cr_assert_eq(dst("10.0.0.255"), LA_DST_BROADCAST);
	cr_assert_eq(dst("192.0.2.3"), LA_DST_BROADCAST);
	cr_assert_eq(dst("255.255.255.255"), LA_DST_MULTICAST);
	cr_assert_eq(dst("224.0.0.1"), LA_DST_MULTICAST);
	cr_assert_eq(dst("ff02::1"), LA_DST_MULTICAST);
	cr_assert_eq(dst("10.0.1.255"), LA_DST_OTHER);
	cr_assert_eq(dst("fd00::ffff:ffff:ffff:ffff"), LA_DST_OTHER,
		     "the last IPv6 address of a prefix counts as broadcast");
}

Test(netif, point_to_point_prefixes_have_no_broadcast)
{
	addrs[1] = P("192.0.2.1/31");
	addrs[3] = P("192.0.2.9/32");
	create_netif();
	cr_assert_eq(dst("192.0.2.0"), LA_DST_OTHER);
	cr_assert_eq(dst("192.0.2.1"), LA_DST_OURS);
	cr_assert_eq(dst("192.0.2.9"), LA_DST_OURS);
	cr_assert_str_eq(route("192.0.2.0"), "192.0.2.0");
}

Test(netif, routes)
{
	cfg.no_dad = true;
	create_netif();
	cr_assert_str_eq(route("10.0.0.77"), "10.0.0.77");
	cr_assert_str_eq(route("192.0.2.2"), "192.0.2.2");
	cr_assert_str_eq(route("192.0.2.4"), "10.0.0.254");
	cr_assert_str_eq(route("fd00::77"), "fd00::77");
	cr_assert_str_eq(route("fe80::77"), "fe80::77");
	cr_assert_str_eq(route("2001:db8::1"), "fe80::1");
	cr_assert_str_eq(route("10.0.0.2"), "none", "there is a route to our own address");
	cr_assert_str_eq(route("10.9.1.1"), "none", "there is a route to our own range");
	cr_assert_str_eq(route("10.0.0.255"), "none");
	cr_assert_str_eq(route("224.0.0.1"), "none");
	cr_assert_str_eq(route("ff02::1"), "none");
}

Test(netif, no_gateway_no_route)
{
	cfg.gateway4 = cfg.gateway6 = (struct la_addr){0};
	create_netif();
	cr_assert_str_eq(route("192.0.2.4"), "none");
	cr_assert_str_eq(route("2001:db8::1"), "none");
	cr_assert_str_eq(route("10.0.0.77"), "10.0.0.77");
}

Test(netif, source_for_a_solicitation)
{
	struct la_addr a = A("192.0.2.2"), b = A("203.0.113.1"), c = A("fe80::9"), d = A("fd00::9");
	struct la_addr ll = A("fe80::ff:fe00:2");

	cfg.no_dad = true;
	create_netif();
	cr_assert(la_addr_eq(la_netif_source(&nif, &a), &addrs[1].addr));
	cr_assert(la_addr_eq(la_netif_source(&nif, &b), &addrs[0].addr));
	cr_assert(la_addr_eq(la_netif_source(&nif, &c), &ll));
	cr_assert(la_addr_eq(la_netif_source(&nif, &d), &addrs[2].addr));
}

Test(netif, tentative_addresses_are_configured_but_not_owned)
{
	struct la_addr a = A("fd00::2"), b = A("fd00::3");

	create_netif();
	cr_assert(!owns("fd00::2") && !owns("fe80::ff:fe00:2"));
	cr_assert(owns("fd09::1"), "an address of a range is not owned before detection");
	cr_assert(la_netif_configured(&nif, &a) && !la_netif_configured(&nif, &b));
	cr_assert_eq(dst("fd00::2"), LA_DST_OTHER);
	cr_assert_null(la_netif_source(&nif, &b));
	cr_assert_eq(nif.dad_at, 6000);
	la_netif_find(&nif, &a)->state = LA_ADDR_DUPLICATE;
	cr_assert(!la_netif_configured(&nif, &a));
}

static bool
hears(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t e, uint8_t f)
{
	return la_netif_hears(&nif, (uint8_t[6]){a, b, c, d, e, f});
}

Test(netif, groups)
{
	struct la_addr ours = A("ff02::1:ff00:2"), other = A("ff02::1:ff00:3"), all = A("ff02::1");
	struct la_addr routers = A("ff02::2");

	cfg.nranges = 1;
	create_netif();
	cr_assert(hears(0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
	cr_assert(hears(1, 0, 0x5e, 0, 0, 1) && !hears(1, 0, 0x5e, 0, 0, 2));
	cr_assert(hears(0x33, 0x33, 0, 0, 0, 1) && !hears(0x33, 0x33, 0, 0, 0, 2));
	cr_assert(hears(0x33, 0x33, 0xff, 0, 0, 2) && !hears(0x33, 0x33, 0xff, 0, 0, 3));
	cr_assert(la_netif_joined(&nif, &ours) && la_netif_joined(&nif, &all));
	cr_assert(!la_netif_joined(&nif, &other) && !la_netif_joined(&nif, &routers));
}

Test(netif, an_ipv6_range_accepts_every_solicited_node_group)
{
	struct la_addr other = A("ff02::1:ffab:3");

	create_netif();
	cr_assert(hears(0x33, 0x33, 0xff, 0xab, 0, 3) && la_netif_joined(&nif, &other));
}

Test(netif, ipv4_alone_has_no_ipv6)
{
	struct la_addr all = A("ff02::1");

	cfg.naddrs = 2;
	cfg.nranges = 1;
	cfg.gateway6 = (struct la_addr){0};
	create_netif();
	cr_assert(!owns("fe80::ff:fe00:2") && !hears(0x33, 0x33, 0, 0, 0, 1));
	cr_assert(!la_netif_joined(&nif, &all));
	cr_assert_eq(nif.dad_at, UINT64_MAX);
}

Test(netif, a_link_local_address_of_the_config_is_not_added_twice)
{
	addrs[3] = P("fe80::ff:fe00:2/64");
	create_netif();
	cr_assert_eq(nif.naddrs, 4);
}

Test(netif, many_addresses)
{
	static struct la_prefix many[LA_NETIF_MAX_ADDRS];

	for (unsigned i = 0; i < LA_NETIF_MAX_ADDRS; i++) {
		many[i] = P(i & 1 ? "10.0.0.0/8" : "fd00::/64");
		many[i].addr.b[13] = 7;
		many[i].addr.b[14] = (uint8_t)(i >> 8);
		many[i].addr.b[15] = (uint8_t)i;
	}
	cfg.addrs = many;
	cfg.naddrs = LA_NETIF_MAX_ADDRS;
	cfg.no_dad = true;
	create_netif();
	for (unsigned i = 0; i < LA_NETIF_MAX_ADDRS; i++)
		cr_assert(la_netif_owns(&nif, &many[i].addr));
	cr_assert_eq(nif.nonlink, 3);
	cr_assert(!owns("10.7.0.0") && !owns("10.7.4.1"));
}

static void
expect_refused(const char *field, const char *why)
{
	const char *name = la_netif_check(&cfg);

	cr_assert(name && strcmp(name, field) == 0, "%s: %s", why, name ? name : "accepted");
	setup();
	cr_assert_null(la_netif_check(&cfg));
}

Test(netif, refused_configurations)
{
	cfg.naddrs = cfg.nranges = 0, expect_refused("naddrs", "no address");
	cfg.naddrs = LA_NETIF_MAX_ADDRS + 1, expect_refused("naddrs", "too many addresses");
	cfg.nranges = LA_NETIF_MAX_RANGES + 1, expect_refused("nranges", "too many ranges");
	cfg.addrs = NULL, expect_refused("addrs", "addresses missing");
	cfg.ranges = NULL, expect_refused("ranges", "ranges missing");
	cfg.mac[0] = 3, expect_refused("mac", "a group MAC");
	memset(cfg.mac, 0, 6), expect_refused("mac", "no MAC");
	cfg.mtu = 1279, expect_refused("mtu", "MTU too small for IPv6");
	addrs[0].len = 33, expect_refused("addrs", "prefix too long");
	addrs[2].len = 129, expect_refused("addrs", "prefix too long");
	addrs[0] = P("10.0.0.255/24"), expect_refused("addrs", "a broadcast address");
	addrs[0] = P("10.0.0.0/24"), expect_refused("addrs", "a network's address");
	addrs[0] = P("224.0.0.1/24"), expect_refused("addrs", "a group address");
	addrs[0] = P("127.0.0.1/8"), expect_refused("addrs", "a loopback address");
	addrs[2] = P("::1/128"), expect_refused("addrs", "a loopback address");
	addrs[2] = P("::/64"), expect_refused("addrs", "the unspecified address");
	addrs[3] = addrs[0], expect_refused("addrs", "an address given twice");
	addrs[2].len = 0, expect_refused("addrs", "an IPv6 prefix that holds all of IPv4");
	ranges[0] = P("0.0.0.0/0"), expect_refused("ranges", "a range of all addresses");
	ranges[0] = P("224.0.0.0/8"), expect_refused("ranges", "a range of group addresses");
	ranges[1].len = 129, expect_refused("ranges", "prefix too long");
	cfg.gateway4 = A("10.0.0.2"), expect_refused("gateway4", "the gateway is our own address");
	cfg.gateway4 = A("10.9.0.2"), expect_refused("gateway4", "the gateway is in a range");
	cfg.gateway4 = A("fd00::9"), expect_refused("gateway4", "an IPv6 address");
	cfg.gateway6 = A("10.0.0.9"), expect_refused("gateway6", "an IPv4 address");
	cfg.gateway6 = A("ff02::2"), expect_refused("gateway6", "the gateway is a group");
	cfg.gateway_mac[0] = 1, expect_refused("gateway_mac", "a group MAC");
}

Test(netif, mtu_without_ipv6)
{
	cfg.naddrs = 2;
	cfg.nranges = 1;
	cfg.mtu = 68;
	cr_assert_null(la_netif_check(&cfg));
}

/* Compares the verdicts of the sorted sets with a linear search over all prefixes. */

static bool
walk_has(const struct la_net *nets, unsigned n, const struct la_addr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (la_net_has(&nets[i], a))
			return true;
	return false;
}

static bool
walk_broadcast(const struct la_addr *a)
{
	struct la_addr last;

	for (unsigned i = 0; i < nif.nonlink; i++)
		if (la_net_has(&nif.onlink[i], a) && la_net_broadcast(&nif.onlink[i], &last) && la_addr_eq(&last, a))
			return true;
	return false;
}

static bool
walk_owns(const struct la_addr *a)
{
	for (unsigned i = 0; i < nif.naddrs; i++)
		if (la_addr_eq(&nif.addrs[i].addr, a))
			return nif.addrs[i].state == LA_ADDR_USABLE;
	return walk_has(nif.ranges, nif.nranges, a) && !walk_broadcast(a) && !la_ip_is_multicast(a);
}

static bool
walk_solicited(const struct la_addr *a)
{
	for (unsigned i = 0; i < nif.naddrs; i++)
		if (!la_addr_is4(&nif.addrs[i].addr) && memcmp(&nif.addrs[i].addr.b[13], &a->b[13], 3) == 0)
			return true;
	return nif.range6;
}

static unsigned kinds; /* bit mask of the verdicts seen; all but LA_DST_MULTICAST must occur */

static void
expect_same_verdicts(const struct la_addr *a)
{
	bool owns_it = walk_owns(a), bcast = walk_broadcast(a), link = walk_has(nif.onlink, nif.nonlink, a);
	bool far = !link && !walk_has(nif.ranges, nif.nranges, a);
	enum la_dst want = owns_it		   ? LA_DST_OURS
			   : la_ip_is_multicast(a) ? LA_DST_MULTICAST
			   : bcast		   ? LA_DST_BROADCAST
						   : LA_DST_OTHER;
	char text[LA_ADDR_STRLEN];

	la_addr_format(a, text, sizeof(text));
	cr_assert_eq(la_netif_owns(&nif, a), owns_it, "owns %s", text);
	cr_assert_eq(la_netif_is_broadcast(&nif, a), bcast, "broadcast %s", text);
	cr_assert_eq(la_netif_is_onlink(&nif, a), link, "on link %s", text);
	cr_assert_eq(la_netif_is_far(&nif, a), far, "far %s", text);
	if (la_addr_is4(a))
		cr_assert_eq(la_netif_is_far4(&nif, a->w[3]), far, "far4 %s", text);
	cr_assert_eq(la_netif_dst(&nif, a), want, "destination %s", text);
	if (nif.has6) {
		const uint8_t *low = &a->b[13], mac[6] = {0x33, 0x33, 0xff, low[0], low[1], low[2]};

		cr_assert_eq(la_netif_hears(&nif, mac), walk_solicited(a), "group of %s", text);
	}
	kinds |= 1u << want | 16u << link | 64u << far;
}

static unsigned seed = 20240607;

static struct la_addr
random_addr(bool four)
{
	struct la_addr a;

	for (unsigned i = 0; i < 16; i++)
		a.b[i] = (uint8_t)(rand_r(&seed) >> 8);
	if (four)
		/* few addresses, so that prefixes nest */
		return la_addr_from4((a.w[3] & ~htobe32(0xff000000)) | htobe32(10u << 24));
	a.b[0] = 0xfd;
	memset(a.b + 1, 0, 6);
	return a;
}

static struct la_prefix
random_prefix(bool four, bool range)
{
	static const uint8_t lens4[] = {9, 12, 16, 20, 24, 26, 29, 30, 31, 32};
	static const uint8_t lens6[] = {56, 60, 64, 80, 96, 112, 126, 127, 128};
	struct la_prefix p = {.addr = random_addr(four)};

	p.len = four ? lens4[(unsigned)rand_r(&seed) % sizeof(lens4)] : lens6[(unsigned)rand_r(&seed) % sizeof(lens6)];
	if (range && p.len < 20)
		p.len = 20;
	return p;
}

/* Returns a + by, added in the low 64 bits of an IPv6 address or the 32 bits of an IPv4 address. */
static struct la_addr
step(struct la_addr a, int by)
{
	uint64_t low = be64toh(a.q[1]) + (uint64_t)by;

	if (la_addr_is4(&a))
		return la_addr_from4(htobe32((uint32_t)low));
	a.q[1] = htobe64(low);
	return a;
}

static void
check_around(const struct la_net *n)
{
	struct la_addr last = {.q = {n->net.q[0] | ~n->mask.q[0], n->net.q[1] | ~n->mask.q[1]}}, in;

	in = random_addr(la_addr_is4(&n->net));
	for (unsigned i = 0; i < 16; i++)
		in.b[i] = n->net.b[i] | (in.b[i] & ~n->mask.b[i]);
	for (int by = -1; by <= 1; by++) {
		struct la_addr x = step(n->net, by), y = step(last, by);

		expect_same_verdicts(&x), expect_same_verdicts(&y);
	}
	expect_same_verdicts(&in);
}

static void
random_interface(unsigned naddrs, unsigned nranges, unsigned family)
{
	static struct la_prefix a[LA_NETIF_MAX_ADDRS], r[LA_NETIF_MAX_RANGES];

	cfg.addrs = a, cfg.ranges = r;
	cfg.naddrs = cfg.nranges = 0;
	cfg.gateway4 = cfg.gateway6 = (struct la_addr){0};
	cfg.no_dad = seed & 1;
	while (cfg.naddrs < naddrs) {
		a[cfg.naddrs++] = random_prefix(family == 2 ? rand_r(&seed) & 64 : family == 0, false);
		cfg.naddrs -= la_netif_check(&cfg) != 0; /* drops a network or broadcast address, or a duplicate */
	}
	while (cfg.nranges < nranges) {
		r[cfg.nranges++] = random_prefix(family == 2 ? rand_r(&seed) & 64 : family == 0, true);
		cfg.nranges -= la_netif_check(&cfg) != 0;
	}
	create_netif();
}

Test(netif, verdicts_equal_a_linear_search)
{
	static const struct {
		unsigned addrs, ranges;
	} sizes[] = {{1, 0}, {0, 1}, {2, 2}, {5, 5}, {40, 7}, {0, 200}, {300, 256}};

	for (unsigned round = 0; round < 4 * 3 * RTE_DIM(sizes); round++) {
		unsigned k = round % RTE_DIM(sizes);

		random_interface(sizes[k].addrs, sizes[k].ranges, round / RTE_DIM(sizes) % 3);
		for (unsigned i = 0; i < nif.nonlink; i++)
			check_around(&nif.onlink[i]);
		for (unsigned i = 0; i < nif.nranges; i++)
			check_around(&nif.ranges[i]);
		for (unsigned i = 0; i < nif.naddrs; i++)
			expect_same_verdicts(&nif.addrs[i].addr);
		for (unsigned i = 0; i < 1000; i++) {
			struct la_addr x = random_addr(i & 1);

			expect_same_verdicts(&x);
		}
		free(mem), mem = NULL;
	}
	cr_assert_eq(kinds, 0xfd, "verdicts seen: %x", kinds);
}

/* Prefixes at the ends of the address space, and addresses in and beside them. */
Test(netif, the_ends_of_the_address_space)
{
	static const char *const others[] = {"0.0.0.0",
					     "0.0.0.1",
					     "255.255.255.255",
					     "255.255.255.254",
					     "128.0.0.0",
					     "127.255.255.255",
					     "::",
					     "::1",
					     "::fffe:ffff:ffff",
					     "::1:0:0:0",
					     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
					     "fe80::",
					     "2001:db8::1"};

	addrs[0] = P("1.0.0.1/1"), addrs[1] = P("223.255.255.253/8"), addrs[2] = P("2001:db8::1/4");
	ranges[0] = P("192.0.0.0/3");
	create_netif();
	for (unsigned i = 0; i < RTE_DIM(others); i++) {
		struct la_addr a = A(others[i]);

		expect_same_verdicts(&a);
	}
	cfg.naddrs = 1, addrs[0] = P("10.0.0.1/0"), cfg.nranges = 0;
	cfg.gateway6 = (struct la_addr){0};
	free(mem), create_netif();
	for (unsigned i = 0; i < RTE_DIM(others); i++) {
		struct la_addr a = A(others[i]);

		expect_same_verdicts(&a);
	}
}
