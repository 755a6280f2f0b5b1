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

/* The general paths of la_spare_take() and la_spare_put(). */
struct rte_mbuf *la_spare_alloc(struct la_tcp *t, bool control);
void la_spare_release(struct la_tcp *t, struct rte_mbuf *m);

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
	return la_spare_alloc(t, control);
}

static inline struct rte_mbuf *
la_spare_get(struct la_tcp *t)
{
	return la_spare_take(t, false);
}

/** Gives up one reference to one segment. The last reference returns the segment to the cache. */
static inline void
la_spare_put(struct la_tcp *t, struct rte_mbuf *m)
{
	struct la_spare *s = t->spare;

	if (unlikely(s == NULL || s->n == LA_SPARE_MAX || rte_mbuf_refcnt_read(m) != 1 || !RTE_MBUF_DIRECT(m))) {
		la_spare_release(t, m);
		return;
	}
	m->next = NULL;
	m->nb_segs = 1;
	s->m[s->n++] = m;
}

/** Frees or reuses the segment's buffer. */
static __rte_always_inline void
la_spare_free_seg(struct la_tcp *t, struct la_seg *s)
{
	if (likely(s->m->nb_segs == 1))
		la_spare_put(t, s->m);
	else
		rte_pktmbuf_free(s->m);
	s->m = NULL;
}

#endif
