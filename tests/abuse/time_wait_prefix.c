/* SPDX-License-Identifier: BSD-3-Clause */

/* One prefix fills the TIME_WAIT table: one host behind the gateway opens connections from `n` ports, `rate`
 * connections a second. It reads each answer, and closes after the server. An entry lives 500 ms
 * here, so the host would use `rate` / 2 entries, which is more than `tw`. Clients of other prefixes still get
 * reservations. */

#include "abuse.h"

static uint32_t turn;

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		uint32_t i = turn++ % r->n;
		struct bot *b = bot_at(w, i);

		if (b->state == BOT_FREE || b->state == BOT_GONE || b->mark)
			bot_open(w, i, HTTP, 65535);
	}
}

static void
opened(struct abuse *w, struct bot *b)
{
	char text[128];
	int n = request(text, 257, true);

	b->reads = true;
	bot_send(w, b, text, (size_t)n, (size_t)n);
}

static void
segment(struct abuse *w, struct bot *b, const struct frame_in *f)
{
	(void)f;
	if (b->fin && b->mark == 0) {
		b->mark = 1;
		bot_fin(w, b);
	}
}

static const struct row rows[] = {
	{.n = 10000, .rate = 1000, .tw = 256, .far = true},
	{.n = 10000, .rate = 1000, .tw = 256, .far = true, .ip6 = true},
	{.n = 10000, .rate = 4000, .tw = 1024, .far = true},
};

const struct attack attack_time_wait_prefix = {
	.name = "time_wait_prefix",
	.kind = "TIME_WAIT exhaustion from one prefix",
	ROWS(rows),
	.step = step,
	.open = opened,
	.segment = segment,
};
