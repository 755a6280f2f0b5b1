/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_INTERNAL_H
#define LA_APP_LOAD_INTERNAL_H

/* lastack load: types and functions that its files share.
 *
 *   load.c         the subcommand: configuration, run, output files
 *   load_opts.c    options, help
 *   load_pace.c    the due time of the nth connection
 *   load_mix.c     the close mode of each connection
 *   load_open.c    a station: opens due connections, or keeps a constant number open
 *   load_conn.c    one connection from its open to its end
 *   load_http.c    HTTP requests and answers of a connection
 *   load_carry.c   a new connection for the requests left when the server ended the old one
 *   load_request.c the texts of HTTP requests, and their options
 *   load_end.c     the kind of a connection's end, and whether the connection failed
 *   load_totals.c  the counts of all stations, metrics by name
 *   load_expect.c  conditions on metrics
 *   load_verdict.c the limit of the run, and its exit status
 *   load_steps.c   counts of each step of a ramp, and of each target
 *   load_worker.c  the cost of each worker: busy share, cycles per connection, lag
 *   load_find.c    the search of --find-max
 *   load_trial.c   the trials of --find-max
 *   load_report.c  live line, CSV
 *   load_print.c   tables at the end
 *   load_json.c    the figures of the tables as JSON
 *   load_plot.c    pictures of the CSV
 *
 * A station belongs to one worker. Only that worker writes the station's counts and histograms; the control thread may
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
#include "http/http_reply_known.h"
#include "load/load_mix.h"
#include "load/load_pace.h"
#include "run/engine.h"
#include "run/tuples.h"

enum {
	LOAD_TARGETS = 64,
	LOAD_PATHS = 16,
	LOAD_KNOWN = 16, /* known heads of a station; a power of two */
};

enum load_protocol { LOAD_HTTP, LOAD_ECHO, LOAD_CLOSE, LOAD_PLAIN };

/** The actual end of a connection; the first three are orderly. */
enum load_kind {
	KIND_CLIENT_FIRST, /* our FIN was acknowledged before the peer's FIN arrived, or by it */
	KIND_SERVER_FIRST, /* the peer's FIN arrived before ours was sent */
	KIND_SIMULTANEOUS, /* the FINs crossed: each was sent before the other arrived */
	KIND_ABORTED,	   /* by us, as planned: --close=abort */
	KIND_RESET,	   /* by a RST of the peer */
	KIND_TIMEOUT,	   /* by the stack: no acknowledgement for R2 (RFC 9293 3.8.3) */
	KIND_REFUSED,	   /* the peer answered the SYN by a RST */
	KIND_FIN_WAIT_2,   /* the peer sent no FIN */
	KIND_GAVE_UP,	   /* aborted by us: no progress for --timeout */
	KIND_BAD_ANSWER,   /* aborted by us: an answer could not be read further */
	KIND_UNFINISHED,   /* aborted by us: open at the end of --drain, or of a trial that fell behind */
	KINDS
};

static inline bool
load_is_orderly(enum load_kind kind)
{
	return kind <= KIND_SIMULTANEOUS;
}

/** The cause of a failure: the enum load_kind of the end, or one of these. Each failed connection has one cause. */
enum load_cause {
	CAUSE_WRONG = KINDS, /* a wrong answer */
	CAUSE_INCOMPLETE,    /* ended as planned or orderly, but lacks an answer */
	CAUSE_UNPLANNED,     /* complete and orderly, but the planned side did not close first */
	CAUSES		     /* not failed */
};

/** JSON key and CSV column of each kind. */
extern const char *const load_kind_name[KINDS];

enum load_latency {
	LAT_HANDSHAKE,	/* from the due time of the SYN to ESTABLISHED */
	LAT_FIRST_BYTE, /* from the due time of the SYN to the first byte of the first answer */
	LAT_ANSWER,	/* from the due time of the request to the last byte of its answer */
	LAT_CLOSE,	/* from the queuing of our FIN to the orderly end */
	LAT_LAG,	/* from the due time of the SYN to la_connect(): the generator's own lateness */
	LAT_UNFINISHED, /* from the due time of the SYN to the abort, of KIND_UNFINISHED */
	LATENCIES
};
extern const char *const load_latency_name[LATENCIES];

/** The fault of an answer: enum http_reply_error, or one of these. Each wrong answer counts once, by the first fault
 * found. Extra bytes count in addition. */
