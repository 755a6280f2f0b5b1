/* SPDX-License-Identifier: BSD-3-Clause */

/* The rows of a server's shard. The script is that of `lastack bench lifecycle` with one byte each way:
 *
 *	server closes first	SYN / ACK with one byte / FIN,ACK; the answers are SYN,ACK / one byte with FIN / ACK
 *	client closes first	SYN / FIN,ACK with one byte / ACK; the answers are SYN,ACK / one byte with FIN / none */

#include <stdlib.h>

#include <rte_mbuf.h>

#include "bench/instr.h"
#include "sim/tw_fill.h"
#include "wire/tcp.h"

enum {
	SYN_ACK = LA_SYN | LA_ACK,
	FIN_ACK = LA_FIN | LA_ACK,
	LONG_MSL_MS = 120000,
	COOKIES_AT = 64,
	EMPTY_ROUNDS = 1000,
};

static const char byte[] = "x";

/* ------------------------------------------------------------------ callbacks */

static void
read_all(struct la_conn *c, void *user)
{
	(void)user;
	la_consume(c, la_unread(c));
}

static void
end_conn(struct la_conn *c, void *user)
{
	(void)user;
	la_close(c);
}

static void
answer(struct la_conn *c, void *user)
{
	read_all(c, user);
	la_send_const(c, byte, 1);
}

static void
answer_and_end(struct la_conn *c, void *user)
{
	answer(c, user);
	la_close(c);
}

static void
ask(struct la_conn *c, void *user)
{
	(void)user;
	la_send_const(c, byte, 1);
}

static void
ask_and_end(struct la_conn *c, void *user)
{
	ask(c, user);
	la_shutdown(c); /* after la_close() the answer would cause a RST */
}

/* [1]: the server closes first. */
static const struct la_conn_ops server_ops[2] = {{.data = answer, .peer_fin = end_conn}, {.data = answer_and_end}};
static const struct la_conn_ops client_ops[2] = {{.opened = ask_and_end, .data = read_all},
						 {.opened = ask, .data = read_all, .peer_fin = end_conn}};
/* A connection that the client keeps open until it closes. */
static const struct la_conn_ops idle_ops = {.data = NULL};
static const struct la_conn_ops second_ops = {.peer_fin = end_conn};

/* ------------------------------------------------------------------ connections */

static struct la_conn_opts
server_opts(const struct instr_world *w, uint32_t msl_ms)
{
	return (struct la_conn_opts){.msl_ms = msl_ms, .no_timestamps = !w->kind.timestamps};
}

static void
server_listen(struct instr_world *w, const struct la_conn_ops *ops, uint32_t msl_ms)
{
	struct la_conn_opts opts = server_opts(w, msl_ms);

	if (la_listen(w->server->shard, NULL, PORT, ops, NULL, &opts) != 0)
		instr_fail(w, "la_listen() failed");
}

/* Begins n connections of the client. Their SYNs wait for the server. conns: n pointers, or NULL. */
static void
server_connect(struct instr_world *w, const struct la_conn_ops *ops, unsigned n, struct la_conn **conns)
{
	struct la_conn_opts opts = server_opts(w, MSL_MS);
	struct la_conn *c;
	struct la_tuple t;

	for (unsigned i = 0; i < n; i++) {
		instr_tuple(w, w->opened++, &t);
		if (la_connect(w->client->shard, &t, ops, NULL, &opts, &c) != 0)
			instr_fail(w, "la_connect() failed");
		if (conns)
			conns[i] = c;
		if (i % BURST == BURST - 1 || i == n - 1)
			instr_round(w, w->client, w->server, 0, false);
	}
}

/* ------------------------------------------------------------------ life cycles */

static void
server_batch(struct instr_world *w, unsigned begin, bool count)
{
	server_connect(w, &client_ops[w->kind.server_first], begin, NULL);
	instr_shuffle(w, &w->measured);
	instr_feed(w, &w->measured, &w->peer, count);
	instr_feed(w, &w->peer, &w->measured, false);
	w->ns += ROUND_NS;
}

static void
server_mixed(struct instr_world *w)
{
	for (unsigned i = 0; i < WARM + BATCHES; i++)
		server_batch(w, GROUP, i >= WARM);
	instr_row(w, "life", GROUP * BATCHES);
	instr_settle(w, 4 * MSL_MS);
}

