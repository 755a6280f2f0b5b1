/* SPDX-License-Identifier: BSD-3-Clause */

/* lastack explain: the stories of a connection's end, run in the simulator and drawn as ladders. */

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <jansson.h>

#include "cli/command.h"
#include "cli/nearest.h"
#include "cli/opts.h"
#include "cli/session.h"
#include "explain/explain.h"
#include "io/eal.h"

enum { AUTO, ALWAYS, NEVER };
static const char *const whens[] = {"auto", "always", "never", NULL};

static struct {
	bool list, json, ascii;
	int colour; /* index into whens */
	uint64_t width;
	const char *pcap;
} opts;

static const struct opt explain_opts[] = {
	{.kind = OPT_HEADING, .help = "Output"},
	{.name = "list", .kind = OPT_FLAG, .dst = &opts.list, .help = "list the scenarios, one a line"},
	{.name = "json",
	 .kind = OPT_FLAG,
	 .dst = &opts.json,
	 .help = "print only JSON on standard output: events, claims and verdict"},
	{.name = "pcap",
	 .kind = OPT_TEXT,
	 .dst = &opts.pcap,
	 .arg = "FILE",
	 .help = "write every segment, also a lost one, to FILE as pcapng, in virtual time, on the interface\n"
		 "of its sender. A segment that a router holds or copies is captured again on the interface\n"
		 "'router'. Each further scenario begins on the next day of 1970"},
	{.name = "color",
	 .kind = OPT_CHOICE,
	 .dst = &opts.colour,
	 .arg = "auto|always|never",
	 .choices = whens,
	 .help = "print colours [auto: on a terminal, unless NO_COLOR is set]"},
	{.name = "ascii",
	 .kind = OPT_FLAG,
	 .dst = &opts.ascii,
	 .help = "draw arrows with ASCII characters [box-drawing characters on a UTF-8 terminal]"},
	{.name = "width",
	 .kind = OPT_NUMBER,
	 .dst = &opts.width,
	 .arg = "COLUMNS",
	 .min = 80,
	 .max = 200,
	 .help = "width of the ladder [96; on a narrower terminal its width, at least 80]"},
	OPT_END,
};

static const struct opt *const tables[] = {explain_opts, NULL};

static const struct {
	const char *text;
	const struct scenario *stories;
} themes[] = {
	{"How connections close", explain_closing}, {"Why the sender of the last ACK waits", explain_lingering},
	{"Old duplicates", explain_duplicates},	    {"Opening the same tuple again", explain_reopening},
	{"What it costs", explain_budget},
};
enum { NTHEMES = sizeof(themes) / sizeof(themes[0]) };

/* ------------------------------------------------------------------ finding a scenario */

static const struct scenario *
explain_find(const char *name)
{
	for (unsigned t = 0; t < NTHEMES; t++)
		for (const struct scenario *s = themes[t].stories; s->name; s++)
			if (strcmp(s->name, name) == 0)
				return s;
	return NULL;
}

static const char *
explain_nearest(const char *name)
{
	const char *best = "";
	unsigned least = UINT32_MAX;

	for (unsigned t = 0; t < NTHEMES; t++)
		for (const struct scenario *s = themes[t].stories; s->name; s++) {
			unsigned d = name_distance(name, s->name);

			/* the nearest name contains the given one: sequence-wrap for "wrap" */
			if (strlen(name) >= 3 && strstr(s->name, name))
				d = 0;
			if (d < least) {
				least = d;
				best = s->name;
			}
		}
	return best;
}

static void
explain_list(void)
{
	for (unsigned t = 0; t < NTHEMES; t++) {
		printf("%s%s\n", t ? "\n" : "", themes[t].text);
		for (const struct scenario *s = themes[t].stories; s->name; s++)
			printf("  %-38s %s\n", s->name, s->title);
	}
}

/* ------------------------------------------------------------------ running scenarios */

static struct la_ladder_style
explain_style(void)
{
	struct la_ladder_style st = {.width = 96};
	bool tty = isatty(STDOUT_FILENO);
	const char *no = getenv("NO_COLOR");
	struct winsize ws;

	if (tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0 && ws.ws_col < 96)
		st.width = ws.ws_col < 80 ? 80 : ws.ws_col;
	if (opts.width)
		st.width = (unsigned)opts.width;
	st.colour = opts.colour == ALWAYS || (opts.colour == AUTO && tty && !(no && no[0]));
	setlocale(LC_CTYPE, "");
	st.utf8 = tty && !opts.ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	return st;
}

