/* SPDX-License-Identifier: BSD-3-Clause */

/* Fuzz target: HTTP answers. The first byte of the input selects how the answer is split, and whether the request was
 * HEAD. The answer is read byte by byte, which the machine of http_reply.c does alone; whole and in the selected
 * pieces, which have usual lines (http_reply_line.c); and in the same two ways after its head is known
 * (http_reply_known.c). The results must be equal. Then the head is known, and the other kind of request or a changed
 * answer follows: again the result must be that of the bytes alone.
 *
 * Debian's libhttp-parser reads the same bytes. If lastack and the library both accept the answer, status, number of
 * body bytes and end of the answer must be equal. An answer that only one of the two accepts is no fault. The library
 * refuses answers that RFC 9112 lets a user agent read (repeated lengths, a length beside chunked). It accepts
 * versions and status codes that RFC 9112 does not have. The library does not know that 204 and 304 have no body: its
 * callback on_head() returns this.
 *
 * Answers that show one of two faults of the library are not compared. The library does not find "chunked" after an
 * empty member of a list (RFC 9110 5.6.1.2). The library reads an LF within a chunk extension as part of the
 * extension; browsers and lastack end the line at the LF. */

#include <http_parser.h>
#include <string.h>

#include "http/http_reply_known.h"
#include "target.h"

enum { WHOLE = 0xff, BYTES = 0 }; /* kinds of pieces */

struct result {
	uint64_t body; /* bytes */
	size_t end;    /* bytes taken */
	uint64_t length;
	uint16_t status;
	bool good;
	bool by_fin; /* the answer ends with the peer's FIN */
	bool chunked, has_length, has_coding;
	bool head_done;
	uint8_t error;
	bool persistent;
};

/* Returns the length of the next piece. WHOLE: all bytes that are left; BYTES: one byte; otherwise 1 to 16 bytes, or 1
 * to 96. */
static size_t
piece(uint8_t how, size_t i, size_t left)
{
	size_t n = how == WHOLE ? left : how == BYTES ? 1 : 1 + (how * (i + 7)) % (how & 1 ? 16 : 96);

	return n < left ? n : left;
}

/* known: NULL, or a head that is known before. */
static struct result
ours(const uint8_t *p, size_t len, uint8_t how, bool head, struct http_reply_known *known)
{
	struct http_reply r = {.no_body = head};
	struct result out = {.body = 0};

	for (size_t i = 0; out.end < len && !r.done; i++) {
		size_t n = piece(how, i, len - out.end), used, body;
		uint8_t *copy = malloc(n); /* a copy of exact size: a sanitizer reports a read past its end */

		CHECK(copy != NULL);
		memcpy(copy, p + out.end, n);
		used = known ? http_reply_read_known(known, &r, copy, n, &body) : http_reply_read(&r, copy, n, &body);
		free(copy);
		CHECK(used > 0 && used <= n && body <= used);
		out.end += used;
		out.body += body;
	}
	out.by_fin = !r.done;
	if (!r.done)
		http_reply_fin(&r);
	CHECK(r.done && r.error < REPLY_ERRORS && http_reply_error_name((enum http_reply_error)r.error) != NULL);
	CHECK(r.error != REPLY_GOOD || (r.head_done && r.status >= 200 && r.status < 1000));
	CHECK(!r.no_body || out.body == 0);
	CHECK(!r.has_length || !r.done || r.error != REPLY_GOOD || r.has_coding || out.body == r.length ||
	      out.body == 0);
	out.status = r.status;
	out.good = r.error == REPLY_GOOD;
	out.chunked = r.chunked;
	out.has_length = r.has_length;
	out.has_coding = r.has_coding;
	out.head_done = r.head_done;
	out.length = r.length;
	out.error = r.error;
	out.persistent = http_reply_persistent(&r);
	return out;
}

