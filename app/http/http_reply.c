/* SPDX-License-Identifier: BSD-3-Clause */

/* The answer grammar of RFC 9112 4 to 7 as a machine over bytes, as lenient as RFC 9112 lets a user agent be:
 *
 *   START -> STATUS_LINE -> FIELD_START -> NAME -> VALUE ... -> [1xx: START]
 *                                                           -> BODY                        -> END
 *                                                           -> SIZE -> DATA -> ... TRAILER -> END
 *
 * Lines end with CR LF or with LF alone (2.2). A folded value continues in the next line; the fold is read as a space
 * (5.2). So the first byte of the next line shows whether a value has ended. White space before a colon is ignored
 * (5.1). Transfer-Encoding overrides Content-Length, and the connection is not used again (6.1, 6.3). */

#include "http/http_reply_field.h"

enum state {
	START, /* empty lines before the status line are skipped */
	STATUS_LINE,
	REASON,
	LINE_LF, /* CR of the status line seen */
	FIELD_START,
	NAME,
	NAME_SPACE, /* white space before the colon */
	VALUE,
	VALUE_LF,  /* CR of a value seen */
	VALUE_END, /* the value's line has ended: the next byte shows whether the value continues */
	HEAD_LF,   /* CR of the empty line seen */
	BODY,
	SIZE, /* the size line of a chunk */
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR, /* the line end behind a chunk's data */
	DATA_LF,
	END,
};

static const char *const error_names[REPLY_ERRORS] = {
	[REPLY_GOOD] = "good",
	[REPLY_NO_ANSWER] = "no_answer",
	[REPLY_SHORT_HEAD] = "short_head",
	[REPLY_SHORT_BODY] = "short_body",
	[REPLY_BAD_STATUS_LINE] = "bad_status_line",
	[REPLY_BAD_FIELD] = "bad_field",
	[REPLY_HEAD_TOO_LONG] = "head_too_long",
	[REPLY_BAD_LENGTH] = "bad_length",
	[REPLY_BAD_CODING] = "bad_coding",
	[REPLY_BAD_CHUNK] = "bad_chunk",
	[REPLY_SWITCHED] = "switched_protocols",
};

const char *
http_reply_error_name(enum http_reply_error e)
{
	return error_names[e];
}

void
http_reply_fail(struct http_reply *r, enum http_reply_error e)
{
	r->error = (uint8_t)e;
	r->state = END;
	r->done = true;
}

static void
reply_end(struct http_reply *r)
{
	r->state = END;
	r->done = true;
}

static bool
is_digit(uint8_t ch)
{
	return ch >= '0' && ch <= '9';
}

/* ---- status line: "HTTP/1.1 200", then a reason phrase or none ---- */

static void
status_line(struct http_reply *r, uint8_t ch)
{
	static const char start[] = "HTTP/1.";

	if (r->line < 7 ? ch != (uint8_t)start[r->line] : r->line == 8 ? ch != ' ' : !is_digit(ch)) {
		http_reply_fail(r, REPLY_BAD_STATUS_LINE);
		return;
	}
	if (r->line == 7)
		r->minor = ch != '0'; /* a server of 1.2 or later obeys 1.1 (RFC 9110 2.5) */
	else if (r->line > 8)
		r->status = (uint16_t)(r->status * 10 + (ch - '0'));
	if (++r->line < 12)
		return;
	if (r->status < 100)
		http_reply_fail(r, REPLY_BAD_STATUS_LINE);
	else if (r->status == 101)
		http_reply_fail(r, REPLY_SWITCHED);
	else
		r->state = REASON;
}

static void
reply_reason(struct http_reply *r, uint8_t ch)
{
	if (r->line == 12 && ch != ' ' && ch != '\r' && ch != '\n')
		http_reply_fail(r, REPLY_BAD_STATUS_LINE); /* also a status of four digits */
	else if (ch == '\r')
		r->state = LINE_LF;
	else if (ch == '\n')
		r->state = FIELD_START;
	else if (ch == '\0')
		http_reply_fail(r, REPLY_BAD_STATUS_LINE);
	r->line = 13;
}

/* ---- the end of the head: how the body ends (RFC 9112 6.3) ---- */

static void
head_done(struct http_reply *r)
{
	struct http_reply next = {.total = r->total, .no_body = r->no_body};

	if (r->trailer) {
		reply_end(r);
		return;
	}
	if (r->status < 200) { /* RFC 9110 15.2: the final answer follows */
		*r = next;
		return;
	}
	r->head_done = true;
	if (http_reply_bodiless(r)) {
		reply_end(r);
	} else if (r->has_coding && r->chunked) {
		r->state = SIZE;
		r->line = 0;
	} else if (r->has_coding || !r->has_length) {
		r->until_close = true;
		r->left = UINT64_MAX;
		r->state = BODY;
	} else if (r->length == 0) {
		reply_end(r);
	} else {
		r->left = r->length;
		r->state = BODY;
	}
}

