/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_SACK_H
#define LA_TCP_SACK_H

/* Selective acknowledgements that we send (RFC 2018, RFC 2883). (Theory at the top of sack.c.) */

#include "tcp/hold.h"

/** Data at seq was stored above a hole. recent: the connection's la_ooo_block.recent, which is updated. */
void la_sack_stored(const struct la_tcb *c, uint32_t *recent, uint32_t seq);
/** The sequence numbers from `from` to `to` - 1 have arrived again: the next segment of c reports them. */
void la_sack_duplicate(struct la_tcb *c, uint32_t from, uint32_t to);
/** Stores the blocks for the next segment of c in la_tcp.sack. Returns their number. */
unsigned la_sack_collect(struct la_tcb *c);

/** Returns whether the next segment of c may have a SACK option. */
static inline bool
la_sack_is_due(const struct la_tcb *c)
{
	return (c->ooo || c->tcp->dsack_of == c) && (c->flags & LA_F_SACK_PERM);
}

/** Bytes of the SACK option of the next segment of c. */
static inline uint32_t
la_sack_room(struct la_tcb *c)
{
	unsigned n = unlikely(la_sack_is_due(c)) ? la_sack_collect(c) : 0;

	return n ? (uint32_t)la_tcp_sack_len(n) : 0;
}

#endif
