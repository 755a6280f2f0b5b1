/* SPDX-License-Identifier: BSD-3-Clause */

/* The output of app/bench/time_wait: a table for each size, the goals, JSON, and a plot by gnuplot. */

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <jansson.h>
#include <rte_version.h>

#include "bench/time_wait.h"

enum { GOAL_SIZE = 10000000, BOUND_SIZE = 100000000 };

const char *const op_name[NOPS] = {"expire",	   "insert",	   "enter", "look-up hit",
				   "look-up miss", "repeated FIN", "reopen"};
static const char *const op_key[NOPS] = {"expire", "insert", "enter", "hit", "miss", "fin", "reopen"};
static const char *const side_key[NSIDES] = {"lastack", "rte", "memory"};

/* The least number of random cache lines of an operation: the bucket, and the entry, unless it uses the slot that was
 * freed last. */
static const unsigned op_lines[NOPS] = {2, 1, 1, 2, 1, 2, 2};

/* Returns the cycles of bare memory for the same number of lines. */
static double
memory_of(const struct result *r, enum op op)
{
	return series_median(&r->op[MEMORY][op_lines[op] == 2 ? OP_HIT : OP_MISS]);
}

/* ------------------------------------------------------------------ a size */

static void
report_cell(bool there, int width, int digits, double v, const char *unit)
{
	if (there)
		printf(" %*.*f%s", width, digits, v, unit);
	else
		printf(" %*s%*s", width, "-", (int)strlen(unit), "");
}

static void
print_op(const struct size *s, enum op op)
{
	const struct result *r4 = &s->r[1], *r6 = &s->r[0];
	double a = series_median(&r4->op[TABLE][op]), m = memory_of(r4, op);
	bool rte = r4->done[RTE];

	printf("%-14s", op_name[op]);
	report_cell(r4->done[TABLE], 9, 0, a, "");
	printf(" %4.0f-%-6.0f", bench_rank(&r4->op[TABLE][op], 0), bench_rank(&r4->op[TABLE][op], 1));
	report_cell(r6->done[TABLE], 9, 0, series_median(&r6->op[TABLE][op]), "");
	report_cell(rte, 11, 0, series_median(&r4->op[RTE][op]), "");
	report_cell(rte, 8, 1, series_median(&r4->op[RTE][op]) / a, "x");
	report_cell(r4->done[MEMORY], 7, 0, m, "");
	printf(" (%u)", op_lines[op]);
	report_cell(r4->done[MEMORY], 7, 2, a / m, "\n");
}

static void
print_poll(const struct bench *b, const struct size *s)
{
	const struct result *r = &s->r[1];
	double us = 1e6 / (double)b->hz;

	printf("%u entries expire in one tick, %d a poll at most: worst poll %.0f us (least of the "
	       "rounds %.0f), median poll %.0f us; %" PRIu64 " polls with a thread switch are "
	       "left out\n",
	       r->spike, TW_A_POLL, us * series_median(&r->poll_worst[TABLE]),
	       us * bench_rank(&r->poll_worst[TABLE], 0), us * series_median(&r->poll_mid[TABLE]), r->polls_switched);
	if (r->done[RTE])
		printf("as many entries by rte_timer_manage(), which has no bound: one call, %.0f "
		       "ms\n",
		       us * series_median(&r->poll_worst[RTE]) / 1e3);
}

static void
print_bytes(const char *what, const struct result *r, double goal)
{
	if (!r->done[TABLE]) {
		printf("%s: not run: %s\n", what, r->why[TABLE]);
		return;
	}
	printf("%s: %.1f B an entry by the RSS, %.0f %% of the memory in hugepages; computed: at most "
	       "%.1f B; goal: %.0f B\n",
	       what, r->bytes[TABLE], 100 * r->huge, r->bound, goal);
}

