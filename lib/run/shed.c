/* SPDX-License-Identifier: BSD-3-Clause */

/* Overload control. (The theory is in shed.h.) */

#include <rte_common.h>

#include <lastack/shard.h>

#include "run/shed.h"

/* SYNs that have arrived, near enough: accepted, answered by a cookie, refused for want of something, shed. */
static uint64_t
syns(const struct la_counters *c)
{
	return c->v[LA_C_syns_accepted] + c->v[LA_C_syn_cookies_sent] + c->v[LA_C_conn_table_full] +
	       c->v[LA_C_index_full] + c->v[LA_C_tw_reserve_exhausted] + c->v[LA_C_tw_share_refused] + c->v[LA_C_syn_shed];
}

/* Would dropping SYNs make a difference? */
static bool
syns_matter(struct la_shed *d, const struct la_counters *c)
{
	uint64_t s = syns(c), f = c->v[LA_C_rx_packets];
	bool matter = (s - d->syns) * LA_SHED_SYNS >= f - d->frames;

	d->syns = s;
	d->frames = f;
	return matter;
}

unsigned
la_shed_note(struct la_shed *d, uint64_t now, unsigned waiting, const struct la_counters *c)
{
	int step = ((int)waiting - LA_SHED_TARGET) / LA_SHED_STEP, level;

	d->look_at = now + LA_SHED_MS;
	if (!syns_matter(d, c))
		step = -LA_SHED_TARGET / LA_SHED_STEP;
	d->full = waiting > LA_SHED_FULL && step > 0 ? d->full + 1 : 0;
	if (d->level == 0 && d->full < LA_SHED_BEGIN)
		return 0;
	level = (int)d->level + step;
	d->level = (unsigned)RTE_MAX(0, RTE_MIN(level, (int)LA_SHED_ALL));
	return d->level;
}
