/* SPDX-License-Identifier: BSD-3-Clause */

#include "tcp/spare.h"

void
la_spare_flush(struct la_spare *s)
{
	for (unsigned i = 0, n; i < s->n; i = n) { /* those of one pool together */
		struct rte_mempool *pool = s->m[i]->pool;

		for (n = i + 1; n < s->n && s->m[n]->pool == pool;)
			n++;
		rte_mempool_put_bulk(pool, (void **)&s->m[i], n - i);
	}
	s->n = 0;
}
