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
	bool reuse;	      /* reopens tuples that are in our own TIME_WAIT (la_conn_opts.reuse_time_wait) */
	uint32_t concurrency; /* connections open at once */
	uint64_t connections; /* in all; 0: no limit */
	uint32_t duration_ms; /* time in which connections are opened; 0: no limit */
	bool bounded;	      /* aborts connections that are open duration_ms + drain_ms after the start */
	uint32_t drain_ms;
	uint32_t rate;	     /* opens per second; 0: no limit */
	uint64_t send_bytes; /* bytes of the pattern to send */
	uint64_t recv_bytes; /* bytes of the expected answer */
	bool verify;	     /* the received bytes must be the pattern */
	const char *request; /* the HTTP request, sent instead of the pattern; NULL: the pattern is sent */
	bool http;	     /* the answer is HTTP, with a body of recv_bytes */
	bool server_first;   /* waits for the peer's FIN before sending our own */
	uint32_t timeout_ms; /* aborts a connection after this time without progress; 0: never */
};

/** Counts of connections by their result; read by other threads after the run. */
struct opener_counts {
	uint64_t started; /* successful calls of la_connect() */
	uint64_t ended[LA_NENDS];
	uint64_t complete;	 /* orderly, with the whole answer */
	uint64_t incomplete;	 /* not orderly, or without the whole answer, and not wrong */
	uint64_t wrong;		 /* answers with a wrong byte, not as HTTP requires, or with another status than 200 */
	uint64_t timed_out;	 /* aborted because of timeout_ms */
	uint64_t unfinished;	 /* aborted because they were open at the end of the run */
	uint64_t tuples_skipped; /* tuples that were live or in TIME_WAIT */
	uint64_t no_room;	 /* opens that found no free TCB or no free TIME_WAIT entry */
	uint64_t waits;		 /* times that the tuple budget was used up */
};

struct opener {
	struct opener_config cfg;
	struct la_tuples tuples;
	struct opener_counts n;
	struct slab conns;
	bool stopped;	   /* no further connection is opened */
	bool started;	   /* the first connection is open or has failed */
	bool waiting;	   /* the tuple budget is used up; read by other threads */
	int fatal;	   /* -errno of la_connect() that ended the opens */
	uint64_t t0;	   /* time of the first poll after the quiet time, ms; 0: not yet */
	uint64_t now;	   /* time of the last poll, ms */
	uint64_t retry_at; /* no open before this time, ms */
	bool have_tuple;   /* `tuple` was drawn and is not used */
	unsigned ticket;
	struct la_tuple tuple;
	size_t request_len;
};

extern const struct la_station_ops opener_ops;

/** Call it after cfg and tuples are set. Returns 0 or -ENOMEM. */
int opener_init(struct opener *o);
void opener_fini(struct opener *o);

#endif
