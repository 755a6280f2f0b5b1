/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP on connections: slow readers, slow writers, pipelining without reading, and time-outs on the tick. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services.h"

static char head[600]; /* head of the last answer */

/* Reads one answer at *p, and moves *p to the end of the answer. Checks a body of /bytes/N against the pattern.
 * Returns the status; -1: the answer is incomplete or malformed. */
static int
answer(const uint8_t **p, const uint8_t *end, bool head_only, uint64_t *length)
{
	size_t left = (size_t)(end - *p), n = 0;
	unsigned status;
	const char *at;

	while (n + 4 <= left && n < sizeof(head) - 5 && memcmp(*p + n, "\r\n\r\n", 4) != 0)
		n++;
	if (n + 4 > left || n >= sizeof(head) - 5)
		return -1;
	memcpy(head, *p, n + 4);
	head[n + 4] = '\0';
	if (sscanf(head, "HTTP/1.1 %u ", &status) != 1)
		return -1;
	*p += n + 4;
	if (status == 100)
		return 100;
	at = strstr(head, "Content-Length: ");
	if (at == NULL || sscanf(at, "Content-Length: %lu", length) != 1)
		return -1;
	if (head_only)
		return (int)status;
	if ((uint64_t)(end - *p) < *length)
		return -1;
	for (uint64_t i = 0; strstr(head, "octet-stream") && i < *length; i++)
		if ((*p)[i] != i % 251)
			return -1;
	*p += *length;
	return (int)status;
}

static size_t
whole_answers(const struct client *cl)
{
	const uint8_t *p = cl->in;
	uint64_t n;
	size_t k = 0;

	while (p < cl->in + cl->in_len && answer(&p, cl->in + cl->in_len, false, &n) == 200)
		k++;
	return k;
}

/* ---- slow readers ---- */

/* Reads an answer slowly. rate: bytes a ms, read every step_ms. how: the value of Connection. server_first: whether the
 * server closes an idle connection first. */
static void
slow_reader(uint32_t rate, uint32_t step_ms, uint32_t idle, uint32_t rcvbuf, const char *how, bool server_first)
{
	size_t want = (size_t)rate * 4 * idle > 150000 ? (size_t)rate * 4 * idle : 150000;
	char request[200];
	struct client cl = {.read = rate * step_ms, .step_ms = step_ms, .write = ALL, .out = request};
	const uint8_t *p;
	uint64_t n = 0;

	cl.out_len = (size_t)snprintf(request, sizeof(request),
				      "GET /bytes/%zu HTTP/1.1\r\nHost: a\r\nConnection: %s\r\n\r\n", want, how);
	bench_make(&service_http, idle);
	b.s.server_first = server_first;
	serve();
	client_open(&cl, rcvbuf);
	pass(want / rate + idle + 30000);
	p = cl.in;
	cr_expect_eq(answer(&p, cl.in + cl.in_len, false, &n), 200, "%u kB/s, idle %u, %s: %zu of %zu bytes, end %s",
		     rate, idle, how, cl.in_len, want, la_end_name(b.end));
	cr_expect_eq(n, want);
	bench_over();
	cr_expect_eq(cl.end, LA_END_ORDERLY);
	cr_expect_eq(b.end, LA_END_ORDERLY);
	cr_expect_eq(count(SVC_NO_PROGRESS), 0);
	client_free(&cl);
}

Test(http_conn, steady_slow_readers_lose_nothing)
{
	static const uint32_t rates[] = {10, 40, 200}; /* kB/s: bytes a ms */

	for (unsigned i = 0; i < 3; i++) {
		for (uint32_t idle = 1000; idle <= 5000; idle += i == 2 ? 4000 : 1000) {
			slow_reader(rates[i], 10, idle, 65536, "keep-alive", true);
			slow_reader(rates[i], 10, idle, 16384, "close", true);
			slow_reader(rates[i], 10, idle, 16384, "keep-alive", false);
		}
	}
}

/* Linux opens a window in steps of 24 kB: 2.4 s of silence at 10 kB/s. */
Test(http_conn, a_window_that_opens_in_steps)
{
	for (uint32_t idle = 1000; idle <= 5000; idle += 1000) {
		slow_reader(10, 2400, idle, 65536, "keep-alive", true);
		slow_reader(10, 2400, idle, 32768, "close", true);
		slow_reader(2, 9900, idle, 20000, "close", true);
	}
}

