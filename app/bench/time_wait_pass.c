/* SPDX-License-Identifier: BSD-3-Clause */

/* One size, one family: fills the compared structures, measures them in turn, checks them, and drains the table. The
 * operations and their order are described at the top of time_wait.c. */

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "bench/time_wait.h"
#include "core/mem.h"

enum { K_MAX = 65536, REOPEN_ROUNDS = 8, SPIKE_ROUNDS = 5, INTERRUPTED = 5 };

static const size_t SWEEP = (size_t)96 << 20; /* bytes: three times a large last-level cache */
static const size_t SWEEP_STEP = 64 << 10;    /* bytes that the packets and TCBs of a burst may touch */

struct pass {
	struct bench *b;
	struct result *r;
	const struct side *side[NSIDES];
	void *self[NSIDES]; /* NULL: not measured */
	uint32_t n;	    /* entries */
	uint32_t k;	    /* live connections, and operations of a sample */
	bool is4;
	uint64_t lo; /* entries are the connections lo to lo + n - 1; the next k are live */
	uint64_t spikes;
	uint8_t *sweep;
	size_t sweep_size, sweep_at;
};

static void
pass_die(const char *what)
{
	fprintf(stderr, "app/bench/time_wait: %s\n", what);
	exit(1);
}

/* ------------------------------------------------------------------ bursts */

/* Returns the tick at which a connection enters TIME_WAIT, at the steady rate. */
static uint32_t
tick_of(const struct pass *p, uint64_t id)
{
	return (uint32_t)(id * LIFE / p->n);
}

/* Returns the number of the i-th connection of a sample. */
static uint64_t
pass_choose(const struct pass *p, enum op op, unsigned round, uint32_t i)
{
	switch (op) {
	case OP_EXPIRE:
		return p->lo + i;
	case OP_INSERT:
		return p->lo + p->n + p->k + i;
	case OP_ENTER:
		return p->lo + p->n + i;
	case OP_MISS:
		return ID_ABSENT + (uint64_t)round * p->k + i;
	case OP_REOPEN: /* each connection at most once: multiples of a prime, modulo n */
		return p->lo + ((uint64_t)round * p->k + i) * 2654435761u % p->n;
	default:
		return p->lo + bench_mix((uint64_t)op << 48 | (uint64_t)round << 32 | i) % p->n;
	}
}

static void
make_burst(const struct pass *p, struct burst *b, unsigned round, uint32_t first, uint32_t count)
{
	b->n = count - first < BURST ? count - first : BURST;
	b->is4 = p->is4;
	for (unsigned i = 0; i < b->n; i++) {
		uint64_t id = b->brief ? ID_SPIKE + p->spikes + first + i : pass_choose(p, b->op, round, first + i);

		burst_connection(b, i, id, round);
	}
	if (b->op == OP_ENTER && !b->brief)
		b->tick = tick_of(p, b->id[0]);
}

/* ------------------------------------------------------------------ samples */

/* Replaces contents of the caches, at most as many bytes as the table has: a server's caches would hold a small table
 * together with the packets. */
static void
pass_sweep(struct pass *p, size_t bytes)
{
	for (size_t i = 0; i < bytes && i < p->sweep_size; i += 64) {
		p->sweep[p->sweep_at]++;
		p->sweep_at += 64;
		if (p->sweep_at >= p->sweep_size)
			p->sweep_at = 0;
	}
}

/* Before a sample: replaces the contents of the caches, and reads a byte of each 4 KiB of the structure's memory. The
 * host of a virtual machine may unmap memory that was not touched for a second. The next access then
 * costs 20 000 cycles, hundreds of times the measured cost. */
static void
pass_settle(struct pass *p, int side)
{
	struct area area[MAX_AREAS];
	unsigned n = p->side[side]->areas(p->self[side], area);

	pass_sweep(p, SWEEP);
	for (unsigned i = 0; i < n; i++)
		for (size_t at = 0; at < area[i].size; at += 4096)
			(void)*((const volatile uint8_t *)area[i].p + at);
}

static void
pass_failed(struct pass *p, int side, enum op op, uint32_t done, uint32_t want)
{
	printf("FAIL: %s, %s: %u of %u operations were correct\n", p->side[side]->name, op_name[op], done, want);
	p->b->good = false;
}

