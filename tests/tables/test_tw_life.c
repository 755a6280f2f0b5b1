/* SPDX-License-Identifier: BSD-3-Clause */

/* The life of an entry, one trace a test: expiry, reopening, giving back, reservations, slot reuse. */

#include <errno.h>

#include "fixture.h"

enum { LIFETIME = 60000, START = 0u - 100000 }; /* ticks wrap in the middle of most traces */

static struct fx fx;

static struct la_tw_core *
entry(la_ref ref)
{
	return la_tw_core(&fx.tw, ref);
}

static enum la_tw_verdict
repeated_fin(la_ref ref)
{
	struct la_seg seg = fx_seg(&fx, ref, LA_FIN | LA_ACK, 4999, 1000);

	return la_tw_input(&fx.tw, ref, &seg, fx.now);
}

/* An acceptable SYN arrives: a new incarnation in TCB slot n replaces the entry in the index. */
static void
reopen(la_ref ref, uint32_t n)
{
	struct la_seg seg = fx_seg(&fx, ref, LA_SYN, 6000, 0);

	cr_assert_eq(la_tw_input(&fx.tw, ref, &seg, fx.now), LA_TW_REOPEN);
	la_tw_tuple(&fx.tw, ref, &fx.tcb[n]);
	cr_assert(la_tw_reserve(&fx.tw, &fx.tcb[n].raddr));
	la_tw_shadow(&fx.tw, ref);
	cr_assert(la_index_replace(&fx.index, seg.hash, ref, la_ref_make(LA_POOL_TCB, n)));
}

/* Reserves an entry of a family for any peer. */
static bool
reserve(bool is4)
{
	struct la_tuple t = fx_tuple(0, is4);

	return la_tw_reserve(&fx.tw, &t.raddr);
}

static void
unreserve(bool is4)
{
	struct la_tuple t = fx_tuple(0, is4);

	la_tw_unreserve(&fx.tw, &t.raddr);
}

static void
give_back(la_ref ref, uint32_t n)
{
	const struct la_tuple *t = &fx.tcb[n];

	la_tw_unreserve(&fx.tw, &t->raddr);
	la_tw_give_back(&fx.tw, ref, fx_hash(&fx, t), la_ref_make(LA_POOL_TCB, n), fx.now);
}

static la_ref
lookup(uint32_t n, bool is4)
{
	struct la_tuple t = fx_tuple(n, is4);

	return fx_lookup(&fx, &t);
}

static const struct la_tw_pool *
pool(bool is4)
{
	return &fx.tw.pool[!is4];
}

/* ------------------------------------------------------------------ expiry */

/* TW-01, TW-02, M-TWT-t: live until the last tick before 2*MSL, free at 2*MSL. */
Test(tw_life, lives_exactly_2_msl)
{
	fx_init(&fx, 4, 4, 1 << 17, START);
	for (int is4 = 0; is4 < 2; is4++) {
		la_ref ref = fx_time_wait(&fx, 1, is4, LIFETIME);
		uint32_t end = fx.now + LIFETIME;

		cr_assert_eq(lookup(1, is4), ref);
		cr_assert_eq(entry(ref)->deadline, end);
		cr_assert_eq(FX_COUNT(&fx, time_wait), 1);
		fx_advance(&fx, end - 1);
		cr_assert_eq(lookup(1, is4), ref);
		fx_check(&fx, "one tick before the end");
		fx_advance(&fx, end);
		cr_assert_eq(lookup(1, is4), 0);
		cr_assert_eq(FX_COUNT(&fx, time_wait), 0);
		cr_assert_eq(pool(is4)->nfree, 4);
	}
	cr_assert_eq(FX_COUNT(&fx, time_wait_entered), 2);
	cr_assert_eq(FX_COUNT(&fx, time_wait_expired), 2);
	cr_assert_eq(FX_COUNT(&fx, time_wait_peak), 1);
	fx_fini(&fx);
}

