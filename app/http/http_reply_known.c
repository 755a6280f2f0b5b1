/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>

#include "http/bytes_equal.h"
#include "http/http_reply_known.h"

/* Reads a head from its first byte on. Returns the number of bytes taken. */
static size_t
known_read_head(struct http_reply_known *k, struct http_reply *r, const uint8_t *b, size_t len)
{
	size_t n;

	if (k->len != 0 && k->len <= len && k->after.no_body == r->no_body && bytes_equal(b, k->head, k->len)) {
		*r = k->after;
		return k->len;
	}
	n = http_reply_head(r, b, len);
	if (r->head_done && n <= sizeof(k->head)) {
		memcpy(k->head, b, n);
		k->len = (uint32_t)n;
		k->after = *r;
	}
	return n;
}

size_t
http_reply_read_known(struct http_reply_known *k, struct http_reply *r, const void *buf, size_t len, size_t *body)
{
	const uint8_t *b = buf;
	size_t n = 0;

	if (r->total == 0 && !r->head_done) /* no byte was taken */
		n = known_read_head(k, r, b, len);
	return n + http_reply_read(r, b + n, len - n, body);
}
