/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_RANDOM_H
#define TEST_RANDOM_H

/* Random worlds. (Theory at the top of random_world.c; the invariants at the top of random_law.c.)
 *
 *   random.c        the program: options, many worlds, shrinking of a failing one
 *   random_plan.c   random draws: the parameters of a world and of each connection
 *   random_world.c  one world until no event is left
 *   random_law.c    the invariants of a world */

#include <stdbool.h>
#include <stdint.h>

#include "sim/ladder.h"
#include "sim/user.h"
#include "sim/world.h"

enum {
	RW_HOSTS = 3,
	RW_PORTS = 5,						 /* local ports of opens */
	RW_LISTENED = 3,					 /* every host listens on the first 3 of these ports */
	RW_PORT = 1024,						 /* the first port */
	RW_WAYS = RW_HOSTS * RW_HOSTS * 2 * RW_PORTS * RW_PORTS, /* directed tuples */
	RW_ATTEMPTS = 1000,					 /* largest number of opens in one world */
	RW_MBUFS = 3000,
	RW_CONTROL = 255, /* buffers of the control pool that hosts may share */
};

/* The kinds of events that can be left out of a world; names in random_plan.c. */
enum rw_kind {
	RW_DROP,
	RW_DUP,
	RW_HOLD,
	RW_REORDER,
	RW_CORRUPT,
	RW_JITTER,
	RW_RESTART,
	RW_STARVE,
	RW_SMALL,
	RW_ABORT,
	RW_DEAF,
	RW_REUSE,
	RW_PAUSE,
	RW_POOLS, /* few buffers for peers, few orphans, with or without a control pool */
	RW_KINDS
};
extern const char *const rw_kind_name[RW_KINDS];

/** The paths of the hosts' shards. RW_BOTH: the world runs twice, and both runs must be the same. */
enum rw_paths { RW_BOTH, RW_FAST, RW_GENERAL };

/** A world as a command line gives it. */
struct rw_spec {
	uint64_t seed;
	unsigned attempts;
	unsigned level; /* 0: no faults ... 3 */
	bool ip4, ip6;
	bool beyond; /* outside the law: holds above one MSL, ISNs fixed, no timestamps */
	enum rw_paths paths;
	bool differ;		      /* the second run of RW_BOTH has an assassin */
	bool assassin;		      /* a RST ends TIME_WAIT at host A: LA_SIM_ASSASSIN */
	uint32_t without;	      /* bits of enum rw_kind */
	uint32_t max_bytes;	      /* most bytes of one direction of a connection; 0: as drawn */
	const bool *left_out;	      /* by attempt; NULL: none */
	const struct la_tuple *trace; /* prints the ladder of this tuple */
};

/* Lawful reasons why one end of a connection is orderly and the other end is reset (random_law.c). */
enum rw_excuse { RW_ENTRY_OVER, RW_HOST_CRASHED, RW_REUSED, RW_EXCUSES };

struct rw_result {
	/* the violation; "": none */
	char what[240];
	struct la_tuple tuple;
	uint64_t us;
	bool wrong_byte;
	/* figures */
	uint64_t begun, refused, opened, simultaneous, ended[LA_NENDS], crashed, restarts, crashes, starved;
	uint64_t segments, lost, held, copied, corrupted, late; /* late: SEG.SEQ below the sender's newest ISN */
	uint64_t behind;	      /* incarnations with an ISN below the end of the old incarnation */
	uint64_t one_sided[LA_NENDS]; /* connections that ended orderly at one side, by the kind of end at the other */
	uint64_t excuse[RW_EXCUSES];  /* number of resets at the other end, by reason */
	uint64_t virtual_us, in[LA_NCOUNTERS];
};

/** The pool that all hosts with a control pool share, full between two worlds. */
struct rte_mempool *rw_control_pool(void);

/** Runs one world until no event is left. Returns 0, or -errno when the world cannot be created. */
int rw_world(const struct rw_spec *spec, struct rw_result *r);

/* ------------------------------------------------------------------ random_plan.c */

struct rw_params { /* parameters of a world */
	uint32_t ppm[RW_JITTER + 1];
	uint64_t jitter_us, delay_us, msl_us, hold_us, gap_us;
	uint32_t fixed_isn;
	unsigned hosts, lports, rports;
	bool control[RW_HOSTS]; /* the host has a control pool */
	struct la_conn_opts opts[32];
	struct la_sim_config cfg;
};