/* A lifetime longer than the wheel: the reference fires early and is added again. */
Test(tw_life, longer_than_the_wheel)
{
	la_ref ref;

	fx_init(&fx, 4, 4, 64, START);
	ref = fx_time_wait(&fx, 1, true, 1000);
	for (uint32_t ms = 1; ms < 1000; ms++) {
		fx_advance(&fx, START + ms);
		cr_assert_eq(lookup(1, true), ref, "%u", ms);
		cr_assert_eq(fx.wheel.count, 1);
	}
	fx_advance(&fx, START + 1000);
	cr_assert_eq(lookup(1, true), 0);
	fx_fini(&fx);
}

/* After a delay of hours all entries expire at once, each one once. */
Test(tw_life, long_jump)
{
	fx_init(&fx, 500, 500, 1024, START);
	for (uint32_t n = 1; n <= 500; n++) {
		fx_time_wait(&fx, n, n % 2, 1 + n % 10 * 3000);
		fx_advance(&fx, fx.now + n % 3);
	}
	fx_advance(&fx, fx.now + 5 * 3600 * 1000);
	cr_assert_eq(FX_COUNT(&fx, time_wait), 0);
	cr_assert_eq(FX_COUNT(&fx, time_wait_expired), 500);
	fx_fini(&fx);
}

/* TW-32: entries of different ages, one of them restarted, expire at their own times. */
Test(tw_life, each_at_its_own_time)
{
	la_ref a, b, c;

	fx_init(&fx, 4, 4, 1 << 17, START);
	a = fx_time_wait(&fx, 1, true, LIFETIME);
	fx_advance(&fx, START + 18000);
	b = fx_time_wait(&fx, 2, true, LIFETIME);
	fx_advance(&fx, START + 36000);
	c = fx_time_wait(&fx, 3, true, LIFETIME);
	fx_advance(&fx, START + 40000);
	cr_assert_eq(repeated_fin(a), LA_TW_ACK);
	fx_advance(&fx, START + 78000 - 1);
	cr_assert(lookup(1, true) == a && lookup(2, true) == b && lookup(3, true) == c);
	fx_advance(&fx, START + 78000);
	cr_assert(lookup(1, true) == a && lookup(2, true) == 0 && lookup(3, true) == c);
	fx_advance(&fx, START + 96000);
	cr_assert(lookup(1, true) == a && lookup(3, true) == 0);
	fx_advance(&fx, START + 100000 - 1);
	cr_assert_eq(lookup(1, true), a);
	fx_advance(&fx, START + 100000);
	cr_assert_eq(lookup(1, true), 0);
	fx_fini(&fx);
}

/* TW-04: each repeated FIN restarts 2*MSL, and the wheel keeps one reference. */
Test(tw_life, restart_moves_the_deadline_alone)
{
	la_ref ref;

	fx_init(&fx, 4, 4, 1 << 17, START);
	ref = fx_time_wait(&fx, 1, true, LIFETIME);
	for (uint32_t i = 1; i <= 20; i++) {
		fx_advance(&fx, START + i * LIFETIME * 9 / 10);
		cr_assert_eq(lookup(1, true), ref, "after restart %u", i - 1);
		for (int k = 0; k < 3; k++)
			cr_assert_eq(repeated_fin(ref), LA_TW_ACK);
		cr_assert_eq(entry(ref)->deadline, fx.now + LIFETIME);
		cr_assert_eq(fx.wheel.count, 1);
		fx_check(&fx, "restarted");
	}
	fx_advance(&fx, fx.now + LIFETIME - 1);
	cr_assert_eq(lookup(1, true), ref);
	fx_advance(&fx, fx.now + 1);
	cr_assert_eq(lookup(1, true), 0);
	cr_assert_eq(FX_COUNT(&fx, time_wait_expired), 1);
	fx_fini(&fx);
}

/* Expiry in bounded steps: the next call continues where one call stops. Until then a due entry
 * is complete, and a FIN still restarts 2*MSL. */
