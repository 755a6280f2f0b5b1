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
	LA_ROUND_IDLE,	/* the station has no work */
	LA_ROUND_BUSY,	/* the station had work: the round counts as busy */
	LA_ROUND_AWAKE, /* the station will have work before the end of a sleep: the worker does not sleep */
};

/** The callbacks of an application on a shard; any may be NULL. All run on the shard's own worker. */
struct la_station_ops {
	int (*start)(void *ctx, struct la_shard *s); /* creates listeners; negative errno stops the run */
	enum la_round (*poll)(void *ctx, struct la_shard *s, uint64_t now); /* called after each burst */
	void (*drain)(void *ctx, struct la_shard *s);			    /* stops listening, starts to close */
	bool (*done)(void *ctx, struct la_shard *s); /* no work left; NULL: serves until the run is stopped */
};

/** One shard on one queue of one port, and the application on it. Several stations may be on one port: each frame goes
 * to the shard that io/steer.h selects, from any queue, and the first station announces the addresses. The shards of a
 * port are its stations, numbered from 0 in the order of la_engine_config.stations. */
struct la_station {
	const char *name;		  /* name in start-up lines and summaries: "server" */
	struct la_shard_config shard;	  /* the engine sets secret, now, mac, offloads, follower, quiet_ms, mem, the
				       * packet buffers and their limits, and an mtu of 0; other fields that are 0
				       * take the shard's defaults */
	unsigned port;			  /* index into la_eal.port[]; stations of one port take its queues in order */
	struct la_offload_choice offload; /* of the port: all of its stations have the same */
	unsigned worker;		  /* 0, 1, ...; stations with the same number run on the same worker */
	const struct la_station_ops *ops;
	void *ctx;
	struct la_faulty *faulty; /* transmit fault injector, owned by the caller; NULL: none */
};

enum { LA_ENGINE_MAX_STATIONS = 16 };

/** RFC 9293 3.4.3: when a run starts with quiet time, which lasts one MSL (the longest MSL of its stations). */
enum la_quiet {
	LA_QUIET_AUTO, /* if the configured snapshot file is missing or refused */
	LA_QUIET_ON,   /* if no snapshot file was loaded, even if none is configured */
	LA_QUIET_OFF,  /* never */
};

struct la_engine_config {
	struct la_eal_config eal; /* lcores is set by the engine: one for each worker */
	struct la_station stations[LA_ENGINE_MAX_STATIONS];
	unsigned nstations;
	enum la_idle idle;
	uint32_t duration_ms; /* 0: until stopped */
	uint32_t drain_ms;    /* longest wait for open connections after a stop */
	uint32_t mbufs;	      /* for each station; 0: the default of pools.c */
	unsigned queues;      /* limit for a port; 0: one for each station, if it has enough */
	uint32_t report_ms;   /* interval of the live line; 0: none */
	bool quiet;	      /* no start-up lines */
	bool verbose;	      /* more than one start-up line, unless quiet */
	uint64_t tuples; /* tuples of the application's opens, a limit of closes/s in the ready line; 0: no limit */
	/** Called on the control thread for each live line. seconds: since the start. May be NULL. */
	void (*report)(void *ctx, double seconds);
	void *report_ctx;
	/** Called for every burst before its shard gets it, on its worker: for tests. May be NULL. */
	void (*watch)(void *ctx, unsigned station, struct rte_mbuf *const *pkts, unsigned n);
	void *watch_ctx;
	const char *pcap;     /* pcapng file for all frames of all ports; NULL: no capture */
	const char *snapshot; /* read (and removed) at the start, written by la_engine_save_snapshot(); or NULL */
	enum la_quiet quiet_time;
	/** Ready file with the process id: created when all stations are ready; removed by la_engine_destroy(). NULL:
	 * none. */
	const char *ready_file;
	bool notify; /* send READY=1 and STOPPING=1 to systemd, if NOTIFY_SOCKET is set */
	/** True: a start that waits (for a memif server) ends with -EINTR. Main thread. May be NULL. */
	bool (*stopped)(void);
};

