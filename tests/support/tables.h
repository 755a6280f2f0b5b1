/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_TABLES_H
#define TEST_TABLES_H

#include "tcp/hold.h"

/** The hash of the tuple that the reference names, for la_index_check(). ctx is the shard's struct la_tcp. */
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

/** Checks that every prefix counter equals the prefix's TIME_WAIT entries and reservations. Returns the number of
 * faults printed to f. */
static inline unsigned
tcp_share_check(const struct la_tcp *t, FILE *f)
{
	uint32_t n[2][LA_TW_PREFIXES] = {0};
	unsigned faults = 0;

	for (unsigned i = 0; i < 2; i++)
		la_tw_share_entries(&t->tw, i, n[i]);
	for (uint32_t slot = 1; slot < t->tcb_fresh; slot++) {
		const struct la_tcb *c = &t->tcbs[slot];

		if (la_tcb_is_live(c))
			n[!c->is4][la_tw_prefix(&t->key, &c->raddr)]++;
	}
	for (unsigned i = 0; i < 2; i++)
		for (unsigned b = 0; b < LA_TW_PREFIXES; b++)
			if (n[i][b] != t->tw.held[i][b]) {
				fprintf(f, "tcp: pool %u: prefix counter %u is %u, should be %u\n", i, b,
					t->tw.held[i][b], n[i][b]);
				faults++;
			}
	return faults;
}

/** Runs every checker of the tables of a shard's TCP: TCBs, index, TIME_WAIT, prefix shares, delayed ACKs, held
 * buffers, and with `timers` the wheel (a quarter of a million slots). Returns the number of faults printed to f. */
static inline unsigned
tcp_check(const struct la_tcp *t, bool timers, FILE *f)
{
	unsigned faults = la_index_check(&t->index, tcp_hash_of, t, f) + la_tw_check(&t->tw, f) +
			  tcp_share_check(t, f) + la_tcb_check(t, f) + la_hold_check(t, f);

	if (timers)
		faults += la_wheel_check(&t->wheel, f);
	return faults + la_wheel_check(&t->delack, f);
}

#endif
