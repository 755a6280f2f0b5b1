/* SPDX-License-Identifier: BSD-3-Clause */

/* fill_state STATE KNOWN N4 N6 SAMPLE: writes a snapshot file to STATE, as of a server with 10.0.0.2/24 and
 * fd00::2/64 that stopped with N4 IPv4 and N6 IPv6 connections in TIME_WAIT. Writes the peers' variables of
 * SAMPLE of these connections to KNOWN, for restart.py. Ten million connections from Python would take hours. The
 * table and the code that writes the file are lastack's.
 *
 * LAPSED further IPv4 connections have a 2*MSL that ends before a server can start. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <rte_mbuf.h>

#include "core/rng.h"
#include "core/siphash.h"
#include "io/eal.h"
#include "sim/tw_fill.h"
#include "snapshot/snapshot.h"

enum {
	LIFE = 240000, /* 2*MSL, ms */
	LAPSED = 1000,
	LAPSE = 20, /* most ms left of 2*MSL of a LAPSED connection */
	PEERS = 3,  /* addresses of wire.py, for each family */
	FIRST_PORT = 1024,
	PORTS = 60000,
	LISTENED = 16, /* connections of the sample to the HTTP port, which has a listener */
	NOW = 1000000, /* ms, when the server stopped */
};

static struct la_shard *shard;
static uint64_t count[2]; /* [0] IPv4, [1] IPv6 */
static uint64_t sample;
static struct la_addr us[2], peer[2][PEERS];

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "fill_state: %s\n", what);
	exit(1);
}

/* Sets the i-th entry. The server's port is 80 for the first PEERS * PORTS entries, and another one for each further
 * PEERS * PORTS entries. ctx: a bool, whether the entry is IPv6. */
static void
entry(void *ctx, uint64_t i, struct la_tuple *t, struct la_tw_core *state, uint32_t *left)
{
	bool is6 = *(const bool *)ctx;
	uint64_t r = la_rng_mix(2 * i + is6 + 1), ours = i / (PEERS * PORTS);

	t->laddr = us[is6];
	t->raddr = peer[is6][i % PEERS];
	t->lport = ours == 0 ? 80 : (uint16_t)(20000 + ours);
	t->rport = (uint16_t)(FIRST_PORT + i / PEERS % PORTS);
	*state = (struct la_tw_core){.snd_nxt = (uint32_t)r,
				     .rcv_nxt = (uint32_t)(r >> 32),
				     .ts_recent = (uint32_t)(r >> 20),
				     .wnd = (uint16_t)(512 + (r & 0xff)),
				     .flags = i & 1 ? LA_TW_TS : 0};
	*left = i < count[is6] ? LIFE / 2 + (uint32_t)(r >> 8) % (LIFE / 2) : 1 + (uint32_t)i % LAPSE;
}

/* ------------------------------------------------------------------ the peers' variables */

/* Writes the variables of a connection. Names are those of restart.py: R and N are the server's RCV.NXT and SND.NXT.
 * The peer's timestamp clock continues 1 ms after its FIN. gone: the connection's 2*MSL has ended. */
