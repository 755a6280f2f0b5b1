/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run/tuples.h"

static struct la_prefix
prefix(const char *text)
{
	struct la_prefix p;

	cr_assert_eq(la_prefix_parse(text, &p), 0, "%s", text);
	return p;
}

static struct la_tuples
tuples(const char *from, uint16_t lo, uint16_t hi, uint64_t hold)
{
	struct la_prefix p = prefix(from);
	struct la_addr to;
	struct la_tuples t;

	cr_assert_eq(la_addr_parse(la_addr_is4(&p.addr) ? "192.0.2.9" : "2001:db8::9", &to), 0);
	cr_assert_eq(la_tuples_init(&t, &p, 1, lo, hi, &to, 80, hold), 0);
	return t;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct la_tuple));
}

/* Expects that one cycle gives every tuple of the prefix and the ports exactly once. */
static void
full_cycle(const char *from, uint16_t lo, uint16_t hi, uint64_t budget)
{
	struct la_tuples t = tuples(from, lo, hi, 0);
	struct la_prefix p = prefix(from);
	struct la_tuple *all = calloc(budget, sizeof(*all));
	unsigned ticket;

	cr_assert_eq(t.budget, budget, "%s %u-%u: %lu", from, lo, hi, t.budget);
	for (uint64_t i = 0; i < budget; i++) {
		cr_assert_eq(la_tuples_next(&t, 0, &all[i], &ticket), 0);
		cr_assert(ticket < LA_TUPLES_SEGMENTS);
		cr_assert(la_prefix_contains(&p, &all[i].laddr));
		cr_assert(all[i].lport >= lo && all[i].lport <= hi && all[i].rport == 80);
	}
	cr_assert_eq(t.cycle, 1);
	qsort(all, budget, sizeof(*all), compare);
	for (uint64_t i = 1; i < budget; i++)
		cr_assert_neq(compare(&all[i - 1], &all[i]), 0);
	free(all);
}

/* The order is that of the numbers 0, step, 2*step ... modulo budget, and each cycle repeats it. */
Test(tuples, order_of_the_stride)
{
	static const struct {
		const char *from;
		uint16_t lo, hi;
	} rows[] = {{"10.1.0.0/24", 1024, 1100}, {"10.1.0.0/31", 1, 65535}, {"10.1.0.7/32", 5, 5},
		    {"10.1.0.7/32", 80, 99},	 {"fd00::/120", 9, 13},	    {"10.1.0.0/30", 7, 7}};

	for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct la_tuples t = tuples(rows[r].from, rows[r].lo, rows[r].hi, 0);
		uint64_t x = 0;

		for (uint64_t i = 0; i < 2 * t.budget + 5; i++) {
			struct la_tuple one;
			unsigned ticket;

			cr_assert_eq(la_tuples_next(&t, 0, &one, &ticket), 0);
			cr_assert_eq(one.lport, rows[r].lo + x / t.naddrs, "%u: %lu", r, i);
			cr_assert_eq(be32toh(one.laddr.w[3]) - be32toh(t.pool[0].base.w[3]),
				     t.pool[0].first + x % t.naddrs, "%u: %lu", r, i);
			cr_assert_eq(ticket, i % t.budget / t.seg_len, "%u: %lu", r, i);
			x = (x + t.step) % t.budget;
		}
	}
}

Test(tuples, every_tuple_once_a_cycle)
{
	full_cycle("10.1.2.3/32", 5, 5, 1);
	full_cycle("10.1.2.3/32", 1024, 2047, 1024);
	full_cycle("10.1.0.0/31", 10, 19, 20);
	full_cycle("10.1.0.0/30", 10, 12, 2 * 3);
	full_cycle("10.1.0.77/24", 1000, 1099, 254 * 100);
	full_cycle("fd00::/120", 1, 7, 255 * 7);
	full_cycle("fd00::5/128", 1, 300, 300);
}

Test(tuples, network_and_broadcast_addresses_are_left_out)
{
	struct la_tuples t = tuples("10.1.0.0/30", 1, 1, 0);
	char text[LA_ADDR_STRLEN];
	struct la_tuple x;
	unsigned ticket;

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(la_tuples_next(&t, 0, &x, &ticket), 0);
		la_addr_format(&x.laddr, text, sizeof(text));
		cr_expect(strcmp(text, "10.1.0.1") == 0 || strcmp(text, "10.1.0.2") == 0, "%s", text);
	}
}

Test(tuples, budget_is_addresses_times_ports)
{
	struct la_tuples t = tuples("10.1.0.0/16", 1024, 65535, 60000);

	cr_expect_eq(t.naddrs, 65534);
	cr_expect_eq(t.budget, 65534ull * 64512);
	t = tuples("fd00::/16", 1024, 65535, 60000);
	cr_expect_eq(t.naddrs, (1ull << 32) - 1);
	cr_expect_eq(t.budget, ((1ull << 32) - 1) * 64512);
}

