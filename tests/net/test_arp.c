/* SPDX-License-Identifier: BSD-3-Clause */

/* ARP as traces: received frames, transmitted frames, and the neighbour table. */

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

TestSuite(arp, .init = setup, .fini = net_close);

Test(arp_create, announces_addresses_at_creation)
{
	for (net.vlan = 0; net.vlan <= 7; net.vlan += 7) {
		struct la_addr us = A("10.0.0.2");

		net_open_raw(&(struct net_opts){.only4 = true, .no_gateways = true});
		cr_assert(net_tx(&f));
		assert_mac(f.eth.dst, BCAST);
		cr_assert_eq(f.arp.op, LA_ARP_REQUEST);
		cr_assert_eq(f.arp.spa, us.w[3]);
		cr_assert_eq(f.arp.tpa, us.w[3]);
		assert_mac(f.arp.sha, US);
		net_quiet();
		net_close();
	}
}

static void
expect_reply(const char *spa, const char *tpa, const uint8_t tha[6])
{
	struct la_addr s = A(spa), t = A(tpa);

	cr_assert(net_tx(&f), "no reply");
	assert_mac(f.eth.dst, tha);
	cr_assert_eq(f.arp.op, LA_ARP_REPLY);
	assert_mac(f.arp.sha, US);
	assert_mac(f.arp.tha, tha);
	cr_assert_eq(f.arp.spa, s.w[3]);
	cr_assert_eq(f.arp.tpa, t.w[3]);
	net_quiet();
}

static void
ask(const char *tpa)
{
	fr_arp(&f, LA_ARP_REQUEST, PEER, "10.0.0.1", NULL, tpa);
}

Test(arp, replies_for_addresses_and_ranges_and_learns_the_sender)
{
	ask("10.0.0.2"), net_rx(&f);
	expect_reply("10.0.0.2", "10.0.0.1", PEER);
	cr_assert_eq(entry("10.0.0.1")->state, LA_NEIGH_STALE);
	assert_mac(entry("10.0.0.1")->hdr, PEER);
	ask("10.9.200.7"), net_rx(&f);
	expect_reply("10.9.200.7", "10.0.0.1", PEER);
	/* the learnt MAC is used at once, without a request */
	net_send("10.0.0.1");
	cr_assert(net_tx(&f));
	cr_assert_eq(f.eth.type, LA_ETH_IP4);
	assert_mac(f.eth.dst, PEER);
	cr_assert_eq(entry("10.0.0.1")->state, LA_NEIGH_DELAY);
	net_quiet();
}

Test(arp, no_reply_for_other_addresses)
{
	ask("10.0.0.3"), net_drops(&f, LA_C_drop_arp_not_ours);
	ask("10.10.0.0"), net_drops(&f, LA_C_drop_arp_not_ours);
	ask("10.0.0.255"), net_drops(&f, LA_C_drop_arp_not_ours);
	cr_assert_null(entry("10.0.0.1"), "a sender was learnt from a request for another address");
}

Test(arp, unicast_request_is_answered)
{
	fr_arp(&f, LA_ARP_REQUEST, PEER, "10.0.0.1", US, "10.0.0.2"), net_rx(&f);
	expect_reply("10.0.0.2", "10.0.0.1", PEER);
}

Test(arp, a_probe_is_answered_and_not_learnt)
{
	fr_arp(&f, LA_ARP_REQUEST, PEER, "0.0.0.0", NULL, "10.0.0.2"), net_rx(&f);
	expect_reply("10.0.0.2", "0.0.0.0", PEER);
	cr_assert_eq(la_neigh_count(&net.s->neigh), 0);
}

Test(arp, an_off_link_sender_is_answered_and_not_learnt)
{
	fr_arp(&f, LA_ARP_REQUEST, PEER, "203.0.113.1", NULL, "10.0.0.2"), net_rx(&f);
	expect_reply("10.0.0.2", "203.0.113.1", PEER);
	cr_assert_eq(la_neigh_count(&net.s->neigh), 0);
}

