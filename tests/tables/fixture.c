/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>

#include "fixture.h"

void
fx_init(struct fx *fx, uint32_t capacity4, uint32_t capacity6, uint32_t nslots, uint32_t now)
{
	static const uint8_t secret[32] = {"the tests' secret"};

	memset(fx, 0, sizeof(*fx));
	fx->now = now;
	la_hash_key_init(&fx->key, secret);
	cr_assert_eq(la_index_init(&fx->index, NULL, capacity4 + capacity6 + FX_TCBS), 0);
	cr_assert_eq(la_wheel_init(&fx->wheel, NULL, nslots, capacity4 + capacity6, now), 0);
	cr_assert_eq(la_tw_init(&fx->tw, NULL, &fx->index, &fx->wheel, &fx->key, &fx->counters, capacity4, capacity6),
		     0);
}

static void
tuple_of(const struct fx *fx, la_ref ref, struct la_tuple *t)
{
	if (la_ref_pool(ref) == LA_POOL_TCB)
		*t = fx->tcb[la_ref_slot(ref)];
	else
		la_tw_tuple(&fx->tw, ref, t);
}

static uint64_t
hash_of(const void *ctx, la_ref ref)
{
	const struct fx *fx = ctx;
	struct la_tuple t;

	tuple_of(fx, ref, &t);
	return fx_hash(fx, &t);
}

void
fx_check(const struct fx *fx, const char *text)
{
	cr_assert_eq(la_wheel_check(&fx->wheel, stderr), 0, "%s", text);
	cr_assert_eq(la_tw_check(&fx->tw, stderr), 0, "%s", text);
	cr_assert_eq(la_index_check(&fx->index, hash_of, fx, stderr), 0, "%s", text);
	cr_assert_eq(FX_COUNT(fx, early_recycles), 0, "%s", text);
}

void
fx_fini(struct fx *fx)
{
	fx_check(fx, "at the end");
	la_tw_fini(&fx->tw);
	la_wheel_fini(&fx->wheel);
	la_index_fini(&fx->index);
}

struct la_tuple
fx_tuple(uint32_t n, bool is4)
{
	struct la_tuple t = {.lport = 80, .rport = (uint16_t)(1024 + n % 60000)};

	if (is4) {
		t.laddr = la_addr_from4(0x0100000a);
		t.raddr = la_addr_from4(0x0200000a + (n / 60000 << 16));
	} else {
		t.laddr.b[0] = t.raddr.b[0] = 0xfd;
		t.laddr.b[15] = 1;
		t.raddr.b[15] = 2;
	}
	return t;
}

/* Not memcmp: a tuple has padding at its end. */
bool
fx_same(const struct la_tuple *a, const struct la_tuple *b)
{
	return la_addr_eq(&a->laddr, &b->laddr) && la_addr_eq(&a->raddr, &b->raddr) && a->lport == b->lport &&
	       a->rport == b->rport;
}

uint64_t
fx_hash(const struct fx *fx, const struct la_tuple *t)
{
	return la_hash_tuple(&fx->key, t);
}

static bool
same_tuple(const void *ctx, la_ref ref, const void *key)
{
	const struct fx *fx = ctx;
	const struct la_tuple *t = key;

	switch (la_ref_pool(ref)) {
	case LA_POOL_TW4:
		return la_addr_is4(&t->laddr) &&
		       la_tw_match4(&fx->tw, ref, t->laddr.w[3], t->raddr.w[3], t->lport, t->rport);
	case LA_POOL_TW6:
		return la_tw_match6(&fx->tw, ref, &t->laddr, &t->raddr, t->lport, t->rport);
	default:
		return fx_same(&fx->tcb[la_ref_slot(ref)], t);
	}
}

la_ref
fx_lookup(struct fx *fx, const struct la_tuple *t)
{
	la_ref *place = la_index_find(&fx->index, fx_hash(fx, t), same_tuple, fx, t);

	return place ? *place : 0;
}

bool
fx_open(struct fx *fx, uint32_t n, const struct la_tuple *t)
{
	if (!la_tw_reserve(&fx->tw, &t->raddr))
		return false;
	fx->tcb[n] = *t;
	cr_assert_eq(la_index_insert(&fx->index, fx_hash(fx, t), la_ref_make(LA_POOL_TCB, n)), 0);
	return true;
}

void
fx_close(struct fx *fx, uint32_t n)
{
	const struct la_tuple *t = &fx->tcb[n];

	la_tw_unreserve(&fx->tw, &t->raddr);
	cr_assert(la_index_remove(&fx->index, fx_hash(fx, t), la_ref_make(LA_POOL_TCB, n)));
}

la_ref
fx_enter(struct fx *fx, uint32_t n, const struct la_tw_core *state, uint32_t lifetime)
{
	const struct la_tuple *t = &fx->tcb[n];

	return la_tw_enter(&fx->tw, t, fx_hash(fx, t), la_ref_make(LA_POOL_TCB, n), state, fx->now,
			   la_tw_class(&fx->tw, lifetime));
}

la_ref
fx_time_wait(struct fx *fx, uint32_t n, bool is4, uint32_t lifetime)
{
	const struct la_tw_core state = {.snd_nxt = 1000, .rcv_nxt = 5000, .wnd = 512};
	struct la_tuple t = fx_tuple(n, is4);

	cr_assert(fx_open(fx, n, &t));
	return fx_enter(fx, n, &state, lifetime);
}

void
fx_advance(struct fx *fx, uint32_t tick)
{
	la_ref refs[40];
	uint32_t at;
	unsigned n;

	fx->now = tick;
	while ((n = la_wheel_pop(&fx->wheel, tick, refs, 40, &at)) > 0)
		la_tw_wheel_burst(&fx->tw, refs, n, at);
}

struct la_seg
fx_seg(const struct fx *fx, la_ref ref, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct la_tuple t;

	tuple_of(fx, ref, &t);
	return (struct la_seg){
		.src = t.raddr,
		.dst = t.laddr,
		.sport = t.rport,
		.dport = t.lport,
		.is4 = la_addr_is4(&t.laddr),
		.hash = fx_hash(fx, &t),
		.flags = flags,
		.seq = seq,
		.ack = ack,
		.wnd = 1024,
	};
}
