/* SPDX-License-Identifier: BSD-3-Clause */

/* lastack bench: the cost of a packet and of a connection, compared with a limit of the machine. (The method
 * is described in bench.h.) */

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "cli/command.h"
#include "cli/opts.h"
#include "cli/session.h"
#include "io/output.h"

static const struct bench_kind *const kinds[] = {
	&bench_limit_kind,   &bench_exchange_kind, &bench_repeat_kind,	 &bench_life_kind,
	&bench_churn_kind,   &bench_bulk_kind,	   &bench_scaling_kind,	 &bench_flood_kind,
	&bench_garbage_kind, &bench_idle_kind,	   &bench_overload_kind, &bench_abuse_kind,
};
enum { NKINDS = sizeof(kinds) / sizeof(kinds[0]) };
static_assert((int)NKINDS <= (int)BENCH_KINDS, "BENCH_KINDS is too small");

static struct bench_options opts;

static int
set_real(void *dst, const char *text, char *why, size_t size)
{
	char *end;
	double v = strtod(text, &end);

	if (end != text && *end == '\0' && isfinite(v) && v > 0 && v <= 600) {
		*(double *)dst = v;
		return 0;
	}
	snprintf(why, size, "a number above 0 and up to 600, such as 0.2");
	return -1;
}

static int
set_populations(void *dst, const char *text, char *why, size_t size)
{
	struct bench_options *o = dst;
	char *end;

	o->populations[0] = 0;
	for (o->npopulations = 1; o->npopulations < BENCH_POPULATIONS; text = end + 1) {
		uint64_t n = strtoull(text, &end, 10);

		if (end == text || *text == '-' || n < 1000 || n > 1000000000)
			break;
		o->populations[o->npopulations++] = n;
		if (*end == '\0')
			return 0;
		if (*end != ',')
			break;
	}
	snprintf(why, size, "up to %d numbers from 1000 to 1000000000, such as 1000000,10000000",
		 BENCH_POPULATIONS - 1);
	return -1;
}

/* clang-format off */
static const struct opt bench_opts[] = {
	{.kind = OPT_HEADING, .help = "How much"},
	{.name = "rounds", .kind = OPT_NUMBER, .dst = &opts.rounds, .arg = "N", .min = 1, .max = BENCH_ROUNDS,
	 .help = "measured rounds, after one round to warm up [5; with --against 1]"},
	{.name = "seconds", .kind = OPT_CALL, .dst = &opts.seconds, .arg = "S", .call = set_real,
	 .help = "seconds of the server's CPU time for each measurement in a round [0.2]"},
	{.name = "population", .kind = OPT_NUMBER, .dst = &opts.population, .arg = "N", .min = 1024,
	 .max = 16000000,
	 .help = "established connections of exchange; entries in TIME_WAIT of repeat,\n"
		 "lifecycle and overload [1000000]"},
	{.name = "populations", .kind = OPT_CALL, .dst = &opts, .arg = "N,N,...", .call = set_populations,
	 .help = "entries in TIME_WAIT of churn, which also measures an empty table\n[1000000,10000000,100000000; "
		 "a number that does not fit into memory is left out, and a line says so]"},
	{.name = "idle", .kind = OPT_NUMBER, .dst = &opts.idle, .arg = "N", .min = 1024, .max = 16000000,
	 .help = "connections of idle [10000000]"},
	{.name = "inflight", .kind = OPT_NUMBER, .dst = &opts.inflight, .arg = "N", .min = 1, .max = 60000,
	 .help = "open connections of lifecycle with both ends [256]"},
	{.kind = OPT_HEADING, .help = "Output"},
	{.name = "json", .kind = OPT_TEXT, .dst = &opts.json, .arg = "FILE",
	 .help = "write every row with all of its rounds, and the goals"},
	{.name = "plot", .kind = OPT_TEXT, .dst = &opts.plot, .arg = "FILE",
	 .help = "draw the rows with gnuplot, .svg or .png"},
	{.name = "compare", .kind = OPT_TEXT, .dst = &opts.compare, .arg = "OLD.json",
	 .help = "compare the rows of this run with those of an older run: by ratio where a row has one,\n"
		 "otherwise by cycles or bytes"},
	{.name = "tolerance", .kind = OPT_CALL, .dst = &opts.tolerance, .arg = "PERCENT", .call = set_real,
	 .help = "a row fails when its median is worse than in OLD.json by more than this [10]"},
	{.name = "against", .kind = OPT_TEXT, .dst = &opts.against, .arg = "OLD_BINARY",
	 .help = "run the benches of another lastack and of this one in turn, and print new / old of the medians"},
	{.name = "pairs", .kind = OPT_NUMBER, .dst = &opts.pairs, .arg = "N", .min = 1, .max = BENCH_ROUNDS,
	 .help = "--against: runs of each of the two programs [5]"},
	OPT_END,
};
/* clang-format on */

