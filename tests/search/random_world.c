/* SPDX-License-Identifier: BSD-3-Clause */

/* One random world: theory of operation.
 *
 * Two or three hosts listen on a few ports and open connections from a few ports, so that tuples are reused often:
 * after expiry, by a passive reopen, by an active reopen out of TIME_WAIT, from the other end, from both ends at
 * once. An attempt on a busy tuple is refused and counted. Every connection has a plan for each end (random_plan.c),
 * every segment has a fate, hosts restart, tables are too small, and at times nearly all mbufs are in use.
 *
 * After its last attempt, a world closes the connections that are left. Then it must become silent. A world stops at
 * the first broken rule (random_law.c). */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "../support/fast_path_record.h"
#include "random.h"
#include "sim/internal.h"

enum {
	JUDGE_EVERY = 16,  /* attempts between two checks of the connections */
	CHECK_EVERY = 128, /* attempts between two checks of the tables */
	STEPS = 4000000,   /* largest number of steps of a world; most worlds need 50 000 */
};

static const uint64_t SECOND = 1000000;

/* ------------------------------------------------------------------ hooks */

static struct la_fate
on_fate(void *ctx, unsigned from, unsigned to, const struct la_fault_seg *s)
{
	struct rw *rw = ctx;
	int i = rw_way_of(from, to, &s->t);

	if (i < 0 || rw->spec->level == 0)
		return (struct la_fate){LA_FAULT_NONE, 0};
	return rw_fate(rw->spec, &rw->params, (unsigned)i, rw->way[i].segments++);
}

static bool
is_behind(const struct rw *rw, const struct la_sim_conn *c)
{
	unsigned other = c->t.raddr.b[15] - 1u;
	struct la_tuple m = la_sim_mirrored(&c->t);
	int i = rw_way_of(c->host, other, &c->t), k = rw_way_of(other, c->host, &m);

	return (i >= 0 && rw->way[i].behind) || (k >= 0 && rw->way[k].behind);
}

static void
on_opened(void *ctx, struct la_sim_conn *c)
{
	struct rw *rw = ctx;
	struct rw_conn *info = rw_conn(rw, c);

	if (rw->ladder)
		la_ladder_hooks(rw->ladder).opened(rw->ladder, c);
	info->behind = is_behind(rw, c);
	rw->r->opened += c->active;
	if (c->active) {
		rw->r->simultaneous += c->partner && c->partner->active;
		return;
	}
	info->attempt = -1;
	rw_passive_opened(rw, c);
	if (c->partner && c->partner->active)
		c->plan = &rw->attempt[rw_conn(rw, c->partner)->attempt].passive;
}

/* ------------------------------------------------------------------ events of hosts */

static void
listen_on(struct rw *rw, unsigned host)
{
	static const struct la_sim_plan none = {.ending = LA_SIM_CLOSE};
	static struct la_sim_plan plan[RW_HOSTS][RW_LISTENED];

	for (unsigned p = 0; p < RW_LISTENED; p++) {
		plan[host][p] = none;
		plan[host][p].opts = rw->params.opts[host * RW_LISTENED + p];
		if (la_sim_listen(rw->w, host, (uint16_t)(RW_PORT + p), &plan[host][p]) != 0)
			rw_fail(rw, NULL, "host %c cannot listen", 'A' + host);
	}
}

static void
restart(struct rw *rw, unsigned host, bool orderly)
{
	uint32_t quiet = (uint32_t)(rw->params.msl_us / 1000);

	rw_keep_counters(rw, host);
	rw->r->restarts++;
	rw->r->crashes += !orderly;
	if (!orderly) {
		rw->crash_us[host] = la_sim_now(rw->w);
		for (unsigned i = 0; i < RW_WAYS; i++)
			if (i / (RW_WAYS / RW_HOSTS) == host)
				rw->way[i].time_wait_us = 0;
	}
	rw->stopping = orderly;
	if (la_sim_restart(rw->w, host, orderly, quiet) != 0)
		rw_fail(rw, NULL, "host %c cannot start again", 'A' + host);
	else
		listen_on(rw, host);
	rw->stopping = false;
}

static void
free_stolen(struct rw *rw)
{
	while (rw->nstolen)
		rte_pktmbuf_free(rw->stolen[--rw->nstolen]);
}

