/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_TIME_WAIT_H
#define BENCH_TIME_WAIT_H

/* Shared by the files of the program bench_time_wait, which are in app/bench:
 *
 *   time_wait.c           theory, options
 *   time_wait_keys.c      connections: keys, states and segments from a number
 *   time_wait_pass.c      a size and a family: filling, rounds, samples, memory
 *   time_wait_table.c     lastack's structures: index, TIME_WAIT table and wheel, called as lib/tcp calls them
 *   time_wait_compared.c  the structures of the comparison: rte_hash + rte_timer, and bare memory
 *   time_wait_report.c    the tables on the screen, the goals, JSON and the plot */

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
	LIFE = 60000,	  /* 2*MSL in ticks of a millisecond */
	SHORT_LIFE = 1,	  /* 2*MSL of the spike's entries, ticks */
	TW_A_POLL = 1024, /* most references that one poll takes from the wheel, as in lib/tcp/tcp.c */
	SPIKE = 1000000,  /* most entries that expire in one tick */
};

enum op { OP_EXPIRE, OP_INSERT, OP_ENTER, OP_HIT, OP_MISS, OP_FIN, OP_REOPEN, NOPS };

/* All data of a connection follow from its number, so that the bench stores no keys. Entries enter in the order of
 * their numbers. Numbers of the spike's connections begin at ID_SPIKE, of connections without an entry at ID_ABSENT. */
enum { ID_SPIKE = 1 << 29 };
#define ID_ABSENT (UINT64_C(1) << 40)

/* The key of rte_hash: 12 bytes, aligned for the CRC32 of rte_hash. */
struct key4 {
	uint32_t laddr, raddr, ports;
} __attribute__((aligned(8)));
enum { KEY4_LEN = 12 };

/* A burst of operations. It is created before the measured time and corresponds to a burst of parsed segments. */
struct burst {
	enum op op;
	unsigned n;
	bool is4, brief; /* brief: the lifetime is SHORT_LIFE */
	uint32_t tick;
	uint64_t id[BURST];
	struct la_tuple tuple[BURST];
	struct key4 key[BURST];
	struct la_tw_core state[BURST]; /* states for OP_ENTER */
	struct la_seg seg[BURST];	/* segments: FINs for OP_FIN, SYNs for OP_REOPEN */
};

struct area {
	const void *p;
	size_t size;
};
enum { MAX_AREAS = 6 };

/* One of the compared structures. `run` executes one burst and returns the number of correct operations. A NULL
 * function: the structure has no such operation. */
struct side {
	const char *name;
	/* Returns the bytes needed for n entries and `live` connections in addition. */
	size_t (*memory)(uint32_t n, uint32_t live, bool is4);
	void *(*create)(uint32_t n, uint32_t live, bool is4);
	void (*destroy)(void *self);
	unsigned (*run[2][NOPS])(void *self, const struct burst *b); /* [0] IPv6, [1] IPv4 */
	/* Polls once at `tick`. Returns the number of references or timers that were due. */
	unsigned (*poll)(void *self, uint32_t tick);
	/* Makes the burst's connections due, in a structure that has a clock of its own. */
	void (*due)(void *self, const struct burst *b);
	/* Checks the structure and counts its entries. Returns false after it has printed a fault. */
	bool (*check)(void *self, uint32_t live, bool thorough);
	/* Lists the used parts of the structure's large areas. Returns the number of parts. */
	unsigned (*areas)(void *self, struct area *a);
	size_t (*bytes)(void *self); /* memory taken at the creation; NULL: the RSS shows it */
};

extern const struct side side_table, side_rte, side_memory;
enum { TABLE, RTE, MEMORY, NSIDES };

/* Returns x mixed by a permutation of all 64-bit numbers. */
uint64_t bench_mix(uint64_t x);
/* Sets t to the tuple of connection `id`. */
void burst_tuple(uint64_t id, bool is4, struct la_tuple *t);
/* Makes connection `id` the i-th of the burst. Requires b->op and b->is4. */
void burst_connection(struct burst *b, unsigned i, uint64_t id, unsigned round);

static inline double
series_median(const struct bench_series *s)
{
	return bench_rank(s, 0.5);
}

/* The results of one size with one family. Series of `op` are TSC cycles per operation. */
struct result {
	bool done[NSIDES];
	struct bench_series op[NSIDES][NOPS];
	struct bench_series poll_worst[NSIDES], poll_mid[NSIDES]; /* cycles of the spike's slowest and median poll */
	struct bench_series drain;				  /* cycles per entry, when all entries expire */
	uint32_t spike;						  /* entries of the spike */
	double bytes[NSIDES];					  /* measured bytes per entry */
	double bound;						  /* computed bytes per entry of the table */
	double huge;						  /* share of the table's memory in hugepages */
	uint64_t polls_switched; /* polls of the spike with a thread switch; not in poll_worst and poll_mid */
	uint64_t bursts;	 /* measured bursts */
	uint64_t cut;		 /* interrupted bursts among the measured ones: left out */
	char why[NSIDES][160];	 /* reason for not measuring a structure (done is false) */
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
void pass_run(struct bench *b, struct size *s, bool is4);
/* Writes the text after `name` on the first line of `file` that starts with `name`; "?" without such a line. */
void first_line(const char *file, const char *name, char *to, size_t size);
void report_size(const struct bench *b, const struct size *s);
void report_goals(const struct bench *b);
int report_json(const struct bench *b);
/* Returns whether gnuplot can draw into a file of this name: .png or .svg, without a quote. */
bool report_can_plot(const char *name);
int report_plot(const struct bench *b);

#endif
