/* SPDX-License-Identifier: BSD-3-Clause */

/* DPDK, ports, packet buffers, clocks and rows of `lastack bench`. */

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include "bench/bench.h"
#include "io/memory.h"

enum {
	POOL = 8191,
	BIG_POOL = 2047,
	CACHE = RTE_MEMPOOL_CACHE_MAX_SIZE,
	BIG_ROOM = 9216 + RTE_PKTMBUF_HEADROOM,
	MEMORY_MB = 512,
};

/* Makes a pool for the generator and a pool for the server. Both get their buffers back before they need more than
 * a cache holds. */
static int
make_pools(struct bench *b)
{
	char name[32];

	for (unsigned i = 0; i < 2; i++) {
		for (unsigned w = 0; w < BENCH_WORKERS; w++) {
			snprintf(name, sizeof(name), "bench%u_%u", w, i);
			b->pool[w][i] = rte_pktmbuf_pool_create(name, POOL, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
								SOCKET_ID_ANY);
			if (b->pool[w][i] == NULL)
				return -1;
		}
		snprintf(name, sizeof(name), "bench_big%u", i);
		b->big[i] = rte_pktmbuf_pool_create(name, BIG_POOL, CACHE, 0, BIG_ROOM, SOCKET_ID_ANY);
		if (b->big[i] == NULL)
			return -1;
	}
	return 0;
}

static void
bench_calibrate(struct bench *b)
{
	struct bench_cost one = {0};
	struct bench_series cpu = {0}, tsc = {0};

	b->ghz = (double)rte_get_tsc_hz() / 1e9;
	for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
		one = (struct bench_cost){0};
		bench_watch_start(&one);
		bench_watch_stop(b, &one);
		bench_add(&cpu, one.cpu);
		bench_add(&tsc, (double)one.tsc);
	}
	b->watch_cpu = bench_rank(&cpu, 0.5);
	b->watch_tsc = bench_rank(&tsc, 0.5);
	b->lap_tsc = bench_null_calibrate(b);
}

int
bench_start(struct bench *b, char *err, size_t size)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_RING, NULL}, {LA_PORT_NULL, NULL}},
				    .nports = 2,
				    .lcores = BENCH_WORKERS,
				    .queues = BENCH_WORKERS,
				    .memory_mb = MEMORY_MB};
	struct la_port_config port = {.queues = BENCH_WORKERS};

	if (la_eal_start(&cfg, &b->eal, err, size) != 0)
		return -1;
	if (make_pools(b) != 0) {
		snprintf(err, size, "no memory for packet buffers");
		la_eal_stop();
		return -1;
	}
	for (unsigned i = 0; i < BENCH_WORKERS; i++)
		port.pools[i] = b->pool[i][0];
	for (unsigned i = 0; i < b->eal.nports; i++) {
		if (la_port_open(b->eal.port[i], &port, i < 2 ? &b->port[i] : &b->null, err, size) != 0) {
			la_eal_stop();
			return -1;
		}
	}
	bench_calibrate(b);
	return 0;
}

void
bench_stop(struct bench *b)
{
	for (unsigned i = 0; i < b->nrows; i++)
		json_decref(b->row[i].more);
	for (unsigned i = 0; i < 2; i++)
		la_port_close(&b->port[i]);
	la_port_close(&b->null);
	la_eal_stop();
}

void
bench_fault(struct bench *b, const char *fmt, ...)
{
	va_list ap;

	if (__atomic_fetch_add(&b->faults, 1, __ATOMIC_RELAXED) != 0)
		return;
	va_start(ap, fmt);
	vsnprintf(b->fault, sizeof(b->fault), fmt, ap);
	va_end(ap);
}

bool
bench_fits(const char *what, uint64_t bytes)
{
	struct la_mem_room room;

	la_mem_room("", &room);
	if (bytes + bytes / 16 < room.bytes)
		return true;
	printf("left out: %s: %" PRIu64 " MiB and a reserve of 1/16 do not fit into memory: %s\n", what, bytes >> 20,
	       room.text);
	return false;
}

/* ------------------------------------------------------------------ clocks */

double
bench_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void
bench_watch_start(struct bench_cost *c)
{
	c->cpu0 = bench_cpu_ns();
	c->tsc0 = rte_rdtsc_precise();
}

double
bench_watch_stop(const struct bench *b, struct bench_cost *c)
{
	uint64_t tsc = rte_rdtsc_precise() - c->tsc0;
	double cpu = bench_cpu_ns() - c->cpu0 - b->watch_cpu;

	c->tsc += tsc - (uint64_t)b->watch_tsc;
	c->cpu += cpu;
	return cpu;
}

double
bench_cycles(const struct bench *b, const struct bench_cost *c)
{
	return c->cpu * b->ghz;
}

/* ------------------------------------------------------------------ rows */

struct bench_row *
bench_row(struct bench *b, const char *bench, const char *unit, double frames, const char *fmt, ...)
{
	struct bench_row *r = &b->row[b->nrows];
	va_list ap;

	if (b->nrows == BENCH_ROWS) {
		bench_fault(b, "more than %d rows", BENCH_ROWS);
		return NULL;
	}
	b->nrows++;
	*r = (struct bench_row){.bench = bench, .unit = unit, .frames = frames, .of = "limit"};
	va_start(ap, fmt);
	vsnprintf(r->name, sizeof(r->name), fmt, ap);
	va_end(ap);
	return r;
}

void
bench_note(const struct bench *b, struct bench_row *r, const struct bench_cost *cost, double units, double limit)
{
	double cycles = bench_cycles(b, cost) / units;

	bench_add(&r->value, cycles);
	bench_add(&r->wall, (double)cost->tsc / units);
	if (limit > 0)
		bench_add(&r->ratio, limit * r->frames / cycles);
}

/* ------------------------------------------------------------------ numbers */

uint32_t
bench_mix32(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352du;
	x = (x ^ x >> 15) * 0x846ca68bu;
	return x ^ x >> 16;
}