static void
know(FILE *f, bool is6, uint64_t i, bool gone)
{
	struct la_tuple t;
	struct la_tw_core s;
	struct timespec ts;
	uint32_t left, seen, base;

	memset(&t, 0, sizeof(t));
	entry(&is6, i, &t, &s, &left);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	base = s.ts_recent + 1 - (uint32_t)((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
	seen = NOW - (LIFE - left) + (uint32_t)(la_siphash_tuple(shard->tcp.key.isn, &t) >> 32);
	fprintf(f,
		"%s{\"v\": %d, \"ts\": %s, \"who\": %u, \"sport\": %u, \"dport\": %u, \"isn\": %u, "
		"\"snd\": %u, \"R\": %u, \"N\": %u, \"W\": %u, \"wscale\": 0, \"last_ts\": %u, "
		"\"ts_base\": %u, \"dut_ts\": %u, \"gone\": %s}",
		ftell(f) > 1 ? ",\n" : "", is6 ? 6 : 4, s.flags & LA_TW_TS ? "true" : "false", (unsigned)(i % PEERS),
		t.rport, t.lport, s.rcv_nxt - 1000, s.rcv_nxt, s.rcv_nxt, s.snd_nxt, s.wnd,
		s.flags & LA_TW_TS ? s.ts_recent : 0, base, s.flags & LA_TW_TS ? seen : 0, gone ? "true" : "false");
}

/* Writes LISTENED connections of the HTTP port, then connections of the whole table, then 16 LAPSED connections. */
static void
write_known(const char *path)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		die("the file KNOWN cannot be opened");
	fputc('[', f);
	for (uint64_t j = 0; j < sample; j++) {
		bool is6 = j & 1;
		uint64_t each = count[is6] / sample;

		if (j < LISTENED)
			know(f, is6, 3000 + j / 2, false);
		else
			know(f, is6, j * each + la_rng_mix(j) % each, false);
	}
	for (unsigned j = 0; j < 16; j++)
		know(f, false, count[0] + 7 * j, true);
	fputs("]\n", f);
	if (fclose(f) != 0)
		die("the file KNOWN cannot be written");
}

/* ------------------------------------------------------------------ the file */

static void
make_addresses(struct la_prefix *ours)
{
	static const char *const text[2][PEERS] = {{"10.0.0.50", "10.0.0.51", "10.0.0.52"},
						   {"fd00::50", "fd00::51", "fd00::52"}};

	la_prefix_parse("10.0.0.2/24", &ours[0]);
	la_prefix_parse("fd00::2/64", &ours[1]);
	for (unsigned i = 0; i < 2; i++) {
		us[i] = ours[i].addr;
		for (unsigned j = 0; j < PEERS; j++)
			la_addr_parse(text[i][j], &peer[i][j]);
	}
}

static void
make_shard(const struct la_prefix *ours)
{
	struct la_eal_config eal = {.ports = {{LA_PORT_NULL, NULL}},
				    .nports = 1,
				    .lcores = 1,
				    .memory_mb = 64,
				    .args = {"--no-huge"},
				    .nargs = 1};
	struct la_shard_config cfg = {.now = NOW,
				      .mac = {2},
				      .addrs = ours,
				      .naddrs = 2,
				      .no_dad = true,
				      .max_conns = 16,
				      .max_time_wait4 = (uint32_t)count[0] + LAPSED,
				      .max_time_wait6 = (uint32_t)count[1]};
	static struct la_eal up;
	char err[512];

	if (la_eal_start(&eal, &up, err, sizeof(err)) != 0)
		die(err);
	cfg.mbufs = rte_pktmbuf_pool_create("fill", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (cfg.mbufs == NULL || getrandom(cfg.secret, sizeof(cfg.secret), 0) != sizeof(cfg.secret) ||
	    la_shard_create(&cfg, &shard) != 0)
		die("the shard cannot be created");
}

int
main(int argc, char **argv)
{
	struct la_prefix ours[2];
	struct la_snapshot_addrs addrs = {.addrs = ours, .naddrs = 2};
	uint64_t bytes;
	char err[512];

	if (argc != 6)
		die("usage: fill_state STATE KNOWN N4 N6 SAMPLE");
	count[0] = strtoull(argv[3], NULL, 10);
	count[1] = strtoull(argv[4], NULL, 10);
	sample = strtoull(argv[5], NULL, 10);
	if (sample <= LISTENED || count[0] < 10 * sample || count[1] < 10 * sample || count[0] + count[1] > 100000000)
		die("allowed: SAMPLE above 16, N4 and N6 at least ten times SAMPLE, N4 + N6 at most 100 million");
	make_addresses(ours);
	make_shard(ours);
	if (la_sim_tw_fill(shard, count[0] + LAPSED, LIFE, entry, &(bool){false}) != 0 ||
	    la_sim_tw_fill(shard, count[1], LIFE, entry, &(bool){true}) != 0)
		die("the table is full");
	write_known(argv[2]);
	if (la_snapshot_save(argv[1], &addrs, &shard, 1, NOW, false, NULL, &bytes, err, sizeof(err)) != 0)
		die(err);
	printf("%.1f MB\n", (double)bytes / 1e6);
	la_shard_destroy(shard);
	la_eal_stop();
	return 0;
}
