/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening: RFC 9293 3.5, 3.10.1, 3.10.7.2 and 3.10.7.3. */

#include <errno.h>

#include "tcp/handshake.h"

/* The common start of active and passive opens: takes a TCB and a TIME_WAIT reservation. A passive open is also refused
 * when its source prefix is at its share of the table. NULL: refused and counted; nothing was taken. */
static struct la_tcb *
open_alloc_tcb(struct la_tcp *t, const struct la_tuple *tuple, int profile, const struct la_isn *isn, bool passive)
{
	struct la_tcb *c;

	if (!(passive ? la_tw_reserve_share(&t->tw, &tuple->raddr, t->now) : la_tw_reserve(&t->tw, &tuple->raddr)))
		return NULL;
	c = la_tcb_alloc(t, tuple);
	if (!c) {
		la_tw_unreserve(&t->tw, &tuple->raddr);
		return NULL;
	}
	la_handshake_set_ours(c, profile, isn, la_addr_is4(&tuple->laddr));
	return c;
}

static void
open_undo_tcb(struct la_tcb *c)
{
	la_tw_unreserve(&c->tcp->tw, &c->raddr);
	la_tcb_free(c);
}

/* --- passive ------------------------------------------------------------------------------------------- */

/* Creates a TCB for this SYN to a listener and puts it into the index. isn: our ISN. tw_place: the index place of the
 * TIME_WAIT entry that the TCB will shadow, or NULL. Returns NULL without room, which is counted. */
static struct la_tcb *
open_tcb_for_syn(struct la_tcp *t, const struct la_seg *syn, const struct la_listener *l, const struct la_tuple *tuple,
		 const struct la_isn *isn, la_ref *tw_place)
{
	struct la_tcb *c = open_alloc_tcb(t, tuple, l->profile, isn, true);

	if (!c)
		return NULL;
	if (tw_place) {
		c->shadow = *tw_place;
		la_tw_shadow(&t->tw, c->shadow);
		*tw_place = la_tcb_ref(c);
	} else if (la_index_insert(&t->index, syn->hash, la_tcb_ref(c)) != 0) {
		la_count(t, LA_C_index_full);
		open_undo_tcb(c);
		return NULL;
	}
	la_handshake_set_listener(c, l);
	la_handshake_take_syn(c, syn);
	if (!c->shadow)
		la_tcb_set_state(c, LA_LISTEN);
	la_tcb_set_state(c, LA_SYN_RCVD);
	return c;
}

/* Returns the number of opens that were refused because no TIME_WAIT entry was free or the prefix was at its share. */
static uint64_t
tw_refused(const struct la_tcp *t)
{
	return t->counters->v[LA_C_tw_reserve_exhausted] + t->counters->v[LA_C_tw_share_refused];
}

/* Returns the first record, from g on, of a reopen over this entry that may still open; NULL: none. offset: the tuple's
 * ISN offset. A record may be older than the entry, when a later connection of the tuple has taken the same slot: the
 * record's ISN is then not above the entry's snd_nxt. */
static struct la_given_up *
given_up_next(struct la_tcp *t, struct la_given_up *g, la_ref ref, uint32_t offset)
{
	uint32_t old = la_tw_core(&t->tw, ref)->snd_nxt;

	for (; g < t->given_up + RTE_MIN(t->given_up_n, (uint32_t)LA_GIVEN_UP); g++)
		if (g->ref == ref && g->offset == offset && seq_gt(g->iss, old) && t->tick - g->at <= LA_R2_SYN_MS)
			return g;
	return NULL;
}

/* Finds the record of the reopen that this SYN began; NULL: none. Its ISN must be used again: the peer may have
 * acknowledged the first SYN,ACK already, and a SYN,ACK with another ISN would make that acknowledgement unacceptable
 * (3.10.7.4 would answer it by a RST). */
