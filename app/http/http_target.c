/* SPDX-License-Identifier: BSD-3-Clause */

/* The request target (RFC 9112 3.2), byte by byte. Path and query are kept; scheme and authority of the absolute form
 * are checked and skipped. The authority overrides the Host field (3.2.2); no resource depends on the host name.
 *
 * A scheme other than http sets `misdirected` (421): an origin server must not answer a request for an https resource
 * on a connection without TLS (RFC 9110 7.4). The target of CONNECT is skipped. */

#include "http/http_chars.h"

/* The part of the target that is being read, in p->field. */
enum form {
	START, /* the first byte decides the form */
	SCHEME,
	SCHEME_END, /* ":" seen, "//" must follow */
	AUTHORITY,
	PATH, /* path and query of both forms */
	ASTERISK,
	CONNECT_TARGET,
};

static void
target_keep(struct http_parser *p, char ch)
{
	if (p->target_len < sizeof(p->target))
		p->target[p->target_len++] = ch;
	else
		p->target_cut = true;
}

static enum http_target
target_enter(struct http_parser *p, enum form form)
{
	p->field = (uint8_t)form;
	return HTTP_TARGET_MORE;
}

static enum http_target
target_start(struct http_parser *p, uint8_t ch)
{
	if (ch == ' ')
		return HTTP_TARGET_BAD;
	if (p->method == HTTP_CONNECT)
		return target_enter(p, CONNECT_TARGET);
	if (ch == '/' || ch == '*') {
		target_keep(p, (char)ch);
		return target_enter(p, ch == '/' ? PATH : ASTERISK);
	}
	if (ascii_lower(ch) < 'a' || ascii_lower(ch) > 'z')
		return HTTP_TARGET_BAD;
	token_add(p, ascii_lower(ch));
	return target_enter(p, SCHEME);
}

static enum http_target
target_scheme(struct http_parser *p, uint8_t ch)
{
	if (ch == ':') {
		p->misdirected = !token_is(p, "http");
		p->token_len = 0;
		return target_enter(p, SCHEME_END);
	}
	if (!is_token(ch))
		return HTTP_TARGET_BAD;
	token_add(p, ascii_lower(ch));
	return HTTP_TARGET_MORE;
}

static enum http_target
scheme_end(struct http_parser *p, uint8_t ch)
{
	if (ch != '/')
		return HTTP_TARGET_BAD;
	if (++p->token_len < 2)
		return HTTP_TARGET_MORE;
	p->token_len = 0;
	return target_enter(p, AUTHORITY);
}

/* token_len 0: no byte of the host was read. An empty host and a user name are refused (RFC 9110 4.2.1, 4.2.4). */
static enum http_target
target_authority(struct http_parser *p, uint8_t ch)
{
	bool end = ch == '/' || ch == '?' || ch == ' ';

	if (p->token_len == 0 && (end || ch == ':'))
		return HTTP_TARGET_BAD;
	p->token_len = 1;
	if (!end)
		return is_authority_char(ch) ? HTTP_TARGET_MORE : HTTP_TARGET_BAD;
	target_keep(p, '/'); /* an empty path is "/" (RFC 9110 4.2.3) */
	if (ch == '?')
		target_keep(p, '?');
	return ch == ' ' ? HTTP_TARGET_END : target_enter(p, PATH);
}

enum http_target
http_target_byte(struct http_parser *p, uint8_t ch)
{
	if (ch < ' ' || ch >= 0x7f)
		return HTTP_TARGET_BAD;
	switch ((enum form)p->field) {
	case START:
		return target_start(p, ch);
	case SCHEME:
		return target_scheme(p, ch);
	case SCHEME_END:
		return scheme_end(p, ch);
	case AUTHORITY:
		return target_authority(p, ch);
	case PATH:
		if (ch == ' ')
			return HTTP_TARGET_END;
		target_keep(p, (char)ch);
		return HTTP_TARGET_MORE;
	case ASTERISK:
		return ch == ' ' ? HTTP_TARGET_END : HTTP_TARGET_BAD;
	case CONNECT_TARGET:
		return ch == ' ' ? HTTP_TARGET_END : HTTP_TARGET_MORE;
	}
	return HTTP_TARGET_BAD;
}
