/* SPDX-License-Identifier: BSD-3-Clause */

/* HTTP/1.1 and 1.0 on a connection.
 *
 * One request at a time: its head is parsed out of the unread bytes, its body is thrown away, its
 * answer is sent, and only then the next head is looked at. While SVC_UNSENT_MAX bytes of answers wait
 * unsent no further head is looked at either, until `acked`: pipelined requests wait unread, and the window
 * says so. A step for which the send queue had no room is taken up again by `writable`. The body of /bytes/N
 * is constant memory and never copied, but for small ones, which share a packet buffer with their head.
 *
 * Time-outs. Progress is a byte of a request that is read, or a byte of an answer that is acknowledged:
 *   between requests   idle_ms without progress: closed in order
 *   head of a request  head_ms from its first byte on, and idle_ms without progress: 408 (RFC 9110 15.5.9)
 *   body of a request  head_ms and its length at HTTP_BODY_MIN_RATE, and idle_ms without progress: 408
 *   answer             idle_ms, at least SVC_STALL_MS, without an acknowledged byte: aborted
 * Empty lines before a request are no byte of it.
 *
 * Who closes first: `server` follows RFC 9112 9.6 and closes after the last answer, lingering until
 * the client's FIN so that no late request turns the close into a reset; `client` never does, but
 * waits for the client's FIN, whatever Connection says. */

#include <string.h>
#include <time.h>

#include "http_parse.h"
#include "service.h"

enum { SMALL_BODY = 1024 }; /* bytes */

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

/* What is going on must be over by then; 0: there is no such time. */
static void
limit(struct http_conn *hc, uint64_t ms)
{
	struct svc_conn *sc = &hc->sc;

	sc->deadline = ms ? la_shard_now(sc->s->shard) + ms : UINT64_MAX;
	svc_arm(sc);
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

/* The answer to what the parser has found. */
static void
make_answer(struct http_conn *hc)
{
	http_answer(&hc->parser, &hc->answer);
	hc->date = time(NULL);
	if (hc->last || hc->sc.s->draining)
		hc->answer.keep = false;
}

static bool
read_head(struct http_conn *hc)
{
	struct svc_conn *sc = &hc->sc;
	const void *span;
	size_t n;

	if (http_parser_idle(&hc->parser) && la_unread(sc->c) > 0 && !svc_may_read(sc))
		return false; /* `acked` comes */
	while (!hc->parser.done && (n = la_peek(sc->c, &span)) > 0) {
		la_consume(sc->c, http_parse(&hc->parser, span, n));
		if (!http_parser_idle(&hc->parser))
			svc_progress(sc);
	}
	if (!hc->parser.done) {
		if (hc->fin) { /* nothing more, or half a request: either way the end */
			next(hc, GONE);
			svc_close(sc);
		} else if (sc->deadline == UINT64_MAX && !http_parser_idle(&hc->parser)) {
			limit(hc, sc->s->head_ms);
		}
		return false;
	}
	if (sc->deadline != UINT64_MAX)
		limit(hc, 0);
	make_answer(hc);
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
	if (n > 0) {
		la_consume(hc->sc.c, n);
		svc_progress(&hc->sc);
	}
	hc->pos += n;
	if (hc->pos == hc->parser.length) {
		if (hc->sc.deadline != UINT64_MAX)
			limit(hc, 0);
		return true;
	}
	if (hc->fin) {
		next(hc, GONE);
		svc_close(&hc->sc);
	} else if (hc->sc.deadline == UINT64_MAX) {
		limit(hc, hc->sc.s->head_ms + hc->parser.length * 1000 / HTTP_BODY_MIN_RATE);
	}
	return false;
}

/* The body goes out in one copy with the head: it would cost a packet buffer of its own. */
static bool
is_small(const struct http_answer *a)
{
	return !a->pattern || a->length <= SMALL_BODY;
}

static bool
send_head(struct http_conn *hc)
{
	const struct http_answer *a = &hc->answer;
	char text[HTTP_ANSWER_MAX + SMALL_BODY];
	size_t n = http_answer_head(a, date_text(hc), text, HTTP_ANSWER_MAX);

	if (!a->head_only && is_small(a)) {
		const uint8_t *body = (const uint8_t *)a->text;

		if (a->pattern)
			pattern_at(0, a->length, &body);
		memcpy(text + n, body, (size_t)a->length);
		n += (size_t)a->length;
	}
	return send_text(hc, text, n);
}

static bool
send_body(struct http_conn *hc)
{
	if (hc->answer.head_only || is_small(&hc->answer))
		return true;
	return pattern_send(hc->sc.c, &hc->pos, hc->answer.length);
}

/* The answer is queued: the next request, or the end. */
static void
finish(struct http_conn *hc)
{
	if (hc->answer.status == 408)
		hc->sc.s->count[SVC_ANSWERED_408]++;
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

/* As far as it goes now. */
static void
pump(struct http_conn *hc)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

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
data(struct la_conn *c, void *user)
{
	struct http_conn *hc = user;

	(void)c;
	if (!svc_linger_data(&hc->sc))
		pump(hc);
}

static void
acked(struct la_conn *c, void *user)
{
	struct http_conn *hc = user;

	svc_on_acked(c, user);
	if (hc->sc.paused && !hc->sc.lingering)
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

/* A request that has begun does not arrive in time. */
static void
request_timeout(struct http_conn *hc, enum svc_count why)
{
	hc->sc.s->count[why]++;
	hc->parser.status = 408;
	make_answer(hc);
	next(hc, SEND_HEAD);
	svc_progress(&hc->sc); /* the answer has a time-out of its own */
	limit(hc, 0);
	pump(hc);
}

static void
timer(struct la_conn *c, void *user)
{
	struct http_conn *hc = user;

	(void)c;
	if (svc_linger_timer(&hc->sc) || svc_time_left(&hc->sc))
		return;
	if (hc->step == READ_BODY)
		request_timeout(hc, SVC_BODY_TIMEOUTS);
	else if (hc->step == READ_HEAD && !http_parser_idle(&hc->parser))
		request_timeout(hc, SVC_HEAD_TIMEOUTS);
	else if (hc->step == READ_HEAD || hc->step == WAIT_FOR_FIN)
		svc_idle(&hc->sc);
	else
		svc_no_progress(&hc->sc);
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
	.ops = {.opened = svc_on_opened,
		.data = data,
		.acked = acked,
		.writable = writable,
		.peer_fin = peer_fin,
		.timer = timer,
		.closed = svc_on_closed},
	.drain = drain,
};
