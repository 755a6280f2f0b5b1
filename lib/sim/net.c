/* SPDX-License-Identifier: BSD-3-Clause */

/* The network: the path of a frame between two hosts.
 *
 * Delays and faults are for TCP segments alone. Other frames (ARP, neighbour discovery, ICMP) arrive at
 * once, and no rule counts them. */

#include <string.h>

#include "sim/internal.h"
#include "wire/eth.h"
#include "wire/ip.h"

/* ------------------------------------------------------------------ flights: a binary heap */

static bool
flight_earlier(const struct la_sim_flight *a, const struct la_sim_flight *b)
{
	return a->us != b->us ? a->us < b->us : a->order < b->order;
}

static void
sift_up(struct la_sim *w, unsigned i)
{
	struct la_sim_flight f = w->heap[i];

	while (i > 0 && flight_earlier(&f, &w->heap[(i - 1) / 2])) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = f;
}

static void
sift_down(struct la_sim *w, unsigned i)
{
	struct la_sim_flight f = w->heap[i];

	for (unsigned c = 2 * i + 1; c < w->nheap; c = 2 * i + 1) {
		if (c + 1 < w->nheap && flight_earlier(&w->heap[c + 1], &w->heap[c]))
			c++;
		if (!flight_earlier(&w->heap[c], &f))
			break;
		w->heap[i] = w->heap[c];
		i = c;
	}
	w->heap[i] = f;
}

static void
flight_tell(struct la_sim *w, enum la_sim_what what, const struct la_sim_flight *f, const struct la_fault_seg *s,
	    const char *text)
{
	struct la_sim_event e = {.what = what,
				 .due_us = f->us,
				 .host = f->from,
				 .peer = f->to,
				 .packet = f->packet,
				 .copy = f->copy,
				 .late = f->late,
				 .seg = *s,
				 .frame = rte_pktmbuf_mtod(f->m, const uint8_t *),
				 .frame_len = f->m->pkt_len,
				 .text = text};

	la_sim_tell(w, &e);
}

static void
tell_lost(struct la_sim *w, const struct la_sim_flight *f, const char *why)
{
	struct la_fault_seg s;

	if (la_fault_seg_read(rte_pktmbuf_mtod(f->m, const uint8_t *), f->m->pkt_len, &s))
		flight_tell(w, LA_SIM_LOST, f, &s, why);
	rte_pktmbuf_free(f->m);
}

void
la_sim_fly(struct la_sim *w, const struct la_sim_flight *f)
{
	if (w->nheap == w->max_flights) {
		tell_lost(w, f, "network full");
		return;
	}
	w->heap[w->nheap] = *f;
	w->heap[w->nheap].order = w->order++;
	sift_up(w, w->nheap++);
}

bool
la_sim_land(struct la_sim *w, uint64_t until, struct la_sim_flight *f)
{
	if (w->nheap == 0 || w->heap[0].us > until)
		return false;
	*f = w->heap[0];
	w->heap[0] = w->heap[--w->nheap];
	if (w->nheap)
		sift_down(w, 0);
	return true;
}

/* ------------------------------------------------------------------ the shelf */

static void
flight_shelve(struct la_sim *w, struct la_sim_flight *f)
{
	if (w->nshelf == w->max_flights) {
		tell_lost(w, f, "network full");
		return;
	}
	f->us = w->us;
	f->late = true;
	w->shelf[w->nshelf++] = *f;
}

static struct la_sim_flight
flight_unshelve(struct la_sim *w, unsigned i)
{
	struct la_sim_flight f = w->shelf[i];

	w->nshelf--;
	memmove(&w->shelf[i], &w->shelf[i + 1], (w->nshelf - i) * sizeof(f));
	return f;
}

unsigned
la_sim_shelf(const struct la_sim *w)
{
	return w->nshelf;
}

uint32_t
la_sim_shelf_packet(const struct la_sim *w, unsigned i)
{
	return w->shelf[i].packet;
}

uint64_t
la_sim_shelf_since(const struct la_sim *w, unsigned i)
{
	return w->shelf[i].us;
}

void
la_sim_release(struct la_sim *w, unsigned i)
{
	struct la_sim_flight f = flight_unshelve(w, i);

	f.us = w->us;
	la_sim_fly(w, &f);
}

void
la_sim_discard(struct la_sim *w, unsigned i)
{
	struct la_sim_flight f = flight_unshelve(w, i);

	tell_lost(w, &f, "discarded");
}

unsigned
la_sim_in_flight(const struct la_sim *w)
{
	return w->nheap + w->nshelf;
}

/* ------------------------------------------------------------------ FINs, for rules on `lastack` */

static void
store_fin(struct la_sim_node *n, const struct la_fault_seg *s)
{
	uint32_t h = la_sim_hash(&s->t);

	if (s->flags & LA_FIN)
		n->fin[h % LA_SIM_FINS] = (struct la_sim_fin){h, s->seq + la_fault_seg_space(s)};
}

