/* SPDX-License-Identifier: BSD-3-Clause */

/* The invariants that hold on every path, each with its source. With --beyond-law, rules 2 to 4 are not checked.
 *
 *  1. No stale byte is delivered, and the delivered bytes are a prefix of the sent bytes (RFC 9293 3.4.2 and 3.6.1,
 *     the reason for TIME_WAIT; RFC 7323 5). sim/user.c compares every byte with the byte of the partner in the
 *     same incarnation.
 *  2. An orderly close is orderly at both ends, without loss (RFC 9293 3.6 and 3.10.4: CLOSE means that
 *     everything is delivered). The network is fair: it loses only the bounded number of segments, and R2 is
 *     not reached. An incarnation that a user aborted is exempt; the next incarnation is not. After
 *     la_close(), a user may get LA_END_FIN_WAIT_2 (conn.h) after 5 s; the close itself continues.
 *  3. RST (RFC 9293 3.5.2): none is sent without a network fault. A synchronized connection, TIME_WAIT included,
 *     sends no RST (group 3). A duplicate segment may draw a RST from an end without connection (group 1) or in the
 *     handshake (group 2, figure 9). By rule 2, this RST ends no connection. After an abort, RSTs are not checked.
 *  4. TIME_WAIT (RFC 9293 3.6, 3.3.2 figure 5): an end enters it if and only if its user closed before the peer's
 *     FIN arrived. TIME_WAIT lasts 2*MSL from its start or from the last acceptable FIN (3.10.7.4 eighth step),
 *     plus at most one tick of the shard's clock. A new incarnation that is established over the entry ends
 *     TIME_WAIT earlier (MAY-2).
 *  5. The pair becomes quiet: no state repeats, no path is endless (explore.c), and few segments are
 *     sent at once.
 *  6. At the end nothing is left: no connection, entry, reservation, index place or mbuf. */

#include <stdarg.h>
#include <string.h>

#include "explore.h"
#include "net/shard.h"
#include "sim/internal.h"
#include "tcp/internal.h"

void
ex_violation(struct ex *x, const char *source, const char *fmt, ...)
{
	size_t n;
	va_list ap;

	if (x->why[0])
		return;
	va_start(ap, fmt);
	vsnprintf(x->why, sizeof(x->why), fmt, ap);
	va_end(ap);
	n = strlen(x->why);
	snprintf(x->why + n, sizeof(x->why) - n, " (%s)", source);
}

enum { TICK_US = 1000 };

static char
name(unsigned host)
{
	return (char)('A' + host);
}

/* ------------------------------------------------------------------ 3: RST */

static void
rst_sent(struct ex *x, unsigned host)
{
	enum la_state s = x->at_arrival[host];

	if (x->past.aborted || x->setup.beyond_law)
		return;
	if (s == LA_TIME_WAIT && x->w->watch[host].state == LA_CLOSED)
		s = LA_CLOSED; /* TIME_WAIT expired in this tick, before the segment was processed */
	if (!x->past.faulty)
		ex_violation(x, "RFC 9293 3.5.2", "%c sends RST without a network fault", name(host));
	else if (s >= LA_ESTABLISHED)
		ex_violation(x, "RFC 9293 3.5.2 group 3", "%c sends RST in %s", name(host), la_state_name(s));
}

/* ------------------------------------------------------------------ 4: TIME_WAIT */

static bool
closed_before_fin(const struct ex *x, unsigned host, bool second)
{
	return second ? x->past.second_first[host] : x->past.first[host];
}

/* Returns whether the segment is an acceptable repetition of the peer's FIN, which restarts 2*MSL (RFC 9293
 * 3.10.7.4, RFC 7323 5.3). */
