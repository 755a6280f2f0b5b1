/* SPDX-License-Identifier: BSD-3-Clause */

/* Neighbour discovery and duplicate address detection as traces. */

#include "net_test.h"

static struct fr f;

static struct la_neigh *
entry(const char *addr)
{
	struct la_addr a = A(addr);

	return la_neigh_find(&net.s->neigh, &a);
}

static void
assert_addr(const struct la_addr *a, const char *text)
{
	struct la_addr want = A(text);
	char buf[LA_ADDR_STRLEN];

	cr_assert(la_addr_eq(a, &want), "address %s, expected %s", la_addr_format(a, buf, sizeof(buf)), text);
}

static void
setup(void)
{
	net_open(NULL);
}

TestSuite(nd, .init = setup, .fini = net_close);

static void
expect_advert(const char *src, const char *dst, const char *target, bool solicited, const uint8_t mac[6])
{
	cr_assert(net_tx(&f), "no advertisement");
	cr_assert_eq(f.icmp.kind, LA_ICMP_NA);
	assert_addr(&f.ip.src, src);
	assert_addr(&f.ip.dst, dst);
	assert_addr(&f.icmp.target, target);
	cr_assert_eq(f.icmp.na_solicited, solicited);
	cr_assert(f.icmp.na_override && f.icmp.has_lladdr);
	assert_mac(f.icmp.lladdr, US);
	assert_mac(f.eth.dst, mac);
}

Test(nd_create, duplicate_address_detection_then_announcement)
{
	static const uint8_t group[6] = {0x33, 0x33, 0xff, 0, 0, 2};
	static const uint8_t all[6] = {0x33, 0x33, 0, 0, 0, 1};

	for (net.vlan = 0; net.vlan <= 7; net.vlan += 7) {
		struct la_addr us = A("fd00::2");

		net_open_raw(&(struct net_opts){.dad = true, .no_gateways = true});
		cr_assert(net_tx(&f) && f.eth.type == LA_ETH_ARP);
		for (int i = 0; i < 2; i++) {
			cr_assert(net_tx(&f));
			cr_assert_eq(f.icmp.kind, LA_ICMP_NS);
			assert_mac(f.eth.dst, group);
			cr_assert(la_addr_is_any(&f.ip.src) && !f.icmp.has_lladdr);
			assert_addr(&f.ip.dst, "ff02::1:ff00:2");
			assert_addr(&f.icmp.target, i ? "fe80::ff:fe00:2" : "fd00::2");
		}
		net_quiet();
		/* tentative: no answer, no TCP; la_listen() works, la_connect() does not */
		fr_ns(&f, "fd00::1", "ff02::1:ff00:2", "fd00::2", PEER);
		net_drops(&f, LA_C_drop_icmp_type);
		fr_tcp(&f, "fd00::1", "fd00::2", "x", 1);
		net_drops(&f, LA_C_drop_ip_dst);
		cr_assert_eq(la_listen(net.s, &us, 80, NULL, NULL, NULL), 0);
		cr_assert_eq(la_connect(net.s, &(struct la_tuple){us, A("fd00::1"), 1, 2}, NULL, NULL, NULL, NULL),
			     -EADDRNOTAVAIL);
		cr_assert_eq(la_shard_next(net.s), net.now + 1000);
		net_run(999), net_quiet();
		net_run(1);
		expect_advert("fd00::2", "ff02::1", "fd00::2", false, all);
		expect_advert("fe80::ff:fe00:2", "ff02::1", "fe80::ff:fe00:2", false, all);
		net_quiet();
		cr_assert_eq(la_shard_next(net.s), UINT64_MAX);
		fr_tcp(&f, "fd00::1", "fd00::2", "x", 1), net_rx(&f);
		cr_assert_eq(fake.nsegs, 1);
		net_close();
	}
}

