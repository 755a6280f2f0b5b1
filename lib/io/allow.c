/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

#include "io/allow.h"
#include "io/pci.h"

const char *
la_allow_next(const struct la_eal_config *cfg, unsigned *i)
{
	static const char *const options[] = {"-a", "--allow"};

	while (*i < cfg->nargs) {
		const char *arg = cfg->args[(*i)++];

		for (unsigned k = 0; k < RTE_DIM(options); k++) {
			size_t n = strlen(options[k]);

			if (strncmp(arg, options[k], n) != 0)
				continue;
			if (arg[n] == '\0')
				return *i < cfg->nargs ? cfg->args[(*i)++] : NULL;
			if (arg[1] != '-')
				return arg + n;
			if (arg[n] == '=')
				return arg + n + 1;
		}
	}
	return NULL;
}

static bool
allow_has(const struct la_eal_config *cfg, const char *option)
{
	for (unsigned i = 0; i < cfg->nargs; i++)
		if (strcmp(cfg->args[i], option) == 0)
			return true;
	return false;
}

static void
allow_say(const char *text, const struct la_pci_verdict *v, char *err, size_t size)
{
	size_t n = (size_t)snprintf(err, size, "-a %.*s: ", (int)strcspn(text, ","), text);

	if (n < size)
		la_pci_line(v, err + n, size - n);
}

/* The interface's name in place of the address of its device. */
static bool
is_interface(const char *text, char *err, size_t size)
{
	static struct la_pci_dev devs[LA_PCI_MAX];
	unsigned n = la_pci_scan("", devs, LA_PCI_MAX);

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < devs[i].nkifs; k++)
			if (strcmp(text, devs[i].kif[k]) == 0) {
				snprintf(
					err, size,
					"-a %s: -a takes a PCI address, and %s is the kernel's interface of %s: 'lastack ports' "
					"has the commands, or --veth %s",
					text, text, devs[i].addr, text);
				return true;
			}
	return false;
}

int
la_allow_check(const struct la_eal_config *cfg, char *err, size_t size)
{
	struct la_pci_host host;
	struct la_pci_verdict v;
	char addr[LA_PCI_ADDR];
	bool read = false;
	const char *text;

	for (unsigned i = 0; (text = la_allow_next(cfg, &i)) != NULL;) {
		if (!la_pci_address(text, addr)) {
			if (is_interface(text, err, size))
				return -EINVAL;
			continue;
		}
		if (!read)
			la_pci_host_read("", &host);
		read = true;
		host.need_mb = cfg->memory_mb;
		switch (la_pci_explain("", &host, text, &v)) {
		case LA_PCI_ABSENT:
		case LA_PCI_KERNEL:
		case LA_PCI_IN_USE:
			allow_say(text, &v, err, size);
			return v.cause == LA_PCI_ABSENT ? -ENODEV : -EBUSY;
		default:
			break;
		}
	}
	return 0;
}

static bool
has_port(const char *addr)
{
	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
		struct rte_eth_dev_info info;

		if (rte_eth_dev_is_valid_port(id) && rte_eth_dev_info_get(id, &info) == 0 &&
		    strcmp(rte_dev_name(info.device), addr) == 0)
			return true;
	}
	return false;
}

/* A device that looks usable and has no port has only DPDK's own reason. */
static void
explain(const char *text, const struct la_pci_host *host, const char *said, char *err, size_t size)
{
	struct la_pci_verdict v;

	if (la_pci_explain("", host, text, &v) != LA_PCI_USABLE)
		allow_say(text, &v, err, size);
	else
		snprintf(err, size, "-a %.*s: DPDK opens no port of it: %s", (int)strcspn(text, ","), text,
			 said[0] != '\0' ? said : "it gives no reason; --log debug prints its lines");
}

static void
read_own_host(struct la_pci_host *host)
{
	la_pci_host_read("", host);
	host->claimed = true;
}

int
la_allow_missing(const struct la_eal_config *cfg, bool started, const char *said, char *err, size_t size)
{
	struct la_pci_host host;
	char addr[LA_PCI_ADDR];
	const char *text;

	for (unsigned i = 0; (text = la_allow_next(cfg, &i)) != NULL;) {
		if (!la_pci_address(text, addr) || (started && has_port(addr)))
			continue;
		read_own_host(&host);
		host.need_mb = cfg->memory_mb;
		host.plain_pages = allow_has(cfg, "--no-huge");
		explain(text, &host, said, err, size);
		return -ENODEV;
	}
	return 0;
}

bool
la_allow_explain(const char *text, const char *said, char *err, size_t size)
{
	struct la_pci_host host;
	char addr[LA_PCI_ADDR];

	if (!la_pci_address(text, addr))
		return false;
	read_own_host(&host);
	explain(text, &host, said, err, size);
	return true;
}
