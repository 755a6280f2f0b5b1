/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_TRANSMIT_H
#define LA_RUN_TRANSMIT_H

/* Transmission of one station, and its back-pressure.
 *
 * Frames leave the shard only when the next queue has room for them. Each queue is bounded, so the back-pressure of a
 * slow port reaches the sender:
 *
 *	port's transmit ring	full: frames wait in the station's transmit queue (io/tx_queue.h)
 *	transmit queue		no room for a burst: the station neither reads nor polls, it only transmits
 *	shard's output		frames stay in the shard; without input no frame is added
 *	port's receive ring	fills up, because the station does not read
 *
 * A station without a queue of its own passes its frames to the queue's owner (run/hand_over.h). The hand-over
 * ring then replaces the transmit queue. The owner serves the shards of the port in turn, and the first
 * shard changes when the queue has no room for all of them.
 *
 * Two stations may wait for each other: neither port takes frames, because neither station reads. So after
 * LA_TXQ_PATIENCE_MS without a frame taken by the port, the station reads again. The station reads at most HOLD_READ
 * frames a millisecond, and LA_HOLD_READ_MOST until its shard is empty again: the shard has room for the answers to
 * that many frames. After LA_TXQ_STALL_MS the transmit queue drops frames. So every wait ends. */

#include "run/worker.h"

/** The number of frames that may be made before the port, or the owner of the queue, must take some. */
static inline unsigned
la_tx_room(const struct la_station_run *st)
{
	return st->hand.has_queue ? la_txq_room(&st->txq) : la_hand_over_tx_room(&st->hand);
}

/** Offers the waiting frames to the port, then those of the shard and those that other shards
 * transmit on this queue, while the queue has room. now: ms. True: frames were transmitted. */
bool la_transmit(struct la_worker *w, struct la_station_run *st, uint64_t now);

/** The round of a station with la_tx_room() below LA_BURST, instead of the normal round. now: ms. True: it was busy. */
bool la_hold(struct la_worker *w, struct la_station_run *st, uint64_t now);

#endif
