/* SPDX-License-Identifier: BSD-3-Clause */

/* bench/ring: what a packet and what a connection costs from end to end, on one core, over the
 * crossed ring pair: no NIC, no kernel, no second machine, and every frame goes through ethdev's
 * burst calls.
 *
 * - echo: 64-byte TCP frames go from port A to port B and back; B swaps the addresses and makes
 *   both checksums in software. The floor: no stack at all.
 * - lifecycle: a generator shard on A opens connections to a server shard on B and closes each as
 *   soon as it is open; B closes when it sees the FIN. Both shards run on this core, so a
 *   connection's cycles are those of both ends together. Every connection leaves a TIME_WAIT entry
 *   on A that lives its full 2*MSL; measuring begins when the first of them have expired, so
 *   entering, holding and expiring are all inside the figure.
 *
 * The two alternate, round by round, and medians are printed: on a shared host only figures of the
 * same run compare. What others took of the core meanwhile is left out: cycles and rates are of
 * this thread's CPU time. A run in which a connection did not end orderly, or a frame was lost,
 * fails. */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <jansson.h>
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_version.h>

#include <lastack/lastack.h>

#include "io/eal.h"
#include "io/port.h"
#include "wire/cksum.h"

enum {
	BURST = 32,
	FRAME = 64 - RTE_ETHER_CRC_LEN,
	POOL = 32767,
	MAX_ROUNDS = 101,
	SERVER_PORT = 80,
	FIRST_PORT = 1024, /* of the generator; ports go round before its addresses do */
};

enum side { GENERATOR, SERVER };

struct options {
	unsigned rounds, inflight, msl_ms;
	double seconds;
	const char *json;
};

struct results {
	unsigned n;
	double v[MAX_ROUNDS];
};

struct bench {
	struct options opt;
	struct la_eal eal;
	struct rte_mempool *pool;
	struct la_port port[2];
	uint64_t hz, tsc0;

	struct la_shard *shard[2];
	struct la_tuple next;
	unsigned inflight;
	uint64_t ends[LA_NENDS]; /* of the generator's connections */
	uint64_t refused;        /* la_connect() that had to be tried again */

	struct results echo_cycles, echo_mpps, life_cycles, life_rate;
};

/* TSC cycles this thread has run. */
static double
cycles_used(const struct bench *b)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return ((double)t.tv_sec + 1e-9 * (double)t.tv_nsec) * (double)b->hz;
}

static void
die(const char *what)
{
	fprintf(stderr, "bench/ring: %s\n", what);
	exit(1);
}

/* echo */

static void
write_frame(const struct bench *b, struct rte_mbuf *m, unsigned i)
{
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, FRAME);
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)p;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);

	if (p == NULL)
		die("mbufs too small");
	memset(p, 0, FRAME);
	memcpy(&eth->dst_addr, b->port[SERVER].mac, 6);
	memcpy(&eth->src_addr, b->port[GENERATOR].mac, 6);
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16(FRAME - sizeof(*eth));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_TCP;
	ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(10, 77, 0, 1));
	ip->dst_addr = rte_cpu_to_be_32(RTE_IPV4(10, 77, 0, 2));
	tcp->src_port = rte_cpu_to_be_16((uint16_t)(FIRST_PORT + i));
	tcp->dst_port = rte_cpu_to_be_16(SERVER_PORT);
	tcp->data_off = sizeof(*tcp) / 4 << 4;
	tcp->tcp_flags = RTE_TCP_ACK_FLAG;
}

