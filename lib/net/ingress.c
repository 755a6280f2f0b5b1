/* SPDX-License-Identifier: BSD-3-Clause */

/* Ingress: frames to segments.
 *
 * A burst is processed in one pass. TCP segments are checked, trimmed to their payload and collected, then
 * given to lib/tcp in one call, so that lib/tcp can overlap its cache misses. Other frames are handled at
 * once. Each check returns the counter that names the drop. la_ingress_burst() counts the drop and frees the frame.
 *
 * A frame may be a chain of mbufs (LRO, buffers smaller than the MTU), whose data must not be written.
 * Headers are read in place if the first mbuf certainly holds them. Otherwise the frame is copied to
 * s->flat for reading, and the chain is unchanged. The shard writes the descriptors of a received
 * frame, but not its data, except an echo request in a single mbuf. */

#include <string.h>

#include <rte_prefetch.h>

#include "net/shard.h"
#include "core/bytes.h"
#include "wire/cksum.h"

enum { LOOK_AHEAD = 4 };
enum { IP4_FIRST = 0x45, IP6_FIRST = 0x60 }; /* first byte of a header without options, traffic class below 16 */
enum { IP4_MAXLEN = 60, IP4_PROTO_OFF = 9, IP6_PROTO_OFF = 6, ETH_TYPE_OFF = 12, TCP_FLAGS_OFF = 13 };

/* Returns whether the first mbuf of a chain holds all headers: Ethernet, IPv4 or IPv6, and TCP directly after them. */
static bool
headers_in_first(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	size_t off = LA_ETH_LEN;
	uint16_t type;

	if (m->data_len < LA_ETH_LEN + LA_VLAN_LEN + IP4_MAXLEN + LA_TCP_MAXLEN)
		return false;
	type = la_get16(p + ETH_TYPE_OFF);
	if (type == LA_ETH_VLAN) {
		type = la_get16(p + ETH_TYPE_OFF + LA_VLAN_LEN);
		off += LA_VLAN_LEN;
	}
	if (type == LA_ETH_IP4)
		return p[off + IP4_PROTO_OFF] == LA_IPPROTO_TCP;
	return type == LA_ETH_IP6 && p[off + IP6_PROTO_OFF] == LA_IPPROTO_TCP;
}

static void
rx_view_mbuf(struct la_shard *s, struct rte_mbuf *m, struct la_rx *rx)
{
	rx->m = m;
	rx->len = m->pkt_len;
	rx->p = rte_pktmbuf_mtod(m, const uint8_t *);
	if (likely(m->nb_segs == 1) || headers_in_first(m))
		return;
	if (rx->len > LA_FRAME_MAX)
		rx->len = LA_FRAME_MAX; /* all later bytes are padding */
	rx->p = rte_pktmbuf_read(m, 0, rx->len, s->flat);
}

static int
rx_ether(struct la_shard *s, struct la_rx *rx)
{
	struct la_eth *e = &rx->eth;
	enum la_counter why = la_eth_parse(rx->p, rx->len, e);

	if (why != LA_WIRE_OK)
		return why;
	rx->group = la_mac_is_group(e->dst);
	if (memcmp(e->dst, s->nif.mac, 6) != 0 && !(rx->group && la_netif_hears(&s->nif, e->dst)))
		return LA_C_drop_eth_not_ours;
	if (la_mac_is_group(e->src)) /* IEEE 802.3 3.2.3: a source is not a group address */
		return LA_C_drop_eth_not_ours;
	if (rx->m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
		if (e->len != LA_ETH_LEN)
			return LA_C_drop_eth_vlan; /* a tag inside the one that the port stripped */
		e->vlan = rx->m->vlan_tci & 0xfff;
	}
	return e->vlan == s->nif.vlan ? LA_WIRE_OK : LA_C_drop_eth_vlan;
}

