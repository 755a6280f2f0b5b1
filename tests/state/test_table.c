/* SPDX-License-Identifier: BSD-3-Clause */

/* A TIME_WAIT table that is saved and loaded: the loaded table is compared with an array of expected entries. Streams
 * with impossible content are refused. */

#include "tables/fixture.h"

#include "core/rng.h"
#include "stream.h"
#include "table/tw_snapshot.h"

enum { MAX = 400 };

struct want {
	struct la_tuple tuple;
	struct la_tw_core core; /* expected deadline and flags */
	bool there;		/* the entry is saved */
};

static struct fx from, to;
static struct want want[MAX];

static int
load(struct fx *fx, struct stream *s, uint64_t elapsed)
{
	struct la_tw_saved saved;
	int rc;

	s->at = 0;
	rc = la_tw_saved_read(&saved, stream_read, s);
	return rc ? rc : la_tw_import(&fx->tw, &saved, fx->now, elapsed, stream_read, s);
}

static void
save(const struct fx *fx, struct stream *s)
{
	cr_assert_eq(la_tw_export(&fx->tw, fx->now, stream_write, s), 0);
}

/* Adds entry i of a random kind and age to `from` and to want[]. */
static void
add(struct rng *r, unsigned i, uint32_t now)
{
	static const uint32_t lifetimes[] = {1, 2, 50, 4001, 60001, 240001, 1u << 30};
	struct la_tw_core state = {.snd_nxt = (uint32_t)rng64(r),
				   .rcv_nxt = (uint32_t)rng64(r),
				   .ts_recent = (uint32_t)rng64(r),
				   .wnd = (uint16_t)rng64(r),
				   .flags = rng_below(r, 2) ? LA_TW_TS : 0};
	struct la_tuple t = fx_tuple(i, rng_below(r, 2));
	struct la_seg seg;
	la_ref ref;

	if (!la_addr_is4(&t.laddr))
		t.raddr.b[14] = (uint8_t)rng64(r);
	cr_assert(fx_open(&from, i + 1, &t));
	if (rng_below(r, 4) == 0) { /* FIN_WAIT_2 after la_close(): longer or shorter than 2*MSL */
		ref = la_tw_enter_fin_wait_2(&from.tw, &t, fx_hash(&from, &t), la_ref_make(LA_POOL_TCB, i + 1), &state,
					     now, la_tw_class(&from.tw, lifetimes[rng_below(r, 7)]),
					     lifetimes[rng_below(r, 6)]);
		want[i] = (struct want){t, *la_tw_core(&from.tw, ref), true};
		return;
	}
	ref = fx_enter(&from, i + 1, &state, lifetimes[rng_below(r, 7)]);
	switch (rng_below(r, 5)) {
	case 0: /* an old duplicate was answered: the throttle is set */
		seg = fx_seg(&from, ref, LA_ACK, state.rcv_nxt - 10, state.snd_nxt);
		if (state.flags & LA_TW_TS) {
			seg.opts = LA_OPT_TS;
			seg.tsval = state.ts_recent;
		}
		cr_assert_eq(la_tw_input(&from.tw, ref, &seg, now), LA_TW_ACK);
		break;
	case 1: /* a reopen is pending: SHADOW */
		cr_assert(la_index_replace(&from.index, fx_hash(&from, &t), ref, la_ref_make(LA_POOL_TCB, i + 1)));
		la_tw_shadow(&from.tw, ref);
		break;
	case 2: /* the tuple was reopened: the entry is not saved */
		cr_assert(la_index_replace(&from.index, fx_hash(&from, &t), ref, la_ref_make(LA_POOL_TCB, i + 1)));
		la_tw_shadow(&from.tw, ref);
		la_tw_forget(&from.tw, ref);
		want[i].there = false;
		return;
	default:
		break;
	}
	want[i] = (struct want){t, *la_tw_core(&from.tw, ref), true};
}

static void
expect(unsigned i, uint64_t elapsed)
{
	const struct want *w = &want[i];
	la_ref ref = fx_lookup(&to, &w->tuple);
	bool lapsed = w->core.deadline - from.now <= elapsed || seq_le(w->core.deadline, from.now);
	const struct la_tw_core *e;
	unsigned a, b;

	cr_assert_eq(ref != 0, w->there && !lapsed, "entry %u", i);
	if (ref == 0)
		return;
	e = la_tw_core(&to.tw, ref);
	cr_assert_eq(la_tw_life(e), LA_TW_LIVE);
	cr_assert_eq(e->snd_nxt, w->core.snd_nxt);
	cr_assert_eq(e->rcv_nxt, w->core.rcv_nxt);
	cr_assert_eq(e->ts_recent, w->core.ts_recent);
	cr_assert_eq(e->wnd, w->core.wnd);
	cr_assert_eq(e->deadline - to.now, w->core.deadline - from.now - elapsed, "entry %u", i);
	cr_assert_eq(e->flags & ~0xf3, w->core.flags & ~0xf3); /* without life and class */
	a = e->flags >> LA_TW_CLASS_SHIFT & LA_TW_CLASS_MASK;
	b = w->core.flags >> LA_TW_CLASS_SHIFT & LA_TW_CLASS_MASK;
	cr_assert_eq(to.tw.lifetime[a], from.tw.lifetime[b]);
}

