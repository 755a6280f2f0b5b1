/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

/* The world of fuzz_shard.c: one small shard in virtual time, its wire and its users.
 *
 *   fuzz_shard.c   turns bytes into actions
 *   world.c        creation of the shard, time, frames in and out
 *   world_end.c    end and restart of the shard
 *   world_seg.c    segments with numbers near a connection's variables
 *   world_link.c   ICMP errors about such segments, ARP, neighbour discovery, echo
 *   world_user.c   callbacks, their calls, the streams
 *   world_check.c  invariants after every step
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

/** Reads the input from its start; returns zeros after its end. */
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

/** Actions of a user in a callback. */
enum event { EV_OPENED, EV_DATA, EV_WRITABLE, EV_FIN, EV_TIMER, EV_CLOSED, EVENTS };

struct world;

/** One connection of which the user has the pointer. */
struct user {
	struct world *w;
	struct la_conn *c; /* NULL: the record is free */
	bool opened;
	uint32_t iss;  /* of our side, once opened */
	uint32_t next; /* sequence number of the next byte to read, once opened */
	uint64_t sent; /* bytes that la_send() accepted */
};

/** One four-tuple. There are few, so that they are reused often. */
struct line {
	struct la_tuple t;
	uint8_t opts;	     /* options of its peer's SYN: enum syn_opts */
	uint32_t R, W, U, N; /* the shard's RCV.NXT, RCV.WND, SND.UNA, SND.MAX, as last seen */
	uint32_t tsr, tsval; /* its TS.Recent; the TSval it would send */
	uint32_t maxwnd, mss;
	bool ts;
	uint64_t tw_until; /* TIME_WAIT must last until then; 0: no TIME_WAIT */
};

enum syn_opts { SYN_TS = 1, SYN_WS = 2, SYN_SACK = 4, SYN_MSS = 8 };

struct world {
	struct la_shard *s;
	struct la_shard_config cfg;
	struct la_prefix addrs[4], ranges[2];
	struct la_addr peer[2]; /* IPv4, IPv6 */
	uint8_t mac[6], peer_mac[6];
	uint64_t now;
	uint64_t reopened; /* as of the last check */
	struct line lines[TUPLES];
	struct user users[USERS];
	struct la_conn_opts opts;	  /* of listeners and opens from now on */
	uint8_t act[EVENTS];		  /* actions of callbacks besides reading, enum act */
	uint8_t reading;		  /* 0 all, 1 nothing, 2 half, 3 a byte */
	unsigned depth;			  /* of callbacks within callbacks */
	bool mute;			  /* ARP and neighbour solicitations stay unanswered */
	bool lax;			  /* bytes with valid checksums may differ from the pattern */
	bool thorough;			  /* also run the slow checks */
	bool many;			  /* callbacks may open connections */
	struct rte_mbuf *held[BURST_MAX]; /* frames for the next burst */
	unsigned nheld;
	void *hoard[MBUFS]; /* mbufs withheld from the pool */
	unsigned nhoard;
};

/** Layout of a frame in memory. */
enum lie { LIE_FLAT, LIE_EXACT, LIE_CHAIN, LIE_CRUMBS, LIE_GOOD, LIE_BAD, LIE_STRIPPED, LIE_SHARED };

/* world.c, world_end.c */
void world_open(struct world *w, struct bytes *b, bool control);
void world_close(struct world *w);
struct rte_mbuf *world_mbuf(struct world *w, const uint8_t *p, size_t len, enum lie lie);
/** Takes the frame: adds it to the collected burst, or gives it to the shard with that burst. */
void world_in(struct world *w, struct rte_mbuf *m, bool hold);
void world_pump(struct world *w);
/** ms pass: timers run when they are due, or (late) only at the end. */
void world_run(struct world *w, uint64_t ms, bool late);
/** Saves and destroys the shard, and loads another one ms later. */
void world_restart(struct world *w, uint64_t ms);
void world_starve(struct world *w, unsigned left);
/** Changes the limits of held buffers; 0: as at creation. */
void world_limits(struct world *w, uint8_t which);
bool world_traced(void);
#define TRACE(...)                                    \
	do {                                          \
		if (world_traced())                   \
			fprintf(stderr, __VA_ARGS__); \
	} while (0)

/* world_seg.c */
void line_look(struct world *w, struct line *l);
/** A SYN,ACK was sent. With a cookie the shard has no TCB to read. */
void line_heard(struct world *w, const struct frame_in *f);
struct la_tcb *line_tcb(const struct world *w, const struct line *l);
/** A segment that a correct peer sends. */
void line_send(struct world *w, struct line *l, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);
/** A segment, mutated or not, as the input selects. */
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
