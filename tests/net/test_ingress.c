/* SPDX-License-Identifier: BSD-3-Clause */

/* Received frames: every drop counter, segments for TCP, chains, padding, offloads. */

#include "net_test.h"
#include "wire/cksum.h"

static struct fr f;

static void
setup(void)
{
	net_open(NULL);
}

TestSuite(ingress, .init = setup, .fini = net_close);

static const struct fake_seg *
last(void)
{
	cr_assert(fake.nsegs > 0, "no segment reached TCP");
	return &fake.segs[fake.nsegs - 1];
}

static void
expect_payload(const char *text)
{
	cr_assert_eq(last()->pkt_len, strlen(text), "%u bytes of payload", last()->pkt_len);
	cr_assert_arr_eq(last()->data, text, strlen(text));
}

/* Receives a common frame of each family, so that the next frames take the fast path. */
static void
rx_common_frame(void)
{
	struct fr good;

	fr_tcp(&good, "10.0.0.1", "10.0.0.2", "", 0);
	net_rx(&good);
	fr_tcp(&good, "fd00::1", "fd00::2", "", 0);
	net_rx(&good);
	cr_assert_eq(fake.nsegs, 2);
	fake.nsegs = 0;
}

static bool
next_round(int i)
{
	if (i == 1) {
		net_close();
		net_open(NULL);
		rx_common_frame();
	}
	return i < 2;
}

/* Runs the body twice: as the first frames of a shard (general path), and after a common frame (fast path). */
#define GENERAL_AND_FAST_PATH for (int i_ = 0; next_round(i_); i_++)

Test(ingress_create, segments_reach_tcp)
{
	FOR_FAMILIES_AND_TAGS
	{
		const char *src = six ? "fd00::1" : "10.0.0.1", *dst = six ? "fd00::2" : "10.0.0.2";
		struct la_addr s = A(src), d = A(dst);

		net_open(NULL);
		fr_tcp(&f, src, dst, "hello", 5), net_rx(&f);
		cr_assert_eq(fake.nsegs, 1);
		expect_payload("hello");
		cr_assert(la_addr_eq(&last()->seg.src, &s) && la_addr_eq(&last()->seg.dst, &d));
		cr_assert_eq(last()->seg.is4, !six);
		cr_assert_eq(last()->seg.sport, 1024);
		cr_assert_eq(last()->seg.dport, 80);
		cr_assert_eq(last()->seg.seq, 1000);
		cr_assert_eq(last()->seg.tsval, 5);
		cr_assert_eq(net_count(LA_C_rx_packets), 1);
		cr_assert_eq(net_count(LA_C_rx_bytes), f.n);
		/* a segment to an address of a range, from a second source */
		fr_tcp(&f, six ? "fd00::5" : "10.0.0.5", six ? "fd09::9" : "10.9.9.9", "", 0);
		net_rx(&f);
		cr_assert_eq(fake.nsegs, 2);
		cr_assert_eq(last()->pkt_len, 0);
		net_close();
	}
}

/* Sets flags, urgent pointer and window of the segment in f, and its checksum. */
static void
set_fields(bool six, const char *src, const char *dst, uint8_t flags, uint16_t urg, uint16_t wnd)
{
	size_t off = LA_ETH_LEN + (six ? LA_IP6_LEN : LA_IP4_LEN), len = f.n - off;
	struct la_addr s = A(src), d = A(dst);
	uint8_t *tcp = f.b + off;
	uint16_t sum;

	tcp[13] = flags;
	memcpy(tcp + 14, (uint8_t[]){(uint8_t)(wnd >> 8), (uint8_t)wnd, 0, 0, (uint8_t)(urg >> 8), (uint8_t)urg}, 6);
	sum = la_cksum_finish(la_cksum_add(la_cksum_pseudo(&s, &d, LA_IPPROTO_TCP, (uint32_t)len), tcp, len));
	memcpy(tcp + LA_TCP_CKSUM_OFF, &sum, 2);
}

