/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_SUMMARY_H
#define LA_RUN_SUMMARY_H

/* The results of a run: the live line, the text at the end, and the JSON.
 *
 * JSON keys (stable; a key is never renamed, new ones may come):
 *   program, version, seconds, msl_ms
 *   opens              connections established
 *   opens_per_s        opens divided by `seconds`
 *   closes_per_s       orderly closes divided by `seconds`
 *   cpu                {busy: share of time (0 to 1) that workers had work, busy_cycles, total_cycles (TSC),
 *                       cycles_per_packet: busy cycles by frames in and out, cycles_per_connection: by opens;
 *                       null without a packet or connection}
 *   first_fin          {ours, peer, crossing: connections by the end that sent the first FIN}
 *   closes             {total, orderly, reset, aborted, timeout, refused, fin_wait_2}
 *   states             {CLOSED .. TIME_WAIT: connections in the state at the end}
 *   time_wait          {now, peak, entered, expired, reopened, given_back, fin_acked}
 *   early_recycles     TIME_WAIT entries ended before their time: always 0
 *   unexplained_drops  frames that no counter accounts for: always 0
 *   drops              {name: n} of every drop that happened
 *   counters           {name: n} of every counter (include/lastack/counters.def)
 *   ports              [{name, port, frames_in, frames_out, rx_missed, rx_errors, rx_nombuf,
 *                        tx_errors, tx_full, tx_no_buffer, tx_unfit, tx_no_peer, tx_waiting, mbufs_before,
 *                        mbufs_out: packet buffers in use before the run and after it; buffers_max: limit of
 *                        the buffers that connections hold; link: "up", "down" or "unknown" at the end,
 *                        link_mbps (0: not known), link_changes: changes between up and down, link_losses:
 *                        changes to down}]
 *   ends               with more than one end: [{name, and the keys from opens to counters without cpu, for this
 *                      end}], in the order of `ports`: a server or a load has an end for each port
 *   shards             with several shards at one end (--workers): [{name, port: with more than one end its index in
 *                      `ports` and `ends`, shard, frames_in, frames_out, frames_away, worker, cpu of that worker,
 *                      and the keys from opens to counters for this shard}]
 * and keys of the subcommand, documented in its --help. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "run/engine.h"

struct json_t;

enum { LA_SUMMARY_EXTRAS = 24 };

/** An end: the shards of one name on one port, added up. */
struct la_summary_end {
	const char *name; /* "server" */
	const char *port; /* la_engine_port_text() */
	const char *veth; /* la_engine_veth() */
	struct la_engine_link link;
	unsigned shards; /* 0 counts as 1 */
	struct la_station_stats stats;
};

struct la_summary_shard {
	unsigned end, worker;
	struct la_station_stats stats;
};

struct la_summary {
	const char *program; /* "server", "client", "demo" */
	const char *version;
	double seconds;
	uint32_t msl_ms;
	struct la_summary_end end[LA_ENGINE_MAX_STATIONS];
	unsigned nends;
	struct la_summary_shard shard[LA_ENGINE_MAX_STATIONS]; /* the shards of the ends; optional */
	unsigned nshards;
	int opens_of; /* the end whose opens and closes are the run's; -1: the sum of all */
	struct {
		const char *key;  /* JSON key */
		const char *text; /* words of the summary line */
		uint64_t value;
	} extra[LA_SUMMARY_EXTRAS];
	unsigned nextras;
	void (*print_more)(FILE *f); /* prints lines of the subcommand after the lines of the ends; NULL: none */
	bool own_rates;		     /* the subcommand prints the rates: la_summary_print() prints none */
	struct json_t *more;	     /* keys of the subcommand whose values are no plain number; NULL: none */
};

/** Fills ends, shards and seconds from the engine. */
void la_summary_take(struct la_summary *s, const struct la_engine *e, const struct la_engine_config *cfg);

/** Adds a number of the subcommand: `key` in the JSON, `text` in the summary. Both strings must outlive s. */
void la_summary_extra(struct la_summary *s, const char *key, const char *text, uint64_t value);

/** Connections opened, connections closed, and frames dropped, by one set of counters. */
uint64_t la_summary_opens(const struct la_counters *c);
uint64_t la_summary_closes(const struct la_counters *c);
uint64_t la_summary_drops(const struct la_counters *c);
/** The share of time, 0 to 1, in which the station's worker had work between two readings. before NULL: since the
 * start. 0 if no time has passed. */
double la_summary_busy(const struct la_station_stats *before, const struct la_station_stats *now);

/** A hint about wrong checksums on a veth pair, in buf. NULL: no drop_tcp_cksum was counted on a veth. */
const char *la_summary_cksum_note(const struct la_summary *s, char *buf, size_t size);

/** Frames of one end that no counter accounts for. */
uint64_t la_summary_unexplained(const struct la_station_stats *s);

void la_summary_print(const struct la_summary *s, FILE *f);

/** Writes the JSON to path ("-": stdout). 0 or negative errno. */
int la_summary_json(const struct la_summary *s, const char *path);

/** The live line from two readings, dt seconds apart. Returns buf. */
const char *la_summary_live_line(const struct la_summary *before, const struct la_summary *now, double dt, char *buf,
				 size_t size);

#endif
