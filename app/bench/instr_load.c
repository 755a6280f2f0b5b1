/* SPDX-License-Identifier: BSD-3-Clause */

/* The rows of a station of `lastack load`: the code of app/load, with the options of a command line, in an open loop
 * with one GET a connection. The peer answers like a server with a constant answer.
 *
 * A station's clock is the TSC since `base`. Before each round the base is set so that the clock shows the virtual
 * time: 2^32 TSC cycles are a nanosecond of this clock, so the cycles of the round itself do not change its reading. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "bench/instr.h"
#include "cli/netopts.h"
#include "load/load_opts.h"
#include "server/payload.h"
#include "wire/tcp.h"

enum {
	OPENS = 64, /* connections that are due in a round of the row `open`: as many as the station opens in one */
	TSC_SHIFT = 32,
	EMPTY_ROUNDS = 1000,
	SIZE = 100, /* bytes of an answer */
	START_MS = 100,
};

static const uint64_t GAP_NS = ROUND_NS / GROUP;

/* ------------------------------------------------------------------ the peer */

static char reply[256];
static size_t reply_len;

static void
make_reply(void)
{
	static uint8_t pattern[PATTERN_LEN], chargen[CHARGEN_LEN];

	payload_fill(pattern, chargen);
	reply_len = (size_t)snprintf(reply, sizeof(reply), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE);
	memcpy(reply + reply_len, pattern, SIZE);
	reply_len += SIZE;
}

static void
peer_answer(struct la_conn *c, void *user)
{
	(void)user;
	la_consume(c, la_unread(c));
	la_send_const(c, reply, reply_len);
}

static void
peer_end(struct la_conn *c, void *user)
{
	(void)user;
	la_close(c);
}

static void
peer_answer_and_end(struct la_conn *c, void *user)
{
	peer_answer(c, user);
	la_close(c);
}

/* [1]: the server closes first. */
static const struct la_conn_ops peer_ops[2] = {{.data = peer_answer, .peer_fin = peer_end},
					       {.data = peer_answer_and_end}};

/* ------------------------------------------------------------------ the station */

static void
station_poll(struct instr_host *h, uint64_t now)
{
	(void)load_station_ops.poll(h->app, h->shard, now);
}

/* Sets `load` from a command line. The option tables append to lists, so the lists are emptied first. */
static void
station_configure(const struct instr_world *w)
{
	static char rate[24], msl[8];
	const char *argv[] = {"load",	    "--null",
			      "--addr",	    "10.77.0.1/24",
			      "--addr",	    "fd77::1/64",
			      "--from",	    w->kind.ip6 ? "fd80::/112" : "10.128.0.0/16",
			      "--to",	    w->kind.ip6 ? "[fd77::2]:80" : "10.77.0.2:80",
			      "--rate",	    rate,
			      "--duration", "1000s",
			      "--msl",	    msl,
			      "--close",    w->kind.server_first ? "server" : "client",
			      "--quiet"};
	static struct load_options first;
	static struct net_options first_net;
	static bool again;
	char err[1400];

	snprintf(rate, sizeof(rate), "%u", (unsigned)(1000000000 / GAP_NS));
	snprintf(msl, sizeof(msl), "%dms", MSL_MS);
	if (!again) {
		net_init();
		first = load;
		first_net = net;
	}
	again = true;
	load = first;
	net = first_net;
	if (load_options_read(RTE_DIM(argv), (char **)(uintptr_t)argv, err, sizeof(err)) != 0 ||
	    load_requests_make(err, sizeof(err)) != 0)
		instr_fail(w, "%s", err);
}

static void
station_create(struct instr_world *w, struct load_station *st)
{
	char err[1400];

	memset(st, 0, sizeof(*st));
	station_configure(w);
	st->cfg = &load.cfg;
	st->of = 1;
	st->share = UINT64_MAX;
	st->capacity = 4 * UNITS;
	st->ntargets = 1; /* targets[0] is 0 */
	if (sources_tuples(&load.sources, 0, &load.cfg.target[0].addr, PORT, &st->tuples[0], err, sizeof(err)) != 0)
		instr_fail(w, "%s", err);
	if (load_station_init(st) != 0)
		instr_fail(w, "no memory for a station");
	st->ns_per_tsc = 1.0 / (double)(UINT64_C(1) << TSC_SHIFT);
	w->measured.app = st;
	w->measured.poll = station_poll;
}

/* Runs a round of the station with n frames, after `ns` of virtual time. */
static void
station_round(struct instr_world *w, uint64_t ns, unsigned n, bool count)
{
	struct load_station *st = w->measured.app;

	w->ns += ns;
	st->base = rte_rdtsc() - (w->ns << TSC_SHIFT);
	instr_round(w, &w->measured, &w->peer, n, count);
}

