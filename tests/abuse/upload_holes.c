/* SPDX-License-Identifier: BSD-3-Clause */

/* Uploads whose windows arrive with holes, as after a full TAP queue. Each of `n` bots sends a whole window, without
 * 2 % of the segments; in every other window the first segment is missing, too. 300 ms later the bot starts again at
 * the acknowledged number. The bots respect the window and have no congestion control. The server must continue to
 * deliver. */

#include "abuse.h"

enum { PIECE = 1460, OPENS = 2000, FRAMES = 60000, REPAIR_MS = 300 };

static const uint8_t text[PIECE];
static uint32_t turn;
static uint64_t middle, late; /* payload delivered in order until the middle of the attack, and until now */

static void
begin(struct abuse *w)
{
	(void)w;
	turn = 0;
}

/* Sends the next segment of the window, or starts the window again. */
static void
next(struct abuse *w, struct bot *b)
{
	uint32_t now = abuse_since(w);

	if (b->mark + PIECE > bot_room(b)) {
		if (now - b->mark2 < REPAIR_MS)
			return;
		b->mark = (now / REPAIR_MS) % 2 ? PIECE : 0;
	}
	b->mark2 = now;
	if (abuse_random(w) % 50 != 0)
		bot_tx(w, b, ACK, b->seq + b->mark, b->ack, text, PIECE);
	b->mark += PIECE;
}

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	bots_trickle(w, DISCARD, 65535, OPENS);
	for (uint32_t k = abuse_due(w, FRAMES); k > 0; k--) {
		struct bot *b = bot_at(w, turn++ % r->n);

		if (b->state == BOT_OPEN)
			next(w, b);
	}
	late = abuse_count(w, LA_C_tcp_data_in);
	if (abuse_since(w) == (r->ms ? r->ms : 4000) / 2)
		middle = late;
}

static void
segment(struct abuse *w, struct bot *b, const struct frame_in *f)
{
	uint32_t news = f->ack - b->seq;

	(void)w;
	if ((int32_t)news <= 0)
		return;
	b->seq = f->ack;
	b->mark = b->mark > news ? b->mark - news : 0;
}

static void
judge(struct abuse *w)
{
	const struct row *r = abuse_params(w);
	uint64_t rate = (late - middle) * 2000 / (r->ms ? r->ms : 4000);

	printf("    uploads: %lu kB/s\n", rate / 1000);
	if (rate < 2 * 1000 * 1000) /* with enough memory the rate is 13 MB/s or more */
		abuse_fail(w, "%u uploads get %lu kB/s in the second half of the attack", r->n, rate / 1000);
}

static const struct row rows[] = {
	{.n = 400},
	{.n = 800, .ip6 = true},
	{.n = 1500},
	{.n = 5000, .ms = 6000},
	{.n = 400, .pool = 1024},
	{.n = 800, .pool = 4096, .ip6 = true},
	{.n = 5000, .ms = 30000, .longer = true, .ip6 = true},
};

const struct attack attack_upload_holes = {
	.name = "upload_holes",
	.kind = "uploads with holes (SegmentSmack, CVE-2018-5390, with full segments)",
	ROWS(rows),
	.begin = begin,
	.step = step,
	.segment = segment,
	.judge = judge,
};