enum load_bad {
	BAD_FRAMING_END = REPLY_ERRORS,
	BAD_STATUS = BAD_FRAMING_END, /* not 200; with any_answer: neither 2xx nor 3xx */
	BAD_SIZE,		      /* the length differs from --size */
	BAD_BODY,		      /* a byte differs from the pattern */
	BAD_EXTRA_BYTES,	      /* bytes without a request */
	BAD_RESET_WAITING,	      /* RST before the first byte of the answer */
	BAD_RESET_HEAD,		      /* RST within the head of the answer */
	BAD_RESET_BODY,		      /* RST within the body of the answer */
	BAD_TIMED_OUT,		      /* --timeout before the end of the answer */
	BAD_ANSWERS
};
/** Returns the JSON key of a fault, REPLY_GOOD + 1 to BAD_ANSWERS - 1. */
const char *load_bad_name(unsigned bad);

/** Every member is a uint64_t, so that counts are added as an array. */
struct load_counts {
	uint64_t connects;    /* successful calls of la_connect(), without the warm-up */
	uint64_t established; /* handshakes done */
	uint64_t warmup;      /* connections before the schedule; no other count or latency includes them */
	uint64_t planned[CLOSE_MODES];
	uint64_t ended[CLOSE_MODES][KINDS];
	uint64_t failed[CAUSES];    /* by enum load_kind or enum load_cause */
	uint64_t requests, answers; /* sent whole, or answered early; received whole */
	uint64_t complete;	    /* connections with all of their answers */
	uint64_t incomplete;
	uint64_t wrong;		   /* answers: the sum of bad[] */
	uint64_t bad[BAD_ANSWERS]; /* by the fault; [REPLY_GOOD] stays 0 */
	uint64_t reconnects;	   /* those of `connects` that carry the remaining requests of ended connections */
	uint64_t unacked;	   /* bytes never acknowledged, of all connections */
	uint64_t no_tuple;	   /* open loop: connections not made; closed loop: waits */
	uint64_t no_room;	   /* waits for a TCB or an entry; open loop: at most one a connection */
	uint64_t skipped;	   /* tuples that la_connect() refused as in use */
	uint64_t late;		   /* connections begun more than 1 ms after they were due */
	uint64_t unstarted;	   /* connections due, but not begun at the end of the run or of their trial */
};

/** The head of a request. */
struct load_request {
	const char *text;
	size_t len;
};

/** Counts of one target. */
struct load_target_counts {
	uint64_t connects, established, orderly, failed;
};

/** Counts of the connections that were due in one step of a ramp. Untouched pages of the histograms cost no memory. */
struct load_step {
	uint64_t begun, complete, failed;
	struct la_histogram latency[LATENCIES];
};

struct load_target {
	struct la_addr addr;
	uint16_t port;
	uint8_t via; /* index of the own port: in load_options_read() the port that --to follows, then the port that has it */
	struct load_request request[LOAD_PATHS][2]; /* HTTP: [1] for the last one, which asks the server to close */
};

struct load_path {
	const char *text;
	uint32_t weight;
};

struct load_config {
	enum load_protocol protocol;
	struct pace pace; /* the schedule of an open loop; without steps: closed loop */
	struct mix mix;
	struct load_target target[LOAD_TARGETS];
	unsigned ntargets;
	uint64_t concurrency; /* closed loop: connections kept open */
	uint64_t connections; /* in all; 0: no limit */
	uint64_t requests;    /* per connection */
	uint64_t size;	      /* bytes of an answer, or of an echo */
	bool any_answer;      /* the answer's length and contents are not checked */
	bool head_only;	      /* HTTP: the method is HEAD */
	struct load_path path[LOAD_PATHS];
	unsigned npaths, path_total; /* number of paths; sum of their weights */
	const uint8_t *body;	     /* HTTP: body of each request; NULL: the pattern */
	uint64_t body_len;
	bool reuse;
	uint32_t duration_ms, drain_ms, think_ms, timeout_ms, linger_ms;
	uint32_t skew_ms[2]; /* CLOSE_BOTH: least and most */
	uint64_t seed;
};

/** Returns the end of the schedule by time, ns from its start: the end of a ramp, or --duration. PACE_NEVER: no end. */
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
	LOAD_STOPPED, /* opens no more connections of the schedule */
};

