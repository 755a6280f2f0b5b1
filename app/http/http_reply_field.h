/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_HTTP_REPLY_FIELD_H
#define LA_APP_HTTP_REPLY_FIELD_H

/* The fields of an answer that frame it (RFC 9112 6): Connection, Content-Length, Transfer-Encoding. Inside of
 * http_reply. */

#include "http/http_reply.h"

enum http_reply_field { REPLY_F_OTHER, REPLY_F_CONNECTION, REPLY_F_LENGTH, REPLY_F_ENCODING };

void http_reply_fail(struct http_reply *r, enum http_reply_error e);

/** The answer has no body by its status or its request (RFC 9112 6.3, rule 1), or is 1xx. */
bool http_reply_bodiless(const struct http_reply *r);

/** A byte of a token, in lower case. A token that fills the buffer is longer than any that matters, and equals
 * none. */
void http_reply_token(struct http_reply *r, uint8_t ch);

/** The token is a field's name; its value begins. */
void http_reply_name_end(struct http_reply *r);
void http_reply_value(struct http_reply *r, uint8_t ch);
void http_reply_value_end(struct http_reply *r);

#endif
