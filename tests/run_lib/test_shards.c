/* SPDX-License-Identifier: BSD-3-Clause */

/* Several shards on one port: whole engines over a ring pair, the shard that announces for all, and a port
 * with RSS. */

#include "net/gateway.h"
#include "steer_test.h"

/* ---- four shards on a port ---- */

enum { SHARDS = 4, CONNS = 300, AT_ONCE = 40, PORT = 7 };

struct end {
	struct la_tuples tuples[2]; /* IPv4, IPv6 */
	unsigned started, live, orderly, wrong, family;
	uint64_t tcp, strays, others; /* frames seen */
};

static struct four {
	struct la_engine_config cfg;
	struct la_steer steer;
	struct end end[2 * SHARDS]; /* first the clients, then the servers */
	struct la_prefix addrs[2][2];
	unsigned kept; /* number of received frames whose buffers are not freed */
} four;

static void
echo_data(struct la_conn *c, void *user)
{
	const void *p;
	size_t n;

	(void)user;
	while ((n = la_peek(c, &p)) > 0) {
		la_send(c, p, n);
		la_consume(c, n);
	}
}

static void
echo_fin(struct la_conn *c, void *user)
{
	(void)user;
	la_close(c);
}

static const struct la_conn_ops echo_ops = {.data = echo_data, .peer_fin = echo_fin};

static void
opened(struct la_conn *c, void *user)
{
	(void)user;
	la_send(c, "hello", 5);
}

static void
answer(struct la_conn *c, void *user)
{
	struct end *e = user;
	const void *p;
	size_t n = la_peek(c, &p);

	if (n < 5)
		return;
	e->wrong += n != 5 || memcmp(p, "hello", 5) != 0;
	la_consume(c, n);
	la_close(c);
}

static void
closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct end *e = user;

	(void)c;
	e->live--;
	e->orderly += why->end == LA_END_ORDERLY;
}

static const struct la_conn_ops client_ops = {.opened = opened, .data = answer, .closed = closed};

static enum la_round
open_some(void *ctx, struct la_shard *s, uint64_t now)
{
	struct end *e = ctx;
	bool busy = false;

	while (e->started < CONNS && e->live < (e->orderly == 0 ? 1 : AT_ONCE)) {
		struct la_tuple t;
		struct la_conn *c;
		unsigned ticket;

		if (la_tuples_next(&e->tuples[e->family], now, &t, &ticket) != 0 ||
		    la_connect(s, &t, &client_ops, e, NULL, &c) != 0)
			break;
		la_tuples_unused(&e->tuples[e->family], ticket); /* no tuple rests, so none is returned */
		e->family ^= 1;
		e->started++;
		e->live++;
		busy = true;
	}
	return busy ? LA_ROUND_BUSY : LA_ROUND_IDLE;
}

static bool
is_done(void *ctx, struct la_shard *s)
{
	const struct end *e = ctx;

	(void)s;
	return e->started == CONNS && e->live == 0;
}

static int
start_echo(void *ctx, struct la_shard *s)
{
	(void)ctx;
	return la_listen(s, NULL, PORT, &echo_ops, NULL, NULL);
}

static const struct la_station_ops clients = {.poll = open_some, .done = is_done};
static const struct la_station_ops servers = {.start = start_echo};

/* Counts the received frames of a shard. A stray is a segment that hashes to another shard, by DPDK's model. */
static void
watch(void *ctx, unsigned station, struct rte_mbuf *const *pkts, unsigned n)
{
	struct end *e = &four.end[station];

	(void)ctx;
	if (station == 0 && four.kept > 0) {
		four.kept--;
		rte_mbuf_refcnt_update(pkts[0], 1);
	}
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		size_t len = pkts[i]->data_len;
		struct la_tuple t;
		struct la_eth h;
		struct la_ip ip_;

		if (la_eth_parse(p, len, &h) != LA_WIRE_OK ||
		    (h.type == LA_ETH_IP4 ? la_ip4_parse(p + h.len, len - h.len, false, &ip_)
					  : la_ip6_parse(p + h.len, len - h.len, &ip_)) != LA_WIRE_OK ||
		    ip_.proto != LA_IPPROTO_TCP) {
			e->others++;
			continue;
		}
		p += h.len + ip_.hlen;
		t = (struct la_tuple){ip_.dst, ip_.src, la_get16(p + 2), la_get16(p)};
		e->tcp++;
		e->strays += nic_hash(&t) % 128 % SHARDS != station % SHARDS;
	}
}

