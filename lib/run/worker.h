/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_WORKER_H
#define LA_RUN_WORKER_H

/* Inside lib/run: shared by engine.c and worker.c. Each field names its writer; data that a worker
 * uses for every burst shares no cache line with data that another thread writes.
 *
 * All shared data of workers:
 *
 *   data                              writer, and time
 *   la_engine.phase, .stops           control thread and signals, a few times a run; workers read it every
 *                                     10 ms
 *   la_station_run, published part    its own worker, every 10 and 100 ms; the control thread reads
 *   la_engine.cfg, ports, clock       the main thread, before the workers start
 *   la_log()'s level, const payload   the main thread, before the workers start
 *   hand-over rings (hand_over.c)     one worker writes, one reads. Only frames that arrive in the queue of
 *                                     another shard: on a port with a queue for each shard and our RSS, only
 *                                     ARP replies and neighbour advertisements
 *   mbuf pools                        one for each shard. A frame that was handed over, or that a ring port
 *                                     passed to its peer, is freed by another worker: into that lcore's own
 *                                     cache, and 256 at a time into the pool's ring
 *   mbuf reference counts             of data on a send queue: one worker, unless another sends for it
 *   ethdev's queues                   one worker each
 *   ethdev's statistics               the worker of the port's first shard
 *   a capture (--pcap)                its ring and its counters; without a capture none
 *
 * Shards, their tables, counters and applications belong to one worker. The record of constant payload
 * (lib/tcp/sendq.c) belongs to one core. */

#include <rte_common.h>

#include "io/clock.h"
#include "io/lane.h"
#include "run/engine.h"
#include "run/hand_over.h"
#include "run/pools.h"
#include "run/shed.h"

/* The phases of a run, written only by the control thread, each acknowledged by every worker. */
enum la_phase {
	LA_PHASE_RUN,
	LA_PHASE_DRAIN, /* stop listening, let open connections finish */
	LA_PHASE_ABORT, /* abort the remaining connections */
	LA_PHASE_STOP,	/* answer the last frames, then end the loop */
};

enum {
	LA_PORT_BURST = LA_LANE_BURST,
	LA_PUBLISH_MS = 100,
	LA_CONTROL_MS = 10,
	LA_SETTLE_MS = 5, /* time without frames before a worker ends */
};

/** A running station. */
struct la_station_run {
	/* the worker's own */
	struct la_shard *shard;
	struct rte_mempool *control; /* la_shard_config.control */
	const struct la_station_ops *ops;
	void *ctx;
	struct la_faulty *faulty; /* NULL: none */
	struct la_mem_ops mem;	  /* memory of the worker's NUMA node */
	int asked_node;		  /* wanted NUMA node of the tables; -1: any */
	int tables_node;	  /* actual NUMA node of the tables, as in la_tables_place */
	struct la_hand_over hand; /* the port's queue, and the rings to its other shards */
	bool drained;
	uint64_t frames_in;
	uint64_t frames_out; /* frames passed to the queue's owner; a station with a queue counts in lane.txq */
	uint64_t polled_at;  /* ms: last poll of the application */
	bool rx_more;	     /* the last burst from the port, or from another shard of it, was full: more wait */
	unsigned tx_turn;    /* shard of the port that transmits first in the next round */
	struct la_shed shed;
	unsigned mbufs_before, mbufs_out; /* mbufs in use of the pool; as in la_station_stats */
	uint32_t buffers_max;
	struct la_lane lane; /* port and pool; the queue, if the station has its own queue */

	/* published by the worker, read by the control thread: copy[version & 1] is the valid one */
	unsigned version __rte_cache_aligned;
	unsigned seen; /* enum la_phase: the newest one that this station has acknowledged */
	uint32_t live; /* connections at the last check */
	bool ready;    /* the first resolution of all gateways has ended: the application is polled */
	bool started;  /* the application's start succeeded: it listens */
	bool done;     /* the application has no work left */
	int error;     /* result of ops->start */
	struct la_station_stats copy[2];
} __rte_cache_aligned;

