/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <string.h>

#include "http/http_reply_field.h"
#include "http/http_reply_known.h"

/* An answer and the expected result. Each answer is read whole, byte by byte and in random pieces. */
struct row {
	const char *what, *text;
	enum http_reply_error error;
	uint16_t status;
	const char *body;
	bool persistent, fin; /* fin: the peer's FIN follows the text */
	const char *rest;     /* bytes after the answer; NULL: no bytes */
};

#define OK11 "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK11 "Transfer-Encoding: chunked\r\n\r\n"

/* Expected results: the answer keeps the connection, the answer ends the connection, the peer's FIN ends the answer, or
 * an error. */
#define KEEPS(w, t, s, b)                                                        \
	{                                                                        \
		.what = w, .text = t, .status = s, .body = b, .persistent = true \
	}
#define CLOSES(w, t, s, b)                                   \
	{                                                    \
		.what = w, .text = t, .status = s, .body = b \
	}
#define FIN_ENDS(w, t, s, b)                                              \
	{                                                                 \
		.what = w, .text = t, .status = s, .body = b, .fin = true \
	}
#define BAD(w, t, e)                                           \
	{                                                      \
		.what = w, .text = t, .error = e, .body = NULL \
	}
#define BAD_FIN(w, t, e)                                                    \
	{                                                                   \
		.what = w, .text = t, .error = e, .body = NULL, .fin = true \
	}

