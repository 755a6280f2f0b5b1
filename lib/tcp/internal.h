/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_INTERNAL_H
#define LA_TCP_INTERNAL_H

/* Declarations shared by the files of lib/tcp.
 *
 *   tcb.c      the life of a TCB; pool of TCBs, TCB's wheel references
 *   tcb_check.c   the checker of all TCBs, for tests
 *   state.h, transitions.def   the state machine as a table: every lawful transition, counted
 *   listen.c   listeners and option profiles
 *   cookie.c   SYN cookies
 *   isn.c      initial sequence numbers, timestamp offsets
 *   open.c     active and passive open, ISNs, LISTEN and SYN_SENT input
 *   input.c    bursts, and SEGMENT ARRIVES for the synchronized states
 *   ack.c      processing of an acceptable ACK: send queue, RTT, congestion control
 *   text.c     in-order text, the peer's FIN
 *   ooo.c      reassembly: data above a hole
 *   sack.c     SACK blocks that we send
 *   board.c    the scoreboard of the peer's SACK blocks
 *   recovery.c loss recovery with a scoreboard
 *   hold.c     packet buffers held for peers: budget, shares, order of drops
 *   sendq.c    the send queue
 *   output.c   decides what may be sent now, and in which segment
 *   emit.c     bytes of one packet
 *   fast.c, fast_open.c, frame.h   the fast path for expected segments (theory: fast.c)
 *   accepted.h, handshake.h, window.h, events.h, tcb_take.h   rules and steps that both paths have, in line
 *   pmtu.c     path MTU discovery: smaller segments, fragmentation allowed, larger segments again
 *   calls.c    API calls between two updates of the time
 *   spare.c    recycling of packet buffers within a burst
 *   timers.c   expiry handlers
 *   rtt.c, newreno.c   RFC 6298; RFC 5681 and 6582
 *   end.c      shutdown, close, abort, TIME_WAIT and CLOSED
 *   user.c     the other public calls; tcp.c has the calls of tcp.h */

#include <assert.h>
#include <stdio.h>

#include <rte_mbuf.h>

#include "core/count.h"
#include "core/seq.h"
#include "table/accept.h"
#include "table/state.h"
#include "tcp/spare.h"
#include "tcp/tcb.h"
#include "tcp/tcp.h"

_Static_assert(LA_TCP_PROFILES <= 256, "a TCB's profile is a byte");

enum {
	LA_DELACK_MS = 40,	   /* below the 500 ms of RFC 9293 MUST-40 */
	LA_RTO_INIT_MS = 1000,	   /* RFC 6298 2.1 */
	LA_RTO_SYN_LOST_MS = 3000, /* RFC 6298 5.7 */
	LA_RTO_MAX_MS = 64000,	   /* RFC 6298 2.5: at least 60 s */
	LA_R2_MS = 120000,	   /* RFC 9293 3.8.3: at least 100 s */
	LA_R2_SYN_MS = 200000,	   /* at least 3 minutes */
	LA_SYN_RCVD_MS = 63000,	   /* longest half-open connection: SYN,ACK after 0, 1, 3, 7, 15 and 31 s */
	LA_FIN_WAIT_2_MS = 60000,
	LA_FIN_WAIT_2_HOLD_MS = 5000, /* after la_close(): for this time as a TCB, then as a table entry */
	LA_KEEPALIVE_INTERVAL_MS = 75000,
	LA_KEEPALIVE_PROBES = 8,
	LA_CHALLENGE_WINDOW_MS = 500, /* RFC 5961 7: interval of the limit on a connection's challenge ACKs */
	LA_CHALLENGE_MAX = 5,	      /* challenge ACKs of a connection in one interval */
	LA_BUF_DEFAULT = 256 * 1024,
	LA_BUF_MAX = 1 << 30,
	LA_MSS_DEFAULT4 = 536, /* RFC 9293 MUST-15 */
	LA_MSS_DEFAULT6 = 1220,
	LA_MSS_MIN = 64,   /* smaller offers are raised to this: room for options and a byte */
	LA_OOO_MAX = 255,  /* reassembly blocks of a connection */
	LA_WHEEL_REFS = 6, /* references one TCB may have in the wheel; la_tcb.wheel_refs has three bits */
	LA_DELACK_SLOTS = 512,
	LA_TIMER_MAX_MS = 1 << 30, /* longest timer: a deadline 2^31 ticks ahead would compare as past */
	LA_COPY_MAX = 256,	   /* payloads up to this are copied after the header, not attached */
	LA_TCP_TTL = 64,	   /* of every packet; IPv6: hop limit */
	LA_QUICK_ACKS = 15,	   /* segments acknowledged at once after the open and after a pause */
	LA_PMTU_MIN4 = 552,	   /* bytes: a smaller path MTU of IPv4 clears DF */
	LA_PMTU_MIN6 = 1280,	   /* RFC 8200 5 */
	LA_TCP_CALLS = 1024,	   /* calls recorded until the next update of the time (calls.c) */
};