struct load_station {
	const struct load_config *cfg;
	struct load_counts n;
	struct la_histogram *latency;		   /* LATENCIES histograms */
	uint8_t targets[LOAD_TARGETS];		   /* indices of the targets of this station's port */
	unsigned ntargets;			   /* number of them */
	struct la_tuples tuples[LOAD_TARGETS];	   /* by the index of the target */
	struct http_reply_known known[LOAD_KNOWN]; /* heads of answers, by target, path and last request */
	struct slab conns;
	TAILQ_HEAD(load_later, load_conn) later; /* connections with an action in the next round */
	struct load_later carried;		 /* ended by the server with requests left; wait for a new connection */
	uint64_t carry_at;			 /* earliest time to open a carried connection */
	bool drained;				 /* the run drains: no more connections are opened */
	int64_t credit[LOAD_PATHS];		 /* state of the choice of a path */
	struct mix mix;
	struct la_rng rng;
	struct la_faulty *faulty; /* NULL: no fault injection */
	unsigned index, of;	  /* number of this station, of all: opens connections index, index + of, ... */
	uint32_t concurrency;	  /* this station's share of --concurrency */
	uint32_t capacity;	  /* most connections at once */
	unsigned turn;		  /* index into targets of the next target */
	uint64_t share;		  /* this station's share of --connections; UINT64_MAX: no limit */
	uint64_t begun;		  /* connections of the share that were begun, or left out */
	uint64_t slots;		  /* processed slots of the schedule */
	uint64_t given_up;	  /* lower slots of the whole schedule are given up; written by another thread */
	bool aborts;		  /* open connections are to be aborted; written by another thread */
	enum load_phase phase;	  /* read by other threads */
	unsigned warm;		  /* warm-up connections begun, one a target */
	unsigned warmed;	  /* warm-up connections that were established, or failed */
	unsigned warm_open;	  /* warm-up connections that have not ended */
	uint64_t warm_start, warm_until;
	uint64_t base; /* TSC */
	double ns_per_tsc;
	uint64_t start;			      /* start of the schedule, ns */
	uint64_t stopped_at, orderly_at_stop; /* valid in LOAD_STOPPED */
	uint64_t abort_at;		      /* when open connections are aborted, ns; UINT64_MAX: never */
	bool cut;			      /* stopped before the end of the schedule */
	struct load_target_counts at[LOAD_TARGETS];
	struct load_step *step; /* one per step of a ramp; NULL without a ramp */
	struct la_shard *shard; /* of the last poll */
	uint64_t event;		/* ns: time of the callback that runs, for all times that it records */
	/* the due time of connection next_n of the schedule, ns from its start; PACE_NEVER: not known */
	uint64_t next_n, next_due;
	uint64_t last_close;
	uint64_t retry_at;
	uint64_t now_ms;  /* time of the last poll */
	bool room_missed; /* the connection that is due has already been counted as no_room */
	bool waiting;	  /* closed loop: waits for tuples; read by other threads */
	int fatal;	  /* permanent -errno of la_connect() */
};

static inline uint64_t
load_now(const struct load_station *st)
{
	int64_t cycles = (int64_t)(rte_rdtsc() - st->base); /* conversions of signed numbers are one instruction */

	return (uint64_t)(int64_t)((double)cycles * st->ns_per_tsc);
}

/** Returns whether open connections are to be aborted, because their trial has failed (load_trial.h). */
static inline bool
load_aborts(const struct load_station *st)
{
	return __atomic_load_n(&st->aborts, __ATOMIC_RELAXED);
}

/** Adds to a count that another thread may read at the same time. */
#define LOAD_ADD(x, by) __atomic_store_n(&(x), (x) + (by), __ATOMIC_RELAXED)

/** Returns the number of connections that ended orderly. */
uint64_t load_orderly(const struct load_counts *n);
/** Returns the cause of failure of a connection with planned end `mode` and actual end `kind`; CAUSES: not failed. */
enum load_cause load_cause(enum close_mode mode, enum load_kind kind, bool complete, bool wrong);

/* load_open.c */
extern const struct la_station_ops load_station_ops;
/** Requires cfg, tuples, the shares, index and `of`, and a running DPDK. Returns 0 or -ENOMEM. */
int load_station_init(struct load_station *st);
void load_station_fini(struct load_station *st);