/* Queued data and FIN need more time than the linger of 10 s, while the client continues to send. */
Test(http_conn, a_linger_outlasts_a_slow_reader)
{
	static const char request[] = "GET /bytes/200000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

	for (uint32_t idle = 1000; idle <= 30000; idle += 29000) {
		struct client cl = {
			.read = 50, .write = ALL, .out = request, .out_len = sizeof(request) - 1, .junk = 1};
		const uint8_t *p;
		uint64_t n;

		bench_make(&service_http, idle);
		serve();
		client_open(&cl, 8192);
		pass(60000);
		p = cl.in;
		cr_expect_eq(answer(&p, cl.in + cl.in_len, false, &n), 200, "%zu bytes", cl.in_len);
		bench_over();
		cr_expect_eq(b.end, LA_END_ORDERLY);
		cr_expect_eq(count(SVC_NO_PROGRESS) + count(SVC_LINGER_EXPIRED), 0);
		client_free(&cl);
	}
}

/* A client that stops reading is aborted idle_ms after the last acknowledgement, but not before 10 s. */
Test(http_conn, a_reader_that_stops)
{
	static const struct {
		const char *request;
		uint32_t idle, want;
	} rows[] = {
		{"GET /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n", 2000, 10000},
		{"GET /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n", 61000, 61000},
		{"GET /bytes/100000 HTTP/1.1\r\nHost: a\r\n\r\n", 2000, 10000},
		{"GET /bytes/100000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 2000, 10000},
		{"GET /bytes/100000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 15000, 15000},
	};

	for (unsigned i = 0; i < 5; i++) {
		struct client cl = {.read = 0,
				    .write = ALL,
				    .out = rows[i].request,
				    .out_len = strlen(rows[i].request),
				    .junk = 1,
				    .step_ms = 500};

		bench_make(&service_http, rows[i].idle);
		serve();
		client_open(&cl, 8192);
		pass(rows[i].want + 5000);
		cr_expect_eq(b.closed, 1, "row %u", i);
		cr_expect_eq(b.end, LA_END_ABORTED);
		cr_expect_eq(b.closed_at, b.acked_at + rows[i].want, "row %u: %lu", i, b.closed_at - b.acked_at);
		cr_expect_eq(count(SVC_NO_PROGRESS), 1);
		bench_over();
		client_free(&cl);
	}
}

/* Without the client's FIN the connection ends 10 s after the last acknowledgement. */
Test(http_conn, a_linger_without_the_clients_fin)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	struct client cl = {
		.read = ALL, .write = ALL, .out = request, .out_len = sizeof(request) - 1, .keep_open = true};

	bench_make(&service_http, 60000);
	serve();
	client_open(&cl, 0);
	pass(9900);
	cr_expect_eq(count(SVC_LINGER_EXPIRED), 0);
	pass(300);
	cr_expect_eq(count(SVC_LINGER_EXPIRED), 1);
	bench_over();
	cr_expect_eq(b.end, LA_END_FIN_WAIT_2);
	client_free(&cl);
}

/* Between requests the idle time runs from the last acknowledged byte. */
Test(http_conn, idle_after_an_answer)
{
	static const char request[] = "GET /bytes/3000 HTTP/1.1\r\nHost: a\r\n\r\n";

	for (unsigned first = 0; first < 2; first++) {
		struct client cl = {.read = ALL, .write = ALL, .out = request, .out_len = sizeof(request) - 1};

		bench_make(&service_http, 3000);
		b.s.server_first = first != 0;
		serve();
		client_open(&cl, 0);
		pass(5000);
		cr_expect_eq(whole_answers(&cl), 1);
		cr_expect_eq(cl.fin_at, b.acked_at + 3000 + DELAY_MS, "%lu", cl.fin_at - b.acked_at);
		cr_expect_eq(count(SVC_IDLE_CLOSED), 1);
		bench_over();
		cr_expect_eq(cl.end, LA_END_ORDERLY);
		client_free(&cl);
	}
}

/* ---- slow writers ---- */

static void
slow_head(uint32_t step_ms, uint32_t head_ms, bool server_first)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nX-a-field-that-never-ends: 01234567890123456789"
				      "012345678901234567890123456789012345678901234567890123456789";
	struct client cl = {
		.read = ALL, .write = 1, .step_ms = step_ms, .out = request, .out_len = sizeof(request) - 1};
	const uint8_t *p;
	uint64_t n;
	uint64_t answered; /* ms at which the client gets the answer; the head begins on the handshake's ACK */

	bench_make(&service_http, 60000);
	http_options.head_ms = head_ms;
	b.s.server_first = server_first;
	serve();
	client_open(&cl, 0);
	pass(head_ms + 20);
	answered = cl.opened_at + 2 * DELAY_MS + head_ms;
	cr_assert_gt(cl.in_len, 0, "a byte every %u ms: nothing after %u ms", step_ms, head_ms);
	if (server_first)
		cr_expect_eq(cl.fin_at, answered, "%lu, not %lu", cl.fin_at, answered);
	p = cl.in;
	cr_expect_eq(answer(&p, cl.in + cl.in_len, false, &n), 408);
	cr_expect_eq(p, cl.in + cl.in_len);
	cr_expect(strstr(head, "Connection: close\r\n") != NULL, "%s", head);
	cr_expect_eq(count(HTTP_HEAD_TIMEOUTS), 1);
	cr_expect_eq(count(HTTP_ANSWERED_408), 1);
	bench_over();
	cr_expect_eq(cl.end, LA_END_ORDERLY);
	cr_expect_eq(b.end, LA_END_ORDERLY);
	client_free(&cl);
}

