/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames that are useless to the server.
 *
 *   variant 0  IP fragments (Rose, teardrop, CVE-2018-5391)
 *   variant 1  wrong checksums and lengths
 *   variant 2  flags that no host sends (Xmas, NULL, SYN+RST)
 *   variant 3  segments with a changed byte, cut to any length
 *   variant 4  random bytes
 *
 * Every frame is dropped and counted, and no frame holds a buffer for longer than its burst. */

#include "abuse.h"

#include <string.h>

static void
fragment(struct abuse *w, uint8_t *p, size_t len)
{
	(void)len;
	p[14 + 6] = (uint8_t)(0x20 | (abuse_random(w) & 0x1f)); /* more fragments, any offset */
	p[14 + 7] = (uint8_t)abuse_random(w);
	p[14 + 10] = p[14 + 11] = 0;
	uint32_t sum = ~frame_sum(0, p + 14, 20);
	p[14 + 10] = (uint8_t)(sum >> 8);
	p[14 + 11] = (uint8_t)sum;
}

static void
send(struct abuse *w, unsigned variant)
{
	static const uint8_t odd[] = {0, FIN | PSH | URG, SYN | FIN | ACK, SYN | RST, 63, 255, FIN, URG};
	bool ip6 = variant == 0 ? false : abuse_params(w)->ip6;
	uint8_t buf[FRAME_MAX], text[1400];
	struct frame f = {.src = spoof_source(abuse_random(w) % 1000, ip6, false),
			  .sport = 5000,
			  .dport = HTTP,
			  .flags = ACK,
			  .seq = abuse_random(w),
			  .ack = abuse_random(w),
			  .win = 1000,
			  .data = text,
			  .len = abuse_random(w) % sizeof(text)};
	size_t n;

	memset(text, 0x41, sizeof(text));
	f.dst = abuse_addr(SERVER, ip6);
	memcpy(f.eth_dst, abuse_mac(SERVER), 6);
	memcpy(f.eth_src, abuse_mac(ROUTER), 6);
	if (variant == 1) {
		f.bad_cksum = abuse_random(w) % 2;
		f.doff = abuse_random(w) % 16;
		f.iplen_delta = f.bad_cksum ? 0 : (int)(abuse_random(w) % 40) - 20;
	}
	if (variant == 2)
		f.flags = odd[abuse_random(w) % sizeof(odd)];
	n = frame_write(buf, &f);
	if (variant == 0)
		fragment(w, buf, n);
	if (variant == 3) {
		buf[12 + abuse_random(w) % (n - 12)] = (uint8_t)abuse_random(w);
		n -= abuse_random(w) % (n - 14);
	}
	if (variant == 4)
		for (size_t i = 14; i < n; i++)
			buf[i] = (uint8_t)abuse_random(w);
	abuse_wire(w, ROUTER, buf, n);
}

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--)
		send(w, r->variant);
}

static const struct row rows[] = {
	{.rate = 10000},
	{.rate = 10000, .variant = 1},
	{.rate = 10000, .variant = 2, .ip6 = true},
	{.rate = 10000, .variant = 3},
	{.rate = 10000, .variant = 3, .ip6 = true, .pool = 1024},
	{.rate = 10000, .variant = 4},
};

const struct attack attack_garbage = {
	.name = "garbage",
	.kind = "fragments (CVE-2018-5391), Xmas and NULL segments, mutated and random frames",
	ROWS(rows),
	.step = step,
};
