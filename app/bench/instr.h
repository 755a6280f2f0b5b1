/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_BENCH_INSTR_H
#define LA_APP_BENCH_INSTR_H

/* bench_instructions: the program that app/bench/instructions runs under callgrind.
 *
 * Two shards in virtual time exchange frames without a port: the measured one, and its peer, which is a shard too. The
 * peer checks every answer, as any endpoint does; at the end of a group of rows the counters of both shards are
 * checked. Key, seed, tuples, times and order of the frames are constants, so the measured shard executes the same
 * instructions in every run on every machine.
 *
 * callgrind counts inside instr_counted() alone (--toggle-collect). It writes the counts of a row, and clears them,
 * when instr_row_end() is called (--dump-before). instr_counted() makes the calls of a worker's round: receive, timers,
 * application, transmit.
 *
 * A life cycle is measured twice:
 *
 *	life		a batch has the first segments of one group of connections, the second segments of another group and
 *			the last segments of a third group, shuffled, in bursts of BURST. TIME_WAIT entries expire at the
 *			rate at which they enter
 *	one kind	UNITS connections move ahead together, so that a batch has segments of one kind
 *
 *	instr_main.c	arguments, the list of groups
 *	instr_world.c	the two shards, and the frames between them
 *	instr_server.c	the rows of a server's shard
 *	instr_load.c	the rows of a station of `lastack load` */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "core/rng.h"

enum {
	BURST = 32,
	GROUP = 85, /* connections begun in a batch of a life cycle: 255 frames */
	WARM = 48,  /* batches before the count: longer than 2*MSL */
	BATCHES = 24,
	UNITS = 2048,
	QUEUE = 8192,	   /* frames between the shards in one direction, at most */
	ROUND_NS = 250000, /* virtual time of a batch */
	MSL_MS = 5,	   /* of life cycles: 2*MSL is 40 batches */
	PORT = 80,
};

/** What distinguishes the groups of rows. */
struct instr_kind {
	bool ip6, timestamps;
	bool server_first; /* the server closes first and has the TIME_WAIT entry */
};

/** A shard, its application, and the frames that wait for it. */
struct instr_host {
	struct la_shard *shard;
	void (*poll)(struct instr_host *h, uint64_t now); /* the application's part of a round; NULL: none */
	void *app;
	struct rte_mbuf *in[QUEUE];
	unsigned n;
	struct la_counters before; /* at the end of instr_open() */
};

struct instr_world {
	const char *name; /* of the group: "server/server-first/ip4" */
	struct instr_kind kind;
	struct instr_host measured, peer;
	struct instr_host *client, *server; /* the client owns the addresses of instr_tuple() */
	uint64_t ns;			    /* virtual time */
	uint64_t opened;		    /* connections that the client has begun */
	struct la_rng rng;
};

/** Options of instr_open(), beside the constants. */
struct instr_options {
	bool client_is_measured;
	uint32_t syn_cookies_at; /* of the server; 0: the default */
	uint32_t rst_rate;	 /* of the server; 0: the default */
	uint32_t population;	 /* further connections and TIME_WAIT entries */
};

/** Numbers of --population: connections and entries among which a row runs. */
extern uint32_t instr_population;

/** Prints a line to stderr, and exits with status 1. */
_Noreturn void instr_fail(const struct instr_world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Ends a row: `units` is the number of connections, frames or rounds that were counted. */
void instr_row(const struct instr_world *w, const char *row, uint64_t units);

/* instr_world.c */
/** Creates the shards and the buffers, and resolves the addresses. */
void instr_open(struct instr_world *w, const char *name, const struct instr_kind *kind, const struct instr_options *o);
/** Frees the shards. Every buffer must be back in its pool. */
void instr_close(struct instr_world *w);
/** The time of the shards, ms. */
static inline uint64_t
instr_now(const struct instr_world *w)
{
	return 1000 + w->ns / 1000000;
}
/** The tuple of connection i of the client. The tuples of the first 7 billion connections differ. */
void instr_tuple(const struct instr_world *w, uint64_t i, struct la_tuple *t);
/** Runs a round of h with the n oldest frames, at most BURST, that wait for it. Its answers go to `to`. count: callgrind
 * counts the round. */
void instr_round(struct instr_world *w, struct instr_host *h, struct instr_host *to, unsigned n, bool count);
/** Runs rounds of h until no frame waits for it. Each round has a full burst, except the last. */
void instr_feed(struct instr_world *w, struct instr_host *h, struct instr_host *to, bool count);
/** Shuffles the frames that wait for h. */
void instr_shuffle(struct instr_world *w, struct instr_host *h);
/** Runs both shards without a count until no frame waits and `ms` ms have passed. */
void instr_settle(struct instr_world *w, uint64_t ms);
/** Expects that exactly `n` segments with these flags, PSH ignored, wait for h. */
void instr_expect(const struct instr_world *w, const struct instr_host *h, unsigned n, uint8_t flags);
/** Copies the frames that wait for h to `copies`, and returns their number. */
unsigned instr_copy(const struct instr_world *w, const struct instr_host *h, struct rte_mbuf **copies);
/** Frees the frames that wait for h. */
void instr_discard(struct instr_host *h);
/** Expects that a counter of h has grown by `want` since instr_open(). */
void instr_check(const struct instr_world *w, const struct instr_host *h, enum la_counter c, uint64_t want);
/** Expects that no counter of h shows, since instr_open(), a drop, a RST, a retransmission or an end that is not orderly. */
void instr_check_clean(const struct instr_world *w, const struct instr_host *h);

/* instr_server.c, instr_load.c */
void instr_server_life(struct instr_world *w, const char *name, const struct instr_kind *kind);
void instr_server_exchange(struct instr_world *w, const char *name, const struct instr_kind *kind);
void instr_server_repeat(struct instr_world *w, const char *name, const struct instr_kind *kind);
void instr_server_cookie(struct instr_world *w, const char *name, const struct instr_kind *kind);
void instr_server_stray(struct instr_world *w, const char *name, const struct instr_kind *kind);
void instr_server_empty(struct instr_world *w, const char *name, const struct instr_kind *kind);
void instr_load_life(struct instr_world *w, const char *name, const struct instr_kind *kind);

#endif
