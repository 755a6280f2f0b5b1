/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_RIG_H
#define TEST_RIG_H

/* A test rig: one shard in virtual time, and the wire at its end.
 *
 * Only rig_run() moves time, from one la_shard_next() to the next, so each event has an exact
 * millisecond. Each emitted frame is parsed at once (frame.h), checked against the rules for all
 * output, and given to the peer of its tuple (peer.h). The rig answers address resolution: tests see
 * only TCP.
 *
 * The rig records all events as text. A failed check prints the last lines. rig_close() also checks that
 * no TIME_WAIT entry ended early and that every mbuf returned to the pool. */

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "frame.h"

struct peer;
struct rte_mempool;

struct rig_opts {
	bool vlan;
	uint64_t now;	     /* first tick; 0: 1 000 000 */
	uint32_t msl_ms;     /* 0: 30 000 */
	uint32_t rto_min_ms; /* 0: the shard's default */
	uint16_t mtu;	     /* 0: 1500 */
	uint32_t offloads;
	uint32_t max_conns, max_time_wait4, max_time_wait6; /* 0: 64 */
	uint32_t quiet_ms;
	bool tw_full_reset;
	uint32_t syn_cookies_at, rst_rate, tw_share_percent;
	bool gateway;		 /* peer4 and peer6 are gateways: peers may have off-link addresses */
	uint32_t max_neighbours; /* 0: 512 */
	uint32_t max_held, low_mbufs, max_orphans, orphan_ms;
	struct rte_mempool *control; /* pool for packets without payload; NULL: none */
};

enum { RIG_PEERS = 2048, RIG_MBUFS = 4095 };

struct rig {
	struct la_shard *s;
	uint64_t now;
	struct rig_opts opts;
	uint8_t mac[6], peer_mac[6];
	struct la_addr addr4, addr6, other4, other6; /* addresses of the shard, two of each family */
	struct la_addr peer4, peer6;		     /* addresses of the peers */
	struct peer *peers[RIG_PEERS];
	unsigned npeers;
	unsigned mbufs;		  /* free mbufs of the pool at the start */
	uint64_t tx_frames;	  /* frames that the shard emitted */
	uint64_t tcp_frames;	  /* TCP frames that the shard emitted */
	unsigned strays;	  /* TCP frames that belong to no peer's tuple */
	struct frame_in stray;	  /* the last stray; the pointers in it are invalid */
	struct rte_mempool *from; /* pool of injected frames; NULL: rig_pool() */
	bool small_path;	  /* a path MTU below 552 was reported: DF may be missing */
	bool mute;		  /* ARP and neighbour solicitations stay unanswered */
	const char *name;	  /* printed with every failure */
	jmp_buf *bail;		  /* target of a failed check; NULL: the test ends */
	bool quiet_strays;	  /* strays are expected, as in a flood */
	bool plain;		  /* not a Criterion test: a failed check is printed and goes to bail */
	bool verbose;		  /* lines of the record are printed as they are made */
};

/** opts NULL: all defaults. */
struct rig *rig_open(const struct rig_opts *opts);
/** The configuration that rig_open() uses for the shard, at r->now. */
void rig_config(const struct rig *r, struct la_shard_config *cfg, struct la_prefix addrs[4]);
/** Runs the final checks, then frees the rig and its peers. */
void rig_close(struct rig *r);
/** Frees the rig without checks, after a failure. */
void rig_discard(struct rig *r);

/** Lets ms milliseconds pass. */
void rig_run(struct rig *r, uint64_t ms);
/** Takes all frames that the shard has to send. Call this function after every call that may send. */
void rig_pump(struct rig *r);
/** Gives one frame to the shard and takes the shard's answers. */
void rig_inject(struct rig *r, const uint8_t *frame, size_t len);

uint64_t rig_counter(const struct rig *r, enum la_counter c);

/** Returns the number of free mbufs of the pool. An equal number before and after a test means no leak. */
unsigned rig_mbufs_free(void);
struct rte_mempool *rig_pool(void);

/** Adds a line to the record. */
void rig_note(struct rig *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** A check failed: prints message and record, then leaves by r->bail or ends the test. */
_Noreturn void rig_fail(struct rig *r, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define FAIL(r, ...) rig_fail(r, __FILE__, __LINE__, __VA_ARGS__)
#define CHECK(r, cond, ...)                                           \
	do {                                                          \
		if (!(cond))                                          \
			rig_fail(r, __FILE__, __LINE__, __VA_ARGS__); \
	} while (0)

#endif
