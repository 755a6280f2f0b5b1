/* SPDX-License-Identifier: BSD-3-Clause */

/* Random frames, random damage to valid frames, random splits into chains. Every mbuf is freed and every
 * frame is counted. The bytes are in heap blocks of their exact size, so that AddressSanitizer reports a
 * read of one byte too many. */

#include <stdlib.h>

#include "net_test.h"

static unsigned seed;

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static const char *const hosts4[] = {"10.0.0.1",    "10.0.0.2",	  "10.0.0.5",  "10.9.0.1",
				     "203.0.113.1", "10.0.0.255", "224.0.0.1", "0.0.0.0"};
static const char *const hosts6[] = {"fd00::1",	    "fd00::2", "fd00::5",	 "fd09::1",
				     "2001:db8::1", "ff02::1", "ff02::1:ff00:2", "::"};

static void
good_frame(struct fr *f)
{
	bool six = rnd(2);
	const char *const *host = six ? hosts6 : hosts4;
	const char *src = host[rnd(8)], *dst = rnd(3) ? host[1] : host[rnd(8)];
	static const uint8_t junk[FRAME_ROOM] = "0123456789abcdef";

	switch (rnd(7)) {
	case 0:
		fr_arp(f, (uint16_t)(1 + rnd(2)), rnd(2) ? PEER : OTHER, hosts4[rnd(8)], rnd(2) ? US : NULL,
		       hosts4[rnd(8)]);
		break;
	case 1:
		fr_ns(f, hosts6[rnd(8)], hosts6[rnd(8)], hosts6[rnd(4)], rnd(2) ? PEER : NULL);
		break;
	case 2:
		fr_na(f, hosts6[rnd(8)], hosts6[rnd(8)], hosts6[rnd(4)], rnd(4) ? OTHER : NULL, &"so"[rnd(3)]);
		break;
	case 3:
		fr_echo(f, src, dst, rnd(200));
		break;
	case 4:
		fr_error(f, src, dst, (uint8_t)rnd(14), (uint8_t)rnd(5), rnd(2000), dst, src, rnd(99));
		break;
	default:
		fr_tcp(f, src, dst, junk, rnd(1200));
	}
}

static void
damage(struct fr *f)
{
	size_t from = rnd(2) ? 0 : RTE_MIN(f->n - 1, (size_t)14 + rnd(60));

	for (unsigned i = rnd(4); i > 0; i--)
		f->b[from + rnd((unsigned)RTE_MIN(f->n - from, (size_t)64))] = (uint8_t)rnd(256);
	if (rnd(4) == 0)
		f->n = rnd((unsigned)f->n + 1);
	if (rnd(8) == 0)
		f->n = RTE_MIN(f->n + rnd(60), (size_t)FRAME_ROOM);
}

static void
block_free(void *addr, void *opaque)
{
	(void)addr;
	free(opaque);
}

static struct rte_mbuf *
exact(const uint8_t *p, size_t n)
{
	struct {
		struct rte_mbuf_ext_shared_info info;
		uint8_t b[];
	} *block = malloc(sizeof(*block) + n);
	struct rte_mbuf *m = rte_pktmbuf_alloc(net.pool);

	cr_assert(block && m);
	block->info.free_cb = block_free;
	block->info.fcb_opaque = block;
	rte_mbuf_ext_refcnt_set(&block->info, 1);
	if (n)
		memcpy(block->b, p, n);
	rte_pktmbuf_attach_extbuf(m, block->b, RTE_BAD_IOVA, (uint16_t)n, &block->info);
	m->data_off = 0;
	m->data_len = (uint16_t)n;
	m->pkt_len = (uint32_t)n;
	return m;
}

static struct rte_mbuf *
pieces(const struct fr *f, size_t piece)
{
	struct rte_mbuf *head = exact(f->b, RTE_MIN(piece, f->n));

	for (size_t at = piece; at < f->n; at += piece)
		cr_assert_eq(rte_pktmbuf_chain(head, exact(f->b + at, RTE_MIN(piece, f->n - at))), 0);
	return head;
}

