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

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_version.h>

#include "pair.h"
#include "wire/cksum.h"

enum { FRAME = 64 - RTE_ETHER_CRC_LEN };

struct options {
	unsigned rounds, inflight, msl_ms;
	double seconds;
	const char *json;
};

struct bench {
	struct options opt;
	struct pair p;
	struct results echo_cycles, echo_mpps, life_cycles, life_rate;
};

/* echo */

static void
write_frame(const struct bench *b, struct rte_mbuf *m, unsigned i)
{
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, FRAME);
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)p;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);

	if (p == NULL)
		pair_die(&b->p, "mbufs too small");
	memset(p, 0, FRAME);
	memcpy(&eth->dst_addr, b->p.port[SERVER].mac, 6);
	memcpy(&eth->src_addr, b->p.port[GENERATOR].mac, 6);
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

	if (rte_pktmbuf_alloc_bulk(b->p.pool, pkts, BURST) != 0)
		pair_die(&b->p, "no mbufs");
	for (unsigned i = 0; i < BURST; i++)
		write_frame(b, pkts[i], i);

	end = rte_rdtsc() + (uint64_t)(b->opt.seconds * (double)b->p.hz);
	cycles = pair_cycles(&b->p);
	do {
		la_port_tx(&b->p.port[GENERATOR], 0, pkts, BURST, b->p.pool);
		n = la_port_rx(&b->p.port[SERVER], 0, pkts, BURST);
		for (unsigned i = 0; i < n; i++)
			turn_round(pkts[i]);
		la_port_tx(&b->p.port[SERVER], 0, pkts, n, b->p.pool);
		n = la_port_rx(&b->p.port[GENERATOR], 0, pkts, BURST);
		packets += n;
	} while (n == BURST && rte_rdtsc() < end);
	cycles = pair_cycles(&b->p) - cycles;

	if (n != BURST)
		pair_die(&b->p, "echo: a frame was lost");
	rte_pktmbuf_free_bulk(pkts, n);
	results_add(&b->echo_cycles, cycles / (double)packets);
	results_add(&b->echo_mpps, (double)packets * (double)b->p.hz / cycles / 1e6);
}

/* lifecycle */

static void
life_round(struct bench *b)
{
	uint64_t ended = b->p.ends[LA_END_ORDERLY];
	double cycles = pair_cycles(&b->p);

	pair_run(&b->p, b->opt.seconds, true);
	cycles = pair_cycles(&b->p) - cycles;
	ended = b->p.ends[LA_END_ORDERLY] - ended;
	if (ended == 0)
		pair_die(&b->p, "lifecycle: no connection ended");
	results_add(&b->life_cycles, cycles / (double)ended);
	results_add(&b->life_rate, (double)ended * (double)b->p.hz / cycles);
}

static void
make_shard(struct pair *p, enum side s, const struct options *o, uint32_t max_time_wait)
{
	struct pair_addrs own;
	struct la_shard_config cfg;

	pair_config(p, s, &own, &cfg);
	cfg.max_time_wait4 = max_time_wait;
	cfg.msl_ms = o->msl_ms;
	p->shard[s] = pair_shard(p, &cfg);
}

static void
life_begin(struct bench *b)
{
	/* Room for every connection of 2*MSL at 1.5 M/s, touched only as far as needed. */
	uint64_t room = (uint64_t)b->opt.msl_ms * 2 * 1500 + (1 << 20);

	make_shard(&b->p, GENERATOR, &b->opt, room < 1u << 27 ? (uint32_t)room : 1u << 27);
	make_shard(&b->p, SERVER, &b->opt, 1 << 17);
	pair_listen(&b->p, b->p.shard[SERVER], 0);
	/* Until the first entries expire, and a little beyond. */
	pair_run(&b->p, 2e-3 * b->opt.msl_ms + 0.2, true);
}

