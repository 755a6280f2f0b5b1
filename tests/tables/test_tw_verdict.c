/* SPDX-License-Identifier: BSD-3-Clause */

/* The verdict on a segment for a TIME_WAIT entry. The name of a row begins with the rule's id in
 * docs/conformance.md. R is rcv_nxt, N is snd_nxt, W is the window, T is TS.Recent. */

#include <string.h>

#include "fixture.h"

enum {
	LIFETIME = 60000,
	START = 1000000,
	LATER = 5000, /* ticks from the entry into TIME_WAIT to the segment */
	W = 512 << 7,
	T = 70000,
};

enum opt { NO_TS, TS };

struct row {
	const char *name;
	enum opt old; /* timestamps of the old incarnation */
	uint8_t flags;
	int32_t seq; /* relative to R */
	int32_t ack; /* relative to N */
	uint16_t len;
	enum opt opt;
	int32_t tsval; /* relative to T */
	enum la_tw_verdict verdict;
	enum la_counter counter; /* grows; NONE: none. With LA_TW_ACK `acked` grows, too, unless this is `fin_acked` */
	bool restarts;
	int32_t ts_recent; /* TS.Recent after the segment, relative to T */
};

#define NONE LA_NCOUNTERS
#define ACK LA_ACK
#define FA (LA_FIN | LA_ACK)
#define DROP LA_TW_DROP
#define CHK LA_TW_ACK
#define OPEN LA_TW_REOPEN
#define C(name) LA_C_time_wait_##name

