/* SPDX-License-Identifier: BSD-3-Clause */

/* The digest: theory of operation.
 *
 * The search prunes a state whose digest it has met before (explore.c). When two states have the same digest, the
 * same events must be able to follow each of them. The digest therefore contains every field that the shard, the
 * network or a user can read again. Differences without effect are removed:
 *
 *  - Times are relative: deadlines as "from now", stamps as "ago". The stack uses the clock only to compare
 *    times, so a state may be moved in time as a whole.
 *  - Sequence numbers are relative to the numbers that they are compared with, the anchors: SND.MAX and RCV.NXT of
 *    each TCB, SND.NXT and RCV.NXT of each entry, and the ISN clock, which gives the next incarnation's ISN. A
 *    distance is clipped to `far`, which is larger than any window: every test of TCP is either a comparison or
 *    "within a window of". The ISN clock moves away from all numbers in use, so a clipped distance never shrinks
 *    below `far` again. A search ends long before the numbers wrap: the ISN clock needs 2.4 hours for 2^31.
 *  - TSvals are relative to the timestamp clock of the host that sent them. They are not clipped, because they become
 *    RTT samples.
 *  - Left out, because they have no effect: memory layout (slots, free lists), stale references in wheels,
 *    neighbours (they always reply), counters, IP identification, timers without work.
 *  - Left out, although it can have an effect: the position of the clock in the windows of the ACK throttles.
 *    These are the 256 ms units of a TIME_WAIT entry (tw_input.c) and the first 500 ms of a connection
 *    (la_input_challenge_ack()). Of states that differ only in this position, one is searched.
 *  - Payload in flight is hashed by its bytes, so a byte of the old incarnation differs from one of the new.
 *  - Two records are included: the failed reopens of open.c, and the tuple's recorded clock of isn.c.
 *
 * A digest has 64 bits: among n states the chance of a collision is n^2 / 2^65. For ten million states this is 3 in
 * a million. */

#include <string.h>

#include <rte_mbuf.h>

#include "core/seq.h"
#include "digest.h"
#include "net/shard.h"
#include "sim/internal.h"
#include "tcp/board.h"
#include "tcp/hold.h"
#include "tcp/isn.h"

enum {
	ANCHORS = 6,
	THROTTLE = LA_TW_THROTTLE_MASK << LA_TW_THROTTLE_SHIFT,
	NO_FLAGS = LA_F_BUSY | LA_F_PENDING, /* left out: set only during a call */
};

struct space { /* the sequence numbers of one end */
	uint32_t anchor[ANCHORS];
	unsigned n;
};

struct ctx {
	const struct digest *d;
	struct la_tcp *tcp[2];
	struct digest_end end[2];
	struct space space[2];
	uint32_t shift[2]; /* weak.c: sequence number on the wire minus the shard's own; 0: not weakened */
	uint32_t tick;	   /* current tick of the world, in ms */
	uint64_t h;
};

static void
mix(struct ctx *c, uint64_t v)
{
	c->h = digest_mix(c->h, v);
}

static void
mix2(struct ctx *c, uint32_t a, uint32_t b)
{
	mix(c, (uint64_t)a << 32 | b);
}

/* ------------------------------------------------------------------ sequence numbers, TSvals */

static uint32_t
clip(const struct ctx *c, uint32_t dist)
{
	int32_t v = (int32_t)dist, far = (int32_t)c->d->far;

	return (uint32_t)(v > far ? far : v < -far ? -far : v);
}

/* Adds a sequence number of the bytes that `end` sends, as on the wire. */
static void
mix_seq(struct ctx *c, unsigned end, uint32_t n)
{
	const struct space *s = &c->space[end];

	for (unsigned i = 0; i < s->n; i += 2)
		mix2(c, clip(c, n - s->anchor[i]), i + 1 < s->n ? clip(c, n - s->anchor[i + 1]) : 0);
}

static void
mix_own(struct ctx *c, unsigned end, uint32_t n) /* adds a sequence number as the shard has it */
{
	mix_seq(c, end, n + c->shift[end]);
}

static void
mix_ts(struct ctx *c, unsigned end, uint32_t tsval)
{
	mix(c, c->tick + c->d->ts[end] - tsval);
}

static void
anchor(struct ctx *c, unsigned end, uint32_t n)
{
	c->space[end].anchor[c->space[end].n++] = n;
}

/* Returns the lead of the tuple's ISN clock (lib/tcp/isn.c) over 250 steps a millisecond. Connections that sent
 * faster cause a lead. */