static void
expect_same(const struct la_seg *a, const struct la_seg *b)
{
	cr_assert(la_addr_eq(&a->src, &b->src) && la_addr_eq(&a->dst, &b->dst) && a->is4 == b->is4);
	cr_assert(a->seq == b->seq && a->ack == b->ack && a->sport == b->sport && a->dport == b->dport);
	cr_assert_eq(a->flags, b->flags);
	cr_assert_eq(a->urg, b->urg);
	cr_assert_eq(a->wnd, b->wnd);
	cr_assert_eq(a->len, b->len);
	cr_assert_eq(a->opts, b->opts);
	cr_assert(!(a->opts & LA_OPT_TS) || (a->tsval == b->tsval && a->tsecr == b->tsecr));
}

Test(ingress_create, both_paths_fill_the_same_segment)
{
	static const uint8_t flags[] = {LA_ACK,		 LA_ACK | LA_PSH, LA_ACK | LA_FIN,
					LA_ACK | LA_URG, LA_SYN | LA_ACK, LA_RST};

	for (unsigned i = 0; i < 2 * sizeof(flags); i++) {
		bool six = i & 1;
		const char *src = six ? "fd00::1" : "10.0.0.1", *dst = six ? "fd00::2" : "10.0.0.2";
		struct la_seg seg[2];

		net_open(NULL);
		GENERAL_AND_FAST_PATH
		{
			fr_tcp(&f, src, dst, "data", i % 3 ? 4 : 0);
			set_fields(six, src, dst, flags[i / 2], (uint16_t)(0x1203 + i), (uint16_t)(700 + i));
			net_rx(&f);
			seg[i_] = last()->seg;
		}
		net_close();
		cr_assert_eq(seg[0].flags, flags[i / 2]);
		cr_assert_eq(seg[0].urg, 0x1203 + i);
		expect_same(&seg[0], &seg[1]);
	}
}

Test(ingress, ethernet_drops)
{
	static const uint8_t group[6] = {0x33, 0x33, 0xff, 0, 0, 9}, mdns[6] = {1, 0, 0x5e, 0, 0, 0xfb};

	GENERAL_AND_FAST_PATH
	{
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0), f.n = 13;
		net_drops(&f, LA_C_drop_eth_short);
		f.n = 0, net_drops(&f, LA_C_drop_eth_short);
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0), memcpy(f.b, OTHER, 6);
		net_drops(&f, LA_C_drop_eth_not_ours);
		memcpy(f.b, mdns, 6), net_drops(&f, LA_C_drop_eth_not_ours);
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0), f.b[6] |= 1;
		net_drops(&f, LA_C_drop_eth_not_ours);
		fr_eth(&f, US, PEER, 0x88cc), f.n = 60, net_drops(&f, LA_C_drop_eth_type);
		fr_ns(&f, "fd00::1", "ff02::1:ff00:9", "fd00::9", PEER), memcpy(f.b, group, 6);
		/* the IPv6 range accepts the group's MAC; the target is not one of our addresses */
		net_drops(&f, LA_C_drop_icmp_type);
	}
}

Test(ingress_create, vlan_rules)
{
	struct rte_mbuf *m;

	/* untagged shard: frames of a VLAN are dropped, a priority tag is accepted */
	net_open(NULL);
	net.vlan = 7, fr_tcp(&f, "10.0.0.1", "10.0.0.2", "a", 1);
	net_drops(&f, LA_C_drop_eth_vlan);
	f.b[14] = 0xe0, f.b[15] = 0, net_rx(&f);
	expect_payload("a");
	net.vlan = 0, fr_tcp(&f, "10.0.0.1", "10.0.0.2", "b", 1), m = fr_mbuf(&f);
	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED, m->vlan_tci = 7;
	net_drops_mbuf(m, LA_C_drop_eth_vlan);
	m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m->vlan_tci = 0xe000, net_rx_mbuf(m);
	expect_payload("b");
	net_close();

	/* shard in VLAN 7 */
	net.vlan = 7, net_open(NULL);
	net.vlan = 0, fr_tcp(&f, "10.0.0.1", "10.0.0.2", "c", 1);
	net_drops(&f, LA_C_drop_eth_vlan);
	m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m->vlan_tci = 0x2007, net_rx_mbuf(m);
	expect_payload("c");
	net.vlan = 8, fr_tcp(&f, "10.0.0.1", "10.0.0.2", "d", 1);
	net_drops(&f, LA_C_drop_eth_vlan);
	net.vlan = 7, fr_tcp(&f, "10.0.0.1", "10.0.0.2", "d", 1), m = fr_mbuf(&f);
	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED, m->vlan_tci = 7;
	net_drops_mbuf(m, LA_C_drop_eth_vlan); /* a second tag inside the stripped tag */
	net_close();
}

