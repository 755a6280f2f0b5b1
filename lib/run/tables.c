/* SPDX-License-Identifier: BSD-3-Clause */

/* The arithmetic of tables.
 *
 * Memory is mapped without a reservation and touched as tables fill. Without a check, a run on a machine with too
 * little memory would start without an error, and the OOM killer would end the process at the peak, with all TIME_WAIT
 * entries. So the largest size of all tables is compared with the available memory before any memory is mapped. */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "io/numa.h"
#include "net/shard.h"
#include "run/tables.h"
#include "run/units.h"

enum { HUGEPAGE = 2 << 20 };

/* ------------------------------------------------------------------ limits and available memory */

/* The three numbers that make a shard large. */
enum knob { TIME_WAIT4, TIME_WAIT6, CONNS, NKNOBS };

static const char *const option[NKNOBS] = {"--time-wait", "--time-wait6", "--max-conns"};

static uint32_t *
knob_of(struct la_shard_config *c, enum knob k)
{
	uint32_t *v[NKNOBS] = {&c->max_time_wait4, &c->max_time_wait6, &c->max_conns};

	assert(*v[k] != 0); /* la_config_fill() has set it */
	return v[k];
}

/* The bytes of the tables of all stations, with at most `most` of kind k in each station. */
static uint64_t
bytes_with(const struct la_station *st, unsigned n, enum knob k, uint32_t most)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		struct la_shard_config c = st[i].shard;
		uint32_t *v = knob_of(&c, k);

		if (*v > most)
			*v = most;
		sum += la_shard_memory(&c);
	}
	return sum;
}

/* The largest number of kind k with which the tables fit into `room` bytes; 0: none. (The bytes grow with the
 * number.) */
static uint32_t
most_that_fits(const struct la_station *st, unsigned n, enum knob k, uint64_t room)
{
	uint32_t lo = 0, hi = UINT32_MAX;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2 + 1;

		if (bytes_with(st, n, k, mid) <= room)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

/* The kind whose tables have the most bytes. */
static enum knob
tables_largest_knob(const struct la_station *st, unsigned n)
{
	uint64_t least = UINT64_MAX;
	enum knob found = TIME_WAIT4;

	for (enum knob k = 0; k < NKNOBS; k++) {
		uint64_t without = bytes_with(st, n, k, 1);

		if (without < least) {
			least = without;
			found = k;
		}
	}
	return found;
}

/* The least number such that the tables fit into `room` bytes if all three numbers are divided by it; 0: none. */
static unsigned
tables_divisor(const struct la_station *st, unsigned n, uint64_t room)
{
	for (unsigned d = 2; d < 1u << 20; d++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < n; i++) {
			struct la_shard_config c = st[i].shard;

			for (enum knob k = 0; k < NKNOBS; k++)
				*knob_of(&c, k) = *knob_of(&c, k) / d + 1;
			sum += la_shard_memory(&c);
		}
		if (sum <= room)
			return d;
	}
	return 0;
}

static uint64_t
tables_total(const struct la_station *st, unsigned n, enum knob k)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		struct la_shard_config c = st[i].shard;

		sum += *knob_of(&c, k);
	}
	return sum;
}

int
la_tables_fit(const struct la_station *st, unsigned n, const struct la_mem_room *room, char *err, size_t size)
{
	uint64_t all = bytes_with(st, n, CONNS, UINT32_MAX), part[NKNOBS];
	enum knob k;
	uint32_t most;
	int at;

	if (all <= room->bytes)
		return 0;
	for (k = 0; k < NKNOBS; k++)
		part[k] = (all - bytes_with(st, n, k, 1)) >> 20;
	k = tables_largest_knob(st, n);
	most = most_that_fits(st, n, k, room->bytes);
	at = snprintf(err, size,
		      "its tables may take %lu MiB (%lu TIME_WAIT entries for IPv4 %lu MiB, %lu for IPv6 "
		      "%lu MiB, %lu connections %lu MiB), and there are %s; ",
		      all >> 20, tables_total(st, n, TIME_WAIT4), part[TIME_WAIT4], tables_total(st, n, TIME_WAIT6),
		      part[TIME_WAIT6], tables_total(st, n, CONNS), part[CONNS], room->text);
	if (at < 0 || (size_t)at >= size)
		return -ENOMEM;
	if (most > 0)
		snprintf(err + at, size - (size_t)at, "%s %u would fit%s", option[k], most,
			 n > 1 ? " (in each shard)" : "");
	else
		snprintf(err + at, size - (size_t)at,
			 "no value of %s alone would fit: all three, divided by %u, would fit", option[k],
			 tables_divisor(st, n, room->bytes));
	return -ENOMEM;
}

