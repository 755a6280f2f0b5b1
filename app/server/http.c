/* SPDX-License-Identifier: BSD-3-Clause */

/* HTTP/1.1 and 1.0 on a connection.
 *
 * Requests are processed one at a time. The head is parsed out of the unread bytes, the body is decoded and discarded,
 * the answer is sent, and then the next head is read. /end/half differs: its answer and FIN precede the body.
 * Pipelined requests stay unread, and the window closes. While SVC_UNSENT_MAX bytes of answers are unsent, no further
 * head is read; `acked` continues. A step for which the send queue has no room resumes in `writable`. The bodies of
 * /bytes/N and /chunked/N are constant memory and not copied. A small body is copied into the packet buffer of its
 * head.
 *
 * Time-outs. Progress is a byte of a request that is read, or a byte of an answer that is acknowledged:
 *   between requests   after idle_ms without progress: closed in order
 *   head of a request  head_ms after its first byte, or after idle_ms without progress: 408 (RFC 9110 15.5.9)
 *   body of a request  after head_ms plus its length at HTTP_BODY_MIN_RATE, or after idle_ms without progress: 408.
 *                      The length of a body in chunks is the number of decoded bytes received so far
 *   /delay/TIME        as for an answer, while an earlier answer is unacknowledged; otherwise none
 *   /end/half          after our FIN: after idle_ms without progress, closed
 *   /end/linger        SVC_LINGER_MS after the answer: our FIN
 *   answer             after idle_ms, at least SVC_STALL_MS, without an acknowledged byte: aborted
 * Empty lines before a request are not part of it.
 *
 * Which side closes first: with --http-close=server the server follows RFC 9112 9.6 and closes after the last answer.
 * It lingers until the client's FIN, so that a late request does not cause a RST. With --http-close=client the server
 * always waits for the client's FIN and ignores the Connection field. The resources below /end/ select the end of
 * their connection (enum http_end). Our FIN always ends a body without a length. */

#include <time.h>

#include "server/http_conn.h"

/* Sets the time limit of the current step, ms; 0: no limit. */
static void
http_set_limit(struct http_conn *hc, uint64_t ms)
{
	struct svc_conn *sc = &hc->sc;

	sc->deadline = ms ? la_shard_now(sc->s->shard) + ms : UINT64_MAX;
	svc_arm(sc);
}

static void
http_set_step(struct http_conn *hc, enum http_step step)
{
	hc->step = (uint8_t)step;
	hc->pos = 0;
}

/* Starts hc->answer. */
static void
begin_answer(struct http_conn *hc)
{
	hc->date = time(NULL);
	if (hc->last || hc->sc.s->draining)
		hc->answer.keep = false;
	http_set_step(hc, SEND_HEAD);
}

/* Refuses the request with this status. The connection closes after the answer. */
static void
http_refuse(struct http_conn *hc, uint16_t status)
{
	if (hc->sc.deadline != UINT64_MAX)
		http_set_limit(hc, 0);
	hc->parser.status = status;
	http_answer(&hc->parser, &hc->answer);
	begin_answer(hc);
}

static bool
read_head(struct http_conn *hc)
{
	struct svc_conn *sc = &hc->sc;
	const void *span;
	size_t n;

	if (http_parser_idle(&hc->parser) && la_unread(sc->c) > 0 && !svc_may_read(sc))
		return false; /* `acked` resumes */
	while (!hc->parser.done && (n = la_peek(sc->c, &span)) > 0) {
		la_consume(sc->c, http_parse(&hc->parser, span, n));
		if (!http_parser_idle(&hc->parser))
			svc_progress(sc);
	}
	if (!hc->parser.done) {
		if (hc->fin) { /* after the client's FIN no request follows; a partial request is ignored */
			http_set_step(hc, GONE);
			svc_close(sc);
		} else if (sc->deadline == UINT64_MAX && !http_parser_idle(&hc->parser)) {
			http_set_limit(hc, http_options.head_ms);
		}
		return false;
	}
	if (sc->deadline != UINT64_MAX)
		http_set_limit(hc, 0);
	http_answer(&hc->parser, &hc->answer);
	http_body_init(&hc->body);
	if (hc->parser.status != 0 || hc->answer.end == HTTP_END_HALF)
		begin_answer(hc);
	else if (hc->parser.expect && hc->parser.minor == 1 && http_has_body(&hc->parser))
		http_set_step(hc, SEND_CONTINUE); /* RFC 9110 10.1.1 */
	else
		http_set_step(hc, READ_BODY);
	return true;
}

/* The request is complete: starts the answer, now or after its delay. Returns true. */
static bool
body_done(struct http_conn *hc)
{
	uint32_t delay = hc->answer.delay_ms;

	if (delay > 0 || hc->sc.deadline != UINT64_MAX)
		http_set_limit(hc, delay);
	if (delay > 0)
		http_set_step(hc, DELAY);
	else
		begin_answer(hc);
	return true;
}

