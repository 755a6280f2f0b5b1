/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_SERVER_SERVICE_H
#define LA_APP_SERVER_SERVICE_H

/* A service listens on one TCP port of each shard. A service is one file, which ends with its struct service_def, one
 * line in services.def, and the file's name in meson.build. From the definitions service_opts.c makes options, help
 * and errors, and server.c the start-up lines, the summary and the JSON. service.c has what all services share: the
 * list of connections, time-outs, the ways to end a connection, and default callbacks. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "cli/slab.h"

struct opt;
struct service;

enum {
	SVC_LINGER_MS = 10000, /* longest wait for the peer's FIN after the last of our bytes was acknowledged */
	/* Shortest time without an acknowledgement after which a connection with unacknowledged bytes is aborted. A
	 * receiver that reads slowly opens its window in steps (RFC 9293 3.8.6.2.2): Linux in steps of 24 kB, 2.4 s
	 * apart at 10 kB/s. */
	SVC_STALL_MS = 10000,
	/* Limit of unsent bytes. At this limit a service reads no further request, or byte to echo: the requests stay
	 * unread, and the window closes. The limit is about an initial window (RFC 6928: 10 segments), so that unsent
	 * bytes are ready when an ACK arrives. */
	SVC_UNSENT_MAX = 16384,
};

/** The counts that every service has, on each shard. The counts of a single service begin at SVC_NCOMMON. */
enum svc_count {
	SVC_IDLE_CLOSED,    /* idle connections closed in order */
	SVC_NO_PROGRESS,    /* connections aborted: the peer did not acknowledge our bytes in time */
	SVC_LINGER_EXPIRED, /* closes for which the peer's FIN did not arrive in time */
	SVC_PAUSED,	    /* times that reading stopped because answers could not be sent */
	SVC_NCOMMON,
};

enum { SVC_OWN_MAX = 8 }; /* largest number of counts of a single service, and of its options */

struct svc_count_def {
	const char *name; /* JSON key */
	const char *note; /* in parentheses after the name in the help's list of keys; NULL: none */
	const char *text; /* in the summary */
};

/** Who closes first, and so holds TIME_WAIT. */
enum svc_first {
	SVC_FIRST_BY_COMMAND, /* the bytes of the client decide */
	SVC_FIRST_CLIENT,
	SVC_FIRST_SERVER,
};

/** The first member of every service's connection. */
struct svc_conn {
	struct la_conn *c;
	struct service *s;
	struct svc_conn *next, **link; /* the service's list; *link points at this struct */
	uint64_t progress_at;	       /* ms: time of the last progress, see "time-outs" below */
	uint64_t deadline;	       /* ms: end of the current step, independent of progress; UINT64_MAX: none */
	bool lingering;		       /* our FIN is queued; received bytes are discarded */
	bool paused;		       /* reading has stopped, see SVC_UNSENT_MAX */
};

/** The definition of a service. Only name, help and conn_size have no default. */
struct service_def {
	const char *name;   /* as in services.def; for --NAME PORT, the lines and the JSON key */
	const char *help;   /* of --NAME */
	const char *common; /* its options that a new user needs, see struct command; NULL: none */
	const char *manual; /* a section of the manual, with its heading; NULL: none */
	enum svc_first first;
	const char *first_help;	 /* of --NAME-close client|server, whose default is `first`; NULL: no such option */
	const struct opt *opts;	 /* its time-out options, at most SVC_OWN_MAX, then OPT_END; NULL: none */
	const uint32_t *idle_ms; /* the idle time-out, an option of `opts`; NULL: --idle-timeout is used */
	const struct svc_count_def *counts; /* its counts beside enum svc_count */
	unsigned ncounts;		    /* at most SVC_OWN_MAX */
	bool nodelay;			    /* true: connections without the Nagle algorithm */
	size_t conn_size;		    /* bytes of its connection struct, which begins with a struct svc_conn */
	size_t own_size;		    /* bytes of service.own */
	/** Defaults of NULL callbacks: opened makes the connection, data discards the bytes, acked is progress,
	 * peer_fin closes, timer ends a connection without progress, closed frees the connection, writable does
	 * nothing. */
	struct la_conn_ops ops;
	/** Called when the service stops: closes now, or after the current step. NULL: svc_linger(). */
	void (*drain)(struct svc_conn *sc);
};

