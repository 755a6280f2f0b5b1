/* SPDX-License-Identifier: BSD-3-Clause */

/* Defaults and ranges of struct la_shard_config: include/lastack/config.def. tests/net/test_shard.c has the checks of
 * la_shard_create(), tests/config compares the comments of shard.h. */

#include <string.h>

#include <criterion/criterion.h>
#include <rte_mempool.h>

#include "core/config.h"
#include "core/mem.h"

/* Users rely on these values: CHANGELOG.md must list each change of a value. */
Test(config, init_sets_the_documented_defaults)
{
	struct la_shard_config c;

	memset(&c, 0xa5, sizeof(c));
	la_shard_config_init(&c);
	cr_expect_eq(c.mtu, 1500);
	cr_expect_eq(c.max_neighbours, 1024);
	cr_expect_eq(c.max_conns, 65536);
	cr_expect_eq(c.max_time_wait4, 1024 * 1024);
	cr_expect_eq(c.max_time_wait6, 128 * 1024);
	cr_expect_eq(c.tw_share_percent, 75);
	cr_expect_eq(c.msl_ms, 30000);
	cr_expect_eq(c.rto_min_ms, 200);
	cr_expect_eq(c.orphan_ms, 60000);
	cr_expect_eq(c.rst_rate, 10000);
}

Test(config, init_sets_every_other_field_to_zero)
{
	struct la_shard_config c, zero;

	memset(&c, 0xa5, sizeof(c));
	la_shard_config_init(&c);
	for (unsigned i = 0; i < LA_NCONFIG; i++)
		if (la_config_rows[i].def != 0)
			la_config_set(&la_config_rows[i], &c, 0);
	memset(&zero, 0, sizeof(zero));
	cr_expect_eq(memcmp(&c.mbufs, &zero.mbufs, sizeof(c.mbufs)), 0);
	cr_expect(!c.control && !c.mem && !c.addrs && !c.ranges && c.naddrs == 0 && c.nranges == 0);
	cr_expect(!c.no_dad && !c.follower && !c.tw_full_reset && c.now == 0 && c.offloads == 0);
	cr_expect_eq(memcmp(c.secret, zero.secret, sizeof(c.secret)), 0);
	for (unsigned i = 0; i < LA_NCONFIG; i++)
		cr_expect_eq(la_config_get(&la_config_rows[i], &c), 0, "%s", la_config_rows[i].name);
}

Test(config, fill_sets_zero_fields_alone)
{
	for (unsigned i = 0; i < LA_NCONFIG; i++) {
		const struct la_config_row *r = &la_config_rows[i];
		struct la_shard_config c = {0}, d = {0};

		cr_expect_not(la_config_is_filled(&c));
		la_config_set(r, &c, r->max);
		la_config_fill(&c);
		la_config_fill(&d);
		cr_expect(la_config_is_filled(&c) && la_config_is_filled(&d));
		cr_expect_eq(la_config_get(r, &c), r->max, "%s", r->name);
		if (r->def != 0)
			cr_expect_eq(la_config_get(r, &d), r->def, "%s", r->name);
		cr_expect_null(la_config_check(&c));
		if (r->def != 0) {
			la_config_set(r, &d, 0);
			cr_expect_not(la_config_is_filled(&d), "%s", r->name);
		}
	}
}

Test(config, defaults_that_follow_from_other_fields)
{
	static struct rte_mempool pool = {.size = 4096};
	static const uint32_t conns[] = {1, 3, 4, 1000};
	struct la_shard_config c;

	for (unsigned i = 0; i < 4; i++) {
		c = (struct la_shard_config){.max_conns = conns[i]};
		la_config_fill(&c);
		cr_expect_eq(c.max_orphans, conns[i] / 2 + 1);
		cr_expect_eq(c.syn_cookies_at, conns[i] < 4 ? 1 : conns[i] / 4);
		cr_expect(c.max_held == 0 && c.low_mbufs == 0, "a limit of a missing pool is not 0");
		cr_expect_eq(c.mem, &la_mem_default);
	}
	c = (struct la_shard_config){.mbufs = &pool, .max_held = 7};
	la_config_fill(&c);
	cr_expect_eq(c.max_held, 7);
	cr_expect_eq(c.low_mbufs, 128);
	c = (struct la_shard_config){.mbufs = &pool};
	la_config_fill(&c);
	cr_expect_eq(c.max_held, 3072);
	/* la_shard_config_init() leaves these fields to la_shard_create(), because the caller may change max_conns */
	la_shard_config_init(&c);
	cr_expect(c.max_orphans == 0 && c.syn_cookies_at == 0);
}

Test(config, check_names_the_first_field_out_of_range)
{
	struct la_shard_config c = {.rst_rate = 4000001, .msl_ms = 86400001};

	cr_expect_str_eq(la_config_check(&c), "msl_ms");
	c.msl_ms--;
	cr_expect_str_eq(la_config_check(&c), "rst_rate");
	c.rst_rate--;
	cr_expect_null(la_config_check(&c));
	c.mtu = 67;
	cr_expect_str_eq(la_config_check(&c), "mtu");
}
