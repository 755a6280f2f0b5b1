/* SPDX-License-Identifier: BSD-3-Clause */

/* Packet buffers that a shard holds for its peers: theory of operation.
 *
 * Goals: a received frame can always be examined and dropped; a segment without payload can always be sent; every
 * connection makes progress; a peer that never frees its buffers costs other connections at most a share.
 *
 * Three classes of buffers have guaranteed shares:
 *
 *   reception   the pool's buffers beyond la_hold.max: in the port's rings, in a burst, in transmit queues
 *   held        at most la_hold.max of the pool: the queues below, counted in true size (buffers, not bytes)
 *   control     a pool of its own (la_shard_config.control): ACK, SYN,ACK, FIN, RST, ARP, ND, ICMP
 *
 * Every queue that a peer can fill:
 *
 *   queue                   owner      bound                                       dropped first
 *   unread text             la_tcb     its receive buffer, its share               new text, before it is acknowledged
 *   data above a hole       la_tcb     its window (ooo.c), LA_OOO_MAX, share       the upper half of a large holder
 *   send queue              la_tcb     its send buffer, its share                  nothing: la_send() takes less
 *   requests not parsed     service    they are unread text                        nothing: the window closes
 *   half-open connections   la_tcp     syn_cookies_at, 63 s each                   the SYN: a cookie is sent
 *   orphans                 la_tcp     max_orphans, orphan_ms without progress     the one without progress for longest
 *   waiting for a next hop  la_neigh   per neighbour and per shard (neigh.c)       the oldest packet
 *   packets for the port    la_tcp.out LA_TCP_OUT_MAX, tx array LA_TX_MAX          input is not read (lane.h)
 *   frames the port refused la_txq     LA_TXQ_FRAMES (io/tx_queue.h)               the oldest (tx_full)
 *   hand-over rings         worker     LA_HAND_FRAMES                              the newest (hand_over_full)
 *   fault injection         la_faulty  WAITING_MAX, a share of the pool            nothing: the frame is not held
 *
 * Capacity is reserved: a connection's first buffer is always admitted, so that every connection progresses. Of max,
 * one buffer for each connection of the table is reserved for that (at most seven eighths of max). The rest is
 * `extra`, for second and later buffers. The last quarter of `extra` is for the first buffer of a send queue, so that
 * answers can be queued while requests are unread.
 *
 * A connection's share is half of the free part of the first three quarters of `extra` (la_hold_share()). With n
 * connections that take as much as they can, each has 1 / (n + 2) of the three quarters, and a later connection still
 * finds buffers. The offered window is cut to the share; its right edge never moves left. A window offered before
 * memory became short may be larger than the free memory or the share. Then, in this order:
 *
 *   1. data above holes is dropped, large holders first      drop_ooo_pruned, drop_ooo_memory
 *   2. new text is dropped before it is acknowledged         drop_text_memory
 *   3. la_send() accepts less                                send_short
 *   4. a connection is aborted                               aborted_memory
 *
 * Connections that take their share and never free it halve the free memory one after the other. Step 4 starts when
 * connections with fewer than FAIR buffers, or with an empty send queue, were refused a buffer for REFUSED_MS, with
 * pauses of at most REFUSED_GAP_MS. A search then visits SWEEP connections a tick. After the search the connections
 * that hold most and progress least are aborted, one after the other, until shares are GOAL again
 * (hold_is_enough()). The same search aborts orphans above max_orphans: those without progress for the longest time
 * first, but none with progress in the last ORPHAN_LEAST_MS.
 *
 * The budget is a calculation. The pool itself is checked once a tick, because a port, or the peer of a ring port, may
 * keep more buffers than planned. Below la_hold.low free buffers, a connection may take only its first buffer and the
 * first buffer of its send queue, and no payload is sent. */

#include "tcp/hold.h"

enum {
	SWEEP = 2048,		/* connections visited in a tick */
	FAIR = 8,		/* buffers that every connection should get */
	REFUSED_MS = 250,	/* a series of refusals of this length leads to aborts */
	GOAL = 4 * FAIR,	/* buffers: aborts stop when shares are this large */
	REFUSED_GAP_MS = 200,	/* a longer pause between two refusals ends the series */
	ORPHAN_LEAST_MS = 5000, /* an orphan with progress in this time is not aborted */
	PRUNE_MOST = 4,		/* holders that are pruned at most to make room for one segment or chunk */
	SWEEP_PAUSE_MS = 100,	/* pause after a search without a victim */
};

/* Records a refusal, which may lead to step 4, if c has fewer than FAIR buffers or `first` is true. first: the refused
 * buffer would be the first of c or the first of its send queue. */
static void
note_refusal(const struct la_tcb *c, bool first)
{
	struct la_tcp *t = c->tcp;
	struct la_hold *h = &t->hold;

	if (c->bufs >= FAIR && !first)
		return;
	h->refused_first = first || (h->refused && h->refused_first);
	if (!h->refused || t->tick - h->refused_at > REFUSED_GAP_MS)
		h->refused_since = t->tick;
	h->refused = true;
	h->refused_at = t->tick;
}

