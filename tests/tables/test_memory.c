/* SPDX-License-Identifier: BSD-3-Clause */

/* What a shard's TCP costs: la_tcp_memory() says it to the byte, and a small one is small. */

#include <stdlib.h>

#include <criterion/criterion.h>

#include "core/config.h"
#include "tcp/tcp.h"

static size_t taken;

static void *
counting_alloc(void *ctx, size_t size, size_t align)
{
	taken += size;
	return la_mem_default.alloc(ctx, size, align);
}

static void
counting_free(void *ctx, void *p, size_t size)
{
	taken -= size;
	la_mem_default.free(ctx, p, size);
}

static size_t
bytes_of(uint32_t conns, uint32_t tw4, uint32_t tw6)
{
	static const struct la_mem_ops counting = {counting_alloc, counting_free, NULL};
	static _Alignas(64) char pool[4096]; /* its header alone is looked at */
	struct la_shard_config cfg = {.max_conns = conns,
				      .max_time_wait4 = tw4,
				      .max_time_wait6 = tw6,
				      .mbufs = (struct rte_mempool *)pool,
				      .mem = &counting};
	struct la_counters *counters = calloc(1, sizeof(*counters));
	struct la_tcp *t = calloc(1, sizeof(*t));
	size_t bytes;

	cr_assert(counters && t);
	la_config_fill(&cfg);
	cr_assert_eq(la_tcp_init(t, &cfg, counters), 0);
	bytes = taken;
	cr_assert_eq(la_tcp_memory(&cfg), bytes, "%u connections, %u and %u entries", conns, tw4, tw6);
	la_tcp_fini(t);
	cr_assert_eq(taken, 0);
	free(t);
	free(counters);
	return bytes;
}

Test(memory, is_what_was_said)
{
	static const uint32_t n[] = {0, 1, 16, 1000, 5000, 70000, 300000};

	for (unsigned i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		for (unsigned j = 0; j < sizeof(n) / sizeof(n[0]); j++)
			bytes_of(n[i], n[j], n[(i + j) % 7]);
}

/* Beside what no shard is without (listeners by port), a few connections cost tens of kB. */
Test(memory, a_small_shard_is_small)
{
	size_t one = bytes_of(1, 1, 1);

	cr_assert_lt(bytes_of(16, 16, 16) - one, 60 * 1000);
	cr_assert_lt(one, 320 * 1000, "%zu", one);
}
