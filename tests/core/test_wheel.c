/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <criterion/criterion.h>

#include "core/seq.h"
#include "core/wheel.h"

#include "rng.h"

/* ------------------------------------------------------------------ one rule at a time */

static struct la_wheel
make(uint32_t nslots, uint32_t max_refs, uint32_t tick)
{
	struct la_wheel w;

	cr_assert_eq(la_wheel_init(&w, NULL, nslots, max_refs, tick), 0);
	return w;
}

/* Pops one burst and expects exactly these references, from this tick. */
#define expect_pop(w, now, want_tick, ...)                                \
	do {                                                              \
		const uint32_t want_[] = {__VA_ARGS__};                   \
		const unsigned n_ = sizeof(want_) / sizeof(want_[0]);     \
		uint32_t got_[64], tick_ = 0;                             \
		cr_assert_eq(la_wheel_pop(w, now, got_, 64, &tick_), n_); \
		cr_assert_eq(tick_, (want_tick), "tick %u", tick_);       \
		for (unsigned i_ = 0; i_ < n_; i_++)                      \
			cr_assert_eq(got_[i_], want_[i_]);                \
	} while (0)

#define expect_nothing(w, now)                                           \
	do {                                                             \
		uint32_t got_[64], tick_;                                \
		cr_assert_eq(la_wheel_pop(w, now, got_, 64, &tick_), 0); \
	} while (0)

#define expect_sound(w) cr_assert_eq(la_wheel_check(w, stderr), 0)

Test(wheel, init_refuses)
{
	struct la_wheel w;

	cr_assert_eq(la_wheel_init(&w, NULL, 32, 10, 0), -EINVAL);
	cr_assert_eq(la_wheel_init(&w, NULL, 100, 10, 0), -EINVAL);
	cr_assert_eq(la_wheel_init(&w, NULL, 1u << 19, 10, 0), -EINVAL);
	cr_assert_eq(la_wheel_init(&w, NULL, 64, 0, 0), -EINVAL);
}

