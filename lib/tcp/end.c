/* SPDX-License-Identifier: BSD-3-Clause */
/* Endings. A live TCB ends in one of four ways:
 *
 *   into TIME_WAIT                an entry replaces the TCB in the index, the TCB is DETACHED
 *   into FIN_WAIT_2 of the table  after la_close(): an entry replaces the TCB in the index, the TCB is ENDED
 *   to CLOSED from LAST_ACK       our FIN is acknowledged: the TCB is DETACHED, without an entry
 *   to CLOSED for other reasons   the TCB is ENDED, without an entry: la_end_conn()
 *
 * A DETACHED TCB stays until its user has read all bytes, because an orderly close must not lose unread bytes.
 * `closed` is called once, when all bytes are read (or at once, after la_close()). tcb.c draws the
 * lives of a TCB and the steps between them. */

#include <errno.h>

#include "tcp/isn.h"

static const enum la_counter ended[LA_NENDS] = {
	[LA_END_ORDERLY] = LA_C_ended_orderly, [LA_END_RESET] = LA_C_ended_reset,
	[LA_END_ABORTED] = LA_C_ended_aborted, [LA_END_TIMEOUT] = LA_C_ended_timeout,
	[LA_END_REFUSED] = LA_C_ended_refused, [LA_END_FIN_WAIT_2] = LA_C_ended_fin_wait_2,
};

static void
stop_timers(struct la_tcb *c)
{
	c->flags &= ~(uint32_t)(LA_F_REXMT_ON | LA_F_PERSIST | LA_F_FW2_TIMER | LA_F_ACK_NOW | LA_F_ACK_DELAY);
}

/* Moves c to ENDED and calls `closed`. The TCB is freed now, or by la_input_end_work() if it is BUSY. */
static void
end_conn(struct la_tcb *c, enum la_end end)
{
	struct la_closed why = {.end = end, .unacked = c->snd_queued};

	c->tcp->counters->v[LA_C_bytes_unacked_at_end] += why.unacked;
	if (c->flags & LA_F_USER_CLOSED)
		c->tcp->hold.orphans--;
	la_tcb_set_life(c, LA_TCB_ENDED);
	stop_timers(c);
	la_tcb_drop_buffers(c);
	if ((c->flags & LA_F_USER_KNOWS) && c->ops->closed)
		c->ops->closed((struct la_conn *)c, c->user, &why);
	if (!(c->flags & LA_F_BUSY))
		la_tcb_free(c);
}

void
la_end_if_read(struct la_tcb *c)
{
	if (!la_tcb_is_detached(c))
		return;
	if (c->rcv_queued == 0 || (c->flags & LA_F_USER_CLOSED))
		end_conn(c, LA_END_ORDERLY);
}

/* Both FINs are acknowledged: moves c to DETACHED. */
static void
end_orderly(struct la_tcb *c)
{
	la_count(c->tcp, LA_C_ended_orderly);
	stop_timers(c);
	la_tcb_set_life(c, LA_TCB_DETACHED);
	if (!(c->flags & LA_F_BUSY)) /* otherwise la_input_end_work() calls la_end_if_read() */
		la_end_if_read(c);
}

/* RFC 9293 has no limit for FIN_WAIT_2. After la_close() the TCB stays for LA_FIN_WAIT_2_HOLD_MS, because
 * most peers close at once. Then a table entry replaces the TCB. */
void
la_end_limit_fin_wait_2(struct la_tcb *c)
{
	uint32_t limit;

	if (c->state != LA_FIN_WAIT_2 || !(c->flags & LA_F_USER_CLOSED) || !la_tcb_is_live(c) ||
	    (c->flags & LA_F_FW2_TIMER))
		return;
	limit = la_tcb_opts(c)->fin_wait_2_ms;
	c->long_at = c->tcp->tick + (limit < LA_FIN_WAIT_2_HOLD_MS ? limit : LA_FIN_WAIT_2_HOLD_MS);
	c->flags |= LA_F_FW2_TIMER;
	la_tcb_schedule(c);
}

/* LA_FIN_WAIT_2_HOLD_MS have passed: a table entry replaces the TCB for the rest of fin_wait_2_ms. If no time is left,
 * the connection ends. */
