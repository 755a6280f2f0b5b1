/* SPDX-License-Identifier: BSD-3-Clause */

/* tests/search/clean_worlds: runs clean worlds until the given number of connections was opened. Each world runs with
 * and without the fast path of both shards. The frames of both runs with their times, the counters, the transitions,
 * the callbacks and the results of all calls must be the same. World i of a run has seed S + i. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../support/eal.h"
#include "../support/fast_path_record.h"
#include "clean.h"

enum { OPENS = 400, ENOUGH = 20000, POOLS_MB = 128 };

static const char usage[] =
	"usage: clean_worlds [OPTION...]\n"
	"  --connections N   opens in all worlds together [20000]\n"
	"  --seed S          seed of the first world [1]\n"
	"  --opens N         opens in a world [400]\n"
	"  --one-way         each world runs once, with the fast path: for measurements\n"
	"  --differ          in the second run TIME_WAIT is 2 ms shorter: a difference must be found\n";

/* Events that a run of ENOUGH connections must contain: otherwise the worlds are not those described. */
static const enum la_counter must[] = {
	LA_C_opens_passive,
	LA_C_opens_active,
	LA_C_ended_orderly,
	LA_C_ended_reset,
	LA_C_ended_aborted,
	LA_C_ended_refused,
	LA_C_aborted_orphans,
	LA_C_time_wait_entered,
	LA_C_time_wait_expired,
	LA_C_time_wait_reopened,
	LA_C_time_wait_fin_acked,
	LA_C_time_wait_rst_ignored,
	LA_C_time_wait_syn_refused,
	LA_C_time_wait_throttled,
	LA_C_retransmits,
	LA_C_fast_retransmits,
	LA_C_zero_window_probes,
	LA_C_keepalive_probes,
	LA_C_delayed_acks,
	LA_C_out_of_order,
	LA_C_syn_cookies_sent,
	LA_C_syn_cookies_opened,
	LA_C_drop_no_listener,
	LA_C_rst_out,
	LA_C_rst_throttled,
	LA_C_drop_text_memory,
	LA_C_send_short,
	LA_C_conn_table_full,
	LA_C_tw_reserve_exhausted,
	LA_C_mbuf_exhausted,
	LA_C_syn_shed,
	LA_C_out_full,
	LA_C_neigh_unverified_evicted,
	LA_C_neigh_by_frame,
	LA_C_drop_listen_bad,
};

struct options {
	uint64_t seed, connections;
	unsigned opens;
	bool one_way, differ;
};

static struct options
read_options(int argc, char **argv)
{
	static const struct option known[] = {{"connections", 1, NULL, 'c'}, {"seed", 1, NULL, 's'},
					      {"opens", 1, NULL, 'o'},	     {"one-way", 0, NULL, '1'},
					      {"differ", 0, NULL, 'd'},	     {NULL, 0, NULL, 0}};
	struct options o = {.seed = 1, .connections = 20000, .opens = OPENS};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		unsigned long long n = optarg ? strtoull(optarg, NULL, 10) : 0;

		switch (c) {
		case 'c':
			o.connections = n;
			break;
		case 's':
			o.seed = n;
			break;
		case 'o':
			o.opens = (unsigned)n;
			break;
		case '1':
			o.one_way = true;
			break;
		case 'd':
			o.differ = true;
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind < argc || o.opens == 0) {
		fputs(usage, stderr);
		exit(2);
	}
	return o;
}

static struct cw w;
static uint64_t begun, opened, frames, events, missed, ended[LA_NENDS], in[LA_NCOUNTERS];

static void
figures_add(void)
{
	begun += w.begun;
	opened += w.opened;
	frames += w.frames;
	missed += w.missed;
	for (unsigned i = 0; i < LA_NENDS; i++)
		ended[i] += w.ended[i];
	for (unsigned i = 0; i < LA_NCOUNTERS; i++)
		in[i] += w.in[i];
}

static bool
figures_print(unsigned worlds, double seconds)
{
	bool ok = true;

	printf("%u worlds, %llu opens, %llu of them complete, %llu frames, %llu events the same, %.1f s\nends:", worlds,
	       (unsigned long long)begun, (unsigned long long)opened, (unsigned long long)frames,
	       (unsigned long long)events, seconds);
	for (unsigned e = 0; e < LA_NENDS; e++)
		printf(" %s %llu", la_end_name((enum la_end)e), (unsigned long long)ended[e]);
	printf("\nframes lost for lack of a buffer %llu\n", (unsigned long long)missed);
	for (unsigned i = 0; i < RTE_DIM(must); i++)
		printf("%s%s %llu", i ? ", " : "", la_counter_name(must[i]), (unsigned long long)in[must[i]]);
	printf("\n");
	for (unsigned i = 0; begun >= ENOUGH && i < RTE_DIM(must); i++)
		if (in[must[i]] == 0) {
			printf("no world reached %s\n", la_counter_name(must[i]));
			ok = false;
		}
	return ok;
}

/* Runs a world both ways. Returns false when a rule is broken or both runs differ. */
static bool
run(const struct options *o, uint64_t seed)
{
	bool ok, same;

	fast_path_begin(true);
	ok = cw_world(&w, seed, o->opens, false);
	fast_path_end();
	figures_add();
	if (o->one_way || !ok)
		return ok;
	fast_path_begin(false);
	ok = cw_world(&w, seed, o->opens, o->differ);
	fast_path_end();
	same = fast_path_compare(stdout);
	events += fast_path_compared();
	if (!same) {
		printf("seed %llu: clean_worlds --seed %llu --connections 1 --opens %u\n", (unsigned long long)seed,
		       (unsigned long long)seed, o->opens);
		return false;
	}
	return ok;
}

int
main(int argc, char **argv)
{
	struct options o = read_options(argc, argv);
	struct timespec a, b;
	unsigned worlds = 0;
	bool ok = true;

	if (test_eal_start_with(POOLS_MB) < 0)
		return 2;
	cw_start();
	clock_gettime(CLOCK_MONOTONIC, &a);
	while (ok && begun < o.connections)
		ok = run(&o, o.seed + worlds++);
	clock_gettime(CLOCK_MONOTONIC, &b);
	if (!figures_print(worlds, (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9) && !o.differ)
		return 1;
	return ok == o.differ;
}
