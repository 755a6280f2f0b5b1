/* SPDX-License-Identifier: BSD-3-Clause */

/* The limit: the cost of the ring, the bursts and two checksums without a stack. The frames are from the generator of
 * the benches, in batches of the same length. The echo swaps addresses and ports, and computes both checksums. The
 * generator checks the checksums, and that every frame was echoed. */

#include "bench/internal.h"
#include "wire/tcp.h"

enum { HEADERS = 14 + 20 + 20, FLOWS = 4096 };

static void
echo_arrives(struct gen *g, const struct gen_answer *a)
{
	(void)a;
	g->answered++;
}

static int
echo_open(struct bench *b, unsigned frame, bool null, struct server *sv, struct gen *g)
{
	*sv = (struct server){.b = b, .port = null ? &b->null : &b->port[1], .pool = b->pool[0][1]};
	if (frame > 1514)
		sv->pool = b->big[1];
	if (gen_open(g, sv, FLOWS, NULL, 0) != 0)
		return -1;
	if (frame > 1514)
		g->pool = b->big[0];
	g->answer = echo_arrives;
	return 0;
}

/* Sends frames of random flows. The echo swaps source and destination, so that the generator accepts an echoed
 * frame as an answer of the server. */
static void
echo_batch(struct gen *g, unsigned frame)
{
	uint32_t len = frame > HEADERS ? frame - HEADERS : 0;

	if (frame == BENCH_FRAME)
		len = 0;
	for (unsigned i = 0; i < BENCH_BATCH; i++) {
		const struct gen_flow *f = &g->flow[gen_random(g) % FLOWS];

		gen_segment(g, f->raddr, f->rport, f->snd, 0, LA_ACK, len);
	}
	gen_run(g, true);
}

static double
limit_measure(struct bench *b, unsigned frame, bool null, double seconds, struct bench_cost *cost)
{
	struct server sv;
	struct gen g;
	double cycles = 0, n;

	if (echo_open(b, frame, null, &sv, &g) != 0)
		return 0;
	for (unsigned i = 0; i < 16 && b->faults == 0; i++)
		echo_batch(&g, frame);
	sv.cost = (struct bench_cost){0};
	g.sent = g.answered = sv.frames = 0;
	while (sv.cost.cpu < seconds * 1e9 && b->faults == 0)
		echo_batch(&g, frame);
	if (g.sent != g.answered)
		bench_fault(b, "limit: %lu frames were sent, %lu were echoed", (unsigned long)g.sent,
			    (unsigned long)g.answered);
	n = null ? (double)sv.frames : (double)g.sent;
	if (b->faults == 0)
		cycles = bench_cycles(b, &sv.cost) / n;
	sv.cost.tsc = (uint64_t)((double)sv.cost.tsc / n * 1e6);
	sv.cost.cpu = sv.cost.cpu / n * 1e6;
	*cost = sv.cost; /* the cost of a million frames */
	server_close(&sv);
	gen_close(&g);
	return cycles;
}

double
bench_limit(struct bench *b, unsigned frame)
{
	struct bench_cost cost;

	return limit_measure(b, frame, false, b->opt.seconds / 4, &cost);
}

double
bench_limit_null(struct bench *b)
{
	struct bench_cost cost;

	return limit_measure(b, BENCH_FRAME, true, b->opt.seconds / 4, &cost);
}

static void
limit_row(struct bench *b, unsigned frame, bool null)
{
	struct bench_row *r = bench_row(b, "limit", "packet", 1, "limit, frames of %u%s", frame,
					null ? ", net_null" : "");

	for (unsigned k = 0; r && k < b->opt.rounds && b->faults == 0; k++) {
		struct bench_cost cost;

		if (limit_measure(b, frame, null, b->opt.seconds, &cost) > 0)
			bench_note(b, r, &cost, 1e6, 0);
	}
	if (r)
		bench_print_row(b, r);
}

static void
limit_run(struct bench *b)
{
	limit_row(b, BENCH_FRAME, false);
	limit_row(b, 1514, false);
	limit_row(b, 9014, false);
	limit_row(b, BENCH_FRAME, true);
}

const struct bench_kind bench_limit_kind = {
	"limit", "a bare echo: addresses swapped, both checksums computed, no stack", limit_run};
