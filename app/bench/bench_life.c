/* SPDX-License-Identifier: BSD-3-Clause */

/* Complete connections, from SYN to TIME_WAIT or CLOSED, on the server core alone: lifecycle, churn
 * (lifecycle with a population), and connections under attack.
 *
 * There are three groups of flows, one segment apart. A batch has the SYNs of one group, the second segments of
 * another and the last segments of the third, shuffled. In the next batch every group is one segment further. Every
 * connection has a new tuple.
 *
 * A population is entered first: entries of other peers with random deadlines within 2*MSL. So the expiring entries
 * are at random places in the table and in the index, which is the worst order. 2*MSL is the population / (EXPECTED *
 * the rate with an empty table). So entries expire about as fast as new entries enter, and the population is constant.
 * The bench checks that the population is constant. */

#include <inttypes.h>
#include <string.h>

#include "bench/internal.h"
#include "wire/tcp.h"

enum {
	SYN_ACK = LA_SYN | LA_ACK,
	FIN_ACK = LA_FIN | LA_ACK,
	NSTEPS = 3,
	GROUP = BENCH_BATCH / NSTEPS,
	FEW = BENCH_BATCH / 10 / NSTEPS, /* under attack: one frame in ten belongs to a connection */
	EMPTY_LIFE = 10,		 /* least 2*MSL, ms */
	LIFE_MAX = (1 << 18) - 2,	 /* largest 2*MSL, ms; past the end of the wheel an entry costs two visits */
	SPARE = 4 << 20,		 /* entries in addition to the population */
	COOKIES_DONE = 16,
};

static const double EXPECTED = 0.95; /* expected rate with a population, as a share of the empty table's rate */

/* ------------------------------------------------------------------ the server's side */

static const char response[] = "y";

static void
life_close_conn(struct la_conn *c, void *user)
{
	(void)user;
	la_close(c);
}

static void
life_respond(struct la_conn *c, void *user)
{
	(void)user;
	la_consume(c, la_unread(c));
	la_send_const(c, response, 1);
}

static void
life_respond_and_close(struct la_conn *c, void *user)
{
	life_respond(c, user);
	la_close(c);
}

/* ------------------------------------------------------------------ the measured object */

struct life_kind {
	const char *text;
	struct gen_step script[NSTEPS];
	struct la_conn_ops ops;
	bool server_first; /* the server closes first and holds TIME_WAIT */
};

static const struct life_kind kinds[] = {
	{"server closes first, 1 byte",
	 {{LA_SYN, 0, SYN_ACK, 0}, {LA_PSH | LA_ACK, 1, FIN_ACK, 1}, {FIN_ACK, 0, LA_ACK, 0}},
	 {.data = life_respond_and_close},
	 true},
	{"server closes first, no payload",
	 {{LA_SYN, 0, SYN_ACK, 0}, {LA_ACK, 0, FIN_ACK, 0}, {FIN_ACK, 0, LA_ACK, 0}},
	 {.opened = life_close_conn},
	 true},
	{"client closes first, 1 byte",
	 {{LA_SYN, 0, SYN_ACK, 0}, {LA_PSH | FIN_ACK, 1, FIN_ACK, 1}, {LA_ACK, 0, 0, 0}},
	 {.data = life_respond, .peer_fin = life_close_conn},
	 false},
	{"client closes first, no payload",
	 {{LA_SYN, 0, SYN_ACK, 0}, {FIN_ACK, 0, FIN_ACK, 0}, {LA_ACK, 0, 0, 0}},
	 {.peer_fin = life_close_conn},
	 false},
};

struct life {
	const struct life_kind *kind;
	uint64_t population;
	uint32_t lifetime; /* 2*MSL, ms */
	uint8_t attack;	   /* flags of the attack's segments; 0: no attack */
	struct server sv;
	struct gen g;
	uint32_t group; /* flows per group */
	unsigned turn;
	uint64_t offered, done;	   /* connections begun and ended */
	uint64_t entered, expired; /* TIME_WAIT entries during the rounds */
	uint64_t least, most;	   /* least and most of the population during the rounds */
	struct bench_row *row;
};

