/* SPDX-License-Identifier: BSD-3-Clause */

/* Honest clients while a server is attacked. (Clients, server and virtual time: bench_clients.h; attacks:
 * bench_abuse.h.)
 *
 * HONEST connections/s begin by schedule, far below the server's capacity. They run first without an attack, then
 * under one attack after the other. An attack sends RATE frames/s by schedule, independent of the server. So the honest
 * closes per second show a loss of service and not a share of the CPU; p99 shows the delay, in virtual time.
 *
 *	lead	a quarter of the measured time: bots open, queues fill
 *	measured	--seconds of virtual time, SECONDS_LEAST at least
 *	after	the attack ends; bots reset their connections 50 and 100 ms later
 *	1 s after	gauges are compared with their values before the attack
 *	until LAWFUL_S	gauges that differ are read every second. Half-open connections of absent sources live
 *			63 s, and their neighbour entries 3 s longer. A gauge that differs after LAWFUL_S seconds is
 *			a fault.
 *
 * A random ACK is the valid answer to a SYN cookie with a chance of 2^-21.9 (lib/tcp/cookie.c, Strength), and opens a
 * connection of an absent host. The server aborts and counts such connections. More than GUESSED_LEAST plus
 * GUESSED_TIMES the expected number is a fault.
 *
 * Cycles are per attack frame: the server's CPU time, without the cost of the honest connections, divided by the number
 * of attack frames. The run without an attack measures the cost of an honest connection. On a busy machine this cost
 * differs from run to run, so a short run's result may be negative. The attack's share of the TSC cycles equals that of
 * the CPU time. */

#include <inttypes.h>
#include <string.h>

#include <rte_mempool.h>

#include "bench/bench_abuse.h"
#include "net/shard.h"

enum {
	SLOTS = 1 << 18, /* most honest clients at once */
	MAX_CONNS = 16384,
	TIME_WAIT = 1 << 18,
	MSL_MS = 100, /* TIME_WAIT ends long before the gauges are read */
	ROUNDS = 3,
	HONEST = 20000, /* connections a second */
	RATE = 1000000, /* frames of an attack a second */
	LAWFUL_S = 75,	/* longest time after an attack in which a gauge may differ */
	GUESSED_LEAST = 8,
	GUESSED_TIMES = 4,
	GUESS_FRAMES = 3900000, /* 2^21.9: ACKs for one guessed cookie, on average */
	DROPS_SAID = 3,		/* number of drops in the note; the JSON has all drops */
};

static const double TICK_NS = 50e3, RESET_NS = 50e6, AFTER_NS = 1e9, SECONDS_LEAST = 0.05;
static const double LAST_NS = 200e6; /* after AFTER_NS: the last clients give up 1.05 s after their SYN */

/* ------------------------------------------------------------------ the server */

static const char page[ABUSE_PAGE] = "z";
static enum abuse_app app;
static uint64_t guessed; /* connections of absent hosts, opened by random ACKs */

static void
serve_bot(struct la_conn *c, void *user)
{
	(void)user;
	if (app == ABUSE_UNREAD)
		return;
	if (app == ABUSE_CLOSE) {
		clients_respond(c);
		return;
	}
	la_consume(c, la_unread(c));
	la_send(c, page, sizeof(page));
}

static void
abuse_serve(struct la_conn *c, void *user)
{
	(void)user;
	clients_respond(c);
}

static const struct la_conn_ops bot_ops = {.data = serve_bot};

static void
abuse_opened(struct la_conn *c, void *user)
{
	struct la_conn_info info;

	(void)user;
	la_conn_info(c, &info);
	if (abuse_is_bot(info.tuple.raddr.w[3])) {
		la_set_ops(c, &bot_ops);
	} else if (abuse_is_absent(info.tuple.raddr.w[3])) {
		guessed++;
		la_abort(c);
	}
}

static const struct la_conn_ops ops = {.opened = abuse_opened, .data = abuse_serve};

/* ------------------------------------------------------------------ gauges */

enum { BUFFERS, LIVE, HALF_OPEN, NEIGHBOURS, WAITING, RESERVED, IN_TIME_WAIT, FIN_WAIT_2, ORPHANS, SHEDDING, GAUGES };

static const char *const gauge_name[GAUGES] = {
	[BUFFERS] = "buffers",	      [LIVE] = "live",
	[HALF_OPEN] = "half_open",    [NEIGHBOURS] = "neighbours",
	[WAITING] = "neigh_waiting",  [RESERVED] = "reserved",
	[IN_TIME_WAIT] = "time_wait", [FIN_WAIT_2] = "fin_wait_2",
	[ORPHANS] = "orphans",	      [SHEDDING] = "syn_shed_level",
};