/* ------------------------------------------------------------------ sizes */

void
la_tables_bound(const struct la_shard *s, struct la_tables_bound *b)
{
	const struct la_tcp *t = &s->tcp;
	uint32_t keys = t->index.capacity, refs = t->wheel.max_refs;

	*b = (struct la_tables_bound){
		.entries = {t->tw.pool[0].capacity, t->tw.pool[1].capacity},
		.entry = {t->tw.pool[0].size, t->tw.pool[1].size},
		.index = (double)la_index_memory(keys) / keys,
		.wheel = (double)la_wheel_memory(t->wheel.nslots, refs) / refs,
		.msl_ms = t->msl,
		.closes = t->tw.pool[0].capacity / (2e-3 * t->msl),
	};
}

/* ------------------------------------------------------------------ placement */

struct area {
	const void *p;
	size_t size;
};

/* Touches the page at p without changing it: a page that was never touched is not mapped yet. */
static void
tables_touch_page(const void *p)
{
	volatile uint8_t *byte = (volatile uint8_t *)(uintptr_t)p;

	*byte = *byte;
}

/* Merges an area's page kind and node into *p. */
static void
add_area(const struct area *a, bool first, struct la_tables_place *p)
{
	enum la_pages pages;
	int node;

	tables_touch_page(a->p);
	pages = la_pages_of(a->p);
	node = la_numa_node_of(a->p);
	if (first || pages < p->pages)
		p->pages = pages;
	if (first)
		p->node = node;
	else if (node != p->node)
		p->node = -2;
}

void
la_tables_place(struct la_shard *s, struct la_tables_place *p)
{
	const struct la_tcp *t = &s->tcp;
	const struct area areas[] = {
		{t->tw.pool[0].slots, la_tw_memory(t->tw.pool[0].capacity, 0)},
		{t->tw.pool[1].slots, la_tw_memory(0, t->tw.pool[1].capacity)},
		{t->index.buckets, la_index_memory(t->index.capacity)},
		{t->wheel.chunks, la_wheel_memory(t->wheel.nslots, t->wheel.max_refs)},
	};
	unsigned looked = 0;

	*p = (struct la_tables_place){.pages = LA_PAGES_UNKNOWN, .node = -1};
	for (unsigned i = 0; i < RTE_DIM(areas); i++)
		if (areas[i].size >= 2 * (size_t)HUGEPAGE) /* 2: a margin, as sizes are rounded */
			add_area(&areas[i], looked++ == 0, p);
	p->large = looked > 0;
	if (!p->large)
		add_area(&areas[0], true, p);
}

static void
say_node(int asked, int got, FILE *f)
{
	if (asked < 0)
		fprintf(f, "no NUMA node asked for");
	else if (got == asked)
		fprintf(f, "on NUMA node %d as asked for, verified", asked);
	else if (got == -1)
		fprintf(f, "NUMA node %d asked for; the kernel does not name the node used", asked);
	else if (got == -2)
		fprintf(f, "NOT all on NUMA node %d, which was asked for: it is full", asked);
	else
		fprintf(f, "NOT on NUMA node %d, which was asked for, but on %d: it is full", asked, got);
	fputc('\n', f);
}

void
la_tables_say(const char *name, const struct la_tables_bound *b, const struct la_tables_place *p, int node, FILE *f)
{
	static const char *const family[2] = {"IPv4", "IPv6"};
	const char *why = p->large ? la_pages_why_plain("") : "smaller than a hugepage";
	char msl[16];

	for (unsigned i = 0; i < 2; i++) {
		double each = b->entry[i] + b->index + b->wheel;

		fprintf(f,
			"%s: TIME_WAIT bound, %s: %u entries of %.1f B (entry %.0f, index %.1f, wheel %.1f), "
			"%.1f MiB\n",
			name, family[i], b->entries[i], each, b->entry[i], b->index, b->wheel,
			each * b->entries[i] / (1 << 20));
	}
	fprintf(f, "%s: TIME_WAIT holds %.0f closes/s with MSL %s for IPv4; on %s", name, b->closes,
		la_format_duration(b->msl_ms, msl, sizeof(msl)), la_pages_name(p->pages));
	if (p->pages == LA_PAGES_PLAIN)
		fprintf(f, " (%s)", why ? why : "the kernel had no hugepage to give");
	fprintf(f, ", ");
	say_node(node, p->node, f);
}