/** The last published values of a station: one consistent copy. */
struct la_station_stats {
	struct la_counters c;
	struct la_port_stats port;
	uint64_t frames_in;		    /* frames read from the port */
	uint64_t frames_out;		    /* frames taken by the port; without a queue: by the queue's owner */
	uint64_t frames_refused;	    /* frames not taken by the port: tx_full, tx_no_buffer and tx_unfit */
	uint64_t frames_waiting;	    /* frames that wait for the port now */
	uint64_t frames_away;		    /* the part of frames_in that was handed over to other shards of the port */
	uint64_t faults_lost, faults_added; /* frames, by the station's `faulty` (fault/faulty.h) */
	/* packet buffers in use of the station's pool: before the first packet (buffers in the port's queues),
	 * and after the end (0 before the end). A larger number at the end is a leak, except for buffers that a
	 * driver keeps until its next transmission (AF_XDP) */
	uint64_t mbufs_before, mbufs_out;
	uint64_t buffers_max; /* limit of held buffers: la_shard_config.max_held */
	/* TSC cycles of the station's worker since the start: in busy rounds, and in all rounds.
	 * Stations of one worker have equal values. Time in which the kernel ran other threads is included. */
	uint64_t busy_cycles, total_cycles;
};

struct la_engine;

/** Creates an engine, with all ports and shards. Prints the start-up lines of `verbose` to stdout. Call on the thread
 * that will call la_engine_run(); one engine at a time in a process. 0, or negative errno with an error message in
 * err. */
int la_engine_create(const struct la_engine_config *cfg, struct la_engine **out, char *err, size_t size);

/** Runs until the end of the duration, la_engine_stop(), or until every station with done() is done; then
 * drains, aborts the remaining connections after drain_ms, and returns. 0, or the error of a station's start. */
int la_engine_run(struct la_engine *e);

/** Async-signal-safe. First call: drain. Second call: abort open connections at once. */
void la_engine_stop(struct la_engine *e);

/** Writes the configured snapshot file, with a progress line each second on stdout unless `quiet`. Call after
 * la_engine_run(), or without a run. 0, also without a configured file; or negative errno with a line in err. */
int la_engine_save_snapshot(struct la_engine *e, char *err, size_t size);

void la_engine_destroy(struct la_engine *e);

/** Copies the last published values of a station. Callable from any thread, between create and destroy. */
void la_engine_stats(const struct la_engine *e, unsigned station, struct la_station_stats *out);

/** Like la_engine_stats(), but only the counters. */
void la_engine_counters(const struct la_engine *e, unsigned station, struct la_counters *out);

/** Seconds from the start of la_engine_run() to now, or to the end of DRAIN after that; 0 before the run. */
double la_engine_seconds(const struct la_engine *e);

/** Remaining quiet time, ms. */
uint32_t la_engine_quiet_left(const struct la_engine *e);

/** The number of the worker that runs a station. */
unsigned la_engine_worker_of(const struct la_engine *e, unsigned station);

/** Worker threads in use (fewer than configured if there are fewer lcores). */
unsigned la_engine_workers(const struct la_engine *e);

/** The station's port in one line, by la_port_describe(), with the link as in la_engine_link(). */
const char *la_engine_port_text(const struct la_engine *e, unsigned station);

/** The link of a port, as the control thread saw it last. */
struct la_engine_link {
	struct la_link now;
	uint32_t changes; /* changes between up and down since the start */
	uint32_t losses;  /* changes to down */
};

/** The link of the station's port. On the control thread, or after the run. */
const struct la_engine_link *la_engine_link(const struct la_engine *e, unsigned station);

/** The interface of the station's port if it is one end of a veth pair; otherwise NULL. */
const char *la_engine_veth(const struct la_engine *e, unsigned station);

/** Frames that the capture could not write; 0 without a capture. */
uint64_t la_engine_capture_lost(const struct la_engine *e);

/** Memory for constant payload that devices can read (for la_send_const()), after la_engine_create().
 * Freed only at the end of the process. NULL: no memory. */
void *la_engine_const_memory(size_t size);

#endif