static void
options_of(const struct life *l, struct server_options *o)
{
	*o = (struct server_options){
		.ops = &l->kind->ops, .time_wait = l->population + SPARE, .conn = {.msl_ms = l->lifetime / 2}};
}

/* rate: connections/s with an empty table; 0: not known. Returns 0, or -1 after a fault. */
static int
life_open(struct life *l, struct bench *b, double rate)
{
	double ms = rate > 0 ? (double)l->population / rate / EXPECTED * 1e3 : 0;
	struct server_options o;

	l->lifetime = ms < EMPTY_LIFE ? EMPTY_LIFE : ms > LIFE_MAX ? LIFE_MAX : (uint32_t)ms;
	l->lifetime = l->lifetime / 2 * 2; /* MSL is a whole number of ms */
	l->group = l->attack ? FEW : GROUP;
	l->least = UINT64_MAX;
	options_of(l, &o);
	if (server_open(&l->sv, b, &o) != 0)
		return -1;
	if (gen_open(&l->g, &l->sv, NSTEPS * l->group, l->kind->script, NSTEPS) != 0) {
		server_close(&l->sv);
		return -1;
	}
	return bench_fill(&l->sv, l->population, l->lifetime, false);
}

static void
life_close(struct life *l)
{
	if (l->sv.shard) {
		server_close(&l->sv);
		gen_close(&l->g);
	}
}

/* ------------------------------------------------------------------ the run */

/* Moves every group one segment ahead. With `beginning`, the group whose connections have ended begins new ones. */
static void
life_batch(struct life *l, bool beginning, bool timed)
{
	struct gen *g = &l->g;

	for (uint32_t i = 0; i < g->nflows; i++) {
		struct gen_flow *f = &g->flow[i];

		if (i / l->group == l->turn % NSTEPS && f->step == 0) {
			if (!beginning)
				continue;
			gen_new_flow(g, i);
			l->offered++;
		} else if (f->step == 0) {
			continue; /* this group begins in a later batch */
		}
		gen_send(g, i);
	}
	if (l->attack) {
		while (g->n < BENCH_BATCH && g->b->faults == 0)
			gen_attack(g, l->attack);
	}
	gen_shuffle(g);
	gen_run(g, timed);
	for (uint32_t i = 0; i < g->nflows; i++) {
		if (g->flow[i].step == NSTEPS) {
			g->flow[i].step = 0;
			l->done++;
		}
	}
	l->turn++;
}

static void
life_settle(struct life *l)
{
	for (unsigned i = 0; i < NSTEPS + 1; i++)
		life_batch(l, false, false);
}

static void
note_population(struct life *l)
{
	uint64_t n = la_shard_counters(l->sv.shard)->v[LA_C_time_wait];

	l->least = n < l->least ? n : l->least;
	l->most = n > l->most ? n : l->most;
}

/* Runs a warm-up, then for `seconds` of the server's time. Returns connections/s, or frames/s under attack; 0 after a
 * fault. */
static double
life_measure(struct life *l, double seconds, double limit, bool note)
{
	const uint64_t *v = la_shard_counters(l->sv.shard)->v;
	struct bench *b = l->sv.b;
	uint64_t done, sent, entered = v[LA_C_time_wait_entered], expired = v[LA_C_time_wait_expired];
	double units;

	bench_wake(&l->sv);
	l->sv.cost = (struct bench_cost){0};
	while (l->sv.cost.cpu < seconds * 0.25e9 && b->faults == 0)
		life_batch(l, true, true);
	note_population(l);
	l->sv.cost = (struct bench_cost){0};
	done = l->done;
	sent = l->g.sent;
	while (l->sv.cost.cpu < seconds * 1e9 && b->faults == 0)
		life_batch(l, true, true);
	note_population(l);
	l->entered += v[LA_C_time_wait_entered] - entered;
	l->expired += v[LA_C_time_wait_expired] - expired;
	units = l->attack ? (double)(l->g.sent - sent) : (double)(l->done - done);
	if (b->faults != 0)
		return 0;
	if (note)
		bench_note(b, l->row, &l->sv.cost, units, limit);
	return units / l->sv.cost.cpu * 1e9;
}

