/* SPDX-License-Identifier: BSD-3-Clause */

/* The neighbour table alone: states over time, eviction, and random operations. */

#include <stdlib.h>

#include "net_test.h"

enum { PLACES = 256, SHARE = PLACES / 4 };

static struct la_neigh_table t;
static struct rte_mbuf packets[2 * PLACES]; /* only their addresses are used */
static void *mem;

static void
create_table(uint32_t max)
{
	static const uint64_t key[2] = {0x123456789abcdef, 0xfedcba987654321};

	mem = aligned_alloc(64, (la_neigh_memory(max, PLACES) + 63) / 64 * 64);
	memset(mem, 0, la_neigh_memory(max, PLACES));
	la_neigh_init(&t, max, PLACES, key, mem);
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
add_class(unsigned i, enum la_neigh_class class, enum la_neigh_state state, uint64_t now)
{
	struct la_addr a = nth(i);
	struct la_neigh *n = la_neigh_add(&t, &a, class, now);

	if (n && state != LA_NEIGH_INCOMPLETE)
		la_neigh_enter(&t, n, state, now);
	return n;
}

static struct la_neigh *
add(unsigned i, enum la_neigh_state state, uint64_t now)
{
	return add_class(i, LA_NC_VERIFIED, state, now);
}

/* Expects an event at `now` and none a millisecond earlier. Returns the event, and its entry in *n. */
static enum la_neigh_todo
at(uint64_t now, struct la_neigh **n)
{
	cr_assert_eq(la_neigh_next(&t), now);
	cr_assert_eq(la_neigh_expire(&t, now - 1, n), LA_NEIGH_IDLE);
	return la_neigh_expire(&t, now, n);
}

Test(neigh, unanswered_probes)
{
	struct la_neigh *n, *x;

	create_table(4);
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

	create_table(4);
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

static void
fill_queue(struct la_neigh *n, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++)
		cr_assert_null(la_neigh_enqueue(&t, n, &packets[i]));
	cr_assert_eq(la_neigh_check(&t, stderr), 0);
}

static void
empty_queue(struct la_neigh *n, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++)
		cr_assert_eq(la_neigh_dequeue(&t, n), &packets[i]);
	cr_assert_null(la_neigh_dequeue(&t, n));
}

Test(neigh, the_queue_of_an_unverified_entry_keeps_the_newest)
{
	struct la_neigh *n;

	create_table(4);
	n = add_class(1, LA_NC_UNVERIFIED, LA_NEIGH_INCOMPLETE, 0);
	cr_assert_eq(t.max[LA_NC_UNVERIFIED], LA_NEIGH_UNVERIFIED_MIN);
	cr_assert(t.qcommon >= t.qleast && t.qcommon + LA_NEIGH_UNVERIFIED_MIN * t.qleast == SHARE);
	fill_queue(n, 0, t.qcommon);
	cr_assert_eq(la_neigh_enqueue(&t, n, &packets[t.qcommon]), &packets[0]);
	cr_assert_eq(la_neigh_enqueue(&t, n, &packets[t.qcommon + 1]), &packets[1]);
	empty_queue(n, 2, t.qcommon);
}

