/* SPDX-License-Identifier: BSD-3-Clause */

/* bench/churn: does a TIME_WAIT table of a hundred million entries slow the opening and closing of
 * connections down?
 *
 * A generator opens connections to a server over the crossed ring pair, as in bench/ring, but the
 * server closes first: its table is where every connection ends. There is one server for each
 * population, all in this process, and the rounds go from one to the next: only figures of the
 * same round are compared, as ratio to the empty table.
 *
 * - Populations are filled in before, by the table's own calls: entries of other peers, whose
 *   deadlines are spread at random over 2*MSL. So whatever expires lies anywhere in the table and in
 *   the index, two cache misses and as many of the TLB: the worst order there is, which a table that
 *   has lived for long tends to.
 * - 2*MSL of each table is its population divided by the rate expected of it, somewhat below the
 *   empty table's: while it is measured entries expire about as fast as they come in, and the
 *   population stands. What came in and went, and the population at the least and at the most, is
 *   printed and checked.
 * - The empty table has an MSL of a few ms, so that it stays all but empty.
 * - A server's clock is the CPU time for which it was driven: it stands while another is measured,
 *   and while the host gives the core to somebody else. Otherwise a pause would make arrears of
 *   expiry, to be worked off in the next round.
 *
 * A connection's cycles are those of both ends together. */

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "churn.h"
#include "io/memory.h"
#include "tw_fill.h"

enum {
	EMPTY_LIFE = 10,	/* ms */
	LIFE_MAX = (1 << 18) - 2, /* ms: the wheel's length; beyond it an entry costs a visit more */
	SPARE = 4 << 20,	/* entries beside the population */
	OTHER_PORTS = 60000,
};

static const double STALE = 2e-4;   /* s: how old the CPU clock may be */
static const double EXPECTED = 0.9; /* of the empty table's rate */

/* ------------------------------------------------------------------ time */

static uint64_t
now(struct pair *p, enum side s)
{
	struct churn *b = (struct churn *)((char *)p - offsetof(struct churn, p));
	uint64_t tsc = rte_rdtsc();

	if ((double)(tsc - b->cpu_tsc) > STALE * (double)p->hz) {
		b->cpu_ms = p->hz ? pair_cycles(p) * 1e3 / (double)p->hz : 0;
		b->cpu_tsc = tsc;
	}
	if (s == GENERATOR)
		return (uint64_t)b->cpu_ms;
	return (uint64_t)(b->table[b->at].ran_ms + (b->cpu_ms - b->cpu0_ms));
}

/* The server that frames go to from now on. All connections have ended. */
static void
drive(struct churn *b, unsigned at)
{
	double cpu;

	b->cpu_tsc = 0;
	(void)now(&b->p, GENERATOR);
	cpu = b->cpu_ms;
	b->table[b->at].ran_ms += cpu - b->cpu0_ms;
	b->cpu0_ms = cpu;
	b->at = at;
	b->p.shard[SERVER] = b->table[at].shard;
}

/* ------------------------------------------------------------------ tables */

/* A connection to a peer of its own, which began to wait at some time within the last 2*MSL. */
static void
other_peer(void *ctx, uint64_t i, struct la_tuple *t, struct la_tw_core *state, uint32_t *left)
{
	const struct table *tb = ctx;
	uint64_t r = tw_fill_mix(i + 1);

	t->laddr = la_addr_from4(RTE_BE32(0x0a4d0002)); /* 10.77.0.2 */
	t->raddr = la_addr_from4(rte_cpu_to_be_32(0x0b000000 + (uint32_t)(i / OTHER_PORTS)));
	t->lport = SERVER_PORT;
	t->rport = (uint16_t)(FIRST_PORT + i % OTHER_PORTS);
	*state = (struct la_tw_core){.snd_nxt = (uint32_t)r,
				     .rcv_nxt = (uint32_t)(r >> 8),
				     .ts_recent = (uint32_t)(r >> 16),
				     .wnd = 512,
				     .flags = LA_TW_TS};
	*left = 1 + (uint32_t)((r >> 24) % tb->lifetime);
}

static void
config(struct churn *b, uint64_t entries, struct pair_addrs *own, struct la_shard_config *cfg)
{
	pair_config(&b->p, SERVER, own, cfg);
	cfg->max_time_wait4 = (uint32_t)(entries + SPARE);
	cfg->now = 0;
}

