/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_ENGINE_H
#define LA_RUN_ENGINE_H

/* The engine: ports, shards and workers of one process. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "io/eal.h"
#include "io/port.h"

enum la_idle { LA_IDLE_POLL, LA_IDLE_PAUSE, LA_IDLE_SLEEP };

/** What an application hangs on a shard; any may be NULL. All run on the shard's own worker. */
struct la_station_ops {
	int (*start)(void *ctx, struct la_shard *s);		    /* listen here; negative errno stops */
	bool (*poll)(void *ctx, struct la_shard *s, uint64_t now); /* after each burst; true: was busy */
	void (*drain)(void *ctx, struct la_shard *s);		    /* stop listening, begin to close */
};

/** One shard on one queue of one port, and the application on it. */
struct la_station {
	struct la_shard_config shard; /* secret, now, mbufs, mac, mtu, offloads are filled by the engine */
	unsigned port;		      /* index into la_eal.port[] */
	unsigned worker;	      /* 0 is the main lcore */
	const struct la_station_ops *ops;
	void *ctx;
};

enum { LA_ENGINE_MAX_STATIONS = 16 };

struct la_engine_config {
	struct la_eal_config eal;
	struct la_station stations[LA_ENGINE_MAX_STATIONS];
	unsigned nstations;
	enum la_idle idle;
	uint32_t duration_ms; /* 0: until stopped */
	uint32_t drain_ms;    /* longest wait for open connections after a stop */
	uint32_t mbufs;	      /* a station; 0: a default */
	uint32_t report_ms;   /* a live line this often; 0: none */
	/** Called on the main thread for each live line and asked at the end; may be NULL. */
	void (*report)(void *ctx, double seconds);
	void *report_ctx;
};

struct la_engine;

/** 0, or negative errno with a line for the user in err. Prints the start-up lines to stdout. */
int la_engine_create(const struct la_engine_config *cfg, struct la_engine **out, char *err,
		     size_t size);
/** Runs until the duration is over, la_engine_stop(), or every application's poll is done; then drains. */
int la_engine_run(struct la_engine *e);
/** Async-signal-safe. */
void la_engine_stop(struct la_engine *e);
void la_engine_destroy(struct la_engine *e);

/** Counters of a station as last published by its worker (a consistent copy), and its port's. */
void la_engine_counters(const struct la_engine *e, unsigned station, struct la_counters *out);
void la_engine_port_stats(const struct la_engine *e, unsigned station, struct la_port_stats *out);
double la_engine_seconds(const struct la_engine *e);

#endif
