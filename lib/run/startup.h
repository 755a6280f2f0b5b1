/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_STARTUP_H
#define LA_RUN_STARTUP_H

/* Inside lib/run: the output of a start. Every run prints one line, "ready: ..."; --verbose prints the rest. */

#include "run/worker.h"

/** DPDK's memory and the ports, with --verbose. */
void la_startup_say(const struct la_engine *e);

/** The place and the tables of a new shard, with --verbose. */
void la_startup_shard(const struct la_engine *e, unsigned station);

/** The table of placement, with --verbose; warnings to stderr in any case. */
void la_startup_placement(const struct la_engine *e);

/** The ready line for scripts and users: ports, workers and their CPUs, the sustained rate of closes. The shard
 * warns of a gateway that does not answer. */
void la_startup_ready(const struct la_engine *e);

/** Writes the ready line into buf. */
const char *la_startup_ready_line(const struct la_engine *e, char *buf, size_t size);

#endif