static void
field_start(struct http_reply *r, uint8_t ch)
{
	if (ch == '\r')
		r->state = HEAD_LF;
	else if (ch == '\n')
		head_done(r);
	else if (!http_reply_is_tchar(ch))
		http_reply_fail(r, REPLY_BAD_FIELD);
	else {
		r->state = NAME;
		http_reply_token(r, ch);
	}
}

/* ---- chunks (RFC 9112 7.1) ---- */

static void
size_done(struct http_reply *r)
{
	r->left = r->value;
	r->value = 0;
	r->line = 0;
	r->number = false;
	if (r->left > 0) {
		r->state = DATA;
		return;
	}
	r->trailer = true;
	r->total = 0;
	r->state = FIELD_START;
}

static void
size_byte(struct http_reply *r, uint8_t ch)
{
	unsigned digit = is_digit(ch)		  ? ch - '0'
			 : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
			 : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
						  : 16;

	if (digit < 16 && r->value <= (uint64_t)INT64_MAX >> 4) {
		r->number = true;
		r->value = r->value << 4 | digit;
	} else if (digit < 16 || !r->number) {
		http_reply_fail(r, REPLY_BAD_CHUNK);
	} else if (ch == '\r') {
		r->state = SIZE_LF;
	} else if (ch == '\n') {
		size_done(r);
	} else if (ch == ';' || ch == ' ' || ch == '\t') {
		r->state = EXTENSION;
	} else {
		http_reply_fail(r, REPLY_BAD_CHUNK);
	}
}

static void
extension_byte(struct http_reply *r, uint8_t ch)
{
	if (ch == '\r')
		r->state = SIZE_LF;
	else if (ch == '\n')
		size_done(r);
	else if (ch == '\0')
		http_reply_fail(r, REPLY_BAD_CHUNK);
}

/* ---- the machine ---- */

/* Takes a byte of the body that is not data: of a size line, or of the line end after a chunk's data. */
static void
frame_byte(struct http_reply *r, uint8_t ch)
{
	if (r->state <= SIZE_LF && ++r->line > HTTP_REPLY_LINE_MAX) {
		http_reply_fail(r, REPLY_BAD_CHUNK);
		return;
	}
	switch ((enum state)r->state) {
	case SIZE:
		size_byte(r, ch);
		break;
	case EXTENSION:
		extension_byte(r, ch);
		break;
	case SIZE_LF:
		if (ch == '\n')
			size_done(r);
		else
			http_reply_fail(r, REPLY_BAD_CHUNK);
		break;
	case DATA_CR:
		r->state = ch == '\r' ? DATA_LF : SIZE;
		if (ch != '\r' && ch != '\n')
			http_reply_fail(r, REPLY_BAD_CHUNK);
		break;
	case DATA_LF:
		r->state = SIZE;
		if (ch != '\n')
			http_reply_fail(r, REPLY_BAD_CHUNK);
		break;
	default:
		break;
	}
}

static void
value_state(struct http_reply *r, uint8_t ch)
{
	if (ch == '\r')
		r->state = VALUE_LF;
	else if (ch == '\n')
		r->state = VALUE_END;
	else if (ch == '\0')
		http_reply_fail(r, REPLY_BAD_FIELD); /* RFC 9110 5.5 */
	else
		http_reply_value(r, ch);
}

static void
name_state(struct http_reply *r, uint8_t ch)
{
	if (ch == ':') {
		http_reply_name_end(r);
		r->state = VALUE;
	} else if (ch == ' ' || ch == '\t') {
		r->state = NAME_SPACE;
	} else if (r->state == NAME && http_reply_is_tchar(ch)) {
		http_reply_token(r, ch);
	} else {
		http_reply_fail(r, REPLY_BAD_FIELD);
	}
}

static void
head_byte(struct http_reply *r, uint8_t ch)
{
	switch ((enum state)r->state) {
	case START:
		if (ch == '\r' || ch == '\n')
			break;
		r->state = STATUS_LINE;
		/* fall through */
	case STATUS_LINE:
		status_line(r, ch);
		break;
	case REASON:
		reply_reason(r, ch);
		break;
	case LINE_LF:
		r->state = FIELD_START;
		if (ch != '\n')
			http_reply_fail(r, REPLY_BAD_STATUS_LINE);
		break;
	case VALUE_END: /* obs-fold */
		r->state = VALUE;
		http_reply_value(r, ' ');
		break;
	case FIELD_START:
		field_start(r, ch);
		break;
	case NAME:
	case NAME_SPACE:
		name_state(r, ch);
		break;
	case VALUE:
		value_state(r, ch);
		break;
	case VALUE_LF:
		r->state = VALUE_END;
		if (ch != '\n')
			http_reply_fail(r, REPLY_BAD_FIELD);
		break;
	case HEAD_LF:
		if (ch == '\n')
			head_done(r);
		else
			http_reply_fail(r, REPLY_BAD_FIELD);
		break;
	default:
		break;
	}
}

