/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_parse.h"

/* Parses text in pieces of `step` bytes; returns how many bytes the head took. */
static size_t
feed(struct http_parser *p, const char *text, size_t len, size_t step)
{
	size_t at = 0;

	http_parser_init(p);
	while (at < len && !p->done) {
		size_t n = len - at < step ? len - at : step;
		char *copy = malloc(n); /* exact size: ASan reports a read beyond it */

		memcpy(copy, text + at, n);
		at += http_parse(p, copy, n);
		free(copy);
	}
	return at;
}

static const struct {
	const char *text;
	unsigned status; /* status of the answer; 0: the head is not complete */
} heads[] = {
	{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200},
	{"GET / HTTP/1.0\r\n\r\n", 200},
	{"GET / HTTP/1.1\nHost: a\n\n", 200},
	{"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 200},
	{"HEAD /bytes/5 HTTP/1.1\r\nHost: a\r\n\r\n", 200},
	{"GET /bytes/0 HTTP/1.1\r\nHost: a\r\n\r\n", 200},
	{"GET /bytes/1073741824 HTTP/1.1\r\nHost: a\r\n\r\n", 200},
	{"GET /bytes/1073741825 HTTP/1.1\r\nHost: a\r\n\r\n", 404},
	{"GET /bytes/99999999999999999999999999 HTTP/1.1\r\nHost: a\r\n\r\n", 404},
	{"GET /bytes/ HTTP/1.1\r\nHost: a\r\n\r\n", 404},
	{"GET /bytes HTTP/1.1\r\nHost: a\r\n\r\n", 404},
	{"GET /bytes/-1 HTTP/1.1\r\nHost: a\r\n\r\n", 404},
	{"GET /bytes/1x HTTP/1.1\r\nHost: a\r\n\r\n", 404},
	{"GET /bytes/10?a=b HTTP/1.1\r\nHost: a\r\n\r\n", 200},
	{"GET /?x HTTP/1.1\r\nHost: a\r\n\r\n", 200},
	{"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404},
	{"GET http://a/bytes/10 HTTP/1.1\r\nHost: a\r\n\r\n", 200},
	{"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 200},
	{"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", 405},
	{"get / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
	{"DELETE /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404},
	/* host */
	{"GET / HTTP/1.1\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost:\r\n\r\n", 200},
	{"GET / HTTP/1.1\r\nhOsT:[fd00::1]:80 \r\n\r\n", 200},
	/* request line */
	{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"GET /\r\n\r\n", 400},
	{"GET / \r\n\r\n", 400},
	{"GET / HTTP/1.1 x\r\n\r\n", 400},
	{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
	{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
	{"GET / HTTP/1.9\r\nHost: a\r\n\r\n", 200},
	{"GET / HTTP/11\r\nHost: a\r\n\r\n", 400},
	{"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
	{"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
	{"G\x01T / HTTP/1.1\r\n\r\n", 400},
	{" GET / HTTP/1.1\r\n\r\n", 400},
	{"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"GET / HTTP/1.1\rX", 400},
	/* fields */
	{"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n: a\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\t b\r\n\r\n", 200},
	{"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\n\rX", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nA-field-name-that-is-longer-than-any: we know\r\n\r\n", 200},
	/* bodies */
	{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n", 200},
	{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413},
	{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\n", 413},
	{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 \r\nContent-Length: 5\r\n\r\n", 200},
	{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 200},
	{"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
	/* not complete */
	{"", 0},
	{"\r\n", 0},
	{"GET", 0},
	{"GET / HTTP/1.1\r\nHost: a\r\n", 0},
	{"GET / HTTP/1.1\r\nHost: a\r\n\r", 0},
};

/* The answer is the same for every split, and bytes after the head are not read. */
Test(http, statuses_in_pieces_of_every_size)
{
	for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		size_t len = strlen(heads[i].text), whole = 0;

		for (size_t step = 1; step <= len + 1; step++) {
			struct http_parser p;
			struct http_answer a = {0};
			size_t taken = feed(&p, heads[i].text, len, step);

			if (step == 1)
				whole = taken;
			cr_expect_eq(taken, whole, "'%s' by %zu", heads[i].text, step);
			cr_expect_eq(p.done, heads[i].status != 0, "'%s' by %zu", heads[i].text, step);
			if (p.done)
				http_answer(&p, &a);
			cr_expect_eq(a.status, heads[i].status, "'%s' by %zu: %u", heads[i].text, step, a.status);
		}
	}
}

Test(http, a_head_longer_than_the_limit)
{
	static char text[HTTP_HEAD_MAX + 100];
	struct http_parser p;
	struct http_answer a;
	int n = sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");

	/* a head exactly at the limit is read */
	memset(text + n, 'x', sizeof(text) - (size_t)n);
	memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	cr_expect_eq(feed(&p, text, sizeof(text), 100), HTTP_HEAD_MAX);
	http_answer(&p, &a);
	cr_expect_eq(a.status, 200);

	/* one more byte is too many */
	memset(text + n, 'x', sizeof(text) - (size_t)n);
	memcpy(text + HTTP_HEAD_MAX - 3, "\r\n\r\n", 4);
	feed(&p, text, sizeof(text), 100);
	http_answer(&p, &a);
	cr_expect_eq(a.status, 431);
	cr_expect_not(a.keep);

	/* many short fields count as well */
	n = sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (size_t i = (size_t)n; i + 6 <= sizeof(text); i += 6)
		memcpy(text + i, "a: b\r\n", 6);
	feed(&p, text, sizeof(text), 7);
	http_answer(&p, &a);
	cr_expect_eq(a.status, 431);

	/* a target without end */
	memset(text, 'x', sizeof(text));
	memcpy(text, "GET /", 5);
	feed(&p, text, sizeof(text), 1000);
	http_answer(&p, &a);
	cr_expect_eq(a.status, 414);
}

Test(http, a_long_path_is_404_and_a_long_query_is_200)
{
	char text[400];
	struct http_parser p;
	struct http_answer a;

	snprintf(text, sizeof(text), "GET /bytes/%0200d HTTP/1.1\r\nHost: a\r\n\r\n", 7);
	feed(&p, text, strlen(text), 1000);
	http_answer(&p, &a);
	cr_expect_eq(a.status, 404);
	snprintf(text, sizeof(text), "GET /bytes/7?%0200d HTTP/1.1\r\nHost: a\r\n\r\n", 7);
	feed(&p, text, strlen(text), 1000);
	http_answer(&p, &a);
	cr_expect_eq(a.status, 200);
	cr_expect_eq(a.length, 7);
}

Test(http, persistent_connections)
{
	static const struct {
		const char *text;
		bool keep;
	} t[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: te , close\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", false},
		{"GET / HTTP/1.0\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
		{"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", true},
		{"PUT / HTTP/1.1\r\nHost: a\r\n\r\n", true},
		{"GET / HTTP/1.1\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: a-token-of-more-than-twenty-bytes\r\n\r\n", true},
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct http_parser p;

		feed(&p, t[i].text, strlen(t[i].text), 3);
		cr_assert(p.done);
		cr_expect_eq(http_keep_alive(&p), t[i].keep, "'%s'", t[i].text);
	}
}

Test(http, expect_and_length)
{
	static const char text[] =
		"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 0042\r\n\r\nbody";
	struct http_parser p;

	cr_expect_eq(feed(&p, text, sizeof(text) - 1, 1000), sizeof(text) - 1 - 4);
	cr_expect(p.expect);
	cr_expect_eq(p.length, 42);
}

Test(http, pipelined_heads_are_taken_one_by_one)
{
	static const char text[] = "GET /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n"
				   "HEAD /bytes/2 HTTP/1.1\r\nHost: a\r\n\r\n";
	struct http_parser p;
	struct http_answer a;
	size_t first = feed(&p, text, sizeof(text) - 1, 1000);

	http_answer(&p, &a);
	cr_expect(a.length == 1 && !a.head_only);
	cr_expect_eq(first + feed(&p, text + first, sizeof(text) - 1 - first, 1000), sizeof(text) - 1);
	http_answer(&p, &a);
	cr_expect(a.length == 2 && a.head_only);
}

Test(http, empty_lines_alone_leave_the_parser_idle)
{
	struct http_parser p;

	feed(&p, "\r\n\r\n", 4, 1);
	cr_expect(http_parser_idle(&p));
	feed(&p, "G", 1, 1);
	cr_expect_not(http_parser_idle(&p));
}

Test(http, answer_heads)
{
	char head[HTTP_ANSWER_MAX], date[40];
	struct http_parser p;
	struct http_answer a;
	size_t n;

	http_date(784111777, date, sizeof(date));
	cr_expect_str_eq(date, "Sun, 06 Nov 1994 08:49:37 GMT"); /* RFC 9110 5.6.7 */

	feed(&p, heads[0].text, strlen(heads[0].text), 1000);
	http_answer(&p, &a);
	n = http_answer_head(&a, date, head, sizeof(head));
	cr_expect_eq(n, strlen(head));
	cr_expect(strstr(head, "HTTP/1.1 200 OK\r\n") == head, "%s", head);
	cr_expect(strstr(head, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), "%s", head);
	cr_expect_null(strstr(head, "Connection:"), "%s", head);
	cr_expect_str_eq(head + n - 4, "\r\n\r\n");

	feed(&p, "PUT / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 42, 1000);
	http_answer(&p, &a);
	http_answer_head(&a, date, head, sizeof(head));
	cr_expect(strstr(head, "405 Method Not Allowed\r\n"), "%s", head);
	cr_expect(strstr(head, "Allow: GET, HEAD, OPTIONS\r\n"), "%s", head);
	cr_expect(strstr(head, "Connection: keep-alive\r\n"), "%s", head);
	cr_expect_eq(a.length, strlen(a.text));

	feed(&p, "nonsense\r\n", 10, 1000);
	http_answer(&p, &a);
	http_answer_head(&a, date, head, sizeof(head));
	cr_expect(strstr(head, "400 Bad Request\r\n"), "%s", head);
	cr_expect(strstr(head, "Connection: close\r\n"), "%s", head);
}

/* Random bytes: no crash, no head longer than the limit, no byte read after the end. */
Test(http, random_bytes)
{
	static const char alphabet[] = "GET / HTTP/1.1\r\n\r\nHost:Content-Length: 9\t\x01\xff";
	uint64_t seed = 12345;

	for (int round = 0; round < 20000; round++) {
		char text[64];
		struct http_parser p;

		for (size_t i = 0; i < sizeof(text); i++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			text[i] = alphabet[(seed >> 33) % sizeof(alphabet)];
		}
		feed(&p, text, sizeof(text), 1 + seed % 5);
		if (p.done) {
			struct http_answer a;
			char head[HTTP_ANSWER_MAX];

			http_answer(&p, &a);
			cr_assert_lt(http_answer_head(&a, "", head, sizeof(head)), sizeof(head) - 1);
			cr_assert_eq(http_parse(&p, "x", 1), 0);
		}
	}
}
