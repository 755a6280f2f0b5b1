/* SPDX-License-Identifier: BSD-3-Clause */

/* app/bench/scaling: the gain of more workers.
 *
 * Every worker has a generator shard and a server shard on its own core, connected by its own ring
 * pair, or, with --one-port, by its own queue of one shared pair. Then the figure includes
 * steering. The generator keeps a number of connections open, closes first and gets a
 * TIME_WAIT entry for each. The measurement begins after the first entries have expired.
 *
 * Other threads may use the cores, so rates are per second of CPU time: the ended connections of a worker divided by
 * the CPU time of its thread. The ratio is the sum of the rates of all workers, divided by the rate of one
 * worker. If workers wrote to shared data, cache lines would move between the cores, and
 * the ratio would fall, because CPU time includes waits for memory. Wall-clock rates are also
 * shown. DPDK starts once per process, so each measurement has its own process. Measurements with 1 to N workers
 * alternate. */

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <rte_common.h>
#include <rte_version.h>

#include "bench/bench_series.h"
#include "run/engine.h"
#include "run/summary.h"
#include "run/tuples.h"

enum { MOST_WORKERS = 4, MOST_ROUNDS = 31, SERVER_PORT = 80 };

struct options {
	unsigned workers, rounds, inflight, msl_ms;
	double seconds;
	bool one_port;
	const char *json;
};

struct generator {
	struct la_tuples tuples;
	struct la_steer steer;
	uint64_t t0, begin_at, end_at, ended, bad;
	uint64_t marks[2]; /* `ended` at the beginning and at the end of the measurement */
	double cpu[2], wall[2];
	unsigned inflight, most;
} __attribute__((aligned(64)));

/* The result that a process writes to its parent. */
struct result {
	bool good;
	unsigned workers;	    /* number of threads */
	double cpu_rate, wall_rate; /* connections/s, of all workers */
};

static struct generator generators[MOST_WORKERS];
static struct la_engine_config cfg;
static struct la_summary summary;

/* ---- the two ends of a worker ---- */

static double
seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
scaling_close_conn(struct la_conn *c, void *user)
{
	(void)user;
	la_close(c);
}

static void
generator_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct generator *g = user;

	(void)c;
	g->inflight--;
	g->ended++;
	g->bad += why->end != LA_END_ORDERLY;
}

static const struct la_conn_ops client_ops = {.opened = scaling_close_conn, .closed = generator_closed};
static const struct la_conn_ops server_ops = {.peer_fin = scaling_close_conn};

static void
generator_mark(struct generator *g, unsigned i)
{
	g->marks[i] = g->ended;
	g->cpu[i] = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	g->wall[i] = seconds_of(CLOCK_MONOTONIC);
}

static enum la_round
generator_poll(void *ctx, struct la_shard *s, uint64_t now)
{
	struct generator *g = ctx;

	if (g->t0 == 0) {
		g->t0 = now;
		g->begin_at += now;
		g->end_at += now;
	}
	if (g->wall[0] == 0 && now >= g->begin_at)
		generator_mark(g, 0);
	if (g->wall[1] == 0 && now >= g->end_at)
		generator_mark(g, 1);
	for (unsigned i = 0; i < 32 && g->inflight < g->most && g->wall[1] == 0; i++) {
		struct la_tuple t;
		struct la_conn *c;
		unsigned ticket;

		if (la_tuples_next(&g->tuples, now, &t, &ticket) != 0)
			break;
		la_tuples_unused(&g->tuples, ticket); /* so that the tuple may be used again without a rest */
		if (la_connect(s, &t, &client_ops, g, NULL, &c) != 0)
			break;
		g->inflight++;
		if (g->ended == 0)
			break; /* only one connection until the neighbour is resolved */
	}
	return LA_ROUND_BUSY;
}

static bool
generator_done(void *ctx, struct la_shard *s)
{
	const struct generator *g = ctx;

	(void)s;
	return g->wall[1] != 0 && g->inflight == 0;
}

static int
server_start(void *ctx, struct la_shard *s)
{
	(void)ctx;
	return la_listen(s, NULL, SERVER_PORT, &server_ops, NULL, NULL);
}

static const struct la_station_ops generator_station = {.poll = generator_poll, .done = generator_done};
static const struct la_station_ops server_station = {.start = server_start};