static const struct row rows[] = {
	KEEPS("length", OK11 "Content-Length: 3\r\n\r\nabc", 200, "abc"),
	KEEPS("length 0", OK11 "Content-Length: 0\r\n\r\n", 200, ""),
	KEEPS("name in any case, no space", OK11 "cOnTeNt-lEnGtH:3\r\n\r\nabc", 200, "abc"),
	KEEPS("length with leading zeros", OK11 "Content-Length: 0003 \t\r\n\r\nabc", 200, "abc"),
	KEEPS("equal lengths", OK11 "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 200, "abc"),
	KEEPS("equal lengths in a list", OK11 "Content-Length: 3, 3,3\r\n\r\nabc", 200, "abc"),
	KEEPS("other names", OK11 "X-Content-Length: 9\r\nContent-Lengths: 9\r\nContent-Length: 1\r\n\r\na", 200, "a"),
	KEEPS("a name of another meaning with the same start",
	      OK11 "Transfer-Encodings: chunked\r\nContent-Length: 1\r\n\r\na", 200, "a"),
	KEEPS("lines that end with LF", "HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", 200, "abc"),
	KEEPS("empty lines first", "\r\n\n" OK11 "Content-Length: 1\r\n\r\na", 200, "a"),
	KEEPS("no reason phrase", "HTTP/1.1 404 \r\nContent-Length: 1\r\n\r\na", 404, "a"),
	KEEPS("neither reason phrase nor space", "HTTP/1.1 404\r\nContent-Length: 1\r\n\r\na", 404, "a"),
	KEEPS("reason phrase of other bytes", "HTTP/1.1 200 \xe4\xf6 x\r\nContent-Length: 1\r\n\r\na", 200, "a"),
	KEEPS("folded value", OK11 "X: a\r\n b\r\n\tc\r\nContent-Length:\r\n 3\r\n\r\nabc", 200, "abc"),
	KEEPS("space before the colon", OK11 "Content-Length : 3\r\n\r\nabc", 200, "abc"),
	KEEPS("empty value", OK11 "X:\r\nContent-Length: 1\r\n\r\na", 200, "a"),
	KEEPS("HTTP/1.2", "HTTP/1.2 200 OK\r\nContent-Length: 1\r\n\r\na", 200, "a"),
	KEEPS("status 999", "HTTP/1.1 999 x\r\nContent-Length: 1\r\n\r\na", 999, "a"),
	KEEPS("100 first", "HTTP/1.1 100 Continue\r\n\r\n" OK11 "Content-Length: 1\r\n\r\na", 200, "a"),
	KEEPS("several 1xx first",
	      "HTTP/1.1 100\r\nContent-Length: 7\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n"
	      "Transfer-Encoding: x\r\nConnection: close\r\n\r\n" OK11 "Content-Length: 1\r\n\r\na",
	      200, "a"),
	KEEPS("204 with any length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, ""),
	KEEPS("204 with an invalid length", "HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n", 204, ""),
	KEEPS("304 with any length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", 304, ""),
	KEEPS("304 with a coding", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304, ""),

	KEEPS("chunked", CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, "abcde"),
	KEEPS("chunked, empty", CHUNKED "0\r\n\r\n", 200, ""),
	KEEPS("chunked, hex in any case, zeros", CHUNKED "00A\r\n0123456789\r\n00a\r\n0123456789\r\n000\r\n\r\n", 200,
	      "01234567890123456789"),
	KEEPS("chunk extensions", CHUNKED "1;a=b;c=\"d;e\"\r\na\r\n1 ; x\r\nb\r\n0;end\r\n\r\n", 200, "ab"),
	KEEPS("trailer", CHUNKED "1\r\na\r\n0\r\nExpires: 0\r\nContent-Length: x\r\nConnection: close\r\n\r\n", 200,
	      "a"),
	KEEPS("chunked, LF alone", "HTTP/1.1 200\nTransfer-Encoding: chunked\n\n1\na\n0\n\n", 200, "a"),
	KEEPS("chunked is the last coding", OK11 "Transfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200,
	      "a"),
	KEEPS("codings in two fields",
	      OK11 "Transfer-Encoding: x;p=\"a,\\\"chunked\"\r\n"
		   "transfer-encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
	      200, "a"),
	CLOSES("a length beside chunked",
	       OK11 "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a"),
	CLOSES("chunked in HTTP/1.0",
	       "HTTP/1.0 200\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
	       "1\r\na\r\n0\r\n\r\n",
	       200, "a"),

	CLOSES("Connection: close", OK11 "Connection: close\r\nContent-Length: 1\r\n\r\na", 200, "a"),
	CLOSES("close in a list", OK11 "Connection: x, CLOSE ,y\r\nContent-Length: 1\r\n\r\na", 200, "a"),
	KEEPS("a word that begins with close", OK11 "Connection: closed\r\nContent-Length: 1\r\n\r\na", 200, "a"),
	CLOSES("close and keep-alive", OK11 "Connection: keep-alive, close\r\nContent-Length: 1\r\n\r\na", 200, "a"),
	CLOSES("HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, "a"),
	KEEPS("HTTP/1.0 keep-alive", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na", 200,
	      "a"),

	FIN_ENDS("until the FIN", OK11 "Server: x\r\n\r\nabc", 200, "abc"),
	FIN_ENDS("until the FIN, nothing", "HTTP/1.0 200 OK\r\n\r\n", 200, ""),
	FIN_ENDS("chunked not last", OK11 "Transfer-Encoding: chunked, gzip\r\n\r\nabc", 200, "abc"),
	FIN_ENDS("another coding beside a length", OK11 "Transfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nabc", 200,
		 "abc"),
	FIN_ENDS("two words are another coding", OK11 "Transfer-Encoding: x chunked\r\n\r\nabc", 200, "abc"),

	BAD_FIN("nothing", "", REPLY_NO_ANSWER),
	BAD_FIN("half a head", "HTTP/1.1 200 OK\r\nServer: x\r\n", REPLY_SHORT_HEAD),
	BAD_FIN("only 100", "HTTP/1.1 100 Continue\r\n\r\n", REPLY_SHORT_HEAD),
	BAD_FIN("half a body", OK11 "Content-Length: 3\r\n\r\nab", REPLY_SHORT_BODY),
	BAD_FIN("no body", OK11 "Content-Length: 3\r\n\r\n", REPLY_SHORT_BODY),
	BAD_FIN("half a chunk", CHUNKED "3\r\nab", REPLY_SHORT_BODY),
	BAD_FIN("no last chunk", CHUNKED "2\r\nab\r\n", REPLY_SHORT_BODY),
	BAD_FIN("half a trailer", CHUNKED "0\r\nA: b\r\n", REPLY_SHORT_BODY),
	BAD("garbage", "garbage\n\n", REPLY_BAD_STATUS_LINE),
	BAD("HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", REPLY_BAD_STATUS_LINE),
	BAD("HTTP/1.10", "HTTP/1.10 200 OK\r\n\r\n", REPLY_BAD_STATUS_LINE),
	BAD("lower case", "http/1.1 200 OK\r\n\r\n", REPLY_BAD_STATUS_LINE),
	BAD("a letter in the status", "HTTP/1.1 2x0 OK\r\n\r\n", REPLY_BAD_STATUS_LINE),
	BAD("two spaces", "HTTP/1.1  200 OK\r\n\r\n", REPLY_BAD_STATUS_LINE),
	BAD("two digits", "HTTP/1.1 20 OK\r\n\r\n", REPLY_BAD_STATUS_LINE),
	BAD("four digits", "HTTP/1.1 2000 OK\r\n\r\n", REPLY_BAD_STATUS_LINE),
	BAD("status 099", "HTTP/1.1 099 OK\r\n\r\n", REPLY_BAD_STATUS_LINE),
	BAD("a bare CR in the reason", "HTTP/1.1 200 a\rb\r\n\r\n", REPLY_BAD_STATUS_LINE),
	BAD("101", "HTTP/1.1 101 Switching Protocols\r\n\r\n", REPLY_SWITCHED),
	BAD("101 after 100", "HTTP/1.1 100\r\n\r\nHTTP/1.1 101\r\n\r\n", REPLY_SWITCHED),
	BAD("no colon", OK11 "Server\r\n\r\n", REPLY_BAD_FIELD),
	BAD("no name", OK11 ": x\r\n\r\n", REPLY_BAD_FIELD),
	BAD("two words as a name", OK11 "a b: x\r\n\r\n", REPLY_BAD_FIELD),
	BAD("fold without a field", OK11 " x: y\r\n\r\n", REPLY_BAD_FIELD),
	BAD("a bare CR in a value", OK11 "A: b\rc\r\n\r\n", REPLY_BAD_FIELD),
	BAD("CR CR LF at the end", OK11 "A: b\r\n\r\r\n", REPLY_BAD_FIELD),
	BAD("different lengths", OK11 "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", REPLY_BAD_LENGTH),
	BAD("different lengths in a list", OK11 "Content-Length: 3, 4\r\n\r\n", REPLY_BAD_LENGTH),
	BAD("empty length", OK11 "Content-Length:\r\n\r\n", REPLY_BAD_LENGTH),
	BAD("negative length", OK11 "Content-Length: -1\r\n\r\n", REPLY_BAD_LENGTH),
	BAD("signed length", OK11 "Content-Length: +1\r\n\r\n", REPLY_BAD_LENGTH),
	BAD("hex length", OK11 "Content-Length: 0x1\r\n\r\n", REPLY_BAD_LENGTH),
	BAD("two numbers", OK11 "Content-Length: 1 1\r\n\r\n", REPLY_BAD_LENGTH),
	BAD("folded number", OK11 "Content-Length: 1\r\n 1\r\n\r\n", REPLY_BAD_LENGTH),
	BAD("length above 2^63", OK11 "Content-Length: 9223372036854775808\r\n\r\n", REPLY_BAD_LENGTH),
	BAD("length above 2^64", OK11 "Content-Length: 18446744073709551617\r\n\r\n", REPLY_BAD_LENGTH),
	BAD("invalid length beside chunked", OK11 "Content-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n",
	    REPLY_BAD_LENGTH),
	BAD("chunked twice", OK11 "Transfer-Encoding: chunked, chunked\r\n\r\n", REPLY_BAD_CODING),
	BAD("chunked twice, two fields", OK11 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	    REPLY_BAD_CODING),
	BAD("chunked with a parameter", OK11 "Transfer-Encoding: chunked;a=b\r\n\r\n", REPLY_BAD_CODING),
	BAD("no size", CHUNKED "\r\n", REPLY_BAD_CHUNK),
	BAD("extension without a size", CHUNKED ";a\r\n", REPLY_BAD_CHUNK),
	BAD("no hex", CHUNKED "g\r\n", REPLY_BAD_CHUNK),
	BAD("negative size", CHUNKED "-1\r\n", REPLY_BAD_CHUNK),
	BAD("0x", CHUNKED "0x1\r\n", REPLY_BAD_CHUNK),
	BAD("size above 2^63", CHUNKED "8000000000000000\r\n", REPLY_BAD_CHUNK),
	BAD("size above 2^64", CHUNKED "10000000000000001\r\n", REPLY_BAD_CHUNK),
	BAD("chunk longer than its size", CHUNKED "1\r\nab\r\n", REPLY_BAD_CHUNK),
	BAD("CR without LF behind a chunk", CHUNKED "1\r\na\rx", REPLY_BAD_CHUNK),
	BAD("CR without LF in a size line", CHUNKED "1\rx", REPLY_BAD_CHUNK),
	BAD("no field in the trailer", CHUNKED "0\r\nabc\r\n\r\n", REPLY_BAD_FIELD),

	{.what = "bytes behind the body",
	 .text = OK11 "Content-Length: 1\r\n\r\nabc",
	 .status = 200,
	 .body = "a",
	 .persistent = true,
	 .rest = "bc"},
	{.what = "bytes behind a 204",
	 .text = "HTTP/1.1 204 x\r\n\r\nabc",
	 .status = 204,
	 .body = "",
	 .persistent = true,
	 .rest = "abc"},
	{.what = "bytes behind the last chunk",
	 .text = CHUNKED "0\r\n\r\nHTTP",
	 .status = 200,
	 .body = "",
	 .persistent = true,
	 .rest = "HTTP"},
};

static uint64_t seed = 7;

static struct http_reply_known *known; /* NULL: feed() keeps no head */

/* Reads text in pieces of `step` bytes; step 0: of random size. Returns the number of bytes read. Copies the body, of
 * nbody bytes, to `body`. */
static size_t
feed(struct http_reply *r, const char *text, size_t len, size_t step, char *body, size_t *nbody)
{
	size_t at = 0;

	*nbody = 0;
	while (at < len && !r->done) {
		size_t n = step, used, run;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		if (step == 0)
			n = 1 + (seed >> 33) % 12;
		if (n > len - at)
			n = len - at;
		used = known ? http_reply_read_known(known, r, text + at, n, &run)
			     : http_reply_read(r, text + at, n, &run);
		cr_assert(used > 0 && used <= n && run <= used);
		memcpy(body + *nbody, text + at + used - run, run);
		*nbody += run;
		at += used;
	}
	cr_assert_eq(http_reply_read(r, "x", at < len, &(size_t){0}), 0);
	return at;
}

static void
read_row(const struct row *row, size_t step)
{
	size_t len = strlen(row->text), nbody, at;
	struct http_reply r = {0};
	char body[256];

	at = feed(&r, row->text, len, step, body, &nbody);
	if (row->fin) {
		cr_expect(!r.done, "%s, %zu: done before the FIN", row->what, step);
		cr_expect_eq(http_reply_fin(&r), row->error == REPLY_GOOD, "%s, %zu", row->what, step);
	}
	cr_assert(r.done, "%s, %zu: not done", row->what, step);
	cr_assert_eq(r.error, row->error, "%s, %zu: %s", row->what, step, http_reply_error_name(r.error));
	cr_expect_eq(http_reply_persistent(&r), row->persistent, "%s, %zu", row->what, step);
	if (row->error != REPLY_GOOD)
		return;
	cr_expect_eq(r.status, row->status, "%s, %zu: %u", row->what, step, r.status);
	cr_expect(r.head_done);
	cr_expect(nbody == strlen(row->body) && memcmp(body, row->body, nbody) == 0, "%s, %zu: %.*s", row->what, step,
		  (int)nbody, body);
	cr_expect_eq(len - at, row->rest ? strlen(row->rest) : 0, "%s, %zu: %zu left", row->what, step, len - at);
}

Test(http_reply, every_answer_in_pieces_of_every_size)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		read_row(&rows[i], SIZE_MAX);
		for (size_t step = 1; step < 40; step++)
			read_row(&rows[i], step);
		for (unsigned k = 0; k < 50; k++)
			read_row(&rows[i], 0);
	}
}

/* Each head is known once it was read whole. The known head of another answer has no effect. */
Test(http_reply, every_answer_with_a_known_head)
{
	struct http_reply_known heads[2] = {{.len = 0}, {.len = 0}};
	unsigned kept = 0;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		heads[0].len = 0;
		for (unsigned k = 0; k < 4; k++) {
			known = &heads[k % 2];
			read_row(&rows[i], SIZE_MAX);
			for (size_t step = 1; step < 100; step++)
				read_row(&rows[i], step);
		}
		kept += heads[0].len != 0;
	}
	known = NULL;
	cr_expect_gt(kept, 20, "%u heads were kept", kept);
}

