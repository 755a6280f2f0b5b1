/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_WORLD_H
#define LA_SIM_WORLD_H

/* A world: hosts, each a shard, on one network, in virtual time. A world has no threads and reads no clock:
 * the same configuration and seed give the same bytes on any machine. (Theory at the top of world.c.)
 *
 * The shards are the shipped code. The world makes the four calls of a shard: receive, poll, transmit, next timer.
 * The world's time is in microseconds, a shard's `now` in milliseconds. Hosts without a configured name are called A,
 * B, C ... The hosts have the addresses 10.0.0.1, 10.0.0.2 ... and fd00::1, fd00::2 ... */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "core/rng.h"
#include "fault/fault.h"
#include "fault/seg.h"
#include "sim/arena.h"

enum {
	LA_SIM_HOSTS = 8,
	LA_SIM_FAULTS = 32,
	LA_SIM_WATCHES = 8,
	LA_SIM_HEADROOM_MS = 1000, /* default of start_ms: a shard's `now` is above 0 from the beginning */
};

/** Rules that a weakened host breaks, so that a story can show the purpose of a rule. The stack has no switch that
 * breaks a rule: weak.c changes the shard from outside. */
enum la_sim_weak {
	/* ends TIME_WAIT at once, as with a 2*MSL of 0 */
	LA_SIM_NO_TIME_WAIT = 1 << 0,
	/* a RST ends TIME_WAIT, as in RFC 9293's text, against the advice of RFC 1337 */
	LA_SIM_ASSASSIN = 1 << 1,
	/* every connection begins at the same sequence number, against RFC 6528 */
	LA_SIM_FIXED_ISN = 1 << 2,
};

struct la_sim_host {
	const char *name;   /* NULL: "A", "B" ... */
	unsigned weak;	    /* enum la_sim_weak */
	uint32_t fixed_isn; /* the ISN with LA_SIM_FIXED_ISN */
	/* the shard's configuration. The world sets mbufs, mem, now, mac, addrs, no_dad and offloads. It replaces zero
	 * bytes of the secret by random bytes, and table sizes of 0 by small sizes */
	struct la_shard_config shard;
};

/** The link from one host to another, in one direction. ppm: probability in a million, for each segment. */
struct la_sim_link {
	uint64_t delay_us;
	uint64_t jitter_us;   /* random extra delay up to this, uniform; reorders segments */
	uint64_t rate_bps;    /* 0: no limit */
	uint32_t queue_bytes; /* limit of bytes that wait for the rate; further frames are dropped. 0: no limit */
	/* MTU of the IP layer, bytes. A larger packet is dropped, and its sender gets an ICMP error. A larger IPv4
	 * packet without DF passes. 0: no limit */
	uint16_t mtu;
	uint32_t drop_ppm, dup_ppm, corrupt_ppm, reorder_ppm;
	uint64_t dup_us;		   /* random delay of a copy: below this */
	uint32_t hold_ppm;		   /* a router holds the segment */
	uint64_t hold_min_us, hold_max_us; /* range of the random time that the router holds a segment */
};

enum la_sim_what {
	LA_SIM_SENT,	  /* a segment left `host`; due_us: arrival without faults, 0 if the link drops the segment */
	LA_SIM_ARRIVED,	  /* `host` receives a segment of `peer` */
	LA_SIM_LOST,	  /* a segment is lost on the way to `peer`: text has the reason, such as "queue full" */
	LA_SIM_HELD,	  /* a router on the way to `peer` holds the segment */
	LA_SIM_COPIED,	  /* a copy of the segment is on its way to `peer` */
	LA_SIM_CORRUPTED, /* a bit of the segment is inverted on the way to `peer` */
	LA_SIM_STATE,	  /* a watched connection of `host` went from one state to another */
	LA_SIM_RESTART,	  /* `host` was restarted: text describes how */
	LA_SIM_NOTE,	  /* la_sim_note(): text */
};

struct la_sim_event {
	enum la_sim_what what;
	uint64_t us;
	uint64_t due_us;
	uint8_t host, peer;
	uint32_t packet; /* number of the segment, from 1; a copy has the number of its original */
	bool copy;	 /* the segment is a copy */
	bool late;	 /* a router held the segment, or the segment is a copy with a delay */
	struct la_fault_seg seg;
	const uint8_t *frame; /* valid during the call */
	uint32_t frame_len;
	unsigned watch; /* LA_SIM_STATE */
	enum la_state from, to;
	const char *text;
};

struct la_sim_conn;

/** Calls and callbacks of a connection's user. `opened` and `closed` have hooks of their own. */
enum la_sim_use {
	LA_SIM_CONNECTS,  /* la_connect() has succeeded */
	LA_SIM_SENDS,	  /* la_send() accepted these bytes */
	LA_SIM_READS,	  /* these bytes were delivered */
	LA_SIM_HEARS_FIN, /* the peer's FIN was received */
	LA_SIM_SHUTS,	  /* la_shutdown() is called next */
	LA_SIM_CLOSES,	  /* la_close() is called next */
	LA_SIM_ABORTS,	  /* la_abort() is called next */
};

