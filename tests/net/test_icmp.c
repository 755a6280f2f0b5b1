/* SPDX-License-Identifier: BSD-3-Clause */

/* ICMP and ICMPv6: echo requests, and errors that quote a segment. */

#include "net_test.h"

static struct fr f, q;

static void
setup(void)
{
	net_open(NULL);
}

TestSuite(icmp, .init = setup, .fini = net_close);

static void
expect_echo(size_t len, bool six)
{
	size_t at;

	cr_assert(net_tx(&f), "no reply");
	assert_mac(f.eth.dst, PEER);
	at = f.eth.len + f.ip.hlen;
	cr_assert_eq(f.b[at], six ? 129 : 0);
	cr_assert_eq(f.ip.plen, 8 + len);
	cr_assert_eq(f.n, at + 8 + len);
	cr_assert_eq(f.ip.ttl, 64);
	cr_assert(la_addr_eq(&f.ip.src, &(struct la_addr[]){six ? A("fd00::2") : A("10.0.0.2")}[0]));
	cr_assert(la_addr_eq(&f.ip.dst, &(struct la_addr[]){six ? A("fd00::1") : A("10.0.0.1")}[0]));
	cr_assert_arr_eq(f.b + at + 4, q.b + f.eth.len + (six ? 40 : 20) + 4, 4 + len);
	net_quiet();
}

/* M-10: RFC 1122 3.2.2.6 and RFC 4443 4.2. */
Test(icmp_create, echo)
{
	FOR_FAMILIES_AND_TAGS
	{
		const char *src = six ? "fd00::1" : "10.0.0.1", *dst = six ? "fd00::2" : "10.0.0.2";
		static const size_t len[] = {0, 1, 56, 1400};
		struct rte_mbuf *m;

		net_open(NULL);
		for (unsigned i = 0; i < RTE_DIM(len); i++) {
			fr_echo(&q, src, dst, len[i]), net_rx(&q);
			expect_echo(len[i], six);
			net_rx_mbuf(fr_chain(&q, 37));
			expect_echo(len[i], six);
			m = fr_mbuf(&q), m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
			net_rx_mbuf(m);
			expect_echo(len[i], six);
		}
		cr_assert_eq(net_count(LA_C_icmp_echo), 12);
		cr_assert_eq(la_neigh_count(&net.s->neigh), 0, "a ping made a neighbour");
		net_close();
	}
}

Test(icmp, echo_padding_is_not_echoed)
{
	fr_echo(&q, "10.0.0.1", "10.0.0.2", 3), q.n = 60, net_rx(&q);
	expect_echo(3, false);
}

Test(icmp, echo_of_a_shared_buffer_is_a_copy)
{
	struct rte_mbuf *m, *mine;

	fr_echo(&q, "10.0.0.1", "10.0.0.2", 30);
	m = fr_mbuf(&q);
	mine = rte_pktmbuf_clone(m, net.pool);
	net_rx_mbuf(mine);
	cr_assert_arr_eq(rte_pktmbuf_mtod(m, uint8_t *), q.b, q.n);
	rte_pktmbuf_free(m);
	expect_echo(30, false);
	m = fr_mbuf(&q), rte_mbuf_refcnt_update(m, 1);
	net_rx_mbuf(m);
	cr_assert_arr_eq(rte_pktmbuf_mtod(m, uint8_t *), q.b, q.n);
	rte_pktmbuf_free(m);
	expect_echo(30, false);
	/* an mbuf without headroom */
	m = fr_mbuf(&q), memmove(m->buf_addr, q.b, q.n), m->data_off = 0;
	net_rx_mbuf(m);
	expect_echo(30, false);
}

Test(icmp, echo_with_ip_options_is_answered_without)
{
	fr_echo(&q, "10.0.0.1", "10.0.0.2", 4);
	f = q;
	memmove(f.b + 34 + 4, f.b + 34, f.n - 34), memset(f.b + 34, 1, 4), f.n += 4;
	f.b[14] = 0x46, f.b[14 + 3] = (uint8_t)(f.b[14 + 3] + 4);
	/* header sum: two more words of 0x0101, a length larger by 4, and 0x0100 for the IHL */
	for (unsigned add = 0x0101 * 2 + 4 + 0x0100; add; add--) {
		uint16_t c = (uint16_t)(f.b[24] << 8 | f.b[25]);

		c = c ? (uint16_t)(c - 1) : 0xfffe;
		f.b[24] = (uint8_t)(c >> 8), f.b[25] = (uint8_t)c;
	}
	net_rx(&f);
	expect_echo(4, false);
}

