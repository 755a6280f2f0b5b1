/* SPDX-License-Identifier: BSD-3-Clause */

#include "net_test.h"

#include <rte_mempool.h>

#include "../support/eal.h"
#include "wire/cksum.h"

struct net_fixture net;

const uint8_t US[6] = {2, 0, 0, 0, 0, 2}, PEER[6] = {2, 0, 0, 0, 0, 1}, OTHER[6] = {2, 0, 0, 0, 0, 9};
const uint8_t BCAST[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

struct rte_mempool *
net_pool(void)
{
	if (!net.pool) {
		cr_assert(test_eal_start() >= 0, "the EAL did not start");
		net.pool = test_pool_make("net", POOL);
		cr_assert(net.pool);
	}
	return net.pool;
}

struct la_addr
A(const char *text) {
	struct la_addr a;

	cr_assert(la_addr_parse(text, &a) == 0, "%s", text);
	return a;
}

uint64_t
net_count(enum la_counter c)
{
	return la_shard_counters(net.s)->v[c];
}

void
net_open_raw(const struct net_opts *o)
{
	static struct la_prefix addrs[2], ranges[2];
	struct net_opts none = {0};

	if (!o)
		o = &none;
	addrs[0] = (struct la_prefix){A("10.0.0.2"), 24};
	addrs[1] = (struct la_prefix){A("fd00::2"), 64};
	ranges[0] = (struct la_prefix){A("10.9.0.0"), 16};
	ranges[1] = (struct la_prefix){A("fd09::"), 112};
	net_pool();
	net.now = 1000000;
	net.cfg = (struct la_shard_config){
		.mbufs = net.pool,
		.secret = {1, 2, 3},
		.now = net.now,
		.vlan = net.vlan,
		.offloads = o->offloads,
		.addrs = addrs,
		.naddrs = o->only4 ? 1 : 2,
		.ranges = ranges,
		.nranges = o->no_ranges ? 0
			   : o->only4	? 1
					: 2,
		.no_dad = !o->dad,
		.max_neighbours = o->max_neighbours,
	};
	memcpy(net.cfg.mac, US, 6);
	if (!o->no_gateways) {
		net.cfg.gateway4 = A("10.0.0.254");
		net.cfg.gateway6 = A("fd00::fe");
	}
	net.avail = rte_mempool_avail_count(net.pool);
	cr_assert_eq(la_shard_create(&net.cfg, &net.s), 0);
}

void
net_open(const struct net_opts *o)
{
	struct fr f;

	net_open_raw(o);
	while (net_tx(&f))
		;
	for (unsigned i = 0; i < 2; i++) {
		struct la_neigh *n = la_neigh_find(&net.s->neigh, i ? &net.cfg.gateway6 : &net.cfg.gateway4);

		if (n && !(o && o->ask_gateways))
			la_resolve_drop(net.s, n, LA_NCOUNTERS);
	}
}

void
net_close(void)
{
	cr_assert_eq(la_neigh_check(&net.s->neigh, stderr), 0);
	la_shard_destroy(net.s);
	net.s = NULL;
	cr_assert_eq(rte_mempool_avail_count(net.pool), net.avail, "%d mbufs are missing",
		     (int)net.avail - (int)rte_mempool_avail_count(net.pool));
}

void
fr_eth(struct fr *f, const uint8_t dst[6], const uint8_t src[6], uint16_t type)
{
	struct la_eth e = {.type = type, .vlan = net.vlan};

	memset(f, 0, sizeof(*f));
	memcpy(e.dst, dst, 6);
	memcpy(e.src, src, 6);
	f->n = la_eth_write(f->b, &e);
}

void
fr_arp(struct fr *f, uint16_t op, const uint8_t sha[6], const char *spa, const uint8_t tha[6], const char *tpa)
{
	struct la_arp a = {.op = op, .spa = A(spa).w[3], .tpa = A(tpa).w[3]};

	memcpy(a.sha, sha, 6);
	if (tha)
		memcpy(a.tha, tha, 6);
	fr_eth(f, tha ? tha : BCAST, sha, LA_ETH_ARP);
	la_arp_write(f->b + f->n, &a);
	f->n += LA_ARP_LEN;
}

void
fr_ip(struct fr *f, const char *src, const char *dst, uint8_t proto, uint8_t ttl, const void *payload, size_t len)
{
	struct la_addr s = A(src), d = A(dst);
	uint8_t group[6];
	const uint8_t *mac = US;

	if (!la_addr_is4(&d) && la_ip_is_multicast(&d)) {
		la_nd_multicast_mac(&d, group);
		mac = group;
	}
	if (la_addr_is4(&d)) {
		fr_eth(f, mac, PEER, LA_ETH_IP4);
		f->n += la_ip4_write(f->b + f->n, &s, &d, proto, ttl, (uint16_t)len, true);
	} else {
		fr_eth(f, mac, PEER, LA_ETH_IP6);
		f->n += la_ip6_write(f->b + f->n, &s, &d, proto, ttl, (uint16_t)len);
	}
	memcpy(f->b + f->n, payload, len);
	f->n += len;
}

/* Fills in the checksum of len bytes, at offset `at`; with a pseudo-header unless proto is ICMP, that is ICMPv4. */
static void
put_cksum(uint8_t *p, size_t len, size_t at, const char *src, const char *dst, uint8_t proto)
{
	struct la_addr s = A(src), d = A(dst);
	uint32_t sum = proto == LA_IPPROTO_ICMP ? 0 : la_cksum_pseudo(&s, &d, proto, (uint32_t)len);
	uint16_t v;

	memset(p + at, 0, 2);
	v = la_cksum_finish(la_cksum_add(sum, p, len));
	memcpy(p + at, &v, 2);
}

void
fr_tcp(struct fr *f, const char *src, const char *dst, const void *payload, size_t len)
{
	struct la_tcp_hdr h = {.seq = 1000,
			       .ack = 2000,
			       .sport = 1024,
			       .dport = 80,
			       .wnd = 512,
			       .flags = LA_ACK,
			       .opts = LA_OPT_TS,
			       .tsval = 5,
			       .tsecr = 6};
	uint8_t b[FRAME_ROOM];
	size_t n = la_tcp_write(b, &h);

	memcpy(b + n, payload, len);
	put_cksum(b, n + len, LA_TCP_CKSUM_OFF, src, dst, LA_IPPROTO_TCP);
	fr_ip(f, src, dst, LA_IPPROTO_TCP, 64, b, n + len);
}

void
fr_ns(struct fr *f, const char *src, const char *dst, const char *target, const uint8_t *mac)
{
	struct la_addr s = A(src), d = A(dst), t = A(target);
	uint8_t b[64];

	fr_ip(f, src, dst, LA_IPPROTO_ICMP6, 255, b, la_nd_solicit_write(b, &s, &d, &t, mac));
}

void
fr_na(struct fr *f, const char *src, const char *dst, const char *target, const uint8_t *mac, const char *flags)
{
	struct la_addr s = A(src), d = A(dst), t = A(target);
	uint8_t b[64], none[6] = {0};
	size_t n = la_nd_advert_write(b, &s, &d, &t, mac ? mac : none, strchr(flags, 's') != NULL,
				      strchr(flags, 'o') != NULL);

	if (!mac)
		n -= 8;
	put_cksum(b, n, 2, src, dst, LA_IPPROTO_ICMP6);
	fr_ip(f, src, dst, LA_IPPROTO_ICMP6, 255, b, n);
}

void
fr_echo(struct fr *f, const char *src, const char *dst, size_t len)
{
	struct la_addr d = A(dst);
	bool is4 = la_addr_is4(&d);
	uint8_t b[FRAME_ROOM] = {is4 ? 8 : 128, 0, 0, 0, 0x12, 0x34, 0, 1};

	for (size_t i = 0; i < len; i++)
		b[8 + i] = (uint8_t)(i * 7);
	put_cksum(b, 8 + len, 2, src, dst, is4 ? LA_IPPROTO_ICMP : LA_IPPROTO_ICMP6);
	fr_ip(f, src, dst, is4 ? LA_IPPROTO_ICMP : LA_IPPROTO_ICMP6, 64, b, 8 + len);
}

void
fr_error(struct fr *f, const char *from, const char *to, uint8_t type, uint8_t code, uint32_t rest, const char *src,
	 const char *dst, uint32_t seq)
{
	struct la_addr s = A(src), d = A(dst);
	bool is4 = la_addr_is4(&s);
	uint8_t b[128] = {type,		code, 0, 0, (uint8_t)(rest >> 24), (uint8_t)(rest >> 16), (uint8_t)(rest >> 8),
			  (uint8_t)rest};
	struct la_tcp_hdr h = {.sport = 80, .dport = 1024, .seq = seq};
	size_t n = 8;

	if (is4)
		n += la_ip4_write(b + n, &s, &d, LA_IPPROTO_TCP, 64, 20, true);
	else
		n += la_ip6_write(b + n, &s, &d, LA_IPPROTO_TCP, 64, 20);
	n += la_tcp_write(b + n, &h);
	put_cksum(b, n, 2, from, to, is4 ? LA_IPPROTO_ICMP : LA_IPPROTO_ICMP6);
	fr_ip(f, from, to, is4 ? LA_IPPROTO_ICMP : LA_IPPROTO_ICMP6, 64, b, n);
}

struct rte_mbuf *
fr_mbuf(const struct fr *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(net.pool);

	cr_assert(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)f->n), f->b, f->n);
	return m;
}

