/* SPDX-License-Identifier: BSD-3-Clause */

/* Optimistic ACKs (Sherwood et al. 2005, VU#102014): receivers that acknowledge data before it arrives, and
 * data above SND.NXT. An ACK above SND.NXT must acknowledge nothing, and is answered at a limited rate. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	bots_trickle(w, HTTP, 65535, 500);
	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct bot *b = bot_at(w, abuse_random(w) % r->n);

		if (b->state == BOT_OPEN)
			bot_tx(w, b, ACK, b->seq, b->ack + abuse_random(w) % r->size, NULL, 0);
	}
}

static void
opened(struct abuse *w, struct bot *b)
{
	char text[128];
	int n = request(text, 1 << 20, false);

	b->reads = true;
	bot_send(w, b, text, (size_t)n, (size_t)n);
}

static const struct row rows[] = {
	{.n = 20, .rate = 2000, .size = 20000},
	{.n = 100, .rate = 10000, .size = 2000000, .ip6 = true},
	{.n = 100, .rate = 5000, .size = 100000, .pool = 2048},
};

const struct attack attack_optimistic_ack = {
	.name = "optimistic_ack",
	.kind = "optimistic ACK, Sherwood et al. 2005, VU#102014",
	ROWS(rows),
	.step = step,
	.open = opened,
};
