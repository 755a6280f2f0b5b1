/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_SPARE_H
#define LA_TCP_SPARE_H

/* A cache of packet buffers for one burst.
 *
 * Most segments are answered by one segment. During a burst the buffers of processed segments are kept here, last in,
 * first out. The next packet is written into memory that is still in the CPU cache, without an access to the pool. At
 * the end of the burst the remaining buffers are returned together. A buffer of another pool (from the other port of a
 * ring pair) is also used, if it is as large as the shard's buffers. */

#include <rte_mbuf.h>

#include "tcp/tcp.h"

enum { LA_SPARE_MAX = 64 };

struct la_spare {
	unsigned n;
	struct rte_mbuf *m[LA_SPARE_MAX];
};

/** Returns all buffers to their pools. */
void la_spare_flush(struct la_spare *s);

/** Called when the shard's pool is empty. control: takes a buffer from the pool for packets without payload, if there
 * is such a pool. NULL: no buffer, which is counted (mbuf_exhausted). */
struct rte_mbuf *la_spare_last(struct la_tcp *t, bool control);

/** Returns an empty buffer as large as those of the shard's pool. control: when the pool is empty, a buffer with room
 * for headers is enough. NULL: no buffer, which is counted. */
static __rte_always_inline struct rte_mbuf *
la_spare_take(struct la_tcp *t, bool control)
{
	struct la_spare *s = t->spare;
	struct rte_mbuf *m;

	if (s && s->n && s->m[s->n - 1]->buf_len >= t->buf_len) {
		m = s->m[--s->n];
		rte_pktmbuf_reset(m);
		return m;
	}
	m = rte_pktmbuf_alloc(t->mbufs);
	return likely(m != NULL) ? m : la_spare_last(t, control);
}

static inline struct rte_mbuf *
la_spare_get(struct la_tcp *t)
{
	return la_spare_take(t, false);
}

/** Returns one segment to the cache. It must have no other reference. */
static inline void
la_spare_put(struct la_tcp *t, struct rte_mbuf *m)
{
	struct la_spare *s = t->spare;

	m = rte_pktmbuf_prefree_seg(m);
	if (m == NULL)
		return;
	if (s == NULL) {
		rte_mbuf_raw_free(m);
		return;
	}
	if (s->n == LA_SPARE_MAX)
		la_spare_flush(s);
	s->m[s->n++] = m;
}

#endif
