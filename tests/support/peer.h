/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PEER_H
#define TEST_PEER_H

/* A scripted peer: the other end of one connection of a rig's shard, and that connection's user.
 *
 * The peer sends nothing by itself: the test sends every segment. The peer has a copy of the shard's variables
 * of RFC 9293 3.3.1, derived from segments: ISS, IRS, R (RCV.NXT), W (RCV.WND), U (SND.UNA), N (SND.NXT).
 * A test writes sequence numbers as p->R + 1 or p->N.
 *
 * In both directions the payload is a known pattern of the stream offset. Sent and delivered bytes are
 * compared with the pattern, so a test need not compare bytes.
 *
 * Checks of every emitted segment: window and acknowledgement never move left; timestamps are present
 * when negotiated and never go back; no data is beyond the offered window; SACK only when negotiated.
 */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "rig.h"
#include "wire/tcp.h"

struct peer_opts {
	bool ip6;
	bool ts, sack;		  /* offered on the SYN */
	uint8_t wscale;		  /* offered shift + 1; 0: none */
	uint16_t mss;		  /* offered MSS; 0: 1460 or 1440 */
	bool no_mss;		  /* no MSS option */
	uint16_t win;		  /* window field, raw; 0: 65535 */
	uint32_t isn;		  /* 0: 0x10000000 */
	uint16_t lport;		  /* 0: 80 */
	uint16_t rport;		  /* 0: 40000 + number of the peer */
	bool other;		  /* the shard's second address */
	uint32_t tsbase;	  /* first TSval; 0: 0x20000000 */
	struct la_conn_opts conn; /* options of the shard's side */
};

/** One segment the shard sent. */
struct peer_rx {
	uint64_t at;
	uint8_t flags;
	uint32_t seq, ack, len; /* len: payload */
	uint32_t end;		/* seq + SEG.LEN */
	uint16_t win;		/* window field as on the wire */
	uint32_t wnd;		/* scaled window, bytes */
	struct frame_in f;	/* the pointers in it are invalid */
};

/** Callbacks and bytes of the shard's user. */
struct user {
	struct la_conn *c; /* NULL when not known or closed */
	unsigned opened, data, acked, writable, peer_fin, timer, closed;
	uint64_t opened_at, peer_fin_at, closed_at;
	struct la_closed why;
	uint64_t bytes;	   /* bytes read, equal to the pattern */
	uint64_t sent;	   /* bytes accepted by la_send() */
	bool hold;	   /* the user does not read */
	bool close_on_fin; /* the peer_fin callback calls la_close() */
	bool close_on_open;
};

struct peer {
	struct rig *r;
	struct peer_opts o;
	struct la_tuple t; /* the shard's view */
	struct user u;

	/* the shard's variables */
	uint32_t ISS, IRS, R, W, U, N;
	uint32_t edge; /* right edge of the window that the shard offers: R + W */
	uint8_t ws;    /* the shard's shift */
	bool ts_on, ws_on, sack_on;
	uint32_t ts_dut;  /* last TSval of the shard */
	uint16_t mss_dut; /* MSS option of the shard */

	/* the peer's own variables */
	uint32_t snd;	  /* next sequence number to send */
	uint32_t got;	  /* next sequence number expected from the shard */
	uint32_t win;	  /* window that the peer offers, raw field */
	uint32_t max_wnd; /* MAX.SND.WND of the shard */
	uint32_t offered; /* largest right edge that was offered to the shard */
	uint32_t ts_now;  /* last TSval sent */
	bool syn_seen;	  /* a SYN of the shard was received: ISS is valid */
	bool edge_on;	  /* edge and offered are valid */
	bool lax_data;	  /* the user's bytes may differ from the pattern, and the window is not checked */
	bool lax_edge;	  /* do not check that the window never moves left (reopens) */

	struct peer_rx *rx;
	unsigned nrx, next, room;
};

enum peer_ts { TS_AUTO, TS_NONE, TS_SET };
enum { WIN_ZERO = -1 };

/** A segment to send. A zero field has the value that a correct peer sends. */
struct peer_tx {
	uint8_t flags;
	uint32_t seq, ack, len;
	const void *data; /* NULL: the pattern at seq */
	int32_t win;	  /* raw field; 0: p->win; WIN_ZERO: 0 */
	enum peer_ts ts;
	uint32_t tsval, tsecr; /* with TS_SET; tsecr 0: the correct one */
	const uint8_t *opts;   /* replaces all options; NULL: the options of a correct peer */
	size_t optlen;
	uint8_t resv;
	uint16_t urg;
	unsigned doff;
	bool bad_cksum, pad;
	int iplen_delta;
	const struct la_addr *src, *dst;
	uint16_t dport;
};

