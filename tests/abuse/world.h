/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_ABUSE_WORLD_H
#define TEST_ABUSE_WORLD_H

/* The world as the framework's own files use it; attacks include only abuse.h. */

#include "abuse.h"
#include "server/service.h"

struct rte_mbuf;
struct rte_mempool;

enum { BURST = 32, RING_MAX = 1024, SLOTS = 256, SERVICES = 5 };

/** A shard with a port: models the worker's loop and a NIC. */
struct stack {
	struct la_shard *s;
	struct rte_mempool *pool;
	struct rte_mbuf *ring[RING_MAX]; /* the port's receive descriptors, always full */
	unsigned nring;
	struct rte_mbuf *burst[BURST];
	unsigned nburst;
	uint64_t rx_nombuf; /* frames lost: no buffer to take the descriptor's place */
	/* the crowd's access link; 0: no limit */
	uint32_t frames_per_ms;
	uint32_t queue; /* frames */
	uint32_t loss_ppm;
	uint64_t free_us; /* when the last frame queued will have left */
	uint64_t queue_drops;
};

/** Frames that arrive in one millisecond, in order. */
struct slot {
	uint8_t *b;
	size_t len, cap;
};

struct crowd;

struct abuse {
	const struct attack *attack;
	const struct row *row;
	struct stack stack[STACKS];
	struct service services[SERVICES];
	struct slot wire[SLOTS];
	uint64_t now;	/* ms */
	uint64_t began; /* of the attack; 0: not yet */
	uint64_t rng;
	bool attacking, failed;
	struct honest *honest;
	struct bot *bots[2]; /* [0] IPv4, [1] IPv6, by port */
	uint32_t nbots;
	struct crowd *crowd;
	struct la_counters before; /* the server's, when the attack began */
	uint64_t gauges[GAUGES];   /* likewise */
	uint64_t frames_out;
	uint32_t pings, pongs, arps, arp_answers;
	bool arp_waits;
};

/* net.c */
/** Sends a frame of a shard; the crowd's access link delays or loses its frames. */
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
/** Delivers partial bursts, and runs timers. */
void net_run_shards(struct abuse *w);
/** Takes a shard's frames after an API call. */
void net_tx(struct abuse *w, enum host h);

/* judge.c */
/** Reports a breach for each of these gauges (bits) that differs from its old value; `late`: after long idle time. */
void judge_gauges(struct abuse *w, unsigned which, bool late, const char *when);
void judge_service(struct abuse *w, const struct honest_result *r);
void judge_tables(struct abuse *w);

#endif
