/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_PORTS_H
#define LA_APP_PORTS_H

/* lastack ports: what the kernel and DPDK know of the devices of this machine. */

#include <stdio.h>

#include <jansson.h>

#include "core/log.h"
#include "io/kif_scan.h"
#include "io/pci.h"

/* A device with what can be said of it. */
struct ports_pci {
	struct la_pci_verdict verdict, give_back;
	char opened[LA_ERROR_LINE]; /* --open: what lastack uses, or why it does not open; "": not opened */
	bool open_failed;
};

struct ports_kif {
	struct la_pci_verdict veth, xdp;
	char addresses[256];
};

struct ports {
	struct la_pci_host host;
	struct la_pci_dev dev[LA_PCI_MAX];
	struct ports_pci pci[LA_PCI_MAX];
	unsigned npci;
	struct la_kif_facts fact[LA_KIF_MAX];
	struct ports_kif kif[LA_KIF_MAX];
	unsigned nkifs;
	struct la_pci_verdict tap, memif, null;
	char drivers[512]; /* DPDK's virtual drivers */
};

/* What a virtual port uses, whatever the interface. */
struct ports_features {
	const char *queues, *rss, *checksums, *scatter, *vlan, *mtu;
};
extern const struct ports_features ports_veth, ports_xdp, ports_tap, ports_virtual; /* virtual: memif, null */

/** Reads everything below root ("" except in tests) and judges it. Opens nothing. */
void ports_find(struct ports *p, const char *root);

/** Returns whether --open opens the device: it is usable, and the kernel does not use it at the same time. */
bool ports_may_open(const struct ports_pci *pp);

/** Opens each PCI device that ports_may_open(), one after the other, and fills `opened` with the result. Returns the
 * number of these devices that did not open. */
unsigned ports_open(struct ports *p);

void ports_text(const struct ports *p, FILE *f);
/** Returns a new object, or NULL. */
json_t *ports_json(const struct ports *p);

#endif
