/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_STARTUP_H
#define LA_RUN_STARTUP_H

/* Inside lib/run: the output of a start. Every run prints one line, "ready: ..."; --verbose prints further lines. */

#include "run/worker.h"

/** With --verbose: prints DPDK's memory and the ports. */
void la_startup_say(const struct la_engine *e);

/** With --verbose: prints the port, the lcore and the tables of a new shard. */
void la_startup_shard(const struct la_engine *e, unsigned station);

/** Prints the table of placement with --verbose, and warnings to stderr in any case. */
void la_startup_placement(const struct la_engine *e);

/** Prints the ready line for scripts and users: ports, workers and their CPUs, the sustained rate of closes, the state
 * of the gateways. */
void la_startup_ready(const struct la_engine *e);

/** Writes the ready line into buf. Returns buf. */
const char *la_startup_ready_line(const struct la_engine *e, char *buf, size_t size);

#endif