static void
expect_duplicate(void)
{
	struct la_addr us = A("fd00::2");

	net_drops(&f, LA_NCOUNTERS);
	net_run(5000);
	cr_assert(net_tx(&f), "the link-local address is not announced");
	assert_addr(&f.icmp.target, "fe80::ff:fe00:2");
	net_quiet();
	cr_assert_eq(la_listen(net.s, &us, 80, NULL, NULL, NULL), -EADDRNOTAVAIL);
	fr_tcp(&f, "fd00::1", "fd00::2", "x", 1);
	net_drops(&f, LA_C_drop_ip_dst);
	fr_ns(&f, "fd00::1", "ff02::1:ff00:2", "fd00::2", PEER);
	net_drops(&f, LA_C_drop_icmp_type);
	/* the address belongs to another node: packets from this address are valid */
	fr_tcp(&f, "fd00::2", "fd09::1", "x", 1), net_rx(&f);
	cr_assert_eq(fake.nsegs, 1);
	net_close();
}

Test(nd_create, the_address_is_in_use)
{
	net_open(&(struct net_opts){.dad = true, .no_gateways = true});
	fr_na(&f, "fd00::2", "ff02::1", "fd00::2", PEER, "o");
	expect_duplicate();
}

Test(nd_create, another_node_probes_the_same_address)
{
	net_open(&(struct net_opts){.dad = true, .no_gateways = true});
	fr_ns(&f, "::", "ff02::1:ff00:2", "fd00::2", NULL);
	expect_duplicate();
}

Test(nd_create, our_own_reflected_probe_is_ignored)
{
	net_open(&(struct net_opts){.dad = true, .no_gateways = true});
	fr_ns(&f, "::", "ff02::1:ff00:2", "fd00::2", NULL);
	memcpy(f.b + 6, US, 6);
	net_drops(&f, LA_C_drop_own_reflected);
	net_run(1000);
	cr_assert(net_tx(&f));
	assert_addr(&f.icmp.target, "fd00::2");
	net_close();
}

Test(nd_create, no_dad_announces_at_creation)
{
	static const uint8_t all[6] = {0x33, 0x33, 0, 0, 0, 1};

	net_open_raw(&(struct net_opts){.no_gateways = true});
	cr_assert(net_tx(&f) && f.eth.type == LA_ETH_ARP);
	expect_advert("fd00::2", "ff02::1", "fd00::2", false, all);
	expect_advert("fe80::ff:fe00:2", "ff02::1", "fe80::ff:fe00:2", false, all);
	net_quiet();
	net_close();
}

Test(nd, answers_and_learns_the_sender)
{
	fr_ns(&f, "fd00::1", "ff02::1:ff00:2", "fd00::2", PEER), net_rx(&f);
	expect_advert("fd00::2", "fd00::1", "fd00::2", true, PEER);
	cr_assert_eq(entry("fd00::1")->state, LA_NEIGH_STALE);
	net_quiet();
	fr_ns(&f, "fd00::1", "ff02::1:ff00:77", "fd09::77", PEER), net_rx(&f);
	expect_advert("fd09::77", "fd00::1", "fd09::77", true, PEER);
	fr_ns(&f, "fe80::1", "fe80::ff:fe00:2", "fe80::ff:fe00:2", PEER), net_rx(&f);
	expect_advert("fe80::ff:fe00:2", "fe80::1", "fe80::ff:fe00:2", true, PEER);
	net_quiet();
}

Test(nd, a_solicitation_without_option_is_answered_to_its_mac)
{
	fr_ns(&f, "fd00::1", "fd00::2", "fd00::2", NULL), net_rx(&f);
	expect_advert("fd00::2", "fd00::1", "fd00::2", true, PEER);
	cr_assert_null(entry("fd00::1"));
	net_quiet();
}

Test(nd, duplicate_detection_by_others_is_answered_to_all_nodes)
{
	static const uint8_t all[6] = {0x33, 0x33, 0, 0, 0, 1};

	fr_ns(&f, "::", "ff02::1:ff00:2", "fd00::2", NULL), net_rx(&f);
	expect_advert("fd00::2", "ff02::1", "fd00::2", false, all);
	net_quiet();
}