/* ---- one measurement, in a separate process ---- */

static int
set_up(const struct options *o, unsigned workers)
{
	static struct la_prefix own[2], range;
	static struct la_addr gateway, to;
	uint64_t room = 2ull * o->msl_ms * 1500 + (1 << 18);

	if (la_prefix_parse("10.77.0.1/24", &own[0]) || la_prefix_parse("10.77.0.2/24", &own[1]) ||
	    la_prefix_parse("10.80.0.0/16", &range) || la_addr_parse("10.77.0.1", &gateway) ||
	    la_addr_parse("10.77.0.2", &to))
		return -1;
	cfg = (struct la_engine_config){
		.nstations = 2 * workers, .quiet = true, .idle = LA_IDLE_POLL, .drain_ms = 5000};
	cfg.eal.nports = o->one_port ? 1 : workers;
	for (unsigned w = 0; w < workers; w++) {
		struct generator *g = &generators[w];

		cfg.eal.ports[w].kind = LA_PORT_RING;
		g->most = o->inflight;
		g->begin_at = 2 * o->msl_ms + 200;
		g->end_at = g->begin_at + (uint64_t)(o->seconds * 1000);
		if (la_tuples_init(&g->tuples, &range, 1, 1024, 65535, &to, SERVER_PORT, 0) != 0)
			return -1;
		la_steer_init(&g->steer, workers);
		if (o->one_port && workers > 1)
			la_tuples_home(&g->tuples, &g->steer, w);
		for (unsigned side = 0; side < 2; side++) {
			struct la_station *st = &cfg.stations[2 * w + side];

			*st = (struct la_station){
				.name = side ? "server" : "generator",
				.port = (o->one_port ? 0 : 2 * w) + side,
				.worker = w,
				.ops = side ? &server_station : &generator_station,
				.ctx = g,
				.shard = {.addrs = &own[side],
					  .naddrs = 1,
					  .no_dad = true,
					  .max_conns = 65536,
					  .max_time_wait6 = 64,
					  .msl_ms = o->msl_ms,
					  .max_time_wait4 = side ? 1 << 17 : (uint32_t)RTE_MIN(room, 1ull << 27)},
			};
			if (side) {
				st->shard.gateway4 = gateway;
			} else {
				st->shard.ranges = &range;
				st->shard.nranges = 1;
			}
		}
	}
	return 0;
}

static bool
is_good(unsigned workers)
{
	bool good = true;

	for (unsigned w = 0; w < workers; w++)
		good &= generators[w].bad == 0 && generators[w].inflight == 0 && generators[w].ended > 0;
	for (unsigned i = 0; i < summary.nshards; i++) {
		const struct la_station_stats *st = &summary.shard[i].stats;

		good &= st->c.v[LA_C_early_recycles] == 0 && st->c.v[LA_C_rst_out] == 0 &&
			st->c.v[LA_C_hand_over_full] == 0 && la_summary_unexplained(st) == 0;
	}
	return good;
}

static int
scaling_measure(const struct options *o, unsigned workers, int out)
{
	struct result r = {0};
	struct la_engine *e;
	char err[512];

	if (set_up(o, workers) != 0)
		return 1;
	if (la_engine_create(&cfg, &e, err, sizeof(err)) != 0) {
		fprintf(stderr, "app/bench/scaling: %s\n", err);
		return 1;
	}
	r.workers = la_engine_workers(e);
	if (la_engine_run(e) != 0)
		return 1;
	la_summary_take(&summary, e, &cfg);
	r.good = is_good(workers);
	for (unsigned w = 0; w < workers; w++) {
		const struct generator *g = &generators[w];
		double n = (double)(g->marks[1] - g->marks[0]);

		r.cpu_rate += n / (g->cpu[1] - g->cpu[0]);
		r.wall_rate += n / (g->wall[1] - g->wall[0]);
	}
	la_engine_destroy(e);
	return write(out, &r, sizeof(r)) == sizeof(r) ? 0 : 1;
}