/* The server receives what waits for it, and the client receives the answers. */
static void
server_phase(struct instr_world *w, uint8_t flags, const char *row)
{
	instr_expect(w, &w->measured, UNITS, flags);
	instr_feed(w, &w->measured, &w->peer, true);
	instr_row(w, row, UNITS);
	instr_feed(w, &w->peer, &w->measured, false);
}

void
instr_server_life(struct instr_world *w, const char *name, const struct instr_kind *kind)
{
	const uint64_t *v;

	instr_open(w, name, kind, &(struct instr_options){0});
	v = la_shard_counters(w->measured.shard)->v;
	server_listen(w, &server_ops[kind->server_first], MSL_MS);
	server_mixed(w);
	server_connect(w, &client_ops[kind->server_first], UNITS, NULL);
	server_phase(w, LA_SYN, "syn");
	if (kind->server_first) {
		server_phase(w, LA_ACK, "data");
		server_phase(w, FIN_ACK, "fin");
		instr_check(w, &w->measured, LA_C_time_wait, UNITS);
		while (v[LA_C_time_wait] > 0) {
			w->ns += 1000000;
			instr_round(w, &w->measured, &w->peer, 0, true);
		}
		instr_row(w, "expiry", UNITS);
	} else {
		server_phase(w, FIN_ACK, "data-fin");
		server_phase(w, LA_ACK, "last-ack");
	}
	instr_check(w, &w->measured, LA_C_ended_orderly, w->opened);
	instr_check(w, &w->peer, LA_C_ended_orderly, w->opened);
	instr_check_clean(w, &w->measured);
	instr_check_clean(w, &w->peer);
	instr_close(w);
}

/* ------------------------------------------------------------------ parts of a connection */

/* FIN in, ACK and FIN out, for connections at random among many. */
void
instr_server_exchange(struct instr_world *w, const char *name, const struct instr_kind *kind)
{
	uint32_t all = instr_population + UNITS;
	struct la_conn **conn = calloc(all, sizeof(struct la_conn *));

	instr_open(w, name, kind, &(struct instr_options){.population = all});
	if (conn == NULL)
		instr_fail(w, "no memory for %u connections", all);
	server_listen(w, &second_ops, MSL_MS);
	for (uint32_t i = 0; i < all; i += UNITS) {
		server_connect(w, &idle_ops, RTE_MIN(all - i, (uint32_t)UNITS), conn + i);
		instr_settle(w, 0);
	}
	instr_check(w, &w->measured, LA_C_live, all);
	for (uint32_t i = 0; i < UNITS; i++) {
		uint32_t j = i + la_rng_below(&w->rng, all - i);

		la_close(conn[j]);
		conn[j] = conn[i];
		if (i % BURST == BURST - 1)
			instr_round(w, &w->peer, &w->measured, 0, false);
	}
	instr_expect(w, &w->measured, UNITS, FIN_ACK);
	instr_feed(w, &w->measured, &w->peer, true);
	instr_row(w, "fin", UNITS);
	instr_settle(w, 4 * MSL_MS);
	instr_check(w, &w->measured, LA_C_ended_orderly, UNITS);
	instr_check_clean(w, &w->measured);
	instr_close(w);
	free(conn);
}

static void
repeat_entry(void *ctx, uint64_t i, struct la_tuple *t, struct la_tw_core *state, uint32_t *left)
{
	struct instr_world *w = ctx;
	struct la_tuple theirs;

	instr_tuple(w, i, &theirs);
	*t = (struct la_tuple){theirs.raddr, theirs.laddr, theirs.rport, theirs.lport};
	if (w->kind.ip6) /* addresses and ports of no connection of the client */
		t->raddr.b[2] = 1;
	else
		t->raddr = la_addr_from4(rte_cpu_to_be_32(0x0b000000 + (uint32_t)i));
	*state = (struct la_tw_core){.snd_nxt = (uint32_t)la_rng_mix(i), .rcv_nxt = (uint32_t)i << 8, .wnd = 512};
	*left = 2 * LONG_MSL_MS - (uint32_t)(i % LONG_MSL_MS);
}

