/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_TRANSMIT_H
#define LA_RUN_TRANSMIT_H

/* Transmission of one station, and its back-pressure.
 *
 * Frames leave the shard only when a later queue has room for them. Each queue is bounded, so the pressure of a
 * slow port travels backwards until it slows down the sender:
 *
 *	port's transmit ring	full: frames wait in the station's transmit queue (io/tx_queue.h)
 *	transmit queue		no room for a burst: the station reads nothing and polls nothing, it only transmits
 *	shard's output		what the shard has made stays in the shard; without new input nothing is added
 *	port's receive ring	fills up, because the station does not read
 *
 * A station without a queue of its own passes its frames to the queue's owner (run/hand_over.h). The hand-over
 * ring takes the place of the transmit queue then. The owner serves the shards of the port in turn, and the turn
 * moves on when the queue has no room for all of them.
 *
 * Two stations may wait for each other: both ports take nothing, because both stations read nothing. A port that
 * has taken nothing for LA_TXQ_PATIENCE_MS therefore ends the pause for reading. The station reads at most HOLD_READ
 * frames a millisecond, and LA_HOLD_READ_MOST until its shard is empty again: the shard has room for the answers to
 * that many frames. After LA_TXQ_STALL_MS the transmit queue drops frames. So no wait is for ever. */

#include "run/worker.h"

/** How many frames may still be made before the port, or the owner of the queue, must take some. */
static inline unsigned
la_tx_room(const struct la_station_run *st)
{
	return st->hand.has_queue ? la_txq_room(&st->txq) : la_hand_over_tx_room(&st->hand);
}

/** Hands the port the frames that wait for it, then those that the shard has made and those that other shards
 * transmit on this queue, as many as the queue has room for. now: ms. True: some frames left. */
bool la_transmit(struct la_worker *w, struct la_station_run *st, uint64_t now);

/** The round of a station with la_tx_room() below LA_BURST, in place of the usual one. now: ms. True: it was busy. */
bool la_hold(struct la_worker *w, struct la_station_run *st, uint64_t now);

#endif
