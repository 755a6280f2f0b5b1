/* SPDX-License-Identifier: BSD-3-Clause */

/* The table, the goals, the JSON and the plot of `lastack bench`. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <rte_version.h>

#include "bench/bench.h"
#include "cli/command.h"

void
bench_print_head(void)
{
	printf("%-66s %10s %19s %9s %12s %6s %13s\n", "", "cycles", "least..most", "ns", "a second", "ratio",
	       "least..most");
}

void
bench_print_row(const struct bench *b, const struct bench_row *r)
{
	double v = bench_rank(&r->value, 0.5);

	if (r->value.n == 0)
		return;
	if (strcmp(r->unit, "byte") == 0) {
		printf("%-66s %10.1f bytes\n", r->name, v);
	} else {
		printf("%-66s %10.1f %9.1f..%-8.1f %9.1f %12.0f", r->name, v, bench_rank(&r->value, 0),
		       bench_rank(&r->value, 1), v / b->ghz, b->ghz * 1e9 / v);
		if (r->ratio.n > 0)
			printf(" %6.2f %5.2f..%-5.2f of %s", bench_rank(&r->ratio, 0.5), bench_rank(&r->ratio, 0),
			       bench_rank(&r->ratio, 1), r->of);
		printf("\n");
	}
	if (r->note[0])
		printf("    %s\n", r->note);
	fflush(stdout);
}

/* ------------------------------------------------------------------ goals */

/* A goal for the first row whose name begins with `begins`. */
struct goal {
	const char *text, *begins;
	double bound;
	bool at_most;
	bool value; /* the goal is for the row's value, not for its ratio */
	bool worst; /* the goal is for the matching row with the least ratio, not for the first matching row */
};

static const struct goal goals[] = {
	{"exchange: share of the limit's packets/s", "exchange", 0.6, false, false, false},
	{"repeated FIN: share of the limit's packets/s", "repeated FIN", 0.7, false, false, false},
	/* 0.5: a connection costs at most twice the limit's cost of three frames received and three sent */
	{"lifecycle, server core alone, 1 byte: share of the limit's rate", "lifecycle, server closes first, 1 byte",
	 0.5, false, false, false},
	{"churn at 100 M in TIME_WAIT: share of the empty table's rate", "churn, 100000000 ", 0.6, false, false, false},
	{"bulk in, MSS 1460, one connection: share of the limit", "bulk in, MSS 1460, 1 ", 0.5, false, false, false},
	{"bulk out, MSS 1460, one connection: share of the limit", "bulk out, MSS 1460, 1 ", 0.5, false, false, false},
	{"scaling from 1 to 2 workers: times the rate", "scaling, 2 workers", 1.9, false, false, false},
	{"syn-flood: share of the limit's packets/s", "syn-flood", 0.7, false, false, false},
	{"ack-garbage: share of the limit's packets/s", "ack-garbage", 0.7, false, false, false},
	{"overload, twice the capacity offered: share of the peak", "overload, 2 times", 0.9, false, false, false},
	{"overload, four times the capacity offered: share of the peak", "overload, 4 times", 0.9, false, false, false},
	{"abuse, the worst attack: share of the honest closes", "abuse, under", 0.9, false, false, true},
	/* a TCB takes 256 B; its places in the index, and in the wheel during the open, take at most 24 B */
	{"idle established connection: bytes, index share included", "idle", 256 + 24, true, true, false},
};

static const struct bench_row *
row_of(const struct bench *b, const struct goal *g)
{
	const struct bench_row *found = NULL;

	for (unsigned i = 0; i < b->nrows; i++) {
		const struct bench_row *r = &b->row[i];

		if (r->value.n == 0 || strncmp(r->name, g->begins, strlen(g->begins)) != 0)
			continue;
		if (!g->worst)
			return r;
		if (found == NULL || bench_rank(&r->ratio, 0.5) < bench_rank(&found->ratio, 0.5))
			found = r;
	}
	return found;
}

static const struct bench_series *
goal_figure(const struct goal *g, const struct bench_row *r)
{
	return g->value ? &r->value : &r->ratio;
}

static bool
goal_is_met(const struct goal *g, const struct bench_row *r)
{
	double v = bench_rank(goal_figure(g, r), 0.5);

	return g->at_most ? v <= g->bound : v >= g->bound;
}

void
bench_print_goals(const struct bench *b)
{
	bool any = false;

	for (unsigned i = 0; i < RTE_DIM(goals); i++) {
		const struct goal *g = &goals[i];
		const struct bench_row *r = row_of(b, g);

		if (r == NULL)
			continue;
		if (!any)
			printf("\n%-66s %9s %8s %17s\n", "goals", "", "median", "least..most");
		any = true;
		printf("%-66s %s %6.2f %8.2f %8.2f..%-7.2f %s\n", g->text, g->at_most ? "<=" : ">=", g->bound,
		       bench_rank(goal_figure(g, r), 0.5), bench_rank(goal_figure(g, r), 0),
		       bench_rank(goal_figure(g, r), 1), goal_is_met(g, r) ? "met" : "MISSED");
	}
}

