/* SPDX-License-Identifier: BSD-3-Clause */

/* Fuzz target: pipelined HTTP requests, and the heads of the answers to them. The first byte of the input selects how
 * the stream is split. Each stream is read three times: whole, in the selected pieces and byte by byte. The
 * requests and answers must be the same each time. */

#include <string.h>

#include "http/http_body.h"
#include "http/http_parse.h"
#include "http/http_reply.h"
#include "target.h"

/* Returns the length of the next piece. how 0xff: all bytes that are left; 0: one byte; otherwise 1 to 16 bytes. */
static size_t
piece(uint8_t how, size_t i, size_t left)
{
	size_t n = how == 0xff ? left : how == 0 ? 1 : 1 + (how * (i + 7)) % 16;

	return n < left ? n : left;
}

/* Returns a copy of exact size, so that a sanitizer reports a read past its end. A single byte is copied to a static
 * variable, which is faster: longer pieces show a read past the end. */
static uint8_t *
exactly(const uint8_t *p, size_t len)
{
	static uint8_t byte;
	uint8_t *copy = len == 1 ? &byte : malloc(len);

	CHECK(copy != NULL);
	memcpy(copy, p, len);
	return copy;
}

static void
done_with(uint8_t *copy, size_t len)
{
	if (len != 1)
		free(copy);
}

static void
check_answer(const struct http_parser *p, uint64_t *digest)
{
	char head[HTTP_ANSWER_MAX], date[32];
	struct http_answer a;
	struct http_reply r = {0};
	size_t n, body;

	CHECK(p->total <= HTTP_HEAD_MAX + 1 && p->target_len <= HTTP_TARGET_MAX);
	CHECK(p->status != 0 || (p->length <= HTTP_BODY_MAX && p->target_len > 0));
	CHECK(p->status != 0 || p->target[0] == '/' || (p->target[0] == '*' && p->target_len == 1));
	http_answer(p, &a);
	CHECK(a.status >= 200 && a.status < 600 && (p->status == 0 || a.status == p->status));
	CHECK(a.pattern || (a.text != NULL && a.length == strlen(a.text)));
	CHECK(!a.pattern || (a.status == 200 && a.length <= HTTP_BYTES_MAX));
	CHECK(a.pattern || a.length <= HTTP_TEXT_MAX);
	CHECK(a.delay_ms <= HTTP_DELAY_MAX && a.end <= HTTP_END_LINGER && !(a.chunked && a.until_close));
	CHECK(!a.keep || p->status == 0);
	http_date((int64_t)(uint32_t)p->value, date, sizeof(date));
	n = http_answer_head(&a, date, head, sizeof(head));
	CHECK(n < sizeof(head) - 1 && strlen(head) == n);
	/* the client's parser reads the same values from the head */
	r.no_body = a.head_only;
	CHECK(http_reply_read(&r, head, n, &body) == n && body == 0 && r.head_done && r.status == a.status);
	CHECK(r.error == REPLY_GOOD);
	CHECK(a.head_only || (r.chunked == a.chunked && r.until_close == a.until_close));
	CHECK(a.head_only || a.chunked || a.until_close || r.length == a.length);
	for (size_t i = 0; i < n; i++)
		*digest = (*digest ^ (uint8_t)head[i]) * 0x100000001b3u;
	*digest += (uint64_t)a.head_only * 7 + (uint64_t)p->expect * 13 + p->total;
}

/* Reads all requests of the stream; returns a hash of their answers. */
static uint64_t
requests(const uint8_t *p, size_t len, uint8_t how)
{
	uint64_t digest = 0xcbf29ce484222325u, body = 0;
	struct http_parser parser;
	struct http_body chunks = {.done = true};
	size_t i = 0;

	http_parser_init(&parser);
	CHECK(http_parser_idle(&parser));
	while (len) {
		size_t n = piece(how, i++, len), used;
		uint8_t *copy;

		if (body) {
			n = body < n ? (size_t)body : n;
			body -= n;
			p += n;
			len -= n;
			continue;
		}
		copy = exactly(p, n);
		if (!chunks.done) {
			used = http_body_parse(&chunks, copy, n);
			done_with(copy, n);
			CHECK(used <= n && (used == n || chunks.done) && chunks.length <= HTTP_BODY_MAX);
			CHECK(used > 0 && (chunks.done || chunks.status == 0));
			p += used;
			len -= used;
			if (!chunks.done)
				continue;
			digest = (digest ^ chunks.length) * 0x100000001b3u + chunks.status;
			if (chunks.status != 0)
				return digest;
			continue;
		}
		used = http_parse(&parser, copy, n);
		done_with(copy, n);
		CHECK(used <= n && (used == n || parser.done));
		p += used;
		len -= used;
		if (!parser.done)
			continue;
		CHECK(http_parse(&parser, p, len) == 0);
		check_answer(&parser, &digest);
		if (!http_keep_alive(&parser))
			return digest;
		body = parser.length;
		if (parser.chunked)
			http_body_init(&chunks);
		http_parser_init(&parser);
	}
	return digest + !http_parser_idle(&parser) + 2 * (uint64_t)!chunks.done;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	uint8_t how;

	if (len == 0)
		return 0;
	how = *p++;
	len--;
	CHECK(requests(p, len, 0xff) == requests(p, len, 0));
	CHECK(requests(p, len, 0xff) == requests(p, len, how));
	return 0;
}
