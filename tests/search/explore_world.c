/* SPDX-License-Identifier: BSD-3-Clause */

/* The world of the search: two hosts, one tuple, and a network with a small and constant delay.
 *
 * Segments arrive in order, after a constant delay (default: 1 ms), except those with a fault. Time has an effect
 * only through timers, held segments and users that wait, and each of these is a move. With --delay 0 a connection
 * opens and ends within one reading of the clock; the next ISN must still be larger. Fates of a segment:
 *
 *	deliver	the segment arrives
 *	drop	the segment never arrives
 *	hold	the segment is put on the shelf, and arrives within MSL
 *	copy	the segment arrives, and a copy is put on the shelf
 *
 * Reordering needs no fate of its own: a held segment that is released after a later segment is reordered. A held
 * segment that is released in the next incarnation is an old duplicate. A copy that is released at once is a
 * duplicate. Any move may release a segment from the shelf. A segment that is not released arrives one MSL after
 * it was held; with --beyond-law it stays on the shelf. */

#include <errno.h>
#include <string.h>

#include "explore.h"
#include "net/shard.h"
#include "sim/internal.h"
#include "tcp/internal.h"

const char *const ex_close_name[EX_NCLOSES] = {"a", "b", "both", "half", "abort-a", "abort-b"};

/* ------------------------------------------------------------------ hooks */

static struct la_fate
fate(void *ctx, unsigned from, unsigned to, const struct la_fault_seg *s)
{
	static const struct la_fate fates[EX_NFATES] = {
		[EX_DELIVER] = {LA_FAULT_NONE, 0},
		[EX_DROP] = {LA_FAULT_DROP, 0},
		[EX_HOLD] = {LA_FAULT_HOLD, UINT64_MAX},
		[EX_COPY] = {LA_FAULT_DUP, UINT64_MAX},
	};
	struct ex *x = ctx;
	unsigned k;

	(void)from;
	(void)to;
	(void)s;
	if (x->met == EX_SEGS) {
		ex_violation(x, "RFC 9293 3.10.7.4", "more than %d segments at once", EX_SEGS);
		return fates[EX_DROP];
	}
	k = x->met < x->choice.n && x->past.faults_left ? x->choice.fate[x->met] : EX_DELIVER;
	x->options[x->met] = x->past.faults_left ? EX_NFATES : 1;
	x->choice.fate[x->met++] = (uint8_t)k;
	if (k != EX_DELIVER) {
		x->past.faults_left--;
		x->past.faulty = true;
	}
	return fates[k];
}

static void
event(void *ctx, const struct la_sim_event *e)
{
	struct ex *x = ctx;

	if (e->what == LA_SIM_ARRIVED || e->what == LA_SIM_SENT || e->what == LA_SIM_STATE)
		x->stirred = true;
	ex_check_event(x, e);
	ex_trail_event(x, e);
	if (x->also.event)
		x->also.event(x->also.ctx, e);
}

static void
opened(void *ctx, struct la_sim_conn *c)
{
	struct ex *x = ctx;

	x->stirred = true;
	if (c->host == EX_B && c->partner && c->partner->plan == &x->plan[1][EX_A])
		c->plan = &x->plan[1][EX_B];
	if (x->also.opened)
		x->also.opened(x->also.ctx, c);
}

static void
closed(void *ctx, struct la_sim_conn *c)
{
	struct ex *x = ctx;

	x->stirred = true;
	ex_check_closed(x, c);
	if (x->also.closed)
		x->also.closed(x->also.ctx, c);
}

static void
used(void *ctx, struct la_sim_conn *c, enum la_sim_use use, const uint8_t *bytes, uint32_t n)
{
	struct ex *x = ctx;

	if (x->also.used)
		x->also.used(x->also.ctx, c, use, bytes, n);
}

/* ------------------------------------------------------------------ creation */

enum { FIN_WAIT_2_MS = 24 * 3600 * 1000 };

