/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_WORLD_H
#define LA_SIM_WORLD_H

/* A world: hosts, each a shard, on one network, in virtual time. One seed, no threads, no clock:
 * the same seed gives the same bytes on any machine. (Theory at the top of world.c.)
 *
 * The shards are the shipped code, driven by its four calls; the world is their "I/O". Time is in
 * microseconds here, and in the milliseconds of a shard's `now` there. Hosts are called A, B, C ...
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
	LA_SIM_HEADROOM_MS = 1000, /* of virtual time before the start: shards are born with now > 0 */
};

/** How a host may be told to behave badly, so that a story can show what the rule is for. A shard knows none
 * of this: the world does it to it from outside (weak.c). */
enum la_sim_weak {
	/* forgets TIME_WAIT at once, as with a 2*MSL of nothing */
	LA_SIM_NO_TIME_WAIT = 1 << 0,
	/* a RST ends TIME_WAIT, as RFC 9293's text would have it and RFC 1337 warns of */
	LA_SIM_ASSASSIN = 1 << 1,
	/* every connection begins at the same sequence number, not where RFC 6528 says */
	LA_SIM_FIXED_ISN = 1 << 2,
};

struct la_sim_host {
	const char *name; /* NULL: "A", "B" ... */
	unsigned weak;	  /* enum la_sim_weak */
	uint32_t fixed_isn; /* with LA_SIM_FIXED_ISN */
	/* what the shard is told. mbufs, mem, now, mac, addrs and (where they are 0) secret and small
	 * tables are the world's business */
	struct la_shard_config shard;
};

/** One way from one host to another. Chances are in a million. */
struct la_sim_link {
	uint64_t delay_us;
	uint64_t jitter_us;    /* up to so much more, evenly; makes segments overtake each other */
	uint64_t rate_bps;     /* 0: as fast as one likes */
	uint32_t queue_bytes;  /* waiting for the rate; more is dropped. 0: no limit */
	uint16_t mtu;	       /* of the IP layer; what is larger is answered by ICMP, or passes when it has no DF. 0: no limit */
	uint32_t drop_ppm, dup_ppm, corrupt_ppm, reorder_ppm;
	uint64_t dup_us;       /* the copy comes up to so much later, at random */
	uint32_t hold_ppm;     /* taken aside by a router, and sent on later, */
	uint64_t hold_min_us, hold_max_us; /* after this much time */
};

enum la_sim_what {
	LA_SIM_SENT,	  /* a segment left `host`; due_us: when it arrives, 0: never */
	LA_SIM_ARRIVED,	  /* it is handed to `host` */
	LA_SIM_LOST,	  /* on the way to `peer`: text says why ("dropped", "queue full", "too big") */
	LA_SIM_HELD,	  /* a router on the way to `peer` took it aside */
	LA_SIM_COPIED,	  /* a second one is on its way to `peer` */
	LA_SIM_CORRUPTED, /* it goes on, with a bit wrong */
	LA_SIM_STATE,	  /* a watched connection of `host` went from one state to another */
	LA_SIM_RESTART,	  /* host was restarted: text says how */
	LA_SIM_NOTE,	  /* la_sim_note(): text */
};

struct la_sim_event {
	enum la_sim_what what;
	uint64_t us;
	uint64_t due_us;
	uint8_t host, peer;
	uint32_t packet; /* number of the segment; a copy has its original's */
	bool copy;	 /* this is the second one */
	bool late;	 /* a router held it */
	struct la_sim_seg seg;
	const uint8_t *frame; /* valid during the call */
	uint32_t frame_len;
	unsigned watch; /* LA_SIM_STATE */
	enum la_state from, to;
	const char *text;
};

struct la_sim_conn;

/** What passes between a connection and its user, besides its beginning and its end. */
enum la_sim_use {
	LA_SIM_CONNECTS, /* la_connect() */
	LA_SIM_SENDS,	 /* la_send() took these bytes */
	LA_SIM_READS,	 /* these bytes were delivered */
	LA_SIM_HEARS_FIN, /* the peer has closed its side */
	LA_SIM_SHUTS,	 /* la_shutdown() comes now */
	LA_SIM_CLOSES,	 /* la_close() */
	LA_SIM_ABORTS,	 /* la_abort() */
};

