/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_INTERNAL_H
#define LA_APP_LOAD_INTERNAL_H

/* lastack load: shared by its files.
 *
 *   load.c         putting it together
 *   load_opts.c    options, help
 *   load_pace.c    the due time of the nth connection
 *   load_mix.c     its close mode
 *   load_open.c    a station: opens due connections, or keeps a constant number open
 *   load_conn.c    one connection from its open to its end
 *   load_http.c    its HTTP requests and answers
 *   load_carry.c   the rest of its requests, after the server ended it: another connection
 *   load_request.c the texts of the requests, and their options
 *   load_end.c     the kind of its end, and whether it failed
 *   load_totals.c  the counts of all stations, metrics by name
 *   load_expect.c  conditions on metrics
 *   load_verdict.c the limit of the run, and its exit status
 *   load_steps.c   steps of a ramp, and targets
 *   load_worker.c  the cost of each worker: busy share, cycles per connection, lag
 *   load_find.c    the search of --find-max; load_trial.c: its trials
 *   load_report.c  live line, CSV
 *   load_print.c   tables
 *   load_json.c    the same as JSON
 *   load_plot.c    pictures of the CSV
 *
 * A station belongs to one worker. Only it writes its counts and histograms; the control thread may
 * read them at the same time. Times are nanoseconds since the station's `base`, by the TSC. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <lastack/lastack.h>
#include <rte_cycles.h>

#include "cli/slab.h"
#include "core/histogram.h"
#include "core/rng.h"
#include "fault/faulty.h"
#include "http/http_reply.h"
#include "load/load_mix.h"
#include "load/load_pace.h"
#include "run/engine.h"
#include "run/tuples.h"

enum { LOAD_TARGETS = 64, LOAD_PATHS = 16 };

enum load_protocol { LOAD_HTTP, LOAD_ECHO, LOAD_CLOSE, LOAD_PLAIN };

/** The actual end of a connection; the first three are orderly. */
enum load_kind {
	KIND_CLIENT_FIRST, /* our FIN was acknowledged before or with the peer's */
	KIND_SERVER_FIRST, /* the peer's FIN came before ours was sent */
	KIND_SIMULTANEOUS, /* the two crossed: each was sent before the other came */
	KIND_ABORTED,	   /* by us: --close=abort, or the end of the run */
	KIND_RESET,
	KIND_TIMEOUT, /* the stack gave up: no acknowledgement for R2 */
	KIND_REFUSED,
	KIND_FIN_WAIT_2, /* the peer never closed its side */
	KIND_GAVE_UP,	 /* --timeout */
	KIND_BAD_ANSWER, /* aborted by us: an answer could not be read further */
	KIND_UNFINISHED, /* open when the time of --drain was over, then aborted */
	KINDS
};

static inline bool
load_is_orderly(enum load_kind kind)
{
	return kind <= KIND_SIMULTANEOUS;
}

/** The cause of a failure: its kind of end, or one of these. Each failed connection has one cause. */
enum load_cause {
	CAUSE_WRONG = KINDS, /* a wrong answer */
	CAUSE_INCOMPLETE,    /* orderly, without all answers */
	CAUSE_UNPLANNED,     /* complete and orderly, and the other side closed first */
	CAUSES		     /* not failed */
};

/** JSON key and CSV column of each. */
extern const char *const load_kind_name[KINDS];

enum load_latency {
	LAT_HANDSHAKE,	/* the SYN was due - established */
	LAT_FIRST_BYTE, /* the SYN was due - first byte of the first answer */
	LAT_ANSWER,	/* the request was due - last byte of its answer */
	LAT_CLOSE,	/* our FIN - the connection is closed in good order */
	LAT_LAG,	/* the SYN was due - la_connect() was called: our own lateness */
	LAT_UNFINISHED, /* the SYN was due - the end of the run: age of connections without an end */
	LATENCIES
};
extern const char *const load_latency_name[LATENCIES];

