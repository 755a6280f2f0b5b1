/* SPDX-License-Identifier: BSD-3-Clause */

/* The cost of TIME_WAIT: tuples at the end that opens, memory at the end that closes. */

#include "explain/explain.h"

/* Frees the records of all connections that have ended, except `keep`, so that new connections can use them. */
static void
budget_sweep(struct explain *x, const struct la_sim_conn *keep)
{
	struct la_sim_conn *c;

	for (unsigned i = 0; (c = la_sim_conn_next(x->w, &i));)
		if (c->closed && c != keep)
			la_sim_conn_free(c);
}

/* ------------------------------------------------------------------ tuples */

enum { PORTS = 10, TRIES_S = 180, TIME_WAIT_S = 60 };

/* Opens from the next free port in numerical order, as a client's kernel does. Returns false when none is free. */
static bool
open_any(struct explain *x, const struct la_sim_plan *plan, unsigned t)
{
	if (t == 0)
		return ex_open(x, plan) != NULL;
	for (unsigned p = 0; p < PORTS; p++)
		if (la_sim_connect(x->w, EX_A, EX_B, false, (uint16_t)(EX_PORT_A + p), EX_PORT_B, plan, NULL) == 0)
			return true;
	return false;
}

static void
port_exhaustion(struct explain *x)
{
	static const struct la_sim_plan client = {.ending = LA_SIM_CLOSE};
	static const struct la_sim_plan server = {.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN};
	static const struct {
		const char *what;
		unsigned ports;
	} ranges[] = {
		{"this run", PORTS},
		{"Linux's default, 32768-60999", 60999 - 32768 + 1},
		{"every port above 1023", 65535 - 1024 + 1},
		{"ports above 1023 of a /24", 254u * (65535 - 1024 + 1)},
	};
	struct la_sim_config cfg = {0};
	unsigned opened = 0, refused = 0, first_refused = 0;

	if (!ex_world(x, &cfg, &server))
		return;
	for (unsigned t = 0; t < TRIES_S; t++) {
		ex_until(x, t * 1000ull);
		if (open_any(x, &client, t)) {
			opened++;
		} else {
			first_refused = refused++ ? first_refused : t;
			if (refused == 1)
				la_sim_note(x->w, EX_A, "no port is left: every tuple is in TIME_WAIT");
		}
		budget_sweep(x, NULL);
	}
	ex_quiet(x);

	ex_line(x, "%11s%-32s %12s %16s", "", "ports of one client to one server", "tuples", "opens/s, for ever");
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		ex_line(x, "%11s%-32s %12u %16.2f", "", ranges[i].what, ranges[i].ports,
			(double)ranges[i].ports / TIME_WAIT_S);
	ex_say(x,
	       "A has %d ports, opens one connection per second, and closes first each time. So "
	       "each tuple is in TIME_WAIT for %d s. The ladder shows the first of the tuples. "
	       "After %u opens, at %u s, no tuple is left; in all, %u of %d tries succeed. The "
	       "budget is tuples / (2*MSL) opens per second, at any speed of the hosts. More "
	       "addresses or ports raise it. A server that closes first, or fewer closes, reduce "
	       "the need.",
	       PORTS, TIME_WAIT_S, first_refused, first_refused, opened, TRIES_S);
	ex_is(x, "opens before the first refusal, the number of ports", first_refused, PORTS);
	ex_is(x, "opens in 180 s, computed 10 * 180 / 60", opened, PORTS * TRIES_S / TIME_WAIT_S);
	ex_is(x, "tries refused", refused, TRIES_S - PORTS * TRIES_S / TIME_WAIT_S);
	ex_is(x, "opens that A counted", ex_count(x, EX_A, LA_C_opens_active), opened);
	ex_is(x, "most TIME_WAIT entries at once", ex_count(x, EX_A, LA_C_time_wait_peak), PORTS);
	ex_is(x, "TIME_WAIT entries ended early", ex_count(x, EX_A, LA_C_early_recycles), 0);
	ex_verdict(x, "%u opens in %d s from %d tuples, %.3f per second: exactly the budget of %d / %d s.", opened,
		   TRIES_S, PORTS, (double)opened / TRIES_S, PORTS, TIME_WAIT_S);
}

/* ------------------------------------------------------------------ memory */

enum { SERVERS = 3, GAP_MS = 500, LONG_S = 500, RATE = 100000 };

static const uint32_t msl_s[SERVERS] = {30, 120, 240};

/* Returns the bytes of TIME_WAIT at `rate` closes per second and an MSL of `msl` s, with index and timers. */
static uint64_t
entries_bytes(uint32_t rate, uint32_t msl)
{
	struct la_shard_config with = {.max_conns = 64,
				       .max_time_wait4 = rate * 2 * msl,
				       .max_time_wait6 = 64,
				       .max_neighbours = 16,
				       .naddrs = 1,
				       .msl_ms = msl * 1000};
	struct la_shard_config without = with;

	without.max_time_wait4 = 1;
	return la_shard_memory(&with) - la_shard_memory(&without);
}

