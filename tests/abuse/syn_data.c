/* SPDX-License-Identifier: BSD-3-Clause */

/* A flood of SYNs with 1 400 bytes of text. RFC 9293 3.10.7.2 allows a server to queue the text until the handshake
 * ends. Half-open connections must not hold buffers. */

#include "abuse.h"

static const uint8_t text[1400];
static uint64_t most; /* highest number of buffers in use */

static void
begin(struct abuse *w)
{
	(void)w;
	most = 0;
}

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct frame f = {.src = spoof_source(abuse_random(w), r->ip6, false),
				  .sport = (uint16_t)(1024 + abuse_random(w) % 60000),
				  .dport = HTTP,
				  .flags = SYN,
				  .seq = abuse_random(w),
				  .win = 65535,
				  .data = text,
				  .len = sizeof(text)};

		spoof_tcp(w, &f);
	}
	if (abuse_gauge(w, G_BUFFERS) > most)
		most = abuse_gauge(w, G_BUFFERS);
}

/* The port's receive ring has 1 024 buffers of a pool of 32 768, and an eighth of a smaller pool. Honest connections
 * need at most 800 buffers. */
static void
end(struct abuse *w)
{
	uint64_t ring = abuse_params(w)->pool ? abuse_params(w)->pool / 8 : 1024;

	if (most > ring + 800)
		abuse_fail(w, "half-open connections hold %lu buffers", most - ring);
}

static const struct row rows[] = {
	{.rate = 1000},
	{.rate = 5000, .ip6 = true},
	{.rate = 5000, .pool = 1024},
};

const struct attack attack_syn_data = {
	.name = "syn_data",
	.kind = "SYN flood with data",
	ROWS(rows),
	.later = 1 << G_LIVE | 1 << G_HALF_OPEN | 1 << G_RESERVED4 | 1 << G_RESERVED6,
	.later_ms = 64000,
	.begin = begin,
	.step = step,
	.end = end,
};
