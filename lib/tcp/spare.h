/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_SPARE_H
#define LA_TCP_SPARE_H

/* Packet buffers that have done their work, and serve again in the same burst.
 *
 * Most segments are answered by one as small as they are: while a burst is being worked on, its spent buffers
 * wait here, the last one first, and the next packet is written into lines that are still in the cache, without a
 * walk to the pool and back. What is left goes back at the end of the burst, together; nothing is kept between
 * bursts. A buffer of another pool (the other end of a ring pair) is as good when it is as large. */

#include <rte_mbuf.h>

#include "tcp/tcp.h"

enum { LA_SPARE_MAX = 64 };

struct la_spare {
	unsigned n;
	struct rte_mbuf *m[LA_SPARE_MAX];
};

/** Gives all of them back to their pools. */
void la_spare_flush(struct la_spare *s);

/** The shard's pool is empty. control: a buffer of the pool for packets without payload. NULL: counted. */
struct rte_mbuf *la_buf_last(struct la_tcp *t, bool control);

/** An empty buffer as large as those of the shard's pool. NULL: counted. control: room for headers alone will do when
 * the pool is empty. */
static __rte_always_inline struct rte_mbuf *
la_buf_take(struct la_tcp *t, bool control)
{
	struct la_spare *s = t->spare;
	struct rte_mbuf *m;

	if (s && s->n && s->m[s->n - 1]->buf_len >= t->buf_len) {
		m = s->m[--s->n];
		rte_pktmbuf_reset(m);
		return m;
	}
	m = rte_pktmbuf_alloc(t->mbufs);
	return likely(m != NULL) ? m : la_buf_last(t, control);
}

static inline struct rte_mbuf *
la_buf_get(struct la_tcp *t)
{
	return la_buf_take(t, false);
}

/** Gives back one segment. No other reference to it may exist. */
static inline void
la_buf_put(struct la_tcp *t, struct rte_mbuf *m)
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