static const struct row rows[] = {
	/* the peer's repeated FIN: the purpose of TIME_WAIT */
	{"TW-03, M-TWT-k: F. seq=R-1", NO_TS, FA, -1, 0, 0, NO_TS, 0, CHK, C(fin_acked), true, 0},
	{"TW-03: with TS", TS, FA, -1, 0, 0, TS, 0, CHK, C(fin_acked), true, 0},
	{"TW-25: newer TSval is stored", TS, FA, -1, 0, 0, TS, 250, CHK, C(fin_acked), true, 250},
	{"TW-03: data, and FIN at R-1", NO_TS, FA, -101, 0, 100, NO_TS, 0, CHK, C(fin_acked), true, 0},
	{"TW-03: does not acknowledge our FIN (CLOSING)", NO_TS, FA, -1, -1, 0, NO_TS, 0, CHK, C(fin_acked), true, 0},
	{"TW-03: with PSH", NO_TS, FA | LA_PSH, -1, 0, 0, NO_TS, 0, CHK, C(fin_acked), true, 0},
	{"TW-08: repeated FIN with an ACK above N", NO_TS, FA, -1, 1, 0, NO_TS, 0, CHK, NONE, false, 0},
	{"TW-24: F. seq=R-1 with an old TSval", TS, FA, -1, 0, 0, TS, -1, CHK, C(paws), false, 0},
	{"7323 3.2: F. seq=R-1 without the timestamp", TS, FA, -1, 0, 0, NO_TS, 0, DROP, C(ignored), false, 0},
	{"FIN without ACK", NO_TS, LA_FIN, -1, 0, 0, NO_TS, 0, DROP, C(ignored), false, 0},

	/* other FINs */
	{"M-TWT-i: F. seq=R", NO_TS, FA, 0, 0, 0, NO_TS, 0, CHK, NONE, false, 0},
	{"M-TWT-j: F. seq=R+100", NO_TS, FA, 100, 0, 0, NO_TS, 0, CHK, NONE, false, 0},
	{"M-TWT-k: F. seq=R+W", NO_TS, FA, W, 0, 0, NO_TS, 0, CHK, NONE, false, 0},
	{"F. seq=R-2", NO_TS, FA, -2, 0, 0, NO_TS, 0, CHK, NONE, false, 0},
	{"F. with data, and FIN at R", NO_TS, FA, -10, 0, 10, NO_TS, 0, CHK, NONE, false, 0},
	{"F. seq=R does not change TS.Recent", TS, FA, 0, 0, 0, TS, 9, CHK, NONE, false, 0},

	/* RST */
	{"TW-09, M-TWT-l: R seq=R", NO_TS, LA_RST, 0, 0, 0, NO_TS, 0, DROP, C(rst_ignored), false, 0},
	{"TW-09: R. seq=R ack=N", NO_TS, LA_RST | ACK, 0, 0, 0, NO_TS, 0, DROP, C(rst_ignored), false, 0},
	{"TW-11, M-TWT-m: R seq=R+1", NO_TS, LA_RST, 1, 0, 0, NO_TS, 0, DROP, C(rst_ignored), false, 0},
	{"M-TWT-n: R seq=R-1", NO_TS, LA_RST, -1, 0, 0, NO_TS, 0, DROP, C(rst_ignored), false, 0},
	{"M-TWT-n: R seq=R+W", TS, LA_RST, W, 0, 0, NO_TS, 0, DROP, C(rst_ignored), false, 0},
	{"R with an old TSval: no PAWS", TS, LA_RST, 0, 0, 0, TS, -5, DROP, C(rst_ignored), false, 0},
	{"R with SYN", NO_TS, LA_RST | LA_SYN, 100, 0, 0, NO_TS, 0, DROP, C(rst_ignored), false, 0},
	{"R with FIN", NO_TS, LA_RST | FA, -1, 0, 0, NO_TS, 0, DROP, C(rst_ignored), false, 0},

	/* SYN: RFC 6191 2 */
	{"TW-12: TS newer, ISN lower", TS, LA_SYN, -5000, 0, 0, TS, 1, OPEN, NONE, false, 0},
	{"TW-13: TS equal, ISN=R+1", TS, LA_SYN, 1, 0, 0, TS, 0, OPEN, NONE, false, 0},
	{"TW-13: TS equal, ISN=R", TS, LA_SYN, 0, 0, 0, TS, 0, OPEN, NONE, false, 0},
	{"TW-14: TS equal, ISN=R-1", TS, LA_SYN, -1, 0, 0, TS, 0, CHK, C(syn_refused), false, 0},
	{"TW-14: TS equal, ISN=R-1000", TS, LA_SYN, -1000, 0, 0, TS, 0, CHK, C(syn_refused), false, 0},
	{"TW-15: TS older, ISN above", TS, LA_SYN, 100000, 0, 0, TS, -1, CHK, C(syn_refused), false, 0},
	{"TW-16: TS, SYN without TS, ISN=R+1", TS, LA_SYN, 1, 0, 0, NO_TS, 0, OPEN, NONE, false, 0},
	{"TW-16: TS, SYN without TS, ISN=R-1", TS, LA_SYN, -1, 0, 0, NO_TS, 0, CHK, C(syn_refused), false, 0},
	{"TW-17: no TS, SYN with TS, ISN lower", NO_TS, LA_SYN, -5000, 0, 0, TS, -9, OPEN, NONE, false, 0},
	{"TW-18: no TS, ISN=R+1", NO_TS, LA_SYN, 1, 0, 0, NO_TS, 0, OPEN, NONE, false, 0},
	{"TW-18, M-TWT-a: no TS, ISN=R", NO_TS, LA_SYN, 0, 0, 0, NO_TS, 0, OPEN, NONE, false, 0},
	{"TW-18, M-TWT-b: no TS, ISN=R-1", NO_TS, LA_SYN, -1, 0, 0, NO_TS, 0, CHK, C(syn_refused), false, 0},
	{"TW-19: ISN=R+2^31-2", NO_TS, LA_SYN, INT32_MAX - 1, 0, 0, NO_TS, 0, OPEN, NONE, false, 0},
	{"TW-19: ISN=R+2^31-1", NO_TS, LA_SYN, INT32_MAX, 0, 0, NO_TS, 0, CHK, C(syn_refused), false, 0},
	{"SYN with ECN bits and data", NO_TS, LA_SYN | LA_ECE | LA_CWR, 7, 0, 20, NO_TS, 0, OPEN, NONE, false, 0},
	{"M-TWT-c: S. newer", NO_TS, LA_SYN | ACK, 10, 0, 0, NO_TS, 0, CHK, C(syn_refused), false, 0},
	{"M-TWT-c: S. with newer TS", TS, LA_SYN | ACK, 10, 0, 0, TS, 10, CHK, C(syn_refused), false, 0},
	{"SYN+FIN newer", NO_TS, LA_SYN | LA_FIN, 10, 0, 0, NO_TS, 0, CHK, C(syn_refused), false, 0},
	{"SYN+FIN+ACK seq=R-1", NO_TS, LA_SYN | FA, -1, 0, 0, NO_TS, 0, CHK, C(syn_refused), false, 0},

	/* bare ACKs */
	{"M-TWT-e: ack=N seq=R", NO_TS, ACK, 0, 0, 0, NO_TS, 0, DROP, C(ignored), false, 0},
	{"M-TWT-e: with newer TS", TS, ACK, 0, 0, 0, TS, 40, DROP, C(ignored), false, 40},
	{"M-TWT-e: older ack", NO_TS, ACK, 0, -300, 0, NO_TS, 0, DROP, C(ignored), false, 0},
	{"TW-08, M-TWT-f: ack=N+1", NO_TS, ACK, 0, 1, 0, NO_TS, 0, CHK, NONE, false, 0},
	{"TW-08: does not change TS.Recent", TS, ACK, 0, 1, 0, TS, 40, CHK, NONE, false, 0},
	{"M-TWT-h: probe, seq=R-1", NO_TS, ACK, -1, 0, 0, NO_TS, 0, CHK, NONE, false, 0},
	{"M-TWT-h: seq=R+W", NO_TS, ACK, W, 0, 0, NO_TS, 0, CHK, NONE, false, 0},
	{"TW-24: old TSval", TS, ACK, 0, 0, 0, TS, -1, CHK, C(paws), false, 0},
	{"TW-24: TSval=T-2^31", TS, ACK, 0, 0, 0, TS, INT32_MIN, CHK, C(paws), false, 0},
	{"7323 3.2: no timestamp", TS, ACK, -1, 0, 0, NO_TS, 0, DROP, C(ignored), false, 0},
	{"no TS, segment with TS", NO_TS, ACK, 0, 0, 0, TS, -70000, DROP, C(ignored), false, 0},

	/* data */
	{"TW-07, M-TWT-o: data seq=R", NO_TS, ACK, 0, 0, 10, NO_TS, 0, CHK, NONE, false, 0},
	{"TW-07: does not change TS.Recent", TS, ACK, 0, 0, 10, TS, 5, CHK, NONE, false, 0},
	{"M-TWT-p: data above a hole", NO_TS, ACK, 50, 0, 10, NO_TS, 0, CHK, NONE, false, 0},
	{"TW-06, M-TWT-q: old data", NO_TS, ACK, -100, 0, 50, NO_TS, 0, CHK, NONE, false, 0},
	{"M-TWT-q: old data up to R", NO_TS, ACK, -50, 0, 50, NO_TS, 0, CHK, NONE, false, 0},
	{"TW-06, M-TWT-r: data seq=R+W", NO_TS, ACK, W, 0, 10, NO_TS, 0, CHK, NONE, false, 0},
	{"M-TWT-g: ack=N-10000000, with data", NO_TS, ACK, 0, -10000000, 10, NO_TS, 0, CHK, NONE, false, 0},
	{"M-TWT-s: no ACK bit, data", NO_TS, LA_PSH, 0, 0, 10, NO_TS, 0, DROP, C(ignored), false, 0},
	{"M-TWT-s: no bit at all", NO_TS, 0, 0, 0, 0, NO_TS, 0, DROP, C(ignored), false, 0},
};

