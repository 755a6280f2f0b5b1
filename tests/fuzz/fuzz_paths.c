/* SPDX-License-Identifier: BSD-3-Clause */

/* Fuzz target: the fast path and the general path of a shard. Each input runs twice, once with and once without the
 * fast path (la_shard_config.no_fast_path). All frames that the shard receives and sends, all counters and all
 * transitions must be the same (fast_path_record.h prints the first difference). The inputs are those of
 * fuzz_shard.c. */

#include "../support/fast_path_record.h"
#include "world.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	static struct world w;

	fast_path_begin(true);
	world_input(&w, p, len);
	fast_path_end();
	fast_path_begin(false);
	world_input(&w, p, len);
	fast_path_end();
	CHECK(fast_path_compare(stderr));
	return 0;
}