/** A set of connection options with the defaults filled in. */
struct la_profile {
	struct la_conn_opts o;
	int tw_class;
	uint8_t rcv_wscale;
	bool has_given;
	struct la_conn_opts given; /* when has_given: the last options of a caller that gave this profile */
};

struct la_listener {
	struct la_addr addr; /* any: all addresses of the shard */
	uint16_t port;
	uint16_t profile;
	uint16_t next; /* the next listener on this port, index + 1; 0: none */
	bool used;
	const struct la_conn_ops *ops;
	void *user;
};

/* Returns v, or def if v is 0: a zero in the options of a connection means the default. */
static inline uint32_t
or_default(uint32_t v, uint32_t def)
{
	return v ? v : def;
}

/** Counts one event. c: a compile-time constant, or a counter of a kind other than DROP (core/count.h). */
static inline void
la_count(struct la_tcp *t, enum la_counter c)
{
	la_counters_one(t->counters, c);
}

static inline uint32_t
la_tcb_slot(const struct la_tcb *c)
{
	return (uint32_t)(c - c->tcp->tcbs);
}

static inline la_ref
la_tcb_ref(const struct la_tcb *c)
{
	return la_ref_make(LA_POOL_TCB, la_tcb_slot(c));
}

/* Masks for la_tcb_is_live() and similar tests. The compiler does not derive them from a comparison of
 * la_tcb_life(). */
enum {
	LA_F_DETACHED = LA_TCB_DETACHED << LA_TCB_LIFE_SHIFT,
	LA_F_UNUSED = LA_TCB_ENDED << LA_TCB_LIFE_SHIFT, /* set in ENDED and FREE */
};
_Static_assert(LA_TCB_LIVE == 0 && LA_TCB_DETACHED == 1 && LA_TCB_ENDED == 2 && LA_TCB_FREE == 3,
	       "ENDED and FREE alone have the upper bit");

static inline enum la_tcb_life
la_tcb_life(const struct la_tcb *c)
{
	return (enum la_tcb_life)((c->flags & LA_F_LIFE) >> LA_TCB_LIFE_SHIFT);
}

/** The only writer of a life. Stops the program at a step that the picture in tcb.c does not have. */
static inline void
la_tcb_set_life(struct la_tcb *c, enum la_tcb_life next)
{
	static const uint8_t from[LA_TCB_LIVES] = {
		/* bit n of a row: the step from life n to the row's life is lawful */
		[LA_TCB_LIVE] = 1 << LA_TCB_FREE,
		[LA_TCB_DETACHED] = 1 << LA_TCB_LIVE,
		[LA_TCB_ENDED] = 1 << LA_TCB_LIVE | 1 << LA_TCB_DETACHED,
		[LA_TCB_FREE] = 1 << LA_TCB_LIVE | 1 << LA_TCB_ENDED,
	};

	assert(from[next] >> la_tcb_life(c) & 1);
	c->flags = (c->flags & ~(uint32_t)LA_F_LIFE) | (uint32_t)next << LA_TCB_LIFE_SHIFT;
}

/** The connection is in the index: it sends, receives, and has timers. */
static inline bool
la_tcb_is_live(const struct la_tcb *c)
{
	return !(c->flags & LA_F_LIFE);
}

/** The connection is closed in order, and the user still reads. */
static inline bool
la_tcb_is_detached(const struct la_tcb *c)
{
	return (c->flags & LA_F_LIFE) == LA_F_DETACHED;
}

/** The slot has a connection that has not ended: LIVE or DETACHED. */
static inline bool
la_tcb_in_use(const struct la_tcb *c)
{
	return !(c->flags & LA_F_UNUSED);
}

/** Neither la_close() nor `closed` was called: callbacks besides `closed` may be called. */
static inline bool
la_tcb_has_user(const struct la_tcb *c)
{
	return !(c->flags & (LA_F_USER_CLOSED | LA_F_UNUSED));
}

