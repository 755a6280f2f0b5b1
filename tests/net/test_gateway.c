/* SPDX-License-Identifier: BSD-3-Clause */

/* Gateways: their resolution, which begins at the creation of the shard, and the packets that wait for it. */

#include "net_test.h"

static struct fr f;

TestSuite(gateway, .fini = net_close);

static bool
request_for(const char *target)
{
	struct la_addr t = A(target);

	if (!net_tx(&f))
		return false;
	if (la_addr_is4(&t))
		return f.eth.type == LA_ETH_ARP && f.arp.op == LA_ARP_REQUEST && f.arp.tpa == t.w[3];
	return f.eth.type == LA_ETH_IP6 && f.icmp.kind == LA_ICMP_NS && la_addr_eq(&f.icmp.target, &t);
}

static void
answer(const char *addr, const uint8_t mac[6])
{
	struct la_addr a = A(addr);

	if (la_addr_is4(&a))
		fr_arp(&f, LA_ARP_REPLY, mac, addr, US, "10.0.0.2");
	else
		fr_na(&f, addr, "fd00::2", addr, mac, "so");
	net_rx(&f);
}

static void
skip_announcements(unsigned n)
{
	while (n--)
		cr_assert(net_tx(&f));
}

static void
expect_states(enum la_gateway_state four, enum la_gateway_state six)
{
	cr_assert_eq(la_gateway_state_of(net.s, false), four);
	cr_assert_eq(la_gateway_state_of(net.s, true), six);
	cr_assert_eq(la_gateways_settled(net.s), four != LA_GATEWAY_ASKING && six != LA_GATEWAY_ASKING);
}

Test(gateway, both_are_requested_at_creation)
{
	for (net.vlan = 0; net.vlan <= 7; net.vlan += 7) {
		net_open_raw(NULL);
		skip_announcements(3);
		cr_assert(request_for("10.0.0.254") && f.arp.spa == A("10.0.0.2").w[3]);
		cr_assert(request_for("fd00::fe"));
		net_quiet();
		expect_states(LA_GATEWAY_ASKING, LA_GATEWAY_ASKING);
		answer("10.0.0.254", PEER);
		expect_states(LA_GATEWAY_READY, LA_GATEWAY_ASKING);
		answer("fd00::fe", OTHER);
		expect_states(LA_GATEWAY_READY, LA_GATEWAY_READY);
		net_send("203.0.113.1"), net_send("2001:db8::1"); /* leave at once, without a request */
		cr_assert(net_tx(&f) && f.ip.proto == LA_IPPROTO_TCP);
		assert_mac(f.eth.dst, PEER);
		cr_assert(net_tx(&f) && f.ip.proto == LA_IPPROTO_TCP);
		assert_mac(f.eth.dst, OTHER);
		net_quiet();
		if (!net.vlan)
			net_close();
	}
}

Test(gateway, a_silent_gateway_fails_after_three_requests)
{
	net_open_raw(NULL);
	skip_announcements(3);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert(request_for("10.0.0.254") && request_for("fd00::fe"));
		net_quiet();
		expect_states(LA_GATEWAY_ASKING, LA_GATEWAY_ASKING);
		net_run(999), net_quiet();
		net_run(1);
	}
	expect_states(LA_GATEWAY_SILENT, LA_GATEWAY_SILENT);
	net_quiet();
	cr_assert_eq(net_count(LA_C_neighbours), 0);
	cr_assert_eq(net.s->gateway_warn_at, net.now + 60000, "the next warning is not due a minute later");
	/* a packet starts new requests, and a reply resolves the gateway */
	net_send("203.0.113.1");
	cr_assert(request_for("10.0.0.254"));
	answer("10.0.0.254", PEER);
	expect_states(LA_GATEWAY_READY, LA_GATEWAY_SILENT);
	cr_assert(net_tx(&f) && f.ip.proto == LA_IPPROTO_TCP);
}

Test(gateway, ipv6_waits_for_duplicate_address_detection)
{
	net_open_raw(&(struct net_opts){.dad = true});
	skip_announcements(3);
	cr_assert(request_for("10.0.0.254"));
	net_quiet();
	answer("10.0.0.254", PEER);
	expect_states(LA_GATEWAY_READY, LA_GATEWAY_ASKING);
	net_run(LA_DAD_WAIT_MS - 1), net_quiet();
	net_run(1);
	skip_announcements(2);
	cr_assert(request_for("fd00::fe"));
	cr_assert(la_addr_eq(&f.ip.src, &net.cfg.addrs[1].addr), "the source is not the usable address");
	net_quiet();
	answer("fd00::fe", OTHER);
	expect_states(LA_GATEWAY_READY, LA_GATEWAY_READY);
}

