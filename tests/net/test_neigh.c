/* SPDX-License-Identifier: BSD-3-Clause */

/* The neighbour table on its own: states in time, who gives way, and a long random life. */

#include <stdlib.h>

#include "net_test.h"

static struct la_neigh_table t;
static void *mem;

static void
birth(uint32_t max)
{
	static const uint64_t key[2] = {0x123456789abcdef, 0xfedcba987654321};

	mem = aligned_alloc(64, (la_neigh_memory(max) + 63) / 64 * 64);
	memset(mem, 0, la_neigh_memory(max));
	la_neigh_init(&t, max, key, mem);
}

static void
teardown(void)
{
	cr_assert_eq(la_neigh_check(&t, stderr), 0);
	free(mem);
}

TestSuite(neigh, .fini = teardown);

static struct la_addr
nth(unsigned i)
{
	return la_addr_from4((uint32_t)i << 24 | 10);
}

static struct la_neigh *
add(unsigned i, enum la_neigh_state state, uint64_t now)
{
	struct la_addr a = nth(i);
	struct la_neigh *n = la_neigh_add(&t, &a, now);

	if (n && state != LA_NEIGH_INCOMPLETE)
		la_neigh_enter(&t, n, state, now);
	return n;
}

/* What happens at `now` and nothing a millisecond before. */
static enum la_neigh_todo
at(uint64_t now, struct la_neigh **n)
{
	cr_assert_eq(la_neigh_next(&t), now);
	cr_assert_eq(la_neigh_expire(&t, now - 1, n), LA_NEIGH_IDLE);
	return la_neigh_expire(&t, now, n);
}

Test(neigh, nobody_answers)
{
	struct la_neigh *n, *x;

	birth(4);
	n = add(1, LA_NEIGH_INCOMPLETE, 100);
	cr_assert_eq(at(1100, &x), LA_NEIGH_SOLICIT);
	cr_assert_eq(at(2100, &x), LA_NEIGH_SOLICIT);
	cr_assert_eq(at(3100, &x), LA_NEIGH_GONE);
	cr_assert_eq(x, n);
	la_neigh_remove(&t, n);
	cr_assert_eq(la_neigh_next(&t), UINT64_MAX);
}

Test(neigh, ages)
{
	struct la_neigh *n, *x;

	birth(4);
	n = add(1, LA_NEIGH_REACHABLE, 0);
	cr_assert_eq(at(30000, &x), LA_NEIGH_AGED);
	cr_assert_eq(n->state, LA_NEIGH_STALE);
	la_neigh_enter(&t, n, LA_NEIGH_DELAY, 40000);
	cr_assert_eq(at(45000, &x), LA_NEIGH_SOLICIT);
	cr_assert_eq(n->state, LA_NEIGH_PROBE);
	cr_assert_eq(at(46000, &x), LA_NEIGH_SOLICIT);
	cr_assert_eq(at(47000, &x), LA_NEIGH_SOLICIT);
	cr_assert_eq(at(48000, &x), LA_NEIGH_GONE);
	la_neigh_enter(&t, n, LA_NEIGH_STALE, 48000);
	cr_assert_eq(at(648000, &x), LA_NEIGH_GONE);
}

Test(neigh, the_queue_keeps_the_newest)
{
	static struct rte_mbuf m[LA_NEIGH_QUEUE + 2];
	struct la_neigh *n;

	birth(4);
	n = add(1, LA_NEIGH_INCOMPLETE, 0);
	for (unsigned i = 0; i < LA_NEIGH_QUEUE; i++)
		cr_assert_null(la_neigh_enqueue(n, &m[i]));
	cr_assert_eq(la_neigh_enqueue(n, &m[LA_NEIGH_QUEUE]), &m[0]);
	cr_assert_eq(la_neigh_enqueue(n, &m[LA_NEIGH_QUEUE + 1]), &m[1]);
	for (unsigned i = 0; i < LA_NEIGH_QUEUE; i++)
		cr_assert_eq(la_neigh_dequeue(n), &m[i + 2]);
	cr_assert_null(la_neigh_dequeue(n));
}

