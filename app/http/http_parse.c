/* SPDX-License-Identifier: BSD-3-Clause */

/* The request grammar of RFC 9112 3 to 5 as a machine over bytes. Lines end with CR LF or, as 2.2
 * allows, with LF alone. The smuggling risks of RFC 9112 are refused: white space before a
 * colon (5.1), folded fields (5.2), two different lengths, a length beside an encoding (6.3).
 *
 * CONNECT is refused with 405. Bytes after its head may be meant for the tunnel, so the connection closes. */

#include <string.h>

#include "http/http_chars.h"
#include "http/http_parse.h"

enum state {
	START, /* empty lines before the request line are skipped (RFC 9112 2.2) */
	METHOD,
	TARGET,
	VERSION,
	LINE_LF, /* CR seen, LF must follow */
	FIELD_START,
	FIELD_NAME,
	VALUE_START, /* white space before the value */
	VALUE,
	END_LF, /* CR of the empty line seen */
	END,
};

enum field { F_OTHER, F_HOST, F_CONNECTION, F_LENGTH, F_ENCODING, F_EXPECT };

static const struct {
	const char *name;
	enum field field;
} fields[] = {
	{"host", F_HOST},
	{"connection", F_CONNECTION},
	{"content-length", F_LENGTH},
	{"transfer-encoding", F_ENCODING},
	{"expect", F_EXPECT},
};

void
http_parser_init(struct http_parser *p)
{
	memset(p, 0, sizeof(*p));
}

bool
http_parser_idle(const struct http_parser *p)
{
	return p->state == START;
}

static void
parser_fail(struct http_parser *p, uint16_t status)
{
	p->status = status;
	p->state = END;
	p->done = true;
}

static void
method_done(struct http_parser *p)
{
	static const char *const names[] = {[HTTP_GET] = "GET",
					    [HTTP_HEAD] = "HEAD",
					    [HTTP_POST] = "POST",
					    [HTTP_OPTIONS] = "OPTIONS",
					    [HTTP_CONNECT] = "CONNECT"};

	p->method = HTTP_OTHER;
	for (unsigned m = HTTP_GET; m <= HTTP_CONNECT && p->method == HTTP_OTHER; m++)
		if (token_is(p, names[m]))
			p->method = m;
	p->token_len = 0;
	p->field = 0; /* http_target_byte() begins with form START */
	p->state = TARGET;
}

/* "HTTP/1.1": exactly eight bytes (RFC 9112 2.3). */
static void
version_done(struct http_parser *p, uint8_t ch)
{
	const char *t = p->token;

	if (p->token_len != 8 || memcmp(t, "HTTP/", 5) != 0 || t[5] < '0' || t[5] > '9' || t[6] != '.' || t[7] < '0' ||
	    t[7] > '9') {
		parser_fail(p, 400);
		return;
	}
	if (t[5] != '1') {
		parser_fail(p, 505);
		return;
	}
	p->minor = t[7] == '0' ? 0 : 1; /* a client of 1.2 or later accepts 1.1 (RFC 9110 2.5) */
	p->token_len = 0;
	p->state = ch == '\r' ? LINE_LF : FIELD_START;
}

static void
name_done(struct http_parser *p)
{
	p->field = F_OTHER;
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (token_is(p, fields[i].name))
			p->field = (uint8_t)fields[i].field;
	p->token_len = 0;
	p->value = 0;
	p->bad_value = false;
	p->state = VALUE_START;
	if (p->field == F_HOST && p->has_host)
		parser_fail(p, 400); /* RFC 9112 3.2: more than one */
}

/* Takes a transfer coding (RFC 9112 6.1). chunked must be the last coding, and must occur once. */
static void
parser_coding(struct http_parser *p)
{
	bool chunked = token_is(p, "chunked");

	p->bad_coding |= p->chunked;
	p->other_coding |= !chunked;
	p->chunked |= chunked;
}

/* Takes a complete member of a comma-separated list. Empty members are ignored (RFC 9110 5.6.1.2). */
static void
list_member(struct http_parser *p)
{
	if (p->token_len > 0 && p->token_len < sizeof(p->token) && p->token[p->token_len - 1] == ' ')
		p->token_len--;
	if (p->token_len == 0)
		return;
	if (p->field == F_CONNECTION && token_is(p, "close"))
		p->conn_close = true;
	else if (p->field == F_CONNECTION && token_is(p, "keep-alive"))
		p->conn_keep = true;
	else if (p->field == F_EXPECT && token_is(p, "100-continue"))
		p->expect = true;
	else if (p->field == F_EXPECT)
		p->expect_other = true;
	else if (p->field == F_ENCODING)
		parser_coding(p);
	p->token_len = 0;
}

/* Takes a byte of a list. White space inside a member is kept as one space, so that "chun ked" is not chunked. */
static void
list_byte(struct http_parser *p, uint8_t ch)
{
	if (ch == ',')
		list_member(p);
	else if (ch != ' ' && ch != '\t')
		token_add(p, ascii_lower(ch));
	else if (p->token_len > 0 && p->token[p->token_len - 1] != ' ')
		token_add(p, ' ');
}

