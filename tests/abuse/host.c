/* SPDX-License-Identifier: BSD-3-Clause */

/* The shards on the link, each with a port. As on a NIC, a received frame takes a buffer of the shard's own pool. A
 * driver delivers a frame only when a free buffer can replace the frame's buffer in the receive ring. So the buffers
 * of the ring are never free (`ring`), and without another free buffer the frame is lost (rx_nombuf). */

#include "world.h"

#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "eal.h"

enum { EAL_MB = 288, HONEST_POOL = 8192, LOAD_POOL = 32768, POLLS = 64 };

void
net_tx(struct abuse *w, enum host h)
{
	struct stack *st = &w->stack[h];
	struct rte_mbuf *pkts[BURST];
	uint8_t buf[FRAME_MAX];
	unsigned n;

	while ((n = la_shard_tx(st->s, pkts, BURST)) > 0)
		for (unsigned i = 0; i < n; i++) {
			uint32_t len = pkts[i]->pkt_len;
			const uint8_t *p;

			ABUSE_MUST(len <= sizeof(buf));
			p = rte_pktmbuf_read(pkts[i], 0, len, buf);
			net_wire(w, h, p, len);
			rte_pktmbuf_free(pkts[i]);
		}
}

static void
rx_burst(struct abuse *w, enum host h)
{
	struct stack *st = &w->stack[h];

	if (st->nburst > 0)
		la_shard_rx(st->s, w->now, st->burst, st->nburst);
	st->nburst = 0;
	net_tx(w, h);
}

void
net_rx(struct abuse *w, enum host h, const uint8_t *p, size_t len)
{
	struct stack *st = &w->stack[h];
	struct rte_mbuf *m;

	if (!st->s)
		return;
	m = rte_pktmbuf_alloc(st->pool);
	if (!m) {
		st->rx_nombuf++;
		return;
	}
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), p, len);
	st->burst[st->nburst++] = m;
	if (st->nburst == BURST)
		rx_burst(w, h);
}

void
net_run_shards(struct abuse *w)
{
	for (enum host h = SERVER; h < STACKS; h++) {
		if (!w->stack[h].s)
			continue;
		rx_burst(w, h);
		for (unsigned i = 0; i < POLLS && la_shard_poll(w->stack[h].s, w->now); i++)
			net_tx(w, h);
		net_tx(w, h);
	}
}

static void
stack_open(struct abuse *w, enum host h, uint32_t pool, struct la_shard_config *cfg)
{
	struct stack *st = &w->stack[h];
	static unsigned number;
	char name[24];

	snprintf(name, sizeof(name), "abuse%u", number++);
	st->pool = test_pool_make(name, pool);
	ABUSE_MUST(st->pool != NULL);
	cfg->mbufs = st->pool;
	cfg->now = w->now;
	cfg->no_dad = true;
	cfg->msl_ms = MSL_MS;
	memset(cfg->secret, 'a' + h, sizeof(cfg->secret));
	memcpy(cfg->mac, abuse_mac(h), 6);
	ABUSE_MUST(la_shard_create(cfg, &st->s) == 0);
}

void
net_open(struct abuse *w)
{
	const struct row *r = w->row;
	uint32_t pool = abuse_pool ? abuse_pool : r->pool ? r->pool : 32768;
	struct la_prefix addrs[4] = {{abuse_addr(SERVER, false), 16}, {abuse_addr(SERVER, true), 64}};
	struct la_shard_config cfg = {.addrs = addrs,
				      .naddrs = 2,
				      .gateway4 = abuse_addr(ROUTER, false),
				      .gateway6 = abuse_addr(ROUTER, true),
				      .max_conns = r->conns,
				      .rst_rate = r->rst_rate,
				      .max_time_wait4 = r->tw,
				      .max_time_wait6 = r->tw};
	static bool started;

	ABUSE_MUST(started || test_eal_start_with(EAL_MB + abuse_pool / 400) >= 0);
	started = true;
	stack_open(w, SERVER, pool, &cfg);
	w->stack[SERVER].nring = pool >= 8 * RING_MAX ? RING_MAX : pool / 8;
	ABUSE_MUST(rte_pktmbuf_alloc_bulk(w->stack[SERVER].pool, w->stack[SERVER].ring, w->stack[SERVER].nring) == 0);
	addrs[0] = (struct la_prefix){abuse_addr(HONEST, false), 16};
	addrs[1] = (struct la_prefix){abuse_addr(HONEST, true), 64};
	ABUSE_MUST(la_prefix_parse("10.2.0.2/32", &addrs[2]) == 0 && la_prefix_parse("fd02::2/128", &addrs[3]) == 0);
	cfg = (struct la_shard_config){.addrs = addrs, .naddrs = 4, .max_conns = 8192};
	stack_open(w, HONEST, HONEST_POOL, &cfg);
	if (!w->attack->load)
		return;
	addrs[0] = (struct la_prefix){abuse_addr(LOAD, false), 16};
	addrs[1] = (struct la_prefix){abuse_addr(LOAD, true), 64};
	cfg = (struct la_shard_config){.addrs = addrs, .naddrs = 2, .max_conns = 8192};
	stack_open(w, LOAD, LOAD_POOL, &cfg);
}

void
net_close(struct abuse *w)
{
	for (enum host h = SERVER; h < STACKS; h++) {
		struct stack *st = &w->stack[h];
		unsigned size;

		if (!st->s)
			continue;
		la_shard_destroy(st->s);
		rte_pktmbuf_free_bulk(st->ring, st->nring);
		size = st->pool->size;
		if (rte_mempool_avail_count(st->pool) != size)
			abuse_fail(w, "%u buffers of host %d leaked", size - rte_mempool_avail_count(st->pool), h);
		rte_mempool_free(st->pool);
	}
	for (unsigned i = 0; i < SLOTS; i++)
		free(w->wire[i].b);
}
