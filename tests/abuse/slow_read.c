/* SPDX-License-Identifier: BSD-3-Clause */

/* Slow Read: downloads through a window of `size` bytes. The client acknowledges each window at once. The answer is
 * constant memory: the send queue holds references to it, not copies. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	bots_trickle(w, HTTP, (uint16_t)abuse_params(w)->size, 1000);
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
	{.n = 300, .size = 1},
	{.n = 1000, .size = 10, .ip6 = true},
	{.n = 300, .size = 100, .pool = 1024},
	{.n = 5000, .size = 10, .ms = 20000, .longer = true},
};

const struct attack attack_slow_read = {
	.name = "slow_read",
	.kind = "Slow Read: a window of a few bytes",
	ROWS(rows),
	.step = step,
	.open = opened,
};