static struct la_given_up *
given_up_by(struct la_tcp *t, const struct la_seg *syn, la_ref ref, uint32_t offset)
{
	for (struct la_given_up *g = t->given_up; (g = given_up_next(t, g, ref, offset)); g++)
		if (g->irs == syn->seq)
			return g;
	return NULL;
}

static void
open_passive(struct la_tcp *t, const struct la_seg *s, const struct la_listener *l, la_ref *tw_place)
{
	struct la_tuple tuple = {s->dst, s->src, s->dport, s->sport};
	uint64_t full = tw_refused(t);
	struct la_isn isn = la_isn(t, &tuple);
	struct la_given_up *g = tw_place ? given_up_by(t, s, *tw_place, isn.offset) : NULL;
	struct la_tcb *c;

	if (g)
		isn.iss = g->iss;
	else if (tw_place)
		isn.iss = la_isn_above(isn.iss, la_tw_core(&t->tw, *tw_place)->snd_nxt);
	c = open_tcb_for_syn(t, s, l, &tuple, &isn, tw_place);
	if (!c) {
		if (t->tw_full_reset && tw_refused(t) != full)
			la_emit_rst_for(t, s);
		return;
	}
	if (g)
		g->ref = 0;
	la_count(t, LA_C_syns_accepted);
	la_output_send(c);
}

/* Creates a TCB by the ACK of a handshake that had none; syn: the SYN of that handshake; wnd: the window of our
 * SYN,ACK. NULL: no room; the ACK is dropped, and the peer retransmits. */
static struct la_tcb *
open_by_ack(struct la_tcp *t, struct la_seg *s, const struct la_seg *syn, const struct la_listener *l,
	    struct la_isn *isn, la_ref *tw_place, uint16_t wnd)
{
	struct la_tuple tuple = {s->dst, s->src, s->dport, s->sport};
	struct la_tcb *c;

	isn->iss = s->ack - 1;
	c = open_tcb_for_syn(t, syn, l, &tuple, isn, tw_place);
	if (!c)
		return NULL;
	/* as if our SYN,ACK was sent from here, perhaps repeatedly: no RTT sample (RFC 6298 3) */
	c->snd_nxt = c->snd_max = s->ack;
	c->rcv_adv += wnd;
	c->flags |= LA_F_SYN_LOST;
	return c;
}

/* Opens a connection by the ACK of a cookie. False: the ACK has no valid cookie; true: the ACK has one, even if there
 * was no room for a connection. */
static bool
open_by_cookie(struct la_tcp *t, struct la_seg *s, const struct la_listener *l, la_ref *tw_place)
{
	struct la_tuple tuple = {s->dst, s->src, s->dport, s->sport};
	struct la_isn isn = la_isn(t, &tuple);
	struct la_seg syn;
	struct la_tcb *c;

	if (!la_cookie_check(t, s, &isn, tw_place ? la_tw_core(&t->tw, *tw_place) : NULL, &syn))
		return false;
	c = open_by_ack(t, s, &syn, l, &isn, tw_place, la_cookie_window(&t->profiles[l->profile].o));
	if (c) {
		la_count(t, LA_C_syn_cookies_opened);
		la_input_segment(c, s);
	}
	return true;
}

/* Records the reopen c, which a segment of the old connection ends. */
static void
give_up(struct la_tcp *t, const struct la_tcb *c)
{
	uint32_t opts = (c->flags & LA_F_TS ? LA_OPT_TS : 0) | (c->flags & LA_F_WS ? LA_OPT_WSCALE : 0) |
			(c->flags & LA_F_SACK_PERM ? LA_OPT_SACK_PERM : 0);

	t->given_up[t->given_up_n++ % LA_GIVEN_UP] = (struct la_given_up){
		.ref = c->shadow,
		.offset = c->isn_offset,
		.iss = c->snd_una,
		.irs = c->rcv_nxt - 1,
		.at = t->tick,
		.mss = c->mss,
		.wscale = c->snd_wscale,
		.opts = (uint8_t)opts,
	};
}