/** One service on one shard. */
struct service {
	const struct service_def *def;
	struct la_conn_ops ops; /* the callbacks of def, with the defaults */
	struct la_conn_opts opts;
	uint16_t port;	   /* 0: does not listen */
	bool server_first; /* the server closes first, where the service allows both */
	uint32_t idle_ms;  /* time-out without progress; 0: none */
	bool draining;
	struct la_shard *shard;
	struct slab conns;
	struct svc_conn *head; /* list of connections */
	void *own;	       /* def->own_size bytes, zero at the start */
	uint64_t count[SVC_NCOMMON + SVC_OWN_MAX];
};

/** The services of services.def: service_http, ... */
#define SERVICE(name) extern const struct service_def service_##name;
#include "server/services.def"
#undef SERVICE

/** Initializes *s from def. idle_ms is 0. */
void service_init(struct service *s, const struct service_def *def, uint16_t port);
/** Listens on all addresses of the shard. max_conns: that of the shard. Returns 0 or a negative errno. */
int service_start(struct service *s, struct la_shard *shard, uint32_t max_conns);
/** Stops listening and drains every connection. */
void service_drain(struct service *s, struct la_shard *shard);
void service_fini(struct service *s);

/** Returns the number of counts of a service. */
unsigned service_ncounts(const struct service_def *def);
/** Returns the definition of count k. */
const struct svc_count_def *service_count_def(const struct service_def *def, unsigned k);

/** Called in `opened`: makes a zeroed connection of the service, sets it as the user pointer, and starts the idle
 * time-out. Returns the connection; NULL: it was aborted. */
void *svc_open(struct la_conn *c, struct service *s);
/** Discards unread bytes. */
void svc_discard(struct svc_conn *sc);
/** Returns whether a further request may be read. False: too many bytes are unsent; call again in `acked`. */
bool svc_may_read(struct svc_conn *sc);

/* ---- time-outs ----
 *
 * A connection without progress for idle_ms is closed in order when no byte of ours is unacknowledged. Otherwise the
 * connection is aborted, after at least SVC_STALL_MS: a FIN would wait behind bytes that the peer does not take.
 * Progress is an acknowledged byte, or a received byte that the service counts; while bytes of ours are unacknowledged,
 * received bytes do not count. The timer is lazy: progress writes the time, and a timer that fires too early is set
 * again. */

/** Records progress. */
void svc_progress(struct svc_conn *sc);
/** Called when bytes were received. Records progress, unless bytes of ours are unacknowledged. */
void svc_received(struct svc_conn *sc);
/** Sets the timer. Called after a change of `deadline` or `lingering`. */
void svc_arm(struct svc_conn *sc);
/** Called in `timer`. Returns false when the time-out has passed; otherwise sets the timer again and returns true. */
bool svc_time_left(struct svc_conn *sc);
/** Ends a connection whose time-out has passed: closes it, or aborts it when bytes are unacknowledged or unread. sc may
 * be freed. */
void svc_idle(struct svc_conn *sc);
/** Aborts a connection whose time-out has passed while bytes of ours were waiting. sc is freed. */
void svc_no_progress(struct svc_conn *sc);

/* ---- ending ---- */

/** Closes when no more input is expected: after the peer's FIN, or after a time-out. sc may be freed. */
void svc_close(struct svc_conn *sc);
/** Closes first, without a RST that could discard our last bytes: sends FIN now, then reads and discards input. The
 * close is complete after the peer's FIN, or SVC_LINGER_MS after the last acknowledged byte. While bytes are
 * unacknowledged, the time-out is that of the service, but at least SVC_STALL_MS. */
void svc_linger(struct svc_conn *sc);
/** Called first in the callbacks data, peer_fin and timer. Returns true when svc_linger() was called for the
 * connection: the event is then processed. */
bool svc_linger_data(struct svc_conn *sc);
bool svc_linger_fin(struct svc_conn *sc);
bool svc_linger_timer(struct svc_conn *sc);

/* ---- default callbacks that a service's own callback may call ---- */

void svc_on_data(struct la_conn *c, void *user);
void svc_on_acked(struct la_conn *c, void *user);

#endif