/* Returns the sequence number after the FIN that n, the receiver of s, has sent; NULL: n sent no FIN. */
static const uint32_t *
fin_end(const struct la_sim_node *n, const struct la_fault_seg *s)
{
	struct la_tuple t = la_sim_mirrored(&s->t);
	uint32_t h = la_sim_hash(&t);
	const struct la_sim_fin *f = &n->fin[h % LA_SIM_FINS];

	return f->hash == h ? &f->end : NULL;
}

/* ------------------------------------------------------------------ a segment in flight */

static struct la_fate
link_chance_fate(struct la_sim *w, const struct la_sim_link *l)
{
	if (la_rng_chance(&w->rng, l->drop_ppm))
		return (struct la_fate){LA_FAULT_DROP, 0};
	if (la_rng_chance(&w->rng, l->hold_ppm)) {
		uint64_t span = l->hold_max_us - l->hold_min_us;

		return (struct la_fate){LA_FAULT_HOLD, l->hold_min_us + (span ? la_rng64(&w->rng) % span : 0)};
	}
	if (la_rng_chance(&w->rng, l->dup_ppm))
		return (struct la_fate){LA_FAULT_DUP, l->dup_us ? la_rng64(&w->rng) % l->dup_us : 0};
	if (la_rng_chance(&w->rng, l->corrupt_ppm))
		return (struct la_fate){LA_FAULT_CORRUPT, 0};
	if (la_rng_chance(&w->rng, l->reorder_ppm))
		return (struct la_fate){LA_FAULT_REORDER, 0};
	return (struct la_fate){LA_FAULT_NONE, 0};
}

static struct la_fate
link_decide_fate(struct la_sim *w, unsigned from, unsigned to, const struct la_fault_seg *s)
{
	struct la_fate fate = la_fault_decide(w->fault, w->nfaults, w->node[from].name, s, fin_end(&w->node[to], s),
					      &w->rng);

	if (fate.action == LA_FAULT_NONE && w->hooks.fate)
		return w->hooks.fate(w->hooks.ctx, from, to, s);
	return fate.action == LA_FAULT_NONE ? link_chance_fate(w, &w->way[from][to].l) : fate;
}

/* Sets *us to the time at which a frame of this size arrives. Returns false when the link's queue is full. */
static bool
link_arrival_time(struct la_sim *w, struct la_sim_way *way, uint32_t len, uint64_t *us)
{
	const struct la_sim_link *l = &way->l;
	uint64_t at = w->us;

	if (l->rate_bps) {
		uint64_t wait = way->busy_until > at ? way->busy_until - at : 0;

		if (l->queue_bytes && wait * l->rate_bps / 8000000 + len > l->queue_bytes)
			return false;
		at += wait + (uint64_t)len * 8000000 / l->rate_bps;
		way->busy_until = at;
	}
	*us = at + l->delay_us + (l->jitter_us ? la_rng64(&w->rng) % (l->jitter_us + 1) : 0);
	return true;
}

/* A segment that arrives at `us` has overtaken the reordered segment of this link, if there is one: the reordered
 * segment arrives at `us` too, after it. */
static void
link_follow(struct la_sim *w, struct la_sim_way *way, uint64_t us)
{
	uint32_t packet = way->swap;

	if (!packet)
		return;
	way->swap = 0;
	for (unsigned i = 0; i < w->nheap; i++)
		if (w->heap[i].packet == packet && !w->heap[i].copy) {
			struct la_sim_flight f = w->heap[i];

			w->heap[i] = w->heap[--w->nheap];
			if (i < w->nheap) {
				sift_up(w, i);
				sift_down(w, i);
			}
			f.us = us;
			la_sim_fly(w, &f);
			return;
		}
}

static void
flip_bit(struct la_sim *w, struct rte_mbuf *m, const struct la_fault_seg *s)
{
	uint32_t bits = (uint32_t)(s->text - s->at + s->len) * 8;
	uint32_t bit = la_rng_below(&w->rng, bits);

	*rte_pktmbuf_mtod_offset(m, uint8_t *, s->at + bit / 8) ^= (uint8_t)(1u << bit % 8);
}

static void
link_duplicate(struct la_sim *w, const struct la_sim_flight *f, const struct la_fault_seg *s, uint64_t us)
{
	struct la_sim_flight c = *f;

	c.m = rte_pktmbuf_copy(f->m, w->mbufs, 0, UINT32_MAX);
	if (!c.m)
		return;
	c.copy = true;
	c.late = us > 0;
	c.us += us;
	flight_tell(w, LA_SIM_COPIED, &c, s, NULL);
	if (us == UINT64_MAX)
		flight_shelve(w, &c);
	else
		la_sim_fly(w, &c);
}

enum { OVERTAKE_US = 200000 }; /* longest wait of a reordered segment, us */