/** Hooks of the world; any may be NULL. They must not run the world. */
struct la_sim_hooks {
	void (*event)(void *ctx, const struct la_sim_event *e);
	/* decides about a segment that no rule of cfg.faults matches, instead of the link's probabilities */
	struct la_fate (*fate)(void *ctx, unsigned from, unsigned to, const struct la_fault_seg *s);
	void (*opened)(void *ctx, struct la_sim_conn *c);
	void (*closed)(void *ctx, struct la_sim_conn *c);
	/* bytes: only with LA_SIM_SENDS and LA_SIM_READS, valid during the call */
	void (*used)(void *ctx, struct la_sim_conn *c, enum la_sim_use use, const uint8_t *bytes, uint32_t n);
	void *ctx;
};

struct la_sim_config {
	uint64_t seed;
	unsigned nhosts;
	struct la_sim_host host[LA_SIM_HOSTS];
	struct la_sim_link link;   /* of every direction; la_sim_link() changes one */
	const char *const *faults; /* rules in the fault language (fault.h) */
	unsigned nfaults;
	uint64_t start_ms; /* the shards' `now` at the beginning [LA_SIM_HEADROOM_MS] */
	unsigned mbufs;	   /* number of mbufs of all hosts and the network [512] */
	unsigned flights;  /* largest number of frames in flight, and of frames on the shelf [256] */
	unsigned conns;	   /* number of struct la_sim_conn [64] */
};

struct la_sim;

/** Creates a world. EAL must be running. Returns 0, or -EINVAL or -ENOMEM with the reason in err. */
int la_sim_create(const struct la_sim_config *cfg, struct la_sim **out, char *err, size_t size);
void la_sim_destroy(struct la_sim *w);

void la_sim_hooks(struct la_sim *w, const struct la_sim_hooks *hooks);
void la_sim_link(struct la_sim *w, unsigned from, unsigned to, const struct la_sim_link *link);

/* Time. */
uint64_t la_sim_now(const struct la_sim *w); /* us since the beginning */
/** Returns the time of the next event; UINT64_MAX: there is none. */
uint64_t la_sim_next(const struct la_sim *w);
/** Runs the next event, an arrival or a timer, if it is not after `until`. Returns false when there is none; the time
 * is then `until`. */
bool la_sim_step(struct la_sim *w, uint64_t until);
/** Runs all events up to `until`. The time is then `until`. */
void la_sim_run(struct la_sim *w, uint64_t until);
/** Runs until no frame is in the network and no host has a connection or a TIME_WAIT entry. Returns false when `until`
 * was reached first. */
bool la_sim_quiet(struct la_sim *w, uint64_t until);
/** Reports changed states and sends the frames of all shards. Call it after a direct call of a shard or connection. */
void la_sim_settle(struct la_sim *w);

/* The contents of a world. */
struct la_shard *la_sim_shard(struct la_sim *w, unsigned host);
const char *la_sim_host_name(const struct la_sim *w, unsigned host);
/** Returns the host's IPv4 or IPv6 address. */
struct la_addr la_sim_addr(const struct la_sim *w, unsigned host, bool ip6);
struct la_arena *la_sim_arena(struct la_sim *w);
struct rte_mempool *la_sim_mbufs(struct la_sim *w);
/** Returns the number of frames in the network, with the shelf. */
unsigned la_sim_in_flight(const struct la_sim *w);
/** Returns the number of frames lost because no mbuf was free. If it is not 0, cfg.mbufs is too small. */
uint32_t la_sim_no_mbufs(const struct la_sim *w);

/** The shelf: segments that a router holds until they are released or discarded, in the order in which they were put
 * there. la_sim_shelf() returns their number; i counts from 0. */
unsigned la_sim_shelf(const struct la_sim *w);
uint32_t la_sim_shelf_packet(const struct la_sim *w, unsigned i);
uint64_t la_sim_shelf_since(const struct la_sim *w, unsigned i); /* time at which it was put there, us */
void la_sim_release(struct la_sim *w, unsigned i);		 /* the segment arrives now */
void la_sim_discard(struct la_sim *w, unsigned i);		 /* the segment is lost */

/** Reports every change of state of the tuple at the host (LA_SIM_STATE). Returns the watch's number, or -ENOSPC. */
int la_sim_watch(struct la_sim *w, unsigned host, const struct la_tuple *t);
void la_sim_note(struct la_sim *w, unsigned host, const char *text);

/** The host stops and starts again. orderly: the host aborts its connections and keeps its TIME_WAIT table, as with
 * --state. Otherwise the host crashes, loses table and secret, and keeps quiet time for quiet_ms (RFC 9293 3.4.3; 0:
 * no quiet time). The caller must listen again. Returns 0, or the error of la_shard_save(), la_shard_create() or
 * la_shard_load(). */
int la_sim_restart(struct la_sim *w, unsigned host, bool orderly, uint32_t quiet_ms);

/* A world can be saved and restored while it exists. la_sim_load() leaves the hooks as they are. */
size_t la_sim_save_size(const struct la_sim *w);
void la_sim_save(const struct la_sim *w, void *buf);
void la_sim_load(struct la_sim *w, const void *buf);

#endif
