/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_HTTP_CHARS_H
#define LA_APP_HTTP_CHARS_H

/* Characters and tokens of the request grammar, for http_parse.c, http_target.c and http_body.c. */

#include <string.h>

#include "http/http_parse.h"

/* tchar of RFC 9110 5.6.2 */
static inline bool
is_token(uint8_t ch)
{
	return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
	       (ch != '\0' && strchr("!#$%&'*+-.^_`|~", ch) != NULL);
}

static inline char
ascii_lower(uint8_t ch)
{
	return (char)(ch >= 'A' && ch <= 'Z' ? ch + 32 : ch);
}

/* A character of uri-host [":" port]: unreserved, sub-delims, "%", and of an IP literal (RFC 3986 3.2.2). */
static inline bool
is_authority_char(uint8_t ch)
{
	return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
	       (ch != '\0' && strchr("-._~%!$&'()*+,;=:[]", ch) != NULL);
}

/* Adds a byte to the token. A token that fills the buffer is longer than any known token, and matches none. */
static inline void
token_add(struct http_parser *p, char ch)
{
	if (p->token_len < sizeof(p->token))
		p->token[p->token_len++] = ch;
}

static inline bool
token_is(const struct http_parser *p, const char *text)
{
	return p->token_len == strlen(text) && memcmp(p->token, text, p->token_len) == 0;
}

enum http_target { HTTP_TARGET_MORE, HTTP_TARGET_END, HTTP_TARGET_BAD };

/** Parses a byte of the target. The space behind the target returns HTTP_TARGET_END. Before the first byte p->field
 * must be 0 and p->token empty. */
enum http_target http_target_byte(struct http_parser *p, uint8_t ch);

#endif
