/* SPDX-License-Identifier: BSD-3-Clause */

/* Clients of echo that write and do not read. They are load clients with real TCP; their window closes after
 * 4 096 bytes. All further bytes stay at the server: unread, or in the send queue. */

#include "abuse.h"

static void
step(struct abuse *w)
{
	static const struct load_plan plan = {.service = ECHO_PORT, .send = UINT64_MAX, .rcvbuf = 4096};

	load_open(w, &plan, abuse_due(w, 500));
}

static const struct row rows[] = {
	{.n = 28},
	{.n = 130},
	{.n = 130, .ip6 = true},
	{.n = 1000},
	{.n = 28, .pool = 1024, .ip6 = true},
	{.n = 100, .pool = 4096},
	{.n = 5000, .ms = 20000, .longer = true},
};

const struct attack attack_echo_unread = {
	.name = "echo_unread",
	.kind = "write without reading (sockstress' persist attack, CVE-2008-4609) against echo",
	.load = true,
	ROWS(rows),
	.step = step,
};