Test(http_reply, known_head_of_a_request_with_another_method)
{
	static const char text[] = OK11 "Content-Length: 2\r\n\r\nab";
	struct http_reply_known one = {.len = 0};
	char body[8];
	size_t n;

	known = &one;
	for (unsigned i = 0; i < 6; i++) {
		bool head = i % 3 == 2;
		struct http_reply r = {.no_body = head};

		cr_expect_eq(feed(&r, text, strlen(text), SIZE_MAX, body, &n), strlen(text) - (head ? 2 : 0));
		cr_expect(r.done && r.error == REPLY_GOOD && r.no_body == head && n == (head ? 0 : 2));
	}
	known = NULL;
}

Test(http_reply, token_characters)
{
	cr_expect_not(http_reply_is_tchar(0));
	for (unsigned ch = 1; ch < 256; ch++) {
		bool want = strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
				   (int)ch) != NULL;
		char line[40] = "Axxxxxxxxxxxxxxxxxxxxxxx: b\r\nxxxxxxxx";
		struct http_reply r = {.status = 200};

		cr_expect_eq(http_reply_is_tchar((uint8_t)ch), want, "%#x", ch);
		for (unsigned at = 0; at < 20; at++) {
			memcpy(line, "Axxxxxxxxxxxxxxxxxxxxxxx", 24);
			line[at] = (char)ch;
			cr_expect_eq(http_reply_field_line(&r, (const uint8_t *)line, strlen(line)),
				     want || (ch == ':' && at > 0) ? 29 : 0, "%#x at %u", ch, at);
		}
	}
}