/* The first byte of the next line shows that the value has ended. */
static void
reply_end_value(struct http_reply *r)
{
	r->state = FIELD_START;
	http_reply_value_end(r);
}

/* Takes the usual lines at the start of a line of the head, and the empty line behind them. */
static size_t
head_take_lines(struct http_reply *r, const uint8_t *b, size_t len)
{
	size_t n = 0, line;

	while (!r->trailer && (line = http_reply_field_line(r, b + n, len - n)) > 0)
		n += line;
	if (len - n >= 2 && b[n] == '\r' && b[n + 1] == '\n' && r->total + 2 <= HTTP_REPLY_HEAD_MAX) {
		r->total += 2;
		n += 2;
		head_done(r);
	}
	return n;
}

/* Takes what can be taken at once: usual lines, or the bytes of an ignored value. Most bytes of a typical head are in
 * such lines. Returns 0: the next byte has to be taken alone. */
static size_t
head_take_run(struct http_reply *r, const uint8_t *b, size_t len)
{
	size_t n = 0;

	if (r->state == FIELD_START) {
		n = head_take_lines(r, b, len);
	} else if (r->state == START) {
		n = http_reply_status_line(r, b, len);
		if (n > 0) {
			r->state = FIELD_START;
			n += head_take_lines(r, b + n, len - n);
		}
	} else if (r->state == VALUE && r->field == REPLY_F_OTHER) {
		n = http_reply_plain_run(b, len);
		if (n > HTTP_REPLY_HEAD_MAX - r->total) /* the limit does not depend on segments */
			n = HTTP_REPLY_HEAD_MAX - r->total;
		r->total += (uint32_t)n;
	}
	return n;
}

size_t
http_reply_head(struct http_reply *r, const void *buf, size_t len)
{
	const uint8_t *b = buf;
	size_t i = 0;

	while (i < len && !r->done && r->state < BODY) {
		size_t n;

		if (r->state == VALUE_END && b[i] != ' ' && b[i] != '\t' && r->total < HTTP_REPLY_HEAD_MAX) {
			reply_end_value(r);
			if (r->done) {
				r->total++;
				return i + 1;
			}
		}
		n = head_take_run(r, b + i, len - i);
		if (n > 0) {
			i += n;
			continue;
		}
		if (r->total++ < HTTP_REPLY_HEAD_MAX)
			head_byte(r, b[i]);
		else
			http_reply_fail(r, REPLY_HEAD_TOO_LONG);
		i++;
	}
	return i;
}

/* Takes at most len body bytes. Returns their number. */
static size_t
reply_body_run(struct http_reply *r, size_t len)
{
	size_t n = len < r->left ? len : (size_t)r->left;

	if (!r->until_close)
		r->left -= n;
	if (r->left == 0 && r->state == DATA)
		r->state = DATA_CR;
	else if (r->left == 0)
		reply_end(r);
	return n;
}

/* Reads bytes of the head or of the framing, up to the end of the next body bytes. */
static __attribute__((noinline)) size_t
reply_read_framing(struct http_reply *r, const uint8_t *b, size_t len, size_t *body)
{
	size_t i = 0;

	*body = 0;
	while (i < len && !r->done) {
		if (r->state == BODY || r->state == DATA) {
			*body = reply_body_run(r, len - i);
			return i + *body;
		}
		if (r->state > BODY)
			frame_byte(r, b[i++]);
		else
			i += http_reply_head(r, b + i, len - i);
	}
	return i;
}

size_t
http_reply_read(struct http_reply *r, const void *buf, size_t len, size_t *body)
{
	if (len > 0 && (r->state == BODY || r->state == DATA)) /* not done: done is END */
		return *body = reply_body_run(r, len);
	return reply_read_framing(r, buf, len, body);
}

bool
http_reply_fin(struct http_reply *r)
{
	if (r->done)
		return r->error == REPLY_GOOD;
	if (r->until_close && r->state == BODY)
		reply_end(r);
	else
		http_reply_fail(r, r->head_done ? REPLY_SHORT_BODY : r->total > 0 ? REPLY_SHORT_HEAD : REPLY_NO_ANSWER);
	return r->error == REPLY_GOOD;
}
