/* SPDX-License-Identifier: BSD-3-Clause */

/* A SYN that is repeated every 500 ms must not keep its half-open connection for longer than 63 s. After 66 s the
 * first half-open connection of every bot has ended. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	bots_trickle(w, HTTP, 65535, 1000);
	for (uint32_t i = 0; i < r->n; i++) {
		struct bot *b = bot_at(w, i);

		if (b->state == BOT_SYN)
			b->state = BOT_OPEN; /* in this state the framework does not answer SYN,ACKs */
		if (b->state == BOT_OPEN && (abuse_now(w) + i) % 500 == 0)
			bot_tx(w, b, SYN, b->seq - 1, 0, NULL, 0);
	}
}

/* Resets the connections that are half-open now: the second ones of the bots. */
static void
end(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	if (abuse_count(w, LA_C_embryonic_gone) < r->n)
		abuse_fail(w, "%lu of %u half-open connections ended within 66 s", abuse_count(w, LA_C_embryonic_gone),
			   r->n);
	bots_leave(w);
}

static const struct row rows[] = {
	{.n = 20, .ms = 66000},
	{.n = 20, .ms = 66000, .ip6 = true},
};

const struct attack attack_syn_repeat = {
	.name = "syn_repeat",
	.kind = "a repeated SYN that postpones the end of its half-open connection",
	ROWS(rows),
	.honest_ms = 50,
	.step = step,
	.end = end,
};