/* Without a usable source address the gateway fails at once. */
Test(gateway, ipv6_without_a_usable_address)
{
	struct la_shard_config c;

	net_open(&(struct net_opts){.dad = true, .no_ranges = true});
	la_shard_destroy(net.s);
	c = net.cfg;
	cr_assert_eq(la_shard_create(&c, &net.s), 0);
	while (net_tx(&f))
		;
	fr_na(&f, "fd00::2", "ff02::1", "fd00::2", PEER, "o"), net_rx(&f);
	fr_na(&f, "fe80::ff:fe00:2", "ff02::1", "fe80::ff:fe00:2", PEER, "o"), net_rx(&f);
	answer("10.0.0.254", PEER);
	expect_states(LA_GATEWAY_READY, LA_GATEWAY_ASKING);
	net_run(LA_DAD_WAIT_MS), net_quiet();
	expect_states(LA_GATEWAY_READY, LA_GATEWAY_SILENT);
}

Test(gateway, without_a_request_gateways_are_ready_at_creation)
{
	static const uint8_t given[6] = {2, 0xaa, 0, 0, 0, 1};
	struct la_shard_config c;

	net_open(&(struct net_opts){.no_gateways = true});
	expect_states(LA_GATEWAY_NONE, LA_GATEWAY_NONE);
	net_close(), net_open(NULL);
	la_shard_destroy(net.s);
	c = net.cfg;
	memcpy(c.gateway_mac, given, sizeof(given));
	cr_assert_eq(la_shard_create(&c, &net.s), 0);
	expect_states(LA_GATEWAY_READY, LA_GATEWAY_READY);
	skip_announcements(3), net_quiet();
	net_send("203.0.113.1");
	cr_assert(net_tx(&f));
	assert_mac(f.eth.dst, given);
}

/* The first shard sends the request. Followers get a copy of the reply; without a copy they send their own request. */
Test(gateway, a_follower_waits_for_the_copy_of_the_answer)
{
	struct la_shard_config c;

	net_open(NULL);
	for (unsigned lost = 0; lost < 2; lost++) {
		la_shard_destroy(net.s);
		c = net.cfg;
		c.follower = true;
		c.now = net.now;
		cr_assert_eq(la_shard_create(&c, &net.s), 0);
		net_quiet();
		expect_states(LA_GATEWAY_ASKING, LA_GATEWAY_ASKING);
		if (lost) {
			net_run(1000);
			cr_assert(request_for("10.0.0.254") && request_for("fd00::fe"));
			net_quiet();
		}
		answer("10.0.0.254", PEER), answer("fd00::fe", OTHER);
		expect_states(LA_GATEWAY_READY, LA_GATEWAY_READY);
		net_quiet();
	}
}

/* Regression test: of 145 SYN,ACKs behind one unresolved gateway 129 were lost. */
Test(gateway, many_packets_wait_for_one_gateway)
{
	struct la_addr from = A("10.0.0.2"), to;
	char text[32];

	net_open(&(struct net_opts){.ask_gateways = true});
	fake.flags = LA_SYN | LA_ACK;
	for (unsigned i = 0; i < 250; i++) {
		snprintf(text, sizeof(text), "203.0.113.%u", i + 1);
		to = A(text);
		fake_tcp_send(&net.s->tcp, &from, &to, 20);
	}
	net_quiet();
	cr_assert_eq(net_count(LA_C_neigh_waiting), 250);
	cr_assert_eq(net_count(LA_C_drop_neigh_queue), 0);
	answer("10.0.0.254", PEER);
	for (unsigned i = 0; i < 250; i++) {
		snprintf(text, sizeof(text), "203.0.113.%u", i + 1);
		to = A(text);
		cr_assert(net_tx(&f) && la_addr_eq(&f.ip.dst, &to), "%s", text);
		assert_mac(f.eth.dst, PEER);
	}
	net_quiet();
	cr_assert_eq(net_count(LA_C_neigh_waiting), 0);
}

/* Each class has its own limit, and further packets are dropped and counted. */
Test(gateway, waiting_packets_are_bounded_per_shard)
{
	unsigned bound = la_neigh_wait_max(POOL), sent = 0;
	unsigned avail;
	char text[32];

	net_open(&(struct net_opts){.ask_gateways = true});
	avail = rte_mempool_avail_count(net.pool);
	for (unsigned i = 0; i < 4 * bound; i++) {
		snprintf(text, sizeof(text), i & 1 ? "10.0.0.%u" : "203.0.113.%u", 3 + i / 2 % 250);
		net_send(text), sent++;
		snprintf(text, sizeof(text), i & 1 ? "fd00::%x" : "2001:db8::%x", 3 + i);
		net_send(text), sent++;
		while (net_tx(&f)) /* requests */
			;
	}
	cr_assert(net_count(LA_C_neigh_waiting) <= bound);
	cr_assert(net_count(LA_C_neigh_waiting) >= bound / 4 * 3 - 2);
	cr_assert_eq(avail - rte_mempool_avail_count(net.pool), net_count(LA_C_neigh_waiting),
		     "mbufs in use that hold no waiting packet");
	cr_assert_eq(net_count(LA_C_drop_neigh_queue) + net_count(LA_C_neigh_waiting),
		     sent - net_count(LA_C_drop_neigh_full));
	cr_assert_eq(la_neigh_check(&net.s->neigh, stderr), 0);
	net_run(3000);
	cr_assert_eq(net_count(LA_C_neigh_waiting), 0);
}
