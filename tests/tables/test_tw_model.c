/* SPDX-License-Identifier: BSD-3-Clause */

/* The TIME_WAIT table, compared with a plain array that has a connection for each tuple, under random
 * events. After each event all checkers run, and the index must match the array for every tuple. */

#include <string.h>

#include "fixture.h"

#include "../core/rng.h"

enum { CONNS = 60, STEPS = 3000 };

/* The expected state of a tuple. */
enum is { NOTHING, OPEN, TIME_WAIT, REOPENING };

struct conn {
	enum is is;
	struct la_tuple tuple;
	bool is4;
	uint32_t lifetime, deadline;
	la_ref ref;   /* TIME_WAIT, REOPENING */
	uint32_t tcb; /* OPEN, REOPENING */
	uint32_t ts_recent;
	bool ts;
};

struct model {
	struct fx fx;
	struct conn c[CONNS];
	uint32_t capacity[2], tcbs;
	uint64_t entered, expired, reopened, given_back, refused, peak;
	struct rng r;
	char last[100]; /* the present step, for failure messages */
};

static struct model m;
static uint64_t reopened, given_back; /* sums of all runs of a test; each must be more than 0 */

#define must(x) cr_assert(x, "seed %lu: %s: %s", m.r.seed, m.last, #x)

/* Slots in use, reopened entries included. They are not available for new entries or
 * reservations. */
static bool held[2][CONNS * 4];

static uint64_t
gauge(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < CONNS; i++)
		n += m.c[i].is == TIME_WAIT || m.c[i].is == REOPENING;
	return n;
}

/* Returns the number of reservations: each open connection has one. */
static uint32_t
reserved(bool is4)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < CONNS; i++)
		n += m.c[i].is4 == is4 && (m.c[i].is == OPEN || m.c[i].is == REOPENING);
	return n;
}

static uint32_t
slots_held(bool is4)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < CONNS * 4; i++)
		n += held[!is4][i];
	return n;
}

static uint32_t
new_tcb(void)
{
	return m.tcbs = m.tcbs % (FX_TCBS - 1) + 1;
}

static void
ev_open(struct conn *c)
{
	bool room = reserved(c->is4) + slots_held(c->is4) < m.capacity[!c->is4];

	c->tcb = new_tcb();
	must(fx_open(&m.fx, c->tcb, &c->tuple) == room);
	m.refused += !room;
	c->is = room ? OPEN : NOTHING;
}

static void
ev_enter(struct conn *c)
{
	static const uint32_t lifetimes[] = {1, 20, 300, 301, 5000};
	struct la_tw_core state = {.snd_nxt = 1000, .rcv_nxt = 5000};

	c->ts = rng_below(&m.r, 2);
	state.ts_recent = c->ts_recent = (uint32_t)rng64(&m.r);
	state.flags = c->ts ? LA_TW_TS : 0;
	c->lifetime = lifetimes[rng_below(&m.r, 5)];
	c->deadline = m.fx.now + c->lifetime;
	c->ref = fx_enter(&m.fx, c->tcb, &state, c->lifetime);
	must(!held[!c->is4][la_ref_slot(c->ref)]);
	held[!c->is4][la_ref_slot(c->ref)] = true;
	c->is = TIME_WAIT;
	m.entered++;
	if (gauge() > m.peak)
		m.peak = gauge();
}

static enum la_tw_verdict
input(struct conn *c, uint8_t flags, uint32_t seq, uint32_t ts_ahead)
{
	struct la_seg seg = fx_seg(&m.fx, c->ref, flags, seq, 1000);

	if (c->ts) {
		seg.opts = LA_OPT_TS;
		seg.tsval = c->ts_recent + ts_ahead;
	}
	return la_tw_input(&m.fx.tw, c->ref, &seg, m.fx.now);
}

