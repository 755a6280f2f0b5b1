/* SPDX-License-Identifier: BSD-3-Clause */

/* Steering: selects the shard of a frame, on a port with several shards.
 *
 *   TCP, also behind IP options or extension headers    by hash of addresses and ports
 *   ICMP error about a TCP segment                      by hash of the tuple that the error quotes
 *   ARP reply, ARP announcement, neighbour              to all shards: each has its own neighbour table
 *   advertisement, solicitation from "::" (DAD)         and finds duplicate addresses itself
 *   other frames: ARP request, solicitation, echo,      to shard 0: only shard 0 answers them, and counts
 *   fragments, malformed frames                         them when it drops them
 *
 * The hash is the Toeplitz hash that NICs compute for RSS. The key is one random 16-bit word, repeated (io/rss.c). Such
 * a key makes the hash symmetric: both directions of a connection, and a packet quoted by an ICMP error, have the same
 * hash. The low seven bits of the hash are an index into a redirection table (RETA) of 128 places. Place i has shard
 * i mod shards. So a NIC programmed with the same key and table (lib/io/port.c) puts a segment on the queue of the
 * shard that this file selects. A frame that arrives in another queue, because the port has one queue, no RSS, or
 * another hash, is handed over (hand_over.c).
 *
 * A key with a period of 16 bits makes the hash depend only on the exclusive or of all 16-bit words of
 * its input: bit b of any word contributes the key rotated by b. So the words are folded into one word, and one look-up
 * for each byte of that word gives the hash. The fold needs no case for IPv4: the ff:ff of two IPv4-mapped addresses
 * cancel, and the remaining words are the input of a NIC's hash for IPv4. */

#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "io/rss.h"
#include "io/secret.h"
#include "io/steer.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip.h"

enum {
	FLAT = LA_ETH_LEN + LA_VLAN_LEN + LA_IP6_LEN + 65535, /* the longest valid frame */
	SLOW = -2,					      /* not a common TCP segment: general path */
	PORTS = 4,					      /* bytes of TCP that are read */
};

void
la_steer_init(struct la_steer *s, unsigned shards)
{
	uint16_t key;

	la_secret_need_rss();
	key = (uint16_t)(la_rss_key()[0] << 8 | la_rss_key()[1]);
	memset(s, 0, sizeof(*s));
	s->shards = shards;
	for (unsigned i = 0; i < LA_STEER_RETA; i++)
		s->reta[i] = (uint8_t)(i % shards);
	for (unsigned v = 0; v < 256; v++) {
		for (unsigned b = 0; b < 16; b++) {
			/* bit b of a word, 0 being the first on the wire, contributes the key rotated left by b */
			uint16_t turned = (uint16_t)(key << b | (uint32_t)key >> (16 - b));

			s->low[v] ^= v & 0x8000u >> b ? turned : 0;
			s->high[v] ^= v << 8 & 0x8000u >> b ? turned : 0;
		}
	}
}

/* x: the exclusive or of 64-bit parts of the input, in wire order. ports: the exclusive or of the ports, in host order;
 * 0: x contains the ports. Returns the low 16 bits of the hash. */
static uint16_t
steer_finish_hash(const struct la_steer *s, uint64_t x, uint16_t ports)
{
	uint16_t v;

	x ^= x >> 32;
	x ^= x >> 16;
	v = (uint16_t)(rte_be_to_cpu_16((uint16_t)x) ^ ports);
	return s->low[v & 0xff] ^ s->high[v >> 8];
}

static uint16_t
steer_hash(const struct la_steer *s, const struct la_tuple *t)
{
	return steer_finish_hash(s, t->laddr.q[0] ^ t->laddr.q[1] ^ t->raddr.q[0] ^ t->raddr.q[1], t->lport ^ t->rport);
}

static unsigned
steer_owner(const struct la_steer *s, uint16_t h)
{
	return s->reta[h % LA_STEER_RETA];
}

uint32_t
la_steer_hash(const struct la_steer *s, const struct la_tuple *t)
{
	return steer_hash(s, t) * 0x10001u; /* the hash has the period of the key */
}

unsigned
la_steer_tuple(const struct la_steer *s, const struct la_tuple *t)
{
	return steer_owner(s, steer_hash(s, t));
}

static uint64_t
steer_load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