Test(http_conn, slow_heads_are_answered_408_on_the_tick)
{
	slow_head(5000, 20000, true);
	slow_head(100, 5000, true);
	slow_head(900, 1000, true);
	slow_head(5000, 60000, true);
	slow_head(2000, 20000, false);
}

/* A head that is complete on the last tick is in time. The limit runs from the first byte of the head. */
Test(http_conn, a_slow_head_that_is_in_time)
{
	static const char request[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"; /* an empty line, then 27 bytes */

	for (uint32_t late = 0; late < 2; late++) {
		struct client cl = {
			.read = ALL, .write = 1, .step_ms = 100, .out = request, .out_len = sizeof(request) - 1};
		const uint8_t *p;
		uint64_t n;

		bench_make(&service_http, 60000);
		http_options.head_ms = 100 * (sizeof(request) - 1 - 3) + 1 - late;
		serve();
		client_open(&cl, 0);
		pass(4000);
		p = cl.in;
		cr_expect_eq(answer(&p, cl.in + cl.in_len, false, &n), late ? 408 : 200);
		bench_over();
		client_free(&cl);
	}
}

/* Empty lines are no request, and do not restart the time-out. */
Test(http_conn, empty_lines_are_no_progress)
{
	static const char lines[] =
		"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
	struct client cl = {.read = ALL, .write = 1, .step_ms = 500, .out = lines, .out_len = sizeof(lines) - 1};

	bench_make(&service_http, 4000);
	serve();
	client_open(&cl, 0);
	pass(5000);
	cr_expect_eq(cl.fin_at, cl.opened_at + 2 * DELAY_MS + 4000);
	cr_expect_eq(cl.in_len, 0);
	cr_expect_eq(count(SVC_IDLE_CLOSED), 1);
	bench_over();
	client_free(&cl);
}

/* The limit of a body is head_ms plus a second for each 500 bytes, and idle_ms between bytes. */
Test(http_conn, slow_bodies)
{
	static const struct {
		uint32_t length, bytes, step_ms, idle; /* the client sends `bytes` every step_ms */
		uint32_t deadline;		       /* ms after the head; 0: the body is in time */
	} rows[] = {
		{5000, 1, 1000, 60000, 5000 + 10000}, {5000, 10, 50, 60000, 5000 + 10000}, {5000, 5, 10, 60000, 0},
		{5000, 5000, 10, 60000, 0},	      {100000, 1, 4000, 3000, 3000},	   {1, 1, 2000, 60000, 0},
	};

	for (unsigned i = 0; i < 6; i++) {
		char text[6000];
		int n_head = snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %u\r\n\r\n",
				      rows[i].length);
		struct client cl = {
			.read = ALL, .write = ALL, .step_ms = rows[i].step_ms, .out = text, .out_len = (size_t)n_head};
		const uint8_t *p;
		uint64_t n;

		memset(text + n_head, 'b', sizeof(text) - (size_t)n_head);
		bench_make(&service_http, rows[i].idle);
		http_options.head_ms = 5000;
		serve();
		client_open(&cl, 0);
		pass(2 * DELAY_MS + 1);
		cl.write = rows[i].bytes; /* from the first interval on */
		cl.out_len += rows[i].length < 5900 ? rows[i].length : 5900;
		pass(rows[i].deadline ? rows[i].deadline + 30 : 15000);
		p = cl.in;
		cr_expect_eq(answer(&p, cl.in + cl.in_len, false, &n), rows[i].deadline ? 408 : 405, "row %u", i);
		if (rows[i].deadline) {
			cr_expect_eq(cl.fin_at, cl.opened_at + 2 * DELAY_MS + rows[i].deadline, "row %u: %lu", i,
				     cl.fin_at - cl.opened_at);
			cr_expect_eq(count(HTTP_BODY_TIMEOUTS), 1);
		}
		bench_over();
		cr_expect_eq(b.end, LA_END_ORDERLY);
		client_free(&cl);
	}
}

