/* SPDX-License-Identifier: BSD-3-Clause */

/* Transmitted packets: next hops, queues of unresolved neighbours, ageing, a full table. */

#include "net_test.h"

static struct fr f;

static struct la_neigh *
entry(const char *addr)
{
	struct la_addr a = A(addr);

	return la_neigh_find(&net.s->neigh, &a);
}

static void
setup(void)
{
	net_open(NULL);
}

TestSuite(egress, .init = setup, .fini = net_close);

static void
expect_request(const char *target)
{
	struct la_addr t = A(target);

	cr_assert(net_tx(&f), "no request for %s", target);
	if (la_addr_is4(&t))
		cr_assert(f.eth.type == LA_ETH_ARP && f.arp.op == LA_ARP_REQUEST && f.arp.tpa == t.w[3]);
	else
		cr_assert(f.eth.type == LA_ETH_IP6 && f.icmp.kind == LA_ICMP_NS && la_addr_eq(&f.icmp.target, &t));
}

static void
reply(const char *addr, const uint8_t mac[6])
{
	struct la_addr a = A(addr);

	if (la_addr_is4(&a))
		fr_arp(&f, LA_ARP_REPLY, mac, addr, US, "10.0.0.2");
	else
		fr_na(&f, addr, "fd00::2", addr, mac, "so");
	net_rx(&f);
}

static void
expect_packet(const char *dst, const uint8_t mac[6])
{
	struct la_addr d = A(dst);

	cr_assert(net_tx(&f), "no packet to %s", dst);
	cr_assert_eq(f.ip.proto, LA_IPPROTO_TCP);
	cr_assert(la_addr_eq(&f.ip.dst, &d));
	assert_mac(f.eth.dst, mac);
}

Test(egress_create, resolve_then_send)
{
	FOR_FAMILIES_AND_TAGS
	{
		const char *peer = six ? "fd00::1" : "10.0.0.1";
		uint64_t bytes = 0;

		net_open(NULL);
		net_send(peer), net_send(peer);
		expect_request(peer), net_quiet();
		bytes += net_count(LA_C_tx_bytes);
		reply(peer, PEER);
		expect_packet(peer, PEER), bytes += f.n;
		expect_packet(peer, PEER), bytes += f.n;
		net_quiet();
		net_send(peer), expect_packet(peer, PEER), bytes += f.n;
		net_quiet();
		cr_assert_eq(net_count(LA_C_tx_bytes), bytes);
		cr_assert_eq(entry(peer)->state, LA_NEIGH_REACHABLE);
		net_close();
	}
}

Test(egress, far_destinations_go_to_the_gateway)
{
	net_send("203.0.113.1"), net_send("203.0.113.2"), net_send("2001:db8::1");
	expect_request("10.0.0.254"), expect_request("fd00::fe"), net_quiet();
	reply("10.0.0.254", PEER), reply("fd00::fe", OTHER);
	expect_packet("203.0.113.1", PEER), expect_packet("203.0.113.2", PEER);
	expect_packet("2001:db8::1", OTHER);
	net_send("203.0.113.9"), expect_packet("203.0.113.9", PEER);
	net_quiet();
}

Test(egress, no_route)
{
	net_close(), net_open(&(struct net_opts){.no_gateways = true});
	net_send("203.0.113.1"), net_send("2001:db8::1");
	net_send("10.0.0.2"), net_send("10.9.1.1"), net_send("fd09::1");
	net_send("10.0.0.255"), net_send("224.0.0.1"), net_send("ff02::1");
	net_quiet();
	cr_assert_eq(net_count(LA_C_drop_no_route), 8);
}

Test(egress, unanswered_requests)
{
	for (unsigned six = 0; six < 2; six++) {
		const char *peer = six ? "fd00::1" : "10.0.0.1";
		uint64_t before = net_count(LA_C_drop_neigh_failed);

		net_send(peer), expect_request(peer), net_quiet();
		net_run(999), net_quiet();
		net_run(1), expect_request(peer), net_quiet();
		net_send(peer), net_quiet(); /* queued behind the first packet */
		net_run(1000), expect_request(peer), net_quiet();
		net_run(999);
		cr_assert_eq(net_count(LA_C_drop_neigh_failed), before);
		net_run(1), net_quiet();
		cr_assert_eq(net_count(LA_C_drop_neigh_failed), before + 2);
		cr_assert_null(entry(peer));
		net_send(peer), expect_request(peer), net_quiet(); /* the requests start again */
		net_run(3000);
		cr_assert_eq(net_count(LA_C_drop_neigh_failed), before + 3);
		expect_request(peer), expect_request(peer), net_quiet();
	}
}