static void
make_plans(struct ex *x)
{
	const struct ex_setup *s = &x->setup;
	struct la_sim_plan p = {.when = LA_SIM_WHEN_GOT, .amount = UINT32_MAX}; /* the plan itself ends nothing */

	p.opts.nodelay = true;
	/* a user may take longer to close than FIN_WAIT_2 lasts by default; RFC 9293 has no such limit */
	p.opts.fin_wait_2_ms = FIN_WAIT_2_MS;
	p.opts.rcvbuf = EX_RCVBUF;
	p.opts.mss = EX_CHUNK + 12; /* one chunk a segment, with or without timestamps */
	p.opts.no_timestamps = s->no_timestamps;
	p.opts.reuse_time_wait = s->reuse;
	for (unsigned i = 0; i < 4; i++)
		x->plan[i / 2][i % 2] = p;
}

/* Makes both hosts resolve each other's address, by a connection that is refused. Returns 0 or a negative errno. */
static int
warm_up(struct ex *x)
{
	static const struct la_sim_plan plan = {0};
	struct la_sim_conn *c;
	int err = la_sim_connect(x->w, EX_A, EX_B, x->setup.ip6, EX_LPORT - 1, EX_PORT - 1, &plan, &c);

	if (err)
		return err;
	if (!la_sim_quiet(x->w, la_sim_now(x->w) + 10000000) || !c->closed)
		return -ETIMEDOUT;
	la_sim_conn_free(c);
	la_sim_run(x->w, la_sim_now(x->w) + 1000000);
	return 0;
}

int
ex_world_create(struct ex *x)
{
	struct la_sim_config cfg = {.seed = 1,
				    .nhosts = 2,
				    .mbufs = 40,
				    .flights = 24,
				    .conns = 8,
				    .link = {.delay_us = x->setup.delay_us}};
	struct la_tuple t, m;
	char err[128];
	int e;

	for (unsigned i = 0; i < 2; i++) {
		cfg.host[i].shard = (struct la_shard_config){.max_conns = 3,
							     .max_time_wait4 = 6,
							     .max_time_wait6 = 6,
							     .max_neighbours = 256,
							     .msl_ms = EX_MSL_MS,
							     .no_fast_path = x->setup.general};
		cfg.host[i].weak = x->setup.weak;
		cfg.host[i].fixed_isn = 1000 * (i + 1);
	}
	e = la_sim_create(&cfg, &x->w, err, sizeof(err));
	if (e) {
		fprintf(stderr, "explore: %s\n", err);
		return e;
	}
	make_plans(x);
	e = la_sim_listen(x->w, EX_B, EX_PORT, &x->plan[0][EX_B]);
	if (!e)
		e = warm_up(x);
	if (e) {
		fprintf(stderr, "explore: the first world cannot start: %s\n", strerror(-e));
		la_sim_destroy(x->w);
		return e;
	}
	x->mbufs = la_arena_mbufs_free(la_sim_mbufs(x->w));
	t = (struct la_tuple){la_sim_addr(x->w, EX_A, x->setup.ip6), la_sim_addr(x->w, EX_B, x->setup.ip6), EX_LPORT,
			      EX_PORT};
	m = la_sim_mirrored(&t);
	la_sim_watch(x->w, EX_A, &t);
	la_sim_watch(x->w, EX_B, &m);
	digest_init(&x->digest, x->w, EX_A, EX_B, &t, EX_FAR);
	la_sim_hooks(x->w,
		     &(struct la_sim_hooks){
			     .event = event, .fate = fate, .opened = opened, .closed = closed, .used = used, .ctx = x});
	return 0;
}

void
ex_world_destroy(struct ex *x)
{
	la_sim_destroy(x->w);
	x->w = NULL;
}

/* ------------------------------------------------------------------ the possible moves */

static struct la_sim_conn *
first_incarnation(struct ex *x, unsigned host)
{
	struct la_sim_conn *c;

	for (unsigned i = 0; (c = la_sim_conn_next(x->w, &i));)
		if (c->host == host && c->plan == &x->plan[0][host] && !c->closed)
			return c;
	return NULL;
}