bool
la_ingress_src_ok(struct la_shard *s, const struct la_addr *src)
{
	if (la_addr_eq(src, &s->last_src) && !la_addr_is_any(src))
		return true;
	if (!la_ip_src_valid(src))
		return false;
	if (!la_netif_is_far(&s->nif, src) && (la_netif_is_broadcast(&s->nif, src) || la_netif_owns(&s->nif, src)))
		return false;
	s->last_src = *src;
	return true;
}

void
la_ingress_init(struct la_shard *s)
{
	/* no masked frame has a byte of ones in a source MAC */
	s->rx_fast = (struct la_rx_fast){.frame4 = _mm_set1_epi8(-1), .frame6 = _mm_set1_epi8(-1)};
}

/* Returns the first 16 bytes of a frame to us, masked as rx_fast_is4() and rx_fast_is6() do. first: the first byte of
 * the IP header. */
static __m128i
rx_template(const struct la_shard *s, uint16_t type, uint8_t first)
{
	uint8_t b[16] = {[ETH_TYPE_OFF] = (uint8_t)(type >> 8), (uint8_t)type, first};

	memcpy(b, s->nif.mac, sizeof(s->nif.mac));
	return _mm_loadu_si128((const __m128i *)(const void *)b);
}

/* Records a usable address of ours for rx_fast(). Tagged frames take the general path. */
static void
rx_note_us(struct la_shard *s, const struct la_addr *us)
{
	struct la_rx_fast *e = &s->rx_fast;

	if (s->nif.vlan != 0 || s->no_fast_path)
		return;
	if (la_addr_is4(us)) {
		e->frame4 = rx_template(s, LA_ETH_IP4, IP4_FIRST);
		e->us4 = us->w[3];
	} else {
		e->frame6 = rx_template(s, LA_ETH_IP6, IP6_FIRST);
		e->us6 = *us;
	}
}

/* Checks destination and source (RFC 1122 3.2.1.3, 3.3.6; RFC 9293 MUST-57, MUST-63). */
static int
rx_check_addrs(struct la_shard *s, struct la_rx *rx)
{
	bool is4 = rx->eth.type == LA_ETH_IP4;
	enum la_dst dst = la_netif_dst(&s->nif, &rx->ip.dst);

	if (dst == LA_DST_OURS)
		rx_note_us(s, &rx->ip.dst);
	if (dst == LA_DST_OTHER)
		return LA_C_drop_ip_dst;
	if (rx->ip.proto == LA_IPPROTO_TCP && (dst != LA_DST_OURS || rx->group))
		return LA_C_drop_ip_multicast;
	if (!is4 && rx->ip.proto == LA_IPPROTO_ICMP6) /* ND has its own rules for sources */
		return dst == LA_DST_OURS || la_netif_joined(&s->nif, &rx->ip.dst) ? LA_WIRE_OK : LA_C_drop_ip_dst;
	if (!la_ingress_src_ok(s, &rx->ip.src))
		return LA_C_drop_ip_src;
	if (is4 && rx->ip.proto == LA_IPPROTO_ICMP && dst != LA_DST_OURS)
		return LA_C_drop_icmp_type; /* RFC 1122 3.2.2.6: an echo to a group need not be answered */
	return LA_WIRE_OK;
}

