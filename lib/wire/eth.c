/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ethernet II, 802.1Q, ARP. */

#include "core/bytes.h"
#include "wire/eth.h"

enum { ETH_TYPE_OFF = 12, VLAN_VID_MASK = 0xfff, VLAN_VID_RESERVED = 0xfff };
enum { ARP_HW_ETHER = 1 };

enum la_counter
la_eth_parse(const uint8_t *p, size_t len, struct la_eth *e)
{
	if (len < LA_ETH_LEN)
		return LA_C_drop_eth_short;
	memcpy(e->dst, p, 6);
	memcpy(e->src, p + 6, 6);
	e->type = la_get16(p + ETH_TYPE_OFF);
	e->vlan = 0;
	e->len = LA_ETH_LEN;
	if (e->type != LA_ETH_VLAN)
		return LA_WIRE_OK;

	if (len < LA_ETH_LEN + LA_VLAN_LEN)
		return LA_C_drop_eth_short;
	e->vlan = la_get16(p + LA_ETH_LEN) & VLAN_VID_MASK;
	e->type = la_get16(p + LA_ETH_LEN + 2);
	e->len = LA_ETH_LEN + LA_VLAN_LEN;
	/* IEEE 802.1Q 9.6: VID 0xfff is reserved and must not be sent */
	return e->vlan == VLAN_VID_RESERVED ? LA_C_drop_eth_vlan : LA_WIRE_OK;
}

size_t
la_eth_write(uint8_t *p, const struct la_eth *e)
{
	memcpy(p, e->dst, 6);
	memcpy(p + 6, e->src, 6);
	if (e->vlan == 0) {
		la_put16(p + ETH_TYPE_OFF, e->type);
		return LA_ETH_LEN;
	}
	la_put16(p + ETH_TYPE_OFF, LA_ETH_VLAN);
	la_put16(p + LA_ETH_LEN, e->vlan & VLAN_VID_MASK);
	la_put16(p + LA_ETH_LEN + 2, e->type);
	return LA_ETH_LEN + LA_VLAN_LEN;
}

enum la_counter
la_arp_parse(const uint8_t *p, size_t len, struct la_arp *a)
{
	if (len < LA_ARP_LEN)
		return LA_C_drop_arp_bad;
	if (la_get16(p) != ARP_HW_ETHER || la_get16(p + 2) != LA_ETH_IP4 || p[4] != 6 || p[5] != 4)
		return LA_C_drop_arp_bad;
	a->op = la_get16(p + 6);
	if (a->op != LA_ARP_REQUEST && a->op != LA_ARP_REPLY)
		return LA_C_drop_arp_bad;
	memcpy(a->sha, p + 8, 6);
	memcpy(&a->spa, p + 14, 4);
	memcpy(a->tha, p + 18, 6);
	memcpy(&a->tpa, p + 24, 4);
	/* frames to a group address as the MAC of a host would flood the link (RFC 1812 3.3.2) */
	return a->sha[0] & 1 ? LA_C_drop_arp_bad : LA_WIRE_OK;
}

void
la_arp_write(uint8_t *p, const struct la_arp *a)
{
	la_put16(p, ARP_HW_ETHER);
	la_put16(p + 2, LA_ETH_IP4);
	p[4] = 6;
	p[5] = 4;
	la_put16(p + 6, a->op);
	memcpy(p + 8, a->sha, 6);
	memcpy(p + 14, &a->spa, 4);
	memcpy(p + 18, a->tha, 6);
	memcpy(p + 24, &a->tpa, 4);
}
