/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

/* The environment of fuzz_shard.c and fuzz_paths.c: one small shard in virtual time, its link and its users.
 *
 *   world_act.c    turns bytes into actions
 *   world.c        creation of the shard, time, frames in and out
 *   world_end.c    end and restart of the shard
 *   world_seg.c    segments whose sequence and ACK numbers are near a connection's variables
 *   world_link.c   ICMP errors about segments in flight, ARP, neighbour discovery, echo
 *   world_user.c   the users: callbacks, their calls of the API, the bytes of the streams
 *   world_check.c  invariants after every step
 *   world_life.c   whole lives of connections, interleaved in bursts
 *
 * The world reads RCV.NXT and SND.NXT from the shard's structures: a fuzzer that had to guess 32 bits
 * would not complete a handshake. */

#include <stdbool.h>

#include <lastack/lastack.h>

#include "../support/frame.h"
#include "../support/pattern.h"
#include "net/shard.h"
#include "target.h"
#include "tcp/internal.h"

enum { TUPLES = 6, USERS = 16, MBUFS = 6143, CONTROL = 255, BURST_MAX = 64, STREAM_MAX = 1 << 17 };

/** The part of the input that is not read yet. get8(), get16() and get32() return 0 after its end. */
struct bytes {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t
get8(struct bytes *b)
{
	if (b->left == 0)
		return 0;
	b->left--;
	return *b->p++;
}

static inline uint16_t
get16(struct bytes *b)
{
	uint16_t hi = get8(b);

	return (uint16_t)(hi << 8 | get8(b));
}

static inline uint32_t
get32(struct bytes *b)
{
	uint32_t hi = get16(b);

	return hi << 16 | get16(b);
}

/** The callbacks. */
enum event { EV_OPENED, EV_DATA, EV_WRITABLE, EV_FIN, EV_TIMER, EV_CLOSED, EVENTS };

struct world;

/** A connection's user, from `opened` or la_connect() until `closed`. */
struct user {
	struct world *w;
	struct la_conn *c; /* NULL: the record is free */
	bool opened;	   /* `opened` was called; iss and next are valid */
	uint32_t iss;	   /* the shard's initial sequence number */
	uint32_t next;	   /* sequence number of the next byte to read */
	uint64_t sent;	   /* bytes that la_send() accepted */
};

/** One four-tuple, and the shard's variables of its last connection. There are few tuples, so that each is reused
 * often. */
struct line {
	struct la_tuple t;
	uint8_t opts;	     /* options of the peer's SYNs: enum syn_opts */
	uint32_t R, W, U, N; /* the shard's RCV.NXT, RCV.WND, SND.UNA, SND.MAX, as last seen */
	uint32_t tsr;	     /* the shard's TS.Recent */
	uint32_t tsval;	     /* TSval of the shard's next segment */
	uint32_t maxwnd, mss;
	bool ts;	   /* the connection has timestamps */
	uint64_t tw_until; /* ms until which TIME_WAIT must last; 0: no TIME_WAIT */
};

enum syn_opts { SYN_TS = 1, SYN_WS = 2, SYN_SACK = 4, SYN_MSS = 8 };

struct world {
	struct la_shard *s;
	struct la_shard_config cfg;
	struct la_prefix addrs[4], ranges[2];
	struct la_addr peer[2]; /* IPv4, IPv6 */
	uint8_t mac[6], peer_mac[6];
	uint64_t now;
	uint64_t reopened; /* counter time_wait_reopened at the last check */
	struct line lines[TUPLES];
	struct user users[USERS];
	struct la_conn_opts opts;	  /* options of listeners and opens from now on */
	uint8_t act[EVENTS];		  /* action of each callback, in addition to reading: enum act */
	uint8_t reading;		  /* what `data` reads: 0 all, 1 nothing, 2 half, 3 a byte */
	unsigned depth;			  /* number of nested callbacks */
	bool mute;			  /* ARP and neighbour solicitations stay unanswered */
	bool lax;			  /* bytes with valid checksums may differ from the pattern */
	bool thorough;			  /* also run the slow checks */
	bool many;			  /* callbacks may open connections */
	struct rte_mbuf *held[BURST_MAX]; /* frames for the next burst */
	unsigned nheld;
	void *hoard[MBUFS]; /* mbufs taken out of the pool, so that the shard has few */
	unsigned nhoard;
};

/** How a received frame lies in mbufs, and which flags the driver sets. */
enum lie {
	LIE_FLAT,     /* one mbuf */
	LIE_EXACT,    /* an external buffer of exact size */
	LIE_CHAIN,    /* a chain of mbufs */
	LIE_CRUMBS,   /* a chain of tiny mbufs */
	LIE_GOOD,     /* one mbuf with its checksums marked good */
	LIE_BAD,      /* one mbuf with its checksums marked bad */
	LIE_STRIPPED, /* one mbuf with its VLAN tag stripped */
	LIE_SHARED,   /* treated as LIE_FLAT */
};

/* world.c, world_end.c */
void world_open(struct world *w, struct bytes *b, bool control);
void world_close(struct world *w);
/** Returns the frame as an mbuf; NULL: no mbuf is left. */
struct rte_mbuf *world_mbuf(struct world *w, const uint8_t *p, size_t len, enum lie lie);
/** Takes the frame m, or NULL for none, and adds it to the collected burst. hold false, or a full burst: the shard
 * receives the burst. */
void world_in(struct world *w, struct rte_mbuf *m, bool hold);
/** Takes the shard's frames and runs due timers, until no timer is due. */
void world_pump(struct world *w);
/** Advances the time by ms. Timers run at their deadlines; late: only after the whole time. */
void world_run(struct world *w, uint64_t ms, bool late);
/** Saves and destroys the shard. Creates another one ms later, which loads the saved state. */
void world_restart(struct world *w, uint64_t ms);
/** Leaves `left` mbufs in the pool. */
void world_starve(struct world *w, unsigned left);
/** Selects the limits of held buffers and orphans. 0: the default for buffers, and no limit for orphans. */
void world_limits(struct world *w, uint8_t which);
/** Returns whether FUZZ_TRACE is set. */
bool world_traced(void);
#define TRACE(...)                                    \
	do {                                          \
		if (world_traced())                   \
			fprintf(stderr, __VA_ARGS__); \
	} while (0)

/* world_act.c */
/** Creates a world, runs the actions of the input and ends the world. */
void world_input(struct world *w, const uint8_t *p, size_t len);
/** Returns the user of the tuple's connection, or NULL. */
struct user *line_user(struct world *w, struct line *l);

/* world_life.c */
/** Takes connections through their whole lives, with one burst for each stage: several connections are interleaved.
 * first: the first tuple. */
void life_action(struct world *w, unsigned first, struct bytes *b);

/* world_seg.c */
/** Updates the variables of *l from the shard's connection. */
void line_look(struct world *w, struct line *l);
/** For a SYN,ACK from the shard: if its tuple is not in the index (SYN cookie), updates the tuple's variables. */
void line_heard(struct world *w, const struct frame_in *f);
/** Returns the TCB of the tuple, or NULL. */
struct la_tcb *line_tcb(const struct world *w, const struct line *l);
/** Adds a segment with the options of a correct peer to the collected burst. */
void line_hold(struct world *w, struct line *l, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);
/** The same, then the shard receives the burst. */
void line_send(struct world *w, struct line *l, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);
/** Sends the shard a segment that the input selects; mutate: with changed bytes. */
void seg_action(struct world *w, struct bytes *b, bool mutate);

/* world_link.c */
void icmp_action(struct world *w, struct bytes *b);
void link_action(struct world *w, struct bytes *b);

/* world_user.c */
extern const struct la_conn_ops user_ops, silent_ops;
void user_connect(struct world *w, struct line *l);
void user_listen(struct world *w, unsigned which);
void user_act(struct world *w, struct user *u, uint8_t what);
struct user *user_of(struct world *w, const struct la_tcb *c);
void user_opts(struct la_conn_opts *o, struct bytes *b);

/* world_check.c */
void check_step(struct world *w);
void check_tables(struct world *w);
void check_frame(struct world *w, const uint8_t *p, size_t len);

#endif
