/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_SERVER_SERVICE_H
#define LA_APP_SERVER_SERVICE_H

/* A service: something that listens on a port of a shard. A service is one file, which ends with its struct
 * service_def, and one line in services.def. service_opts.c makes options, help and errors from the definitions,
 * server.c the start-up lines, the summary and the JSON. What services have in common is in service.c: their
 * connections on a list, time-outs, the ways to leave a connection, and the callbacks that a definition leaves out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "cli/slab.h"

struct opt;
struct service;

enum {
	SVC_LINGER_MS = 10000, /* longest wait for the peer's FIN after our own was queued */
	/* Shortest time without an acknowledgement before our bytes are given up. A receiver that reads slowly opens
	 * its window in steps (RFC 9293 3.8.6.2.2): Linux in steps of 24 kB, 2.4 s apart at 10 kB/s. */
	SVC_STALL_MS = 10000,
	/* Limit of unsent answers, bytes: at this limit a service reads no further request (or byte to echo), so
	 * the requests stay unread and the window closes. It equals an initial window (RFC 6928), so that each ACK
	 * finds enough to send behind it. */
	SVC_UNSENT_MAX = 16384,
};

/** What every service counts, on each shard. The counts of a service's own follow from SVC_NCOMMON on. */
enum svc_count {
	SVC_IDLE_CLOSED,    /* idle connections closed in order */
	SVC_NO_PROGRESS,    /* connections aborted: the peer did not acknowledge waiting bytes */
	SVC_LINGER_EXPIRED, /* the peer's FIN did not follow ours in time */
	SVC_PAUSED,	    /* times that reading stopped because answers could not be sent */
	SVC_NCOMMON,
};

enum { SVC_OWN_MAX = 8 }; /* counts, and options, of a service's own */

struct svc_count_def {
	const char *name; /* JSON key */
	const char *note; /* behind the name where the help lists the keys; NULL: none */
	const char *text; /* of the summary */
};

/** Who closes first, and so holds TIME_WAIT. */
enum svc_first {
	SVC_FIRST_BY_COMMAND, /* what the client sends decides */
	SVC_FIRST_CLIENT,
	SVC_FIRST_SERVER,
};

/** The first member of every service's connection. */
struct svc_conn {
	struct la_conn *c;
	struct service *s;
	struct svc_conn *next, **link; /* the service's list; *link points at us */
	uint64_t progress_at;	       /* ms: last time that a byte was taken from the peer or acknowledged by it */
	uint64_t deadline;	       /* ms: end of the current step, independent of progress; UINT64_MAX: none */
	bool lingering;		       /* our FIN is queued; received bytes are discarded */
	bool paused;		       /* reading has stopped, see SVC_UNSENT_MAX */
};

/** What is known of a service. Only name, help and conn_size have no default. */
struct service_def {
	const char *name;   /* as in services.def: of --NAME PORT, of the lines, the JSON key */
	const char *help;   /* of --NAME */
	const char *common; /* its options that a first user needs, see struct command; NULL: none */
	const char *manual; /* a section of the manual, heading included; NULL: none */
	enum svc_first first;
	const char *first_help;	 /* of --NAME-close client|server, whose default is `first`; NULL: no such option */
	const struct opt *opts;	 /* time-outs of its own, at most SVC_OWN_MAX, then OPT_END; NULL: none */
	const uint32_t *idle_ms; /* the idle time-out is one of `opts`; NULL: it is --idle-timeout */
	const struct svc_count_def *counts; /* of its own */
	unsigned ncounts;		    /* at most SVC_OWN_MAX */
	bool nodelay;			    /* of its connections: Nagle off */
	size_t conn_size;		    /* of its struct that begins with a struct svc_conn */
	size_t own_size;		    /* of what service.own points at */
	/** Where NULL: opened makes the connection, data throws the bytes away, acked is progress, peer_fin closes,
	 * timer ends a connection without progress, closed frees the connection; writable does nothing. */
	struct la_conn_ops ops;
	/** The service stops: finish the current step and then close, or close now. NULL: svc_linger(). */
	void (*drain)(struct svc_conn *sc);
};