Test(icmp, echo_not_answered)
{
	fr_echo(&q, "10.0.0.1", "10.0.0.255", 4), net_drops(&q, LA_C_drop_icmp_type);
	fr_echo(&q, "10.0.0.1", "224.0.0.1", 4), net_drops(&q, LA_C_drop_icmp_type);
	fr_echo(&q, "fd00::1", "ff02::1", 4), net_drops(&q, LA_C_drop_icmp_type);
	fr_echo(&q, "10.0.0.1", "10.0.0.2", 4), memcpy(q.b, BCAST, 6);
	net_drops(&q, LA_C_drop_icmp_type);
	fr_echo(&q, "10.0.0.2", "10.0.0.2", 4), net_drops(&q, LA_C_drop_ip_src);
	fr_echo(&q, "fd00::2", "fd00::2", 4), net_drops(&q, LA_C_drop_ip_src);
	fr_echo(&q, "::", "fd00::2", 4), net_drops(&q, LA_C_drop_ip_src);
	fr_echo(&q, "fd00::1", "fd00::3", 4), net_drops(&q, LA_C_drop_ip_dst);
	fr_echo(&q, "10.0.0.1", "10.0.0.2", 4), q.b[q.n - 1] ^= 1;
	net_drops(&q, LA_C_drop_icmp_bad);
	fr_echo(&q, "fd00::1", "fd00::2", 4), q.b[q.n - 1] ^= 1;
	net_drops(&q, LA_C_drop_icmp_bad);
	fr_ip(&q, "10.0.0.1", "10.0.0.2", LA_IPPROTO_ICMP, 64, "\x08\0\xf7\xff", 4);
	net_drops(&q, LA_C_drop_icmp_bad);
	fr_echo(&q, "10.0.0.1", "10.0.0.2", 1480), net_drops(&q, LA_C_drop_icmp_type); /* larger than the MTU */
}

Test(icmp, echo_is_throttled)
{
	unsigned answered = 0;

	fr_echo(&q, "10.0.0.1", "10.0.0.2", 4);
	for (unsigned i = 0; i < LA_ECHO_BURST + 50; i++)
		net_rx(&q);
	while (net_tx(&f))
		answered++;
	cr_assert_eq(answered, LA_ECHO_BURST);
	cr_assert_eq(net_count(LA_C_drop_icmp_throttled), 50);
	net.now += 3; /* 3 ms later three more are answered */
	for (unsigned i = 0; i < 5; i++)
		net_rx(&q);
	cr_assert_eq(net_count(LA_C_icmp_echo), LA_ECHO_BURST + 3);
	net.now += 3600000; /* after an hour the burst is not larger */
	for (unsigned i = 0; i < LA_ECHO_BURST + 1; i++)
		net_rx(&q);
	cr_assert_eq(net_count(LA_C_icmp_echo), 2 * LA_ECHO_BURST + 3);
	while (net_tx(&f))
		;
}

Test(icmp, no_mbuf_for_a_copy)
{
	struct rte_mbuf *all[POOL], *m;
	unsigned n = 0;

	fr_echo(&q, "10.0.0.1", "10.0.0.2", 4);
	m = fr_chain(&q, 20);
	while ((all[n] = rte_pktmbuf_alloc(net.pool)) != NULL)
		n++;
	net_drops_mbuf(m, LA_C_mbuf_exhausted);
	rte_pktmbuf_free_bulk(all, n);
}

