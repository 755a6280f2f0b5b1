/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_BENCH_H
#define LA_APP_BENCH_H

/* `lastack bench`: theory of operation.
 *
 * A single shard is measured in a loop that receives, polls timers and transmits like the worker's. The other end of
 * the ring pair is a generator without a stack (bench_gen.c). The generator has flows and a script of segments for
 * each, writes the frames into mbufs, and checks every answer (addresses, flags, sequence
 * numbers, both checksums) against the script. The generator's time is not measured:
 *
 *	generator: a batch of frames into the ring	 not timed
 *	server: port rx, la_shard_rx, la_shard_poll,	 timed, a burst of 32 at a time, until
 *		la_shard_tx, port tx			 the ring is empty
 *	generator: reads and checks the answers		 not timed
 *
 * The limit is the same loop with an echo in the server's place. The echo swaps addresses and computes both checksums.
 * Ring, batch, burst and frame size are the same. The limit is measured in every round together with the
 * bench, because on a shared host only figures of the same round are comparable.
 *
 * Time is the CPU time of this thread, so the time of other threads on the core is excluded; the TSC is also
 * read. The cost of a clock reading is measured at the start and subtracted. A shard's own
 * clock is the CPU time of its loop: TIME_WAIT entries expire at the rate of a
 * server alone on its core, and a pause causes no backlog.
 *
 * A batch and its answers fit into the private caches of the core, like the few frames in a
 * worker that is not overloaded. Packet buffers come from mempool
 * caches that never overflow, so the same buffers are used again.
 *
 * A bench creates its shards, runs one round without a result (except limit and overload), then the measured rounds,
 * and then compares its counters with the sent frames. A fault (a wrong or missing answer, a lost frame, a
 * counter that is not 0 and must be 0) ends the run, and the exit status is 1.
 *
 *	bench.c		the subcommand
 *	bench_env.c	ports, pools, clocks
 *	bench_series.c	figures and their medians
 *	bench_gen.c	the generator
 *	bench_server.c	a shard and its loop, or the echo
 *	bench_null.c	a batch on net_null: frames are written into the empty buffers that the driver returns
 *	bench_fill.c	TIME_WAIT tables filled beforehand
 *	bench_clients.c	clients by schedule, in virtual time
 *	bench_attacks.c	the frames of attacks
 *	bench_limit.c bench_close.c bench_life.c bench_both.c bench_bulk.c bench_scaling.c bench_overload.c
 *	bench_abuse.c	the benches, each a struct bench_kind
 *	bench_report.c	tables, goals, JSON, plot
 *	bench_compare.c	comparison with an older run
 *	bench_against.c	alternating runs with an older program */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>
#include <rte_mbuf.h>

#include <lastack/lastack.h>

#include "bench/bench_series.h"
#include "io/eal.h"
#include "io/port.h"

enum {
	BENCH_BURST = 32,
	BENCH_BATCH = 256, /* approximate number of frames between two clock readings */
	BENCH_ROWS = 64,
	BENCH_KINDS = 16, /* most benches */
	BENCH_POPULATIONS = 8,
	BENCH_FRAME = 60, /* bytes of the smallest Ethernet frame, without FCS */
	BENCH_PORT = 80,  /* the server's port */
	BENCH_WORKERS = 2,
};

/** A result: one line of the table, one object of the JSON. */
struct bench_row {
	const char *bench;	   /* "lifecycle" */
	char name[80];		   /* unique in the run: the key of --compare */
	const char *unit;	   /* "packet", "connection", "attack frame"; "byte": value is not a time */
	double frames;		   /* frames that the measured ends receive per unit */
	struct bench_series value; /* cycles of CPU time per unit, or bytes */
	struct bench_series wall;  /* cycles of the TSC per unit */
	struct bench_series ratio; /* rate divided by that of the reference in the same round */
	const char *of;		   /* name of the reference: "limit", "empty", ... */
	char note[320];
	json_t *more; /* further members for the JSON, or NULL */
};

struct bench_options {
	uint64_t rounds, population, inflight, idle;
	uint64_t populations[BENCH_POPULATIONS]; /* populations of churn */
	unsigned npopulations;
	double seconds;	  /* CPU time of the server in a measurement */
	double tolerance; /* percent */
	const char *json, *plot, *compare, *against;
	uint64_t pairs; /* pairs of runs of --against */
};

