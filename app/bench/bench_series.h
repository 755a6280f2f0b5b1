/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_BENCH_SERIES_H
#define LA_APP_BENCH_SERIES_H

/* Figures of the rounds of a bench: of `lastack bench`, and of the programs in bench/. */

#include <jansson.h>

enum { BENCH_ROUNDS = 101 /* at most */ };

/** In the order of the rounds. */
struct bench_series {
	unsigned n;
	double v[BENCH_ROUNDS];
};
void bench_add(struct bench_series *s, double v);
/** at: 0 least, 0.5 median, 1 most; 0 of an empty one. */
double bench_rank(const struct bench_series *s, double at);

/** Multiplies the median, the least, the most and all figures by a factor. */
json_t *bench_series_json(const struct bench_series *s, double times);

/** The order of doubles, for qsort(). */
int bench_by_value(const void *a, const void *b);

#endif
