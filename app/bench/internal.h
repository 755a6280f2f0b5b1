/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_BENCH_INTERNAL_H
#define LA_APP_BENCH_INTERNAL_H

/* The generator and the server of `lastack bench`. (Theory: bench.h.)
 *
 * A flow has an index in a table, and its ISN is that index times 256. So SEG.ACK of an answer gives the flow, as
 * long as the flow has used fewer than 256 sequence numbers. The
 * address and port of a flow derive from a number by a permutation of all 32-bit numbers:
 * neighbours in the table are far apart in the server's index. */

#include "bench/bench.h"
#include "core/rng.h"

/** A segment of a script: flags and payload bytes of the segment, and of its only answer. want 0: it has no answer. */
struct gen_step {
	uint8_t flags, len, want, want_len;
};

struct gen_flow {
	uint32_t raddr; /* the flow's address (remote for the server), network order */
	uint16_t rport;
	uint8_t step; /* index in the script: the next segment, or the segment that waits for its answer */
	bool waiting;
	uint32_t snd; /* next sequence number to send */
	uint32_t rcv; /* next expected sequence number */
};

struct gen_answer {
	uint32_t raddr, seq, ack, len;
	uint32_t wnd;
	uint16_t rport;
	uint8_t flags;
	const struct rte_mbuf *m; /* the frame */
	uint32_t off;		  /* offset of the payload in the frame, bytes */
};

/** A server and its clock. The server is a shard, or the echo when `shard` is NULL. */
struct server {
	struct bench *b;
	const struct la_port *port;
	uint16_t queue;
	struct rte_mempool *pool;
	struct la_shard *shard;
	double now_ns; /* CPU time of the server's loop */
	struct bench_cost cost;
	uint64_t frames; /* on net_null: frames received in the time of `cost` */
};

struct gen {
	struct bench *b;
	struct server *sv;
	const struct la_port *port;
	struct rte_mempool *pool;
	uint16_t queue, wnd, mss;
	uint8_t wscale;
	const struct gen_step *script;
	unsigned nsteps;
	struct gen_flow *flow;
	uint32_t nflows;
	uint64_t next; /* number of the next new tuple */
	struct rte_mbuf *batch[8 * BENCH_BATCH];
	unsigned n; /* frames in the batch */
	bool asked; /* an ARP reply is in the batch */
	struct la_rng rng;
	uint64_t sent, due, answered; /* due: frames of `sent` that require an answer */
	uint64_t attacks, attack_answers;
	/** Processes an answer in place of the script. NULL: answers are checked against the script. */
	void (*answer)(struct gen *g, const struct gen_answer *a);
	void *ctx;
};

/* bench_server.c */
struct server_options {
	const struct la_conn_ops *ops; /* callbacks of the listener on BENCH_PORT */
	void *user;
	struct la_conn_opts conn;
	uint32_t max_conns;
	uint64_t time_wait;
	uint16_t mtu;
	unsigned queue;
	bool null;		  /* the run uses net_null */
	struct rte_mempool *pool; /* NULL: the queue's own */
	const char *addr;	  /* the server's address with prefix length [10.77.0.2/24] */
};
/** Returns 0, or -1 after a fault; then there is nothing to close. */
int server_open(struct server *sv, struct bench *b, const struct server_options *o);
/** Returns the bytes that the server's tables take. */
uint64_t server_memory(const struct server_options *o);
void server_close(struct server *sv);
/** Runs the server until the ring is empty. The CPU time is added to now_ns, and with `timed` also to cost. */
void server_run(struct server *sv, bool timed);
/** Echoes a burst: swaps the addresses and ports, and writes the frames to out. Returns n. */
unsigned server_echo(struct rte_mbuf **pkts, unsigned n, struct rte_mbuf **out);
/** Returns the server's time, ms. */
static inline uint64_t
server_now(const struct server *sv)
{
	return (uint64_t)(sv->now_ns * 1e-6);
}
/** Checks the counters of drops, resets, retransmissions and early ends: only those of `allowed` may differ from 0. The
 * list ends with LA_NCOUNTERS; NULL: none. Also checks that the ports lost no frame. Returns false after a fault. */
bool server_check(const struct server *sv, const char *what, const enum la_counter *allowed);

/* bench_gen.c */
/** Creates the generator of `sv`, with room for nflows flows. Returns 0, or -1 after a fault. */
int gen_open(struct gen *g, struct server *sv, uint32_t nflows, const struct gen_step *script, unsigned nsteps);
void gen_close(struct gen *g);
/** Gives flow `slot` of the table a new tuple. */
void gen_new_flow(struct gen *g, uint32_t slot);
/** Returns the address of tuple number i, in network order, and sets *port. */
uint32_t gen_tuple(uint32_t i, uint16_t *port);
/** Returns whether an address (network order) is one of gen_tuple(). */
bool gen_is_flow(uint32_t raddr);
/** Puts the flow's next segment into the batch. */
void gen_send(struct gen *g, uint32_t slot);
/** Puts a segment into the batch. Its payload has len octets: 'x', then zeros. */
void gen_segment(struct gen *g, uint32_t raddr, uint16_t rport, uint32_t seq, uint32_t ack, uint8_t flags,
		 uint32_t len);
/** Puts a SYN or an ACK from a random source in 12.0.0.0/8, to the listening port, into the batch. */
void gen_attack(struct gen *g, uint8_t flags);
/** Shuffles the batch. */
void gen_shuffle(struct gen *g);
/** Sends the batch, runs the server and processes the answers. A missing answer is a fault. */
void gen_run(struct gen *g, bool timed);
/** Processes the answers in pkts. The caller frees them. */
void gen_take(struct gen *g, struct rte_mbuf **pkts, unsigned n);
static inline uint64_t
gen_random(struct gen *g)
{
	return la_rng64(&g->rng);
}

/* bench_limit.c */
/** Measures the limit. Returns cycles for a frame of `frame` bytes; 0 after a fault. */
double bench_limit(struct bench *b, unsigned frame);
/** Measures the limit on net_null. Returns cycles for a frame of BENCH_FRAME bytes; 0 after a fault. */
double bench_limit_null(struct bench *b);

/* bench_null.c */
/** Passes the frames to the server, processes the answers and frees the frames. */
void bench_null_run(struct gen *g, struct rte_mbuf **frames, unsigned n, bool timed);

/* bench_both.c */
/** Measures the row of lifecycle with a stack at both ends. */
void bench_both(struct bench *b);

/* bench_fill.c */
/** Fills the TIME_WAIT table with n entries of other peers, whose deadlines are at random within `lifetime` ms. With
 * `mine` the entries have the tuples gen_tuple(0) to gen_tuple(n - 1), and each deadline is `lifetime` ms away. Returns
 * 0, or -1 after a fault. */
int bench_fill(struct server *sv, uint64_t n, uint32_t lifetime, bool mine);
/** Return RCV.NXT and SND.NXT of entry i. A repeated FIN has SEG.SEQ = RCV.NXT - 1. */
static inline uint32_t
bench_fill_rcv_nxt(uint64_t i)
{
	return ((uint32_t)i << 8) + 2;
}
static inline uint32_t
bench_fill_snd_nxt(uint64_t i)
{
	return (uint32_t)la_rng_mix(i);
}
/** Reads each page of the tables, because the host of a virtual machine may have unmapped them. */
void bench_wake(const struct server *sv);

#endif