Test(ingress, ipv4_header_drops)
{
	GENERAL_AND_FAST_PATH
	{
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0), f.n = 14 + 19;
		net_drops(&f, LA_C_drop_ip_short);
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0), f.n--;
		net_drops(&f, LA_C_drop_ip_short);
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0), f.b[14] = 0x65;
		net_drops(&f, LA_C_drop_ip_version);
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0), f.b[14] = 0x44;
		net_drops(&f, LA_C_drop_ip_header);
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0), f.b[14 + 11] ^= 1;
		net_drops(&f, LA_C_drop_ip_cksum);
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0);
		f.b[14 + 6] = 0x20, f.b[14 + 10] = (uint8_t)(f.b[14 + 10] + 0x20); /* DF to MF */
		net_drops(&f, LA_C_drop_ip_fragment);
		fr_ip(&f, "10.0.0.1", "10.0.0.2", 17, 64, "12345678", 8);
		net_drops(&f, LA_C_drop_ip_proto);
		fr_ip(&f, "10.0.0.1", "10.0.0.2", LA_IPPROTO_ICMP6, 64, "12345678", 8);
		net_drops(&f, LA_C_drop_ip_proto);
	}
}

Test(ingress, ipv6_header_drops)
{
	GENERAL_AND_FAST_PATH
	{
		fr_tcp(&f, "fd00::1", "fd00::2", "", 0), f.n = 14 + 39;
		net_drops(&f, LA_C_drop_ip_short);
		fr_tcp(&f, "fd00::1", "fd00::2", "", 0), f.n--;
		net_drops(&f, LA_C_drop_ip_short);
		fr_tcp(&f, "fd00::1", "fd00::2", "", 0), f.b[14] = 0x45;
		net_drops(&f, LA_C_drop_ip_version);
		fr_ip(&f, "fd00::1", "fd00::2", 17, 64, "12345678", 8), net_drops(&f, LA_C_drop_ip_proto);
		fr_ip(&f, "fd00::1", "fd00::2", LA_IPPROTO_ICMP, 64, "12345678", 8);
		net_drops(&f, LA_C_drop_ip_proto);
		fr_ip(&f, "fd00::1", "fd00::2", 50, 64, "12345678", 8), net_drops(&f, LA_C_drop_ip6_ext);
		fr_ip(&f, "fd00::1", "fd00::2", 44, 64, "\x06\0\0\x08\0\0\0\0", 8);
		net_drops(&f, LA_C_drop_ip_fragment);
	}
}

Test(ingress, extension_headers_are_walked)
{
	fr_tcp(&f, "fd00::1", "fd00::2", "xyz", 3);
	memmove(f.b + 54 + 8, f.b + 54, f.n - 54);
	memcpy(f.b + 54, "\x06\0\x01\x04\0\0\0\0", 8); /* destination options: PadN */
	f.b[14 + 6] = 60, f.b[14 + 5] = (uint8_t)(f.b[14 + 5] + 8), f.n += 8;
	net_rx(&f);
	expect_payload("xyz");
	net_rx_mbuf(fr_chain(&f, 33));
	expect_payload("xyz");
}

