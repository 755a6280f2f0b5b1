/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_WORLD_H
#define LA_SIM_WORLD_H

/* A world: hosts, each a shard, on one network, in virtual time. One seed, no threads, no clock:
 * the same seed gives the same bytes on any machine. (Theory at the top of world.c.)
 *
 * The shards are the shipped code, driven by its four calls; the world is their I/O. Time here is in
 * microseconds, a shard's `now` in milliseconds. Hosts are called A, B, C ...
 * unless they are named, and have the addresses 10.0.0.1, 10.0.0.2 ... and fd00::1, fd00::2 ... */

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
	LA_SIM_HEADROOM_MS = 1000, /* of virtual time before the start: shards are created with now > 0 */
};

/** Ways to weaken a host, so that a story can show the purpose of a rule. A shard has no such code: the world
 * changes it from outside (weak.c). */
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
	uint32_t fixed_isn; /* with LA_SIM_FIXED_ISN */
	/* the shard's configuration. The world sets mbufs, mem, now, mac, addrs and (if they are 0) secret and small
	 * tables */
	struct la_shard_config shard;
};

/** One direction from one host to another. Chances are in a million. */
struct la_sim_link {
	uint64_t delay_us;
	uint64_t jitter_us;   /* random extra delay up to this, uniform; reorders segments */
	uint64_t rate_bps;    /* 0: no limit */
	uint32_t queue_bytes; /* waiting for the rate; more is dropped. 0: no limit */
	/* of the IP layer; a larger packet draws an ICMP error, or passes without DF. 0: no limit */
	uint16_t mtu;
	uint32_t drop_ppm, dup_ppm, corrupt_ppm, reorder_ppm;
	uint64_t dup_us;		   /* largest random delay of the copy */
	uint32_t hold_ppm;		   /* held by a router, and forwarded later, */
	uint64_t hold_min_us, hold_max_us; /* after a random time between these */
};

enum la_sim_what {
	LA_SIM_SENT,	  /* a segment left `host`; due_us: time of arrival, 0: never */
	LA_SIM_ARRIVED,	  /* `host` receives it */
	LA_SIM_LOST,	  /* on the way to `peer`: text has the reason ("dropped", "queue full", "too big") */
	LA_SIM_HELD,	  /* a router on the way to `peer` holds it */
	LA_SIM_COPIED,	  /* a copy of the segment is on its way to `peer` */
	LA_SIM_CORRUPTED, /* a bit of the segment is inverted on the way to `peer` */
	LA_SIM_STATE,	  /* a watched connection of `host` went from one state to another */
	LA_SIM_RESTART,	  /* host was restarted: text has the kind */
	LA_SIM_NOTE,	  /* la_sim_note(): text */
};

struct la_sim_event {
	enum la_sim_what what;
	uint64_t us;
	uint64_t due_us;
	uint8_t host, peer;
	uint32_t packet; /* number of the segment; a copy has its original's */
	bool copy;	 /* this is the copy */
	bool late;	 /* a router held it */
	struct la_fault_seg seg;
	const uint8_t *frame; /* valid during the call */
	uint32_t frame_len;
	unsigned watch; /* LA_SIM_STATE */
	enum la_state from, to;
	const char *text;
};

struct la_sim_conn;

/** Calls and callbacks of a connection's user, except opening and end. */
enum la_sim_use {
	LA_SIM_CONNECTS,  /* la_connect() */
	LA_SIM_SENDS,	  /* la_send() accepted these bytes */
	LA_SIM_READS,	  /* these bytes were delivered */
	LA_SIM_HEARS_FIN, /* the peer's FIN was received */
	LA_SIM_SHUTS,	  /* la_shutdown() is called next */
	LA_SIM_CLOSES,	  /* la_close() */
	LA_SIM_ABORTS,	  /* la_abort() */
};

/** Hooks of the world; any may be NULL. They must not run the world. */
struct la_sim_hooks {
	void (*event)(void *ctx, const struct la_sim_event *e);
	/* decides instead of rules and chances */
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
	unsigned mbufs;	   /* of all hosts and the network [512] */
	unsigned flights;  /* segments in flight at once [256] */
	unsigned conns;	   /* user records [64] */
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
/** Runs one event: the next arrival or timer, if it is not after `until`; false: none, and the time is then
 * `until`. */
bool la_sim_step(struct la_sim *w, uint64_t until);
/** Runs until that time. */
void la_sim_run(struct la_sim *w, uint64_t until);
/** Runs until only the shards' periodic timers are left. Returns false when `until` was reached first. */
bool la_sim_quiet(struct la_sim *w, uint64_t until);
/** Sends the frames of the shards. Call it after a direct call of a shard or connection. */
void la_sim_settle(struct la_sim *w);

/* The contents of a world. */
struct la_shard *la_sim_shard(struct la_sim *w, unsigned host);
const char *la_sim_host_name(const struct la_sim *w, unsigned host);
/** Address of the host, of either family. */
struct la_addr la_sim_addr(const struct la_sim *w, unsigned host, bool ip6);
struct la_arena *la_sim_arena(struct la_sim *w);
struct rte_mempool *la_sim_mbufs(struct la_sim *w);
/** Frames in the network, including those on a router's shelf. */
unsigned la_sim_in_flight(const struct la_sim *w);
/** Frames lost without an mbuf: must be 0, or the world is too small. */
uint32_t la_sim_no_mbufs(const struct la_sim *w);

/** Segments that are held until released: their number, the i-th segment, and its release
 * (it arrives at once). The shelf keeps the order of taking. */
unsigned la_sim_shelf(const struct la_sim *w);
uint32_t la_sim_shelf_packet(const struct la_sim *w, unsigned i);
uint64_t la_sim_shelf_since(const struct la_sim *w, unsigned i); /* us */
void la_sim_release(struct la_sim *w, unsigned i);
void la_sim_discard(struct la_sim *w, unsigned i); /* it never arrives */

/** Reports every change of state of this tuple at that host (LA_SIM_STATE). The watch's number, or
 * -ENOSPC. */
int la_sim_watch(struct la_sim *w, unsigned host, const struct la_tuple *t);
void la_sim_note(struct la_sim *w, unsigned host, const char *text);

/** The host stops and starts again. orderly: connections are aborted and the TIME_WAIT table is carried
 * over, as --state does; else it crashes and waits quiet_ms (RFC 9293 3.4.3), 0: no wait. Listeners must
 * be made again. 0, or the error of the shard's creation. */
int la_sim_restart(struct la_sim *w, unsigned host, bool orderly, uint32_t quiet_ms);

/* A world can be saved and restored while it exists; hooks do not change. */
size_t la_sim_save_size(const struct la_sim *w);
void la_sim_save(const struct la_sim *w, void *buf);
void la_sim_load(struct la_sim *w, const void *buf);

#endif