/* Lines that are taken at once, and lines that the machine must take. */
Test(http_reply, usual_lines)
{
	static const struct {
		const char *text;
		bool usual;
	} lines[] = {
		{"Date: Mon, 30 Nov 2026 20:00:00 GMT\r\nx", true},
		{"Content-Length: 123456789012345678\r\nx", true},
		{"content-LENGTH:0\r\nx", true},
		{"Connection:\tKeep-Alive\r\nx", true},
		{"Connection: close\r\n\r\n", true},
		{"Transfer-Encoding: Chunked\r\nx", true},
		{"X-Request-Id:                  \r\nx", true},
		{"X-Control: abcdefghijkl\001m\r\nx", false},
		{"Content-Length: 1234567890123456789\r\nx", false},
		{"Content-Length: 1, 1\r\nxxxxxxxx", false},
		{"Content-Length:       \r\nxxxxxxxx", false},
		{"Connection: close, x\r\nxxxxxxxx", false},
		{"Transfer-Encoding: gzip, chunked\r\nx", false},
		{"Server: lastack/1.2\r\n folded", false},
		{"Server: lastack/1.2\n no CR, 16 bytes", false},
		{"Server: lastack/1.2\r\n", false},
		{"Server : lastack/1.2\r\nx", false},
		{": no name, 16 bytes\r\nx", false},
	};

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct http_reply r = {.status = 200}, unchanged = r;
		size_t len = strlen(lines[i].text), line = strcspn(lines[i].text, "\n") + 1;
		size_t n = http_reply_field_line(&r, (const uint8_t *)lines[i].text, len);

		cr_expect_eq(n, lines[i].usual ? line : 0, "%s", lines[i].text);
		cr_expect(n > 0 || memcmp(&r, &unchanged, sizeof(r)) == 0, "%s", lines[i].text);
		cr_expect_eq(r.total, n);
	}
}

