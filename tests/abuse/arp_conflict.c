/* SPDX-License-Identifier: BSD-3-Clause */

/* ARP conflict storm (RFC 5227): other MACs claim the server's address. The server defends its address once in 10 s,
 * and the conflict does not disturb the service. With IPv6 the claims are unsolicited advertisements of the server's
 * address (RFC 4862 5.4.4). Only the server receives the claims, so that no other host's reaction is counted. */

#include "abuse.h"

#include <string.h>

#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip.h"

static uint32_t defences;

static void
begin(struct abuse *w)
{
	(void)w;
	defences = 0;
}

static size_t
claim4(uint8_t *p, const uint8_t mac[6])
{
	struct la_addr us = abuse_addr(SERVER, false);
	struct la_arp a = {.op = LA_ARP_REQUEST, .spa = us.w[3], .tpa = us.w[3]};

	memcpy(a.sha, mac, 6);
	la_arp_write(p, &a);
	return LA_ARP_LEN;
}

static size_t
claim6(uint8_t *p, const uint8_t mac[6])
{
	struct la_addr us = abuse_addr(SERVER, true), all;
	size_t n, len;
	uint16_t sum;

	ABUSE_MUST(la_addr_parse("ff02::1", &all) == 0);
	n = la_ip6_write(p, &us, &all, LA_IPPROTO_ICMP6, 255, LA_ND_LEN);
	len = la_nd_advert_write(p + n, &us, &all, &us, mac, false, true);
	memset(p + n + 2, 0, 2);
	sum = la_cksum_finish(la_cksum_add(la_cksum_pseudo(&us, &all, LA_IPPROTO_ICMP6, (uint32_t)len), p + n, len));
	memcpy(p + n + 2, &sum, 2);
	return n + len;
}

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct la_eth e = {.type = r->ip6 ? LA_ETH_IP6 : LA_ETH_ARP, .src = {2, 0, 0, 0, 9, 9}};
		uint8_t buf[128];
		size_t n;

		e.src[3] = (uint8_t)abuse_random(w);
		memcpy(e.dst, abuse_mac(SERVER), 6);
		n = la_eth_write(buf, &e);
		n += r->ip6 ? claim6(buf + n, e.src) : claim4(buf + n, e.src);
		abuse_wire(w, RAW, buf, n);
	}
}

/* Counts ARP announcements: packets whose sender and target address are equal. */
static void
frame(struct abuse *w, const uint8_t *p, size_t len)
{
	(void)w;
	defences += len >= 42 && p[12] == 8 && p[13] == 6 && memcmp(p + 28, p + 38, 4) == 0;
}

static void
judge(struct abuse *w)
{
	uint32_t ms = abuse_params(w)->ms, allowed = 1 + ms / 10000;

	printf("    defences: %u\n", defences);
	if (defences > allowed)
		abuse_fail(w, "%u defences of an address in %u s, %u are allowed", defences, ms / 1000, allowed);
}

static const struct row rows[] = {
	{.rate = 100, .ms = 12000},
	{.rate = 5000, .ms = 12000},
	{.rate = 1000, .ms = 4000, .ip6 = true},
};

const struct attack attack_arp_conflict = {
	.name = "arp_conflict",
	.kind = "ARP conflict storm, RFC 5227",
	ROWS(rows),
	.begin = begin,
	.step = step,
	.frame = frame,
	.judge = judge,
};