static void
expect_error(enum la_tcp_icmp what, uint32_t mtu, bool six)
{
	struct la_addr us = six ? A("fd00::2") : A("10.0.0.2");
	struct la_addr peer = six ? A("2001:db8::7") : A("203.0.113.7");
	unsigned n = fake.nicmp;

	net_rx(&q);
	cr_assert_eq(fake.nicmp, n + 1, "the error did not reach TCP");
	cr_assert_eq(fake.icmp_what, what);
	cr_assert_eq(fake.icmp_mtu, mtu);
	cr_assert_eq(fake.icmp_seq, 0xdeadbeef);
	cr_assert(la_addr_eq(&fake.icmp_tuple.laddr, &us) && la_addr_eq(&fake.icmp_tuple.raddr, &peer));
	cr_assert_eq(fake.icmp_tuple.lport, 80);
	cr_assert_eq(fake.icmp_tuple.rport, 1024);
	net_quiet();
}

static void
err4(uint8_t type, uint8_t code, uint32_t rest)
{
	fr_error(&q, "198.51.100.1", "10.0.0.2", type, code, rest, "10.0.0.2", "203.0.113.7", 0xdeadbeef);
}

static void
err6(uint8_t type, uint8_t code, uint32_t rest)
{
	fr_error(&q, "2001:db8::1", "fd00::2", type, code, rest, "fd00::2", "2001:db8::7", 0xdeadbeef);
}

Test(icmp, errors_reach_tcp)
{
	err4(3, 0, 0), expect_error(LA_TCP_ICMP_SOFT, 0, false);
	err4(3, 1, 0), expect_error(LA_TCP_ICMP_SOFT, 0, false);
	err4(11, 0, 0), expect_error(LA_TCP_ICMP_SOFT, 0, false);
	err4(3, 3, 0), expect_error(LA_TCP_ICMP_HARD, 0, false);
	err4(3, 2, 0), expect_error(LA_TCP_ICMP_HARD, 0, false);
	err4(3, 4, 1400), expect_error(LA_TCP_ICMP_PMTU, 1400, false);
	err4(3, 4, 0), expect_error(LA_TCP_ICMP_PMTU, 0, false);
	err6(1, 0, 0), expect_error(LA_TCP_ICMP_SOFT, 0, true);
	err6(1, 4, 0), expect_error(LA_TCP_ICMP_HARD, 0, true);
	err6(2, 0, 1300), expect_error(LA_TCP_ICMP_PMTU, 1300, true);
	err6(3, 0, 0), expect_error(LA_TCP_ICMP_SOFT, 0, true);
}

Test(icmp, errors_that_match_nothing)
{
	/* quotes a packet from another address */
	fr_error(&q, "198.51.100.1", "10.0.0.2", 3, 3, 0, "10.0.0.3", "203.0.113.7", 1);
	net_drops(&q, LA_C_icmp_unmatched);
	fr_error(&q, "2001:db8::1", "fd00::2", 1, 4, 0, "fd00::3", "2001:db8::7", 1);
	net_drops(&q, LA_C_icmp_unmatched);
	/* quotes a UDP packet */
	err4(3, 3, 0), q.b[14 + 20 + 8 + 9] = 17, q.b[14 + 20 + 2]--;
	fr_ip(&q, "10.0.0.1", "10.0.0.2", LA_IPPROTO_ICMP, 64, "\x03\x03\xfc\xfc\0\0\0\0", 8);
	net_drops(&q, LA_C_icmp_unmatched);
	/* an error to a group address */
	fr_error(&q, "2001:db8::1", "ff02::1", 1, 4, 0, "fd00::2", "2001:db8::7", 1);
	net_drops(&q, LA_C_icmp_unmatched);
	err4(3, 3, 0), q.b[q.n - 1] ^= 1, net_drops(&q, LA_C_drop_icmp_bad);
}

Test(icmp, other_types_are_dropped)
{
	err4(4, 0, 0), net_drops(&q, LA_C_drop_icmp_type);   /* M-05: source quench, MUST-55 */
	err4(5, 1, 0), net_drops(&q, LA_C_drop_icmp_type);   /* redirect */
	err4(0, 0, 0), net_drops(&q, LA_C_drop_icmp_type);   /* echo reply */
	err6(134, 0, 0), net_drops(&q, LA_C_drop_icmp_type); /* router advertisement */
	err6(137, 0, 0), net_drops(&q, LA_C_drop_icmp_type); /* redirect */
	err6(129, 0, 0), net_drops(&q, LA_C_drop_icmp_type);
}
