/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_HTTP_REPLY_H
#define LA_APP_HTTP_REPLY_H

/* HTTP/1.x answers (RFC 9112), byte by byte: a pure parser without allocation.
 *
 * The parser keeps no field and no body byte. One answer costs sizeof(struct http_reply) bytes per connection,
 * for any length of head and body and any cut into segments. Debian's parsers (libhttp-parser, libllhttp) call back
 * into the user and leave 204, 304, HEAD, 1xx and the limits to the user. For this reason the parser here stays;
 * tests/fuzz/fuzz_http_reply.c compares it with libhttp-parser. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_REPLY_HEAD_MAX = 65536, /* bytes of the heads of one answer, 1xx heads included; of its trailer as well */
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
	REPLY_SWITCHED,	       /* 101 without an Upgrade of ours */
	REPLY_ERRORS
};

/** Zeroed: an answer is awaited. Fields are read-only for the user, except no_body. */
struct http_reply {
	uint64_t length;   /* Content-Length, when has_length */
	uint64_t left;	   /* private: bytes of the body or chunk still to come */
	uint64_t value;	   /* private: the number being read */
	uint32_t total;	   /* private: bytes of heads, or of the trailer */
	uint16_t line;	   /* private: bytes of the status line or chunk line */
	uint16_t status;   /* of the final answer; 0 before its status line is read */
	uint8_t state;	   /* private */
	uint8_t field;	   /* private: whose value is being read */
	uint8_t minor;	   /* HTTP/1.minor: 0 or 1 */
	uint8_t error;	   /* enum http_reply_error; other than REPLY_GOOD: done is set as well */
	uint8_t token_len; /* private */
	char token[18];	   /* private: one more than the longest name that matters */
	bool no_body;	   /* set by the user before the first byte: the request was HEAD */
	bool head_done;	   /* the final head is complete: status, has_length and length are valid */
	bool done;	   /* the answer is complete, or error is set */
	bool has_length;
	bool has_coding;				/* Transfer-Encoding was there */
	bool chunked;					/* and chunked is the last coding */
	bool any_chunked;				/* private */
	bool until_close;				/* the peer's FIN ends the body */
	bool conn_close, conn_keep;			/* Connection: close, keep-alive */
	bool number, space, quoted, parameter, trailer; /* private */
};

/** Reads up to the end of the next run of body bytes, or of the answer. Returns the bytes taken, at least one unless
 * len is 0 or r->done; the last *body of them are body. */
size_t http_reply_read(struct http_reply *r, const void *buf, size_t len, size_t *body);

/** The peer's FIN. True: the answer is complete; false: r->error says why it is not. */
bool http_reply_fin(struct http_reply *r);

/** After a complete answer: may another request be sent on the connection (RFC 9112 9.3)? */
bool http_reply_persistent(const struct http_reply *r);

/** "short_body", ...; of REPLY_GOOD "good". */
const char *http_reply_error_name(enum http_reply_error e);

#endif
