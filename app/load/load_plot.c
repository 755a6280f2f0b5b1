/* SPDX-License-Identifier: BSD-3-Clause */

/* Pictures, drawn by gnuplot. A run: rates, latency percentiles, TIME_WAIT and the cost of the workers over time. A
 * ramp: also the results of the steps over their rates. --find-max: carried rates and latencies of the trials over
 * their rates. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load/load_report.h"
#include "run/units.h"

static bool
ends_in(const char *text, const char *tail)
{
	size_t n = strlen(text), m = strlen(tail);

	return n > m && strcmp(text + n - m, tail) == 0;
}

static bool
in_path(const char *program)
{
	const char *path = getenv("PATH");
	char file[512];

	while (path && *path) {
		size_t n = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)n, path, program);
		if (access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

int
load_plot_check(const char *file, char *err, size_t size)
{
	if (!ends_in(file, ".png") && !ends_in(file, ".svg")) {
		snprintf(err, size, "--plot: '%s' was given; allowed: FILE.png or FILE.svg", file);
		return -1;
	}
	if (strpbrk(file, "'\n\\")) {
		snprintf(err, size, "--plot: the name must have no quote, no backslash and no line feed");
		return -1;
	}
	if (in_path("gnuplot"))
		return 0;
	snprintf(err, size, "--plot: there is no gnuplot (Debian package gnuplot-nox)");
	return -1;
}

/* Writes inline data, a line for each step. A field without samples is "?". */
static void
step_data(const struct load_report *r, FILE *f)
{
	static const enum load_latency columns[] = {LAT_HANDSHAKE, LAT_FIRST_BYTE, LAT_CLOSE, LAT_LAG};
	struct la_histogram *h = calloc(1, sizeof(*h));

	fprintf(f, "$steps << EOD\nrate,complete,failed,handshake,first_byte,close,lag\n");
	for (unsigned i = 0; h && i < r->cfg->pace.nsteps; i++) {
		struct load_step_counts n;

		load_step_read(r, i, &n);
		if (n.seconds <= 0)
			continue;
		fprintf(f, "%lu,%.1f,%.1f", r->cfg->pace.step[i].rate, (double)n.complete / n.seconds,
			(double)n.failed / n.seconds);
		for (unsigned k = 0; k < sizeof(columns) / sizeof(columns[0]); k++) {
			load_step_latency(r, i, columns[k], h);
			if (h->total != 0)
				fprintf(f, ",%.1f", (double)la_histogram_percentile(h, 99) / 1e3);
			else
				fprintf(f, ",?");
		}
		fprintf(f, "\n");
	}
	fprintf(f, "EOD\n");
	free(h);
}

/* Draws the rates of complete and failed connections of each step, and its latencies, over its rate. */
static void
step_pictures(FILE *f)
{
	static const char *const latencies[] = {"handshake", "first_byte", "close", "lag"};

	fprintf(f,
		"set xlabel 'step, offered connections a second'\nset yrange [0:*]\nset ylabel 'connections a second'\n"
		"plot $steps using 'rate':'complete' with linespoints title 'complete', \\\n"
		"     '' using 'rate':'failed' with linespoints title 'failed', \\\n"
		"     '' using 'rate':'rate' with lines title 'offered'\n"
		"set ylabel 'p99 of a step, us'\nset logscale y\nset yrange [*:*]\n"
		"plot $steps using 'rate':(1) with lines lt nodraw notitle");
	for (unsigned i = 0; i < 4; i++)
		fprintf(f, ", \\\n     '' using 'rate':'%s' with linespoints title '%s'", latencies[i], latencies[i]);
	fprintf(f, "\nunset logscale y\n");
}

static void
worker_picture(FILE *f, const char *csv, unsigned nworkers)
{
	fprintf(f,
		"set yrange [0:*]\nset y2range [0:*]\nset y2tics\nset ylabel 'busy share'\nset y2label 'cycles a connection'\n"
		"plot '%s' using 'seconds':(0) with lines lt nodraw notitle",
		csv);
	for (unsigned i = 0; i < nworkers; i++)
		fprintf(f,
			", \\\n     '' using 'seconds':'busy_share_%u' with linespoints title 'worker %u busy', \\\n"
			"     '' using 'seconds':'cycles_per_connection_%u' axes x1y2 with lines title 'worker %u cycles', \\\n"
			"     '' using 'seconds':(column('lag_p99_us_%u') / 1e6) with lines dashtype 2 title 'worker %u lag p99, s'",
			i, i, i, i, i, i);
	fprintf(f, "\nunset y2tics\nunset y2label\n");
}

