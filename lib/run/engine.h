/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_ENGINE_H
#define LA_RUN_ENGINE_H

/* The engine: ports, shards and workers of one process. (The theory is at the top of engine.c.) */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "io/eal.h"
#include "io/port.h"

struct rte_mbuf;

/** Behaviour of an idle worker: spin, spin with PAUSE, or sleep with growing times. */
enum la_idle { LA_IDLE_POLL, LA_IDLE_PAUSE, LA_IDLE_SLEEP };

/** The result of a station's round. */
enum la_round {
	LA_ROUND_IDLE,
	LA_ROUND_BUSY,	/* it had work: the round counts as busy */
	LA_ROUND_AWAKE, /* it has none now, but will have some before the end of a sleep: the worker spins */
};

/** The callbacks of an application on a shard; any may be NULL. All run on the shard's own worker. */
struct la_station_ops {
	int (*start)(void *ctx, struct la_shard *s); /* creates listeners; negative errno stops the run */
	enum la_round (*poll)(void *ctx, struct la_shard *s, uint64_t now); /* after each burst */
	void (*drain)(void *ctx, struct la_shard *s);			    /* stops listening, starts to close */
	bool (*done)(void *ctx, struct la_shard *s); /* no work left; NULL: serves until the run is stopped */
};

/** One shard on one queue of one port, and the application on it. Several stations may be on one port:
 * each frame goes to the shard that io/steer.h selects, from any queue, and the first of them
 * announces the addresses. The n-th station on a port is shard n there. */
struct la_station {
	const char *name;	      /* for start-up lines and summaries: "server" */
	struct la_shard_config shard; /* secret, now, mbufs, mac, mtu (if 0), offloads: set by the engine; other
				       * fields that are 0 take the shard's defaults */
	unsigned port;		      /* index into la_eal.port[]; stations of one port take its queues in order */
	unsigned worker;	      /* 0, 1, ...: stations of one worker share an lcore */
	const struct la_station_ops *ops;
	void *ctx;
	struct la_faulty *faulty; /* transmit fault injector, owned by the caller; NULL: none */
};

enum { LA_ENGINE_MAX_STATIONS = 16 };

/** RFC 9293 3.4.3: the conditions of quiet time at the start, for one MSL (the longest of its stations). */
enum la_quiet {
	LA_QUIET_AUTO, /* if the configured snapshot file is missing or refused */
	LA_QUIET_ON,   /* if no state was loaded, with or without a configured file */
	LA_QUIET_OFF,  /* never */
};

struct la_engine_config {
	struct la_eal_config eal; /* lcores is set by the engine: one for each worker */
	struct la_station stations[LA_ENGINE_MAX_STATIONS];
	unsigned nstations;
	enum la_idle idle;
	uint32_t duration_ms;		  /* 0: until stopped */
	uint32_t drain_ms;		  /* longest wait for open connections after a stop */
	uint32_t mbufs;			  /* for each station; 0: the default of pools.c */
	struct la_offload_choice offload; /* of all ports */
	unsigned queues;		  /* limit for a port; 0: one for each station, if it has enough */
	uint32_t report_ms;		  /* interval of the live line; 0: none */
	bool quiet;			  /* no start-up lines */
	bool verbose;			  /* more than one start-up line, unless quiet */
	uint64_t tuples;		  /* of the application's opens, for the start-up line; 0: no limit */
	/** Called on the control thread for each live line; seconds since the start. May be NULL. */
	void (*report)(void *ctx, double seconds);
	void *report_ctx;
	/** Called for every burst before its shard gets it, on its worker: for tests. May be NULL. */
	void (*watch)(void *ctx, unsigned station, struct rte_mbuf *const *pkts, unsigned n);
	void *watch_ctx;
	const char *pcap;     /* pcapng file for all frames of all ports; NULL: no capture */
	const char *snapshot; /* read (and removed) at the start, written by la_engine_save_snapshot(); or NULL */
	enum la_quiet quiet_time;
	/** Ready file: created when all stations are ready, with this process's id; removed by la_engine_destroy().
	 * Or NULL. */
	const char *ready_file;
	bool notify; /* send READY=1 and STOPPING=1 to systemd, if NOTIFY_SOCKET is set */
	/** True: a start that waits (for a memif server) ends with -EINTR. Main thread. May be NULL. */
	bool (*stopped)(void);
};

