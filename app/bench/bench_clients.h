/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_BENCH_CLIENTS_H
#define LA_APP_BENCH_CLIENTS_H

/* Clients by schedule, for `lastack bench overload` and `abuse`.
 *
 * Connections begin by a schedule, in an open loop, independent of their results. Time is virtual: it is
 * the server's CPU time, and jumps to the next event when the server has no work.
 * Generator and network take no time. So one core is sufficient, and other processes have no influence.
 *
 *	clients -> ring of 1024 frames, like a port's; when it is full, frames are lost -> server
 *	clients <- answers; no answer is lost
 *
 * The server's loop is like the worker's, with its overload control (run/shed.h). A client opens, sends a request,
 * compares every byte of the answer and closes; the server closes first. A client retransmits a segment (the SYN only
 * with syn_again) after 100 ms without an answer, and gives up a second after its SYN. A client that has ended answers
 * segments by RST.
 *
 * Without a tick, frames reach the ring as soon as they exist, those of a batch in any order. With a tick, frames
 * reach the ring together once a tick. Then the burst that the server finds depends on the frame rate only, a tick
 * is the network's round trip, and each client's frames keep their order. */

#include "bench/internal.h"
#include "core/histogram.h"
#include "run/shed.h"

enum {
	CLIENTS_NSTEPS = 4,  /* segments of a client, when none is lost */
	CLIENTS_RECENT = 16, /* clients that are kept in `recent` */
};

struct client {
	double begun;  /* due time of the SYN, ns; below 0: the slot is free */
	uint32_t sent; /* number of the client's last segment, modulo 2^32: identifies its timer */
};

struct client_timer {
	double due; /* ns */
	uint32_t slot, sent;
};

/** The events of a run, or of a part of a run. */
struct clients_tally {
	uint64_t offered, carried, timeouts, resets; /* connections */
	uint64_t ring_full;			     /* frames lost at the ring */
	uint64_t shed;				     /* SYNs dropped by overload control */
	double ns;				     /* virtual time, ns */
	double cpu;				     /* CPU time of the server, ns */
	uint64_t tsc;				     /* TSC cycles of the server */
	double p99;				     /* 99th percentile of the time from SYN to last ACK, ns */
};

struct clients {
	struct server sv;
	struct gen g;
	struct la_shed shed;
	const char *what; /* the bench's name, for faults */
	struct client *client;
	uint32_t *free; /* stack of slots */
	uint32_t nslots, nfree, sent;
	struct client_timer *timer; /* in the order of due times: all timers run for the same time */
	uint32_t ntimers;
	uint64_t head, tail;
	double gap;	  /* ns between two SYNs; 0: closed loop */
	double next;	  /* due time of the next SYN, ns */
	double tick;	  /* ns between two deliveries; 0: at once */
	double next_tick; /* time of the next delivery, ns */
	bool offering;
	bool syn_again;			 /* a SYN without an answer is sent again; otherwise its client gives up */
	uint32_t nown;			 /* the first nown frames of the batch are the clients' */
	unsigned in_ring;		 /* frames on their way to the server */
	uint32_t recent[CLIENTS_RECENT]; /* the slots whose clients began last, a ring */
	uint32_t nrecent;		 /* the latest slot is at (nrecent - 1) % CLIENTS_RECENT */
	struct clients_tally n;
	struct la_histogram took; /* time from the due time of the SYN to the last ACK, ns */
	/* hooks, or NULL */
	void (*traffic)(struct clients *o); /* called before each delivery: puts more frames into the batch */
	void (*stepped)(struct clients *o); /* called after each step of the server */
	/* called for a segment to an address of no client */
	void (*other)(struct clients *o, const struct gen_answer *a);
};

/** A value of server_options.pool: the server uses the pool of the clients' frames. */
#define CLIENTS_POOL ((struct rte_mempool *)1)

/** Creates the server, and room for `slots` clients at once. Returns 0; or -1 after a fault, or, when memory is short,
 * after a line on stdout. */
int clients_open(struct clients *o, struct bench *b, const struct server_options *so, const char *what, uint32_t slots);
void clients_close(struct clients *o);
/** Sends the server's answer to a request, and closes. Called from la_conn_ops.data. */
void clients_respond(struct la_conn *c);
/** Begins a client that was due at `due`, ns. */
void clients_begin(struct clients *o, double due);
/** Runs ns of virtual time. */
void clients_run(struct clients *o, double ns);
/** Puts the batch into the ring now. */
void clients_deliver(struct clients *o);
/** Sets the tallies to 0, and begins to offer `rate` connections/s. rate 0: a closed loop, in which each client that
 * ends is replaced. */
void clients_offer(struct clients *o, double rate);
/** Begins a measurement. Returns the mark for clients_since(). */
struct clients_tally clients_mark(struct clients *o);
/** Returns the events since clients_mark(). */
struct clients_tally clients_since(const struct clients *o, const struct clients_tally *mark);
static inline double
clients_per_second(uint64_t n, const struct clients_tally *t)
{
	return (double)n / t->ns * 1e9;
}

#endif
