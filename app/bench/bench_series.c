/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdlib.h>
#include <string.h>

#include "bench/bench_series.h"

void
bench_add(struct bench_series *s, double v)
{
	if (s->n < BENCH_ROUNDS)
		s->v[s->n++] = v;
}

int
bench_by_value(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

double
bench_rank(const struct bench_series *s, double at)
{
	double sorted[BENCH_ROUNDS];

	if (s->n == 0)
		return 0;
	memcpy(sorted, s->v, s->n * sizeof(double));
	qsort(sorted, s->n, sizeof(double), bench_by_value);
	return sorted[(unsigned)(at * (s->n - 1) + 0.5)];
}

json_t *
bench_series_json(const struct bench_series *s, double times)
{
	json_t *rounds = json_array();

	for (unsigned i = 0; i < s->n; i++)
		json_array_append_new(rounds, json_real(s->v[i] * times));
	return json_pack("{s:f, s:f, s:f, s:o}", "median", bench_rank(s, 0.5) * times, "least",
			 bench_rank(s, 0) * times, "most", bench_rank(s, 1) * times, "rounds", rounds);
}