/** What is wrong with an answer: enum http_reply_error, or one of these. Each wrong answer counts once, by the first
 * fault found. */
enum load_bad {
	BAD_FRAMING_END = REPLY_ERRORS,
	BAD_STATUS = BAD_FRAMING_END, /* another than 200, or with --get than 2xx and 3xx */
	BAD_SIZE,		      /* not as long as the request says */
	BAD_BODY,		      /* other bytes than the pattern's */
	BAD_EXTRA_BYTES,	      /* bytes without a request */
	BAD_RESET_WAITING,	      /* RST before the first byte of the answer, */
	BAD_RESET_HEAD,		      /* within its head, */
	BAD_RESET_BODY,		      /* within its body */
	BAD_TIMED_OUT,		      /* --timeout before the end of the answer */
	BAD_ANSWERS
};
/** JSON key of each, from REPLY_GOOD + 1 on. */
const char *load_bad_name(unsigned bad);

/** Everything here is a uint64_t, so that counts add up as an array. */
struct load_counts {
	uint64_t connects;    /* la_connect() that succeeded */
	uint64_t established; /* handshakes done */
	uint64_t warmup;      /* connections before the schedule; no other count or latency includes them */
	uint64_t planned[CLOSE_MODES];
	uint64_t ended[CLOSE_MODES][KINDS];
	uint64_t failed[CAUSES];    /* by enum load_kind or enum load_cause */
	uint64_t requests, answers; /* sent whole; received whole */
	uint64_t complete;	    /* connections with all of their answers */
	uint64_t incomplete;
	uint64_t wrong;		   /* answers: the sum of bad[] */
	uint64_t bad[BAD_ANSWERS]; /* by the fault; [REPLY_GOOD] stays 0 */
	uint64_t reconnects;	   /* of connects: for remaining requests of ended connections */
	uint64_t unacked;	   /* bytes never acknowledged, all ends together */
	uint64_t no_tuple;	   /* open loop: connections not made; closed loop: waits */
	uint64_t no_room;	   /* connections that had to wait for a TCB or a TIME_WAIT entry */
	uint64_t skipped;	   /* tuples found taken */
	uint64_t late;		   /* begun more than 1 ms after they were due */
	uint64_t unstarted;	   /* due, and not begun at the end of the time */
};

/** The head of a request. */
struct load_request {
	const char *text;
	size_t len;
};

/** Of one target. */
struct load_target_counts {
	uint64_t connects, established, orderly, failed;
};

/** Of one step of a ramp: connections that were due in it. Untouched pages of the histograms cost no memory. */
struct load_step {
	uint64_t begun, complete, failed;
	struct la_histogram latency[LATENCIES];
};

struct load_target {
	struct la_addr addr;
	uint16_t port;
	struct load_request request[LOAD_PATHS][2]; /* HTTP: on a connection that lives on, and the last one */
};

struct load_path {
	const char *text;
	uint32_t weight;
};

struct load_config {
	enum load_protocol protocol;
	struct pace pace; /* open loop; without steps a closed one */
	struct mix mix;
	struct load_target target[LOAD_TARGETS];
	unsigned ntargets;
	uint64_t concurrency; /* closed loop */
	uint64_t connections; /* in all; 0: no limit */
	uint64_t requests;    /* a connection */
	uint64_t size;	      /* bytes of an answer, or of an echo */
	bool any_answer;      /* the answer's length and contents are not checked */
	bool head_only;	      /* HTTP: the method is HEAD */
	struct load_path path[LOAD_PATHS];
	unsigned npaths, path_total; /* of path[]; sum of the weights */
	const uint8_t *body;	     /* HTTP: of each request; NULL: the pattern */
	uint64_t body_len;
	bool reuse;
	uint32_t duration_ms, drain_ms, think_ms, timeout_ms, linger_ms;
	uint32_t skew_ms[2]; /* CLOSE_BOTH: from, to */
	uint64_t seed;
};