/* ---- pipelining ---- */

/* Requests of several kinds, with answers of different lengths. */
static const struct {
	const char *line;
	int status;
	bool head_only;
} kinds[] = {
	{"GET /bytes/257", 200, false},	 {"GET /bytes/0", 200, false},	  {"GET /bytes/1024", 200, false},
	{"HEAD /bytes/99", 200, true},	 {"GET /bytes/1025", 200, false}, {"GET /nothing", 404, false},
	{"GET /bytes/5000", 200, false}, {"PUT /", 405, false},		  {"GET /", 200, false},
};
enum { NKINDS = sizeof(kinds) / sizeof(kinds[0]) };

static char *
pipeline(unsigned n, unsigned nkinds, size_t *len)
{
	char *text = malloc(n * 60 + 1);

	cr_assert_not_null(text);
	*len = 0;
	for (unsigned i = 0; i < n; i++)
		*len += (size_t)sprintf(text + *len, "%s HTTP/1.1\r\nHost: a\r\n\r\n", kinds[i % nkinds].line);
	return text;
}

static void
all_answered(const struct client *cl, unsigned n, unsigned nkinds)
{
	const uint8_t *p = cl->in, *end = cl->in + cl->in_len;
	uint64_t length;

	for (unsigned i = 0; i < n; i++) {
		int status = answer(&p, end, kinds[i % nkinds].head_only, &length);

		cr_assert_eq(status, kinds[i % nkinds].status, "answer %u of %u is %d", i, n, status);
	}
	cr_expect_eq(p, end);
}

/* While the client reads nothing, the server leaves requests unread. When the client reads, every answer is correct
 * and in order. */
static void
unread_pipeline(unsigned n, unsigned nkinds, uint32_t rcvbuf, uint32_t sndbuf, uint32_t wait_ms)
{
	size_t len;
	char *text = pipeline(n, nkinds, &len);
	struct client cl = {.read = 0, .write = ALL, .out = text, .out_len = len, .fin_after = true};
	const struct svc_conn *sc;

	bench_make(&service_http, 60000);
	b.s.opts.sndbuf = sndbuf;
	serve();
	client_open(&cl, rcvbuf);
	pass(wait_ms);
	sc = b.s.head;
	if (rcvbuf < 4000) { /* the answers are larger than the client's buffer */
		cr_assert_not_null(sc, "%u requests: the connection has ended", n);
		cr_expect_leq(la_unsent(sc->c), SVC_UNSENT_MAX + 5500, "%u requests: %zu", n, la_unsent(sc->c));
		cr_expect_leq(la_unacked(sc->c), SVC_UNSENT_MAX + 5500 + rcvbuf);
		/* both hosts: 28 kB of requests in 2 kB buffers, 16 kB of answers, and the client's data */
		if (n == 700 && nkinds == 1)
			cr_expect_leq(mbufs_used(), 50, "%u requests: %u buffers", n, mbufs_used());
	}
	client_read(&cl, ALL);
	pass(200000);
	all_answered(&cl, n, nkinds);
	bench_over();
	cr_expect_eq(cl.end, LA_END_ORDERLY);
	client_free(&cl);
	free(text);
}

