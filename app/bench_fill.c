/* SPDX-License-Identifier: BSD-3-Clause */

/* A TIME_WAIT table full of connections that never were, for what has to be seen with a hundred
 * million of them behind it.
 *
 * An entry enters as from a connection that ends here and now: a reference that no TCB ever has
 * stands in the index until la_tw_enter() overwrites it. The tick given to it is the one at which
 * its 2*MSL began, some time ago. A random place in the index is a cache miss: a chunk's are on
 * their way before the first is needed. */

#include <rte_byteorder.h>

#include "bench_gen.h"
#include "net/shard.h"

enum { CHUNK = 64, OTHER_PORTS = 60000 };

struct one {
	struct la_tuple tuple;
	struct la_tw_core state;
	uint64_t hash;
	uint32_t left;
};

static void
describe(struct one *o, uint64_t i, uint32_t lifetime, bool mine)
{
	uint64_t r = bench_mix64(i + 1);

	o->tuple.laddr = la_addr_from4(RTE_BE32(0x0a4d0002));
	o->tuple.lport = BENCH_PORT;
	if (mine) {
		o->tuple.raddr = la_addr_from4(gen_tuple((uint32_t)i, &o->tuple.rport));
		o->left = lifetime;
	} else {
		o->tuple.raddr = la_addr_from4(rte_cpu_to_be_32(0x0b000000 + (uint32_t)(i / OTHER_PORTS)));
		o->tuple.rport = (uint16_t)(1024 + i % OTHER_PORTS);
		o->left = 1 + (uint32_t)((r >> 24) % lifetime);
	}
	o->state = (struct la_tw_core){.snd_nxt = bench_fill_snd_nxt(i),
				       .rcv_nxt = bench_fill_rcv_nxt(i),
				       .wnd = 512};
}

static int
enter(struct la_tcp *t, const struct one *o, int class, uint32_t lifetime)
{
	const la_ref nobody = la_ref_make(LA_POOL_TCB, LA_REF_SLOT_MASK);

	if (!la_tw_reserve(&t->tw, true))
		return -1;
	if (la_index_insert(&t->index, o->hash, nobody) != 0) {
		la_tw_unreserve(&t->tw, true);
		return -1;
	}
	la_tw_enter(&t->tw, &o->tuple, o->hash, nobody, &o->state, t->tick + o->left - lifetime, class);
	return 0;
}

int
bench_fill(struct server *sv, uint64_t n, uint32_t lifetime, bool mine)
{
	struct la_tcp *t = &sv->shard->tcp;
	struct one chunk[CHUNK] = {0};
	int class = la_tw_class(&t->tw, lifetime);

	for (uint64_t i = 0; i < n && class >= 0; i += CHUNK) {
		unsigned k = n - i < CHUNK ? (unsigned)(n - i) : (unsigned)CHUNK;

		for (unsigned j = 0; j < k; j++) {
			struct one *o = &chunk[j];

			describe(o, i + j, lifetime, mine);
			o->hash = la_hash_tuple(&t->key, &o->tuple);
			la_index_prefetch(&t->index, o->hash);
		}
		for (unsigned j = 0; j < k; j++) {
			if (enter(t, &chunk[j], class, lifetime) != 0)
				class = -1;
		}
	}
	if (class < 0)
		bench_fault(sv->b, "the TIME_WAIT table is full before its %lu entries are in",
			    (unsigned long)n);
	return class < 0 ? -1 : 0;
}

static void
touch(const void *p, size_t size)
{
	for (size_t at = 0; at < size; at += 4096)
		(void)*((const volatile uint8_t *)p + at);
}

/* A virtual machine's host may unmap what nobody has touched for seconds, and a table stands still
 * while others are measured: the first access then costs 20 000 cycles, and is the host's. */
void
bench_wake(const struct server *sv)
{
	const struct la_tcp *t = &sv->shard->tcp;

	touch(t->tw.pool[0].slots, (size_t)t->tw.pool[0].fresh * sizeof(struct la_tw4));
	touch(t->index.buckets, la_index_memory(t->index.capacity));
	touch(t->wheel.chunks, (size_t)t->wheel.fresh_chunk * sizeof(struct la_wheel_chunk));
}