Test(nd, solicitations_without_answer)
{
	static const uint8_t zero[6];

	fr_ns(&f, "fd00::1", "ff02::1:ff00:3", "fd00::3", PEER);
	net_drops(&f, LA_C_drop_icmp_type);
	fr_ns(&f, "fd00::1", "fd00::2", "fd00::3", PEER), net_drops(&f, LA_C_drop_icmp_type);
	fr_ns(&f, "fd00::2", "fd00::2", "fd00::2", PEER), net_drops(&f, LA_C_drop_ip_src);
	fr_ns(&f, "ff02::1", "fd00::2", "fd00::2", PEER), net_drops(&f, LA_C_drop_ip_src);
	fr_ns(&f, "fd00::1", "ff02::2", "fd00::2", PEER), memcpy(f.b, US, 6);
	net_drops(&f, LA_C_drop_ip_dst);
	fr_ns(&f, "fd00::1", "fd00::2", "fd00::2", zero), net_drops(&f, LA_C_drop_nd_bad);
	fr_ns(&f, "::", "fd00::2", "fd00::2", NULL), net_drops(&f, LA_C_drop_nd_bad);
	fr_ns(&f, "fd00::1", "fd00::2", "fd00::2", PEER), f.b[14 + 7] = 254;
	net_drops(&f, LA_C_drop_nd_bad); /* hop limit below 255 */
	fr_ns(&f, "fd00::1", "fd00::2", "fd00::2", PEER), f.b[f.n - 1] ^= 1;
	net_drops(&f, LA_C_drop_icmp_bad);
}

Test(nd, the_sender_has_a_new_mac)
{
	net_resolve("fd00::1", PEER);
	fr_ns(&f, "fd00::1", "fd00::2", "fd00::2", PEER), net_rx(&f), net_tx(&f);
	cr_assert_eq(entry("fd00::1")->state, LA_NEIGH_REACHABLE, "a solicitation with the same MAC changed the state");
	fr_ns(&f, "fd00::1", "fd00::2", "fd00::2", OTHER), net_rx(&f), net_tx(&f);
	cr_assert_eq(entry("fd00::1")->state, LA_NEIGH_STALE);
	assert_mac(entry("fd00::1")->hdr, OTHER);
}

/* The tests below follow RFC 4861 7.2.5. Builds an advertisement of fd00::1, to us if it is solicited. */
static void
advert(const uint8_t *mac, const char *flags)
{
	bool to_us = strchr(flags, 's') != NULL;

	fr_na(&f, "fd00::1", to_us ? "fd00::2" : "ff02::1", "fd00::1", mac, flags);
}

static void
expect_entry(enum la_neigh_state state, const uint8_t mac[6])
{
	cr_assert_eq(entry("fd00::1")->state, state, "state %u", entry("fd00::1")->state);
	assert_mac(entry("fd00::1")->hdr, mac);
}

Test(nd, adverts_without_an_entry)
{
	advert(PEER, "o"), net_drops(&f, LA_C_drop_icmp_type);
	cr_assert_eq(la_neigh_count(&net.s->neigh), 0);
}

Test(nd, adverts_while_incomplete)
{
	net_send("fd00::1");
	cr_assert(net_tx(&f));
	cr_assert_eq(f.icmp.kind, LA_ICMP_NS);
	assert_addr(&f.ip.src, "fd00::2");
	assert_addr(&f.ip.dst, "ff02::1:ff00:1");
	assert_addr(&f.icmp.target, "fd00::1");
	assert_mac(f.icmp.lladdr, US);
	advert(NULL, "s"), net_drops(&f, LA_C_drop_nd_bad);
	advert(PEER, ""), net_rx(&f); /* unsolicited: STALE; queued packets then start DELAY */
	cr_assert(net_tx(&f) && f.ip.proto == LA_IPPROTO_TCP);
	expect_entry(LA_NEIGH_DELAY, PEER);
	net_quiet();
}

