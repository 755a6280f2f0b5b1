/* SPDX-License-Identifier: BSD-3-Clause */

#include "world.h"

static struct world_history *history;

void
world_record(struct world_history *h)
{
	history = h;
}

/* FNV-1a of 64 bits. */
static uint64_t
record_sum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

static void
record_add(const void *data, size_t len)
{
	if (!history)
		return;
	if (history->n < HISTORY_MAX)
		history->sum[history->n++] = record_sum(data, len);
	else
		history->sum[HISTORY_MAX - 1] = history->sum[HISTORY_MAX - 1] * 31 + record_sum(data, len);
}

void
world_record_frame(const uint8_t *p, size_t len)
{
	record_add(p, len);
}

void
world_record_counters(const struct world *w)
{
	record_add(&w->s->counters, sizeof(w->s->counters));
}