Test(tw_life, bounded_expiry)
{
	la_ref refs[10], ref[100];
	uint32_t at;

	fx_init(&fx, 100, 0, 1 << 17, START);
	for (uint32_t n = 1; n <= 100; n++)
		ref[n - 1] = fx_time_wait(&fx, n, true, LIFETIME);
	fx.now += LIFETIME;
	for (uint32_t left = 90; left > 20; left -= 10) {
		cr_assert_eq(la_wheel_pop(&fx.wheel, fx.now, refs, 10, &at), 10);
		for (int i = 0; i < 10; i++)
			la_tw_wheel(&fx.tw, refs[i], at);
		cr_assert_eq(FX_COUNT(&fx, time_wait), left);
		fx_check(&fx, "part of a tick expired");
	}
	cr_assert_eq(repeated_fin(ref[99]), LA_TW_ACK);
	fx_advance(&fx, fx.now);
	cr_assert_eq(FX_COUNT(&fx, time_wait), 1);
	cr_assert_eq(lookup(100, true), ref[99]);
	fx_advance(&fx, fx.now + LIFETIME);
	cr_assert_eq(FX_COUNT(&fx, time_wait), 0);
	fx_fini(&fx);
}

/* ------------------------------------------------------------------ a burst of references */

enum { EACH_ENTRIES = 40000, EACH_TICKS = 1000 };

enum kind { OVER, EARLY, IN_FIN_WAIT_2, SHADOW, ZOMBIE, KINDS };

static enum kind kind_of[2][EACH_ENTRIES + 1]; /* [1]: IPv4; by slot */

static enum kind
kind_of_ref(la_ref ref)
{
	return kind_of[la_ref_pool(ref) == LA_POOL_TW4][la_ref_slot(ref)];
}

/* Enters connection i, so that its reference fires EACH_TICKS later. */
static la_ref
enter_kind(uint32_t i, enum kind kind)
{
	const struct la_tw_core state = {.snd_nxt = 1000, .rcv_nxt = 5000, .wnd = 512};
	struct la_tuple t = fx_tuple(i, i & 1);
	uint32_t n = 1 + i % (FX_TCBS / 2 - 1);
	la_ref ref;

	cr_assert(fx_open(&fx, n, &t));
	if (kind == IN_FIN_WAIT_2) {
		fx.counters.state[LA_FIN_WAIT_2]++;
		return la_tw_enter_fin_wait_2(&fx.tw, &t, fx_hash(&fx, &t), la_ref_make(LA_POOL_TCB, n), &state, fx.now,
					      la_tw_class(&fx.tw, EACH_TICKS), EACH_TICKS);
	}
	ref = fx_enter(&fx, n, &state, EACH_TICKS);
	if (kind == EARLY)
		entry(ref)->deadline++;
	if (kind == SHADOW || kind == ZOMBIE)
		reopen(ref, FX_TCBS / 2 + i % (FX_TCBS / 2));
	if (kind == ZOMBIE)
		la_tw_forget(&fx.tw, ref);
	return ref;
}

/* Asserts that the free list of a family begins with the slots that n references have freed, the last one first. */
static void
expect_freed_in_order(const la_ref *refs, unsigned n, bool is4)
{
	uint32_t head = pool(is4)->free_head;

	while (n-- > 0) {
		enum kind kind = kind_of_ref(refs[n]);

		if ((la_ref_pool(refs[n]) == LA_POOL_TW4) != is4 || kind == EARLY || kind == SHADOW)
			continue;
		cr_assert_eq(head, la_ref_slot(refs[n]));
		head = entry(refs[n])->snd_nxt;
	}
}

/* References of every kind and both families fire together. The index is so full that many entries are in their second
 * bucket. Each reference has its own effect, and slots become free in the order of the references. */