static inline void
turn_round(struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);
	uint16_t len = (uint16_t)(rte_be_to_cpu_16(ip->total_length) - sizeof(*ip));
	struct rte_ether_addr mac = eth->dst_addr;
	uint32_t addr = ip->dst_addr, sum;
	uint16_t port = tcp->dst_port;

	eth->dst_addr = eth->src_addr;
	eth->src_addr = mac;
	ip->dst_addr = ip->src_addr;
	ip->src_addr = addr;
	tcp->dst_port = tcp->src_port;
	tcp->src_port = port;

	ip->hdr_checksum = 0;
	ip->hdr_checksum = la_cksum_finish(la_cksum_add(0, ip, sizeof(*ip)));
	tcp->cksum = 0;
	sum = la_cksum_add(0, &ip->src_addr, 8);
	sum += rte_cpu_to_be_16(IPPROTO_TCP) + (uint32_t)rte_cpu_to_be_16(len);
	tcp->cksum = la_cksum_finish(la_cksum_add(sum, tcp, len));
}

static void
echo_round(struct bench *b)
{
	uint64_t end, packets = 0;
	double cycles;
	struct rte_mbuf *pkts[BURST];
	unsigned n;

	if (rte_pktmbuf_alloc_bulk(b->pool, pkts, BURST) != 0)
		die("no mbufs");
	for (unsigned i = 0; i < BURST; i++)
		write_frame(b, pkts[i], i);

	end = rte_rdtsc() + (uint64_t)(b->opt.seconds * (double)b->hz);
	cycles = cycles_used(b);
	do {
		la_port_tx(&b->port[GENERATOR], 0, pkts, BURST, b->pool);
		n = la_port_rx(&b->port[SERVER], 0, pkts, BURST);
		for (unsigned i = 0; i < n; i++)
			turn_round(pkts[i]);
		la_port_tx(&b->port[SERVER], 0, pkts, n, b->pool);
		n = la_port_rx(&b->port[GENERATOR], 0, pkts, BURST);
		packets += n;
	} while (n == BURST && rte_rdtsc() < end);
	cycles = cycles_used(b) - cycles;

	if (n != BURST)
		die("echo: a frame was lost");
	rte_pktmbuf_free_bulk(pkts, n);
	b->echo_cycles.v[b->echo_cycles.n++] = cycles / (double)packets;
	b->echo_mpps.v[b->echo_mpps.n++] = (double)packets * (double)b->hz / cycles / 1e6;
}

/* lifecycle */

static void
generator_opened(struct la_conn *c, void *user)
{
	(void)user;
	la_close(c);
}

static void
generator_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct bench *b = user;

	(void)c;
	b->ends[why->end]++;
	b->inflight--;
}

static void
server_peer_fin(struct la_conn *c, void *user)
{
	(void)user;
	la_close(c);
}

static const struct la_conn_ops generator_ops = {
	.opened = generator_opened,
	.closed = generator_closed,
};
static const struct la_conn_ops server_ops = {.peer_fin = server_peer_fin};

static uint64_t
now_ms(const struct bench *b)
{
	return (rte_rdtsc() - b->tsc0) / (b->hz / 1000);
}

static void
next_tuple(struct la_tuple *t)
{
	if (++t->lport != 0)
		return;
	t->lport = FIRST_PORT;
	t->laddr.w[3] = rte_cpu_to_be_32(rte_be_to_cpu_32(t->laddr.w[3]) + 1);
}

static void
open_some(struct bench *b)
{
	for (unsigned i = 0; i < BURST && b->inflight < b->opt.inflight; i++) {
		struct la_conn *c;
		int r = la_connect(b->shard[GENERATOR], &b->next, &generator_ops, b, NULL, &c);

		if (r == -ENOBUFS) {
			b->refused++;
			return;
		}
		if (r < 0)
			die("la_connect() failed");
		b->inflight++;
		next_tuple(&b->next);
	}
}

static void
step_shard(struct bench *b, enum side s)
{
	struct rte_mbuf *pkts[BURST];
	uint64_t now = now_ms(b);
	unsigned n;

	while ((n = la_port_rx(&b->port[s], 0, pkts, BURST)) > 0)
		la_shard_rx(b->shard[s], now, pkts, n);
	la_shard_poll(b->shard[s], now);
	while ((n = la_shard_tx(b->shard[s], pkts, BURST)) > 0)
		la_port_tx(&b->port[s], 0, pkts, n, b->pool);
}