Test(tuples, consecutive_tuples_are_scattered)
{
	struct la_tuples t = tuples("10.1.0.0/24", 1024, 65535, 0);
	struct la_tuple a, b;
	unsigned ticket, same = 0;

	la_tuples_next(&t, 0, &a, &ticket);
	for (int i = 0; i < 1000; i++, a = b) {
		la_tuples_next(&t, 0, &b, &ticket);
		same += a.lport == b.lport || la_addr_eq(&a.laddr, &b.laddr);
	}
	cr_expect_lt(same, 50);
}

Test(tuples, several_prefixes_of_one_family)
{
	struct la_prefix p[] = {prefix("10.1.0.1/32"), prefix("fd00::1/128"), prefix("10.2.0.0/30")};
	unsigned seen[3] = {0}, ticket;
	struct la_addr to;
	struct la_tuples t;
	struct la_tuple x;

	la_addr_parse("192.0.2.9", &to);
	cr_assert_eq(la_tuples_init(&t, p, 3, 1, 10, &to, 80, 0), 0);
	cr_assert_eq(t.budget, 30);
	for (int i = 0; i < 30; i++) {
		cr_assert_eq(la_tuples_next(&t, 0, &x, &ticket), 0);
		for (int j = 0; j < 3; j++)
			seen[j] += la_prefix_contains(&p[j], &x.laddr);
	}
	cr_expect(seen[0] == 10 && seen[1] == 0 && seen[2] == 20);
	cr_expect_eq(la_tuples_init(&t, &p[1], 1, 1, 10, &to, 80, 0), -EAFNOSUPPORT);
	cr_expect_eq(la_tuples_init(&t, p, 3, 0, 10, &to, 80, 0), -EINVAL);
	cr_expect_eq(la_tuples_init(&t, p, 3, 10, 9, &to, 80, 0), -EINVAL);
}

Test(tuples, a_used_tuple_rests_its_two_msl)
{
	struct la_tuples t = tuples("10.1.2.3/32", 1, 3, 60000);
	unsigned ticket[3], again;
	struct la_tuple x;

	for (int i = 0; i < 3; i++)
		cr_assert_eq(la_tuples_next(&t, 1000, &x, &ticket[i]), 0);
	/* all live: no tuple is free at any time */
	cr_expect_eq(la_tuples_next(&t, 1000000, &x, &again), -EAGAIN);
	for (int i = 0; i < 3; i++)
		la_tuples_done(&t, ticket[i], 2000);
	cr_expect_eq(la_tuples_next(&t, 2000, &x, &again), -EAGAIN);
	cr_expect_eq(la_tuples_next(&t, 2000 + 60000 - 1, &x, &again), -EAGAIN);
	cr_expect_eq(la_tuples_next(&t, 2000 + 60000, &x, &again), -EAGAIN,
		     "a tuple was given before the end of its slack");
	cr_expect_eq(la_tuples_next(&t, 2000 + 60000 + 100, &x, &again), 0);
}

Test(tuples, the_last_end_of_a_segment_counts)
{
	struct la_tuples t = tuples("10.1.2.3/32", 1, 512, 1000); /* two tuples a segment */
	unsigned ticket[512], again;
	struct la_tuple x;

	for (int i = 0; i < 512; i++)
		cr_assert_eq(la_tuples_next(&t, 0, &x, &ticket[i]), 0);
	cr_assert_eq(ticket[0], ticket[1]);
	la_tuples_done(&t, ticket[0], 100);
	cr_expect_eq(la_tuples_next(&t, 5000, &x, &again), -EAGAIN,
		     "a tuple was given although another tuple of its segment is live");
	la_tuples_done(&t, ticket[1], 5000);
	cr_expect_eq(la_tuples_next(&t, 5500, &x, &again), -EAGAIN);
	cr_expect_eq(la_tuples_next(&t, 6100, &x, &again), 0);
}

Test(tuples, unused_tuples_do_not_rest_and_reuse_never_waits)
{
	struct la_tuples t = tuples("10.1.2.3/32", 1, 1, 60000);
	struct la_tuple x;
	unsigned ticket;

	cr_assert_eq(la_tuples_next(&t, 0, &x, &ticket), 0);
	la_tuples_unused(&t, ticket);
	cr_expect_eq(la_tuples_next(&t, 0, &x, &ticket), 0);
	la_tuples_done(&t, ticket, 0);
	cr_expect_eq(la_tuples_next(&t, 1, &x, &ticket), -EAGAIN);

	t = tuples("10.1.2.3/32", 1, 1, 0);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(la_tuples_next(&t, 0, &x, &ticket), 0);
}

Test(tuples, tuples_for_a_run)
{
	cr_expect_eq(la_tuples_need(1000, 0, 0, 30000), 1000);
	cr_expect_eq(la_tuples_need(0, 100, 0, 30000), 6000, "the need is not R * 2*MSL");
	cr_expect_eq(la_tuples_need(0, 100, 10000, 30000), 1000, "the need of a run shorter than 2*MSL is wrong");
	cr_expect_eq(la_tuples_need(1000000, 100, 0, 30000), 6000, "the need of a long run at a low rate is wrong");
	cr_expect_eq(la_tuples_need(10, 100, 10000, 30000), 10);
	cr_expect_eq(la_tuples_need(0, 0, 10000, 30000), UINT64_MAX, "the need without a rate is not unknown");
	cr_expect_eq(la_tuples_need(0, 1, 100, 30000), 1);
}
