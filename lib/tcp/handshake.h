/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_HANDSHAKE_H
#define LA_TCP_HANDSHAKE_H

/* What a SYN and the end of the handshake change in a TCB, in line for the general path (open.c) and the fast path. */

#include "tcp/accepted.h"
#include "tcp/isn.h"

/** The values of our side of an open. */
static __rte_always_inline void
la_handshake_set_ours(struct la_tcb *c, int profile, const struct la_isn *isn, bool is4)
{
	const struct la_tcp *t = c->tcp;
	const struct la_profile *p = &t->profiles[profile];

	c->profile = (uint8_t)profile;
	c->flags |= p->o.nodelay ? LA_F_NODELAY : 0;
	c->rto = LA_RTO_INIT_MS;
	c->mss = c->mss_peer = la_mss_offered(t, &p->o, is4);
	c->ts_offset = isn->ts_offset;
	c->isn_offset = isn->offset;
	c->snd_una = c->snd_nxt = c->snd_max = c->recover = isn->iss;
	c->first_unacked_at = c->long_at = t->tick;
}

/** A passive open belongs to the listener that the SYN has reached. */
static __rte_always_inline void
la_handshake_set_listener(struct la_tcb *c, const struct la_listener *l)
{
	c->ops = l->ops;
	c->user = l->user;
	c->listener = (uint32_t)(l - c->tcp->listeners);
}

/** Takes the values of the peer's SYN: its sequence number, window (never scaled) and options. */
static __rte_always_inline void
la_handshake_take_syn(struct la_tcb *c, const struct la_seg *s)
{
	const struct la_profile *p = &c->tcp->profiles[c->profile];
	uint16_t mss = la_seg_mss(s);

	c->rcv_nxt = c->rcv_adv = c->last_ack_sent = s->seq + 1;
	if (c->flags & LA_F_ACTIVE) /* our SYN has offered a window already */
		c->rcv_adv += la_syn_window(&p->o);
	c->snd_wnd = c->max_snd_wnd = s->wnd;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	if (mss < LA_MSS_MIN)
		mss = LA_MSS_MIN;
	if (mss < c->mss_peer)
		c->mss_peer = mss;
	if (c->mss_peer < c->mss)
		c->mss = c->mss_peer;
	if ((s->opts & LA_OPT_TS) && !p->o.no_timestamps) {
		c->flags |= LA_F_TS;
		c->ts_recent = s->tsval;
		c->ts_recent_at = c->tcp->tick;
	}
	if ((s->opts & LA_OPT_WSCALE) && !p->o.no_wscale) {
		c->flags |= LA_F_WS;
		c->snd_wscale = s->wscale;
		c->rcv_wscale = p->rcv_wscale;
	}
	if (la_seg_agrees_sack(s, &p->o))
		c->flags |= LA_F_SACK_PERM;
}

/** The handshake has succeeded, in SYN_SENT or SYN_RCVD. snd_una is past our SYN. */
static __rte_always_inline void
la_handshake_done(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;
	bool active = (c->flags & LA_F_ACTIVE) != 0;

	la_count(t, active ? LA_C_opens_active : LA_C_opens_passive);
	c->snd_nxt = c->snd_max = c->snd_una;
	c->flags &= ~(uint32_t)(LA_F_REXMT_ON | LA_F_RTT_TIMING);
	c->flags |= LA_F_NEW_OPEN | LA_F_USER_KNOWS;
	c->backoff = 0;
	if (!(c->flags & LA_F_SRTT)) {
		if (c->flags & LA_F_SYN_LOST)
			c->rto = LA_RTO_SYN_LOST_MS;	     /* RFC 6298 5.7 */
		else if (!active || c->state == LA_SYN_SENT) /* Karn: in a simultaneous open our SYN was sent twice */
			la_accepted_rtt_sample(c, t->tick - c->first_unacked_at);
	}
	la_tcb_ack_quickly(c);
	c->cwnd = la_cc_initial_window(c);
	c->ssthresh = UINT32_MAX / 2;
	c->last_snd_at = t->tick;
	c->long_at = t->tick; /* time of the last segment received */
	if (c->shadow) {      /* the reopen succeeded */
		la_tw_forget(&t->tw, c->shadow);
		c->shadow = 0;
	}
	la_tcb_set_state(c, LA_ESTABLISHED);
	if (c->flags & LA_F_FIN_QUEUED) /* la_close() before ESTABLISHED */
		la_tcb_set_state(c, LA_FIN_WAIT_1);
}

/** SYN_SENT: the peer's SYN,ACK acknowledges our SYN. */
static __rte_always_inline void
la_handshake_syn_acked(struct la_tcb *c, const struct la_seg *s)
{
	la_handshake_take_syn(c, s);
	if ((c->flags & LA_F_TS) && s->tsecr) {
		uint32_t ms = la_tcb_tsval(c) - s->tsecr, most = c->tcp->tick - c->first_unacked_at;

		/* calls.c: the TSval of a call's SYN may be old */
		la_accepted_rtt_sample(c, ms < most ? ms : most);
	}
	c->snd_una = s->ack;
	la_handshake_done(c);
}

#endif
