/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_SERVER_HTTP_CONN_H
#define LA_APP_SERVER_HTTP_CONN_H

/* The http service of `lastack server`, as http.c (requests, time-outs, ends), http_send.c (answers) and http_options.c
 * (options, manual, counts) share it. */

#include "cli/opts.h"
#include "http/http_body.h"
#include "http/http_parse.h"
#include "server/service.h"

enum http_step {
	READ_HEAD,
	SEND_CONTINUE,
	READ_BODY,
	DELAY, /* /delay/TIME: until the deadline */
	SEND_HEAD,
	SEND_BODY,
	FINISHED,     /* the whole answer is queued */
	WAIT_FOR_FIN, /* the last answer is queued: the client's FIN must arrive, before the deadline if there is one */
	WAIT_FOR_ACK, /* /end/rst: RST when the answer is acknowledged */
	HALF_CLOSED,  /* /end/half: our FIN is queued; input is discarded until the client's FIN */
	GONE,	      /* closed: the struct may be freed */
};

/** The counts of http beside those of every service (enum svc_count), on each shard. */
enum http_count {
	HTTP_HEAD_TIMEOUTS = SVC_NCOMMON, /* requests whose head did not arrive in time */
	HTTP_BODY_TIMEOUTS,		  /* requests whose body did not arrive in time */
	HTTP_ANSWERED_408,		  /* 408 answers queued */
	HTTP_BAD_REQUESTS,		  /* 400 answers queued */
	HTTP_TOO_LARGE,			  /* 413, 414 and 431 answers queued */
	HTTP_UNSUPPORTED,		  /* 417, 421, 501, 505 answers queued, and 405 answers to CONNECT */
	HTTP_RESET_BY_PATH,		  /* aborted for /end/rst */
	HTTP_COUNTS_END,
	HTTP_NCOUNTS = HTTP_COUNTS_END - SVC_NCOMMON,
};

/** The values of the options. They are constant while the server runs. */
struct http_options {
	uint32_t idle_ms; /* longest time without progress */
	uint32_t head_ms; /* longest time from the first byte of a request's head to the last byte of the head */
};
extern struct http_options http_options;

extern const struct opt http_opts[];
extern const struct svc_count_def http_counts[HTTP_NCOUNTS];
extern const char http_manual[];

/** service.own of http: the Date field, made once a second. */
struct http_own {
	char date[40];
	int64_t date_at;
};

struct http_conn {
	struct svc_conn sc;
	uint8_t step; /* enum http_step */
	bool fin;     /* the client's FIN has arrived */
	bool last;    /* the service drains: close after this answer */
	uint64_t pos; /* bytes that this step has queued or read */
	int64_t date; /* s since 1970, for the answer's Date field: a resumed head must have the same bytes */
	struct http_answer answer;
	struct http_parser parser;
	struct http_body body; /* a request's body in chunks */
};

/** Queues a short text, from byte hc->pos on. Returns true when all of it is queued; false: `writable` follows. */
bool http_send_text(struct http_conn *hc, const char *text, size_t len);
/** Queues the answer's head, and a small body with it. Returns as http_send_text() does. */
bool http_send_head(struct http_conn *hc);
/** Queues the answer's body, from byte hc->pos on, unless the head had it. Returns as http_send_text() does. */
bool http_send_body(struct http_conn *hc);

#endif