/* Only a repeated FIN restarts 2*MSL. A reopen ends in a later event. */
static void
ev_segment(struct conn *c)
{
	uint32_t ahead = rng_below(&m.r, 3);

	switch (rng_below(&m.r, 6)) {
	case 0:
	case 1:
		must(input(c, LA_FIN | LA_ACK, 4999, ahead) == LA_TW_ACK);
		c->deadline = m.fx.now + c->lifetime;
		c->ts_recent += c->ts ? ahead : 0;
		break;
	case 2:
		must(input(c, LA_RST, 5000, 0) == LA_TW_DROP);
		break;
	case 3:
		must(input(c, LA_ACK, 4000 + rng_below(&m.r, 1000), ahead) != LA_TW_REOPEN);
		break;
	case 4:
		must(input(c, LA_SYN, 4000, 0) != LA_TW_REOPEN);
		break;
	default:
		must(input(c, LA_SYN, 5000, ahead) == LA_TW_REOPEN);
		if (!la_tw_reserve(&m.fx.tw, &c->tuple.raddr)) {
			m.refused++;
			break;
		}
		c->tcb = new_tcb();
		m.fx.tcb[c->tcb] = c->tuple;
		la_tw_shadow(&m.fx.tw, c->ref);
		must(la_index_replace(&m.fx.index, fx_hash(&m.fx, &c->tuple), c->ref,
				      la_ref_make(LA_POOL_TCB, c->tcb)));
		c->is = REOPENING;
	}
}

static void
ev_reopen_ends(struct conn *c)
{
	bool due = seq_ge(m.fx.now, c->deadline);

	switch (rng_below(&m.r, 2)) {
	case 0:
		la_tw_unreserve(&m.fx.tw, &c->tuple.raddr);
		la_tw_give_back(&m.fx.tw, c->ref, fx_hash(&m.fx, &c->tuple), la_ref_make(LA_POOL_TCB, c->tcb),
				m.fx.now);
		c->is = due ? NOTHING : TIME_WAIT;
		m.given_back += !due;
		m.expired += due;
		break;
	default:
		la_tw_forget(&m.fx.tw, c->ref);
		c->is = OPEN;
		m.reopened++;
	}
	if (due) /* ev_time() has emptied the wheel up to now, so no reference is left */
		held[!c->is4][la_ref_slot(c->ref)] = false;
}

static void
ev_time(void)
{
	static const uint32_t span[] = {2, 20, 400, 20000};
	uint32_t s = span[rng_below(&m.r, rng_below(&m.r, 8) ? 2 : 4)];

	fx_advance(&m.fx, m.fx.now + rng_below(&m.r, s));
	for (unsigned i = 0; i < CONNS; i++) {
		struct conn *c = &m.c[i];

		if (c->is == TIME_WAIT && seq_ge(m.fx.now, c->deadline)) {
			c->is = NOTHING;
			m.expired++;
		}
	}
	/* The wheel decides when a zombie's reference fires; the checkers verify that the
	 * reference exists. The model takes from the table which slots are free, and checks that
	 * the slots of its entries are not. */
	for (unsigned f = 0; f < 2; f++) {
		for (uint32_t i = 1; i < m.fx.tw.pool[f].fresh; i++) {
			la_ref ref = la_ref_make(f ? LA_POOL_TW6 : LA_POOL_TW4, i);

			held[f][i] = la_tw_life(la_tw_core(&m.fx.tw, ref)) != LA_TW_FREE;
		}
	}
	for (unsigned i = 0; i < CONNS; i++) {
		struct conn *c = &m.c[i];

		if (c->is == TIME_WAIT || c->is == REOPENING)
			must(held[!c->is4][la_ref_slot(c->ref)]);
	}
}

static void
step(void)
{
	struct conn *c = &m.c[rng_below(&m.r, CONNS)];

	if (rng_below(&m.r, 4) == 0) {
		ev_time();
	} else if (c->is == NOTHING) {
		ev_open(c);
	} else if (c->is == TIME_WAIT) {
		ev_segment(c);
	} else if (c->is == REOPENING) {
		ev_reopen_ends(c);
	} else if (rng_below(&m.r, 5) == 0) {
		fx_close(&m.fx, c->tcb);
		c->is = NOTHING;
	} else {
		ev_enter(c);
	}
}

