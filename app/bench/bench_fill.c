/* SPDX-License-Identifier: BSD-3-Clause */

/* Fills a TIME_WAIT table with entries that had no connection, for benches with up to a hundred
 * million entries. */

#include <rte_byteorder.h>

#include "bench/internal.h"
#include "net/shard.h"
#include "sim/tw_fill.h"

enum { OTHER_PORTS = 60000 };

struct filling {
	uint32_t lifetime;
	bool mine;
};

static void
fill_describe(void *ctx, uint64_t i, struct la_tuple *t, struct la_tw_core *state, uint32_t *left)
{
	const struct filling *f = ctx;

	t->laddr = la_addr_from4(RTE_BE32(0x0a4d0002));
	t->lport = BENCH_PORT;
	if (f->mine) {
		t->raddr = la_addr_from4(gen_tuple((uint32_t)i, &t->rport));
		*left = f->lifetime;
	} else {
		t->raddr = la_addr_from4(rte_cpu_to_be_32(0x0b000000 + (uint32_t)(i / OTHER_PORTS)));
		t->rport = (uint16_t)(1024 + i % OTHER_PORTS);
		*left = 1 + (uint32_t)((la_rng_mix(i + 1) >> 24) % f->lifetime);
	}
	*state = (struct la_tw_core){.snd_nxt = bench_fill_snd_nxt(i), .rcv_nxt = bench_fill_rcv_nxt(i), .wnd = 512};
}

int
bench_fill(struct server *sv, uint64_t n, uint32_t lifetime, bool mine)
{
	struct filling f = {lifetime, mine};

	if (la_sim_tw_fill(sv->shard, n, lifetime, fill_describe, &f) == 0)
		return 0;
	bench_fault(sv->b, "not all of %lu entries could be entered into the TIME_WAIT table", (unsigned long)n);
	return -1;
}

static void
fill_touch(const void *p, size_t size)
{
	for (size_t at = 0; at < size; at += 4096)
		(void)*((const volatile uint8_t *)p + at);
}

/* The host of a virtual machine may unmap pages that were not touched for seconds, and a table is not used while other
 * tables are measured. The first access to an unmapped page costs 20 000 cycles, which are the host's. */
void
bench_wake(const struct server *sv)
{
	const struct la_tcp *t = &sv->shard->tcp;

	fill_touch(t->tw.pool[0].slots, (size_t)t->tw.pool[0].fresh * sizeof(struct la_tw4));
	fill_touch(t->index.buckets, la_index_memory(t->index.capacity));
	fill_touch(t->wheel.chunks, (size_t)t->wheel.fresh_chunk * sizeof(struct la_wheel_chunk));
}
