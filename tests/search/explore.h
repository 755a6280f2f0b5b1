/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SEARCH_EXPLORE_H
#define LA_SEARCH_EXPLORE_H

/* The exhaustive explorer: shared declarations. (Theory at the top of explore.c.)
 *
 *   explore.c          the search: choices, depth first, pruning
 *   explore_world.c    the world and its moves
 *   explore_check.c    the invariants
 *   explore_snap.c     going back: snapshots of the memory that can differ
 *   explore_report.c   a path as a ladder and as a .seg file
 *   explore_main.c     the command */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "digest.h"
#include "seg_writer.h"
#include "sim/user.h"
#include "sim/world.h"

enum {
	EX_A,
	EX_B, /* hosts: A opens, B listens */
	EX_LPORT = 1024,
	EX_PORT = 80,
	EX_CHUNK = 64, /* bytes of one segment */
	EX_RCVBUF = 8192,
	EX_FAR = 40000, /* see digest.h */
	EX_SEGS = 32,	/* segments sent in one move at most */
	EX_DEPTH = 512, /* moves in one path at most */
	EX_MSL_MS = 30000,
	EX_FAULTS_MAX = 15,
};

/** How the first incarnation ends. */
enum ex_close {
	EX_CLOSE_A,    /* A at any moment after it has read everything, B after A's FIN */
	EX_CLOSE_B,    /* the other way round */
	EX_CLOSE_BOTH, /* both at any moment after they have read everything: simultaneous close among them */
	EX_CLOSE_HALF, /* both shut down their sending side at any moment, and read on */
	EX_ABORT_A,    /* A aborts at any moment, B closes at any moment */
	EX_ABORT_B,
	EX_NCLOSES
};
extern const char *const ex_close_name[EX_NCLOSES];

struct ex_setup {
	unsigned faults;   /* at most this number */
	unsigned segments; /* segments of text each way */
	enum ex_close close;
	bool ip6, no_timestamps;
	bool reuse;	      /* A opens anew over its own TIME_WAIT */
	bool beyond_law;      /* a segment may stay on the shelf for ever; only stale bytes are checked */
	bool no_prune;	      /* do not recognise states: every path to its end */
	bool whole;	      /* snapshots of everything */
	unsigned weak;	      /* enum la_sim_weak of both hosts: faults for the search to find */
	uint64_t delay_us;    /* of every segment */
	double budget_s;      /* 0: no limit */
	const char *seg_file; /* file for a path as .seg; NULL: none */
	bool ordinary;	      /* write the first path that ends, although it is correct */
};

/** The fate of one segment. */
enum ex_fate { EX_DELIVER, EX_DROP, EX_HOLD, EX_COPY, EX_NFATES };

/** Moves. */
enum ex_move {
	EX_GO_ON,  /* the next arrival or timer */
	EX_USER_A, /* the user of A, of B ends the first incarnation */
	EX_USER_B,
	EX_REOPEN,  /* A opens the tuple again */
	EX_RELEASE, /* + i: the i-th segment on the shelf arrives */
};

/** The memory of checks and moves: saved with the world, and part of its digest. */
struct ex_past {
	uint8_t faults_left;
	uint8_t opens;	      /* incarnations that A has begun */
	bool faulty;	      /* a network fault has occurred */
	bool aborted;	      /* a user has aborted the first incarnation */
	bool acted[2];	      /* the user's part in the first incarnation is done */
	bool first[2];	      /* ... before the peer's FIN: this end must enter TIME_WAIT */
	bool second_first[2]; /* the same of the second incarnation */
	uint64_t until_us[2]; /* when TIME_WAIT must end, 0: no TIME_WAIT */
};

struct ex_choice {
	uint8_t move, n;
	uint8_t fate[EX_SEGS];
};

struct ex;

/** The world as it is before the first move. */
int ex_world_create(struct ex *x);
void ex_world_destroy(struct ex *x);
/** The moves that are possible; none: it is over. */
unsigned ex_moves(struct ex *x, uint8_t move[EX_RELEASE + 8]);
/** Makes one move. Segments get the fates in x->choice; segments after the first n are delivered. */
void ex_make(struct ex *x, unsigned move);

/** Keeps the first violation of this path in x->why. source: the RFC section of the rule. */
void ex_violation(struct ex *x, const char *source, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void ex_check_event(struct ex *x, const struct la_sim_event *e);
void ex_check_closed(struct ex *x, struct la_sim_conn *c);
void ex_check_step(struct ex *x);
void ex_check_end(struct ex *x);

/* Snapshots. */
struct ex_snap;
struct ex_snap *ex_snap_create(struct la_sim *w, bool whole);
void ex_snap_destroy(struct ex_snap *s);
size_t ex_snap_size(const struct ex_snap *s);
void ex_snap_save(const struct ex_snap *s, void *buf);
void ex_snap_load(const struct ex_snap *s, const void *buf);
/** Restores the whole first image. */
void ex_snap_reset(const struct ex_snap *s);
/** Returns whether memory outside the snapshot changed. */
bool ex_snap_strays(const struct ex_snap *s);

struct ex_level {
	struct ex_choice choice;
	struct ex_past past;
	uint8_t *snap;
};

struct ex {
	struct ex_setup setup;
	struct la_sim *w;
	struct la_sim_plan plan[2][2]; /* by incarnation and host */
	unsigned mbufs;		       /* free mbufs in a world at rest */
	struct digest digest;
	struct ex_snap *snap;
	struct ex_past past;
	/* the move being made */
	struct ex_choice choice; /* requested fates; after the move: actual fates */
	uint8_t options[EX_SEGS];
	unsigned met;
	bool stirred;		     /* something was sent, arrived or changed its state */
	enum la_state at_arrival[2]; /* states of both ends before the last arrival */
	char why[256];		     /* the violation, "": none */
	/* the path that led here */
	struct ex_level level[EX_DEPTH];
	unsigned depth;
	/* what was found */
	uint64_t transitions, states, pruned, paths;
	unsigned deepest;
	bool strayed, cut, violated;
	double until_s;
	struct ex_table *table;
	/* explore_report.c: further receivers of events while a path is replayed */
	struct la_sim_hooks also;
	struct seg_writer *seg;
};

enum ex_result { EX_EXHAUSTED, EX_CUT, EX_VIOLATION, EX_ERROR };

/** Searches one world with exactly its bound of faults. Prints one line. */
enum ex_result ex_search(struct ex *x, const struct ex_setup *setup, FILE *out);

/** Replays the path to the violation and prints it. */
void ex_report(struct ex *x, FILE *out);

/** The same as .seg, a row for each end, into setup.seg_file. */
bool ex_report_seg(struct ex *x);

double ex_now(void);

#endif
