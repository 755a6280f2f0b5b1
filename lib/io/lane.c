/* SPDX-License-Identifier: BSD-3-Clause */

/* The rare parts of a lane: rounds that hold, and rest. (The theory is in lane.h.) */

#include <time.h>

#include <rte_pause.h>

#include "io/lane.h"

enum {
	HOLD_READ = 256, /* most frames that are read in a millisecond in which the port takes none */
	FIRST_US = 5,	 /* the first sleep, which doubles up to LA_REST_SHORT_US */
	DOUBLINGS = 4,
	LONG_AFTER = 200, /* sleeps in a row before the first sleep of LA_REST_LONG_US */
};

unsigned
la_lane_hold_read(struct la_lane *l, uint64_t now, la_lane_received received, void *ctx)
{
	struct rte_mbuf *pkts[LA_LANE_BURST];
	unsigned n = LA_LANE_BURST, all = 0;

	if (l->txq.refused_ms < LA_TXQ_PATIENCE_MS || now == l->read_at)
		return 0;
	l->read_at = now;
	while (n == LA_LANE_BURST && all < HOLD_READ && l->hold_read < LA_HOLD_READ_MOST) {
		n = la_lane_rx(l, pkts);
		if (n > 0)
			received(ctx, now, pkts, n);
		all += n;
		l->hold_read += n;
	}
	return all;
}

uint64_t
la_rest_us(unsigned idle, bool waiting)
{
	uint64_t us;

	if (idle < LA_REST_SPINS)
		return 0;
	idle -= LA_REST_SPINS;
	us = idle >= LONG_AFTER ? LA_REST_LONG_US : LA_REST_SHORT_US;
	if (idle < DOUBLINGS)
		us = RTE_MIN(us, (uint64_t)FIRST_US << idle);
	return waiting ? RTE_MIN(us, (uint64_t)LA_REST_SHORT_US) : us;
}

void
la_rest(uint64_t us)
{
	struct timespec ts = {.tv_nsec = (long)us * 1000};

	if (us > 0)
		nanosleep(&ts, NULL);
	else
		rte_pause();
}
