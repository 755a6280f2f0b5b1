/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_FAULT_FAULTY_H
#define LA_FAULT_FAULTY_H

/* Fault injection at a port: rules drop, delay, duplicate, reorder or corrupt the frames that a shard sends.
 * la_faulty_take() replaces la_shard_tx() if there are rules. (Theory at the top of faulty.c.) */

#include <stdint.h>

#include <lastack/lastack.h>

#include "fault/fault.h"

struct rte_mbuf;
struct rte_mempool;

enum { LA_FAULTY_RULES = 16 };

/** Counters, written by the shard's worker and readable by any thread. */
struct la_faulty_counts {
	uint64_t dropped, held, duplicated, corrupted, reordered;
	uint64_t no_room; /* rules not applied: too many held frames, or no mbuf for a copy */
	uint64_t lost;	  /* frames not handed to the port: dropped, or held at present */
	uint64_t added;	  /* copies handed to the port */
};

struct la_faulty;

/** rules: from la_fault_parse(), each with host "". n: at most LA_FAULTY_RULES. `seed` determines random draws: the
 * same frames in the same order get the same actions. NULL: no memory, or too many rules. */
struct la_faulty *la_faulty_create(const struct la_fault *rules, unsigned n, uint64_t seed);

/** Frees f. Call la_faulty_flush() first. NULL is allowed. */
void la_faulty_destroy(struct la_faulty *f);

/** Replaces la_shard_tx(): puts at most max frames to transmit now into pkts, returns how many. max: at least 4. s also
 * serves to identify ACKs of a FIN. now_us: any clock in microseconds; pool: for copies. */
unsigned la_faulty_take(struct la_faulty *f, struct la_shard *s, uint64_t now_us, struct rte_mempool *pool,
			struct rte_mbuf **pkts, unsigned max);

/** Applies the rules to one frame, which f owns from here on. Puts the frames to transmit now into out, in order,
 * at most 3. Returns their number. peer_fin: as in la_fault_is_kind(). */
unsigned la_faulty_pass(struct la_faulty *f, struct rte_mbuf *m, const uint32_t *peer_fin, uint64_t now_us,
			struct rte_mempool *pool, struct rte_mbuf **out);

/** Frees the held frames; they stay counted as lost. */
void la_faulty_flush(struct la_faulty *f);

/** Copies the counters. */
void la_faulty_read(const struct la_faulty *f, struct la_faulty_counts *out);

#endif
