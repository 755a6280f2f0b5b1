/* SPDX-License-Identifier: BSD-3-Clause */

/* Takes: a new shard, the way to its state, and its connections. */

#include "seg.h"

#include <stdio.h>
#include <string.h>

#include "core/seq.h"

/* --- variables ------------------------------------------------------------------------------ */

void
play_sync(struct conn *c)
{
	const struct peer *p = c->p;

	c->R = p->R;
	c->W = p->W;
	c->U = p->U;
	c->N = p->N;
	c->ISS = p->ISS;
	c->IRS = p->IRS;
	c->edge = p->edge;
}

/* Updates the variables by one segment, while later segments may still wait for their lines. */
static void
follow(struct conn *c, const struct peer_rx *x)
{
	if (x->flags & LA_RST)
		return;
	if ((x->flags & LA_SYN) && x->seq != c->ISS) {
		c->ISS = c->U = x->seq;
		c->N = x->seq + 1;
		c->edge = x->ack + x->wnd;
	}
	if (seq_gt(x->end, c->N))
		c->N = x->end;
	if (x->flags & LA_ACK) {
		c->edge = seq_max(c->edge, x->ack + x->wnd);
		c->R = x->ack;
		c->W = c->edge - x->ack;
	}
}

struct peer_rx *
play_take(struct play *p)
{
	struct conn *c = p->c;
	struct peer_rx *x = peer_next(c->p);

	if (x == NULL)
		return NULL;
	/* the SYN,ACK acknowledges a SYN with an ISN other than IRS: this ISN is the new IRS */
	if (x->flags == (LA_SYN | LA_ACK) && c->seg_syn && x->ack == c->seg_seq + 1)
		c->p->IRS = c->IRS = c->seg_seq;
	if (x->flags & LA_SYN)
		c->iss_known = true;
	follow(c, x);
	if (peer_waiting(c->p) == 0)
		play_sync(c);
	return x;
}

/* --- connections ---------------------------------------------------------------------------- */

static struct conn *
add_conn(struct play *p, const char *name, const struct peer_opts *o)
{
	struct conn *c = &p->conns[p->nconns];

	if (p->nconns == MAX_CONNS)
		play_fail(p, "more than %d connections", MAX_CONNS);
	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->p = peer_new(p->r, o);
	p->nconns++;
	play_sync(c);
	return c;
}

void
play_peer(struct play *p)
{
	struct seg_opts o;

	for (unsigned i = 0; i < p->nconns; i++) {
		if (strcmp(p->conns[i].name, p->ev->name) == 0) {
			p->c = &p->conns[i];
			return;
		}
	}
	o = opts_of(p->ev->opts, p->variant);
	p->c = add_conn(p, p->ev->name, &o.peer);
}

void
play_renew(struct play *p)
{
	uint32_t isn = play_expr_from(p, &p->ev->a, p->c->IRS);

	play_settled(p);
	peer_renew(p->c->p, isn);
	p->c->p->lax_edge = true;
	p->c->seen = p->c->p->u;
	p->c->iss_known = false;
	play_sync(p->c);
}

/* --- the way to a state --------------------------------------------------------------------- */

static void
listen_once(struct play *p)
{
	for (unsigned i = 0; i < p->nconns; i++)
		if (p->conns[i].listens && p->conns[i].p->t.lport == p->c->p->t.lport)
			return;
	peer_listen(p->c->p);
	p->c->listens = true;
}

/* Without a connection the variables are arbitrary. */
static void
set_arbitrary(struct peer *q)
{
	q->ISS = 0x7654321;
	q->U = q->N = q->ISS + 1;
	q->W = 65535;
}

static void
to_closed(struct play *p, bool past)
{
	struct peer *q = p->c->p;

	if (!past) {
		set_arbitrary(q);
		return;
	}
	listen_once(p);
	peer_to_last_ack(q, true);
	peer_ack(q);
	peer_expect_none(q, 0);
	peer_expect_state(q, LA_CLOSED);
	if (la_unlisten(p->r->s, NULL, q->t.lport) != 0)
		play_fail(p, "la_unlisten() failed");
	p->c->listens = false;
}

static void
to_state(struct play *p, const struct target *t, unsigned variant)
{
	struct peer *q = p->c->p;
	bool full = variant & V_FULL;

	if (t->state != LA_CLOSED && t->state != LA_SYN_SENT && !t->active)
		listen_once(p);
	switch (t->state) {
	case LA_CLOSED:
		to_closed(p, variant & V_PAST);
		break;
	case LA_LISTEN:
		set_arbitrary(q);
		break;
	case LA_SYN_SENT:
		peer_to_syn_sent(q);
		break;
	case LA_SYN_RCVD:
		(t->active ? peer_to_syn_rcvd_active : peer_to_syn_rcvd_passive)(q);
		break;
	case LA_ESTABLISHED:
		(t->active ? peer_to_established_active : peer_to_established)(q);
		break;
	case LA_FIN_WAIT_1:
		peer_to_fin_wait_1(q, full);
		break;
	case LA_FIN_WAIT_2:
		peer_to_fin_wait_2(q, full);
		break;
	case LA_CLOSE_WAIT:
		peer_to_close_wait(q);
		break;
	case LA_CLOSING:
		peer_to_closing(q, full);
		break;
	case LA_LAST_ACK:
		peer_to_last_ack(q, full);
		break;
	case LA_TIME_WAIT:
		peer_to_time_wait(q, full, variant & V_C ? 'c' : variant & V_B ? 'b' : 'a');
		break;
	case LA_NSTATES:
		break;
	}
}

static void
to_target(struct play *p)
{
	const struct target *t = &p->ev->target;
	struct conn *c = p->c;

	to_state(p, t, variant_replace(p->variant, t->variant));
	peer_skip(c->p);
	play_sync(c);
	c->used = true;
	c->iss_known = c->p->syn_seen;
	c->seen = c->p->u;
	c->entry = t->state;
	if (t->state == LA_TIME_WAIT)
		c->deadline = expect_deadline_now(p);
}

/* --- takes ---------------------------------------------------------------------------------- */

void
play_end(struct play *p)
{
	struct rig *r = p->r;

	if (r == NULL)
		return;
	for (unsigned i = 0; i < p->nconns; i++) {
		p->c = &p->conns[i];
		play_settled(p);
	}
	p->nconns = 0;
	rig_close(r);
	p->r = NULL;
}

void
play_note(struct play *p, const struct event *e)
{
	const char *slash = strrchr(e->file, '/');

	rig_note(p->r, "# %s:%d  %s", slash ? slash + 1 : e->file, e->line, e->text);
}

void
play_begin(struct play *p, const struct event *e)
{
	bool same = p->r && e->kind == EV_TO && !p->c->used && p->nconns > 1;
	struct seg_opts o = opts_of(e->opts, p->variant);

	if (!same) { /* play_end() runs first: its failures name p->ev, the last line of the old take */
		play_end(p);
		p->ev = e;
		p->r = rig_open(&o.rig);
		p->r->name = p->name;
		p->r->bail = &p->bail;
		p->r->plain = true;
		p->r->verbose = p->verbose;
		p->t0 = p->r->now;
		p->c = add_conn(p, "main", &o.peer);
	}
	p->ev = e;
	play_note(p, e);
	if (e->kind == EV_TO)
		to_target(p);
	else
		p->c->used = true;
}