static struct rte_mbuf *
packed(const struct fr *f)
{
	size_t piece = rnd(3) ? FRAME_ROOM : 1 + rnd(rnd(2) ? 200 : 40);
	struct rte_mbuf *m = rnd(4) ? pieces(f, piece) : fr_mbuf(f), *clone;

	if (rnd(8) == 0)
		m->ol_flags |= RTE_MBUF_F_RX_VLAN_STRIPPED, m->vlan_tci = (uint16_t)(rnd(2) * net.vlan);
	if (rnd(4) == 0)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (rnd(8))
		return m;
	clone = rte_pktmbuf_clone(m, net.pool);
	rte_pktmbuf_free(m);
	return clone;
}

static void
send_some(void)
{
	static const char *const far[] = {"10.0.0.1", "10.0.0.5", "203.0.113.1", "fd00::1", "fd00::5"};

	for (unsigned i = rnd(6); i > 0; i--)
		net_send(far[rnd(RTE_DIM(far))]);
}

static uint64_t
drops_before_tcp(void)
{
	uint64_t sum = 0;

	for (unsigned c = 0; c < LA_NCOUNTERS; c++)
		if (la_counter_kind(c) == LA_KIND_DROP && c != LA_C_drop_neigh_queue && c != LA_C_drop_neigh_failed &&
		    c != LA_C_drop_neigh_full && c != LA_C_drop_no_route)
			sum += net_count(c);
	return sum;
}

static void
storm(bool damaged, unsigned rounds)
{
	struct fr f;

	net_open(&(struct net_opts){.dad = rnd(2), .max_neighbours = 3, .offloads = rnd(2) ? LA_OFF_RX_CKSUM : 0});
	for (unsigned i = 0; i < rounds; i++) {
		struct rte_mbuf *m[100], *out[40];
		unsigned n = rnd(100), k;

		for (unsigned j = 0; j < n; j++) {
			good_frame(&f);
			if (damaged)
				damage(&f);
			m[j] = packed(&f);
		}
		la_shard_rx(net.s, net.now, m, n);
		fake.nsegs = 0;
		send_some();
		net.now += rnd(3000);
		la_shard_poll(net.s, net.now);
		while ((k = la_shard_tx(net.s, out, 1 + rnd(40))) > 0)
			for (unsigned j = 0; j < k; j++) {
				struct la_eth e;

				cr_assert_eq(la_eth_parse(rte_pktmbuf_mtod(out[j], uint8_t *), out[j]->data_len, &e),
					     LA_WIRE_OK);
				assert_mac(e.src, US);
				cr_assert(!(e.src[0] & 1));
				rte_pktmbuf_free(out[j]);
			}
		cr_assert_eq(la_neigh_check(&net.s->neigh, stderr), 0);
	}
	cr_assert(drops_before_tcp() <= net_count(LA_C_rx_packets));
	net_close();
}

Test(garbage, good_frames_in_any_order)
{
	for (unsigned s = 1; s < 9; s++) {
		seed = s * 1000;
		net.vlan = s & 1 ? 7 : 0;
		storm(false, 60);
	}
}

Test(garbage, damaged_frames)
{
	for (unsigned s = 1; s < 17; s++) {
		seed = s;
		net.vlan = s & 1 ? 7 : 0;
		storm(true, 60);
	}
}

Test(garbage, noise)
{
	struct fr f;

	net_open(NULL);
	seed = 99;
	for (unsigned i = 0; i < 20000; i++) {
		struct rte_mbuf *m;

		f.n = rnd(200);
		for (size_t j = 0; j < f.n; j++)
			f.b[j] = (uint8_t)rnd(256);
		if (f.n >= 14 && rnd(4)) { /* passes the Ethernet checks */
			memcpy(f.b, US, 6), f.b[6] &= 0xfe;
			memcpy(f.b + 12, &"\x08\x00\x86\xdd\x08\x06\x81\x00"[rnd(4) * 2], 2);
		}
		if (f.n >= 40 && rnd(2)) { /* passes the IP checks */
			f.b[14] = f.b[12] == 8 ? (uint8_t)(0x45 + rnd(3)) : 0x60;
			f.b[f.b[12] == 8 ? 16 : 18] = 0;
		}
		m = pieces(&f, rnd(2) ? FRAME_ROOM : 1 + rnd(60));
		net_rx_mbuf(m);
		fake.nsegs = 0;
		while (la_shard_tx(net.s, &m, 1))
			rte_pktmbuf_free(m);
	}
	cr_assert_eq(net_count(LA_C_rx_packets), 20000);
	net_close();
}