/* Returns whether n buffers fit the first three quarters of `extra`. The last quarter is for the first buffers of send
 * queues. */
static bool
extra_fits(const struct la_hold *h, unsigned n)
{
	return !h->is_low && h->held - h->holders + n <= h->common && h->held + n <= h->max;
}

static bool
text_fits(const struct la_tcb *c, unsigned n)
{
	const struct la_hold *h = &c->tcp->hold;

	if (c->bufs == 0)
		return la_hold_admits_first(c, n);
	return c->bufs + n <= la_hold_share(c->tcp) && extra_fits(h, n);
}

/* Step 1: drops data above holes of up to PRUNE_MOST connections until fits(c, n) is true. Returns the last result of
 * fits(). */
static bool
make_room(struct la_tcb *c, unsigned n, bool (*fits)(const struct la_tcb *c, unsigned n))
{
	for (unsigned i = 0; i < PRUNE_MOST && la_ooo_prune(c->tcp); i++)
		if (fits(c, n))
			return true;
	return false;
}

bool
la_hold_admits_more_text(struct la_tcb *c, unsigned n)
{
	if (text_fits(c, n) || make_room(c, n, text_fits))
		return true;
	if (c->ooo) { /* c's own data above a hole is dropped too: text in order takes precedence, and fills the hole */
		la_counters_drop(c->tcp->counters, LA_C_drop_ooo_pruned, c->ooo_count);
		la_ooo_drop(c);
		if (text_fits(c, n))
			return true;
	}
	note_refusal(c, c->bufs == 0);
	la_count(c->tcp, LA_C_drop_text_memory);
	return false;
}

bool
la_hold_admits_ooo(struct la_tcb *c)
{
	const struct la_hold *h = &c->tcp->hold;

	if (c->bufs < la_hold_share(c->tcp) && extra_fits(h, 1))
		return true;
	la_count(c->tcp, LA_C_drop_ooo_memory);
	return false;
}

/* The limit on the buffers of one connection of a profile, at any free memory: one for each 1024 bytes of its receive
 * and send buffers, and 8 more. */
static uint32_t
profile_share(const struct la_tcb *c)
{
	const struct la_conn_opts *o = la_tcb_opts(c);

	return (o->rcvbuf + o->sndbuf) / 1024 + 8;
}

static bool
send_fits(const struct la_tcb *c, unsigned n)
{
	const struct la_tcp *t = c->tcp;
	const struct la_hold *h = &t->hold;

	if (c->bufs == 0)
		return la_hold_admits_first(c, n);
	if (c->snd_head == NULL) /* this buffer may be for the answer to an unread request */
		return h->held - h->holders + n <= h->extra && h->held + n <= h->max;
	return c->bufs + n <= RTE_MIN(la_hold_share(t), profile_share(c)) && extra_fits(h, n);
}

bool
la_hold_admits_more_send(struct la_tcb *c)
{
	if (send_fits(c, 1) || make_room(c, 1, send_fits))
		return true;
	note_refusal(c, c->snd_head == NULL);
	la_count(c->tcp, LA_C_send_short);
	return false;
}

/* --- step 4 ---------------------------------------------------------------------------------------------- */

static enum la_hold_reason
abort_reason(const struct la_tcp *t)
{
	const struct la_hold *h = &t->hold;

	if (h->refused && t->tick - h->refused_since >= REFUSED_MS)
		return LA_HOLD_MEMORY;
	return h->orphans > h->max_orphans ? LA_HOLD_ORPHANS : LA_HOLD_NONE;
}

/* Returns the score of c as a victim; 0: c is not aborted. For LA_HOLD_MEMORY: its buffers; connections with a closed
 * window or time-outs come before all others. For LA_HOLD_ORPHANS: ms without progress. */
static uint64_t
hold_score(const struct la_tcb *c, enum la_hold_reason why)
{
	uint32_t idle;

	if (!la_tcb_in_use(c) || c->state == LA_SYN_SENT || c->state == LA_SYN_RCVD)
		return 0;
	if (why == LA_HOLD_MEMORY && c->bufs <= FAIR && !c->tcp->hold.refused_first)
		return 0;
	if (why == LA_HOLD_MEMORY)
		return (uint64_t)c->bufs << ((c->flags & LA_F_PERSIST) || c->backoff ? 32 : 0);
	if (!(c->flags & LA_F_USER_CLOSED) || c->state == LA_FIN_WAIT_2)
		return 0;
	idle = c->tcp->tick - (c->user_at - la_tcb_opts(c)->orphan_ms);
	return idle >= ORPHAN_LEAST_MS ? idle : 0;
}

/* Adds connection `slot` to the victims, in descending order of score. */
static void
note_victim(struct la_hold *h, uint32_t slot, uint64_t s)
{
	unsigned i = h->nvictims;

	if (i == LA_HOLD_VICTIMS && s <= h->victim[i - 1].score)
		return;
	if (i < LA_HOLD_VICTIMS)
		h->nvictims++;
	else
		i--;
	for (; i > 0 && h->victim[i - 1].score < s; i--)
		h->victim[i] = h->victim[i - 1];
	h->victim[i] = (struct la_hold_victim){.slot = slot, .score = s};
}