Test(arp, malformed)
{
	static const uint8_t group[6] = {3, 0, 0, 0, 0, 1}, zero[6];

	ask("10.0.0.2"), f.n--, net_drops(&f, LA_C_drop_arp_bad);
	ask("10.0.0.2"), f.b[f.n - LA_ARP_LEN] = 9, net_drops(&f, LA_C_drop_arp_bad);
	ask("10.0.0.2"), f.b[f.n - LA_ARP_LEN + 7] = 3, net_drops(&f, LA_C_drop_arp_bad);
	ask("10.0.0.2"), memcpy(&f.b[f.n - LA_ARP_LEN + 8], group, 6);
	net_drops(&f, LA_C_drop_arp_bad);
	ask("10.0.0.2"), memcpy(&f.b[f.n - LA_ARP_LEN + 8], zero, 6);
	net_drops(&f, LA_C_drop_arp_bad);
	fr_arp(&f, LA_ARP_REQUEST, PEER, "224.0.0.1", NULL, "10.0.0.2");
	net_drops(&f, LA_C_drop_arp_bad);
	fr_arp(&f, LA_ARP_REQUEST, PEER, "10.0.0.255", NULL, "10.0.0.2");
	net_drops(&f, LA_C_drop_arp_bad);
	fr_arp(&f, LA_ARP_REQUEST, PEER, "127.0.0.1", NULL, "10.0.0.2");
	net_drops(&f, LA_C_drop_arp_bad);
}

Test(arp, padded_to_the_shortest_frame)
{
	ask("10.0.0.2"), f.n = 60, net_rx(&f);
	expect_reply("10.0.0.2", "10.0.0.1", PEER);
}

static void
expect_defence(const char *addr)
{
	struct la_addr a = A(addr);

	cr_assert(net_tx(&f), "no announcement of %s", addr);
	assert_mac(f.eth.dst, BCAST);
	cr_assert_eq(f.arp.op, LA_ARP_REQUEST);
	cr_assert_eq(f.arp.spa, a.w[3]);
	cr_assert_eq(f.arp.tpa, a.w[3]);
	assert_mac(f.arp.sha, US);
	net_quiet();
}

/* RFC 5227 2.4 (c): each conflict is counted; one log line a minute, and one announcement in 10 s as defence. */
Test(arp, conflicts_are_counted_and_the_address_defended)
{
	for (unsigned i = 1; i <= 3; i++) {
		fr_arp(&f, LA_ARP_REQUEST, OTHER, "10.0.0.2", NULL, "10.0.0.2");
		if (i == 1)
			net_rx(&f), expect_defence("10.0.0.2");
		else
			net_drops(&f, LA_C_arp_conflict);
		cr_assert_eq(net.s->nif.conflicts, i);
		cr_assert_eq(net.s->nif.conflict_at, 1060000, "the next log line is not due a minute later");
	}
	/* the addresses of ranges share a second limit */
	fr_arp(&f, LA_ARP_REPLY, OTHER, "10.9.0.1", US, "10.0.0.2"), net_rx(&f);
	expect_defence("10.9.0.1");
	fr_arp(&f, LA_ARP_REPLY, OTHER, "10.9.0.2", US, "10.0.0.2");
	net_drops(&f, LA_C_arp_conflict);
	net.now += LA_DEFEND_MS - 1;
	fr_arp(&f, LA_ARP_REQUEST, OTHER, "10.0.0.2", NULL, "10.0.0.7");
	net_drops(&f, LA_C_arp_conflict);
	net.now += 1;
	net_rx(&f), expect_defence("10.0.0.2");
	net.now = 1060000;
	fr_arp(&f, LA_ARP_REPLY, OTHER, "10.9.0.1", US, "10.0.0.2"), net_rx(&f);
	expect_defence("10.9.0.1");
	cr_assert_eq(net.s->nif.conflict_at, 1120000);
	/* our own announcement, reflected, is no conflict */
	fr_arp(&f, LA_ARP_REQUEST, US, "10.0.0.2", NULL, "10.0.0.2");
	net_drops(&f, LA_C_drop_own_reflected);
	cr_assert_eq(net.s->nif.conflicts, 8);
	cr_assert_eq(net_count(LA_C_arp_conflict), 8);
	cr_assert_eq(net_count(LA_C_conflict_defences), 4);
	cr_assert_eq(net_count(LA_C_drop_arp_bad), 0);
	cr_assert_eq(la_neigh_count(&net.s->neigh), 0);
}

