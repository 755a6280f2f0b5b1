/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions that make an answer from a request: targets, methods, expectations, bodies in chunks, and the
 * resources. The answer is the same for every split of the request. */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_body.h"
#include "http/http_parse.h"

/* Parses a request and its body in pieces of `step` bytes of exact size. Returns the bytes taken. */
static size_t
feed(struct http_parser *p, struct http_body *b, const char *text, size_t len, size_t step)
{
	size_t at = 0;

	http_parser_init(p);
	http_body_init(b);
	while (at < len && !(p->done && (!p->chunked || p->status != 0 || b->done))) {
		size_t n = len - at < step ? len - at : step;
		char *copy = malloc(n);

		cr_assert_not_null(copy);
		memcpy(copy, text + at, n);
		at += p->done ? http_body_parse(b, copy, n) : http_parse(p, copy, n);
		free(copy);
	}
	return at;
}

static struct http_answer
ask(const char *request)
{
	struct http_parser p;
	struct http_body b;
	struct http_answer a;

	feed(&p, &b, request, strlen(request), 1);
	cr_assert(p.done, "'%s'", request);
	http_answer(&p, &a);
	return a;
}

#define HOST " HTTP/1.1\r\nHost: other\r\n\r\n"
#define H9 "aaaaaaaaa."
#define LONG_HOST H9 H9 H9 H9 H9 H9 H9 H9 H9 H9 H9 H9 "test"