static void
plot_script(const struct load_report *r, FILE *f, const char *csv, const char *file, const char *msl)
{
	bool ramp = load_is_ramp(r);
	static const char *const latencies[] = {"handshake", "first_byte", "close"};

	/* noenhanced: underscores in names do not begin subscripts */
	fprintf(f,
		"set terminal %s noenhanced size 1000,%d\nset output '%s'\nset datafile separator ','\n"
		"set multiplot layout %d,1\nset key outside right top\nset grid\nset xlabel 'seconds'\n"
		"set xrange [0:*]\nset yrange [0:*]\nset ylabel 'connections a second'\n"
		"plot '%s' using 'seconds':'connects' with linespoints title 'opens', \\\n"
		"     '' using 'seconds':'closes' with linespoints title 'orderly closes', \\\n"
		"     '' using 'seconds':($2 > 0 ? $2 : NaN) with lines title 'asked for'\n",
		ends_in(file, ".png") ? "png" : "svg", ramp ? 2100 : 1400, file, ramp ? 6 : 4, csv);
	/* the invisible points allow an empty picture: gnuplot fails when a plot has no point */
	fprintf(f,
		"set ylabel 'latency, us'\nset logscale y\nset yrange [*:*]\n"
		"plot '%s' using 'seconds':(1) with lines lt nodraw notitle",
		csv);
	for (unsigned i = 0; i < 3; i++)
		fprintf(f,
			", \\\n     '%s' using 'seconds':'%s_p50_us' with lines dashtype 2 title '%s p50', \\\n"
			"     '' using 'seconds':'%s_p99_us' with linespoints title '%s p99'",
			csv, latencies[i], latencies[i], latencies[i], latencies[i]);
	fprintf(f,
		"\nunset logscale y\nset yrange [0:*]\nset ylabel 'TIME_WAIT entries'\n"
		"plot '%s' using 'seconds':'time_wait' with filledcurves x1 title 'TIME_WAIT, MSL %s', \\\n"
		"     '' using 'seconds':'live' with lines title 'live'\n",
		csv, msl);
	worker_picture(f, csv, r->nstations);
	if (ramp)
		step_pictures(f);
}

static void
trial_script(FILE *f, const char *csv, const char *file)
{
	fprintf(f,
		"set terminal %s noenhanced size 1000,800\nset output '%s'\nset datafile separator ','\n"
		"set multiplot layout 2,1\nset key outside right top\nset grid\nset xlabel 'offered, connections a second'\n"
		"set logscale xy\nset ylabel 'carried, orderly closes a second'\n"
		"plot '%s' using 'rate':(column('passes') == 1 ? column('carried') : NaN) with points pointtype 7 title 'passes', \\\n"
		"     '' using 'rate':(column('passes') == 0 ? column('carried') : NaN) with points pointtype 1 title 'fails', \\\n"
		"     '' using 'rate':'rate' smooth unique with lines title 'offered'\n",
		ends_in(file, ".png") ? "png" : "svg", file, csv);
	fprintf(f,
		"set ylabel 'p99, us'\n"
		"plot '%s' using 'rate':'first_byte_p99_us' with points title 'first_byte', \\\n"
		"     '' using 'rate':'close_p99_us' with points title 'close', \\\n"
		"     '' using 'rate':'lag_p99_us' with points title 'lag'\n",
		csv);
}

int
load_plot(const struct load_report *r, const char *csv, const char *file, char *err, size_t size)
{
	FILE *f = popen("gnuplot >/dev/null 2>&1", "w");
	char msl[16];
	int status;

	if (f == NULL) {
		snprintf(err, size, "--plot: gnuplot: %s", strerror(errno));
		return -1;
	}
	fprintf(f, "set datafile columnheaders\n");
	if (load_is_ramp(r))
		step_data(r, f);
	if (r->trials)
		trial_script(f, csv, file);
	else
		plot_script(r, f, csv, file, la_format_duration(r->msl_ms, msl, sizeof(msl)));
	status = pclose(f);
	if (status == 0)
		return 0;
	snprintf(err, size, "--plot: gnuplot could not draw %s (status %d)", file, WEXITSTATUS(status));
	return -1;
}
