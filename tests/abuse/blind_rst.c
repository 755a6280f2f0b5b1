/* SPDX-License-Identifier: BSD-3-Clause */

/* Blind RST (RFC 5961 3, CVE-2004-0230): the attacker knows every tuple of the honest clients.
 * Variant 0: the sequence number is random, outside the window. Variant 1: it is in the window, but is not RCV.NXT.
 * No RST may end a connection. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct la_conn_info info;
		struct frame f;

		if (!victim_frame(w, abuse_random(w), &f, &info))
			continue;
		f.flags = RST;
		/* when the RST arrives in 5 ms, RCV.NXT has moved by a few segments, which is less than 50 000 */
		f.seq += r->variant ? 50000 + abuse_random(w) % 150000 : 300000 + abuse_random(w) % (1u << 31);
		spoof_tcp(w, &f);
	}
}

static void
judge(struct abuse *w)
{
	if (abuse_count(w, LA_C_ended_reset) > 0)
		abuse_fail(w, "%lu connections were reset", abuse_count(w, LA_C_ended_reset));
}

static const struct row rows[] = {
	{.rate = 2000},
	{.rate = 5000, .variant = 1},
	{.rate = 20000, .ms = 20000, .variant = 1, .longer = true},
};

const struct attack attack_blind_rst = {
	.name = "blind_rst",
	.kind = "blind RST, RFC 5961 3, CVE-2004-0230",
	ROWS(rows),
	.step = step,
	.judge = judge,
};