/** One service on one shard. */
struct service {
	const struct service_def *def;
	struct la_conn_ops ops; /* of def, with the defaults */
	struct la_conn_opts opts;
	uint16_t port;	   /* 0: does not listen */
	bool server_first; /* the server closes first, where the service allows both */
	uint32_t idle_ms;  /* time-out without progress; 0: none */
	bool draining;
	struct la_shard *shard;
	struct slab conns;
	struct svc_conn *head;
	void *own; /* def->own_size bytes, zero at the start */
	uint64_t count[SVC_NCOMMON + SVC_OWN_MAX];
};

/** The services of services.def: service_http, ... */
#define SERVICE(name) extern const struct service_def service_##name;
#include "server/services.def"
#undef SERVICE

/** Sets *s to what def says. idle_ms is 0. */
void service_init(struct service *s, const struct service_def *def, uint16_t port);
/** Listens on all addresses of the shard. max_conns: the shard's. 0 or negative errno. */
int service_start(struct service *s, struct la_shard *shard, uint32_t max_conns);
/** Stops listening and drains every connection. */
void service_drain(struct service *s, struct la_shard *shard);
void service_fini(struct service *s);

/** How many counts a service has, and each of them. */
unsigned service_ncounts(const struct service_def *def);
const struct svc_count_def *service_count_def(const struct service_def *def, unsigned k);

/** In `opened`: returns a zeroed connection of the service, set as the user pointer, with its idle time-out started;
 * NULL: it was aborted. */
void *svc_open(struct la_conn *c, struct service *s);
/** Discards unread bytes. */
void svc_discard(struct svc_conn *sc);
/** Returns whether a further request may be read. False: too many bytes are unsent; try again from `acked`. */
bool svc_may_read(struct svc_conn *sc);

/* ---- time-outs ----
 *
 * A connection without progress for idle_ms ends: in order when none of our bytes wait; otherwise, after
 * at least SVC_STALL_MS, by an abort, because a FIN would wait behind bytes that the peer does not take. Progress is an
 * acknowledged byte, or a received byte that the service counts: while answers wait, received bytes do not count.
 * The timer is lazy: progress writes the time, and a timer that fires too early is set again. */

/** There was progress. */
void svc_progress(struct svc_conn *sc);
/** Bytes were received: progress unless our own bytes are unacknowledged. */
void svc_received(struct svc_conn *sc);
/** After `deadline` or the way of ending has changed: sets the timer. */
void svc_arm(struct svc_conn *sc);
/** In `timer`: false when the connection's time is over; otherwise the timer is set again. */
bool svc_time_left(struct svc_conn *sc);
/** Time-out of a connection between two requests. sc may be freed. */
void svc_idle(struct svc_conn *sc);
/** Time-out of a connection with waiting bytes of ours. sc is freed. */
void svc_no_progress(struct svc_conn *sc);

/* ---- ending ---- */

/** Closes when no more input is expected: after the peer's FIN, or after a time-out. sc may be freed. */
void svc_close(struct svc_conn *sc);
/** Closes first, without a reset that could discard our own last bytes: sends FIN now, then reads and discards
 * input, and completes the close after the peer's FIN, or SVC_LINGER_MS after the
 * last acknowledged byte. While bytes are unacknowledged the connection's time-out continues; without one it
 * is SVC_STALL_MS. */
void svc_linger(struct svc_conn *sc);
/** For the callbacks data, peer_fin and timer: true when svc_linger() owns the connection and has
 * processed the event. */
bool svc_linger_data(struct svc_conn *sc);
bool svc_linger_fin(struct svc_conn *sc);
bool svc_linger_timer(struct svc_conn *sc);

/* ---- default callbacks that a service's own callback may call ---- */

void svc_on_data(struct la_conn *c, void *user);
void svc_on_acked(struct la_conn *c, void *user);

#endif