Test(wheel, slots_follow_the_references)
{
	static const struct {
		uint32_t refs, slots;
	} rows[] = {{1, 1u << 12},	 {1u << 12, 1u << 12},	     {(1u << 12) + 1, 1u << 13},
		    {100000, 1u << 17},	 {(1u << 18) - 1, 1u << 18}, {1u << 18, 1u << 18},
		    {1u << 31, 1u << 18}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(la_wheel_slots(rows[i].refs), rows[i].slots, "%u", rows[i].refs);
	/* 200 references need less than 100 kB */
	cr_assert_lt(la_wheel_memory(la_wheel_slots(200), 200), 100 * 1000);
}

/* A deadline beyond a short wheel: the tick of la_wheel_next() may be too early, never too late. An owner that
 * adds a reference again when it fires early gets it exactly at its deadline. */
Test(wheel, beyond_a_short_wheel_early_never_late)
{
	static const uint32_t deadline[] = {4094, 4095, 4096, 10000, 60000, 7200000};
	uint32_t n = sizeof(deadline) / sizeof(deadline[0]);

	for (uint32_t i = 0; i < n; i++) {
		struct la_wheel w = make(la_wheel_slots(1), 1, 0u - 500);
		uint32_t due = deadline[i] - 500, ref, tick, visits = 0;

		la_wheel_add(&w, due, 1);
		while (la_wheel_next(&w, &tick)) {
			cr_assert(seq_le(tick, due), "next %u, due %u", tick, due);
			expect_nothing(&w, tick - 1);
			cr_assert_eq(la_wheel_pop(&w, tick, &ref, 1, &tick), 1);
			visits++;
			if (tick != due)
				la_wheel_add(&w, due, 1);
		}
		cr_assert_eq(tick, due);
		cr_assert_leq(visits, deadline[i] / 4094 + 1);
		la_wheel_fini(&w);
	}
}

static unsigned budget; /* allocations that still succeed */
static int outstanding;

static void *
scarce_alloc(void *ctx, size_t size, size_t align)
{
	if (budget == 0)
		return NULL;
	budget--;
	outstanding++;
	return la_mem_default.alloc(ctx, size, align);
}

static void
scarce_free(void *ctx, void *p, size_t size)
{
	outstanding--;
	la_mem_default.free(ctx, p, size);
}

Test(wheel, init_undoes_itself)
{
	const struct la_mem_ops scarce = {scarce_alloc, scarce_free, NULL};
	struct la_wheel w;

	for (unsigned n = 0; n < 3; n++) {
		budget = n;
		cr_assert_eq(la_wheel_init(&w, &scarce, 64, 100, 0), -ENOMEM, "%u", n);
		cr_assert_eq(outstanding, 0, "%u", n);
	}
	budget = 3;
	cr_assert_eq(la_wheel_init(&w, &scarce, 64, 100, 0), 0);
	la_wheel_fini(&w);
	cr_assert_eq(outstanding, 0);
}

Test(wheel, not_before_its_tick_and_in_order)
{
	struct la_wheel w = make(64, 100, 1000);
	uint32_t tick;

	cr_assert_not(la_wheel_next(&w, &tick));
	cr_assert_eq(la_wheel_add(&w, 1005, 7), 1005);
	cr_assert_eq(la_wheel_add(&w, 1003, 8), 1003);
	cr_assert_eq(la_wheel_add(&w, 1005, 9), 1005);
	cr_assert_eq(la_wheel_add(&w, 1000, 6), 1000); /* the current tick is not drained yet */
	cr_assert(la_wheel_next(&w, &tick) && tick == 1000);
	expect_pop(&w, 1002, 1000, 6);
	expect_nothing(&w, 1002);
	cr_assert(la_wheel_next(&w, &tick) && tick == 1003);
	expect_pop(&w, 1005, 1003, 8);
	expect_pop(&w, 1005, 1005, 7, 9);
	expect_nothing(&w, 1005);
	cr_assert_eq(w.base, 1006);
	cr_assert_not(la_wheel_next(&w, &tick));
	expect_sound(&w);
	la_wheel_fini(&w);
}

Test(wheel, past_and_far_are_clamped)
{
	struct la_wheel w = make(64, 100, 1000);

	expect_nothing(&w, 1009); /* base 1010 */
	cr_assert_eq(la_wheel_add(&w, 1009, 1), 1010);
	cr_assert_eq(la_wheel_add(&w, 5, 2), 1010);
	cr_assert_eq(la_wheel_add(&w, 1010 + 62, 3), 1072);
	cr_assert_eq(la_wheel_add(&w, 1010 + 63, 4), 1072);
	cr_assert_eq(la_wheel_add(&w, 1010 + 1000000, 5), 1072);
	expect_sound(&w);
	expect_nothing(&w, 1009);
	expect_pop(&w, 1010, 1010, 1, 2);
	expect_nothing(&w, 1071);
	expect_pop(&w, 1072, 1072, 3, 4, 5);
	la_wheel_fini(&w);
}

/* An earlier `now` must not make a drained tick undrained. */
Test(wheel, an_earlier_now_changes_nothing)
{
	struct la_wheel w = make(64, 100, 1000);

	expect_nothing(&w, 1040);
	expect_nothing(&w, 1000);
	cr_assert_eq(w.base, 1041);
	la_wheel_add(&w, 1050, 1);
	expect_nothing(&w, 990);
	cr_assert_eq(w.base, 1041);
	expect_pop(&w, 1050, 1050, 1);
	la_wheel_fini(&w);
}

/* An owner that always adds again, at a past tick, must not loop in one tick. */
Test(wheel, adding_while_draining_goes_to_the_next_tick)
{
	struct la_wheel w = make(64, 1000, 0);
	uint32_t refs[4], tick, n = 0;

	for (uint32_t i = 0; i < 200; i++)
		la_wheel_add(&w, 3, i);
	cr_assert_eq(la_wheel_pop(&w, 3, refs, 4, &tick), 4);
	cr_assert_eq(la_wheel_add(&w, 3, 1000), 4);
	cr_assert_eq(la_wheel_add(&w, 0, 1001), 4);
	/* a half-drained slot is also not reused for the tick one wheel length later */
	cr_assert_eq(la_wheel_add(&w, 3 + 64, 1002), 4 + 62);
	expect_sound(&w);
	cr_assert(la_wheel_next(&w, &tick) && tick == 3);
	for (n = 4; n < 200; n += 4) {
		cr_assert_eq(la_wheel_pop(&w, 3, refs, 4, &tick), 4);
		cr_assert_eq(tick, 3);
		cr_assert_eq(refs[0], n);
		expect_sound(&w);
	}
	expect_nothing(&w, 3);
	expect_pop(&w, 4, 4, 1000, 1001);
	la_wheel_fini(&w);
}

Test(wheel, ticks_wrap)
{
	struct la_wheel w = make(64, 100, 0xfffffff0u);

	cr_assert_eq(la_wheel_add(&w, 0xffffffffu, 1), 0xffffffffu);
	cr_assert_eq(la_wheel_add(&w, 0, 2), 0);
	cr_assert_eq(la_wheel_add(&w, 5, 3), 5);
	cr_assert_eq(la_wheel_add(&w, 0xffffff00u, 4), 0xfffffff0u);
	expect_pop(&w, 0xfffffffeu, 0xfffffff0u, 4);
	expect_nothing(&w, 0xfffffffeu);
	expect_pop(&w, 3, 0xffffffffu, 1);
	expect_pop(&w, 3, 0, 2);
	expect_nothing(&w, 3);
	expect_pop(&w, 5, 5, 3);
	expect_sound(&w);
	la_wheel_fini(&w);
}

Test(wheel, jump_longer_than_the_wheel_keeps_tick_order)
{
	struct la_wheel w = make(8192, 10000, 77);
	uint32_t refs[64], tick, last = 77, n = 0, k;

	for (uint32_t i = 0; i < 8000; i++)
		la_wheel_add(&w, 77 + (i * 37) % 8190, i);
	/* three hours later */
	while ((k = la_wheel_pop(&w, 77 + 3 * 3600 * 1000, refs, 64, &tick)) > 0) {
		for (uint32_t i = 0; i < k; i++)
			cr_assert_eq(77 + (refs[i] * 37) % 8190, tick);
		cr_assert(seq_ge(tick, last));
		last = tick;
		n += k;
	}
	cr_assert_eq(n, 8000);
	cr_assert_eq(w.base, 77 + 3 * 3600 * 1000 + 1);
	expect_sound(&w);
	la_wheel_fini(&w);
}

/* The worst case of the pool: one reference in each slot, all others in one slot, and this slot partly
 * drained. */
Test(wheel, there_is_room_for_max_refs)
{
	static const uint32_t sizes[] = {1, 2, 30, 31, 32, 61, 62, 63, 64, 93, 500, 4000};

	for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		uint32_t max = sizes[s], refs[64], tick, left = max;
		struct la_wheel w = make(64, max, 0);

		for (uint32_t i = 0; i < 62 && left > 0; i++, left--)
			la_wheel_add(&w, i + 1, i);
		while (left-- > 0)
			la_wheel_add(&w, 0, left);
		expect_sound(&w);
		for (uint32_t i = 0; i < 3 * max; i++) {
			cr_assert(la_wheel_next(&w, &tick));
			cr_assert_eq(la_wheel_pop(&w, tick, refs, 1, &tick), 1);
			la_wheel_add(&w, tick + 1 + i % 62, refs[0]);
			expect_sound(&w);
		}
		cr_assert_eq(w.count, max);
		la_wheel_fini(&w);
	}
}