/* Returns whether the port has verified the checksum of the IPv4 header. */
static bool
ip_cksum_good(const struct la_shard *s, const struct rte_mbuf *m)
{
	return s->offloads & LA_OFF_RX_IP_CKSUM &&
	       (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;
}

/* Returns whether the port has verified the segment. The bit of GOOD is also in the flag NONE: the checksum field is
 * not filled in, and the data are intact (frames that a host passes to a virtio guest). */
static bool
tcp_cksum_good(const struct la_shard *s, const struct rte_mbuf *m)
{
	return s->offloads & LA_OFF_RX_TCP_CKSUM && (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD) != 0;
}

/* Returns whether the checksum of a segment is valid. p: the segment's len bytes, at offset off of the frame. A port's
 * flag BAD may be wrong (short frames, unusual options), so the sum in software decides. plain: the IP header has no
 * option and no extension header. Otherwise a flag GOOD does not count: NICs do not verify the segment behind several
 * extension headers and in an atomic fragment, and drivers set GOOD when the error bit is 0 (ixgbe, i40e of DPDK
 * 22.11). */
static inline bool
tcp_cksum_ok(const struct la_shard *s, const struct rte_mbuf *m, const struct la_addr *src, const struct la_addr *dst,
	     const uint8_t *p, uint32_t off, uint32_t len, bool plain)
{
	uint64_t sum;

	if (plain && tcp_cksum_good(s, m))
		return true;
	sum = la_cksum_pseudo_words(src, dst, LA_IPPROTO_TCP, len);
	if (unlikely(m->nb_segs > 1))
		sum += la_cksum_add_mbuf(0, m, off, len);
	else
		sum = la_cksum_data(sum, p, len);
	return la_cksum_finish64(sum) == 0;
}

/* Trims a chain to len bytes from off, and frees the mbufs without payload. If len is 0, one mbuf stays. */
static struct rte_mbuf *
cut_chain(struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	struct rte_mbuf *head = NULL, *tail = NULL, *next;
	uint32_t left = len;
	uint16_t segs = 0;

	for (; m; m = next) {
		uint32_t skip = RTE_MIN(off, m->data_len);
		uint32_t take = RTE_MIN(left, m->data_len - skip);

		next = m->next;
		off -= skip;
		left -= take;
		m->next = NULL;
		m->nb_segs = 1;
		if (take == 0 && (len > 0 || head)) {
			rte_pktmbuf_free_seg(m);
			continue;
		}
		m->data_off = (uint16_t)(m->data_off + skip);
		m->data_len = (uint16_t)take;
		if (head)
			tail->next = m;
		else
			head = m;
		tail = m;
		segs++;
	}
	head->nb_segs = segs;
	head->pkt_len = len;
	return head;
}

/* Trims the mbuf to the len bytes from off: the payload. */
static struct rte_mbuf *
rx_cut_mbuf(struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	if (unlikely(m->nb_segs > 1))
		return cut_chain(m, off, len);
	m->data_off = (uint16_t)(m->data_off + off);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	return m;
}

static int
rx_tcp(struct la_shard *s, const struct la_rx *rx, struct la_seg *seg)
{
	uint32_t off = rx->eth.len + rx->ip.hlen, have = rx->len - off;
	bool is4 = rx->eth.type == LA_ETH_IP4, plain = rx->ip.hlen == (is4 ? LA_IP4_LEN : LA_IP6_LEN);
	enum la_counter why;
	size_t hlen;

	if (rx->ip.plen < LA_TCP_LEN)
		return LA_C_drop_tcp_short;
	if (!tcp_cksum_ok(s, rx->m, &rx->ip.src, &rx->ip.dst, rx->p + off, off, rx->ip.plen, plain))
		return LA_C_drop_tcp_cksum;
	why = la_tcp_parse(rx->p + off, RTE_MIN(have, rx->ip.plen), rx->ip.plen, seg, &hlen);
	if (why != LA_WIRE_OK)
		return why;
	seg->src = rx->ip.src;
	seg->dst = rx->ip.dst;
	seg->is4 = is4;
	seg->usual_hop = false;
	seg->m = rx_cut_mbuf(rx->m, off + (uint32_t)hlen, seg->len);
	return LA_WIRE_OK;
}

/* Returns whether the first byte is 1 to 223 and not 127: a unicast address, no loopback. be: network byte order. */
static inline bool
far_host(uint32_t be)
{
	uint32_t first = be32toh(be) >> 24;

	return first - 1 < 223 && first != 127;
}

/* Fast path for the common frame: to our MAC, untagged, in one mbuf, to an address of ours (most often that of the
 * previous frame of the family), IPv4 without options or IPv6 without extension headers, TCP, valid. rx_fast() detects
 * such a frame by a few comparisons of words. For every frame that rx_fast() accepts, rx_frame() must give the same
 * segment (tests/fuzz/fuzz_paths.c compares the two). False: rx_frame() decides, and *seg may be partly filled. */

/* Returns the bits of the bytes at p that differ from `want` where `mask` has ones: 0 if none differ. */
static inline unsigned
rx_differ(const uint8_t *p, __m128i mask, __m128i want)
{
	__m128i v = _mm_and_si128(_mm_loadu_si128((const __m128i *)(const void *)p), mask);

	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, want)) ^ 0xffffu;
}

