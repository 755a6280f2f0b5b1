/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LASTACK_CONN_H
#define LASTACK_CONN_H

/* One connection, as its user sees it.
 *
 * Everything happens on the thread that drives the shard: callbacks are called from la_shard_rx(),
 * la_shard_poll() or from the call that caused them, and any call below may be made from inside any
 * callback. A `struct la_conn *` is valid from `opened` (or la_connect()) until `closed` returns;
 * `closed` is called exactly once for every connection whose pointer the user was ever given.
 *
 * No call below is told the time. Inside a callback it is the present; otherwise it is that of the last la_shard_rx() or
 * la_shard_poll(), and timers that the call arms run from the next one (shard.h, "Time"). */

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

/** How a connection ended. Only LA_END_ORDERLY says that both sides' data arrived whole. */
enum la_end {
	LA_END_ORDERLY,	   /* both FINs sent and acknowledged (TIME_WAIT, or LAST_ACK answered) */
	LA_END_RESET,	   /* the peer's RST, or data after a full close (RFC 9293 SHLD-3) */
	LA_END_ABORTED,	   /* la_abort() or a close with unread data on this side */
	LA_END_TIMEOUT,	   /* no acknowledgement for R2 (RFC 9293 3.8.3), or keep-alive gave up */
	LA_END_REFUSED,	   /* our SYN was answered by RST, or by a hard ICMP error */
	LA_END_FIN_WAIT_2, /* our side closed and acknowledged; the peer has not closed its own */
	LA_NENDS
};

/** What `closed` is told. */
struct la_closed {
	enum la_end end;
	uint64_t unacked; /* bytes accepted by la_send*() and never acknowledged by the peer */
};

/** Callbacks; any may be NULL. `user` is the pointer given to la_listen(), la_connect() or
 * la_set_user(). */
struct la_conn_ops {
	/** The handshake is done (both kinds of open). */
	void (*opened)(struct la_conn *c, void *user);
	/** In-order bytes wait: read them with la_peek() and la_consume(). */
	void (*data)(struct la_conn *c, void *user);
	/** The peer has acknowledged bytes of la_send*(); how many are left: la_unacked(). At most once a segment,
	 * before its `data` and `writable`. An acknowledged FIN alone does not count. */
	void (*acked)(struct la_conn *c, void *user);
	/** There is room again after la_send*() took less than it was given. */
	void (*writable)(struct la_conn *c, void *user);
	/** The peer's FIN: all of its bytes were handed over, no more will come. */
	void (*peer_fin)(struct la_conn *c, void *user);
	/** The timer set by la_set_timer() ran out. */
	void (*timer)(struct la_conn *c, void *user);
	/** The end, orderly or not; the pointer is dead when this returns. A connection is closed for
	 * its user when it enters TIME_WAIT: what remains is the TIME_WAIT table's. */
	void (*closed)(struct la_conn *c, void *user, const struct la_closed *why);
};

/** Options of a listener or of an active open; zero fields take the default in brackets. */
struct la_conn_opts {
	uint32_t msl_ms;	  /* maximum segment lifetime; TIME_WAIT lasts twice it [the shard's] */
	uint32_t rcvbuf;	  /* receive buffer, bytes; largest window ever offered [256 KiB] */
	uint32_t sndbuf;	  /* send queue limit, bytes [256 KiB] */
	uint32_t user_timeout_ms; /* R2, a deadline: the connection ends when a segment is unacknowledged this long
				   * [120 s; SYN_SENT 200 s; SYN_RCVD of a listener 63 s, which is also its maximum] */
	uint32_t fin_wait_2_ms;	  /* longest FIN_WAIT_2 once the user has closed [60 s]; after the first 5 s of it
				   * `closed` is told LA_END_FIN_WAIT_2 and a table entry waits on alone */
	uint32_t orphan_ms;	  /* after la_close(): longest time in which the peer acknowledges nothing, or keeps
				   * its window closed; then RST and LA_END_TIMEOUT (RFC 6429) [the shard's] */
	uint32_t keepalive_ms;	  /* idle time before keep-alive probes [0: off, RFC 9293 MUST-25] */
	uint16_t mss;		  /* clamp on the MSS we offer and use [interface MTU] */
	bool nodelay;		  /* Nagle off */
	bool reuse_time_wait;	  /* la_connect() may take a tuple out of our TIME_WAIT, by the rules that
				   * make it safe for the peer: ISN above the old one, newer timestamps */
	bool no_timestamps;	  /* do not offer or accept RFC 7323 timestamps */
	bool no_wscale;		  /* do not offer or accept RFC 7323 window scaling */
};

