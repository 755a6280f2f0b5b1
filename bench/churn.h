/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_CHURN_H
#define BENCH_CHURN_H

/* What churn.c measures and churn_report.c prints. */

#include "pair.h"

enum { MAX_TABLES = 8 };

struct options {
	uint64_t entries[MAX_TABLES]; /* of each table; the first is 0 */
	unsigned ntables;
	unsigned rounds, inflight;
	double seconds;
	const char *json;
};

/* A server with so many entries in its table. */
struct table {
	uint64_t entries;
	uint32_t lifetime;    /* 2*MSL, ms */
	struct la_shard *shard;
	double ran_ms;	      /* its clock: the CPU time for which it was driven */
	double fill_seconds;
	uint64_t entered, expired, now_lo, now_hi; /* during the rounds */
	struct results rate, cycles, ratio;	   /* ratio: to the empty table, same round */
};

struct churn {
	struct options opt;
	struct pair p;
	struct table table[MAX_TABLES];
	unsigned ntables; /* made: fewer than asked for when memory ends */
	unsigned at;	  /* the one that is driven */
	double cpu_ms;	  /* CPU time of this thread, as last asked for */
	double cpu0_ms;	  /* when table `at` began to be driven */
	uint64_t cpu_tsc; /* when it was asked for */
	double huge;	  /* share of this process's memory on transparent hugepages */
	char cut[512];	  /* why there are fewer tables */
	bool good;
};

void churn_print(const struct churn *b);
int churn_json(const struct churn *b);

#endif