static inline const struct la_conn_opts *
la_tcb_opts(const struct la_tcb *c)
{
	return &c->tcp->profiles[c->profile].o;
}

static inline uint32_t
la_tcb_fin(const struct la_tcb *c) /* 1 if our FIN was sent, so that snd_max counts it; otherwise 0 */
{
	return (c->flags & LA_F_FIN_SENT) != 0;
}

/** Restarts orphan_ms, after la_close() or after an acknowledgement to an orphan. A later deadline
 * needs no new reference in the wheel; la_close() and la_tcb_pend() add the first reference. */
static inline void
la_tcb_orphan(struct la_tcb *c)
{
	c->user_at = c->tcp->tick + la_tcb_opts(c)->orphan_ms;
	c->flags |= LA_F_USER_TIMER;
}

/** The MSS we offer: the interface's, or the user's clamp. */
static inline uint16_t
la_mss_offered(const struct la_tcp *t, const struct la_conn_opts *o, bool is4)
{
	uint16_t mss = (uint16_t)(t->mtu - (is4 ? 40u : 60u));

	return o->mss && o->mss < mss ? o->mss : mss;
}

/** The MSS that a peer's SYN offers (RFC 9293 MUST-15). */
static inline uint16_t
la_seg_mss(const struct la_seg *s)
{
	if (s->opts & LA_OPT_MSS)
		return s->mss;
	return s->is4 ? LA_MSS_DEFAULT4 : LA_MSS_DEFAULT6;
}

/** Returns whether this SYN agrees to SACK, and we do (RFC 2018 2). */
static inline bool
la_seg_agrees_sack(const struct la_seg *s, const struct la_conn_opts *o)
{
	return (s->opts & LA_OPT_SACK_PERM) && !o->no_sack;
}

/** The window of our SYN, which is never scaled (RFC 7323 2.2). */
static inline uint16_t
la_syn_window(const struct la_conn_opts *o)
{
	return (uint16_t)(o->rcvbuf < UINT16_MAX ? o->rcvbuf : UINT16_MAX);
}

/** Payload bytes of a full-sized segment, without options (RFC 6691). */
static inline uint32_t
la_tcb_smss(const struct la_tcb *c)
{
	return (uint32_t)c->mss - ((c->flags & LA_F_TS) ? 12u : 0u);
}

/** Starts quick ACKs: for half of the segments that fit the receive buffer, 2 to LA_QUICK_ACKS. */
static inline void
la_tcb_ack_quickly(struct la_tcb *c)
{
	uint32_t n = LA_QUICK_ACKS, buf = la_tcb_opts(c)->rcvbuf, pair = 2u * c->mss;

	if (buf < n * pair)
		n = buf / pair > 2 ? buf / pair : 2;
	c->quick_acks = n & LA_QUICK_ACKS;
}

/** R2 in ms (RFC 9293 3.8.3): the limit for the oldest unacknowledged segment. */
static inline uint32_t
la_tcb_r2_timeout_ms(const struct la_tcb *c)
{
	uint32_t own = la_tcb_opts(c)->user_timeout_ms;

	if (likely(c->state >= LA_ESTABLISHED))
		return own ? own : LA_R2_MS;
	if (c->state == LA_SYN_RCVD && !(c->flags & LA_F_ACTIVE))
		return own && own < LA_SYN_RCVD_MS ? own : LA_SYN_RCVD_MS;
	return own ? own : LA_R2_SYN_MS;
}

/** The numbers of the table entry that replaces c. */
static inline struct la_tw_core
la_tcb_entry(const struct la_tcb *c)
{
	uint32_t wnd = la_rcv_window(c->rcv_adv, c->rcv_nxt) >> c->rcv_wscale;

	return (struct la_tw_core){
		.snd_nxt = c->snd_max,
		.rcv_nxt = c->rcv_nxt,
		.ts_recent = c->ts_recent,
		.wnd = (uint16_t)RTE_MIN(wnd, (uint32_t)UINT16_MAX),
		.flags = (c->flags & LA_F_TS) ? LA_TW_TS : 0,
	};
}

static inline uint32_t
la_tcb_tsval(const struct la_tcb *c)
{
	return c->tcp->tick + c->ts_offset;
}

/** Writes a state and counts it. counted: c counts as a connection in `from`. */
static __rte_always_inline void
la_tcb_change_state(struct la_tcb *c, enum la_state from, enum la_state next, bool counted)
{
	struct la_counters *n = c->tcp->counters;

	LA_PROBE3(state, c, from, next);
	la_state_moves(n, from, next);
	if (counted)
		n->state[from]--;
	if (next != LA_CLOSED && next != LA_TIME_WAIT)
		n->state[next]++;
	c->state = (uint8_t)next;
}