Test(http_conn, pipelining_without_reading)
{
	static const unsigned counts[] = {10, 16, 100, 700, 2000};

	for (unsigned i = 0; i < 5; i++) {
		unread_pipeline(counts[i], 1, 2000, 0, 20000);
		unread_pipeline(counts[i], NKINDS, 2000, 0, 20000);
		unread_pipeline(counts[i], NKINDS, 65536, 0, 500);
	}
}

/* Answers go into a send queue of any size, in pieces of any length. */
Test(http_conn, pipelining_into_small_send_buffers)
{
	static const uint32_t sizes[] = {1, 3, 17, 200, 1000, 4096, 20000};

	for (unsigned i = 0; i < 7; i++)
		unread_pipeline(sizes[i] < 100 ? 3 : 50, NKINDS, 4096, sizes[i], 300);
}

/* With few packet buffers la_send*() accepts few bytes, or none for a long time. */
Test(http_conn, pipelining_while_buffers_are_short)
{
	for (unsigned seed = 1; seed <= 6; seed++) {
		size_t len;
		char *text = pipeline(40, NKINDS, &len);
		struct client cl = {.read = ALL, .write = ALL, .out = text, .out_len = len, .fin_after = true};

		bench_make(&service_http, 60000);
		b.short_sends = seed;
		serve();
		client_open(&cl, 0);
		pass_short_sends(60000, seed < 4 ? 10 : 700);
		b.short_sends = 0;
		pass_short_sends(2000, 10);
		all_answered(&cl, 40, NKINDS);
		bench_over();
		cr_expect_eq(cl.end, LA_END_ORDERLY);
		client_free(&cl);
		free(text);
	}
}

/* 100 Continue goes into a send queue of any size, in pieces of any length. */
Test(http_conn, continue_into_small_send_buffers)
{
	static const char text[] = "PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody"
				   "GET /bytes/2000 HTTP/1.1\r\nHost: a\r\n\r\n";
	static const uint32_t sizes[] = {1, 10, 24, 26, 100, 300};

	for (unsigned i = 0; i < 6; i++) {
		struct client cl = {
			.read = ALL, .write = ALL, .out = text, .out_len = sizeof(text) - 1, .fin_after = true};
		const uint8_t *p, *end;
		uint64_t n;

		bench_make(&service_http, 60000);
		b.s.opts.sndbuf = sizes[i];
		serve();
		client_open(&cl, 0);
		pass(200000);
		p = cl.in;
		end = p + cl.in_len;
		cr_expect_eq(answer(&p, end, false, &n), 100);
		cr_expect_eq(answer(&p, end, false, &n), 404);
		cr_expect_eq(answer(&p, end, false, &n), 200);
		cr_expect_eq(p, end);
		bench_over();
		client_free(&cl);
	}
}

/* For a client that reads at once, a long pipeline runs at the speed of the path. */
Test(http_conn, pipelining_by_a_reader_is_not_delayed)
{
	size_t len;
	char *text = pipeline(2000, 1, &len);
	struct client cl = {.read = ALL, .write = ALL, .out = text, .out_len = len, .fin_after = true};

	bench_make(&service_http, 60000);
	serve();
	client_open(&cl, 0);
	pass(60);
	all_answered(&cl, 2000, 1);
	bench_over();
	client_free(&cl);
	free(text);
}

/* A pipelining client that never reads is aborted idle_ms after its last acknowledgement. */
Test(http_conn, a_pipelining_client_that_never_reads)
{
	size_t len;
	char *text = pipeline(700, 1, &len);
	struct client cl = {.read = 0, .write = ALL, .out = text, .out_len = len};

	bench_make(&service_http, 15000);
	serve();
	client_open(&cl, 2000);
	pass(18000);
	cr_expect_eq(b.closed, 1);
	cr_expect_eq(b.closed_at, b.acked_at + 15000, "%lu", b.closed_at - b.acked_at);
	cr_expect_eq(count(SVC_NO_PROGRESS), 1);
	cr_expect_geq(count(SVC_PAUSED), 1);
	bench_over();
	client_free(&cl);
	free(text);
}
