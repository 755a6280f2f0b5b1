/* SPDX-License-Identifier: BSD-3-Clause */

/* Many uploads to discard, which reads at once. No client breaks a rule of TCP. Losses on the link leave holes
 * in many streams, and the data above a hole takes buffers. The throughput is checked, too: the server must
 * continue to acknowledge. */

#include "abuse.h"

static uint64_t middle, late; /* payload delivered in order until the middle of the attack, and until now */

static void
step(struct abuse *w)
{
	static const struct load_plan plan = {.service = DISCARD, .send = UINT64_MAX, .reads = true};
	const struct row *r = abuse_params(w);
	uint32_t ms = r->ms ? r->ms : 4000;

	load_open(w, &plan, abuse_due(w, 2000));
	if (abuse_since(w) == ms / 2)
		middle = abuse_count(w, LA_C_tcp_data_in);
	late = abuse_count(w, LA_C_tcp_data_in);
}

/* The access link carries 80 frames a ms, about 110 MB/s. In the second half of the attack 20 MB/s are required: far
 * less than NewReno reaches at this loss rate, and far more than a stalled server reaches. */
static void
judge(struct abuse *w)
{
	const struct row *r = abuse_params(w);
	uint64_t seconds_2 = (r->ms ? r->ms : 4000) / 1000, rate = (late - middle) * 2 / seconds_2;

	printf("    uploads: %lu kB/s\n", rate / 1000);
	if (rate < 20 * 1000 * 1000)
		abuse_fail(w, "%u uploads get %lu kB/s in the second half of the attack", r->n, rate / 1000);
}

static const struct row rows[] = {
	{.n = 400},
	{.n = 1500, .ip6 = true},
	{.n = 5000},
	{.n = 800, .pool = 1024},
	{.n = 400, .pool = 4096, .ip6 = true, .longer = true},
	{.n = 5000, .ms = 20000, .longer = true, .ip6 = true},
	{.n = 1500, .pool = 2048, .ms = 20000, .longer = true},
};

const struct attack attack_uploads = {
	.name = "uploads",
	.kind = "many uploads (an overload, no CVE)",
	.load = true,
	ROWS(rows),
	.step = step,
	.judge = judge,
};
