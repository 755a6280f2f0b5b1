/* SPDX-License-Identifier: BSD-3-Clause */

/* Transmission of a station, and its rounds while the port takes no frames. (The theory is in transmit.h.) */

#include "fault/faulty.h"
#include "io/capture.h"
#include "run/transmit.h"

/* Frames to transmit: those of the shard, after fault injection if configured. */
static inline unsigned
transmit_take(struct la_worker *w, struct la_station_run *st, struct rte_mbuf **pkts, unsigned max)
{
	if (likely(st->faulty == NULL))
		return la_shard_tx(st->shard, pkts, max);
	return la_faulty_take(st->faulty, st->shard, rte_rdtsc() / (w->clock.per_ms / 1000), st->lane.pool, pkts, max);
}

/* Transmits for a station without its own queue: as many frames as the ring to the queue's owner has room for. */
static bool
transmit_by_owner(struct la_worker *w, struct la_station_run *st)
{
	struct rte_mbuf *pkts[LA_PORT_BURST];
	unsigned n, all = 0;

	for (;;) {
		n = RTE_MIN(la_hand_over_tx_room(&st->hand), (unsigned)LA_PORT_BURST);
		n = n < LA_LANE_TAKE_LEAST ? 0 : transmit_take(w, st, pkts, n);
		if (n == 0)
			return all > 0;
		la_hand_over_tx(&st->hand, pkts, n);
		st->frames_out += n;
		all += n;
	}
}

/* The context of take_of(), which takes the next frames of shard k of the port for this station's queue. */
struct turn {
	struct la_worker *w;
	struct la_station_run *st;
	unsigned k;
};

static inline unsigned
take_of(void *ctx, struct rte_mbuf **pkts, unsigned max)
{
	struct turn *t = ctx;
	struct la_hand_over *h = &t->st->hand;
	unsigned n = t->k == h->index ? transmit_take(t->w, t->st, pkts, max)
				      : la_hand_over_tx_take(h, t->k, pkts, max);

	if (unlikely(t->w->capture != NULL) && n > 0)
		la_capture_burst(t->w->capture, t->st->lane.port, t->st->lane.queue, true, pkts, n);
	return n;
}

bool
la_transmit(struct la_worker *w, struct la_station_run *st, uint64_t now)
{
	struct turn t = {w, st, st->tx_turn};
	struct la_hand_over *h = &st->hand;
	unsigned all;

	if (!h->has_queue)
		return transmit_by_owner(w, st);
	all = la_lane_retry(&st->lane, now);
	if (unlikely(all > 0))
		w->quiet_at = now + LA_SETTLE_MS;
	for (unsigned i = 0; i < h->peers; i++) {
		all += la_lane_send(&st->lane, t.k == h->index, take_of, &t);
		if (++t.k == h->peers)
			t.k = 0;
		if (unlikely(la_lane_room(&st->lane) < LA_LANE_TAKE_LEAST))
			break;
	}
	st->tx_turn = t.k;
	return all > 0;
}

static void
transmit_received(void *ctx, uint64_t now, struct rte_mbuf **pkts, unsigned n)
{
	struct turn *t = ctx;

	la_worker_received(t->w, t->st, now, pkts, n);
}

bool
la_transmit_hold(struct la_worker *w, struct la_station_run *st, uint64_t now)
{
	struct turn t = {.w = w, .st = st};
	unsigned read = 0;

	la_lane_held(&st->lane, now);
	if (st->hand.has_queue)
		read = la_lane_hold_read(&st->lane, now, transmit_received, &t);
	return la_transmit(w, st, now) || read > 0;
}
