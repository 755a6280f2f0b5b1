/* SPDX-License-Identifier: BSD-3-Clause */

/* Blind SYNs that reopen TIME_WAIT (RFC 9293 3.6.1, RFC 1122 4.2.2.13), while the peer repeats its FIN because the
 * last ACK was lost. Until the handshake of a reopen is complete, each FIN of the old connection
 * gets its ACK. Variant 1 has no SYNs. */

#include "abuse.h"

enum { SYN_MS = 50, FIN_MS = 80, ANSWER_MS = 50 };

static uint32_t unanswered;

static void
begin(struct abuse *w)
{
	(void)w;
	unanswered = 0;
}

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	bots_trickle(w, HTTP, 65535, 200);
	for (uint32_t i = 0; i < r->n; i++) {
		struct bot *b = bot_at(w, i);
		uint32_t age = abuse_since(w) - b->mark2;

		if (b->mark == 0)
			continue;
		if (r->variant == 0 && (age == SYN_MS || age == SYN_MS + 10)) /* spoofed, with the bot's tuple */
			bot_tx(w, b, SYN, b->seq + 1000000, 0, NULL, 0);
		if (age == FIN_MS) {
			b->mark = 2;
			bot_tx(w, b, FIN | ACK, b->seq - 1, b->ack, NULL, 0);
		}
		if (age == FIN_MS + ANSWER_MS && b->mark == 2) {
			b->mark = 3;
			unanswered++;
		}
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
	if (b->fin && b->mark == 0) {
		b->mark = 1;
		b->mark2 = abuse_since(w);
		bot_fin(w, b);
	} else if (b->mark == 2 && f->flags == ACK && f->ack == b->seq) {
		b->mark = 3;
	}
}

static void
judge(struct abuse *w)
{
	if (unanswered > 0)
		abuse_fail(w, "%u of %u repeated FINs were not acknowledged, because of blind SYNs", unanswered,
			   abuse_params(w)->n);
}

static const struct row rows[] = {
	{.n = 20, .variant = 1},
	{.n = 20},
	{.n = 20, .ip6 = true},
	{.n = 20, .tw = 256},
};

const struct attack attack_time_wait_syn = {
	.name = "time_wait_syn",
	.kind = "blind SYNs that reopen TIME_WAIT, RFC 1122 4.2.2.13, RFC 1337",
	ROWS(rows),
	.later = 1 << G_LIVE | 1 << G_HALF_OPEN | 1 << G_RESERVED4 | 1 << G_RESERVED6 | 1 << G_TIME_WAIT,
	.later_ms = 66000,
	.begin = begin,
	.judge = judge,
	.step = step,
	.open = opened,
	.segment = segment,
};