/* False: there is not enough memory; b->cut says so. */
static bool
fits(struct churn *b, uint64_t entries)
{
	struct pair_addrs own;
	struct la_shard_config cfg;
	struct la_mem_room room;
	uint64_t bytes;

	config(b, entries, &own, &cfg);
	bytes = la_shard_memory(&cfg);
	la_mem_room("", &room);
	if (bytes + bytes / 16 < room.bytes)
		return true;
	snprintf(b->cut, sizeof(b->cut),
		 "cut: %" PRIu64 " entries and %d to spare are %" PRIu64 " MiB, and a 16th more to be safe: %s",
		 entries, SPARE, bytes >> 20, room.text);
	return false;
}

static void
make_table(struct churn *b, uint64_t entries, double rate)
{
	struct table *t = &b->table[b->ntables];
	double life = rate > 0 ? (double)entries / rate * 1e3 : 0, cycles;
	struct pair_addrs own;
	struct la_shard_config cfg;

	t->entries = entries;
	t->lifetime = life < EMPTY_LIFE ? EMPTY_LIFE : life > LIFE_MAX ? LIFE_MAX : (uint32_t)life;
	t->lifetime = t->lifetime / 2 * 2; /* MSL is in ms too */
	config(b, entries, &own, &cfg);
	t->shard = pair_shard(&b->p, &cfg);
	pair_listen(&b->p, t->shard, t->lifetime / 2);
	cycles = pair_cycles(&b->p);
	if (tw_fill(t->shard, entries, t->lifetime, other_peer, t) != 0)
		pair_die(&b->p, "the table is full");
	t->fill_seconds = (pair_cycles(&b->p) - cycles) / (double)b->p.hz;
	b->ntables++;
}

/* ------------------------------------------------------------------ rounds */

static void
bound(struct table *t)
{
	uint64_t n = la_shard_counters(t->shard)->v[LA_C_time_wait];

	if (n < t->now_lo)
		t->now_lo = n;
	if (n > t->now_hi)
		t->now_hi = n;
}

static void
touch(const void *p, size_t size)
{
	for (size_t at = 0; at < size; at += 4096)
		(void)*((const volatile uint8_t *)p + at);
}

/* A virtual machine's host may unmap what nobody has touched for seconds, and a table stands still
 * while others are measured: the first access then costs 20 000 cycles, and is the host's. */
static void
wake(const struct table *t)
{
	const struct la_tcp *tcp = &t->shard->tcp;

	touch(tcp->tw.pool[0].slots, (size_t)tcp->tw.pool[0].fresh * sizeof(struct la_tw4));
	touch(tcp->index.buckets, la_index_memory(tcp->index.capacity));
	touch(tcp->wheel.chunks, (size_t)tcp->wheel.fresh_chunk * sizeof(struct la_wheel_chunk));
}

/* One measurement of table `at`, warm: the first connections open and the caches fill before. */
static double
measure(struct churn *b, unsigned at, double seconds, double *cycles)
{
	struct table *t = &b->table[at];
	const uint64_t *v = la_shard_counters(t->shard)->v;
	uint64_t ended, entered, expired;

	wake(t);
	drive(b, at);
	pair_run(&b->p, seconds / 4, true);
	bound(t);
	entered = v[LA_C_time_wait_entered];
	expired = v[LA_C_time_wait_expired];
	ended = b->p.ends[LA_END_ORDERLY];
	*cycles = pair_cycles(&b->p);
	pair_run(&b->p, seconds, true);
	*cycles = pair_cycles(&b->p) - *cycles;
	ended = b->p.ends[LA_END_ORDERLY] - ended;
	t->entered += v[LA_C_time_wait_entered] - entered;
	t->expired += v[LA_C_time_wait_expired] - expired;
	bound(t);
	pair_settle(&b->p);
	drive(b, at);
	if (ended == 0)
		pair_die(&b->p, "no connection ended");
	*cycles /= (double)ended;
	return (double)b->p.hz / *cycles;
}

static void
rounds(struct churn *b)
{
	for (unsigned i = 0; i < b->ntables; i++) {
		b->table[i].now_lo = UINT64_MAX;
		b->table[i].now_hi = 0;
		b->table[i].entered = b->table[i].expired = 0;
	}
	for (unsigned r = 0; r < b->opt.rounds; r++) {
		double empty = 0;

		for (unsigned i = 0; i < b->ntables; i++) {
			double cycles, rate = measure(b, i, b->opt.seconds, &cycles);

			if (i == 0)
				empty = rate;
			results_add(&b->table[i].rate, rate);
			results_add(&b->table[i].cycles, cycles);
			results_add(&b->table[i].ratio, rate / empty);
		}
	}
}

/* ------------------------------------------------------------------ was it what it should be? */

static bool
fault(const struct table *t, const char *what)
{
	printf("FAIL: the table of %" PRIu64 ": %s\n", t->entries, what);
	return false;
}

