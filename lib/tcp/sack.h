/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_SACK_H
#define LA_TCP_SACK_H

/* Selective acknowledgements that we send (RFC 2018, RFC 2883). (Theory at the top of sack.c.) */

#include "tcp/hold.h"

/** Data at seq was stored above a hole. recent: the connection's la_ooo_block.recent, which is updated. */
void la_sack_stored(const struct la_tcb *c, uint32_t *recent, uint32_t seq);
/** The sequence numbers from `from` to `to` - 1 have arrived again: the next segment of c reports them. */
void la_sack_duplicate(struct la_tcb *c, uint32_t from, uint32_t to);
/** The part of the segment below RCV.NXT, if there is one, has arrived again. */
void la_sack_old(struct la_tcb *c, const struct la_seg *s);
/** la_sack_blocks() for a connection that may have blocks. */
unsigned la_sack_collect(struct la_tcb *c);

/** Stores the blocks for the next segment of c in la_tcp.sack. Returns their number. */
static inline unsigned
la_sack_blocks(struct la_tcb *c)
{
	return unlikely(c->ooo || c->tcp->dsack_of == c) && (c->flags & LA_F_SACK_PERM) ? la_sack_collect(c) : 0;
}

#endif
