/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_HTTP_BODY_H
#define LA_APP_HTTP_BODY_H

/* The chunked coding (RFC 9112 7.1), byte by byte: pure functions, nothing of the stack.
 *
 * Requests: http_body_parse() decodes a body and stores none of it. Lines end with CR LF. LF alone is refused:
 * recipients that disagree on it can be made to see different requests. Chunk extensions and trailer fields are
 * checked and ignored, up to HTTP_HEAD_MAX bytes of both together.
 *
 * Answers: http_chunked_at() gives the bytes at an offset of the coded body, so that sending resumes anywhere. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_body {
	uint8_t state;	 /* private */
	uint8_t digits;	 /* private: of the chunk size */
	bool done;	 /* the body is complete, or refused: see status */
	uint16_t status; /* 0: well-formed; 400, 413 (HTTP_BODY_MAX), 431 (extensions and trailer) */
	uint16_t extra;	 /* private: bytes of extensions and trailer */
	uint64_t left;	 /* private: bytes of the chunk that are missing */
	uint64_t length; /* bytes of the body so far, without the coding */
};

void http_body_init(struct http_body *b);

/** Returns the bytes taken: all of them unless b->done. */
size_t http_body_parse(struct http_body *b, const void *buf, size_t len);

enum {
	HTTP_CHUNK = 16384,   /* bytes of each chunk of an answer but the last */
	HTTP_CHUNK_TEXT = 16, /* bytes of a buffer that takes a chunk's size line, or all that follows its data */
};

/** Bytes of the chunked coding of n pattern bytes from offset pos on. Returns their number, 0 at the end.
 * Text is written to text[HTTP_CHUNK_TEXT] and *from is UINT64_MAX; for data *from is the offset in the pattern. */
size_t http_chunked_at(uint64_t n, uint64_t pos, char *text, uint64_t *from);

#endif