/* Each class has its share. A full class takes no place of another class. */
Test(neigh, waiting_packets_have_a_bound_per_class_and_per_shard)
{
	struct la_neigh *u[LA_NEIGH_UNVERIFIED_MIN], *v[3], *g[2];
	unsigned at = 0;

	create_table(4);
	for (unsigned i = 0; i < LA_NEIGH_UNVERIFIED_MIN; i++, at += t.qleast) {
		u[i] = add_class(i, LA_NC_UNVERIFIED, LA_NEIGH_INCOMPLETE, 0);
		fill_queue(u[i], at, t.qleast);
	}
	cr_assert_eq(t.waiting[LA_NC_UNVERIFIED], LA_NEIGH_UNVERIFIED_MIN * t.qleast);
	for (unsigned i = 0; i < 3; i++)
		v[i] = add(100 + i, LA_NEIGH_INCOMPLETE, 0);
	fill_queue(v[0], at, SHARE / 2), at += SHARE / 2;
	cr_assert_eq(la_neigh_enqueue(&t, v[0], &packets[PLACES]), &packets[at - SHARE / 2],
		     "an entry holds more or less than half of the share");
	fill_queue(v[1], at, SHARE / 2), at += SHARE / 2;
	cr_assert_eq(la_neigh_enqueue(&t, v[2], &packets[PLACES + 1]), &packets[PLACES + 1],
		     "a packet was queued in a full share");
	for (unsigned i = 0; i < 2; i++, at += SHARE) {
		g[i] = add_class(200 + i, LA_NC_GATEWAY, LA_NEIGH_INCOMPLETE, 0);
		fill_queue(g[i], at, SHARE);
		cr_assert_eq(la_neigh_enqueue(&t, g[i], &packets[PLACES + 2 + i]), &packets[at]);
	}
	cr_assert_eq(la_neigh_waiting(&t), PLACES - t.qcommon);
	cr_assert(!la_neigh_promote(&t, u[0], 0),
		  "promoted, though the verified share has no room for the entry's packets");
	for (unsigned i = 0; i < LA_NEIGH_UNVERIFIED_MIN; i++)
		empty_queue(u[i], i * t.qleast, t.qleast);
	cr_assert(la_neigh_promote(&t, u[0], 0));
	while (la_neigh_dequeue(&t, v[0]) || la_neigh_dequeue(&t, v[1]) || la_neigh_dequeue(&t, g[0]) ||
	       la_neigh_dequeue(&t, g[1]))
		;
	cr_assert_eq(la_neigh_waiting(&t), 0);
}

Test(neigh, the_bound_follows_the_packet_buffers)
{
	cr_assert_eq(la_neigh_wait_max(32768), 4096);
	cr_assert_eq(la_neigh_wait_max(1 << 20), 4096);
	cr_assert_eq(la_neigh_wait_max(8192), 1024);
	cr_assert_eq(la_neigh_wait_max(100), 64);
	create_table(4);
}

Test(neigh, order_of_eviction)
{
	struct la_neigh *inc, *reach, *stale, *delay, *gw;

	create_table(4);
	gw = add_class(9, LA_NC_GATEWAY, LA_NEIGH_STALE, 0);
	inc = add(1, LA_NEIGH_INCOMPLETE, 0);
	reach = add(2, LA_NEIGH_REACHABLE, 1);
	stale = add(3, LA_NEIGH_STALE, 2);
	cr_assert_null(la_neigh_victim(&t, LA_NC_VERIFIED, true), "a victim, though there is room");
	delay = add(4, LA_NEIGH_DELAY, 3);
	cr_assert_null(add(5, LA_NEIGH_STALE, 4), "an entry was added to the full verified part");
	cr_assert_eq(la_neigh_victim(&t, LA_NC_VERIFIED, false), stale);
	cr_assert_eq(la_neigh_victim(&t, LA_NC_VERIFIED, true), stale);
	la_neigh_enter(&t, stale, LA_NEIGH_PROBE, 5);
	cr_assert_null(la_neigh_victim(&t, LA_NC_VERIFIED, false), "an ARP answer would displace an entry in use");
	cr_assert_eq(la_neigh_victim(&t, LA_NC_VERIFIED, true), reach);
	la_neigh_enter(&t, reach, LA_NEIGH_INCOMPLETE, 6);
	cr_assert_eq(la_neigh_victim(&t, LA_NC_VERIFIED, true), delay);
	la_neigh_enter(&t, delay, LA_NEIGH_INCOMPLETE, 7);
	cr_assert_eq(la_neigh_victim(&t, LA_NC_VERIFIED, true), stale, "the entry in PROBE is not the victim");
	la_neigh_enter(&t, stale, LA_NEIGH_INCOMPLETE, 8);
	cr_assert_null(la_neigh_victim(&t, LA_NC_VERIFIED, true));
	cr_assert_eq(inc->state, LA_NEIGH_INCOMPLETE);
	for (unsigned l = LA_NEIGH_REACHABLE; l <= LA_NEIGH_PROBE; l++) {
		la_neigh_enter(&t, gw, l, 9);
		cr_assert_null(la_neigh_victim(&t, LA_NC_VERIFIED, true), "a gateway is the victim");
	}
}