/* Returns whether first buffers and shares have room again. */
static bool
hold_is_enough(const struct la_tcp *t)
{
	const struct la_hold *h = &t->hold;

	return h->held < h->max - h->max / 32 && la_hold_share(t) >= RTE_MIN((uint32_t)GOAL, h->common / 8 + 1);
}

static void
abort_victims(struct la_tcp *t, enum la_hold_reason why)
{
	struct la_hold *h = &t->hold;

	if (h->nvictims == 0) /* all are small holders or orphans with progress: an immediate search would fail again */
		h->sweep_wait = SWEEP_PAUSE_MS;
	for (unsigned i = 0; i < h->nvictims && abort_reason(t) == why; i++) {
		struct la_tcb *c = &t->tcbs[h->victim[i].slot];

		if (!hold_score(c, why))
			continue;
		la_count(t, why == LA_HOLD_MEMORY ? LA_C_aborted_memory : LA_C_aborted_orphans);
		la_end_send_rst(c);
		la_end_conn(c, LA_END_ABORTED);
		if (why == LA_HOLD_MEMORY && hold_is_enough(t))
			h->refused = false; /* enough room: new refusals start a new series */
	}
	h->nvictims = 0;
	h->sweep = 0;
}

static void
hold_sweep(struct la_tcp *t, enum la_hold_reason why)
{
	struct la_hold *h = &t->hold;

	if (h->sweep_for != why) { /* scores for different reasons are not comparable */
		h->sweep_for = why;
		h->nvictims = h->sweep = 0;
	}
	h->sweep_at = t->tick;
	h->sweep_wait = 1;
	for (unsigned i = 0; i < SWEEP; i++) {
		uint64_t s;

		if (++h->sweep >= t->tcb_fresh) {
			abort_victims(t, why);
			return;
		}
		s = hold_score(&t->tcbs[h->sweep], why);
		if (s)
			note_victim(h, h->sweep, s);
	}
}

bool
la_hold_due(const struct la_tcp *t, uint32_t *at)
{
	const struct la_hold *h = &t->hold;
	enum la_hold_reason why = abort_reason(t);

	if (why == LA_HOLD_NONE && !h->refused)
		return false;
	if (why == LA_HOLD_NONE)
		*at = seq_min(h->refused_at + REFUSED_GAP_MS + 1, h->refused_since + REFUSED_MS);
	else if (why == h->sweep_for && t->tick - h->sweep_at < h->sweep_wait)
		*at = h->sweep_at + h->sweep_wait;
	else
		*at = t->tick;
	return true;
}

void
la_hold_poll(struct la_tcp *t)
{
	struct la_hold *h = &t->hold;
	uint32_t at;

	t->counters->v[LA_C_buffers_held] = h->held;
	t->counters->v[LA_C_orphans] = h->orphans;
	if (h->held > t->counters->v[LA_C_buffers_held_peak])
		t->counters->v[LA_C_buffers_held_peak] = h->held;
	if (h->refused && t->tick - h->refused_at > REFUSED_GAP_MS)
		h->refused = false;
	if (unlikely(la_hold_due(t, &at)) && at == t->tick && abort_reason(t) != LA_HOLD_NONE)
		hold_sweep(t, abort_reason(t));
}

void
la_hold_tick(struct la_tcp *t)
{
	t->hold.is_low = t->hold.low && rte_mempool_avail_count(t->mbufs) < t->hold.low;
	t->out_text = t->hold.is_low ? 0 : LA_TCP_OUT_MAX - LA_TCP_OUT_CONTROL;
}

unsigned
la_hold_check(const struct la_tcp *t, FILE *f)
{
	uint32_t held = 0, holders = 0, orphans = 0, listed = 0;
	unsigned faults = 0;

	for (uint32_t i = 1; i < t->tcb_fresh; i++) {
		const struct la_tcb *c = &t->tcbs[i];
		uint32_t n = c->ooo_count;

		for (const struct rte_mbuf *m = c->snd_head; m; m = m->next)
			n++;
		for (const struct rte_mbuf *m = c->rcv_head; m; m = m->next)
			n++;
		if (n != c->bufs) {
			fprintf(f, "connection %u: %u buffers, %u counted\n", i, n, c->bufs);
			faults++;
		}
		faults += la_ooo_check(c, f);
		held += n;
		holders += n > 0;
		listed += c->ooo != NULL;
		orphans += la_tcb_in_use(c) && (c->flags & LA_F_USER_CLOSED) != 0;
	}
	faults += la_ooo_check_lists(t, listed, f);
	if (held != t->hold.held || holders != t->hold.holders || orphans != t->hold.orphans || held > t->hold.max) {
		fprintf(f, "held %u of at most %u, %u counted; holders %u, %u counted; orphans %u, %u counted\n", held,
			t->hold.max, t->hold.held, holders, t->hold.holders, orphans, t->hold.orphans);
		faults++;
	}
	return faults;
}