Test(arp, gratuitous_arp_updates_but_never_adds_an_entry)
{
	fr_arp(&f, LA_ARP_REQUEST, PEER, "10.0.0.1", NULL, "10.0.0.1");
	net_drops(&f, LA_C_drop_arp_not_ours);
	fr_arp(&f, LA_ARP_REPLY, PEER, "10.0.0.1", US, "10.0.0.2");
	net_drops(&f, LA_C_drop_arp_not_ours);
	cr_assert_eq(la_neigh_count(&net.s->neigh), 0);

	net_resolve("10.0.0.1", PEER);
	/* a repeated announcement changes nothing; another MAC is stored, and the entry is STALE */
	fr_arp(&f, LA_ARP_REQUEST, PEER, "10.0.0.1", NULL, "10.0.0.1");
	net_drops(&f, LA_NCOUNTERS);
	cr_assert_eq(entry("10.0.0.1")->state, LA_NEIGH_REACHABLE);
	fr_arp(&f, LA_ARP_REQUEST, OTHER, "10.0.0.1", NULL, "10.0.0.1");
	net_drops(&f, LA_NCOUNTERS);
	cr_assert_eq(entry("10.0.0.1")->state, LA_NEIGH_STALE);
	assert_mac(entry("10.0.0.1")->hdr, OTHER);
}

Test(arp, an_unsolicited_reply_is_no_confirmation)
{
	ask("10.0.0.2"), net_rx(&f);
	expect_reply("10.0.0.2", "10.0.0.1", PEER);
	fr_arp(&f, LA_ARP_REPLY, OTHER, "10.0.0.1", US, "10.0.0.2");
	net_drops(&f, LA_NCOUNTERS);
	cr_assert_eq(entry("10.0.0.1")->state, LA_NEIGH_STALE);
	assert_mac(entry("10.0.0.1")->hdr, OTHER);
}

/* M-09: a peer whose MAC changes in the middle of a connection. */
Test(arp, the_mac_changes_and_is_announced)
{
	net_resolve("10.0.0.1", PEER);
	fr_arp(&f, LA_ARP_REQUEST, OTHER, "10.0.0.1", NULL, "10.0.0.1"), net_rx(&f);
	net_send("10.0.0.1");
	cr_assert(net_tx(&f));
	assert_mac(f.eth.dst, OTHER);
	net_quiet();
}

Test(arp, the_mac_changes_silently)
{
	net_resolve("10.0.0.1", PEER);
	net_run(30000); /* STALE */
	net_send("10.0.0.1");
	cr_assert(net_tx(&f));
	assert_mac(f.eth.dst, PEER);
	net_run(5000);
	for (int i = 0; i < 3; i++) { /* three unanswered unicast probes */
		cr_assert(net_tx(&f));
		cr_assert_eq(f.eth.type, LA_ETH_ARP);
		assert_mac(f.eth.dst, PEER);
		net_quiet();
		net_run(1000);
	}
	cr_assert_null(entry("10.0.0.1"));
	net_send("10.0.0.1");
	cr_assert(net_tx(&f));
	assert_mac(f.eth.dst, BCAST);
	fr_arp(&f, LA_ARP_REPLY, OTHER, "10.0.0.1", US, "10.0.0.2"), net_rx(&f);
	cr_assert(net_tx(&f));
	assert_mac(f.eth.dst, OTHER);
	net_quiet();
}

Test(arp, a_gratuitous_announcement_releases_queued_packets)
{
	net_send("10.0.0.1");
	cr_assert(net_tx(&f));
	net_quiet();
	fr_arp(&f, LA_ARP_REQUEST, PEER, "10.0.0.1", NULL, "10.0.0.1"), net_rx(&f);
	cr_assert(net_tx(&f));
	assert_mac(f.eth.dst, PEER);
	cr_assert_eq(f.eth.type, LA_ETH_IP4);
	cr_assert_eq(entry("10.0.0.1")->state, LA_NEIGH_DELAY);
	net_quiet();
}

Test(arp, requests_name_an_address_of_the_neighbours_prefix)
{
	struct la_addr from = A("10.9.0.77"), to = A("10.0.0.1"), us = A("10.0.0.2");

	fake_tcp_send(&net.s->tcp, &from, &to, 20);
	cr_assert(net_tx(&f));
	cr_assert_eq(f.arp.spa, us.w[3]);
}