/* The body is incomplete: closes after the client's FIN; otherwise sets the body's time limit once. Returns false. */
static bool
body_waits(struct http_conn *hc)
{
	if (hc->fin) {
		http_set_step(hc, GONE);
		svc_close(&hc->sc);
	} else if (hc->sc.deadline == UINT64_MAX) {
		http_set_limit(hc, http_options.head_ms + hc->parser.length * 1000 / HTTP_BODY_MIN_RATE);
	}
	return false;
}

/* Reads a body in chunks. Each byte of the body moves the deadline; the timer is lazy and needs no svc_arm(). Returns
 * false while the body is incomplete. */
static bool
read_chunks(struct http_conn *hc)
{
	struct svc_conn *sc = &hc->sc;
	const void *span;
	size_t n;

	_Static_assert(1000 % HTTP_BODY_MIN_RATE == 0, "a byte of the body adds whole ms");
	if (sc->deadline == UINT64_MAX)
		http_set_limit(hc, http_options.head_ms);
	while (!hc->body.done && (n = la_peek(sc->c, &span)) > 0) {
		uint64_t before = hc->body.length;

		la_consume(sc->c, http_body_parse(&hc->body, span, n));
		sc->deadline += (hc->body.length - before) * 1000 / HTTP_BODY_MIN_RATE;
		svc_progress(sc);
	}
	if (!hc->body.done)
		return body_waits(hc);
	if (hc->body.status == 0)
		return body_done(hc);
	http_refuse(hc, hc->body.status);
	return true;
}

/* Reads the body of the request. Returns false while the body is incomplete. */
static bool
read_body(struct http_conn *hc)
{
	uint64_t left = hc->parser.length - hc->pos;
	size_t n = la_unread(hc->sc.c);

	if (hc->parser.chunked)
		return read_chunks(hc);
	if (n > left)
		n = (size_t)left;
	if (n > 0) {
		la_consume(hc->sc.c, n);
		svc_progress(&hc->sc);
	}
	hc->pos += n;
	return hc->pos == hc->parser.length ? body_done(hc) : body_waits(hc);
}

static void
count_refusal(struct http_conn *hc)
{
	uint64_t *count = hc->sc.s->count;

	switch (hc->parser.status) {
	case 0:
		break;
	case 400:
		count[HTTP_BAD_REQUESTS]++;
		break;
	case 408:
		count[HTTP_ANSWERED_408]++;
		break;
	case 413:
	case 414:
	case 431:
		count[HTTP_TOO_LARGE]++;
		break;
	default:
		count[HTTP_UNSUPPORTED]++;
		break;
	}
}

/* The answer is queued: continues with the next request, or ends the connection. */
static void
http_finish(struct http_conn *hc)
{
	const struct http_answer *a = &hc->answer;
	struct service *s = hc->sc.s;

	count_refusal(hc);
	if (a->end == HTTP_END_RST) {
		http_set_step(hc, WAIT_FOR_ACK);
	} else if (a->keep && !hc->last) {
		http_parser_init(&hc->parser);
		http_set_step(hc, READ_HEAD);
	} else if (hc->fin) {
		http_set_step(hc, GONE);
		svc_close(&hc->sc);
	} else if (a->end == HTTP_END_HALF && !s->draining) {
		la_shutdown(hc->sc.c);
		http_set_step(hc, HALF_CLOSED);
	} else if (a->end == HTTP_END_LINGER && !s->draining) {
		http_set_limit(hc, SVC_LINGER_MS);
		http_set_step(hc, WAIT_FOR_FIN);
	} else if (s->server_first || s->draining || a->end != HTTP_END_USUAL || (a->until_close && !a->head_only)) {
		http_set_step(hc, GONE);
		svc_linger(&hc->sc);
	} else {
		http_set_step(hc, WAIT_FOR_FIN);
	}
}

/* /end/rst: sends RST when the whole answer is acknowledged, because an abort discards unacknowledged bytes. */
static void
reset_when_acked(struct http_conn *hc)
{
	svc_discard(&hc->sc);
	if (la_unacked(hc->sc.c) > 0)
		return;
	hc->sc.s->count[HTTP_RESET_BY_PATH]++;
	http_set_step(hc, GONE);
	la_abort(hc->sc.c);
}

/* Discards further input, and closes after the client's FIN. */
static void
wait_for_fin(struct http_conn *hc)
{
	if (hc->step == HALF_CLOSED && la_unread(hc->sc.c) > 0)
		svc_received(&hc->sc);
	svc_discard(&hc->sc);
	if (hc->fin) {
		http_set_step(hc, GONE);
		svc_close(&hc->sc);
	}
}

/* Runs all steps that are possible now. */
static void
http_pump(struct http_conn *hc)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	for (;;) {
		switch ((enum http_step)hc->step) {
		case READ_HEAD:
			if (!read_head(hc))
				return;
			break;
		case SEND_CONTINUE:
			if (!http_send_text(hc, go_on, sizeof(go_on) - 1))
				return;
			http_set_step(hc, READ_BODY);
			break;
		case READ_BODY:
			if (!read_body(hc))
				return;
			break;
		case DELAY:
			return; /* `timer` resumes */
		case SEND_HEAD:
			if (!http_send_head(hc))
				return;
			http_set_step(hc, SEND_BODY);
			break;
		case SEND_BODY:
			if (!http_send_body(hc))
				return;
			http_set_step(hc, FINISHED);
			break;
		case FINISHED:
			http_finish(hc);
			break;
		case WAIT_FOR_FIN:
		case HALF_CLOSED:
			wait_for_fin(hc);
			return;
		case WAIT_FOR_ACK:
			reset_when_acked(hc);
			return;
		case GONE:
			return;
		}
	}
}