/** What the world tells; any may be NULL. They may not run the world. */
struct la_sim_hooks {
	void (*event)(void *ctx, const struct la_sim_event *e);
	/* decides instead of rules and chances */
	struct la_fate (*fate)(void *ctx, unsigned from, unsigned to, const struct la_sim_seg *s);
	void (*opened)(void *ctx, struct la_sim_conn *c);
	void (*closed)(void *ctx, struct la_sim_conn *c);
	/* bytes: only with LA_SIM_SENDS and LA_SIM_READS, valid during the call */
	void (*used)(void *ctx, struct la_sim_conn *c, enum la_sim_use use, const uint8_t *bytes,
		     uint32_t n);
	void *ctx;
};

struct la_sim_config {
	uint64_t seed;
	unsigned nhosts;
	struct la_sim_host host[LA_SIM_HOSTS];
	struct la_sim_link link; /* of every way, until la_sim_link() says otherwise */
	const char *const *faults; /* rules in fault.h's language */
	unsigned nfaults;
	uint64_t start_ms; /* the shards' `now` at the beginning [LA_SIM_HEADROOM_MS] */
	unsigned mbufs;	   /* of all hosts and the network [512] */
	unsigned flights;  /* segments on their way at once [256] */
	unsigned conns;	   /* user records [64] */
};

struct la_sim;

/** Makes a world. EAL must be running. 0; -EINVAL, -ENOMEM, with the reason in err. */
int la_sim_create(const struct la_sim_config *cfg, struct la_sim **out, char *err, size_t size);
void la_sim_destroy(struct la_sim *w);

void la_sim_hooks(struct la_sim *w, const struct la_sim_hooks *hooks);
void la_sim_link(struct la_sim *w, unsigned from, unsigned to, const struct la_sim_link *link);

/* Time. */
uint64_t la_sim_now(const struct la_sim *w); /* us since the beginning */
/** When something happens next, UINT64_MAX: nothing ever will. */
uint64_t la_sim_next(const struct la_sim *w);
/** Lets one thing happen: the next arrival or timer, if it comes no later than `until`; false when
 * none does, and then time stands at `until`. */
bool la_sim_step(struct la_sim *w, uint64_t until);
/** Runs until that time. */
void la_sim_run(struct la_sim *w, uint64_t until);
/** Runs until nothing is left to happen but the shards' own housekeeping, or until that time: false. */
bool la_sim_quiet(struct la_sim *w, uint64_t until);
/** To be called after using a shard's or connection's call from outside: takes what it has to send. */
void la_sim_settle(struct la_sim *w);

/* What is in it. */
struct la_shard *la_sim_shard(struct la_sim *w, unsigned host);
const char *la_sim_host_name(const struct la_sim *w, unsigned host);
/** Address of the host, of either family. */
struct la_addr la_sim_addr(const struct la_sim *w, unsigned host, bool ip6);
struct la_arena *la_sim_arena(struct la_sim *w);
struct rte_mempool *la_sim_mbufs(struct la_sim *w);
/** Frames that the network holds, those on a router's shelf among them. */
unsigned la_sim_in_flight(const struct la_sim *w);
/** Frames lost because the world ran out of mbufs: 0, or it is too small for what is done in it. */
uint32_t la_sim_no_mbufs(const struct la_sim *w);

/** Segments whose fate was to be held until released: their number, what the i-th is, and its release
 * (it arrives at once). The shelf keeps the order in which they were taken aside. */
unsigned la_sim_shelf(const struct la_sim *w);
uint32_t la_sim_shelf_packet(const struct la_sim *w, unsigned i);
uint64_t la_sim_shelf_since(const struct la_sim *w, unsigned i); /* us */
void la_sim_release(struct la_sim *w, unsigned i);
void la_sim_discard(struct la_sim *w, unsigned i); /* it never comes */

/** Reports every change of state of this tuple at that host (LA_SIM_STATE). The watch's number, or
 * -ENOSPC. */
int la_sim_watch(struct la_sim *w, unsigned host, const struct la_tuple *t);
void la_sim_note(struct la_sim *w, unsigned host, const char *text);

/** The host stops and starts again. orderly: connections are aborted and the TIME_WAIT table is carried
 * over, as --state does; else it crashes and waits quiet_ms (RFC 9293 3.4.3), 0: not at all. Listeners have
 * to be made again. 0, or what creating the shard said. */
int la_sim_restart(struct la_sim *w, unsigned host, bool orderly, uint32_t quiet_ms);

/* A world can be kept and gone back to, as long as it lives; hooks stay as they are. */
size_t la_sim_save_size(const struct la_sim *w);
void la_sim_save(const struct la_sim *w, void *buf);
void la_sim_load(struct la_sim *w, const void *buf);

#endif
