/* SPDX-License-Identifier: BSD-3-Clause */
/* The timers of a live connection:
 *
 *   retransmission  RFC 6298; also repeats SYN and SYN,ACK
 *   R2              ends a connection without acknowledgements (RFC 9293 3.8.3): a separate deadline,
 *                   la_tcb_r2_timeout_ms() after first_unacked_at, while the retransmission or persist timer runs
 *   persist         probes a closed window (RFC 9293 3.8.6.1); shares the retransmission's deadline
 *   keep-alive      off by default (RFC 9293 3.8.4)
 *   FIN_WAIT_2      ends a connection after la_close() when the peer does not close
 *   user            la_set_timer(); after la_close() the deadline of an orphan without progress
 *   delayed ACK     in its own wheel, because no other timer is as short
 *
 * Each expiry handler below is called when its deadline has passed, and may end the connection. */

#include "tcp/internal.h"

/* <SEQ=snd_una-1>: always outside the peer's window, so the peer must answer, and no data byte is needed. */
static void
timers_send_probe(struct la_tcb *c)
{
	la_output_segment(c, c->snd_una - 1, 0, 0);
}

static void
persist_expired(struct la_tcb *c)
{
	uint64_t ms;

	if (c->snd_wnd) { /* a small window: a segment that fits it is the probe */
		c->flags |= LA_F_PROBE;
		la_output_send(c);
		c->flags &= ~(uint32_t)LA_F_PROBE;
		if (!(c->flags & LA_F_PERSIST))
			return;
	}
	la_count(c->tcp, LA_C_zero_window_probes);
	timers_send_probe(c);
	if (c->backoff < 16)
		c->backoff++;
	ms = (uint64_t)c->rto << c->backoff;
	la_tcb_arm_rexmt(c, ms < LA_RTO_MAX_MS ? (uint32_t)ms : LA_RTO_MAX_MS);
}

static void
rexmt_expired(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;

	if (c->flags & LA_F_PERSIST) {
		persist_expired(c);
		return;
	}
	la_count(t, LA_C_rto_expired);
	la_rtt_backoff(c);
	c->flags &= ~(uint32_t)LA_F_RTT_TIMING;
	la_tcb_arm_rexmt(c, c->rto);
	if (c->state == LA_SYN_SENT || c->state == LA_SYN_RCVD) {
		c->flags |= LA_F_SYN_LOST;
		c->snd_nxt = c->snd_una;
		return; /* la_output_send() repeats the SYN */
	}
	la_cc_timeout(c);
	if (c->snd_wnd == 0) /* the window closed after these segments were sent: the first one is the probe */
		la_output_resend_first(c);
	c->snd_nxt = c->snd_una; /* la_output_send() retransmits from there, now or when the window opens */
}

static void
keepalive_expired(struct la_tcb *c)
{
	uint32_t idle = la_tcb_opts(c)->keepalive_ms;

	if (c->backoff >= LA_KEEPALIVE_PROBES) {
		la_end_conn(c, LA_END_TIMEOUT);
		return;
	}
	c->backoff++;
	la_count(c->tcp, LA_C_keepalive_probes);
	timers_send_probe(c);
	/* backdates long_at so that the next probe fires after one interval */
	c->long_at = c->tcp->tick - idle + (idle < LA_KEEPALIVE_INTERVAL_MS ? idle : LA_KEEPALIVE_INTERVAL_MS);
}

/* An orphan has had no acknowledgement for orphan_ms. It ends here if its window is closed (RFC 6429), or if it has
 * found no buffer for its output. Otherwise R2 decides, and a closed window no longer delays R2 (la_ack_window()).
 * FIN_WAIT_2 has its own limit, and a detached connection waits only for its user. */
static void
orphan_expired(struct la_tcb *c)
{
	if (c->state == LA_FIN_WAIT_2 || !la_tcb_is_live(c) ||
	    (c->snd_wnd && (c->flags & (LA_F_REXMT_ON | LA_F_PERSIST)) == LA_F_REXMT_ON))
		return;
	la_count(c->tcp, LA_C_orphans_timed_out);
	la_end_send_rst(c);
	la_end_conn(c, LA_END_TIMEOUT);
}

static bool
timer_is_due(const struct la_tcb *c, uint32_t flag, uint32_t at)
{
	return (c->flags & flag) && la_tcb_in_use(c) && seq_le(at, c->tcp->tick);
}

/* A reference of c has fired: runs due timers, then schedules the next deadline. */
void
la_timers_run(struct la_tcb *c)
{
	uint32_t keepalive = la_tcb_opts(c)->keepalive_ms;

	c->flags |= LA_F_BUSY;
	if (timer_is_due(c, LA_F_USER_TIMER, c->user_at)) {
		c->flags &= ~(uint32_t)LA_F_USER_TIMER;
		if (c->flags & LA_F_USER_CLOSED)
			orphan_expired(c);
		else if (c->ops->timer)
			c->ops->timer((struct la_conn *)c, c->user);
	}
	if (timer_is_due(c, LA_F_REXMT_ON, c->first_unacked_at + la_tcb_r2_timeout_ms(c)))
		la_end_conn(c, LA_END_TIMEOUT);
	else if (timer_is_due(c, LA_F_REXMT_ON, c->rexmt_at))
		rexmt_expired(c);
	if (timer_is_due(c, LA_F_FW2_TIMER, c->long_at))
		la_end_fin_wait_2_expired(c);
	if (keepalive && la_tcb_is_live(c) && !(c->flags & (LA_F_FW2_TIMER | LA_F_REXMT_ON)) &&
	    c->state >= LA_ESTABLISHED && seq_le(c->long_at + keepalive, c->tcp->tick))
		keepalive_expired(c);
	if (la_tcb_in_use(c))
		la_tcb_schedule(c);
	la_input_end_work(c); /* last: it may free c */
}

/* The delayed-ACK reference of a slot has fired. It has no effect if no ACK is due. If the slot has a new owner or a
 * newer ACK is due, that ACK is sent before its full delay, which the RFC allows. */
void
la_timers_delack(struct la_tcp *t, uint32_t slot)
{
	struct la_tcb *c = &t->tcbs[slot];

	c->delack_ref = false;
	if (!(c->flags & LA_F_ACK_DELAY) || !la_tcb_in_use(c))
		return;
	la_count(t, LA_C_delayed_acks);
	c->flags |= LA_F_ACK_NOW;
	la_output_send(c);
}