static void
memory_table(struct explain *x)
{
	static const uint32_t rates[] = {RATE / 100, RATE / 10, RATE};

	ex_line(x, "%11s%-18s %16s %16s %16s", "", "closes/s for ever", "MSL 30 s", "MSL 120 s", "MSL 240 s");
	for (unsigned r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		char cell[SERVERS][32];

		for (unsigned s = 0; s < SERVERS; s++)
			snprintf(cell[s], sizeof(cell[s]), "%.1f MiB",
				 (double)entries_bytes(rates[r], msl_s[s]) / (1 << 20));
		ex_line(x, "%11s%-18u %16s %16s %16s", "", rates[r], cell[0], cell[1], cell[2]);
	}
}

static void
msl_choices(struct explain *x)
{
	static const struct la_sim_plan servers[SERVERS] = {
		{.ending = LA_SIM_CLOSE, .opts = {.msl_ms = 30000}},
		{.ending = LA_SIM_CLOSE, .opts = {.msl_ms = 120000}},
		{.ending = LA_SIM_CLOSE, .opts = {.msl_ms = 240000}},
	};
	static const struct la_sim_plan client = {.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN};
	struct la_sim_config cfg = {.nhosts = 1 + SERVERS};
	double most, each[SERVERS]; /* bytes */
	int err = 0;

	for (unsigned s = 0; s < SERVERS; s++)
		cfg.host[EX_B + s].shard.max_time_wait4 = 2048;
	if (!ex_world(x, &cfg, &servers[0]))
		return;
	for (unsigned s = 1; s < SERVERS; s++)
		err |= la_sim_listen(x->w, EX_B + s, EX_PORT_B, &servers[s]);
	for (unsigned i = 0; i < LONG_S * 1000u / GAP_MS; i++) {
		ex_until(x, (uint64_t)i * GAP_MS);
		for (unsigned s = 0; s < SERVERS; s++)
			err |= la_sim_connect(x->w, EX_A, EX_B + s, false, (uint16_t)(EX_PORT_A + i), EX_PORT_B,
					      &client, NULL);
		budget_sweep(x, NULL);
	}
	ex_quiet(x);
	if (err)
		snprintf(x->error, sizeof(x->error), "a connection could not be opened");

	memory_table(x);
	for (unsigned s = 0; s < SERVERS; s++)
		each[s] = (double)entries_bytes(RATE, msl_s[s]) / (RATE * 2 * msl_s[s]);
	most = (double)ex_count(x, EX_B + 2, LA_C_time_wait_peak);
	ex_say(x,
	       "Three servers, which differ only in their MSL, each close first, 2 connections per "
	       "second, for %d s; the ladder shows the first connection of B. In the long run rate * "
	       "2*MSL entries are in TIME_WAIT: the peaks were %lu, %lu and %lu. At %d closes per "
	       "second an entry takes %.1f, %.1f and %.1f bytes, with its share of index and "
	       "timers. The table above has the totals. In small tables the timers' share is "
	       "larger. RFC 9293 gives an MSL of 120 s. Berkeley's 30 s are a quarter of it. "
	       "Linux's TIME_WAIT of 60 s corresponds to an MSL of 30 s. A shorter MSL needs less "
	       "memory, but no segment may live longer than the MSL.",
	       LONG_S, ex_count(x, EX_B, LA_C_time_wait_peak), ex_count(x, EX_B + 1, LA_C_time_wait_peak),
	       ex_count(x, EX_B + 2, LA_C_time_wait_peak), RATE, each[0], each[1], each[2]);
	for (unsigned s = 0; s < SERVERS; s++) {
		char what[EX_TEXT];

		snprintf(what, sizeof(what), "peak of TIME_WAIT, MSL %u s, computed %u", msl_s[s], 2 * 2 * msl_s[s]);
		ex_between(x, what, (double)ex_count(x, EX_B + s, LA_C_time_wait_peak), 2.0 * 2 * msl_s[s],
			   2.0 * 2 * msl_s[s] + 2, "entries");
	}
	for (unsigned s = 0; s < SERVERS; s++) {
		char what[EX_TEXT];

		snprintf(what, sizeof(what), "bytes per entry with index and timers, MSL %u s", msl_s[s]);
		ex_between(x, what, each[s], 32, 64, "B");
	}
	ex_is(x, "TIME_WAIT entries ended early, all three",
	      ex_count(x, EX_B, LA_C_early_recycles) + ex_count(x, EX_B + 1, LA_C_early_recycles) +
		      ex_count(x, EX_B + 2, LA_C_early_recycles),
	      0);
	ex_verdict(x,
		   "2 closes per second kept %lu, %lu and %.0f entries; an MSL of 240 s needs %.1f "
		   "times as many entries as an MSL of 30 s, and %.1f MiB at %d closes per second.",
		   ex_count(x, EX_B, LA_C_time_wait_peak), ex_count(x, EX_B + 1, LA_C_time_wait_peak), most,
		   most / (double)ex_count(x, EX_B, LA_C_time_wait_peak),
		   (double)entries_bytes(RATE, msl_s[2]) / (1 << 20), RATE);
}

const struct scenario explain_budget[] = {
	{.name = "port-exhaustion",
	 .title = "how many opens per second one client can make",
	 .see = "reopen-newer, msl-choices",
	 .run = port_exhaustion},
	{.name = "msl-choices",
	 .title = "the memory that an MSL of 30, 120 or 240 s needs",
	 .see = "port-exhaustion",
	 .run = msl_choices},
	{.name = NULL},
};
