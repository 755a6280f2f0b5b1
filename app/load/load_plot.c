/* SPDX-License-Identifier: BSD-3-Clause */

/* Pictures of a CSV, drawn by gnuplot: rates, latency percentiles and TIME_WAIT over time; what the trials of --find-max have
 * carried, and their latencies, over the rate. */

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
		snprintf(err, size, "--plot: the name has characters that gnuplot would not take as they are");
		return -1;
	}
	if (in_path("gnuplot"))
		return 0;
	snprintf(err, size, "--plot: there is no gnuplot (Debian package gnuplot-nox)");
	return -1;
}

static void
script(FILE *f, const char *csv, const char *file, const char *msl)
{
	static const char *const latencies[] = {"handshake", "first_byte", "close"};

	/* noenhanced: underscores are part of our names, no subscripts */
	fprintf(f,
		"set terminal %s noenhanced size 1000,1100\nset output '%s'\nset datafile separator ','\n"
		"set multiplot layout 3,1\nset key outside right top\nset grid\nset xlabel 'seconds'\n"
		"set xrange [0:*]\nset yrange [0:*]\nset ylabel 'connections a second'\n"
		"plot '%s' using 'seconds':'connects' with linespoints title 'opens', \\\n"
		"     '' using 'seconds':'closes' with linespoints title 'orderly closes', \\\n"
		"     '' using 'seconds':($2 > 0 ? $2 : NaN) with lines title 'asked for'\n",
		ends_in(file, ".png") ? "png" : "svg", file, csv);
	/* a run without samples has an empty picture: gnuplot wants one point at least */
	fprintf(f, "set ylabel 'latency, us'\nset logscale y\nset yrange [*:*]\n"
		   "plot '%s' using 'seconds':(1) with lines lt nodraw notitle", csv);
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
load_plot(const char *csv, const char *file, enum plot_kind kind, uint32_t msl_ms, char *err, size_t size)
{
	FILE *f = popen("gnuplot >/dev/null 2>&1", "w");
	char msl[16];
	int status;

	if (f == NULL) {
		snprintf(err, size, "--plot: gnuplot: %s", strerror(errno));
		return -1;
	}
	fprintf(f, "set datafile columnheaders\n");
	if (kind == PLOT_TRIALS)
		trial_script(f, csv, file);
	else
		script(f, csv, file, la_format_duration(msl_ms, msl, sizeof(msl)));
	status = pclose(f);
	if (status == 0)
		return 0;
	snprintf(err, size, "--plot: gnuplot could not draw %s (status %d)", file, WEXITSTATUS(status));
	return -1;
}