/* P-06: RFC 9293 MUST-57 and MUST-63. */
Test(ingress, destinations_that_are_not_ours)
{
	static const char *group[] = {"224.0.0.1", "255.255.255.255", "10.0.0.255"};

	GENERAL_AND_FAST_PATH
	{
		fr_tcp(&f, "10.0.0.1", "10.0.0.3", "", 0), net_drops(&f, LA_C_drop_ip_dst);
		fr_tcp(&f, "fd00::1", "fd00::3", "", 0), net_drops(&f, LA_C_drop_ip_dst);
		for (unsigned i = 0; i < RTE_DIM(group); i++) {
			fr_tcp(&f, "10.0.0.1", group[i], "", 0), net_drops(&f, LA_C_drop_ip_multicast);
			memcpy(f.b, BCAST, 6), net_drops(&f, LA_C_drop_ip_multicast);
		}
		fr_tcp(&f, "fd00::1", "ff02::1", "", 0), net_drops(&f, LA_C_drop_ip_multicast);
		/* our address in a broadcast frame (RFC 1122 3.3.6) */
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0), memcpy(f.b, BCAST, 6);
		net_drops(&f, LA_C_drop_ip_multicast);
		fr_ip(&f, "10.0.0.1", "10.0.0.255", 17, 64, "12345678", 8);
		net_drops(&f, LA_C_drop_ip_proto);
		fr_ip(&f, "fd00::1", "ff02::1", 17, 64, "12345678", 8), net_drops(&f, LA_C_drop_ip_proto);
	}
}

Test(ingress, invalid_sources)
{
	static const char *bad4[] = {"0.0.0.0",		"0.1.2.3",    "127.0.0.1", "224.0.0.1",
				     "255.255.255.255", "10.0.0.255", "10.0.0.2",  "10.9.3.3"};
	static const char *bad6[] = {"::", "::1", "ff02::1", "fd00::2", "fd09::3", "fe80::ff:fe00:2"};
	static const char mapped[16] = {[10] = (char)0xff, [11] = (char)0xff, [12] = 8, [13] = 8, [14] = 8, [15] = 8};

	GENERAL_AND_FAST_PATH
	{
		for (int round = 0; round < 2; round++) {
			for (unsigned i = 0; i < RTE_DIM(bad4); i++)
				fr_tcp(&f, bad4[i], "10.0.0.2", "", 0), net_drops(&f, LA_C_drop_ip_src);
			for (unsigned i = 0; i < RTE_DIM(bad6); i++)
				fr_tcp(&f, bad6[i], "fd00::2", "", 0), net_drops(&f, LA_C_drop_ip_src);
			/* an IPv4-mapped source; f00::110 has the same sum as ::ffff:8.8.8.8 */
			fr_tcp(&f, "f00::110", "fd00::2", "", 0), memcpy(f.b + 14 + 8, mapped, 16);
			net_drops(&f, LA_C_drop_ip_src);
			/* the second round has a valid source in the cache */
			fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0), net_rx(&f);
		}
	}
}

Test(ingress, tcp_header_drops)
{
	GENERAL_AND_FAST_PATH
	{
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "abc", 3), f.b[f.n - 1] ^= 4;
		net_drops(&f, LA_C_drop_tcp_cksum);
		fr_tcp(&f, "fd00::1", "fd00::2", "abc", 3), f.b[f.n - 1] ^= 4;
		net_drops(&f, LA_C_drop_tcp_cksum);
		net_rx_mbuf(fr_chain(&f, 60)); /* the same frame as a chain */
		cr_assert_eq(net_count(LA_C_drop_tcp_cksum), 3);
		/* data offset 4, with a corrected checksum */
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0);
		f.b[34 + 12] = (uint8_t)(f.b[34 + 12] - 0x40);
		for (unsigned i = 0; i < 0x40; i++) {
			uint16_t c = (uint16_t)(f.b[34 + 16] << 8 | f.b[34 + 17]);

			c = (uint16_t)(c + 0x100 + (c > 0xfeff)); /* one's complement addition */
			f.b[34 + 16] = (uint8_t)(c >> 8), f.b[34 + 17] = (uint8_t)c;
		}
		net_drops(&f, LA_C_drop_tcp_short);
	}
}