/* The expected status, and for 200 the length of the body, which identifies the path. */
static const struct {
	const char *request;
	unsigned status;
	uint64_t length;
} targets[] = {
	{"GET http://a/bytes/10" HOST, 200, 10},
	{"GET HTTP://a/bytes/11" HOST, 200, 11},
	{"GET hTtP://a:8080/bytes/12?http://b/" HOST, 200, 12},
	{"GET http://" LONG_HOST "/bytes/13" HOST, 200, 13},
	{"GET http://" LONG_HOST ":80/bytes/14?q" HOST, 200, 14},
	{"GET http://[fd00::2]:80/bytes/15" HOST, 200, 15},
	{"GET http://a%2eb/bytes/16" HOST, 200, 16},
	{"HEAD http://a/bytes/17" HOST, 200, 17},
	{"GET http://" LONG_HOST "/nothing" HOST, 404, 0},
	{"GET http://a?/bytes/18" HOST, 200, 0},
	{"GET /http://a/bytes/19" HOST, 404, 0},
	/* RFC 9110 4.2.1, 4.2.4: no host, a user name */
	{"GET http:///bytes/1" HOST, 400, 0},
	{"GET http://:80/bytes/1" HOST, 400, 0},
	{"GET http://" HOST, 400, 0},
	{"GET http://u@a/bytes/1" HOST, 400, 0},
	{"GET http://a#b" HOST, 400, 0},
	{"GET http:/bytes/1" HOST, 400, 0},
	{"GET http:bytes" HOST, 400, 0},
	{"GET bytes/1" HOST, 400, 0},
	{"GET bytes" HOST, 400, 0},
	{"GET ?x" HOST, 400, 0},
	{"GET a:80" HOST, 400, 0},
	{"GET http://a/bytes/1 HTTP/1.1\r\n\r\n", 400, 0}, /* Host is missing */
	/* RFC 9110 7.4: another scheme */
	{"GET https://a/bytes/1" HOST, 421, 0},
	{"GET ftp://a/bytes/1" HOST, 421, 0},
	{"GET httpx://a/" HOST, 421, 0},
	{"GET a-scheme-of-more-than-twenty-bytes://a/" HOST, 421, 0},
	/* OPTIONS, CONNECT, and the other methods */
	{"OPTIONS *" HOST, 204, 0},
	{"OPTIONS * HTTP/1.0\r\n\r\n", 204, 0},
	{"OPTIONS *x" HOST, 400, 0},
	{"OPTIONS /" HOST, 204, 0},
	{"OPTIONS http://a" HOST, 204, 0},
	{"OPTIONS /nothing" HOST, 404, 0},
	{"options *" HOST, 400, 0},
	{"POST *" HOST, 400, 0},
	{"CONNECT a:80" HOST, 405, 0},
	{"CONNECT /" HOST, 405, 0},
	{"CONNECT a:80 HTTP/1.1\r\n\r\n", 400, 0},
	{"POST /bytes/1" HOST, 405, 0},
	{"POST /end/half" HOST, 200, 0},
	{"PUT /end/half" HOST, 405, 0},
	{"POST /status/503" HOST, 503, 0},
	/* expectations */
	{"POST /status/201 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", 201, 0},
	{"POST /status/201 HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue , 100-continue,\r\n\r\n", 201, 0},
	{"POST /status/201 HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 417, 0},
	{"POST /status/201 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\n\r\n", 417, 0},
	{"POST /status/201 HTTP/1.1\r\nHost: a\r\nExpect: 100- continue\r\n\r\n", 417, 0},
	{"POST /status/201 HTTP/1.0\r\nExpect: x\r\n\r\n", 201, 0},
/* transfer codings: chunked is the last, once (RFC 9112 6.1, 6.3) */
#define CODED(te) "GET /bytes/1 HTTP/1.1\r\nHost: a\r\n" te "\r\n\r\n0\r\n\r\n"
	{CODED("Transfer-Encoding: Chunked \t"), 200, 1},
	{CODED("Transfer-Encoding: ,chunked,"), 200, 1},
	{CODED("Transfer-Encoding: gzip, chunked"), 501, 0},
	{CODED("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"), 501, 0},
	{CODED("Transfer-Encoding: chunked, gzip"), 400, 0},
	{CODED("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), 400, 0},
	{CODED("Transfer-Encoding: chunked, chunked"), 400, 0},
	{CODED("Transfer-Encoding: gzip"), 400, 0},
	{CODED("Transfer-Encoding: identity"), 400, 0},
	{CODED("Transfer-Encoding:"), 400, 0},
	{CODED("Transfer-Encoding: chun ked"), 400, 0},
	{CODED("Transfer-Encoding: chunked x"), 400, 0},
	{CODED("Transfer-Encoding: chunked                      x"), 400, 0},
	{CODED("Transfer-Encoding: chunked;q=1"), 400, 0},
	{CODED("Transfer-Encoding: xchunked"), 400, 0},
	{CODED("Transfer-Encoding: \"chunked\""), 400, 0},
	{CODED("Transfer-Encoding: chunked\r\nContent-Length: 5"), 400, 0},
	{CODED("Content-Length: 0\r\nTransfer-Encoding: chunked"), 400, 0},
	{"GET /bytes/1 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 0},
	/* Host is uri-host [":" port] */
	{"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", 400, 0},
	/* resources */
	{"GET /status/200" HOST, 200, 7},
	{"GET /status/418?x" HOST, 418, 0},
	{"GET /status/599" HOST, 599, 0},
	{"GET /status/199" HOST, 404, 0},
	{"GET /status/600" HOST, 404, 0},
	{"GET /status/" HOST, 404, 0},
	{"GET /status/20x" HOST, 404, 0},
	{"GET /chunked/1073741824" HOST, 200, 1 << 30},
	{"GET /chunked/1073741825" HOST, 404, 0},
	{"GET /delay/60s" HOST, 200, 0},
	{"GET /delay/61s" HOST, 404, 0},
	{"GET /delay/60001ms" HOST, 404, 0},
	{"GET /delay/5" HOST, 404, 0},
	{"GET /delay/5us" HOST, 404, 0},
	{"GET /delay/ms" HOST, 404, 0},
	{"GET /end/" HOST, 404, 0},
	{"GET /end/finx" HOST, 404, 0},
};

Test(http_server, statuses_in_pieces_of_every_size)
{
	for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		const char *text = targets[i].request;
		size_t len = strlen(text);

		for (size_t step = 1; step <= len; step++) {
			struct http_parser p;
			struct http_body b;
			struct http_answer a;

			feed(&p, &b, text, len, step);
			cr_assert(p.done, "'%s' by %zu", text, step);
			http_answer(&p, &a);
			cr_expect_eq(a.status, targets[i].status, "'%s' by %zu: %u", text, step, a.status);
			if (targets[i].length)
				cr_expect_eq(a.length, targets[i].length, "'%s' by %zu: %lu", text, step, a.length);
			cr_expect(p.status == 0 || !a.keep, "'%s'", text);
		}
	}
}

/* Path and query have the same limits in an absolute-form target as in an origin-form target. */
Test(http_server, the_path_is_kept_after_any_host)
{
	char text[8100];
	int n = snprintf(text, sizeof(text), "GET http://");

	memset(text + n, 'h', 7000);
	snprintf(text + n + 7000, sizeof(text) - 7000 - (size_t)n, "/bytes/77?x" HOST);
	cr_expect_eq(ask(text).length, 77);
	text[n + 100] = '/'; /* now most of it is a path */
	cr_expect_eq(ask(text).status, 404);
}

static const struct {
	const char *body;
	int status;	 /* -1: incomplete */
	uint64_t length; /* bytes of data before the error or the end */
	const char *rest;
} bodies[] = {
	{"0\r\n\r\n", 0, 0, ""},
	{"5\r\nhello\r\n0\r\n\r\nGET", 0, 5, "GET"},
	{"1\r\na\r\nA\r\n0123456789\r\n000\r\n\r\n", 0, 11, ""},
	{"0000000000000005\r\nhello\r\n0\r\n\r\n", 0, 5, ""},
	{"00000000000000005\r\nhello\r\n0\r\n\r\n", 400, 0, NULL},
	{"2;a;b=c;d=\"e f\"\r\n\r\n\r\n0;x\r\n\r\n", 0, 2, ""},
	{"2 ;a\r\n\r\n\r\n0\r\n\r\n", 0, 2, ""},
	{"2 \r\n\r\n\r\n0\r\n\r\n", 400, 0, NULL},
	{"2\t;a\r\n\r\n\r\n0\r\n\r\n", 400, 0, NULL},
	{"2 3\r\n", 400, 0, NULL},
	{"0\r\nA: b\r\nContent-Length: 7\r\n\r\nx", 0, 0, "x"},
	{"0\r\nA:\xc3\xa4\t\r\n\r\n", 0, 0, ""},
	/* refused */
	{"\r\n", 400, 0, NULL},
	{"g\r\n", 400, 0, NULL},
	{"0x5\r\n", 400, 0, NULL},
	{"-1\r\n", 400, 0, NULL},
	{"+1\r\n", 400, 0, NULL},
	{" 1\r\n", 400, 0, NULL},
	{";a\r\n", 400, 0, NULL},
	{"1\na\r\n0\r\n\r\n", 400, 0, NULL},
	{"1;a\nb\r\n0\r\n\r\n", 400, 0, NULL},
	{"1\rxa\r\n0\r\n\r\n", 400, 0, NULL},
	{"1;a\x01\r\n", 400, 0, NULL},
	{"1\r\nab\r\n0\r\n\r\n", 400, 0, NULL},
	{"1\r\na\n0\r\n\r\n", 400, 0, NULL},
	{"1\r\na\rx", 400, 0, NULL},
	{"0\r\n\n", 400, 0, NULL},
	{"0\r\n\rx", 400, 0, NULL},
	{"0\r\nA\r\n\r\n", 400, 0, NULL},
	{"0\r\nA : b\r\n\r\n", 400, 0, NULL},
	{"0\r\n folded\r\n\r\n", 400, 0, NULL},
	{"0\r\n: b\r\n\r\n", 400, 0, NULL},
	{"0\r\nA: b\n\r\n", 400, 0, NULL},
	{"0\r\nA: b\rx", 400, 0, NULL},
	{"0\r\nA: \x7f\r\n\r\n", 400, 0, NULL},
	{"100001\r\n", 413, 0, NULL},
	{"fffffffffffffffe\r\n", 413, 0, NULL},
	{"1\r\na\r\n100000\r\n", 413, 1, NULL},
	/* not complete */
	{"", -1, 0, NULL},
	{"5", -1, 0, NULL},
	{"5\r\nhell", -1, 4, NULL},
	{"5\r\nhello\r\n0\r\n", -1, 5, NULL},
	{"5\r\nhello\r\n0\r\n\r", -1, 5, NULL},
	{"0\r\nA: b\r\n", -1, 0, NULL},
};

Test(http_server, bodies_in_chunks_in_pieces_of_every_size)
{
	static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

	for (unsigned i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		char text[300];
		size_t len = (size_t)snprintf(text, sizeof(text), "%s%s", head, bodies[i].body);

		for (size_t step = 1; step <= len; step++) {
			struct http_parser p;
			struct http_body b;
			size_t at = feed(&p, &b, text, len, step);

			cr_assert(p.done && p.status == 0 && p.chunked && http_has_body(&p));
			cr_expect_eq(b.done, bodies[i].status >= 0, "'%s' by %zu", bodies[i].body, step);
			cr_expect_eq(b.status, bodies[i].status > 0 ? bodies[i].status : 0, "'%s' by %zu: %u",
				     bodies[i].body, step, b.status);
			if (bodies[i].status <= 0)
				cr_expect_eq(b.length, bodies[i].length, "'%s' by %zu", bodies[i].body, step);
			if (bodies[i].rest)
				cr_expect_str_eq(text + at, bodies[i].rest);
			cr_expect(!b.done || http_body_parse(&b, "0", 1) == 0);
		}
	}
}

/* HTTP_BODY_MAX bytes in chunks are read, one more byte is refused. Too many bytes of extensions or trailers are
 * refused, too. */
Test(http_server, limits_of_bodies_in_chunks)
{
	static char data[HTTP_HEAD_MAX + 10];
	struct http_body b;
	uint64_t n = 0;

	http_body_init(&b);
	for (; n < HTTP_BODY_MAX; n += 4096) {
		cr_assert_eq(http_body_parse(&b, "1000\r\n", 6), 6);
		cr_assert_eq(http_body_parse(&b, data, 4096), 4096);
		cr_assert_eq(http_body_parse(&b, "\r\n", 2), 2);
	}
	cr_expect_eq(b.length, HTTP_BODY_MAX);
	cr_expect_not(b.done);
	cr_expect_eq(http_body_parse(&b, "1\r\n", 3), 3);
	cr_expect_eq(b.status, 413);

	memset(data, 'x', sizeof(data));
	for (unsigned trailer = 0; trailer < 2; trailer++) {
		for (unsigned more = 0; more < 2; more++) {
			size_t beside = HTTP_HEAD_MAX + more;

			http_body_init(&b);
			cr_assert_eq(http_body_parse(&b, trailer ? "0\r\nA:" : "1;", trailer ? 5 : 2), trailer ? 5 : 2);
			if (trailer)
				beside -= 2;
			cr_expect_eq(http_body_parse(&b, data, beside), beside);
			cr_expect_eq(b.status, more ? 431 : 0, "%u %u: %u", trailer, more, b.status);
			cr_expect_eq(b.done, more == 1);
		}
	}
}

/* ---- answers ---- */

static void
head_of(const char *request, char *head)
{
	struct http_answer a = ask(request);

	cr_assert_lt(http_answer_head(&a, "D", head, HTTP_ANSWER_MAX), HTTP_ANSWER_MAX - 1);
}

Test(http_server, allowed_methods_are_named)
{
	static const struct {
		const char *request, *allow;
	} rows[] = {
		{"OPTIONS *" HOST, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
		{"OPTIONS /bytes/1" HOST, "Allow: GET, HEAD, OPTIONS\r\n"},
		{"OPTIONS /delay/1s" HOST, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
		{"PUT /" HOST, "Allow: GET, HEAD, OPTIONS\r\n"},
		{"DELETE /end/rst" HOST, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
		{"CONNECT a:1" HOST, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
		{"GET /status/405" HOST, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
		{"GET /" HOST, NULL},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char head[HTTP_ANSWER_MAX];

		head_of(rows[i].request, head);
		if (rows[i].allow)
			cr_expect(strstr(head, rows[i].allow), "%s: %s", rows[i].request, head);
		else
			cr_expect_null(strstr(head, "Allow"), "%s", head);
	}
}

/* Every status has a well-formed line; 204 and 304 have neither body nor length (RFC 9110 8.6, 15.4.5). */
Test(http_server, every_status)
{
	for (unsigned status = 200; status < 600; status++) {
		char request[80], head[HTTP_ANSWER_MAX], line[40];
		bool none = status == 204 || status == 304;
		struct http_answer a;

		snprintf(request, sizeof(request), "GET /status/%u" HOST, status);
		a = ask(request);
		head_of(request, head);
		snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
		cr_expect_eq(memcmp(head, line, strlen(line)), 0, "%s", head);
		cr_expect(strstr(head, "\r\n\r\n") != NULL && a.keep);
		cr_expect_eq(strstr(head, "Content-Length: ") == NULL, none, "%s", head);
		cr_expect_eq(strstr(head, "Content-Type: ") == NULL, none, "%s", head);
		cr_expect_eq(a.length > 0, !none && status != 205, "%u", status);
		cr_expect_leq(a.length, HTTP_TEXT_MAX);
	}
	cr_expect_str_eq(http_status_text(503), "503 Service Unavailable\n");
	cr_expect_str_eq(http_status_text(299), "000 Unassigned\n");
}

Test(http_server, bodies_without_a_length)
{
	struct http_answer a = ask("GET /chunked/9" HOST);
	char head[HTTP_ANSWER_MAX];

	cr_expect(a.chunked && a.keep && !a.until_close);
	head_of("GET /chunked/9" HOST, head);
	cr_expect(strstr(head, "Transfer-Encoding: chunked\r\n"), "%s", head);
	cr_expect_null(strstr(head, "Content-Length"), "%s", head);
	a = ask("GET /chunked/9 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	cr_expect(!a.chunked && !a.keep && a.until_close);
	head_of("GET /chunked/9 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", head);
	cr_expect(strstr(head, "Connection: close\r\n"), "%s", head);
	cr_expect_null(strstr(head, "Content-Length"), "%s", head);
	cr_expect_null(strstr(head, "Transfer-Encoding"), "%s", head);
}

Test(http_server, delays_and_ends)
{
	cr_expect_eq(ask("GET /delay/50ms" HOST).delay_ms, 50);
	cr_expect_eq(ask("GET /delay/2s?x" HOST).delay_ms, 2000);
	cr_expect_eq(ask("GET /delay/60000ms" HOST).delay_ms, 60000);
	cr_expect_eq(ask("OPTIONS /delay/2s" HOST).delay_ms, 0);
	cr_expect_eq(ask("GET /end/fin" HOST).end, HTTP_END_FIN);
	cr_expect_eq(ask("GET /end/rst" HOST).end, HTTP_END_RST);
	cr_expect_eq(ask("POST /end/half" HOST).end, HTTP_END_HALF);
	cr_expect_eq(ask("GET /end/linger" HOST).end, HTTP_END_LINGER);
	cr_expect_eq(ask("PUT /end/rst" HOST).end, HTTP_END_USUAL);
	cr_expect_eq(ask("OPTIONS /end/fin" HOST).end, HTTP_END_USUAL);
	cr_expect(ask("GET /end/rst" HOST).keep);
	cr_expect_not(ask("GET /end/linger" HOST).keep);
}

/* The coded body, written from any offset, decodes to n bytes. */
Test(http_server, answers_in_chunks_from_every_offset)
{
	static const uint64_t sizes[] = {
		0, 1, 15, 16, 255, HTTP_CHUNK - 1, HTTP_CHUNK, HTTP_CHUNK + 1, 2 * HTTP_CHUNK, 2 * HTTP_CHUNK + 7};
	static char coded[3 * HTTP_CHUNK];

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char text[HTTP_CHUNK_TEXT];
		struct http_body b;
		uint64_t from, len = 0;
		size_t n;

		while ((n = http_chunked_at(sizes[i], len, text, &from)) > 0) {
			cr_assert_lt(len + n, sizeof(coded));
			for (size_t k = 0; k < n; k++)
				coded[len + k] = from == UINT64_MAX ? text[k] : (char)((from + k) % 251);
			len += n;
		}
		http_body_init(&b);
		cr_expect_eq(http_body_parse(&b, coded, len), len);
		cr_expect(b.done && b.status == 0);
		cr_expect_eq(b.length, sizes[i]);
		for (uint64_t at = 0; at < len; at++) {
			n = http_chunked_at(sizes[i], at, text, &from);
			cr_assert(n > 0 && at + n <= len);
			for (size_t k = 0; k < n; k++)
				cr_assert_eq(coded[at + k], from == UINT64_MAX ? text[k] : (char)((from + k) % 251));
			if (n > 100)
				at += n - 100; /* offsets in the middle of the data are the same case */
		}
	}
}