/* Runs and prints one story. Returns its JSON, or NULL. *status is EXIT_FAILED when a claim does not hold or the run
 * failed. */
static json_t *
explain_tell(const struct scenario *sc, struct la_pcapng *pcap, unsigned index, int *status)
{
	static struct explain x;
	struct la_ladder_style st = explain_style();
	json_t *o = NULL;

	memset(&x, 0, sizeof(x));
	x.sc = sc;
	x.pcap = pcap;
	x.pcap_us = index * 86400000000ull;
	sc->run(&x);
	st.absolute = sc->absolute;
	if (x.error[0]) {
		fprintf(stderr, "lastack explain: %s: %s\n", sc->name, x.error);
		*status = EXIT_FAILED;
	} else if (opts.json) {
		o = ex_json(&x);
	} else {
		if (index)
			printf("\n\n");
		ex_print(&x, &st);
	}
	if (x.failed)
		*status = EXIT_FAILED;
	la_ladder_destroy(x.ladder);
	if (x.w)
		la_sim_destroy(x.w);
	return o;
}

static int
tell_all(const struct scenario *only, struct la_pcapng *pcap)
{
	json_t *all = json_array();
	int status = EXIT_OK;
	unsigned index = 0;

	for (unsigned t = 0; t < NTHEMES; t++)
		for (const struct scenario *s = themes[t].stories; s->name; s++) {
			json_t *o;

			if (only && s != only)
				continue;
			o = explain_tell(s, pcap, index++, &status);
			if (o)
				json_array_append_new(all, o);
		}
	if (opts.json) {
		json_dumpf(only ? json_array_get(all, 0) : all, stdout,
			   JSON_INDENT(2) | JSON_REAL_PRECISION(12) | JSON_ENCODE_ANY);
		putchar('\n');
	}
	json_decref(all);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "lastack explain: cannot write: %s\n", strerror(errno));
		status = EXIT_FAILED;
	}
	return status;
}

static struct la_pcapng *
open_pcap(void)
{
	/* one interface for each host, with the simulator's name, and one for all routers */
	static const char *const names[LA_SIM_HOSTS + 1] = {"A", "B", "C", "D", "E", "F", "G", "H", "router"};
	struct la_pcapng *pcap = la_pcapng_open(opts.pcap, names, LA_SIM_HOSTS + 1);

	if (!pcap)
		fprintf(stderr, "lastack explain: --pcap: %s: %s\n", opts.pcap, strerror(errno));
	return pcap;
}

static int
run_stories(const struct scenario *only)
{
	struct la_eal_config cfg = {
		.args = {"--no-huge", "--log-level=error"}, .nargs = 2, .lcores = 1, .memory_mb = 64};
	struct la_pcapng *pcap = NULL;
	struct la_eal eal;
	char err[400];
	int status;

	if (opts.pcap && !(pcap = open_pcap()))
		return EXIT_FAILED;
	if (la_eal_start(&cfg, &eal, err, sizeof(err)) != 0) {
		fprintf(stderr, "lastack explain: %s\n", err);
		if (pcap)
			la_pcapng_close(pcap);
		return EXIT_FAILED;
	}
	status = tell_all(only, pcap);
	if (pcap && la_pcapng_close(pcap) != 0) {
		fprintf(stderr, "lastack explain: --pcap: %s: could not be written\n", opts.pcap);
		status = EXIT_FAILED;
	}
	la_eal_stop();
	return status;
}

/* ------------------------------------------------------------------ the command line */

