/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP on connections: bodies in chunks, 100 Continue, delays, and every end that a path can request. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_parse.h"
#include "services.h"

#define HOST "Host: a\r\n"
#define CODED HOST "Transfer-Encoding: chunked\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

/* Starts a server, and sets a client that sends `out`. */
static void
begin(struct client *cl, const char *out, uint32_t idle_ms, bool server_first)
{
	*cl = (struct client){.read = ALL, .write = ALL, .out = out, .out_len = strlen(out)};
	bench_make(&service_http, idle_ms);
	b.s.server_first = server_first;
	serve();
}

/* Returns how often a text occurs in the bytes that the client has read. */
static unsigned
times(const struct client *cl, const char *text)
{
	unsigned n = 0;

	for (size_t i = 0; i + strlen(text) <= cl->in_len; i++)
		n += memcmp(cl->in + i, text, strlen(text)) == 0;
	return n;
}

static void
over(struct client *cl)
{
	bench_over();
	client_free(cl);
}

/* ---- bodies in chunks ---- */

/* A body is ignored, and the request after the body is answered, for every split. */
Test(http_ends, requests_behind_bodies_in_chunks)
{
	static const char text[] = "POST /status/201 HTTP/1.1\r\n" CODED "\r\n"
				   "5;x=y\r\nGET /\r\n1\r\n\n\r\n0\r\nTrailer: x\r\n\r\n" GET(
					   "/status/202") "POST /bytes/1 HTTP/1.1\r\n" CODED
							  "\r\n0\r\n\r\n" GET("/status/203");
	static const uint32_t pieces[] = {1, 7, ALL};

	for (unsigned i = 0; i < 3; i++) {
		struct client cl;

		begin(&cl, text, 60000, true);
		cl.write = pieces[i];
		cl.fin_after = true;
		client_open(&cl, 0);
		pass(10000);
		cr_expect_eq(times(&cl, "HTTP/1.1 "), 4);
		cr_expect_eq(times(&cl, "HTTP/1.1 201") + times(&cl, "HTTP/1.1 202") + times(&cl, "HTTP/1.1 405") +
				     times(&cl, "HTTP/1.1 203"),
			     4);
		cr_expect_eq(count(HTTP_BAD_REQUESTS), 0);
		bench_over();
		cr_expect_eq(cl.end, LA_END_ORDERLY);
		client_free(&cl);
	}
}

/* A refused body closes the connection: the bytes after it are no request. Each refusal is counted. */
Test(http_ends, refusals_close_and_are_counted)
{
	static const struct {
		const char *out, *status;
		enum http_count count;
	} rows[] = {
		{"POST / HTTP/1.1\r\n" CODED "\r\n5\r\nhelloX\r\n0\r\n\r\n", "400", HTTP_BAD_REQUESTS},
		{"POST / HTTP/1.1\r\n" CODED "\r\nz\r\n", "400", HTTP_BAD_REQUESTS},
		{"POST / HTTP/1.1\r\n" CODED "Content-Length: 1\r\n\r\n0\r\n\r\n", "400", HTTP_BAD_REQUESTS},
		{"POST / HTTP/1.1\r\n" CODED "\r\n100001\r\n", "413", HTTP_TOO_LARGE},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n", "413", HTTP_TOO_LARGE},
		{"POST / HTTP/1.1\r\n" HOST "Expect: x\r\nContent-Length: 1\r\n\r\n", "417", HTTP_UNSUPPORTED},
		{"GET https://a/ HTTP/1.1\r\n" HOST "\r\n", "421", HTTP_UNSUPPORTED},
		{"CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n", "405", HTTP_UNSUPPORTED},
		{"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", "501", HTTP_UNSUPPORTED},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[400], line[40];
		struct client cl;

		snprintf(out, sizeof(out), "%s%s", rows[i].out, GET("/bytes/1") GET("/bytes/1"));
		snprintf(line, sizeof(line), "HTTP/1.1 %s ", rows[i].status);
		begin(&cl, out, 60000, true);
		client_open(&cl, 0);
		pass(100);
		cr_expect_eq(times(&cl, line), 1, "row %u", i);
		cr_expect_eq(times(&cl, "HTTP/1.1 "), 1, "row %u", i);
		cr_expect_eq(times(&cl, "Connection: close\r\n"), 1, "row %u", i);
		cr_expect_eq(count(rows[i].count), 1, "row %u", i);
		cr_expect_neq(cl.fin_at, 0);
		bench_over();
		cr_expect_eq(b.end, LA_END_ORDERLY, "row %u", i);
		client_free(&cl);
	}
}

