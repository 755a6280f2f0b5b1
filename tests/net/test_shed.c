/* SPDX-License-Identifier: BSD-3-Clause */

/* Overload control in ingress: the frames that a shard drops unread, and their number. */

#include "net_test.h"

static void
setup(void)
{
	net_open(NULL);
}

TestSuite(shed, .init = setup, .fini = net_close);

/* fr_tcp() with other flags. The checksum is then wrong: drop_tcp_cksum counts the frames that are read. */
static void
segment(struct fr *f, const char *src, const char *dst, uint8_t flags)
{
	struct la_addr d = A(dst);

	fr_tcp(f, src, dst, "", 0);
	f->b[(net.vlan ? 18 : 14) + (la_addr_is4(&d) ? 20 : 40) + 13] = flags;
}

static const char *
peer(int six)
{
	return six ? "fd00::1" : "10.0.0.1";
}

static const char *
us(int six)
{
	return six ? "fd00::2" : "10.0.0.2";
}

static uint64_t
shed_of(int six, unsigned n)
{
	uint64_t before = net_count(LA_C_syn_shed);
	struct fr f;

	segment(&f, peer(six), us(six), LA_SYN);
	while (n-- > 0)
		net_rx(&f);
	return net_count(LA_C_syn_shed) - before;
}

Test(shed, the_level_is_a_share_of_syns)
{
	FOR_FAMILIES_AND_TAGS
	{
		net_close();
		net_open(NULL);
		cr_assert_eq(shed_of(six, 100), 0);
		la_shard_shed(net.s, LA_SHED_ALL);
		cr_assert_eq(shed_of(six, 100), 100);
		cr_assert_eq(net_count(LA_C_syn_shed_level), LA_SHED_ALL);
		la_shard_shed(net.s, LA_SHED_ALL / 4);
		uint64_t n = shed_of(six, 8000);

		cr_assert(n > 1800 && n < 2200, "%lu of 8000", n);
		la_shard_shed(net.s, 0);
		cr_assert_eq(shed_of(six, 100), 0);
		cr_assert_eq(net_count(LA_C_rx_packets), 8300u, "a shed frame is not counted as received");
		cr_assert_eq(net_count(LA_C_syn_shed_level), 0);
	}
}

/* Two clients whose SYNs alternate lose equal shares. */
Test(shed, alternating_clients_lose_equal_shares)
{
	uint64_t n[2] = {0};

	la_shard_shed(net.s, LA_SHED_ALL / 2);
	for (unsigned i = 0; i < 4000; i++)
		n[i & 1] += shed_of(0, 1);
	cr_assert(n[0] > 850 && n[0] < 1150 && n[1] > 850 && n[1] < 1150, "%lu and %lu of 2000", n[0], n[1]);
}

/* Frames other than SYNs to our addresses are still read. */
Test(shed, frames_other_than_syns_are_read)
{
	static const uint8_t others[] = {LA_ACK,	  LA_SYN | LA_ACK, LA_FIN | LA_ACK, LA_RST,
					 LA_RST | LA_ACK, LA_SYN | LA_RST, LA_SYN | LA_FIN, 0};
	struct fr f;

	la_shard_shed(net.s, LA_SHED_ALL);
	for (int six = 0; six < 2; six++) {
		for (unsigned i = 0; i < RTE_DIM(others); i++) {
			segment(&f, peer(six), us(six), others[i]);
			if (others[i] == LA_ACK) /* as built by fr_tcp() */
				net_rx(&f);
			else
				net_drops(&f, LA_C_drop_tcp_cksum);
		}
		segment(&f, peer(six), us(six), LA_SYN);
		memcpy(f.b, OTHER, 6);
		net_drops(&f, LA_C_drop_eth_not_ours);
		net_resolve(peer(six), PEER); /* ARP and ND */
		fr_echo(&f, peer(six), us(six), 9);
		net_rx(&f);
		cr_assert(net_tx(&f), "no reply to a ping");
	}
	cr_assert_eq(fake.nsegs, 2u);
	cr_assert_eq(net_count(LA_C_syn_shed), 0);
}

Test(shed, chains_and_bursts)
{
	struct rte_mbuf *pkts[64];
	struct fr syn, ack;

	segment(&syn, "10.0.0.1", "10.0.0.2", LA_SYN);
	fr_tcp(&ack, "10.0.0.1", "10.0.0.2", "abc", 3);
	la_shard_shed(net.s, LA_SHED_ALL);
	for (unsigned i = 0; i < 64; i++)
		pkts[i] = i % 3 == 0 ? fr_mbuf(&ack) : i % 3 == 1 ? fr_mbuf(&syn) : fr_chain(&syn, 60);
	la_shard_rx(net.s, net.now, pkts, 64);
	cr_assert_eq(fake.nsegs, 22u);
	cr_assert_eq(net_count(LA_C_syn_shed), 42u);
	for (unsigned i = 0; i < 22; i++)
		cr_assert_eq(fake.segs[i].pkt_len, 3u);
	/* headers split too small to identify a SYN: read */
	net_rx_mbuf(fr_chain(&syn, 20));
	cr_assert_eq(net_count(LA_C_syn_shed), 42u);
	cr_assert_eq(net_count(LA_C_drop_tcp_cksum), 1u);
}