static bool
aborts(const struct ex *x, unsigned host)
{
	return x->setup.close == (host == EX_A ? EX_ABORT_A : EX_ABORT_B);
}

/* Returns whether the host's user ends the first incarnation only after the peer's FIN. */
static bool
follows(const struct ex *x, unsigned host)
{
	return x->setup.close == (host == EX_A ? EX_CLOSE_B : EX_CLOSE_A);
}

static bool
has_read_all(const struct ex *x, const struct la_sim_conn *c)
{
	return c->got == x->setup.segments * EX_CHUNK && c->sent == c->got;
}

/* Returns whether the host's user can act now, as a move. (Actions of users() are no moves.) */
static bool
may_act(struct ex *x, unsigned host)
{
	const struct la_sim_conn *c;

	if (x->past.acted[host] || follows(x, host))
		return false;
	c = first_incarnation(x, host);
	if (!c || (!c->opened && !(aborts(x, host) && host == EX_A)))
		return false;
	/* a close before all bytes are read would be an abort: RFC 9293 SHLD-3 */
	return aborts(x, host) || x->setup.close == EX_CLOSE_HALF || has_read_all(x, c) ||
	       x->past.aborted; /* without the partner's bytes or its RST, which were lost: a half-open connection */
}

static bool
may_reopen(struct ex *x)
{
	const struct la_tw *tw = &la_sim_shard(x->w, EX_A)->tcp.tw;
	struct digest_end e;

	if (x->past.opens != 1 || first_incarnation(x, EX_A))
		return false;
	e = digest_look(&x->digest, EX_A);
	if (e.tcb)
		return false;
	/* reuse_time_wait has no effect in the millisecond in which TIME_WAIT began; see may_reuse() in open.c */
	return !e.tw || (x->setup.reuse && !(e.tw->flags & LA_TW_FW2) &&
			 seq_gt((uint32_t)la_sim_ms(x->w), e.tw->deadline - tw->lifetime[0]));
}

/* Returns whether an event is pending. With `soon`, the ends of TIME_WAIT and FIN_WAIT_2 do not count. */
static bool
has_timers(struct ex *x, bool soon)
{
	uint32_t timers = LA_F_REXMT_ON | LA_F_ACK_DELAY | (soon ? 0 : LA_F_FW2_TIMER);

	for (unsigned i = 0; i < 2; i++) {
		struct digest_end e = digest_look(&x->digest, i);

		if ((e.tw && !soon) || (e.tcb && (e.tcb->flags & timers)))
			return true;
	}
	for (unsigned i = 0; i < x->w->nheap; i++)
		if (x->w->heap[i].packet) /* not ARP or neighbour discovery */
			return true;
	return x->w->nshelf > 0 && !x->setup.beyond_law;
}

unsigned
ex_moves(struct ex *x, uint8_t move[EX_RELEASE + 8])
{
	unsigned n = 0, shelf = la_sim_shelf(x->w);

	if (x->past.opens == 0) { /* the first move is the first open */
		move[n++] = EX_REOPEN;
		return n;
	}
	if (may_act(x, EX_A))
		move[n++] = EX_USER_A;
	if (may_act(x, EX_B))
		move[n++] = EX_USER_B;
	/* while a user can act, time does not run to the end of TIME_WAIT or FIN_WAIT_2 */
	if (has_timers(x, n > 0))
		move[n++] = EX_GO_ON;
	if (may_reopen(x))
		move[n++] = EX_REOPEN;
	for (unsigned i = 0; i < shelf && i < 8; i++)
		move[n++] = (uint8_t)(EX_RELEASE + i);
	return n;
}

/* ------------------------------------------------------------------ making moves */

