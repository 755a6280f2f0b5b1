/* SPDX-License-Identifier: BSD-3-Clause */

/* One-byte segments in order that stay unread. `n` clients with window 0 send pipelined requests until the HTTP
 * service stops reading, then continue byte by byte. Each byte is acknowledged and stays unread. The bytes are
 * merged, so that they take at most the memory of the window. */

#include "abuse.h"

static const char get[] = "GET /bytes/257 HTTP/1.1\r\nHost: a\r\n\r\n";

enum { LEN = sizeof(get) - 1, AT_ONCE = 1400 / LEN, BLOCKED = 40 * AT_ONCE * LEN, FRAMES = 40000 };

static uint32_t turn;

static void
begin(struct abuse *w)
{
	(void)w;
	turn = 0;
}

/* Sends the bot's next segment. mark: bytes sent. The first one-byte segment begins a request. */
static void
next(struct abuse *w, struct bot *b)
{
	char text[AT_ONCE * LEN];
	size_t n = b->mark < BLOCKED ? sizeof(text) : 1;

	for (size_t i = 0; i < n; i++)
		text[i] = get[(b->mark + i) % LEN];
	if (bot_room(b) < n)
		return;
	bot_send(w, b, text, n, n);
	b->mark += (uint32_t)n;
}

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	bots_trickle(w, HTTP, 0, 500);
	for (uint32_t k = abuse_due(w, FRAMES); k > 0; k--) {
		struct bot *b = bot_at(w, turn++ % r->n);

		if (b->state == BOT_OPEN)
			next(w, b);
	}
}

static const struct row rows[] = {
	{.n = 10},
	{.n = 100, .ip6 = true},
	{.n = 10, .pool = 1024},
	{.n = 300, .ms = 20000, .longer = true},
};

const struct attack attack_tiny_inorder = {
	.name = "tiny_inorder",
	.kind = "one-byte segments in order that are not read",
	ROWS(rows),
	.begin = begin,
	.step = step,
};