/* Opens a connection by the ACK of a reopen that was given up: this ACK shows that the reopen's SYN was genuine. False:
 * s is no such ACK; true: it is one, even if there was no room for a connection. */
static bool
open_given_up(struct la_tcp *t, struct la_seg *s, const struct la_listener *l, la_ref *tw_place)
{
	struct la_tuple tuple = {s->dst, s->src, s->dport, s->sport};
	uint16_t wnd = la_syn_window(&t->profiles[l->profile].o);
	struct la_isn isn = la_isn(t, &tuple);

	for (struct la_given_up *g = t->given_up; (g = given_up_next(t, g, *tw_place, isn.offset)); g++) {
		struct la_seg syn = *s;
		struct la_tcb *c;

		/* the peer's first segment may be lost: any segment in the window of the SYN,ACK opens */
		if (s->ack != g->iss + 1 || !la_seq_in_window(s->seq, g->irs + 1, wnd))
			continue;
		syn.flags = LA_SYN;
		syn.seq = g->irs;
		syn.mss = g->mss;
		syn.wscale = g->wscale;
		syn.opts = (uint8_t)(LA_OPT_MSS | g->opts);
		if (!(s->opts & LA_OPT_TS))
			syn.opts &= (uint8_t)~LA_OPT_TS;
		c = open_by_ack(t, s, &syn, l, &isn, tw_place, wnd);
		if (c) {
			g->ref = 0;
			la_input_segment(c, s);
		}
		return true;
	}
	return false;
}

bool
la_open_reopen_input(struct la_tcp *t, struct la_seg *s, la_ref *tw_place)
{
	const struct la_tw_core *e = la_tw_core(&t->tw, *tw_place);
	bool cookies = la_cookie_valid_now(t);
	const struct la_listener *l;

	if ((s->flags & (LA_SYN | LA_ACK | LA_RST)) != LA_ACK || !seq_gt(s->ack, e->snd_nxt) ||
	    (e->flags & LA_TW_FW2) || !(cookies || t->given_up_n))
		return false;
	l = la_listener_find(t, &s->dst, s->dport);
	if (!l)
		return false;
	return open_given_up(t, s, l, tw_place) || (cookies && open_by_cookie(t, s, l, tw_place));
}

/* Returns whether the ACK of a cookie could not open a connection: there is no free TCB or TIME_WAIT entry, or the
 * source prefix is at its share. The SYN is then refused and counted. */
static bool
is_full(const struct la_tcp *t, const struct la_seg *s)
{
	const struct la_tw_pool *p = &t->tw.pool[!s->is4];

	return t->tcb_live == t->tcb_capacity || p->reserved == p->nfree || la_tw_share_used(&t->tw, &s->src, t->now);
}

/* A segment for a tuple without a connection: CLOSED (3.10.7.1) or LISTEN (3.10.7.2). In quiet time no
 * sequence number is assigned (3.4.3): SYNs are dropped. tw_place: the index place of the TIME_WAIT
 * entry that a newer SYN may replace. Data and FIN on a SYN are dropped; the peer retransmits them. */
