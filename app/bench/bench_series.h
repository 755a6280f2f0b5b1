/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_BENCH_SERIES_H
#define LA_APP_BENCH_SERIES_H

/* Figures of the rounds of a bench: for `lastack bench`, and for the programs time_wait and scaling. */

#include <jansson.h>

enum { BENCH_ROUNDS = 101 /* most figures of a series */ };

/** One figure for each round, in the order of the rounds. */
struct bench_series {
	unsigned n;
	double v[BENCH_ROUNDS];
};
/** Adds a figure. A full series stays as it is. */
void bench_add(struct bench_series *s, double v);
/** Returns the least (at 0), the median (at 0.5) or the largest figure (at 1); 0 when the series is empty. */
double bench_rank(const struct bench_series *s, double at);

/** Returns a JSON object of median, least, most and all figures, each multiplied by `times`. */
json_t *bench_series_json(const struct bench_series *s, double times);

/** Compares two doubles for qsort(). */
int bench_by_value(const void *a, const void *b);

#endif