static uint32_t
isn_lead(const struct la_sim_node *n, uint32_t tick, uint32_t offset, uint32_t ts_offset)
{
	const struct la_tcp *t = &n->shard->tcp;
	uint32_t lead = (uint32_t)la_isn_clock(t, offset, ts_offset) - tick * 250;

	return la_isn_floor(t) && (int32_t)lead > 0 ? lead : 0;
}

static void
find_anchors(struct ctx *c, unsigned end)
{
	const struct digest_end *e = &c->end[end];
	const struct la_sim_node *n = &c->d->w->node[c->d->host[end]];

	if (e->tcb) {
		anchor(c, end, e->tcb->snd_max + c->shift[end]);
		anchor(c, !end, e->tcb->rcv_nxt);
	}
	if (e->tw) {
		anchor(c, end, e->tw->snd_nxt + c->shift[end]);
		anchor(c, !end, e->tw->rcv_nxt);
	}
	anchor(c, end,
	       n->weak & LA_SIM_FIXED_ISN
		       ? n->fixed_isn
		       : c->tick * 250 + isn_lead(n, c->tick, c->d->isn[end], c->d->ts[end]) + c->d->isn[end]);
}

/* ------------------------------------------------------------------ the two ends */

struct digest_end
digest_look(const struct digest *d, unsigned end)
{
	struct la_tcp *t = &d->w->node[d->host[end]].shard->tcp;
	la_ref ref = la_tcb_lookup_tuple(t, &d->t[end], la_hash_tuple(&t->key, &d->t[end]));
	struct digest_end e = {NULL, NULL};

	if (!ref)
		return e;
	if (la_ref_pool(ref) != LA_POOL_TCB) {
		e.tw = la_tw_core(&t->tw, ref);
		return e;
	}
	e.tcb = &t->tcbs[la_ref_slot(ref)];
	if (e.tcb->shadow)
		e.tw = la_tw_core(&t->tw, e.tcb->shadow);
	return e;
}

static void
mix_deadlines(struct ctx *c, const struct la_tcb *t)
{
	uint32_t tick = c->tick, idle = tick - t->last_snd_at, silent = tick - t->long_at;
	uint16_t window = (uint16_t)((uint16_t)tick - t->challenge_at);

	if (t->flags & LA_F_REXMT_ON)
		mix2(c, t->rexmt_at - tick, tick - t->first_unacked_at);
	if (t->flags & LA_F_FW2_TIMER)
		mix(c, t->long_at - tick);
	if (t->flags & LA_F_USER_TIMER)
		mix(c, t->user_at - tick);
	if (t->flags & LA_F_RTT_TIMING) {
		mix_own(c, c->end[1].tcb == t, t->rtt_seq);
		mix(c, tick - t->rtt_at);
	}
	mix(c, idle > t->rto ? t->rto + 1u : idle);
	mix(c, t->pmtu_at ? (uint16_t)((tick >> 10) - t->pmtu_at) + 1u : 0);
	if (t->quick_acks < LA_QUICK_ACKS && !(t->flags & LA_F_FW2_TIMER)) /* a pause of one RTO resets quick_acks */
		mix(c, silent > t->rto ? t->rto + 1u : silent);
	if (t->challenges && window < LA_CHALLENGE_WINDOW_MS)
		mix2(c, window, t->challenges);
}

static void
mix_buffers(struct ctx *c, const struct la_tcb *t, unsigned end)
{
	mix2(c, t->snd_queued, t->rcv_queued);
	for (const struct rte_mbuf *m = t->ooo; m; m = (const struct rte_mbuf *)(uintptr_t)m->tx_offload) {
		const struct la_ooo_block *b = la_ooo_block(m);

		if (b->fin)
			mix_seq(c, !end, m->hash.usr + b->fin - 1);
		for (unsigned i = 0; i < b->nspans; i++) {
			mix_seq(c, !end, m->hash.usr + b->span[i].from);
			mix_seq(c, !end, m->hash.usr + b->span[i].to);
			mix2(c, la_ooo_bytes(m)[b->span[i].from], la_ooo_bytes(m)[b->span[i].to - 1]);
		}
	}
}

static void
mix_recovery(struct ctx *c, const struct la_tcb *t, unsigned end)
{
	const struct la_board *b = la_board_of(t);

	mix_own(c, end, b ? b->recover : t->recover);
	if (!b)
		return;
	mix2(c, b->phase, b->rescued);
	mix_own(c, end, b->high_rxt);
	mix_own(c, end, b->lost);
	if (b->phase == LA_BOARD_FAST) {
		mix2(c, b->prr_delivered, b->prr_out);
		mix(c, b->recover_fs);
	}
	for (unsigned i = 0; i < b->n; i++) {
		mix_own(c, end, b->range[i].from);
		mix_own(c, end, b->range[i].to);
	}
}

