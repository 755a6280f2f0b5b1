/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_SERVER_SERVICE_H
#define LA_APP_SERVER_SERVICE_H

/* A service: something that listens on a port of a shard. One file each; what they have in common is
 * in service.c: their connections on a list, time-outs, and the ways to leave a connection. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "cli/slab.h"

struct service;

enum {
	SVC_LINGER_MS = 10000, /* longest wait for the peer's FIN after our own was queued */
	/* Least time without an acknowledgement until bytes of ours are given up. A receiver that reads slowly opens its
	 * window in steps (RFC 9293 3.8.6.2.2): Linux in steps of 24 kB, 2.4 s apart at 10 kB/s. */
	SVC_STALL_MS = 10000,
	/* Answers that wait unsent, bytes: from here on a service reads no further request (or byte to echo), so
	 * the requests stay unread and the window closes. It is an initial window (RFC 6928), so that each ACK
	 * finds enough to send behind it. */
	SVC_UNSENT_MAX = 16384,
};

/** What a service counts, on each shard. Names and texts: svc_count_name(), svc_count_text(). */
enum svc_count {
	SVC_IDLE_CLOSED,    /* idle connections closed in order */
	SVC_NO_PROGRESS,    /* connections aborted: the peer acknowledged nothing of what waits for it */
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
	SVC_NCOMMON = SVC_HEAD_TIMEOUTS, /* those before are of all services */
};

/** What every service's connection begins with. */
struct svc_conn {
	struct la_conn *c;
	struct service *s;
	struct svc_conn *next, **link; /* the service's list; *link points at us */
	uint64_t progress_at;	       /* ms: when a byte was last taken from the peer or acknowledged by it */
	uint64_t deadline;	       /* ms: end of what is going on, whatever its progress; UINT64_MAX: none */
	bool lingering;		       /* our FIN is queued; what still comes in is thrown away */
	bool paused;		       /* reading has stopped, see SVC_UNSENT_MAX */
};

struct service_def {
	const char *name;
	size_t conn_size;
	struct la_conn_ops ops;
	/** The service stops: finish what is going on and then close, or close now. NULL: svc_linger(). */
	void (*drain)(struct svc_conn *sc);
};

/** One service on one shard. */
struct service {
	const struct service_def *def;
	struct la_conn_opts opts;
	uint16_t port;
	bool server_first; /* who closes first, where the service leaves a choice */
	uint32_t idle_ms;  /* time-out without progress; 0: none */
	uint32_t head_ms;  /* http: longest time from the first byte of a request's head to its last */
	bool draining;
	struct la_shard *shard;
	struct slab conns;
	struct svc_conn *head;
	char date[40]; /* http: the Date field, made once a second */
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

/** In `opened`: a zeroed connection of the service, set as the user pointer, its idle time-out running;
 * NULL: it was aborted. */
void *svc_open(struct la_conn *c, struct service *s);
/** In `closed`: off the list and back to the slab. */
void svc_gone(struct svc_conn *sc);
/** Throws away what is unread. */
void svc_discard(struct svc_conn *sc);
/** May a further request be read? False: too much waits unsent; try again from `acked`. */
bool svc_may_read(struct svc_conn *sc);

/* ---- time-outs ----
 *
 * A connection without progress for idle_ms ends: in order when nothing of ours waits for it; otherwise, after
 * at least SVC_STALL_MS, by an abort, since a FIN would wait behind bytes that the peer does not take. Progress is an acknowledged
 * byte, or a received byte that the service takes as one: while answers wait, received bytes alone are none.
 * The timer is lazy: progress writes the time, and the timer that fires too early is set again. */

/** There was progress. */
void svc_progress(struct svc_conn *sc);
/** Bytes were received: progress unless bytes of ours wait to be acknowledged. */
void svc_received(struct svc_conn *sc);
/** After `deadline` or the way of ending has changed: sets the timer. */
void svc_arm(struct svc_conn *sc);
/** In `timer`: false when the connection's time is over; otherwise the timer is set again. */
bool svc_time_left(struct svc_conn *sc);
/** The time of a connection between two requests is over. sc may be gone after. */
void svc_idle(struct svc_conn *sc);
/** The time of a connection that something of ours waits for is over. sc is gone after. */
void svc_no_progress(struct svc_conn *sc);

/* ---- leaving ---- */

/** Close when nothing more will come in: after the peer's FIN, or giving up. sc may be gone after. */
void svc_close(struct svc_conn *sc);
/** Close first without risking a reset that would eat our own last bytes: FIN now, what still comes in
 * is read and thrown away, the rest of the close when the peer's FIN has come, or SVC_LINGER_MS after the
 * last acknowledged byte. While bytes are unacknowledged the connection's time-out goes on, and without one it
 * is SVC_STALL_MS. */
void svc_linger(struct svc_conn *sc);
/** For the callbacks data, peer_fin and timer: true when svc_linger() owns the connection and has
 * dealt with the event. */
bool svc_linger_data(struct svc_conn *sc);
bool svc_linger_fin(struct svc_conn *sc);
bool svc_linger_timer(struct svc_conn *sc);

/* ---- callbacks of services that have nothing to add ---- */

void svc_on_opened(struct la_conn *c, void *user);
void svc_on_acked(struct la_conn *c, void *user);
void svc_on_timer(struct la_conn *c, void *user);
void svc_on_closed(struct la_conn *c, void *user, const struct la_closed *why);

/* ---- constant payload ---- */

/** Byte i of /bytes/N, and of what the client sends, is i mod 251: a prime, so that a lost or
 * doubled segment never falls on the same byte. */
enum { PATTERN_PERIOD = 251, PATTERN_LEN = PATTERN_PERIOD * 1044 };

/** The RFC 864 pattern: 95 lines of 72 characters and CR LF, turning by one. */
enum { CHARGEN_PERIOD = 95 * 74, CHARGEN_LEN = CHARGEN_PERIOD * 32 };

/** Makes both in la_engine_const_memory(), once a process. 0 or -ENOMEM. */
int payload_init(void);
/** The same in memory of the caller's: PATTERN_LEN and CHARGEN_LEN bytes (tests). */
void payload_fill(uint8_t *pattern, uint8_t *chargen);

/** The longest piece of the stream at offset pos, at most max bytes. Sets *p, returns its length. */
size_t pattern_at(uint64_t pos, uint64_t max, const uint8_t **p);
size_t chargen_at(uint64_t pos, const uint8_t **p);

/** Queues the pattern from offset *pos up to end. True: all of it is; false: `writable` comes. */
bool pattern_send(struct la_conn *c, uint64_t *pos, uint64_t end);

/** True when these are the bytes of the pattern from offset pos on. */
bool pattern_matches(uint64_t pos, const void *bytes, size_t n);

#endif
