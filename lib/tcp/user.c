/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of include/lastack/conn.h that neither open nor end a connection. */

#include <errno.h>

#include "tcp/hold.h"

static struct la_tcb *
conn_tcb(struct la_conn *conn)
{
	return (struct la_tcb *)conn;
}

static const struct la_tcb *
conn_ctcb(const struct la_conn *conn)
{
	return (const struct la_tcb *)conn;
}

static ssize_t
send_with(struct la_conn *conn, const void *buf, size_t len, size_t (*append)(struct la_tcb *, const void *, size_t))
{
	struct la_tcb *c = conn_tcb(conn);
	size_t n;

	if (!la_tcb_is_live(c))
		return la_tcb_is_detached(c) ? -EPIPE : -ENOTCONN;
	if (c->flags & LA_F_FIN_QUEUED)
		return -EPIPE;
	n = append(c, buf, len);
	if (n < len) {
		c->flags |= LA_F_BLOCKED;
		if (c->snd_queued == 0)
			la_tcb_pend(c); /* no buffer: nothing is sent, so no ACK would trigger the next try */
	}
	if (n && !(c->flags & LA_F_BUSY))
		la_output_send(c);
	return (ssize_t)n;
}

ssize_t
la_send(struct la_conn *c, const void *buf, size_t len)
{
	return send_with(c, buf, len, la_sendq_copy);
}

ssize_t
la_send_const(struct la_conn *c, const void *buf, size_t len)
{
	return send_with(c, buf, len, la_sendq_const);
}

size_t
la_send_room(const struct la_conn *conn)
{
	const struct la_tcb *c = conn_ctcb(conn);
	uint32_t limit = la_tcb_opts(c)->sndbuf;

	if (!la_tcb_is_live(c) || (c->flags & LA_F_FIN_QUEUED))
		return 0;
	return c->snd_queued < limit ? limit - c->snd_queued : 0;
}

size_t
la_unacked(const struct la_conn *c)
{
	return conn_ctcb(c)->snd_queued;
}

size_t
la_unsent(const struct la_conn *conn)
{
	const struct la_tcb *c = conn_ctcb(conn);
	uint32_t sent;

	if (c->snd_queued == 0 || c->state < LA_ESTABLISHED) /* a SYN is no byte of the queue */
		return c->snd_queued;
	sent = c->snd_max - c->snd_una - la_tcb_fin(c);
	return c->snd_queued - sent;
}

size_t
la_peek(const struct la_conn *conn, const void **span)
{
	const struct la_tcb *c = conn_ctcb(conn);
	const struct rte_mbuf *m = c->rcv_head;

	while (m && m->data_len == 0)
		m = m->next;
	if (!m)
		return 0;
	*span = rte_pktmbuf_mtod(m, const void *);
	return m->data_len;
}

/* Removes the only buffer of unread bytes. */
static inline void
consume_buffer(struct la_tcb *c)
{
	struct rte_mbuf *m = c->rcv_head;

	c->rcv_queued = 0;
	c->rcv_head = c->rcv_tail = NULL;
	la_hold_release(c, 1);
	la_spare_put(c->tcp, m);
}

/* Removes `left` unread bytes, and empty buffers before and after them. */
static __attribute__((noinline)) void
consume_bytes(struct la_tcb *c, uint32_t left)
{
	c->rcv_queued -= left;
	while (c->rcv_head && (left || c->rcv_head->data_len == 0)) {
		struct rte_mbuf *m = c->rcv_head;

		if (left < m->data_len) {
			m->data_off = (uint16_t)(m->data_off + left);
			m->data_len = (uint16_t)(m->data_len - left);
			break;
		}
		left -= m->data_len;
		c->rcv_head = m->next;
		la_hold_release(c, 1);
		la_spare_put(c->tcp, m);
	}
	if (!c->rcv_head)
		c->rcv_tail = NULL;
}

/* Removes up to n unread bytes. */
static inline void
consume_unread(struct la_tcb *c, size_t n)
{
	if (likely(c->rcv_head && c->rcv_head == c->rcv_tail && n >= c->rcv_queued))
		consume_buffer(c);
	else
		consume_bytes(c, n < c->rcv_queued ? (uint32_t)n : c->rcv_queued);
}

/* Returns whether the next ACK is also right for the window after la_consume(). The current segment is acknowledged in
 * any case, and this ACK has the new window. A delayed ACK has it too, and may wait while the offered window is wide:
 * la_output_window() is at most one unit below the offer. */
static inline bool
consume_needs_no_ack(const struct la_tcb *c)
{
	uint32_t offered, unit;

	if (!(c->flags & LA_F_BUSY) || !(c->flags & (LA_F_ACK_NOW | LA_F_ACK_DELAY)))
		return false;
	if (c->flags & LA_F_ACK_NOW)
		return true;
	offered = la_rcv_window(c->rcv_adv, c->rcv_nxt);
	unit = 1u << c->rcv_wscale;
	return offered >= la_tcb_opts(c)->rcvbuf / 4 + unit && offered >= 2u * c->mss + unit;
}

