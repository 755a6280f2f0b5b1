/* SPDX-License-Identifier: BSD-3-Clause */

/* SYN flood (CERT CA-1996-21, RFC 4987): SYNs from `n` sources behind the gateway that do not
 * answer. Some rows have few TCBs (`conns`) or few TIME_WAIT entries (`tw`), the resources that a SYN takes.
 * A half-open connection ends after at most 63 s, so TCBs and reservations are checked then. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct frame f = {.src = spoof_source(abuse_random(w) % r->n, r->ip6, false),
				  .sport = (uint16_t)(1024 + abuse_random(w) % 60000),
				  .dport = HTTP,
				  .flags = SYN,
				  .seq = abuse_random(w),
				  .win = 65535};

		spoof_tcp(w, &f);
	}
}

/* Resets nothing: half-open connections of spoofed sources end after 63 s. */
static void
end(struct abuse *w)
{
	(void)w;
}

static const struct row rows[] = {
	{.n = 1, .rate = 100},
	{.n = 100000, .rate = 600, .ip6 = true},
	{.n = 100000, .rate = 5000},
	{.n = 100000, .rate = 5000, .ip6 = true},
	{.n = 200, .rate = 1000, .tw = 128},
	{.n = 100000, .rate = 2000, .conns = 62},
	{.n = 100000, .rate = 2000, .conns = 62, .tw = 128, .ip6 = true},
	{.n = 100000, .rate = 5000, .pool = 1024},
	{.n = 100000, .rate = 20000, .ms = 20000, .longer = true},
};

const struct attack attack_syn_flood = {
	.name = "syn_flood",
	.kind = "SYN flood, CERT CA-1996-21, RFC 4987",
	ROWS(rows),
	.later = 1 << G_LIVE | 1 << G_HALF_OPEN | 1 << G_RESERVED4 | 1 << G_RESERVED6,
	.later_ms = 64000,
	.step = step,
	.end = end,
};