/** la_tcb_set_state() for a caller that knows the state: both are compile-time constants, and neither is CLOSED. */
static __rte_always_inline void
la_tcb_set_state_from(struct la_tcb *c, enum la_state from, enum la_state next)
{
	assert(c->state == from);
	la_tcb_change_state(c, from, next, true);
}

/** The only writer of a state besides la_tcb_set_state_from(). TIME_WAIT entries have no state field:
 * la_end_time_wait() records the transition here before the TCB ends. The first transition of a TCB that shadows a
 * TIME_WAIT entry starts from TIME_WAIT. Inline, because a short connection has six transitions, and most callers pass
 * a constant state. */
static inline void
la_tcb_set_state(struct la_tcb *c, enum la_state next)
{
	enum la_state from = c->state == LA_CLOSED && c->shadow ? LA_TIME_WAIT : (enum la_state)c->state;

	la_tcb_change_state(c, from, next, c->state != LA_CLOSED);
}

/** Returns whether the TCB or the TIME_WAIT entry has the tuple of the segment `key`; for la_index_find(). ctx: the
 * shard's struct la_tcp. */
static inline bool
la_tcb_match4(const void *ctx, la_ref ref, const void *key)
{
	const struct la_tcp *t = ctx;
	const struct la_seg *s = key;

	if (la_ref_pool(ref) == LA_POOL_TCB) {
		const struct la_tcb *c = &t->tcbs[la_ref_slot(ref)];

		return c->raddr.w[3] == s->src.w[3] && c->laddr.w[3] == s->dst.w[3] && c->rport == s->sport &&
		       c->lport == s->dport && c->is4;
	}
	return la_ref_pool(ref) == LA_POOL_TW4 &&
	       la_tw_match4(&t->tw, ref, s->dst.w[3], s->src.w[3], s->dport, s->sport);
}

static inline bool
la_tcb_match6(const void *ctx, la_ref ref, const void *key)
{
	const struct la_tcp *t = ctx;
	const struct la_seg *s = key;

	if (la_ref_pool(ref) == LA_POOL_TCB) {
		const struct la_tcb *c = &t->tcbs[la_ref_slot(ref)];

		return la_addr_eq(&c->raddr, &s->src) && la_addr_eq(&c->laddr, &s->dst) && c->rport == s->sport &&
		       c->lport == s->dport;
	}
	return la_ref_pool(ref) == LA_POOL_TW6 && la_tw_match6(&t->tw, ref, &s->dst, &s->src, s->dport, s->sport);
}

/* tcb.c */
struct la_tcb *la_tcb_alloc(struct la_tcp *t, const struct la_tuple *tuple);
void la_tcb_free(struct la_tcb *c);
void la_tcb_tuple(const struct la_tcb *c, struct la_tuple *tuple);
uint64_t la_tcb_hash(const struct la_tcb *c);
void la_tcb_schedule(struct la_tcb *c);
void la_tcb_wheel(struct la_tcp *t, uint32_t slot, uint32_t tick);
void la_tcb_pend(struct la_tcb *c);
struct la_tcb *la_tcb_unpend(struct la_tcp *t);
la_ref *la_tcb_lookup(struct la_tcp *t, const struct la_seg *s);
la_ref la_tcb_lookup_tuple(struct la_tcp *t, const struct la_tuple *tuple, uint64_t hash);

/** la_tcb_schedule() for a deadline at tick `at`, the earliest one: usually a reference fires early enough. */
static __rte_always_inline void
la_tcb_schedule_by(struct la_tcb *c, uint32_t at)
{
	if (unlikely(!(c->flags & LA_F_NEAR) || seq_gt(c->wheel_near, at)))
		la_tcb_schedule(c);
}

/** Arms the retransmission timer: it fires in ms. */
static __rte_always_inline void
la_tcb_arm_rexmt(struct la_tcb *c, uint32_t ms)
{
	uint32_t at;

	c->rexmt_at = c->tcp->tick + ms;
	c->flags |= LA_F_REXMT_ON;
	at = seq_min(c->rexmt_at, c->first_unacked_at + la_tcb_r2_timeout_ms(c));
	if (c->flags & LA_F_USER_TIMER)
		at = seq_min(at, c->user_at);
	if (c->flags & LA_F_FW2_TIMER)
		at = seq_min(at, c->long_at);
	la_tcb_schedule_by(c, at);
}

