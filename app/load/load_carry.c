/* SPDX-License-Identifier: BSD-3-Clause */

/* Requests that are left after the end of their connection.
 *
 * A server may end a connection after any answer (RFC 9112 9.6). The requests that are left move to another
 * connection to the same target, opened as soon as the old one has ended. The new connection uses the load_conn of the
 * old one. So the slab bounds the number of such connections, and a closed loop never exceeds --concurrency. A
 * connection that is opened here is not in the schedule: it counts in connects and in reconnects. */

#include <errno.h>

#include "load/internal.h"

enum {
	BURST = 64,	    /* connections opened a round */
	SKIPS = 64,	    /* most attempts with tuples in use, for one connection a round */
	RETRY_NS = 1000000, /* time to the next attempt: tuples and table entries become free in ticks of 1 ms */
};

int
load_connect(struct load_station *st, struct la_shard *shard, struct load_conn *lc, const struct la_tuple *t)
{
	static const struct la_conn_opts fresh = {.nodelay = true, .fin_wait_2_ms = 1};
	static const struct la_conn_opts reuse = {.nodelay = true, .fin_wait_2_ms = 1, .reuse_time_wait = true};
	int rc = la_connect(shard, t, &load_conn_ops, lc, st->cfg->reuse ? &reuse : &fresh, &lc->c);

	if (rc != 0)
		la_tuples_unused(&st->tuples[lc->target], lc->ticket);
	return rc;
}

void
load_carry_add(struct load_conn *lc)
{
	struct load_conn fresh = {
		.st = lc->st, .left = lc->left, .target = lc->target, .mode = lc->mode, .carried = true};

	*lc = fresh;
	TAILQ_INSERT_TAIL(&lc->st->carried, lc, later);
}

static void
drop_all(struct load_station *st)
{
	struct load_conn *lc;

	while ((lc = TAILQ_FIRST(&st->carried)) != NULL) {
		TAILQ_REMOVE(&st->carried, lc, later);
		LOAD_ADD(st->n.unstarted, 1);
		slab_put(&st->conns, lc);
	}
}

/* Returns 0, or the -errno of the last attempt. -EADDRINUSE also when no tuple is free. */
static int
carry_reopen(struct load_station *st, struct la_shard *shard, struct load_conn *lc)
{
	int rc = -EADDRINUSE;
	struct la_tuple t;

	for (unsigned skips = 0; skips < SKIPS && (rc == -EADDRINUSE || rc == -EADDRNOTAVAIL); skips++) {
		if (skips > 0)
			LOAD_ADD(st->n.skipped, 1);
		if (la_tuples_next(&st->tuples[lc->target], st->now_ms, &t, &lc->ticket) != 0)
			return -EADDRINUSE;
		rc = load_connect(st, shard, lc, &t);
	}
	return rc;
}

/* Returns whether no more connections may be opened. */
static bool
carry_has_ended(const struct load_station *st, uint64_t now)
{
	uint64_t duration = st->cfg->duration_ms * UINT64_C(1000000);

	return st->drained || load_aborts(st) || (st->phase == LOAD_STOPPED && now >= st->abort_at) ||
	       (duration != 0 && st->phase != LOAD_WARM && now >= st->start + duration);
}

bool
load_carry_open(struct load_station *st, struct la_shard *shard, uint64_t now)
{
	struct load_conn *lc = TAILQ_FIRST(&st->carried);

	if (lc == NULL)
		return false;
	if (carry_has_ended(st, now)) {
		drop_all(st);
		return true;
	}
	if (now < st->carry_at)
		return false;
	for (unsigned i = 0; i < BURST && lc != NULL; i++, lc = TAILQ_FIRST(&st->carried)) {
		int rc = carry_reopen(st, shard, lc);

		if (rc == -EADDRINUSE || rc == -EADDRNOTAVAIL || rc == -ENOBUFS || rc == -EAGAIN) {
			st->carry_at = now + RETRY_NS;
			break;
		}
		if (rc != 0) {
			st->fatal = rc;
			drop_all(st);
			break;
		}
		TAILQ_REMOVE(&st->carried, lc, later);
		lc->due = now;
		LOAD_ADD(st->n.connects, 1);
		LOAD_ADD(st->n.reconnects, 1);
		LOAD_ADD(st->at[lc->target].connects, 1);
		LOAD_ADD(st->n.planned[lc->mode], 1);
		load_conn_begin(lc);
	}
	return true;
}
