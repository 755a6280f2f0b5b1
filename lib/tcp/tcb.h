/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_TCB_H
#define LA_TCP_TCB_H

/* The transmission control block: one live connection (RFC 9293 3.3.1). Host order, ticks of 1 ms.
 *
 * A segment in ESTABLISHED uses only the first two cache lines; the size is 256 B without buffers. */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/conn.h>

#include "table/index.h"

struct rte_mbuf;
struct la_tcp;

/** The life of a TCB (see the top of tcb.c): two bits of la_tcb.flags. LIVE is 0, and in LIVE and DETACHED the upper
 * bit is clear, so that the packet path tests each with one instruction. */
enum la_tcb_life {
	LA_TCB_LIVE,	 /* the TCB is in the index and holds a TIME_WAIT reservation */
	LA_TCB_DETACHED, /* closed in order and out of the index; the user has not read all bytes */
	LA_TCB_ENDED,	 /* `closed` was called if the user knows the connection; the slot will be freed */
	LA_TCB_FREE,	 /* the slot has no connection */
	LA_TCB_LIVES,
};

enum { LA_TCB_LIFE_SHIFT = 23 }; /* position of the life in la_tcb.flags */

enum la_tcb_flag {
	LA_F_ACTIVE = 1 << 0,		    /* we sent the first SYN: SYN_RCVD falls back to CLOSED, not LISTEN */
	LA_F_TS = 1 << 1,		    /* timestamps negotiated */
	LA_F_WS = 1 << 2,		    /* window scaling negotiated */
	LA_F_SACK_PERM = 1 << 3,	    /* SACK negotiated (RFC 2018) */
	LA_F_NODELAY = 1 << 4,		    /* Nagle off */
	LA_F_ACK_NOW = 1 << 5,		    /* the next output must carry an ACK */
	LA_F_ACK_DELAY = 1 << 6,	    /* an ACK is due, and may wait for the delayed-ACK wheel */
	LA_F_FIN_QUEUED = 1 << 7,	    /* la_shutdown() or la_close(): our FIN follows the last queued byte */
	LA_F_FIN_SENT = 1 << 8,		    /* our FIN was sent at least once: snd_max counts it */
	LA_F_USER_CLOSED = 1 << 9,	    /* la_close(): the user reads no more, and gets only `closed` */
	LA_F_USER_KNOWS = 1 << 10,	    /* the user has the pointer: `closed` must be called */
	LA_F_BLOCKED = 1 << 11,		    /* la_send() did not accept all bytes: `writable` must be called */
	LA_F_RECOVERY = 1 << 12,	    /* fast recovery (RFC 6582), or a scoreboard (board.h) */
	LA_F_RTT_TIMING = 1 << 13,	    /* rtt_seq is being timed (no timestamps) */
	LA_F_SYN_LOST = 1 << 14,	    /* our SYN or SYN,ACK was retransmitted: RFC 6298 5.7, IW 1 */
	LA_F_PERSIST = 1 << 15,		    /* rexmt_at is the persist timer: the peer's window allows no segment */
	LA_F_REXMT_ON = 1 << 16,	    /* rexmt_at is armed */
	LA_F_USER_TIMER = 1 << 17,	    /* user_at is armed */
	LA_F_FW2_TIMER = 1 << 18,	    /* long_at is the end of FIN_WAIT_2 (otherwise: last segment received) */
	LA_F_PENDING = 1 << 19,		    /* the TCB is on the shard's list of connections with output to do */
	LA_F_NEAR = 1 << 20,		    /* wheel_near names a reference in the wheel */
	LA_F_FAR = 1 << 21,		    /* wheel_far names a reference in the wheel */
	LA_F_BUSY = 1 << 22,		    /* lib/tcp works on the TCB: la_input_end_work() sends and frees (tcb.c) */
	LA_F_LIFE = 3 << LA_TCB_LIFE_SHIFT, /* enum la_tcb_life; written by la_tcb_set_life() alone */
	LA_F_SRTT = 1 << 25,		    /* srtt and rttvar hold a measurement */
	LA_F_NEW_ACK = 1 << 26,		    /* `acked` is due: this segment acknowledged bytes */
	LA_F_NEW_DATA = 1 << 27,	    /* `data` is due: bytes arrived in order */
	LA_F_NEW_FIN = 1 << 28,		    /* `peer_fin` is due: the peer's FIN arrived in order */
	LA_F_NEW_OPEN = 1 << 29,	    /* `opened` is due: the handshake has ended */
	LA_F_PROBE = 1 << 30,		    /* this output is a window probe */
	LA_F_NO_DF = 1u << 31,		    /* the path MTU is below LA_PMTU_MIN4: routers may fragment our packets */
};