Test(neigh, among_equals_the_longest_unused_is_evicted)
{
	struct la_neigh *a, *b;

	create_table(2);
	a = add(1, LA_NEIGH_REACHABLE, 0);
	b = add(2, LA_NEIGH_REACHABLE, 1);
	a->used = 9;
	cr_assert_eq(la_neigh_victim(&t, LA_NC_VERIFIED, true), b);
}

/* The oldest unverified entry is evicted first. Entries of other classes stay. */
Test(neigh, unverified_entries_evict_unverified_entries_only)
{
	struct la_neigh *u[LA_NEIGH_UNVERIFIED_MIN];

	create_table(4);
	for (unsigned i = 0; i < LA_NEIGH_UNVERIFIED_MIN; i++) {
		cr_assert_null(la_neigh_victim(&t, LA_NC_UNVERIFIED, true));
		cr_assert_eq(la_neigh_pressed(&t), i >= LA_NEIGH_UNVERIFIED_MIN / 2);
		u[i] = add_class(i, LA_NC_UNVERIFIED, LA_NEIGH_INCOMPLETE, i);
	}
	cr_assert_null(add_class(99, LA_NC_UNVERIFIED, LA_NEIGH_INCOMPLETE, 50));
	la_neigh_enter(&t, u[0], LA_NEIGH_STALE, 60);
	la_neigh_enter(&t, u[1], LA_NEIGH_REACHABLE, 60);
	cr_assert_eq(la_neigh_victim(&t, LA_NC_UNVERIFIED, true), u[0]);
	cr_assert(la_neigh_promote(&t, u[0], 70));
	cr_assert_eq(u[0]->state, LA_NEIGH_STALE);
	cr_assert_null(la_neigh_victim(&t, LA_NC_UNVERIFIED, true), "a victim, though one place is free");
	cr_assert_not_null(add_class(99, LA_NC_UNVERIFIED, LA_NEIGH_INCOMPLETE, 80));
	cr_assert_eq(la_neigh_victim(&t, LA_NC_UNVERIFIED, true), u[1]);
	for (unsigned i = 2; i < 5; i++)
		cr_assert(la_neigh_promote(&t, u[i], 90));
	cr_assert(!la_neigh_promote(&t, u[5], 90), "promoted into the full verified part");
	cr_assert_eq(t.count[LA_NC_VERIFIED], 4);
}

Test(neigh, an_unverified_entry_expires_after_a_second)
{
	struct la_neigh *n, *x;

	create_table(4);
	n = add_class(1, LA_NC_UNVERIFIED, LA_NEIGH_INCOMPLETE, 100);
	la_neigh_enter(&t, n, LA_NEIGH_STALE, 900);
	cr_assert_eq(at(1100, &x), LA_NEIGH_GONE);
	cr_assert_eq(x, n);
	cr_assert(la_neigh_promote(&t, n, 1100));
	cr_assert_eq(at(1100 + LA_NEIGH_STALE_MS, &x), LA_NEIGH_GONE);
}

