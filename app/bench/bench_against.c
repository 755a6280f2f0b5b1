/* SPDX-License-Identifier: BSD-3-Clause */

/* `lastack bench --against OLD_BINARY`: runs the benches of another lastack and of this one in turn, each run in a
 * process of its own, and divides the medians.
 *
 * The speed of a shared machine changes within minutes. The two runs of a pair follow each other, so both meet the same
 * speed; the order of the two changes from pair to pair, so that a trend favours neither. A run is the program with the
 * options of this one and --json, and a row's figure is the median of the run's rounds. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "cli/command.h"

enum { ARGS = BENCH_KINDS + 12, TEXT = 128 };

struct against_row {
	char name[80];
	const char *unit;
	struct bench_series old, now, ratio; /* one figure for each pair; ratio: now / old of a pair */
};

struct against {
	const struct bench_options *opt;
	struct against_row row[BENCH_ROWS];
	unsigned nrows;
	char text[6][TEXT];
	const char *argv[ARGS]; /* of both programs, except argv[0] */
	char json[32];		/* the file that a run writes */
};

/* ------------------------------------------------------------------ runs */

static void
against_populations(const struct bench_options *o, char *text)
{
	size_t n = (size_t)snprintf(text, TEXT, "--populations=");

	for (unsigned i = 1; i < o->npopulations; i++)
		n += (size_t)snprintf(text + n, TEXT - n, "%s%lu", i > 1 ? "," : "", o->populations[i]);
}

static void
against_arguments(struct against *a, const char *const *names, unsigned n)
{
	const struct bench_options *o = a->opt;
	unsigned k = 1;

	a->argv[k++] = "bench";
	for (unsigned i = 0; i < n; i++)
		a->argv[k++] = names[i];
	snprintf(a->text[0], TEXT, "--rounds=%lu", o->rounds);
	snprintf(a->text[1], TEXT, "--seconds=%g", o->seconds);
	snprintf(a->text[2], TEXT, "--population=%lu", o->population);
	snprintf(a->text[3], TEXT, "--idle=%lu", o->idle);
	snprintf(a->text[4], TEXT, "--inflight=%lu", o->inflight);
	against_populations(o, a->text[5]);
	for (unsigned i = 0; i < 6; i++)
		a->argv[k++] = a->text[i];
	a->argv[k++] = "--json";
	a->argv[k++] = a->json;
	a->argv[k] = NULL;
}

/* Runs a program with the arguments, and reads its JSON. Returns NULL with a line in err. The program's stdout is
 * dropped, and its stderr is kept. */
