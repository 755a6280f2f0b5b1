/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_CLEAN_H
#define TEST_CLEAN_H

/* Clean worlds: a client shard and a server shard with many connections at once. (Theory at the top of clean_world.c.)
 *
 *   clean.c        the program: options, many worlds, both paths
 *   clean_world.c  one world: creation, steps, end
 *   clean_link.c   frames between the two shards
 *   clean_user.c   the users of both shards
 *   clean_call.c   the calls of the users */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/lastack.h>
#include <rte_mbuf.h>

#include "core/rng.h"

enum {
	CW_SERVER,
	CW_CLIENT,
	CW_SHARDS,
	CW_MBUFS = 8191,
	CW_CONTROL = 255,
	CW_USERS = 512,	  /* connections of both ends at once */
	CW_FRAMES = 4096, /* frames on the way to one shard */
	CW_ALIASES = 3,	  /* MACs of a host, besides the first one */
	CW_BURST = 64,
	CW_FRAME_MAX = 2048,
	CW_DEPTH = 3, /* of callbacks */
};

/** How the users of a connection behave. Both ends know it from the tuple. */
enum cw_style {
	CW_SERVER_FIRST, /* a request, an answer; the server closes first */
	CW_CLIENT_FIRST, /* a request, an answer; the client closes first */
	CW_TOGETHER,	 /* the client sends and closes in one segment; the server closes after the FIN */
	CW_HALF,	 /* the client shuts down; the server sends much, and closes */
	CW_BOTH,	 /* each end closes as soon as it is open */
	CW_BULK,	 /* much data in both directions, read in parts */
	CW_CHAT,	 /* many requests with pauses, short and long answers */
	CW_WILD,	 /* any call of the API in any callback */
	CW_STYLES
};

struct cw_shape { /* of a world */
	bool gateway, ranges, crowd, pad;
	uint32_t loss, dup, late; /* of a segment, ppm */
	uint32_t wild;		  /* of the connections, ppm */
	uint32_t clog;		  /* steps in which a shard's frames are not taken, ppm */
	uint32_t flood;		  /* steps with a flood of old segments, ppm */
	uint32_t starve, listen, move, shed;
	unsigned ports; /* local ports of the client: few ports are reused often */
	unsigned opens; /* most opens in a step */
};

struct cw_frame {
	uint64_t due; /* step */
	uint16_t len;
	uint8_t b[CW_FRAME_MAX];
};

struct cw_user {
	struct cw *w;
	struct la_conn *c;	  /* NULL: free */
	uint32_t sent, got, want; /* bytes; want: the length of the answer, or of the request */
	uint8_t style, shard, reads, rounds;
	bool fin, shut; /* the peer's FIN has arrived; la_shutdown() was called */
};

struct cw {
	struct la_rng rng;
	struct cw_shape shape;
	struct la_shard *s[CW_SHARDS];
	struct la_shard_config cfg[CW_SHARDS];
	struct la_prefix addrs[CW_SHARDS][4], ranges[CW_SHARDS][4];
	uint64_t now, step;
	struct cw_frame *way[CW_SHARDS]; /* frames on the way to each shard, in the order of sending */
	unsigned nway[CW_SHARDS];
	struct cw_frame *old; /* a ring of segments that the server has received */
	unsigned nold;
	unsigned clogged[CW_SHARDS]; /* steps until the shard's frames are taken again */
	struct cw_user user[CW_USERS];
	unsigned live;	       /* users that have a connection */
	unsigned depth;	       /* of callbacks */
	void *hoard[CW_MBUFS]; /* buffers taken out of the server's pool */
	unsigned nhoard;
	uint64_t fed; /* step in which they return */
	/* figures */
	uint64_t begun, refused, opened, ended[LA_NENDS], frames, lost, missed;
	uint64_t in[LA_NCOUNTERS];
};

/** Runs a world of n opens, with the given seed. differ: the server's TIME_WAIT is 2 ms shorter. Returns false and
 * prints why when a rule is broken. */
bool cw_world(struct cw *w, uint64_t seed, unsigned n, bool differ);
/** Creates the pools. Call it once, before the first world. */
void cw_start(void);

/* clean_link.c */
/** Takes the frames of both shards. The network decides what happens to each. */
void cw_take(struct cw *w);
/** Gives both shards the frames that are due, in bursts. */
void cw_deliver(struct cw *w);
/** Sets the MAC of a shard, or one of its aliases (1 to CW_ALIASES). The network delivers frames for each. */
void cw_mac(uint8_t mac[6], unsigned shard, unsigned alias);
/** Gives the server many old segments at once, before any of its frames is taken. */
void cw_flood(struct cw *w);
/** A host announces another MAC for one of its addresses: the next hop of the other host changes. */
void cw_move(struct cw *w);

/* clean_user.c */
void cw_listen(struct cw *w, bool remove);
void cw_connect(struct cw *w);
/** A user does something outside a callback. */
void cw_act(struct cw *w);

/* clean_call.c */
/** Sends n bytes, at most 64 KiB. */
void cw_send(struct cw_user *u, uint32_t n, bool constant);
/** Reads at most that number of bytes. */
void cw_read(struct cw_user *u, uint32_t most);
void cw_close(struct cw_user *u);
void cw_shutdown(struct cw_user *u);
/** Returns any user that has a connection, or NULL. */
struct cw_user *cw_other(struct cw *w);
/** Makes any call, for this user or for another one. */
void cw_wild(struct cw *w, struct cw_user *u);

/** Returns true in `ppm` of a million cases. */
static inline bool
cw_chance(struct cw *w, uint32_t ppm)
{
	return la_rng_chance(&w->rng, ppm);
}

static inline uint32_t
cw_below(struct cw *w, uint32_t n)
{
	return la_rng_below(&w->rng, n);
}

#endif
