/* SPDX-License-Identifier: BSD-3-Clause */

/* The shard that steering chooses for a frame or a tuple, and the tuples of each shard. */

#include "steer_test.h"

static uint64_t rng = 88172645463325252ull;

static uint32_t
rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 16);
}

static struct la_tuple
any_tuple(bool is4)
{
	struct la_tuple t = {.lport = (uint16_t)rnd(), .rport = (uint16_t)rnd()};

	if (is4) {
		t.laddr = la_addr_from4(rnd());
		t.raddr = la_addr_from4(rnd());
		return t;
	}
	for (unsigned i = 0; i < 4; i++) {
		t.laddr.w[i] = rnd();
		t.raddr.w[i] = rnd();
	}
	return t;
}

static struct la_tuple
swapped(const struct la_tuple *t)
{
	return (struct la_tuple){t->raddr, t->laddr, t->rport, t->lport};
}

Test(steer, hash_is_the_nics_in_both_directions)
{
	struct la_steer s;

	la_steer_init(&s, 5);
	for (unsigned i = 0; i < 20000; i++) {
		struct la_tuple t = any_tuple(i & 1), back = swapped(&t);
		uint32_t h = nic_hash(&t);

		cr_assert_eq(la_steer_hash(&s, &t), h, "%08x, not %08x", la_steer_hash(&s, &t), h);
		cr_assert_eq(nic_hash(&back), h);
		cr_assert_eq(la_steer_tuple(&s, &t), h % 128 % 5);
		cr_assert_eq(la_steer_tuple(&s, &back), h % 128 % 5);
	}
}

Test(steer, shards_get_even_parts)
{
	for (unsigned n = 1; n <= 16; n++) {
		unsigned got[16] = {0};
		struct la_steer s;

		la_steer_init(&s, n);
		for (unsigned i = 0; i < 16000; i++) {
			struct la_tuple t = any_tuple(i & 1);

			got[la_steer_tuple(&s, &t)]++;
		}
		for (unsigned i = 0; i < n; i++)
			cr_assert(got[i] * n > 12000 && got[i] * n < 20000, "%u of %u: %u", i, n, got[i]);
	}
}

/* ---- frames ---- */

static void
tcp(struct frame *f, const struct la_tuple *t, unsigned options, uint16_t vlan)
{
	uint8_t *p = ip(f, t, LA_IPPROTO_TCP, 20, options, vlan);

	la_put16(p, t->rport);
	la_put16(p + 2, t->lport);
	p[12] = 5 << 4;
}

/* Returns the shard of a frame. cut: bytes in the first mbuf of a chain; 0: one mbuf. */
static int
steered(const struct la_steer *s, struct frame *f, size_t cut)
{
	f->m = (struct rte_mbuf){
		.buf_addr = f->b, .nb_segs = 1, .pkt_len = (uint32_t)f->len, .data_len = (uint16_t)f->len};
	if (cut != 0 && cut < f->len) {
		f->rest = f->m;
		f->rest.data_off = (uint16_t)cut;
		f->rest.data_len = (uint16_t)(f->len - cut);
		f->m.data_len = (uint16_t)cut;
		f->m.nb_segs = 2;
		f->m.next = &f->rest;
	}
	return la_steer_frame(s, &f->m);
}

Test(steer, tcp_by_its_tuple_however_it_is_wrapped)
{
	static const unsigned options[] = {0, 8, 40};
	static const size_t cuts[] = {0, 1, 14, 20, 40, 60, 70};
	static struct frame f;
	struct la_steer s;

	la_steer_init(&s, 7);
	for (unsigned i = 0; i < 2000; i++) {
		struct la_tuple t = any_tuple(i & 1);
		size_t cut = cuts[rnd() % 7];
		int want;

		t.laddr.b[0] &= 0x7f; /* no multicast address */
		want = (int)(nic_hash(&t) % 128 % 7);
		tcp(&f, &t, options[rnd() % 3], rnd() % 2 ? 7 : 0);
		cr_assert_eq(steered(&s, &f, cut), want, "round %u, cut %zu", i, cut);
	}
}

