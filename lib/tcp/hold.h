/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_HOLD_H
#define LA_TCP_HOLD_H

/* Packet buffers that a shard holds for its peers. (Theory at the top of hold.c.)
 *
 * Every buffer on a receive, reassembly or send queue is counted twice: in la_tcb.bufs of its connection and in
 * la_hold.held of its shard. The unit is one buffer, whatever it carries. */

#include "tcp/internal.h"

enum {
	LA_HOLD_WINDOW_SHIFT = 11, /* a buffer that is still free stands for 2 KiB of offered window */
	LA_HOLD_WINDOW_LEAST = 2,  /* what a connection that holds nothing may offer at least, in such buffers */
	LA_HOLD_CONN_MAX = 60000,  /* buffers one connection may hold: la_tcb.bufs has 16 bits */
	LA_HOLD_SPARE = 64,	   /* la_tcb.bufs may go beyond it by the segments of one frame */
};

/** n more buffers are on c's queues. */
static inline void
la_hold_take(struct la_tcb *c, unsigned n)
{
	struct la_hold *h = &c->tcp->hold;

	if (c->bufs == 0)
		h->holders++;
	c->bufs = (uint16_t)(c->bufs + n);
	h->held += n;
}

/** n buffers have left c's queues. */
static inline void
la_hold_release(struct la_tcb *c, unsigned n)
{
	struct la_hold *h = &c->tcp->hold;

	c->bufs = (uint16_t)(c->bufs - n);
	h->held -= n;
	if (c->bufs == 0 && n)
		h->holders--;
}

/** The share of one connection, its first buffer included: half of what is free. All have the same, so that n of them
 * that take all they can leave a part free, and a newcomer has half of that. */
static inline uint32_t
la_hold_share(const struct la_tcp *t)
{
	const struct la_hold *h = &t->hold;
	uint32_t taken = h->held - h->holders, all = h->common;
	uint32_t share = taken < all ? (all - taken) / 2 + 1 : 1;

	return share < LA_HOLD_CONN_MAX ? share : LA_HOLD_CONN_MAX;
}

/** Is a share certainly larger than n buffers? It nearly always is, and costs less to say than to compute. */
static inline bool
la_hold_is_plenty(const struct la_hold *h, uint32_t n)
{
	return n < LA_HOLD_CONN_MAX && (int32_t)(h->common - (h->held - h->holders)) > (int32_t)(2 * n);
}

/** Of `want` bytes of window, those that c's share has room for; a connection that holds nothing always has room for a
 * buffer. */
static inline uint32_t
la_hold_window(const struct la_tcb *c, uint32_t want)
{
	uint32_t share;

	if (likely(la_hold_is_plenty(&c->tcp->hold, c->bufs + (want >> LA_HOLD_WINDOW_SHIFT))))
		return want;
	share = la_hold_share(c->tcp);
	if (c->bufs == 0 && share < LA_HOLD_WINDOW_LEAST) /* room for a full segment behind the rest of a window */
		share = LA_HOLD_WINDOW_LEAST;
	return RTE_MIN(want, c->bufs < share ? (share - c->bufs) << LA_HOLD_WINDOW_SHIFT : 0);
}

/** The window of a SYN,ACK: as la_syn_window(), and within the share that a new connection has. */
static inline uint16_t
la_hold_syn_window(const struct la_tcp *t, const struct la_conn_opts *o)
{
	uint32_t want = la_syn_window(o);

	if (likely(la_hold_is_plenty(&t->hold, want >> LA_HOLD_WINDOW_SHIFT)))
		return (uint16_t)want;
	return (uint16_t)RTE_MIN(want, la_hold_share(t) << LA_HOLD_WINDOW_SHIFT);
}

/* The same as la_hold_admits_text() and la_hold_admits_send(), whatever c holds. */
bool la_hold_admits_more_text(struct la_tcb *c, unsigned n);
bool la_hold_admits_more_send(struct la_tcb *c);

/** Does a connection that holds nothing find room for n buffers? */
static inline bool
la_hold_admits_first(const struct la_tcb *c, unsigned n)
{
	return c->bufs == 0 && c->tcp->hold.held + n <= c->tcp->hold.max;
}

/** May c keep n more buffers of text in order? False: counted, and the text must be dropped unacknowledged.
 * Drops out-of-order data of any connection first. */
static inline bool
la_hold_admits_text(struct la_tcb *c, unsigned n)
{
	return la_hold_admits_first(c, n) || la_hold_admits_more_text(c, n);
}

/** May c take one more buffer for data above a hole? False: counted. */
bool la_hold_admits_ooo(struct la_tcb *c);

/** May c take one more buffer for its send queue? False: counted. */
static inline bool
la_hold_admits_send(struct la_tcb *c)
{
	return la_hold_admits_first(c, 1) || la_hold_admits_more_send(c);
}

/** True: la_hold_poll() has something to do at tick *at, which may have passed. */
bool la_hold_due(const struct la_tcp *t, uint32_t *at);

/** Tells the gauges, and does bounded work: aborts what must end when memory or orphans are beyond their limits.
 * From la_tcp_poll(). */
void la_hold_poll(struct la_tcp *t);

/** The pool's free buffers are looked at once a tick. From la_tcp_now(). */
void la_hold_tick(struct la_tcp *t);

/** Counts again and reports each difference to f. Returns how many. */
unsigned la_hold_check(const struct la_tcp *t, FILE *f);

/* --- ooo.c: data above a hole ------------------------------------------------------------------------------ */

enum { LA_OOO_SPANS = 28 };

/** What a block knows of its bytes: at the start of its buffer. */
struct la_ooo_block {
	uint32_t prev, next; /* first block of a connection: slots of its neighbours on a list of the shard; 0: none */
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

/** The byte at the block's base. */
static inline uint8_t *
la_ooo_bytes(const struct rte_mbuf *m)
{
	return (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
}

/** Stores the segment's text, and its FIN, above a hole; s->seq is above rcv_nxt, all within the window. The
 * mbuf stays the caller's. */
void la_ooo_insert(struct la_tcb *c, const struct la_seg *s, bool fin);
/** The first buffer of text that is in order now, not counted as held any more, or NULL. */
struct rte_mbuf *la_ooo_next(struct la_tcb *c);
/** True: the peer's FIN is next in order. */
bool la_ooo_fin(const struct la_tcb *c);
/** Frees all of it. */
void la_ooo_drop(struct la_tcb *c);
/** Drops the upper half of the connection's blocks that has most of them. Returns how many buffers; 0: none has. */
unsigned la_ooo_prune(struct la_tcp *t);
unsigned la_ooo_check(const struct la_tcb *c, FILE *f);
/** n connections have blocks: each must be on the list of their number. */
unsigned la_ooo_check_lists(const struct la_tcp *t, uint32_t n, FILE *f);

#endif