/** The end of the schedule by time, ns from its start: the end of a ramp, or --duration. PACE_NEVER: none. */
static inline uint64_t
load_time_limit(const struct load_config *cfg)
{
	uint64_t end = cfg->pace.nsteps > 0 ? pace_end(&cfg->pace) : PACE_NEVER;
	uint64_t limit = cfg->duration_ms * UINT64_C(1000000);

	return limit != 0 && limit < end ? limit : end;
}

enum load_phase {
	LOAD_WARM, /* one connection per target: next hops are resolved */
	LOAD_GO,
	LOAD_STOPPED, /* opens no more */
};

struct load_station {
	const struct load_config *cfg;
	struct load_counts n;
	struct la_histogram *latency; /* LATENCIES of them */
	struct la_tuples tuples[LOAD_TARGETS];
	struct slab conns;
	TAILQ_HEAD(load_later, load_conn) later; /* connections with an action in the next round */
	struct load_later carried;		 /* ended by the server, with requests left: to be opened again */
	uint64_t carry_at;			 /* not before */
	bool drained;				 /* no more connections are opened */
	int64_t credit[LOAD_PATHS];		 /* of the choice of a path */
	struct mix mix;
	struct la_rng rng;
	struct la_faulty *faulty; /* NULL: no fault injection */
	unsigned index, of;	  /* number of this station, and of all: it opens connections index, index + of, ... */
	uint32_t concurrency;	  /* its part */
	uint32_t capacity;	  /* connections at once */
	unsigned target;	  /* the next one */
	uint64_t share;		  /* connections of --connections that are ours; UINT64_MAX: no limit */
	uint64_t begun;		  /* of them, begun or given up without a tuple */
	uint64_t slots;		  /* of the schedule, processed */
	uint64_t given_up;     /* slots of the whole schedule before this one are given up; written by another thread */
	bool aborts;	       /* open connections are to be aborted; written by another thread */
	enum load_phase phase; /* read by other threads */
	unsigned warm;	       /* targets whose first connection was begun, */
	unsigned warmed;       /* and is open or has failed */
	unsigned warm_open;    /* of those begun, not yet ended */
	uint64_t warm_start, warm_until;
	uint64_t base; /* TSC */
	double ns_per_tsc;
	uint64_t start;			      /* of the schedule, ns */
	uint64_t stopped_at, orderly_at_stop; /* valid in LOAD_STOPPED */
	uint64_t abort_at;		      /* time of the abort of open connections; UINT64_MAX: never */
	bool cut;			      /* stopped before its schedule was over */
	struct load_target_counts at[LOAD_TARGETS];
	struct load_step *step; /* one per step of a ramp; NULL without a ramp */
	uint64_t last_close;
	uint64_t retry_at;
	uint64_t now_ms;  /* of the last poll */
	bool room_missed; /* the connection that is due has already been counted as no_room */
	bool waiting;	  /* for tuples; read by other threads */
	int fatal;	  /* permanent -errno of la_connect() */
};

static inline uint64_t
load_now(const struct load_station *st)
{
	return (uint64_t)((double)(rte_rdtsc() - st->base) * st->ns_per_tsc);
}

/** The trial of these connections has failed (load_trial.h). */
static inline bool
load_aborts(const struct load_station *st)
{
	return __atomic_load_n(&st->aborts, __ATOMIC_RELAXED);
}

/** Counts are read while they are written. */
#define LOAD_ADD(x, by) __atomic_store_n(&(x), (x) + (by), __ATOMIC_RELAXED)

/** Connections that ended orderly. */
uint64_t load_orderly(const struct load_counts *n);
/** The cause of failure of a connection with planned end `mode` and actual end `kind`; CAUSES: not failed. */
enum load_cause load_cause(enum close_mode mode, enum load_kind kind, bool complete, bool wrong);

