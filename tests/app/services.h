/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_SERVICES_H
#define TEST_SERVICES_H

/* A service of `lastack server` on host B of a simulated network, and clients of this service on host A that
 * read and write at a given pace. Both hosts are shards; each way takes 1 ms; time is virtual. */

#include <criterion/criterion.h>

#include "../sim/fixture.h"
#include "server/http_conn.h"

enum { DELAY_MS = 1, PORT = 80, ALL = UINT32_MAX };

/** The service under test. Three of its callbacks are wrapped, so that their times are known. */
struct bench {
	struct la_sim *w;
	struct service s;
	struct la_conn_ops real;		 /* the service's own callbacks */
	uint64_t opened_at, acked_at, closed_at; /* time of the last callback of each kind, ms of the shard */
	unsigned closed;
	enum la_end end;      /* kind of end of the connection that closed last */
	uint32_t short_sends; /* seed: la_send*() accepts none or a part of the service's bytes; 0: all bytes */
	bool writable_due;    /* la_send*() accepted a part: `writable` must follow */
	unsigned mbufs;	      /* free mbufs of the pool at the start */
};
extern struct bench b;

struct client {
	struct la_conn *c; /* NULL: closed */
	const char *out;   /* text to send */
	size_t out_len, out_pos;
	uint32_t step_ms; /* interval of reads and writes */
	uint32_t read;	  /* bytes read in an interval; ALL: at once */
	uint32_t write;	  /* bytes written in an interval; ALL: as fast as accepted */
	uint32_t junk;	  /* arbitrary bytes to send after `out` */
	bool keep_open;	  /* does not close after the server's FIN */
	bool fin_after;	  /* FIN behind `out` */
	uint8_t *in;	  /* the bytes read */
	size_t in_len, in_room;
	uint64_t opened_at, fin_at, closed_at; /* ms of the client's shard; 0: not yet */
	enum la_end end;
};

/** Creates a world with this service; b.s may be changed until serve(). */
void bench_make(const struct service_def *def, uint32_t idle_ms);
void serve(void);
/** Opens the client's connection. rcvbuf in bytes. */
void client_open(struct client *cl, uint32_t rcvbuf);
/** Changes the pace of reading, and reads at once. */
void client_read(struct client *cl, uint32_t read);
void client_free(struct client *cl);
/** Lets ms milliseconds pass. */
void pass(uint64_t ms);
/** Lets ms milliseconds pass. Every `every` ms, calls `writable` if la_send*() accepted only a part since then. */
void pass_short_sends(uint64_t ms, uint64_t every);
/** Drains the service. */
void drain(void);
/** Ends all connections, and checks that every packet buffer is free. */
void bench_over(void);
/** Returns counter k of the service. */
uint64_t count(unsigned k);
/** Returns the number of packet buffers in use. */
unsigned mbufs_used(void);

#endif
