/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_TW_FILL_H
#define LA_SIM_TW_FILL_H

/* Fills a shard's TIME_WAIT table with entries that no connection made, for measurements with 10 to 100
 * million entries. */

#include <stdint.h>

#include "net/shard.h"

/** Sets entry number i: its tuple, its state (flags: LA_TW_TS or 0), and the remaining ms of its 2*MSL,
 * 1 to `lifetime`. The tuples must differ from each other and from the tuples in the shard. */
typedef void la_sim_tw_entry(void *ctx, uint64_t i, struct la_tuple *t, struct la_tw_core *state, uint32_t *left);

/** Adds n entries with a 2*MSL of `lifetime` ms at the shard's current time, with the calls of the table. Returns
 * 0; -ENOBUFS: no entry or no place in the index is free; -ENOSPC or -EINVAL: the error of la_tw_class(). */
int la_sim_tw_fill(struct la_shard *s, uint64_t n, uint32_t lifetime, la_sim_tw_entry *entry, void *ctx);

#endif