/* Unused memory is not touched: a wheel for 100 million references takes pages only as references
 * are added. */
Test(wheel, unused_chunks_stay_untouched)
{
	struct la_wheel w = make(1u << 18, 100 * 1000 * 1000, 0);
	uint32_t refs[64], tick;
	size_t bytes = (w.nchunks + 1ul) * sizeof(struct la_wheel_chunk), pages = bytes / 4096, resident = 0;
	unsigned char *map = malloc(pages);

	cr_assert(la_wheel_memory(1u << 18, 100 * 1000 * 1000) < 520ul * 1000 * 1000);
	for (uint32_t i = 0; i < 1000000; i++) { /* 1000 references at a time: chunks are reused */
		la_wheel_add(&w, i / 100 + 10, i);
		if (i % 100 == 99)
			while (la_wheel_pop(&w, i / 100, refs, 64, &tick) > 0)
				;
	}
	cr_assert(w.fresh_chunk < 64, "%u chunks used for 1000 references", w.fresh_chunk);
	cr_assert_eq(mincore(w.chunks, pages * 4096, map), 0);
	for (size_t i = 0; i < pages; i++)
		resident += map[i] & 1;
	cr_assert(resident <= 512, "%zu pages of chunks are resident", resident);
	free(map);
	la_wheel_fini(&w);
}

