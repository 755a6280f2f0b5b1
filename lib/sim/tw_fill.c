/* SPDX-License-Identifier: BSD-3-Clause */

/* An entry is added as at the end of a connection: the index gets a reference that no TCB uses, and
 * la_tw_enter() overwrites this reference. The tick passed to la_tw_enter() lies in the past: it is the
 * start of the entry's 2*MSL. Each access to the index is a cache miss, so the index lines of a chunk of
 * entries are prefetched. */

#include <errno.h>

#include "sim/tw_fill.h"

enum { CHUNK = 64 };

struct one {
	struct la_tuple tuple;
	struct la_tw_core state;
	uint64_t hash;
	uint32_t left;
};

static int
tw_fill_enter(struct la_tcp *t, const struct one *o, int class, uint32_t lifetime)
{
	const la_ref unowned = la_ref_make(LA_POOL_TCB, LA_REF_SLOT_MASK);

	if (!la_tw_reserve(&t->tw, &o->tuple.raddr))
		return -ENOBUFS;
	if (la_index_insert(&t->index, o->hash, unowned) != 0) {
		la_tw_unreserve(&t->tw, &o->tuple.raddr);
		return -ENOBUFS;
	}
	la_tw_enter(&t->tw, &o->tuple, o->hash, unowned, &o->state, t->tick + o->left - lifetime, class);
	return 0;
}

int
la_sim_tw_fill(struct la_shard *s, uint64_t n, uint32_t lifetime, la_sim_tw_entry *entry, void *ctx)
{
	struct la_tcp *t = &s->tcp;
	struct one chunk[CHUNK] = {0};
	int class = la_tw_class(&t->tw, lifetime), rc = 0;

	if (class < 0)
		return class;
	for (uint64_t i = 0; i < n && rc == 0; i += CHUNK) {
		unsigned k = n - i < CHUNK ? (unsigned)(n - i) : (unsigned)CHUNK;

		for (unsigned j = 0; j < k; j++) {
			struct one *o = &chunk[j];

			entry(ctx, i + j, &o->tuple, &o->state, &o->left);
			o->hash = la_hash_tuple(&t->key, &o->tuple);
			la_index_prefetch(&t->index, o->hash);
		}
		for (unsigned j = 0; j < k && rc == 0; j++)
			rc = tw_fill_enter(t, &chunk[j], class, lifetime);
	}
	return rc;
}