static uint64_t
count_entries(const struct fx *fx)
{
	return FX_COUNT(fx, time_wait) + FX_COUNT(fx, fin_wait_2_held);
}

/* Checks that every loaded entry expires exactly at its deadline, all entries of one tick at once. */
static void
expire_all(void)
{
	while (count_entries(&to) > 0) {
		uint32_t next = 0, left = UINT32_MAX;
		uint64_t n = 0, now = count_entries(&to);

		for (unsigned i = 0; i < MAX; i++) {
			la_ref ref = want[i].there ? fx_lookup(&to, &want[i].tuple) : 0;
			uint32_t d = ref ? la_tw_core(&to.tw, ref)->deadline - to.now : 0;

			if (ref && d < left) {
				left = d;
				next = la_tw_core(&to.tw, ref)->deadline;
				n = 0;
			}
			n += ref && d == left;
		}
		if (left > 1 << 20) /* an entry with the lifetime 2^30 takes too long */
			return;
		fx_advance(&to, next - 1);
		cr_assert_eq(count_entries(&to), now);
		fx_advance(&to, next);
		cr_assert_eq(count_entries(&to), now - n);
	}
}

static void
tear_down(struct fx *fx)
{
	la_tw_fini(&fx->tw);
	la_wheel_fini(&fx->wheel);
	la_index_fini(&fx->index);
}

static void
round_trip(uint64_t seed)
{
	static const uint64_t elapsed[] = {0, 1, 49, 50, 4000, 60000, 240001, 1u << 29, 1u << 31, UINT64_MAX / 2};
	struct rng r = rng_make(seed);
	uint32_t now = rng_below(&r, 2) ? (uint32_t)rng64(&r) : (uint32_t)-rng_below(&r, 100);
	uint64_t passed = elapsed[rng_below(&r, 10)];
	unsigned n = rng_below(&r, MAX);
	struct stream s = {0};
	uint64_t live;

	memset(want, 0, sizeof(want));
	fx_init(&from, MAX, MAX, 4096, now);
	for (unsigned i = 0; i < n; i++) {
		add(&r, i, from.now);
		if (rng_below(&r, 8) == 0) /* the wheel does not run, so some deadlines are in the past */
			from.now += rng_below(&r, 30);
	}
	save(&from, &s);
	live = count_entries(&from);
	fx_init(&to, MAX + 3, MAX + 7, 512, from.now + (uint32_t)passed);
	cr_assert_eq(load(&to, &s, passed), 0, "seed %lu", r.seed);
	cr_assert_eq(s.at, s.len);
	cr_assert_eq(FX_COUNT(&to, time_wait_loaded) + FX_COUNT(&to, time_wait_lapsed), live);
	cr_assert_eq(count_entries(&to), FX_COUNT(&to, time_wait_loaded));
	cr_assert_eq(to.counters.state[LA_FIN_WAIT_2], FX_COUNT(&to, fin_wait_2_held));
	for (unsigned i = 0; i < n; i++)
		expect(i, passed);
	fx_check(&to, "read back");
	if (passed < 1u << 29)
		expire_all();
	cr_assert_eq(to.counters.state[LA_FIN_WAIT_2], FX_COUNT(&to, fin_wait_2_held));
	fx_fini(&to);
	tear_down(&from);
	stream_free(&s);
}

Test(table, round_trip)
{
	for (uint64_t seed = 1; seed <= 60; seed++)
		round_trip(seed);
}

/* Numbers of entries near 64 and 128: one call writes and reads 64 entries. */
Test(table, counts)
{
	static const unsigned counts[] = {0, 1, 63, 64, 65, 127, 128, 129, 200};

	for (unsigned i = 0; i < 81; i++) {
		unsigned n4 = counts[i / 9], n6 = counts[i % 9];
		struct stream s = {0};

		fx_init(&from, 200, 200, 512, 5);
		fx_init(&to, n4 ? n4 : 1, n6 ? n6 : 1, 512, 5); /* room for exactly these entries */
		for (unsigned j = 0; j < n4 + n6; j++)
			fx_time_wait(&from, j + 1, j < n4, 100);
		save(&from, &s);
		cr_assert_eq(load(&to, &s, 0), 0);
		cr_assert_eq(FX_COUNT(&to, time_wait_loaded), n4 + n6);
		fx_check(&to, "read back");
		fx_fini(&from);
		fx_fini(&to);
		stream_free(&s);
	}
}