void
la_open_listen_input(struct la_tcp *t, struct la_seg *s, la_ref *tw_place)
{
	struct la_listener *l = la_listener_find(t, &s->dst, s->dport);

	if (t->now < t->quiet_until && (s->flags & (LA_SYN | LA_ACK | LA_RST)) == LA_SYN) {
		la_count(t, LA_C_quiet_time);
		return;
	}
	if (!l && tw_place) { /* no listener for a reopen: the entry stays and answers */
		if (la_tw_refuse_syn(&t->tw, *tw_place, t->tick) == LA_TW_ACK)
			la_emit_time_wait(t, la_tw_core(&t->tw, *tw_place), s, LA_ACK);
		return;
	}
	if (s->flags & LA_RST) {
		la_count(t, LA_C_drop_rst_no_conn);
		return;
	}
	if (!l) {
		la_count(t, LA_C_drop_no_listener);
		la_emit_rst_for(t, s);
		return;
	}
	if (s->flags & LA_ACK) {
		if (!(s->flags & LA_SYN) && la_cookie_valid_now(t)) { /* no RST: see cookie.c */
			if (!open_by_cookie(t, s, l, NULL))
				la_count(t, LA_C_syn_cookies_bad);
			return;
		}
		la_count(t, LA_C_drop_listen_bad);
		la_emit_rst_ack(t, s);
		return;
	}
	if (!(s->flags & LA_SYN)) {
		la_count(t, LA_C_drop_listen_bad);
		return;
	}
	if (la_cookie_on(t, s->is4) && !is_full(t, s)) {
		la_cookie_answer(t, s, &t->profiles[l->profile], tw_place ? la_tw_core(&t->tw, *tw_place) : NULL);
		return;
	}
	open_passive(t, s, l, tw_place);
}

/* --- active -------------------------------------------------------------------------------------------- */

/* RFC 6191 for the opening side: returns whether we may open over our own TIME_WAIT entry. A peer that still has the
 * old connection must be able to distinguish the new connection: the new ISN is above all old sequence numbers, and a
 * TSval must also be above all TSvals that we sent. */
static bool
may_reuse(const struct la_tcp *t, la_ref ref)
{
	const struct la_tw_core *e = la_tw_core(&t->tw, ref);
	unsigned class = e->flags >> LA_TW_CLASS_SHIFT & LA_TW_CLASS_MASK;
	uint32_t since = e->deadline - t->tw.lifetime[class]; /* tick of the entry or of the last repeated FIN */

	return !(e->flags & LA_TW_TS) || seq_gt(t->tick, since);
}

int
la_tcp_connect(struct la_tcp *t, const struct la_tuple *tuple, const struct la_conn_ops *ops, void *user,
	       const struct la_conn_opts *opts, struct la_conn **out)
{
	uint64_t hash = la_hash_tuple(&t->key, tuple);
	struct la_isn isn;
	int profile = la_profile_get(t, opts);
	struct la_tcb *c;
	la_ref ref;

	if (profile < 0)
		return profile;
	if (!ops || tuple->lport == 0 || tuple->rport == 0)
		return -EINVAL;
	if (t->now < t->quiet_until)
		return -EAGAIN;
	ref = la_tcb_lookup_tuple(t, tuple, hash);
	if (ref) {
		bool live = la_ref_pool(ref) == LA_POOL_TCB || (la_tw_core(&t->tw, ref)->flags & LA_TW_FW2);

		if (live || !opts || !opts->reuse_time_wait || !may_reuse(t, ref)) {
			la_counters_drop(t->counters, live ? LA_C_connect_in_use : LA_C_connect_time_wait, 1);
			return live ? -EADDRINUSE : -EADDRNOTAVAIL;
		}
	}
	isn = la_isn(t, tuple);
	if (ref)
		isn.iss = la_isn_above(isn.iss, la_tw_core(&t->tw, ref)->snd_nxt);
	c = open_alloc_tcb(t, tuple, profile, &isn, false);
	if (!c)
		return -ENOBUFS;
	if (ref) { /* the entry is restored if the open fails */
		c->shadow = ref;
		la_tw_shadow(&t->tw, ref);
		la_index_replace(&t->index, hash, ref, la_tcb_ref(c));
	} else if (la_index_insert(&t->index, hash, la_tcb_ref(c)) != 0) {
		la_count(t, LA_C_index_full);
		open_undo_tcb(c);
		return -ENOBUFS;
	}
	la_count(t, LA_C_connects);
	c->ops = ops;
	c->user = user;
	c->flags |= LA_F_ACTIVE | LA_F_USER_KNOWS;
	la_tcb_set_state(c, LA_SYN_SENT);
	*out = (struct la_conn *)c;
	la_output_send(c);
	return 0;
}