void
report_size(const struct bench *b, const struct size *s)
{
	const struct result *r = &s->r[1];

	printf("\n%u entries\n", s->n);
	print_bytes("IPv4", r, 48);
	print_bytes("IPv6", &s->r[0], 88);
	if (!r->done[TABLE])
		return;
	if (r->done[RTE])
		printf("rte_hash + rte_timer: %.1f B an entry\n", r->bytes[RTE]);
	else
		printf("rte_hash + rte_timer: not run: %s\n", r->why[RTE]);
	printf("%-14s %9s %-11s %9s %11s %8s  %12s %7s\n", "cycles", "IPv4", "least-most", "IPv6", "rte", "rte/IPv4",
	       "memory(lines)", "IPv4/mem");
	for (enum op op = 0; op < NOPS; op++)
		print_op(s, op);
	print_poll(b, s);
	printf("all expired at the end: %.0f cycles an entry; %" PRIu64 " of %" PRIu64
	       " bursts were interrupted and are left out\n",
	       series_median(&r->drain), r->cut + s->r[0].cut, r->bursts + s->r[0].bursts);
}

/* ------------------------------------------------------------------ goals */

struct goal {
	const char *what;
	double want, got;
	bool at_least, run, met;
	char where[32];
};
enum { MAX_GOALS = 8 + NOPS };

static void
report_goal(struct goal *g, unsigned *n, const char *what, bool at_least, double want, bool run, double got,
	    uint32_t size)
{
	bool met = run && (at_least ? got >= want : got <= want);

	g[*n] = (struct goal){what, want, got, at_least, run, met, ""};
	snprintf(g[*n].where, sizeof(g[*n].where), "at %u M", size / 1000000);
	(*n)++;
}

static const struct size *
size_of(const struct bench *b, uint32_t n)
{
	static const struct size none;

	for (unsigned i = 0; i < b->nsizes; i++)
		if (b->size[i].n == n)
			return &b->size[i];
	return &none;
}

static double
report_times(const struct result *r, enum op op)
{
	return r->done[RTE] ? series_median(&r->op[RTE][op]) / series_median(&r->op[TABLE][op]) : 0;
}

static const char *const bound_goal[NOPS] = {"expire: ours / bare memory's",	   "insert: ours / bare memory's",
					     "enter: ours / bare memory's",	   "look-up hit: ours / bare memory's",
					     "look-up miss: ours / bare memory's", "repeated FIN: ours / bare memory's",
					     "reopen: ours / bare memory's"};

static unsigned
report_collect_goals(const struct bench *b, struct goal *g)
{
	const struct size *s = size_of(b, GOAL_SIZE), *large = size_of(b, BOUND_SIZE);
	const struct result *r = &s->r[1], *l = &large->r[1];
	bool run = r->done[RTE], hundred = l->done[TABLE];
	double smaller = run ? r->bytes[RTE] / r->bytes[TABLE] : 0;
	unsigned n = 0;

	report_goal(g, &n, "enter: rte's cycles / ours", true, 8, run, report_times(r, OP_ENTER), GOAL_SIZE);
	report_goal(g, &n, "insert and enter: rte's cycles / ours", true, 8, run,
		    run ? (series_median(&r->op[RTE][OP_INSERT]) + series_median(&r->op[RTE][OP_ENTER])) /
				    (series_median(&r->op[TABLE][OP_INSERT]) + series_median(&r->op[TABLE][OP_ENTER]))
			: 0,
		    GOAL_SIZE);
	report_goal(g, &n, "2*MSL restarted: rte's cycles / ours", true, 40, run, report_times(r, OP_FIN), GOAL_SIZE);
	report_goal(g, &n, "look-up hit: rte's cycles / ours", true, 1, run, report_times(r, OP_HIT), GOAL_SIZE);
	report_goal(g, &n, "bytes an entry: rte's / ours", true, 4, run, smaller, GOAL_SIZE);
	report_goal(g, &n, "bytes an IPv4 entry", false, 48, r->done[TABLE], r->bytes[TABLE], GOAL_SIZE);
	report_goal(g, &n, "bytes an IPv6 entry", false, 88, s->r[0].done[TABLE], s->r[0].bytes[TABLE], GOAL_SIZE);
	report_goal(g, &n, "bytes an IPv4 entry", false, 48, hundred, l->bytes[TABLE], BOUND_SIZE);
	for (enum op op = 0; op < NOPS; op++)
		report_goal(g, &n, bound_goal[op], false, 2, hundred,
			    hundred ? series_median(&l->op[TABLE][op]) / memory_of(l, op) : 0, BOUND_SIZE);
	return n;
}

