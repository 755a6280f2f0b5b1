/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_KIF_SCAN_H
#define LA_IO_KIF_SCAN_H

/* The kernel's interfaces as sysfs describes them, and the reason why a virtual port cannot be opened on one. Nothing is
 * opened or changed. `root` is a prefix of /sys, /proc and /dev: "" except in tests. */

#include "io/eal.h"
#include "io/pci.h"

enum { LA_KIF_MAX = 256 };

struct la_kif_facts {
	char name[16];
	char driver[32]; /* of its device: e1000e; "": a virtual interface */
	char device[32]; /* its device: 0000:05:00.0, virtio0; "": a virtual interface */
	int node;	 /* NUMA node, -1: unknown */
	bool ethernet, loopback;
	bool up, carrier;
	int speed; /* Mb/s, -1: unknown */
	unsigned mtu;
	unsigned rx_queues, tx_queues;
};

/** The interfaces of this network namespace; below a root, those of /sys, by name. Returns their number, at most max. */
unsigned la_kif_scan(const char *root, struct la_kif_facts *kifs, unsigned max);

/** The first reason why this process cannot open a port of that kind, and the commands that change it. kif: the interface
 * of LA_PORT_VETH and LA_PORT_XDP, otherwise NULL. drivers: DPDK's virtual drivers, la_pci_virtual_drivers(). */
void la_kif_judge(const char *root, const struct la_pci_host *host, enum la_port_kind kind,
		  const struct la_kif_facts *kif, const char *drivers, struct la_pci_verdict *v);

#endif