Test(ingress, syn_with_a_broken_option_list)
{
	struct la_tcp_hdr h = {.sport = 9, .dport = 80, .flags = LA_SYN, .opts = LA_OPT_MSS, .mss = 1460};
	struct net_opts o = {.offloads = LA_OFF_RX_CKSUM};
	uint8_t b[64];
	size_t n = la_tcp_write(b, &h);
	struct rte_mbuf *m;

	net_close(), net_open(&o), rx_common_frame();
	b[21] = 9; /* MSS option longer than the header */
	fr_ip(&f, "10.0.0.1", "10.0.0.2", LA_IPPROTO_TCP, 64, b, n);
	m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	net_drops_mbuf(m, LA_C_drop_tcp_options);
}

Test(ingress, checksum_flags_of_the_port)
{
	struct rte_mbuf *m;

	/* the flags are ignored unless the port's offload is configured */
	rx_common_frame();
	fr_tcp(&f, "10.0.0.1", "10.0.0.2", "abc", 3), f.b[f.n - 1] ^= 4;
	m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	net_drops_mbuf(m, LA_C_drop_tcp_cksum);

	net_close(), net_open(&(struct net_opts){.offloads = LA_OFF_RX_CKSUM}), rx_common_frame();
	f.b[14 + 11] ^= 1; /* the IP checksum is wrong, too: with the offload only the port's flags count */
	m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	net_rx_mbuf(m);
	cr_assert_eq(fake.nsegs, 1);
	f.b[14 + 11] ^= 1;
	/* NONE: the checksum is not filled in, and the port has verified the data (rte_mbuf_core.h) */
	m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	net_rx_mbuf(m);
	cr_assert_eq(fake.nsegs, 2);
	/* UNKNOWN and BAD are verified in software */
	net_drops(&f, LA_C_drop_tcp_cksum);
	m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
	net_drops_mbuf(m, LA_C_drop_tcp_cksum);
	f.b[f.n - 1] ^= 4;
	m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD | RTE_MBUF_F_RX_IP_CKSUM_BAD;
	net_rx_mbuf(m);
	cr_assert_eq(fake.nsegs, 3, "a correct frame with BAD flags of the port was dropped");
}

/* A port that verifies one of the two checksums: its flag for the other one does not count. */
Test(ingress, checksum_flags_of_half_an_offload)
{
	static const struct {
		uint32_t offloads;
		size_t at; /* the byte that is wrong */
		int drop;  /* 0: the frame arrives */
	} rows[] = {
		{LA_OFF_RX_TCP_CKSUM, 14 + 11, LA_C_drop_ip_cksum},
		{LA_OFF_RX_TCP_CKSUM, 14 + 20 + 20, 0},
		{LA_OFF_RX_IP_CKSUM, 14 + 11, 0},
		{LA_OFF_RX_IP_CKSUM, 14 + 20 + 20, LA_C_drop_tcp_cksum},
	};

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		uint32_t before;
		struct rte_mbuf *m;

		net_close(), net_open(&(struct net_opts){.offloads = rows[i].offloads}), rx_common_frame();
		before = fake.nsegs;
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "abc", 3), f.b[rows[i].at] ^= 4;
		m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		if (rows[i].drop != 0) {
			net_drops_mbuf(m, (enum la_counter)rows[i].drop);
			continue;
		}
		net_rx_mbuf(m);
		cr_assert_eq(fake.nsegs, before + 1, "row %u", i);
	}
}

/* With checksums that the port reports as good, no checksum detects a wrong destination or a length beyond the frame. */
Test(ingress, destinations_and_lengths_without_checksums)
{
	static const char *src[] = {"10.0.0.1", "fd00::1"}, *us[] = {"10.0.0.2", "fd00::2"};
	static const char *other[] = {"10.0.0.3", "fd00::3"};
	struct rte_mbuf *m;

	net_close(), net_open(&(struct net_opts){.offloads = LA_OFF_RX_CKSUM}), rx_common_frame();
	for (unsigned i = 0; i < 2; i++) {
		fr_tcp(&f, src[i], other[i], "", 0);
		m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		net_drops_mbuf(m, LA_C_drop_ip_dst);
		fr_tcp(&f, src[i], us[i], "abc", 3), f.n--;
		m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		net_drops_mbuf(m, LA_C_drop_ip_short);
	}
}