/* Takes all mbufs but at most 7 out of the pool, for less than 400 ms. */
static void
steal_mbufs(struct rw *rw, unsigned i)
{
	uint64_t draw = rw_mix(rw->spec->seed, 77, i);
	unsigned leave = draw % 8;

	if (rw->nstolen)
		return;
	rw->r->starved++;
	while (la_arena_mbufs_free(la_sim_mbufs(rw->w)) > leave)
		rw->stolen[rw->nstolen++] = rte_pktmbuf_alloc(la_sim_mbufs(rw->w));
	rw->feed_us = la_sim_now(rw->w) + (draw >> 32) % 400000;
}

/* ------------------------------------------------------------------ a run */

/* Returns whether the tuple's last segment was sent in this millisecond. The ISN clock, which is read once a
 * millisecond, may not have moved since. (random_law.c: the law's condition for users.) */
static bool
was_used_this_ms(const struct rw *rw, const struct rw_attempt *a, const struct la_tuple *t)
{
	struct la_tuple m = la_sim_mirrored(t);
	const struct rw_way *y[2] = {&rw->way[rw_way_of(a->from, a->to, t)], &rw->way[rw_way_of(a->to, a->from, &m)]};

	for (unsigned i = 0; i < 2; i++)
		if (y[i]->any && y[i]->sent_us / 1000 == la_sim_now(rw->w) / 1000)
			return true;
	return false;
}

static void
attempt(struct rw *rw, unsigned i)
{
	const struct rw_attempt *a = &rw->attempt[i];
	struct la_sim_conn *c;
	struct la_tuple t = {la_sim_addr(rw->w, a->from, a->ip6), la_sim_addr(rw->w, a->to, a->ip6), a->lport,
			     a->rport};
	struct la_conn_info info;
	bool over = la_shard_find(la_sim_shard(rw->w, a->from), &t, &info) == 0;

	if (was_used_this_ms(rw, a, &t) ||
	    la_sim_connect(rw->w, a->from, a->to, a->ip6, a->lport, a->rport, &a->active, &c) != 0) {
		rw->r->refused++;
		return;
	}
	rw->r->begun++;
	rw_conn(rw, c)->attempt = (int)i;
	if (over) {
		struct rw_way *y = &rw->way[rw_way_of(a->from, a->to, &t)];

		y->reused_us = la_sim_now(rw->w);
	}
}

static bool
run_to(struct rw *rw, uint64_t until)
{
	while (!rw->r->what[0] && la_sim_step(rw->w, until))
		if (++rw->steps == STEPS)
			rw_fail(rw, NULL, "%u steps and no end", rw->steps);
	return !rw->r->what[0];
}

/* Runs until that time or until the first broken rule. Frees the stolen mbufs when they are due. Returns false when a
 * rule is broken. */
static bool
run(struct rw *rw, uint64_t until)
{
	if (rw->nstolen && rw->feed_us <= until) {
		run_to(rw, rw->feed_us);
		free_stolen(rw);
	}
	return run_to(rw, until);
}

/* Runs until the world is silent: no event but periodic timers is pending. Fails after one hour. */
static void
wait_for_silence(struct rw *rw)
{
	uint64_t end = la_sim_now(rw->w) + 3600 * SECOND;

	while (run(rw, la_sim_now(rw->w) + 10 * SECOND))
		if (la_sim_quiet(rw->w, la_sim_now(rw->w)))
			return;
		else if (la_sim_now(rw->w) >= end)
			rw_fail(rw, NULL, "no silence an hour after the last user has closed");
}

static void
make_attempts(struct rw *rw)
{
	uint64_t at = SECOND;

	for (unsigned i = 0; i < rw->spec->attempts && !rw->r->what[0]; i++) {
		const struct rw_attempt *a = &rw->attempt[i];

		at += a->gap_us;
		if (rw->spec->left_out && rw->spec->left_out[i])
			continue;
		if (!run(rw, at))
			return;
		if (a->restart >= 0)
			restart(rw, (unsigned)a->restart, a->orderly);
		if (a->starve)
			steal_mbufs(rw, i);
		attempt(rw, i);
		if (i % JUDGE_EVERY == 0)
			rw_judge(rw);
		if (i % CHECK_EVERY == 0)
			rw_check_tables(rw);
	}
}