static void
mix_tcb(struct ctx *c, const struct la_tcb *t, unsigned end)
{
	mix2(c, t->flags & ~(uint32_t)NO_FLAGS,
	     (uint32_t)t->state << 24 | (uint32_t)t->backoff << 16 | (uint32_t)t->dupacks << 8 | t->ooo_count);
	mix_own(c, end, t->snd_una);
	mix_own(c, end, t->snd_nxt);
	mix_own(c, end, t->snd_wl2);
	mix_recovery(c, t, end);
	mix_seq(c, !end, t->rcv_adv);
	mix_seq(c, !end, t->snd_wl1);
	mix_seq(c, !end, t->last_ack_sent);
	mix2(c, t->snd_wnd, t->max_snd_wnd);
	mix2(c, t->cwnd, t->ssthresh);
	mix2(c, t->srtt, t->rttvar);
	mix2(c, t->rto, (uint32_t)t->mss << 16 | t->profile);
	mix2(c, t->ca_acked, (uint32_t)t->mss_peer << 16 | t->quick_acks);
	if (t->flags & LA_F_TS)
		mix_ts(c, !end, t->ts_recent);
	mix_deadlines(c, t);
	mix_buffers(c, t, end);
}

static void
mix_tw(struct ctx *c, const struct la_tw_core *e, unsigned end)
{
	uint32_t tick = c->tick;

	unsigned then = e->flags >> LA_TW_THROTTLE_SHIFT & LA_TW_THROTTLE_MASK;
	unsigned now = (tick >> 8) % LA_TW_THROTTLE_MASK + 1;
	unsigned units = then ? (now + LA_TW_THROTTLE_MASK - then) % LA_TW_THROTTLE_MASK : 2;

	mix2(c, e->deadline - tick, (uint32_t)e->wnd << 16 | (e->flags & (uint16_t)~THROTTLE));
	if (e->flags & LA_TW_TS)
		mix_ts(c, !end, e->ts_recent);
	mix(c, units < 2 ? units : 2); /* tw_input.c: after 2 units the entry sends ACKs again */
}

/* Adds the ticks at which the wheel fires for each TCB slot. A retransmission may wait for such a tick
 * (la_tcb_schedule()), and the reference stays in the wheel when the slot is reused. */
static void
mix_wheel(struct ctx *c, const struct la_tcp *t)
{
	for (uint32_t i = 1; i < t->tcb_fresh; i++) {
		const struct la_tcb *s = &t->tcbs[i];

		mix2(c, s->flags & LA_F_NEAR ? s->wheel_near - c->tick : 0,
		     s->flags & LA_F_FAR ? s->wheel_far - c->tick : 0);
	}
}

/* Adds the failed reopens, which an ACK may still open (open.c), and the tuple's recorded clock (isn.c). */
static void
mix_records(struct ctx *c, unsigned end)
{
	const struct la_tcp *t = c->tcp[end];
	const struct la_isn_end *e = la_isn_noted(t, c->d->ts[end], c->d->isn[end]);

	for (unsigned i = 0; i < LA_GIVEN_UP; i++) {
		const struct la_given_up *g = &t->given_up[i];

		if (!g->ref)
			continue;
		mix2(c, c->tick - g->at, (uint32_t)g->mss << 16 | (uint32_t)g->wscale << 8 | g->opts);
		mix_own(c, end, g->iss);
		mix_seq(c, !end, g->irs);
	}
	if (e)
		mix_own(c, end, (e->clock << 8) + c->d->isn[end]);
}

static void
mix_end(struct ctx *c, unsigned end)
{
	const struct digest_end *e = &c->end[end];
	uint32_t tick = c->tick, delack;

	mix2(c, e->tcb != NULL, e->tw != NULL);
	if (e->tcb)
		mix_tcb(c, e->tcb, end);
	if (e->tw)
		mix_tw(c, e->tw, end);
	mix_wheel(c, c->tcp[end]);
	mix_records(c, end);
	if (la_wheel_next(&c->tcp[end]->delack, &delack))
		mix(c, delack - tick);
}

/* ------------------------------------------------------------------ the network, the users */

