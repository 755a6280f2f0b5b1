/* SPDX-License-Identifier: BSD-3-Clause */

/* A flood of repeated FINs at TIME_WAIT entries (RFC 9293 3.10.7.4, eighth step). Each FIN draws at most one ACK and
 * restarts 2*MSL. The flood takes no buffer and no TCB. 2*MSL after the last FIN all entries have expired. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	bots_trickle(w, HTTP, 65535, 2000);
	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct bot *b = bot_at(w, abuse_random(w) % r->n);

		if (b->mark == 0)
			continue;
		b->mark2++;
		bot_tx(w, b, FIN | ACK, b->seq - 1, b->ack, NULL, 0);
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

static void
end(struct abuse *w)
{
	const struct row *r = abuse_params(w);
	uint64_t sent = 0;

	for (uint32_t i = 0; i < r->n; i++)
		sent += bot_at(w, i)->mark2;
	if (abuse_count(w, LA_C_time_wait_fin_acked) > sent + r->n)
		abuse_fail(w, "%lu FINs were answered %lu times", sent, abuse_count(w, LA_C_time_wait_fin_acked));
	if (abuse_gauge(w, G_TIME_WAIT) < r->n * 9 / 10)
		abuse_fail(w, "%lu TIME_WAIT entries for %u peers that repeat their FIN", abuse_gauge(w, G_TIME_WAIT),
			   r->n);
}

static const struct row rows[] = {
	{.n = 200, .rate = 5000},
	{.n = 1000, .rate = 20000, .ip6 = true},
	{.n = 200, .rate = 5000, .pool = 1024},
};

const struct attack attack_time_wait_fin = {
	.name = "time_wait_fin",
	.kind = "repeated FIN flood at TIME_WAIT",
	ROWS(rows),
	.step = step,
	.open = opened,
	.segment = segment,
	.end = end,
};