static json_t *
against_run(const struct against *a, const char *program, char *err, size_t size)
{
	char *argv[ARGS];
	json_error_t e;
	json_t *j;
	int status;
	pid_t pid;

	memcpy(argv, a->argv, sizeof(argv));
	argv[0] = (char *)(uintptr_t)program;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (freopen("/dev/null", "w", stdout) != NULL)
			execv(program, argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		snprintf(err, size, "--against: %s: %s", program, strerror(errno));
		return NULL;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		snprintf(err, size, "--against: %.200s: %s %d", program, WIFEXITED(status) ? "status" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		return NULL;
	}
	j = json_load_file(a->json, 0, &e);
	if (json_is_array(json_object_get(j, "rows")))
		return j;
	snprintf(err, size, "--against: %.200s: no JSON of lastack bench", program);
	json_decref(j);
	return NULL;
}

/* ------------------------------------------------------------------ rows */

static double
against_figure(const json_t *row)
{
	const json_t *s = json_object_get(row, "cycles");

	return json_number_value(json_object_get(s ? s : json_object_get(row, "bytes"), "median"));
}

static struct against_row *
against_row(struct against *a, const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	unsigned i = 0;

	if (name == NULL || against_figure(row) <= 0)
		return NULL;
	while (i < a->nrows && strcmp(a->row[i].name, name) != 0)
		i++;
	if (i == BENCH_ROWS)
		return NULL;
	if (i == a->nrows) {
		snprintf(a->row[i].name, sizeof(a->row[i].name), "%s", name);
		a->row[i].unit = json_object_get(row, "bytes") ? "bytes" : "cycles";
		a->nrows++;
	}
	return &a->row[i];
}

/* Adds the figures of a pair: those of the rows that both runs have. */
static void
against_add(struct against *a, const json_t *old, const json_t *now)
{
	json_t *mine, *theirs;
	size_t i, k;

	json_array_foreach(json_object_get(now, "rows"), i, mine) {
		json_array_foreach(json_object_get(old, "rows"), k, theirs) {
			struct against_row *r;
			double before;

			if (!json_equal(json_object_get(mine, "name"), json_object_get(theirs, "name")))
				continue;
			r = against_row(a, mine);
			before = against_figure(theirs);
			if (r == NULL || before <= 0)
				continue;
			bench_add(&r->now, against_figure(mine));
			bench_add(&r->old, before);
			bench_add(&r->ratio, against_figure(mine) / before);
		}
	}
}

/* Runs pair number i. Returns 0, or -1 with a line in err. */
static int
against_pair(struct against *a, unsigned i, char *err, size_t size)
{
	const char *const program[2] = {a->opt->against, "/proc/self/exe"};
	json_t *j[2] = {NULL, NULL};
	bool good = true;

	for (unsigned k = 0; k < 2 && good; k++) {
		unsigned which = (i + k) % 2;

		j[which] = against_run(a, program[which], err, size);
		good = j[which] != NULL;
	}
	if (good)
		against_add(a, j[0], j[1]);
	json_decref(j[0]);
	json_decref(j[1]);
	return good ? 0 : -1;
}

/* ------------------------------------------------------------------ the result */

static double
against_ratio(const struct against_row *r)
{
	return bench_rank(&r->now, 0.5) / bench_rank(&r->old, 0.5);
}

static void
against_print(const struct against *a)
{
	printf("%-66s %10s %10s %8s %16s\n", "", "old", "new", "new/old", "least..most");
	for (unsigned i = 0; i < a->nrows; i++) {
		const struct against_row *r = &a->row[i];

		printf("%-66s %10.1f %10.1f %8.3f %7.3f..%-7.3f %s\n", r->name, bench_rank(&r->old, 0.5),
		       bench_rank(&r->now, 0.5), against_ratio(r), bench_rank(&r->ratio, 0), bench_rank(&r->ratio, 1),
		       r->unit);
	}
}

static int
against_json(const struct against *a, char *err, size_t size)
{
	json_t *rows = json_array(), *j;
	int rc;

	for (unsigned i = 0; i < a->nrows; i++) {
		const struct against_row *r = &a->row[i];

		json_array_append_new(
			rows, json_pack("{s:s, s:s, s:f, s:o, s:o, s:o}", "name", r->name, "unit", r->unit, "ratio",
					against_ratio(r), "old", bench_series_json(&r->old, 1), "new",
					bench_series_json(&r->now, 1), "ratios", bench_series_json(&r->ratio, 1)));
	}
	j = json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:o}", "program", "lastack bench --against", "version",
		      lastack_version, "against", a->opt->against, "pairs", (json_int_t)a->opt->pairs, "rounds",
		      (json_int_t)a->opt->rounds, "seconds", a->opt->seconds, "rows", rows);
	rc = j ? json_dump_file(j, a->opt->json, JSON_INDENT(2)) : -1;
	json_decref(j);
	if (rc < 0)
		snprintf(err, size, "--json: %s: cannot be written", a->opt->json);
	return rc;
}

int
bench_against(const struct bench_options *o, const char *const *names, unsigned n, char *err, size_t size)
{
	static struct against a;
	int fd, rc = 0;

	a = (struct against){.opt = o, .json = "/tmp/lastack-bench-XXXXXX"};
	fd = mkstemp(a.json);
	if (fd < 0) {
		snprintf(err, size, "--against: %s: %s", a.json, strerror(errno));
		return -1;
	}
	close(fd);
	against_arguments(&a, names, n);
	printf("%lu pairs of runs of %s and of this program, %lu rounds of %g s in each run; medians\n\n", o->pairs,
	       o->against, o->rounds, o->seconds);
	fflush(stdout);
	for (unsigned i = 0; i < o->pairs && rc == 0; i++)
		rc = against_pair(&a, i, err, size);
	unlink(a.json);
	if (rc == 0 && a.nrows == 0) {
		snprintf(err, size, "--against: the two programs have no row in common");
		rc = -1;
	}
	if (rc == 0)
		against_print(&a);
	if (rc == 0 && o->json)
		rc = against_json(&a, err, size);
	return rc;
}
