/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_RESTART_H
#define LA_RUN_RESTART_H

/* Inside lib/run: the calls of restart.c for engine.c. */

#include "run/worker.h"
#include "snapshot/snapshot.h"

/** Opens and verifies the snapshot file, sets the engine's clock so that time continues, or decides on
 * quiet time. Call before workers copy the clock. Prints the result. */
void la_restart_open(struct la_engine *e);

/** Sets the secret of shard i, which all shards of its port have, and its quiet time. Call for shards 0, 1, ... in this
 * order. */
void la_restart_config(struct la_engine *e, unsigned i, struct la_shard_config *sc);

/** Call after the creation of all shards: loads their entries and removes the file. False: the file was
 * refused, and the shards must be created again without it. */
bool la_restart_load(struct la_engine *e);

/** Returns the end of quiet time by the engine's clock, ms; 0: no quiet time. */
uint64_t la_restart_quiet_until(const struct la_engine *e);

#endif