Test(neigh, who_gives_way)
{
	struct la_neigh *inc, *reach, *stale, *delay;

	birth(4);
	inc = add(1, LA_NEIGH_INCOMPLETE, 0);
	reach = add(2, LA_NEIGH_REACHABLE, 1);
	stale = add(3, LA_NEIGH_STALE, 2);
	cr_assert_null(la_neigh_victim(&t, false), "there is room");
	delay = add(4, LA_NEIGH_DELAY, 3);
	cr_assert_null(add(5, LA_NEIGH_STALE, 4), "the table is full");
	cr_assert_eq(la_neigh_victim(&t, true), stale);
	cr_assert_eq(la_neigh_victim(&t, false), stale);
	la_neigh_enter(&t, stale, LA_NEIGH_PROBE, 5);
	cr_assert_null(la_neigh_victim(&t, true), "a stranger displaces nobody in use");
	cr_assert_eq(la_neigh_victim(&t, false), reach);
	la_neigh_enter(&t, reach, LA_NEIGH_INCOMPLETE, 6);
	cr_assert_eq(la_neigh_victim(&t, false), delay);
	la_neigh_enter(&t, delay, LA_NEIGH_INCOMPLETE, 7);
	cr_assert_eq(la_neigh_victim(&t, false), stale, "in PROBE, behind an INCOMPLETE one");
	la_neigh_enter(&t, stale, LA_NEIGH_INCOMPLETE, 8);
	cr_assert_null(la_neigh_victim(&t, false));
	cr_assert_eq(inc->state, LA_NEIGH_INCOMPLETE);
}

Test(neigh, of_equals_the_one_unused_for_longest)
{
	struct la_neigh *a, *b;

	birth(2);
	a = add(1, LA_NEIGH_REACHABLE, 0);
	b = add(2, LA_NEIGH_REACHABLE, 1);
	a->used = 9;
	cr_assert_eq(la_neigh_victim(&t, false), b);
}

/* The checker itself: it must see a broken table. */
Test(neigh, the_checker_sees_faults)
{
	FILE *null = fopen("/dev/null", "w");
	struct la_neigh *a, *b;
	uint64_t due;

	birth(4);
	a = add(1, LA_NEIGH_STALE, 0);
	b = add(2, LA_NEIGH_STALE, 10);
	due = b->due, b->due = 0;
	cr_assert_gt(la_neigh_check(&t, null), 0, "out of order");
	b->due = due, a->state = LA_NEIGH_REACHABLE;
	cr_assert_gt(la_neigh_check(&t, null), 0, "on the wrong list");
	a->state = LA_NEIGH_STALE, t.count++;
	cr_assert_gt(la_neigh_check(&t, null), 0, "count");
	t.count--, t.list[LA_NL_STALE].last = 1;
	cr_assert_gt(la_neigh_check(&t, null), 0, "end of a list");
	t.list[LA_NL_STALE].last = 2, b->next = 1;
	cr_assert_gt(la_neigh_check(&t, null), 0, "a list in a circle");
	b->next = 0, b->qn = 1;
	cr_assert_gt(la_neigh_check(&t, null), 0, "packets wait where none may");
	b->qn = 0;
	fclose(null);
}

/* Random operations against a plain array; the checker runs after every one. */
Test(neigh, random_life)
{
	enum { KEYS = 40, MAX = 16, STEPS = 60000 };
	struct la_neigh *model[KEYS] = {0};
	uint64_t now = 0;
	unsigned seed = 4242;

	birth(MAX);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned k = (unsigned)rand_r(&seed) % KEYS, op = (unsigned)rand_r(&seed) % 8;
		struct la_addr a = nth(k);
		struct la_neigh *n = la_neigh_find(&t, &a);

		cr_assert_eq(n, model[k]);
		now += (unsigned)rand_r(&seed) % 700;
		if (!n) {
			bool learnt = op & 1;
			struct la_neigh *v = la_neigh_victim(&t, learnt);

			for (unsigned i = 0; v && i < KEYS; i++)
				if (model[i] == v)
					model[i] = NULL;
			if (v)
				la_neigh_remove(&t, v);
			model[k] = la_neigh_add(&t, &a, now);
		} else if (op == 0) {
			la_neigh_remove(&t, n);
			model[k] = NULL;
		} else if (op < 6) {
			la_neigh_enter(&t, n, LA_NEIGH_INCOMPLETE + op - 1, now);
		} else if (la_neigh_expire(&t, now, &n) == LA_NEIGH_GONE) {
			for (unsigned i = 0; i < KEYS; i++)
				if (model[i] == n)
					model[i] = NULL;
			la_neigh_remove(&t, n);
		}
		cr_assert_eq(la_neigh_check(&t, stderr), 0, "step %u", step);
	}
}