static const struct opt *const tables[] = {bench_opts, NULL};

static void
help(void)
{
	printf("NAME\n"
	       "       lastack bench - the cost of a packet and of a connection, compared with a limit of the machine\n"
	       "\n"
	       "SYNOPSIS\n"
	       "       lastack bench [BENCH...] [OPTIONS]\n"
	       "\n"
	       "DESCRIPTION\n"
	       "       Runs a server's shard on a ring pair in this process, without a NIC and hugepages. The\n"
	       "       peer is a generator without a stack: it writes frames from a script and checks every\n"
	       "       answer. Only the server's time is measured: the server receives bursts of 32, runs the\n"
	       "       stack with its timers, and transmits, with checksums in software in both directions.\n"
	       "\n"
	       "       Each figure is the median of the rounds, with the least and the most, in cycles of\n"
	       "       CPU time. The limit (a bare echo of as many frames of the same size through the same\n"
	       "       ring) is measured in every round. Ratio is the rate as a share of the limit's, or of\n"
	       "       another reference that the row names. On a shared machine only ratios can be compared\n"
	       "       from run to run.\n"
	       "\n"
	       "       Without BENCH all benches run, in about four minutes; churn with 100 million entries\n"
	       "       takes 5 GB of memory. The benches are\n\n");
	for (unsigned i = 0; i < NKINDS; i++) {
		const char *nl = strchr(kinds[i]->text, '\n');

		printf("       %-12s %.*s\n", kinds[i]->name,
		       nl ? (int)(nl - kinds[i]->text) : (int)strlen(kinds[i]->text), kinds[i]->text);
		for (; nl; nl = strchr(nl + 1, '\n'))
			printf("       %-12s %.*s\n", "", (int)strcspn(nl + 1, "\n"), nl + 1);
	}
	printf("\nOPTIONS");
	opt_help(tables, stdout);
	printf("\nEXIT STATUS\n"
	       "       0  no fault; a missed goal is printed, and is no failure\n"
	       "       1  could not start; an answer was wrong or missing, a frame was lost, or a counter\n"
	       "          disagrees; or, with --compare, a row is worse by more than --tolerance; or, with\n"
	       "          --against, a run of one of the programs failed\n"
	       "       2  wrong command line\n"
	       "\n"
	       "EXAMPLES\n"
	       "       lastack bench\n"
	       "       lastack bench limit lifecycle --rounds 9 --json new.json\n"
	       "       lastack bench churn --populations 1000000 --compare old.json --tolerance 5\n"
	       "       lastack bench exchange lifecycle --against /usr/bin/lastack --pairs 9\n");
}

/* ------------------------------------------------------------------ the command line */

/* Reads the names of benches, which stand before the options; without a name all are chosen. Returns the index of the
 * first option, or the negative index of an unknown name. */
static int
bench_choose(int argc, char **argv, bool chosen[NKINDS])
{
	int n = 1;

	for (; n < argc && argv[n][0] != '-' && argv[n][0] != '\0'; n++) {
		unsigned i = 0;

		while (i < NKINDS && strcmp(kinds[i]->name, argv[n]) != 0)
			i++;
		if (i == NKINDS)
			return -n;
		chosen[i] = true;
	}
	for (unsigned i = 0; n == 1 && i < NKINDS; i++)
		chosen[i] = true;
	return n;
}

static int
bench_unknown(const char *name)
{
	char text[512];
	size_t n = (size_t)snprintf(text, sizeof(text), "'%s': no such bench; allowed: ", name);

	for (unsigned i = 0; i < NKINDS && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? ", " : "", kinds[i]->name);
	return usage_error("bench", text);
}

static int
bench_failed(const char *text)
{
	fflush(stdout);
	fprintf(stderr, "lastack bench: %s\n", text);
	return EXIT_FAILED;
}

/* ------------------------------------------------------------------ a run */