/* A repeated FIN restarts the entry's own 2*MSL, also when the class has another number in the new table. */
Test(table, class_is_kept)
{
	struct stream s = {0};
	struct la_tuple t;
	struct la_seg fin;
	la_ref ref;

	fx_init(&from, 4, 4, 512, 1000);
	fx_time_wait(&from, 1, true, 100);
	fx_time_wait(&from, 2, true, 7777);
	save(&from, &s);
	fx_init(&to, 4, 4, 512, 1050);
	cr_assert_eq(la_tw_class(&to.tw, 5), 0);
	cr_assert_eq(load(&to, &s, 50), 0);
	t = fx_tuple(2, true);
	ref = fx_lookup(&to, &t);
	cr_assert_eq(la_tw_core(&to.tw, ref)->deadline, 1000 + 7777);
	fin = fx_seg(&to, ref, LA_FIN | LA_ACK, 4999, 1000);
	cr_assert_eq(la_tw_input(&to.tw, ref, &fin, to.now), LA_TW_ACK);
	cr_assert_eq(la_tw_core(&to.tw, ref)->deadline, to.now + 7777);
	fx_fini(&from);
	fx_fini(&to);
	stream_free(&s);
}

/* -- impossible content -- */

/* Changes to the stream of a table with three entries of each family: `bytes` bytes at offset `at` become `value`. */
struct bad {
	const char *text;
	size_t at; /* offset from the stream's start */
	uint32_t value;
	unsigned bytes;
	int rc;
};

enum { HEAD = sizeof(struct la_tw_saved), FIRST6 = HEAD + 3 * 32 };

static const struct bad bad[] = {
	{"more classes than 16", 8, 17, 4, -EBADMSG},
	{"an entry of a class with lifetime 0", 12, 0, 4, -EBADMSG},
	{"a lifetime above the limit", 12, (1u << 30) + 1, 4, -EBADMSG},
	{"IPv4: more time left than the lifetime", HEAD + 24, 101, 4, -EBADMSG},
	{"IPv4: an unknown class", HEAD + 30, 1 << LA_TW_CLASS_SHIFT, 2, -EBADMSG},
	{"IPv4: a life in the flags", HEAD + 30, LA_TW_LIVE, 2, -EBADMSG},
	{"IPv4: a wheel reference in the flags", HEAD + 30, LA_TW_WHEEL, 2, -EBADMSG},
	{"IPv6: more time left than the lifetime", FIRST6 + 48, UINT32_MAX, 4, -EBADMSG},
	{"IPv4, FIN_WAIT_2: a wheel reference", HEAD + 30, LA_TW_FW2 | LA_TW_WHEEL, 2, -EBADMSG},
	{"IPv6: an unknown class", FIRST6 + 54, 15 << LA_TW_CLASS_SHIFT, 2, -EBADMSG},
	{"IPv6: a zombie", FIRST6 + 54, LA_TW_ZOMBIE, 2, -EBADMSG},
	{"more IPv4 entries than follow", 0, 100, 4, -ENODATA},
	{"more IPv6 entries than follow", 4, 4, 4, -ENODATA},
};

static void
save_three_of_each(struct stream *s)
{
	fx_init(&from, 8, 8, 512, 1000);
	for (unsigned i = 1; i <= 6; i++)
		fx_time_wait(&from, i, i <= 3, 100);
	save(&from, s);
	cr_assert_eq(s->len, FIRST6 + 3 * 56);
	fx_fini(&from);
}

Test(table, impossible_entries)
{
	struct stream s = {0};
	uint8_t old[4];

	save_three_of_each(&s);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(old, s.p + bad[i].at, 4);
		memcpy(s.p + bad[i].at, &bad[i].value, bad[i].bytes);
		fx_init(&to, 8, 8, 512, 1000);
		cr_assert_eq(load(&to, &s, 0), bad[i].rc, "%s", bad[i].text);
		fx_fini(&to); /* also runs the checkers of the table */
		memcpy(s.p + bad[i].at, old, 4);
	}
	stream_free(&s);
}

