/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IO_TEST_H
#define IO_TEST_H

/* Helpers of the lib/io tests. Criterion runs every test in its own process, so each test
 * starts EAL once and has its own ports. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <criterion/criterion.h>
#include <rte_mbuf.h>

#include "io/eal.h"
#include "io/port.h"

enum { IO_POOL = 8191 }; /* mbufs */

struct test_io {
	struct la_eal eal;
	struct rte_mempool *pool;
	struct la_port port[LA_EAL_MAX_PORTS];
	char err[512];
};

/** Starts EAL with 128 MB of plain pages and cfg; opens every port with `queues` queues. Returns the
 * first failure, with its message in io->err. */
int io_start(struct test_io *io, struct la_eal_config *cfg, uint16_t queues, uint16_t mtu);
/** Like the previous one, and asserts success. */
void io_must_start(struct test_io *io, struct la_eal_config *cfg, uint16_t queues, uint16_t mtu);
void io_stop(struct test_io *io);

/** One mbuf with these bytes, or cut into segments of the given sizes (0 ends; the rest is the
 * last). */
struct rte_mbuf *io_frame(struct test_io *io, const uint8_t *p, size_t len, const size_t *cuts);

/** Polls one queue until a frame arrives for which `want` returns true, at most ten seconds of sleep.
 * Frees other frames. NULL: none. */
struct rte_mbuf *io_wait(struct test_io *io, unsigned port, uint16_t queue,
			 bool (*want)(const struct rte_mbuf *m, void *ctx), void *ctx);
/** Like the previous one, with a limit in microseconds of sleep. */
struct rte_mbuf *io_wait_us(struct test_io *io, unsigned port, uint16_t queue,
			    bool (*want)(const struct rte_mbuf *m, void *ctx), void *ctx, unsigned us);

/** Number of the pool's mbufs in use. */
unsigned io_out(const struct test_io *io);

#endif