static void
read_gauges(const struct abuse *a, uint64_t now[GAUGES])
{
	const struct la_shard *s = a->c.sv.shard;
	const struct la_counters *c = la_shard_counters(s);

	now[BUFFERS] = rte_mempool_in_use_count(a->c.sv.pool);
	now[LIVE] = c->v[LA_C_live];
	now[HALF_OPEN] = c->state[LA_SYN_RCVD];
	now[NEIGHBOURS] = la_neigh_count(&s->neigh);
	now[WAITING] = c->v[LA_C_neigh_waiting];
	now[RESERVED] = s->tcp.tw.pool[0].reserved;
	now[IN_TIME_WAIT] = c->v[LA_C_time_wait];
	now[FIN_WAIT_2] = c->v[LA_C_fin_wait_2_held];
	now[ORPHANS] = c->v[LA_C_orphans];
	now[SHEDDING] = c->v[LA_C_syn_shed_level];
}

/* Writes the gauges that differ from `before` as text: "live 3 (0)", the old value in brackets. No difference: "". */
static void
abuse_differing(const struct abuse *a, const uint64_t before[GAUGES], char *text, size_t size)
{
	uint64_t now[GAUGES];
	size_t at = 0;

	read_gauges(a, now);
	text[0] = '\0';
	for (unsigned g = 0; g < GAUGES && at < size; g++)
		if (now[g] != before[g])
			at += (size_t)snprintf(text + at, size - at, "%s%s %" PRIu64 " (%" PRIu64 ")", at ? ", " : "",
					       gauge_name[g], now[g], before[g]);
}

/* ------------------------------------------------------------------ a run */

/* Figures of one run, of honest clients alone or under an attack. */
struct result {
	struct clients_tally t;
	uint64_t frames;	     /* frames of the attack */
	uint64_t guessed;	     /* SYN cookies that the attack guessed */
	uint64_t held;		     /* most packet buffers held */
	uint64_t held_max;	     /* limit of held packet buffers */
	uint64_t drop[LA_NCOUNTERS]; /* drops during the attack and after it */
	unsigned back_s;	     /* seconds until every gauge had its old value */
	char late[128];		     /* gauges that differed after one second, with both values */
};

static void
abuse_traffic(struct clients *c)
{
	struct abuse *a = (struct abuse *)c;

	for (; a->next <= c->sv.now_ns; a->next += 1e9 / RATE) {
		if (c->g.n >= 2 * BENCH_BATCH)
			clients_deliver(c);
		a->attack->frame(a);
		a->turn++;
		a->frames++;
	}
}

static void
abuse_stepped(struct clients *c)
{
	struct abuse *a = (struct abuse *)c;

	a->held_most = RTE_MAX(a->held_most, la_shard_counters(c->sv.shard)->v[LA_C_buffers_held]);
}

static void
abuse_other_answer(struct clients *c, const struct gen_answer *s)
{
	abuse_bot_answer((struct abuse *)c, s);
}

/* Runs from the end of the attack until every gauge has its old value. */
static void
abuse_settle(struct abuse *a, const uint64_t before[GAUGES], const char *what, struct result *r)
{
	struct clients *c = &a->c;
	char late[sizeof(r->late)];

	c->offering = false;
	c->traffic = NULL;
	for (unsigned i = 0; i < 2; i++) {
		clients_run(c, RESET_NS);
		abuse_bots_reset(a);
		clients_deliver(c);
	}
	clients_run(c, AFTER_NS - 2 * RESET_NS);
	abuse_differing(a, before, r->late, sizeof(r->late));
	memcpy(late, r->late, sizeof(late));
	for (r->back_s = 1; late[0] && r->back_s < LAWFUL_S && c->g.b->faults == 0; r->back_s++) {
		clients_run(c, 1e9);
		abuse_differing(a, before, late, sizeof(late));
	}
	if (late[0])
		bench_fault(c->g.b, "%s: %u s after the attack (values before the attack in brackets): %s", what,
			    r->back_s, late);
	if (c->nfree != c->nslots)
		clients_run(c, LAST_NS);
	if (c->nfree != c->nslots || c->n.offered != c->n.carried + c->n.timeouts + c->n.resets)
		bench_fault(c->g.b,
			    "%s: %" PRIu64 " offered; %" PRIu64 " carried, %" PRIu64 " timed out, %" PRIu64 " reset",
			    what, c->n.offered, c->n.carried, c->n.timeouts, c->n.resets);
}

