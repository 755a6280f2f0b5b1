/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_HOLD_H
#define LA_TCP_HOLD_H

/* Packet buffers that a shard holds for its peers. (Theory at the top of hold.c.)
 *
 * Every buffer on a receive, reassembly or send queue is counted twice: in la_tcb.bufs of its connection and in
 * la_hold.held of its shard. The unit is one buffer, regardless of its payload. */

#include "tcp/internal.h"

enum {
	LA_HOLD_WINDOW_SHIFT = 11, /* a free buffer counts as 2 KiB of offered window */
	LA_HOLD_WINDOW_LEAST = 2,  /* smallest share of a connection without buffers, for its offered window */
	LA_HOLD_CONN_MAX = 60000,  /* buffers one connection may hold: la_tcb.bufs has 16 bits */
};

/** Counts n more buffers on c's queues. */
static inline void
la_hold_take(struct la_tcb *c, unsigned n)
{
	struct la_hold *h = &c->tcp->hold;

	if (c->bufs == 0)
		h->holders++;
	c->bufs = (uint16_t)(c->bufs + n);
	h->held += n;
}

/** Counts n buffers removed from c's queues. */
static inline void
la_hold_release(struct la_tcb *c, unsigned n)
{
	struct la_hold *h = &c->tcp->hold;

	c->bufs = (uint16_t)(c->bufs - n);
	h->held -= n;
	if (c->bufs == 0 && n)
		h->holders--;
}

/** The share of one connection, its first buffer included: half of the free part of la_hold.common. All connections
 * have the same share. Connections that take their share leave a part free, and the share of a new connection is half
 * of that part. */
static inline uint32_t
la_hold_share(const struct la_tcp *t)
{
	const struct la_hold *h = &t->hold;
	uint32_t taken = h->held - h->holders, all = h->common;
	uint32_t share = taken < all ? (all - taken) / 2 + 1 : 1;

	return share < LA_HOLD_CONN_MAX ? share : LA_HOLD_CONN_MAX;
}

/** Returns true only if the share is larger than n buffers, which it nearly always is. Cheaper than la_hold_share(). */
static inline bool
la_hold_is_plenty(const struct la_hold *h, uint32_t n)
{
	return n < LA_HOLD_CONN_MAX && (int32_t)(h->common - (h->held - h->holders)) > (int32_t)(2 * n);
}

/** The part of `want` bytes of window for which c's share has room. A connection without buffers has a share of at
 * least LA_HOLD_WINDOW_LEAST buffers. */
static inline uint32_t
la_hold_window(const struct la_tcb *c, uint32_t want)
{
	uint32_t share;

	if (likely(la_hold_is_plenty(&c->tcp->hold, c->bufs + (want >> LA_HOLD_WINDOW_SHIFT))))
		return want;
	share = la_hold_share(c->tcp);
	if (c->bufs == 0 && share < LA_HOLD_WINDOW_LEAST) /* room for a full segment also in a partly used window */
		share = LA_HOLD_WINDOW_LEAST;
	return RTE_MIN(want, c->bufs < share ? (share - c->bufs) << LA_HOLD_WINDOW_SHIFT : 0);
}

/** The window of a SYN,ACK: like la_syn_window(), but within the share of a new connection. */
static inline uint16_t
la_hold_syn_window(const struct la_tcp *t, const struct la_conn_opts *o)
{
	uint32_t want = la_syn_window(o);

	if (likely(la_hold_is_plenty(&t->hold, want >> LA_HOLD_WINDOW_SHIFT)))
		return (uint16_t)want;
	return (uint16_t)RTE_MIN(want, la_hold_share(t) << LA_HOLD_WINDOW_SHIFT);
}

/* The slow paths of la_hold_admits_text() and la_hold_admits_send(). */
bool la_hold_admits_more_text(struct la_tcb *c, unsigned n);
bool la_hold_admits_more_send(struct la_tcb *c);