/* The checker must report a broken table. Each message names the fault that the checker missed. */
Test(neigh, the_checker_reports_faults)
{
	FILE *null = fopen("/dev/null", "w");
	struct la_neigh *a, *b, *u;
	uint64_t due;

	create_table(4);
	a = add(1, LA_NEIGH_STALE, 0);
	b = add(2, LA_NEIGH_STALE, 10);
	u = add_class(3, LA_NC_UNVERIFIED, LA_NEIGH_INCOMPLETE, 10);
	fill_queue(u, 0, 2);
	due = b->due, b->due = 0;
	cr_assert_gt(la_neigh_check(&t, null), 0, "out of order");
	b->due = due, a->state = LA_NEIGH_REACHABLE;
	cr_assert_gt(la_neigh_check(&t, null), 0, "on the wrong list");
	a->state = LA_NEIGH_STALE, t.count[LA_NC_VERIFIED]++;
	cr_assert_gt(la_neigh_check(&t, null), 0, "count");
	t.count[LA_NC_VERIFIED]--, t.list[LA_NL_STALE].last = 1;
	cr_assert_gt(la_neigh_check(&t, null), 0, "end of a list");
	t.list[LA_NL_STALE].last = 2, b->next = 1;
	cr_assert_gt(la_neigh_check(&t, null), 0, "a list in a circle");
	b->next = 0, b->qn = 1;
	cr_assert_gt(la_neigh_check(&t, null), 0, "packets wait on a STALE entry");
	b->qn = 0, u->state = LA_NEIGH_DELAY;
	cr_assert_gt(la_neigh_check(&t, null), 0, "an unverified entry is used without verification");
	u->state = LA_NEIGH_INCOMPLETE, u->class = LA_NC_VERIFIED;
	cr_assert_gt(la_neigh_check(&t, null), 0, "a verified entry on the unverified list");
	u->class = LA_NC_UNVERIFIED, u->qn = 1;
	cr_assert_gt(la_neigh_check(&t, null), 0, "more packets wait than are counted");
	u->qn = 2, t.max[LA_NC_VERIFIED] = 1;
	cr_assert_gt(la_neigh_check(&t, null), 0, "more entries than the part holds");
	t.max[LA_NC_VERIFIED] = 4, t.waiting[LA_NC_UNVERIFIED]++;
	cr_assert_gt(la_neigh_check(&t, null), 0, "waiting packets counted wrong");
	t.waiting[LA_NC_UNVERIFIED]--, due = t.soonest, t.soonest = UINT64_MAX;
	cr_assert_gt(la_neigh_check(&t, null), 0, "an entry is due before `soonest`");
	t.soonest = due;
	empty_queue(u, 0, 2);
	fclose(null);
}

/* Random operations, compared with a plain array. The checker runs after every operation. */
static struct la_neigh *model[60];

static void
forget(struct la_neigh *n)
{
	for (unsigned i = 0; i < RTE_DIM(model); i++)
		if (model[i] == n)
			model[i] = NULL;
	while (la_neigh_dequeue(&t, n))
		;
	la_neigh_remove(&t, n);
}

Test(neigh, random_operations)
{
	enum { MAX = 16, STEPS = 60000 };
	uint64_t now = 0;
	unsigned seed = 4242, promoted = 0;

	create_table(MAX);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned k = (unsigned)rand_r(&seed) % RTE_DIM(model), op = (unsigned)rand_r(&seed) % 10;
		struct la_addr a = nth(k);
		struct la_neigh *n = la_neigh_find(&t, &a);

		cr_assert_eq(n, model[k]);
		now += (unsigned)rand_r(&seed) % 100;
		if (!n) {
			enum la_neigh_class class = k < 2 ? LA_NC_GATEWAY : op & 1 ? LA_NC_UNVERIFIED : LA_NC_VERIFIED;
			struct la_neigh *v = la_neigh_victim(&t, class, op & 2);

			if (v) {
				cr_assert_eq(v->class, class);
				forget(v);
			}
			model[k] = la_neigh_add(&t, &a, class, now);
		} else if (op == 0) {
			forget(n);
		} else if (op < 6) {
			enum la_neigh_state to = LA_NEIGH_INCOMPLETE + op - 1;

			while (to != LA_NEIGH_INCOMPLETE && la_neigh_dequeue(&t, n))
				;
			if (n->class == LA_NC_UNVERIFIED && to == LA_NEIGH_DELAY)
				to = LA_NEIGH_STALE;
			la_neigh_enter(&t, n, to, now);
		} else if (op == 6) {
			if (n->state == LA_NEIGH_INCOMPLETE)
				(void)la_neigh_enqueue(&t, n, &packets[step % PLACES]);
		} else if (op == 7) {
			promoted += n->class == LA_NC_UNVERIFIED && la_neigh_promote(&t, n, now);
		} else if (la_neigh_expire(&t, now, &n) == LA_NEIGH_GONE) {
			forget(n);
		}
		cr_assert_eq(la_neigh_check(&t, stderr), 0, "step %u", step);
	}
	cr_assert_gt(promoted, 100);
}
