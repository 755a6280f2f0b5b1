/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_STARTUP_H
#define LA_RUN_STARTUP_H

/* Inside lib/run: what a start prints. One line, "ready: ...", is for every run; the rest is for --verbose. */

#include "run/worker.h"

/** DPDK's memory and the ports, with --verbose. */
void la_startup_say(const struct la_engine *e);

/** The place and the tables of a new shard, with --verbose. */
void la_startup_shard(const struct la_engine *e, unsigned station);

/** The table of placement, with --verbose; warnings to stderr in any case. */
void la_startup_placement(const struct la_engine *e);

/** The line for scripts and users that wait for it: ports, workers and their CPUs, closes a second that can go on
 * for ever. A gateway that does not answer has its warning from the shard. */
void la_startup_ready(const struct la_engine *e);

/** The same into buf. */
const char *la_startup_ready_line(const struct la_engine *e, char *buf, size_t size);

#endif
