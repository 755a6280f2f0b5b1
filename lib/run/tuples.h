/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_TUPLES_H
#define LA_RUN_TUPLES_H

/* The client's four-tuples: their number, their order, and their reuse. (The theory is at the top of tuples.c.) */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/addr.h>

#include "io/steer.h"

enum { LA_TUPLES_PREFIXES = 32, LA_TUPLES_SEGMENTS = 256 };

struct la_tuples {
	struct la_tuple proto;	      /* raddr and rport of every tuple */
	const struct la_steer *steer; /* only tuples that hash to `shard` are given; NULL: all tuples are given */
	unsigned shard;
	struct {
		struct la_addr base;
		uint64_t first, count; /* host numbers first .. first + count - 1 below base */
	} pool[LA_TUPLES_PREFIXES];
	unsigned npools;
	uint16_t port_lo, port_hi;
	uint64_t naddrs;
	uint64_t budget; /* addresses * ports, tuples of other shards included */
	uint64_t step;	 /* the stride: coprime to budget */
	/* the number of the next tuple, and the stride, as naddrs * port + addr: a step needs no division */
	struct la_tuple_number {
		uint64_t addr;
		uint32_t port;
	} next, stride;
	uint64_t seg_left; /* tuples of the present segment that were neither given nor skipped; 0: it has not begun */
	unsigned seg_now;  /* the present segment */
	uint64_t cycle;
	uint64_t hold_ms; /* rest of a used tuple; 0: none (reuse) */
	uint64_t seg_len; /* tuples of one segment of the cycle */
	unsigned nsegs;
	struct {
		uint64_t ended; /* end of the segment's last connection, ms */
		uint32_t live;	/* live connections of the segment */
		bool used;
	} seg[LA_TUPLES_SEGMENTS];
};

/** Initializes *t. from[]: source prefixes; only prefixes of raddr's family are used. hold_ms: 2*MSL, or 0.
 * 0; -EAFNOSUPPORT (no prefix of raddr's family), -EINVAL (ports), -E2BIG (too many prefixes). */
int la_tuples_init(struct la_tuples *t, const struct la_prefix *from, unsigned nfrom, uint16_t port_lo,
		   uint16_t port_hi, const struct la_addr *raddr, uint16_t rport, uint64_t hold_ms);

/** From now on gives only the tuples that hash to this shard of the port (the peer's answers have the same hash
 * as our segments). `steer` is kept. Other shards use the other tuples, with the
 * same prefixes and ports and without communication. */
void la_tuples_home(struct la_tuples *t, const struct la_steer *steer, unsigned shard);

/** The number of tuples of a shard: counted, or an even part of a budget that is too large to
 * count. */
uint64_t la_tuples_at_home(const struct la_tuples *t, const struct la_steer *steer, unsigned shard);

/** Stores the next tuple in *out. Call la_tuples_done() or la_tuples_unused() with *ticket later. 0, or -EAGAIN: the
 * next segment has live tuples or rests, or none of the next 65536 tuples hashes to this shard. */
int la_tuples_next(struct la_tuples *t, uint64_t now, struct la_tuple *out, unsigned *ticket);

/** The tuple's connection has ended: starts its rest. */
void la_tuples_done(struct la_tuples *t, unsigned ticket, uint64_t now);

/** The tuple was not used. */
void la_tuples_unused(struct la_tuples *t, unsigned ticket);

/** Returns how many tuples a run uses up within 2*MSL; UINT64_MAX: unknown. connections, rate (opens/s) and
 * duration_ms: 0 when not limited. */
uint64_t la_tuples_need(uint64_t connections, uint32_t rate, uint64_t duration_ms, uint32_t msl_ms);

#endif