Test(steer, frames_without_a_tuple_go_to_the_first)
{
	struct la_tuple t4 = {addr("10.0.0.2"), addr("10.0.0.1"), 80, 0}, t6 = t4;
	static struct frame f;
	struct la_steer s;
	uint8_t *p;

	la_steer_init(&s, 4);
	t6.laddr = addr("fd00::2");
	t6.raddr = addr("fd00::1");
	for (unsigned port = 1; port < 64; port++) { /* for all ports */
		t4.rport = t6.rport = (uint16_t)port;
		tcp(&f, &t4, 0, 0);
		la_put16(f.b + 14 + 6, 0x2000); /* more fragments */
		cr_assert_eq(steered(&s, &f, 0), 0);
		tcp(&f, &t4, 0, 0);
		la_put16(f.b + 14 + 6, 100); /* a later fragment */
		cr_assert_eq(steered(&s, &f, 0), 0);
		p = ip(&f, &t6, 44, 28, 0, 0); /* a first fragment: TCP follows the fragment header */
		p[0] = LA_IPPROTO_TCP;
		la_put16(p + 2, 1);
		la_put16(p + 8, (uint16_t)port);
		cr_assert_eq(steered(&s, &f, 0), 0);
		p = ip(&f, &t4, 17, 20, 0, 0); /* UDP */
		la_put16(p, (uint16_t)port);
		cr_assert_eq(steered(&s, &f, 0), 0);
		tcp(&f, &t4, 0, 0);
		f.len = 14 + 20 + 3; /* cut off within the ports */
		cr_assert_eq(steered(&s, &f, 0), 0);
	}
	for (size_t len = 0; len < 60; len++) {
		eth(&f, 0x88cc, 0);
		f.len = len;
		cr_assert_eq(steered(&s, &f, 0), 0);
	}
}

static int
arp(const struct la_steer *s, uint16_t op, const char *spa, const char *tpa)
{
	static struct frame f;
	struct la_arp a = {.op = op, .spa = addr(spa).w[3], .tpa = addr(tpa).w[3]};

	eth(&f, LA_ETH_ARP, 0);
	la_arp_write(f.b + f.len, &a);
	f.len += LA_ARP_LEN;
	return steered(s, &f, 0);
}

Test(steer, arp_and_nd_go_to_all)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	struct la_tuple t = {addr("fd00::2"), addr("fd00::1"), 0, 0};
	static struct frame f;
	struct la_steer s;
	uint8_t *p;

	la_steer_init(&s, 4);
	cr_assert_eq(arp(&s, LA_ARP_REPLY, "10.0.0.1", "10.0.0.2"), LA_STEER_ALL);
	cr_assert_eq(arp(&s, LA_ARP_REQUEST, "10.0.0.1", "10.0.0.1"), LA_STEER_ALL);
	cr_assert_eq(arp(&s, LA_ARP_REQUEST, "10.0.0.1", "10.0.0.2"), 0);
	p = ip(&f, &t, LA_IPPROTO_ICMP6, 32, 0, 0);
	la_nd_advert_write(p, &t.raddr, &t.laddr, &t.raddr, mac, true, true);
	cr_assert_eq(steered(&s, &f, 0), LA_STEER_ALL);
	p = ip(&f, &t, LA_IPPROTO_ICMP6, 32, 0, 0);
	la_nd_solicit_write(p, &t.raddr, &t.laddr, &t.laddr, mac);
	cr_assert_eq(steered(&s, &f, 0), 0);
	t.raddr = (struct la_addr){0}; /* duplicate address detection */
	t.laddr = la_nd_solicited_node(&t.laddr);
	p = ip(&f, &t, LA_IPPROTO_ICMP6, 24, 0, 0);
	la_nd_solicit_write(p, &t.raddr, &t.laddr, &(struct la_addr){.b = {0xfd, [15] = 2}}, NULL);
	cr_assert_eq(steered(&s, &f, 0), LA_STEER_ALL);
}