static bool
life_check(struct bench *b)
{
	bool good;

	pair_settle(&b->p);
	good = pair_check_ends(&b->p);
	good &= pair_check_shard(b->p.shard[GENERATOR], "generator");
	good &= pair_check_shard(b->p.shard[SERVER], "server");
	return good;
}

/* report */

static void
print_row(const char *what, const char *unit, const struct results *r)
{
	printf("%-28s %14.1f %14.1f %14.1f  %s\n", what, results_rank(r, 0.5), results_rank(r, 0), results_rank(r, 1),
	       unit);
}

static void
print_table(const struct bench *b)
{
	const struct la_counters *c = la_shard_counters(b->p.shard[GENERATOR]);

	printf("%-28s %14s %14s %14s\n", "", "median", "least", "most");
	print_row("echo", "cycles/packet", &b->echo_cycles);
	print_row("echo", "M packets/s", &b->echo_mpps);
	print_row("lifecycle, both ends", "cycles/connection", &b->life_cycles);
	print_row("lifecycle, both ends", "opens and closes/s/core", &b->life_rate);
	printf("MSL %u ms; TIME_WAIT entries: peak %" PRIu64 ", entered %" PRIu64
	       ", lived 2*MSL %" PRIu64 ", early recycles %" PRIu64
	       "; refused and tried again %" PRIu64 "\n",
	       b->opt.msl_ms, c->v[LA_C_time_wait_peak], c->v[LA_C_time_wait_entered],
	       c->v[LA_C_time_wait_expired], c->v[LA_C_early_recycles], b->p.refused);
	printf("%u rounds of %g s, %u connections at once, TSC %.2f GHz, %s\n", b->opt.rounds,
	       b->opt.seconds, b->opt.inflight, (double)b->p.hz / 1e9, rte_version());
}

static int
write_json(const struct bench *b, bool good)
{
	const struct la_counters *c = la_shard_counters(b->p.shard[GENERATOR]);
	json_t *j = json_pack(
		"{s:s, s:b, s:I, s:s, s:f, s:i, s:i, s:{s:o, s:o}, s:{s:o, s:o, s:I, s:I, s:I, "
		"s:I, s:I}}",
		"bench", "ring", "good", good, "tsc_hz", (json_int_t)b->p.hz, "dpdk", rte_version(),
		"seconds", b->opt.seconds, "inflight", (int)b->opt.inflight, "msl_ms",
		(int)b->opt.msl_ms, "echo", "cycles_per_packet", results_json(&b->echo_cycles),
		"mpps", results_json(&b->echo_mpps), "lifecycle", "cycles_per_connection",
		results_json(&b->life_cycles), "connections_per_second",
		results_json(&b->life_rate), "time_wait_peak",
		(json_int_t)c->v[LA_C_time_wait_peak], "time_wait_entered",
		(json_int_t)c->v[LA_C_time_wait_entered], "time_wait_expired",
		(json_int_t)c->v[LA_C_time_wait_expired], "early_recycles",
		(json_int_t)c->v[LA_C_early_recycles], "refused", (json_int_t)b->p.refused);
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

int
main(int argc, char **argv)
{
	static struct bench b;
	bool good;

	if (parse(argc, argv, &b.opt) < 0)
		return 2;
	b.p.name = "bench/ring";
	b.p.now = pair_tsc_ms;
	b.p.max_inflight = b.opt.inflight;
	pair_start(&b.p);
	life_begin(&b);
	for (unsigned i = 0; i < b.opt.rounds; i++) {
		pair_settle(&b.p); /* the echo wants the rings for itself */
		echo_round(&b);
		pair_run(&b.p, 0.05, true);
		life_round(&b);
	}
	good = life_check(&b);
	print_table(&b);
	if (b.opt.json != NULL && write_json(&b, good) < 0)
		good = false;
	for (unsigned s = 0; s < 2; s++)
		la_shard_destroy(b.p.shard[s]);
	pair_stop(&b.p);
	return good ? 0 : 1;
}