static void
run_shards(struct bench *b, double seconds, bool opening)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)b->hz);

	do {
		if (opening)
			open_some(b);
		step_shard(b, GENERATOR);
		step_shard(b, SERVER);
		step_shard(b, GENERATOR);
	} while (rte_rdtsc() < end && (opening || b->inflight > 0));
}

/* Lets every connection end and every frame arrive. */
static void
settle(struct bench *b)
{
	run_shards(b, 5, false);
	for (unsigned i = 0; i < 4; i++) {
		step_shard(b, GENERATOR);
		step_shard(b, SERVER);
	}
}

static void
life_round(struct bench *b)
{
	uint64_t ended = b->ends[LA_END_ORDERLY];
	double cycles = cycles_used(b);

	run_shards(b, b->opt.seconds, true);
	cycles = cycles_used(b) - cycles;
	ended = b->ends[LA_END_ORDERLY] - ended;
	if (ended == 0)
		die("lifecycle: no connection ended");
	b->life_cycles.v[b->life_cycles.n++] = cycles / (double)ended;
	b->life_rate.v[b->life_rate.n++] = (double)ended * (double)b->hz / cycles;
}

/* The generator has 10.80.0.0/16 and 10.77.0.1, which is the server's gateway, so that one
 * neighbour entry stands for all of its addresses. */
static void
make_shard(struct bench *b, enum side s, uint32_t max_time_wait)
{
	struct la_prefix addr, range;
	struct la_shard_config cfg = {
		.mbufs = b->pool,
		.now = now_ms(b),
		.mtu = b->port[s].mtu,
		.offloads = b->port[s].offloads,
		.addrs = &addr,
		.naddrs = 1,
		.no_dad = true,
		.max_conns = 65536,
		.max_time_wait4 = max_time_wait,
		.max_time_wait6 = 64,
		.msl_ms = b->opt.msl_ms,
	};

	memcpy(cfg.mac, b->port[s].mac, 6);
	if (getrandom(cfg.secret, sizeof(cfg.secret), 0) != sizeof(cfg.secret))
		die("no random numbers");
	la_prefix_parse(s == SERVER ? "10.77.0.2/24" : "10.77.0.1/24", &addr);
	la_prefix_parse("10.80.0.0/16", &range);
	if (s == SERVER) {
		la_addr_parse("10.77.0.1", &cfg.gateway4);
	} else {
		cfg.ranges = &range;
		cfg.nranges = 1;
	}
	if (la_shard_create(&cfg, &b->shard[s]) != 0)
		die("no memory for a shard");
}

static void
life_begin(struct bench *b)
{
	/* Room for every connection of 2*MSL at 1.5 M/s, touched only as far as needed. */
	uint64_t room = (uint64_t)b->opt.msl_ms * 2 * 1500 + (1 << 20);

	make_shard(b, GENERATOR, room < 1u << 27 ? (uint32_t)room : 1u << 27);
	make_shard(b, SERVER, 1 << 17);
	if (la_listen(b->shard[SERVER], NULL, SERVER_PORT, &server_ops, NULL, NULL) != 0)
		die("la_listen() failed");
	la_addr_parse("10.80.0.1", &b->next.laddr);
	la_addr_parse("10.77.0.2", &b->next.raddr);
	b->next.lport = FIRST_PORT;
	b->next.rport = SERVER_PORT;
	/* Until the first entries expire, and a little beyond. */
	run_shards(b, 2e-3 * b->opt.msl_ms + 0.2, true);
}