static void
compare(void)
{
	for (unsigned i = 0; i < CONNS; i++) {
		const struct conn *c = &m.c[i];
		la_ref found = fx_lookup(&m.fx, &c->tuple);

		must(found == (c->is == NOTHING ? 0 : c->is == TIME_WAIT ? c->ref : la_ref_make(LA_POOL_TCB, c->tcb)));
		if (c->is != TIME_WAIT && c->is != REOPENING)
			continue;
		must(la_tw_core(&m.fx.tw, c->ref)->deadline == c->deadline);
		must(la_tw_core(&m.fx.tw, c->ref)->ts_recent == c->ts_recent);
	}
	must(FX_COUNT(&m.fx, time_wait) == gauge());
	must(FX_COUNT(&m.fx, time_wait_peak) == m.peak);
	must(FX_COUNT(&m.fx, time_wait_entered) == m.entered);
	must(FX_COUNT(&m.fx, time_wait_expired) == m.expired);
	must(FX_COUNT(&m.fx, time_wait_reopened) == m.reopened);
	must(FX_COUNT(&m.fx, time_wait_given_back) == m.given_back);
	must(FX_COUNT(&m.fx, tw_reserve_exhausted) == m.refused);
	must(m.fx.tw.pool[0].reserved == reserved(true));
	must(m.fx.tw.pool[1].reserved == reserved(false));
}

static void
run(uint64_t seed, uint32_t capacity4, uint32_t capacity6, uint32_t nslots, uint32_t now, unsigned steps)
{
	memset(&m, 0, sizeof(m));
	memset(held, 0, sizeof(held));
	m.r = rng_make(seed);
	m.capacity[0] = capacity4;
	m.capacity[1] = capacity6;
	fx_init(&m.fx, capacity4, capacity6, nslots, now);
	for (uint32_t i = 0; i < CONNS; i++) {
		m.c[i].is4 = i % 3 != 0;
		m.c[i].tuple = fx_tuple(i, m.c[i].is4);
	}
	for (unsigned n = 0; n < steps; n++) {
		snprintf(m.last, sizeof(m.last), "step %u, now %u", n, m.fx.now);
		step();
		compare();
		fx_check(&m.fx, m.last);
	}
	must(m.entered > 0 && m.expired > 0);
	reopened += m.reopened;
	given_back += m.given_back;

	/* an hour after the last event no slot is in use */
	for (unsigned i = 0; i < CONNS; i++)
		if (m.c[i].is == REOPENING) {
			la_tw_forget(&m.fx.tw, m.c[i].ref);
			m.c[i].is = OPEN;
		}
	fx_advance(&m.fx, m.fx.now + 3600 * 1000);
	must(m.fx.tw.pool[0].nfree == capacity4 && m.fx.tw.pool[1].nfree == capacity6);
	must(m.fx.wheel.count == 0);
	fx_fini(&m.fx);
}

Test(tw_model, scarce)
{
	for (uint64_t seed = 1; seed <= 8; seed++)
		run(seed, 12, 7, 1024, 0u - 5000, STEPS);
	cr_assert(reopened > 0 && given_back > 0);
}

Test(tw_model, ample)
{
	for (uint64_t seed = 20; seed <= 26; seed++)
		run(seed, 200, 100, 8192, 0x7ffff000u, STEPS);
	cr_assert(reopened > 0 && given_back > 0);
}

Test(tw_model, wheel_shorter_than_lifetimes)
{
	for (uint64_t seed = 40; seed <= 44; seed++)
		run(seed, 30, 20, 64, 0, STEPS);
	cr_assert(reopened > 0 && given_back > 0);
}
