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
	uint32_t got;		/* bytes received of the body, or of the echo */
	bool in_body;		/* HTTP: the head of the response is complete */
	bool bad;		/* a fault was reported; further faults are not printed */
	bool finished;		/* the transfer is complete: close */
	bool closing;		/* la_close() was called */
	char head[HEAD_MAX];	/* received part of the response head */
	uint32_t head_len;
};

struct past {
	uint64_t began; /* ms */
	uint32_t took;	/* ms until the orderly close; UINT32_MAX: open, or not closed in order */
};

struct honest {
	struct abuse *w;
	struct la_shard *s;
	struct client client[HONEST_RECORDS];
	struct past *past;
	uint32_t npast, cap;
	uint32_t mark; /* results count from this index of `past` on */
	uint16_t port; /* local port of the last open */
	uint64_t next; /* ms at which the next connection opens */
	uint32_t wrong;
	uint8_t pattern[PATTERN_MOST];
};

extern const struct la_conn_ops honest_ops;

#endif