static void
flight_apply_fate(struct la_sim *w, struct la_sim_flight *f, const struct la_fault_seg *s, struct la_fate fate)
{
	struct la_sim_way *way = &w->way[f->from][f->to];
	uint64_t us = f->us;

	switch (fate.action) {
	case LA_FAULT_DROP:
		flight_tell(w, LA_SIM_LOST, f, s, "dropped");
		rte_pktmbuf_free(f->m);
		return;
	case LA_FAULT_HOLD:
		f->late = true;
		f->us = fate.us == UINT64_MAX ? UINT64_MAX : us + fate.us;
		flight_tell(w, LA_SIM_HELD, f, s, NULL);
		if (fate.us == UINT64_MAX) {
			flight_shelve(w, f);
			return;
		}
		break;
	case LA_FAULT_CORRUPT:
		flip_bit(w, f->m, s);
		flight_tell(w, LA_SIM_CORRUPTED, f, s, NULL);
		break;
	case LA_FAULT_REORDER:
		f->us += OVERTAKE_US;
		la_sim_fly(w, f);
		way->swap = f->packet;
		return;
	case LA_FAULT_DUP:
	case LA_FAULT_NONE:
		break;
	}
	la_sim_fly(w, f);
	if (fate.action == LA_FAULT_DUP)
		link_duplicate(w, f, s, fate.us);
	else
		link_follow(w, way, us);
}

/* Returns whether the packet is IPv4 without DF. The network carries such a packet whole. */
static bool
may_be_fragmented(const struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, LA_ETH_LEN);

	return ip[0] >> 4 == 4 && !(ip[6] & LA_IP4_DF >> 8);
}

static void
link_send_segment(struct la_sim *w, struct la_sim_flight *f, struct la_fault_seg *s)
{
	struct la_sim_way *way = &w->way[f->from][f->to];
	uint32_t ip_len = f->m->pkt_len - LA_ETH_LEN;
	struct la_fate fate;

	f->packet = ++w->packets;
	la_sim_weak_out(&w->node[f->from], f->m, s);
	store_fin(&w->node[f->from], s);
	fate = link_decide_fate(w, f->from, f->to, s);
	if (way->l.mtu && ip_len > way->l.mtu && !may_be_fragmented(f->m)) {
		const uint8_t *p = rte_pktmbuf_mtod(f->m, const uint8_t *);
		struct rte_mbuf *m = la_sim_too_big(w, f->from, f->to, p, f->m->pkt_len, way->l.mtu);

		f->us = 0;
		flight_tell(w, LA_SIM_SENT, f, s, NULL);
		flight_tell(w, LA_SIM_LOST, f, s, "too big");
		rte_pktmbuf_free(f->m);
		if (m)
			la_sim_fly(w, &(struct la_sim_flight){.us = w->us, .m = m, .from = f->to, .to = f->from});
		return;
	}
	if (!link_arrival_time(w, way, f->m->pkt_len, &f->us)) {
		f->us = 0;
		flight_tell(w, LA_SIM_SENT, f, s, NULL);
		flight_tell(w, LA_SIM_LOST, f, s, "queue full");
		rte_pktmbuf_free(f->m);
		return;
	}
	flight_tell(w, LA_SIM_SENT, f, s, NULL);
	flight_apply_fate(w, f, s, fate);
}

/* ------------------------------------------------------------------ a frame leaves */

/* Returns the frame in one mbuf that nothing else refers to: m, or a copy. NULL: no mbuf is free. */
static struct rte_mbuf *
flight_own_mbuf(struct la_sim *w, struct rte_mbuf *m)
{
	struct rte_mbuf *c;

	if (m->nb_segs == 1 && RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1)
		return m;
	c = rte_pktmbuf_copy(m, w->mbufs, 0, UINT32_MAX);
	rte_pktmbuf_free(m);
	return c;
}

void
la_sim_send_frame(struct la_sim *w, unsigned from, struct rte_mbuf *m)
{
	const uint8_t *mac;
	struct la_fault_seg s;

	m = flight_own_mbuf(w, m);
	if (!m) {
		w->no_mbufs++;
		return;
	}
	mac = rte_pktmbuf_mtod(m, const uint8_t *);
	for (unsigned to = 0; to < w->nhosts; to++) {
		struct la_sim_flight f = {.us = w->us, .from = (uint8_t)from, .to = (uint8_t)to};

		if (to == from || (!(mac[0] & 1) && memcmp(mac, w->node[to].mac, 6) != 0))
			continue;
		f.m = rte_pktmbuf_copy(m, w->mbufs, 0, UINT32_MAX);
		if (!f.m)
			w->no_mbufs++;
		else if (la_fault_seg_read(rte_pktmbuf_mtod(f.m, const uint8_t *), f.m->pkt_len, &s))
			link_send_segment(w, &f, &s);
		else
			la_sim_fly(w, &f);
	}
	rte_pktmbuf_free(m);
}
