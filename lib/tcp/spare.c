/* SPDX-License-Identifier: BSD-3-Clause */

#include "tcp/spare.h"

struct rte_mbuf *
la_spare_alloc(struct la_tcp *t, bool control)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(t->mbufs);

	if (m == NULL && control && t->control)
		m = rte_pktmbuf_alloc(t->control);
	if (m == NULL)
		la_counters_one(t->counters, LA_C_mbuf_exhausted);
	return m;
}

void
la_spare_release(struct la_tcp *t, struct rte_mbuf *m)
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

void
la_spare_flush(struct la_spare *s)
{
	for (unsigned i = 0, n; i < s->n; i = n) { /* group the buffers of one pool */
		struct rte_mempool *pool = s->m[i]->pool;

		for (n = i + 1; n < s->n && s->m[n]->pool == pool;)
			n++;
		rte_mempool_put_bulk(pool, (void **)&s->m[i], n - i);
	}
	s->n = 0;
}
