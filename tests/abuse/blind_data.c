/* SPDX-License-Identifier: BSD-3-Clause */

/* Blind data injection (RFC 5961 5): text in the window, with an ACK that is older than any window
 * (variant 0) or above SND.NXT (variant 1). The segments have timestamps or none. No byte of this text may
 * be delivered. */

#include "abuse.h"

static const uint8_t poison[600] = {[0 ... 599] = 0xee};

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct la_conn_info info;
		struct frame f;

		if (!victim_frame(w, abuse_random(w), &f, &info) || info.state < LA_ESTABLISHED)
			continue;
		f.flags = ACK | PSH;
		f.ack = r->variant ? info.snd_nxt + (1u << 24) : info.snd_una - (1u << 30);
		f.data = poison;
		f.len = 1 + abuse_random(w) % sizeof(poison);
		if (k % 2)
			spoof_stamps(&f, abuse_random(w), abuse_random(w));
		spoof_tcp(w, &f);
	}
}

static const struct row rows[] = {
	{.rate = 2000},
	{.rate = 5000, .variant = 1},
};

const struct attack attack_blind_data = {
	.name = "blind_data",
	.kind = "blind data injection, RFC 5961 5",
	ROWS(rows),
	.step = step,
};
