/* SPDX-License-Identifier: BSD-3-Clause */

/* The invariants of every world inside the law, that is, without --beyond-law.
 *
 * The law is the set of RFC 9293's conditions for the network and for hosts: no segment arrives more than one MSL
 * after it was sent (3.4.2), and a host that lost its memory sends nothing for one MSL (3.4.3). One more condition
 * is for users: a connection that ended without TIME_WAIT must not have sent more bytes than the ISN clock has
 * advanced since the open, 250 a millisecond (RFC 9293 3.4.1, RFC 7323 appendix B). A user that aborts and opens
 * again at once may break this condition. The checks detect such a SYN on the wire: its SEG.SEQ is below a sequence
 * number that the same end sent less than one MSL ago. They call that incarnation "behind", count it, and exempt
 * its bytes. They do not exempt it if the host had the old connection in TIME_WAIT: 3.6.1 MAY-2 (1). No tuple is
 * opened in the millisecond of its last segment, because the ISN clock is read once a millisecond.
 *
 *	what must hold						by
 *	every byte is correct and of its own incarnation	9293 3.4.2, 3.6.1; 6528; 7323 5
 *	the bytes read are a prefix of the partner's bytes	9293 3.10.3
 *	orderly: all bytes read, all sent bytes acknowledged	9293 3.10.4, 3.6
 *	orderly at one end means not reset at the other, unless	9293 3.6: TIME_WAIT answers the FIN
 *	  - the entry's 2*MSL was over before the RST		9293 3.10.8
 *	  - the entry's host crashed (3.5.1 half-open) or
 *	  - the entry's user opened the tuple again		9293 3.5.1: the RST is for the half-open end
 *	  (abort, R2 or the FIN_WAIT_2 limit may end either side: 3.8.3, 3.10.5)
 *	reset at both ends: data arrived at an end that had	9293 3.6.1 SHLD-3
 *	  closed
 *	no RST from a connection that continues or TIME_WAIT	9293 3.5.2 group 3; 1337
 *	each passive connection has an active one		9293 3.5: old duplicate SYNs open nothing
 *	a reopened tuple's ISN is above the old end		9293 3.6.1 MAY-2 (1); 6191
 *	empty ACKs in a second: at most 60, and 3 more for	9293 3.10.7.4; 5961 7: two ends do not answer each
 *	  each received segment with sequence space		other for ever
 *	a segment with a wrong bit is dropped for its checksum	9293 3.1
 *	tables pass their checkers, early_recycles is 0		promise 2
 *	at the end nothing is left: TCB, entry, reservation, mbuf	promise 6
 *
 * The promises are those of docs/architecture.md. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/tables.h"
#include "core/seq.h"
#include "net/shard.h"
#include "random.h"
#include "sim/internal.h"
#include "tcp/internal.h"

enum { ACKS_A_SECOND = 60, ACKS_ASKED = 3 };

void
rw_fail(struct rw *rw, const struct la_tuple *t, const char *fmt, ...)
{
	struct rw_result *r = rw->r;
	va_list ap;

	if (r->what[0])
		return; /* only the first violation is kept */
	va_start(ap, fmt);
	vsnprintf(r->what, sizeof(r->what), fmt, ap);
	va_end(ap);
	if (t)
		r->tuple = *t;
	r->us = la_sim_now(rw->w);
}

int
rw_way_of(unsigned from, unsigned to, const struct la_tuple *t)
{
	unsigned l = t->lport - RW_PORT, r = t->rport - RW_PORT, six = !la_addr_is4(&t->laddr);

	if (l >= RW_PORTS || r >= RW_PORTS || from >= RW_HOSTS || to >= RW_HOSTS)
		return -1;
	return (int)((((from * RW_HOSTS + to) * 2 + six) * RW_PORTS + l) * RW_PORTS + r);
}

/* ------------------------------------------------------------------ on the wire */

static enum la_state
state_of(struct rw *rw, unsigned host, const struct la_tuple *t)
{
	struct la_conn_info info;

	return la_shard_find(la_sim_shard(rw->w, host), t, &info) == 0 ? info.state : LA_CLOSED;
}

