/* SPDX-License-Identifier: BSD-3-Clause */

#include "io_test.h"

#include <unistd.h>

#include <rte_errno.h>
#include <rte_mempool.h>

#include "io/pool.h"

enum { MBUFS = 3000, ROOM = 2176 };

static void
start(struct test_io *io)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_NULL, NULL}}, .nports = 1};

	io_must_start(io, &cfg, 1, 0);
}

/* The reason for la_pool_create_mapped(): on plain pages AF_XDP's driver maps only a part of DPDK's own
 * pool. If this test fails, the function may no longer be needed. */
Test(pool, dpdks_pool_is_mapped_in_part)
{
	struct rte_mempool *mp;
	struct test_io io;

	start(&io);
	if (io.eal.hugepages)
		cr_skip_test("on hugepages nearly all of DPDK's pool is mapped");
	mp = rte_pktmbuf_pool_create("plain", MBUFS, 0, 0, ROOM, SOCKET_ID_ANY);
	cr_assert_not_null(mp);
	cr_assert_gt(la_pool_unmapped(mp), 1000u);
	cr_assert_lt(la_pool_unmapped(mp), 1500u);
	rte_mempool_free(mp);
	io_stop(&io);
}

/* Counts the mbufs whose header and data are on one page. */
static void
count_on_one_page(struct rte_mempool *mp, void *ctx, void *obj, unsigned i)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const struct rte_mbuf *m = obj;
	uintptr_t last = (uintptr_t)m->buf_addr + m->buf_len - 1;

	(void)i;
	*(unsigned *)ctx += ((uintptr_t)obj - mp->header_size) / page == last / page;
}

Test(pool, every_mbuf_of_a_mapped_pool_is_on_one_mapped_page)
{
	unsigned good = 0;
	struct rte_mempool *mp;
	struct rte_mbuf *m;
	struct test_io io;

	start(&io);
	mp = la_pool_create_mapped("mapped", MBUFS, 256, ROOM, SOCKET_ID_ANY);
	cr_assert_not_null(mp);
	cr_assert_eq(la_pool_unmapped(mp), 0u);
	cr_assert_eq(rte_mempool_avail_count(mp), (unsigned)MBUFS);
	rte_mempool_obj_iter(mp, count_on_one_page, &good);
	cr_assert_eq(good, (unsigned)MBUFS);
	m = rte_pktmbuf_alloc(mp);
	cr_assert_not_null(m);
	cr_assert_geq(m->buf_len, ROOM);
	cr_assert_eq(m->buf_len, rte_pktmbuf_data_room_size(mp));
	rte_pktmbuf_free(m);
	rte_mempool_free(mp);
	/* the memory of the pool is free again */
	mp = la_pool_create_mapped("mapped", MBUFS, 256, ROOM, SOCKET_ID_ANY);
	cr_assert_not_null(mp);
	rte_mempool_free(mp);
	io_stop(&io);
}

Test(pool, mapped_failure_room_larger_than_a_page)
{
	struct test_io io;

	start(&io);
	cr_assert_null(la_pool_create_mapped("big", 15, 0, 9000, SOCKET_ID_ANY));
	cr_assert_eq(rte_errno, E2BIG);
	io_stop(&io);
}

Test(pool, mapped_failure_no_memory)
{
	struct test_io io;

	start(&io);
	if (io.eal.hugepages)
		cr_skip_test("memory is not bounded on hugepages");
	cr_assert_null(la_pool_create_mapped("all", 1u << 20, 0, ROOM, SOCKET_ID_ANY));
	cr_assert_eq(rte_errno, ENOMEM);
	io_stop(&io);
}