struct rte_mbuf *
fr_chain(const struct fr *f, size_t piece)
{
	struct rte_mbuf *head = NULL;

	for (size_t at = 0; at < f->n; at += piece) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(net.pool);
		size_t n = RTE_MIN(piece, f->n - at);

		cr_assert(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), f->b + at, n);
		if (!head)
			head = m;
		else
			cr_assert_eq(rte_pktmbuf_chain(head, m), 0);
	}
	return head;
}

void
net_rx_mbuf(struct rte_mbuf *m)
{
	la_shard_rx(net.s, net.now, &m, 1);
}

void
net_rx(const struct fr *f)
{
	net_rx_mbuf(fr_mbuf(f));
}

void
net_drops_mbuf(struct rte_mbuf *m, enum la_counter c)
{
	struct la_counters before = *la_shard_counters(net.s);
	unsigned segs = fake.nsegs, icmp = fake.nicmp;

	net_rx_mbuf(m);
	for (unsigned i = LA_C_rx_bytes + 1; i < LA_NCOUNTERS; i++)
		cr_assert_eq(net_count(i), before.v[i] + (i == c), "%s: %lu, was %lu; expected %s", la_counter_name(i),
			     net_count(i), before.v[i], c < LA_NCOUNTERS ? la_counter_name(c) : "no drop");
	cr_assert_eq(net_count(LA_C_rx_packets), before.v[LA_C_rx_packets] + 1);
	cr_assert_eq(fake.nsegs, segs);
	cr_assert_eq(fake.nicmp, icmp);
	net_quiet();
}