/** A connection as seen from outside; all counts in bytes, times in ms. */
struct la_conn_info {
	struct la_tuple tuple;
	enum la_state state;
	uint32_t snd_una, snd_nxt, rcv_nxt; /* host order */
	uint32_t snd_wnd, rcv_wnd;	    /* unscaled, bytes */
	uint32_t cwnd, ssthresh, srtt_ms, rto_ms;
	uint32_t snd_queued, rcv_queued; /* bytes in the send queue; bytes the user has not consumed */
	uint32_t retransmits;
	uint32_t time_wait_left_ms; /* LA_TIME_WAIT only */
	uint16_t mss;		    /* largest payload we send in one segment */
	bool timestamps, wscale, sack_permitted;
};

/** Appends a copy of the bytes to the send queue. Returns how many were taken (less than len when
 * the queue or the mbuf pool is full; `writable` follows), -EPIPE after our own close or shutdown,
 * -ENOTCONN before the handshake began or after the end. */
ssize_t la_send(struct la_conn *c, const void *buf, size_t len);

/** The same without a copy: the bytes must stay readable and unchanged until the program ends. */
ssize_t la_send_const(struct la_conn *c, const void *buf, size_t len);

/** Room left in the send queue, bytes. */
size_t la_send_room(const struct la_conn *c);

/** Bytes that la_send*() took and the peer has not acknowledged: the length of the send queue. */
size_t la_unacked(const struct la_conn *c);

/** Of these, the bytes that were never sent: the peer's window or the congestion window keeps them back, or
 * the segment that caused the running callback is not done. A user that stops writing while there are many,
 * and goes on from `acked`, keeps the queue short and the path full. */
size_t la_unsent(const struct la_conn *c);

/** The first contiguous span of unread bytes: sets *span and returns its length, 0 when none. */
size_t la_peek(const struct la_conn *c, const void **span);

/** Gives back the first n unread bytes (n at most what is unread) and opens the window for them. Their place is
 * used again at once: what la_peek() pointed at must not be read any more, nor handed to la_send(). */
void la_consume(struct la_conn *c, size_t n);

/** Bytes received in order and not consumed. */
size_t la_unread(const struct la_conn *c);

/** Half-close: FIN after all queued bytes; receiving goes on. In SYN_SENT there is nothing to close half
 * of: the open ends as LA_END_ABORTED (RFC 9293 3.10.4). 0, -EPIPE when done already, -ENOTCONN after the
 * end. */
int la_shutdown(struct la_conn *c);

/** Orderly close of both directions (RFC 9293 3.10.4). With unread bytes it resets instead, as
 * SHLD-3 asks, and ends as LA_END_ABORTED. The user will be called only for `closed`; a timer that runs is cancelled.
 * While the peer acknowledges nothing for orphan_ms the connection ends as LA_END_TIMEOUT. 0 or -EALREADY. */
int la_close(struct la_conn *c);

/** RFC 9293 3.10.5 ABORT: drops both queues, sends RST where the RFC says so; `closed` with
 * LA_END_ABORTED is called before this returns. */
int la_abort(struct la_conn *c);

/** Calls ops->timer after ms (rounded up to a tick); 0 cancels. One timer a connection. Outside of a callback the ms run
 * from the next la_shard_rx() or la_shard_poll(). */
void la_set_timer(struct la_conn *c, uint32_t ms);

void la_set_user(struct la_conn *c, void *user);
void la_set_ops(struct la_conn *c, const struct la_conn_ops *ops);
void la_set_nodelay(struct la_conn *c, bool on);
void la_conn_info(const struct la_conn *c, struct la_conn_info *info);

/** "ESTABLISHED", "TIME_WAIT", ... */
const char *la_state_name(enum la_state s);
/** "orderly", "reset", "aborted", "timeout", "refused", "fin_wait_2": also the JSON keys. */
const char *la_end_name(enum la_end e);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