static uint16_t
steer_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The common case: a TCP segment without IP options or extension headers. Returns its shard, or SLOW. */
static int
plain_tcp(const struct la_steer *s, const uint8_t *p, uint32_t len)
{
	uint32_t off = LA_ETH_LEN;
	uint16_t type;
	uint64_t x;

	if (len < LA_ETH_LEN + LA_IP4_LEN + PORTS)
		return SLOW;
	type = steer_be16(p + 12);
	if (type == LA_ETH_VLAN) {
		type = steer_be16(p + 16);
		off += LA_VLAN_LEN;
	}
	p += off;
	if (type == LA_ETH_IP4) {
		if (len < off + LA_IP4_LEN + PORTS || p[0] != 0x45 || p[9] != LA_IPPROTO_TCP ||
		    (steer_be16(p + 6) & 0x3fff) != 0) /* MF or an offset: a fragment */
			return SLOW;
		x = steer_load(p + 12, 8) ^ steer_load(p + LA_IP4_LEN, PORTS);
	} else if (type == LA_ETH_IP6) {
		if (len < off + LA_IP6_LEN + PORTS || p[6] != LA_IPPROTO_TCP)
			return SLOW;
		x = steer_load(p + 8, 8) ^ steer_load(p + 16, 8) ^ steer_load(p + 24, 8) ^ steer_load(p + 32, 8) ^
		    steer_load(p + LA_IP6_LEN, PORTS);
	} else {
		return SLOW;
	}
	return (int)steer_owner(s, steer_finish_hash(s, x, 0));
}

static int
steer_arp(const uint8_t *p, size_t len)
{
	struct la_arp a;

	if (la_arp_parse(p, len, &a) != LA_WIRE_OK)
		return 0;
	return a.op == LA_ARP_REPLY || a.spa == a.tpa ? (int)LA_STEER_ALL : 0;
}

static int
steer_icmp(const struct la_steer *s, const uint8_t *p, size_t len, const struct la_ip *ip)
{
	struct la_icmp ic = {.kind = LA_ICMP_OTHER};
	enum la_counter why = ip->proto == LA_IPPROTO_ICMP ? la_icmp4_parse(p, len, &ic)
							   : la_icmp6_parse(p, len, ip, &ic);

	if (why != LA_WIRE_OK)
		return 0;
	switch (ic.kind) {
	case LA_ICMP_NA:
		return LA_STEER_ALL;
	case LA_ICMP_NS:
		return la_addr_is_any(&ip->src) ? (int)LA_STEER_ALL : 0;
	case LA_ICMP_ERR_SOFT:
	case LA_ICMP_ERR_HARD:
	case LA_ICMP_ERR_PMTU:
		return ic.has_tuple ? (int)la_steer_tuple(s, &ic.tuple) : 0;
	default:
		return 0;
	}
}

/* Checksums of IPv4 and TCP headers are not verified here: the shard drops and counts a frame with a wrong one. */
static int
steer_ip(const struct la_steer *s, const uint8_t *p, size_t len, bool is4)
{
	enum la_counter why;
	struct la_tuple t;
	struct la_ip h;

	why = is4 ? la_ip4_parse(p, len, true, &h) : la_ip6_parse(p, len, &h);
	if (why != LA_WIRE_OK || len < h.hlen)
		return 0;
	p += h.hlen;
	len = RTE_MIN(len - h.hlen, (size_t)h.plen);
	if (h.proto == (is4 ? LA_IPPROTO_ICMP : LA_IPPROTO_ICMP6))
		return steer_icmp(s, p, len, &h);
	if (h.proto != LA_IPPROTO_TCP || len < PORTS)
		return 0;
	t = (struct la_tuple){.laddr = h.dst, .raddr = h.src, .lport = steer_be16(p + 2), .rport = steer_be16(p)};
	return (int)la_steer_tuple(s, &t);
}

static __rte_noinline int
steer_frame_slow(const struct la_steer *s, const struct rte_mbuf *m)
{
	uint8_t flat[FLAT];
	uint32_t len = m->pkt_len;
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct la_eth e;

	if (m->nb_segs > 1) {
		len = RTE_MIN(len, (uint32_t)FLAT);
		p = rte_pktmbuf_read(m, 0, len, flat);
	}
	if (la_eth_parse(p, len, &e) != LA_WIRE_OK)
		return 0;
	switch (e.type) {
	case LA_ETH_IP4:
		return steer_ip(s, p + e.len, len - e.len, true);
	case LA_ETH_IP6:
		return steer_ip(s, p + e.len, len - e.len, false);
	case LA_ETH_ARP:
		return steer_arp(p + e.len, len - e.len);
	default:
		return 0;
	}
}

int
la_steer_frame(const struct la_steer *s, const struct rte_mbuf *m)
{
	int to = plain_tcp(s, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);

	return to == SLOW ? steer_frame_slow(s, m) : to;
}