struct sample {
	double each[K_MAX / BURST]; /* cycles per operation of every burst */
	unsigned bursts;
};

/* Runs one burst, and adds its time to a sample, if there is one. Returns the number of correct operations. */
static uint32_t
pass_timed(struct pass *p, int side, const struct burst *b, struct sample *s)
{
	uint64_t t = rte_rdtsc();
	unsigned k = p->side[side]->run[p->is4][b->op](p->self[side], b);

	t = rte_rdtsc() - t;
	if (s && s->bursts < K_MAX / BURST && k)
		s->each[s->bursts++] = (double)t / k;
	return k;
}

static void
sample_end(struct pass *p, int side, enum op op, struct sample *s)
{
	double sum = 0, limit;
	unsigned kept = 0;

	if (s->bursts == 0)
		return;
	qsort(s->each, s->bursts, sizeof(s->each[0]), bench_by_value);
	limit = s->each[s->bursts / 2] * INTERRUPTED;
	for (; kept < s->bursts && s->each[kept] <= limit; kept++)
		sum += s->each[kept];
	p->r->bursts += s->bursts;
	p->r->cut += s->bursts - kept;
	bench_add(&p->r->op[side][op], sum / kept);
	s->bursts = 0;
}

/* Runs `count` operations on one structure, and fills a sample, if there is one. Returns whether all were correct. */
static bool
pass_many(struct pass *p, int side, struct burst *b, unsigned round, uint32_t count, struct sample *s)
{
	uint32_t done = 0;

	while (done < count) {
		uint32_t k;

		make_burst(p, b, round, done, count);
		k = pass_timed(p, side, b, s);
		done += k;
		if (k < b->n) {
			pass_failed(p, side, b->op, done, count);
			return false;
		}
	}
	return true;
}

static void
pass_untimed(struct pass *p, int side, enum op op, bool brief, uint32_t tick, uint32_t count)
{
	struct burst b = {.op = op, .brief = brief, .tick = tick};

	pass_many(p, side, &b, 0, count, NULL);
}

/* Makes the `count` oldest entries due, in a structure that has a clock of its own. */
static void
make_due(struct pass *p, int side, uint32_t count)
{
	struct burst b = {.op = OP_EXPIRE};

	for (uint32_t done = 0; p->side[side]->due && done < count; done += b.n) {
		make_burst(p, &b, 0, done, count);
		p->side[side]->due(p->self[side], &b);
	}
}

/* Measures one operation in one round, on all structures. */
static void
round_of(struct pass *p, enum op op, unsigned round, uint32_t tick)
{
	static struct sample sample;

	for (int s = 0; s < NSIDES; s++) {
		struct burst b = {.op = op, .tick = tick};

		if (!p->self[s] || !p->side[s]->run[p->is4][op])
			continue;
		pass_settle(p, s);
		pass_many(p, s, &b, round, p->k, &sample);
		sample_end(p, s, op, &sample);
	}
}

/* ------------------------------------------------------------------ the parts of a pass */

/* Runs k operations of each kind on one structure, a burst of each kind in turn, as in a server at a steady rate.
 * rte_timer expires all due timers in one call, at the beginning. */
static void
pass_steady(struct pass *p, int side, unsigned round)
{
	static const enum op ops[] = {OP_EXPIRE, OP_INSERT, OP_ENTER};
	static struct sample sample[3];
	bool at_once = p->side[side]->due != NULL;
	struct burst b;

	make_due(p, side, p->k);
	pass_settle(p, side);
	if (at_once) {
		b.op = OP_EXPIRE;
		b.n = p->k;
		if (pass_timed(p, side, &b, &sample[0]) != p->k)
			pass_failed(p, side, OP_EXPIRE, 0, p->k);
	}
	for (uint32_t first = 0; first < p->k; first += BURST) {
		for (unsigned i = at_once; i < 3; i++) {
			b.op = ops[i];
			b.brief = false;
			b.tick = tick_of(p, p->lo + first + BURST - 1) + LIFE;
			make_burst(p, &b, round, first, p->k);
			if (pass_timed(p, side, &b, &sample[i]) != b.n) {
				pass_failed(p, side, b.op, first, p->k);
				return;
			}
		}
		pass_sweep(p, SWEEP_STEP);
	}
	for (unsigned i = 0; i < 3; i++)
		sample_end(p, side, ops[i], &sample[i]);
}