static void
life_check(struct life *l)
{
	static const enum la_counter attacked[] = {LA_C_syn_cookies_bad, LA_C_drop_no_listener, LA_C_rst_throttled,
						   LA_C_rst_out,	 LA_C_retransmits,	LA_C_drop_listen_bad,
						   LA_NCOUNTERS};
	const struct la_counters *c = la_shard_counters(l->sv.shard);
	struct bench *b = l->sv.b;

	if (b->faults != 0)
		return;
	life_settle(l);
	server_check(&l->sv, l->row->name, l->attack ? attacked : NULL);
	if (l->done != l->offered)
		bench_fault(b, "%s: %" PRIu64 " connections begun, %" PRIu64 " ended", l->row->name, l->offered,
			    l->done);
	if (c->v[LA_C_ended_orderly] != l->done)
		bench_fault(b, "%s: %" PRIu64 " connections ended, the server counts %" PRIu64, l->row->name, l->done,
			    c->v[LA_C_ended_orderly]);
	if (c->v[LA_C_time_wait_entered] != c->v[LA_C_time_wait] + c->v[LA_C_time_wait_expired])
		bench_fault(b, "%s: TIME_WAIT entries: entered is not the sum of present and expired", l->row->name);
	if (l->lifetime == EMPTY_LIFE) /* only the entries of a few ticks: no population to check */
		return;
	/* wide bounds: a small population follows the varying speed of a shared host */
	if (l->least < l->population / 10 * 4 || l->most > l->population / 10 * 16 + SPARE / 16)
		bench_fault(b, "%s: the population was not constant: %" PRIu64 " to %" PRIu64, l->row->name, l->least,
			    l->most);
	if (l->expired < l->entered / 2)
		bench_fault(b, "%s: %" PRIu64 " entries entered and only %" PRIu64 " expired", l->row->name, l->entered,
			    l->expired);
}

/* Returns connections/s without a population. 2*MSL of the runs with a population derives from this rate. */
static double
empty_rate(struct bench *b)
{
	struct life l = {.kind = &kinds[0]};
	double rate = 0;

	if (life_open(&l, b, 0) == 0)
		rate = life_measure(&l, 0.1 + b->opt.seconds / 2, 0, false);
	life_close(&l);
	return rate;
}

/* Sets the note of the row. */
static void
life_describe(struct life *l)
{
	struct bench_row *r = l->row;

	if (l->attack) {
		snprintf(r->note, sizeof(r->note),
			 "%.0f %% of the frames are the attack's; connections begun %" PRIu64 ", ended %" PRIu64
			 "; cookies sent %" PRIu64,
			 100.0 * (double)l->g.attacks / (double)(l->g.sent ? l->g.sent : 1), l->offered, l->done,
			 la_shard_counters(l->sv.shard)->v[LA_C_syn_cookies_sent]);
		return;
	}
	if (!l->kind->server_first)
		return;
	snprintf(r->note, sizeof(r->note),
		 "MSL %.3f s, %" PRIu64 " to %" PRIu64 " in TIME_WAIT, %.2f expired for each that entered",
		 l->lifetime / 2e3, l->least, l->most, l->entered ? (double)l->expired / (double)l->entered : 0);
}

/* ------------------------------------------------------------------ lifecycle */

static void
life_rounds(struct bench *b, struct life *l)
{
	for (unsigned k = 0; k <= b->opt.rounds && b->faults == 0; k++) {
		double limit = bench_limit(b, BENCH_FRAME);

		life_measure(l, b->opt.seconds, limit, k > 0);
	}
	life_check(l);
	life_describe(l);
	bench_print_row(b, l->row);
}