/* The port's flag GOOD does not count behind an extension header: a driver may set it without a verification. */
Test(ingress, checksum_flags_behind_an_extension_header)
{
	static const uint8_t ext[][8] = {
		{LA_IPPROTO_TCP, 0, 1, 4}, /* options of PadN: hop-by-hop (0), destination (60) */
		{LA_IPPROTO_TCP, 0, 0, 0, 0x12, 0x34, 0x56, 0x78}, /* atomic fragment (44) */
	};
	static const uint8_t proto[] = {0, 60, 44};
	uint8_t b[8 + 64];

	net_close(), net_open(&(struct net_opts){.offloads = LA_OFF_RX_CKSUM}), rx_common_frame();
	for (unsigned i = 0; i < RTE_DIM(proto); i++) {
		size_t n;
		struct rte_mbuf *m;

		fr_tcp(&f, "fd00::1", "fd00::2", "abc", 3);
		n = f.n - LA_ETH_LEN - LA_IP6_LEN;
		memcpy(b, ext[proto[i] == 44], 8);
		memcpy(b + 8, f.b + LA_ETH_LEN + LA_IP6_LEN, n);
		fr_ip(&f, "fd00::1", "fd00::2", proto[i], 64, b, n + 8);
		m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		net_rx_mbuf(m);
		cr_assert_eq(fake.nsegs, i + 1, "header %u: a correct segment was dropped", proto[i]);
		f.b[f.n - 1] ^= 4;
		m = fr_mbuf(&f), m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		net_drops_mbuf(m, LA_C_drop_tcp_cksum);
	}
}

/* M-08: Ethernet padding is no payload. */
Test(ingress, padding_is_cut_off)
{
	for (int six = 0; six < 2; six++) {
		const char *src = six ? "fd00::1" : "10.0.0.1", *dst = six ? "fd00::2" : "10.0.0.2";

		fr_tcp(&f, src, dst, "", 0);
		memset(f.b + f.n, 0xee, 46), f.n += 46, net_rx(&f);
		cr_assert_eq(last()->pkt_len, 0);
		fr_tcp(&f, src, dst, "pq", 2);
		memset(f.b + f.n, 0xee, 46), f.n += 46, net_rx(&f);
		expect_payload("pq");
	}
}

Test(ingress, chains_of_every_piece_size)
{
	char text[301];

	for (unsigned i = 0; i < 300; i++)
		text[i] = (char)('a' + i % 23);
	text[300] = 0;
	for (int six = 0; six < 2; six++)
		for (size_t piece = 1; piece < 400; piece += piece < 150 ? 1 : 13) {
			fr_tcp(&f, six ? "fd00::1" : "10.0.0.1", six ? "fd00::2" : "10.0.0.2", text, 300);
			memset(f.b + f.n, 0xee, 40), f.n += 40; /* padding at the end */
			net_rx_mbuf(fr_chain(&f, piece));
			fake.nsegs = 1; /* last() returns the first segment */
			expect_payload(text);
			cr_assert_eq(last()->nb_segs, (f.n - 41) / piece - (f.n - 340) / piece + 1,
				     "piece %zu: %u segments", piece, last()->nb_segs);
			fake.nsegs = 0;
		}
}

Test(ingress, an_empty_payload_in_a_chain_keeps_one_segment)
{
	for (size_t piece = 1; piece < 120; piece++) {
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", "", 0);
		memset(f.b + f.n, 0xee, 40), f.n += 40;
		net_rx_mbuf(fr_chain(&f, piece));
		cr_assert_eq(fake.nsegs, 1);
		cr_assert_eq(last()->pkt_len, 0);
		cr_assert_eq(last()->nb_segs, 1);
		fake.nsegs = 0;
	}
}

