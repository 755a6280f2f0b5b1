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

/** Starts EAL with cfg, and 128 MB of memory unless cfg has a size. Opens every port with `queues` queues. Returns 0,
 * or the error of the first failure, whose message is in io->err. */
int io_start(struct test_io *io, struct la_eal_config *cfg, uint16_t queues, uint16_t mtu);
/** Calls io_start() and asserts success. */
void io_must_start(struct test_io *io, struct la_eal_config *cfg, uint16_t queues, uint16_t mtu);
void io_stop(struct test_io *io);

/** Returns one mbuf with these bytes, or a chain: `cuts` has the sizes of its segments and ends with 0; the last
 * segment has the remaining bytes. cuts NULL: one mbuf. */
struct rte_mbuf *io_frame(struct test_io *io, const uint8_t *p, size_t len, const size_t *cuts);

/** Polls one queue until a frame arrives for which `want` returns true, at most ten seconds of sleep; want NULL: any
 * frame. Frees other frames. Returns NULL if no such frame arrives. */
struct rte_mbuf *io_wait(struct test_io *io, unsigned port, uint16_t queue,
			 bool (*want)(const struct rte_mbuf *m, void *ctx), void *ctx);
/** io_wait() with at most `us` microseconds of sleep. */
struct rte_mbuf *io_wait_us(struct test_io *io, unsigned port, uint16_t queue,
			    bool (*want)(const struct rte_mbuf *m, void *ctx), void *ctx, unsigned us);

/** Returns the number of the pool's mbufs in use. */
unsigned io_out(const struct test_io *io);

#endif
