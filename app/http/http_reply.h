/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_HTTP_REPLY_H
#define LA_APP_HTTP_REPLY_H

/* HTTP/1.x answers (RFC 9112): a pure parser without allocation. Usual lines of a head are taken at once
 * (http_reply_line.c), all other bytes of heads and of framing one by one (http_reply.c).
 *
 * The parser keeps no field and no body byte. One answer costs sizeof(struct http_reply) bytes per connection,
 * for any length of head and body and any cut into segments. Debian's parsers (libhttp-parser, libllhttp) leave 204,
 * 304, HEAD, 1xx and the limits to callbacks of the user, so lastack has its own parser.
 * tests/fuzz/fuzz_http_reply.c compares this parser with libhttp-parser. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_REPLY_HEAD_MAX = 65536, /* bytes of the heads of one answer, with 1xx heads; also bytes of its trailer */
	HTTP_REPLY_LINE_MAX = 4096,  /* bytes of a chunk's size line */
};

/** Why an answer cannot be read further. */
enum http_reply_error {
	REPLY_GOOD,
	REPLY_NO_ANSWER,       /* FIN before the first byte */
	REPLY_SHORT_HEAD,      /* FIN within the head */
	REPLY_SHORT_BODY,      /* FIN before the end of the body */
	REPLY_BAD_STATUS_LINE, /* no HTTP/1.x status line */
	REPLY_BAD_FIELD,       /* a field line without a name, a bare CR, a NUL */
	REPLY_HEAD_TOO_LONG,   /* above HTTP_REPLY_HEAD_MAX */
	REPLY_BAD_LENGTH,      /* Content-Length: no number, or different numbers */
	REPLY_BAD_CODING,      /* Transfer-Encoding: chunked twice, or with a parameter */
	REPLY_BAD_CHUNK,       /* a chunk's size line, or the line end behind its data */
	REPLY_SWITCHED,	       /* status 101, though the request has no Upgrade field */
	REPLY_ERRORS
};

/** The user zeroes the struct before an answer, and then writes no field except no_body. */
struct http_reply {
	uint64_t length;   /* Content-Length, when has_length */
	uint64_t left;	   /* private: bytes of the body or chunk still to come */
	uint64_t value;	   /* private: the number being read */
	uint32_t total;	   /* private: bytes of heads, or of the trailer */
	uint16_t line;	   /* private: bytes of the status line or chunk line */
	uint16_t status;   /* status of the final answer; 0 before its status line is read */
	uint8_t state;	   /* private */
	uint8_t field;	   /* private: the field whose value is being read */
	uint8_t minor;	   /* HTTP/1.minor: 0 or 1 */
	uint8_t error;	   /* enum http_reply_error; with an error, done is true too */
	uint8_t token_len; /* private */
	char token[18];	   /* private: one more than the longest name that matters */
	bool no_body;	   /* the request was HEAD; the user sets this before the first byte */
	bool head_done;	   /* the final head is complete: status, has_length and length are valid */
	bool done;	   /* the answer is complete, or error is set */
	bool has_length;
	bool has_coding;				/* the head has Transfer-Encoding */
	bool chunked;					/* chunked is the last transfer coding */
	bool any_chunked;				/* private */
	bool until_close;				/* the peer's FIN ends the body */
	bool conn_close, conn_keep;			/* Connection: close, keep-alive */
	bool number, space, quoted, parameter, trailer; /* private */
};

/** Reads bytes of the head, or of the trailer: up to its end. Returns the number of bytes taken. http_reply_read()
 * calls this function. */
size_t http_reply_head(struct http_reply *r, const void *buf, size_t len);

/** Reads up to the end of the next consecutive body bytes, or up to the end of the answer. Returns the number of bytes
 * taken, at least 1 unless len is 0 or r->done. The last *body of the taken bytes belong to the body. */
size_t http_reply_read(struct http_reply *r, const void *buf, size_t len, size_t *body);

/** Ends the answer at the peer's FIN. Returns whether the answer is complete; if not, r->error has the reason. */
bool http_reply_fin(struct http_reply *r);

/** Returns whether the answer is complete and another request may be sent on the connection (RFC 9112 9.3). */
static inline bool
http_reply_persistent(const struct http_reply *r)
{
	if (!r->done || r->error != REPLY_GOOD || r->until_close || r->conn_close)
		return false;
	if (r->has_coding && (r->has_length || r->minor == 0))
		return false; /* RFC 9112 6.1: the framing is doubtful */
	return r->minor == 1 || r->conn_keep;
}

/** Returns the name of an error, such as "short_body"; "good" for REPLY_GOOD. */
const char *http_reply_error_name(enum http_reply_error e);

#endif
