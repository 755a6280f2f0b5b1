/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_TCB_H
#define LA_TCP_TCB_H

/* The transmission control block: one live connection (RFC 9293 3.3.1). Host order, ticks of 1 ms.
 *
 * The first two cache lines are what a segment in ESTABLISHED touches; 256 B in all, buffers aside. */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/conn.h>

#include "tcp/index.h"

struct rte_mbuf;
struct la_tcp;

enum la_tcb_flag {
	LA_F_ACTIVE = 1 << 0,	   /* we sent the first SYN: SYN_RCVD falls back to CLOSED, not LISTEN */
	LA_F_TS = 1 << 1,	   /* timestamps agreed */
	LA_F_WS = 1 << 2,	   /* window scaling agreed */
	LA_F_SACK_PERM = 1 << 3,   /* both sides sent SACK-permitted */
	LA_F_NODELAY = 1 << 4,	   /* Nagle off */
	LA_F_ACK_NOW = 1 << 5,	   /* the next output must carry an ACK */
	LA_F_ACK_DELAY = 1 << 6,   /* an ACK is owed, may wait for delack_at */
	LA_F_FIN_QUEUED = 1 << 7,  /* the user closed: FIN after the last queued byte */
	LA_F_FIN_SENT = 1 << 8,	   /* our FIN has been sent at least once (snd_nxt counts it) */
	LA_F_USER_CLOSED = 1 << 9, /* la_close(): nobody reads any more */
	LA_F_USER_KNOWS = 1 << 10, /* the user holds the pointer: `closed` is owed */
	LA_F_BLOCKED = 1 << 11,	   /* la_send took less than given: `writable` is owed */
	LA_F_RECOVERY = 1 << 12,   /* fast recovery (RFC 6582) until snd_una passes `recover` */
	LA_F_RTT_TIMING = 1 << 13, /* rtt_seq is being timed (no timestamps) */
	LA_F_SYN_LOST = 1 << 14,   /* our SYN or SYN,ACK was sent again: RFC 6298 5.7, IW 1 */
	LA_F_PERSIST = 1 << 15,	   /* rexmt_at runs the persist timer: the peer's window is closed */
	LA_F_REXMT_ON = 1 << 16,   /* rexmt_at is armed */
	LA_F_USER_TIMER = 1 << 17, /* user_at is armed */
	LA_F_KEEPALIVE = 1 << 18,  /* keep-alive is on for this connection */
	LA_F_PENDING = 1 << 19,	   /* on the shard's list of connections with output to do */
	LA_F_NEAR = 1 << 20,	   /* wheel_near names a reference in the wheel */
	LA_F_FAR = 1 << 21,	   /* wheel_far likewise */
	LA_F_DELACK_REF = 1 << 22, /* one reference is in the delayed-ACK wheel */
	LA_F_FW2_TIMER = 1 << 23,  /* long_at runs the FIN_WAIT_2 limit (otherwise keep-alive) */
	LA_F_RTO_SEQ = 1 << 24,	   /* recovering from a time-out: snd_nxt was pulled back to snd_una */
	LA_F_IN_INPUT = 1 << 25,   /* being processed: output is flushed by the caller */
	LA_F_SRTT = 1 << 26,	   /* srtt and rttvar hold a measurement */
	LA_F_SEEN = 1 << 27,	   /* `opened` was called */
	LA_F_PMTU = 1 << 28,	   /* mss was lowered by a path MTU report */
	LA_F_IDLE_RESTART = 1 << 29, /* reserved for output: first flight after idle */
};

struct la_tcb {
	/* line 0: what every segment reads */
	uint8_t state;	    /* enum la_state; written by la_tcb_set_state() alone */
	uint8_t is4;
	uint8_t snd_wscale; /* shift of windows we receive */
	uint8_t rcv_wscale; /* shift of windows we send */
	uint32_t flags;	    /* enum la_tcb_flag */
	uint32_t snd_una, snd_nxt, snd_max; /* snd_max: highest ever sent; snd_nxt may be pulled back */
	uint32_t snd_wnd;		    /* bytes, unscaled */
	uint32_t snd_wl1, snd_wl2;
	uint32_t rcv_nxt;
	uint32_t rcv_adv; /* right edge of the window last offered: never moves left */
	uint32_t ts_recent, ts_recent_at; /* RFC 7323; at: tick, for the 24 days rule */
	uint32_t last_ack_sent;
	uint16_t lport, rport;
	uint32_t ts_offset; /* TSval = tick + ts_offset */

	/* line 1: sending */
	uint32_t cwnd, ssthresh; /* bytes */
	uint32_t recover;	 /* RFC 6582 */
	uint32_t max_snd_wnd;	 /* largest window the peer has offered (RFC 5961 5) */
	uint32_t snd_queued;	 /* bytes in the send queue, from snd_una's byte on */
	uint32_t iss, irs;
	uint16_t mss; /* largest payload + options we may send: the peer's MSS and the path */
	uint8_t dupacks;
	uint8_t backoff;   /* consecutive time-outs without an acknowledgement */
	uint32_t srtt;	   /* ms << 3 */
	uint32_t rttvar;   /* ms << 2 */
	uint32_t rto;	   /* ms */
	uint32_t rtt_seq, rtt_at;
	uint32_t rexmt_at; /* tick: retransmission or persist */
	uint32_t first_unacked_at; /* tick at which what is now unacknowledged was first sent: R2 */

	/* line 2: addresses, timers, user */
	struct la_addr laddr, raddr;
	uint32_t delack_at, long_at, user_at;
	uint32_t wheel_near, wheel_far;
	uint32_t challenge_at; /* tick of the last challenge ACK */
	uint32_t last_rcv_at;  /* tick of the last segment, for keep-alive */
	uint32_t last_snd_at;  /* tick of the last data sent, for the idle restart of cwnd */

	/* line 3: buffers and ties */
	struct rte_mbuf *snd_head, *snd_tail; /* chunks; the first snd_off bytes of the head are acknowledged */
	struct rte_mbuf *rcv_head, *rcv_tail; /* in order, unread; the head's data starts at the next byte */
	struct rte_mbuf *ooo;		      /* segments above a hole, ascending, no overlap */
	const struct la_conn_ops *ops;
	void *user;
	struct la_tcp *tcp;
};

enum { LA_TCB_SIZE = 320 };

#endif