/* RFC 1122 2.3.2.2: the newest packets stay. */
Test(egress, the_queue_of_a_neighbour_is_bounded)
{
	unsigned bound = la_neigh_wait_max(POOL) / 4 / 2;
	struct la_addr s = A("10.0.0.2"), d = A("10.0.0.1");

	for (unsigned i = 0; i < bound + 5; i++)
		fake_tcp_send(&net.s->tcp, &s, &d, (uint16_t)(20 + i));
	expect_request("10.0.0.1"), net_quiet();
	cr_assert_eq(net_count(LA_C_drop_neigh_queue), 5);
	cr_assert_eq(net_count(LA_C_neigh_waiting), bound);
	reply("10.0.0.1", PEER);
	for (unsigned i = 5; i < bound + 5; i++) {
		expect_packet("10.0.0.1", PEER);
		cr_assert_eq(f.ip.plen, 20 + i, "a packet other than the oldest was dropped, or the order changed");
	}
	net_quiet();
	cr_assert_eq(net_count(LA_C_neigh_waiting), 0);
}

/* Traffic keeps a neighbour REACHABLE with one unicast request in 35 s. */
Test(egress, a_neighbour_in_use_stays_reachable)
{
	unsigned requests = 0, packets = 0;

	net_resolve("10.0.0.1", PEER);
	for (unsigned ms = 0; ms < 350000; ms += 100) {
		net_send("10.0.0.1");
		while (net_tx(&f)) {
			if (f.eth.type == LA_ETH_ARP) {
				assert_mac(f.eth.dst, PEER);
				requests++;
				reply("10.0.0.1", PEER);
			} else {
				packets++;
			}
		}
		net_run(100);
	}
	cr_assert_eq(packets, 3500);
	cr_assert(requests == 9 || requests == 10, "%u requests", requests);
}

Test(egress, an_unused_neighbour_is_removed)
{
	net_resolve("fd00::1", PEER);
	net_run(30000);
	cr_assert_eq(entry("fd00::1")->state, LA_NEIGH_STALE);
	net_run(599999);
	cr_assert_not_null(entry("fd00::1"));
	net_run(1);
	cr_assert_null(entry("fd00::1"));
	net_quiet();
	cr_assert_eq(net_count(LA_C_drop_neigh_failed), 0);
	net_send("fd00::1"), expect_request("fd00::1"); /* no cached reference to the old entry is left */
}

Test(egress, a_full_table_of_waiting_neighbours)
{
	net_close(), net_open(&(struct net_opts){.max_neighbours = 2});
	net_send("10.0.0.10"), net_send("10.0.0.11"), net_send("10.0.0.12");
	expect_request("10.0.0.10"), expect_request("10.0.0.11"), net_quiet();
	cr_assert_eq(net_count(LA_C_drop_neigh_full), 1);
	/* a request is answered and its sender gets an unverified entry, because the verified part is full */
	fr_arp(&f, LA_ARP_REQUEST, PEER, "10.0.0.20", NULL, "10.0.0.2"), net_rx(&f);
	cr_assert(net_tx(&f) && f.arp.op == LA_ARP_REPLY);
	cr_assert_eq(entry("10.0.0.20")->class, LA_NC_UNVERIFIED);
	net_send("10.0.0.20"), expect_packet("10.0.0.20", PEER);
	cr_assert_eq(entry("10.0.0.20")->class, LA_NC_UNVERIFIED, "a request made a verified entry in a full part");
}

Test(egress, the_least_useful_entry_is_evicted)
{
	net_close(), net_open(&(struct net_opts){.max_neighbours = 2});
	net_resolve("10.0.0.10", PEER);
	net_run(10);
	net_resolve("10.0.0.11", OTHER);
	fr_arp(&f, LA_ARP_REQUEST, PEER, "10.0.0.20", NULL, "10.0.0.2"), net_rx(&f), net_tx(&f);
	cr_assert_eq(entry("10.0.0.20")->class, LA_NC_UNVERIFIED, "a request displaced an entry in use");
	net_run(10);
	net_send("10.0.0.10"), expect_packet("10.0.0.10", PEER); /* older, but used more recently */
	net_send("10.0.0.12"), expect_request("10.0.0.12");
	cr_assert_null(entry("10.0.0.11"));
	cr_assert_not_null(entry("10.0.0.10"));
	net_send("10.0.0.13"), expect_request("10.0.0.13");
	cr_assert_null(entry("10.0.0.10")); /* egress had cached this entry */
	net_send("10.0.0.10"), net_quiet();
	cr_assert_eq(net_count(LA_C_drop_neigh_full), 1);
}

/* No address with a prefix, only a range and a gateway: the request has the packet's source. */
Test(egress, a_range_alone_is_the_source_of_requests)
{
	struct la_addr from = A("10.9.0.77"), to = A("203.0.113.1");
	struct la_shard_config c = net.cfg;

	la_shard_destroy(net.s);
	c.naddrs = 0;
	c.nranges = 1;
	c.gateway6 = (struct la_addr){0};
	cr_assert_eq(la_shard_create(&c, &net.s), 0);
	expect_request("10.0.0.254"), net_quiet(); /* at creation, from the first address of the range */
	cr_assert_eq(f.arp.spa, A("10.9.0.1").w[3]);
	la_resolve_drop(net.s, entry("10.0.0.254"), LA_NCOUNTERS);
	fake_tcp_send(&net.s->tcp, &from, &to, 20);
	expect_request("10.0.0.254");
	cr_assert_eq(f.arp.spa, from.w[3]);
	fr_arp(&f, LA_ARP_REPLY, PEER, "10.0.0.254", US, "10.9.0.77"), net_rx(&f);
	expect_packet("203.0.113.1", PEER);
	/* an entry learnt from the gateway's own request, which has an off-link address */
	la_resolve_drop(net.s, entry("10.0.0.254"), LA_NCOUNTERS);
	fr_arp(&f, LA_ARP_REQUEST, PEER, "10.0.0.254", NULL, "10.9.0.5"), net_rx(&f), net_tx(&f);
	fake_tcp_send(&net.s->tcp, &from, &to, 20);
	expect_packet("203.0.113.1", PEER);
	net_run(5000);
	expect_request("10.0.0.254");
	cr_assert_eq(f.arp.spa, A("10.9.0.5").w[3]);
}