static bool
scaling_run_child(const struct options *o, unsigned workers, struct result *r)
{
	int fd[2], status = 1;
	pid_t pid;
	bool got;

	if (pipe(fd) != 0)
		return false;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(scaling_measure(o, workers, fd[1]));
	close(fd[1]);
	got = pid > 0 && read(fd[0], r, sizeof(*r)) == sizeof(*r);
	close(fd[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return got && status == 0;
}

/* ---- report ---- */

static int
scaling_parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"workers", required_argument, NULL, 'w'}, {"rounds", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 's'}, {"inflight", required_argument, NULL, 'i'},
		{"msl", required_argument, NULL, 'm'},	   {"one-port", no_argument, NULL, '1'},
		{"json", required_argument, NULL, 'j'},	   {NULL, 0, NULL, 0},
	};
	int c;

	*o = (struct options){.workers = 2, .rounds = 3, .inflight = 256, .msl_ms = 500, .seconds = 1};
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'w':
			o->workers = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			o->rounds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 's':
			o->seconds = strtod(optarg, NULL);
			break;
		case 'i':
			o->inflight = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'm':
			o->msl_ms = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case '1':
			o->one_port = true;
			break;
		case 'j':
			o->json = optarg;
			break;
		default:
			return -1;
		}
	}
	return optind == argc && o->workers >= 1 && o->workers <= MOST_WORKERS && o->rounds >= 1 &&
			       o->rounds <= MOST_ROUNDS && o->seconds > 0 && o->seconds < 3600 && o->inflight >= 1 &&
			       o->inflight <= 30000 && o->msl_ms >= 1 && o->msl_ms <= 120000
		       ? 0
		       : -1;
}

int
main(int argc, char **argv)
{
	static struct bench_series cpu[MOST_WORKERS + 1], wall[MOST_WORKERS + 1], ratio;
	struct options o;
	bool good = true;
	json_t *rows = json_array(), *j;

	if (scaling_parse(argc, argv, &o) != 0) {
		fprintf(stderr,
			"app/bench/scaling: rates of 1 to --workers N [2] workers; --rounds N [3], --seconds S [1], "
			"--inflight N connections a worker [256], --msl MS [500], --one-port, --json FILE\n");
		return 2;
	}
	for (unsigned i = 0; i < o.rounds; i++) {
		for (unsigned w = 1; w <= o.workers; w++) {
			struct result r = {0};

			if (!scaling_run_child(&o, w, &r))
				return 1;
			if (r.workers < w) {
				fprintf(stderr, "app/bench/scaling: %u workers, but %u cores\n", w, r.workers);
				return 1;
			}
			good &= r.good;
			bench_add(&cpu[w], r.cpu_rate);
			bench_add(&wall[w], r.wall_rate);
		}
		bench_add(&ratio, cpu[o.workers].v[i] / cpu[1].v[i]);
	}
	printf("%-8s %26s %26s %8s\n", "workers", "conn/s of CPU time", "conn/s by the clock", "ratio");
	for (unsigned w = 1; w <= o.workers; w++) {
		double c = bench_rank(&cpu[w], 0.5), t = bench_rank(&wall[w], 0.5);

		printf("%-8u %26.0f %26.0f %8.2f\n", w, c, t, c / bench_rank(&cpu[1], 0.5));
		json_array_append_new(rows, json_pack("{s:i, s:f, s:f}", "workers", (int)w,
						      "connections_per_cpu_second", c, "connections_per_second", t));
	}
	printf("ratio of %u workers to 1 in the same round, median of %u rounds: %.2f (CPU time); %s, MSL %u ms, %s\n",
	       o.workers, o.rounds, bench_rank(&ratio, 0.5),
	       o.one_port ? "one port, a queue a worker" : "a ring pair a worker", o.msl_ms, rte_version());
	if (!good)
		printf("FAIL: a connection did not end orderly, an entry was recycled early, or a frame was lost\n");
	j = json_pack("{s:s, s:b, s:o, s:f, s:b, s:i, s:i, s:f, s:i}", "bench", "scaling", "good", good, "rows", rows,
		      "ratio", bench_rank(&ratio, 0.5), "one_port", o.one_port, "rounds", (int)o.rounds, "msl_ms",
		      (int)o.msl_ms, "seconds", o.seconds, "inflight", (int)o.inflight);
	if (o.json != NULL && json_dump_file(j, o.json, JSON_INDENT(2)) != 0) {
		fprintf(stderr, "app/bench/scaling: %s cannot be written\n", o.json);
		good = false;
	}
	json_decref(j);
	return good ? 0 : 1;
}