static int
bench_report(struct bench *b)
{
	char err[256] = "";
	int status = EXIT_OK;

	bench_print_goals(b);
	printf("\n%lu rounds of %g s after one round to warm up, bursts of %d, batches of about %d, TSC %.2f "
	       "GHz\n",
	       (unsigned long)b->opt.rounds, b->opt.seconds, BENCH_BURST, BENCH_BATCH, b->ghz);
	if (b->opt.json && bench_write_json(b, err, sizeof(err)) < 0)
		status = bench_failed(err);
	if (b->opt.plot && bench_plot(b, err, sizeof(err)) < 0)
		status = bench_failed(err);
	if (b->old && !bench_compare(b, stdout))
		status = bench_failed("a row is worse than in the older run, or there is no row to compare");
	if (b->faults)
		status = bench_failed(b->fault);
	return status;
}

/* Sets the defaults that depend on other options. Returns 0, or -1 with a line in err. */
static int
bench_options_check(char *err, size_t size)
{
	if (opts.rounds == 0)
		opts.rounds = opts.against ? 1 : 5;
	if (opts.against == NULL && opts.pairs == 0)
		return 0;
	if (opts.against == NULL)
		snprintf(err, size, "--pairs: was given without --against; allowed: with --against OLD_BINARY");
	else if (opts.compare || opts.plot)
		snprintf(err, size, "--against: was given with --%s; allowed: without",
			 opts.compare ? "compare" : "plot");
	else if (access(opts.against, X_OK) != 0)
		snprintf(err, size, "--against: '%.200s' was given; allowed: a program: %s", opts.against,
			 strerror(errno));
	else {
		opts.pairs = opts.pairs ? opts.pairs : 5;
		return 0;
	}
	return -1;
}

static int
load_old(struct bench *b)
{
	json_error_t e;
	char text[512];

	if (b->opt.compare == NULL)
		return 0;
	b->old = json_load_file(b->opt.compare, 0, &e);
	if (json_is_array(json_object_get(b->old, "rows")))
		return 0;
	snprintf(text, sizeof(text), "--compare: %.200s: %s", b->opt.compare,
		 b->old ? "no JSON of lastack bench" : e.text);
	json_decref(b->old);
	b->old = NULL;
	bench_failed(text);
	return -1;
}

/* Runs the chosen benches of two programs in turn. Returns the exit status. */
static int
bench_alternate(const bool chosen[NKINDS])
{
	const char *names[NKINDS];
	char err[512];
	unsigned n = 0;

	for (unsigned i = 0; i < NKINDS; i++)
		if (chosen[i])
			names[n++] = kinds[i]->name;
	return bench_against(&opts, names, n, err, sizeof(err)) ? bench_failed(err) : EXIT_OK;
}

static int
run(int argc, char **argv)
{
	static struct bench b;
	bool chosen[NKINDS] = {false};
	char err[512];
	int words, status;

	opts = (struct bench_options){.population = 1000000,
				      .inflight = 256,
				      .idle = 10000000,
				      .populations = {0, 1000000, 10000000, 100000000},
				      .npopulations = 4,
				      .seconds = 0.2,
				      .tolerance = 10};
	words = bench_choose(argc, argv, chosen);
	if (words < 0)
		return bench_unknown(argv[-words]);
	switch (opt_parse(argc - words + 1, argv + words - 1, tables, err, sizeof(err))) {
	case OPT_OK:
		break;
	case OPT_HELP:
		help();
		return EXIT_OK;
	case OPT_BAD:
		return usage_error("bench", err);
	}
	if (bench_options_check(err, sizeof(err)) != 0)
		return usage_error("bench", err);
	b = (struct bench){.opt = opts};
	if (opts.json && la_output_check("--json", opts.json, err, sizeof(err)) != 0)
		return bench_failed(err);
	if (opts.against)
		return bench_alternate(chosen);
	if (load_old(&b) != 0)
		return EXIT_FAILED;
	if (bench_start(&b, err, sizeof(err)) != 0)
		return bench_failed(err);
	bench_print_head();
	for (unsigned i = 0; i < NKINDS && b.faults == 0; i++)
		if (chosen[i])
			kinds[i]->run(&b);
	status = bench_report(&b);
	json_decref(b.old);
	bench_stop(&b);
	return status;
}

const struct command command_bench = {
	.name = "bench",
	.summary = "measure the cost of packets and connections against a limit of the machine",
	.synopsis =
		"[BENCH...] [OPTIONS]\n"
		"BENCH: limit exchange repeat lifecycle churn bulk scaling syn-flood ack-garbage idle overload abuse [all]",
	.common = "rounds seconds population idle json plot compare tolerance against",
	.tables = tables,
	.run = run,
};