/* Returns whether the first 32 bytes of a frame are those of an IPv4 frame to our MAC: no group bit in the source, IPv4
 * without options, no fragment, TCP. */
static inline bool
rx_fast_is4(const struct la_shard *s, const uint8_t *p)
{
	const __m128i mask0 = _mm_setr_epi8(-1, -1, -1, -1, -1, -1, 1, 0, 0, 0, 0, 0, -1, -1, -1, 0);
	const __m128i mask1 = _mm_setr_epi8(0, 0, 0, 0, 0x3f, -1, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0);
	const __m128i want1 = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, LA_IPPROTO_TCP, 0, 0, 0, 0, 0, 0, 0, 0);

	return !(rx_differ(p, mask0, s->rx_fast.frame4) | rx_differ(p + 16, mask1, want1));
}

/* The same for IPv6: version 6, type IPv6. */
static inline bool
rx_fast_is6(const struct la_shard *s, const uint8_t *p)
{
	const __m128i mask0 = _mm_setr_epi8(-1, -1, -1, -1, -1, -1, 1, 0, 0, 0, 0, 0, -1, -1, (char)0xf0, 0);

	return !rx_differ(p, mask0, s->rx_fast.frame6) && p[LA_ETH_LEN + IP6_PROTO_OFF] == LA_IPPROTO_TCP;
}

/* Parses the TCP segment of `len` bytes at offset `off` of the frame. sum: the unfolded sum of its pseudo-header. */
static inline bool
rx_fast_tcp(struct la_shard *s, struct rte_mbuf *m, uint32_t off, uint32_t len, uint64_t sum, struct la_seg *seg)
{
	const uint8_t *tcp = rte_pktmbuf_mtod_offset(m, const uint8_t *, off);
	size_t hlen;

	if (!tcp_cksum_good(s, m) && la_cksum_finish64(la_cksum_data(sum, tcp, len)) != 0)
		return false;
	if (la_tcp_parse(tcp, len, len, seg, &hlen) != LA_WIRE_OK)
		return false;
	seg->m = rx_cut_mbuf(m, off + (uint32_t)hlen, seg->len);
	return true;
}

/* Another address than that of the previous frame: many of ours are in use (--range, --from). */
static __rte_noinline bool
rx_fast_owns4(struct la_shard *s, uint32_t dst)
{
	struct la_addr us = la_addr_from4(dst);

	if (!la_netif_owns(&s->nif, &us))
		return false;
	s->rx_fast.us4 = dst;
	return true;
}

static __rte_noinline bool
rx_fast_owns6(struct la_shard *s, const uint8_t *dst)
{
	struct la_addr us;

	memcpy(&us, dst, sizeof(us));
	if (la_addr_is4(&us) || !la_netif_owns(&s->nif, &us))
		return false;
	s->rx_fast.us6 = us;
	return true;
}