static bool
restarts_time_wait(const struct la_tw_core *e, const struct la_fault_seg *s)
{
	if ((s->flags & (LA_FIN | LA_ACK | LA_SYN | LA_RST)) != (LA_FIN | LA_ACK))
		return false;
	if (s->seq + s->len + 1 != e->rcv_nxt || seq_gt(s->ack, e->snd_nxt))
		return false;
	return !(e->flags & LA_TW_TS) || ((s->opts & LA_OPT_TS) && seq_ge(s->tsval, e->ts_recent));
}

static void
arrived(struct ex *x, const struct la_sim_event *e)
{
	struct digest_end end;

	for (unsigned i = 0; i < 2; i++)
		x->at_arrival[i] = x->w->watch[i].state;
	if (x->at_arrival[e->host] != LA_TIME_WAIT || x->setup.beyond_law)
		return;
	end = digest_look(&x->digest, e->host);
	if (end.tw && restarts_time_wait(end.tw, &e->seg))
		x->past.until_us[e->host] = e->us + 2 * EX_MSL_MS * UINT64_C(1000);
}

static void
left_time_wait(struct ex *x, const struct la_sim_event *e)
{
	uint64_t *until = &x->past.until_us[e->host];

	if (e->to == LA_SYN_RCVD || e->to == LA_SYN_SENT)
		return; /* when this open fails, the entry is given back */
	if (e->to == LA_CLOSED && (e->us < *until || e->us > *until + TICK_US))
		ex_violation(x, "RFC 9293 3.6", "TIME_WAIT of %c ended %+.3f s from its deadline", name(e->host),
			     ((double)e->us - (double)*until) / 1e6);
	*until = 0;
}

static void
state_changed(struct ex *x, const struct la_sim_event *e)
{
	uint64_t *until = &x->past.until_us[e->host];

	if (x->setup.beyond_law)
		return;
	if (e->from == LA_TIME_WAIT) {
		left_time_wait(x, e);
	} else if (e->to == LA_TIME_WAIT) {
		if (e->from >= LA_ESTABLISHED)
			*until = e->us + 2 * EX_MSL_MS * UINT64_C(1000);
		else if (*until <= e->us)
			ex_violation(x, "RFC 1122 4.2.2.13", "%c is in TIME_WAIT again after 2*MSL", name(e->host));
	} else if (*until && e->to == LA_CLOSED) { /* a reopen failed, and no entry is given back */
		if (*until > e->us)
			ex_violation(x, "RFC 1122 4.2.2.13", "%c lost its TIME_WAIT before 2*MSL: an open failed",
				     name(e->host));
		*until = 0;
	} else if (*until && e->to >= LA_ESTABLISHED) {
		*until = 0;
	}
}

void
ex_check_event(struct ex *x, const struct la_sim_event *e)
{
	switch (e->what) {
	case LA_SIM_ARRIVED:
		arrived(x, e);
		break;
	case LA_SIM_SENT:
		if (e->seg.flags & LA_RST)
			rst_sent(x, e->host);
		break;
	case LA_SIM_STATE:
		state_changed(x, e);
		break;
	default:
		break;
	}
}

/* ------------------------------------------------------------------ 1, 2: users */

static bool
is_second(const struct ex *x, const struct la_sim_conn *c)
{
	return c->plan == &x->plan[1][c->host];
}

void
ex_check_closed(struct ex *x, struct la_sim_conn *c)
{
	bool second = is_second(x, c);
	enum la_state s;
	struct la_conn_info info;

	if (x->setup.beyond_law || (x->past.aborted && !second))
		return;
	if (c->why.end == LA_END_FIN_WAIT_2 && !c->peer_fin && !c->why.unacked)
		return;
	if (c->why.end != LA_END_ORDERLY) {
		ex_violation(x, "RFC 9293 3.10.4", "%c's %s connection ended: %s, %u bytes unacknowledged",
			     name(c->host), second ? "second" : "first", la_end_name(c->why.end),
			     (unsigned)c->why.unacked);
		return;
	}
	s = la_shard_find(la_sim_shard(x->w, c->host), &c->t, &info) == 0 ? info.state : LA_CLOSED;
	if ((s == LA_TIME_WAIT) != closed_before_fin(x, c->host, second))
		ex_violation(x, "RFC 9293 3.6", "%c's %s connection ended in %s", name(c->host),
			     second ? "second" : "first", la_state_name(s));
}

