/* SPDX-License-Identifier: BSD-3-Clause */

/* Transmission of a station, and its rounds while the port takes no frames. (The theory is in transmit.h.) */

#include "fault/faulty.h"
#include "io/capture.h"
#include "run/transmit.h"

enum {
	TAKE_LEAST = 4,		/* room in frames that take() needs */
	HOLD_READ = 256,	/* frames read in a millisecond in which the port takes none; at most
				 * LA_HOLD_READ_MOST until the shard is empty again */
};

/* Frames to transmit: those of the shard, after fault injection if configured. */
static inline unsigned
take(struct la_worker *w, struct la_station_run *st, struct rte_mbuf **pkts, unsigned max)
{
	if (likely(st->faulty == NULL))
		return la_shard_tx(st->shard, pkts, max);
	return la_faulty_take(st->faulty, st->shard, rte_rdtsc() / (w->clock.per_ms / 1000), st->pool,
			      pkts, max);
}

/* Without its own queue: limited by the room of the queue's owner. */
static bool
transmit_by_owner(struct la_worker *w, struct la_station_run *st)
{
	struct rte_mbuf *pkts[LA_BURST];
	unsigned n, all = 0;

	for (;;) {
		n = RTE_MIN(la_hand_over_tx_room(&st->hand), (unsigned)LA_BURST);
		n = n < TAKE_LEAST ? 0 : take(w, st, pkts, n);
		if (n == 0)
			return all > 0;
		la_hand_over_tx(&st->hand, pkts, n);
		st->frames_out += n;
		all += n;
	}
}

/* Takes the next frames of shard k of the port for this station's queue. */
static inline unsigned
take_of(struct la_worker *w, struct la_station_run *st, unsigned k, struct rte_mbuf **pkts, unsigned max)
{
	return k == st->hand.index ? take(w, st, pkts, max) : la_hand_over_tx_take(&st->hand, k, pkts, max);
}

bool
la_transmit(struct la_worker *w, struct la_station_run *st, uint64_t now)
{
	struct la_hand_over *h = &st->hand;
	struct rte_mbuf *pkts[LA_BURST];
	uint16_t queue = (uint16_t)h->queue;
	unsigned n, room, all = 0, k = st->tx_turn;

	if (!h->has_queue)
		return transmit_by_owner(w, st);
	if (unlikely(st->txq.n > 0) && (all = la_txq_retry(&st->txq, st->port, queue, now)) > 0)
		w->quiet_at = now + LA_SETTLE_MS;
	for (unsigned i = 0; i < h->peers; i++) {
		while ((room = la_txq_room(&st->txq)) >= TAKE_LEAST &&
		       (n = take_of(w, st, k, pkts, RTE_MIN(room, (unsigned)LA_BURST))) > 0) {
			if (unlikely(w->capture != NULL))
				la_capture_burst(w->capture, st->port, queue, true, pkts, n);
			la_txq_send(&st->txq, st->port, queue, pkts, n, k == h->index, st->pool);
			all += n;
		}
		if (++k == h->peers)
			k = 0;
		if (unlikely(room < TAKE_LEAST))
			break;
	}
	st->tx_turn = k;
	return all > 0;
}

bool
la_hold(struct la_worker *w, struct la_station_run *st, uint64_t now)
{
	unsigned n = LA_BURST, all = 0;

	st->held += now != st->held_at;
	st->held_at = now;
	if (st->hand.has_queue && st->txq.refused_ms >= LA_TXQ_PATIENCE_MS && now != st->read_at) {
		struct rte_mbuf *pkts[LA_BURST];

		st->read_at = now;
		while (n == LA_BURST && all < HOLD_READ && st->hold_read < LA_HOLD_READ_MOST) {
			n = la_port_rx(st->port, (uint16_t)st->hand.queue, pkts, LA_BURST);
			if (n > 0)
				la_worker_received(w, st, now, pkts, n);
			all += n;
			st->hold_read += n;
		}
	}
	return la_transmit(w, st, now) || all > 0;
}
