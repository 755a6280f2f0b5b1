/* SPDX-License-Identifier: BSD-3-Clause */

/* Orphans behind a window of 0 (RFC 6429, CVE-2008-4609): each bot sends a request, then FIN. The server
 * closes, and its answer waits for window. The bots answer every probe. An orphan without
 * progress ends after at most 60 s: after 100 s none is left, although all bots still answer. */

#include "abuse.h"

#include <errno.h>

static void
step(struct abuse *w)
{
	bots_trickle(w, HTTP, 0, 1000);
}

static void
opened(struct abuse *w, struct bot *b)
{
	char text[128];
	int n = request(text, abuse_params(w)->size, true);

	bot_send(w, b, text, (size_t)n, (size_t)n);
	bot_fin(w, b);
}

static void
end(struct abuse *w)
{
	const struct row *r = abuse_params(w);
	unsigned left = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		struct bot *b = bot_at(w, i);
		struct la_tuple t = {.laddr = abuse_addr(SERVER, b->ip6),
				     .raddr = abuse_addr(RAW, b->ip6),
				     .lport = b->service,
				     .rport = b->port};
		struct la_conn_info info;

		left += la_shard_find(abuse_server(w), &t, &info) == 0;
	}
	if (left > 0)
		abuse_fail(w, "%u of %u orphans live after %u s without progress", left, r->n, r->ms / 1000);
	bots_leave(w);
}

static const struct row rows[] = {
	{.n = 200, .size = 100000, .ms = 100000},
	{.n = 2000, .size = 1000, .ms = 100000, .ip6 = true},
	{.n = 500, .size = 100000, .ms = 170000, .pool = 1024} /* some answers wait for buffers first */,
};

const struct attack attack_orphan_hold = {
	.name = "orphan_hold",
	.kind = "orphans behind a window of 0, RFC 6429, CVE-2008-4609",
	ROWS(rows),
	.honest_ms = 50,
	.step = step,
	.open = opened,
	.end = end,
};
