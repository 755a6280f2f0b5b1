/* SPDX-License-Identifier: BSD-3-Clause */
/* The fast path for a SYN to a listener: SYN_RCVD, and the first SYN,ACK. (Theory: fast.c.) open.c is the general path,
 * with the rules. */

#include "tcp/frame.h"
#include "tcp/hold.h"
#include "tcp/handshake.h"
#include "tcp/tcb_take.h"
#include "table/tw_share.h"

/* Returns the only listener of the port, if it accepts connections to the segment's destination. NULL: there is no such
 * listener, or the port has several. */
static __rte_always_inline const struct la_listener *
syn_listener(const struct la_tcp *t, const struct la_seg *s)
{
	unsigned first = t->listen_port[s->dport];
	const struct la_listener *l = first ? &t->listeners[first - 1] : NULL;

	if (!l || l->next || !(la_addr_is_any(&l->addr) || la_addr_eq(&l->addr, &s->dst)))
		return NULL;
	return l;
}

/* Returns whether tables and buffers have room for many more connections, so that no cookie is due, the source prefix
 * has no limit, and every step of the open succeeds. */
static __rte_always_inline bool
syn_has_room(const struct la_tcp *t, const struct la_seg *s, bool is4)
{
	const struct la_tw_pool *p = &t->tw.pool[!is4];

	return la_cookie_far(t, is4) && la_tw_share_is_idle(p) && la_tcb_has_free(t) && t->now >= t->quiet_until &&
	       t->out_n < LA_TCP_OUT_MAX && la_index_has_room(&t->index, s->hash);
}

static __rte_always_inline void
syn_set_tuple(struct la_tcb *c, const struct la_seg *s, bool is4)
{
	c->laddr = s->dst;
	c->raddr = s->src;
	c->lport = s->dport;
	c->rport = s->sport;
	c->is4 = is4;
}

/* Writes and queues the SYN,ACK (send_syn() of output.c): MSS, SACK-permitted, timestamps and window scale, as far as
 * they are negotiated. mss: the MSS that we offer. sack: SACK is negotiated; a constant, so that the frame is written
 * without a test of it. */
static __rte_always_inline void
syn_answer(struct la_tcb *c, struct rte_mbuf *m, bool is4, uint16_t mss, bool sack)
{
	struct la_tcp *t = c->tcp;
	const struct la_profile *profile = &t->profiles[c->profile];
	struct la_tcp_hdr h = {
		.seq = c->snd_una,
		.ack = c->rcv_nxt,
		.sport = c->lport,
		.dport = c->rport,
		.wnd = la_hold_syn_window(t, &profile->o),
		.mss = mss,
		.flags = LA_SYN | LA_ACK,
		.opts = sack ? LA_OPT_MSS | LA_OPT_SACK_PERM : LA_OPT_MSS,
		.wscale = profile->rcv_wscale,
	};

	if (c->flags & LA_F_TS) {
		h.opts |= LA_OPT_TS;
		h.tsval = la_tcb_tsval(c);
		h.tsecr = c->ts_recent;
	}
	if (c->flags & LA_F_WS)
		h.opts |= LA_OPT_WSCALE;
	la_frame_send(t, m, is4, &c->laddr, &c->raddr, &h, NULL, 0);
	c->rcv_adv = c->rcv_nxt + h.wnd;
	c->snd_nxt = c->snd_max = c->snd_una + 1;
}

static __rte_always_inline bool
fast_syn(struct la_tcp *t, struct la_seg *s, bool is4)
{
	const struct la_listener *l = syn_listener(t, s);
	struct la_tuple tuple = {s->dst, s->src, s->dport, s->sport};
	struct la_tw_pool *pool = &t->tw.pool[!is4];
	struct la_isn isn;
	struct rte_mbuf *m;
	struct la_tcb *c;
	uint32_t prefix;
	uint16_t mss;

	if (!l || s->len || !syn_has_room(t, s, is4) || !(m = la_frame_buffer(t, s)))
		return false;
	prefix = is4 ? la_tw_prefix4(t->tw.key, s->src.w[3]) : la_tw_prefix6(t->tw.key, &s->src);
	la_tw_share_asks(pool, prefix, t->now);
	(void)la_tw_take(&t->tw, pool, &t->tw.held[!is4][prefix]);
	isn = la_isn(t, &tuple);
	c = la_tcb_take(t);
	syn_set_tuple(c, s, is4);
	la_handshake_set_ours(c, l->profile, &isn, is4);
	la_handshake_set_listener(c, l);
	mss = c->mss;
	la_index_insert_first(&t->index, s->hash, la_tcb_ref(c));
	la_handshake_take_syn(c, s);
	la_tcb_change_state(c, LA_CLOSED, LA_LISTEN, false);
	la_tcb_set_state_from(c, LA_LISTEN, LA_SYN_RCVD);
	la_count(t, LA_C_syns_accepted);
	if (c->flags & LA_F_SACK_PERM)
		syn_answer(c, m, is4, mss, true);
	else
		syn_answer(c, m, is4, mss, false);
	la_tcb_arm_rexmt(c, c->rto);
	return true;
}

__attribute__((flatten)) bool
la_fast_syn(struct la_tcp *t, struct la_seg *s)
{
	return s->is4 ? fast_syn(t, s, true) : fast_syn(t, s, false);
}