static bool
life_check(struct bench *b)
{
	static const enum la_counter zero[] = {LA_C_early_recycles,       LA_C_rst_out,
					       LA_C_conn_table_full,      LA_C_index_full,
					       LA_C_tw_reserve_exhausted, LA_C_mbuf_exhausted};
	bool good = true;

	settle(b);
	for (unsigned e = 0; e < LA_NENDS; e++) {
		if (e != LA_END_ORDERLY && b->ends[e] != 0) {
			printf("FAIL: %" PRIu64 " connections ended: %s\n", b->ends[e],
			       la_end_name(e));
			good = false;
		}
	}
	if (b->inflight != 0) {
		printf("FAIL: %u connections never ended\n", b->inflight);
		good = false;
	}
	for (unsigned s = 0; s < 2; s++) {
		const struct la_counters *c = la_shard_counters(b->shard[s]);
		struct la_port_stats stats;

		for (unsigned i = 0; i < RTE_DIM(zero); i++) {
			if (c->v[zero[i]] != 0) {
				printf("FAIL: %s: %s %" PRIu64 "\n",
				       s == SERVER ? "server" : "generator",
				       la_counter_name(zero[i]), c->v[zero[i]]);
				good = false;
			}
		}
		la_port_stats(&b->port[s], &stats);
		if (stats.tx_full != 0) {
			printf("FAIL: port %u lost %" PRIu64 " frames\n", s, stats.tx_full);
			good = false;
		}
	}
	return good;
}

/* report */

static int
by_value(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static double
rank(const struct results *r, double at)
{
	double sorted[MAX_ROUNDS];

	memcpy(sorted, r->v, r->n * sizeof(double));
	qsort(sorted, r->n, sizeof(double), by_value);
	return sorted[(unsigned)(at * (r->n - 1) + 0.5)];
}

static void
print_row(const char *what, const char *unit, const struct results *r)
{
	printf("%-28s %14.1f %14.1f %14.1f  %s\n", what, rank(r, 0.5), rank(r, 0), rank(r, 1),
	       unit);
}

static void
print_table(const struct bench *b)
{
	const struct la_counters *c = la_shard_counters(b->shard[GENERATOR]);

	printf("%-28s %14s %14s %14s\n", "", "median", "least", "most");
	print_row("echo", "cycles/packet", &b->echo_cycles);
	print_row("echo", "M packets/s", &b->echo_mpps);
	print_row("lifecycle, both ends", "cycles/connection", &b->life_cycles);
	print_row("lifecycle, both ends", "opens and closes/s/core", &b->life_rate);
	printf("MSL %u ms; TIME_WAIT entries: peak %" PRIu64 ", entered %" PRIu64
	       ", lived 2*MSL %" PRIu64 ", early recycles %" PRIu64
	       "; refused and tried again %" PRIu64 "\n",
	       b->opt.msl_ms, c->v[LA_C_time_wait_peak], c->v[LA_C_time_wait_entered],
	       c->v[LA_C_time_wait_expired], c->v[LA_C_early_recycles], b->refused);
	printf("%u rounds of %g s, %u connections at once, TSC %.2f GHz, %s\n", b->opt.rounds,
	       b->opt.seconds, b->opt.inflight, (double)b->hz / 1e9, rte_version());
}

static json_t *
results_json(const struct results *r)
{
	json_t *rounds = json_array();

	for (unsigned i = 0; i < r->n; i++)
		json_array_append_new(rounds, json_real(r->v[i]));
	return json_pack("{s:f, s:f, s:f, s:o}", "median", rank(r, 0.5), "least", rank(r, 0),
			 "most", rank(r, 1), "rounds", rounds);
}

static int
write_json(const struct bench *b, bool good)
{
	const struct la_counters *c = la_shard_counters(b->shard[GENERATOR]);
	json_t *j = json_pack(
		"{s:s, s:b, s:I, s:s, s:f, s:i, s:i, s:{s:o, s:o}, s:{s:o, s:o, s:I, s:I, s:I, "
		"s:I, s:I}}",
		"bench", "ring", "good", good, "tsc_hz", (json_int_t)b->hz, "dpdk", rte_version(),
		"seconds", b->opt.seconds, "inflight", (int)b->opt.inflight, "msl_ms",
		(int)b->opt.msl_ms, "echo", "cycles_per_packet", results_json(&b->echo_cycles),
		"mpps", results_json(&b->echo_mpps), "lifecycle", "cycles_per_connection",
		results_json(&b->life_cycles), "connections_per_second",
		results_json(&b->life_rate), "time_wait_peak",
		(json_int_t)c->v[LA_C_time_wait_peak], "time_wait_entered",
		(json_int_t)c->v[LA_C_time_wait_entered], "time_wait_expired",
		(json_int_t)c->v[LA_C_time_wait_expired], "early_recycles",
		(json_int_t)c->v[LA_C_early_recycles], "refused", (json_int_t)b->refused);
	int r = j == NULL ? -1 : json_dump_file(j, b->opt.json, JSON_INDENT(2));

	json_decref(j);
	if (r < 0)
		fprintf(stderr, "bench/ring: %s cannot be written\n", b->opt.json);
	return r;
}

static void
usage(void)
{
	printf("bench/ring: cycles a packet and a connection cost, end to end on one core\n"
	       "  --rounds N     rounds, odd [5]\n"
	       "  --seconds S    of each measurement in a round [1]\n"
	       "  --inflight N   connections at once [256]\n"
	       "  --msl MS       TIME_WAIT lasts twice as long [1000]\n"
	       "  --json FILE    the results for machines\n");
}

static int
parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"rounds", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 's'},
		{"inflight", required_argument, NULL, 'i'},
		{"msl", required_argument, NULL, 'm'},
		{"json", required_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	*o = (struct options){.rounds = 5, .seconds = 1, .inflight = 256, .msl_ms = 1000};
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
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
		case 'j':
			o->json = optarg;
			break;
		case 'h':
			usage();
			exit(0);
		default:
			return -1;
		}
	}
	if (optind != argc || o->rounds < 1 || o->rounds > MAX_ROUNDS || !(o->seconds > 0) ||
	    o->seconds > 3600 || o->inflight < 1 || o->inflight > 60000 || o->msl_ms < 1 ||
	    o->msl_ms > 240000) {
		usage();
		return -1;
	}
	return 0;
}

