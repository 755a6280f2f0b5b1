/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_FAULT_FAULTY_H
#define LA_FAULT_FAULTY_H

/* Fault injection at a port: frames that a station sends are lost, delayed, duplicated, reordered or corrupted
 * by rule. A wrapper round la_shard_tx(), absent when there are no rules. (Theory: faulty.c.) */

#include <stdint.h>

#include <lastack/lastack.h>

#include "fault/fault.h"

struct rte_mbuf;
struct rte_mempool;

enum { LA_FAULTY_RULES = 16 };

/** What it did; each is written by the station's worker and may be read by any thread. */
struct la_faulty_counts {
	uint64_t dropped, held, duplicated, corrupted, reordered;
	uint64_t no_room; /* rules not carried out: too many frames wait, or no mbuf for a copy */
	uint64_t lost;	  /* frames that never left: dropped, or waiting now */
	uint64_t added;	  /* copies that left */
};

struct la_faulty;

/** Rules as la_fault_parse() reads them, without a host. Random ones are drawn by `seed`: the same
 * frames in the same order meet the same fate. NULL: no memory. */
struct la_faulty *la_faulty_create(const struct la_fault *rules, unsigned n, uint64_t seed);

/** After la_faulty_flush(). NULL is fine. */
void la_faulty_destroy(struct la_faulty *f);

/** In place of la_shard_tx(): frames that are to leave now, at most max (4 or more), 0: none. The
 * shard also says which ACKs acknowledge a FIN. now_us: any clock in microseconds; pool: for copies. */
unsigned la_faulty_take(struct la_faulty *f, struct la_shard *s, uint64_t now_us,
			struct rte_mempool *pool, struct rte_mbuf **pkts, unsigned max);

/** One frame through the rules: it is taken over; what is to leave at once, in order, is put into out,
 * at most 3 frames. Returns how many. peer_fin: as la_fault_is_kind() has it. */
unsigned la_faulty_pass(struct la_faulty *f, struct rte_mbuf *m, const uint32_t *peer_fin,
			uint64_t now_us, struct rte_mempool *pool, struct rte_mbuf **out);

/** Frees what still waits; it stays counted as lost. */
void la_faulty_flush(struct la_faulty *f);

void la_faulty_read(const struct la_faulty *f, struct la_faulty_counts *out);

#endif
