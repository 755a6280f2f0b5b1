/* SPDX-License-Identifier: BSD-3-Clause */

/* tests/search/random: runs random worlds until the given number of connections was opened or a rule was broken. Each
 * world runs twice, with and without the fast path of the hosts. Both runs must give the same frames, counters and
 * transitions. World i of a run has seed S + i. The program makes a failing world smaller: it leaves out connections,
 * kinds of events and bytes, as long as the world still fails. It prints the smallest world as a command line, with
 * the ladder of the tuple. */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "../support/eal.h"
#include "../support/fast_path_record.h"
#include "random.h"

enum { SHRINK_RUNS = 2000, SHRINK_SECONDS = 60 };

static struct rw_result result, total;
static uint64_t compared; /* events of both paths */
static char running[300]; /* the world, for the report of a crash */

static const char usage[] = "random [--seed S] [--connections N] [--faults 0|1|2|3] [--ip4|--ip6|--both] [--seconds "
			    "T]\n"
			    "       [--beyond-law]              holds up to 10 MSL, ISNs fixed: a wrong byte must be "
			    "found\n"
			    "       [--world N]                 one world of N attempts\n"
			    "       [--paths fast|general|both] the hosts' paths; both: each world runs both ways, "
			    "and must be the same [both]\n"
			    "       [--differ]                  in the second run a RST ends TIME_WAIT at host A: a "
			    "difference must be found\n"
			    "       [--without KIND,...] [--max-bytes N] [--only I,I-J,...]   parts of each world\n";

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct rte_mempool *
rw_control_pool(void)
{
	static struct rte_mempool *pool;

	if (!pool)
		pool = rte_pktmbuf_pool_create("random_control", RW_CONTROL, 0, 0, RTE_PKTMBUF_HEADROOM + 128,
					       SOCKET_ID_ANY);
	if (!pool) {
		fprintf(stderr, "random: no memory for the control pool\n");
		exit(2);
	}
	return pool;
}

/* ------------------------------------------------------------------ a world as a command line */

static void
print_only(FILE *f, const struct rw_spec *s)
{
	const char *sep = " --only ";

	for (unsigned i = 0, k; i < s->attempts; i = k + 1) {
		k = i;
		if (s->left_out[i])
			continue;
		while (k + 1 < s->attempts && !s->left_out[k + 1])
			k++;
		fprintf(f, k > i ? "%s%u-%u" : "%s%u", sep, i, k);
		sep = ",";
	}
}

static void
print_spec(FILE *f, const struct rw_spec *s)
{
	const char *sep = " --without ";

	fprintf(f, "random --seed %llu --world %u --faults %u%s%s", (unsigned long long)s->seed, s->attempts, s->level,
		s->ip4 && s->ip6 ? ""
		: s->ip4	 ? " --ip4"
				 : " --ip6",
		s->beyond ? " --beyond-law" : "");
	fprintf(f, "%s%s", s->differ ? " --differ" : "",
		s->paths == RW_BOTH   ? ""
		: s->paths == RW_FAST ? " --paths fast"
				      : " --paths general");
	for (unsigned k = 0; k < RW_KINDS; k++)
		if (s->without & 1u << k) {
			fprintf(f, "%s%s", sep, rw_kind_name[k]);
			sep = ",";
		}
	if (s->max_bytes)
		fprintf(f, " --max-bytes %u", s->max_bytes);
	if (s->left_out)
		print_only(f, s);
	fputc('\n', f);
}

