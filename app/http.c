/* SPDX-License-Identifier: BSD-3-Clause */

/* HTTP/1.1 and 1.0 on a connection.
 *
 * One request at a time: its head is parsed out of the unread bytes, its body is thrown away, its
 * answer is sent, and only then the next head is looked at; so pipelined requests wait, unread, and
 * the window says so. Answers go out as fast as the send queue takes them: a step that could not
 * finish is taken up again by `writable`. The body of /bytes/N is constant memory and never copied.
 *
 * Who closes first: `server` follows RFC 9112 9.6 and closes after the last answer, lingering until
 * the client's FIN so that no late request turns the close into a reset; `client` never does, but
 * waits for the client's FIN, whatever Connection says. */

#include <string.h>
#include <time.h>

#include "http_parse.h"
#include "service.h"

enum step {
	READ_HEAD,
	SEND_CONTINUE,
	READ_BODY,
	SEND_HEAD,
	SEND_BODY,
	FINISHED,	/* one request is answered */
	WAIT_FOR_FIN,	/* the last is; the client is to close first */
	GONE,		/* closed: the connection may not exist any more */
};

struct http_conn {
	struct svc_conn sc;
	uint8_t step;
	bool fin;	/* the client's FIN has come */
	bool last;	/* drain: close after this answer */
	uint64_t pos;	/* bytes of this step that are done */
	int64_t date;	/* second of the answer's Date: its head must come out the same twice */
	struct http_answer answer;
	struct http_parser parser;
};

static const char *
date_text(struct http_conn *hc)
{
	struct service *s = hc->sc.s;

	if (s->date_at != hc->date) {
		http_date(hc->date, s->date, sizeof(s->date));
		s->date_at = hc->date;
	}
	return s->date;
}

/* Sends the rest of a short text; true when all of it is queued. */
static bool
send_text(struct http_conn *hc, const char *text, size_t len)
{
	ssize_t n = la_send(hc->sc.c, text + hc->pos, len - (size_t)hc->pos);

	if (n > 0)
		hc->pos += (uint64_t)n;
	return hc->pos == len;
}

static void
next(struct http_conn *hc, enum step step)
{
	hc->step = (uint8_t)step;
	hc->pos = 0;
}

static bool
read_head(struct http_conn *hc)
{
	const void *span;
	size_t n;

	while (!hc->parser.done && (n = la_peek(hc->sc.c, &span)) > 0)
		la_consume(hc->sc.c, http_parse(&hc->parser, span, n));
	if (!hc->parser.done) {
		if (hc->fin) { /* nothing more, or half a request: either way the end */
			next(hc, GONE);
			svc_close(&hc->sc);
		}
		return false;
	}
	http_answer(&hc->parser, &hc->answer);
	hc->date = time(NULL);
	if (hc->last || hc->sc.s->draining)
		hc->answer.keep = false;
	if (hc->parser.status != 0)
		next(hc, SEND_HEAD);
	else if (hc->parser.expect && hc->parser.minor == 1 && hc->parser.length > 0)
		next(hc, SEND_CONTINUE);
	else
		next(hc, READ_BODY);
	return true;
}

static bool
read_body(struct http_conn *hc)
{
	uint64_t left = hc->parser.length - hc->pos;
	size_t n = la_unread(hc->sc.c);

	if (n > left)
		n = (size_t)left;
	if (n > 0)
		la_consume(hc->sc.c, n);
	hc->pos += n;
	if (hc->pos == hc->parser.length)
		return true;
	if (hc->fin) {
		next(hc, GONE);
		svc_close(&hc->sc);
	}
	return false;
}

static bool
send_head(struct http_conn *hc)
{
	char head[HTTP_ANSWER_MAX];
	size_t n = http_answer_head(&hc->answer, date_text(hc), head, sizeof(head));

	return send_text(hc, head, n);
}