Test(nd, adverts_without_override_do_not_change_the_mac)
{
	net_resolve("fd00::1", PEER);
	advert(OTHER, "s"), net_drops(&f, LA_NCOUNTERS);
	expect_entry(LA_NEIGH_STALE, PEER);
	advert(OTHER, ""), net_drops(&f, LA_NCOUNTERS);
	expect_entry(LA_NEIGH_STALE, PEER);
	advert(PEER, ""), net_drops(&f, LA_NCOUNTERS);
	expect_entry(LA_NEIGH_STALE, PEER);
	advert(PEER, "s"), net_drops(&f, LA_NCOUNTERS);
	expect_entry(LA_NEIGH_REACHABLE, PEER);
}

Test(nd, adverts_with_override)
{
	net_resolve("fd00::1", PEER);
	advert(PEER, "o"), net_drops(&f, LA_NCOUNTERS);
	expect_entry(LA_NEIGH_REACHABLE, PEER);
	advert(OTHER, "o"), net_drops(&f, LA_NCOUNTERS);
	expect_entry(LA_NEIGH_STALE, OTHER);
	advert(PEER, "so"), net_drops(&f, LA_NCOUNTERS);
	expect_entry(LA_NEIGH_REACHABLE, PEER);
}

Test(nd, a_solicited_advert_without_option_confirms)
{
	net_resolve("fd00::1", PEER);
	net_run(30000);
	expect_entry(LA_NEIGH_STALE, PEER);
	advert(NULL, "s"), net_drops(&f, LA_NCOUNTERS);
	expect_entry(LA_NEIGH_REACHABLE, PEER);
}

Test(nd, invalid_adverts)
{
	static const uint8_t zero[6];

	net_resolve("fd00::1", PEER);
	fr_na(&f, "fd00::2", "ff02::1", "fd00::1", OTHER, "o"), net_drops(&f, LA_C_drop_ip_src);
	fr_na(&f, "::", "ff02::1", "fd00::1", OTHER, "o"), net_drops(&f, LA_C_drop_ip_src);
	fr_na(&f, "fd00::1", "ff02::1", "fd00::1", OTHER, "so"), net_drops(&f, LA_C_drop_nd_bad);
	advert(zero, "so"), net_drops(&f, LA_C_drop_nd_bad);
	advert(OTHER, "so"), memcpy(f.b + 6, US, 6), net_drops(&f, LA_C_drop_own_reflected);
	expect_entry(LA_NEIGH_REACHABLE, PEER);
}

Test(nd, probes_are_unicast)
{
	net_resolve("fd00::1", PEER);
	net_run(30000);
	net_send("fd00::1");
	cr_assert(net_tx(&f));
	net_quiet();
	net_run(5000);
	cr_assert(net_tx(&f));
	cr_assert_eq(f.icmp.kind, LA_ICMP_NS);
	assert_mac(f.eth.dst, PEER);
	assert_addr(&f.ip.dst, "fd00::1");
	advert(PEER, "s"), net_rx(&f);
	expect_entry(LA_NEIGH_REACHABLE, PEER);
	net_quiet();
}

/* Another station uses our address after detection found no duplicate. Each conflict is counted; one announcement in
 * 10 s defends the address. */
Test(nd, conflicts_are_counted_and_defended)
{
	static const uint8_t all[6] = {0x33, 0x33, 0, 0, 0, 1};

	for (unsigned ms = 0; ms <= 20000; ms += 1000) {
		fr_na(&f, "fd00::1", "ff02::1", "fd00::2", PEER, "o"), net_rx(&f);
		if (ms % LA_DEFEND_MS == 0)
			expect_advert("fd00::2", "ff02::1", "fd00::2", false, all);
		net_quiet();
		net_run(1000);
	}
	cr_assert_eq(net_count(LA_C_nd_conflict), 21);
	cr_assert_eq(net_count(LA_C_conflict_defences), 3);
	cr_assert_eq(net_count(LA_C_drop_nd_bad), 0);
	cr_assert_eq(net.s->nif.conflicts, 21);
	cr_assert_eq(la_neigh_count(&net.s->neigh), 0);
}
