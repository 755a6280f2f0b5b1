/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a TCB, the pool of TCBs, and a TCB's place in the wheel: theory of operation.
 *
 * The life of a TCB. Two bits of la_tcb.flags hold the life (enum la_tcb_life). la_tcb_set_life() writes every step,
 * and stops the program at a step that is not drawn here. la_tcb_alloc() first marks a new slot as FREE.
 *
 *	          la_tcb_alloc            TIME_WAIT entered, or          the user has read all,
 *	                                  LAST_ACK acknowledged          or closes, or aborts
 *	    FREE --------------> LIVE -----------------------> DETACHED ------------------------> ENDED
 *	    ^  ^                 |  |                                                             ^   |
 *	    |  |  no room in the |  |  reset, abort, time-out, refused open, FIN_WAIT_2's limit   |   |
 *	    |  +---- index ------+  +-------------------------------------------------------------+   |
 *	    |                                      la_tcb_free                                        |
 *	    +-----------------------------------------------------------------------------------------+
 *
 *	life      state                 in the index  reservation  timers that run    queues
 *	FREE      CLOSED                no            no           none               none
 *	LIVE      SYN_SENT to LAST_ACK  yes           yes          all                all
 *	DETACHED  TIME_WAIT or CLOSED   no            no           the user's         unread text
 *	ENDED     any, then CLOSED      no            no           none               none
 *
 * "reservation" is the TIME_WAIT entry that the open has reserved; the table uses it or gets it back when the TCB
 * leaves LIVE. State and life are independent: the state belongs to the protocol, the life to the memory of the
 * TCB. An orderly close makes a LIVE TCB DETACHED, whose tuple may then be opened again in another slot. When
 * nothing is unread, DETACHED lasts until the end of the segment. Every other end goes from LIVE to ENDED.
 *
 * The step to ENDED empties the queues and calls `closed`. Calls from that callback find an ENDED TCB: they return
 * an error or do nothing. la_tcb_free() follows at once, with two exceptions:
 *
 *   BUSY     lib/tcp still works on the TCB. la_input_end_work() calls la_tcb_free().
 *   PENDING  the pending list goes through the TCB's `next`, which the free list needs. la_tcb_free() leaves the TCB
 *            ENDED. la_tcb_unpend() calls la_tcb_free() again when the TCB is the first of the list.
 *
 * BUSY, and calls from callbacks. A user may make any call from any callback, on any connection. Three functions
 * work on a TCB and set BUSY first: la_input_segment() for a segment, la_timers_run() for timers that are due, and
 * run_pending() in tcp.c for output that did not fit. Each ends with la_input_end_work(), which calls the callbacks
 * that are due, sends what may be sent, clears BUSY, and frees an ENDED TCB. At most one TCB is BUSY. BUSY divides the
 * work as follows:
 *
 *   - A call on a BUSY TCB changes its queues, flags and state, and sends no data. la_input_end_work() sends once for
 *     the segment and all calls. (The RST of an abort is sent by the call.)
 *   - A call on any other TCB sends at once. If the call ends that TCB, the TCB is freed before the call returns.
 *   - A TCB that ends while BUSY has its `closed` called at once and keeps its slot. The code that works on it may
 *     continue to use the pointer, and checks the life after each step that can end a connection: the ACK, the text,
 *     each callback, each timer.
 *   - Code that does not set BUSY must not touch a TCB after a call that can end it.
 *
 * BUSY, USER_CLOSED and PENDING are flags, not lives. BUSY means that a function further up the call stack holds the
 * pointer; a LIVE, a DETACHED and an ENDED TCB can each be BUSY. USER_CLOSED means that the user has called la_close():
 * a LIVE TCB continues without its user until the peer has answered, with the same timers and states. PENDING means
 * that the slot is on the pending list.
 *
 * la_tcb_check() (tcb_check.c) checks the table above, the lists, queues and sequence numbers of every slot.
 *
 * The wheel. Timers of live connections are lazy. A TCB keeps true deadlines (rexmt_at, user_at, long_at). A
 * reference in the wheel fires no later than the earliest deadline. Moving a deadline to a later time, which nearly
 * every ACK does, writes one field. When a reference fires, due timers run, and a reference for the next deadline is
 * added.
 *
 * The wheel has no removal, so a TCB may have more references there than it needs: one near (the earliest),
 * one far (a keep-alive, hours away, which must not be added again for each earlier time-out), and stale
 * ones that a shortened deadline left behind. A reference counts only if it fires at the tick that
 * wheel_near or wheel_far names. A stale reference, or one of a slot's former owner, is ignored, except that it
 * reschedules the slot's current owner. References belong to the slot, not to the connection: the next owner of a
 * slot finds them there and needs no new one. The number of references is bounded. A retransmission timer adds an
 * earlier reference only if it would otherwise fire after more than twice its time. No timer adds a reference beyond
 * LA_WHEEL_REFS a slot (wheel_refs counts them, and outlives the connection); the timer then fires late, and
 * timer_late counts it. */

