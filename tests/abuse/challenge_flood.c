/* SPDX-License-Identifier: BSD-3-Clause */

/* Segments on the attacker's own connections that each require an ACK (RFC 9293 3.10.7.4): a RST inside the window,
 * 1000 to 10 999 above RCV.NXT; a SYN, an ACK and a FIN outside it. The shard limits these ACKs per connection
 * (RFC 5961 7), so that the server does not amplify. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	static const uint8_t flags[] = {ACK, SYN, RST, FIN | ACK};
	const struct row *r = abuse_params(w);

	bots_trickle(w, ECHO_PORT, 65535, 500);
	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct bot *b = bot_at(w, abuse_random(w) % r->n);
		uint32_t seq = b->seq + (k % 4 == 2 ? 1000 + abuse_random(w) % 10000 : 1u << 30);

		if (b->state == BOT_OPEN)
			bot_tx(w, b, flags[k % 4], seq, b->ack, NULL, 0);
	}
}

static void
end(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	/* at most 5 challenge ACKs per connection in 500 ms; 4 s touch at most 9 such intervals */
	if (abuse_count(w, LA_C_challenge_acks) > r->n * 5 * 9)
		abuse_fail(w, "%lu challenge ACKs to %u connections in 4 s", abuse_count(w, LA_C_challenge_acks), r->n);
	bots_leave(w);
}

static const struct row rows[] = {
	{.n = 20, .rate = 10000},
	{.n = 200, .rate = 20000, .ip6 = true},
};

const struct attack attack_challenge_flood = {
	.name = "challenge_flood",
	.kind = "challenge ACK flood, RFC 5961 7",
	ROWS(rows),
	.step = step,
	.end = end,
};
