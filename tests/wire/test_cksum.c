/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>

#include <rte_mbuf.h>

#include "wire_test.h"

#include "wire/cksum.h"

/* The example of RFC 1071 3. */
Test(cksum, rfc1071)
{
	static const uint8_t p[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	cr_assert_eq(ntohs(la_cksum_fold(la_cksum_add(0, p, sizeof(p)))), 0xddf2);
	cr_assert_eq(ntohs(la_cksum_finish(la_cksum_add(0, p, sizeof(p)))), 0x220d);
}

/* A captured header, checksum included. */
Test(cksum, ip_header)
{
	static const uint8_t p[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
				    0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};

	cr_assert_eq(la_cksum_finish(la_cksum_add(0, p, sizeof(p))), 0);
}

Test(cksum, every_length_and_alignment)
{
	uint64_t seed = 1;

	for (size_t len = 0; len <= 400; len++) {
		for (size_t align = 0; align < 32; align += len < 80 ? 1 : 5) {
			uint8_t *b = malloc(align + len + 1), *p = b + align;
			uint8_t *q;
			uint32_t start = rnd(&seed) & 0xffff;

			for (size_t i = 0; i < len; i++)
				p[i] = (uint8_t)rnd(&seed);
			q = exact(b, align + len);
			cr_assert_eq(ntohs(la_cksum_finish(la_cksum_add(start, q + align, len))),
				     naive_cksum(p, len, ntohs((uint16_t)start)), "len %zu align %zu", len, align);
			free(q);
			free(b);
		}
	}
}

/* Bytes that carry in every lane, up to more than the largest packet. */
Test(cksum, all_ones_and_large)
{
	size_t max = 65536 + 63;
	uint8_t *b = malloc(max);

	memset(b, 0xff, max);
	for (size_t len = 1; len <= max; len = len * 2 + 1)
		cr_assert_eq(ntohs(la_cksum_finish(la_cksum_add(0xffffffff, b, len))), naive_cksum(b, len, 0xffff),
			     "len %zu", len);
	memset(b, 0, max);
	cr_assert_eq(la_cksum_add(0, b, max), 0, "the sum of zeros is not 0");
	free(b);
}

Test(cksum, partial_sums_add_up)
{
	uint64_t seed = 2;
	uint8_t b[256];

	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(rnd(&seed) | 0xf0);
	for (size_t cut = 0; cut <= sizeof(b); cut += 2) {
		uint32_t x = la_cksum_add(0, b, cut), y = la_cksum_add(0, b + cut, sizeof(b) - cut);

		cr_assert_leq(x, 0xffff);
		cr_assert_leq(y, 0xffff);
		cr_assert_eq(ntohs(la_cksum_finish(x + y)), naive_cksum(b, sizeof(b), 0));
		cr_assert_eq(ntohs(la_cksum_finish(la_cksum_add(x, b + cut, sizeof(b) - cut))),
			     naive_cksum(b, sizeof(b), 0));
	}
}

/* A chain of mbufs without a pool. */
static struct rte_mbuf *
chain(const uint8_t *p, size_t n, uint64_t *seed)
{
	struct rte_mbuf *head = NULL, **at = &head;

	do {
		size_t part = rnd(seed) % 40;

		if (part > n)
			part = n;
		*at = calloc(1, sizeof(**at));
		(*at)->buf_addr = exact(p, part);
		(*at)->data_len = (uint16_t)part;
		p += part;
		n -= part;
		at = &(*at)->next;
	} while (n > 0);
	return head;
}

static void
free_chain(struct rte_mbuf *m)
{
	while (m != NULL) {
		struct rte_mbuf *next = m->next;

		free(m->buf_addr);
		free(m);
		m = next;
	}
}

Test(cksum, mbuf_chains)
{
	uint64_t seed = 3;
	uint8_t b[300];

	for (int round = 0; round < 3000; round++) {
		size_t total = rnd(&seed) % sizeof(b);
		uint32_t off = total ? rnd(&seed) % (uint32_t)total : 0;
		uint32_t len = rnd(&seed) % (uint32_t)(total - off + 1);
		uint32_t start = rnd(&seed) & 0xffff;
		struct rte_mbuf *m;

		for (size_t i = 0; i < total; i++)
			b[i] = (uint8_t)rnd(&seed);
		m = chain(b, total, &seed);
		cr_assert_eq(ntohs(la_cksum_finish(la_cksum_add_mbuf(start, m, off, len))),
			     naive_cksum(b + off, len, ntohs((uint16_t)start)), "%zu %u %u", total, off, len);
		free_chain(m);
	}
}

Test(cksum, mbuf_chain_too_short)
{
	uint64_t seed = 4;
	uint8_t b[50] = {1, 2, 3, 4, 5};
	struct rte_mbuf *m = chain(b, sizeof(b), &seed);

	cr_assert_eq(la_cksum_add_mbuf(0, m, 0, 1000), la_cksum_add(0, b, sizeof(b)));
	cr_assert_eq(la_cksum_add_mbuf(7, m, 50, 1), 7);
	cr_assert_eq(la_cksum_add_mbuf(7, m, 1000, 1), 7);
	cr_assert_eq(la_cksum_add_mbuf(7, NULL, 0, 1), 7);
	free_chain(m);
}

Test(cksum, pseudo_v4)
{
	static const uint8_t p[] = {10, 0, 0, 1, 192, 168, 255, 254, 0, 6, 0x12, 0x34};
	struct la_addr a = addr("10.0.0.1"), b = addr("192.168.255.254");

	cr_assert_eq(ntohs(la_cksum_finish(la_cksum_pseudo(&a, &b, 6, 0x1234))), naive_cksum(p, sizeof(p), 0));
}

Test(cksum, pseudo_v6)
{
	struct la_addr a = addr("fd00:1234:5678:9abc:def0:ffff:ffff:1"), b = addr("ff02::1");

	cr_assert_eq(ntohs(la_cksum_finish(la_cksum_pseudo(&a, &b, 58, 0x12345))),
		     naive_cksum(NULL, 0, naive_pseudo6(&a, &b, 58, 0x12345)));
}

/* A captured SYN over IPv4: the sum of pseudo-header and segment is 0. */
Test(cksum, tcp_segment)
{
	uint8_t seg[24] = {0x04, 0x00, 0x00, 0x50, 0,	 0,    0,    1,	   0,	 0, 0,	  0,
			   0x60, 0x02, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x02, 4, 0x05, 0xb4};
	struct la_addr a = addr("10.0.0.1"), b = addr("10.0.0.2");
	uint32_t pseudo = 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 6 + sizeof(seg);

	set_cksum(seg, sizeof(seg), 16, pseudo);
	cr_assert_eq(la_cksum_finish(la_cksum_add(la_cksum_pseudo(&a, &b, 6, sizeof(seg)), seg, sizeof(seg))), 0);
	seg[5] ^= 1;
	cr_assert_neq(la_cksum_finish(la_cksum_add(la_cksum_pseudo(&a, &b, 6, sizeof(seg)), seg, sizeof(seg))), 0);
}