Test(tw_life, references_of_every_kind_in_a_burst)
{
	static const unsigned size[] = {1, 7, 32, 33, 100};
	unsigned each[KINDS] = {0}, second = 0, n, bursts = 0;
	la_ref refs[100];
	uint32_t at;

	fx_init(&fx, EACH_ENTRIES / 2 + 1000, EACH_ENTRIES / 2 + 1000, 1 << 12, START);
	for (uint32_t i = 0; i < EACH_ENTRIES; i++) {
		enum kind kind = i % 50 == 0   ? SHADOW
				 : i % 50 == 1 ? ZOMBIE
				 : i % 5 == 2  ? EARLY
				 : i % 5 == 3  ? IN_FIN_WAIT_2
					       : OVER;
		la_ref ref = enter_kind(i, kind);

		kind_of[la_ref_pool(ref) == LA_POOL_TW4][la_ref_slot(ref)] = kind;
		each[kind]++;
	}
	for (uint32_t b = 0; b < fx.index.nbuckets; b++)
		second += (unsigned)__builtin_popcount(fx.index.buckets[b].second);
	cr_assert_gt(second, 200);

	fx.now += EACH_TICKS;
	for (; (n = la_wheel_pop(&fx.wheel, fx.now, refs, size[bursts % 5], &at)) > 0; bursts++) {
		la_tw_wheel_burst(&fx.tw, refs, n, at);
		expect_freed_in_order(refs, n, true);
		expect_freed_in_order(refs, n, false);
	}
	fx_check(&fx, "fired");
	cr_assert_eq(FX_COUNT(&fx, time_wait_expired), each[OVER]);
	cr_assert_eq(FX_COUNT(&fx, ended_fin_wait_2), each[IN_FIN_WAIT_2]);
	cr_assert_eq(FX_COUNT(&fx, time_wait), each[EARLY] + each[SHADOW]);
	cr_assert_eq(fx.counters.transition[LA_TIME_WAIT][LA_CLOSED], each[OVER]);
	cr_assert_eq(fx.counters.transition[LA_FIN_WAIT_2][LA_CLOSED], each[IN_FIN_WAIT_2]);
	cr_assert_eq(fx.counters.state[LA_FIN_WAIT_2], 0);
	cr_assert_eq(fx.index.keys, each[EARLY] + each[SHADOW] + each[ZOMBIE]); /* reopened tuples have a TCB */
	cr_assert_eq(fx.wheel.count, each[EARLY]);

	fx_advance(&fx, fx.now + 1);
	cr_assert_eq(FX_COUNT(&fx, time_wait_expired), each[OVER] + each[EARLY]);
	cr_assert_eq(fx.index.keys, each[SHADOW] + each[ZOMBIE]);
	fx_fini(&fx);
}

/* ------------------------------------------------------------------ lifetimes */

Test(tw_life, classes_of_lifetimes)
{
	fx_init(&fx, 40, 4, 1 << 17, START);
	cr_assert_eq(la_tw_class(&fx.tw, 0), -EINVAL);
	cr_assert_eq(la_tw_class(&fx.tw, (1u << 30) + 1), -EINVAL);
	for (int i = 0; i < LA_TW_CLASSES; i++) {
		cr_assert_eq(la_tw_class(&fx.tw, 1000u + i), i);
		cr_assert_eq(la_tw_class(&fx.tw, 1000u + i / 2), i / 2);
	}
	cr_assert_eq(la_tw_class(&fx.tw, 5), -ENOSPC);
	/* each entry has its own lifetime, also after a FIN restarts it */
	for (uint32_t i = 0; i < LA_TW_CLASSES; i++) {
		la_ref ref = fx_time_wait(&fx, i + 1, true, 1000 + i);

		cr_assert_eq(repeated_fin(ref), LA_TW_ACK);
		cr_assert_eq(entry(ref)->deadline, START + 1000 + i);
	}
	for (uint32_t i = 0; i < LA_TW_CLASSES; i++) {
		fx_advance(&fx, START + 1000 + i);
		cr_assert_eq(FX_COUNT(&fx, time_wait), LA_TW_CLASSES - 1 - i);
	}
	fx_fini(&fx);
}

/* ------------------------------------------------------------------ reopening */

/* TW-21: the SYN was an old duplicate, so the entry is given back with its old deadline. */
Test(tw_life, given_back_keeps_its_deadline)
{
	for (int is4 = 0; is4 < 2; is4++) {
		la_ref ref;

		fx_init(&fx, 4, 4, 1 << 17, START);
		ref = fx_time_wait(&fx, 1, is4, LIFETIME);
		fx_advance(&fx, START + 20000);
		reopen(ref, 2);
		cr_assert_eq(lookup(1, is4), la_ref_make(LA_POOL_TCB, 2));
		cr_assert_eq(FX_COUNT(&fx, time_wait), 1); /* a shadow counts as TIME_WAIT */
		fx_check(&fx, "shadow");
		fx_advance(&fx, START + 40000);
		give_back(ref, 2);
		cr_assert_eq(lookup(1, is4), ref);
		cr_assert_eq(entry(ref)->deadline, START + LIFETIME);
		cr_assert_eq(FX_COUNT(&fx, time_wait_given_back), 1);
		fx_check(&fx, "back");
		fx_advance(&fx, START + LIFETIME - 1);
		cr_assert_eq(lookup(1, is4), ref);
		fx_advance(&fx, START + LIFETIME);
		cr_assert_eq(lookup(1, is4), 0);
		cr_assert_eq(FX_COUNT(&fx, time_wait_expired), 1);
		cr_assert_eq(FX_COUNT(&fx, time_wait_reopened), 0);
		fx_fini(&fx);
	}
}