static inline bool
rx_fast4(struct la_shard *s, struct rte_mbuf *m, const uint8_t *ip, struct la_seg *seg)
{
	uint32_t src = la_load32(ip + 12), len = la_get16(ip + 2) - (uint32_t)LA_IP4_LEN;
	bool is_far;

	if ((la_load32(ip + 16) != s->rx_fast.us4 && !rx_fast_owns4(s, la_load32(ip + 16))) ||
	    len - LA_TCP_LEN > m->data_len - (uint32_t)(LA_ETH_LEN + LA_IP4_LEN + LA_TCP_LEN))
		return false;
	seg->src = la_addr_from4(src);
	seg->dst = la_addr_from4(s->rx_fast.us4);
	seg->is4 = true;
	is_far = far_host(src) && la_netif_is_far4(&s->nif, src);
	if (!is_far && !la_ingress_src_ok(s, &seg->src))
		return false;
	seg->usual_hop = (is_far && s->last_is_gateway4) || la_addr_eq(&seg->src, &s->last_dst);
	if (!ip_cksum_good(s, m) && !la_ip4_plain_sum_ok(ip))
		return false;
	return rx_fast_tcp(s, m, LA_ETH_LEN + LA_IP4_LEN, len,
			   la_cksum_pseudo_words4(&seg->src, &seg->dst, LA_IPPROTO_TCP, len), seg);
}

static inline bool
rx_fast6(struct la_shard *s, struct rte_mbuf *m, const uint8_t *ip, struct la_seg *seg)
{
	const struct la_addr *us = &s->rx_fast.us6;
	uint32_t len = la_get16(ip + 4);

	if ((((la_load64(ip + 24) ^ us->q[0]) | (la_load64(ip + 32) ^ us->q[1])) != 0 && !rx_fast_owns6(s, ip + 24)) ||
	    len - LA_TCP_LEN > m->data_len - (uint32_t)(LA_ETH_LEN + LA_IP6_LEN + LA_TCP_LEN))
		return false;
	memcpy(&seg->src, ip + 8, sizeof(seg->src));
	seg->dst = *us;
	seg->is4 = false;
	/* an IPv4-mapped source is judged by rx_frame(), which drops it */
	if (la_addr_is4(&seg->src) || !la_ingress_src_ok(s, &seg->src))
		return false;
	seg->usual_hop = (s->last_is_gateway6 && la_netif_is_far(&s->nif, &seg->src)) ||
			 la_addr_eq(&seg->src, &s->last_dst);
	return rx_fast_tcp(s, m, LA_ETH_LEN + LA_IP6_LEN, len,
			   la_cksum_pseudo_words6(&seg->src, &seg->dst, LA_IPPROTO_TCP, len), seg);
}

static inline bool
rx_fast(struct la_shard *s, struct rte_mbuf *m, struct la_seg *seg)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	if (m->nb_segs != 1 || m->data_len < LA_ETH_LEN + LA_IP4_LEN + LA_TCP_LEN ||
	    m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		return false;
	if (likely(rx_fast_is4(s, p)))
		return rx_fast4(s, m, p + LA_ETH_LEN, seg);
	return m->data_len >= LA_ETH_LEN + LA_IP6_LEN + LA_TCP_LEN && rx_fast_is6(s, p) &&
	       rx_fast6(s, m, p + LA_ETH_LEN, seg);
}

/* Processes one frame. Returns LA_WIRE_OK (*seg is filled), the counter of a drop, LA_RX_DONE or LA_RX_KEPT. */
static int
rx_frame(struct la_shard *s, struct rte_mbuf *m, struct la_seg *seg)
{
	struct la_rx rx;
	bool ok;
	int why;

	rx_view_mbuf(s, m, &rx);
	why = rx_ether(s, &rx);
	if (why != LA_WIRE_OK)
		return why;
	switch (rx.eth.type) {
	case LA_ETH_IP4:
		ok = ip_cksum_good(s, m);
		why = la_ip4_parse(rx.p + rx.eth.len, rx.len - rx.eth.len, ok, &rx.ip);
		break;
	case LA_ETH_IP6:
		why = la_ip6_parse(rx.p + rx.eth.len, rx.len - rx.eth.len, &rx.ip);
		break;
	case LA_ETH_ARP:
		return la_arp_input(s, &rx);
	default:
		return LA_C_drop_eth_type;
	}
	if (why == LA_WIRE_OK)
		why = rx_check_addrs(s, &rx);
	if (why != LA_WIRE_OK)
		return why;
	if (likely(rx.ip.proto == LA_IPPROTO_TCP))
		return rx_tcp(s, &rx, seg);
	if (rx.ip.proto == (rx.eth.type == LA_ETH_IP4 ? LA_IPPROTO_ICMP : LA_IPPROTO_ICMP6))
		return la_icmp_input(s, &rx);
	return LA_C_drop_ip_proto;
}