/* A new incarnation of the sending end begins. Without an mbuf for the SYN, an ACK with SEG.SEQ = ISN + 1 may be sent
 * first; the comparisons with s->seq + 1 allow this. */
static void
syn_sent(struct rw *rw, struct rw_way *y, const struct la_sim_event *e)
{
	const struct la_fault_seg *s = &e->seg;
	uint64_t msl = rw->params.msl_us;
	bool below, old = e->us <= y->old_until;

	if (y->any && s->seq == y->iss)
		return;
	below = y->any && seq_lt(s->seq + 1, y->end);
	/* time_wait_end, because the SYN cookie of an old duplicate SYN may have moved y->end */
	if (y->time_wait_us && e->us < y->time_wait_us + 2 * msl && seq_lt(s->seq + 1, y->time_wait_end))
		rw_fail(rw, &s->t, "a new ISN %u below the end %u of a connection in TIME_WAIT", s->seq,
			y->time_wait_end);
	y->behind = (below && e->us <= y->sent_us + msl) || (old && seq_lt(s->seq + 1, y->old_end));
	rw->r->behind += y->behind;
	if (!old || seq_gt(y->end, y->old_end))
		y->old_end = y->end;
	if (y->any)
		y->old_until = y->sent_us + msl;
	y->iss = s->seq;
	y->end = s->seq + 1;
	y->time_wait_us = 0;
}

static void
rst_sent(struct rw *rw, const struct la_sim_event *e)
{
	enum la_state s = state_of(rw, e->host, &e->seg.t);

	switch (s) {
	case LA_CLOSED: /* for an unknown peer, or of a connection that has just ended */
	case LA_LISTEN:
	case LA_SYN_SENT: /* for a peer with a half-open connection */
	case LA_SYN_RCVD:
		return;
	case LA_TIME_WAIT:
		if (rw->stopping) /* RST of an aborted reopen: TIME_WAIT again */
			return;
		/* without a free entry a newer SYN is refused with a RST (tw_full_reset); <SEQ=0> has no effect
		 * on the old connection */
		if (rw->params.cfg.host[e->host].shard.tw_full_reset && e->seg.seq == 0 && (e->seg.flags & LA_ACK))
			return;
		/* fall through */
	default:
		rw_fail(rw, &e->seg.t, "a RST from %s", la_state_name(s));
	}
}

static void
segment_sent(struct rw *rw, const struct la_sim_event *e)
{
	const struct la_fault_seg *s = &e->seg;
	int i = rw_way_of(e->host, e->peer, &s->t);
	uint32_t end = s->seq + la_fault_seg_space(s);
	struct rw_way *y;

	rw->r->segments++;
	if (i < 0) {
		rw_fail(rw, &s->t, "a segment was sent on a tuple that is not one of this world");
		return;
	}
	y = &rw->way[i];
	if (s->flags & LA_RST) {
		rst_sent(rw, e);
		return;
	}
	if (s->flags & LA_SYN)
		syn_sent(rw, y, e);
	if (!y->any || seq_gt(end, y->end))
		y->end = end;
	y->any = true;
	y->sent_us = e->us;
	if (la_fault_seg_space(s) > 0)
		return;
	if (e->us >= y->second + 1000000) {
		y->second = e->us;
		y->acks = y->asked = 0;
	}
	if (++y->acks > ACKS_A_SECOND + ACKS_ASKED * y->asked)
		rw_fail(rw, &s->t, "%u empty ACKs in a second for %u received segments", y->acks, y->asked);
}

static void
segment_arrived(struct rw *rw, const struct la_sim_event *e)
{
	struct la_tuple t = la_sim_mirrored(&e->seg.t);
	int i = rw_way_of(e->host, e->peer, &t);

	if (i < 0)
		return;
	if (la_fault_seg_space(&e->seg) > 0)
		rw->way[i].asked++;
	/* late: SEG.SEQ below the sender's newest ISN */
	if (!(e->seg.flags & (LA_SYN | LA_RST))) {
		int back = rw_way_of(e->peer, e->host, &e->seg.t);

		rw->r->late += back >= 0 && rw->way[back].any && seq_lt(e->seg.seq, rw->way[back].iss);
	}
}

