/* SPDX-License-Identifier: BSD-3-Clause */

/* ARP requests and neighbour solicitations from addresses that do not exist: each asks for the
 * server's address, and the server may learn the sender of each (RFC 826, RFC 4861 7.2.3). Learnt entries may stay
 * until their STALE time ends. They must not evict neighbours in use. */

#include "abuse.h"

#include <string.h>

#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip.h"

static size_t
ask4(uint8_t *p, const struct la_addr *src, const uint8_t mac[6])
{
	struct la_addr us = abuse_addr(SERVER, false);
	struct la_arp a = {.op = LA_ARP_REQUEST, .spa = src->w[3], .tpa = us.w[3]};

	memcpy(a.sha, mac, 6);
	la_arp_write(p, &a);
	return LA_ARP_LEN;
}

static size_t
ask6(uint8_t *p, const struct la_addr *src, const uint8_t mac[6])
{
	struct la_addr us = abuse_addr(SERVER, true), to = la_nd_solicited_node(&us);
	size_t n = la_ip6_write(p, src, &to, LA_IPPROTO_ICMP6, 255, LA_ND_LEN);
	size_t len = la_nd_solicit_write(p + n, src, &to, &us, mac);
	uint16_t sum;

	memset(p + n + 2, 0, 2);
	sum = la_cksum_finish(la_cksum_add(la_cksum_pseudo(src, &to, LA_IPPROTO_ICMP6, (uint32_t)len), p + n, len));
	memcpy(p + n + 2, &sum, 2);
	return n + len;
}

static void
step(struct abuse *w)
{
	const struct row *r = abuse_params(w);

	for (uint32_t k = abuse_due(w, r->rate); k > 0; k--) {
		struct la_eth e = {.type = r->ip6 ? LA_ETH_IP6 : LA_ETH_ARP};
		struct la_addr src = spoof_source(abuse_random(w) % r->n, r->ip6, true);
		uint8_t buf[128];
		size_t n;

		memcpy(e.src, abuse_mac(RAW), 6);
		memcpy(e.dst, abuse_mac(SERVER), 6);
		n = la_eth_write(buf, &e);
		n += r->ip6 ? ask6(buf + n, &src, e.src) : ask4(buf + n, &src, e.src);
		abuse_wire(w, RAW, buf, n);
	}
}

static const struct row rows[] = {
	{.n = 40000, .rate = 1000, .ms = 45000}, /* entries in use become STALE in this time */
	{.n = 10000000, .rate = 5000, .ip6 = true},
	{.n = 40000, .rate = 5000, .pool = 1024},
};

const struct attack attack_arp_learn = {
	.name = "arp_learn",
	.kind = "neighbour cache poisoning by ARP requests and solicitations",
	ROWS(rows),
	.later = 1 << G_NEIGHBOURS,
	.later_ms = 640000,
	.step = step,
};