/** The last published values of a station: one consistent copy. */
struct la_station_stats {
	struct la_counters c;
	struct la_port_stats port;
	uint64_t frames_in;		    /* taken from the port */
	uint64_t frames_out;		    /* taken by the port, or by the shard that owns its queue */
	uint64_t frames_refused;	    /* not taken by the port: its tx_full, tx_no_buffer and tx_unfit */
	uint64_t frames_waiting;	    /* now waiting for the port */
	uint64_t frames_away;		    /* of frames_in: those of other shards of the port, handed over */
	uint64_t faults_lost, faults_added; /* by the station's `faulty` (fault/faulty.h) */
	/* packet buffers in use of the station's pool: before the first packet (those in the port's own queues),
	 * and after the end (0 until then). A larger number at the end is a leak, except the buffers that a driver
	 * keeps until its next transmission (AF_XDP) */
	uint64_t mbufs_before, mbufs_out;
	uint64_t buffers_max; /* limit of held buffers: la_shard_config.max_held */
	/* TSC cycles of the station's worker since the start: of busy rounds, and of all rounds.
	 * Stations of one worker have equal values. Time in which the kernel ran other threads is included. */
	uint64_t busy_cycles, total_cycles;
};

struct la_engine;

/** 0, or negative errno with an error message in err. Prints the start-up lines of `verbose` to stdout.
 * Called on the thread that will call la_engine_run(); one engine at a time in a process. */
int la_engine_create(const struct la_engine_config *cfg, struct la_engine **out, char *err, size_t size);

/** Runs until the end of the duration, la_engine_stop(), or until every station with done() is done; then
 * drains, aborts the remaining connections after drain_ms, and returns. 0, or the error of a station's start. */
int la_engine_run(struct la_engine *e);

/** Async-signal-safe. First call: drain. Second call: abort open connections at once. */
void la_engine_stop(struct la_engine *e);

/** After la_engine_run(), or instead of it: writes the snapshot file of the configuration, with a line a
 * second on stdout unless `quiet`. 0 (also without one), or negative errno with a line in err. */
int la_engine_save_snapshot(struct la_engine *e, char *err, size_t size);

void la_engine_destroy(struct la_engine *e);

/** From any thread, between create and destroy. */
void la_engine_stats(const struct la_engine *e, unsigned station, struct la_station_stats *out);

/** Like the previous one, only the counters. */
void la_engine_counters(const struct la_engine *e, unsigned station, struct la_counters *out);

/** Seconds since la_engine_run(), after the run until the close of the last connection. */
double la_engine_seconds(const struct la_engine *e);

/** Remaining quiet time, ms. */
uint32_t la_engine_quiet_left(const struct la_engine *e);

/** The worker thread of a station. */
unsigned la_engine_worker_of(const struct la_engine *e, unsigned station);

/** Worker threads in use (fewer than configured if there are fewer lcores). */
unsigned la_engine_workers(const struct la_engine *e);

/** The station's port in one line, by la_port_describe(), with the link as in la_engine_link(). */
const char *la_engine_port_text(const struct la_engine *e, unsigned station);

/** The link of a port, as the control thread saw it last. */
struct la_engine_link {
	struct la_link now;
	uint32_t changes; /* between up and down, since the start */
	uint32_t losses;  /* of them, those to down */
};

/** The link of the station's port. On the control thread, or after the run. */
const struct la_engine_link *la_engine_link(const struct la_engine *e, unsigned station);

/** The interface of the station's port if it is one end of a veth pair; otherwise NULL. */
const char *la_engine_veth(const struct la_engine *e, unsigned station);

/** Frames that the capture could not write; 0 without one. */
uint64_t la_engine_capture_lost(const struct la_engine *e);

/** Memory for constant payload that devices can read (for la_send_const()), after la_engine_create().
 * Freed only at the end of the process. NULL: no memory. */
void *la_engine_const_memory(size_t size);

#endif
