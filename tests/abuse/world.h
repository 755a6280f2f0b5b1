/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_ABUSE_WORLD_H
#define TEST_ABUSE_WORLD_H

/* The state of a run. Only the files of the framework include this header; an attack includes only abuse.h. */

#include "abuse.h"
#include "server/service.h"

struct rte_mbuf;
struct rte_mempool;

enum { BURST = 32, RING_MAX = 1024, SLOTS = 256, SERVICES = 5 };

/** A shard with a port. Models the worker's loop and a NIC. */
struct stack {
	struct la_shard *s;
	struct rte_mempool *pool;
	struct rte_mbuf *ring[RING_MAX]; /* buffers of the port's receive descriptors; each descriptor has a buffer */
	unsigned nring;
	struct rte_mbuf *burst[BURST];
	unsigned nburst;
	uint64_t rx_nombuf; /* frames lost because no buffer was free for their descriptor */
	/* the access link of the load clients; other hosts have none */
	uint32_t frames_per_ms; /* 0: no limit */
	uint32_t queue;		/* most frames that wait */
	uint32_t loss_ppm;
	uint64_t free_us; /* time at which the last queued frame leaves the queue */
	uint64_t queue_drops;
};

/** Frames that arrive in one millisecond, in order. */
struct slot {
	uint8_t *b;
	size_t len, cap;
};

struct load;

struct abuse {
	const struct attack *attack;
	const struct row *row;
	struct stack stack[STACKS];
	struct service services[SERVICES];
	struct slot wire[SLOTS];
	uint64_t now;	/* ms */
	uint64_t began; /* ms at which the attack began; 0: the attack has not begun */
	uint64_t rng;
	bool attacking, failed;
	struct honest *honest;
	struct bot *bots[2]; /* [0] IPv4, [1] IPv6, by port */
	uint32_t nbots;
	struct load *load;
	struct la_counters before; /* the server's counters when the attack began */
	uint64_t gauges[GAUGES];   /* the server's gauges when the attack began: the old values */
	uint64_t frames_out;
	uint32_t pings, pongs, arps, arp_answers;
	bool arp_waits;
};

/* net.c */
/** Sends a frame of a shard. The access link delays or loses frames of the load clients. */
void net_wire(struct abuse *w, enum host from, const uint8_t *p, size_t len);
/** Runs one millisecond: due frames arrive, timers fire. */
void net_step(struct abuse *w);
/** HONEST sends an echo request and an ARP request for the server's MAC. */
void net_ping(struct abuse *w);

/* host.c */
void net_open(struct abuse *w);
void net_close(struct abuse *w);
/** A frame has arrived at a shard's port. */
void net_rx(struct abuse *w, enum host h, const uint8_t *p, size_t len);
/** For every shard: delivers received frames of an incomplete burst, and runs timers. */
void net_run_shards(struct abuse *w);
/** Takes a shard's frames after an API call. */
void net_tx(struct abuse *w, enum host h);

/* judge.c */
/** Reports a breach for each gauge of `which` (bits) that differs from its old value. late: idle neighbours may have
 * expired, so fewer neighbours are no breach. */
void judge_gauges(struct abuse *w, unsigned which, bool late, const char *when);
/** Reports a breach if honest clients got less than 0.9 of their closes, pings or ARP replies. */
void judge_service(struct abuse *w, const struct honest_result *r);
/** Reports a breach if a table of the server fails its checker, or a TIME_WAIT entry ended early. */
void judge_tables(struct abuse *w);

#endif
