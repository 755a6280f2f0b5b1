/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_HTTP_PARSE_H
#define LA_APP_HTTP_PARSE_H

/* HTTP/1.x requests, byte by byte: pure functions, nothing of the stack.
 *
 * A request head may arrive in any number of pieces. The parser stores the first bytes of the target's path
 * and query, and the few fields that matter. A connection costs a fixed, small amount of memory, whatever the
 * length of the head (up to HTTP_HEAD_MAX), of its host name and of its body.
 *
 * libhttp-parser (Debian, 2.9.4) is not used, because it accepts input that a server must refuse, or that other
 * recipients interpret differently: white space before a colon, folded fields, two Host fields, LF within a chunk
 * extension, "0\r\r". It refuses two Content-Length fields with one value, which RFC 9112 6.3 allows, and treats a
 * field whose name begins with Transfer-Encoding as Transfer-Encoding. tests/fuzz/fuzz_http_request.c compares the two
 * parsers. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_HEAD_MAX = 8192,	  /* bytes of a request line with its fields; more: 431, or 414 */
	HTTP_BODY_MAX = 1 << 20,  /* bytes of a request body that are read and ignored; more: 413 */
	HTTP_BYTES_MAX = 1 << 30, /* largest N of /bytes/N and /chunked/N */
	HTTP_DELAY_MAX = 60000,	  /* ms: longest TIME of /delay/TIME */
	HTTP_TARGET_MAX = 64,	  /* bytes of the target's path and query that are kept */
	HTTP_ANSWER_MAX = 512,	  /* bytes of any response head */
	HTTP_TEXT_MAX = 1024,	  /* bytes of any body that is a text */
	HTTP_BODY_MIN_RATE = 500, /* bytes/s: the time limit of a body is head_ms plus its length at this rate */
};

enum http_method { HTTP_OTHER, HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OPTIONS, HTTP_CONNECT };

struct http_parser {
	uint8_t state;	 /* private */
	uint8_t field;	 /* private: which field's value is being read */
	bool done;	 /* the head is complete or refused: see status */
	uint16_t status; /* 0: well-formed; otherwise the status of the answer, after which the connection closes */
	uint16_t total;	 /* bytes of the head so far */
	enum http_method method;
	uint8_t minor;	   /* HTTP/1.minor, 0 or 1 */
	bool conn_close;   /* Connection: close */
	bool conn_keep;	   /* Connection: keep-alive */
	bool expect;	   /* Expect: 100-continue */
	bool expect_other; /* Expect: anything else */
	bool chunked;	   /* Transfer-Encoding has chunked */
	bool has_length, has_encoding, has_host, bad_value;
	bool other_coding; /* private: a transfer coding that is not chunked */
	bool bad_coding;   /* private: chunked twice, or a coding after chunked */
	bool misdirected;  /* absolute-form with a scheme that is not http */
	uint64_t length;   /* Content-Length; 0 without one */
	uint64_t value;	   /* private: the number being read */
	uint8_t token_len; /* private */
	uint8_t target_len;
	bool target_cut; /* path and query are longer than HTTP_TARGET_MAX */
	char token[20];	 /* private */
	/* Path and query, without scheme and authority ("/" for an empty path), or "*". Empty for CONNECT. */
	char target[HTTP_TARGET_MAX];
};

void http_parser_init(struct http_parser *p);

/** Reads up to the end of the head. Returns the bytes taken: all of them unless p->done. */
size_t http_parse(struct http_parser *p, const void *buf, size_t len);

/** Returns whether no byte of a request has been parsed; empty lines before a request do not count. */
bool http_parser_idle(const struct http_parser *p);

/** Returns whether the connection may be used again after this request (RFC 9112 9.3). */
bool http_keep_alive(const struct http_parser *p);

/** Returns whether the request has a body. */
bool http_has_body(const struct http_parser *p);

/** How the connection ends after an answer. */
enum http_end {
	HTTP_END_USUAL,	 /* the Connection field and --http-close decide */
	HTTP_END_FIN,	 /* /end/fin: our FIN at once */
	HTTP_END_RST,	 /* /end/rst: RST as soon as the answer is acknowledged */
	HTTP_END_HALF,	 /* /end/half: answer and FIN before the request's body is read, then read until the FIN */
	HTTP_END_LINGER, /* /end/linger: our FIN after the client's FIN, or after a limited time */
};

struct http_answer {
	uint16_t status;
	uint8_t end;	   /* enum http_end */
	bool head_only;	   /* HEAD: no body follows */
	bool pattern;	   /* the body is the pattern; otherwise `text` */
	bool chunked;	   /* the body is sent in chunks */
	bool until_close;  /* the body has no length: our FIN ends it */
	bool keep;	   /* the connection stays open for the next request */
	bool http10;	   /* the request was HTTP/1.0 */
	bool post;	   /* the resource allows POST */
	uint32_t delay_ms; /* time from the request's last byte to the answer's first */
	const char *text;  /* a short body */
	const char *allow; /* the Allow field; NULL: none */
	uint64_t length;   /* bytes of the body */
};

/** Sets *a to the answer to a request. p->done must be true. */
void http_answer(const struct http_parser *p, struct http_answer *a);

/** Writes the response head to buf. date: the Date field's value. Returns the head's length, less than size. */
size_t http_answer_head(const struct http_answer *a, const char *date, char *buf, size_t size);

/** Sets status, body, delay and end of the answer to a GET of path. Returns false: path is no resource, and *a may have
 * changed. */
bool http_resource(const char *path, size_t len, struct http_answer *a);

/** Returns "404 Not Found\n", for example: status, reason phrase (RFC 9110 15) and a line end. For an unassigned code
 * returns "000 Unassigned\n". */
const char *http_status_text(uint16_t status);

/** Writes an IMF-fixdate (RFC 9110 5.6.7), such as "Sun, 06 Nov 1994 08:49:37 GMT". size: at least 32. */
void http_date(int64_t unix_seconds, char *buf, size_t size);

/** Writes a GET request for path. host: the server's address; version: lastack's version, for User-Agent; last:
 * the request has "Connection: close". Returns the request's length, as snprintf() does. */
int http_request(char *buf, size_t size, const char *path, const char *host, const char *version, bool last);

#endif