static void
help(void)
{
	printf("NAME\n"
	       "       lastack explain - how TCP connections end, shown by running them\n"
	       "\n"
	       "SYNOPSIS\n"
	       "       lastack explain [OPTIONS] SCENARIO | all\n"
	       "       lastack explain [--list]\n"
	       "\n"
	       "DESCRIPTION\n"
	       "       Runs the scenario in a simulated network, in virtual time. Both hosts have the "
	       "stack of\n"
	       "       'lastack server'. The run is drawn as a ladder, as in the TCP literature: a "
	       "segment is\n"
	       "       an arrow with flags, SEQ and ACK, from its sender's state to its receiver's "
	       "state. The\n"
	       "       time of the row's first event, in seconds, is on the left. Below the ladder "
	       "are a text\n"
	       "       about the run, the claims with the values of the run, and a verdict. Without a\n"
	       "       scenario all scenarios are listed. No NIC, no hugepages and no root are "
	       "needed.\n"
	       "\n"
	       "   Reading a ladder\n"
	       "       --->        the segment arrives before any other event of its receiver\n"
	       "       --- ...     the segment is in flight; the row where it arrives begins with ...\n"
	       "       ---X        the segment is lost\n"
	       "       [router]    a router holds the segment, and forwards it later\n"
	       "       #1 #2       number of the segment's incarnation of the tuple\n"
	       "       SEQ, ACK    count from the incarnation's ISS; sequence-wrap shows the numbers "
	       "as on the wire\n"
	       "       A user's calls and callbacks are below the states of the user's host.\n"
	       "\n"
	       "   Weakened hosts\n"
	       "       Scenarios named -without-... (and others with a line 'Weakened') show the purpose "
	       "of a rule\n"
	       "       with a host that breaks the rule. The simulator changes this host from outside. "
	       "The stack\n"
	       "       has no switch for this, and no other subcommand can break a rule.\n"
	       "\n"
	       "SCENARIOS\n");
	for (unsigned t = 0; t < NTHEMES; t++) {
		printf("%s   %s\n", t ? "\n" : "", themes[t].text);
		for (const struct scenario *s = themes[t].stories; s->name; s++)
			printf("       %s\n              %s\n", s->name, s->title);
	}
	printf("\nOPTIONS\n");
	opt_help(tables, stdout);
	printf("\n"
	       "EXAMPLES\n"
	       "       lastack explain lost-last-ack\n"
	       "       lastack explain wandering-duplicate-without-time-wait --pcap old.pcapng\n"
	       "       lastack explain all --json | jq '.[] | {scenario, ok, verdict}'\n"
	       "\n"
	       "FILES\n"
	       "       --json prints one object, with 'all' an array of them. Keys: scenario, title, "
	       "weakened\n"
	       "       (a text; null: no host is weakened), events [{time, what, host, ...}], table "
	       "(lines),\n"
	       "       claims [{what, value, claimed, ok}], happened, verdict (null: a claim does not "
	       "hold), ok.\n"
	       "\n"
	       "EXIT STATUS\n"
	       "       0  every claim of the scenario holds\n"
	       "       1  a claim does not hold (lines marked NO), or the run or its output failed\n"
	       "       2  wrong command line\n");
}

/* Removes the first bare word from argv and returns it; NULL: there is none. opt_parse() refuses further bare words. */
static const char *
take_name(int *argc, char **argv)
{
	const char *name = NULL;
	int n = 1;

	for (int i = 1; i < *argc; i++) {
		bool value = strcmp(argv[i - 1], "--pcap") == 0 || strcmp(argv[i - 1], "--color") == 0 ||
			     strcmp(argv[i - 1], "--width") == 0;

		if (!name && argv[i][0] != '-' && !value)
			name = argv[i];
		else
			argv[n++] = argv[i];
	}
	*argc = n;
	return name;
}

static int
run(int argc, char **argv)
{
	const struct scenario *sc = NULL;
	char *args[32], err[256];
	const char *name;

	if (argc >= (int)(sizeof(args) / sizeof(args[0])))
		return usage_error("explain", "too many arguments");
	memcpy(args, argv, (size_t)argc * sizeof(*args));
	name = take_name(&argc, args);
	switch (opt_parse(argc, args, tables, err, sizeof(err))) {
	case OPT_HELP:
		help();
		return EXIT_OK;
	case OPT_BAD:
		return usage_error("explain", err);
	case OPT_OK:
		break;
	}
	if (!name && (opts.pcap || opts.json) && !opts.list)
		return usage_error("explain", "no scenario was given; allowed: all, or a name of --list");
	if (!name || opts.list) {
		explain_list();
		if (!opts.list)
			printf("\nBegin with: lastack explain lost-last-ack\n");
		return EXIT_OK;
	}
	if (strcmp(name, "all") != 0 && !(sc = explain_find(name))) {
		snprintf(err, sizeof(err), "'%s': no such scenario; the nearest is %s; --list has them all", name,
			 explain_nearest(name));
		return usage_error("explain", err);
	}
	return run_stories(sc);
}

const struct command command_explain = {
	.name = "explain",
	.summary = "how connections end, shown by running them in a simulated network",
	.synopsis = "SCENARIO | all [OPTIONS]; lastack explain lists the scenarios",
	.common = "list json pcap color ascii width",
	.tables = tables,
	.run = run,
};