/* The shadow's reference fires early, because a FIN restarted 2*MSL: the reference is added again. */
Test(tw_life, shadow_is_kept_until_its_deadline)
{
	la_ref ref;

	fx_init(&fx, 4, 4, 1 << 17, START);
	ref = fx_time_wait(&fx, 1, true, LIFETIME);
	fx_advance(&fx, START + 50000);
	cr_assert_eq(repeated_fin(ref), LA_TW_ACK);
	reopen(ref, 2);
	fx_advance(&fx, START + 90000); /* after the reference fired, before the deadline */
	cr_assert(entry(ref)->flags & LA_TW_WHEEL);
	fx_check(&fx, "reference added again");
	give_back(ref, 2);
	fx_advance(&fx, START + 110000 - 1);
	cr_assert_eq(lookup(1, true), ref);
	fx_advance(&fx, START + 110000);
	cr_assert_eq(lookup(1, true), 0);
	fx_fini(&fx);
}

/* 2*MSL ended during the reopen: no entry is given back. */
Test(tw_life, given_back_after_its_deadline)
{
	la_ref ref;

	fx_init(&fx, 4, 4, 1 << 17, START);
	ref = fx_time_wait(&fx, 1, true, LIFETIME);
	fx_advance(&fx, START + 50000);
	reopen(ref, 2);
	fx_advance(&fx, START + LIFETIME);
	cr_assert_not(entry(ref)->flags & LA_TW_WHEEL);
	cr_assert_eq(la_tw_life(entry(ref)), LA_TW_SHADOW);
	cr_assert_eq(fx.wheel.count, 0);
	fx_check(&fx, "shadow out of the wheel");
	fx_advance(&fx, START + 70000);
	give_back(ref, 2);
	cr_assert_eq(lookup(1, true), 0);
	cr_assert_eq(FX_COUNT(&fx, time_wait), 0);
	cr_assert_eq(FX_COUNT(&fx, time_wait_expired), 1);
	cr_assert_eq(FX_COUNT(&fx, time_wait_given_back), 0);
	cr_assert_eq(pool(true)->nfree, 4);
	fx_fini(&fx);
}

/* 2*MSL ends during the reopen; the entry is given back in the tick of the deadline, before the wheel runs. */
Test(tw_life, given_back_at_its_deadline_before_the_wheel)
{
	la_ref ref;

	fx_init(&fx, 4, 4, 1 << 17, START);
	ref = fx_time_wait(&fx, 1, true, LIFETIME);
	reopen(ref, 2);
	fx.now = START + LIFETIME;
	give_back(ref, 2);
	cr_assert_eq(lookup(1, true), 0);
	cr_assert_eq(la_tw_life(entry(ref)), LA_TW_ZOMBIE);
	cr_assert_eq(pool(true)->nfree, 3);
	fx_check(&fx, "zombie");
	fx_advance(&fx, fx.now);
	cr_assert_eq(pool(true)->nfree, 4);
	cr_assert_eq(FX_COUNT(&fx, time_wait_expired), 1);
	fx_fini(&fx);
}

/* Slot reuse: a reopen ends an entry early. The slot must not be reused while the entry's reference is in the
 * wheel, because this reference would end the next entry early. */