static void
abuse_measure(struct abuse *a, const struct abuse_attack *attack, const char *what, struct result *r)
{
	struct clients *c = &a->c;
	const struct la_counters *n = la_shard_counters(c->sv.shard);
	double ns = 1e9 * RTE_MAX(c->g.b->opt.seconds, SECONDS_LEAST);
	uint64_t before[GAUGES], drop[LA_NCOUNTERS];
	struct clients_tally mark;

	memset(r, 0, sizeof(*r));
	read_gauges(a, before);
	memcpy(drop, n->v, sizeof(drop));
	abuse_bots_forget(a);
	guessed = 0;
	app = attack ? attack->app : ABUSE_UNREAD;
	clients_offer(c, HONEST);
	a->held_most = 0;
	clients_run(c, ns / 16); /* some honest clients have connections before the attack */
	a->attack = attack;
	a->next = c->sv.now_ns;
	c->traffic = attack ? abuse_traffic : NULL;
	clients_run(c, ns / 4);
	mark = clients_mark(c);
	a->frames = 0;
	clients_run(c, ns);
	r->t = clients_since(c, &mark);
	r->frames = a->frames;
	r->guessed = guessed;
	if (r->guessed > GUESSED_LEAST + GUESSED_TIMES * (r->frames / GUESS_FRAMES))
		bench_fault(c->g.b, "%s: %" PRIu64 " of %" PRIu64 " frames opened a connection", what, r->guessed,
			    r->frames);
	abuse_settle(a, before, what, r);
	r->held = a->held_most;
	r->held_max = c->sv.shard->tcp.hold.max;
	for (unsigned i = 0; i < LA_NCOUNTERS; i++)
		if (la_counter_kind((enum la_counter)i) == LA_KIND_DROP)
			r->drop[i] = n->v[i] - drop[i];
	if (r->t.carried == 0)
		bench_fault(c->g.b, "%s: no honest connection was carried", what);
}

/* ------------------------------------------------------------------ rows */

/* Writes the most frequent drops of the run as text. Returns all drops as a JSON object. */
static json_t *
abuse_drops(const struct result *r, char *text, size_t size)
{
	json_t *all = json_object();
	uint64_t below = UINT64_MAX;
	size_t at = 0;

	for (unsigned i = 0; i < LA_NCOUNTERS; i++)
		if (r->drop[i] > 0)
			json_object_set_new(all, la_counter_name((enum la_counter)i),
					    json_integer((json_int_t)r->drop[i]));
	text[0] = '\0';
	for (unsigned k = 0; k < DROPS_SAID && at < size; k++) {
		unsigned most = LA_NCOUNTERS;

		for (unsigned i = 0; i < LA_NCOUNTERS; i++)
			if (r->drop[i] > 0 && r->drop[i] < below &&
			    (most == LA_NCOUNTERS || r->drop[i] > r->drop[most]))
				most = i;
		if (most == LA_NCOUNTERS)
			break;
		below = r->drop[most];
		at += (size_t)snprintf(text + at, size - at, "%s%s %" PRIu64, k ? ", " : "",
				       la_counter_name((enum la_counter)most), below);
	}
	return all;
}

/* Sets note and JSON of the row to the figures of the last round. back: in every round the gauges had their old values
 * after one second. */
static void
abuse_describe(struct bench_row *row, const struct result *r, bool back)
{
	const struct clients_tally *t = &r->t;
	char drops[112], gauges[168] = "yes";
	json_t *all = abuse_drops(r, drops, sizeof(drops));
	int n;

	if (!back)
		snprintf(gauges, sizeof(gauges), "no, after %u s; after 1 s: %s", r->back_s, r->late);
	n = snprintf(row->note, sizeof(row->note),
		     "closes %.0f/s, p99 %.2f ms; buffers held %.1f %%; gauges as before after 1 s: %s; drops: %s",
		     clients_per_second(t->carried, t), t->p99 * 1e-6, 100.0 * (double)r->held / (double)r->held_max,
		     gauges, drops[0] ? drops : "none");
	if ((size_t)n >= sizeof(row->note))
		strcpy(row->note + sizeof(row->note) - 4, "...");
	json_decref(row->more);
	row->more = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:f, s:I, s:b, s:i, s:s, s:o}", "closes_per_s",
			      clients_per_second(t->carried, t), "p99_ms", t->p99 * 1e-6, "timeouts_per_s",
			      clients_per_second(t->timeouts, t), "resets_per_s", clients_per_second(t->resets, t),
			      "ring_full_per_s", clients_per_second(t->ring_full, t), "attack_frames_per_s",
			      clients_per_second(r->frames, t), "held_most", (json_int_t)r->held, "held_max",
			      (json_int_t)r->held_max, "held_share", (double)r->held / (double)r->held_max,
			      "cookies_guessed", (json_int_t)r->guessed, "gauges_back", back, "gauges_back_s",
			      (int)r->back_s, "gauges_late", r->late, "drops", all);
}

