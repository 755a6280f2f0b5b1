/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LASTACK_CONN_H
#define LASTACK_CONN_H

/* One connection, as its user sees it.
 *
 * One thread drives a shard, and makes all calls of this file for its connections. Callbacks run inside la_shard_rx(),
 * la_shard_poll() or the call that caused them. A callback may make any call of this file.
 *
 * A `struct la_conn *` is valid from `opened` (or la_connect()) until `closed` returns. `closed` is called exactly once
 * for each such connection, except for those that la_shard_destroy() frees.
 *
 * The calls have no argument for the time. Inside a callback the time is current. Elsewhere it is the time of the last
 * la_shard_rx() or la_shard_poll(), and a timer that a call arms runs from the next time (shard.h, "Time"). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <lastack/addr.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct la_conn;

/** The eleven states of RFC 9293 3.3.2, by their RFC names. */
enum la_state {
	LA_CLOSED,
	LA_LISTEN,
	LA_SYN_SENT,
	LA_SYN_RCVD,
	LA_ESTABLISHED,
	LA_FIN_WAIT_1,
	LA_FIN_WAIT_2,
	LA_CLOSE_WAIT,
	LA_CLOSING,
	LA_LAST_ACK,
	LA_TIME_WAIT,
	LA_NSTATES
};

/** How a connection ended. Only after LA_END_ORDERLY have all data of both sides arrived. */
enum la_end {
	LA_END_ORDERLY,	   /* both FINs were acknowledged (TIME_WAIT, or the ACK of our FIN in LAST_ACK) */
	LA_END_RESET,	   /* RST of the peer, or its data after our la_close() (RFC 9293 SHLD-3) */
	LA_END_ABORTED,	   /* la_abort(), a close with unread data or in SYN_SENT, aborted_orphans, aborted_memory */
	LA_END_TIMEOUT,	   /* no acknowledgement for R2 (RFC 9293 3.8.3), for orphan_ms, or of keep-alive probes */
	LA_END_REFUSED,	   /* a RST or a hard ICMP error answered our SYN */
	LA_END_FIN_WAIT_2, /* our FIN is acknowledged, and the peer's FIN did not arrive in time */
	LA_NENDS
};

/** The argument of `closed`. */
struct la_closed {
	enum la_end end;
	uint64_t unacked; /* bytes that la_send*() took and the peer never acknowledged */
};

/** Callbacks. NULL: no callback for this event. `user` is the pointer of la_listen(), la_connect() or
 * la_set_user(). */
struct la_conn_ops {
	/** The handshake of an active or passive open is complete. */
	void (*opened)(struct la_conn *c, void *user);
	/** Bytes have arrived in order. la_peek() and la_consume() read them. */
	void (*data)(struct la_conn *c, void *user);
	/** The peer has acknowledged bytes of la_send*(); la_unacked() returns the number that is left. Called at most
	 * once for a segment, earlier than its `data` and `writable`, and not for the ACK of a FIN alone. */
	void (*acked)(struct la_conn *c, void *user);
	/** The send queue has room again. Called after la_send*() took fewer bytes than `len`. */
	void (*writable)(struct la_conn *c, void *user);
	/** The peer's FIN has arrived: `data` has reported all bytes of the peer. */
	void (*peer_fin)(struct la_conn *c, void *user);
	/** The timer of la_set_timer() fires. */
	void (*timer)(struct la_conn *c, void *user);
	/** The connection has ended, orderly or not. The pointer is invalid when this returns. A connection that
	 * enters TIME_WAIT is closed for its user; the TIME_WAIT table keeps the tuple. */
	void (*closed)(struct la_conn *c, void *user, const struct la_closed *why);
};

/** Options of a listener or of an active open; zero fields take the default in brackets. */
struct la_conn_opts {
	uint32_t msl_ms;	  /* maximum segment lifetime; TIME_WAIT lasts twice it [the shard's] */
	uint32_t rcvbuf;	  /* receive buffer and largest offered window, bytes [256 KiB] */
	uint32_t sndbuf;	  /* send queue limit, bytes [256 KiB] */
	uint32_t user_timeout_ms; /* R2: a connection ends when a segment stays unacknowledged for this time
				   * [120 s; SYN_SENT 200 s; SYN_RCVD of a listener at most 63 s] */
	uint32_t fin_wait_2_ms;	  /* longest FIN_WAIT_2 after la_close() [60 s]. After 5 s `closed` gets
				   * LA_END_FIN_WAIT_2, and a table entry replaces the TCB for the remaining time */
	uint32_t orphan_ms;	  /* after la_close(): longest time in which the peer keeps its window closed and
				   * acknowledges nothing; then RST and LA_END_TIMEOUT (RFC 6429) [the shard's] */
	uint32_t keepalive_ms;	  /* idle time before keep-alive probes [0: off, RFC 9293 MUST-25] */
	uint16_t mss;		  /* upper limit of the MSS that we offer and use [from the interface MTU] */
	bool nodelay;		  /* Nagle's algorithm off */
	bool reuse_time_wait;	  /* la_connect() may reopen a tuple in TIME_WAIT when this is safe for the peer:
				   * the ISN is above the old sequence numbers, and timestamps are newer */
	bool no_timestamps;	  /* do not offer or accept RFC 7323 timestamps */
	bool no_wscale;		  /* do not offer or accept RFC 7323 window scaling */
	bool no_sack;		  /* do not offer or accept RFC 2018 selective acknowledgements */
};