/* Lets ms pass in which no connection is due: the schedule moves with the time. */
static void
station_rest(struct instr_world *w, unsigned ms)
{
	struct load_station *st = w->measured.app;

	for (unsigned i = 0; i < ms; i++) {
		st->start += 1000000;
		station_round(w, 1000000, BURST, false);
		instr_feed(w, &w->peer, &w->measured, false);
		while (w->measured.n > 0) {
			station_round(w, 0, BURST, false);
			instr_feed(w, &w->peer, &w->measured, false);
		}
	}
}

/* The connection to the target that comes before the schedule. */
static void
station_warm_up(struct instr_world *w)
{
	struct load_station *st = w->measured.app;

	for (unsigned i = 0; i < START_MS && st->phase != LOAD_GO; i++) {
		station_round(w, 1000000, BURST, false);
		instr_feed(w, &w->peer, &w->measured, false);
	}
	if (st->phase != LOAD_GO)
		instr_fail(w, "the station does not start");
	station_rest(w, 6 * MSL_MS);
}

/* ------------------------------------------------------------------ rows */

static void
station_mixed(struct instr_world *w)
{
	const unsigned rounds = (3 * GROUP + BURST - 1) / BURST;
	struct load_station *st = w->measured.app;
	uint64_t before = 0;

	for (unsigned i = 0; i < WARM + BATCHES; i++) {
		if (i == WARM)
			before = st->n.connects;
		instr_shuffle(w, &w->measured);
		for (unsigned k = 0; k < rounds; k++)
			station_round(w, GROUP * GAP_NS / rounds, BURST, i >= WARM);
		instr_feed(w, &w->peer, &w->measured, false);
	}
	instr_row(w, "life", st->n.connects - before);
	station_rest(w, 6 * MSL_MS);
}

/* The station receives what waits for it, and the peer receives what the station sends. */
static void
station_phase(struct instr_world *w, uint8_t flags, const char *row)
{
	instr_expect(w, &w->measured, UNITS, flags);
	while (w->measured.n > 0)
		station_round(w, 0, BURST, true);
	instr_row(w, row, UNITS);
	instr_feed(w, &w->peer, &w->measured, false);
}

static void
station_check(const struct instr_world *w)
{
	const struct load_station *st = w->measured.app;
	const struct load_counts *n = &st->n;

	if (n->connects == 0 || n->complete != n->connects || load_orderly(n) != n->connects || n->wrong != 0 ||
	    n->late != 0)
		instr_fail(w, "%lu of %lu connections were complete, %lu orderly, %lu answers wrong, %lu late",
			   n->complete, n->connects, load_orderly(n), n->wrong, n->late);
	instr_check_clean(w, &w->measured);
	instr_check_clean(w, &w->peer);
}

void
instr_load_life(struct instr_world *w, const char *name, const struct instr_kind *kind)
{
	static struct load_station st;
	struct la_conn_opts opts = {.msl_ms = MSL_MS, .no_timestamps = !kind->timestamps};
	const uint64_t *v;

	make_reply();
	instr_open(w, name, kind, &(struct instr_options){.client_is_measured = true});
	v = la_shard_counters(w->measured.shard)->v;
	if (la_listen(w->peer.shard, NULL, PORT, &peer_ops[kind->server_first], NULL, &opts) != 0)
		instr_fail(w, "la_listen() failed");
	station_create(w, &st);
	station_warm_up(w);
	station_mixed(w);
	for (unsigned i = 0; i < UNITS / OPENS; i++)
		station_round(w, OPENS * GAP_NS, 0, true);
	instr_row(w, "open", UNITS);
	instr_feed(w, &w->peer, &w->measured, false);
	station_phase(w, LA_SYN | LA_ACK, "request");
	if (kind->server_first) {
		station_phase(w, LA_FIN | LA_ACK, "answer-fin");
		station_phase(w, LA_ACK, "last-ack");
	} else {
		station_phase(w, LA_ACK, "answer");
		station_phase(w, LA_FIN | LA_ACK, "fin");
		instr_check(w, &w->measured, LA_C_time_wait, UNITS);
		while (v[LA_C_time_wait] > 0) {
			st.start += 1000000;
			station_round(w, 1000000, 0, true);
		}
		instr_row(w, "expiry", UNITS);
	}
	for (unsigned i = 0; i < EMPTY_ROUNDS; i++)
		station_round(w, 0, 0, true);
	instr_row(w, "empty-round", EMPTY_ROUNDS);
	station_rest(w, 1);
	station_check(w);
	load_station_fini(&st);
	load_requests_free();
	instr_close(w);
}