void
rw_event(void *ctx, const struct la_sim_event *e)
{
	struct rw *rw = ctx;

	if (rw->ladder)
		la_ladder_hooks(rw->ladder).event(rw->ladder, e);
	switch (e->what) {
	case LA_SIM_SENT:
		segment_sent(rw, e);
		break;
	case LA_SIM_ARRIVED:
		segment_arrived(rw, e);
		break;
	case LA_SIM_LOST:
		rw->r->lost++;
		break;
	case LA_SIM_HELD:
		rw->r->held++;
		break;
	case LA_SIM_COPIED:
		rw->r->copied++;
		break;
	case LA_SIM_CORRUPTED:
		rw->r->corrupted++;
		break;
	case LA_SIM_STATE:
	case LA_SIM_RESTART:
	case LA_SIM_NOTE:
		break;
	}
}

/* ------------------------------------------------------------------ connections */

void
rw_passive_opened(struct rw *rw, const struct la_sim_conn *c)
{
	if (!c->partner)
		rw_fail(rw, &c->t, "a connection was accepted without an open");
}

void
rw_closed(void *ctx, struct la_sim_conn *c)
{
	struct rw *rw = ctx;
	unsigned other = c->t.raddr.b[15] - 1u;
	int i = rw_way_of(c->host, other, &c->t);
	struct la_conn_info info;

	if (rw->ladder)
		la_ladder_hooks(rw->ladder).closed(rw->ladder, c);
	rw->r->ended[c->why.end]++;
	if (i >= 0 && c->why.end == LA_END_ORDERLY && la_shard_find(la_sim_shard(rw->w, c->host), &c->t, &info) == 0 &&
	    info.state == LA_TIME_WAIT) {
		rw->way[i].time_wait_us = la_sim_now(rw->w);
		rw->way[i].time_wait_end = info.snd_nxt;
	}
}

static bool
had_closed(struct rw *rw, const struct la_sim_conn *c)
{
	return rw_conn(rw, c)->by_hand || (c->ended && c->plan->ending == LA_SIM_CLOSE);
}

static bool
excused(struct rw *rw, enum rw_excuse why, bool is_so)
{
	rw->r->excuse[why] += is_so;
	return is_so;
}

/* x is orderly, y was reset: returns whether one of the lawful reasons is true. A user that does not read gets
 * `closed` late: the age of its entry is then unknown. */
static bool
may_be_reset(struct rw *rw, const struct la_sim_conn *x, const struct la_sim_conn *y)
{
	int i = rw_way_of(x->host, y->host, &x->t);
	uint64_t reused = i >= 0 ? rw->way[i].reused_us : 0;

	return excused(rw, RW_ENTRY_OVER, x->plan->deaf || y->closed_us >= x->closed_us + 2 * rw->params.msl_us) ||
	       excused(rw, RW_HOST_CRASHED, rw->crash_us[x->host] >= x->closed_us) ||
	       excused(rw, RW_REUSED, reused && reused >= x->closed_us);
}

static void
judge_bytes(struct rw *rw, const struct la_sim_conn *x, const struct la_sim_conn *y)
{
	if (x->got > y->sent)
		rw_fail(rw, &x->t, "%u bytes read of %u sent", x->got, y->sent);
	if (x->crashed || x->why.end != LA_END_ORDERLY)
		return;
	if (x->why.unacked)
		rw_fail(rw, &x->t, "orderly, and %u bytes unacknowledged", (unsigned)x->why.unacked);
	if (!x->plan->deaf && x->got != y->sent)
		rw_fail(rw, &x->t, "orderly, and %u bytes read of %u sent", x->got, y->sent);
	if (!y->plan->deaf && y->got != x->sent)
		rw_fail(rw, &x->t, "orderly, and the other end has read %u of %u bytes", y->got, x->sent);
}

static void
judge_end(struct rw *rw, const struct la_sim_conn *x, const struct la_sim_conn *y)
{
	if (x->crashed || y->crashed)
		return;
	if (x->why.end == LA_END_ORDERLY && y->why.end != LA_END_ORDERLY) {
		rw->r->one_sided[y->why.end]++;
		if (y->why.end == LA_END_RESET && !may_be_reset(rw, x, y))
			rw_fail(rw, &x->t, "orderly at one end, reset at the other after %.3f ms",
				((double)y->closed_us - (double)x->closed_us) / 1000);
	}
	if (x->why.end == LA_END_RESET && y->why.end == LA_END_RESET && !had_closed(rw, x) && !had_closed(rw, y))
		rw_fail(rw, &x->t, "reset at both ends, and no end had closed");
}

