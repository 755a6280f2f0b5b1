/* SPDX-License-Identifier: BSD-3-Clause */

/* FIN_WAIT_2 hold: clients that acknowledge the server's FIN and never send a FIN. Each connection holds a TCB
 * for a few seconds, then a table entry. A RST ends the connection at once. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	bots_trickle(w, HTTP, 65535, 2000);
}

static void
opened(struct abuse *w, struct bot *b)
{
	char text[128];
	int n = request(text, abuse_params(w)->size, true);

	b->reads = true;
	bot_send(w, b, text, (size_t)n, (size_t)n);
}

static const struct row rows[] = {
	{.n = 300, .size = 257},
	{.n = 5000, .size = 257, .ip6 = true, .ms = 20000},
	{.n = 2000, .size = 10000, .pool = 1024},
};

const struct attack attack_fin_wait_2_hold = {
	.name = "fin_wait_2_hold",
	.kind = "FIN_WAIT_2 exhaustion (Naptha, CVE-2000-1039)",
	ROWS(rows),
	.honest_ms = 20,
	.step = step,
	.open = opened,
};
