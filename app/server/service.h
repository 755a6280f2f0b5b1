/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_SERVER_SERVICE_H
#define LA_APP_SERVER_SERVICE_H

/* A service listens on a port of a shard. Each has its own file; the common part is
 * in service.c: the list of connections, time-outs, and the ways to end a connection. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "cli/slab.h"

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

/** What a service counts, on each shard. Names and texts: svc_count_name(), svc_count_text(). */
enum svc_count {
	SVC_IDLE_CLOSED,    /* idle connections closed in order */
	SVC_NO_PROGRESS,    /* connections aborted: the peer did not acknowledge waiting bytes */
	SVC_LINGER_EXPIRED, /* the peer's FIN did not follow ours in time */
	SVC_PAUSED,	    /* times that reading stopped because answers could not be sent */
	SVC_HEAD_TIMEOUTS,  /* http: the head of a request took too long */
	SVC_BODY_TIMEOUTS,  /* http: its body */
	SVC_ANSWERED_408,   /* http: 408 answers queued */
	SVC_BAD_REQUESTS,   /* http: 400 answers queued */
	SVC_TOO_LARGE,	    /* http: 413, 414 and 431 answers queued */
	SVC_UNSUPPORTED,    /* http: 417, 421, 501, 505 answers queued, and 405 answers to CONNECT */
	SVC_RESET_BY_PATH,  /* http: aborted for /end/rst */
	SVC_NCOUNTS,
	SVC_NCOMMON = SVC_HEAD_TIMEOUTS, /* the counts before it belong to all services */
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

struct service_def {
	const char *name;
	size_t conn_size;
	struct la_conn_ops ops;
	/** The service stops: finish the current step and then close, or close now. NULL: svc_linger(). */
	void (*drain)(struct svc_conn *sc);
};

/** One service on one shard. */
struct service {
	const struct service_def *def;
	struct la_conn_opts opts;
	uint16_t port;
	bool server_first; /* the server closes first, where the service allows both */
	uint32_t idle_ms;  /* time-out without progress; 0: none */
	uint32_t head_ms;  /* http: longest time from the first byte of a request's head to its last */
	bool draining;
	struct la_shard *shard;
	struct slab conns;
	struct svc_conn *head;
	char date[40]; /* http: the Date field, updated once a second */
	int64_t date_at;
	uint64_t count[SVC_NCOUNTS];
};

extern const struct service_def service_http, service_echo, service_discard, service_chargen,
	service_close;

/** Listens on all addresses of the shard. max_conns: the shard's. 0 or negative errno. */
int service_start(struct service *s, struct la_shard *shard, uint32_t max_conns);
/** Stops listening and drains every connection. */
void service_drain(struct service *s, struct la_shard *shard);
void service_fini(struct service *s);

/** "idle_closed", ...: JSON keys; and their texts. */
const char *svc_count_name(enum svc_count k);
const char *svc_count_text(enum svc_count k);

/** In `opened`: returns a zeroed connection of the service, set as the user pointer, with its idle time-out started;
 * NULL: it was aborted. */
void *svc_open(struct la_conn *c, struct service *s);
/** In `closed`: removes it from the list and frees it. */
void svc_gone(struct svc_conn *sc);
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

/* ---- default callbacks of services ---- */

void svc_on_opened(struct la_conn *c, void *user);
void svc_on_acked(struct la_conn *c, void *user);
void svc_on_timer(struct la_conn *c, void *user);
void svc_on_closed(struct la_conn *c, void *user, const struct la_closed *why);

/* ---- constant payload ---- */

/** Byte i of /bytes/N, and of what the client sends, is i mod 251: a prime, so that a lost or
 * repeated segment always shows wrong bytes. */
enum { PATTERN_PERIOD = 251, PATTERN_LEN = PATTERN_PERIOD * 1044 };

/** The RFC 864 pattern: 95 lines of 72 characters and CR LF, each shifted by one. */
enum { CHARGEN_PERIOD = 95 * 74, CHARGEN_LEN = CHARGEN_PERIOD * 32 };

/** Creates both in la_engine_const_memory(), once per process. 0 or -ENOMEM. */
int payload_init(void);
/** The same in the caller's memory: PATTERN_LEN and CHARGEN_LEN bytes (tests). */
void payload_fill(uint8_t *pattern, uint8_t *chargen);

/** The longest piece of the stream at offset pos, at most max bytes. Sets *p, returns its length. */
size_t pattern_at(uint64_t pos, uint64_t max, const uint8_t **p);
size_t chargen_at(uint64_t pos, const uint8_t **p);

/** Queues the pattern from offset *pos up to end. True: all is queued; false: `writable` follows. */
bool pattern_send(struct la_conn *c, uint64_t *pos, uint64_t end);

/** True when these are the bytes of the pattern from offset pos on. */
bool pattern_matches(uint64_t pos, const void *bytes, size_t n);

#endif