void
report_goals(const struct bench *b)
{
	struct goal g[MAX_GOALS];
	unsigned n = report_collect_goals(b, g);

	printf("\n%-42s %-9s %9s %9s\n", "goals", "", "want", "got");
	for (unsigned i = 0; i < n; i++) {
		printf("%-42s %-9s %s%7.1f", g[i].what, g[i].where, g[i].at_least ? ">=" : "<=", g[i].want);
		if (g[i].run)
			printf(" %9.2f  %s\n", g[i].got, g[i].met ? "met" : "MISSED");
		else
			printf(" %9s  not run\n", "-");
	}
}

/* ------------------------------------------------------------------ JSON */

static json_t *
side_json(const struct result *r, int side)
{
	json_t *j = json_object();

	if (!r->done[side]) {
		json_object_set_new(j, "not_run", json_string(r->why[side]));
		return j;
	}
	for (enum op op = 0; op < NOPS; op++)
		if (r->op[side][op].n)
			json_object_set_new(j, op_key[op], bench_series_json(&r->op[side][op], 1));
	if (r->bytes[side] > 0)
		json_object_set_new(j, "bytes_per_entry", json_real(r->bytes[side]));
	if (r->poll_worst[side].n) {
		json_object_set_new(j, "spike_worst_poll", bench_series_json(&r->poll_worst[side], 1));
		json_object_set_new(j, "spike_median_poll", bench_series_json(&r->poll_mid[side], 1));
	}
	if (side == TABLE) {
		json_object_set_new(j, "bytes_per_entry_computed", json_real(r->bound));
		json_object_set_new(j, "hugepage_share", json_real(r->huge));
		json_object_set_new(j, "drain", bench_series_json(&r->drain, 1));
		json_object_set_new(j, "spike_polls_switched", json_integer((json_int_t)r->polls_switched));
	}
	return j;
}

static json_t *
family_json(const struct result *r)
{
	json_t *j = json_pack("{s:i, s:I, s:I}", "spike_entries", (int)r->spike, "bursts", (json_int_t)r->bursts,
			      "bursts_interrupted", (json_int_t)r->cut);

	for (int s = 0; s < NSIDES; s++)
		json_object_set_new(j, side_key[s], side_json(r, s));
	return j;
}

static json_t *
goals_json(const struct bench *b)
{
	struct goal g[MAX_GOALS];
	unsigned n = report_collect_goals(b, g);
	json_t *j = json_array();

	for (unsigned i = 0; i < n; i++)
		if (g[i].run)
			json_array_append_new(j, json_pack("{s:s, s:s, s:s, s:f, s:f, s:b}", "goal", g[i].what, "where",
							   g[i].where, "sense", g[i].at_least ? ">=" : "<=", "want",
							   g[i].want, "got", g[i].got, "met", (int)g[i].met));
	return j;
}

int
report_json(const struct bench *b)
{
	json_t *sizes = json_array(), *j;
	int r;

	for (unsigned i = 0; i < b->nsizes; i++)
		json_array_append_new(sizes,
				      json_pack("{s:I, s:o, s:o}", "entries", (json_int_t)b->size[i].n, "ipv4",
						family_json(&b->size[i].r[1]), "ipv6", family_json(&b->size[i].r[0])));
	j = json_pack("{s:s, s:b, s:s, s:I, s:s, s:s, s:s, s:i, s:s, s:o, s:o}", "bench", "time_wait", "good",
		      (int)b->good, "cpu", b->cpu, "tsc_hz", (json_int_t)b->hz, "dpdk", rte_version(), "load_at_start",
		      b->load, "transparent_hugepages", b->thp, "rounds", (int)b->rounds, "unit",
		      "TSC cycles an operation", "sizes", sizes, "goals", goals_json(b));
	r = j ? json_dump_file(j, b->json, JSON_INDENT(2)) : -1;
	json_decref(j);
	if (r < 0)
		fprintf(stderr, "app/bench/time_wait: %s cannot be written\n", b->json);
	return r;
}

