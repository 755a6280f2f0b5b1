/* SPDX-License-Identifier: BSD-3-Clause */

/* A scan of closed ports at the rate of the link: SYN, ACK and FIN from many sources. RSTs are limited
 * to `rst_rate` a second [10 000] and a burst of the same number. The server keeps no state for the sources. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	static const uint8_t flags[] = {SYN, ACK, FIN | ACK, SYN | ACK};
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct frame f = {.src = spoof_source(abuse_random(w) % r->n, r->ip6, false),
				  .sport = 5000,
				  .dport = (uint16_t)(10000 + abuse_random(w) % 50000),
				  .flags = flags[k % 4],
				  .seq = abuse_random(w),
				  .ack = abuse_random(w),
				  .win = 1000};

		spoof_tcp(w, &f);
	}
}

static void
end(struct abuse *w)
{
	uint64_t rate = abuse_params(w)->rst_rate ? abuse_params(w)->rst_rate : 10000;

	if (abuse_count(w, LA_C_rst_out) > 5 * rate + 1000)
		abuse_fail(w, "%lu RSTs in 4 s", abuse_count(w, LA_C_rst_out));
}

static const struct row rows[] = {
	{.n = 1, .rate = 20000},
	{.n = 1000000, .rate = 50000, .ip6 = true},
	{.n = 1000000, .rate = 20000, .rst_rate = 100},
	{.n = 1000, .rate = 20000, .pool = 1024},
};

const struct attack attack_port_scan = {
	.name = "port_scan",
	.kind = "port scan and RST reflection",
	ROWS(rows),
	.step = step,
	.end = end,
};