/* 3.10.7.3 fourth step, without an acceptable ACK: both sides send their SYN at once. */
static void
simultaneous_open(struct la_tcb *c, struct la_seg *s)
{
	la_handshake_take_syn(c, s);
	la_tcb_set_state(c, LA_SYN_RCVD);
	c->snd_nxt = c->snd_una; /* SYN,ACK repeats our SYN's number; R2 is not restarted */
	s->seq++;
	if (s->len || (s->flags & LA_FIN))
		la_text_queue(c, s);
}

static void
syn_acked(struct la_tcb *c, struct la_seg *s)
{
	la_handshake_syn_acked(c, s);
	c->flags |= LA_F_ACK_NOW;
	/* data or FIN of this segment is next in the sequence space */
	s->seq++;
	s->flags &= (uint8_t)~LA_SYN;
	if (s->len || (s->flags & LA_FIN))
		la_text_arrives(c, s);
}

/* A segment of the old connection arrives while a reopen is pending, ours or the peer's. The peer is still in LAST_ACK,
 * because our last ACK was lost. The entry answers, restarts 2*MSL for a repeated FIN, and ignores a RST, as without
 * a reopen. A RST (3.10.7.3 first) or silence would turn an orderly close into an abort.
 *
 * Our own open continues: its retransmitted SYN opens when the peer has closed. A passive reopen ends here, and the
 * entry is restored in the index: the SYN was forged or an old duplicate (RFC 9293 3.6.1 MAY-2 (2)). If instead the
 * old segment was the duplicate and the SYN genuine, the connection still opens: the last LA_GIVEN_UP reopens that
 * ended this way are recorded, and the ACK of the new handshake opens from TIME_WAIT (la_open_reopen_input()). A
 * retransmitted SYN opens, too. */
bool
la_open_shadow_input(struct la_tcb *c, struct la_seg *s)
{
	bool passive = c->state == LA_SYN_RCVD && !(c->flags & LA_F_ACTIVE);
	struct la_tcp *t = c->tcp;
	struct la_tw_core *e = la_tw_core(&t->tw, c->shadow);
	la_ref ref = c->shadow;

	switch (la_tw_shadow_fits(e, s, t->tick)) {
	case LA_TW_NOT_OLD:
		return false;
	case LA_TW_OLD_RST:
		if (c->state == LA_SYN_SENT || s->seq == c->rcv_nxt) /* the RST may be for the new connection */
			return false;
		break;
	case LA_TW_OLD_STALE:
		break;
	case LA_TW_OLD:
		if (!passive)
			break;
		give_up(t, c);
		la_end_conn(c, LA_END_ABORTED);
		break;
	}
	if (la_tw_input_old(&t->tw, ref, s, t->tick) == LA_TW_ACK)
		la_emit_time_wait(t, e, s, LA_ACK);
	return true;
}

void
la_open_syn_sent_input(struct la_tcb *c, struct la_seg *s)
{
	struct la_tcp *t = c->tcp;
	bool acks = (s->flags & LA_ACK) != 0;

	if (acks && (seq_le(s->ack, c->snd_una) || seq_gt(s->ack, c->snd_max))) {
		la_count(t, LA_C_drop_synsent);
		if (!(s->flags & LA_RST))
			la_emit_rst_ack(t, s);
		return;
	}
	if (s->flags & LA_RST) {
		if (acks)
			la_end_conn(c, LA_END_REFUSED);
		else
			la_count(t, LA_C_drop_synsent);
		return;
	}
	if (!(s->flags & LA_SYN)) {
		la_count(t, LA_C_drop_synsent);
		la_emit_rst_charge(t, s);
	} else if (acks)
		syn_acked(c, s);
	else
		simultaneous_open(c, s);
}