Test(http_reply, head_has_no_body)
{
	static const char *const texts[] = {OK11 "Content-Length: 5\r\n\r\n", OK11 "Transfer-Encoding: chunked\r\n\r\n",
					    OK11 "\r\n", "HTTP/1.1 100\r\n\r\n" OK11 "Content-Length: 5\r\n\r\n"};

	for (unsigned i = 0; i < 4; i++) {
		struct http_reply r = {.no_body = true};
		char body[8];
		size_t n;

		cr_expect_eq(feed(&r, texts[i], strlen(texts[i]), 1 + i, body, &n), strlen(texts[i]));
		cr_expect(r.done && r.error == REPLY_GOOD && n == 0 && http_reply_persistent(&r));
	}
}

/* A NUL byte, which the text of a row cannot contain. */
Test(http_reply, nul_is_refused)
{
	static const struct {
		char text[64];
		size_t len;
		enum http_reply_error error;
	} nuls[] = {
		{"\0", 1, REPLY_BAD_STATUS_LINE},
		{"HTTP/1.1 200 \0\r\n", 16, REPLY_BAD_STATUS_LINE},
		{OK11 "A\0: b\r\n", 24, REPLY_BAD_FIELD},
		{OK11 "A: \0b\r\n", 24, REPLY_BAD_FIELD},
		{OK11 "Content-Length: 1\0\r\n", 37, REPLY_BAD_FIELD},
	};

	for (unsigned i = 0; i < sizeof(nuls) / sizeof(nuls[0]); i++) {
		struct http_reply r = {0};
		size_t body;

		http_reply_read(&r, nuls[i].text, nuls[i].len, &body);
		cr_expect(r.done);
		cr_expect_eq(r.error, nuls[i].error, "%u: %s", i, http_reply_error_name(r.error));
	}
}

