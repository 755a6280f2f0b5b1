/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

/* What bench/ring and bench/churn share: a generator shard and a server shard on the two ports of
 * a crossed ring pair, both driven from this core, connections opened and closed one after the
 * other, and figures as medians of rounds. */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <lastack/lastack.h>

#include "io/eal.h"
#include "io/port.h"

enum {
	BURST = 32,
	MAX_ROUNDS = 101,
	SERVER_PORT = 80,
	FIRST_PORT = 1024, /* of the generator; ports go round before its addresses do */
};

enum side { GENERATOR, SERVER };

struct pair {
	const char *name; /* "bench/ring": before messages */
	bool server_closes; /* the server closes first, and holds TIME_WAIT */
	unsigned max_inflight;
	/** The present of a shard, ms. */
	uint64_t (*now)(struct pair *p, enum side s);

	struct la_eal eal;
	struct rte_mempool *pool;
	struct la_port port[2];
	uint64_t hz, tsc0;
	struct la_shard *shard[2];
	struct la_tuple next;
	unsigned inflight;
	uint64_t ends[LA_NENDS]; /* of the generator's connections */
	uint64_t refused;	 /* la_connect() that had to be tried again */
};

_Noreturn void pair_die(const struct pair *p, const char *what);

/** DPDK, ports, packet buffers; name, now and max_inflight are set. */
void pair_start(struct pair *p);
void pair_stop(struct pair *p);

/** What shard `s` is configured as: the generator has 10.80.0.0/16 and 10.77.0.1, which is the
 * server's gateway, so that one neighbour entry stands for all of its addresses. Points into *own. */
struct pair_addrs {
	struct la_prefix addr, range;
};
void pair_config(struct pair *p, enum side s, struct pair_addrs *own, struct la_shard_config *cfg);
struct la_shard *pair_shard(struct pair *p, const struct la_shard_config *cfg);
/** Listens on a server shard, whose MSL it is (0: the shard's own). */
void pair_listen(struct pair *p, struct la_shard *server, uint32_t msl_ms);

/** Milliseconds by the TSC, since pair_start(). */
uint64_t pair_tsc_ms(struct pair *p, enum side s);
/** TSC cycles this thread has run. */
double pair_cycles(const struct pair *p);

/** Drives both shards for so long; opening: keeps max_inflight connections under way, otherwise
 * ends with the last of them. */
void pair_run(struct pair *p, double seconds, bool opening);
/** Lets every connection end and every frame arrive. */
void pair_settle(struct pair *p);

/** All connections ended orderly, and no frame was lost. False: said on stdout. */
bool pair_check_ends(const struct pair *p);
/** No entry ended early, nothing was refused, nothing reset. False: said on stdout. */
bool pair_check_shard(const struct la_shard *s, const char *who);

struct results {
	unsigned n;
	double v[MAX_ROUNDS];
};
double results_rank(const struct results *r, double at);
void results_add(struct results *r, double v);
/** {median, least, most, rounds} */
json_t *results_json(const struct results *r);

#endif
