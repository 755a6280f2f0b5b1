/* SPDX-License-Identifier: BSD-3-Clause */

/* Variant 0: ping flood. Variant 1: smurf (CVE-1999-0513), pings to the broadcast address, which are never
 * answered. Echo replies are limited to 1 000 a second, so unanswered pings of honest clients are no breach. */

#include "abuse.h"

#include <string.h>

#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip.h"

static void
send(struct abuse *w, bool broadcast)
{
	struct la_addr src = abuse_addr(RAW, false), dst = abuse_addr(SERVER, false);
	struct la_eth e = {.type = LA_ETH_IP4};
	uint8_t buf[1500], *m;
	size_t n, len = 8 + abuse_random(w) % 1000;
	uint16_t sum;

	memcpy(e.src, abuse_mac(RAW), 6);
	memcpy(e.dst, abuse_mac(SERVER), 6);
	if (broadcast) {
		ABUSE_MUST(la_addr_parse("10.1.255.255", &dst) == 0);
		memset(e.dst, 0xff, 6);
	}
	n = la_eth_write(buf, &e);
	n += la_ip4_write(buf + n, &src, &dst, LA_IPPROTO_ICMP, 64, (uint16_t)len, true);
	m = buf + n;
	memset(m, 0, len);
	m[0] = 8;
	sum = la_cksum_finish(la_cksum_add(0, m, len));
	memcpy(m + 2, &sum, 2);
	abuse_wire(w, RAW, buf, n + len);
}

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--)
		send(w, r->variant);
}

static void
end(struct abuse *w)
{
	uint64_t replies = abuse_count(w, LA_C_icmp_echo);

	if (replies > 4 * 1000 + 1000)
		abuse_fail(w, "%lu echo replies in 4 s", replies);
	if (abuse_params(w)->variant && replies > 100)
		abuse_fail(w, "%lu echo replies to broadcasts", replies);
}

static const struct row rows[] = {
	{.rate = 20000},
	{.rate = 20000, .pool = 1024},
	{.rate = 5000, .variant = 1},
};

const struct attack attack_ping_flood = {
	.name = "ping_flood",
	.kind = "ping flood; smurf, CVE-1999-0513",
	ROWS(rows),
	.no_ping = true,
	.step = step,
	.end = end,
};
