/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_TW_FILL_H
#define LA_SIM_TW_FILL_H

/* Fills a shard's TIME_WAIT table with entries without real connections, for measurements with ten or a
 * hundred million entries. */

#include <stdint.h>

#include "net/shard.h"

/** Entry number i: its tuple, its state (flags: LA_TW_TS or 0), and the remaining ms of its 2*MSL,
 * 1 to `lifetime`. Tuples must differ from each other and from those in the shard. */
typedef void la_sim_tw_entry(void *ctx, uint64_t i, struct la_tuple *t, struct la_tw_core *state, uint32_t *left);

/** Enters n of them with a 2*MSL of `lifetime` ms, by the table's own calls, at the shard's current time.
 * 0, -ENOBUFS (no entry or index place left), -ENOSPC or -EINVAL (the lifetime). */
int la_sim_tw_fill(struct la_shard *s, uint64_t n, uint32_t lifetime, la_sim_tw_entry *entry, void *ctx);

#endif