void
net_drops(const struct fr *f, enum la_counter c)
{
	net_drops_mbuf(fr_mbuf(f), c);
}

bool
net_tx(struct fr *f)
{
	struct rte_mbuf *m;
	const void *p;
	size_t hdr;

	memset(f, 0, sizeof(*f));
	if (la_shard_tx(net.s, &m, 1) == 0)
		return false;
	f->n = m->pkt_len;
	cr_assert(f->n <= FRAME_ROOM);
	p = rte_pktmbuf_read(m, 0, m->pkt_len, f->b);
	if (p != f->b)
		memcpy(f->b, p, f->n);
	cr_assert_eq(la_eth_parse(f->b, f->n, &f->eth), LA_WIRE_OK);
	cr_assert_eq(f->eth.vlan, net.vlan);
	cr_assert_eq(m->l2_len, f->eth.len);
	cr_assert_eq(m->ol_flags, 0, "a transmitted frame has receive flags or offloads");
	rte_pktmbuf_free(m);
	assert_mac(f->eth.src, US);
	hdr = f->eth.len;
	if (f->eth.type == LA_ETH_ARP) {
		cr_assert_eq(la_arp_parse(f->b + hdr, f->n - hdr, &f->arp), LA_WIRE_OK);
		return true;
	}
	if (f->eth.type == LA_ETH_IP4)
		cr_assert_eq(la_ip4_parse(f->b + hdr, f->n - hdr, false, &f->ip), LA_WIRE_OK);
	else
		cr_assert_eq(la_ip6_parse(f->b + hdr, f->n - hdr, &f->ip), LA_WIRE_OK);
	hdr += f->ip.hlen;
	if (f->ip.proto == LA_IPPROTO_ICMP)
		cr_assert_eq(la_icmp4_parse(f->b + hdr, f->ip.plen, &f->icmp), LA_WIRE_OK);
	else if (f->ip.proto == LA_IPPROTO_ICMP6)
		cr_assert_eq(la_icmp6_parse(f->b + hdr, f->ip.plen, &f->ip, &f->icmp), LA_WIRE_OK);
	return true;
}

void
net_quiet(void)
{
	struct rte_mbuf *m;

	cr_assert_eq(la_shard_tx(net.s, &m, 1), 0, "a frame was transmitted");
}

void
net_run(uint64_t ms)
{
	uint64_t end = net.now + ms;

	while (net.now < end) {
		uint64_t next = la_shard_next(net.s);

		if (next > net.now)
			net.now = RTE_MIN(next, end);
		while (la_shard_poll(net.s, net.now))
			;
		if (net.now < end)
			cr_assert(la_shard_next(net.s) > net.now, "la_shard_poll() left a timer that is due");
	}
}

void
net_send(const char *dst)
{
	struct la_addr d = A(dst), s = la_addr_is4(&d) ? A("10.0.0.2") : A("fd00::2");

	fake_tcp_send(&net.s->tcp, &s, &d, 20);
}

void
net_resolve(const char *addr, const uint8_t mac[6])
{
	struct la_addr a = A(addr);
	struct fr f;

	net_send(addr);
	cr_assert(net_tx(&f));
	net_quiet();
	if (la_addr_is4(&a))
		fr_arp(&f, LA_ARP_REPLY, mac, addr, US, "10.0.0.2");
	else
		fr_na(&f, addr, "fd00::2", addr, mac, "so");
	net_rx(&f);
	cr_assert(net_tx(&f));
	assert_mac(f.eth.dst, mac);
	net_quiet();
	cr_assert_eq(la_neigh_find(&net.s->neigh, &a)->state, LA_NEIGH_REACHABLE);
}