/* All counters of the verdicts. Counters that a row does not expect must not grow. */
static const enum la_counter watched[] = {
	C(fin_acked), C(acked), C(rst_ignored), C(syn_refused), C(ignored), C(throttled), C(paws),
};

static void
run_row(const struct row *row, bool is4, uint32_t r, uint32_t n, uint32_t ts, uint32_t start)
{
	static struct fx fx;
	struct la_tw_core state = {
		.snd_nxt = n,
		.rcv_nxt = r,
		.ts_recent = ts,
		.wnd = 512,
		.flags = row->old == TS ? LA_TW_TS : 0,
	};
	struct la_tuple t = fx_tuple(3, is4);
	uint64_t before[LA_NCOUNTERS];
	struct la_tw_core *e, was;
	struct la_seg seg;
	la_ref ref;

	fx_init(&fx, 4, 4, 1 << 13, start); /* shorter than a lifetime */
	cr_assert(fx_open(&fx, 1, &t));
	ref = fx_enter(&fx, 1, &state, LIFETIME);
	e = la_tw_core(&fx.tw, ref);
	fx_advance(&fx, start + LATER);
	was = *e;
	memcpy(before, fx.counters.v, sizeof(before));

	seg = fx_seg(&fx, ref, row->flags, r + row->seq, n + row->ack);
	seg.len = row->len;
	seg.opts = row->opt == TS ? LA_OPT_TS : 0;
	seg.tsval = ts + row->tsval;
	cr_assert_eq(la_tw_input(&fx.tw, ref, &seg, fx.now), row->verdict, "%s", row->name);

	cr_assert_eq(e->deadline, was.deadline + (row->restarts ? LATER : 0), "%s", row->name);
	cr_assert_eq(e->ts_recent, ts + row->ts_recent, "%s", row->name);
	cr_assert_eq(la_tw_life(e), LA_TW_LIVE, "%s", row->name);
	cr_assert(e->snd_nxt == n && e->rcv_nxt == r && e->wnd == 512, "%s", row->name);
	for (unsigned i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		enum la_counter c = watched[i];
		bool counts = c == row->counter ||
			      (c == C(acked) && row->verdict == CHK && row->counter != C(fin_acked));

		cr_assert_eq(fx.counters.v[c] - before[c], counts, "%s: %s", row->name, la_counter_name(c));
	}
	cr_assert_eq(fx_lookup(&fx, &t), ref, "%s", row->name);
	fx_fini(&fx);
}

