/* SPDX-License-Identifier: BSD-3-Clause */

/* The search: theory of operation.
 *
 * A move (explore_world.c) takes the world from one state to the next: an arrival, a timer or a call of a user.
 * Each segment that a move sends gets a fate: the network delivers, drops, holds or copies it. From every state the
 * search makes every possible move, with every combination of fates, while faults are left.
 *
 * The search is depth first. A snapshot (explore_snap.c) restores the state before a move. A fate is chosen in the
 * middle of a shard's call, where no state can be saved. The search therefore makes each move first with every segment
 * delivered, which gives the number of segments. It repeats the move with each other fate of the last segment,
 * then with each other fate of the segment before the last, and so on, like an odometer.
 *
 * A digest (digest.c) names a state: the world and the record of the invariants (struct ex_past). The table has, for
 * each digest, the largest number of faults left with which its state was searched. A state that is met again with at
 * most that number is pruned. A state that is met again on its own path, with the same number of faults left, is a
 * cycle: an endless exchange. The digest does not contain the number of faults left. */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "explore.h"

enum {
	STRAYS = 4096, /* moves between two checks of the memory that snapshots leave out */
	CLOCK = 256,   /* moves between two readings of the clock */
	TABLE_MIN = 1 << 16,
};

/* ------------------------------------------------------------------ states that were met */

struct ex_table {
	uint64_t *key;	 /* 0: free */
	uint8_t *faults; /* largest number of faults left; plus ON_PATH while the state is on the current path */
	uint64_t n;	 /* keys in use */
	uint64_t mask;	 /* number of places - 1 */
};

enum { ON_PATH = 0x80 };

static struct ex_table *
table_create(uint64_t size)
{
	struct ex_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->key = calloc(size, sizeof(*t->key));
	t->faults = calloc(size, sizeof(*t->faults));
	t->mask = size - 1;
	if (t->key && t->faults)
		return t;
	free(t->key);
	free(t->faults);
	free(t);
	return NULL;
}

static void
table_destroy(struct ex_table *t)
{
	if (!t)
		return;
	free(t->key);
	free(t->faults);
	free(t);
}

static uint64_t
table_place(const struct ex_table *t, uint64_t key)
{
	uint64_t i = key & t->mask;

	while (t->key[i] && t->key[i] != key)
		i = (i + 1) & t->mask;
	return i;
}

static bool
table_grow(struct ex *x)
{
	struct ex_table *old = x->table, *t = table_create(2 * (old->mask + 1));

	if (!t)
		return false;
	for (uint64_t i = 0; i <= old->mask; i++)
		if (old->key[i]) {
			uint64_t k = table_place(t, old->key[i]);

			t->key[k] = old->key[i];
			t->faults[k] = old->faults[i];
		}
	t->n = old->n;
	table_destroy(old);
	x->table = t;
	return true;
}

/* ------------------------------------------------------------------ the search */

double
ex_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Returns the digest of the current state of x; never 0. */
static uint64_t
state_of(struct ex *x)
{
	const struct ex_past *p = &x->past;
	uint64_t now = la_sim_now(x->w), h;

	h = (uint64_t)(p->opens | p->faulty << 8 | p->aborted << 9 | p->acted[0] << 11 | p->acted[1] << 12 |
		       p->first[0] << 13 | p->first[1] << 14 | p->second_first[0] << 15 | p->second_first[1] << 16);
	for (unsigned i = 0; i < 2; i++)
		h = digest_mix(h, p->until_us[i] ? p->until_us[i] - now + 1 : 0);
	h = digest(&x->digest, h);
	return h ? h : 1;
}

/* Returns whether the search must stop, and records the reason in x. */
static bool
interrupted(struct ex *x)
{
	if (x->why[0])
		x->violated = true;
	if (x->transitions == x->setup.stop_at)
		x->cut = true;
	if (x->transitions % STRAYS == 0 && ex_snap_strays(x->snap))
		x->strayed = true;
	if (x->transitions % CLOCK == 0 && x->until_s > 0 && ex_now() > x->until_s)
		x->cut = true;
	return x->violated || x->strayed || x->cut;
}

static bool descend(struct ex *x);

/* Searches from the state after a move, whose digest is `state`, unless that state is pruned. Returns whether the
 * search must stop. */
static bool
visit(struct ex *x, uint64_t state)
{
	uint8_t left = x->past.faults_left;
	uint64_t at;
	bool stop;

	if (x->table->n * 4 > x->table->mask * 3 && !table_grow(x)) {
		x->cut = true;
		return true;
	}
	at = table_place(x->table, state);
	if (x->table->key[at]) {
		uint8_t best = x->table->faults[at];

		if (x->setup.no_prune) /* the table only counts states */
			return descend(x);
		if (left <= (best & ~ON_PATH)) {
			x->pruned++;
			if ((best & ON_PATH) && left == (best & ~ON_PATH)) {
				ex_violation(x, "an endless exchange", "a state repeats on its own path");
				return interrupted(x);
			}
			return false;
		}
	} else {
		x->table->key[at] = state;
		x->table->n++;
		x->states++;
	}
	x->table->faults[at] = left | ON_PATH;
	stop = descend(x);
	at = table_place(x->table, state); /* the table may have grown */
	x->table->faults[at] = left;
	return stop;
}

