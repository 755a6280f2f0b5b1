/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_TRANSMIT_H
#define LA_RUN_TRANSMIT_H

/* Transmission of one station. The station's lane has the back-pressure (io/lane.h). While a round holds, the
 * application is not polled.
 *
 * A station without a queue of its own passes its frames to the queue's owner (run/hand_over.h). The hand-over
 * ring then replaces the transmit queue. The owner serves the shards of the port in turn, and the first
 * shard changes when the queue has no room for all of them. */

#include "run/worker.h"

/** Returns how many frames may be made before the port, or the owner of the queue, must take some. */
static inline unsigned
la_tx_room(const struct la_station_run *st)
{
	return st->hand.has_queue ? la_lane_room(&st->lane) : la_hand_over_tx_room(&st->hand);
}

/** Offers the waiting frames to the port, then the frames of the shard and of other shards that
 * transmit on this queue, while the queue has room. now: ms. True: frames were transmitted. */
bool la_transmit(struct la_worker *w, struct la_station_run *st, uint64_t now);

/** The round of a station with la_tx_room() below LA_PORT_BURST, instead of the normal round. now: ms. True: frames
 * were transmitted or read. */
bool la_transmit_hold(struct la_worker *w, struct la_station_run *st, uint64_t now);

#endif
