/* SPDX-License-Identifier: BSD-3-Clause */

/* Blind SYN (RFC 5961 4) on live connections: the answer is at most a challenge ACK. Variant 0: random sequence
 * numbers; variant 1: RCV.NXT. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct la_conn_info info;
		struct frame f;

		if (!victim_frame(w, abuse_random(w), &f, &info) || info.state == LA_TIME_WAIT)
			continue;
		f.flags = SYN;
		if (r->variant == 0)
			f.seq = abuse_random(w);
		f.ack = 0;
		spoof_tcp(w, &f);
	}
}

static const struct row rows[] = {
	{.rate = 2000},
	{.rate = 5000, .variant = 1},
};

const struct attack attack_blind_syn = {
	.name = "blind_syn",
	.kind = "blind SYN, RFC 5961 4, CVE-2004-0230",
	ROWS(rows),
	.step = step,
};
