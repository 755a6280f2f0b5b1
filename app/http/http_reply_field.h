/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_HTTP_REPLY_FIELD_H
#define LA_APP_HTTP_REPLY_FIELD_H

/* The fields that decide where an answer and its connection end (RFC 9112 6, 9): Connection, Content-Length,
 * Transfer-Encoding; and the usual lines of a head. For http_reply.c alone. */

#include <string.h>

#include "http/http_reply.h"

enum http_reply_field { REPLY_F_OTHER, REPLY_F_CONNECTION, REPLY_F_LENGTH, REPLY_F_ENCODING };

/** Ends the answer with an error. */
void http_reply_fail(struct http_reply *r, enum http_reply_error e);

/** Returns whether the status or the request excludes a body (RFC 9112 6.3, rule 1). */
static inline bool
http_reply_bodiless(const struct http_reply *r)
{
	return r->no_body || r->status < 200 || r->status == 204 || r->status == 304;
}

/** Adds a byte to the token, in lower case. A token that fills the buffer is longer than any known token, and matches
 * none. */
void http_reply_token(struct http_reply *r, uint8_t ch);

/** Takes the token as a field's name. The value of the field follows. */
void http_reply_name_end(struct http_reply *r);
/** http_reply_value() takes a byte of the value, http_reply_value_end() the end of the value. */
void http_reply_value(struct http_reply *r, uint8_t ch);
void http_reply_value_end(struct http_reply *r);

/* http_reply_line.c */
/** Returns whether ch is a character of a field's name. */
bool http_reply_is_tchar(uint8_t ch);
/** Returns the number of bytes up to the first control character other than tab, or len. */
size_t http_reply_plain_run(const uint8_t *b, size_t len);
/** Takes a usual status line of a final answer. Returns its length; 0: the line is not usual, and r is unchanged. */
size_t http_reply_status_line(struct http_reply *r, const uint8_t *b, size_t len);
/** Takes a usual field line, which is followed by a further byte. Returns its length; 0: the line is not usual, and r
 * is unchanged. */
size_t http_reply_field_line(struct http_reply *r, const uint8_t *b, size_t len);

#endif
