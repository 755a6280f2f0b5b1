/* SPDX-License-Identifier: BSD-3-Clause */

/* `lastack bench --compare OLD.json`: compares every row that both runs have.
 *
 * A row with a ratio is judged by its ratio, because the host's speed affects both figures of a ratio. Other rows, also
 * the limits, are judged by their cycles or bytes. The output is the
 * factor by which the new run is better, with the worst and the best factor from the rounds of both runs. */

#include <string.h>

#include "bench/bench.h"

struct range {
	double median, least, most;
};

static bool
old_range(const json_t *row, const char *key, struct range *r)
{
	const json_t *s = json_object_get(row, key);

	r->median = json_number_value(json_object_get(s, "median"));
	r->least = json_number_value(json_object_get(s, "least"));
	r->most = json_number_value(json_object_get(s, "most"));
	return r->median > 0 && r->least > 0 && r->most > 0;
}

static bool
new_range(const struct bench_series *s, struct range *r)
{
	*r = (struct range){bench_rank(s, 0.5), bench_rank(s, 0), bench_rank(s, 1)};
	return r->median > 0 && r->least > 0 && r->most > 0;
}

/* Returns the factor by which `now` is better than `then`. more_is_better: for ratios, not for costs. */
static struct range
compare_gain(const struct range *now, const struct range *then, bool more_is_better)
{
	if (more_is_better)
		return (struct range){now->median / then->median, now->least / then->most, now->most / then->least};
	return (struct range){then->median / now->median, then->least / now->most, then->most / now->least};
}

static const json_t *
compare_find_row(const json_t *rows, const char *name)
{
	size_t i;
	const json_t *row;

	json_array_foreach((json_t *)(uintptr_t)rows, i, row) {
		const char *s = json_string_value(json_object_get(row, "name"));

		if (s && strcmp(s, name) == 0)
			return row;
	}
	return NULL;
}

static bool
compare_row(const struct bench *b, const struct bench_row *r, const json_t *row, FILE *f)
{
	bool bytes = strcmp(r->unit, "byte") == 0, by_ratio;
	struct range now, then, g;
	double bound = 1 / (1 + b->opt.tolerance / 100);

	by_ratio = r->ratio.n > 0 && new_range(&r->ratio, &now) && old_range(row, "ratio", &then);
	if (!by_ratio && (!new_range(&r->value, &now) || !old_range(row, bytes ? "bytes" : "cycles", &then)))
		return true;
	g = compare_gain(&now, &then, by_ratio);
	fprintf(f, "%-66s %10.2f %10.2f %8.3f %6.3f..%-6.3f %s%s\n", r->name, then.median, now.median, g.median,
		g.least, g.most,
		by_ratio ? "by ratio"
		: bytes	 ? "by bytes"
			 : "by cycles",
		g.median < bound ? " WORSE" : "");
	return g.median >= bound;
}

bool
bench_compare(const struct bench *b, FILE *f)
{
	const json_t *rows = json_object_get(b->old, "rows");
	unsigned both = 0;
	bool good = true;

	fprintf(f,
		"\ncompared with %s: a factor above 1 is better; more than %.0f %% worse fails\n"
		"%-66s %10s %10s %8s %14s\n",
		b->opt.compare, b->opt.tolerance, "", "old", "new", "factor", "least..most");
	for (unsigned i = 0; i < b->nrows; i++) {
		const json_t *row = compare_find_row(rows, b->row[i].name);

		if (row == NULL || b->row[i].value.n == 0)
			continue;
		both++;
		good &= compare_row(b, &b->row[i], row, f);
	}
	if (both == 0)
		fprintf(f, "the two runs have no row in common\n");
	return good && both > 0;
}