#define RUN(is4, r, n, ts, start)                                        \
	for (unsigned i_ = 0; i_ < sizeof(rows) / sizeof(rows[0]); i_++) \
	run_row(&rows[i_], is4, r, n, ts, start)

Test(tw_verdict, ipv4)
{
	RUN(true, 5000000, 10000000, T, START);
}

Test(tw_verdict, ipv6)
{
	RUN(false, 5000000, 10000000, T, START);
}

/* H-10: sequence numbers, timestamps and ticks just before and just after they wrap. */
Test(tw_verdict, wrapped)
{
	for (uint32_t d = 0; d < 3; d++) {
		RUN(true, 0 - d, 0 - d, T, START);
		RUN(true, 1 - d, 0, 0 - d, 0 - LATER - d);
		RUN(false, 0x80000000u - d, 0x80000001u - d, 0x80000000u - d, 0 - LIFETIME);
	}
}

/* TW-19 with fixed numbers: the peer's FIN had SEQ 0xffffffff. */
Test(tw_verdict, tw_19)
{
	static const struct {
		uint32_t isn;
		enum la_tw_verdict verdict;
	} t[] = {{5, OPEN}, {0x7fffff00, OPEN}, {0x80000010, CHK}, {0xffffffff, CHK}, {0, OPEN}};
	static struct fx fx;

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct la_tw_core state = {.rcv_nxt = 0, .snd_nxt = 77};
		struct la_tuple tuple = fx_tuple(1, true);
		struct la_seg seg;
		la_ref ref;

		fx_init(&fx, 4, 4, 64, START);
		cr_assert(fx_open(&fx, 1, &tuple));
		ref = fx_enter(&fx, 1, &state, LIFETIME);
		seg = fx_seg(&fx, ref, LA_SYN, t[i].isn, 0);
		cr_assert_eq(la_tw_input(&fx.tw, ref, &seg, fx.now), t[i].verdict, "%08x", t[i].isn);
		fx_fini(&fx);
	}
}

/* ------------------------------------------------------------------ the throttle */

