/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "core/config.h"
#include "run/tables.h"

static struct la_station one[2];
static char err[512];

static void
stations(uint32_t conns, uint32_t tw4, uint32_t tw6)
{
	for (unsigned i = 0; i < 2; i++) {
		one[i] = (struct la_station){
			.name = "server", .shard = {.max_conns = conns, .max_time_wait4 = tw4, .max_time_wait6 = tw6}};
		la_config_fill(&one[i].shard);
	}
}

static int
fit(unsigned n, uint64_t bytes)
{
	struct la_mem_room room = {.bytes = bytes, .text = "77 MiB left (somewhere)"};

	memset(err, 0, sizeof(err));
	return la_tables_fit(one, n, &room, err, sizeof(err));
}

/* Returns the number after `words` in the error message. */
static uint32_t
number_after(const char *words)
{
	const char *p = strstr(err, words);

	cr_assert_not_null(p, "no '%s': %s", words, err);
	return (uint32_t)strtoul(p + strlen(words), NULL, 10);
}

Test(tables, an_exact_fit_is_accepted)
{
	uint64_t bytes;

	stations(1000, 1000000, 1000);
	bytes = la_shard_memory(&one[0].shard);
	cr_assert_eq(fit(1, bytes), 0);
	cr_assert_eq(fit(1, UINT64_MAX), 0);
	cr_assert_eq(fit(1, bytes - 1), -ENOMEM);
	cr_assert_eq(fit(2, bytes), -ENOMEM, "the second shard was not counted");
	cr_assert_eq(fit(2, 2 * bytes), 0);
}

Test(tables, the_suggested_size_fits_and_one_more_does_not)
{
	static const uint64_t rooms[] = {64u << 20, 100u << 20, 1u << 30, 4ull << 30};

	for (unsigned i = 0; i < 4; i++) {
		struct la_shard_config c;
		uint32_t n;

		stations(1000, 1u << 28, 1000);
		cr_assert_eq(fit(1, rooms[i]), -ENOMEM);
		cr_assert_not_null(strstr(err, "77 MiB left (somewhere)"));
		cr_assert_not_null(strstr(err, "(268435456 TIME_WAIT entries for IPv4 "), "%s", err);
		n = number_after("; --time-wait ");
		c = one[0].shard;
		c.max_time_wait4 = n;
		cr_assert_leq(la_shard_memory(&c), rooms[i]);
		c.max_time_wait4++;
		cr_assert_gt(la_shard_memory(&c), rooms[i]);
		one[0].shard.max_time_wait4 = n;
		cr_assert_eq(fit(1, rooms[i]), 0);
	}
}

Test(tables, the_largest_kind_is_the_one_to_lower)
{
	stations(1000, 1000, 1u << 27);
	cr_assert_eq(fit(1, 1u << 30), -ENOMEM);
	one[0].shard.max_time_wait6 = number_after("; --time-wait6 ");
	cr_assert_eq(fit(1, 1u << 30), 0);
	stations(1u << 25, 1000, 1000);
	cr_assert_eq(fit(1, 1u << 30), -ENOMEM);
	one[0].shard.max_conns = number_after("; --max-conns ");
	cr_assert_eq(fit(1, 1u << 30), 0);
}

Test(tables, shards_share_the_room)
{
	stations(1000, 1u << 28, 1000);
	cr_assert_eq(fit(2, 1u << 30), -ENOMEM);
	cr_assert_not_null(strstr(err, "(in each shard)"));
	one[0].shard.max_time_wait4 = one[1].shard.max_time_wait4 = number_after("; --time-wait ");
	cr_assert_eq(fit(2, 1u << 30), 0);
}

Test(tables, when_no_single_number_is_enough_all_are_divided)
{
	unsigned d;

	stations(1u << 26, 1u << 28, 1u << 28);
	cr_assert_eq(fit(1, 4ull << 30), -ENOMEM);
	d = number_after("all three, divided by ");
	stations((1u << 26) / d, (1u << 28) / d, (1u << 28) / d);
	cr_assert_eq(fit(1, 4ull << 30), 0);
}

Test(tables, defaults_count_too)
{
	stations(0, 0, 0);
	cr_assert_eq(fit(1, 32u << 20), -ENOMEM);
	cr_assert_not_null(strstr(err, "(1048576 TIME_WAIT entries for IPv4"), "%s", err);
}

static char *
printed(struct la_tables_place p, int node)
{
	const struct la_tables_bound b = {.entries = {10000000, 131072},
					  .entry = {32, 64},
					  .index = 13.4,
					  .wheel = 4.1,
					  .msl_ms = 30000,
					  .closes = 166666.6};
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	la_tables_say("server", &b, &p, node, f);
	fclose(f);
	return text;
}

static void
expect_text(struct la_tables_place p, int node, const char *words)
{
	char *text = printed(p, node);

	cr_assert_not_null(strstr(text, words), "no '%s': %s", words, text);
	free(text);
}

Test(tables, bound_and_place_are_printed)
{
	struct la_tables_place p = {.pages = LA_PAGES_TRANSPARENT, .large = true, .node = 0};

	expect_text(p, 0,
		    "server: TIME_WAIT bound, IPv4: 10000000 entries of 49.5 B (entry 32, index 13.4, "
		    "wheel 4.1), 472.1 MiB\n");
	expect_text(p, 0, "server: TIME_WAIT bound, IPv6: 131072 entries of 81.5 B (entry 64, ");
	expect_text(p, 0,
		    "holds 166667 closes/s with MSL 30s for IPv4; on transparent hugepages, on NUMA "
		    "node 0 as asked for, verified\n");
	expect_text(p, -1, "no NUMA node asked for");
	expect_text(p, 1, "NOT on NUMA node 1, which was asked for, but on 0: it is full");
	p.node = -2;
	expect_text(p, 1, "NOT all on NUMA node 1");
	p.node = -1;
	expect_text(p, 1, "the kernel does not name the node used");
	p = (struct la_tables_place){.pages = LA_PAGES_PLAIN};
	expect_text(p, -1, "on plain pages (smaller than a hugepage)");
	p.large = true;
	expect_text(p, -1, "on plain pages (");
	p.pages = LA_PAGES_HUGE;
	expect_text(p, -1, "on hugepages,");
}