Test(ingress, empty_segments_inside_a_chain)
{
	struct rte_mbuf *m, *e = NULL;

	fr_tcp(&f, "10.0.0.1", "10.0.0.2", "0123456789", 10);
	m = fr_chain(&f, 70);
	e = rte_pktmbuf_alloc(net.pool);
	e->next = m->next, m->next = e, m->nb_segs++;
	net_rx_mbuf(m);
	expect_payload("0123456789");
	e = rte_pktmbuf_alloc(net.pool); /* the first segment of the chain is empty */
	cr_assert_eq(rte_pktmbuf_chain(e, fr_chain(&f, 70)), 0);
	net_rx_mbuf(e);
	expect_payload("0123456789");
}

/* Mbufs with shared data are read, never written. */
Test(ingress, indirect_segments)
{
	struct rte_mbuf *m, *copy;

	fr_tcp(&f, "10.0.0.1", "10.0.0.2", "shared bytes", 12);
	for (size_t piece = 10; piece < 90; piece += 10) {
		m = fr_chain(&f, piece);
		copy = rte_pktmbuf_clone(m, net.pool);
		net_rx_mbuf(copy);
		expect_payload("shared bytes");
		for (struct rte_mbuf *s = m, *at = NULL; s; at = s, s = s->next)
			cr_assert(at == NULL || s->data_len > 0);
		cr_assert_arr_eq(rte_pktmbuf_mtod(m, uint8_t *), f.b, 10);
		rte_pktmbuf_free(m);
	}
}

/* A chain longer than any IP packet: all bytes after the packet are padding. */
Test(ingress, a_chain_larger_than_any_packet)
{
	struct rte_mbuf *m, *pad;

	fr_tcp(&f, "fd00::1", "fd00::2", "tiny", 4);
	m = fr_chain(&f, 30);
	while (m->pkt_len <= LA_FRAME_MAX) {
		pad = rte_pktmbuf_alloc(net.pool);
		memset(rte_pktmbuf_append(pad, 2000), 0xee, 2000);
		cr_assert_eq(rte_pktmbuf_chain(m, pad), 0);
	}
	net_rx_mbuf(m);
	expect_payload("tiny");
	cr_assert_eq(last()->nb_segs, 1);
}

/* The longest payload, in a chain with its headers in the first mbuf, and with its headers split. */
Test(ingress, the_longest_packet)
{
	enum { LEN = 65535 - LA_TCP_LEN - 12 };
	static struct {
		uint8_t b[LA_ETH_LEN + LA_IP6_LEN + 65535];
	} big;

	for (size_t piece = 64; piece <= 2000; piece += 1936) {
		struct la_addr src = A("fd00::1"), dst = A("fd00::2");
		struct rte_mbuf *m = NULL;

		fr_tcp(&f, "fd00::1", "fd00::2", "", 0);
		memcpy(big.b, f.b, f.n);
		memset(big.b + f.n, 0, LEN); /* zeros do not change the sum */
		la_ip6_write(big.b + LA_ETH_LEN, &src, &dst, LA_IPPROTO_TCP, 64, 65535);
		for (size_t at = 0; at < sizeof(big.b); at += piece) {
			struct rte_mbuf *p = rte_pktmbuf_alloc(net.pool);
			size_t n = RTE_MIN(piece, sizeof(big.b) - at);

			memcpy(rte_pktmbuf_append(p, (uint16_t)n), big.b + at, n);
			if (!m)
				m = p;
			else
				cr_assert_eq(rte_pktmbuf_chain(m, p), 0);
		}
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		net.s->offloads = LA_OFF_RX_CKSUM;
		net_rx_mbuf(m);
		cr_assert_eq(last()->pkt_len, LEN);
		fake.nsegs = 0;
	}
}

static unsigned ext_freed;

static void
ext_free(void *addr, void *opaque)
{
	(void)addr, (void)opaque;
	ext_freed++;
}