struct la_tcb {
	/* line 0: read by every segment */
	uint8_t state; /* enum la_state; written by la_tcb_set_state() alone */
	bool is4;
	uint8_t snd_wscale;		    /* shift of windows we receive */
	uint8_t rcv_wscale;		    /* shift of windows we send */
	uint32_t flags;			    /* enum la_tcb_flag, and in LA_F_LIFE enum la_tcb_life */
	uint32_t snd_una, snd_nxt, snd_max; /* snd_max: largest value of snd_nxt; a time-out sets snd_nxt back */
	uint32_t snd_wnd;		    /* bytes, unscaled */
	uint32_t snd_wl1, snd_wl2;
	uint32_t rcv_nxt;
	uint32_t rcv_adv; /* right edge of the last offered window: never moves left */
	union {
		struct {
			uint32_t ts_recent;    /* with LA_F_TS: TS.Recent (RFC 7323) */
			uint32_t ts_recent_at; /* with LA_F_TS: tick of the last update of ts_recent */
		};
		struct {
			uint32_t rtt_seq; /* with LA_F_RTT_TIMING: the sequence number after the timed segment */
			uint32_t rtt_at;  /* with LA_F_RTT_TIMING: tick at which that segment was sent */
		};
	};
	uint32_t last_ack_sent;
	uint16_t lport, rport;
	uint32_t ts_offset;	/* TSval = tick + ts_offset */
	uint8_t profile;	/* index into la_tcp.profiles */
	uint8_t wheel_refs : 3; /* references to this slot in the wheel; outlives the connection */
	uint8_t delack_ref : 1; /* a reference is in the delayed-ACK wheel; outlives the connection */
	uint8_t quick_acks : 4; /* number of further segments that are acknowledged at once */
	uint16_t pmtu_at;	/* when `mss` was last lowered by path MTU discovery, in units of 1.024 s; 0: never */

	/* line 1: sending */
	uint32_t cwnd; /* bytes */
	union {
		uint32_t ssthresh; /* bytes; set when the handshake completes */
		uint32_t listener; /* passive, in SYN_RCVD: index of the listener that the SYN reached */
	};
	union {
		uint32_t recover; /* RFC 6582 */
		uint32_t board;	  /* with a scoreboard (board.h): its place in la_tcp.boards */
	};
	uint32_t max_snd_wnd; /* largest window the peer has offered (RFC 5961 5) */
	uint32_t snd_queued;  /* bytes in the send queue, from snd_una's byte on */
	uint16_t mss;	      /* largest payload plus options to send: by the peer's MSS and the path */
	uint8_t dupacks;      /* LA_BOARD_DUPACKS: the connection has a scoreboard */
	uint8_t backoff;      /* consecutive time-outs without an acknowledgement */
	uint32_t srtt;	      /* ms << 3 */
	uint32_t rttvar;      /* ms << 2 */
	uint16_t rto;	      /* ms; at most LA_RTO_MAX_MS */
	uint16_t mss_peer;    /* limit of the peer's SYN and our MTU: path MTU discovery returns to it */
	union {
		uint32_t ca_acked; /* bytes acknowledged towards the next step of cwnd in congestion avoidance
				    * (RFC 3465) */
		uint32_t inflate;  /* LA_F_RECOVERY: bytes that duplicate ACKs may still add to cwnd */
	};
	uint32_t rexmt_at;	   /* tick at which the retransmission or persist timer fires */
	uint32_t first_unacked_at; /* tick from which R2 runs: last new ACK, or first segment sent after that ACK */
	uint32_t last_snd_at;	   /* tick of the last data sent, for the idle restart of cwnd */
	uint16_t challenge_at;	   /* low bits of the tick at which the interval of challenge ACKs began */
	uint8_t challenges;	   /* challenge ACKs sent in that interval */
	uint8_t ooo_count;	   /* blocks above a hole (ooo.c) */
	uint32_t isn_offset;	   /* the tuple's ISN minus the ISN clock (isn.c) */

	/* line 2: the tuple, timers */
	struct la_addr laddr, raddr;
	uint32_t long_at; /* tick: with LA_F_FW2_TIMER the end of FIN_WAIT_2, otherwise the last segment received */
	uint32_t user_at; /* tick at which the user's timer fires; after la_close() the orphan's deadline */
	uint32_t wheel_near, wheel_far;
	uint32_t next;	      /* slot of the next TCB on the free list or pending list */
	la_ref shadow;	      /* TIME_WAIT entry to restore if this handshake fails, or 0 */
	uint32_t rcv_queued;  /* bytes in order the user has not consumed */
	uint16_t retransmits; /* retransmitted segments, at most UINT16_MAX */
	uint16_t bufs;	      /* packet buffers on the three queues of line 3 */

	/* line 3: buffers and the user */
	struct rte_mbuf *snd_head, *snd_tail; /* chunks; the head's data starts at snd_una's byte */
	struct rte_mbuf *rcv_head, *rcv_tail; /* in order; the head's data starts at the next unread byte */
	struct rte_mbuf *ooo;		      /* blocks of data above a hole, ascending (ooo.c) */
	const struct la_conn_ops *ops;
	void *user;
	struct la_tcp *tcp;
};
_Static_assert(sizeof(struct la_tcb) == 256, "an idle connection costs 256 B");

#endif