static void
count_visit(void *ctx, uint32_t ref, uint32_t tick)
{
	uint32_t *seen = ctx;

	cr_assert_eq(tick, 10 + ref / 40 + (ref / 40 == 0));
	seen[ref]++;
}

Test(wheel, each_visits_every_reference_once)
{
	struct la_wheel w = make(128, 3000, 10);
	uint32_t seen[3000] = {0}, refs[64], tick;

	/* forty references a tick from tick 12 on, eighty in tick 11 */
	for (uint32_t i = 0; i < 3000; i++)
		cr_assert_eq(la_wheel_add(&w, 10 + i / 40 + (i / 40 == 0), i), 10 + i / 40 + (i / 40 == 0));
	cr_assert_eq(la_wheel_pop(&w, 11, refs, 3, &tick), 3);
	la_wheel_each(&w, count_visit, seen);
	for (uint32_t i = 0; i < 3000; i++)
		cr_assert_eq(seen[i], i >= 3, "reference %u: %u times", i, seen[i]);
	la_wheel_fini(&w);
}

/* The checker must report faults. */
Test(wheel, checker_reports_faults)
{
	struct la_wheel w = make(64, 100, 0), good;
	FILE *null = fopen("/dev/null", "w");
	uint64_t bits;

	la_wheel_add(&w, 5, 1);
	good = w;
	w.count = 2;
	cr_assert_gt(la_wheel_check(&w, null), 0);
	w = good;
	w.fresh_chunk++;
	cr_assert_gt(la_wheel_check(&w, null), 0);
	w = good;
	w.free_chunk = 1;
	cr_assert_gt(la_wheel_check(&w, null), 0);
	w = good;
	bits = w.bitmap[0][0];
	w.bitmap[0][0] |= 1;
	cr_assert_gt(la_wheel_check(&w, null), 0);
	w.bitmap[0][0] = bits;
	w.bitmap[2][0] = 0;
	cr_assert_gt(la_wheel_check(&w, null), 0);
	w.bitmap[2][0] = 1;
	expect_sound(&w);
	fclose(null);
	la_wheel_fini(&w);
}

/* ------------------------------------------------------------------ against plain arrays */

enum { MODEL_REFS = 3000 };

struct model {
	uint32_t nslots, base, n;
	uint64_t seq; /* number of references added */
	struct {
		uint32_t ref, tick;
		uint64_t seq;
	} e[MODEL_REFS];
};

/* Returns the tick in which the wheel places a reference for `tick`. */
static uint32_t
model_place(const struct model *m, uint32_t tick)
{
	int64_t ahead = (int32_t)(tick - m->base);

	if (ahead < 0)
		return m->base;
	if (ahead > (int64_t)m->nslots - 2)
		return m->base + m->nslots - 2;
	return tick;
}

/* Returns the index of the entry that is popped next: the first added of the earliest tick; -1: no entry is due. */
static int
model_first(const struct model *m, uint32_t now)
{
	int best = -1;

	for (uint32_t i = 0; i < m->n; i++) {
		if (seq_gt(m->e[i].tick, now))
			continue;
		if (best < 0 || seq_lt(m->e[i].tick, m->e[best].tick) ||
		    (m->e[i].tick == m->e[best].tick && m->e[i].seq < m->e[best].seq))
			best = (int)i;
	}
	return best;
}

