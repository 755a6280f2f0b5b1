/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_ABUSE_HONEST_H
#define TEST_ABUSE_HONEST_H

/* Shared by honest.c (all connections) and honest_conn.c (one connection). */

#include "world.h"

enum { HONEST_RECORDS = 4096, HEAD_MAX = 512, PATTERN_MOST = 1 << 17 };
enum kind { HTTP_SERVER_CLOSES, ECHO_KIND, HTTP_CLIENT_CLOSES, DISCARD_KIND, KINDS };

struct client {
	struct honest *h;
	struct la_conn *c; /* NULL: the record is free */
	struct la_tuple t;
	enum kind kind;
	uint32_t size;	   /* bytes of a body, or of the text */
	uint32_t number;   /* index into past */
	unsigned requests; /* HTTP: requests of the connection */
	unsigned answered;
	uint32_t to_send, sent; /* echo, discard */
	uint32_t got;		/* of the body, or of the echo */
	bool in_body;		/* HTTP: behind the head of a response */
	bool bad;		/* already reported */
	bool finished;		/* transfer complete: close */
	bool closing;		/* la_close() was called */
	char head[HEAD_MAX];	/* of the response, received so far */
	uint32_t head_len;
};

struct past {
	uint64_t began; /* ms */
	uint32_t took;	/* ms; UINT32_MAX: not closed in order, or not yet */
};

struct honest {
	struct abuse *w;
	struct la_shard *s;
	struct client client[HONEST_RECORDS];
	struct past *past;
	uint32_t npast, cap;
	uint32_t mark; /* results count from here on */
	uint16_t port; /* of the last open */
	uint64_t next; /* ms: when the next one opens */
	uint32_t wrong;
	uint8_t pattern[PATTERN_MOST];
};

extern const struct la_conn_ops honest_ops;

#endif