static void
check_user(struct ex *x, const struct la_sim_conn *c)
{
	if (c->wrong)
		ex_violation(x, "RFC 9293 3.4.2", "%c was given a byte that is not its partner's, at offset %u",
			     name(c->host), c->wrong_at);
	if (c->partner && c->got > c->partner->sent)
		ex_violation(x, "RFC 9293 3.4.2", "%c was given more bytes than its partner sent", name(c->host));
}

void
ex_check_step(struct ex *x)
{
	const struct la_sim_conn *c;

	for (unsigned i = 0; (c = la_sim_conn_next(x->w, &i));)
		check_user(x, c);
	if (la_sim_no_mbufs(x->w))
		ex_violation(x, "the search itself", "the world is too small: no mbuf left");
}

/* ------------------------------------------------------------------ 6: the end of a path */

static void
check_record(struct ex *x, const struct la_sim_conn *c)
{
	bool second = is_second(x, c);

	if (!c->closed) {
		ex_violation(x, "RFC 9293 3.10.4", "%c's %s connection never ends", name(c->host),
			     second ? "second" : "first");
		return;
	}
	if ((x->past.aborted && !second) || x->setup.beyond_law)
		return;
	if (!c->paired || c->got != c->partner->sent || c->why.unacked)
		ex_violation(x, "RFC 9293 3.10.4", "%c's %s connection has read %u bytes of %u", name(c->host),
			     second ? "second" : "first", c->got, c->partner ? c->partner->sent : 0);
}

static void
check_shard(struct ex *x, unsigned host)
{
	struct la_shard *s = la_sim_shard(x->w, host);
	const struct la_tcp *t = &s->tcp;
	const struct la_counters *n = la_shard_counters(s);
	const struct la_tw_pool *p = &t->tw.pool[x->setup.ip6];

	if (t->tcb_live || n->v[LA_C_live])
		ex_violation(x, "no leak", "%c keeps %u connections", name(host), t->tcb_live);
	if (p->reserved || p->live || n->v[LA_C_time_wait] || n->v[LA_C_fin_wait_2_held])
		ex_violation(x, "no leak", "%c keeps %u TIME_WAIT entries and %u reservations", name(host), p->live,
			     p->reserved);
	if (t->index.keys)
		ex_violation(x, "no leak", "%c's index keeps %u keys", name(host), t->index.keys);
	if (n->v[LA_C_early_recycles])
		ex_violation(x, "RFC 9293 3.6", "%c recycled TIME_WAIT early", name(host));
	if (la_tw_check(&t->tw, stderr))
		ex_violation(x, "no leak", "%c's TIME_WAIT table fails its checker", name(host));
}

void
ex_check_end(struct ex *x)
{
	unsigned free_mbufs, conns = 0;
	const struct la_sim_conn *c;

	while (la_sim_shelf(x->w))
		la_sim_discard(x->w, 0);
	la_sim_run(x->w, la_sim_now(x->w) + 1000000); /* let the neighbour timers end */
	free_mbufs = la_arena_mbufs_free(la_sim_mbufs(x->w));
	for (unsigned i = 0; (c = la_sim_conn_next(x->w, &i)); conns++)
		check_record(x, c);
	if (!x->past.aborted && !x->setup.beyond_law && conns != 4)
		ex_violation(x, "RFC 9293 3.5", "%u connection records instead of 4", conns);
	for (unsigned i = 0; i < 2; i++)
		check_shard(x, i);
	if (free_mbufs != x->mbufs)
		ex_violation(x, "no leak", "%d mbufs were not freed", (int)x->mbufs - (int)free_mbufs);
}
