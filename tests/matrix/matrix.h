/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_MATRIX_H
#define TEST_MATRIX_H

/* The full matrix: every state of RFC 9293 3.3.2 against every kind of event, 12 x 22 rows.
 *
 * A row is named M-<state>-<event>. Its body is run once for every variant: {IPv4, IPv6} x {plain,
 * options}, where plain is a SYN with an MSS alone and options adds timestamps, SACK and window
 * scale; where our own FIN is out, also for both ways of sending it (half: la_shutdown(), full:
 * la_close()), and TIME_WAIT for its three ways in. In the plain IPv4 variant the peer's sequence
 * numbers wrap just above its ISN, in the IPv6 ones the shard's clock wraps just after the start.
 *
 * A body reads as a script: enter() makes a fresh shard and brings a connection to the row's state,
 * send() is one segment, want() what it is answered with (and by nothing else for 600 ms, longer
 * than any legal delayed ACK), then stays() or state() look at the state, by la_shard_find() and by
 * a probe on the wire.
 *
 * Sequence numbers are the shard's variables: R = RCV.NXT, W = RCV.WND, U = SND.UNA, N = SND.NXT,
 * ISS, IRS. The table of rows (rows.txt) and what is registered here are compared by coverage.c. */

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "peer.h"

struct cell;

struct row {
	const char *id;   /* "M-EST-a" */
	const char *text; /* what arrives or happens */
	void (*body)(struct cell *c);
	enum la_state state;
	unsigned kinds; /* enum row_kind bits: what the row is multiplied by */
	struct row *next;
};

enum row_kind {
	ROW_ONCE = 0,
	ROW_HALF_FULL = 1, /* for both ways the user may have closed */
	ROW_PATHS = 2,     /* for the three ways into TIME_WAIT */
	ROW_PAST = 4,      /* CLOSED: never opened, and after LAST_ACK was answered */
};

struct cell {
	const struct row *row;
	struct rig *r;
	struct peer *p;
	bool ip6, opts;
	bool full; /* our end was closed by la_close() */
	bool past; /* CLOSED: there was a connection */
	char path; /* TIME_WAIT: 'a', 'b' or 'c' */
	char name[160];
	jmp_buf bail;
	struct user entry; /* what the user knew after enter() */

	/* the state of things when the last segment was sent */
	uint64_t at;
	uint32_t n0, r0;
	uint32_t seg_seq, seg_ack,
		seg_end; /* of the segment: SEG.SEQ, SEG.ACK, SEG.SEQ + SEG.LEN */
	uint64_t bytes;  /* delivered before it */
};

/** What a segment may be answered with. */
enum reply {
	NONE = 1 << 0,
	CHK = 1 << 1,      /* <SEQ=N><ACK=R><CTL=ACK> */
	RST_ACK = 1 << 2,  /* <SEQ=SEG.ACK><CTL=RST>, ACK bit clear */
	RST_ZERO = 1 << 3, /* <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
	RST_NXT = 1 << 4,  /* <SEQ=N><CTL=RST>, ACK bit optional */
	SYNACK = 1 << 5,   /* <SEQ=ISS><ACK=R><CTL=SYN,ACK> */
	FINACK = 1 << 6,   /* <SEQ=N before><ACK=R><CTL=FIN,ACK> */
};

void row_register(struct row *row);
const struct row *row_first(void);
void row_run(const struct row *row);

/** A fresh shard with a connection in the row's state. */
void enter(struct cell *c);
/** The same with the shard's connection options changed first. */
void enter_with(struct cell *c, const struct la_conn_opts *conn);

/* One segment; sequence numbers absolute. */
void send_tx(struct cell *c, const struct peer_tx *t);
void send(struct cell *c, unsigned flags, uint32_t seq, uint32_t ack, uint32_t len);
#define SEND(c, ...) send_tx(c, &(struct peer_tx){__VA_ARGS__})
/** What follows is judged as the answer to a user call made after this. */
void mark(struct cell *c);

#define want(c, set) want_at(__FILE__, __LINE__, c, set)
enum reply want_at(const char *file, int line, struct cell *c, unsigned set);
/** An empty ACK of exactly this number, at most `within` ms later. */
#define want_ack(c, ack, within) want_ack_at(__FILE__, __LINE__, c, ack, within)
void want_ack_at(const char *file, int line, struct cell *c, uint32_t ack, uint64_t within);

/** The state is this, by la_shard_find() and on the wire. */
#define state(c, s) state_at(__FILE__, __LINE__, c, s)
void state_at(const char *file, int line, struct cell *c, enum la_state s);
/** Nothing changed: same state, nothing delivered, the user not told of anything. */
#define stays(c) stays_at(__FILE__, __LINE__, c)
void stays_at(const char *file, int line, struct cell *c);
/** The connection is gone, and its user was told so. */
#define gone(c, end) gone_at(__FILE__, __LINE__, c, end)
void gone_at(const char *file, int line, struct cell *c, enum la_end end);
/** Nothing was delivered since the last segment was sent. */
#define undelivered(c) CHECK((c)->r, (c)->p->u.bytes == (c)->bytes, "data was delivered")

/* The rows that all synchronized states answer alike (RFC 9293 3.10.7.4 first to fourth step). */
void sync_a(struct cell *c);
void sync_b(struct cell *c);
void sync_c(struct cell *c);
void sync_e(struct cell *c);
void sync_f(struct cell *c);
void sync_g(struct cell *c);
void sync_h(struct cell *c);
void sync_k(struct cell *c);
void sync_l(struct cell *c);
void sync_m(struct cell *c);
void sync_n(struct cell *c);
void sync_q(struct cell *c);
void sync_r(struct cell *c);
void sync_s(struct cell *c);
void after_fin_i(struct cell *c); /* the peer's FIN is in: a second one, */
void after_fin_j(struct cell *c); /* one above a hole, */
void after_fin_o(struct cell *c); /* data, */
void after_fin_p(struct cell *c); /* and data above a hole */
/** Row v where an ABORT sends RST. */
void abort_resets(struct cell *c);
/** Row t: the FIN is sent again at twice the distance each time, until R2 ends it. */
void fin_timer(struct cell *c);
/** Lets R2 pass with only retransmissions from seq on; gaps double. Returns how many there were. */
unsigned retransmits(struct cell *c, uint32_t seq, uint64_t limit);

#define ROW_AS(suite, st, ev, la, kinds_, text_)                                                \
	static void row_##suite##_##ev(struct cell *c);                                         \
	static struct row def_##suite##_##ev = {"M-" st "-" #ev, text_, row_##suite##_##ev, la, \
						kinds_,          NULL};                         \
	static __attribute__((constructor)) void reg_##suite##_##ev(void)                       \
	{                                                                                       \
		row_register(&def_##suite##_##ev);                                              \
	}                                                                                       \
	Test(suite, ev)                                                                         \
	{                                                                                       \
		row_run(&def_##suite##_##ev);                                                   \
	}                                                                                       \
	static void row_##suite##_##ev(struct cell *c)

#define F LA_FIN
#define S LA_SYN
#define A LA_ACK
#define RS LA_RST
#define R (c->p->R)
#define W (c->p->W)
#define U (c->p->U)
#define N (c->p->N)
#define ISS (c->p->ISS)
#define IRS (c->p->IRS)
/** An ACK older than any window the peer offered could explain (RFC 5961 5.2). */
#define TOO_OLD (U - c->p->max_wnd - 1)

#endif