/* Repeated FINs for entries of a large TIME_WAIT table. */
void
instr_server_repeat(struct instr_world *w, const char *name, const struct instr_kind *kind)
{
	static struct rte_mbuf *fin[UNITS];
	unsigned n;

	instr_open(w, name, kind, &(struct instr_options){.population = instr_population});
	server_listen(w, &server_ops[true], LONG_MSL_MS);
	if (la_sim_tw_fill(w->measured.shard, instr_population, 2 * LONG_MSL_MS, repeat_entry, w) != 0)
		instr_fail(w, "%u entries do not fit into the table", instr_population);
	server_connect(w, &client_ops[true], UNITS, NULL);
	for (unsigned i = 0; i < 2; i++) {
		instr_feed(w, &w->measured, &w->peer, false);
		instr_feed(w, &w->peer, &w->measured, false);
	}
	instr_expect(w, &w->measured, UNITS, FIN_ACK);
	n = instr_copy(w, &w->measured, fin);
	instr_settle(w, 1);
	instr_check(w, &w->measured, LA_C_time_wait, instr_population + UNITS);
	for (unsigned i = 0; i < n; i++)
		w->measured.in[w->measured.n++] = fin[i];
	instr_shuffle(w, &w->measured);
	instr_feed(w, &w->measured, &w->peer, true);
	instr_row(w, "fin", UNITS);
	instr_expect(w, &w->peer, UNITS, LA_ACK);
	instr_check(w, &w->measured, LA_C_time_wait_fin_acked, UNITS);
	instr_check_clean(w, &w->measured);
	instr_close(w);
}

/* SYNs that a cookie answers. */
void
instr_server_cookie(struct instr_world *w, const char *name, const struct instr_kind *kind)
{
	instr_open(w, name, kind, &(struct instr_options){.syn_cookies_at = COOKIES_AT});
	server_listen(w, &second_ops, MSL_MS);
	server_connect(w, &idle_ops, COOKIES_AT, NULL);
	instr_feed(w, &w->measured, &w->peer, false);
	instr_discard(&w->peer);
	server_connect(w, &idle_ops, UNITS, NULL);
	instr_expect(w, &w->measured, UNITS, LA_SYN);
	instr_feed(w, &w->measured, &w->peer, true);
	instr_row(w, "syn", UNITS);
	instr_expect(w, &w->peer, UNITS, SYN_ACK);
	instr_check(w, &w->measured, LA_C_syn_cookies_sent, UNITS);
	instr_check_clean(w, &w->measured);
	instr_close(w);
}

/* ACKs of no connection: the last ACKs of closed connections, again. The shard answers by RST, up to rst_rate. */
static void
server_stray(struct instr_world *w, const char *name, const struct instr_kind *kind, bool answered)
{
	static struct rte_mbuf *ack[UNITS];
	unsigned n;

	instr_open(w, name, kind, &(struct instr_options){.rst_rate = answered ? 4 * UNITS : 1});
	server_listen(w, &server_ops[false], MSL_MS);
	server_connect(w, &client_ops[false], UNITS, NULL);
	for (unsigned i = 0; i < 2; i++) {
		instr_feed(w, &w->measured, &w->peer, false);
		instr_feed(w, &w->peer, &w->measured, false);
	}
	n = instr_copy(w, &w->measured, ack);
	instr_feed(w, &w->measured, &w->peer, false);
	for (unsigned i = 0; i < n; i++)
		w->measured.in[w->measured.n++] = ack[i];
	if (!answered) /* uses up the rate limit */
		instr_round(w, &w->measured, &w->peer, 1, false);
	n = w->measured.n;
	instr_expect(w, &w->measured, n, LA_ACK);
	instr_feed(w, &w->measured, &w->peer, true);
	instr_row(w, answered ? "ack-answered" : "ack-dropped", n);
	instr_check(w, &w->measured, LA_C_rst_out, answered ? n : 1);
	instr_check(w, &w->measured, LA_C_rst_throttled, answered ? 0 : n);
	instr_close(w);
}

void
instr_server_stray(struct instr_world *w, const char *name, const struct instr_kind *kind)
{
	server_stray(w, name, kind, true);
	server_stray(w, name, kind, false);
}

/* Rounds without a frame. */
void
instr_server_empty(struct instr_world *w, const char *name, const struct instr_kind *kind)
{
	instr_open(w, name, kind, &(struct instr_options){0});
	server_listen(w, &second_ops, MSL_MS);
	for (unsigned i = 0; i < EMPTY_ROUNDS; i++)
		instr_round(w, &w->measured, &w->peer, 0, true);
	instr_row(w, "empty-round", EMPTY_ROUNDS);
	instr_check_clean(w, &w->measured);
	instr_close(w);
}