/* la_consume() when the window may have to be announced. */
static __attribute__((noinline)) void
consume_and_announce(struct la_tcb *c, size_t n)
{
	uint32_t before = la_output_window(c);

	consume_unread(c, n);
	if (c->flags & LA_F_BUSY) { /* a due ACK has the new window, unless the peer may be waiting */
		bool tight = before < la_tcb_opts(c)->rcvbuf / 4 || before < 2u * c->mss;

		if ((tight || !(c->flags & LA_F_ACK_DELAY)) && la_output_window(c) > before)
			c->flags |= LA_F_ACK_NOW;
		return;
	}
	if (la_tcb_is_detached(c)) {
		la_end_if_read(c);
		return;
	}
	if (la_output_window(c) > before && la_tcb_in_use(c)) {
		c->flags |= LA_F_ACK_NOW;
		la_output_send(c);
	}
}

void
la_consume(struct la_conn *conn, size_t n)
{
	struct la_tcb *c = conn_tcb(conn);

	if (likely(consume_needs_no_ack(c)))
		consume_unread(c, n);
	else
		consume_and_announce(c, n);
}

size_t
la_unread(const struct la_conn *c)
{
	return conn_ctcb(c)->rcv_queued;
}

void
la_set_timer(struct la_conn *conn, uint32_t ms)
{
	struct la_tcb *c = conn_tcb(conn);

	if (!la_tcb_has_user(c)) /* after la_close() user_at is the orphan's deadline */
		return;
	if (!ms) {
		c->flags &= ~(uint32_t)LA_F_USER_TIMER;
		return;
	}
	c->user_at = c->tcp->tick + (ms < LA_TIMER_MAX_MS ? ms : LA_TIMER_MAX_MS);
	c->flags |= LA_F_USER_TIMER;
	if (!c->tcp->on_time)
		la_call_timer(c, c->user_at - c->tcp->tick);
	la_tcb_schedule_by(c, c->user_at);
}

void
la_set_user(struct la_conn *c, void *user)
{
	conn_tcb(c)->user = user;
}

void
la_set_ops(struct la_conn *c, const struct la_conn_ops *ops)
{
	conn_tcb(c)->ops = ops;
}

void
la_set_nodelay(struct la_conn *conn, bool on)
{
	struct la_tcb *c = conn_tcb(conn);

	if (on)
		c->flags |= LA_F_NODELAY;
	else
		c->flags &= ~(uint32_t)LA_F_NODELAY;
	if (on && la_tcb_is_live(c) && !(c->flags & LA_F_BUSY))
		la_output_send(c);
}

enum la_state
la_conn_state(const struct la_conn *conn)
{
	return (enum la_state)conn_ctcb(conn)->state;
}

void
la_conn_info(const struct la_conn *conn, struct la_conn_info *i)
{
	const struct la_tcb *c = conn_ctcb(conn);

	*i = (struct la_conn_info){
		.state = (enum la_state)c->state,
		.snd_una = c->snd_una,
		.snd_nxt = c->snd_max,
		.rcv_nxt = c->rcv_nxt,
		.snd_wnd = c->snd_wnd,
		.rcv_wnd = la_rcv_window(c->rcv_adv, c->rcv_nxt),
		.cwnd = c->cwnd,
		.ssthresh = c->state == LA_SYN_RCVD ? 0 : c->ssthresh,
		.srtt_ms = c->srtt >> 3,
		.rto_ms = c->rto,
		.snd_queued = c->snd_queued,
		.rcv_queued = c->rcv_queued,
		.retransmits = c->retransmits,
		.mss = (uint16_t)la_tcb_smss(c),
		.timestamps = (c->flags & LA_F_TS) != 0,
		.wscale = (c->flags & LA_F_WS) != 0,
		.sack_permitted = (c->flags & LA_F_SACK_PERM) != 0,
	};
	la_tcb_tuple(c, &i->tuple);
}

const char *
la_state_name(enum la_state s)
{
	static const char *const names[] = {
		[LA_CLOSED] = "CLOSED",		[LA_LISTEN] = "LISTEN",		  [LA_SYN_SENT] = "SYN_SENT",
		[LA_SYN_RCVD] = "SYN_RCVD",	[LA_ESTABLISHED] = "ESTABLISHED", [LA_FIN_WAIT_1] = "FIN_WAIT_1",
		[LA_FIN_WAIT_2] = "FIN_WAIT_2", [LA_CLOSE_WAIT] = "CLOSE_WAIT",	  [LA_CLOSING] = "CLOSING",
		[LA_LAST_ACK] = "LAST_ACK",	[LA_TIME_WAIT] = "TIME_WAIT",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == LA_NSTATES, "every state has a name");
	return s < LA_NSTATES ? names[s] : "?";
}

const char *
la_end_name(enum la_end e)
{
	static const char *const names[] = {
		[LA_END_ORDERLY] = "orderly", [LA_END_RESET] = "reset",	    [LA_END_ABORTED] = "aborted",
		[LA_END_TIMEOUT] = "timeout", [LA_END_REFUSED] = "refused", [LA_END_FIN_WAIT_2] = "fin_wait_2",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == LA_NENDS, "every end has a name");
	return e < LA_NENDS ? names[e] : "?";
}
