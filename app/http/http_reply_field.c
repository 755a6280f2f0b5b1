/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>

#include "http/http_reply_field.h"

void
http_reply_token(struct http_reply *r, uint8_t ch)
{
	if (r->token_len < sizeof(r->token))
		r->token[r->token_len++] = (char)(ch >= 'A' && ch <= 'Z' ? ch + 32 : ch);
}

static bool
token_is(const struct http_reply *r, const char *text)
{
	return r->token_len == strlen(text) && memcmp(r->token, text, r->token_len) == 0;
}

void
http_reply_name_end(struct http_reply *r)
{
	r->field = r->trailer			      ? REPLY_F_OTHER
		   : token_is(r, "connection")	      ? REPLY_F_CONNECTION
		   : token_is(r, "content-length")    ? REPLY_F_LENGTH
		   : token_is(r, "transfer-encoding") ? REPLY_F_ENCODING
						      : REPLY_F_OTHER;
	r->has_coding |= r->field == REPLY_F_ENCODING;
	r->token_len = 0;
	r->value = 0;
	r->number = r->space = r->quoted = r->parameter = false;
}

/* Ends a member of the list in Content-Length. All members must be one number (RFC 9110 8.6). */
static void
length_done(struct http_reply *r)
{
	if (!r->number || (r->has_length && r->length != r->value))
		http_reply_fail(r, REPLY_BAD_LENGTH);
	r->has_length = true;
	r->length = r->value;
	r->value = 0;
	r->number = r->space = false;
}

static void
length_byte(struct http_reply *r, uint8_t ch)
{
	if (http_reply_bodiless(r))
		return; /* the length has no effect */
	if (ch == ',')
		length_done(r);
	else if (ch == ' ' || ch == '\t')
		r->space = r->number;
	else if (ch < '0' || ch > '9' || r->space || r->value > (INT64_MAX - 9) / 10)
		http_reply_fail(r, REPLY_BAD_LENGTH);
	else {
		r->number = true;
		r->value = r->value * 10 + (uint64_t)(ch - '0');
	}
}

/* Ends a member of the list in Transfer-Encoding. The last member decides (RFC 9112 6.3, rule 4). */
static void
coding_done(struct http_reply *r)
{
	bool chunked = token_is(r, "chunked");

	if (chunked && (r->any_chunked || r->parameter))
		http_reply_fail(r, REPLY_BAD_CODING); /* RFC 9112 6.1, 7.1 */
	if (r->token_len > 0)
		r->chunked = chunked;
	r->any_chunked |= chunked;
	r->token_len = 0;
	r->parameter = r->space = false;
}

static void
coding_byte(struct http_reply *r, uint8_t ch)
{
	if (r->quoted) {
		r->quoted = ch != '"' || r->space;
		r->space = ch == '\\' && !r->space; /* quoted-pair */
	} else if (ch == ',') {
		coding_done(r);
	} else if (ch == ';') {
		r->parameter = true;
	} else if (r->parameter) {
		r->quoted = ch == '"';
	} else if (ch == ' ' || ch == '\t') {
		r->space = r->token_len > 0;
	} else {
		if (r->space)
			http_reply_token(r, ' '); /* a coding of two words matches no known coding */
		r->space = false;
		http_reply_token(r, ch);
	}
}

static void
connection_done(struct http_reply *r)
{
	r->conn_close |= token_is(r, "close");
	r->conn_keep |= token_is(r, "keep-alive");
	r->token_len = 0;
}

void
http_reply_value(struct http_reply *r, uint8_t ch)
{
	switch ((enum http_reply_field)r->field) {
	case REPLY_F_OTHER:
		break;
	case REPLY_F_CONNECTION:
		if (ch == ',')
			connection_done(r);
		else if (ch != ' ' && ch != '\t')
			http_reply_token(r, ch);
		break;
	case REPLY_F_LENGTH:
		length_byte(r, ch);
		break;
	case REPLY_F_ENCODING:
		coding_byte(r, ch);
		break;
	}
}

void
http_reply_value_end(struct http_reply *r)
{
	if (r->field == REPLY_F_CONNECTION)
		connection_done(r);
	else if (r->field == REPLY_F_LENGTH && !http_reply_bodiless(r))
		length_done(r);
	else if (r->field == REPLY_F_ENCODING)
		coding_done(r);
	r->token_len = 0;
}
