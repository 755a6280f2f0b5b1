/* SPDX-License-Identifier: BSD-3-Clause */

#include "fast_path.h"

#include <stdlib.h>

#include <lastack/shard.h>

static bool general;

void
fast_path_allow(bool fast)
{
	general = !fast;
}

int __real_la_shard_create(const struct la_shard_config *cfg, struct la_shard **out);
int __wrap_la_shard_create(const struct la_shard_config *cfg, struct la_shard **out);
int
__wrap_la_shard_create(const struct la_shard_config *cfg, struct la_shard **out)
{
	struct la_shard_config c = *cfg;

	c.no_fast_path = c.no_fast_path || general || getenv("LA_TEST_NO_FAST_PATH") != NULL;
	return __real_la_shard_create(&c, out);
}
