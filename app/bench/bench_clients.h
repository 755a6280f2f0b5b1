/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_BENCH_CLIENTS_H
#define LA_APP_BENCH_CLIENTS_H

/* Clients by schedule, for `lastack bench overload` and `abuse`.
 *
 * Connections begin by a schedule, in an open loop, independent of their results. Time is virtual: it is
 * the server's CPU time, and it jumps to the next event when the server has no work.
 * Generator and network take no time. So one core is sufficient, and other processes have no influence.
 *
 *	clients -> ring (1024 frames, as a port's; a frame is lost when it is full) -> server: the worker's loop
 *	clients <- answers, none lost
 *
 * The server's loop has the worker's overload control (run/shed.h). A client opens, sends a request, compares
 * every byte of the answer and closes; the server closes first. It sends a segment again after 100 ms without an
 * answer and gives up a second after its SYN. A client that gave up answers later segments by RST.
 *
 * Without a tick, frames reach the ring as soon as they exist, those of a batch in any order. With a tick, frames
 * reach the ring together once a tick. Then the burst that the server finds depends on the frame rate only, a tick
 * is the network's round trip, and each client's frames keep their order. */

#include "bench/internal.h"
#include "core/histogram.h"
#include "run/shed.h"

enum {
	CLIENTS_NSTEPS = 4, /* segments of a client, when none is lost */
	CLIENTS_RECENT = 16,
};

struct client {
	double begun;  /* ns; below 0: the slot is free */
	uint32_t sent; /* number of its last segment, modulo 2^32: identifies its timer */
};

struct client_timer {
	double due; /* ns */
	uint32_t slot, sent;
};

/** Events, of a run or of a part of it. */
struct clients_tally {
	uint64_t offered, carried, timeouts, resets; /* connections */
	uint64_t ring_full;			     /* frames lost at the ring */
	uint64_t shed;				     /* SYNs dropped by overload control */
	double ns, cpu;				     /* virtual time; CPU time of the server, ns */
	uint64_t tsc;				     /* the server's, cycles */
	double p99;				     /* SYN until last ACK, ns */
};

struct clients {
	struct server sv;
	struct gen g;
	struct la_shed shed;
	const char *what; /* the bench's name, for faults */
	struct client *client;
	uint32_t *free; /* stack of slots */
	uint32_t nslots, nfree, sent;
	struct client_timer *timer; /* in the order of due times: all have the same length */
	uint32_t ntimers;
	uint64_t head, tail;
	double gap, next;	/* ns between two SYNs, and when the next is due; gap 0: closed loop */
	double tick, next_tick; /* ns between two deliveries, and the next; tick 0: at once */
	bool offering;
	bool syn_again;			 /* a SYN without an answer is sent again; otherwise its client gives up */
	uint32_t nown;			 /* frames of the batch that are the clients': those before this place */
	unsigned in_ring;		 /* frames on their way to the server */
	uint32_t recent[CLIENTS_RECENT]; /* slots that began last, */
	uint32_t nrecent;		 /* the last one at (nrecent - 1) % CLIENTS_RECENT */
	struct clients_tally n;
	struct la_histogram took; /* SYN sent until the last ACK, ns */
	/* more traffic, or NULL */
	void (*traffic)(struct clients *o); /* once before each delivery by the clock: puts frames into the batch */
	void (*stepped)(struct clients *o); /* after each step of the server */
	void (*other)(struct clients *o, const struct gen_answer *a); /* a segment for no client's address */
};

/** The pool of frames as the server's own too: server_options.pool. */
#define CLIENTS_POOL ((struct rte_mempool *)1)

/** The server, and room for so many clients at once. 0; -1 after a fault or a line on stdout. */
int clients_open(struct clients *o, struct bench *b, const struct server_options *so, const char *what, uint32_t slots);
void clients_close(struct clients *o);
/** Sends the server's answer to a request, and closes; from la_conn_ops.data. */
void clients_respond(struct la_conn *c);
/** A client begins; due: ns, its due time. */
void clients_begin(struct clients *o, double due);
/** Runs ns of virtual time. */
void clients_run(struct clients *o, double ns);
/** Puts the batch into the ring now. */
void clients_deliver(struct clients *o);
/** Tallies begin at 0, and clients are offered: rate connections/s, or a closed loop of those that begin now (0). */
void clients_offer(struct clients *o, double rate);
/** A measurement begins: the result is for clients_since(). */
struct clients_tally clients_mark(struct clients *o);
/** The events since the mark. */
struct clients_tally clients_since(const struct clients *o, const struct clients_tally *mark);
static inline double
clients_per_second(uint64_t n, const struct clients_tally *t)
{
	return (double)n / t->ns * 1e9;
}

#endif
