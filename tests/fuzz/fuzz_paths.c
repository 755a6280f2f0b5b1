/* SPDX-License-Identifier: BSD-3-Clause */

/* Fuzz target: the fast path and the general path of a shard. Each input runs twice, once with and once without the
 * fast path (la_shard_config.no_fast_path). All frames that the shard sends, all counters and all transitions must be
 * the same, after every action. The inputs are those of fuzz_shard.c. */

#include <string.h>

#include "world.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	static struct world w;
	static struct world_history fast, general;

	fast.n = general.n = 0;
	world_record(&fast);
	world_input(&w, p, len, false);
	world_record(&general);
	world_input(&w, p, len, true);
	world_record(NULL);
	for (unsigned i = 0; i < fast.n && i < general.n; i++)
		CHECK(fast.sum[i] == general.sum[i]);
	CHECK(fast.n == general.n);
	return 0;
}
