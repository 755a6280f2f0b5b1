/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_HTTP_REPLY_KNOWN_H
#define LA_APP_HTTP_REPLY_KNOWN_H

/* The last head of a sequence of answers, with the result of the parser for it.
 *
 * A server sends equal heads for a second or longer: until a date, a length or an identifier changes. The result for a
 * whole head depends on its bytes and on http_reply.no_body alone. So a head that equals the last one needs a
 * comparison and a copy of the result. Every other head goes through the parser. */

#include "http/http_reply.h"

enum { HTTP_REPLY_KNOWN_MAX = 512 }; /* bytes of the longest head that is kept */

/** Zeroes: no head is known. */
struct http_reply_known {
	uint32_t len;		 /* bytes of the head; 0: none */
	struct http_reply after; /* the parser behind the head */
	uint8_t head[HTTP_REPLY_KNOWN_MAX];
};

/** Does what http_reply_read() does, with the same results. The first segment of an answer with a whole head sets or
 * uses *k. */
size_t http_reply_read_known(struct http_reply_known *k, struct http_reply *r, const void *buf, size_t len,
			     size_t *body);

#endif