/* Passes the segments to lib/tcp. Without room for replies they are dropped. This happens only if la_shard_tx() has not
 * been called for dozens of bursts. Peers will retransmit the segments. */
static void
to_tcp(struct la_shard *s, struct la_seg *segs, unsigned n)
{
	if (likely(la_tcp_has_out_room(&s->tcp))) {
		if (la_tcp_input(&s->tcp, segs, n, la_egress_usual_header(s)))
			s->last_hop->used = s->now;
		return;
	}
	la_counters_drop(&s->counters, LA_C_out_full, n);
	for (unsigned i = 0; i < n; i++)
		rte_pktmbuf_free(segs[i].m);
}

/* Records the frame's source MAC and the source address of its TCP segment. Both are read without checks: only a
 * reply of lib/tcp uses them, and lib/tcp gets a segment after all checks. */
static void
note_origin(struct la_shard *s, const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct la_origins *o = &s->origins;
	struct la_addr *a = &o->v[o->n].addr;
	uint32_t off = LA_ETH_LEN;

	if (m->data_len < LA_ETH_LEN + LA_IP4_LEN + LA_TCP_LEN)
		return;
	if (la_get16(p + ETH_TYPE_OFF) == LA_ETH_VLAN)
		off += LA_VLAN_LEN;
	if (la_get16(p + off - 2) == LA_ETH_IP4 && m->data_len >= off + LA_IP4_LEN &&
	    p[off + IP4_PROTO_OFF] == LA_IPPROTO_TCP)
		*a = la_ip4_src(p + off);
	else if (la_get16(p + off - 2) == LA_ETH_IP6 && m->data_len >= off + LA_IP6_LEN &&
		 p[off + IP6_PROTO_OFF] == LA_IPPROTO_TCP)
		memcpy(a->b, p + off + 8, sizeof(a->b));
	else
		return;
	if (!la_netif_is_onlink(&s->nif, a))
		return;
	memcpy(o->v[o->n++].mac, p + 6, 6);
}

static __rte_noinline void
note_origins(struct la_shard *s, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		note_origin(s, pkts[i]);
}

/* Returns whether the frame looks like a SYN without ACK to our MAC, IPv4 without options or IPv6 without extension
 * headers. Checksums and addresses are not checked. */
static bool
is_plain_syn(const struct la_shard *s, const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	size_t off = s->nif.vlan != 0 && !(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) ? LA_ETH_LEN + LA_VLAN_LEN
										      : LA_ETH_LEN;
	uint16_t type;

	if (m->data_len < off + LA_IP4_LEN + LA_TCP_LEN || memcmp(p, s->nif.mac, sizeof(s->nif.mac)) != 0)
		return false;
	type = la_get16(p + off - 2);
	p += off;
	if (type == LA_ETH_IP4 && p[0] == 0x45 && p[IP4_PROTO_OFF] == LA_IPPROTO_TCP)
		p += LA_IP4_LEN;
	else if (type == LA_ETH_IP6 && p[IP6_PROTO_OFF] == LA_IPPROTO_TCP &&
		 m->data_len >= off + LA_IP6_LEN + LA_TCP_LEN)
		p += LA_IP6_LEN;
	else
		return false;
	return (p[TCP_FLAGS_OFF] & (LA_SYN | LA_ACK | LA_RST | LA_FIN)) == LA_SYN;
}