/* Changes c to the next combination of fates: the last segment with an untried fate gets it, and later segments are
 * removed. Returns false when all combinations were made. */
static bool
next_fates(struct ex_choice *c, const uint8_t *options)
{
	while (c->n > 0) {
		if (c->fate[c->n - 1] + 1 < options[c->n - 1]) {
			c->fate[c->n - 1]++;
			return true;
		}
		c->n--;
	}
	return false;
}

/* Makes one move with every combination of fates. *fresh: the world is still in the state before the move. Returns
 * whether the search must stop. */
static bool
try_move(struct ex *x, struct ex_level *l, unsigned move, bool *fresh)
{
	x->choice.n = 0;
	for (;;) {
		uint8_t options[EX_SEGS];
		uint64_t state;

		if (!*fresh) {
			ex_snap_load(x->snap, l->snap);
			x->past = l->past;
		}
		*fresh = false;
		ex_make(x, move);
		x->transitions++;
		state = state_of(x);
		ex_trail_move(x, state);
		l->choice = x->choice;
		memcpy(options, x->options, sizeof(options));
		if (interrupted(x) || visit(x, state))
			return true;
		x->choice = l->choice;
		if (!next_fates(&x->choice, options))
			return false;
	}
}

static bool
descend(struct ex *x)
{
	struct ex_level *l = &x->level[x->depth];
	uint8_t move[EX_RELEASE + 8];
	unsigned n = ex_moves(x, move);
	bool fresh = true, stop = false;

	if (n == 0) {
		x->paths++;
		ex_check_end(x);
		if (x->setup.ordinary)
			x->cut = true;
		return interrupted(x);
	}
	if (x->depth == EX_DEPTH - 1) {
		ex_violation(x, "an endless exchange", "more than %d moves", EX_DEPTH);
		return interrupted(x);
	}
	/* with one move and no fault left, the search never returns to this state */
	if (n > 1 || x->past.faults_left) {
		if (!l->snap)
			l->snap = malloc(ex_snap_size(x->snap));
		if (!l->snap) {
			x->cut = true;
			return true;
		}
		ex_snap_save(x->snap, l->snap);
		l->past = x->past;
	}
	x->depth++;
	if (x->depth > x->deepest)
		x->deepest = x->depth;
	for (unsigned i = 0; i < n && !stop; i++)
		stop = try_move(x, l, move[i], &fresh);
	if (!stop)
		x->depth--; /* after a stop, x->level keeps the path for the report */
	return stop;
}

/* ------------------------------------------------------------------ one world, one bound */

static void
begin(struct ex *x)
{
	x->past = (struct ex_past){.faults_left = (uint8_t)x->setup.faults};
	x->transitions = x->states = x->pruned = x->paths = 0;
	x->deepest = x->depth = 0;
	x->strayed = x->cut = x->violated = false;
	x->why[0] = '\0';
}

static void
print_line(const struct ex *x, double s, FILE *out)
{
	const struct ex_setup *c = &x->setup;

	fprintf(out,
		"%-7s k=%u %s %s%s faults<=%u: %10llu states %11llu transitions %11llu pruned %9llu ends "
		"depth %3u %8.2f s  %s\n",
		ex_close_name[c->close], c->segments, c->ip6 ? "ip6" : "ip4", c->no_timestamps ? "no-ts" : "ts",
		c->reuse ? " reuse" : "", c->faults, (unsigned long long)x->states, (unsigned long long)x->transitions,
		(unsigned long long)x->pruned, (unsigned long long)x->paths, x->deepest, s,
		x->violated ? "VIOLATION"
		: x->cut    ? "cut"
			    : "EXHAUSTED");
	fflush(out);
}

void
ex_search_end(struct ex *x)
{
	for (unsigned i = 0; i < EX_DEPTH; i++)
		free(x->level[i].snap);
	table_destroy(x->table);
	ex_snap_destroy(x->snap);
	ex_world_destroy(x);
}

enum ex_result
ex_search(struct ex *x, const struct ex_setup *setup, FILE *out)
{
	double t0 = ex_now();
	uint64_t trail;

	memset(x, 0, sizeof(*x));
	x->setup = *setup;
	x->until_s = setup->budget_s > 0 ? t0 + setup->budget_s : 0;
	if (ex_world_create(x))
		return EX_ERROR;
	x->snap = ex_snap_create(x->w, setup->whole);
	x->table = table_create(TABLE_MIN);
	if (!x->snap || !x->table) {
		ex_search_end(x);
		return EX_ERROR;
	}
	begin(x);
	(void)descend(x);
	if (x->strayed || ex_snap_strays(x->snap)) {
		fputs("explore: memory outside the snapshots changed\n", stderr);
		ex_search_end(x);
		return EX_ERROR;
	}
	if (setup->stop_at)
		return EX_CUT; /* the caller reads the path, and calls ex_search_end() */
	trail = x->trail;      /* a report makes moves, too */
	if (out)
		print_line(x, ex_now() - t0, out);
	if (x->violated && out)
		ex_report(x, out);
	if (setup->seg_file && (x->violated || setup->ordinary) && !ex_report_seg(x)) {
		ex_search_end(x);
		return EX_ERROR;
	}
	x->trail = trail;
	ex_search_end(x);
	return x->violated ? EX_VIOLATION : x->cut ? EX_CUT : EX_EXHAUSTED;
}
