/* SPDX-License-Identifier: BSD-3-Clause */

/* Checks of callbacks, states, the TIME_WAIT deadline and numbers. */

#include "seg.h"

#include <string.h>

#include "wire/print.h"

/* --- callbacks ------------------------------------------------------------------------------ */

void
expect_no_callback(struct play *p)
{
	const struct user *u = &p->c->p->u, *s = &p->c->seen;

	if (u->opened != s->opened || u->bytes != s->bytes || u->peer_fin != s->peer_fin || u->closed != s->closed)
		play_fail(p,
			  "callbacks without an expectation: %u opened, %llu bytes, %u FIN, %u "
			  "closed (%s)",
			  u->opened - s->opened, (unsigned long long)(u->bytes - s->bytes), u->peer_fin - s->peer_fin,
			  u->closed - s->closed, u->closed ? la_end_name(u->why.end) : "not");
}

static void
closed_callback(struct play *p, const struct user *u, struct user *s)
{
	if (u->closed == s->closed)
		play_fail(p, "expected '%s', got no callback", p->ev->text);
	if (u->why.end != p->ev->end || u->why.unacked != (uint64_t)p->ev->result)
		play_fail(p, "expected '%s', got closed %s, %llu unacknowledged", p->ev->text, la_end_name(u->why.end),
			  (unsigned long long)u->why.unacked);
	s->closed = u->closed;
}

void
expect_callback(struct play *p)
{
	const struct user *u = &p->c->p->u;
	struct user *s = &p->c->seen;

	switch (p->ev->callback) {
	case CB_NONE:
		expect_no_callback(p);
		break;
	case CB_OPENED:
		if (u->opened != ++s->opened)
			play_fail(p, "opened ran %u times, expected %u", u->opened, s->opened);
		break;
	case CB_DATA:
		s->bytes += (uint64_t)p->ev->result;
		if (u->bytes != s->bytes)
			play_fail(p, "expected '%s', %llu bytes were read", p->ev->text,
				  (unsigned long long)(u->bytes + (uint64_t)p->ev->result - s->bytes));
		break;
	case CB_FIN:
		if (u->peer_fin != ++s->peer_fin)
			play_fail(p, "peer_fin ran %u times, expected %u", u->peer_fin, s->peer_fin);
		break;
	case CB_CLOSED:
		closed_callback(p, u, s);
		break;
	}
}

/* --- states --------------------------------------------------------------------------------- */

/* Expects that la_shard_find() returns the state. In LISTEN there is no connection: the tuple is CLOSED. */
static void
expect_found(struct play *p, enum la_state s)
{
	enum la_state is = peer_state(p->c->p), want = s == LA_LISTEN ? LA_CLOSED : s;

	if (is != want)
		play_fail(p, "state is %s, not %s", la_state_name(is), la_state_name(want));
}

void
expect_state(struct play *p, enum la_state s)
{
	play_settled(p);
	expect_found(p, s);
}

void
expect_port(struct play *p, bool open)
{
	struct peer_opts o = {.ip6 = p->c->p->o.ip6, .lport = p->c->p->t.lport};
	struct peer *q = peer_new(p->r, &o);
	struct peer_rx *x;

	peer_syn(q);
	x = peer_next(q);
	if (x == NULL || x->flags != (open ? LA_SYN | LA_ACK : LA_RST | LA_ACK))
		play_fail(p, "expected port %s, but a SYN from another peer was answered otherwise",
			  open ? "open" : "closed");
}

/* Sends a keep-alive segment, <SEQ=R-1><ACK=U>, and expects its answer. The segment changes no state. */
static void
probe(struct play *p, bool connection)
{
	struct conn *c = p->c;
	struct peer_rx *x;
	char got[160];

	play_in(p, &(struct peer_tx){.flags = LA_ACK, .seq = c->R - 1, .ack = c->U});
	x = play_take(p);
	if (x == NULL)
		play_fail(p, "the probe was not answered");
	if (connection && (x->flags != LA_ACK || x->len || x->seq != c->N || x->ack != c->R))
		play_fail(p, "answer to the probe: expected '. N R', got %s", play_describe(p, x, got, sizeof(got)));
	if (!connection && (x->flags != LA_RST || x->seq != c->seg_ack))
		play_fail(p, "answer to the probe: expected 'R SEG.ACK', got %s",
			  play_describe(p, x, got, sizeof(got)));
	play_quiet(p, QUIET_MS, false);
}

void
expect_probe(struct play *p, enum la_state s)
{
	expect_no_callback(p);
	play_quiet(p, QUIET_MS, false);
	expect_found(p, s);
	if (s == LA_SYN_SENT) /* no RCV.NXT yet: no segment has the form of a keep-alive */
		return;
	probe(p, s != LA_CLOSED && s != LA_LISTEN);
	expect_found(p, s);
	if (s == LA_LISTEN || (s == LA_CLOSED && p->c->entry == LA_CLOSED))
		expect_port(p, s == LA_LISTEN);
	expect_no_callback(p);
}