static bool
check_table(const struct table *t)
{
	const uint64_t *v = la_shard_counters(t->shard)->v;
	bool good = pair_check_shard(t->shard, "server");

	/* a small one follows the rate, which is a shared host's; a large one has no time to */
	if (t->now_lo < t->entries / 10 * 4 || t->now_hi > t->entries / 10 * 16 + SPARE / 16)
		good = fault(t, "the population did not stand");
	if (t->expired < t->entered / 2)
		good = fault(t, "far fewer expired than came in");
	if (v[LA_C_time_wait_entered] != v[LA_C_time_wait] + v[LA_C_time_wait_expired])
		good = fault(t, "entries came and went that nobody counted");
	return good;
}

static bool
check(struct churn *b)
{
	bool good = pair_check_ends(&b->p);

	good &= pair_check_shard(b->p.shard[GENERATOR], "generator");
	for (unsigned i = 0; i < b->ntables; i++)
		good &= check_table(&b->table[i]);
	return good;
}

/* ------------------------------------------------------------------ the program */

static void
usage(void)
{
	printf("bench/churn: opens and closes a second with a full TIME_WAIT table behind them\n"
	       "  --entries LIST  populations beside the empty one [1000000,10000000,100000000]\n"
	       "  --rounds N      of all populations in turn, odd [7]\n"
	       "  --seconds S     of each measurement in a round [0.5]\n"
	       "  --inflight N    connections at once [256]\n"
	       "  --json FILE     the results for machines\n");
}

static bool
parse_entries(const char *text, struct options *o)
{
	char *end;

	for (o->ntables = 1;; text = end + 1) {
		if (o->ntables == MAX_TABLES)
			return false;
		o->entries[o->ntables] = strtoull(text, &end, 10);
		if (end == text || o->entries[o->ntables] < 100000 ||
		    o->entries[o->ntables] > 1000000000)
			return false;
		o->ntables++;
		if (*end == '\0')
			return true;
		if (*end != ',')
			return false;
	}
}

static bool
parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"entries", required_argument, NULL, 'e'},
		{"rounds", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 's'},
		{"inflight", required_argument, NULL, 'i'},
		{"json", required_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *entries = "1000000,10000000,100000000";
	int c;

	*o = (struct options){.rounds = 7, .seconds = 0.5, .inflight = 256};
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'e':
			entries = optarg;
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
		case 'j':
			o->json = optarg;
			break;
		case 'h':
			usage();
			exit(0);
		default:
			return false;
		}
	}
	return optind == argc && parse_entries(entries, o) && o->rounds >= 1 &&
	       o->rounds <= MAX_ROUNDS && o->seconds > 0 && o->seconds <= 60 && o->inflight >= 1 &&
	       o->inflight <= 60000;
}

/* Share of what this process has in memory that is on transparent hugepages. */
static double
huge_share(void)
{
	uint64_t rss = 0, huge = 0;
	char line[128];
	FILE *f = fopen("/proc/self/smaps_rollup", "r");

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		(void)sscanf(line, "Rss: %" SCNu64, &rss);
		(void)sscanf(line, "AnonHugePages: %" SCNu64, &huge);
	}
	fclose(f);
	return rss ? (double)huge / (double)rss : 0;
}

static void
make_tables(struct churn *b)
{
	struct pair_addrs own;
	struct la_shard_config cfg;
	double rate, cycles;

	pair_config(&b->p, GENERATOR, &own, &cfg);
	b->p.shard[GENERATOR] = pair_shard(&b->p, &cfg);
	make_table(b, 0, 0);
	b->p.shard[SERVER] = b->table[0].shard;
	rate = EXPECTED * measure(b, 0, 1, &cycles);
	for (unsigned i = 1; i < b->opt.ntables && fits(b, b->opt.entries[i]); i++) {
		make_table(b, b->opt.entries[i], rate);
		printf("filled: %" PRIu64 " entries in %.1f s\n", b->table[i].entries,
		       b->table[i].fill_seconds);
		fflush(stdout);
	}
	b->huge = huge_share();
}

int
main(int argc, char **argv)
{
	static struct churn b;

	if (!parse(argc, argv, &b.opt)) {
		usage();
		return 2;
	}
	b.p.name = "bench/churn";
	b.p.now = now;
	b.p.max_inflight = b.opt.inflight;
	b.p.server_closes = true;
	pair_start(&b.p);
	make_tables(&b);
	rounds(&b);
	b.good = check(&b);
	churn_print(&b);
	if (b.opt.json != NULL && churn_json(&b) < 0)
		b.good = false;
	la_shard_destroy(b.p.shard[GENERATOR]);
	for (unsigned i = 0; i < b.ntables; i++)
		la_shard_destroy(b.table[i].shard);
	pair_stop(&b.p);
	return b.good ? 0 : 1;
}
