/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdlib.h>

#include "net/span.h"

static inline bool
span_less(const uint64_t a[2], const uint64_t b[2])
{
	return a[0] != b[0] ? a[0] < b[0] : a[1] < b[1];
}

static inline void
span_words(const struct la_addr *a, uint64_t w[2])
{
	w[0] = be64toh(a->q[0]);
	w[1] = be64toh(a->q[1]);
}

void
la_spans_add(struct la_spans *s, const struct la_addr *first, const struct la_addr *last)
{
	struct la_span *x = &s->v[s->n++];

	span_words(first, x->lo);
	span_words(last, x->hi);
}

/* Orders by start. Of two with the same start the longer one, which contains the other, is first. */
static int
by_start(const void *a, const void *b)
{
	const struct la_span *x = a, *y = b;

	if (span_less(x->lo, y->lo) || span_less(y->lo, x->lo))
		return span_less(x->lo, y->lo) ? -1 : 1;
	return span_less(x->hi, y->hi) - span_less(y->hi, x->hi);
}

void
la_spans_seal(struct la_spans *s)
{
	unsigned n = 0;

	qsort(s->v, s->n, sizeof(s->v[0]), by_start);
	for (unsigned i = 0; i < s->n; i++)
		if (n == 0 || span_less(s->v[n - 1].hi, s->v[i].lo)) /* otherwise v[n - 1] contains v[i] */
			s->v[n++] = s->v[i];
	s->n = n;
}

bool
la_spans_has(const struct la_spans *s, const struct la_addr *a)
{
	unsigned low = 0, high = s->n;
	uint64_t w[2];

	span_words(a, w);
	while (low < high) { /* v[0 .. low) start at or below `a`, v[high .. n) above it */
		unsigned mid = (low + high) / 2;

		if (span_less(w, s->v[mid].lo))
			high = mid;
		else
			low = mid + 1;
	}
	return low > 0 && !span_less(s->v[low - 1].hi, w);
}

void
la_spans4_from(struct la_spans4 *to, const struct la_spans *from)
{
	to->n = 0;
	for (unsigned i = 0; i < from->n; i++) {
		const struct la_span *x = &from->v[i];

		if (x->lo[0] == 0 && x->lo[1] >> 32 == 0xffff)
			to->v[to->n++] = (struct la_span4){(uint32_t)x->lo[1], (uint32_t)(x->hi[1] - x->lo[1])};
	}
}

bool
la_spans4_search(const struct la_spans4 *s, uint32_t a)
{
	unsigned low = 0, high = s->n;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (a < s->v[mid].first)
			high = mid;
		else
			low = mid + 1;
	}
	return low > 0 && a - s->v[low - 1].first <= s->v[low - 1].more;
}

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void
la_u32s_sort(uint32_t *v, unsigned n)
{
	qsort(v, n, sizeof(v[0]), by_value);
}

bool
la_u32s_has(const uint32_t *v, unsigned n, uint32_t a)
{
	unsigned low = 0, high = n;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (v[mid] == a)
			return true;
		if (a < v[mid])
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}