static void
mix_flight(struct ctx *c, const struct la_sim_flight *f, uint64_t us)
{
	const uint8_t *p = rte_pktmbuf_mtod(f->m, const uint8_t *);
	unsigned end = f->from == c->d->host[1];
	struct la_fault_seg s;

	if (!f->packet || !la_fault_seg_read(p, f->m->pkt_len, &s))
		return; /* ARP or neighbour discovery */
	mix(c, us);
	mix(c, (uint64_t)s.flags << 56 | (uint64_t)s.opts << 48 | (uint64_t)s.len << 32 | (uint64_t)s.wnd << 8 | end);
	mix_seq(c, end, s.seq);
	if (s.flags & LA_ACK)
		mix_seq(c, !end, s.ack);
	if ((s.opts & LA_OPT_TS) && !(s.flags & LA_RST)) { /* timestamps of a RST have no effect */
		mix_ts(c, end, s.tsval);
		if (s.flags & LA_ACK)
			mix_ts(c, !end, s.tsecr);
	}
	for (uint16_t i = 0; i < s.len; i += 8) {
		uint64_t v = 0;

		memcpy(&v, p + s.text + i, s.len - i < 8 ? (size_t)(s.len - i) : 8);
		mix(c, v);
	}
}

static void
mix_network(struct ctx *c)
{
	const struct la_sim *w = c->d->w;
	uint64_t done_us = 0, done_order = 0;

	for (unsigned k = 0; k < w->nheap; k++) { /* in the order of arrival; the heap has few segments */
		const struct la_sim_flight *best = NULL;

		for (unsigned i = 0; i < w->nheap; i++) {
			const struct la_sim_flight *f = &w->heap[i];

			if (k && (f->us < done_us || (f->us == done_us && f->order <= done_order)))
				continue;
			if (!best || f->us < best->us || (f->us == best->us && f->order < best->order))
				best = f;
		}
		done_us = best->us;
		done_order = best->order;
		mix_flight(c, best, best->us - w->us);
	}
	mix(c, w->nshelf);
	for (unsigned i = 0; i < w->nshelf; i++)
		mix_flight(c, &w->shelf[i], w->us - w->shelf[i].us);
}

static void
mix_users(struct ctx *c)
{
	const struct la_sim_conn *u;

	for (unsigned i = 0; (u = la_sim_conn_next(c->d->w, &i));) {
		mix2(c, u->sent, u->got);
		mix(c, (uint64_t)(uintptr_t)u->plan ^ (uint64_t)(u->host | u->active << 8 | u->opened << 9 |
								 u->paired << 10 | u->peer_fin << 11 | u->closed << 12 |
								 u->ended << 13 | (unsigned)u->why.end << 16)
							      << 32);
		mix2(c, (uint32_t)u->why.unacked, u->wrong);
	}
}

/* ------------------------------------------------------------------ the whole state */

void
digest_init(struct digest *d, struct la_sim *w, unsigned a, unsigned b, const struct la_tuple *t, uint32_t far)
{
	*d = (struct digest){.w = w, .host = {a, b}, .far = far};
	d->t[0] = *t;
	d->t[1] = la_sim_mirrored(t);
	for (unsigned i = 0; i < 2; i++) {
		const struct la_hash_key *key = &w->node[d->host[i]].shard->tcp.key;

		uint64_t h = la_siphash_tuple(key->isn, &d->t[i]); /* as in lib/tcp/isn.c */

		d->isn[i] = (uint32_t)h;
		d->ts[i] = (uint32_t)(h >> 32);
	}
}

static uint32_t
shift_of(const struct digest *d, unsigned end)
{
	const struct la_sim_node *n = &d->w->node[d->host[end]];

	for (unsigned i = 0; n->weak && i < LA_SIM_ISNS; i++)
		if (n->isn[i].used && la_sim_same(&n->isn[i].t, &d->t[end]))
			return n->isn[i].shift;
	return 0;
}

uint64_t
digest(const struct digest *d, uint64_t h)
{
	struct ctx c = {.d = d, .h = h, .tick = (uint32_t)la_sim_ms(d->w)};

	for (unsigned i = 0; i < 2; i++) {
		c.tcp[i] = &d->w->node[d->host[i]].shard->tcp;
		c.end[i] = digest_look(d, i);
		c.shift[i] = shift_of(d, i);
	}
	for (unsigned i = 0; i < 2; i++)
		find_anchors(&c, i);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; k + 1 < c.space[i].n; k++)
			for (unsigned l = k + 1; l < c.space[i].n; l++)
				mix(&c, clip(&c, c.space[i].anchor[l] - c.space[i].anchor[k]));
	for (unsigned i = 0; i < 2; i++)
		mix_end(&c, i);
	mix_network(&c);
	mix_users(&c);
	return digest_mix(c.h, 0);
}
