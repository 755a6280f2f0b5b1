/* SPDX-License-Identifier: BSD-3-Clause */

/* Received frames other than TCP: ICMP errors about segments in flight, ARP, neighbour discovery,
 * echo. */

#include "world.h"

#include <string.h>

#include "wire/cksum.h"
#include "wire/icmp.h"

/* Sends an ICMP error about a segment whose sequence number is in flight, or is near one in flight. */
void
icmp_action(struct world *w, struct bytes *b)
{
	static const uint8_t types4[][2] = {{3, 4}, {3, 4}, {3, 3}, {3, 2}, {3, 1}, {11, 0}, {12, 0}, {4, 0}};
	static const uint8_t types6[][2] = {{2, 0}, {2, 0}, {1, 4}, {1, 1}, {1, 0}, {3, 0}, {4, 1}, {1, 3}};
	static const uint16_t mtus[] = {1400, 1280, 576, 0, 68, 9000, 1481, 1499};
	uint8_t a = get8(b), d = get8(b), buf[FRAME_MAX];
	struct line *l = &w->lines[(a & 7) % TUPLES];
	bool is4 = la_addr_is4(&l->t.laddr);
	const uint8_t *type = is4 ? types4[a >> 3 & 7] : types6[a >> 3 & 7];
	struct frame_icmp f = {.from = l->t.raddr,
			       .to = l->t.laddr,
			       .vlan = w->cfg.vlan,
			       .src = l->t.laddr,
			       .dst = l->t.raddr,
			       .sport = l->t.lport,
			       .dport = l->t.rport,
			       .type = type[0],
			       .code = type[1],
			       .rest = mtus[d & 7]};
	size_t n;

	line_look(w, l);
	memcpy(f.eth_dst, w->mac, 6);
	memcpy(f.eth_src, w->peer_mac, 6);
	f.seq = d & 8 ? l->N - 1 : l->U;
	f.seq += d & 16 ? get8(b) - 128u : 0;
	if (a & 64)
		f.src = get8(b) & 1 ? l->t.raddr : w->addrs[0].addr;
	n = frame_icmp_write(buf, &f);
	if (a & 128) {
		buf[get8(b) % n] = get8(b);
		n -= get8(b) % 40;
	}
	world_in(w, world_mbuf(w, buf, n, (enum lie)(d >> 5)), false);
}

struct link {
	uint8_t buf[256], op, mac[6];
	size_t n;
	bool to_group;
};

static void
link_ether(const struct world *w, struct link *k, const uint8_t dst[6], uint16_t type)
{
	struct la_eth e = {.type = type, .vlan = w->cfg.vlan};

	memcpy(e.dst, dst, 6);
	memcpy(e.src, k->mac, 6);
	k->n = la_eth_write(k->buf, &e);
}

static void
arp(struct world *w, struct link *k, struct bytes *b)
{
	uint8_t who = get8(b);
	struct la_addr us = w->addrs[0].addr, peer = w->peer[0];
	struct la_arp a = {.op = k->op & 1 ? LA_ARP_REPLY : LA_ARP_REQUEST, .spa = peer.w[3], .tpa = us.w[3]};

	peer.b[15] = (uint8_t)(peer.b[15] + (who & 7));
	if (who & 8) /* another sender, our address, or no address */
		a.spa = peer.w[3];
	if (who & 16)
		a.spa = us.w[3];
	if (who & 32)
		a.spa = 0;
	if (who & 64)
		a.tpa = peer.w[3];
	memcpy(a.sha, k->mac, 6);
	memcpy(a.tha, w->mac, 6);
	link_ether(w, k, k->to_group ? (const uint8_t *)"\377\377\377\377\377\377" : w->mac, LA_ETH_ARP);
	la_arp_write(k->buf + k->n, &a);
	k->n += LA_ARP_LEN;
}

static void
nd(struct world *w, struct link *k, struct bytes *b)
{
	uint8_t who = get8(b), flags = get8(b), group[6];
	struct la_addr us = w->addrs[1].addr, src = w->peer[1], dst = us, target = us;
	bool solicit = !(k->op & 1);
	size_t len;
	uint8_t *m;
	uint16_t sum;

	src.b[15] = (uint8_t)(src.b[15] + (who & 3));
	if (who & 4)
		src = (struct la_addr){0};
	if (who & 8)
		src = us;
	if (solicit ? who & 16 : !(who & 16))
		target = src;
	if (k->to_group)
		dst = la_nd_solicited_node(&target);
	la_nd_multicast_mac(&dst, group);
	link_ether(w, k, k->to_group ? group : w->mac, LA_ETH_IP6);
	m = k->buf + k->n + LA_IP6_LEN;
	len = solicit ? la_nd_solicit_write(m, &src, &dst, &target, who & 32 ? NULL : k->mac)
		      : la_nd_advert_write(m, &src, &dst, &target, k->mac, flags & 1, flags & 2);
	if (!solicit && who & 32)
		len -= 8;
	if (who & 64)
		m[get8(b) % len] = get8(b);
	memset(m + 2, 0, 2);
	sum = la_cksum_finish(la_cksum_add(la_cksum_pseudo(&src, &dst, LA_IPPROTO_ICMP6, (uint32_t)len), m, len));
	memcpy(m + 2, &sum, 2);
	k->n += la_ip6_write(k->buf + k->n, &src, &dst, LA_IPPROTO_ICMP6, flags & 4 ? 64 : 255, (uint16_t)len);
	k->n += len;
}

static void
echo(struct world *w, struct link *k, struct bytes *b)
{
	uint8_t who = get8(b), *m;
	bool six = k->op & 1;
	struct la_addr src = w->peer[six], dst = w->addrs[six].addr;
	size_t len = 8 + (who & 127);
	uint16_t sum;

	if (who & 128)
		dst.b[15] ^= get8(b);
	link_ether(w, k, k->to_group ? (const uint8_t *)"\377\377\377\377\377\377" : w->mac,
		   six ? LA_ETH_IP6 : LA_ETH_IP4);
	m = k->buf + k->n + (six ? 40 : 20);
	memset(m, 0x61, len);
	memcpy(m, six ? "\200\0\0\0" : "\10\0\0\0", 4);
	sum = la_cksum_finish(
		la_cksum_add(six ? la_cksum_pseudo(&src, &dst, LA_IPPROTO_ICMP6, (uint32_t)len) : 0, m, len));
	memcpy(m + 2, &sum, 2);
	k->n += six ? la_ip6_write(k->buf + k->n, &src, &dst, LA_IPPROTO_ICMP6, 64, (uint16_t)len)
		    : la_ip4_write(k->buf + k->n, &src, &dst, LA_IPPROTO_ICMP, 64, (uint16_t)len, true);
	k->n += len;
}

void
link_action(struct world *w, struct bytes *b)
{
	uint8_t a = get8(b);
	struct link k = {.op = a >> 2 & 1, .to_group = a & 8};

	memcpy(k.mac, w->peer_mac, 6);
	if (a & 16)
		k.mac[5] = get8(b);
	switch (a & 3) {
	case 0:
		arp(w, &k, b);
		break;
	case 1:
		nd(w, &k, b);
		break;
	default:
		echo(w, &k, b);
		break;
	}
	if (a & 32)
		k.buf[get8(b) % k.n] = get8(b);
	/* a port may deliver a buffer with other references; the shard must not write to it */
	for (unsigned n = a & 128 ? 250 : 1; n > 0; n--)
		world_in(w, world_mbuf(w, k.buf, k.n, a & 64 ? LIE_EXACT : LIE_FLAT), n > 1);
}