/* ------------------------------------------------------------------ JSON */

static json_t *
row_json(const struct bench *b, const struct bench_row *r)
{
	bool bytes = strcmp(r->unit, "byte") == 0;
	json_t *j = json_pack("{s:s, s:s, s:s, s:f, s:s}", "bench", r->bench, "name", r->name, "unit", r->unit,
			      "frames_in", r->frames, "note", r->note);

	json_object_set_new(j, bytes ? "bytes" : "cycles", bench_series_json(&r->value, 1));
	if (!bytes) {
		double v = bench_rank(&r->value, 0.5);

		json_object_set_new(j, "tsc_cycles", bench_series_json(&r->wall, 1));
		json_object_set_new(j, "ns", bench_series_json(&r->value, 1 / b->ghz));
		json_object_set_new(j, "per_second", json_real(v > 0 ? b->ghz * 1e9 / v : 0));
	}
	if (r->ratio.n > 0) {
		json_object_set_new(j, "ratio", bench_series_json(&r->ratio, 1));
		json_object_set_new(j, "ratio_to", json_string(r->of));
	}
	if (r->more)
		json_object_update(j, r->more);
	return j;
}

static json_t *
goals_json(const struct bench *b)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < RTE_DIM(goals); i++) {
		const struct goal *g = &goals[i];
		const struct bench_row *r = row_of(b, g);

		if (r == NULL)
			continue;
		json_array_append_new(a,
				      json_pack("{s:s, s:s, s:s, s:f, s:f, s:b}", "goal", g->text, "row", r->name,
						"bound", g->at_most ? "most" : "least", "bound_value", g->bound,
						"value", bench_rank(goal_figure(g, r), 0.5), "met", goal_is_met(g, r)));
	}
	return a;
}

json_t *
bench_json(const struct bench *b)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < b->nrows; i++) {
		if (b->row[i].value.n > 0)
			json_array_append_new(rows, row_json(b, &b->row[i]));
	}
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:f, s:i, s:f, s:i, s:i, s:o, s:o}", "program", "lastack bench",
			 "version", lastack_version, "dpdk", rte_version(), "good", b->faults == 0, "fault", b->fault,
			 "tsc_ghz", b->ghz, "rounds", (int)b->opt.rounds, "seconds", b->opt.seconds, "burst",
			 BENCH_BURST, "batch", BENCH_BATCH, "rows", rows, "goals", goals_json(b));
}

int
bench_write_json(const struct bench *b, char *err, size_t size)
{
	json_t *j = bench_json(b);
	int r = -1;

	if (j)
		r = json_dump_file(j, b->opt.json, JSON_INDENT(2));
	json_decref(j);
	if (r < 0)
		snprintf(err, size, "--json: %s: cannot be written", b->opt.json);
	return r;
}

/* ------------------------------------------------------------------ plot */

static void
plot_rows(const struct bench *b, FILE *f)
{
	for (unsigned i = b->nrows; i-- > 0;) {
		const struct bench_row *r = &b->row[i];

		if (r->value.n > 0 && strcmp(r->unit, "byte") != 0)
			fprintf(f, "%g %g %g \"%s\"\n", bench_rank(&r->value, 0.5), bench_rank(&r->value, 0),
				bench_rank(&r->value, 1), r->name);
	}
	fprintf(f, "e\n");
}

/* Draws cycles per unit as horizontal bars, with error bars from the least to the most of the rounds. */
int
bench_plot(const struct bench *b, char *err, size_t size)
{
	const char *path = b->opt.plot, *dot = strrchr(path, '.');
	FILE *f = popen("gnuplot", "w");

	if (f == NULL) {
		snprintf(err, size, "--plot: gnuplot: %s", strerror(errno));
		return -1;
	}
	fprintf(f,
		"set terminal %s noenhanced size 1200,%u\nset output '%s'\n"
		"set title 'lastack bench: cycles a packet or connection (median, least to most)'\n"
		"set logscale x\nset grid x\nunset key\nset yrange [-0.7:*]\n"
		"set lmargin 60\nset style fill solid 0.6\n",
		dot && strcmp(dot, ".png") == 0 ? "pngcairo" : "svg", 120 + 28 * b->nrows, path);
	fprintf(f, "$rows << e\n");
	plot_rows(b, f);
	fprintf(f, "plot $rows using 1:0:(1):1:($0-0.35):($0+0.35):ytic(4) with boxxy, "
		   "'' using 1:0:2:3 with xerrorbars lc black pt 0\n");
	if (pclose(f) == 0)
		return 0;
	snprintf(err, size, "--plot: gnuplot did not write %s: is it installed?", path);
	return -1;
}
