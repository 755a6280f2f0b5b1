/* SPDX-License-Identifier: BSD-3-Clause */

#include "io_test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_mempool.h>

#include "io/pool.h"

enum { WAIT_ROUNDS = 20000, WAIT_US = 500 };

int
io_start(struct test_io *io, struct la_eal_config *cfg, uint16_t queues, uint16_t mtu)
{
	int r;

	memset(io, 0, sizeof(*io));
	if (cfg->memory_mb == 0)
		cfg->memory_mb = 128;
	r = la_eal_start(cfg, &io->eal, io->err, sizeof(io->err));
	if (r < 0)
		return r;
	if (io->eal.nports > 0 && la_port_maps_pools(io->eal.port[0]))
		io->pool = la_pool_create_mapped("test", IO_POOL, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	else
		io->pool = rte_pktmbuf_pool_create("test", IO_POOL, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	cr_assert_not_null(io->pool);
	for (unsigned i = 0; i < io->eal.nports; i++) {
		struct la_port_config pc = {.queues = queues, .mtu = mtu};

		for (unsigned q = 0; q < LA_PORT_MAX_QUEUES; q++)
			pc.pools[q] = io->pool;
		r = la_port_open(io->eal.port[i], &pc, &io->port[i], io->err, sizeof(io->err));
		if (r < 0)
			return r;
	}
	return 0;
}

void
io_must_start(struct test_io *io, struct la_eal_config *cfg, uint16_t queues, uint16_t mtu)
{
	int r = io_start(io, cfg, queues, mtu);

	cr_assert_eq(r, 0, "%d: %s", r, io->err);
}

void
io_stop(struct test_io *io)
{
	for (unsigned i = 0; i < io->eal.nports; i++)
		la_port_close(&io->port[i]);
	la_eal_stop();
}

struct rte_mbuf *
io_frame(struct test_io *io, const uint8_t *p, size_t len, const size_t *cuts)
{
	struct rte_mbuf *first = NULL;

	do {
		struct rte_mbuf *m = rte_pktmbuf_alloc(io->pool);
		size_t n = cuts != NULL && *cuts != 0 && *cuts < len ? *cuts++ : len;
		char *room;

		cr_assert_not_null(m);
		room = rte_pktmbuf_append(m, (uint16_t)n);
		cr_assert_not_null(room);
		memcpy(room, p, n);
		p += n;
		len -= n;
		if (first == NULL)
			first = m;
		else
			cr_assert_eq(rte_pktmbuf_chain(first, m), 0);
	} while (len > 0);
	return first;
}

struct rte_mbuf *
io_wait(struct test_io *io, unsigned port, uint16_t queue, bool (*want)(const struct rte_mbuf *m, void *ctx), void *ctx)
{
	return io_wait_us(io, port, queue, want, ctx, WAIT_ROUNDS * WAIT_US);
}

struct rte_mbuf *
io_wait_us(struct test_io *io, unsigned port, uint16_t queue, bool (*want)(const struct rte_mbuf *m, void *ctx),
	   void *ctx, unsigned us)
{
	for (unsigned i = 0; i < us / WAIT_US; i++) {
		struct rte_mbuf *m;

		while (la_port_rx(&io->port[port], queue, &m, 1) == 1) {
			if (want == NULL || want(m, ctx))
				return m;
			rte_pktmbuf_free(m);
		}
		usleep(WAIT_US);
	}
	return NULL;
}

unsigned
io_out(const struct test_io *io)
{
	return rte_mempool_in_use_count(io->pool);
}
