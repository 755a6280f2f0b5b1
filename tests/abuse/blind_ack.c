/* SPDX-License-Identifier: BSD-3-Clause */

/* Blind ACKs (RFC 5961 5): above SND.NXT, or older than any window, without text. The server may answer them
 * at a limited rate. They must not acknowledge data, and must not count as duplicate ACKs. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct la_conn_info info;
		struct frame f;

		if (!victim_frame(w, abuse_random(w), &f, &info) || info.state < LA_ESTABLISHED)
			continue;
		f.flags = ACK;
		f.win = 0; /* must not close the server's send window */
		f.ack = k % 2 ? info.snd_nxt + (1u << 24) : info.snd_una - (1u << 30);
		spoof_stamps(&f, abuse_random(w), abuse_random(w));
		spoof_tcp(w, &f);
	}
}

static void
judge(struct abuse *w)
{
	if (abuse_count(w, LA_C_fast_retransmits) > 0)
		abuse_fail(w, "blind ACKs caused %lu fast retransmissions", abuse_count(w, LA_C_fast_retransmits));
}

static const struct row rows[] = {
	{.rate = 2000},
	{.rate = 10000},
};

const struct attack attack_blind_ack = {
	.name = "blind_ack",
	.kind = "blind ACK, RFC 5961 5",
	ROWS(rows),
	.step = step,
	.judge = judge,
};
