/* SPDX-License-Identifier: BSD-3-Clause */

/* Plays the lines of a row in order. */

#include "seg.h"

#include <stdio.h>
#include <string.h>

#include "core/seq.h"

void
play_settled(struct play *p)
{
	struct peer *q = p->c->p;
	char got[160];

	if (peer_waiting(q))
		play_fail(p, "no line above expects this segment: %s",
			  play_describe(p, &q->rx[q->next], got, sizeof(got)));
	expect_no_callback(p);
}

/* Returns whether x is a retransmission by a timer: sent after `from`, with data or FIN, without new data. */
static bool
is_retransmission(const struct conn *c, const struct peer_rx *x, uint64_t from)
{
	return x->at > from && x->end != x->seq && seq_le(x->end, c->N);
}

void
play_quiet(struct play *p, uint64_t ms, bool strict)
{
	uint64_t from = p->r->now;
	struct peer *q = p->c->p;
	char got[160];

	rig_run(p->r, ms);
	while (peer_waiting(q)) {
		const struct peer_rx *x = &q->rx[q->next];

		if (strict || !is_retransmission(p->c, x, from))
			play_fail(p, "expected nothing, got %s", play_describe(p, x, got, sizeof(got)));
		play_take(p);
	}
}

/* --- the user's calls ----------------------------------------------------------------------- */

static int64_t
user_opens(struct peer *q)
{
	struct la_conn *was = q->u.c;
	int err = user_connect(q);

	if (err)
		q->u.c = was;
	return err;
}

static int64_t
user_reads(struct play *p, uint64_t max)
{
	struct peer *q = p->c->p;
	uint64_t before = q->u.bytes;

	user_read(q, max);
	rig_pump(p->r);
	p->c->seen.bytes = q->u.bytes;
	if (max != UINT64_MAX && q->u.bytes - before != max)
		play_fail(p, "'%s': %llu bytes were available", p->ev->text, (unsigned long long)(q->u.bytes - before));
	return 0;
}

static int64_t
user_calls(struct play *p, enum call call)
{
	const struct event *e = p->ev;
	struct peer *q = p->c->p;
	int64_t n;

	switch (call) {
	case CALL_LISTEN:
		peer_listen(q);
		p->c->listens = true;
		return 0;
	case CALL_UNLISTEN:
		n = la_unlisten(p->r->s, NULL, q->t.lport);
		rig_pump(p->r);
		return n;
	case CALL_CONNECT:
		return user_opens(q);
	case CALL_SEND:
		return user_send(q, (uint32_t)e->n);
	case CALL_READ:
		return user_reads(p, e->n);
	case CALL_SHUTDOWN:
		return user_shutdown(q);
	case CALL_CLOSE:
		return user_close(q);
	case CALL_END:
		return p->variant & V_FULL ? user_close(q) : user_shutdown(q);
	case CALL_ABORT:
		return user_abort(q);
	case CALL_ABORT_ALL:
		n = la_shard_abort_all(p->r->s, 100);
		rig_pump(p->r);
		return n;
	case CALL_HOLD:
		q->u.hold = true;
		return 0;
	case CALL_CLOSE_ON_OPEN:
		q->u.close_on_open = true;
		return 0;
	case CALL_CLOSE_ON_FIN:
		q->u.close_on_fin = true;
		return 0;
	}
	return 0;
}

static void
user_call(struct play *p)
{
	int64_t is;

	play_settled(p);
	is = user_calls(p, p->ev->call);
	if (is != p->ev->result)
		play_fail(p, "'%s' returned %lld (%s)", p->ev->text, (long long)is,
			  is < 0 ? strerror((int)-is) : "no error");
	if (peer_waiting(p->c->p) == 0)
		play_sync(p->c);
}

/* --- lines ---------------------------------------------------------------------------------- */

/* Advances the clock to the time of a line. For a '>' line, segment_out() waits instead. */
static void
clock_to(struct play *p)
{
	const struct event *e = p->ev;
	uint64_t at;

	if (e->when == WHEN_NOW || e->kind == EV_OUT)
		return;
	at = (e->when == WHEN_AT ? p->t0 : p->r->now) + e->from;
	if (at < p->r->now)
		play_fail(p, "the time of this line has passed: it is %llu ms already",
			  (unsigned long long)(p->r->now - p->t0));
	rig_run(p->r, at - p->r->now);
}

static void
play_event(struct play *p, const struct event *e)
{

	switch (e->kind) {
	case EV_NEW:
	case EV_TO:
		play_begin(p, e);
		break;
	case EV_IN:
		segment_in(p);
		break;
	case EV_OUT:
		segment_out(p);
		break;
	case EV_QUIET:
	case EV_SILENCE:
		play_quiet(p, e->n, e->kind == EV_SILENCE);
		break;
	case EV_AGAIN:
		segment_again(p);
		break;
	case EV_SKIP:
		while (play_take(p))
			;
		break;
	case EV_CALL:
		user_call(p);
		break;
	case EV_CALLBACK:
		expect_callback(p);
		break;
	case EV_STATE:
		expect_state(p, e->target.state);
		break;
	case EV_PROBE:
		expect_probe(p, e->target.state);
		break;
	case EV_STAYS:
		expect_stays(p);
		break;
	case EV_DEADLINE:
		expect_deadline(p);
		break;
	case EV_AGREE:
		play_settled(p);
		peer_agree(p->c->p);
		break;
	case EV_PORT:
		expect_port(p, e->n);
		break;
	case EV_CHECK:
		expect_check(p);
		break;
	case EV_LET:
		p->lets[e->let] = play_expr(p, &e->a);
		break;
	case EV_RENEW:
		play_renew(p);
		break;
	case EV_PEER:
		play_peer(p);
		break;
	}
}

static void
play_lines(struct play *p)
{
	bool skipped = false; /* the guard of the take's first line excludes this variant */

	for (unsigned i = 0; i < p->row->nev; i++) {
		const struct event *e = &p->row->ev[i];
		bool begins = e->kind == EV_NEW || e->kind == EV_TO;
		bool in = variant_in(p->variant, e->guard);

		if (begins)
			skipped = !in;
		if (skipped || !in)
			continue;
		if (!begins) {
			play_note(p, e);
			p->ev = e;
			clock_to(p);
		}
		play_event(p, e);
	}
	play_end(p);
}

bool
play_row(const struct row *row, unsigned variant, bool verbose)
{
	static struct play p;
	char v[64];

	p = (struct play){.row = row, .variant = variant, .verbose = verbose};
	variant_name(row->each, variant, v, sizeof(v));
	snprintf(p.name, sizeof(p.name), "%s%s%s%s %s", row->name, *v ? " [" : "", v, *v ? "]" : "", row->text);
	if (setjmp(p.bail)) {
		fprintf(stderr, "    at %s:%d: %s\n", p.ev->file, p.ev->line, p.ev->text);
		if (p.r)
			rig_discard(p.r);
		return false;
	}
	play_lines(&p);
	return true;
}