/** Creates a peer, which sends nothing yet. opts NULL: IPv4, with the MSS option only. */
struct peer *peer_new(struct rig *r, const struct peer_opts *opts);
void peer_free(struct peer *p);
void peer_check_end(struct peer *p);
/** The last peer of this tuple (the shard's view), or NULL. */
struct peer *peer_of(const struct rig *r, const struct la_tuple *t);
void peer_capture(struct peer *p, const struct frame_in *f);
/** The largest payload plus options that the peer allows in one segment. */
uint16_t peer_mss(const struct peer *p);
/** Clears the variables of the old connection, for a new connection on the same tuple. */
void peer_renew(struct peer *p, uint32_t isn);

/** Listens on the peer's local port with p->o.conn, unless a listener exists. */
void peer_listen(struct peer *p);

/* Sending. All functions also receive the shard's answers. */
void peer_tx(struct peer *p, const struct peer_tx *t);
#define PEER_TX(p, ...) peer_tx(p, &(struct peer_tx){__VA_ARGS__})
void peer_send(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);
void peer_syn(struct peer *p);		      /* SYN, seq = IRS */
void peer_ack(struct peer *p);		      /* acknowledges all of p->got */
void peer_data(struct peer *p, uint32_t len); /* at p->snd, acknowledging p->got; moves p->snd */
void peer_fin(struct peer *p);		      /* at p->snd, acknowledging p->got; moves p->snd */

/* Receiving. */
/** The next received segment that was not returned yet, or NULL. */
struct peer_rx *peer_next(struct peer *p);
/** Skips all segments received so far. */
void peer_skip(struct peer *p);
unsigned peer_waiting(const struct peer *p);
/** Expects this segment next. PSH is not compared. */
#define peer_expect(p, flags, seq, ack, len) peer_expect_at(__FILE__, __LINE__, p, flags, seq, ack, len)
struct peer_rx *peer_expect_at(const char *file, int line, struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack,
			       uint32_t len);
/** Expects the segment <SEQ=N><ACK=R><CTL=ACK> without data next. */
#define peer_expect_chk(p) peer_expect_chk_at(__FILE__, __LINE__, p)
void peer_expect_chk_at(const char *file, int line, struct peer *p);
/** Lets ms milliseconds pass and expects that no segment is waiting or arrives. */
#define peer_expect_none(p, ms) peer_expect_none_at(__FILE__, __LINE__, p, ms)
void peer_expect_none_at(const char *file, int line, struct peer *p, uint64_t ms);
/** Returns the next received segment. Lets at most ms milliseconds pass until one arrives; NULL: none arrived. */
struct peer_rx *peer_wait(struct peer *p, uint64_t ms);

/* The state in the shard. LA_CLOSED: the shard has no connection or entry of the tuple. */
enum la_state peer_state(const struct peer *p);
struct la_conn_info peer_info(const struct peer *p);
#define peer_expect_state(p, s) peer_expect_state_at(__FILE__, __LINE__, p, s)
void peer_expect_state_at(const char *file, int line, struct peer *p, enum la_state s);
/** Expects that R, U and N equal the shard's RCV.NXT, SND.UNA and SND.NXT. */
void peer_agree(struct peer *p);

/* The shard's user. */
ssize_t user_send(struct peer *p, uint32_t len); /* sends the pattern; returns the result of la_send() */
int user_shutdown(struct peer *p);
int user_close(struct peer *p);
int user_abort(struct peer *p);
void user_read(struct peer *p, uint64_t max); /* reads unread bytes, at most max */
int user_connect(struct peer *p);
extern const struct la_conn_ops user_ops;
#define user_expect_closed(p, why) user_expect_closed_at(__FILE__, __LINE__, p, why)
void user_expect_closed_at(const char *file, int line, struct peer *p, enum la_end why);

/* Each function takes the connection from CLOSED to a state. `full`: la_close() instead of la_shutdown(). */
void peer_to_syn_sent(struct peer *p);
void peer_to_syn_rcvd_passive(struct peer *p);
void peer_to_syn_rcvd_active(struct peer *p);
void peer_to_established(struct peer *p); /* passive */
void peer_to_established_active(struct peer *p);
void peer_to_fin_wait_1(struct peer *p, bool full);
void peer_to_fin_wait_2(struct peer *p, bool full);
void peer_to_close_wait(struct peer *p);
void peer_to_closing(struct peer *p, bool full);
void peer_to_last_ack(struct peer *p, bool full);
/** path: 'a' through FIN_WAIT_2, 'b' by a FIN that acknowledges the shard's FIN, 'c' through CLOSING. */
void peer_to_time_wait(struct peer *p, bool full, char path);

#endif
