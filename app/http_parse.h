/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_HTTP_PARSE_H
#define LA_APP_HTTP_PARSE_H

/* HTTP/1.x requests, byte by byte: pure functions, nothing of the stack.
 *
 * A request head may come in any number of pieces; nothing of it is stored but the first bytes of
 * its target and the few fields that matter, so a connection costs a fixed, small amount of memory
 * however long the head is (up to HTTP_HEAD_MAX). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_HEAD_MAX = 8192,		/* bytes of a request line with its fields; more: 431, or 414 */
	HTTP_BODY_MAX = 1 << 20,	/* bytes of a request body that are read and ignored; more: 413 */
	HTTP_BYTES_MAX = 1 << 30,	/* largest N of /bytes/N */
	HTTP_TARGET_MAX = 64,		/* bytes of the target that are kept */
	HTTP_ANSWER_MAX = 512,		/* bytes of any response head */
	HTTP_BODY_MIN_RATE = 500,	/* bytes/s: a request's body has head_ms and its length at this rate */
};

enum http_method { HTTP_OTHER, HTTP_GET, HTTP_HEAD };

struct http_parser {
	uint8_t state;	     /* private */
	uint8_t field;	     /* private: which field's value is being read */
	bool done;	     /* the head is complete, or hopeless: see status */
	uint16_t status;     /* 0: well-formed; otherwise the answer, after which the connection closes */
	uint16_t total;	     /* bytes of the head so far */
	enum http_method method;
	uint8_t minor;	     /* HTTP/1.minor, 0 or 1 */
	bool conn_close;     /* Connection: close */
	bool conn_keep;	     /* Connection: keep-alive */
	bool expect;	     /* Expect: 100-continue */
	bool has_length, has_encoding, has_host, bad_value;
	uint64_t length;     /* Content-Length; 0 without one */
	uint64_t value;	     /* private: the number being read */
	uint8_t token_len;   /* private */
	uint8_t target_len;
	bool target_cut;     /* longer than what is kept */
	char token[20];	     /* private */
	char target[HTTP_TARGET_MAX];
};

void http_parser_init(struct http_parser *p);

/** Reads up to the end of the head. Returns the bytes taken: all of them unless p->done. */
size_t http_parse(struct http_parser *p, const void *buf, size_t len);

/** Nothing but empty lines has come yet. */
bool http_parser_idle(const struct http_parser *p);

/** May the connection be used again after this request (RFC 9112 9.3)? */
bool http_keep_alive(const struct http_parser *p);

struct http_answer {
	uint16_t status;
	bool head_only;	  /* HEAD: no body follows */
	bool pattern;	  /* the body is the pattern; otherwise `text` */
	bool keep;	  /* the connection lives on */
	bool http10;	  /* the request was HTTP/1.0 */
	const char *text; /* a short body */
	uint64_t length;  /* Content-Length */
};

/** What a request gets. p->done is true. */
void http_answer(const struct http_parser *p, struct http_answer *a);

/** The response head; date: the Date field's value. Returns its length, less than HTTP_ANSWER_MAX. */
size_t http_answer_head(const struct http_answer *a, const char *date, char *buf, size_t size);

/** IMF-fixdate of RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". buf: 32 bytes. */
void http_date(int64_t unix_seconds, char *buf, size_t size);

/** A GET of path as a client sends it. host: an address; version: our own; last: the server is to close
 * after it. Returns its length, as snprintf() does. */
int http_request(char *buf, size_t size, const char *path, const char *host, const char *version,
		 bool last);

/** Reading answers (the client): finds the end of a response head. */
struct http_reply {
	uint8_t state;
	bool done;	 /* the head is complete */
	uint16_t status; /* of the status line, 0 when it is none */
	uint16_t total;
	char line[16];	 /* the start of the status line */
	uint8_t match;	 /* private: how much of Content-Length this line has shown */
	bool has_length;
	uint64_t length; /* Content-Length, when there is one */
};

/** Returns the bytes taken: all of them unless r->done. */
size_t http_reply_parse(struct http_reply *r, const void *buf, size_t len);

#endif
