/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "io/allow.h"
#include "io/claim.h"
#include "io/device.h"
#include "io/eal.h"
#include "io/eal_log.h"
#include "io/memif.h"
#include "io/vdev.h"

static const struct form {
	const char *word;
	enum la_port_kind kind;
} forms[] = {
	{"tap:", LA_PORT_TAP},
	{"veth:", LA_PORT_VETH},
	{"xdp:", LA_PORT_XDP},
	{"memif:", LA_PORT_MEMIF},
};

static void
note_made(uint16_t id, struct rte_device **made)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(id, &info) == 0 && la_vdev_may_close(info.driver_name))
		*made = info.device;
}

static int
make_short_form(const void *owner, enum la_port_kind kind, const char *arg, uint16_t *id, struct rte_device **made,
		char *err, size_t size)
{
	uint16_t ids[2];
	int r = la_claim_device(owner, kind, arg, err, size);

	if (r == 0)
		r = la_vdev_create(kind, arg, 0, 1, ids, err, size);
	if (r < 0)
		return r;
	*id = ids[0];
	note_made(*id, made);
	return kind == LA_PORT_TAP ? la_claim_tap(owner, arg, err, size) : 0;
}

int
la_device_find(const void *owner, const char *device, uint16_t *id, struct rte_device **made, char *err, size_t size)
{
	char name[RTE_ETH_NAME_MAX_LEN], said[256];
	int r;

	for (unsigned i = 0; i < RTE_DIM(forms); i++) {
		size_t n = strlen(forms[i].word);

		if (strncmp(device, forms[i].word, n) == 0)
			return make_short_form(owner, forms[i].kind, device + n, id, made, err, size);
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return 0;
	r = la_claim_device(owner, LA_PORT_EAL, device, err, size);
	if (r < 0)
		return r;
	la_eal_log_mark();
	r = strncmp(name, "net_memif", strlen("net_memif")) == 0 ? la_memif_hold() : 0;
	if (r == 0)
		r = rte_dev_probe(device);
	if (r == 0)
		r = rte_eth_dev_get_port_by_name(name, id);
	if (r < 0) {
		la_eal_log_reason(said, sizeof(said));
		if (la_allow_explain(device, said, err, size))
			return -ENODEV;
		snprintf(err, size,
			 "%s: DPDK does not probe it: %s; allowed: tap:NAME, veth:IFACE, xdp:IFACE, "
			 "memif:SOCKET, or a device of DPDK",
			 device, said[0] != '\0' ? said : rte_strerror(-r));
		return -ENODEV;
	}
	note_made(*id, made);
	return 0;
}
