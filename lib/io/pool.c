/* SPDX-License-Identifier: BSD-3-Clause */

/* net_af_xdp of DPDK 22.11 registers the pool's memory with the kernel as
 *
 * 	from   the start of the page with the pool's first chunk
 * 	bytes  number of mbufs * size of one, plus the offset of the chunk in its page
 *
 * (xdp_umem_configure()), as if mbufs followed each other without a gap. rte_pktmbuf_pool_create()
 * leaves gaps where an mbuf would cross a page. On plain pages there is a gap after every mbuf: an mbuf of 2368 bytes
 * takes 4096 bytes, and 13825 of 32768 mbufs are past the end of the registered memory.
 *
 * The kernel refuses an address past the end without an error to the driver. In the transmit ring the address
 * is counted (tx_invalid_descs of XDP_STATISTICS) and the frame is lost. In the fill ring the address uses up a
 * receive place permanently. In both cases the mbuf does not return to the pool. The pool's ring is a queue, so mbufs
 * past the end are used only after all mbufs before them were in use at the same time, or went through an
 * overflowing cache: on a busy machine, or with a peer that does not read. From then on every frame sent
 * is lost.
 *
 * So this file creates the pool in one piece that starts on a page, with mbufs as long as a page. In copy
 * mode they could be closer together. In zero-copy mode the kernel also refuses an mbuf that crosses into a
 * page elsewhere in physical memory. */

#include <stdio.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>
#include <rte_memzone.h>

#include "io/pool.h"

/* Spreading over memory channels would move an mbuf over the end of its page; the kernel needs a chunk
 * that is contiguous only in virtual memory. */
enum { FLAGS = RTE_MEMPOOL_F_NO_SPREAD | RTE_MEMPOOL_F_NO_IOVA_CONTIG };

static void
pool_release_chunk(struct rte_mempool_memhdr *chunk, void *memory)
{
	(void)chunk;
	rte_memzone_free(memory);
}

/* Gives the pool its memory, one page for each mbuf. Returns 0 or negative errno. */
static int
pool_populate(struct rte_mempool *mp, const char *name, size_t page, int socket)
{
	const struct rte_memzone *mz;
	char zone[RTE_MEMZONE_NAMESIZE];
	int r;

	snprintf(zone, sizeof(zone), "%.26s_mem", name);
	mz = rte_memzone_reserve_aligned(zone, mp->size * page, socket, 0, (unsigned)page);
	if (mz == NULL)
		return -rte_errno;
	r = rte_mempool_populate_iova(mp, mz->addr, RTE_BAD_IOVA, mz->len, pool_release_chunk, (void *)(uintptr_t)mz);
	if (r <= 0)
		rte_memzone_free(mz);
	if (r < 0)
		return r;
	return (uint32_t)r == mp->size ? 0 : -ENOMEM;
}

struct rte_mempool *
la_pool_create_mapped(const char *name, uint32_t n, uint32_t cache, uint16_t room, int socket)
{
	struct rte_pktmbuf_pool_private priv = {.mbuf_data_room_size = room};
	uint32_t elt = (uint32_t)sizeof(struct rte_mbuf) + room;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint32_t bytes = rte_mempool_calc_obj_size(elt, FLAGS, NULL);
	struct rte_mempool *mp;
	int r;

	if (bytes > page || room + page - bytes > UINT16_MAX) {
		rte_errno = E2BIG;
		return NULL;
	}
	elt += (uint32_t)(page - bytes);
	priv.mbuf_data_room_size = (uint16_t)(elt - sizeof(struct rte_mbuf));
	mp = rte_mempool_create_empty(name, n, elt, cache, sizeof(priv), socket, FLAGS);
	if (mp == NULL)
		return NULL;
	r = rte_mempool_set_ops_byname(mp, rte_mbuf_best_mempool_ops(), NULL);
	if (r == 0) {
		rte_pktmbuf_pool_init(mp, &priv);
		r = pool_populate(mp, name, page, socket);
	}
	if (r < 0) {
		rte_mempool_free(mp);
		rte_errno = -r;
		return NULL;
	}
	rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
	return mp;
}

/* The range that xdp_umem_configure() maps, and the number of mbufs outside it. */
struct umem {
	uintptr_t from, to;
	uint32_t outside;
};

static void
count_outside(struct rte_mempool *mp, void *ctx, void *obj, unsigned i)
{
	uintptr_t at = (uintptr_t)obj - mp->header_size;
	struct umem *u = ctx;

	(void)i;
	u->outside += at < u->from || at + mp->header_size + mp->elt_size + mp->trailer_size > u->to;
}

uint32_t
la_pool_unmapped(struct rte_mempool *mp)
{
	const struct rte_mempool_memhdr *first = STAILQ_FIRST(&mp->mem_list);
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	struct umem u = {.from = (uintptr_t)first->addr & ~(page - 1)};

	u.to = (uintptr_t)first->addr +
	       (uintptr_t)mp->populated_size * rte_mempool_calc_obj_size(mp->elt_size, mp->flags, NULL);
	rte_mempool_obj_iter(mp, count_outside, &u);
	return u.outside;
}