/* --- the deadline --------------------------------------------------------------------------- */

uint64_t
expect_deadline_now(struct play *p)
{
	struct la_conn_info i = peer_info(p->c->p);

	if (i.state != LA_TIME_WAIT)
		play_fail(p, "state is %s, not TIME_WAIT", la_state_name(i.state));
	return p->r->now + i.time_wait_left_ms;
}

static void
expect_kept(struct play *p)
{
	uint64_t now = expect_deadline_now(p), was = p->c->deadline;

	if (was == 0)
		play_fail(p, "'deadline kept' without an earlier check of the deadline");
	if (now != was)
		play_fail(p, "TIME_WAIT would end at %llu ms, not at %llu", (unsigned long long)(now - p->t0),
			  (unsigned long long)(was - p->t0));
}

void
expect_deadline(struct play *p)
{
	uint32_t msl = p->r->opts.msl_ms ? p->r->opts.msl_ms : 30000;
	uint64_t now = expect_deadline_now(p), from;

	if (p->ev->deadline == DEADLINE_KEPT) {
		expect_kept(p);
		return;
	}
	from = p->ev->deadline == DEADLINE_IN ? p->r->now + p->ev->n : p->c->in_at + 2ull * msl;
	if (now != from && now != from + 1) /* not early, at most one tick late */
		play_fail(p, "TIME_WAIT would end at %llu ms, not at %llu", (unsigned long long)(now - p->t0),
			  (unsigned long long)(from - p->t0));
	p->c->deadline = now;
}

void
expect_stays(struct play *p)
{
	expect_probe(p, p->c->entry);
	if (p->c->entry == LA_TIME_WAIT)
		expect_kept(p);
}

/* --- numbers -------------------------------------------------------------------------------- */

static uint32_t
term_value(struct play *p, enum term_kind kind, uint32_t value)
{
	const struct conn *c = p->c;
	const struct peer *q = c->p;
	struct la_conn_info info;

	switch (kind) {
	case T_NUMBER:
		return value;
	case T_LET:
		return p->lets[value];
	case T_R:
		return c->R;
	case T_W:
		return c->W;
	case T_U:
		return c->U;
	case T_N:
		return c->N;
	case T_ISS:
		return c->ISS;
	case T_IRS:
		return c->p->IRS;
	case T_MAXWND:
		return q->max_wnd;
	case T_SEG_SEQ:
		return c->seg_seq;
	case T_SEG_ACK:
		return c->seg_ack;
	case T_SEG_END:
		return c->seg_end;
	case T_TS:
		return q->ts_now;
	case T_TSDUT:
		return q->ts_dut;
	case T_NOW:
		return (uint32_t)(p->r->now - p->t0);
	case T_LEFT:
		return (uint32_t)(expect_deadline_now(p) - p->r->now);
	case T_OPENED:
		return q->u.opened;
	case T_FINS:
		return q->u.peer_fin;
	case T_CLOSED:
		return q->u.closed;
	case T_OPENED_AT:
		return (uint32_t)(q->u.opened_at - p->t0);
	case T_FIN_AT:
		return (uint32_t)(q->u.peer_fin_at - p->t0);
	case T_CLOSED_AT:
		return (uint32_t)(q->u.closed_at - p->t0);
	case T_BYTES:
		return (uint32_t)q->u.bytes;
	case T_UNACKED:
		return (uint32_t)q->u.why.unacked;
	case T_COUNTER:
		return (uint32_t)rig_counter(p->r, (enum la_counter)value);
	case T_CONN:
		info = peer_info(c->p);
		return conn_fields[value].get(&info);
	}
	return 0;
}

uint32_t
play_expr(struct play *p, const struct expr *e)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < e->n; i++) {
		uint32_t t = term_value(p, e->t[i].kind, e->t[i].value);

		v = e->t[i].minus ? v - t : v + t;
	}
	return v;
}

uint32_t
play_expr_from(struct play *p, const struct expr *e, uint32_t base)
{
	return play_expr(p, e) + (e->plain ? base : 0);
}

void
expect_check(struct play *p)
{
	uint32_t a = play_expr(p, &p->ev->a), b = play_expr(p, &p->ev->b);
	int32_t d = (int32_t)(a - b);
	bool ok = false;

	switch (p->ev->cmp) {
	case CMP_EQ:
		ok = d == 0;
		break;
	case CMP_NE:
		ok = d != 0;
		break;
	case CMP_LT:
		ok = d < 0;
		break;
	case CMP_LE:
		ok = d <= 0;
		break;
	case CMP_GT:
		ok = d > 0;
		break;
	case CMP_GE:
		ok = d >= 0;
		break;
	}
	if (!ok)
		play_fail(p, "'%s': the values are %u and %u", p->ev->text, a, b);
}
