/* SPDX-License-Identifier: BSD-3-Clause */

/* The RST limit as a side channel (compare CVE-2016-5696): an off-path attacker tests whether
 * HONEST has a connection with a given tuple. The attacker spoofs 50 segments of the tuple, then sends 100 segments
 * from its own address to a closed port, and counts the RSTs that it receives. Segments of a live tuple must use as
 * much of the RST limit as segments of an unused tuple. Then the counts do not tell live and unused tuples apart. */

#include "abuse.h"

enum { SPOOFED = 50, OWN = 100, TRIAL_MS = 1200, TRIALS = 8 };

static uint32_t got[2][TRIALS], trial;
static bool live;

static void
begin(struct abuse *w)
{
	(void)w;
	trial = 0;
	for (unsigned i = 0; i < TRIALS; i++)
		got[0][i] = got[1][i] = 0;
}

static bool
guess(struct abuse *w, struct frame *f)
{
	struct la_conn_info info;

	for (uint32_t i = 0; i < 50; i++) {
		if (!victim_frame(w, i, f, &info) || info.state != LA_ESTABLISHED ||
		    la_addr_is4(&f->src) == abuse_params(w)->ip6)
			continue;
		f->flags = ACK;
		f->seq += 1u << 30; /* outside the window: a challenge ACK, or no answer */
		if (!live)
			f->sport = 1023; /* a port that no client uses */
		return true;
	}
	return false;
}

static void
step(struct abuse *w)
{
	bool ip6 = abuse_params(w)->ip6;
	struct frame own = {.src = spoof_source(7, ip6, false), .sport = 1500, .dport = 4, .flags = ACK}, f;

	/* a trial starts when an honest connection is open */
	if (trial == 2 * TRIALS || abuse_since(w) < TRIAL_MS * (trial + 1))
		return;
	live = trial % 2;
	if (!guess(w, &f))
		return;
	for (unsigned i = 0; i < SPOOFED; i++)
		spoof_tcp(w, &f);
	for (unsigned i = 0; i < OWN; i++)
		spoof_tcp(w, &own);
	trial++;
}

/* Counts RSTs to the attacker's own address, which is behind the router. */
static void
frame(struct abuse *w, const uint8_t *p, size_t len)
{
	struct frame_in f;

	(void)w;
	if (trial > 0 && frame_read(p, len, &f) == NULL && (f.flags & RST) && f.dport == 1500)
		got[live][(trial - 1) / 2]++;
}

static void
judge(struct abuse *w)
{
	uint32_t min[2] = {UINT32_MAX, UINT32_MAX}, max[2] = {0, 0};

	for (unsigned k = 0; k < 2; k++)
		for (unsigned i = 0; i < TRIALS; i++) {
			min[k] = got[k][i] < min[k] ? got[k][i] : min[k];
			max[k] = got[k][i] > max[k] ? got[k][i] : max[k];
		}
	printf("    RSTs of %d probes: unused tuples %u to %u, live tuples %u to %u\n", OWN, min[0], max[0], min[1],
	       max[1]);
	if (trial < 2 * TRIALS)
		abuse_fail(w, "%u of %d trials were made", trial, 2 * TRIALS);
	if (max[0] < min[1] || max[1] < min[0])
		abuse_fail(w, "an off-path attacker can distinguish live tuples from unused ones");
}

static const struct row rows[] = {
	{.rst_rate = 100, .ms = 21000},
	{.rst_rate = 100, .ms = 21000, .ip6 = true},
};

const struct attack attack_rst_channel = {
	.name = "rst_channel",
	.kind = "RST rate limit as a side channel, the kind of CVE-2016-5696",
	ROWS(rows),
	.begin = begin,
	.step = step,
	.frame = frame,
	.judge = judge,
};
