/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLIENT_OPENER_H
#define LA_APP_CLIENT_OPENER_H

/* The client as an application on a shard: opens connections from a tuple budget, sends, reads the
 * answer, closes first or after the peer; used by `client` and by `demo`. */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "cli/slab.h"
#include "http/http_reply.h"
#include "run/engine.h"
#include "run/tuples.h"

struct opener_config {
	bool reuse;	      /* uses tuples in our own TIME_WAIT, by la_connect()'s rules */
	uint32_t concurrency; /* connections open at once */
	uint64_t connections; /* in all; 0: no limit */
	uint32_t duration_ms; /* time in which connections are opened; 0: no limit */
	bool bounded;	      /* with duration_ms: connections open drain_ms after it are aborted */
	uint32_t drain_ms;
	uint32_t rate;	     /* opens a second; 0: as fast as it goes */
	uint64_t send_bytes; /* of the pattern */
	uint64_t recv_bytes; /* bytes of the expected answer */
	bool verify;	     /* the received bytes must be the pattern */
	const char *request; /* the HTTP request, sent instead of the pattern, */
	bool http;	     /* and the answer's body is recv_bytes long */
	bool server_first;   /* wait for the peer's FIN before our own */
	uint32_t timeout_ms; /* abort a connection after this time without progress; 0: never */
};

/** Counts of connections by their result; read by other threads after the run. */
struct opener_counts {
	uint64_t started; /* la_connect() that succeeded */
	uint64_t ended[LA_NENDS];
	uint64_t complete;	 /* orderly, with the whole answer */
	uint64_t incomplete;	 /* the peer's FIN came before the whole answer, or it was aborted */
	uint64_t wrong;		 /* answers with a wrong byte or an HTTP status that is not 200 */
	uint64_t timed_out;	 /* aborted by timeout_ms */
	uint64_t unfinished;	 /* open at the end of the run, then aborted */
	uint64_t tuples_skipped; /* tuples that were live or in TIME_WAIT */
	uint64_t no_room;	 /* times without a free TCB or TIME_WAIT reservation */
	uint64_t waits;		 /* times the tuple budget was used up */
};

struct opener {
	struct opener_config cfg;
	struct la_tuples tuples;
	struct opener_counts n;
	struct slab conns;
	bool stopped; /* no more opens */
	bool started; /* the first connection is open or has failed */
	bool waiting; /* the tuple budget is used up; read by other threads */
	int fatal;    /* permanent -errno of la_connect() */
	uint64_t t0;  /* of the first poll, ms */
	uint64_t now; /* of the last poll */
	uint64_t retry_at;
	bool have_tuple; /* the tuple below was drawn and not used */
	unsigned ticket;
	struct la_tuple tuple;
	size_t request_len;
};

extern const struct la_station_ops opener_ops;

/** Called after cfg and tuples are set. Returns 0 or -ENOMEM. */
int opener_init(struct opener *o);
void opener_fini(struct opener *o);

#endif
