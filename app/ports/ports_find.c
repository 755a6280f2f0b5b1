/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>

#include "io/kif.h"
#include "ports/ports.h"

#define IN_SOFTWARE "in software, both directions"

const struct ports_features ports_veth = {
	.queues = "one for each worker",
	.rss = "hand-over in software",
	.checksums = IN_SOFTWARE,
	.scatter = "no",
	.vlan = "in software",
	.mtu = "of the interface",
};

const struct ports_features ports_xdp = {
	.queues = "1",
	.rss = "hand-over in software",
	.checksums = IN_SOFTWARE,
	.scatter = "no",
	.vlan = "in software",
	.mtu = "of the interface",
};

const struct ports_features ports_tap = {
	.queues = "one for each worker",
	.rss = "hand-over in software",
	.checksums = IN_SOFTWARE,
	.scatter = "when a frame is larger than a buffer",
	.vlan = "in software",
	.mtu = "--mtu [1500]",
};

const struct ports_features ports_virtual = {
	.queues = "one for each worker",
	.rss = "hand-over in software",
	.checksums = IN_SOFTWARE,
	.scatter = "no",
	.vlan = "in software",
	.mtu = "--mtu [1500]",
};

bool
ports_may_open(const struct ports_pci *pp)
{
	return pp->verdict.cause == LA_PCI_USABLE && pp->verdict.warning[0] == '\0';
}

/* Other causes come before "in use": the process that has the device may have the hugepages, too. */
static bool
is_in_use(const struct la_pci_dev *dev, const struct la_pci_verdict *v)
{
	return v->cause == LA_PCI_IN_USE || dev->claimed || dev->user != 0;
}

void
ports_find(struct ports *p, const char *root)
{
	memset(p, 0, sizeof(*p));
	la_pci_host_read(root, &p->host);
	la_pci_virtual_drivers(root, p->drivers, sizeof(p->drivers));
	p->npci = la_pci_scan(root, p->dev, LA_PCI_MAX);
	(void)la_pci_find_drivers(root, p->dev, p->npci);
	la_pci_find_users(root, p->dev, p->npci);
	for (unsigned i = 0; i < p->npci; i++) {
		la_pci_judge(root, &p->host, &p->dev[i], &p->pci[i].verdict);
		if (p->dev[i].node_path[0] != '\0' && !is_in_use(&p->dev[i], &p->pci[i].verdict))
			la_pci_give_back(&p->dev[i], &p->pci[i].give_back);
	}
	p->nkifs = la_kif_scan(root, p->fact, LA_KIF_MAX);
	for (unsigned i = 0; i < p->nkifs; i++) {
		const struct la_kif_facts *k = &p->fact[i];

		la_kif_judge(root, &p->host, LA_PORT_VETH, k, p->drivers, &p->kif[i].veth);
		la_kif_judge(root, &p->host, LA_PORT_XDP, k, p->drivers, &p->kif[i].xdp);
		la_kif_addresses(k->name, p->kif[i].addresses, sizeof(p->kif[i].addresses));
	}
	la_kif_judge(root, &p->host, LA_PORT_TAP, NULL, p->drivers, &p->tap);
	la_kif_judge(root, &p->host, LA_PORT_MEMIF, NULL, p->drivers, &p->memif);
	la_kif_judge(root, &p->host, LA_PORT_NULL, NULL, p->drivers, &p->null);
}