/* Returns buffers for which is_whole() is true to their pools. Unlike rte_pktmbuf_free_bulk() this reads only the first
 * cache line of each mbuf. */
static void
put_back(struct rte_mbuf **m, unsigned n)
{
	for (unsigned i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && m[k]->pool == m[i]->pool;)
			k++;
		rte_mempool_put_bulk(m[i]->pool, (void *const *)(m + i), k - i);
	}
}

/* Returns whether the mbuf is its whole frame, and neither its data nor the mbuf is shared. */
static inline bool
is_whole(const struct rte_mbuf *m)
{
	return m->nb_segs == 1 && RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1;
}

/* Overload control: drops SYNs unread. A random draw decides: if every second SYN were dropped, one of two clients
 * that send in turn could lose all of its SYNs. Moves the other frames to the front, in order, and returns their
 * number. */
static __attribute__((noinline)) unsigned
shed_syns(struct la_shard *s, struct rte_mbuf **pkts, unsigned n)
{
	struct rte_mbuf *syns[LA_RX_PARSE_BURST];
	unsigned kept = 0, nsyns = 0, shed = 0;

	for (unsigned i = 0; i < n && i < 2 * LOOK_AHEAD; i++)
		rte_prefetch0(pkts[i]);
	for (unsigned i = 0; i < n && i < LOOK_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (i + 2 * LOOK_AHEAD < n) /* frames from a long ring are no longer in the near caches */
			rte_prefetch0(pkts[i + 2 * LOOK_AHEAD]);
		if (i + LOOK_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + LOOK_AHEAD], void *));
		if (is_plain_syn(s, m)) {
			s->shed_dice = s->shed_dice * 1664525 + 1013904223;
			if (s->shed_dice >> 24 < s->shed) {
				shed++;
				s->counters.v[LA_C_rx_bytes] += m->pkt_len;
				if (likely(is_whole(m)))
					syns[nsyns++] = m;
				else
					rte_pktmbuf_free(m);
				continue;
			}
		}
		pkts[kept++] = m;
	}
	put_back(syns, nsyns);
	if (shed)
		la_counters_drop(&s->counters, LA_C_syn_shed, shed);
	s->counters.v[LA_C_rx_packets] += shed;
	return kept;
}

void
la_ingress_burst(struct la_shard *s, struct rte_mbuf **pkts, unsigned n)
{
	struct la_seg segs[LA_RX_PARSE_BURST];
	struct la_seg *seg = segs; /* the next free one */
	uint64_t bytes = 0;

	if (unlikely(s->shed != 0))
		n = shed_syns(s, pkts, n);
	for (unsigned i = 0; i < n && i < LOOK_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	if (unlikely(la_neigh_pressed(&s->neigh)))
		note_origins(s, pkts, n);
	for (unsigned i = 0; i < n; i++) {
		int why;

		if (i + LOOK_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + LOOK_AHEAD], void *));
		bytes += pkts[i]->pkt_len;
		why = likely(rx_fast(s, pkts[i], seg)) ? (int)LA_WIRE_OK : rx_frame(s, pkts[i], seg);
		if (likely(why == LA_WIRE_OK)) {
			seg++;
			continue;
		}
		if (why < LA_NCOUNTERS)
			la_counters_drop(&s->counters, (enum la_counter)why, 1);
		if (why != LA_RX_KEPT)
			rte_pktmbuf_free(pkts[i]);
	}
	s->counters.v[LA_C_rx_packets] += n;
	s->counters.v[LA_C_rx_bytes] += bytes;
	if (seg != segs)
		to_tcp(s, segs, (unsigned)(seg - segs));
	if (unlikely(s->origins.n)) { /* replies get their headers now, because the origins are those of this burst */
		la_egress_drain(s);
		s->origins.n = s->origins.at = 0;
	}
}
