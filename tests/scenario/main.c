/* SPDX-License-Identifier: BSD-3-Clause */

/* seg FILE.seg...: plays scenario files, and prints how many rows pass. */

#include "seg.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATES = 12, EVENTS = 22, CELLS = STATES * EVENTS };

static const char *playing; /* the present row, for the report of a crash */

static void
usage(FILE *to)
{
	fputs("usage: seg [--row NAME]... [-v] FILE.seg...\n"
	      "       seg --list FILE.seg...\n"
	      "       seg --cover rows.txt FILE.seg...\n"
	      "Plays scenarios against one shard in virtual time; tests/scenario/README.md has the "
	      "format.\n"
	      "  --row NAME   plays only this row\n"
	      "  -v           prints the trace during the run\n"
	      "  --list       prints name and text of each row\n"
	      "  --cover FILE fails unless every row of the list FILE exists exactly once, and no "
	      "other M- row exists\n",
	      to);
}

/* Prints the row, then ends by the same signal. */
static void
crashed(int sig)
{
	static const char text[] = "crashed in row ";

	if (write(2, text, sizeof(text) - 1) && write(2, playing, strlen(playing)) && write(2, "\n", 1))
		signal(sig, SIG_DFL);
	signal(sig, SIG_DFL);
	raise(sig);
}

static bool
play_variants(const struct row *row, bool verbose)
{
	bool ok = true;

	playing = row->name;
	for (unsigned v = variant_next(row->each, 0); v; v = variant_next(row->each, v))
		if (!play_row(row, v, verbose))
			ok = false;
	return ok;
}

static unsigned
rows_named(const struct row *rows, const char *name)
{
	unsigned n = 0;

	for (; rows; rows = rows->next)
		n += strcmp(rows->name, name) == 0;
	return n;
}

/* The last line has Criterion's format: tests/tally counts a row as a test case. */
static int
play_all(const struct row *rows, char *const *only, unsigned nonly, bool verbose)
{
	unsigned passed = 0, failed = 0;

	for (unsigned i = 0; i < nonly; i++) {
		if (rows_named(rows, only[i]) == 0) {
			fprintf(stderr, "seg: no row '%s'\n", only[i]);
			return 2;
		}
	}
	for (const struct row *r = rows; r; r = r->next) {
		bool wanted = nonly == 0;

		for (unsigned i = 0; i < nonly && !wanted; i++)
			wanted = strcmp(only[i], r->name) == 0;
		if (!wanted)
			continue;
		if (verbose)
			fprintf(stderr, "%s:%d: %s \"%s\"\n", r->file, r->line, r->name, r->text);
		if (play_variants(r, verbose))
			passed++;
		else
			failed++;
	}
	printf("Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: 0\n", passed + failed, passed, failed);
	return failed ? 1 : 0;
}

/* --- coverage ------------------------------------------------------------------------------- */

struct list {
	char id[CELLS + 1][32];
	unsigned n;
};

static void
read_list(struct list *l, const char *path)
{
	char text[256];
	FILE *f = fopen(path, "r");

	if (f == NULL)
		parse_fail(&(struct place){path, 0}, "cannot be opened");
	while (l->n <= CELLS && fgets(text, sizeof(text), f))
		if (text[0] != '#' && sscanf(text, "%31s", l->id[l->n]) == 1)
			l->n++;
	fclose(f);
}

static unsigned
listed(const struct list *l, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->n; i++)
		n += strcmp(l->id[i], name) == 0;
	return n;
}

/* Checks that every listed row exists exactly once, that every M- row is listed, and that no row is empty. */
static int
cover(const struct row *rows, const char *path)
{
	static struct list l;
	unsigned wrong = 0;

	read_list(&l, path);
	if (l.n != CELLS) {
		fprintf(stderr, "%s: expected %d x %d rows\n", path, STATES, EVENTS);
		wrong++;
	}
	for (unsigned i = 0; i < l.n; i++) {
		unsigned n = rows_named(rows, l.id[i]), times = listed(&l, l.id[i]);

		if (n == 1 && times == 1)
			continue;
		fprintf(stderr, "%s: listed %u times, defined %u times\n", l.id[i], times, n);
		wrong++;
	}
	for (; rows; rows = rows->next) {
		bool matrix = strncmp(rows->name, "M-", 2) == 0;

		if (rows->nev >= 2 && (!matrix || listed(&l, rows->name)))
			continue;
		fprintf(stderr, "%s:%d: row %s %s\n", rows->file, rows->line, rows->name,
			rows->nev < 2 ? "has fewer than two lines" : "is not listed");
		wrong++;
	}
	return wrong ? 1 : 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"row", required_argument, NULL, 'r'},
						{"list", no_argument, NULL, 'l'},
						{"cover", required_argument, NULL, 'c'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	char **only = seg_alloc((size_t)argc * sizeof(*only));
	const char *list = NULL;
	struct row *rows = NULL;
	bool verbose = false, names = false;
	unsigned nonly = 0;
	int o, status = 0;

	while ((o = getopt_long(argc, argv, "vh", options, NULL)) != -1) {
		if (o == 'r')
			only[nonly++] = optarg;
		else if (o == 'l')
			names = true;
		else if (o == 'c')
			list = optarg;
		else if (o == 'v')
			verbose = true;
		else {
			usage(o == 'h' ? stdout : stderr);
			return o == 'h' ? 0 : 2;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return 2;
	}
	for (int i = optind; i < argc; i++)
		parse_file(argv[i], &rows);
	if (list) {
		status = cover(rows, list);
	} else if (names) {
		for (const struct row *r = rows; r; r = r->next)
			printf("%s\t%s\n", r->name, r->text);
	} else if (rows == NULL) {
		fputs("seg: there is no row in these files\n", stderr);
		status = 2;
	} else {
		signal(SIGABRT, crashed);
		signal(SIGSEGV, crashed);
		status = play_all(rows, only, nonly, verbose);
	}
	seg_free(rows);
	return status;
}
