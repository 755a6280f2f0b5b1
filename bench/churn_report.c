/* SPDX-License-Identifier: BSD-3-Clause */

/* bench/churn's table, and the same as JSON. */

#include <inttypes.h>
#include <stdio.h>

#include <rte_version.h>

#include "churn.h"

enum { GOAL_ENTRIES = 100000000, GOAL_PERCENT = 60 };

static void
print_row(const struct table *t)
{
	printf("%12" PRIu64 " %8.1f %10.0f %9.0f..%-9.0f %8.0f %6.2f %5.2f..%-5.2f %8.2f  %" PRIu64
	       "..%" PRIu64 "\n",
	       t->entries, t->lifetime / 2e3, results_rank(&t->rate, 0.5), results_rank(&t->rate, 0),
	       results_rank(&t->rate, 1), results_rank(&t->cycles, 0.5), results_rank(&t->ratio, 0.5),
	       results_rank(&t->ratio, 0), results_rank(&t->ratio, 1),
	       t->entered ? (double)t->expired / (double)t->entered : 0, t->now_lo, t->now_hi);
}

static void
print_goal(const struct churn *b)
{
	for (unsigned i = 0; i < b->ntables; i++) {
		double percent = 100 * results_rank(&b->table[i].ratio, 0.5);

		if (b->table[i].entries == GOAL_ENTRIES)
			printf("goal: at 100 M at least %d %% of the empty table's rate: %.0f %%, %s\n",
			       GOAL_PERCENT, percent, percent >= GOAL_PERCENT ? "met" : "MISSED");
	}
}

void
churn_print(const struct churn *b)
{
	uint64_t early = 0;

	printf("\nopens and closes a second, both ends on one core; the server closes first\n");
	printf("%12s %8s %10s %20s %8s %6s %12s %8s  %s\n", "TIME_WAIT", "MSL, s", "median", "least..most",
	       "cycles", "ratio", "least..most", "expired", "entries meanwhile");
	for (unsigned i = 0; i < b->ntables; i++)
		print_row(&b->table[i]);
	printf("ratio: to the empty table in the same round; expired: for each that came in\n");
	if (b->cut[0])
		printf("%s\n", b->cut);
	for (unsigned i = 0; i < b->ntables; i++)
		early += la_shard_counters(b->table[i].shard)->v[LA_C_early_recycles];
	printf("early recycles %" PRIu64 ", orderly %" PRIu64 ", refused and tried again %" PRIu64
	       "; %.0f %% of the memory on transparent hugepages\n",
	       early, b->p.ends[LA_END_ORDERLY], b->p.refused, 100 * b->huge);
	printf("%u rounds of %g s, %u connections at once, TSC %.2f GHz, %s\n", b->opt.rounds,
	       b->opt.seconds, b->opt.inflight, (double)b->p.hz / 1e9, rte_version());
	print_goal(b);
}

int
churn_json(const struct churn *b)
{
	json_t *tables = json_array(), *j;
	int r;

	for (unsigned i = 0; i < b->ntables; i++) {
		const struct table *t = &b->table[i];

		json_array_append_new(
			tables,
			json_pack("{s:I, s:i, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:f}", "entries",
				  (json_int_t)t->entries, "msl_ms", (int)(t->lifetime / 2),
				  "connections_per_second", results_json(&t->rate),
				  "cycles_per_connection", results_json(&t->cycles),
				  "ratio_to_empty", results_json(&t->ratio), "entered",
				  (json_int_t)t->entered, "expired", (json_int_t)t->expired,
				  "time_wait_least", (json_int_t)t->now_lo, "time_wait_most",
				  (json_int_t)t->now_hi, "fill_seconds", t->fill_seconds));
	}
	j = json_pack("{s:s, s:b, s:I, s:s, s:f, s:i, s:i, s:f, s:s, s:o}", "bench", "churn", "good",
		      b->good, "tsc_hz", (json_int_t)b->p.hz, "dpdk", rte_version(), "seconds",
		      b->opt.seconds, "rounds", (int)b->opt.rounds, "inflight", (int)b->opt.inflight,
		      "transparent_hugepages", b->huge, "cut", b->cut, "tables", tables);
	r = j == NULL ? -1 : json_dump_file(j, b->opt.json, JSON_INDENT(2));
	json_decref(j);
	if (r < 0)
		fprintf(stderr, "bench/churn: %s cannot be written\n", b->opt.json);
	return r;
}
