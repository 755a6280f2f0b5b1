/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_HTTP_BODY_H
#define LA_APP_HTTP_BODY_H

/* The chunked coding (RFC 9112 7.1), byte by byte: pure functions, nothing of the stack.
 *
 * Requests: http_body_parse() decodes a body and stores no byte of it. Lines end with CR LF. LF alone is refused:
 * recipients that treat LF alone differently can see different requests in the same bytes. Chunk extensions and
 * trailer fields are checked and ignored, up to HTTP_HEAD_MAX bytes in total.
 *
 * Answers: http_chunked_at() returns the bytes at an offset of the coded body, so sending can resume at any offset. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_body {
	uint8_t state;	 /* private */
	uint8_t digits;	 /* private: number of digits of the chunk size */
	bool done;	 /* the body is complete, or refused: see status */
	uint16_t status; /* 0: well-formed; 400, 413 (HTTP_BODY_MAX), 431 (extensions and trailer) */
	uint16_t extra;	 /* private: bytes of extensions and trailer */
	uint64_t left;	 /* private: bytes of the chunk still to come */
	uint64_t length; /* decoded bytes of the body so far */
};

void http_body_init(struct http_body *b);

/** Decodes bytes up to the end of the body. Returns the number of bytes taken: len, unless b->done. */
size_t http_body_parse(struct http_body *b, const void *buf, size_t len);

enum {
	HTTP_CHUNK = 16384,   /* bytes of each chunk of an answer but the last */
	HTTP_CHUNK_TEXT = 16, /* bytes of a buffer for a chunk's size line, or for the text after a chunk's data */
};

/** Finds the next bytes, from offset pos on, of the chunked coding of n pattern bytes. Returns their number, 0 at the
 * end. Data: *from is their offset in the pattern. Size line or line end: *from is UINT64_MAX, and the bytes are in
 * text[HTTP_CHUNK_TEXT]. */
size_t http_chunked_at(uint64_t n, uint64_t pos, char *text, uint64_t *from);

#endif