/* Repeats `text` in pieces of step bytes until the parser is done; returns the bytes read. */
static size_t
endless(struct http_reply *r, const char *text, size_t step)
{
	char buf[1024];
	size_t taken = 0, len = strlen(text), run;

	for (size_t at = 0; !r->done && taken < 10 * HTTP_REPLY_HEAD_MAX; at = (at + step) % len) {
		for (size_t i = 0; i < step; i++)
			buf[i] = text[(at + i) % len];
		taken += http_reply_read(r, buf, step, &run);
		cr_assert_eq(run, 0);
	}
	return taken;
}

Test(http_reply, heads_and_chunk_lines_have_limits)
{
	static const struct {
		const char *begin, *again;
		enum http_reply_error error;
		size_t limit;
	} limits[] = {
		{"", "\r\n", REPLY_HEAD_TOO_LONG, HTTP_REPLY_HEAD_MAX},
		{"HTTP/1.1 200 ", "x", REPLY_HEAD_TOO_LONG, HTTP_REPLY_HEAD_MAX},
		{OK11, "x", REPLY_HEAD_TOO_LONG, HTTP_REPLY_HEAD_MAX},
		{OK11 "X:", "y", REPLY_HEAD_TOO_LONG, HTTP_REPLY_HEAD_MAX},
		{OK11, "X: y\r\n", REPLY_HEAD_TOO_LONG, HTTP_REPLY_HEAD_MAX},
		{"", "HTTP/1.1 100 Continue\r\n\r\n", REPLY_HEAD_TOO_LONG, HTTP_REPLY_HEAD_MAX},
		{CHUNKED "0\r\n", "X: y\r\n", REPLY_HEAD_TOO_LONG, HTTP_REPLY_HEAD_MAX},
		{CHUNKED, "0", REPLY_BAD_CHUNK, HTTP_REPLY_LINE_MAX},
		{CHUNKED "1;", "a", REPLY_BAD_CHUNK, HTTP_REPLY_LINE_MAX},
	};

	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		static const size_t steps[] = {1, 7, 1000};

		for (unsigned s = 0; s < 3; s++) {
			size_t len = strlen(limits[i].begin), run, counted = len, taken;
			struct http_reply r = {0};

			if (strstr(limits[i].begin, "chunked"))
				counted = len - strlen(CHUNKED) - (limits[i].begin[strlen(CHUNKED)] == '0' ? 3 : 0);
			cr_assert_eq(http_reply_read(&r, limits[i].begin, len, &run), len);
			cr_assert(!r.done);
			taken = endless(&r, limits[i].again, steps[s]);
			cr_expect(r.done);
			cr_expect_eq(r.error, limits[i].error, "%u: %s", i, http_reply_error_name(r.error));
			cr_expect_eq(counted + taken, limits[i].limit + 1, "%u, %zu: %zu", i, steps[s], taken);
		}
	}
}