enum {
	LA_APP_WAITING = 64, /* while more frames wait for the port, the application is polled rarely */
	LA_APP_LATE_MS = 20, /* longest interval between two polls of the application */
};

/** Returns whether the application is polled in this round. room: la_tx_room(). Waiting frames come before new
 * connections, in both directions. With many frames to transmit, the application would use the room for answers. With
 * more frames to receive, it would open connections faster than they end. Each connection then costs more, because
 * more of them are open than the caches hold, and the worker cannot catch up again. */
static inline bool
la_app_due(const struct la_station_run *st, uint64_t now, unsigned room)
{
	return (likely(!st->rx_more) && likely(room >= LA_TXQ_FRAMES - LA_APP_WAITING)) ||
	       now - st->polled_at >= LA_APP_LATE_MS;
}

struct la_worker {
	struct la_engine *engine;
	struct la_station_run *stations[LA_ENGINE_MAX_STATIONS];
	unsigned nstations;
	unsigned lcore;
	struct la_clock clock;
	enum la_phase phase; /* last phase read */
	/* ms: next housekeeping and next publication; in STOP the worker ends at quiet_at, which each received frame
	 * moves, or at leave_at */
	uint64_t chores_at, publish_at, quiet_at, leave_at;
	uint64_t round_at;    /* ms: the last round */
	uint64_t resumed_at;  /* ms: the first round after the worker was off its CPU */
	uint64_t begun_tsc;   /* TSC at the start of the loop */
	uint64_t round_tsc;   /* TSC at the start of the current round */
	uint64_t busy_cycles; /* TSC cycles of busy rounds */
	unsigned idle;	      /* consecutive empty rounds */
	enum la_idle idle_mode;
	struct la_capture *capture; /* NULL: none */
} __rte_cache_aligned;

struct la_engine {
	struct la_engine_config cfg;
	struct la_eal eal;
	struct la_port ports[LA_EAL_MAX_PORTS * 2];
	char port_text[LA_EAL_MAX_PORTS * 2][256]; /* written by the control thread during the run */
	struct la_engine_link links[LA_EAL_MAX_PORTS * 2];
	uint64_t links_at; /* ms: next look at the links */
	unsigned nports;
	struct la_capture *capture;
	struct la_snapshot *snapshot; /* opened and verified, not yet read; or NULL */
	bool state_refused;
	uint32_t quiet_ms; /* quiet time of each shard */
	struct la_pool_plan plans[LA_ENGINE_MAX_STATIONS];
	struct la_station_run *stations;
	struct la_worker *workers;
	unsigned nworkers;
	struct la_clock clock; /* the control thread's */
	uint64_t t0;	       /* ms: start of la_engine_run() */
	uint64_t t_end;	       /* ms: end of DRAIN; 0: not yet */
	uint64_t drain_at;     /* ms: latest end of DRAIN */
	uint64_t report_at;    /* ms: next live line */
	uint64_t ready_at;     /* ms: time at which every station was ready; 0: not yet */
	int error;

	unsigned phase __rte_cache_aligned; /* enum la_phase */
	unsigned stops;			    /* calls of la_engine_stop() */
};

/** Returns whether the first resolution of the shard's gateways has ended. From then on its application is polled. */
bool la_worker_ready(struct la_station_run *st);

/** Passes the frames of a burst of the station's port to their shards. now: ms. */
void la_worker_received(struct la_worker *w, struct la_station_run *st, uint64_t now, struct rte_mbuf **pkts,
			unsigned n);

/** Call on the main thread after the end of all workers: passes the frames in their rings to shards and ports. */
void la_worker_settle(struct la_engine *e);

/** The worker's loop, for rte_eal_remote_launch(). arg: struct la_worker. */
int la_worker_main(void *arg);

#endif
