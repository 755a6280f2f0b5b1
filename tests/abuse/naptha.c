/* SPDX-License-Identifier: BSD-3-Clause */

/* Naptha (CVE-2000-1039): `n` connections that are opened and stay idle. Each takes a TCB and a
 * TIME_WAIT reservation, and no buffer. */

#include "abuse.h"

static const uint16_t services[] = {ECHO_PORT, HTTP, DISCARD, CLOSE};

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);
	static uint32_t turn;

	bots_trickle(w, services[turn++ % 4], 65535, r->rate);
}

static void
end(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	/* the port's ring, and a few buffers of honest connections */
	if (abuse_gauge(w, G_BUFFERS) > (r->pool ? r->pool / 8 : 1024) + 600)
		abuse_fail(w, "%u idle connections hold %lu buffers", r->n, abuse_gauge(w, G_BUFFERS));
	bots_leave(w);
}

static const struct row rows[] = {
	{.n = 1000, .rate = 1000},
	{.n = 20000, .rate = 10000, .ip6 = true},
	{.n = 10000, .rate = 5000, .pool = 1024},
};

const struct attack attack_naptha = {
	.name = "naptha",
	.kind = "Naptha, CVE-2000-1039: idle connections",
	ROWS(rows),
	.step = step,
	.end = end,
};