static void
life_kind_run(struct bench *b, const struct life_kind *kind, double rate)
{
	struct life l = {.kind = kind, .population = kind->server_first ? b->opt.population : 0};
	struct server_options o;

	options_of(&l, &o);
	if (!bench_fits("lifecycle", server_memory(&o)))
		return;
	if (kind->server_first)
		l.row = bench_row(b, "lifecycle", "connection", NSTEPS, "lifecycle, %s, %" PRIu64 " in TIME_WAIT",
				  kind->text, l.population);
	else
		l.row = bench_row(b, "lifecycle", "connection", NSTEPS, "lifecycle, %s", kind->text);
	if (l.row && life_open(&l, b, rate) == 0)
		life_rounds(b, &l);
	life_close(&l);
}

static void
life_run(struct bench *b)
{
	double rate = empty_rate(b);

	for (unsigned i = 0; i < RTE_DIM(kinds) && b->faults == 0; i++)
		life_kind_run(b, &kinds[i], rate);
	if (b->faults == 0)
		bench_both(b);
}

const struct bench_kind bench_life_kind = {
	"lifecycle",
	"SYN to TIME_WAIT or CLOSED; either end closes first, with and without a byte each way. The\n"
	"server core alone, with --population expiring entries in TIME_WAIT; and both ends",
	life_run};

/* ------------------------------------------------------------------ churn at population */

static unsigned
churn_open(struct bench *b, struct life *l, double rate)
{
	unsigned n = 0;

	for (; n < b->opt.npopulations && b->faults == 0; n++) {
		struct server_options o;
		char what[64];

		l[n] = (struct life){.kind = &kinds[0], .population = b->opt.populations[n]};
		options_of(&l[n], &o);
		snprintf(what, sizeof(what), "churn with %" PRIu64, l[n].population);
		if (!bench_fits(what, server_memory(&o)))
			break;
		l[n].row = bench_row(b, "churn", "connection", NSTEPS, "churn, %" PRIu64 " in TIME_WAIT",
				     l[n].population);
		if (!l[n].row || life_open(&l[n], b, n ? rate : 0) != 0)
			return n + 1;
		l[n].row->of = "empty";
	}
	return n;
}

static void
churn_run(struct bench *b)
{
	struct life l[BENCH_POPULATIONS] = {{0}};
	unsigned n = churn_open(b, l, empty_rate(b));

	for (unsigned k = 0; k <= b->opt.rounds && b->faults == 0; k++) {
		double empty = 0;

		for (unsigned i = 0; i < n; i++) {
			double rate = life_measure(&l[i], b->opt.seconds, 0, k > 0);

			if (i == 0)
				empty = rate;
			if (k > 0 && b->faults == 0)
				bench_add(&l[i].row->ratio, rate / empty);
		}
	}
	for (unsigned i = 0; i < n && b->faults == 0; i++) {
		life_describe(&l[i]);
		life_check(&l[i]);
		bench_print_row(b, l[i].row);
	}
	for (unsigned i = 0; i < n; i++)
		life_close(&l[i]);
}

const struct bench_kind bench_churn_kind = {
	"churn", "lifecycle with each of --populations in TIME_WAIT, compared with an empty table", churn_run};

/* ------------------------------------------------------------------ under attack */

static void
attack_run(struct bench *b, const char *name, uint8_t flags, const char *text)
{
	struct life l = {.kind = &kinds[0], .attack = flags};

	l.row = bench_row(b, name, "packet", 1, "%s", text);
	if (l.row && life_open(&l, b, 0) == 0) {
		/* until the number of half-open connections is at its maximum */
		for (unsigned i = 0; flags == LA_SYN && i < 2 * COOKIES_DONE && b->faults == 0; i++)
			life_batch(&l, true, false);
		life_rounds(b, &l);
	}
	life_close(&l);
}

static void
flood_run(struct bench *b)
{
	attack_run(b, "syn-flood", LA_SYN, "syn-flood, 9 in 10 frames of no connection");
}

static void
garbage_run(struct bench *b)
{
	attack_run(b, "ack-garbage", LA_ACK, "ack-garbage, 9 in 10 frames of no connection");
}

const struct bench_kind bench_flood_kind = {
	"syn-flood", "SYNs from random sources, answered by cookies, while connections open and close", flood_run};
const struct bench_kind bench_garbage_kind = {"ack-garbage", "ACKs of no connection, while connections open and close",
					      garbage_run};