Test(steer, icmp_errors_go_to_the_shard_of_their_quote)
{
	struct la_steer s;

	la_steer_init(&s, 7);
	for (unsigned i = 0; i < 500; i++) {
		bool is4 = i & 1;
		struct la_tuple way = {addr(is4 ? "10.0.0.2" : "fd00::2"), addr(is4 ? "10.9.9.9" : "fd09::9"), 0, 0};
		struct la_tuple t = {way.laddr, addr(is4 ? "192.0.2.1" : "2001:db8::1"), (uint16_t)rnd(), 80};
		uint16_t quote = is4 ? 28 : 60;
		static struct frame f;
		uint32_t sum;
		uint8_t *p;

		p = ip(&f, &way, is4 ? LA_IPPROTO_ICMP : LA_IPPROTO_ICMP6, (uint16_t)(8 + quote), 0, 0);
		p[0] = is4 ? 3 : 1;
		if (is4)
			la_ip4_write(p + 8, &t.laddr, &t.raddr, LA_IPPROTO_TCP, 64, 20, true);
		else
			la_ip6_write(p + 8, &t.laddr, &t.raddr, LA_IPPROTO_TCP, 64, 20);
		la_put16(p + 8 + (is4 ? 20 : 40), t.lport);
		la_put16(p + 8 + (is4 ? 20 : 40) + 2, t.rport);
		sum = is4 ? 0 : la_cksum_pseudo(&way.raddr, &way.laddr, LA_IPPROTO_ICMP6, 8u + quote);
		sum = la_cksum_finish(la_cksum_add(sum, p, 8u + quote));
		memcpy(p + 2, &sum, 2);
		cr_assert_eq(steered(&s, &f, i % 3 ? 0 : 50), (int)la_steer_tuple(&s, &t), "round %u", i);
	}
}

/* ---- tuples that hash to a shard ---- */

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct la_tuple));
}

/* Expects that the shards together give every tuple once, and that each shard gives only its own tuples, as many as
 * la_tuples_at_home() returns. */
static void
expect_divided(const char *from, const char *to, uint16_t lo, uint16_t hi, unsigned shards)
{
	struct la_addr raddr = addr(to);
	struct la_prefix p;
	struct la_tuples t;
	struct la_steer s;
	struct la_tuple *all;
	uint64_t n = 0;

	cr_assert_eq(la_prefix_parse(from, &p), 0);
	la_steer_init(&s, shards);
	cr_assert_eq(la_tuples_init(&t, &p, 1, lo, hi, &raddr, 80, 0), 0);
	all = calloc(t.budget, sizeof(*all));
	for (unsigned k = 0; k < shards; k++) {
		struct la_tuples mine = t;
		uint64_t have = la_tuples_at_home(&t, &s, k), got = 0;
		unsigned ticket;

		la_tuples_home(&mine, &s, k);
		while (mine.cycle == 0 && got < have) {
			cr_assert_eq(la_tuples_next(&mine, 0, &all[n], &ticket), 0);
			cr_assert_eq(nic_hash(&all[n]) % 128 % shards, k);
			n++;
			got++;
		}
		cr_assert_eq(got, have);
		cr_assert(have * shards > t.budget / 2, "shard %u has %lu of %lu", k, have, t.budget);
	}
	cr_assert_eq(n, t.budget);
	qsort(all, n, sizeof(*all), compare);
	for (uint64_t i = 1; i < n; i++)
		cr_assert_neq(compare(&all[i - 1], &all[i]), 0);
	free(all);
}

Test(steer, shards_divide_the_tuples)
{
	expect_divided("10.1.0.0/24", "192.0.2.9", 1024, 1279, 4);
	expect_divided("10.1.0.1/32", "192.0.2.9", 1, 65535, 3);
	expect_divided("fd00:1::/120", "2001:db8::9", 5000, 5099, 5);
	expect_divided("10.1.0.0/20", "192.0.2.9", 80, 80, 2);
}

Test(steer, a_shard_without_tuples_is_not_given_others)
{
	struct la_addr raddr = addr("192.0.2.9");
	struct la_prefix p = {addr("10.1.0.1"), 32};
	struct la_tuple out;
	struct la_tuples t;
	struct la_steer s;
	unsigned ticket, home = 0;

	la_steer_init(&s, 4);
	for (unsigned k = 0; k < 4; k++) {
		cr_assert_eq(la_tuples_init(&t, &p, 1, 5000, 5000, &raddr, 80, 0), 0);
		la_tuples_home(&t, &s, k);
		if (la_tuples_next(&t, 0, &out, &ticket) == 0)
			home++;
		else
			cr_assert_eq(la_tuples_at_home(&t, &s, k), 0);
	}
	cr_assert_eq(home, 1);
}
