/* SPDX-License-Identifier: BSD-3-Clause */

/* The batch of a generator on net_null, which has no ring and no other end. The driver's receive call returns
 * empty buffers. The frames are written into these buffers, and the answers are read before the
 * driver drops them, a burst at a time. The writing and reading are not measured. The calls are so short that only the
 * TSC measures them; a burst with a call longer than INTERRUPTED is left out. */

#include <string.h>

#include <rte_cycles.h>

#include "bench/internal.h"

enum { INTERRUPTED = 100000 /* cycles, longer than any uninterrupted burst */, OUT = 8 * BENCH_BURST };

struct lap {
	uint64_t t0, sum;
	bool interrupted;
};

static inline void
lap_start(struct lap *l)
{
	l->t0 = rte_rdtsc_precise();
}

static inline void
lap_stop(const struct bench *b, struct lap *l)
{
	uint64_t t = rte_rdtsc_precise() - l->t0;

	l->interrupted |= t > INTERRUPTED;
	l->sum += t > (uint64_t)b->lap_tsc ? t - (uint64_t)b->lap_tsc : 0;
}

double
bench_null_calibrate(const struct bench *b)
{
	struct bench_series s = {0};

	for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
		struct lap l = {0};

		lap_start(&l);
		lap_stop(b, &l);
		bench_add(&s, (double)l.sum);
	}
	return bench_rank(&s, 0.5);
}

static void
write_frames(struct rte_mbuf **to, struct rte_mbuf **from, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		memcpy(rte_pktmbuf_mtod(to[i], void *), rte_pktmbuf_mtod(from[i], void *), from[i]->data_len);
		to[i]->data_len = from[i]->data_len;
		to[i]->pkt_len = from[i]->data_len;
	}
}

static unsigned
null_serve(struct server *sv, struct rte_mbuf **pkts, unsigned n, struct rte_mbuf **out, unsigned max)
{
	uint64_t now = server_now(sv);
	unsigned k, done = 0;

	if (sv->shard == NULL)
		return server_echo(pkts, n, out);
	la_shard_rx(sv->shard, now, pkts, n);
	la_shard_poll(sv->shard, now);
	while (done < max && (k = la_shard_tx(sv->shard, out + done, max - done)) > 0)
		done += k;
	return done;
}

static void
null_burst(struct gen *g, struct rte_mbuf **frames, unsigned n, bool timed)
{
	struct rte_mbuf *pkts[BENCH_BURST], *out[OUT];
	struct server *sv = g->sv;
	struct lap lap = {0};
	unsigned k;

	lap_start(&lap);
	k = la_port_rx(sv->port, sv->queue, pkts, n);
	lap_stop(g->b, &lap);
	if (k != n) {
		rte_pktmbuf_free_bulk(pkts, k);
		bench_fault(g->b, "net_null returned %u buffers, not %u", k, n);
		return;
	}
	write_frames(pkts, frames, n);
	lap_start(&lap);
	k = null_serve(sv, pkts, n, out, OUT);
	lap_stop(g->b, &lap);
	gen_take(g, out, k);
	lap_start(&lap);
	la_port_tx(sv->port, sv->queue, out, k, sv->pool);
	lap_stop(g->b, &lap);

	sv->now_ns += (double)lap.sum / g->b->ghz;
	if (!timed || lap.interrupted)
		return;
	sv->cost.tsc += lap.sum;
	sv->cost.cpu += (double)lap.sum / g->b->ghz;
	sv->frames += n;
}

void
bench_null_run(struct gen *g, struct rte_mbuf **frames, unsigned n, bool timed)
{
	for (unsigned i = 0; i < n && g->b->faults == 0; i += BENCH_BURST)
		null_burst(g, frames + i, RTE_MIN(n - i, (unsigned)BENCH_BURST), timed);
	rte_pktmbuf_free_bulk(frames, n);
}