/* load_conn.c */
struct load_conn {
	struct la_conn *c;
	struct load_station *st;
	uint64_t due;	  /* due time of the SYN */
	uint64_t asked;	  /* due time of the present request */
	uint64_t fin;	  /* when our FIN was queued; 0: not yet */
	uint64_t touched; /* the shard's time of the last progress, ms */
	uint64_t sent, got;
	uint64_t left; /* requests without a complete answer, the present one included */
	struct http_reply reply;
	uint8_t path;	  /* of the present request */
	bool wrong;	  /* the present answer is wrong */
	bool extra;	  /* bytes arrived without a request */
	bool served;	  /* at least one answer was complete */
	bool unread;	  /* an answer could not be read further */
	bool peer_closes; /* the peer may close first: announced, FIN between two requests, or early answer */
	bool carry;	  /* the requests left go to another connection */
	bool carried;	  /* not in the schedule: has the remaining requests of another connection */
	TAILQ_ENTRY(load_conn) later;
	unsigned ticket;
	uint16_t step;		     /* step of the ramp in which the connection was due */
	uint8_t target, mode, timer; /* index of the target; enum close_mode; enum load_timer */
	uint8_t first;		     /* enum load_kind, if the end is orderly */
	/* any: a byte has arrived; unsent: the request is not sent whole; spoilt: an answer was wrong */
	bool warm, opened, any, asking, unsent, spoilt, gave_up, aborted, is_later;
};
extern const struct la_conn_ops load_conn_ops;

/** Records a latency, also in the step of the ramp in which the connection was due. Warm-up connections record none. A
 * carried connection belongs to no step. */
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

/** Counts the end of a connection. Not for warm-up connections. */
void load_conn_end(struct load_conn *lc, enum la_end end, uint64_t now);

/** Sets the number of requests of a new connection. A carried connection keeps its remaining requests. */
void load_conn_begin(struct load_conn *lc);
/** Runs deferred actions of connections; called once a round, outside of callbacks. Returns whether there were any. */
bool load_conn_later(struct load_station *st);

/* load_http.c */
/** Prepares the next request and its answer. */
void load_http_ask(struct load_conn *lc);
/** Sends what is left of the request. Returns whether the whole request is queued. */
bool load_http_send(struct load_conn *lc);
/** Processes bytes of the answer. Returns the number of bytes taken: all, unless the answer ended (lc->reply.done). */
size_t load_http_take(struct load_conn *lc, const uint8_t *b, size_t n);
/** The peer's FIN arrived before the answer was complete. Returns whether the FIN completes the answer. */
bool load_http_fin(struct load_conn *lc);
/** Counts a RST that arrived before the answer was complete. */
void load_http_reset(struct load_conn *lc);
/** Processes received bytes that are no part of an HTTP answer. HTTP: bytes without a request set lc->extra. */
void load_take_other(struct load_conn *lc, const uint8_t *b, size_t n);
/** Processes received bytes of any protocol. HTTP: bytes after the answer, or without a request, set lc->extra. */
static inline void
load_take(struct load_conn *lc, const uint8_t *b, size_t n)
{
	if (lc->asking && lc->st->cfg->protocol == LOAD_HTTP)
		lc->extra |= load_http_take(lc, b, n) < n;
	else
		load_take_other(lc, b, n);
}
/** Returns whether the answer is complete or cannot be read further. A server may answer before the request is sent. */
static inline bool
load_answer_ended(const struct load_conn *lc)
{
	const struct load_config *cfg = lc->st->cfg;

	if (!lc->asking)
		return false;
	if (cfg->protocol == LOAD_HTTP)
		return lc->reply.done;
	return cfg->protocol == LOAD_ECHO && !lc->unsent && lc->got >= cfg->size;
}
/** Counts the present answer as wrong, unless it is counted already. bad: enum load_bad or enum http_reply_error. */
void load_bad(struct load_conn *lc, unsigned bad);

/* load_carry.c */
/** Calls la_connect() with the tuple *t, which la_tuples_next() gave as lc->ticket for lc->target. When that fails, the
 * tuple counts as unused. Returns 0 or -errno. */
int load_connect(struct load_station *st, struct la_shard *shard, struct load_conn *lc, const struct la_tuple *t);
/** Queues an ended connection whose remaining requests need another connection. */
void load_carry_add(struct load_conn *lc);
/** Opens connections for queued requests, or drops the requests at the end. Returns whether it did one of the two. */
bool load_carry_open(struct load_station *st, struct la_shard *shard, uint64_t now);

#endif
