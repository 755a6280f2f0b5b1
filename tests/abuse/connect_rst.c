/* SPDX-License-Identifier: BSD-3-Clause */

/* Connections that are opened and reset at once, `rate` a second, repeatedly from the same
 * ports. Variant 1: half a request is sent before the RST. */

#include "abuse.h"

static uint32_t turn;

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct bot *b = bot_at(w, turn++ % r->n);

		if (b->state == BOT_FREE || b->state == BOT_GONE)
			bot_open(w, (uint32_t)(b - bot_at(w, 0)), HTTP, 65535);
	}
}

static void
opened(struct abuse *w, struct bot *b)
{
	if (abuse_params(w)->variant)
		bot_send(w, b, "GET / HTTP", 10, 10);
	bot_reset(w, b);
}

static const struct row rows[] = {
	{.n = 5000, .rate = 2000},
	{.n = 5000, .rate = 10000, .variant = 1, .ip6 = true},
	{.n = 5000, .rate = 5000, .variant = 1, .pool = 1024},
};

const struct attack attack_connect_rst = {
	.name = "connect_rst",
	.kind = "connect and reset",
	ROWS(rows),
	.step = step,
	.open = opened,
};