static void
set_up(unsigned queues, unsigned workers)
{
	static const char *const text[2][2] = {{"10.0.0.1/24", "fd00::1/64"}, {"10.0.0.2/24", "fd00::2/64"}};
	struct la_engine_config *c = &four.cfg;

	la_steer_init(&four.steer, SHARDS);
	*c = (struct la_engine_config){.nstations = 2 * SHARDS,
				       .queues = queues,
				       .mbufs = 16384,
				       .quiet = true,
				       .idle = LA_IDLE_SLEEP,
				       .drain_ms = 5000,
				       .duration_ms = 20000,
				       .watch = watch};
	c->eal.ports[0].kind = LA_PORT_RING;
	c->eal.nports = 1;
	for (unsigned side = 0; side < 2; side++)
		for (unsigned f = 0; f < 2; f++)
			cr_assert_eq(la_prefix_parse(text[side][f], &four.addrs[side][f]), 0);
	for (unsigned i = 0; i < 2 * SHARDS; i++) {
		struct la_station *st = &c->stations[i];
		unsigned side = i / SHARDS;

		st->name = side ? "server" : "client";
		st->port = side;
		st->worker = i % workers;
		st->ops = side ? &servers : &clients;
		st->ctx = &four.end[i];
		st->shard = (struct la_shard_config){.addrs = four.addrs[side],
						     .naddrs = 2,
						     .no_dad = true,
						     .max_conns = 1024,
						     .max_time_wait4 = 4096,
						     .max_time_wait6 = 4096};
		for (unsigned f = 0; f < 2 && side == 0; f++) {
			struct la_prefix from = {four.addrs[0][f].addr, f ? 128 : 32};
			struct la_tuples *t = &four.end[i].tuples[f];

			cr_assert_eq(la_tuples_init(t, &from, 1, 1024, 65535, &four.addrs[1][f].addr, PORT, 0), 0);
			la_tuples_home(t, &four.steer, i % SHARDS);
		}
	}
}

static uint64_t
sum(const struct la_summary *s, unsigned end, enum la_counter c)
{
	return s->end[end].stats.c.v[c];
}

static void
expect_results(const struct la_summary *s)
{
	static const enum la_counter zeros[] = {LA_C_drop_no_listener, LA_C_hand_over_full, LA_C_drop_eth_not_ours,
						LA_C_drop_ip_dst,      LA_C_live,	    LA_C_early_recycles,
						LA_C_mbuf_exhausted};

	bool late = sum(s, 0, LA_C_retransmits) + sum(s, 1, LA_C_retransmits) > 0;

	cr_assert_eq(s->nends, 2);
	for (unsigned end = 0; end < 2; end++) {
		cr_assert_eq(s->end[end].shards, SHARDS);
		cr_assert_eq(la_summary_opens(&s->end[end].stats.c), SHARDS * CONNS);
		cr_expect_eq(s->end[end].stats.mbufs_out, s->end[end].stats.mbufs_before,
			     "end %u: %lu packet buffers out of the pools, %lu at the start", end,
			     s->end[end].stats.mbufs_out, s->end[end].stats.mbufs_before);
		cr_assert_eq(sum(s, end, LA_C_ended_orderly), SHARDS * CONNS);
		cr_assert_eq(sum(s, end, LA_C_handed_over), sum(s, end, LA_C_handed_in));
		/* when a worker does not run for 200 ms, a segment is retransmitted, and the first copy may arrive
		 * after its connection ended: LISTEN answers an ACK with RST (RFC 9293 3.10.7.2) */
		cr_assert(late || sum(s, end, LA_C_rst_out) == 0, "rst_out %lu", sum(s, end, LA_C_rst_out));
		for (unsigned i = 0; i < RTE_DIM(zeros); i++)
			cr_assert_eq(sum(s, end, zeros[i]), 0, "%s %lu", la_counter_name(zeros[i]),
				     sum(s, end, zeros[i]));
	}
	for (unsigned i = 0; i < 2 * SHARDS; i++) {
		const struct la_station_stats *st = &s->shard[i].stats;

		cr_assert_eq(la_summary_unexplained(st), 0);
		cr_assert_eq(four.end[i].strays, 0, "shard %u: %lu strays", i, four.end[i].strays);
		/* ARP replies, advertisements and answers of shard 0 are not counted as segments */
		cr_assert_gt(four.end[i].others, 0);
		cr_assert_eq(four.end[i].tcp, st->c.v[LA_C_tcp_segments_in]);
		if (i < SHARDS) {
			cr_assert_eq(four.end[i].started, CONNS);
			cr_assert_eq(four.end[i].orderly, CONNS);
			cr_assert_eq(four.end[i].wrong, 0);
			cr_assert_eq(st->c.v[LA_C_opens_active], CONNS);
		} else {
			/* the hash of a connection is the same on client and server */
			cr_assert_eq(st->c.v[LA_C_opens_passive], CONNS);
		}
	}
}

