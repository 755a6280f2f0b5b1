/* SPDX-License-Identifier: BSD-3-Clause */

/* Two shards, two ports, one core. (What it is for stands in ring.c and churn.c.) */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "pair.h"

enum { POOL = 32767 };

void
pair_die(const struct pair *p, const char *what)
{
	fprintf(stderr, "%s: %s\n", p->name, what);
	exit(1);
}

void
pair_start(struct pair *p)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_RING, NULL}}, .nports = 1, .lcores = 1};
	struct la_port_config port = {.queues = 1};
	char err[512];

	if (la_eal_start(&cfg, &p->eal, err, sizeof(err)) != 0)
		pair_die(p, err);
	p->pool = rte_pktmbuf_pool_create("bench", POOL, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					  SOCKET_ID_ANY);
	if (p->pool == NULL)
		pair_die(p, "no memory for mbufs");
	port.pools[0] = p->pool;
	for (unsigned i = 0; i < 2; i++) {
		if (la_port_open(p->eal.port[i], &port, &p->port[i], err, sizeof(err)) != 0)
			pair_die(p, err);
	}
	p->hz = rte_get_tsc_hz();
	p->tsc0 = rte_rdtsc();
	la_addr_parse("10.80.0.1", &p->next.laddr);
	la_addr_parse("10.77.0.2", &p->next.raddr);
	p->next.lport = FIRST_PORT;
	p->next.rport = SERVER_PORT;
}

void
pair_stop(struct pair *p)
{
	for (unsigned s = 0; s < 2; s++)
		la_port_close(&p->port[s]);
	la_eal_stop();
}

/* ------------------------------------------------------------------ shards */

void
pair_config(struct pair *p, enum side s, struct pair_addrs *own, struct la_shard_config *cfg)
{
	*cfg = (struct la_shard_config){
		.mbufs = p->pool,
		.now = p->now(p, s),
		.mtu = p->port[s].mtu,
		.offloads = p->port[s].offloads,
		.addrs = &own->addr,
		.naddrs = 1,
		.no_dad = true,
		.max_conns = 65536,
		.max_time_wait6 = 64,
	};
	memcpy(cfg->mac, p->port[s].mac, 6);
	if (getrandom(cfg->secret, sizeof(cfg->secret), 0) != sizeof(cfg->secret))
		pair_die(p, "no random numbers");
	la_prefix_parse(s == SERVER ? "10.77.0.2/24" : "10.77.0.1/24", &own->addr);
	la_prefix_parse("10.80.0.0/16", &own->range);
	if (s == SERVER) {
		la_addr_parse("10.77.0.1", &cfg->gateway4);
	} else {
		cfg->ranges = &own->range;
		cfg->nranges = 1;
	}
}

struct la_shard *
pair_shard(struct pair *p, const struct la_shard_config *cfg)
{
	struct la_shard *s;

	if (la_shard_create(cfg, &s) != 0)
		pair_die(p, "no memory for a shard");
	return s;
}

static void
close_it(struct la_conn *c, void *user)
{
	(void)user;
	la_close(c);
}

static void
generator_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct pair *p = user;

	(void)c;
	p->ends[why->end]++;
	p->inflight--;
}

/* Who closes first does so as soon as the connection is open, the other one at the FIN. */
static const struct la_conn_ops server_first = {.opened = close_it};
static const struct la_conn_ops server_second = {.peer_fin = close_it};
static const struct la_conn_ops generator_first = {.opened = close_it, .closed = generator_closed};
static const struct la_conn_ops generator_second = {.peer_fin = close_it,
						    .closed = generator_closed};

void
pair_listen(struct pair *p, struct la_shard *server, uint32_t msl_ms)
{
	const struct la_conn_opts opts = {.msl_ms = msl_ms};

	if (la_listen(server, NULL, SERVER_PORT, p->server_closes ? &server_first : &server_second,
		      NULL, &opts) != 0)
		pair_die(p, "la_listen() failed");
}

/* ------------------------------------------------------------------ time */

uint64_t
pair_tsc_ms(struct pair *p, enum side s)
{
	(void)s;
	return (rte_rdtsc() - p->tsc0) / (p->hz / 1000);
}

double
pair_cycles(const struct pair *p)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return ((double)t.tv_sec + 1e-9 * (double)t.tv_nsec) * (double)p->hz;
}

/* ------------------------------------------------------------------ driving them */