/** Returns whether c has no buffers yet and may hold n buffers. */
static inline bool
la_hold_admits_first(const struct la_tcb *c, unsigned n)
{
	return c->bufs == 0 && c->tcp->hold.held + n <= c->tcp->hold.max;
}

/** Returns whether c may hold n more buffers of text in order. Drops out-of-order data of any connection to make room.
 * False: no room, which is counted; the caller drops the text and does not acknowledge it. */
static inline bool
la_hold_admits_text(struct la_tcb *c, unsigned n)
{
	return la_hold_admits_first(c, n) || la_hold_admits_more_text(c, n);
}

/** Returns whether c may hold one more buffer of data above a hole, and counts a refusal. */
bool la_hold_admits_ooo(struct la_tcb *c);

/** Returns whether c may hold one more buffer in its send queue, and counts a refusal. */
static inline bool
la_hold_admits_send(struct la_tcb *c)
{
	return la_hold_admits_first(c, 1) || la_hold_admits_more_send(c);
}

/** True: la_hold_poll() has something to do at tick *at, which may have passed. */
bool la_hold_due(const struct la_tcp *t, uint32_t *at);

/** Updates the gauges, and does bounded work: aborts connections when memory or orphans exceed their limits.
 * Called by la_tcp_poll(). */
void la_hold_poll(struct la_tcp *t);

/** Checks the pool's free buffers once a tick. Called by la_tcp_now(). */
void la_hold_tick(struct la_tcp *t);

/** Recounts, and prints each difference to f. Returns the number of differences. */
unsigned la_hold_check(const struct la_tcp *t, FILE *f);

/* --- ooo.c: data above a hole ------------------------------------------------------------------------------ */

enum { LA_OOO_SPANS = 24 };

/** The header of a block, at the start of its buffer. */
struct la_ooo_block {
	uint32_t prev, next; /* in a connection's first block: slots of its neighbours on a shard's list; 0: none */
	uint32_t recent[LA_SACK_MAX]; /* in a connection's first block: the order of its ranges (sack.c) */
	uint16_t nspans;
	uint16_t fin; /* the peer's FIN is at base + fin - 1; 0: not in this cell */
	struct {
		uint16_t from, to; /* bytes from the base on; ascending, with a gap between any two */
	} span[LA_OOO_SPANS];
};
_Static_assert(sizeof(struct la_ooo_block) <= RTE_PKTMBUF_HEADROOM, "spans lie in the headroom");

static inline struct la_ooo_block *
la_ooo_block(const struct rte_mbuf *m)
{
	return m->buf_addr;
}

/** The next block; NULL: there is none. */
static inline struct rte_mbuf *
la_ooo_after(const struct rte_mbuf *m)
{
	return (struct rte_mbuf *)(uintptr_t)m->tx_offload;
}

/** The byte at the block's base. */
static inline uint8_t *
la_ooo_bytes(const struct rte_mbuf *m)
{
	return (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
}

/** Stores the segment's text, and its FIN, above a hole; s->seq is above rcv_nxt, all within the window. The
 * caller keeps the mbuf. */
void la_ooo_insert(struct la_tcb *c, const struct la_seg *s, bool fin);
/** Removes and returns the first buffer of text that is now in order. The buffer is not counted as held. NULL: none. */
struct rte_mbuf *la_ooo_next(struct la_tcb *c);
/** Returns whether the peer's FIN is next in order. */
bool la_ooo_fin(const struct la_tcb *c);
/** Frees all blocks. */
void la_ooo_drop(struct la_tcb *c);
/** Drops the upper half of the blocks of a connection with many blocks (ooo.c). Returns the number of freed buffers; 0:
 * no connection has blocks. */
unsigned la_ooo_prune(struct la_tcp *t);
/** Checks the blocks of one connection. Prints each fault to f. Returns the number of faults. */
unsigned la_ooo_check(const struct la_tcb *c, FILE *f);
/** Checks that each of the n connections with blocks is on the right list. Prints the first fault to f. Returns the
 * number of faults, 0 or 1. */
unsigned la_ooo_check_lists(const struct la_tcp *t, uint32_t n, FILE *f);

#endif
