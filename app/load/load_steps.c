/* SPDX-License-Identifier: BSD-3-Clause */

/* Counts of each target, and of each step of a ramp; read after the run. A connection belongs to the step in which it
 * was due. */

#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "load/load_report.h"

static uint64_t
due_before(const struct load_report *r, uint64_t ns)
{
	uint64_t n = pace_count(&r->cfg->pace, ns);

	return r->cfg->connections != 0 ? RTE_MIN(n, r->cfg->connections) : n;
}

void
load_step_read(const struct load_report *r, unsigned step, struct load_step_counts *n)
{
	const struct pace_step *s = &r->cfg->pace.step[step];
	uint64_t over = (uint64_t)(r->now->seconds * 1e9), end = RTE_MIN(s->at + s->ns, RTE_MAX(over, s->at));

	*n = (struct load_step_counts){.offered = due_before(r, end) - due_before(r, s->at),
				       .seconds = (double)(end - s->at) / 1e9};
	for (unsigned i = 0; i < r->nstations; i++) {
		const struct load_step *of = r->stations[i].step;

		if (of == NULL)
			continue;
		n->begun += of[step].begun;
		n->complete += of[step].complete;
		n->failed += of[step].failed;
	}
}

void
load_step_latency(const struct load_report *r, unsigned step, enum load_latency which, struct la_histogram *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned i = 0; i < r->nstations; i++)
		if (r->stations[i].step)
			la_histogram_add(sum, &r->stations[i].step[step].latency[which]);
}

void
load_target_read(const struct load_report *r, unsigned target, struct load_target_counts *n)
{
	memset(n, 0, sizeof(*n));
	for (unsigned i = 0; i < r->nstations; i++) {
		const struct load_target_counts *at = &r->stations[i].at[target];

		n->connects += at->connects;
		n->established += at->established;
		n->orderly += at->orderly;
		n->failed += at->failed;
	}
}

const char *
load_target_name(const struct load_target *to, char *buf, size_t size)
{
	char addr[LA_ADDR_STRLEN];

	la_addr_format(&to->addr, addr, sizeof(addr));
	snprintf(buf, size, la_addr_is4(&to->addr) ? "%s:%u" : "[%s]:%u", addr, to->port);
	return buf;
}