static void
check_same(struct result a, struct result b)
{
	CHECK(a.good == b.good && a.error == b.error && a.status == b.status && a.body == b.body && a.end == b.end &&
	      a.persistent == b.persistent && a.by_fin == b.by_fin);
	CHECK(a.chunked == b.chunked && a.has_length == b.has_length && a.has_coding == b.has_coding &&
	      a.length == b.length && a.head_done == b.head_done);
}

/* Compares the ways to read an answer with its reading byte by byte, which is returned. */
static struct result
check_ways(const uint8_t *p, size_t len, uint8_t how, bool head, struct http_reply_known *known)
{
	struct result bytes = ours(p, len, BYTES, head, NULL);

	check_same(bytes, ours(p, len, WHOLE, head, NULL));
	check_same(bytes, ours(p, len, how, head, NULL));
	for (unsigned i = 0; i < 2; i++) { /* the head is known the second time at the latest */
		check_same(bytes, ours(p, len, WHOLE, head, known));
		check_same(bytes, ours(p, len, how, head, known));
	}
	return bytes;
}

/* ---- the library ---- */

struct theirs {
	struct result out;
	bool head, complete;
};

static int
on_body(http_parser *hp, const char *at, size_t n)
{
	(void)at;
	((struct theirs *)hp->data)->out.body += n;
	return 0;
}

static bool
has_no_body(const http_parser *hp)
{
	return ((struct theirs *)hp->data)->head || hp->status_code < 200 || hp->status_code == 204 ||
	       hp->status_code == 304;
}

static int
on_head(http_parser *hp)
{
	((struct theirs *)hp->data)->out.chunked = (hp->flags & F_CHUNKED) != 0;
	return has_no_body(hp); /* 1 tells the library that no body follows */
}

static int
on_complete(http_parser *hp)
{
	struct theirs *t = hp->data;

	if (hp->status_code < 200)
		return 0;
	t->complete = true;
	t->out.status = (uint16_t)hp->status_code;
	http_parser_pause(hp, 1);
	return 0;
}

static struct result
theirs(const uint8_t *p, size_t len, bool head)
{
	static const http_parser_settings calls = {
		.on_headers_complete = on_head, .on_body = on_body, .on_message_complete = on_complete};
	struct theirs t = {.head = head};
	http_parser hp;

	http_parser_init(&hp, HTTP_RESPONSE);
	hp.data = &t;
	t.out.end = http_parser_execute(&hp, &calls, (const char *)p, len);
	if (!t.complete && HTTP_PARSER_ERRNO(&hp) == HPE_OK && !hp.upgrade) {
		t.out.by_fin = true;
		http_parser_execute(&hp, &calls, NULL, 0);
	}
	t.out.good = t.complete;
	return t.out;
}

/* Returns whether an LF follows no CR. */
static bool
has_bare_lf(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			return true;
	return false;
}

/* Reads the answer with one byte changed, while the head of the answer is known. */
static void
check_changed(const uint8_t *p, size_t len, uint8_t how, bool head, struct http_reply_known *known)
{
	uint8_t *copy = malloc(len);

	CHECK(copy != NULL);
	memcpy(copy, p, len);
	copy[how % len] ^= (uint8_t)(1u << (len & 7));
	(void)check_ways(copy, len, how, head, known);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct http_reply_known known = {.len = 0};
	struct result a, b;
	uint8_t how;
	bool head;

	if (len == 0)
		return 0;
	head = *p % 8 == 1;
	how = *p++;
	len--;
	a = check_ways(p, len, how, head, &known);
	(void)check_ways(p, len, how, !head, &known);
	(void)check_ways(p, len, how, head, &known);
	if (len > 0)
		check_changed(p, len, how, head, &known);
	b = theirs(p, len, head);
	if (a.good && b.good && (!a.chunked || (b.chunked && !has_bare_lf(p, len)))) {
		CHECK(a.status == b.status);
		CHECK(a.by_fin == b.by_fin);
		CHECK(a.body == b.body);
		CHECK(a.end == b.end);
	}
	return 0;
}
