/* SPDX-License-Identifier: BSD-3-Clause */
/* The retransmission time-out (RFC 6298), in milliseconds of fixed point: srtt is scaled by 8 and rttvar
 * by 4, so that alpha = 1/8 and beta = 1/4 are shifts. */

#include "tcp/internal.h"

static uint16_t
clamp_rto(const struct la_tcb *c, uint32_t ms)
{
	if (ms < c->tcp->rto_min)
		ms = c->tcp->rto_min;
	return (uint16_t)(ms > LA_RTO_MAX_MS ? LA_RTO_MAX_MS : ms);
}

/* One round trip was measured (2.2, 2.3). The caller applies Karn's rule: with timestamps every ACK of new
 * data is a sample; without timestamps only the ACK of a segment that was sent once is a sample. */
void
la_rtt_sample(struct la_tcb *c, uint32_t ms)
{
	if (ms > INT32_MAX) /* an echo of a timestamp that we never sent */
		return;
	if (ms > LA_RTO_MAX_MS)
		ms = LA_RTO_MAX_MS;
	if (!(c->flags & LA_F_SRTT)) {
		c->srtt = ms << 3;
		c->rttvar = ms << 1; /* R/2, scaled by 4 */
		c->flags |= LA_F_SRTT;
	} else {
		int32_t delta = (int32_t)ms - (int32_t)(c->srtt >> 3);

		c->srtt = (uint32_t)((int32_t)c->srtt + delta);
		if (delta < 0)
			delta = -delta;
		c->rttvar = (uint32_t)((int32_t)c->rttvar + (delta - (int32_t)(c->rttvar >> 2)));
	}
	/* K * RTTVAR is rttvar itself; the clock's granularity G is one tick (2.3) */
	c->rto = clamp_rto(c, (c->srtt >> 3) + (c->rttvar ? c->rttvar : 1));
}

/* The retransmission timer has expired (5.5): doubles the RTO, up to LA_RTO_MAX_MS. */
void
la_rtt_backoff(struct la_tcb *c)
{
	if (c->backoff < 255)
		c->backoff++;
	c->rto = (uint16_t)(c->rto >= LA_RTO_MAX_MS / 2 ? LA_RTO_MAX_MS : c->rto * 2);
}
