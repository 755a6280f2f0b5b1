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
	FINISHED,     /* one request is answered */
	WAIT_FOR_FIN, /* the last is; the client is to close first, before the deadline if there is one */
	WAIT_FOR_ACK, /* /end/rst: RST when the answer is acknowledged */
	HALF_CLOSED,  /* /end/half: our FIN is queued; read and ignore until the client's FIN */
	GONE,	      /* closed: the connection may not exist any more */
};

/** What http counts beside the counts of every service, on each shard. */
enum http_count {
	HTTP_HEAD_TIMEOUTS = SVC_NCOMMON, /* the head of a request took too long */
	HTTP_BODY_TIMEOUTS,		  /* its body */
	HTTP_ANSWERED_408,		  /* 408 answers queued */
	HTTP_BAD_REQUESTS,		  /* 400 answers queued */
	HTTP_TOO_LARGE,			  /* 413, 414 and 431 answers queued */
	HTTP_UNSUPPORTED,		  /* 417, 421, 501, 505 answers queued, and 405 answers to CONNECT */
	HTTP_RESET_BY_PATH,		  /* aborted for /end/rst */
	HTTP_COUNTS_END,
	HTTP_NCOUNTS = HTTP_COUNTS_END - SVC_NCOMMON,
};

/** What the options set. Constant while the server runs. */
struct http_options {
	uint32_t idle_ms;
	uint32_t head_ms; /* longest time from the first byte of a request's head to its last */
};
extern struct http_options http_options;

extern const struct opt http_opts[];
extern const struct svc_count_def http_counts[HTTP_NCOUNTS];
extern const char http_manual[];

/** Of the service on one shard: the Date field, made once a second. */
struct http_own {
	char date[40];
	int64_t date_at;
};

struct http_conn {
	struct svc_conn sc;
	uint8_t step; /* enum http_step */
	bool fin;     /* the client's FIN has come */
	bool last;    /* drain: close after this answer */
	uint64_t pos; /* bytes of this step that are done */
	int64_t date; /* second of the answer's Date: its head must come out the same twice */
	struct http_answer answer;
	struct http_parser parser;
	struct http_body body; /* a request's body in chunks */
};

/** Sends the rest of a short text. True: all of it is queued; false: `writable` comes. */
bool http_send_text(struct http_conn *hc, const char *text, size_t len);
/** The answer's head, with its body when that is small. */
bool http_send_head(struct http_conn *hc);
/** The rest of the answer's body. */
bool http_send_body(struct http_conn *hc);

#endif