static void
steady_round(struct pass *p, unsigned round)
{
	for (int s = 0; s < NSIDES; s++)
		if (p->self[s] && p->side[s]->run[p->is4][OP_ENTER])
			pass_steady(p, s, round);
	p->lo += p->k;
	round_of(p, OP_HIT, round, 0);
	round_of(p, OP_MISS, round, 0);
}

/* Returns the number of involuntary thread switches. */
static long
pass_switches(void)
{
	struct rusage u;

	return getrusage(RUSAGE_THREAD, &u) == 0 ? u.ru_nivcsw : 0;
}

/* Polls until nothing is due, and records the cycles of the polls. Returns the number of references or timers. */
static uint64_t
spike_polls(struct pass *p, int side, uint32_t tick)
{
	static double cycles[2 * SPIKE / TW_A_POLL + 16];
	uint64_t total = 0;
	unsigned n = 0, k;

	pass_settle(p, side);
	for (;;) {
		long switches = pass_switches();
		uint64_t t = rte_rdtsc();

		k = p->side[side]->poll(p->self[side], tick);
		t = rte_rdtsc() - t;
		if (k == 0)
			break;
		total += k;
		if (side == TABLE && pass_switches() != switches)
			p->r->polls_switched++;
		else if (n < sizeof(cycles) / sizeof(cycles[0]))
			cycles[n++] = (double)t;
	}
	if (n) {
		qsort(cycles, n, sizeof(cycles[0]), bench_by_value);
		bench_add(&p->r->poll_worst[side], cycles[n - 1]);
		bench_add(&p->r->poll_mid[side], cycles[n / 2]);
	}
	return total;
}

/* Entries with the lifetime SHORT_LIFE replace the m oldest entries, and expire in one tick, together with other due
 * entries. As many entries expire in rte_timer. */
static void
spike_round(struct pass *p)
{
	uint32_t m = p->r->spike, now = tick_of(p, p->lo + m - 1) + LIFE, gone;
	uint64_t took;

	pass_untimed(p, TABLE, OP_EXPIRE, false, now, m);
	pass_untimed(p, TABLE, OP_INSERT, true, now, m);
	pass_untimed(p, TABLE, OP_ENTER, true, now, m);
	p->spikes += m;
	took = spike_polls(p, TABLE, now + SHORT_LIFE);
	if (took < m) {
		printf("FAIL: %" PRIu64 " of %u entries of the spike expired\n", took, m);
		p->b->good = false;
		return;
	}
	gone = (uint32_t)took; /* number of entries to enter again, so that the table is full */
	if (p->self[RTE]) {
		make_due(p, RTE, gone);
		took = spike_polls(p, RTE, 0);
		if (took != gone)
			pass_failed(p, RTE, OP_EXPIRE, (uint32_t)took, gone);
	}
	for (int s = 0; s < NSIDES; s++) {
		if (!p->self[s] || !p->side[s]->run[p->is4][OP_INSERT])
			continue;
		pass_untimed(p, s, OP_INSERT, false, 0, gone);
		pass_untimed(p, s, OP_ENTER, false, 0, gone);
	}
	p->lo += gone;
}

static void
pass_check(struct pass *p, uint32_t live)
{
	for (int s = 0; s < NSIDES; s++)
		if (p->self[s] && p->side[s]->check && !p->side[s]->check(p->self[s], live, p->n <= 1000000))
			p->b->good = false;
}

static void
pass_drain(struct pass *p, uint32_t live)
{
	uint32_t tick = tick_of(p, p->lo + p->n) + LIFE + MAX_ROUNDS + 1;
	uint64_t t = rte_rdtsc();

	while (side_table.poll(p->self[TABLE], tick) != 0)
		;
	bench_add(&p->r->drain, (double)(rte_rdtsc() - t) / live);
	if (!side_table.check(p->self[TABLE], 0, p->n <= 1000000))
		p->b->good = false;
}

/* ------------------------------------------------------------------ memory */