#include "tcp/tcb_take.h"

struct la_tcb *
la_tcb_alloc(struct la_tcp *t, const struct la_tuple *tuple)
{
	struct la_tcb *c;

	if (!la_tcb_has_free(t)) {
		la_count(t, LA_C_conn_table_full);
		return NULL;
	}
	c = la_tcb_take(t);
	c->laddr = tuple->laddr;
	c->raddr = tuple->raddr;
	c->lport = tuple->lport;
	c->rport = tuple->rport;
	c->is4 = la_addr_is4(&tuple->laddr);
	return c;
}

void
la_tcb_free(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;

	la_tcb_drop_buffers(c);
	c->state = LA_CLOSED;
	c->flags &= LA_F_NEAR | LA_F_FAR | LA_F_PENDING | LA_F_LIFE;
	if (c->flags & LA_F_PENDING) /* `next` is the pending list's: la_tcb_unpend() frees the TCB */
		return;
	la_tcb_set_life(c, LA_TCB_FREE);
	c->next = t->tcb_free;
	t->tcb_free = la_tcb_slot(c);
	t->counters->v[LA_C_live] = --t->tcb_live;
}

void
la_tcb_tuple(const struct la_tcb *c, struct la_tuple *tuple)
{
	*tuple = (struct la_tuple){c->laddr, c->raddr, c->lport, c->rport};
}

uint64_t
la_tcb_hash(const struct la_tcb *c)
{
	uint32_t ports = (uint32_t)c->lport << 16 | c->rport;

	if (c->is4)
		return la_hash_tuple4(&c->tcp->key, c->laddr.w[3], c->raddr.w[3], ports);
	return la_hash_tuple6(&c->tcp->key, &c->laddr, &c->raddr, ports);
}

/* --- a TCB's place in the wheel ------------------------------------------------------------------------ */

static bool
next_deadline(const struct la_tcb *c, uint32_t *at)
{
	uint32_t keepalive;
	bool any = false;

#define CONSIDER(d) (*at = any ? seq_min(*at, (d)) : (d), any = true)
	if (c->flags & LA_F_REXMT_ON) {
		*at = seq_min(c->rexmt_at, c->first_unacked_at + la_tcb_r2_timeout_ms(c));
		if (likely(!(c->flags & (LA_F_USER_TIMER | LA_F_FW2_TIMER))))
			return true;
		any = true;
	}
	if (c->flags & LA_F_USER_TIMER)
		CONSIDER(c->user_at);
	if (c->flags & LA_F_FW2_TIMER)
		CONSIDER(c->long_at);
	else if (c->state >= LA_ESTABLISHED && la_tcb_is_live(c) && !(c->flags & LA_F_REXMT_ON) &&
		 (keepalive = la_tcb_opts(c)->keepalive_ms) != 0)
		CONSIDER(c->long_at + keepalive);
#undef CONSIDER
	return any;
}

static void
add_near(struct la_tcb *c, uint32_t at)
{
	if (c->wheel_refs >= LA_WHEEL_REFS) {
		la_count(c->tcp, LA_C_timer_late);
		return;
	}
	c->wheel_near = la_wheel_add(&c->tcp->wheel, at, la_tcb_ref(c));
	c->flags |= LA_F_NEAR;
	c->wheel_refs++;
}

/* Ensures that a reference fires no later than the next deadline, or for a retransmission after at most twice its
 * time. With LA_WHEEL_REFS references the timer is late, which is counted. */
