/* SPDX-License-Identifier: BSD-3-Clause */

/* Tiny MSS (CVE-2019-11479): downloads whose SYN offers an MSS of `size` bytes. The server uses a minimum instead
 * (LA_MSS_MIN), so that the number of frames and buffers for each byte is bounded. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t i = 0; i < r->n; i++)
		bot_at(w, i)->mss = (uint16_t)r->size;
	bots_trickle(w, HTTP, 65535, 500);
}

static void
opened(struct abuse *w, struct bot *b)
{
	char text[128];
	int n = request(text, 300000, false);

	b->reads = true;
	bot_send(w, b, text, (size_t)n, (size_t)n);
}

static void
end(struct abuse *w)
{
	const struct row *r = abuse_params(w);
	uint64_t got = 0;

	for (uint32_t i = 0; i < r->n; i++)
		got += bot_at(w, i)->got;
	/* at least 40 bytes of payload a frame on average, and 100 000 frames without payload */
	if (abuse_frames_out(w) > got / 40 + 100000)
		abuse_fail(w, "%lu frames for %lu bytes", abuse_frames_out(w), got);
	bots_leave(w);
}

static const struct row rows[] = {
	{.n = 50, .size = 1},
	{.n = 20, .size = 48, .ip6 = true},
	{.n = 50, .size = 8, .pool = 1024},
};

const struct attack attack_tiny_mss = {
	.name = "tiny_mss",
	.kind = "tiny MSS, CVE-2019-11479",
	ROWS(rows),
	.step = step,
	.open = opened,
	.end = end,
};