static void
value_byte(struct http_parser *p, uint8_t ch)
{
	bool space = ch == ' ' || ch == '\t';

	if ((ch < ' ' && ch != '\t') || ch == 0x7f) {
		parser_fail(p, 400);
		return;
	}
	switch ((enum field)p->field) {
	case F_CONNECTION:
	case F_EXPECT:
	case F_ENCODING:
		list_byte(p, ch);
		break;
	case F_LENGTH:
		/* digits, then optional white space. token_len: 0 nothing, 1 digits, 2 white space after the digits */
		if (space && p->token_len != 0)
			p->token_len = 2;
		else if (ch < '0' || ch > '9' || p->token_len == 2)
			p->bad_value = true;
		else {
			p->token_len = 1;
			if (p->value <= UINT64_MAX / 10 - 1)
				p->value = p->value * 10 + (uint64_t)(ch - '0');
			else
				p->value = UINT64_MAX / 10; /* saturates, above any limit */
		}
		break;
	case F_HOST:
		if (space)
			p->token_len = 1;
		else if (!is_authority_char(ch) || p->token_len == 1)
			p->bad_value = true;
		break;
	case F_OTHER:
		break;
	}
}

static void
value_done(struct http_parser *p, uint8_t ch)
{
	switch ((enum field)p->field) {
	case F_CONNECTION:
	case F_EXPECT:
		list_member(p);
		break;
	case F_ENCODING:
		list_member(p);
		p->has_encoding = true;
		break;
	case F_LENGTH:
		if (p->bad_value || p->token_len == 0 || (p->has_length && p->length != p->value)) {
			parser_fail(p, 400);
			return;
		}
		p->has_length = true;
		p->length = p->value;
		break;
	case F_HOST:
		if (p->bad_value) {
			parser_fail(p, 400);
			return;
		}
		p->has_host = true;
		break;
	case F_OTHER:
		break;
	}
	p->token_len = 0;
	p->state = ch == '\r' ? LINE_LF : FIELD_START;
}

/* Checks the whole head, after its empty line. */
static void
head_done(struct http_parser *p)
{
	p->state = END;
	p->done = true;
	if (p->minor == 1 && !p->has_host)
		p->status = 400; /* RFC 9112 3.2 */
	else if (p->has_encoding && (p->has_length || p->minor == 0 || p->bad_coding || !p->chunked))
		p->status = 400; /* RFC 9112 6.1, 6.3 */
	else if (p->target[0] == '*' && p->method != HTTP_OPTIONS)
		p->status = 400; /* RFC 9112 3.2.4 */
	else if (p->other_coding)
		p->status = 501; /* RFC 9112 6.1: an unknown coding */
	else if (p->method == HTTP_CONNECT)
		p->status = 405;
	else if (p->misdirected)
		p->status = 421; /* RFC 9110 7.4 */
	else if (p->expect_other && p->minor == 1)
		p->status = 417; /* RFC 9110 10.1.1; an HTTP/1.0 client's expectation is ignored */
	else if (p->length > HTTP_BODY_MAX)
		p->status = 413;
}

static void
field_start(struct http_parser *p, uint8_t ch)
{
	if (ch == '\r')
		p->state = END_LF;
	else if (ch == '\n')
		head_done(p);
	else if (!is_token(ch))
		parser_fail(p, 400); /* also a folded field (RFC 9112 5.2) */
	else {
		token_add(p, ascii_lower(ch));
		p->state = FIELD_NAME;
	}
}

static void
parser_take(struct http_parser *p, uint8_t ch)
{
	switch ((enum state)p->state) {
	case START:
		if (ch == '\r' || ch == '\n')
			break;
		p->state = METHOD;
		/* fall through */
	case METHOD:
		if (ch == ' ' && p->token_len > 0)
			method_done(p);
		else if (is_token(ch))
			token_add(p, (char)ch); /* methods are case-sensitive */
		else
			parser_fail(p, 400);
		break;
	case TARGET:
		switch (http_target_byte(p, ch)) {
		case HTTP_TARGET_BAD: /* also HTTP/0.9, which ends its line here */
			parser_fail(p, 400);
			break;
		case HTTP_TARGET_END:
			p->token_len = 0;
			p->state = VERSION;
			break;
		case HTTP_TARGET_MORE:
			break;
		}
		break;
	case VERSION:
		if (ch == '\r' || ch == '\n')
			version_done(p, ch);
		else
			token_add(p, (char)ch);
		break;
	case LINE_LF:
		p->state = FIELD_START;
		if (ch != '\n')
			parser_fail(p, 400);
		break;
	case FIELD_START:
		field_start(p, ch);
		break;
	case FIELD_NAME:
		if (ch == ':')
			name_done(p);
		else if (is_token(ch))
			token_add(p, ascii_lower(ch));
		else
			parser_fail(p, 400);
		break;
	case VALUE_START:
		if (ch == ' ' || ch == '\t')
			break;
		p->state = VALUE;
		/* fall through */
	case VALUE:
		if (ch == '\r' || ch == '\n')
			value_done(p, ch);
		else
			value_byte(p, ch);
		break;
	case END_LF:
		if (ch == '\n')
			head_done(p);
		else
			parser_fail(p, 400);
		break;
	case END:
		break;
	}
}

size_t
http_parse(struct http_parser *p, const void *buf, size_t len)
{
	const uint8_t *b = buf;
	size_t i;

	for (i = 0; i < len && !p->done; i++) {
		if (++p->total > HTTP_HEAD_MAX)
			parser_fail(p, p->state < LINE_LF ? 414 : 431);
		else
			parser_take(p, b[i]);
	}
	return i;
}

bool
http_has_body(const struct http_parser *p)
{
	return p->chunked || p->length > 0;
}

bool
http_keep_alive(const struct http_parser *p)
{
	if (p->status != 0 || p->conn_close)
		return false;
	return p->minor == 1 || p->conn_keep;
}
