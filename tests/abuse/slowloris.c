/* SPDX-License-Identifier: BSD-3-Clause */

/* Slowloris (CVE-2007-6750): request heads that never end. The client sends a byte of a header field every `size`
 * ms. Each byte restarts the idle time-out, so a head needs a deadline of its own. After
 * 150 s, more than twice the idle time-out of 60 s, no such connection is open. */

#include "abuse.h"

#include <string.h>

static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	bots_trickle(w, HTTP, 65535, 1000);
	for (uint32_t i = 0; i < r->n; i++) {
		struct bot *b = bot_at(w, i);

		if (b->state == BOT_OPEN && !b->fin && (abuse_now(w) + i) % r->size == 0)
			bot_send(w, b, "x", 1, 1);
	}
}

static void
opened(struct abuse *w, struct bot *b)
{
	b->reads = true;
	bot_send(w, b, head, strlen(head), strlen(head));
}

static void
segment(struct abuse *w, struct bot *b, const struct frame_in *f)
{
	(void)f;
	if (b->fin && b->state == BOT_OPEN && b->mark == 0) {
		b->mark = 1;
		bot_fin(w, b);
	}
}

static void
end(struct abuse *w)
{
	const struct row *r = abuse_params(w);
	unsigned open = 0;

	for (uint32_t i = 0; i < r->n; i++)
		open += bot_at(w, i)->state == BOT_OPEN && !bot_at(w, i)->fin;
	if (r->ms >= 150000 && open > 0)
		abuse_fail(w, "%u of %u unfinished request heads are open after %u s", open, r->n, r->ms / 1000);
	bots_leave(w);
}

static const struct row rows[] = {
	{.n = 2000, .size = 500},
	{.n = 500, .size = 100, .pool = 1024, .ip6 = true},
	{.n = 100, .size = 5000, .ms = 150000},
	{.n = 10000, .size = 1000, .ms = 150000, .longer = true, .ip6 = true},
};

const struct attack attack_slowloris = {
	.name = "slowloris",
	.kind = "slowloris, CVE-2007-6750: request heads that never end",
	.honest_ms = 25,
	ROWS(rows),
	.begin = NULL,
	.step = step,
	.open = opened,
	.segment = segment,
	.end = end,
};