static void
start(struct bench *b)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_RING, NULL}}, .nports = 1, .lcores = 1};
	struct la_port_config port = {.queues = 1};
	char err[512];

	if (la_eal_start(&cfg, &b->eal, err, sizeof(err)) != 0)
		die(err);
	b->pool = rte_pktmbuf_pool_create("bench", POOL, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					  SOCKET_ID_ANY);
	if (b->pool == NULL)
		die("no memory for mbufs");
	port.pools[0] = b->pool;
	for (unsigned i = 0; i < 2; i++) {
		if (la_port_open(b->eal.port[i], &port, &b->port[i], err, sizeof(err)) != 0)
			die(err);
	}
	b->hz = rte_get_tsc_hz();
	b->tsc0 = rte_rdtsc();
}

int
main(int argc, char **argv)
{
	static struct bench b;
	bool good;

	if (parse(argc, argv, &b.opt) < 0)
		return 2;
	start(&b);
	life_begin(&b);
	for (unsigned i = 0; i < b.opt.rounds; i++) {
		settle(&b); /* the echo wants the rings for itself */
		echo_round(&b);
		run_shards(&b, 0.05, true);
		life_round(&b);
	}
	good = life_check(&b);
	print_table(&b);
	if (b.opt.json != NULL && write_json(&b, good) < 0)
		good = false;
	for (unsigned s = 0; s < 2; s++) {
		la_shard_destroy(b.shard[s]);
		la_port_close(&b.port[s]);
	}
	la_eal_stop();
	return good ? 0 : 1;
}