void
la_tcb_schedule(struct la_tcb *c)
{
	uint32_t now = c->tcp->tick, at;

	if (!la_tcb_in_use(c) || !next_deadline(c, &at))
		return;
	if (seq_lt(at, now)) /* overdue, so due now: the comparisons below need a deadline that has not passed */
		at = now;
	if ((c->flags & LA_F_NEAR) && seq_le(c->wheel_near, at))
		return;
	if ((c->flags & LA_F_FAR) && seq_le(c->wheel_far, at))
		return;
	if (!(c->flags & LA_F_NEAR)) {
		/* a connection that opens will soon arm a shorter timer, for the first data or FIN */
		if (c->state == LA_SYN_RCVD || c->state == LA_SYN_SENT)
			at = seq_min(at, now + c->tcp->rto_min);
		add_near(c, at);
		return;
	}
	if ((c->flags & LA_F_REXMT_ON) && at == c->rexmt_at && c->wheel_near - now <= 2 * (at - now) &&
	    seq_le(c->wheel_near, c->first_unacked_at + la_tcb_r2_timeout_ms(c)))
		return; /* early enough: RFC 6298 limits the earliest time, not the latest */
	if (!(c->flags & LA_F_FAR) && c->wheel_refs < LA_WHEEL_REFS) { /* the near reference becomes the far one */
		c->wheel_far = c->wheel_near;
		c->flags |= LA_F_FAR;
	}
	add_near(c, at);
}

/* A reference to this slot has fired at `tick`. */
void
la_tcb_wheel(struct la_tcp *t, uint32_t slot, uint32_t tick)
{
	struct la_tcb *c = &t->tcbs[slot];
	bool counts = true;

	c->wheel_refs--;
	if ((c->flags & LA_F_NEAR) && c->wheel_near == tick)
		c->flags &= ~(uint32_t)LA_F_NEAR;
	else if ((c->flags & LA_F_FAR) && c->wheel_far == tick)
		c->flags &= ~(uint32_t)LA_F_FAR;
	else
		counts = false;
	if (!la_tcb_in_use(c))
		return; /* the slot is free */
	if (counts)
		la_timers_run(c); /* may end the connection */
	else
		la_tcb_schedule(c); /* with LA_WHEEL_REFS stale references there was no room for a valid one */
}

/* --- output that did not fit --------------------------------------------------------------------------- */

void
la_tcb_pend(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;

	if (c->flags & LA_F_PENDING)
		return;
	c->flags |= LA_F_PENDING;
	c->next = 0;
	if (t->pending_tail)
		t->tcbs[t->pending_tail].next = la_tcb_slot(c);
	else
		t->pending_head = la_tcb_slot(c);
	t->pending_tail = la_tcb_slot(c);
	if (c->flags & LA_F_USER_CLOSED) /* without a retransmission timer the orphan's deadline needs a reference */
		la_tcb_schedule(c);
}

/* Removes and returns the first TCB of the pending list; NULL: none. Frees and skips ENDED TCBs. */
struct la_tcb *
la_tcb_unpend(struct la_tcp *t)
{
	while (t->pending_head) {
		struct la_tcb *c = &t->tcbs[t->pending_head];

		t->pending_head = c->next;
		if (!t->pending_head)
			t->pending_tail = 0;
		c->flags &= ~(uint32_t)LA_F_PENDING;
		if (la_tcb_in_use(c))
			return c;
		la_tcb_free(c);
	}
	return NULL;
}

/* --- look-up ------------------------------------------------------------------------------------------- */

la_ref *
la_tcb_lookup(struct la_tcp *t, const struct la_seg *s)
{
	return s->is4 ? la_index_find(&t->index, s->hash, la_tcb_match4, t, s)
		      : la_index_find(&t->index, s->hash, la_tcb_match6, t, s);
}

la_ref
la_tcb_lookup_tuple(struct la_tcp *t, const struct la_tuple *tuple, uint64_t hash)
{
	struct la_seg s = {
		.src = tuple->raddr,
		.dst = tuple->laddr,
		.sport = tuple->rport,
		.dport = tuple->lport,
		.is4 = la_addr_is4(&tuple->laddr),
		.hash = hash,
	};
	la_ref *place = la_tcb_lookup(t, &s);

	return place ? *place : 0;
}
