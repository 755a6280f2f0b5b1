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
is_interface(const char *root, const char *text, char *err, size_t size)
{
	static struct la_pci_dev devs[LA_PCI_MAX];
	unsigned n = la_pci_scan(root, devs, LA_PCI_MAX);

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

/* The devices of all -a, and of each its text. Drivers and users are read once for all of them. */
static struct {
	struct la_pci_dev dev[LA_EAL_MAX_ARGS];
	const char *text[LA_EAL_MAX_ARGS];
	unsigned n;
} allowed;

static void
allow_read(const char *root, const struct la_eal_config *cfg)
{
	char addr[LA_PCI_ADDR];
	const char *text;

	allowed.n = 0;
	for (unsigned i = 0; (text = la_allow_next(cfg, &i)) != NULL;) {
		if (!la_pci_address(text, addr))
			continue;
		(void)la_pci_read(root, addr, &allowed.dev[allowed.n]);
		allowed.text[allowed.n++] = text;
	}
	if (allowed.n == 0)
		return;
	(void)la_pci_find_drivers(root, allowed.dev, allowed.n);
	la_pci_find_users(root, allowed.dev, allowed.n);
}

int
la_allow_check(const char *root, const struct la_eal_config *cfg, char *err, size_t size)
{
	struct la_pci_host host = {0};
	struct la_pci_verdict v;
	char addr[LA_PCI_ADDR];
	const char *text;
	unsigned k = 0;

	allow_read(root, cfg);
	if (allowed.n > 0)
		la_pci_host_read(root, &host);
	host.need_mb = cfg->memory_mb;
	for (unsigned i = 0; (text = la_allow_next(cfg, &i)) != NULL;) {
		if (!la_pci_address(text, addr)) {
			if (is_interface(root, text, err, size))
				return -EINVAL;
			continue;
		}
		la_pci_judge(root, &host, &allowed.dev[k++], &v);
		if (v.cause == LA_PCI_ABSENT || v.cause == LA_PCI_KERNEL || v.cause == LA_PCI_IN_USE) {
			allow_say(text, &v, err, size);
			return v.cause == LA_PCI_ABSENT ? -ENODEV : -EBUSY;
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

static void
allow_read_host(const char *root, const struct la_eal_config *cfg, struct la_pci_host *host)
{
	la_pci_host_read(root, host);
	host->claimed = true;
	if (cfg == NULL)
		return;
	host->need_mb = cfg->memory_mb;
	host->plain_pages = allow_has(cfg, "--no-huge");
}

/* A device that looks usable and has no port has only DPDK's own reason. */
static void
allow_explain(const char *text, const struct la_pci_verdict *v, const char *said, char *err, size_t size)
{
	if (v->cause != LA_PCI_USABLE)
		allow_say(text, v, err, size);
	else
		snprintf(err, size, "-a %.*s: DPDK opens no port of it: %s", (int)strcspn(text, ","), text,
			 said[0] != '\0' ? said : "it gives no reason; --log debug prints its lines");
}

/* The steps of rte_eal_init() that fail for a device: the choice of physical addresses, which uio needs, VFIO, and the
 * probe. DPDK 22.11, lib/eal/linux/eal.c. */
static bool
concerns_devices(const char *said)
{
	return strstr(said, "IOVA as 'PA'") != NULL || strstr(said, "VFIO") != NULL || strstr(said, "probe") != NULL;
}

/* Returns whether EAL opens the device: it leaves out one without a driver, or with another driver of the kernel. */
static bool
is_opened(const struct la_pci_verdict *v)
{
	return v->cause != LA_PCI_ABSENT && v->cause != LA_PCI_NO_PMD && v->cause != LA_PCI_KERNEL &&
	       v->cause != LA_PCI_UNBOUND;
}

bool
la_allow_failed(const char *root, const struct la_eal_config *cfg, const char *said, char *err, size_t size)
{
	struct la_pci_host host;
	struct la_pci_verdict v;

	if (!concerns_devices(said))
		return false;
	allow_read(root, cfg);
	allow_read_host(root, cfg, &host);
	for (unsigned i = 0; i < allowed.n; i++) {
		la_pci_judge(root, &host, &allowed.dev[i], &v);
		if (is_opened(&v) && v.cause != LA_PCI_USABLE) {
			allow_say(allowed.text[i], &v, err, size);
			return true;
		}
	}
	return false;
}

int
la_allow_missing(const struct la_eal_config *cfg, const char *said, char *err, size_t size)
{
	struct la_pci_host host;
	struct la_pci_verdict v;
	char addr[LA_PCI_ADDR];
	const char *text;

	for (unsigned i = 0; (text = la_allow_next(cfg, &i)) != NULL;) {
		if (!la_pci_address(text, addr) || has_port(addr))
			continue;
		allow_read_host("", cfg, &host);
		(void)la_pci_explain("", &host, text, &v);
		allow_explain(text, &v, said, err, size);
		return -ENODEV;
	}
	return 0;
}

bool
la_allow_explain(const char *text, const char *said, char *err, size_t size)
{
	struct la_pci_host host;
	struct la_pci_verdict v;
	char addr[LA_PCI_ADDR];

	if (!la_pci_address(text, addr))
		return false;
	allow_read_host("", NULL, &host);
	(void)la_pci_explain("", &host, text, &v);
	allow_explain(text, &v, said, err, size);
	return true;
}