/* An IPv4-mapped address in an IPv6 entry is refused: the IPv4 tuple could have two entries. */
Test(table, mapped)
{
	struct la_addr mapped = la_addr_from4(0x0100000a);
	struct stream s = {0};

	save_three_of_each(&s);
	for (unsigned side = 0; side < 2; side++) {
		struct la_addr old;

		memcpy(&old, s.p + FIRST6 + 16 * side, 16);
		memcpy(s.p + FIRST6 + 16 * side, &mapped, 16);
		fx_init(&to, 8, 8, 512, 1000);
		cr_assert_eq(load(&to, &s, 0), -EBADMSG);
		fx_fini(&to);
		memcpy(s.p + FIRST6 + 16 * side, &old, 16);
	}
	stream_free(&s);
}

Test(table, twice)
{
	static const size_t first[] = {HEAD, FIRST6}, size[] = {32, 56};
	struct stream s = {0};

	for (unsigned i = 0; i < 2; i++) {
		save_three_of_each(&s);
		memcpy(s.p + first[i] + size[i] * 2, s.p + first[i], size[i]);
		fx_init(&to, 8, 8, 512, 1000);
		cr_assert_eq(load(&to, &s, 0), -EEXIST);
		cr_assert_eq(FX_COUNT(&to, time_wait), 2 + 3 * i);
		fx_fini(&to);
		stream_free(&s);
	}
}

Test(table, no_room)
{
	struct stream s = {0};

	save_three_of_each(&s);
	for (unsigned i = 0; i < 2; i++) {
		fx_init(&to, i ? 8 : 2, i ? 2 : 8, 512, 1000);
		cr_assert_eq(load(&to, &s, 0), -ENOBUFS);
		cr_assert_eq(FX_COUNT(&to, tw_reserve_exhausted), 1);
		fx_fini(&to);
	}
	fx_init(&to, 1, 1, 512, 1100); /* expired entries need no room */
	cr_assert_eq(load(&to, &s, 100), 0);
	cr_assert_eq(FX_COUNT(&to, time_wait_lapsed), 6);
	fx_fini(&to);
	stream_free(&s);
}

/* The index is too small: its buckets are full before the pool is full. */
Test(table, index_full)
{
	struct stream s = {0};
	struct la_index small;

	fx_init(&from, 3000, 8, 512, 1000);
	for (unsigned i = 1; i <= 3000; i++)
		fx_time_wait(&from, i, true, 100);
	save(&from, &s);
	fx_init(&to, 3000, 8, 512, 1000);
	cr_assert_eq(la_index_init(&small, NULL, 500), 0);
	la_index_fini(&to.index);
	to.index = small;
	cr_assert_eq(load(&to, &s, 0), -ENOBUFS);
	cr_assert_eq(FX_COUNT(&to, index_full), 1);
	cr_assert_eq(FX_COUNT(&to, tw_reserve_exhausted), 0);
	cr_assert_eq(to.tw.pool[0].reserved, 0);
	fx_fini(&to);
	fx_fini(&from);
	stream_free(&s);
}

/* The new table has 16 classes. Only the lifetimes of entries that are loaded use a class. */
Test(table, classes)
{
	struct stream s = {0};

	fx_init(&from, 32, 8, 4096, 1000);
	for (unsigned i = 1; i <= 16; i++)
		fx_time_wait(&from, i, true, 100 * i);
	save(&from, &s);
	fx_init(&to, 32, 8, 4096, 1150);
	cr_assert_eq(la_tw_class(&to.tw, 5), 0);
	cr_assert_eq(load(&to, &s, 150), 0);
	cr_assert_eq(FX_COUNT(&to, time_wait_lapsed), 1);
	fx_fini(&to);
	fx_init(&to, 32, 8, 4096, 1000);
	cr_assert_eq(la_tw_class(&to.tw, 5), 0);
	cr_assert_eq(load(&to, &s, 0), -ENOSPC);
	fx_fini(&to);
	fx_fini(&from);
	stream_free(&s);
}

/* An error of the stream at any offset, or its end, is returned. */
Test(table, errors_pass)
{
	struct stream s = {0}, cut;
	size_t len;

	fx_init(&from, 200, 200, 512, 1000);
	for (unsigned i = 1; i <= 300; i++)
		fx_time_wait(&from, i, i % 2, 100);
	save(&from, &s);
	len = s.len;
	for (size_t at = 1; at < len; at += 97) {
		cut = (struct stream){.fail_at = at};
		cr_assert_eq(la_tw_export(&from.tw, from.now, stream_write, &cut), -EIO);
		stream_free(&cut);
		cut = s;
		cut.fail_at = at;
		fx_init(&to, 200, 200, 512, 1000);
		cr_assert_eq(load(&to, &cut, 0), -EIO);
		fx_fini(&to);
		cut = s;
		cut.len = at;
		fx_init(&to, 200, 200, 512, 1000);
		cr_assert_eq(load(&to, &cut, 0), -ENODATA);
		fx_fini(&to);
	}
	fx_fini(&from);
	stream_free(&s);
}
