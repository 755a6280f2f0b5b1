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

/** What a worker does when nothing arrives: spin, spin with PAUSE, or sleep longer and longer. */
enum la_idle { LA_IDLE_POLL, LA_IDLE_PAUSE, LA_IDLE_SLEEP };

/** What a station did in a round. */
enum la_round {
	LA_ROUND_IDLE,
	LA_ROUND_BUSY,	/* it had work: the round counts as busy */
	LA_ROUND_AWAKE, /* it had none, and will have some before a sleep would end: the worker spins */
};

/** What an application hangs on a shard; any may be NULL. All run on the shard's own worker. */
struct la_station_ops {
	int (*start)(void *ctx, struct la_shard *s);		   /* listen here; negative errno stops */
	enum la_round (*poll)(void *ctx, struct la_shard *s, uint64_t now); /* after each burst */
	void (*drain)(void *ctx, struct la_shard *s);		   /* stop listening, begin to close */
	bool (*done)(void *ctx, struct la_shard *s); /* nothing left to do; NULL: serves on until stopped */
};

/** One shard on one queue of one port, and the application on it. Several stations may be on one port:
 * each frame goes to the shard that io/steer.h names, whatever queue it comes to, and the first of them
 * speaks for the addresses. The n-th station on a port is shard n there. */
struct la_station {
	const char *name;	      /* for start-up lines and summaries: "server" */
	struct la_shard_config shard; /* secret, now, mbufs, mac, mtu (when 0), offloads: by the engine; zero
				       * fields otherwise take the shard's defaults */
	unsigned port;		      /* index into la_eal.port[]; stations of one port take its queues in order */
	unsigned worker;	      /* 0, 1, ...: stations of one worker share an lcore */
	const struct la_station_ops *ops;
	void *ctx;
	struct la_faulty *faulty; /* what befalls the frames it sends; NULL: nothing. The caller's */
};

enum { LA_ENGINE_MAX_STATIONS = 16 };

/** RFC 9293 3.4.3: when an engine stays quiet for one MSL (the longest of its stations) at first. */
enum la_quiet {
	LA_QUIET_AUTO, /* with a state file that is not there or refused */
	LA_QUIET_ON,   /* without state that was read, whether a file was asked for or not */
	LA_QUIET_OFF,  /* never */
};

struct la_engine_config {
	struct la_eal_config eal; /* lcores is set by the engine: one a worker */
	struct la_station stations[LA_ENGINE_MAX_STATIONS];
	unsigned nstations;
	enum la_idle idle;
	uint32_t duration_ms; /* 0: until stopped */
	uint32_t drain_ms;    /* longest wait for open connections after a stop */
	uint32_t mbufs;	      /* a station; 0: what it needs (pools.c) */
	unsigned queues;      /* of a port at most; 0: one a station, as far as it has so many */
	uint32_t report_ms;   /* a live line this often; 0: none */
	bool quiet;	      /* no start-up lines */
	bool verbose;	      /* more than one start-up line, unless quiet */
	uint64_t tuples;      /* that the application opens from, for the start-up line; 0: no limit */
	/** Called on the control thread for each live line; seconds since the start. May be NULL. */
	void (*report)(void *ctx, double seconds);
	void *report_ctx;
	/** Sees every burst that a shard is about to get, on its worker: for tests. May be NULL. */
	void (*watch)(void *ctx, unsigned station, struct rte_mbuf *const *pkts, unsigned n);
	void *watch_ctx;
	const char *pcap; /* every frame of every port into this pcapng file; NULL: no capture */
	const char *state; /* read (and removed) at the start, written by la_engine_save_state(); or NULL */
	enum la_quiet quiet_time;
	/** Made when all stations are ready, with this process's id in it; removed by la_engine_destroy(). Or NULL. */
	const char *ready_file;
	bool notify; /* tell systemd READY=1 and STOPPING=1, if NOTIFY_SOCKET is set */
	/** True: a start that waits (for a memif server) gives up with -EINTR. Main thread. May be NULL. */
	bool (*stopped)(void);
};

/** A station as last published by its worker: one consistent copy. */
struct la_station_stats {
	struct la_counters c;
	struct la_port_stats port;
	uint64_t frames_in;	 /* taken from the port */
	uint64_t frames_out;	 /* that the port took, or the shard that owns its queue */
	uint64_t frames_refused; /* that the port did not take: its tx_full, tx_no_buffer and tx_unfit */
	uint64_t frames_waiting; /* that wait for the port now */
	uint64_t frames_away;	 /* of frames_in: those of other shards of the port, handed over */
	uint64_t faults_lost, faults_added; /* by the station's `faulty` (fault/faulty.h) */
	/* packet buffers out of the station's pool: before the first packet (those that the port has put in its
	 * own queues), and when all is over (0 until then). More at the end have leaked, but for what a driver
	 * keeps of the last it has sent until it sends again (AF_XDP) */
	uint64_t mbufs_before, mbufs_out;
	uint64_t buffers_max; /* that connections may hold: la_shard_config.max_held */
	/* TSC cycles of the station's worker since the start: of rounds that did work, and of all rounds.
	 * Stations of one worker have equal values. Time in which the kernel ran something else counts. */
	uint64_t busy_cycles, total_cycles;
};

struct la_engine;

/** 0, or negative errno with a line for the user in err. Prints the start-up lines of `verbose` to stdout.
 * Called on the thread that will call la_engine_run(); one engine a process at a time. */
int la_engine_create(const struct la_engine_config *cfg, struct la_engine **out, char *err,
		     size_t size);

/** Runs until the duration is over, la_engine_stop(), or every station that can be done is; then
 * drains, aborts what is left after drain_ms, and returns. 0, or what a station's start returned. */
int la_engine_run(struct la_engine *e);

/** Async-signal-safe. Once: drain. Twice: abort what is open at once. */
void la_engine_stop(struct la_engine *e);

/** After la_engine_run(), or instead of it: writes the state file of the configuration, with a line a
 * second on stdout unless `quiet`. 0 (also without one), or negative errno with a line in err. */
int la_engine_save_state(struct la_engine *e, char *err, size_t size);

void la_engine_destroy(struct la_engine *e);

/** Any thread, any time between create and destroy. */
void la_engine_stats(const struct la_engine *e, unsigned station, struct la_station_stats *out);

/** The same, counters alone. */
void la_engine_counters(const struct la_engine *e, unsigned station, struct la_counters *out);

/** Seconds since la_engine_run(), or how long it ran until the last connection was closed. */
double la_engine_seconds(const struct la_engine *e);

/** Quiet time that is left, ms. */
uint32_t la_engine_quiet_left(const struct la_engine *e);

/** The worker thread of a station. */
unsigned la_engine_worker_of(const struct la_engine *e, unsigned station);

/** Worker threads in use (fewer than asked for when there are fewer lcores). */
unsigned la_engine_workers(const struct la_engine *e);

/** The station's port in one line, as la_port_describe() has it. */
const char *la_engine_port_text(const struct la_engine *e, unsigned station);

/** The interface behind the station's port when that is one end of a veth pair; otherwise NULL. */
const char *la_engine_veth(const struct la_engine *e, unsigned station);

/** Frames that the capture could not write; 0 without one. */
uint64_t la_engine_capture_lost(const struct la_engine *e);

/** Memory for constant payload that devices can read (for la_send_const()), after la_engine_create().
 * Never freed before the process ends. NULL: none left. */
void *la_engine_const_memory(size_t size);

#endif