static double
pass_resident(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		pass_die("/proc/self/statm cannot be read");
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double
bytes_of(const char *file, const char *name)
{
	char text[64];

	first_line(file, name, text, sizeof(text));
	return (double)strtoull(text, NULL, 10) * 1024;
}

/* Returns whether a structure fits into the free memory with a reserve for other processes. */
static bool
pass_fits(const struct pass *p, int side)
{
	static const double GIB = 1 << 30;
	double there = bytes_of("/proc/meminfo", "MemAvailable");
	double need = (double)p->side[side]->memory(p->n, p->k, p->is4);

	if (side == TABLE) /* the bare memory of the comparison has the same size */
		need *= 2;
	if (need + 2 * GIB <= there)
		return true;
	snprintf(p->r->why[side], sizeof(p->r->why[side]),
		 "%.1f GiB needed%s and a reserve of 2 GiB, MemAvailable is %.1f GiB", need / GIB,
		 side == TABLE ? " (bare memory as large as the table included)" : "", there / GIB);
	return false;
}

static void
side_begin(struct pass *p, int s)
{
	p->self[s] = p->side[s]->create(p->n, p->k, p->is4);
	if (!p->self[s]) {
		fprintf(stderr, "app/bench/time_wait: %s: no memory for %u entries\n", p->side[s]->name, p->n);
		exit(1);
	}
	p->r->done[s] = true;
	if (!p->side[s]->run[p->is4][OP_INSERT])
		return;
	/* pass_choose() numbers connections that enter from lo + n, and inserted connections from lo + n + k */
	p->lo = -(uint64_t)p->n - p->k;
	pass_untimed(p, s, OP_INSERT, false, 0, p->k);
	for (uint32_t done = 0, k; done < p->n; done += k) { /* as with connections that open and close */
		k = p->n - done < p->k ? p->n - done : p->k;
		p->lo = (uint64_t)done - p->n;
		pass_untimed(p, s, OP_INSERT, false, 0, k);
		pass_untimed(p, s, OP_ENTER, false, 0, k);
	}
	p->lo = 0;
}

static void
pass_fill(struct pass *p)
{
	static const char rollup[] = "/proc/self/smaps_rollup";
	double rss = pass_resident(), huge = bytes_of(rollup, "AnonHugePages");

	side_begin(p, TABLE);
	rss = pass_resident() - rss;
	p->r->bytes[TABLE] = rss / p->n;
	p->r->bound = (double)side_table.memory(p->n, p->k, p->is4) / p->n;
	p->r->huge = (bytes_of(rollup, "AnonHugePages") - huge) / rss;
	side_begin(p, MEMORY);
	if (p->is4 && pass_fits(p, RTE)) {
		side_begin(p, RTE);
		p->r->bytes[RTE] = (double)side_rte.bytes(p->self[RTE]) / p->n;
	}
}

void
pass_run(struct bench *bench, struct size *s, bool is4)
{
	struct pass p = {
		.b = bench,
		.r = &s->r[is4],
		.side = {&side_table, &side_rte, &side_memory},
		.n = s->n,
		.k = s->n / 32 < K_MAX ? s->n / 32 / BURST * BURST : K_MAX,
		.is4 = is4,
	};
	unsigned reopens = bench->rounds < REOPEN_ROUNDS ? bench->rounds : REOPEN_ROUNDS;

	if (!pass_fits(&p, TABLE))
		return;
	p.r->spike = s->n / 2 < SPIKE ? s->n / 2 : SPIKE;
	p.sweep = la_mem_alloc(NULL, SWEEP, 64);
	if (!p.sweep)
		pass_die("no memory");
	p.sweep_size = side_table.memory(p.n, p.k, is4) / 64 * 64;
	if (p.sweep_size > SWEEP)
		p.sweep_size = SWEEP;
	pass_sweep(&p, SWEEP);
	pass_fill(&p);
	for (unsigned i = 0; i < bench->rounds; i++)
		steady_round(&p, i);
	for (unsigned i = 0; i < bench->rounds && i < SPIKE_ROUNDS; i++)
		spike_round(&p);
	for (unsigned i = 0; i < bench->rounds; i++)
		round_of(&p, OP_FIN, i, tick_of(&p, p.lo + p.n) + 1 + i);
	for (unsigned i = 0; i < reopens; i++)
		round_of(&p, OP_REOPEN, i, tick_of(&p, p.lo + p.n) + MAX_ROUNDS);
	pass_check(&p, p.n - reopens * p.k);
	pass_drain(&p, p.n - reopens * p.k);
	for (int i = 0; i < NSIDES; i++)
		if (p.self[i])
			p.side[i]->destroy(p.self[i]);
	la_mem_free(NULL, p.sweep, SWEEP);
}