/* tcb_check.c */
/** Checks every slot against the picture of a TCB's life in tcb.c, the free list, the pending list, queues and
 * sequence numbers. Call between two calls of the shard, so that no TCB is busy. Prints each fault to f. Returns the
 * number of faults. */
unsigned la_tcb_check(const struct la_tcp *t, FILE *f);

/* listen.c */
int la_profile_get(struct la_tcp *t, const struct la_conn_opts *given);
struct la_listener *la_listener_find(struct la_tcp *t, const struct la_addr *addr, uint16_t port);

/* open.c */
void la_open_listen_input(struct la_tcp *t, struct la_seg *s, la_ref *tw_place); /* tw_place may be NULL */
/** Processes a segment to the tuple of a TIME_WAIT entry that may be the ACK of a cookie or of a reopen that was given
 * up. True: the segment is such an ACK, and has opened a connection or found no room; false: the entry must process the
 * segment. */
bool la_open_reopen_input(struct la_tcp *t, struct la_seg *s, la_ref *tw_place);
/** Processes a segment to a TCB with a shadow. True: the segment is of the old connection, and the entry has processed
 * it; false: the segment is for the TCB. */
bool la_open_shadow_input(struct la_tcb *c, struct la_seg *s);
void la_open_syn_sent_input(struct la_tcb *c, struct la_seg *s);

/** Returns whether TCBs, TIME_WAIT entries and buffers are free for many times the connections in SYN_RCVD. */
static inline bool
la_cookie_has_places(const struct la_tcp *t, bool is4)
{
	const struct la_tw_pool *p = &t->tw.pool[!is4];
	uint32_t places = RTE_MIN(t->tcb_capacity - t->tcb_live, p->nfree - p->reserved);

	return RTE_MIN(places, t->hold.max - t->hold.held) >= 3 * t->counters->state[LA_SYN_RCVD] + 4;
}

/** Returns true only if la_cookie_on() returns false and changes nothing: there are few connections in SYN_RCVD, with
 * respect to the limit and to the free places. The general path of la_cookie_on() is not taken. */
static inline bool
la_cookie_far(const struct la_tcp *t, bool is4)
{
	return !t->cookies_on[!is4] && t->counters->state[LA_SYN_RCVD] < t->cookies_at && la_cookie_has_places(t, is4);
}

enum { LA_COOKIE_WINDOW_MAX = (1 << 14) - 1 };

/** The window of a SYN,ACK with a cookie. The bound lets la_cookie_check() detect a segment that is not the first one
 * (cookie.c). */
static inline uint16_t
la_cookie_window(const struct la_conn_opts *o)
{
	return (uint16_t)RTE_MIN(la_syn_window(o), LA_COOKIE_WINDOW_MAX);
}

/* cookie.c */
/** Returns whether to answer a SYN of this family by a cookie. */
bool la_cookie_on(struct la_tcp *t, bool is4);
/** Returns whether a cookie was sent recently enough for its ACK to be valid. */
bool la_cookie_valid_now(const struct la_tcp *t);
/** Answers a SYN by a cookie. tw: the tuple's TIME_WAIT entry, or NULL; the cookie is above its snd_nxt. */
void la_cookie_answer(struct la_tcp *t, const struct la_seg *s, const struct la_profile *p,
		      const struct la_tw_core *tw);
struct la_isn;
/** Returns whether this ACK has a valid cookie, and stores the SYN that the cookie answered in *syn. tw: as in
 * la_cookie_answer(). */
bool la_cookie_check(const struct la_tcp *t, const struct la_seg *s, const struct la_isn *isn,
		     const struct la_tw_core *tw, struct la_seg *syn);

/* input.c */
void la_input_segment(struct la_tcb *c, struct la_seg *s);
void la_input_challenge_ack(struct la_tcb *c); /* a throttled <SEQ=snd_nxt><ACK=rcv_nxt><CTL=ACK> */
void la_input_end_work(struct la_tcb *c);      /* due callbacks, output, and the end of BUSY */

/* fast.c */
/** Processes an expected segment. place: that of its tuple in the index. Requires la_tcp.eth. False: nothing has
 * changed. */
bool la_fast_input(struct la_tcp *t, struct la_seg *s, la_ref *place);
/** Like la_fast_input(), for a SYN without other flags whose tuple is not in the index. */
bool la_fast_syn(struct la_tcp *t, struct la_seg *s);

