/* SPDX-License-Identifier: BSD-3-Clause */

/* app/bench/time_wait: the cost of the TIME_WAIT table, from tables that fit the cache to a hundred
 * million entries, compared with rte_hash + rte_timer on the same keys and with bare memory.
 *
 * A table of n entries is filled as by a steady rate of closes: n in 2*MSL = 60 s, a burst at
 * a time, with k live connections in addition. Rounds follow, which keep the table full and in the state
 * after churn. Each round does k of each operation, in bursts, on each structure in turn:
 *
 *	expire    the oldest entries are due on the wheel and are removed
 *	insert    the work of an open: a reservation, and a reference in the index
 *	enter     a connection that was inserted k insertions earlier enters TIME_WAIT: its reference is found and
 *	          overwritten, the entry is written, and the wheel gets a reference
 *
 * Then follow k look-ups of existing keys (hit; the entry is read), and k of missing keys (miss). Further rounds
 * measure the spike, repeated FINs and reopens. In the spike, up to a million entries expire in one tick together with
 * other entries, by polls with the bound of lib/tcp/tcp.c. A repeated FIN is a look-up, a verdict, and a restart of
 * 2*MSL. A reopen is a look-up and a verdict; then the entry becomes a shadow, its reference in the index is
 * overwritten, and the entry is forgotten. At the end all entries expire. Every verdict, look-up and count is checked.
 * Index, wheel and table of up to a million entries are also checked by their own checkers.
 *
 * Bursts of 32 are created before the measured time, like the parsed segments of a received burst. Before a sample, and
 * in small parts between bursts, other memory is written, so that the caches hold only what a server's caches
 * would hold. Figures are TSC cycles per operation, medians of the rounds. A burst that took more than 5 times
 * as long as the median burst of its sample was interrupted by this system or by the host:
 * it is left out and counted. Of the spike's polls only those with a thread switch of this system are
 * left out.
 */

#include <ctype.h>
#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include "bench/time_wait.h"

/* ------------------------------------------------------------------ main */

static void
print_usage(void)
{
	printf("app/bench/time_wait: the cost of the TIME_WAIT table, compared with rte_hash + rte_timer and "
	       "bare memory\n"
	       "  --sizes LIST   entries: 100k,1M,10M; 100M needs 18 GiB of free memory [100k,1M,10M]\n"
	       "  --rounds N     rounds, of which medians are printed [5]\n"
	       "  --json FILE    the results for machines\n"
	       "  --plot FILE    cost against size, .png or .svg (by gnuplot)\n");
}

/* Reads the sizes and rounds each down to a multiple of a burst. Returns 0 or -1. */
static int
parse_sizes(const char *list, struct bench *b)
{
	b->nsizes = 0;
	for (const char *s = list; *s;) {
		char *end;
		double n = strtod(s, &end);

		if (*end && strchr("kKmM", *end))
			n *= tolower(*end++) == 'k' ? 1e3 : 1e6;
		if (end == s || (*end && *end != ',') || !(n >= 1e4) || n > 4e8 || b->nsizes == MAX_SIZES)
			return -1;
		b->size[b->nsizes++].n = (uint32_t)n / BURST * BURST;
		s = *end ? end + 1 : end;
	}
	return b->nsizes ? 0 : -1;
}

static int
parse_options(int argc, char **argv, struct bench *b)
{
	static const struct option longs[] = {
		{"sizes", required_argument, NULL, 's'}, {"rounds", required_argument, NULL, 'r'},
		{"json", required_argument, NULL, 'j'},	 {"plot", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},	 {NULL, 0, NULL, 0},
	};
	const char *sizes = "100k,1M,10M";
	int c;

	b->rounds = 5;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			sizes = optarg;
			break;
		case 'r':
			b->rounds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'j':
			b->json = optarg;
			break;
		case 'p':
			b->plot = optarg;
			break;
		case 'h':
			print_usage();
			exit(0);
		default:
			return -1;
		}
	}
	if (optind != argc || b->rounds < 1 || b->rounds > MAX_ROUNDS || parse_sizes(sizes, b) < 0 ||
	    (b->plot && !report_can_plot(b->plot))) {
		print_usage();
		return -1;
	}
	return 0;
}

/* Starts DPDK without hugepages, ports or files: rte_hash gets memory of its own, like the table's. */
static void
start_eal(struct bench *b)
{
	static char prog[] = "time_wait", l[] = "-l", core[16], no_huge[] = "--no-huge", m[] = "-m", mb[] = "64",
		    no_pci[] = "--no-pci", no_shconf[] = "--no-shconf", no_telemetry[] = "--no-telemetry",
		    level[] = "--log-level=error";
	static char *args[] = {prog, l, core, no_huge, m, mb, no_pci, no_shconf, no_telemetry, level};
	cpu_set_t cpus;
	int last = 0;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		for (int i = 0; i < CPU_SETSIZE; i++)
			if (CPU_ISSET(i, &cpus))
				last = i;
	snprintf(core, sizeof(core), "%d", last);
	if (rte_eal_init((int)(sizeof(args) / sizeof(args[0])), args) < 0) {
		fprintf(stderr, "app/bench/time_wait: DPDK does not start\n");
		exit(1);
	}
	b->hz = rte_get_tsc_hz();
}

void
first_line(const char *file, const char *name, char *to, size_t size)
{
	char line[256];
	FILE *f = fopen(file, "r");

	snprintf(to, size, "?");
	while (f && fgets(line, sizeof(line), f)) {
		const char *value = line + strlen(name);

		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		value += strspn(value, "\t :");
		snprintf(to, size, "%.*s", (int)strcspn(value, "\n"), value);
		break;
	}
	if (f)
		fclose(f);
}

int
main(int argc, char **argv)
{
	static struct bench b = {.good = true};

	if (parse_options(argc, argv, &b) < 0)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	start_eal(&b);
	first_line("/sys/kernel/mm/transparent_hugepage/enabled", "", b.thp, sizeof(b.thp));
	first_line("/proc/loadavg", "", b.load, sizeof(b.load));
	first_line("/proc/cpuinfo", "model name", b.cpu, sizeof(b.cpu));
	printf("%s, TSC %.2f GHz; load at the start %s\n"
	       "memory: anonymous with MADV_HUGEPAGE (transparent hugepages: %s)\n",
	       b.cpu, (double)b.hz / 1e9, b.load, b.thp);
	for (unsigned i = 0; i < b.nsizes; i++) {
		pass_run(&b, &b.size[i], true);
		pass_run(&b, &b.size[i], false);
		report_size(&b, &b.size[i]);
	}
	report_goals(&b);
	if (b.json && report_json(&b) < 0)
		b.good = false;
	if (b.plot && report_plot(&b) < 0)
		b.good = false;
	rte_eal_cleanup();
	return b.good ? 0 : 1;
}
