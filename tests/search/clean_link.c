/* SPDX-License-Identifier: BSD-3-Clause */

/* The network between both shards of a clean world. Frames arrive in bursts, as from a port: most in one mbuf, some
 * in a chain of two, some in an indirect mbuf. */

#include <string.h>

#include "../support/frame.h"
#include "clean.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip.h"

enum { OLD = 64, FLOOD_BURSTS = 130, LATE_STEPS = 20, SHORTEST = 60, TAKE = 32, TAG = 4 };

void
cw_mac(uint8_t mac[6], unsigned shard, unsigned alias)
{
	memcpy(mac, (uint8_t[]){2, 0, 0, 0, (uint8_t)alias, (uint8_t)(shard + 1)}, 6);
}

/* ------------------------------------------------------------------ frames of a shard */

static void
way_add(struct cw *w, unsigned to, const uint8_t *p, size_t len, uint64_t due)
{
	struct cw_frame *f;

	if (w->nway[to] == CW_FRAMES || len > CW_FRAME_MAX) {
		w->lost++;
		return;
	}
	f = &w->way[to][w->nway[to]++];
	f->due = due;
	f->len = (uint16_t)len;
	memcpy(f->b, p, len);
}

static void
frame_send(struct cw *w, unsigned from, const uint8_t *p, size_t len)
{
	uint64_t due = w->step;

	w->frames++;
	if (cw_chance(w, w->shape.loss)) {
		w->lost++;
		return;
	}
	if (cw_chance(w, w->shape.late))
		due += 1 + cw_below(w, LATE_STEPS);
	way_add(w, !from, p, len, due);
	if (cw_chance(w, w->shape.dup))
		way_add(w, !from, p, len, w->step + cw_below(w, LATE_STEPS));
}

void
cw_take(struct cw *w)
{
	struct rte_mbuf *m[TAKE];
	uint8_t b[CW_FRAME_MAX];

	for (unsigned k = 0; k < CW_SHARDS; k++) {
		unsigned n;

		if (w->clogged[k] > 0) {
			w->clogged[k]--;
			continue;
		}
		while ((n = la_shard_tx(w->s[k], m, TAKE)) > 0)
			for (unsigned i = 0; i < n; i++) {
				size_t len = RTE_MIN(m[i]->pkt_len, (uint32_t)sizeof(b));
				const void *p = rte_pktmbuf_read(m[i], 0, (uint32_t)len, b);

				if (p != b)
					memcpy(b, p, len);
				if (m[i]->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM))
					(void)frame_fill_cksums(b, len);
				rte_pktmbuf_free(m[i]);
				frame_send(w, k, b, len);
			}
	}
}

/* ------------------------------------------------------------------ frames to a shard */

static struct rte_mbuf *
mbuf_append(struct rte_mempool *pool, const uint8_t *p, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (m)
		memcpy(rte_pktmbuf_append(m, (uint16_t)len), p, len);
	return m;
}

/* Returns the frame as a port delivers it; NULL: no mbuf is free, and the port drops the frame. */
static struct rte_mbuf *
frame_mbuf(struct cw *w, unsigned to, struct cw_frame *f)
{
	const struct la_shard_config *cfg = &w->cfg[to];
	unsigned how = cw_below(w, 16);
	uint8_t mac[6], tag[TAG] = {0};
	bool strip = cfg->vlan && how & 1;
	struct rte_mbuf *m, *tail;
	size_t first;

	cw_mac(mac, to, f->b[4]);
	if (memcmp(mac, f->b, 6) == 0)
		f->b[4] = 0; /* each alias is this host's port */
	if (strip) {
		memcpy(tag, f->b + 12, TAG);
		memmove(f->b + TAG, f->b, 12);
		f->len = (uint16_t)(f->len - TAG);
		memmove(f->b, f->b + TAG, f->len);
	}
	while (w->shape.pad && f->len < SHORTEST)
		f->b[f->len++] = (uint8_t)cw_below(w, 256);
	first = how == 2 ? 14 + cw_below(w, f->len - 14u) : f->len;
	m = mbuf_append(cfg->mbufs, f->b, first);
	if (m && first < f->len) {
		tail = mbuf_append(cfg->mbufs, f->b + first, f->len - first);
		if (!tail || rte_pktmbuf_chain(m, tail) < 0) {
			rte_pktmbuf_free(tail);
			rte_pktmbuf_free(m);
			m = NULL;
		}
	}
	if (!m)
		return NULL;
	if (cfg->offloads & LA_OFF_RX_CKSUM && how < 12)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (strip) {
		m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		m->vlan_tci = (uint16_t)(tag[2] << 8 | tag[3]);
	}
	if (how == 3) { /* another mbuf has the data */
		tail = rte_pktmbuf_clone(m, cfg->mbufs);
		rte_pktmbuf_free(m);
		m = tail;
	}
	return m;
}

static void
old_add(struct cw *w, const struct cw_frame *f)
{
	struct cw_frame *o = &w->old[w->nold++ % OLD];

	o->due = 0;
	o->len = f->len;
	memcpy(o->b, f->b, f->len);
}