/* ack.c */
void la_ack_arrives(struct la_tcb *c, const struct la_seg *s);
void la_ack_window(struct la_tcb *c, const struct la_seg *s);

/* text.c: a call that keeps the segment's mbuf sets s->m to NULL */
void la_text_arrives(struct la_tcb *c, struct la_seg *s);
void la_text_queue(struct la_tcb *c, struct la_seg *s); /* for text and a FIN that arrive before ESTABLISHED */
void la_text_deliver_queued(struct la_tcb *c);		/* ESTABLISHED has been reached */
void la_text_free_buffers(struct la_tcb *c);

/** Frees the buffers of all queues, and the scoreboard. Most connections end with empty queues. */
static inline void
la_tcb_drop_buffers(struct la_tcb *c)
{
	if (c->bufs || (c->flags & LA_F_RECOVERY))
		la_text_free_buffers(c);
}

/* sendq.c */
size_t la_sendq_copy(struct la_tcb *c, const void *buf, size_t len);
size_t la_sendq_const(struct la_tcb *c, const void *buf, size_t len);
void la_sendq_trim(struct la_tcb *c, uint32_t n);
bool la_sendq_fill(struct la_tcb *c, struct rte_mbuf *m, uint32_t off, uint32_t len);

/* output.c */
void la_output_send(struct la_tcb *c);
bool la_output_segment(struct la_tcb *c, uint32_t seq, uint32_t len, uint8_t flags);
void la_output_resend_first(struct la_tcb *c);
uint32_t la_output_window(const struct la_tcb *c); /* the current offer, bytes */

/* emit.c: each call takes an mbuf from the pool; false: no mbuf, or no room in la_tcp.out (counted) */
bool la_emit(struct la_tcb *c, struct la_tcp_hdr *h, uint32_t off, uint32_t len);
/** Sends an answer to the segment in work, without a TCB. src, dst: the destination and the source of that segment. */
bool la_emit_stateless(struct la_tcp *t, const struct la_addr *src, const struct la_addr *dst, struct la_tcp_hdr *h);
void la_emit_rst_for(struct la_tcp *t, const struct la_seg *s); /* RFC 9293 3.5.2 group 1 */
void la_emit_rst_ack(struct la_tcp *t, const struct la_seg *s); /* <SEQ=SEG.ACK><CTL=RST> */
/** For a refused segment of a tuple in use: takes the token that a RST would take if the tuple were not in use. */
void la_emit_rst_charge(struct la_tcp *t, const struct la_seg *s);
void la_emit_time_wait(struct la_tcp *t, const struct la_tw_core *e, const struct la_seg *s, uint8_t flags);

/* timers.c */
void la_timers_run(struct la_tcb *c);
void la_timers_delack(struct la_tcp *t, uint32_t slot);

/* pmtu.c */
void la_pmtu_lower(struct la_tcb *c, uint32_t mtu); /* 0: the router gave no MTU */
void la_pmtu_age(struct la_tcb *c);		    /* ten minutes after the last decrease: raises the MSS */
uint16_t la_pmtu_ip_id(struct la_tcb *c);	    /* identification of the next packet without DF */

/* calls.c */
void la_call_sends(struct la_tcb *c);		     /* records a call that may send, and so arm timers of c */
void la_call_timer(struct la_tcb *c, uint32_t ms);   /* records a call that arms the user's timer of c */
void la_calls_told(struct la_tcp *t, uint32_t tick); /* moves the timers of recorded calls to this tick */

/* rtt.c */
void la_rtt_backoff(struct la_tcb *c);

/* newreno.c */
void la_cc_acked(struct la_tcb *c, uint32_t acked);
void la_cc_dupack(struct la_tcb *c);
void la_cc_timeout(struct la_tcb *c);
void la_cc_idle(struct la_tcb *c);
uint32_t la_cc_half_flight(const struct la_tcb *c);

/* end.c */
void la_end_time_wait(struct la_tcb *c);
void la_end_limit_fin_wait_2(struct la_tcb *c);
void la_end_fin_wait_2_expired(struct la_tcb *c);
void la_end_conn(struct la_tcb *c, enum la_end end); /* ends the connection without a segment */
void la_end_send_rst(struct la_tcb *c);		     /* sends the RST of 3.10.5; the connection stays */
void la_end_if_read(struct la_tcb *c);		     /* ends a detached connection without unread bytes */

#endif
