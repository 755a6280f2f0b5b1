/* SPDX-License-Identifier: BSD-3-Clause */

/* The number of packet buffers of a station, and the error for a too small --mbufs. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "core/config.h"
#include "run/pools.h"

static struct la_engine_config
server(uint32_t max_conns, uint32_t mbufs)
{
	struct la_engine_config cfg = {.nstations = 1, .mbufs = mbufs};

	cfg.stations[0].shard.max_conns = max_conns;
	la_config_fill(&cfg.stations[0].shard);
	return cfg;
}

Test(pools, the_default_is_the_sum_of_all_needs)
{
	static const uint32_t conns[] = {0, 1, 1000, 65536, 65537, 1 << 20};

	for (unsigned i = 0; i < sizeof(conns) / sizeof(conns[0]); i++) {
		struct la_engine_config cfg = server(conns[i], 0);
		struct la_pool_plan p;
		char err[256];

		cr_assert_eq(la_pool_plan(&cfg, 0, &p, err, sizeof(err)), 0);
		cr_expect_eq(p.total, p.rings + p.bursts + p.max_held);
		cr_expect(p.max_held > p.conns, "%u connections: %u may be held", conns[i], p.max_held);
		cr_expect(p.low > 0 && p.low < p.bursts);
	}
}

Test(pools, one_buffer_a_connection_and_one_in_16_above_65536)
{
	struct la_engine_config cfg = server(65536, 0);
	struct la_pool_plan p;
	char err[256];

	cr_assert_eq(la_pool_plan(&cfg, 0, &p, err, sizeof(err)), 0);
	cr_expect_eq(p.conns, 65536);
	cfg = server(65536 + 1600, 0);
	cr_assert_eq(la_pool_plan(&cfg, 0, &p, err, sizeof(err)), 0);
	cr_expect_eq(p.conns, 65536 + 100);
}

Test(pools, too_few_are_refused_with_the_arithmetic)
{
	static const uint32_t conns[] = {1, 62, 1000, 65536, 200000};

	for (unsigned i = 0; i < sizeof(conns) / sizeof(conns[0]); i++) {
		struct la_engine_config cfg = server(conns[i], 0);
		struct la_pool_plan p;
		char err[256], least[32];

		cr_assert_eq(la_pool_plan(&cfg, 0, &p, err, sizeof(err)), 0);
		cfg.mbufs = p.rings + p.bursts + p.conns;
		snprintf(least, sizeof(least), "at least %u", cfg.mbufs);
		cr_assert_eq(la_pool_plan(&cfg, 0, &p, err, sizeof(err)), 0, "%s", err);
		cr_expect_eq(p.total, cfg.mbufs);
		cr_expect_eq(p.max_held, p.conns);
		cfg.mbufs--;
		err[0] = '\0';
		cr_assert_eq(la_pool_plan(&cfg, 0, &p, err, sizeof(err)), -EINVAL);
		cr_expect(strstr(err, least) != NULL, "%s", err);
	}
}

Test(pools, shards_of_one_port_need_room_for_handed_over_frames)
{
	struct la_engine_config one = server(1000, 0), two = server(1000, 0);
	struct la_pool_plan p, q;
	char err[256];

	two.nstations = 2;
	two.stations[1] = two.stations[0];
	cr_assert_eq(la_pool_plan(&one, 0, &p, err, sizeof(err)), 0);
	cr_assert_eq(la_pool_plan(&two, 0, &q, err, sizeof(err)), 0);
	cr_expect_gt(q.bursts, p.bursts);
}