Test(egress, no_mbuf_for_a_request)
{
	struct rte_mbuf *all[POOL];
	unsigned n = 0;

	net_send("10.0.0.1");
	while ((all[n] = rte_pktmbuf_alloc(net.pool)) != NULL)
		n++;
	net_quiet();
	cr_assert_eq(net_count(LA_C_mbuf_exhausted), 1);
	rte_pktmbuf_free_bulk(all, n);
	net_run(1000), expect_request("10.0.0.1"); /* the next request, a second later */
	reply("10.0.0.1", PEER), expect_packet("10.0.0.1", PEER);
}

Test(egress, packets_keep_their_order_through_the_tx_array)
{
	struct la_addr s = A("10.0.0.2"), d = A("10.0.0.1");
	struct rte_mbuf *m[7];
	unsigned expect = 0, k;
	struct fr in;

	net_resolve("10.0.0.1", PEER);
	fr_tcp(&in, "10.0.0.1", "10.0.0.2", "", 0);
	for (uint16_t i = 0; i < 900; i++) {
		fake_tcp_send(&net.s->tcp, &s, &d, (uint16_t)(20 + i));
		if (i % 50 == 49) { /* an RX burst moves queued packets into the array */
			net_rx(&in);
			k = la_shard_tx(net.s, m, i % 7 + 1);
			for (unsigned j = 0; j < k; j++, expect++) {
				cr_assert_eq(m[j]->pkt_len, 14 + 40 + expect);
				rte_pktmbuf_free(m[j]);
			}
		}
	}
	while ((k = la_shard_tx(net.s, m, 7)) > 0)
		for (unsigned j = 0; j < k; j++, expect++) {
			cr_assert_eq(m[j]->pkt_len, 14 + 40 + expect);
			rte_pktmbuf_free(m[j]);
		}
	cr_assert_eq(expect, 900);
}

Test(egress, many_neighbours_fail_in_bounded_steps)
{
	char text[32];
	unsigned polls = 0;

	for (unsigned i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "fd00::1:%x", i);
		net_send(text);
	}
	while (net_tx(&f))
		;
	net.now += 1000;
	while (la_shard_poll(net.s, net.now))
		polls++;
	cr_assert(polls >= 500 / LA_POLL_NEIGHS);
	for (polls = 0; net_tx(&f); polls++)
		;
	cr_assert_eq(polls, 500);
	net_run(2000);
	cr_assert_eq(net_count(LA_C_drop_neigh_failed), la_neigh_wait_max(POOL) / 4,
		     "the waiting packets are not the share of their class");
	cr_assert_eq(net_count(LA_C_drop_neigh_queue), 500 - net_count(LA_C_drop_neigh_failed));
	cr_assert_eq(la_neigh_count(&net.s->neigh), 0);
}

/* A configured gateway MAC: no request is sent, and no ARP or NDP frame changes it. */
Test(egress, a_configured_gateway_mac_needs_no_request)
{
	static const uint8_t given[6] = {2, 0xaa, 0, 0, 0, 1}, other[6] = {2, 0xbb, 0, 0, 0, 1};
	struct la_shard_config c = net.cfg;
	struct la_shard *none;

	la_shard_destroy(net.s);
	memcpy(c.gateway_mac, given, sizeof(given));
	cr_assert_eq(la_shard_create(&c, &net.s), 0);
	while (net_tx(&f)) /* announcements at creation */
		;
	net_send("192.0.2.9");
	expect_packet("192.0.2.9", given);
	reply("10.0.0.254", other);
	net_send("192.0.2.10");
	expect_packet("192.0.2.10", given);
	/* the gateway's entry is removed when unused, and created again for the next packet */
	net_run(LA_NEIGH_REACHABLE_MS + LA_NEIGH_STALE_MS + 1);
	while (net_tx(&f))
		;
	cr_assert_null(entry("10.0.0.254"));
	net_send("192.0.2.9");
	expect_packet("192.0.2.9", given);
	net_quiet();
	/* on-link neighbours are still resolved */
	net_send("10.0.0.9");
	expect_request("10.0.0.9");
	c.gateway_mac[0] |= 1; /* a group address */
	cr_expect_eq(la_shard_create(&c, &none), -EINVAL);
}