/* A body in chunks has head_ms and 2 ms a byte; chunk sizes and extensions do not count. */
Test(http_ends, slow_bodies_in_chunks)
{
	static const char head[] = "POST / HTTP/1.1\r\n" CODED "\r\n";
	static const struct {
		const char *unit;
		unsigned units;
		uint32_t write, step_ms;
		uint32_t deadline; /* ms after the head; 0: the body is in time */
	} rows[] = {
		{"1;aaaaaaaaaa\r\nx\r\n", 200, 17, 1000, 5000 + 5 * 2}, /* five bytes in the first 5 s */
		{"1;aaaaaaaaaa\r\nx\r\n", 200, 16, 20, 0},
		{"1\r\nx\r\n", 1, 6, 20, 5000 + 2}, /* one byte of data */
		{"3e8;xx\r\n", 1, 8, 20, 5000},	    /* no data at all */
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[6000];
		struct client cl;
		size_t n = (size_t)snprintf(text, sizeof(text), "%s", head), begun = n;

		for (unsigned k = 0; k < rows[i].units; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", rows[i].unit);
		if (!rows[i].deadline)
			snprintf(text + n, sizeof(text) - n, "0\r\n\r\n");
		begin(&cl, text, 60000, true);
		http_options.head_ms = 5000;
		cl.out_len = begun;
		cl.step_ms = rows[i].step_ms;
		client_open(&cl, 0);
		pass(2 * DELAY_MS + 1);
		cl.write = rows[i].write;
		cl.out_len = strlen(text);
		pass(8000);
		cr_expect_eq(times(&cl, rows[i].deadline ? "HTTP/1.1 408" : "HTTP/1.1 405"), 1, "row %u", i);
		cr_expect_eq(count(HTTP_BODY_TIMEOUTS), rows[i].deadline != 0);
		cr_expect_eq(count(HTTP_ANSWERED_408), rows[i].deadline != 0);
		if (rows[i].deadline)
			cr_expect_eq(cl.fin_at, cl.opened_at + 2 * DELAY_MS + rows[i].deadline, "row %u: %lu", i,
				     cl.fin_at - cl.opened_at);
		over(&cl);
	}
}

/* The client's FIN within a body ends the connection. */
Test(http_ends, a_fin_within_chunks)
{
	struct client cl;

	begin(&cl, "POST / HTTP/1.1\r\n" CODED "\r\n5\r\nhel", 60000, true);
	cl.fin_after = true;
	client_open(&cl, 0);
	pass(100);
	cr_expect_eq(cl.in_len, 0);
	bench_over();
	cr_expect_eq(cl.end, LA_END_ORDERLY);
	client_free(&cl);
}

/* RFC 9110 10.1.1: 100 before a body, only for HTTP/1.1. */
Test(http_ends, continue_before_a_body)
{
	static const struct {
		const char *out;
		unsigned hundreds;
	} rows[] = {
		{"POST / HTTP/1.1\r\n" CODED "Expect: 100-continue\r\n\r\n", 1},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", 1},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n", 0},
		{"POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n", 0},
		{"POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", 0},
		{"POST /end/half HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", 0},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client cl;

		begin(&cl, rows[i].out, 60000, true);
		client_open(&cl, 0);
		pass(100);
		cr_expect_eq(times(&cl, "HTTP/1.1 100 Continue\r\n\r\n"), rows[i].hundreds, "row %u", i);
		over(&cl);
	}
}

/* ---- answers in chunks ---- */

Test(http_ends, chunks_into_small_send_buffers)
{
	static const uint32_t sizes[] = {1, 7, 1000, 20000, 0};

	for (unsigned i = 0; i < 5; i++) {
		const char *out = i == 0 ? GET("/chunked/20") GET("/status/202")
					 : GET("/chunked/40000") GET("/status/202");
		struct client cl;

		begin(&cl, out, 60000, true);
		b.s.opts.sndbuf = sizes[i];
		cl.fin_after = true;
		client_open(&cl, 0);
		pass(400000);
		cr_expect_eq(times(&cl, "\r\n0\r\n\r\nHTTP/1.1 202 Accepted\r\n"), 1, "%u: %zu bytes", sizes[i],
			     cl.in_len);
		cr_expect_eq(times(&cl, "4000\r\n"), i == 0 ? 0 : 2);
		bench_over();
		cr_expect_eq(cl.end, LA_END_ORDERLY);
		client_free(&cl);
	}
}