/* Random bytes similar to answers: the same result for every split. */
Test(http_reply, random_bytes)
{
	static const char *const words[] = {"HTTP/1.1 ",
					    "200",
					    "204",
					    "100",
					    " OK",
					    "\r\n",
					    "\n",
					    "\r\n\r\n",
					    "Content-Length",
					    ":",
					    " ",
					    "5",
					    ",",
					    "Transfer-Encoding",
					    "chunked",
					    "Connection",
					    "close",
					    "0\r\n",
					    "a\r\n",
					    ";",
					    "\"",
					    "x",
					    OK11,
					    CHUNKED,
					    "\t",
					    "\r"};

	for (unsigned round = 0; round < 20000; round++) {
		char text[512], body[5][512];
		size_t len = 0, n[5], taken[5], steps[] = {SIZE_MAX, 1, 0, SIZE_MAX, SIZE_MAX};
		struct http_reply_known head = {.len = 0};
		struct http_reply r[5];

		memcpy(text, OK11, sizeof(OK11));
		if (round % 2)
			len = strlen(OK11);
		while (len < 200) {
			const char *w;

			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			w = words[(seed >> 33) % (sizeof(words) / sizeof(words[0]))];
			memcpy(text + len, w, strlen(w));
			len += strlen(w);
		}
		for (unsigned k = 0; k < 5; k++) {
			r[k] = (struct http_reply){0};
			known = k < 3 ? NULL : &head;
			taken[k] = feed(&r[k], text, len, steps[k], body[k], &n[k]);
			if (!r[k].done)
				http_reply_fin(&r[k]);
			cr_assert(r[k].done);
			cr_assert(taken[k] == taken[0] && n[k] == n[0] && memcmp(body[k], body[0], n[0]) == 0);
			cr_assert(r[k].error == r[0].error && r[k].status == r[0].status);
		}
	}
}