Test(ingress, external_buffers)
{
	static struct rte_mbuf_ext_shared_info info;
	static uint8_t wall[FRAME_ROOM]; /* must not be written */
	struct rte_mbuf *m = rte_pktmbuf_alloc(net.pool);

	fr_tcp(&f, "10.0.0.1", "10.0.0.2", "outside", 7);
	memcpy(wall, f.b, f.n);
	info.free_cb = ext_free;
	rte_mbuf_ext_refcnt_set(&info, 1);
	rte_pktmbuf_attach_extbuf(m, wall, RTE_BAD_IOVA, sizeof(wall), &info);
	rte_pktmbuf_append(m, (uint16_t)f.n);
	net_rx_mbuf(m);
	expect_payload("outside");
	cr_assert_arr_eq(wall, f.b, f.n);
	cr_assert_eq(ext_freed, 1);
}

Test(ingress, bursts_reach_tcp_in_one_call_and_in_order)
{
	struct rte_mbuf *m[150];
	char digit[4];

	for (unsigned i = 0; i < 150; i++) {
		snprintf(digit, sizeof(digit), "%03u", i);
		fr_tcp(&f, "10.0.0.1", "10.0.0.2", digit, 3);
		m[i] = fr_mbuf(&f);
	}
	rte_pktmbuf_free(m[70]); /* a frame of another type in between */
	fr_echo(&f, "10.0.0.1", "10.0.0.2", 10), m[70] = fr_mbuf(&f);
	la_shard_rx(net.s, net.now, m, 150);
	cr_assert_eq(fake.calls, 3);
	cr_assert_eq(fake.largest, 64);
	cr_assert_eq(fake.nsegs, 149);
	for (unsigned i = 0; i < 149; i++) {
		snprintf(digit, sizeof(digit), "%03u", i < 70 ? i : i + 1);
		cr_assert_arr_eq(fake.segs[i].data, digit, 3);
	}
	cr_assert(net_tx(&f) && f.eth.type == LA_ETH_IP4);
	cr_assert_eq(net_count(LA_C_rx_packets), 150);
}

/* The caller takes no frames. TCP gets no burst until there is room for the answers to the burst. */
Test(ingress, no_room_for_answers)
{
	struct rte_mbuf *m;
	unsigned sent = 0, room;
	struct fr *in = &(struct fr){0};

	net_resolve("10.0.0.1", PEER);
	fr_tcp(in, "10.0.0.1", "10.0.0.2", "x", 1);
	do { /* the fake asserts that there is room at each call */
		room = LA_TCP_OUT_MAX - (net.s->tcp.out_n - net.s->tcp.out_head);
		if (room > 100)
			room = 100;
		for (unsigned i = 0; i < room; i++)
			net_send("10.0.0.1");
		sent += room;
		net_rx(in);
	} while (net_count(LA_C_out_full) == 0);
	cr_assert(sent >= LA_TX_MAX + LA_TCP_OUT_MAX - LA_TCP_OUT_BURST);
	room = fake.nsegs;
	net_rx(in);
	cr_assert_eq(fake.nsegs, room);
	cr_assert_eq(net_count(LA_C_out_full), 2);
	/* our own frames are dropped under the same counter */
	fr_echo(in, "10.0.0.1", "10.0.0.2", 8), net_rx(in);
	cr_assert_eq(net_count(LA_C_out_full), 3);
	/* taken frames make room at once, though the array is not empty */
	for (unsigned i = 0; i < LA_TCP_OUT_MAX; i++, sent--)
		cr_assert(net_tx(in));
	fr_tcp(in, "10.0.0.1", "10.0.0.2", "x", 1), net_rx(in);
	cr_assert_eq(fake.nsegs, ++room);
	while (la_shard_tx(net.s, &m, 1))
		rte_pktmbuf_free(m), sent--;
	cr_assert_eq(sent, 0, "%u packets lost", sent);
	fr_tcp(in, "10.0.0.1", "10.0.0.2", "x", 1), net_rx(in);
	cr_assert_eq(fake.nsegs, room + 1);
}
