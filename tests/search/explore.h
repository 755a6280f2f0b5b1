/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SEARCH_EXPLORE_H
#define LA_SEARCH_EXPLORE_H

/* The exhaustive explorer: shared declarations. (Theory at the top of explore.c.)
 *
 *   explore.c          the search: choices, depth first, pruning
 *   explore_world.c    the world and its moves
 *   explore_check.c    the invariants
 *   explore_snap.c     snapshots of the memory that can differ
 *   explore_report.c   a path as a ladder and as a .seg file
 *   explore_both.c     the same search with the fast path and with the general path of the hosts
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
	EX_FAR = 40000, /* bytes: `far` of digest.h */
	EX_SEGS = 32,	/* at most this number of segments in one move */
	EX_DEPTH = 512, /* at most this number of moves in one path */
	EX_MSL_MS = 30000,
	EX_FAULTS_MAX = 15,
};

/** How the first incarnation ends. */
enum ex_close {
	EX_CLOSE_A,    /* A closes at any moment after it has read all bytes, B after A's FIN */
	EX_CLOSE_B,    /* B closes at any moment after it has read all bytes, A after B's FIN */
	EX_CLOSE_BOTH, /* each end closes at any moment after it has read all bytes; simultaneous close included */
	EX_CLOSE_HALF, /* both shut down their sending side at any moment, and continue to read */
	EX_ABORT_A,    /* A aborts at any moment, B closes at any moment */
	EX_ABORT_B,    /* B aborts at any moment, A closes at any moment */
	EX_NCLOSES
};
extern const char *const ex_close_name[EX_NCLOSES];

struct ex_setup {
	unsigned faults;   /* network faults in one path, at most */
	unsigned segments; /* segments of text in each direction */
	enum ex_close close;
	bool ip6, no_timestamps;
	bool reuse;	      /* A opens anew over its own TIME_WAIT */
	bool beyond_law;      /* a segment may stay on the shelf for ever; rules 2 to 4 are not checked */
	bool no_prune;	      /* prune no state: follow every path to its end */
	bool whole;	      /* snapshots have all memory */
	unsigned weak;	      /* enum la_sim_weak of both hosts: faults that the search must find */
	uint64_t delay_us;    /* delay of every segment */
	double budget_s;      /* 0: no limit */
	const char *seg_file; /* file for a path as .seg; NULL: none */
	bool ordinary;	      /* stop at the end of the first path, and write it to seg_file */
	bool general;	      /* the hosts have no fast path (la_shard_config.no_fast_path) */
	uint64_t stop_at;     /* stop after this number of transitions, and print nothing; 0: no limit */
};

/** What the network does with one segment. */
enum ex_fate { EX_DELIVER, EX_DROP, EX_HOLD, EX_COPY, EX_NFATES };

/** Moves. */
enum ex_move {
	EX_GO_ON,   /* the next arrival or timer */
	EX_USER_A,  /* A's user ends the first incarnation */
	EX_USER_B,  /* B's user ends the first incarnation */
	EX_REOPEN,  /* A opens the tuple: the first or the second incarnation */
	EX_RELEASE, /* + i: the i-th segment on the shelf arrives */
};

/** The record of checks and moves: saved with the world. All but faults_left is part of the digest. */
struct ex_past {
	uint8_t faults_left;
	uint8_t opens;	      /* incarnations that A has begun */
	bool faulty;	      /* a network fault has occurred */
	bool aborted;	      /* a user has aborted the first incarnation */
	bool acted[2];	      /* the user has ended the first incarnation by a move */
	bool first[2];	      /* the move closed before the peer's FIN: this end must enter TIME_WAIT */
	bool second_first[2]; /* in the second incarnation this end closes first and must enter TIME_WAIT */
	uint64_t until_us[2]; /* deadline of TIME_WAIT, 0: no TIME_WAIT */
};

struct ex_choice {
	uint8_t move, n;
	uint8_t fate[EX_SEGS];
};

struct ex;

/** Creates the world before the first move. Returns 0 or a negative errno. */
int ex_world_create(struct ex *x);
void ex_world_destroy(struct ex *x);
/** Writes the possible moves and returns their number; 0: the path ends here. */
unsigned ex_moves(struct ex *x, uint8_t move[EX_RELEASE + 8]);
/** Makes one move. The first n segments get the fates in x->choice; later segments are delivered. */
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
	unsigned mbufs;		       /* free mbufs before the first move */
	struct digest digest;
	struct ex_snap *snap;
	struct ex_past past;
	/* the move being made */
	struct ex_choice choice;     /* requested fates; after the move: actual fates */
	uint8_t options[EX_SEGS];    /* number of possible fates of each segment */
	unsigned met;		     /* segments sent in this move */
	bool stirred;		     /* a segment was sent or arrived, or a connection changed its state */
	enum la_state at_arrival[2]; /* states of both ends before the last arrival */
	char why[256];		     /* the violation, "": none */
	/* the path that led here */
	struct ex_level level[EX_DEPTH];
	unsigned depth;
	/* what was found */
	uint64_t transitions, states, pruned, paths;
	unsigned deepest;
	bool strayed, cut, violated;
	uint64_t trail; /* digest of all frames, counters and states in their order */
	double until_s;
	struct ex_table *table;
	/* explore_report.c: further receivers of events while a path is replayed */
	struct la_sim_hooks also;
	struct seg_writer *seg;
};

enum ex_result { EX_EXHAUSTED, EX_CUT, EX_VIOLATION, EX_DIFFERENT, EX_ERROR };

/** Adds a sent segment to the trail; after a move the counters of the hosts and the digest of the state. */
void ex_trail_event(struct ex *x, const struct la_sim_event *e);
void ex_trail_move(struct ex *x, uint64_t state);
/** ex_search() twice: hosts with a fast path, then hosts without one. The trails must be the same. Prints the line of
 * the first search. If the trails differ, finds the first transition that differs and prints both paths to it. weak:
 * enum la_sim_weak of the hosts of the second search. */
enum ex_result ex_search_both(struct ex *x, const struct ex_setup *setup, unsigned weak, FILE *out);

/** Searches one world with at most setup->faults faults in a path. Prints one line. */
enum ex_result ex_search(struct ex *x, const struct ex_setup *setup, FILE *out);

/** Frees the world and the memory of a search that ex_search() stopped at setup.stop_at. */
void ex_search_end(struct ex *x);

/** Replays the path to the violation and prints it. */
void ex_report(struct ex *x, FILE *out);

/** Replays the path and writes it to setup.seg_file: one .seg row for each end. Returns false on an error. */
bool ex_report_seg(struct ex *x);

double ex_now(void);

#endif
