/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_TABLES_H
#define TEST_TABLES_H

#include "tcp/hold.h"

/** The hash of whatever the reference names: what la_index_check() needs to know of a shard, ctx being its
 * struct la_tcp. */
static inline uint64_t
tcp_hash_of(const void *ctx, la_ref ref)
{
	const struct la_tcp *t = ctx;
	struct la_tuple tuple;

	if (la_ref_pool(ref) == LA_POOL_TCB)
		return la_tcb_hash(&t->tcbs[la_ref_slot(ref)]);
	la_tw_tuple(&t->tw, ref, &tuple);
	return la_hash_tuple(&t->key, &tuple);
}

/** Every checker of the tables below a shard's TCP: index, TIME_WAIT, delayed ACKs, buffers held, and (`timers`: a quarter
 * of a million slots) the wheel. How many faults they have told f of. */
static inline unsigned
tcp_check(const struct la_tcp *t, bool timers, FILE *f)
{
	unsigned faults = la_index_check(&t->index, tcp_hash_of, t, f) + la_tw_check(&t->tw, f) +
			  la_hold_check(t, f);

	if (timers)
		faults += la_wheel_check(&t->wheel, f);
	return faults + la_wheel_check(&t->delack, f);
}

#endif
