/* SPDX-License-Identifier: BSD-3-Clause */

/* The ports of a configuration, in its order: short forms are created here, and EAL's own ports are assigned. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

#include "io/claim.h"
#include "io/eal_ports.h"
#include "io/pci.h"
#include "io/vdev.h"

static int
eal_add_port(struct la_eal *eal, uint16_t id, char *err, size_t size)
{
	if (eal->nports == LA_EAL_MAX_PORTS) {
		snprintf(err, size, "more than %d ports", LA_EAL_MAX_PORTS);
		return -E2BIG;
	}
	eal->port[eal->nports++] = id;
	return 0;
}

/* The ports that EAL probed by itself, and which are in use. */
struct own_ports {
	uint16_t id[RTE_MAX_ETHPORTS];
	bool used[RTE_MAX_ETHPORTS];
	unsigned n;
};

/* Returns whether the port belongs to the device of an argument -a or --vdev: a PCI address, or a name, both followed by
 * the driver's arguments. */
static bool
eal_port_is_of(uint16_t id, const char *device)
{
	struct rte_eth_dev_info info;
	char pci[LA_PCI_ADDR];
	const char *name;
	size_t n;

	if (rte_eth_dev_info_get(id, &info) != 0 || info.device == NULL)
		return false;
	name = rte_dev_name(info.device);
	if (la_pci_address(device, pci))
		return strcmp(name, pci) == 0;
	n = strcspn(device, ",");
	return strncmp(name, device, n) == 0 && name[n] == '\0';
}

static bool
eal_port_is_named(const struct la_eal_config *cfg, uint16_t id)
{
	for (unsigned i = 0; i < cfg->nports; i++)
		if (cfg->ports[i].kind == LA_PORT_EAL && cfg->ports[i].arg != NULL &&
		    eal_port_is_of(id, cfg->ports[i].arg))
			return true;
	return false;
}

/* Returns the index of the first unused port of the device. Without a device, or when EAL gave its port another name: of
 * the first unused port that no argument names, or else of the first unused port. own->n: there is none. */
static unsigned
eal_find_own(const struct la_eal_config *cfg, const struct own_ports *own, const char *device)
{
	unsigned other = own->n, any = own->n;

	for (unsigned i = own->n; i-- > 0;) {
		if (own->used[i])
			continue;
		any = i;
		if (!eal_port_is_named(cfg, own->id[i]))
			other = i;
	}
	for (unsigned i = 0; device != NULL && i < own->n; i++)
		if (!own->used[i] && eal_port_is_of(own->id[i], device))
			return i;
	return other < own->n ? other : any;
}

static int
eal_take_own(struct la_eal *eal, struct own_ports *own, unsigned i, char *err, size_t size)
{
	own->used[i] = true;
	return eal_add_port(eal, own->id[i], err, size);
}

/* Takes all unused ports of EAL's own. */
static int
eal_take_rest(struct la_eal *eal, struct own_ports *own, char *err, size_t size)
{
	int r = 0;

	for (unsigned i = 0; i < own->n && r >= 0; i++)
		if (!own->used[i])
			r = eal_take_own(eal, own, i, err, size);
	return r;
}

int
la_eal_find_ports(const struct la_eal_config *cfg, struct la_eal *eal, char *err, size_t size)
{
	struct own_ports own = {.n = 0};
	unsigned wanted = 0;
	uint16_t ids[2];
	int r = 0;

	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
		if (rte_eth_dev_is_valid_port(id))
			own.id[own.n++] = id;
	}
	for (unsigned i = 0; i < cfg->nports; i++)
		wanted += cfg->ports[i].kind == LA_PORT_EAL;
	if (wanted > own.n) {
		snprintf(err, size,
			 "EAL found %u ports of its own and %u are asked for: give it -a "
			 "PCI-ADDRESS of a "
			 "NIC bound to a DPDK driver (dpdk-devbind.py -s), or --vdev",
			 own.n, wanted);
		return -ENODEV;
	}

	for (unsigned i = 0; i < cfg->nports && r >= 0; i++) {
		if (cfg->ports[i].kind != LA_PORT_EAL) {
			int n = la_vdev_create(cfg->ports[i].kind, cfg->ports[i].arg, i,
					       cfg->queues != 0 ? cfg->queues : eal->lcores, ids, err, size);
			r = n < 0 ? n : 0;
			if (cfg->ports[i].kind == LA_PORT_TAP && r == 0)
				r = la_claim_tap(NULL, cfg->ports[i].arg, err, size);
			for (int k = 0; k < n && r >= 0; k++)
				r = eal_add_port(eal, ids[k], err, size);
			continue;
		}
		r = eal_take_own(eal, &own, eal_find_own(cfg, &own, cfg->ports[i].arg), err, size);
		if (r >= 0 && i + 1 == cfg->nports && cfg->ports[i].arg == NULL)
			r = eal_take_rest(eal, &own, err, size);
	}
	return cfg->nports == 0 ? eal_take_rest(eal, &own, err, size) : r;
}
