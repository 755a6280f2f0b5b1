/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_KIF_H
#define LA_IO_KIF_H

/* The kernel interface behind a port (AF_PACKET, AF_XDP, TAP): properties that DPDK does not report. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct la_kif {
	char name[16];
	char driver[32]; /* "veth", "tun", "e1000e", ...; "" when unknown */
	uint16_t mtu;	 /* 0 when unknown, limited to 65535 */
	bool up;	 /* set up by its administrator */
	bool carrier;
	bool merges; /* GRO or LRO is on: received segments may be merged beyond the MTU */
};

/** Fills *k. 0, or negative errno; -ENODEV: there is no such interface in this network namespace. */
int la_kif_read(unsigned if_index, struct la_kif *k);

/** Writes the addresses of an interface, "10.0.2.15/24, fe80::1/64"; "" when it has none, or does not exist. */
void la_kif_addresses(const char *name, char *buf, size_t size);

#endif
