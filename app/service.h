/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_SERVICE_H
#define LA_APP_SERVICE_H

/* A service: something that listens on a port of a shard. One file each; what they have in common is
 * in service.c: their connections on a list, and how to leave a connection decently. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "slab.h"

struct service;

/** What every service's connection begins with. */
struct svc_conn {
	struct la_conn *c;
	struct service *s;
	struct svc_conn *next, **link; /* the service's list; *link points at us */
	bool lingering;		       /* our FIN is queued; what still comes in is thrown away */
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
	uint32_t idle_ms;
	bool draining;
	struct slab conns;
	struct svc_conn *head;
	char date[40]; /* http: the Date field, made once a second */
	int64_t date_at;
};

extern const struct service_def service_http, service_echo, service_discard, service_chargen,
	service_close;

/** Listens on all addresses of the shard. max_conns: the shard's. 0 or negative errno. */
int service_start(struct service *s, struct la_shard *shard, uint32_t max_conns);
/** Stops listening and drains every connection. */
void service_drain(struct service *s, struct la_shard *shard);
void service_fini(struct service *s);

/** In `opened`: a zeroed connection of the service, set as the user pointer; NULL: it was aborted. */
void *svc_open(struct la_conn *c, struct service *s);
/** In `closed`: off the list and back to the slab. */
void svc_gone(struct svc_conn *sc);
/** Throws away what is unread. */
void svc_discard(struct svc_conn *sc);
/** Close when nothing more will come in: after the peer's FIN, or giving up. sc may be gone after. */
void svc_close(struct svc_conn *sc);
/** Close first without risking a reset that would eat our own last bytes: FIN now, what still comes in
 * is read and thrown away, the rest of the close when the peer's FIN has come, or after 10 s. */
void svc_linger(struct svc_conn *sc);
/** For the callbacks data, peer_fin and timer: true when svc_linger() owns the connection and has
 * dealt with the event. */
bool svc_linger_data(struct svc_conn *sc);
bool svc_linger_fin(struct svc_conn *sc);
bool svc_linger_timer(struct svc_conn *sc);

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