static void
four_on_a_port(unsigned queues, unsigned workers, struct la_summary *s)
{
	struct la_engine *e;
	char err[512];

	set_up(queues, workers);
	cr_assert_eq(la_engine_create(&four.cfg, &e, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(la_engine_run(e), 0);
	la_summary_take(s, e, &four.cfg);
	expect_results(s);
	la_engine_destroy(e);
}

static struct la_summary summary;

Test(four_shards, share_one_queue, .timeout = 120)
{
	four_on_a_port(1, 2 * SHARDS, &summary);
	for (unsigned end = 0; end < 2; end++) {
		/* three of four segments are handed to another shard, */
		cr_assert_gt(summary.end[end].stats.frames_away, SHARDS * CONNS);
		/* because only the first shard has a queue */
		for (unsigned i = 1; i < SHARDS; i++)
			cr_assert_eq(summary.shard[end * SHARDS + i].stats.frames_in, 0);
	}
}

Test(four_shards, have_two_queues, .timeout = 120)
{
	four_on_a_port(2, 2 * SHARDS, &summary);
	for (unsigned end = 0; end < 2; end++)
		for (unsigned i = 0; i < SHARDS; i++)
			cr_assert_eq(summary.shard[end * SHARDS + i].stats.frames_in > 0, i < 2);
}

Test(four_shards, have_a_queue_each, .timeout = 120)
{
	four_on_a_port(0, 2 * SHARDS, &summary);
	/* ring port: frames of shard k arrive in queue k, the queue of its peer; ARP and ND are copied */
	for (unsigned end = 0; end < 2; end++)
		cr_assert_lt(summary.end[end].stats.frames_away, 100);
}

Test(four_shards, share_one_worker, .timeout = 120)
{
	four_on_a_port(1, 1, &summary);
}

static enum la_gateway_state seen[SHARDS][2]; /* states of the gateways at the first poll of each client */
static unsigned polls[SHARDS];

static enum la_round
open_by_gateway(void *ctx, struct la_shard *s, uint64_t now)
{
	unsigned i = (unsigned)((struct end *)ctx - four.end);

	if (polls[i]++ == 0)
		for (unsigned six = 0; six < 2; six++)
			seen[i][six] = la_gateway_state_of(s, six);
	return open_some(ctx, s, now);
}

/* Clients are polled when their gateways are resolved or have failed. Only the first shard sends requests. The other
 * shards get a copy of the reply. */
Test(four_shards, resolve_their_gateways_before_they_open, .timeout = 120)
{
	static const struct la_station_ops ops = {.poll = open_by_gateway, .done = is_done};
	struct la_engine *e;
	char err[512];

	set_up(1, 2 * SHARDS);
	for (unsigned i = 0; i < SHARDS; i++) {
		struct la_station *st = &four.cfg.stations[i];

		st->ops = &ops;
		st->shard.gateway6 = four.addrs[1][1].addr;
		cr_assert_eq(la_addr_parse("10.0.0.9", &st->shard.gateway4), 0); /* no such host */
	}
	cr_assert_eq(la_engine_create(&four.cfg, &e, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(la_engine_run(e), 0);
	cr_assert_geq(la_engine_seconds(e), 1.5); /* three requests, a second apart, minus the time of creation */
	la_summary_take(&summary, e, &four.cfg);
	expect_results(&summary);
	for (unsigned i = 0; i < SHARDS; i++) {
		cr_assert_eq(seen[i][0], LA_GATEWAY_SILENT);
		cr_assert_eq(seen[i][1], LA_GATEWAY_READY);
	}
	la_engine_destroy(e);
}

/* mbufs_out counts the three buffers that are not freed, although a ring port passes the buffers of the other side and
 * answers are written into received frames. */
Test(one_shard, that_keeps_three_buffers_is_detected, .timeout = 120)
{
	struct la_engine *e;
	char err[512];
	uint64_t kept = 0;

	set_up(1, 2 * SHARDS);
	four.kept = 3;
	cr_assert_eq(la_engine_create(&four.cfg, &e, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(la_engine_run(e), 0);
	la_summary_take(&summary, e, &four.cfg);
	for (unsigned i = 0; i < 2; i++)
		kept += summary.end[i].stats.mbufs_out - summary.end[i].stats.mbufs_before;
	cr_assert_eq(kept, 3);
	la_engine_destroy(e);
}

/* ---- the first shard announces the addresses of all ---- */

enum { DAD_MS = 1000 };

static struct {
	struct la_eal eal;
	struct rte_mempool *pool;
	struct la_prefix addrs[2];
	struct la_shard *s;
} one;

static void
start(bool follower)
{
	struct la_eal_config cfg = {.lcores = 1};
	struct la_shard_config sc = {.addrs = one.addrs,
				     .naddrs = 2,
				     .follower = follower,
				     .mac = {2, 0, 0, 0, 0, 1},
				     .max_conns = 16,
				     .max_time_wait4 = 16,
				     .max_time_wait6 = 16};
	char err[512];

	cfg.ports[0].kind = LA_PORT_NULL;
	cfg.nports = 1;
	cr_assert_eq(la_eal_start(&cfg, &one.eal, err, sizeof(err)), 0, "%s", err);
	one.pool = rte_pktmbuf_pool_create("test", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	sc.mbufs = one.pool;
	cr_assert_eq(la_prefix_parse("10.0.0.2/24", &one.addrs[0]), 0);
	cr_assert_eq(la_prefix_parse("fd00::2/64", &one.addrs[1]), 0);
	cr_assert_eq(la_shard_create(&sc, &one.s), 0);
}

/* Polls the shard, and returns the number of frames that it has sent since the last call. */
static unsigned
sent(uint64_t now)
{
	struct rte_mbuf *pkts[64];
	unsigned n;

	la_shard_poll(one.s, now);
	n = la_shard_tx(one.s, pkts, 64);
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static void
receive(const struct frame *f, uint64_t now)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(one.pool);

	memcpy(rte_pktmbuf_append(m, (uint16_t)f->len), f->b, f->len);
	la_shard_rx(one.s, now, &m, 1);
}

/* Builds a peer's ARP request and neighbour solicitation for our addresses. dad: the solicitation is of duplicate
 * address detection. */
static void
questions(struct frame *arp_, struct frame *ns, bool dad)
{
	static const uint8_t ours[6] = {2, 0, 0, 0, 0, 1}, peer[6] = {2, 0, 0, 0, 0, 9};
	struct la_tuple t = {addr("fd00::2"), addr("fd00::1"), 0, 0};
	struct la_arp a = {.op = LA_ARP_REQUEST, .spa = addr("10.0.0.1").w[3], .tpa = addr("10.0.0.2").w[3]};
	struct la_addr target = t.laddr;

	memcpy(a.sha, peer, 6);
	eth(arp_, LA_ETH_ARP, 0);
	la_arp_write(arp_->b + arp_->len, &a);
	arp_->len += LA_ARP_LEN;
	if (dad) {
		t.raddr = (struct la_addr){0};
		t.laddr = la_nd_solicited_node(&target);
	}
	la_nd_solicit_write(ip(ns, &t, LA_IPPROTO_ICMP6, dad ? 24 : 32, 0, 0), &t.raddr, &t.laddr, &target,
			    dad ? NULL : peer);
	memcpy(arp_->b, ours, 6);
	memcpy(ns->b, ours, 6);
	if (dad)
		la_nd_multicast_mac(&t.laddr, ns->b);
	memcpy(arp_->b + 6, peer, 6);
	memcpy(ns->b + 6, peer, 6);
}

static int
connect6(void)
{
	struct la_tuple t = {addr("fd00::2"), addr("fd00::1"), 5000, 80};
	static const struct la_conn_ops no_ops;
	struct la_conn *c;

	return la_connect(one.s, &t, &no_ops, NULL, NULL, &c);
}

static void
stop(void)
{
	la_shard_destroy(one.s);
	rte_mempool_free(one.pool);
	la_eal_stop();
}

static struct frame q4, q6;

Test(follower, the_first_shard_announces_and_answers)
{
	start(false);
	questions(&q4, &q6, false);
	cr_assert_gt(sent(0), 0);
	cr_assert_gt(sent(DAD_MS), 0);
	receive(&q4, DAD_MS + 1);
	cr_assert_eq(sent(DAD_MS + 1), 1);
	receive(&q6, DAD_MS + 2);
	cr_assert_eq(sent(DAD_MS + 2), 1);
	stop();
}

Test(follower, sends_only_its_own_requests)
{
	start(true);
	cr_assert_eq(sent(0), 0);
	cr_assert_eq(connect6(), -EADDRNOTAVAIL); /* our address is tentative on a follower, too */
	cr_assert_eq(sent(DAD_MS), 0);
	questions(&q4, &q6, false);
	receive(&q4, DAD_MS + 1);
	receive(&q6, DAD_MS + 1);
	questions(&q4, &q6, true);
	receive(&q6, DAD_MS + 1);
	cr_assert_eq(sent(DAD_MS + 1), 0);
	cr_assert_eq(connect6(), 0);
	cr_assert_eq(sent(DAD_MS + 2), 1); /* a solicitation for the connection's peer */
	stop();
}

Test(follower, gets_duplicate_addresses)
{
	start(true);
	questions(&q4, &q6, true);
	receive(&q6, 10);
	cr_assert_eq(sent(DAD_MS), 0);
	cr_assert_eq(connect6(), -EADDRNOTAVAIL);
	stop();
}

/* ---- a port with RSS ---- */

/* net_null stores key and table like a NIC, and returns them. */
Test(rss, port_has_our_key_and_our_table)
{
	struct la_eal_config cfg = {.lcores = 1, .queues = 4};
	struct rte_eth_rss_reta_entry64 reta[2] = {{.mask = UINT64_MAX}, {.mask = UINT64_MAX}};
	uint8_t key[40] = {0};
	struct rte_eth_rss_conf rss = {.rss_key = key, .rss_key_len = sizeof(key)};
	struct la_port_config pc = {.queues = 4};
	struct la_port port;
	struct la_steer s;
	char err[512];

	cfg.ports[0].kind = LA_PORT_NULL;
	cfg.nports = 1;
	cr_assert_eq(la_eal_start(&cfg, &one.eal, err, sizeof(err)), 0, "%s", err);
	one.pool = rte_pktmbuf_pool_create("test", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	for (unsigned i = 0; i < 4; i++)
		pc.pools[i] = one.pool;
	cr_assert_eq(la_port_open(one.eal.port[0], &pc, &port, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(port.queues, 4);
	cr_assert(port.rss);
	cr_assert_eq(rte_eth_dev_rss_hash_conf_get(port.id, &rss), 0);
	cr_assert_eq(memcmp(key, la_rss_key(), sizeof(key)), 0);
	cr_assert_eq(rte_eth_dev_rss_reta_query(port.id, reta, 128), 0);
	la_steer_init(&s, 4);
	for (unsigned i = 0; i < 128; i++) /* the port's queue is the shard that steering names */
		cr_assert_eq(reta[i / 64].reta[i % 64], s.reta[i]);
	la_port_close(&port);
	la_eal_stop();
}