/* load_open.c */
extern const struct la_station_ops load_station_ops;
/** After cfg, tuples, the station's shares, index and of are set, and DPDK runs. 0 or -ENOMEM. */
int load_station_init(struct load_station *st);
void load_station_fini(struct load_station *st);

/* load_conn.c */
struct load_conn {
	struct la_conn *c;
	struct load_station *st;
	uint64_t due;	/* due time of the SYN */
	uint64_t asked; /* due time of the present request */
	uint64_t fin;	/* when our FIN was queued; 0: not yet */
	uint64_t sent, got;
	uint64_t left; /* requests not yet answered, the present one included */
	struct http_reply reply;
	uint8_t path;	  /* of the present request */
	bool wrong;	  /* the present answer is */
	bool extra;	  /* bytes came without a request */
	bool served;	  /* an answer has been complete */
	bool unread;	  /* an answer could not be read further */
	bool peer_closes; /* the peer has announced or shown the end of this connection: it may close first */
	bool carry;	  /* the requests left go to another connection */
	bool carried;	  /* not in the schedule: it has the remaining requests of another connection */
	TAILQ_ENTRY(load_conn) later;
	unsigned ticket;
	uint16_t step;		     /* of the ramp, in which it was due */
	uint8_t target, mode, timer; /* enum close_mode, enum load_timer */
	uint8_t first;		     /* enum load_kind of an orderly end */
	bool warm, opened, any, asking, unsent, spoilt, gave_up, aborted, is_later;
};
extern const struct la_conn_ops load_conn_ops;

/** Records a latency, also in the step of the ramp that the connection was due in. A connection of the warm-up has
 * none; one with the remaining requests of another belongs to no step. */
static inline void
load_record(struct load_conn *lc, enum load_latency which, uint64_t since, uint64_t now)
{
	uint64_t ns = now > since ? now - since : 0;

	if (lc->warm)
		return;
	la_histogram_record(&lc->st->latency[which], ns);
	if (lc->st->step && !lc->carried)
		la_histogram_record(&lc->st->step[lc->step].latency[which], ns);
}

/** Counts the end of a connection that is not of the warm-up. */
void load_conn_end(struct load_conn *lc, enum la_end end, uint64_t now);

/** Sets the plan of a new connection; remaining requests of another connection come first. */
void load_conn_begin(struct load_conn *lc);
/** Once a round, outside of callbacks: runs deferred actions of connections. True: there were some. */
bool load_conn_later(struct load_station *st);

/* load_http.c */
void load_http_ask(struct load_conn *lc);
/** Sends the rest of the request. True: all of it is queued. */
bool load_http_send(struct load_conn *lc);
/** Bytes of the answer. Returns those taken: all, unless lc->reply.done. */
size_t load_http_take(struct load_conn *lc, const uint8_t *b, size_t n);
/** The peer's FIN before the answer was complete. True: now it is. */
bool load_http_fin(struct load_conn *lc);
/** RST before the answer was complete. */
void load_http_reset(struct load_conn *lc);
/** Bytes that arrived, of any protocol. Bytes behind the answer, or without a request, set lc->extra. */
void load_take(struct load_conn *lc, const uint8_t *b, size_t n);
/** The answer is complete, or cannot be read further. A server may answer before it has read the whole request. */
bool load_answer_ended(const struct load_conn *lc);
/** Counts the present answer as wrong, once. bad: enum load_bad or enum http_reply_error. */
void load_bad(struct load_conn *lc, unsigned bad);

/* load_carry.c */
/** la_connect() on the tuple drawn as lc->ticket for lc->target; gives an unused tuple back. 0 or -errno. */
int load_connect(struct load_station *st, struct la_shard *shard, struct load_conn *lc, const struct la_tuple *t);
/** Takes the remaining requests of an ended connection. */
void load_carry_add(struct load_conn *lc);
/** Opens connections for them. True: there were some. */
bool load_carry_open(struct load_station *st, struct la_shard *shard, uint64_t now);

#endif