void
la_end_fin_wait_2_expired(struct la_tcb *c)
{
	uint32_t limit = la_tcb_opts(c)->fin_wait_2_ms;
	struct la_tcp *t = c->tcp;
	struct la_tw_core core = la_tcb_entry(c);
	struct la_tuple tuple;

	if (limit <= LA_FIN_WAIT_2_HOLD_MS) {
		la_end_conn(c, LA_END_FIN_WAIT_2);
		return;
	}
	la_tcb_tuple(c, &tuple);
	la_tw_enter_fin_wait_2(&t->tw, &tuple, la_tcb_hash(c), la_tcb_ref(c), &core, t->tick,
			       t->profiles[c->profile].tw_class, limit - LA_FIN_WAIT_2_HOLD_MS);
	end_conn(c, LA_END_FIN_WAIT_2); /* the table counts the entry's end */
}

/* RFC 9293 3.6: the side that closed first keeps the tuple for 2*MSL. The entry was reserved at the open. */
void
la_end_time_wait(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;
	struct la_tw_core core = la_tcb_entry(c);
	struct la_tuple tuple;

	la_tcb_tuple(c, &tuple);
	la_tw_enter(&t->tw, &tuple, la_tcb_hash(c), la_tcb_ref(c), &core, t->tick, t->profiles[c->profile].tw_class);
	la_tcb_set_state(c, LA_TIME_WAIT);
	end_orderly(c);
}

/* Removes c from the index and returns its TIME_WAIT reservation. True: the shadowed TIME_WAIT entry was restored. */
static bool
leave_index(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;
	bool back = false;

	if (!la_tcb_is_live(c))
		return false;
	if (c->shadow)
		back = la_tw_give_back(&t->tw, c->shadow, la_tcb_hash(c), la_tcb_ref(c), t->tick);
	else
		la_index_remove(&t->index, la_tcb_hash(c), la_tcb_ref(c));
	c->shadow = 0;
	la_tw_unreserve(&t->tw, &c->raddr);
	return back;
}

/* Moves c to CLOSED. Sends no packet. */
void
la_end_conn(struct la_tcb *c, enum la_end end)
{
	bool half_open = c->state == LA_SYN_RCVD && !(c->flags & LA_F_ACTIVE), back;

	if (!la_tcb_in_use(c))
		return;
	if (la_tcb_is_live(c))
		la_isn_passed(c);
	back = leave_index(c);
	if (end == LA_END_ORDERLY) { /* LAST_ACK: RFC 9293 3.6 case 2 */
		la_tcb_set_state(c, LA_CLOSED);
		end_orderly(c);
		return;
	}
	if (la_tcb_is_live(c)) {
		la_count(c->tcp, half_open ? LA_C_embryonic_gone : ended[end]);
		la_tcb_set_state(c, back ? LA_TIME_WAIT : half_open ? LA_LISTEN : LA_CLOSED);
		if (c->state == LA_LISTEN)
			la_tcb_set_state(c, LA_CLOSED);
	}
	end_conn(c, end);
}

/* The RST of RFC 9293 3.10.5, with the sequence number of RFC 5961: exactly the peer's RCV.NXT. */
void
la_end_send_rst(struct la_tcb *c)
{
	struct la_tcp_hdr h = {.seq = c->snd_max, .ack = c->rcv_nxt, .flags = LA_RST | LA_ACK};

	switch (c->state) {
	case LA_SYN_RCVD:
	case LA_ESTABLISHED:
	case LA_FIN_WAIT_1:
	case LA_FIN_WAIT_2:
	case LA_CLOSE_WAIT:
		break;
	case LA_CLOSING:
	case LA_LAST_ACK: /* to the peer, these states are CLOSE_WAIT until our FIN is sent */
		if (!(c->flags & LA_F_FIN_SENT))
			break;
		return;
	default: /* SYN_SENT, TIME_WAIT: no segment */
		return;
	}
	if (!la_tcb_is_live(c))
		return;
	if (c->flags & LA_F_TS) {
		h.opts = LA_OPT_TS;
		h.tsval = la_tcb_tsval(c);
		h.tsecr = c->ts_recent;
	}
	if (la_emit(c, &h, 0, 0))
		la_count(c->tcp, LA_C_rst_out);
}

