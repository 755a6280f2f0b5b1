/* SPDX-License-Identifier: BSD-3-Clause */

/* lifecycle with a stack at both ends. The first port of the ring pair has a shard that opens connections, the second
 * port has the server's shard, and this core runs both shards. The opener closes first and holds
 * TIME_WAIT. The cycles of a connection are the sum of both ends. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "bench/internal.h"

enum {
	FIRST_PORT = 1024,
	FRAMES = 5,	/* frames of a connection in each direction */
	ROOM = 8 << 20, /* capacity for TIME_WAIT entries; memory of unused entries is not touched */
	LIFE = 500,	/* MSL of the opener, ms */
};

struct both {
	struct server sv;
	struct la_shard *opener;
	struct la_tuple next;
	uint32_t inflight;
	uint64_t ends[LA_NENDS];
};

static void
both_close(struct la_conn *c, void *user)
{
	(void)user;
	la_close(c);
}

static void
both_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct both *t = user;

	(void)c;
	t->ends[why->end]++;
	t->inflight--;
}

static const struct la_conn_ops first = {.opened = both_close, .closed = both_closed};
static const struct la_conn_ops second = {.peer_fin = both_close};

/* The opener has 10.80.0.0/16 and 10.77.0.1, which is the server's gateway. */
static int
make_opener(struct both *t, struct bench *b)
{
	struct la_prefix addr, range;
	struct la_shard_config cfg = {.mbufs = t->sv.pool,
				      .mtu = b->port[0].mtu,
				      .offloads = b->port[0].offloads,
				      .addrs = &addr,
				      .naddrs = 1,
				      .ranges = &range,
				      .nranges = 1,
				      .no_dad = true,
				      .max_time_wait4 = ROOM,
				      .max_time_wait6 = 64,
				      .msl_ms = LIFE};

	la_prefix_parse("10.77.0.1/24", &addr);
	la_prefix_parse("10.80.0.0/16", &range);
	memcpy(cfg.mac, b->port[0].mac, 6);
	la_addr_parse("10.80.0.1", &t->next.laddr);
	la_addr_parse("10.77.0.2", &t->next.raddr);
	t->next.lport = FIRST_PORT;
	t->next.rport = BENCH_PORT;
	if (getrandom(cfg.secret, sizeof(cfg.secret), 0) == sizeof(cfg.secret) &&
	    la_shard_create(&cfg, &t->opener) == 0)
		return 0;
	bench_fault(b, "no memory for a shard");
	return -1;
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
open_some(struct both *t, uint32_t inflight)
{
	for (unsigned i = 0; i < BENCH_BURST && t->inflight < inflight; i++) {
		struct la_conn *c;
		int r = la_connect(t->opener, &t->next, &first, t, NULL, &c);

		if (r < 0) {
			bench_fault(t->sv.b, "both ends: la_connect(): %s", strerror(-r));
			return;
		}
		t->inflight++;
		next_tuple(&t->next);
	}
}

static void
both_step(struct both *t, unsigned port, struct la_shard *s, uint64_t now)
{
	const struct la_port *p = &t->sv.b->port[port];
	struct rte_mbuf *pkts[BENCH_BURST];
	unsigned n;

	while ((n = la_port_rx(p, 0, pkts, BENCH_BURST)) > 0)
		la_shard_rx(s, now, pkts, n);
	la_shard_poll(s, now);
	while ((n = la_shard_tx(s, pkts, BENCH_BURST)) > 0)
		la_port_tx(p, 0, pkts, n, t->sv.pool);
}

/* Runs both ends for about as many frames as a batch of the other benches has. */
static void
both_batch(struct both *t, bool opening)
{
	uint64_t now = server_now(&t->sv);
	struct bench *b = t->sv.b;

	bench_watch_start(&t->sv.cost);
	for (unsigned i = 0; i < BENCH_BATCH / BENCH_BURST; i++) {
		if (opening)
			open_some(t, (uint32_t)b->opt.inflight);
		both_step(t, 0, t->opener, now);
		both_step(t, 1, t->sv.shard, now);
		both_step(t, 0, t->opener, now);
	}
	t->sv.now_ns += bench_watch_stop(b, &t->sv.cost);
}

static void
both_check(struct both *t, struct bench_row *r)
{
	/* each end announces its own address by ARP, and the other end drops and counts the announcement */
	static const enum la_counter arp[] = {LA_C_drop_arp_not_ours, LA_NCOUNTERS};
	struct bench *b = t->sv.b;
	const uint64_t *v = la_shard_counters(t->opener)->v;
	struct server opener = {.b = b, .shard = t->opener};

	for (unsigned i = 0; i < 64 && t->inflight > 0; i++)
		both_batch(t, false);
	if (b->faults != 0)
		return;
	server_check(&t->sv, "both ends, server", arp);
	server_check(&opener, "both ends, opener", arp);
	for (unsigned e = 0; e < LA_NENDS; e++)
		if (e != LA_END_ORDERLY && t->ends[e] != 0)
			bench_fault(b, "both ends: %" PRIu64 " connections ended: %s", t->ends[e],
				    la_end_name((enum la_end)e));
	if (t->inflight != 0)
		bench_fault(b, "both ends: %u connections have not ended", t->inflight);
	else if (v[LA_C_time_wait_entered] != t->ends[LA_END_ORDERLY])
		bench_fault(b, "both ends: %" PRIu64 " orderly closes, but %" PRIu64 " TIME_WAIT entries",
			    t->ends[LA_END_ORDERLY], v[LA_C_time_wait_entered]);
	snprintf(r->note, sizeof(r->note), "MSL %.1f s, peak of TIME_WAIT %" PRIu64 ", expired %" PRIu64, LIFE / 1e3,
		 v[LA_C_time_wait_peak], v[LA_C_time_wait_expired]);
}

static void
both_rounds(struct both *t, struct bench_row *r)
{
	struct bench *b = t->sv.b;

	open_some(t, 1); /* only one: few packets can wait while the addresses are resolved */
	for (unsigned k = 0; k <= b->opt.rounds && b->faults == 0; k++) {
		double limit;
		uint64_t ended;

		for (unsigned i = 0; i < 64 && t->inflight > 0; i++)
			both_batch(t, false);
		limit = bench_limit(b, BENCH_FRAME); /* no connection may use the rings now */
		both_batch(t, true);
		t->sv.cost = (struct bench_cost){0};
		ended = t->ends[LA_END_ORDERLY];
		while (t->sv.cost.cpu < b->opt.seconds * 1e9 && b->faults == 0)
			both_batch(t, true);
		ended = t->ends[LA_END_ORDERLY] - ended;
		if (k > 0 && ended > 0)
			bench_note(b, r, &t->sv.cost, (double)ended, limit);
	}
}

void
bench_both(struct bench *b)
{
	const struct server_options o = {.ops = &second, .time_wait = 1 << 17};
	struct both t = {.inflight = 0};
	struct bench_row *r = bench_row(b, "lifecycle", "connection", 2 * FRAMES,
					"lifecycle, both ends, opener closes first, no payload");

	if (r == NULL || server_open(&t.sv, b, &o) != 0)
		return;
	if (make_opener(&t, b) == 0) {
		both_rounds(&t, r);
		both_check(&t, r);
		la_shard_destroy(t.opener);
	}
	server_close(&t.sv);
	bench_print_row(b, r);
}
