/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_SERVER_HTTP_CONN_H
#define LA_APP_SERVER_HTTP_CONN_H

/* An HTTP connection of `lastack server`, as http.c (requests, time-outs, ends) and http_send.c (answers) share it. */

#include "http/http_body.h"
#include "http/http_parse.h"
#include "server/service.h"

enum http_step {
	READ_HEAD,
	SEND_CONTINUE,
	READ_BODY,
	DELAY,		/* /delay/TIME: until the deadline */
	SEND_HEAD,
	SEND_BODY,
	FINISHED,	/* one request is answered */
	WAIT_FOR_FIN,	/* the last is; the client is to close first, before the deadline if there is one */
	WAIT_FOR_ACK,	/* /end/rst: RST when the answer is acknowledged */
	HALF_CLOSED,	/* /end/half: our FIN is queued; read and ignore until the client's FIN */
	GONE,		/* closed: the connection may not exist any more */
};

struct http_conn {
	struct svc_conn sc;
	uint8_t step;	/* enum http_step */
	bool fin;	/* the client's FIN has come */
	bool last;	/* drain: close after this answer */
	uint64_t pos;	/* bytes of this step that are done */
	int64_t date;	/* second of the answer's Date: its head must come out the same twice */
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