Test(tw_life, reopened_slot_waits_for_its_reference)
{
	la_ref ref, other;

	fx_init(&fx, 2, 0, 1 << 17, START);
	ref = fx_time_wait(&fx, 1, true, LIFETIME);
	fx_advance(&fx, START + 30000);
	reopen(ref, 2);
	la_tw_forget(&fx.tw, ref);
	cr_assert_eq(la_tw_life(entry(ref)), LA_TW_ZOMBIE);
	cr_assert_eq(FX_COUNT(&fx, time_wait_reopened), 1);
	cr_assert_eq(FX_COUNT(&fx, time_wait), 0);
	fx_check(&fx, "zombie");

	/* the new incarnation has reserved the other slot; no slot is free for a third */
	cr_assert_not(reserve(true));
	cr_assert_eq(FX_COUNT(&fx, tw_reserve_exhausted), 1);

	/* the new incarnation closes, and its 2*MSL ends after the old incarnation's */
	other = fx_enter(&fx, 2, &(struct la_tw_core){.snd_nxt = 9, .rcv_nxt = 9}, LIFETIME);
	cr_assert_neq(other, ref);
	fx_advance(&fx, START + LIFETIME - 1);
	cr_assert_not(reserve(true));
	fx_advance(&fx, START + LIFETIME);
	cr_assert_eq(la_tw_life(entry(ref)), LA_TW_FREE);
	cr_assert_eq(lookup(1, true), other);
	cr_assert_eq(FX_COUNT(&fx, time_wait_expired), 0);
	fx_check(&fx, "the zombie's slot is free");

	/* the slot is reused */
	cr_assert_eq(fx_time_wait(&fx, 3, true, LIFETIME), ref);
	fx_advance(&fx, START + 30000 + LIFETIME - 1);
	cr_assert_eq(lookup(1, true), other);
	fx_advance(&fx, START + 30000 + LIFETIME);
	cr_assert_eq(lookup(1, true), 0);
	cr_assert_eq(lookup(3, true), ref);
	fx_advance(&fx, START + 2 * LIFETIME);
	cr_assert_eq(lookup(3, true), 0);
	fx_fini(&fx);
}

/* A reopen that succeeds after the old deadline: no reference is left, the slot is free at once. */
Test(tw_life, freed_after_its_deadline)
{
	la_ref ref;

	fx_init(&fx, 4, 4, 1 << 17, START);
	ref = fx_time_wait(&fx, 1, false, LIFETIME);
	fx_advance(&fx, START + 59999);
	reopen(ref, 2);
	fx_advance(&fx, START + 61000);
	la_tw_forget(&fx.tw, ref);
	cr_assert_eq(la_tw_life(entry(ref)), LA_TW_FREE);
	cr_assert_eq(lookup(1, false), la_ref_make(LA_POOL_TCB, 2));
	cr_assert_eq(pool(false)->nfree, 4);
	fx_close(&fx, 2);
	fx_fini(&fx);
}

/* ------------------------------------------------------------------ reservations */

/* Promise 3: without a free entry the new connection is refused, and no old entry ends. */
Test(tw_life, reservations_run_out)
{
	fx_init(&fx, 3, 2, 1 << 17, START);
	for (uint32_t n = 1; n <= 3; n++) {
		struct la_tuple t = fx_tuple(n, true);

		cr_assert(fx_open(&fx, n, &t));
	}
	cr_assert_not(reserve(true));
	cr_assert_eq(FX_COUNT(&fx, tw_reserve_exhausted), 1);
	cr_assert(reserve(false)); /* the other family has its own entries */
	unreserve(false);
	fx_check(&fx, "all reserved");

	fx_close(&fx, 1);
	cr_assert(reserve(true));
	unreserve(true);

	for (uint32_t n = 2; n <= 3; n++)
		fx_enter(&fx, n, &(struct la_tw_core){.snd_nxt = n}, LIFETIME);
	cr_assert(reserve(true));
	cr_assert_not(reserve(true)); /* entries keep their slots */
	unreserve(true);
	cr_assert_eq(FX_COUNT(&fx, time_wait), 2);
	fx_advance(&fx, START + LIFETIME);
	for (int i = 0; i < 3; i++)
		cr_assert(reserve(true));
	cr_assert_not(reserve(true));
	for (int i = 0; i < 3; i++)
		unreserve(true);
	fx_fini(&fx);
}

Test(tw_life, no_capacity_at_all)
{
	fx_init(&fx, 1, 0, 64, START);
	cr_assert_not(reserve(false));
	fx_fini(&fx);
}

