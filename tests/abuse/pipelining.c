/* SPDX-License-Identifier: BSD-3-Clause */

/* Pipelining without reading: `n` clients with window 0 send `size` requests each, within the server's window. An
 * answer takes one buffer: its body of 257 bytes is copied after its head. Because of window 0 every byte of the
 * answers stays in the send queue. */

#include "abuse.h"

static const char get[] = "GET /bytes/257 HTTP/1.1\r\nHost: a\r\n\r\n";

enum { LEN = sizeof(get) - 1, OPENS = 500, AT_ONCE = 1400 / LEN };

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);
	char text[AT_ONCE * LEN];

	bots_trickle(w, HTTP, 0, OPENS);
	for (unsigned i = 0; i < AT_ONCE * LEN; i++)
		text[i] = get[i % LEN];
	for (uint32_t i = 0; i < r->n; i++) {
		struct bot *b = bot_at(w, i);

		/* at most one burst of AT_ONCE requests every 4 ms, if the server's window has room for it */
		if (b->state != BOT_OPEN || (abuse_now(w) + i) % 4 != 0 || b->mark >= r->size ||
		    bot_room(b) < sizeof(text))
			continue;
		bot_send(w, b, text, sizeof(text), sizeof(text));
		b->mark += AT_ONCE;
	}
}

static const struct row rows[] = {
	{.n = 10, .size = 20000},
	{.n = 28, .size = 700},
	{.n = 28, .size = 700, .ip6 = true},
	{.n = 300, .size = 700},
	{.n = 10, .size = 700, .pool = 1024},
	{.n = 100, .size = 2000, .pool = 4096, .ip6 = true},
	{.n = 300, .size = 20000, .ms = 20000, .longer = true},
	{.n = 1000, .size = 700, .pool = 2048, .ms = 10000, .longer = true},
};

const struct attack attack_pipelining = {
	.name = "pipelining",
	.kind = "HTTP pipelining without reading the answers",
	ROWS(rows),
	.step = step,
};