static void
user_ends(struct ex *x, struct la_sim_conn *c, enum la_sim_ending how)
{
	static const char *const text[] = {"", "shutdown", "close", "abort"};

	c->ended = true;
	if (x->seg)
		seg_writer_call(x->seg, c->host, text[how]);
	if (how == LA_SIM_ABORT)
		la_sim_abort(c);
	else if (how == LA_SIM_SHUTDOWN)
		la_sim_shutdown(c);
	else
		la_sim_close(c);
}

/* Actions of a user that are no moves: it sends when its connection is open, and closes where it has no choice. In
 * the second incarnation A closes when it has read all bytes, B after A's FIN. */
static void
user_goes_on(struct ex *x, struct la_sim_conn *c)
{
	uint32_t bytes = x->setup.segments * EX_CHUNK;
	bool second = c->plan == &x->plan[1][c->host];

	if (!c->opened || c->closed || c->ended)
		return;
	if (c->sent < bytes) {
		char text[SEG_TEXT];

		snprintf(text, sizeof(text), "send %u", bytes);
		if (x->seg)
			seg_writer_call(x->seg, c->host, text);
		la_sim_send(c, bytes);
	}
	if (second && c->host == EX_A && has_read_all(x, c))
		user_ends(x, c, LA_SIM_CLOSE);
	else if (c->peer_fin && has_read_all(x, c) && (second || follows(x, c->host)))
		user_ends(x, c, LA_SIM_CLOSE);
}

static void
users(struct ex *x)
{
	struct la_sim_conn *c;

	for (unsigned i = 0; (c = la_sim_conn_next(x->w, &i));)
		user_goes_on(x, c);
}

static void
act(struct ex *x, unsigned host)
{
	struct la_sim_conn *c = first_incarnation(x, host);
	bool abort = aborts(x, host);

	x->past.acted[host] = true;
	x->past.first[host] = !abort && !c->peer_fin;
	x->past.aborted = x->past.aborted || abort;
	user_ends(x, c, abort ? LA_SIM_ABORT : x->setup.close == EX_CLOSE_HALF ? LA_SIM_SHUTDOWN : LA_SIM_CLOSE);
}

static void
open_tuple(struct ex *x)
{
	const struct la_sim_plan *plan = &x->plan[x->past.opens++][EX_A];
	int err;

	if (x->past.opens == 2)
		x->past.second_first[EX_A] = true;
	if (x->seg)
		seg_writer_call(x->seg, EX_A, "connect");
	err = la_sim_connect(x->w, EX_A, EX_B, x->setup.ip6, EX_LPORT, EX_PORT, plan, NULL);
	if (err)
		ex_violation(x, "RFC 9293 3.10.1", "the tuple is free at A, but cannot be opened: %s", strerror(-err));
}

/* Runs until an event of the tuple. A segment on the shelf arrives one MSL after it was held. */
static void
go_on(struct ex *x)
{
	x->stirred = false;
	while (!x->stirred && has_timers(x, false)) {
		uint64_t next = la_sim_next(x->w), due = UINT64_MAX;

		if (la_sim_shelf(x->w) && !x->setup.beyond_law)
			due = la_sim_shelf_since(x->w, 0) + EX_MSL_MS * UINT64_C(1000);
		if (due < next) {
			(void)la_sim_step(x->w, due); /* time passes */
			la_sim_release(x->w, 0);
		} else if (!la_sim_step(x->w, UINT64_MAX)) {
			return;
		}
	}
}

void
ex_make(struct ex *x, unsigned move)
{
	x->choice.move = (uint8_t)move;
	x->met = 0;
	switch (move) {
	case EX_GO_ON:
		go_on(x);
		break;
	case EX_USER_A:
		act(x, EX_A);
		break;
	case EX_USER_B:
		act(x, EX_B);
		break;
	case EX_REOPEN:
		open_tuple(x);
		break;
	default:
		la_sim_release(x->w, move - EX_RELEASE);
		break;
	}
	users(x);
	x->choice.n = (uint8_t)x->met;
	ex_check_step(x);
}