Test(tw_life, init_refuses)
{
	struct la_tw tw;

	cr_assert_eq(la_tw_init(&tw, NULL, NULL, NULL, NULL, NULL, 1u << 30, 1), -EINVAL);
	cr_assert_eq(la_tw_init(&tw, NULL, NULL, NULL, NULL, NULL, 1, 1u << 30), -EINVAL);
	cr_assert_eq(la_tw_memory(1000, 100), 1001 * 32 + 101 * 64);
}

/* An entry holds the final state of its connection, in both families. */
Test(tw_life, entry_holds_its_state)
{
	fx_init(&fx, 4, 4, 1 << 17, START);
	for (int is4 = 0; is4 < 2; is4++) {
		struct la_tw_core state = {
			.snd_nxt = 1, .rcv_nxt = 2, .ts_recent = 3, .wnd = 4, .deadline = 5, .flags = 0xffff};
		struct la_tuple t = fx_tuple(7, is4), got;
		la_ref ref;

		cr_assert(fx_open(&fx, 1, &t));
		ref = fx_enter(&fx, 1, &state, LIFETIME);
		cr_assert_eq(la_ref_pool(ref), is4 ? LA_POOL_TW4 : LA_POOL_TW6);
		la_tw_tuple(&fx.tw, ref, &got);
		cr_assert(fx_same(&got, &t));
		cr_assert_eq(entry(ref)->snd_nxt, 1);
		cr_assert_eq(entry(ref)->rcv_nxt, 2);
		cr_assert_eq(entry(ref)->ts_recent, 3);
		cr_assert_eq(entry(ref)->wnd, 4);
		cr_assert_eq(entry(ref)->deadline, fx.now + LIFETIME);
		cr_assert_eq(entry(ref)->flags, LA_TW_TS | LA_TW_WHEEL | LA_TW_LIVE);
		t.rport++;
		cr_assert_eq(fx_lookup(&fx, &t), 0);
	}
	fx_fini(&fx);
}

/* The checker must report faults. */
Test(tw_life, checker_reports_faults)
{
	FILE *null = fopen("/dev/null", "w");
	struct la_tw_core good, *e;
	struct la_tw_pool p;
	struct la_tw4 *t;
	la_ref ref, gone;

	fx_init(&fx, 8, 8, 1 << 10, START);
	gone = fx_time_wait(&fx, 2, true, 10);
	ref = fx_time_wait(&fx, 1, true, 500);
	fx_advance(&fx, START + 10);
	e = entry(ref);
	good = *e;
	p = fx.tw.pool[0];
#define BROKEN(how)                                                             \
	do {                                                                    \
		how;                                                            \
		cr_assert_gt(la_tw_check(&fx.tw, null), 0, #how);               \
		*e = good;                                                      \
		fx.tw.pool[0] = p;                                              \
		cr_assert_eq(la_tw_check(&fx.tw, stderr), 0, "after %s", #how); \
	} while (0)
	BROKEN(e->flags ^= LA_TW_WHEEL);
	BROKEN(e->flags ^= LA_TW_LIVE);
	BROKEN(e->flags ^= LA_TW_ZOMBIE ^ LA_TW_LIVE);
	BROKEN(e->flags |= 15 << LA_TW_CLASS_SHIFT);
	BROKEN(e->deadline = fx.now);
	BROKEN(fx.tw.pool[0].live++);
	BROKEN(fx.tw.pool[0].nfree--);
	BROKEN(fx.tw.pool[0].free_head = 0);
	BROKEN(fx.tw.pool[0].free_head = la_ref_slot(ref));
	BROKEN(fx.tw.pool[0].reserved = 8);
	BROKEN(fx.tw.pool[0].fresh++);
	t = &((struct la_tw4 *)fx.tw.pool[0].slots)[la_ref_slot(ref)];
	t->rport++; /* another tuple: the index has it in another bucket */
	cr_assert_gt(la_tw_check(&fx.tw, null), 0);
	t->rport--;
	/* a second reference to the slot, and a reference to a free slot */
	la_wheel_add(&fx.wheel, fx.now + 20, ref);
	cr_assert_gt(la_tw_check(&fx.tw, null), 0);
	la_wheel_add(&fx.wheel, fx.now + 20, gone);
	cr_assert_gt(la_tw_check(&fx.tw, null), 1);
	fclose(null);
}