/* For an HTTP/1.0 client our FIN is the end of the body, whichever end closes first. */
Test(http_ends, a_body_without_a_length_ends_with_our_fin)
{
	static const uint64_t sizes[] = {0, 100, 40000};

	for (unsigned i = 0; i < 6; i++) {
		const uint64_t n = sizes[i / 2];
		char out[100];
		struct client cl;
		const char *body;

		snprintf(out, sizeof(out), "GET /chunked/%lu HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", n);
		begin(&cl, out, 60000, i % 2 != 0);
		client_open(&cl, 0);
		pass(500);
		cr_expect_neq(cl.fin_at, 0);
		body = memmem(cl.in, cl.in_len, "\r\n\r\n", 4);
		cr_assert_not_null(body);
		body += 4;
		cr_expect_eq((uint64_t)((const char *)cl.in + cl.in_len - body), n);
		for (uint64_t k = 0; k < n; k++)
			cr_assert_eq((uint8_t)body[k], k % 251);
		bench_over();
		cr_expect_eq(cl.end, LA_END_ORDERLY);
		client_free(&cl);
	}
}

/* ---- delays ---- */

/* A delayed answer is sent on the tick, also when the idle time-out is shorter. Pipelined requests wait for the
 * answer, other connections do not. */
Test(http_ends, delays_on_the_tick)
{
	struct client cl,
		other = {.read = ALL, .write = ALL, .out = GET("/status/205"), .out_len = strlen(GET("/status/205"))};

	begin(&cl, GET("/delay/3s") GET("/status/202"), 1000, true);
	client_open(&cl, 0);
	pass(2 * DELAY_MS + 2998);
	cr_expect_eq(cl.in_len, 0);
	client_open(&other, 0);
	pass(1);
	cr_expect_eq(cl.in_len, 0);
	pass(2 * DELAY_MS + 1);
	cr_expect_eq(times(&cl, "HTTP/1.1 200 OK\r\n"), 1);
	cr_expect_eq(times(&cl, "HTTP/1.1 202 Accepted\r\n"), 1);
	pass(2 * DELAY_MS);
	cr_expect_eq(times(&other, "HTTP/1.1 205"), 1);
	cr_expect_eq(count(SVC_IDLE_CLOSED), 0);
	pass(1100); /* now the connections are idle */
	cr_expect_eq(count(SVC_IDLE_CLOSED), 2);
	bench_over();
	cr_expect_eq(b.end, LA_END_ORDERLY);
	client_free(&cl);
	client_free(&other);
}

/* A client that has sent its FIN gets the answer. A client that does not read an earlier answer is aborted. */
Test(http_ends, delays_of_clients_that_close)
{
	struct client cl;

	begin(&cl, GET("/delay/500ms"), 60000, true);
	cl.fin_after = true;
	client_open(&cl, 0);
	pass(400);
	cr_expect_eq(cl.in_len, 0);
	pass(200);
	cr_expect_eq(times(&cl, "HTTP/1.1 200 OK\r\n"), 1);
	bench_over();
	cr_expect_eq(cl.end, LA_END_ORDERLY);
	client_free(&cl);

	begin(&cl, GET("/bytes/5000") GET("/delay/60s"), 1000, true);
	cl.read = 0;
	client_open(&cl, 2000);
	pass(15000);
	cr_expect_eq(b.closed, 1);
	cr_expect_eq(count(SVC_NO_PROGRESS), 1);
	over(&cl);
}

/* A server that stops sends the answer with "Connection: close". */
Test(http_ends, a_delay_while_the_server_drains)
{
	struct client cl;

	begin(&cl, GET("/delay/2s") GET("/status/202"), 60000, true);
	client_open(&cl, 0);
	pass(500);
	drain();
	pass(1000);
	cr_expect_eq(cl.in_len, 0);
	pass(1000);
	cr_expect_eq(times(&cl, "HTTP/1.1 "), 1);
	cr_expect_eq(times(&cl, "Connection: close\r\n"), 1);
	bench_over();
	cr_expect_eq(cl.end, LA_END_ORDERLY);
	client_free(&cl);
}

/* ---- ends ---- */

/* /end/fin: our FIN follows the answer at once, in both configurations. */
Test(http_ends, fin)
{
	for (unsigned first = 0; first < 2; first++) {
		struct client cl;

		begin(&cl, GET("/end/fin"), 60000, first != 0);
		client_open(&cl, 0);
		pass(4 * DELAY_MS + 1);
		cr_expect_eq(times(&cl, "Connection: close\r\n"), 1);
		cr_expect_eq(cl.fin_at, cl.opened_at + 2 * DELAY_MS);
		bench_over();
		cr_expect_eq(cl.end, LA_END_ORDERLY);
		client_free(&cl);
	}
}

