/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_ABUSE_WORLD_H
#define TEST_ABUSE_WORLD_H

/* What the framework's own files know of a world; attacks see abuse.h only. */

#include "abuse.h"
#include "server/service.h"

struct rte_mbuf;
struct rte_mempool;

enum { BURST = 32, RING_MAX = 1024, SLOTS = 256, SERVICES = 5 };

/** A shard with a port: what the worker's loop and a NIC do. */
struct stack {
	struct la_shard *s;
	struct rte_mempool *pool;
	struct rte_mbuf *ring[RING_MAX]; /* the port's receive descriptors, always full */
	unsigned nring;
	struct rte_mbuf *burst[BURST];
	unsigned nburst;
	uint64_t rx_nombuf; /* frames lost: no buffer to take the descriptor's place */
	/* the way to the link, for the crowd: 0: no limit */
	uint32_t frames_per_ms;
	uint32_t queue; /* frames */
	uint32_t loss_ppm;
	uint64_t free_us; /* when the last frame queued will have left */
	uint64_t queue_drops;
};

/** Frames that arrive in one millisecond, one behind the other. */
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
	uint64_t now;   /* ms */
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
/** A frame of a shard's; the crowd's are held up or lost by its access link. */
void net_wire(struct abuse *w, enum host from, const uint8_t *p, size_t len);
/** One millisecond: what is due arrives, timers run. */
void net_step(struct abuse *w);
/** HONEST asks for an echo reply and for the server's MAC. */
void net_ping(struct abuse *w);

/* host.c */
void net_open(struct abuse *w);
void net_close(struct abuse *w);
/** A frame has arrived at a shard's port. */
void net_rx(struct abuse *w, enum host h, const uint8_t *p, size_t len);
/** Bursts that are not full, and timers. */
void net_run_shards(struct abuse *w);
/** Takes what a shard has to send after a call from outside. */
void net_tx(struct abuse *w, enum host h);

/* judge.c */
/** Breaches where one of these gauges (bits) is not what it was; `late`: after much idle time. */
void judge_gauges(struct abuse *w, unsigned which, bool late, const char *when);
void judge_service(struct abuse *w, const struct honest_result *r);
void judge_tables(struct abuse *w);

#endif
