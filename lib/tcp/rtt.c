/* SPDX-License-Identifier: BSD-3-Clause */
/* The retransmission time-out (RFC 6298), in milliseconds of fixed point: srtt is scaled by 8 and rttvar
 * by 4, so that alpha = 1/8 and beta = 1/4 are shifts. */

#include "tcp/accepted.h"

/* The retransmission timer has expired (5.5): doubles the RTO, up to LA_RTO_MAX_MS. */
void
la_rtt_backoff(struct la_tcb *c)
{
	if (c->backoff < 255)
		c->backoff++;
	c->rto = (uint16_t)(c->rto >= LA_RTO_MAX_MS / 2 ? LA_RTO_MAX_MS : c->rto * 2);
}
