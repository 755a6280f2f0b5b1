/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion control: slow start, congestion avoidance, fast retransmit (RFC 5681), NewReno fast recovery
 * (RFC 6582), limited transmit (RFC 3042), initial window of ten (RFC 6928), byte counting (RFC 3465, L = 1).
 *
 * la_cc_acked() gets the number of newly acknowledged bytes. la_cc_dupack() is called for each duplicate
 * ACK (RFC 5681 2), la_cc_timeout() for each retransmission time-out, la_cc_idle() before the first
 * segment after a pause. Windows are in bytes. */

#include "tcp/accepted.h"
#include "tcp/recovery.h"

enum { DUP_THRESH = 3 };

static uint32_t
flight_size(const struct la_tcb *c)
{
	return c->snd_max - c->snd_una;
}

/* The new ssthresh (RFC 5681 (4)): half of the bytes in flight, without those of limited transmit (3.2 (2)), but at
 * least two segments. */
uint32_t
la_cc_half_flight(const struct la_tcb *c)
{
	uint32_t out = flight_size(c) < c->cwnd ? flight_size(c) : c->cwnd;
	uint32_t half = out / 2, two = 2 * la_tcb_smss(c);

	return half > two ? half : two;
}

/* Lets duplicate ACKs add the bytes in flight to cwnd, minus `counted`: bytes that are in cwnd already, or lost.
 * Each segment in the network can cause one duplicate ACK (RFC 5681 3.2 (4)); the limit protects against a peer that
 * sends more duplicate ACKs (RFC 5681 5). A partial ACK begins the next round trip, with a new limit. */
static void
limit_inflation(struct la_tcb *c, uint32_t counted)
{
	c->inflate = flight_size(c) > counted ? flight_size(c) - counted : 0;
}

/* RFC 6582 3.2 step 3; snd_una has moved already. */
static void
recovery_ack(struct la_tcb *c, uint32_t acked)
{
	uint32_t mss = la_tcb_smss(c);

	if (seq_ge(c->snd_una, c->recover)) { /* full acknowledgement */
		uint32_t left = flight_size(c) > mss ? flight_size(c) : mss;

		c->flags &= ~(uint32_t)LA_F_RECOVERY;
		c->cwnd = c->ssthresh < left + mss ? c->ssthresh : left + mss;
		c->ca_acked = 0;
		return;
	}
	/* a partial ACK: the next segment is lost, too. cwnd shrinks by the acknowledged bytes, less one segment */
	la_output_resend_first(c);
	c->cwnd = c->cwnd > acked ? c->cwnd - acked : mss;
	if (acked >= mss) {
		c->cwnd += mss;
		limit_inflation(c, mss);
	}
}

void
la_cc_acked(struct la_tcb *c, uint32_t acked)
{
	if (c->flags & LA_F_RECOVERY) {
		c->dupacks = 0;
		recovery_ack(c, acked);
		return;
	}
	la_accepted_cwnd(c, acked);
}

void
la_cc_dupack(struct la_tcb *c)
{
	uint32_t mss = la_tcb_smss(c);

	if (c->flags & LA_F_RECOVERY) { /* each duplicate ACK means that a segment has left the network */
		uint32_t step = mss < c->inflate ? mss : c->inflate;

		c->inflate -= step;
		c->cwnd += step;
		return;
	}
	if (c->dupacks < 255)
		c->dupacks++;
	if (c->dupacks != DUP_THRESH)
		return;
	/* RFC 6582 3.2 step 2: retransmissions of the last recovery may have caused these duplicate ACKs */
	if (seq_lt(c->snd_una, c->recover))
		return;
	c->ssthresh = la_cc_half_flight(c);
	c->recover = c->snd_max;
	c->cwnd = c->ssthresh + DUP_THRESH * mss;
	c->flags |= LA_F_RECOVERY;
	limit_inflation(c, (DUP_THRESH + 1) * mss); /* three segments are in cwnd already, one is lost */
	la_count(c->tcp, LA_C_fast_retransmits);
	la_output_resend_first(c);
}

void
la_cc_timeout(struct la_tcb *c)
{
	struct la_board *b = la_board_of(c);

	if (c->backoff <= 1) /* RFC 5681 (4); ssthresh stays when the retransmission itself is lost */
		c->ssthresh = la_cc_half_flight(c);
	c->cwnd = la_tcb_smss(c);
	c->ca_acked = 0;
	if (b) {
		la_recovery_timeout(c, b);
		return;
	}
	c->recover = c->snd_max;
	c->dupacks = 0;
	c->flags &= ~(uint32_t)LA_F_RECOVERY;
}

/* RFC 5681 4.1: after a pause longer than the RTO the ACK clock is gone. */
void
la_cc_idle(struct la_tcb *c)
{
	uint32_t iw = la_cc_initial_window(c);

	if (c->cwnd > iw) {
		c->cwnd = iw;
		c->ca_acked = 0;
	}
}