static void
deliver_to(struct cw *w, unsigned to)
{
	struct rte_mbuf *m[CW_BURST];
	unsigned n = 0, kept = 0, burst = 1 + cw_below(w, CW_BURST);

	for (unsigned i = 0; i < w->nway[to]; i++) {
		struct cw_frame *f = &w->way[to][i];

		if (f->due > w->step) {
			struct cw_frame *k = &w->way[to][kept++];

			k->due = f->due;
			k->len = f->len;
			if (k != f)
				memcpy(k->b, f->b, f->len);
			continue;
		}
		if (to == CW_SERVER)
			old_add(w, f);
		m[n] = frame_mbuf(w, to, f);
		w->missed += m[n] == NULL;
		n += m[n] != NULL;
		if (n < burst)
			continue;
		la_shard_rx(w->s[to], w->now, m, n);
		n = 0;
		burst = 1 + cw_below(w, CW_BURST);
	}
	if (n > 0)
		la_shard_rx(w->s[to], w->now, m, n);
	w->nway[to] = kept;
}

void
cw_deliver(struct cw *w)
{
	for (unsigned k = 0; k < CW_SHARDS; k++)
		deliver_to(w, k);
	for (unsigned k = 0; k < CW_SHARDS; k++)
		while (la_shard_poll(w->s[k], w->now))
			;
}

/* Gives a segment other ports, so that it belongs to no connection and no listener. */
static void
stray_make(struct cw *w, struct cw_frame *f)
{
	size_t n = f->b[12] == 0x81 ? 18 : 14;
	bool is4 = f->b[n - 2] == 0x08 && f->b[n - 1] == 0x00;

	if ((is4 ? f->b[n + 9] : f->b[n + 6]) != LA_IPPROTO_TCP || (!is4 && f->b[n - 2] != 0x86))
		return;
	n += is4 ? LA_IP4_LEN : LA_IP6_LEN;
	memcpy(f->b + n, (uint8_t[]){0xf0, (uint8_t)cw_below(w, 256), 0, 9}, 4);
	(void)frame_fill_cksums(f->b, f->len);
}

void
cw_flood(struct cw *w)
{
	struct rte_mbuf *m[CW_BURST];

	for (unsigned i = 0; i < FLOOD_BURSTS && w->nold >= OLD; i++) {
		unsigned n = 0;

		for (unsigned k = 0; k < OLD; k++) {
			struct cw_frame f;

			f.len = w->old[k].len;
			memcpy(f.b, w->old[k].b, f.len);
			if (k % 4)
				stray_make(w, &f);
			m[n] = frame_mbuf(w, CW_SERVER, &f);
			n += m[n] != NULL;
		}
		la_shard_rx(w->s[CW_SERVER], w->now, m, n);
	}
}

/* ------------------------------------------------------------------ another MAC */

static void
announce4(struct cw *w, unsigned who, const uint8_t mac[6], const struct la_addr *a)
{
	struct la_eth e = {.type = LA_ETH_ARP, .vlan = w->cfg[who].vlan};
	struct la_arp arp = {.op = LA_ARP_REQUEST, .spa = a->w[3], .tpa = a->w[3]};
	uint8_t b[CW_FRAME_MAX];
	size_t n;

	memset(e.dst, 0xff, 6);
	memcpy(e.src, mac, 6);
	memcpy(arp.sha, mac, 6);
	n = la_eth_write(b, &e);
	la_arp_write(b + n, &arp);
	way_add(w, !who, b, n + LA_ARP_LEN, w->step);
}

static void
announce6(struct cw *w, unsigned who, const uint8_t mac[6], const struct la_addr *a)
{
	static const struct la_addr all = {.b = {0xff, 0x02, [15] = 1}};
	struct la_eth e = {.type = LA_ETH_IP6, .vlan = w->cfg[who].vlan};
	uint8_t b[CW_FRAME_MAX], *m;
	size_t n, len;
	uint16_t sum;

	la_nd_multicast_mac(&all, e.dst);
	memcpy(e.src, mac, 6);
	n = la_eth_write(b, &e);
	m = b + n + LA_IP6_LEN;
	len = la_nd_advert_write(m, a, &all, a, mac, false, true);
	memset(m + 2, 0, 2);
	sum = la_cksum_finish(la_cksum_add(la_cksum_pseudo(a, &all, LA_IPPROTO_ICMP6, (uint32_t)len), m, len));
	memcpy(m + 2, &sum, 2);
	n += la_ip6_write(b + n, a, &all, LA_IPPROTO_ICMP6, 255, (uint16_t)len);
	way_add(w, !who, b, n + len, w->step);
}

void
cw_move(struct cw *w)
{
	unsigned who = cw_below(w, CW_SHARDS), alias = cw_below(w, CW_ALIASES + 1);
	const struct la_addr *a = &w->addrs[who][cw_below(w, w->cfg[who].naddrs)].addr;
	uint8_t mac[6];

	cw_mac(mac, who, alias);
	if (la_addr_is4(a))
		announce4(w, who, mac, a);
	else
		announce6(w, who, mac, a);
}