/* /end/rst: the client gets the whole answer, without "Connection: close", and then the RST. */
Test(http_ends, rst)
{
	for (unsigned fin = 0; fin < 2; fin++) {
		struct client cl;

		begin(&cl, GET("/bytes/30000") GET("/end/rst") GET("/bytes/1"), 60000, true);
		cl.fin_after = fin != 0;
		client_open(&cl, 0);
		pass(1000);
		cr_expect_null(cl.c);
		cr_expect_eq(cl.end, LA_END_RESET);
		cr_expect_eq(b.end, LA_END_ABORTED);
		cr_expect_eq(times(&cl, "HTTP/1.1 "), 2);
		cr_expect_eq(times(&cl, "Connection: close\r\n"), 0);
		cr_expect_eq(count(HTTP_RESET_BY_PATH), 1);
		over(&cl);
	}
	for (unsigned i = 0; i < 2; i++) { /* without an acknowledgement: the normal time-out */
		struct client cl;

		begin(&cl, GET("/bytes/30000") GET("/end/rst"), 1000, true);
		cl.read = 0;
		client_open(&cl, 2000);
		pass(5000);
		cr_expect_eq(b.closed, 0);
		if (i)
			drain();
		pass(10000);
		cr_expect_eq(b.closed, 1);
		cr_expect_eq(count(SVC_NO_PROGRESS), 1);
		cr_expect_eq(count(HTTP_RESET_BY_PATH), 0);
		over(&cl);
	}
}

/* /end/half: answer and FIN are sent before the body, which is read and ignored to its end. */
Test(http_ends, half)
{
	static char out[60000];
	int n = snprintf(out, sizeof(out), "POST /end/half HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n\r\n");
	struct client cl;

	memset(out + n, 'b', sizeof(out) - 1 - (size_t)n);
	begin(&cl, out, 3000, true);
	cl.write = (uint32_t)n;
	cl.step_ms = 500;
	cl.fin_after = true;
	cl.keep_open = true;
	client_open(&cl, 0);
	cl.write = 1000; /* the body takes 30 s, longer than idle time-out and linger */
	pass(4 * DELAY_MS + 1);
	cr_expect_eq(times(&cl, "HTTP/1.1 200 OK\r\n"), 1);
	cr_expect_eq(times(&cl, "Connection: close\r\n"), 1);
	cr_expect_eq(cl.fin_at, cl.opened_at + 2 * DELAY_MS);
	pass(28000);
	cr_expect_eq(b.closed, 0);
	cl.keep_open = false;
	pass(3000);
	bench_over();
	cr_expect_eq(b.end, LA_END_ORDERLY);
	cr_expect_eq(cl.end, LA_END_ORDERLY);
	cr_expect_eq(count(SVC_IDLE_CLOSED) + count(SVC_LINGER_EXPIRED), 0);
	client_free(&cl);
}

/* The idle time-out ends a half-closed connection whose client sends nothing; draining ends it after the linger. */
Test(http_ends, half_without_a_fin)
{
	for (unsigned stop = 0; stop < 2; stop++) {
		struct client cl;

		begin(&cl, GET("/end/half"), stop ? 60000 : 3000, true);
		cl.keep_open = true;
		client_open(&cl, 0);
		pass(2000);
		cr_expect_eq(b.closed, 0);
		if (stop)
			drain();
		pass(stop ? 9000 : 500);
		cr_expect_eq(count(stop ? SVC_LINGER_EXPIRED : SVC_IDLE_CLOSED), 0);
		pass(1100);
		cr_expect_eq(count(stop ? SVC_LINGER_EXPIRED : SVC_IDLE_CLOSED), 1);
		bench_over();
		cr_expect_eq(b.end, LA_END_FIN_WAIT_2);
		client_free(&cl);
	}
}

/* /end/linger: the client sends its FIN first. */
Test(http_ends, linger)
{
	struct client cl;

	begin(&cl, GET("/end/linger") GET("/bytes/1"), 60000, true);
	client_open(&cl, 0);
	pass(9000);
	cr_expect_eq(times(&cl, "HTTP/1.1 "), 1);
	cr_expect_eq(times(&cl, "Connection: close\r\n"), 1);
	cr_expect_eq(cl.fin_at, 0);
	pass(1000 + 4 * DELAY_MS + 1);
	cr_expect_eq(cl.fin_at, cl.opened_at + 2 * DELAY_MS + SVC_LINGER_MS, "%lu", cl.fin_at - cl.opened_at);
	bench_over();
	cr_expect_eq(cl.end, LA_END_ORDERLY);
	client_free(&cl);

	begin(&cl, GET("/end/linger"), 60000, true);
	cl.fin_after = true;
	client_open(&cl, 0);
	pass(100);
	cr_expect_neq(cl.fin_at, 0);
	bench_over();
	cr_expect_eq(cl.end, LA_END_ORDERLY);
	client_free(&cl);

	begin(&cl, GET("/end/linger"), 60000, true);
	client_open(&cl, 0);
	pass(1000);
	cr_expect_eq(cl.fin_at, 0);
	drain();
	pass(10);
	cr_expect_neq(cl.fin_at, 0);
	over(&cl);
}
