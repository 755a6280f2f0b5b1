/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/http_body.h"

#include <stdio.h>
#include <string.h>

#include "http/http_chars.h"

enum state {
	SIZE,
	SIZE_SPACE, /* spaces before an extension: "bad white space" of RFC 9110 5.6.3 */
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER, /* start of a line behind the last chunk */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	END_LF,
	END,
};

enum { SIZE_DIGITS = 16 };

static void
body_end(struct http_body *b, uint16_t status)
{
	b->status = status;
	b->state = END;
	b->done = true;
}

void
http_body_init(struct http_body *b)
{
	memset(b, 0, sizeof(*b));
}

static int
body_hex_digit(uint8_t ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static bool
is_text(uint8_t ch)
{
	return ch == '\t' || (ch >= ' ' && ch != 0x7f);
}

/* Counts a byte of an extension or of the trailer. Returns false, and refuses the body, when there are too many. */
static bool
body_count_extra(struct http_body *b)
{
	if (++b->extra <= HTTP_HEAD_MAX)
		return true;
	body_end(b, 431);
	return false;
}

static void
size_byte(struct http_body *b, uint8_t ch)
{
	int digit = b->state == SIZE ? body_hex_digit(ch) : -1;

	if (digit >= 0 && b->digits < SIZE_DIGITS) {
		b->digits++;
		b->left = b->left << 4 | (unsigned)digit;
	} else if (b->digits == 0 || digit >= 0) {
		body_end(b, 400);
	} else if (ch == ';') {
		b->state = EXTENSION;
	} else if (ch == ' ' && body_count_extra(b)) {
		b->state = SIZE_SPACE;
	} else if (ch == '\r' && b->state == SIZE) {
		b->state = SIZE_LF;
	} else if (!b->done) {
		body_end(b, 400);
	}
}

/* Takes the LF of a size line. Data follow, or the trailer after the last chunk. */
static void
size_done(struct http_body *b, uint8_t ch)
{
	if (ch != '\n')
		body_end(b, 400);
	else if (b->left > HTTP_BODY_MAX || b->length + b->left > HTTP_BODY_MAX)
		body_end(b, 413);
	else
		b->state = b->left > 0 ? DATA : TRAILER;
}

static void
body_take(struct http_body *b, uint8_t ch)
{
	switch ((enum state)b->state) {
	case SIZE:
	case SIZE_SPACE:
		size_byte(b, ch);
		break;
	case EXTENSION:
		if (ch == '\r')
			b->state = SIZE_LF;
		else if (!is_text(ch))
			body_end(b, 400);
		else
			(void)body_count_extra(b);
		break;
	case SIZE_LF:
		size_done(b, ch);
		break;
	case DATA_CR:
		b->state = DATA_LF;
		if (ch != '\r')
			body_end(b, 400);
		break;
	case DATA_LF:
		b->state = SIZE;
		b->digits = 0;
		if (ch != '\n')
			body_end(b, 400);
		break;
	case TRAILER:
		if (ch == '\r')
			b->state = END_LF;
		else if (!is_token(ch))
			body_end(b, 400);
		else if (body_count_extra(b))
			b->state = TRAILER_NAME;
		break;
	case TRAILER_NAME:
		if (ch != ':' && !is_token(ch))
			body_end(b, 400);
		else if (body_count_extra(b) && ch == ':')
			b->state = TRAILER_VALUE;
		break;
	case TRAILER_VALUE:
		if (ch == '\r')
			b->state = TRAILER_LF;
		else if (!is_text(ch))
			body_end(b, 400);
		else
			(void)body_count_extra(b);
		break;
	case TRAILER_LF:
		b->state = TRAILER;
		if (ch != '\n')
			body_end(b, 400);
		break;
	case END_LF:
		body_end(b, ch == '\n' ? 0 : 400);
		break;
	case DATA:
	case END:
		break;
	}
}

size_t
http_body_parse(struct http_body *b, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	size_t i = 0;

	while (i < len && !b->done) {
		size_t n = len - i;

		if (b->state != DATA) {
			body_take(b, p[i++]);
			continue;
		}
		if (n > b->left)
			n = (size_t)b->left;
		i += n;
		b->left -= n;
		b->length += n;
		if (b->left == 0)
			b->state = DATA_CR;
	}
	return i;
}

/* The body has chunks of HTTP_CHUNK bytes, a shorter chunk if bytes remain, and the last chunk, "0". */
size_t
http_chunked_at(uint64_t n, uint64_t pos, char *text, uint64_t *from)
{
	static const char end_of_chunk[] = "\r\n", end_of_body[] = "0\r\n\r\n", both[] = "\r\n0\r\n\r\n";
	static const char full_size[] = "4000\r\n";
	enum { FULL = sizeof(full_size) - 1 + HTTP_CHUNK + sizeof(end_of_chunk) - 1 };
	uint64_t full = n / HTTP_CHUNK, k = pos / FULL < full ? pos / FULL : full;
	uint64_t size = k < full ? HTTP_CHUNK : n % HTTP_CHUNK, at = pos - k * FULL;
	const char *tail = k < full ? end_of_chunk : size > 0 ? both : end_of_body;
	size_t len = size > 0 ? (size_t)snprintf(text, HTTP_CHUNK_TEXT, "%x\r\n", (unsigned)size) : 0;

	_Static_assert(HTTP_CHUNK == 0x4000, "full_size");
	*from = UINT64_MAX;
	if (at < len) {
		memmove(text, text + at, len - at);
		return len - at;
	}
	at -= len;
	if (at < size) {
		*from = k * HTTP_CHUNK + at;
		return size - at;
	}
	at -= size;
	len = strlen(tail);
	if (at >= len)
		return 0;
	memcpy(text, tail + at, len - at);
	return len - at;
}
