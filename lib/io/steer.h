/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_STEER_H
#define LA_IO_STEER_H

/* Selects the shard of a frame, on a port with several shards. (The theory is at the top of steer.c.) */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/addr.h>

#include "io/port.h"

enum {
	LA_STEER_RETA = LA_PORT_RETA, /* places of the redirection table */
	LA_STEER_ALL = -1,	      /* the frame is for every shard of the port */
};

struct la_steer {
	unsigned shards;
	uint8_t reta[LA_STEER_RETA];
	uint16_t low[256], high[256]; /* Toeplitz of the low and the high byte of a folded tuple */
};

/** Initializes *s for a port with 1 to 255 shards. The result depends only on the RSS key of the process, so that
 * tuples can be chosen before the port is open. la_engine_create() changes the key when it loads a snapshot file: then
 * call this function again. */
void la_steer_init(struct la_steer *s, unsigned shards);

/** The 32-bit Toeplitz hash, by la_rss_key(), of addresses and ports: equal to a NIC's hash of the
 * tuple in either direction. */
uint32_t la_steer_hash(const struct la_steer *s, const struct la_tuple *t);

/** The shard of a connection, and of every segment of it. */
unsigned la_steer_tuple(const struct la_steer *s, const struct la_tuple *t);

/** The shard of a received frame, or LA_STEER_ALL. Writes no memory. */
int la_steer_frame(const struct la_steer *s, const struct rte_mbuf *m);

#endif
