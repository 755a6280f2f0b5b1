/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_WIRE_ETH_H
#define LA_WIRE_ETH_H

/* Parses and writes Ethernet II, 802.1Q, and ARP for IPv4 (RFC 826). Numbers of the structs are in host byte order. */

#include <stddef.h>
#include <stdint.h>

#include <lastack/counters.h>

enum { LA_ETH_IP4 = 0x0800, LA_ETH_ARP = 0x0806, LA_ETH_IP6 = 0x86dd, LA_ETH_VLAN = 0x8100 };
enum { LA_ETH_LEN = 14, LA_VLAN_LEN = 4, LA_ARP_LEN = 28 };
enum { LA_ARP_REQUEST = 1, LA_ARP_REPLY = 2 };

#define LA_WIRE_OK LA_NCOUNTERS /* parsers return this, or the counter that names the drop */

struct la_eth {
	uint8_t dst[6], src[6];
	uint16_t type; /* EtherType; in a tagged frame, the one after the VLAN tag */
	uint16_t vlan; /* VLAN id 1-4094, or 0: no tag or a priority tag */
	uint16_t len;  /* length of the header, bytes: 14 or 18 */
};

struct la_arp {
	uint16_t op;
	uint8_t sha[6], tha[6];
	uint32_t spa, tpa; /* network byte order */
};

/** Returns LA_WIRE_OK, drop_eth_short or drop_eth_vlan. */
enum la_counter la_eth_parse(const uint8_t *p, size_t len, struct la_eth *e);
/** Writes the header, with a tag if e->vlan is not 0. Returns its length. */
size_t la_eth_write(uint8_t *p, const struct la_eth *e);

/** Returns LA_WIRE_OK or drop_arp_bad. */
enum la_counter la_arp_parse(const uint8_t *p, size_t len, struct la_arp *a);
/** Writes LA_ARP_LEN bytes. */
void la_arp_write(uint8_t *p, const struct la_arp *a);

#endif
