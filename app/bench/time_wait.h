/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_TIME_WAIT_H
#define BENCH_TIME_WAIT_H

/* What the files of app/bench/time_wait share:
 *
 *   time_wait.c         theory, options
 *   time_wait_keys.c    connections: keys, states and segments from a number
 *   time_wait_pass.c    a size and a family: filling, rounds, samples, memory
 *   time_wait_table.c   the side measured: index, TIME_WAIT table and wheel, as lib/tcp drives them
 *   time_wait_rivals.c  rte_hash + rte_timer, and bare memory
 *   time_wait_report.c  the tables on the screen, the goals, JSON and the plot */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/bench_series.h"
#include "table/time_wait.h"

enum {
	BURST = 32,
	MAX_ROUNDS = 51,
	MAX_SIZES = 8,
	LIFE = 60000, /* 2*MSL in ticks of a millisecond */
	SHORT_LIFE = 1,
	TW_A_POLL = 1024, /* references one poll takes from the wheel, as in lib/tcp/tcp.c */
	SPIKE = 1000000,  /* entries that expire in one tick */
};

enum op { OP_EXPIRE, OP_INSERT, OP_ENTER, OP_HIT, OP_MISS, OP_FIN, OP_REOPEN, NOPS };

/* Connections have numbers; everything else follows from the number, so that no side has to
 * remember keys for the bench. Entries enter in the order of their numbers. */
enum { ID_SPIKE = 1 << 29 };
#define ID_ABSENT (UINT64_C(1) << 40)

/* What rte_hash is given: 12 bytes, aligned as its CRC32 reads them. */
struct key4 {
	uint32_t laddr, raddr, ports;
} __attribute__((aligned(8)));
enum { KEY4_LEN = 12 };

/* A burst of the packet path: made before the clock starts, as a parsed burst is. */
struct burst {
	enum op op;
	unsigned n;
	bool is4, brief; /* brief: the lifetime is SHORT_LIFE */
	uint32_t tick;
	uint64_t id[BURST];
	struct la_tuple tuple[BURST];
	struct key4 key[BURST];
	struct la_tw_core state[BURST]; /* enter */
	struct la_seg seg[BURST];       /* look-ups, FINs, SYNs */
};

struct area {
	const void *p;
	size_t size;
};
enum { MAX_AREAS = 6 };

/* One of the things compared. A run is one burst and returns how many of it were done as they
 * should; NULL where the side has no such operation. */
struct side {
	const char *name;
	/* For n entries, and live connections beside them. */
	size_t (*memory)(uint32_t n, uint32_t live, bool is4);
	void *(*create)(uint32_t n, uint32_t live, bool is4);
	void (*destroy)(void *self);
	unsigned (*run[2][NOPS])(void *self, const struct burst *b); /* [0] IPv6, [1] IPv4 */
	/* What a poll does when time has passed; returns the references or timers it took. */
	unsigned (*poll)(void *self, uint32_t tick);
	/* Sees to it that the burst's connections are due, where that is not a matter of `tick`. */
	void (*due)(void *self, const struct burst *b);
	/* The state's own checks, and how many entries it holds; false: a fault was printed. */
	bool (*check)(void *self, uint32_t live, bool thorough);
	/* Its large areas, as far as they are in use; returns how many. */
	unsigned (*areas)(void *self, struct area *a);
	size_t (*bytes)(void *self); /* taken at its creation, where the RSS can not tell */
};

extern const struct side side_table, side_rte, side_memory;
enum { TABLE, RTE, MEMORY, NSIDES };

uint64_t bench_mix(uint64_t x);
void burst_tuple(uint64_t id, bool is4, struct la_tuple *t);
/* Makes connection id the i-th of a burst whose op and is4 are set. */
void burst_connection(struct burst *b, unsigned i, uint64_t id, unsigned round);

static inline double
median(const struct bench_series *s)
{
	return bench_rank(s, 0.5);
}

/* What was found at one size with one family. */
struct result {
	bool done[NSIDES];
	struct bench_series op[NSIDES][NOPS];
	struct bench_series poll_worst[NSIDES], poll_mid[NSIDES]; /* cycles, of the spike */
	struct bench_series drain;                                /* cycles an entry, the whole table */
	uint32_t spike;
	double bytes[NSIDES];    /* an entry */
	double bound;            /* bytes an entry that the table's own arithmetic promises */
	double huge;             /* share of the table's memory in hugepages */
	uint64_t polls_switched; /* of the spike: others had the CPU; not among the above */
	uint64_t bursts, cut;    /* bursts timed, and left out as interrupted */
	char why[NSIDES][160];   /* not done */
};

struct size {
	uint32_t n;
	struct result r[2]; /* [0] IPv6, [1] IPv4 */
};

struct bench {
	unsigned rounds, nsizes;
	const char *json, *plot;
	struct size size[MAX_SIZES];
	uint64_t hz;
	char thp[64], load[64], cpu[80];
	bool good;
};

extern const char *const op_name[NOPS];
void pass(struct bench *b, struct size *s, bool is4);
/* What follows `name` on the first line that starts with it. */
void first_line(const char *file, const char *name, char *to, size_t size);
void report_size(const struct bench *b, const struct size *s);
void report_goals(const struct bench *b);
int report_json(const struct bench *b);
/* Is it a name gnuplot can be asked for: .png or .svg, no quote. */
bool report_can_plot(const char *name);
int report_plot(const struct bench *b);

#endif
