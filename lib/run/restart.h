/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_RESTART_H
#define LA_RUN_RESTART_H

/* Inside lib/run: what engine.c asks of restart.c. */

#include "run/worker.h"
#include "snapshot/state.h"

/** Opens and verifies the state file, sets the engine's clock so that time goes on, or decides on
 * quiet time. Before workers take their copy of the clock. Says what it found. */
void la_restart_open(struct la_engine *e);

/** The secret of shard i, one for all of its port, and its quiet time. In order, from 0 on. */
void la_restart_config(struct la_engine *e, unsigned i, struct la_shard_config *sc);

/** All shards are made: reads their entries and takes the file away. False: the file was refused
 * after all, and the shards are to be made again, as without it. */
bool la_restart_load(struct la_engine *e);

/** By the engine's clock, ms; 0: no quiet time. */
uint64_t la_restart_quiet_until(const struct la_engine *e);

#endif
