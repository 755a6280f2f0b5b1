/* SPDX-License-Identifier: BSD-3-Clause */

/* The measured server: a shard, or an echo, on the second port of the ring pair or on net_null. The loop is the bench's
 * own; it makes the calls of the worker's loop. */

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "bench/internal.h"
#include "wire/cksum.h"

enum {
	TIME_WAIT_LEAST = 256, /* four times the connections that `bulk` opens at once, so that no SYN cookie is sent */
	CONNS = 65536,	       /* default of max_conns */
};

static void
server_configure(const struct server_options *o, struct la_shard_config *cfg, struct la_prefix *own)
{
	*cfg = (struct la_shard_config){
		.mtu = o->mtu,
		.addrs = own,
		.naddrs = 1,
		.no_dad = true,
		.max_conns = o->max_conns ? o->max_conns : CONNS,
		.max_time_wait4 = o->time_wait > TIME_WAIT_LEAST ? (uint32_t)o->time_wait : TIME_WAIT_LEAST,
		.max_time_wait6 = TIME_WAIT_LEAST,
	};
	la_prefix_parse(o->addr ? o->addr : "10.77.0.2/24", own);
	la_addr_parse("10.77.0.1", &cfg->gateway4); /* all peers are behind it */
}

uint64_t
server_memory(const struct server_options *o)
{
	struct la_shard_config cfg;
	struct la_prefix own;

	server_configure(o, &cfg, &own);
	return la_shard_memory(&cfg);
}

int
server_open(struct server *sv, struct bench *b, const struct server_options *o)
{
	struct la_shard_config cfg;
	struct la_prefix own;

	*sv = (struct server){.b = b, .port = o->null ? &b->null : &b->port[1], .queue = (uint16_t)o->queue};
	sv->pool = o->pool ? o->pool : b->pool[o->queue][1];
	server_configure(o, &cfg, &own);
	cfg.mbufs = sv->pool;
	/* checksums are always computed in software, because the ring's driver computes none */
	cfg.offloads = sv->port->offloads & LA_OFF_TX_MULTI_SEG;
	memcpy(cfg.mac, sv->port->mac, 6);
	if (getrandom(cfg.secret, sizeof(cfg.secret), 0) != sizeof(cfg.secret) ||
	    la_shard_create(&cfg, &sv->shard) != 0) {
		bench_fault(b, "no memory for a shard");
		return -1;
	}
	if (o->ops && la_listen(sv->shard, NULL, BENCH_PORT, o->ops, o->user, &o->conn) != 0) {
		bench_fault(b, "la_listen() failed");
		la_shard_destroy(sv->shard);
		return -1;
	}
	return 0;
}

/* Also frees the frames in the rings: frames to or from a deleted shard must not reach the next server. */
void
server_close(struct server *sv)
{
	struct rte_mbuf *pkts[BENCH_BURST];
	unsigned n;

	if (sv->shard)
		la_shard_destroy(sv->shard);
	sv->shard = NULL;
	for (unsigned p = 0; p < 2; p++)
		while ((n = la_port_rx(&sv->b->port[p], sv->queue, pkts, BENCH_BURST)) > 0)
			rte_pktmbuf_free_bulk(pkts, n);
}

/* ------------------------------------------------------------------ the measured loops */

/* Swaps addresses and ports, and computes both checksums. */
static inline void
echo_frame(struct rte_mbuf *m)
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

unsigned
server_echo(struct rte_mbuf **pkts, unsigned n, struct rte_mbuf **out)
{
	for (unsigned i = 0; i < n; i++) {
		echo_frame(pkts[i]);
		out[i] = pkts[i];
	}
	return n;
}

static void
echo_loop(const struct server *sv)
{
	struct rte_mbuf *pkts[BENCH_BURST];
	unsigned n;

	while ((n = la_port_rx(sv->port, sv->queue, pkts, BENCH_BURST)) > 0) {
		server_echo(pkts, n, pkts);
		la_port_tx(sv->port, sv->queue, pkts, n, sv->pool);
	}
}

static void
shard_loop(const struct server *sv, uint64_t now)
{
	struct rte_mbuf *pkts[BENCH_BURST];
	unsigned n, k;

	do {
		n = la_port_rx(sv->port, sv->queue, pkts, BENCH_BURST);
		if (n > 0)
			la_shard_rx(sv->shard, now, pkts, n);
		la_shard_poll(sv->shard, now);
		while ((k = la_shard_tx(sv->shard, pkts, BENCH_BURST)) > 0)
			la_port_tx(sv->port, sv->queue, pkts, k, sv->pool);
	} while (n > 0);
}

void
server_run(struct server *sv, bool timed)
{
	struct bench_cost aside = {0};
	struct bench_cost *c = timed ? &sv->cost : &aside;

	bench_watch_start(c);
	if (sv->shard)
		shard_loop(sv, server_now(sv));
	else
		echo_loop(sv);
	sv->now_ns += bench_watch_stop(sv->b, c);
}

/* ------------------------------------------------------------------ checks */

/* Returns whether counter c may differ from 0. */
static bool
is_allowed(enum la_counter c, const enum la_counter *allowed)
{
	if (la_counter_kind(c) != LA_KIND_DROP && c != LA_C_early_recycles && c != LA_C_rst_out &&
	    c != LA_C_retransmits && c != LA_C_challenge_acks && c != LA_C_ended_reset && c != LA_C_ended_aborted &&
	    c != LA_C_ended_timeout && c != LA_C_time_wait_acked)
		return true;
	for (; *allowed != LA_NCOUNTERS; allowed++)
		if (*allowed == c)
			return true;
	return false;
}

bool
server_check(const struct server *sv, const char *what, const enum la_counter *allowed)
{
	static const enum la_counter none[] = {LA_NCOUNTERS};
	const struct la_counters *c = la_shard_counters(sv->shard);
	struct la_port_stats stats;
	bool good = true;

	for (unsigned i = 0; i < LA_NCOUNTERS; i++) {
		if (c->v[i] == 0 || is_allowed((enum la_counter)i, allowed ? allowed : none))
			continue;
		bench_fault(sv->b, "%s: %s is %" PRIu64 ", not 0", what, la_counter_name((enum la_counter)i), c->v[i]);
		good = false;
	}
	for (unsigned p = 0; p < 2; p++) {
		la_port_stats(&sv->b->port[p], &stats);
		if (stats.tx_full == 0)
			continue;
		bench_fault(sv->b, "%s: port %u lost %" PRIu64 " frames", what, p, stats.tx_full);
		good = false;
	}
	return good;
}
