/* SPDX-License-Identifier: BSD-3-Clause */
/* API calls between two updates of the time: theory of operation.
 *
 * la_connect(), la_send(), la_shutdown(), la_close(), la_consume(), la_set_nodelay() and la_set_timer() have no
 * `now`. In a callback the tick is current. Elsewhere the tick is that of the last la_shard_rx() or
 * la_shard_poll(), which may be seconds old in an idle program. A retransmission timer armed from an old tick would
 * fire at the next update and send a SYN twice, which RFC 6298 5 forbids. A user's timer would fire early.
 *
 * So each of these calls outside a callback is put on a list. The next update of the time first moves the stamps and
 * deadlines of the listed calls to the new time. The new time is after the call, so no timer is early. A timer is late
 * by the time between call and update; la_tcp_next() returns the old time until the update, so that an update comes
 * soon.
 *
 * The list is bounded. After an overflow the update visits all TCBs once. It moves stamps of the last tick and all
 * users' timers, which are then late by at most the time that passed. */

#include "tcp/internal.h"

static void
call_note(struct la_tcb *c, uint32_t user_ms)
{
	struct la_tcp *t = c->tcp;
	struct la_call call = {la_tcb_slot(c), user_ms};
	uint32_t n = t->ncalls;

	if (n && n <= LA_TCP_CALLS && t->calls[n - 1].slot == call.slot && !t->calls[n - 1].user_ms && !user_ms)
		return;
	if (n < LA_TCP_CALLS)
		t->calls[n] = call;
	if (n <= LA_TCP_CALLS)
		t->ncalls++;
}

void
la_call_sends(struct la_tcb *c)
{
	call_note(c, 0);
}

void
la_call_timer(struct la_tcb *c, uint32_t ms)
{
	call_note(c, ms);
}

/* Moves stamps and deadlines of c that a call at tick `from` has set to tick `to`. Deadlines only move to later ticks:
 * the reference in the wheel fires at the old deadline and finds the new one. */
static void
call_restamp(struct la_tcb *c, uint32_t from, uint32_t to)
{
	uint32_t fw2 = la_tcb_opts(c)->fin_wait_2_ms;

	if (fw2 > LA_FIN_WAIT_2_HOLD_MS)
		fw2 = LA_FIN_WAIT_2_HOLD_MS;
	if ((c->flags & LA_F_REXMT_ON) && c->rexmt_at == from + c->rto)
		c->rexmt_at = to + c->rto;
	if ((c->flags & LA_F_REXMT_ON) && c->first_unacked_at == from)
		c->first_unacked_at = to;
	if ((c->flags & LA_F_RTT_TIMING) && c->rtt_at == from)
		c->rtt_at = to;
	if (c->last_snd_at == from)
		c->last_snd_at = to;
	if ((c->flags & LA_F_FW2_TIMER) && c->long_at == from + fw2)
		c->long_at = to + fw2;
	if ((c->flags & LA_F_USER_CLOSED) && c->user_at == from + la_tcb_opts(c)->orphan_ms)
		c->user_at = to + la_tcb_opts(c)->orphan_ms;
}

/* tick: the new time. t->tick is still the time of the calls. */
void
la_calls_told(struct la_tcp *t, uint32_t tick)
{
	uint32_t passed = tick - t->tick, n = t->ncalls;

	t->ncalls = 0;
	if (passed == 0)
		return;
	for (uint32_t i = 0; n <= LA_TCP_CALLS && i < n; i++) {
		struct la_tcb *c = &t->tcbs[t->calls[i].slot];

		if (!la_tcb_in_use(c))
			continue;
		if (t->calls[i].user_ms == 0)
			call_restamp(c, t->tick, tick);
		else if ((c->flags & (LA_F_USER_TIMER | LA_F_USER_CLOSED)) == LA_F_USER_TIMER)
			/* of several calls the last one counts; after la_close() user_at is the orphan's deadline */
			c->user_at = tick + t->calls[i].user_ms;
	}
	for (uint32_t slot = 1; n > LA_TCP_CALLS && slot < t->tcb_fresh; slot++) {
		struct la_tcb *c = &t->tcbs[slot];

		if (!la_tcb_in_use(c))
			continue;
		call_restamp(c, t->tick, tick);
		if ((c->flags & (LA_F_USER_TIMER | LA_F_USER_CLOSED)) == LA_F_USER_TIMER &&
		    c->user_at - t->tick < LA_TIMER_MAX_MS)
			c->user_at += passed;
	}
}