/* Prints the running world when a signal, such as that of a failed assertion, ends the program. */
static void
on_crash(int sig)
{
	(void)!write(STDERR_FILENO, running, strlen(running));
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Runs the world without a fast path, and compares both runs. */
static void
run_again(const struct rw_spec *s, struct rw_result *r)
{
	static struct rw_result again;
	struct rw_spec general = *s;

	general.trace = NULL;
	general.assassin = s->differ;
	fast_path_begin(false);
	if (rw_world(&general, &again) != 0)
		exit(2);
	fast_path_end();
	if (!fast_path_compare(s->trace ? stdout : NULL) && !r->what[0])
		snprintf(r->what, sizeof(r->what), "the fast path and the general path differ");
	compared += fast_path_compared();
	if (!r->what[0] && again.what[0])
		*r = again; /* a rule is broken after the end of the comparison */
}

static void
run(const struct rw_spec *s, struct rw_result *r)
{
	FILE *f = fmemopen(running, sizeof(running), "w");

	if (f) {
		print_spec(f, s);
		fclose(f);
	}
	fast_path_begin(s->paths != RW_GENERAL);
	if (rw_world(s, r) != 0)
		exit(2);
	fast_path_end();
	if (s->paths == RW_BOTH)
		run_again(s, r);
}

/* ------------------------------------------------------------------ shrinking */

struct shrink {
	struct rw_spec s;
	bool left_out[RW_ATTEMPTS];
	unsigned runs;
	double until;
};

/* Runs the world and returns whether it still fails. A first failure by a wrong byte must remain a wrong byte, and
 * another failure must not become one. Returns false when the bound of runs or seconds is reached. */
static bool
is_still_failing(struct shrink *k, const struct rw_spec *s)
{
	static struct rw_result r;

	if (k->runs >= SHRINK_RUNS || seconds() > k->until)
		return false;
	k->runs++;
	run(s, &r);
	if (!r.what[0] || r.wrong_byte != result.wrong_byte)
		return false;
	result = r;
	return true;
}

static void
leave_out_kinds(struct shrink *k)
{
	for (unsigned i = 0; i < RW_KINDS; i++) {
		struct rw_spec s = k->s;

		s.without |= 1u << i;
		if (s.without != k->s.without && is_still_failing(k, &s))
			k->s = s;
	}
}

static void
limit_bytes(struct shrink *k)
{
	for (uint32_t max = 50000; max > 0; max /= 4) {
		struct rw_spec s = k->s;

		s.max_bytes = max;
		if (!is_still_failing(k, &s))
			return;
		k->s = s;
	}
}

/* Leaves out ranges of attempts: first all attempts, then each half, each quarter and so on, down to single ones. */
static void
leave_out_attempts(struct shrink *k)
{
	for (unsigned n = k->s.attempts; n > 0; n /= 2)
		for (unsigned at = 0; at < k->s.attempts; at += n) {
			bool was[RW_ATTEMPTS];
			unsigned end = at + n < k->s.attempts ? at + n : k->s.attempts, out = 0;

			memcpy(was, k->left_out, sizeof(was));
			for (unsigned i = at; i < end; i++) {
				out += !k->left_out[i];
				k->left_out[i] = true;
			}
			if (out && !is_still_failing(k, &k->s))
				memcpy(k->left_out, was, sizeof(was));
		}
}

static void
shrink(const struct rw_spec *spec)
{
	static struct shrink k;
	static struct rw_result r;
	struct la_tuple t;

	k.s = *spec;
	if (spec->left_out)
		memcpy(k.left_out, spec->left_out, sizeof(k.left_out));
	k.s.left_out = k.left_out;
	k.until = seconds() + SHRINK_SECONDS;
	leave_out_attempts(&k);
	leave_out_kinds(&k);
	limit_bytes(&k);
	leave_out_attempts(&k);
	printf("smallest world, after %u more runs:\n  ", k.runs);
	t = result.tuple;
	print_spec(stdout, &k.s);
	k.s.trace = &t;
	run(&k.s, &r);
	printf("%s, at %.3f ms\n", r.what, (double)r.us / 1000);
}

/* ------------------------------------------------------------------ figures */

static void
add(struct rw_result *sum, const struct rw_result *r)
{
	uint64_t *s = &sum->begun;
	const uint64_t *p = &r->begun;

	for (; p < &r->in[LA_NCOUNTERS]; p++)
		*s++ += *p;
}

static void
print_figures(unsigned worlds, double t)
{
	const struct rw_result *r = &total;
	static const enum la_counter told[] = {LA_C_time_wait_entered,
					       LA_C_time_wait_reopened,
					       LA_C_time_wait_given_back,
					       LA_C_time_wait_fin_acked,
					       LA_C_time_wait_rst_ignored,
					       LA_C_time_wait_syn_refused,
					       LA_C_drop_seq,
					       LA_C_drop_paws,
					       LA_C_tw_reserve_exhausted,
					       LA_C_conn_table_full,
					       LA_C_mbuf_exhausted,
					       LA_C_quiet_time,
					       LA_C_rst_out,
					       LA_C_early_recycles,
					       LA_C_drop_text_memory,
					       LA_C_drop_ooo_memory,
					       LA_C_drop_ooo_pruned,
					       LA_C_send_short,
					       LA_C_aborted_memory,
					       LA_C_aborted_orphans,
					       LA_C_orphans_timed_out,
					       LA_C_syn_cookies_sent};

	printf("%u worlds, %llu opens begun (%llu more refused), %llu connections opened, %llu of them from "
	       "both ends at once\n",
	       worlds, (unsigned long long)r->begun, (unsigned long long)r->refused, (unsigned long long)r->opened,
	       (unsigned long long)r->simultaneous);
	printf("ends:");
	for (unsigned e = 0; e < LA_NENDS; e++)
		printf(" %s %llu", la_end_name((enum la_end)e), (unsigned long long)r->ended[e]);
	printf("\norderly at one end, at the other end:");
	for (unsigned e = 1; e < LA_NENDS; e++)
		if (r->one_sided[e])
			printf(" %s %llu", la_end_name((enum la_end)e), (unsigned long long)r->one_sided[e]);
	printf("\nreasons of these resets: 2*MSL ended %llu, crash of the orderly end %llu, reopen by the orderly end "
	       "%llu\n",
	       (unsigned long long)r->excuse[RW_ENTRY_OVER], (unsigned long long)r->excuse[RW_HOST_CRASHED],
	       (unsigned long long)r->excuse[RW_REUSED]);
	printf("%llu segments: %llu lost, %llu held, %llu copied, %llu corrupted; %llu arrived "
	       "with SEG.SEQ below "
	       "the sender's newest ISN\n",
	       (unsigned long long)r->segments, (unsigned long long)r->lost, (unsigned long long)r->held,
	       (unsigned long long)r->copied, (unsigned long long)r->corrupted, (unsigned long long)r->late);
	printf("%llu restarts, %llu of them crashes; mbufs were withheld %llu times; %llu ISNs below "
	       "the end of the old connection\n",
	       (unsigned long long)r->restarts, (unsigned long long)r->crashes, (unsigned long long)r->starved,
	       (unsigned long long)r->behind);
	for (unsigned i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		printf("%s%s %llu", i ? ", " : "", la_counter_name(told[i]), (unsigned long long)r->in[told[i]]);
	printf("\n%llu events are the same with and without the fast path\n", (unsigned long long)compared);
	printf("%.1f h of virtual time in %.1f s\n", (double)r->virtual_us / 3.6e9, t);
}

/* ------------------------------------------------------------------ options */

struct options {
	struct rw_spec spec;
	uint64_t connections;
	unsigned seconds;
	bool one;
	bool left_out[RW_ATTEMPTS];
};

static void
usage_error(const char *what, const char *value)
{
	fprintf(stderr, "random: %s '%s'\n%s", what, value, usage);
	exit(2);
}

static void
read_without(struct options *o, char *list)
{
	for (char *save, *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		unsigned k = 0;

		while (k < RW_KINDS && strcmp(rw_kind_name[k], w) != 0)
			k++;
		if (k == RW_KINDS)
			usage_error("--without: unknown kind", w);
		o->spec.without |= 1u << k;
	}
}

static void
read_only(struct options *o, char *list)
{
	memset(o->left_out, true, sizeof(o->left_out));
	o->spec.left_out = o->left_out;
	for (char *save, *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		unsigned a, b;
		int n = sscanf(w, "%u-%u", &a, &b);

		b = n == 2 ? b : a;
		if (n < 1 || b < a || b >= RW_ATTEMPTS)
			usage_error("--only takes attempts from 0 to 999, not", w);
		while (a <= b)
			o->left_out[a++] = false;
	}
}

static void
read_options(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {{"seed", required_argument, NULL, 's'},
					      {"connections", required_argument, NULL, 'c'},
					      {"faults", required_argument, NULL, 'f'},
					      {"beyond-law", no_argument, NULL, 'b'},
					      {"ip4", no_argument, NULL, '4'},
					      {"ip6", no_argument, NULL, '6'},
					      {"both", no_argument, NULL, '2'},
					      {"seconds", required_argument, NULL, 't'},
					      {"world", required_argument, NULL, 'w'},
					      {"without", required_argument, NULL, 'x'},
					      {"only", required_argument, NULL, 'o'},
					      {"paths", required_argument, NULL, 'p'},
					      {"differ", no_argument, NULL, 'd'},
					      {"max-bytes", required_argument, NULL, 'm'},
					      {NULL, 0, NULL, 0}};
	int c;

	*o = (struct options){.spec = {.seed = 1, .attempts = RW_ATTEMPTS, .level = 3, .ip4 = true, .ip6 = true},
			      .connections = 20000};
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 's':
			o->spec.seed = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			o->connections = strtoull(optarg, NULL, 0);
			break;
		case 'f':
			o->spec.level = (unsigned)atoi(optarg);
			if (o->spec.level > 3)
				usage_error("--faults takes 0 to 3, not", optarg);
			break;
		case 'b':
			o->spec.beyond = true;
			break;
		case '4':
			o->spec.ip6 = false;
			break;
		case '6':
			o->spec.ip4 = false;
			break;
		case '2':
			o->spec.ip4 = o->spec.ip6 = true;
			break;
		case 't':
			o->seconds = (unsigned)atoi(optarg);
			break;
		case 'w':
			o->spec.attempts = (unsigned)atoi(optarg);
			o->one = true;
			if (o->spec.attempts < 1 || o->spec.attempts > RW_ATTEMPTS)
				usage_error("--world takes 1 to 1000 attempts, not", optarg);
			break;
		case 'x':
			read_without(o, optarg);
			break;
		case 'o':
			read_only(o, optarg);
			break;
		case 'p':
			o->spec.paths = strcmp(optarg, "both") == 0   ? RW_BOTH
					: strcmp(optarg, "fast") == 0 ? RW_FAST
								      : RW_GENERAL;
			if (o->spec.paths == RW_GENERAL && strcmp(optarg, "general") != 0)
				usage_error("--paths takes fast, general or both, not", optarg);
			break;
		case 'd':
			o->spec.differ = true;
			break;
		case 'm':
			o->spec.max_bytes = (uint32_t)atoi(optarg);
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind < argc)
		usage_error("unexpected argument", argv[optind]);
}

int
main(int argc, char **argv)
{
	struct options o;
	struct rw_spec s;
	unsigned worlds = 0;
	double start;
	bool found = false;

	read_options(argc, argv, &o);
	if (test_eal_start() < 0)
		exit(2);
	signal(SIGABRT, on_crash);
	signal(SIGSEGV, on_crash);
	printf("seed %llu\n", (unsigned long long)o.spec.seed);
	start = seconds();
	while (!found && total.begun < o.connections && !(o.seconds && seconds() - start > o.seconds)) {
		s = o.spec;
		if (s.paths == RW_BOTH && s.seed % 2) /* runs without buffers cannot be compared to their end */
			s.without |= 1u << RW_STARVE;
		run(&s, &result);
		add(&total, &result);
		worlds++;
		/* with --beyond-law other rules may be broken first; only a wrong byte ends the run */
		found = o.spec.beyond ? result.wrong_byte : result.what[0] != '\0';
		if (found || o.one)
			break;
		o.spec.seed++;
	}
	print_figures(worlds, seconds() - start);
	if (found) {
		printf("seed %llu: %s\n", (unsigned long long)o.spec.seed, result.what);
		shrink(&s);
	} else if (o.spec.beyond) {
		printf("--beyond-law: a wrong byte was expected, and none was found\n");
	} else if (o.spec.differ) {
		printf("--differ: a difference was expected, and none was found\n");
	}
	return found != (o.spec.beyond || o.spec.differ);
}