/** Measured time. */
struct bench_cost {
	double cpu;   /* ns */
	uint64_t tsc; /* cycles */
	double cpu0;
	uint64_t tsc0;
};

struct bench {
	struct bench_options opt;
	struct la_eal eal;
	struct la_port port[2];			    /* the ring pair: [0] generator, [1] server */
	struct la_port null;			    /* net_null */
	struct rte_mempool *pool[BENCH_WORKERS][2]; /* pools of each worker: [0] generator, [1] server */
	struct rte_mempool *big[2];		    /* pools for jumbo frames: [0] generator, [1] server */
	double ghz;				    /* TSC frequency */
	double watch_cpu;			    /* cost of a start and a stop of the clock, ns */
	double watch_tsc;			    /* cost of a start and a stop of the clock, cycles */
	double lap_tsc;				    /* cost of two readings of the TSC alone, cycles */
	struct bench_row row[BENCH_ROWS];
	unsigned nrows;
	unsigned faults;
	char fault[256]; /* text of the first fault */
	json_t *old;	 /* the older run of --compare, or NULL */
};

/** A bench. */
struct bench_kind {
	const char *name, *text;
	/** Creates all objects, warms up, runs the rounds, checks and frees. */
	void (*run)(struct bench *b);
};
extern const struct bench_kind bench_limit_kind, bench_exchange_kind, bench_repeat_kind, bench_life_kind,
	bench_churn_kind, bench_bulk_kind, bench_scaling_kind, bench_flood_kind, bench_garbage_kind, bench_idle_kind,
	bench_overload_kind, bench_abuse_kind;

/* bench_env.c */
/** Starts DPDK, opens ports and pools, measures the clocks. Returns 0, or -1 with a line in err. */
int bench_start(struct bench *b, char *err, size_t size);
void bench_stop(struct bench *b);
/** Counts a fault, which ends the run, and keeps the text of the first. */
void bench_fault(struct bench *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Returns the CPU time of this thread, ns. */
double bench_cpu_ns(void);
void bench_watch_start(struct bench_cost *c);
/** Adds the time since bench_watch_start() to c. Returns the CPU time of this interval, ns. */
double bench_watch_stop(const struct bench *b, struct bench_cost *c);
/** Returns the CPU time of c as TSC cycles. */
double bench_cycles(const struct bench *b, const struct bench_cost *c);
/** Adds a row to the report. Returns NULL, after a fault, when the report is full. */
struct bench_row *bench_row(struct bench *b, const char *bench, const char *unit, double frames, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/** Adds the figures of a round to a row: `units` took `cost`. limit: cycles per frame of the limit in this round, or 0
 * for no ratio. */
void bench_note(const struct bench *b, struct bench_row *r, const struct bench_cost *cost, double units, double limit);
/** Returns whether tables of this size fit into memory with a reserve. Prints a line when they do not fit. */
bool bench_fits(const char *what, uint64_t bytes);
/** Returns x with its bits mixed, by a permutation of all 32-bit numbers. */
uint32_t bench_mix32(uint32_t x);

/* bench_null.c */
/** Returns the TSC cycles between two consecutive readings. */
double bench_null_calibrate(const struct bench *b);

/* bench_report.c, bench_compare.c */
/** Print the heading of the table, the line of a finished row, and the goals after the last row. */
void bench_print_head(void);
void bench_print_row(const struct bench *b, const struct bench_row *r);
void bench_print_goals(const struct bench *b);
/** Write the files of --json and --plot. Return 0, or -1 with a line in err. */
int bench_write_json(const struct bench *b, char *err, size_t size);
int bench_plot(const struct bench *b, char *err, size_t size);
json_t *bench_json(const struct bench *b);
/** Compares the rows that both runs have. Returns false when there is no such row, or when a row is worse by more than
 * the tolerance. */
bool bench_compare(const struct bench *b, FILE *f);

/* bench_against.c */
/** Runs n benches, at most BENCH_KINDS, of the program o->against and of this program in turn, and prints the ratios.
 * Returns 0, or -1 with a line in err. */
int bench_against(const struct bench_options *o, const char *const *names, unsigned n, char *err, size_t size);

#endif
