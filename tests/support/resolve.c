/* SPDX-License-Identifier: BSD-3-Clause */

#include "resolve.h"

#include <string.h>

#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip.h"

static size_t
arp_answer(const uint8_t *p, size_t len, const uint8_t mac[6], uint8_t *out, struct la_addr *asked)
{
	struct la_arp q, a = {.op = LA_ARP_REPLY};

	if (la_arp_parse(p, len, &q) != LA_WIRE_OK || q.op != LA_ARP_REQUEST || q.spa == q.tpa)
		return 0;
	memcpy(a.sha, mac, 6);
	memcpy(a.tha, q.sha, 6);
	a.spa = q.tpa;
	a.tpa = q.spa;
	*asked = la_addr_from4(q.tpa);
	la_arp_write(out, &a);
	return LA_ARP_LEN;
}

static size_t
nd_answer(const uint8_t *p, size_t len, const uint8_t mac[6], uint8_t *out, struct la_addr *asked)
{
	struct la_icmp m;
	struct la_ip ip;
	size_t n;

	if (la_ip6_parse(p, len, &ip) != LA_WIRE_OK || ip.proto != LA_IPPROTO_ICMP6 ||
	    la_icmp6_parse(p + ip.hlen, ip.plen, &ip, &m) != LA_WIRE_OK || m.kind != LA_ICMP_NS ||
	    la_addr_is_any(&ip.src))
		return 0;
	*asked = m.target;
	n = la_ip6_write(out, &m.target, &ip.src, LA_IPPROTO_ICMP6, 255, LA_ND_LEN);
	return n + la_nd_advert_write(out + n, &m.target, &ip.src, &m.target, mac, true, true);
}

size_t
resolve_answer(const uint8_t *frame, size_t len, const uint8_t mac[6], uint8_t *out, struct la_addr *asked)
{
	struct la_eth e, r;
	size_t n, body = 0;

	if (la_eth_parse(frame, len, &e) != LA_WIRE_OK)
		return 0;
	r = (struct la_eth){.type = e.type, .vlan = e.vlan};
	memcpy(r.dst, e.src, 6);
	memcpy(r.src, mac, 6);
	n = la_eth_write(out, &r);
	if (e.type == LA_ETH_ARP)
		body = arp_answer(frame + e.len, len - e.len, mac, out + n, asked);
	else if (e.type == LA_ETH_IP6)
		body = nd_answer(frame + e.len, len - e.len, mac, out + n, asked);
	return body ? n + body : 0;
}