static void
next_tuple(struct la_tuple *t)
{
	if (++t->lport != 0)
		return;
	t->lport = FIRST_PORT;
	t->laddr.w[3] = rte_cpu_to_be_32(rte_be_to_cpu_32(t->laddr.w[3]) + 1);
}

static void
open_some(struct pair *p)
{
	for (unsigned i = 0; i < BURST && p->inflight < p->max_inflight; i++) {
		struct la_conn *c;
		int r = la_connect(p->shard[GENERATOR], &p->next,
				   p->server_closes ? &generator_second : &generator_first, p, NULL,
				   &c);

		if (r == -ENOBUFS) {
			p->refused++;
			return;
		}
		if (r < 0)
			pair_die(p, "la_connect() failed");
		p->inflight++;
		next_tuple(&p->next);
	}
}

static void
step(struct pair *p, enum side s)
{
	struct rte_mbuf *pkts[BURST];
	uint64_t now = p->now(p, s);
	unsigned n;

	while ((n = la_port_rx(&p->port[s], 0, pkts, BURST)) > 0)
		la_shard_rx(p->shard[s], now, pkts, n);
	la_shard_poll(p->shard[s], now);
	while ((n = la_shard_tx(p->shard[s], pkts, BURST)) > 0)
		la_port_tx(&p->port[s], 0, pkts, n, p->pool);
}

void
pair_run(struct pair *p, double seconds, bool opening)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)p->hz);

	do {
		if (opening)
			open_some(p);
		step(p, GENERATOR);
		step(p, SERVER);
		step(p, GENERATOR);
	} while (rte_rdtsc() < end && (opening || p->inflight > 0));
}

void
pair_settle(struct pair *p)
{
	pair_run(p, 5, false);
	for (unsigned i = 0; i < 4; i++) {
		step(p, GENERATOR);
		step(p, SERVER);
	}
}

/* ------------------------------------------------------------------ was it what it should be? */

bool
pair_check_ends(const struct pair *p)
{
	bool good = true;

	for (unsigned e = 0; e < LA_NENDS; e++) {
		if (e != LA_END_ORDERLY && p->ends[e] != 0) {
			printf("FAIL: %" PRIu64 " connections ended: %s\n", p->ends[e],
			       la_end_name(e));
			good = false;
		}
	}
	if (p->inflight != 0) {
		printf("FAIL: %u connections never ended\n", p->inflight);
		good = false;
	}
	for (unsigned s = 0; s < 2; s++) {
		struct la_port_stats stats;

		la_port_stats(&p->port[s], &stats);
		if (stats.tx_full != 0) {
			printf("FAIL: port %u lost %" PRIu64 " frames\n", s, stats.tx_full);
			good = false;
		}
	}
	return good;
}

bool
pair_check_shard(const struct la_shard *s, const char *who)
{
	static const enum la_counter zero[] = {LA_C_early_recycles,       LA_C_rst_out,
					       LA_C_conn_table_full,      LA_C_index_full,
					       LA_C_tw_reserve_exhausted, LA_C_mbuf_exhausted};
	const struct la_counters *c = la_shard_counters(s);
	bool good = true;

	for (unsigned i = 0; i < RTE_DIM(zero); i++) {
		if (c->v[zero[i]] != 0) {
			printf("FAIL: %s: %s %" PRIu64 "\n", who, la_counter_name(zero[i]),
			       c->v[zero[i]]);
			good = false;
		}
	}
	return good;
}

/* ------------------------------------------------------------------ figures */

static int
by_value(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

double
results_rank(const struct results *r, double at)
{
	double sorted[MAX_ROUNDS];

	if (r->n == 0)
		return 0;
	memcpy(sorted, r->v, r->n * sizeof(double));
	qsort(sorted, r->n, sizeof(double), by_value);
	return sorted[(unsigned)(at * (r->n - 1) + 0.5)];
}

void
results_add(struct results *r, double v)
{
	if (r->n < MAX_ROUNDS)
		r->v[r->n++] = v;
}

json_t *
results_json(const struct results *r)
{
	json_t *rounds = json_array();

	for (unsigned i = 0; i < r->n; i++)
		json_array_append_new(rounds, json_real(r->v[i]));
	return json_pack("{s:f, s:f, s:f, s:o}", "median", results_rank(r, 0.5), "least",
			 results_rank(r, 0), "most", results_rank(r, 1), "rounds", rounds);
}