struct rw_attempt {
	uint64_t gap_us; /* time after the previous attempt */
	uint8_t from, to;
	bool ip6;
	uint16_t lport, rport;
	struct la_sim_plan active, passive;
	int restart;  /* this host is restarted before the open, -1: none */
	bool orderly; /* the restart is orderly, not a crash */
	bool starve;  /* nearly all mbufs are withheld from this open on */
};

/** Returns a pseudo-random number that depends only on the arguments. */
uint64_t rw_mix(uint64_t a, uint64_t b, uint64_t c);
void rw_params(const struct rw_spec *spec, struct rw_params *d);
void rw_attempt(const struct rw_spec *spec, const struct rw_params *d, unsigned i, struct rw_attempt *a);
/** The fate of the n-th segment of a directed tuple. */
struct la_fate rw_fate(const struct rw_spec *spec, const struct rw_params *d, unsigned way, uint32_t n);

/* ------------------------------------------------------------------ the running world */

struct rw_way { /* the direction from one host's end of a tuple to the other end */
	uint32_t segments;
	uint32_t iss;		/* ISN of the newest incarnation */
	uint32_t end;		/* end of the newest incarnation's sent sequence numbers */
	uint64_t sent_us;	/* time of the last segment, RSTs not included */
	uint32_t old_end;	/* end of the sent sequence numbers of earlier incarnations, valid until old_until */
	uint64_t old_until;	/* time when the segments of earlier incarnations have expired */
	bool any;		/* a segment was sent */
	bool behind;		/* the newest incarnation is "behind" (random_law.c) */
	uint32_t time_wait_end; /* SND.NXT of the entry */
	uint64_t time_wait_us;	/* start of TIME_WAIT at the sending end, 0: not in TIME_WAIT */
	uint64_t reused_us;	/* time of the sender's last active open from TIME_WAIT */
	uint64_t second;	/* start of the current second, us */
	uint32_t acks;		/* empty ACKs sent in this second */
	uint32_t asked;		/* segments with sequence space received in this second */
};

struct rw_conn {      /* a connection; its index is the tag */
	int attempt;  /* number of the attempt that opened an active end; -1: a passive end */
	bool behind;  /* the connection's incarnation is "behind": no check */
	bool by_hand; /* the world closed it after the last open */
	bool judged;  /* both ends were checked */
};

struct rw {
	const struct rw_spec *spec;
	struct rw_params params;
	struct rw_result *r;
	struct la_sim *w;
	struct rw_attempt *attempt;
	struct rw_way way[RW_WAYS];
	struct rw_conn *conn;
	unsigned nconn;
	uint64_t crash_us[RW_HOSTS]; /* time of the host's last crash, 0: never */
	bool stopping;		     /* a host is stopped in order, and aborts its connections */
	uint64_t checksums;	     /* segments that the hosts dropped for their checksum, before restarts */
	struct rte_mbuf *stolen[RW_MBUFS];
	unsigned nstolen;
	uint64_t feed_us; /* time when the stolen mbufs are freed */
	unsigned steps;
	struct la_ladder *ladder; /* ladder of the traced tuple */
};

/** Returns the number of the directed tuple; -1: no tuple of this world, as in a corrupt segment. */
int rw_way_of(unsigned from, unsigned to, const struct la_tuple *t);
static inline struct rw_conn *
rw_conn(struct rw *rw, const struct la_sim_conn *c)
{
	return &rw->conn[c->tag < rw->nconn ? c->tag : 0];
}

/* ------------------------------------------------------------------ random_law.c */

void rw_event(void *ctx, const struct la_sim_event *e);
void rw_closed(void *ctx, struct la_sim_conn *c);
void rw_passive_opened(struct rw *rw, const struct la_sim_conn *c);
/** Checks every record; frees those whose last segment has expired. */
void rw_judge(struct rw *rw);
/** Checks the tables of every host. */
void rw_check_tables(struct rw *rw);
/** Checks that no connection, entry, reservation or mbuf is left. */
void rw_check_silence(struct rw *rw);
/** Adds a host's counters to the results before a restart clears them. */
void rw_keep_counters(struct rw *rw, unsigned host);
void rw_fail(struct rw *rw, const struct la_tuple *t, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