/* ------------------------------------------------------------------ the plot */

static void
plot_data(FILE *f, const struct bench *b, enum op op)
{
	fprintf(f, "$op%d << EOD\n", (int)op);
	for (unsigned i = 0; i < b->nsizes; i++) {
		const struct result *r4 = &b->size[i].r[1], *r6 = &b->size[i].r[0];

		if (!r4->done[TABLE])
			continue;
		fprintf(f, "%u %g ", b->size[i].n, series_median(&r4->op[TABLE][op]));
		if (r6->done[TABLE])
			fprintf(f, "%g ", series_median(&r6->op[TABLE][op]));
		else
			fprintf(f, "NaN ");
		if (r4->done[RTE])
			fprintf(f, "%g ", series_median(&r4->op[RTE][op]));
		else
			fprintf(f, "NaN ");
		fprintf(f, "%g\n", memory_of(r4, op));
	}
	fprintf(f, "EOD\n");
}

static void
plot_script(FILE *f, const struct bench *b, const char *terminal)
{
	static const enum op shown[] = {OP_ENTER, OP_HIT, OP_MISS, OP_FIN, OP_EXPIRE, OP_REOPEN};

	uint32_t least = UINT32_MAX, most = 0;

	for (unsigned i = 0; i < b->nsizes; i++) {
		least = b->size[i].n < least ? b->size[i].n : least;
		most = b->size[i].n > most ? b->size[i].n : most;
	}
	for (unsigned i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		plot_data(f, b, shown[i]);
	fprintf(f,
		"set terminal %s size 1200,800 enhanced\nset output '%s'\n"
		"set multiplot layout 2,3 title 'The TIME\\_WAIT table: TSC cycles an operation "
		"against entries'\n"
		"set logscale xy\nset xrange [%u:%u]\nset grid\nset key top left reverse Left "
		"samplen 2 font ',9'\nset xlabel "
		"'entries'\n"
		"set ylabel 'cycles'\nset yrange [10:100000]\nset format x '10^{%%L}'\n"
		"set style data linespoints\nset datafile missing NaN\n",
		terminal, b->plot, least / 2, most * 2);
	for (unsigned i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		fprintf(f,
			"set title '%s'\nplot $op%d using 1:2 lw 2 title 'lastack IPv4', "
			"'' using 1:3 title 'lastack IPv6', '' using 1:4 title 'rte\\_hash + "
			"rte\\_timer', '' using 1:5 dt 2 title 'bare memory, %u line%s'\n",
			op_name[shown[i]], (int)shown[i], op_lines[shown[i]], op_lines[shown[i]] == 1 ? "" : "s");
	fprintf(f, "unset multiplot\n");
}

bool
report_can_plot(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (strcmp(dot, ".png") == 0 || strcmp(dot, ".svg") == 0) && !strchr(name, '\'');
}

int
report_plot(const struct bench *b)
{
	const char *dot = strrchr(b->plot, '.');
	FILE *f;
	int r;

	signal(SIGPIPE, SIG_IGN); /* the exit status shows that gnuplot is missing */
	f = popen("gnuplot", "w");
	if (!f)
		return -1;
	plot_script(f, b, strcmp(dot, ".svg") == 0 ? "svg" : "pngcairo");
	r = pclose(f);
	if (r == 0)
		return 0;
	if (WIFEXITED(r) && WEXITSTATUS(r) == 127)
		fprintf(stderr, "app/bench/time_wait: no plot: gnuplot is not installed (Debian: "
				"apt-get install gnuplot-nox)\n");
	else
		fprintf(stderr, "app/bench/time_wait: gnuplot could not draw %s\n", b->plot);
	return -1;
}