static double
per_honest(double cost, const struct result *alone)
{
	return cost / (double)alone->t.carried;
}

/* Measures the honest clients alone, then under every attack. noted: the figures are added to the rows. */
static void
abuse_round(struct bench *b, struct abuse *a, struct bench_row **row, bool *back, bool noted)
{
	static struct result alone, r;

	abuse_measure(a, NULL, row[0]->name, &alone);
	if (b->faults == 0 && noted) {
		back[0] &= alone.late[0] == '\0';
		bench_add(&row[0]->value, per_honest(alone.t.cpu * b->ghz, &alone));
		bench_add(&row[0]->wall, per_honest((double)alone.t.tsc, &alone));
		abuse_describe(row[0], &alone, back[0]);
	}
	for (unsigned i = 1; i <= ABUSE_ATTACKS && b->faults == 0; i++) {
		double rest, frames;

		abuse_measure(a, &abuse_attacks[i - 1], row[i]->name, &r);
		if (b->faults != 0 || !noted)
			continue;
		rest = r.t.cpu - (double)r.t.carried * per_honest(alone.t.cpu, &alone);
		frames = (double)r.frames;
		back[i] &= r.late[0] == '\0';
		bench_add(&row[i]->value, rest * b->ghz / frames);
		bench_add(&row[i]->wall, rest / r.t.cpu * (double)r.t.tsc / frames);
		bench_add(&row[i]->ratio,
			  clients_per_second(r.t.carried, &r.t) / clients_per_second(alone.t.carried, &alone.t));
		abuse_describe(row[i], &r, back[i]);
	}
}

static int
abuse_open(struct abuse *a, struct bench *b)
{
	struct server_options so = {.ops = &ops,
				    .max_conns = MAX_CONNS,
				    .time_wait = TIME_WAIT,
				    .conn = {.msl_ms = MSL_MS},
				    .pool = CLIENTS_POOL,
				    .addr = "10.77.0.2/16"};

	memset(a, 0, sizeof(*a));
	if (clients_open(&a->c, b, &so, "abuse", SLOTS) != 0)
		return -1;
	a->c.tick = TICK_NS;
	a->c.syn_again = true;
	a->c.stepped = abuse_stepped;
	a->c.other = abuse_other_answer;
	clients_run(&a->c, AFTER_NS); /* after this time the gateway is resolved */
	return 0;
}

static void
abuse_run(struct bench *b)
{
	static struct abuse a;
	struct bench_row *row[1 + ABUSE_ATTACKS];
	bool back[1 + ABUSE_ATTACKS];

	row[0] = bench_row(b, "abuse", "connection", CLIENTS_NSTEPS, "abuse, honest clients alone");
	for (unsigned i = 1; i <= ABUSE_ATTACKS; i++)
		row[i] = bench_row(b, "abuse", "attack frame", 1, "abuse, under %s: %s", abuse_attacks[i - 1].name,
				   abuse_attacks[i - 1].text);
	for (unsigned i = 0; i <= ABUSE_ATTACKS; i++) {
		if (row[i] == NULL)
			return;
		row[i]->of = "closes alone";
		back[i] = true;
	}
	if (abuse_open(&a, b) != 0)
		return;
	for (unsigned k = 0; k <= RTE_MIN(b->opt.rounds, (uint64_t)ROUNDS) && b->faults == 0; k++)
		abuse_round(b, &a, row, back, k > 0);
	if (la_shard_counters(a.c.sv.shard)->v[LA_C_early_recycles] != 0)
		bench_fault(b, "abuse: a TIME_WAIT entry ended before its time");
	for (unsigned i = 0; i <= ABUSE_ATTACKS; i++)
		bench_print_row(b, row[i]);
	clients_close(&a.c);
}

const struct bench_kind bench_abuse_kind = {
	"abuse",
	"20000 honest connections/s, alone and under nine attacks of a million frames/s each: share\n"
	"of the closes, p99 in virtual time, buffers held, drops, gauges one second later; cycles are\n"
	"per attack frame; three rounds at most",
	abuse_run};