static void
model_pop(struct model *m, struct la_wheel *w, uint32_t now, unsigned max, struct rng *r)
{
	uint32_t refs[200], tick = 0, from = 0;
	unsigned n = la_wheel_pop(w, now, refs, max, &tick);

	if (n == 0) {
		cr_assert_eq(model_first(m, now), -1, "seed %lu", r->seed);
		m->base = now + 1;
	}
	for (unsigned i = 0; i < n; i++) {
		int best = model_first(m, now);

		cr_assert_geq(best, 0, "seed %lu", r->seed);
		cr_assert(m->e[best].ref == refs[i] && m->e[best].tick == tick, "seed %lu: %u at %u, not %u at %u",
			  r->seed, refs[i], tick, m->e[best].ref, m->e[best].tick);
		from = m->e[best].tick;
		m->e[best] = m->e[--m->n];
	}
	if (n > 0) {
		cr_assert(n == max || model_first(m, now) < 0 || m->e[model_first(m, now)].tick != from, "seed %lu",
			  r->seed);
		if (seq_ge(from, m->base))
			m->base = from + 1;
	}
}

static void
model_next(const struct model *m, const struct la_wheel *w, const struct rng *r)
{
	int best = model_first(m, m->base + m->nslots);
	uint32_t tick = 0;

	cr_assert_eq(la_wheel_next(w, &tick), best >= 0, "seed %lu", r->seed);
	if (best >= 0)
		cr_assert_eq(tick, m->e[best].tick, "seed %lu", r->seed);
}

static void
run_model(uint64_t seed, uint32_t nslots, uint32_t max_refs, uint32_t now, unsigned steps, unsigned check_every)
{
	static struct model m;
	struct la_wheel w = make(nslots, max_refs, now);
	struct rng r = rng_make(seed);
	uint32_t next_ref = 0;

	memset(&m, 0, sizeof(m));
	m.nslots = nslots;
	m.base = now;
	for (unsigned step = 0; step < steps; step++) {
		uint32_t what = rng_below(&r, 100);

		if (what < 50 && m.n < max_refs) {
			/* near, anywhere in the wheel, beyond the wheel, or past; sometimes many in one tick */
			static const uint32_t span[] = {3, 70, 0, 0};
			uint32_t s = span[rng_below(&r, 4)], copies = 1;
			uint32_t tick = now + rng_below(&r, s ? s : 2 * nslots) - 2;

			if (rng_below(&r, 8) == 0)
				copies = 1 + rng_below(&r, 200);
			for (; copies > 0 && m.n < max_refs; copies--) {
				uint32_t at = la_wheel_add(&w, tick, next_ref);

				cr_assert_eq(at, model_place(&m, tick), "seed %lu", r.seed);
				m.e[m.n].ref = next_ref++;
				m.e[m.n].tick = at;
				m.e[m.n++].seq = m.seq++;
			}
		} else if (what < 85) {
			model_pop(&m, &w, now, 1 + rng_below(&r, 200), &r);
		} else if (what < 98) {
			now += rng_below(&r, 6);
		} else if (what < 99) {
			now += rng_below(&r, 3 * nslots);
		} else {
			now += 3600000 + rng_below(&r, 36000000);
		}
		model_next(&m, &w, &r);
		cr_assert_eq(w.count, m.n, "seed %lu", r.seed);
		if (step % check_every == 0)
			cr_assert_eq(la_wheel_check(&w, stderr), 0, "seed %lu", r.seed);
	}
	la_wheel_fini(&w);
}

Test(wheel, model_small)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		run_model(seed, 64, 600, 0xffffff00u, 3000, 1);
}

Test(wheel, model_tight)
{
	for (uint64_t seed = 100; seed <= 106; seed++)
		run_model(seed, 128, 40, 0, 3000, 1);
}

Test(wheel, model_two_levels)
{
	for (uint64_t seed = 200; seed <= 204; seed++)
		run_model(seed, 4096, MODEL_REFS, 0xfffff000u, 2000, 4);
}

Test(wheel, model_three_levels)
{
	run_model(300, 8192, MODEL_REFS, 0x7fffff00u, 2000, 8);
	run_model(301, 1u << 18, MODEL_REFS, 0xfffff000u, 2000, 250);
}