static void
http_data(struct la_conn *c, void *user)
{
	struct http_conn *hc = user;

	(void)c;
	if (!svc_linger_data(&hc->sc))
		http_pump(hc);
}

static void
http_acked(struct la_conn *c, void *user)
{
	struct http_conn *hc = user;

	svc_on_acked(c, user);
	if (hc->step == WAIT_FOR_ACK) {
		http_pump(hc);
		return;
	}
	if (hc->sc.paused && !hc->sc.lingering)
		http_pump(hc);
}

static void
http_writable(struct la_conn *c, void *user)
{
	struct http_conn *hc = user;

	(void)c;
	if (!hc->sc.lingering)
		http_pump(hc);
}

static void
http_peer_fin(struct la_conn *c, void *user)
{
	struct http_conn *hc = user;

	(void)c;
	hc->fin = true;
	if (!svc_linger_fin(&hc->sc))
		http_pump(hc);
}

/* Handles the time-out of a partial request: answers with 408. */
static void
request_timeout(struct http_conn *hc, enum http_count why)
{
	hc->sc.s->count[why]++;
	svc_progress(&hc->sc); /* the time-out of the answer begins now */
	http_refuse(hc, 408);
	http_pump(hc);
}

/* Handles the timer of /delay/TIME. At the end of the delay the answer starts. A timer that fires earlier means
 * idle_ms without progress: the connection is aborted if bytes are unacknowledged, and otherwise continues to wait. */
static void
delay_timer(struct http_conn *hc)
{
	struct svc_conn *sc = &hc->sc;

	if (sc->deadline > la_shard_now(sc->s->shard)) {
		if (la_unacked(sc->c) > 0) {
			svc_no_progress(sc);
			return;
		}
		svc_progress(sc);
		svc_arm(sc);
		return;
	}
	svc_received(sc);
	http_set_limit(hc, 0);
	begin_answer(hc);
	http_pump(hc);
}

/* Handles the time-out of a connection that waits for the client's FIN. */
static void
fin_timeout(struct http_conn *hc)
{
	struct svc_conn *sc = &hc->sc;

	if (hc->step == WAIT_FOR_FIN && sc->deadline <= la_shard_now(sc->s->shard)) { /* /end/linger */
		svc_linger(sc);
	} else if (hc->step == HALF_CLOSED && la_unacked(sc->c) == 0) {
		sc->s->count[SVC_IDLE_CLOSED]++;
		svc_close(sc);
	} else {
		svc_idle(sc);
	}
}

static void
http_timer(struct la_conn *c, void *user)
{
	struct http_conn *hc = user;

	(void)c;
	if (svc_linger_timer(&hc->sc) || svc_time_left(&hc->sc))
		return;
	if (hc->step == READ_BODY)
		request_timeout(hc, HTTP_BODY_TIMEOUTS);
	else if (hc->step == READ_HEAD && !http_parser_idle(&hc->parser))
		request_timeout(hc, HTTP_HEAD_TIMEOUTS);
	else if (hc->step == DELAY)
		delay_timer(hc);
	else if (hc->step == WAIT_FOR_FIN || hc->step == HALF_CLOSED)
		fin_timeout(hc);
	else if (hc->step == READ_HEAD)
		svc_idle(&hc->sc);
	else
		svc_no_progress(&hc->sc);
}

static void
http_drain(struct svc_conn *sc)
{
	struct http_conn *hc = (struct http_conn *)sc;

	hc->last = true;
	if (hc->step == WAIT_FOR_FIN || hc->step == HALF_CLOSED ||
	    (hc->step == READ_HEAD && http_parser_idle(&hc->parser) && la_unread(sc->c) == 0))
		svc_linger(sc);
}

const struct service_def service_http = {
	.name = "http",
	.help = "HTTP/1.1 and 1.0: /bytes/N, /chunked/N, /status/N, /delay/TIME, /end/...; see section HTTP",
	.common = "http http-close",
	.manual = http_manual,
	.first = SVC_FIRST_SERVER,
	.first_help = "server: after the last answer, by the Connection field. client: the server always waits for\n"
		      "the client's FIN, and ignores the Connection field [server]",
	.opts = http_opts,
	.idle_ms = &http_options.idle_ms,
	.counts = http_counts,
	.ncounts = HTTP_NCOUNTS,
	.nodelay = true,
	.conn_size = sizeof(struct http_conn),
	.own_size = sizeof(struct http_own),
	.ops = {.data = http_data,
		.acked = http_acked,
		.writable = http_writable,
		.peer_fin = http_peer_fin,
		.timer = http_timer},
	.drain = http_drain,
};
