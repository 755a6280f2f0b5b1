/* SPDX-License-Identifier: BSD-3-Clause */

/* Overload control. (The theory is in shed.h.) */

#include <rte_common.h>

#include <lastack/shard.h>

#include "run/shed.h"

/* The approximate number of SYNs: accepted, answered by a cookie, refused, shed. */
static uint64_t
shed_syns_arrived(const struct la_counters *c)
{
	return c->v[LA_C_syns_accepted] + c->v[LA_C_syn_cookies_sent] + c->v[LA_C_conn_table_full] +
	       c->v[LA_C_index_full] + c->v[LA_C_tw_reserve_exhausted] + c->v[LA_C_tw_share_refused] +
	       c->v[LA_C_syn_shed];
}

/* Returns whether dropping SYNs helps. frames: received since the last check. */
static bool
syns_matter(struct la_shed *d, uint64_t frames, const struct la_counters *c)
{
	uint64_t s = shed_syns_arrived(c);
	bool matter = (s - d->syns) * LA_SHED_SYNS >= frames;

	d->syns = s;
	return matter;
}

/* Returns whether losses allow shedding. frames: received since the last check; lost: since the start of the port. */
static bool
shed_loses_frames(struct la_shed *d, uint64_t now, uint64_t frames, uint64_t lost)
{
	bool lossy = lost != d->lost && (lost - d->lost) * LA_SHED_LOSS >= frames;

	d->lost = lost;
	if (now >= d->lossy_until) {
		d->lossy = 0;
		d->lossy_until = now + LA_SHED_LOSSY_MS;
	}
	d->lossy += lossy;
	if (lossy && d->lossy >= LA_SHED_LOSSY)
		d->lost_until = now + LA_SHED_ALLOWED_MS;
	return now < d->lost_until;
}

unsigned
la_shed_note(struct la_shed *d, uint64_t now, unsigned waiting, uint64_t missed, const struct la_counters *c)
{
	uint64_t frames = c->v[LA_C_rx_packets] - d->frames;
	bool matter = syns_matter(d, frames, c),
	     lost = shed_loses_frames(d, now, frames, missed + c->v[LA_C_rto_expired]);
	int step = ((int)(matter && lost ? waiting : 0) - LA_SHED_TARGET) / LA_SHED_STEP;

	d->look_at = now + LA_SHED_MS;
	d->frames = c->v[LA_C_rx_packets];
	d->full = waiting > LA_SHED_FULL ? d->full + 1 : 0;
	if (d->level == 0 && d->full < LA_SHED_BEGIN)
		return 0;
	d->level = (unsigned)RTE_MAX(0, RTE_MIN((int)d->level + step, (int)LA_SHED_ALL));
	return d->level;
}