/* TW-33: for any number of segments, answers are 257 to 512 ms apart. */
Test(tw_verdict, answers_to_a_flood_are_throttled)
{
	static const uint32_t starts[] = {0, 1, 255, 256, 1000000, 0u - 30000};
	static struct fx fx;

	for (unsigned s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
		uint32_t last = 0, answers = 0;
		struct la_seg seg;
		la_ref ref;

		fx_init(&fx, 4, 4, 1 << 18, starts[s]);
		ref = fx_time_wait(&fx, 1, true, 240000);
		seg = fx_seg(&fx, ref, LA_ACK, 4999, 1000);
		for (uint32_t ms = 0; ms < 200000; ms++) {
			uint32_t tick = starts[s] + ms;

			if (la_tw_input(&fx.tw, ref, &seg, tick) != LA_TW_ACK)
				continue;
			if (answers > 0)
				cr_assert(tick - last >= 257, "%u ms after the last", tick - last);
			/* up to 256 ms more where the ticks wrap */
			if (answers > 0)
				cr_assert(tick - last <= 512 + (tick < last ? 256 : 0), "%u ms", tick - last);
			last = tick;
			answers++;
		}
		cr_assert(answers >= 200000 / 512 && answers <= 200000 / 257 + 1, "%u", answers);
		cr_assert_eq(FX_COUNT(&fx, time_wait_acked), answers);
		cr_assert_eq(FX_COUNT(&fx, time_wait_throttled), 200000 - answers);
		/* TW-05: no segment moved the deadline */
		cr_assert_eq(la_tw_core(&fx.tw, ref)->deadline, starts[s] + 240000);
		fx_fini(&fx);
	}
}

/* TW-03: every repeated FIN is answered, regardless of the throttle. */
Test(tw_verdict, repeated_fin_is_never_throttled)
{
	static struct fx fx;
	struct la_seg fin, old, syn;
	la_ref ref;

	fx_init(&fx, 4, 4, 1 << 17, START);
	ref = fx_time_wait(&fx, 1, true, LIFETIME);
	fin = fx_seg(&fx, ref, FA, 4999, 1000);
	old = fx_seg(&fx, ref, ACK, 4000, 1000);
	syn = fx_seg(&fx, ref, LA_SYN, 4000, 0);
	cr_assert_eq(la_tw_input(&fx.tw, ref, &old, START), LA_TW_ACK);
	for (uint32_t i = 1; i <= 50; i++) {
		cr_assert_eq(la_tw_input(&fx.tw, ref, &fin, START + i), LA_TW_ACK);
		cr_assert_eq(la_tw_input(&fx.tw, ref, &old, START + i), LA_TW_DROP);
		cr_assert_eq(la_tw_input(&fx.tw, ref, &syn, START + i), LA_TW_DROP);
	}
	cr_assert_eq(FX_COUNT(&fx, time_wait_fin_acked), 50);
	cr_assert_eq(FX_COUNT(&fx, time_wait_throttled), 100);
	cr_assert_eq(FX_COUNT(&fx, time_wait_syn_refused), 50);
	cr_assert_eq(FX_COUNT(&fx, time_wait_acked), 1);
	fx_fini(&fx);
}

/* Each entry has its own throttle: a flood on one does not stop the answers of another. */
Test(tw_verdict, throttle_is_per_entry)
{
	static struct fx fx;
	struct la_seg a, b;
	la_ref ra, rb;

	fx_init(&fx, 4, 4, 1 << 17, START);
	ra = fx_time_wait(&fx, 1, true, LIFETIME);
	rb = fx_time_wait(&fx, 2, true, LIFETIME);
	a = fx_seg(&fx, ra, ACK, 4999, 1000);
	b = fx_seg(&fx, rb, ACK, 4999, 1000);
	cr_assert_eq(la_tw_input(&fx.tw, ra, &a, START), LA_TW_ACK);
	cr_assert_eq(la_tw_input(&fx.tw, ra, &a, START), LA_TW_DROP);
	cr_assert_eq(la_tw_input(&fx.tw, rb, &b, START), LA_TW_ACK);
	fx_fini(&fx);
}