/* Closes the connections whose users wait for an event that does not occur, and makes the last checks. After the
 * close only R2 (200 s for a SYN), FIN_WAIT_2 and 2*MSL can be pending. */
static void
end_world(struct rw *rw)
{
	struct la_sim_conn *c;

	if (!run(rw, la_sim_now(rw->w) + 20 * SECOND))
		return;
	for (unsigned i = 0; (c = la_sim_conn_next(rw->w, &i));)
		if (c->c) {
			rw_conn(rw, c)->by_hand = true;
			(void)la_sim_close(c);
		}
	wait_for_silence(rw);
	rw_judge(rw);
	rw_check_tables(rw);
	if (!rw->r->what[0])
		rw_check_silence(rw);
}

static void
on_used(void *ctx, struct la_sim_conn *c, enum la_sim_use use, const uint8_t *bytes, uint32_t len)
{
	struct rw *rw = ctx;

	if (rw->ladder)
		la_ladder_hooks(rw->ladder).used(rw->ladder, c, use, bytes, len);
}

/* Prints the last 100 lines of the ladder, which show the violation. */
static void
print_ladder(struct la_ladder *l)
{
	enum { LAST = 100 };
	char *text = NULL, *at;
	size_t size = 0;
	unsigned lines = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return;
	la_ladder_print(l, f, &(struct la_ladder_style){.width = 120, .absolute = true});
	fclose(f);
	for (at = text + size; at > text && lines <= LAST; at--)
		lines += at[-1] == '\n';
	if (at > text) {
		at += 2;
		printf("...\n");
	}
	fputs(at, stdout);
	free(text);
}

static uint64_t
world_now(const void *ctx)
{
	const struct rw *rw = ctx;

	return rw->w ? la_sim_now(rw->w) : 0;
}

static int
create_world(struct rw *rw)
{
	const struct rw_spec *spec = rw->spec;
	char err[200];
	int rc;

	rw_params(spec, &rw->params);
	if (spec->assassin)
		rw->params.cfg.host[0].weak |= LA_SIM_ASSASSIN;
	for (unsigned h = 0; h < rw->params.hosts; h++)
		if (rw->params.control[h])
			rw->params.cfg.host[h].shard.control = rw_control_pool();
	rw->attempt = calloc(spec->attempts, sizeof(*rw->attempt));
	rw->nconn = 4 * spec->attempts + 64;
	rw->conn = calloc(rw->nconn, sizeof(*rw->conn));
	if (!rw->attempt || !rw->conn)
		return -12;
	for (unsigned i = 0; i < spec->attempts; i++)
		rw_attempt(spec, &rw->params, i, &rw->attempt[i]);
	rc = la_sim_create(&rw->params.cfg, &rw->w, err, sizeof(err));
	if (rc) {
		fprintf(stderr, "random: %s\n", err);
		return rc;
	}
	la_sim_hooks(rw->w, &(struct la_sim_hooks){.event = rw_event,
						   .fate = on_fate,
						   .opened = on_opened,
						   .closed = rw_closed,
						   .used = on_used,
						   .ctx = rw});
	for (unsigned h = 0; h < rw->params.hosts; h++)
		listen_on(rw, h);
	if (spec->trace && spec->trace->lport)
		rw->ladder = la_ladder_create(rw->w, spec->trace->laddr.b[15] - 1u, spec->trace->raddr.b[15] - 1u,
					      spec->trace, false);
	return 0;
}

int
rw_world(const struct rw_spec *spec, struct rw_result *r)
{
	static struct rw rw;
	int rc;

	memset(&rw, 0, sizeof(rw));
	memset(r, 0, sizeof(*r));
	rw.spec = spec;
	rw.r = r;
	fast_path_clock(world_now, &rw);
	rc = create_world(&rw);
	if (rc == 0) {
		make_attempts(&rw);
		if (!r->what[0])
			end_world(&rw);
		free_stolen(&rw);
		r->virtual_us = la_sim_now(rw.w);
		if (rw.ladder) {
			print_ladder(rw.ladder);
			la_ladder_destroy(rw.ladder);
		}
		la_sim_destroy(rw.w);
	}
	free(rw.attempt);
	free(rw.conn);
	return rc;
}