static void
judge_pair(struct rw *rw, const struct la_sim_conn *x, const struct la_sim_conn *y)
{
	struct rw_conn *xi = rw_conn(rw, x), *yi = rw_conn(rw, y);

	xi->judged = yi->judged = true;
	if (xi->behind || yi->behind)
		return;
	judge_bytes(rw, x, y);
	judge_bytes(rw, y, x);
	judge_end(rw, x, y);
	judge_end(rw, y, x);
}

void
rw_judge(struct rw *rw)
{
	uint64_t now = la_sim_now(rw->w), keep = 3 * rw->params.msl_us + 1000000;
	struct la_sim_conn *c;

	for (unsigned i = 0; (c = la_sim_conn_next(rw->w, &i));) {
		bool old = c->closed && c->closed_us + keep < now;

		if (c->wrong && !rw_conn(rw, c)->behind) {
			rw->r->wrong_byte = true;
			rw_fail(rw, &c->t, "%u wrong bytes of %u read, the first at offset %u", c->wrong, c->got,
				c->wrong_at);
		}
		if (c->closed && c->partner && c->partner->closed && !rw_conn(rw, c)->judged)
			judge_pair(rw, c, c->partner);
		if (old && (!c->partner || rw_conn(rw, c)->judged))
			la_sim_conn_free(c);
	}
}

/* ------------------------------------------------------------------ tables */

void
rw_check_tables(struct rw *rw)
{
	for (unsigned h = 0; h < rw->params.hosts; h++) {
		struct la_tcp *t = &la_sim_shard(rw->w, h)->tcp;
		char *text = NULL;
		size_t size = 0;
		FILE *f = open_memstream(&text, &size);
		unsigned faults;

		if (!f)
			return;
		faults = tcp_check(t, true, f);
		fclose(f);
		if (faults)
			rw_fail(rw, NULL, "host %c: %s", 'A' + h, text);
		free(text);
		if (t->counters->v[LA_C_early_recycles])
			rw_fail(rw, NULL, "host %c: early_recycles", 'A' + h);
	}
}

void
rw_keep_counters(struct rw *rw, unsigned host)
{
	const uint64_t *v = la_shard_counters(la_sim_shard(rw->w, host))->v;

	rw->checksums += v[LA_C_drop_tcp_cksum] + v[LA_C_drop_tcp_short];
	for (unsigned i = 0; i < LA_NCOUNTERS; i++)
		rw->r->in[i] += v[i];
}

void
rw_check_silence(struct rw *rw)
{
	unsigned left = RW_MBUFS - la_arena_mbufs_free(la_sim_mbufs(rw->w));

	for (unsigned h = 0; h < rw->params.hosts; h++) {
		const struct la_tcp *t = &la_sim_shard(rw->w, h)->tcp;

		if (t->tcb_live || t->index.keys || t->tw.pool[0].live || t->tw.pool[1].live ||
		    t->tw.pool[0].reserved || t->tw.pool[1].reserved)
			rw_fail(rw, NULL,
				"host %c keeps %u TCBs, %u keys, %u IPv4 and %u IPv6 entries, %u and %u "
				"reserved",
				'A' + h, t->tcb_live, (unsigned)t->index.keys, t->tw.pool[0].live, t->tw.pool[1].live,
				t->tw.pool[0].reserved, t->tw.pool[1].reserved);
		rw_keep_counters(rw, h);
	}
	if (left)
		rw_fail(rw, NULL, "%u mbufs were not freed", left);
	if (!rte_mempool_full(rw_control_pool()))
		rw_fail(rw, NULL, "buffers of the control pool were not freed");
	if (rw->checksums != rw->r->corrupted)
		rw_fail(rw, NULL, "%llu segments were corrupted, %llu dropped for their checksum",
			(unsigned long long)rw->r->corrupted, (unsigned long long)rw->checksums);
}
