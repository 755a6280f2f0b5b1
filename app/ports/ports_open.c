/* SPDX-License-Identifier: BSD-3-Clause */

/* --open: the same calls as a run, so that the line is the one of a run with --verbose. */

#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "io/eal.h"
#include "io/port.h"
#include "ports/ports.h"

enum { OPEN_MB = 128, MBUFS = 4096, QUEUES = 4 };

/* Room for the second words of -a. */
static char device_arg[LA_EAL_MAX_PORTS][LA_PCI_ADDR];

static void
open_one(struct ports_pci *pp, uint16_t id, struct rte_mempool *pool)
{
	struct la_port_config cfg = {.queues = QUEUES};
	struct la_port port;

	for (unsigned q = 0; q < LA_PORT_MAX_QUEUES; q++)
		cfg.pools[q] = pool;
	if (la_port_open(id, &cfg, &port, pp->opened, sizeof(pp->opened)) < 0) {
		pp->open_failed = true;
		return;
	}
	la_port_describe(&port, pp->opened, sizeof(pp->opened));
	la_port_close(&port);
}

/* The device with DPDK's port of that id; NULL: there is none. */
static struct ports_pci *
find_pci(struct ports *p, uint16_t id)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(id, &info) != 0)
		return NULL;
	for (unsigned i = 0; i < p->npci; i++)
		if (strcmp(p->dev[i].addr, rte_dev_name(info.device)) == 0)
			return &p->pci[i];
	return NULL;
}

int
ports_open(struct ports *p, char *err, size_t size)
{
	struct la_eal_config cfg = {.lcores = 1, .memory_mb = OPEN_MB};
	struct rte_mempool *pool;
	struct la_eal eal;
	unsigned n = 0;

	for (unsigned i = 0; i < p->npci && n < LA_EAL_MAX_PORTS; i++) {
		if (!ports_may_open(&p->pci[i])) {
			if (p->pci[i].verdict.cause == LA_PCI_USABLE) {
				p->pci[i].open_failed = true;
				snprintf(p->pci[i].opened, sizeof(p->pci[i].opened),
					 "not opened, because the kernel uses its interface");
			}
			continue;
		}
		memcpy(device_arg[n], p->dev[i].addr, LA_PCI_ADDR);
		cfg.args[cfg.nargs++] = "-a";
		cfg.args[cfg.nargs++] = device_arg[n++];
	}
	if (n == 0)
		return 0;
	if (la_eal_start(&cfg, &eal, err, size) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("la_ports", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		snprintf(err, size, "no memory for packet buffers: %s", rte_strerror(rte_errno));
	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS && pool != NULL; id++) {
		struct ports_pci *pp = rte_eth_dev_is_valid_port(id) ? find_pci(p, id) : NULL;

		if (pp != NULL)
			open_one(pp, id, pool);
	}
	rte_mempool_free(pool);
	la_eal_stop();
	return pool != NULL ? 0 : -1;
}