/** The data of la_conn_info() and la_shard_find(). */
struct la_conn_info {
	struct la_tuple tuple;
	enum la_state state;
	uint32_t snd_una, snd_nxt, rcv_nxt; /* sequence numbers, host byte order; snd_nxt is after all that was sent */
	uint32_t snd_wnd, rcv_wnd;	    /* bytes */
	uint32_t cwnd, ssthresh;	    /* bytes */
	uint32_t srtt_ms, rto_ms;
	uint32_t snd_queued;	    /* bytes in the send queue */
	uint32_t rcv_queued;	    /* bytes that the user has not consumed */
	uint32_t retransmits;	    /* segments */
	uint32_t time_wait_left_ms; /* rest of TIME_WAIT; 0 in other states */
	uint16_t mss;		    /* largest payload we send in one segment */
	bool timestamps, wscale, sack_permitted;
};

/** Appends a copy of the bytes to the send queue. Returns the number of bytes taken: fewer than len when the queue is
 * full or packet buffers are short, and then `writable` follows. -EPIPE after la_shutdown() or la_close(), -ENOTCONN
 * after the end. */
ssize_t la_send(struct la_conn *c, const void *buf, size_t len);

/** la_send() without a copy: the bytes must stay readable and unchanged until the program ends. */
ssize_t la_send_const(struct la_conn *c, const void *buf, size_t len);

/** Room left in the send queue, bytes. */
size_t la_send_room(const struct la_conn *c);

/** Returns the length of the send queue, bytes: la_send*() took them, and the peer has not acknowledged them. */
size_t la_unacked(const struct la_conn *c);

/** Returns the bytes of la_unacked() that were never sent. They wait for the peer's window, for the congestion window,
 * or for the end of the segment whose callback runs. A user that stops writing while there are many unsent bytes, and
 * continues in `acked`, keeps the queue short and the path full. */
size_t la_unsent(const struct la_conn *c);

/** Sets *span to the first contiguous unread bytes and returns their number. 0: no byte is unread. */
size_t la_peek(const struct la_conn *c, const void **span);

/** Frees the first n unread bytes and opens the window for them; n above la_unread() frees all. Their memory is used
 * again at once: the user must not read the span of la_peek() any more, nor pass it to la_send(). */
void la_consume(struct la_conn *c, size_t n);

/** Returns the number of bytes that were received in order and not consumed. */
size_t la_unread(const struct la_conn *c);

/** Half-close: sends a FIN after all queued bytes, and continues to receive. In SYN_SENT the open ends as
 * LA_END_ABORTED (RFC 9293 3.10.4). Returns 0, -EPIPE after an earlier la_shutdown() or la_close(), or -ENOTCONN after
 * the end. */
int la_shutdown(struct la_conn *c);

/** Orderly close of both directions (RFC 9293 3.10.4). A connection with unread bytes sends a RST and ends as
 * LA_END_ABORTED (SHLD-3), unless both FINs are sent. In SYN_SENT the open ends as LA_END_ABORTED. From now on the user
 * gets only the callback `closed`; a running timer is cancelled. orphan_ms limits the time for a peer that keeps its
 * window closed. Returns 0, or -EALREADY after an earlier la_close(). */
int la_close(struct la_conn *c);

/** RFC 9293 3.10.5 ABORT: drops both queues and sends a RST where the RFC requires one. `closed` is called with
 * LA_END_ABORTED before la_abort() returns. Returns 0, or -EALREADY after the end. */
int la_abort(struct la_conn *c);

/** Calls ops->timer after ms milliseconds; 0 cancels. A connection has one timer. Outside a callback the time runs
 * from the next la_shard_rx() or la_shard_poll(). */
void la_set_timer(struct la_conn *c, uint32_t ms);

/** Replaces the `user` pointer of the callbacks. */
void la_set_user(struct la_conn *c, void *user);
/** Replaces the callbacks. ops must stay valid until `closed` returns. */
void la_set_ops(struct la_conn *c, const struct la_conn_ops *ops);
/** Switches Nagle's algorithm off (true) or on. */
void la_set_nodelay(struct la_conn *c, bool on);
/** Returns the state of the connection (RFC 9293 3.3.2). */
enum la_state la_conn_state(const struct la_conn *c);
/** Fills *info. */
void la_conn_info(const struct la_conn *c, struct la_conn_info *info);

/** Returns "ESTABLISHED", "TIME_WAIT", ... */
const char *la_state_name(enum la_state s);
/** Returns "orderly", "reset", "aborted", "timeout", "refused" or "fin_wait_2", which are also the JSON keys. */
const char *la_end_name(enum la_end e);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