/* --- the user's closes --------------------------------------------------------------------------------- */

static struct la_tcb *
conn_tcb(struct la_conn *conn)
{
	return (struct la_tcb *)conn;
}

/* Queues our FIN and moves the state (3.10.4). */
static inline void
close_queue_fin(struct la_tcb *c)
{
	c->flags |= LA_F_FIN_QUEUED;
	if (c->state == LA_ESTABLISHED)
		la_tcb_set_state(c, LA_FIN_WAIT_1);
	else if (c->state == LA_CLOSE_WAIT)
		la_tcb_set_state(c, LA_LAST_ACK);
}

/* Queues our FIN. Returns 0; -EPIPE: a FIN is queued already; -ENOTCONN: c is not live. */
static int
close_sending(struct la_tcb *c)
{
	if (!la_tcb_is_live(c))
		return -ENOTCONN;
	if (c->flags & LA_F_FIN_QUEUED)
		return -EPIPE;
	close_queue_fin(c);
	return 0;
}

int
la_shutdown(struct la_conn *conn)
{
	struct la_tcb *c = conn_tcb(conn);
	int err;

	if (c->state == LA_SYN_SENT && la_tcb_is_live(c)) { /* 3.10.4: delete the TCB */
		la_end_conn(c, LA_END_ABORTED);
		return 0;
	}
	err = close_sending(c);
	if (!err && !(c->flags & LA_F_BUSY))
		la_output_send(c);
	return err;
}

/* Returns whether both sides have sent their FIN. Then 3.10.5 sends no RST: the close continues. */
static bool
both_fins_sent(const struct la_tcb *c)
{
	return (c->state == LA_CLOSING || c->state == LA_LAST_ACK) && (c->flags & LA_F_FIN_SENT);
}

/* Returns whether la_close() only queues the FIN: in a callback (la_input_end_work() sends the FIN), with nothing
 * unread, no FIN of ours, and no timer or output that waits. */
static inline bool
close_is_plain(const struct la_tcb *c)
{
	enum { UNLIKE = LA_F_USER_CLOSED | LA_F_LIFE | LA_F_FIN_QUEUED | LA_F_REXMT_ON | LA_F_PENDING };

	return (c->flags & (UNLIKE | LA_F_BUSY)) == LA_F_BUSY && c->rcv_queued == 0 &&
	       (c->state == LA_ESTABLISHED || c->state == LA_CLOSE_WAIT);
}

int
la_close(struct la_conn *conn)
{
	struct la_tcb *c = conn_tcb(conn);

	if (likely(close_is_plain(c))) {
		c->flags |= LA_F_USER_CLOSED;
		la_tcb_orphan(c);
		c->tcp->hold.orphans++;
		close_queue_fin(c);
		return 0;
	}
	if (!la_tcb_has_user(c))
		return -EALREADY;
	c->flags |= LA_F_USER_CLOSED;
	la_tcb_orphan(c);
	c->tcp->hold.orphans++;
	if (la_tcb_is_detached(c)) {
		if (!(c->flags & LA_F_BUSY))
			la_end_if_read(c);
		return 0;
	}
	if (c->state == LA_SYN_SENT) {
		la_end_conn(c, LA_END_ABORTED);
		return 0;
	}
	if (c->rcv_queued && !both_fins_sent(c)) { /* SHLD-3: unread data, so a RST */
		la_end_send_rst(c);
		la_end_conn(c, LA_END_ABORTED);
		return 0;
	}
	close_sending(c); /* -EPIPE after a shutdown: the FIN is queued or sent */
	la_end_limit_fin_wait_2(c);
	if (!(c->flags & LA_F_BUSY))
		la_output_send(c);
	if (c->flags & (LA_F_REXMT_ON | LA_F_PENDING)) /* the next probe may be later than the orphan's end */
		la_tcb_schedule(c);
	return 0;
}

int
la_abort(struct la_conn *conn)
{
	struct la_tcb *c = conn_tcb(conn);

	if (!la_tcb_in_use(c))
		return -EALREADY;
	la_end_send_rst(c);
	la_end_conn(c, LA_END_ABORTED);
	return 0;
}
