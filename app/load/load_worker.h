/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_WORKER_H
#define LA_APP_LOAD_WORKER_H

/* The cost of each worker of a load: share of busy time, cycles per connection, lag behind the schedule. A
 * load has one station per worker. The control thread takes a reading once per interval. */

#include "core/histogram.h"
#include "load/internal.h"
#include "run/engine.h"

struct load_look {
	struct la_station_stats stats;
	uint64_t connects;
	struct la_histogram lag; /* ns */
};

struct load_worker {
	struct load_look before, now; /* the last two readings */
	struct load_look first, last; /* first and last reading under load */
	bool loaded;		      /* `first` is set */
};

/** The cost of a worker between two readings. NaN: no samples. */
struct load_use {
	double busy;		 /* share of time, 0 to 1 */
	double cycles;		 /* busy TSC cycles per begun connection */
	double lag_p50, lag_p99; /* ns */
};

/** Records a reading: s is of the worker of station `st`. under_load: the schedule runs. */
void load_worker_look(struct load_worker *w, const struct load_station *st, const struct la_station_stats *s,
		      bool under_load);

/** Sets *u to the cost between two readings of one worker. scratch: room for a histogram. */
void load_look_use(const struct load_look *from, const struct load_look *to, struct la_histogram *scratch,
		   struct load_use *u);

/** Returns the share of the time between two readings in which the worker was busy, 0 to 1. NaN: no time. */
double load_busy_share(const struct la_station_stats *before, const struct la_station_stats *now);

#endif