static bool
send_body(struct http_conn *hc)
{
	if (hc->answer.head_only)
		return true;
	if (!hc->answer.pattern)
		return send_text(hc, hc->answer.text, (size_t)hc->answer.length);
	return pattern_send(hc->sc.c, &hc->pos, hc->answer.length);
}

/* The answer is queued: the next request, or the end. */
static void
finish(struct http_conn *hc)
{
	if (hc->answer.keep && !hc->last) {
		http_parser_init(&hc->parser);
		next(hc, READ_HEAD);
	} else if (hc->fin) {
		next(hc, GONE);
		svc_close(&hc->sc);
	} else if (hc->sc.s->server_first || hc->sc.s->draining) {
		next(hc, GONE);
		svc_linger(&hc->sc);
	} else {
		next(hc, WAIT_FOR_FIN);
	}
}

/* As far as it goes now. The idle time starts anew whenever anything happens. */
static void
pump(struct http_conn *hc)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	la_set_timer(hc->sc.c, hc->sc.s->idle_ms);
	for (;;) {
		switch ((enum step)hc->step) {
		case READ_HEAD:
			if (!read_head(hc))
				return;
			break;
		case SEND_CONTINUE:
			if (!send_text(hc, go_on, sizeof(go_on) - 1))
				return;
			next(hc, READ_BODY);
			break;
		case READ_BODY:
			if (!read_body(hc))
				return;
			next(hc, SEND_HEAD);
			break;
		case SEND_HEAD:
			if (!send_head(hc))
				return;
			next(hc, SEND_BODY);
			break;
		case SEND_BODY:
			if (!send_body(hc))
				return;
			next(hc, FINISHED);
			break;
		case FINISHED:
			finish(hc);
			break;
		case WAIT_FOR_FIN:
			svc_discard(&hc->sc);
			if (hc->fin) {
				next(hc, GONE);
				svc_close(&hc->sc);
			}
			return;
		case GONE:
			return;
		}
	}
}

static void
opened(struct la_conn *c, void *user)
{
	struct http_conn *hc = svc_open(c, user);

	if (hc)
		la_set_timer(c, hc->sc.s->idle_ms);
}

static void
data(struct la_conn *c, void *user)
{
	struct http_conn *hc = user;

	(void)c;
	if (!svc_linger_data(&hc->sc))
		pump(hc);
}

static void
writable(struct la_conn *c, void *user)
{
	struct http_conn *hc = user;

	(void)c;
	if (!hc->sc.lingering)
		pump(hc);
}

static void
peer_fin(struct la_conn *c, void *user)
{
	struct http_conn *hc = user;

	(void)c;
	hc->fin = true;
	if (!svc_linger_fin(&hc->sc))
		pump(hc);
}

/* Idle: between requests we close; a client that neither sends the rest of its request nor reads its
 * answer gets an abort, since a FIN would wait behind bytes it does not take. */
static void
timer(struct la_conn *c, void *user)
{
	struct http_conn *hc = user;

	if (svc_linger_timer(&hc->sc))
		return;
	if (hc->step == READ_HEAD && hc->sc.s->server_first)
		svc_linger(&hc->sc);
	else if (hc->step == READ_HEAD || hc->step == WAIT_FOR_FIN)
		svc_close(&hc->sc);
	else
		la_abort(c);
}

static void
closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	(void)c;
	(void)why;
	svc_gone(user);
}

static void
drain(struct svc_conn *sc)
{
	struct http_conn *hc = (struct http_conn *)sc;

	hc->last = true;
	if (hc->step == WAIT_FOR_FIN ||
	    (hc->step == READ_HEAD && http_parser_idle(&hc->parser) && la_unread(sc->c) == 0))
		svc_linger(sc);
}

const struct service_def service_http = {
	.name = "http",
	.conn_size = sizeof(struct http_conn),
	.ops = {.opened = opened,
		.data = data,
		.writable = writable,
		.peer_fin = peer_fin,
		.timer = timer,
		.closed = closed},
	.drain = drain,
};
