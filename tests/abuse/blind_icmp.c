/* SPDX-License-Identifier: BSD-3-Clause */

/* Blind ICMP (RFC 5927, CVE-2004-0790, -0791, -1060) about segments of honest connections.
 *
 *   variant 0  hard errors and source quench with SND.UNA as sequence number: they do not end a synchronized connection
 *   variant 1  "fragmentation needed" with sequence numbers that are not in flight: ignored
 *   variant 2  "fragmentation needed" with SND.UNA and an MTU of 68: may make a connection slower, must not end it */

#include "abuse.h"

static void
step(struct abuse *w)
{
	static const uint8_t hard[2][4][2] = {{{3, 2}, {3, 3}, {4, 0}, {12, 0}}, {{1, 4}, {1, 1}, {4, 1}, {1, 3}}};
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct la_conn_info info;
		struct frame_icmp m;
		struct frame f;
		bool ip6;

		if (!victim_frame(w, abuse_random(w), &f, &info) || info.state < LA_ESTABLISHED)
			continue;
		ip6 = !la_addr_is4(&f.src);
		m = (struct frame_icmp){.from = f.src,
					.to = f.dst,
					.src = f.dst,
					.dst = f.src,
					.sport = f.dport,
					.dport = f.sport,
					.seq = info.snd_una};
		m.type = hard[ip6][k % 4][0];
		m.code = hard[ip6][k % 4][1];
		if (r->variant > 0) {
			m.type = ip6 ? 2 : 3;
			m.code = ip6 ? 0 : 4;
			m.rest = 68;
		}
		if (r->variant == 1)
			m.seq += (1u << 28) + abuse_random(w) % (1u << 30);
		spoof_icmp(w, &m);
	}
}

static void
judge(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	if (abuse_count(w, LA_C_icmp_hard) > 0)
		abuse_fail(w, "%lu connections ended by ICMP", abuse_count(w, LA_C_icmp_hard));
	if (r->variant == 1 && abuse_count(w, LA_C_icmp_pmtu) > 0)
		abuse_fail(w, "%lu path MTUs taken from blind ICMP", abuse_count(w, LA_C_icmp_pmtu));
}

static const struct row rows[] = {
	{.rate = 2000},
	{.rate = 2000, .variant = 1},
	{.rate = 500, .variant = 2},
};

const struct attack attack_blind_icmp = {
	.name = "blind_icmp",
	.kind = "blind ICMP, RFC 5927, CVE-2004-0790, CVE-2004-0791, CVE-2004-1060",
	ROWS(rows),
	.step = step,
	.judge = judge,
};
