/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lastack/shard.h>

#include "io/buffers.h"
#include "io/kif.h"
#include "io/kif_scan.h"
#include "io/kif_use.h"
#include "io/printable.h"
#include "io/rights.h"
#include "io/sysfs.h"

enum { PATH = 512 };

static long
read_number(const char *base, const char *file, int radix, long otherwise)
{
	char line[64];

	return la_sysfs_line(line, sizeof(line), "%.400s/%s", base, file) ? strtol(line, NULL, radix) : otherwise;
}

static void
count_queues(const char *base, struct la_kif_facts *kif)
{
	char path[PATH];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "%.400s/queues", base);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		kif->rx_queues += strncmp(d->d_name, "rx-", 3) == 0;
		kif->tx_queues += strncmp(d->d_name, "tx-", 3) == 0;
	}
	if (dir != NULL)
		closedir(dir);
}

static void
read_kif(const char *root, const char *name, struct la_kif_facts *kif)
{
	char base[PATH];
	long type;

	memset(kif, 0, sizeof(*kif));
	snprintf(kif->name, sizeof(kif->name), "%.15s", name);
	snprintf(base, sizeof(base), "%.200s/sys/class/net/%s", root, kif->name);
	type = read_number(base, "type", 10, -1);
	kif->ethernet = type == ARPHRD_ETHER;
	kif->loopback = type == ARPHRD_LOOPBACK;
	kif->up = (read_number(base, "flags", 16, 0) & IFF_UP) != 0;
	kif->carrier = read_number(base, "carrier", 10, 0) == 1;
	kif->speed = (int)read_number(base, "speed", 10, -1);
	kif->mtu = (unsigned)read_number(base, "mtu", 10, 0);
	kif->node = (int)read_number(base, "device/numa_node", 10, -1);
	la_sysfs_link(kif->device, sizeof(kif->device), "%.400s/device", base);
	la_sysfs_link(kif->driver, sizeof(kif->driver), "%.400s/device/driver", base);
	count_queues(base, kif);
}

/* An interface that /sys does not have, because /sys was mounted in another network namespace. */
static void
ask_kernel(const char *name, unsigned number, struct la_kif_facts *kif)
{
	struct ifreq ifr = {0};
	struct la_kif k;
	int fd;

	memset(kif, 0, sizeof(*kif));
	snprintf(kif->name, sizeof(kif->name), "%.15s", name);
	kif->node = kif->speed = -1;
	if (la_kif_read(number, &k) < 0)
		return;
	snprintf(kif->driver, sizeof(kif->driver), "%.31s", k.driver);
	kif->mtu = k.mtu;
	kif->up = k.up;
	kif->carrier = k.carrier;
	memcpy(ifr.ifr_name, k.name, sizeof(k.name));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &ifr) == 0) {
		kif->ethernet = ifr.ifr_hwaddr.sa_family == ARPHRD_ETHER;
		kif->loopback = ifr.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
	}
	if (fd >= 0)
		close(fd);
}

/* Name and number may be those of an interface of the other namespace, too: lo is 1 in each. */
static void
read_here(const char *name, unsigned number, struct la_kif_facts *kif)
{
	struct la_kif k;

	read_kif("", name, kif);
	if (la_kif_read(number, &k) < 0)
		return;
	kif->up = k.up;
	kif->carrier = k.carrier;
	if (k.mtu != UINT16_MAX) /* the limit of la_kif_read() */
		kif->mtu = k.mtu;
}

/* The interfaces of this network namespace; /sys may show those of another. */
static unsigned
scan_namespace(struct la_kif_facts *kifs, unsigned max)
{
	struct if_nameindex *all = if_nameindex();
	unsigned found = 0;

	for (const struct if_nameindex *i = all; i != NULL && i->if_name != NULL && found < max; i++) {
		char base[PATH];

		snprintf(base, sizeof(base), "/sys/class/net/%.16s", i->if_name);
		if (read_number(base, "ifindex", 10, -1) == (long)i->if_index)
			read_here(i->if_name, i->if_index, &kifs[found++]);
		else
			ask_kernel(i->if_name, i->if_index, &kifs[found++]);
	}
	if (all != NULL)
		if_freenameindex(all);
	return found;
}

unsigned
la_kif_scan(const char *root, struct la_kif_facts *kifs, unsigned max)
{
	char path[PATH];
	struct dirent **list;
	unsigned found = 0;
	int n;

	if (root[0] == '\0')
		return scan_namespace(kifs, max);
	snprintf(path, sizeof(path), "%s/sys/class/net", root);
	n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char base[PATH];

		snprintf(base, sizeof(base), "%.200s/%.255s/ifindex", path,
			 list[i]->d_name); /* bonding_masters has none */
		if (list[i]->d_name[0] != '.' && found < max && access(base, F_OK) == 0)
			read_kif(root, list[i]->d_name, &kifs[found++]);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return found;
}

/* ---- verdicts ---- */

static bool
has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = strstr(words, word); p != NULL; p = strstr(p + 1, word))
		if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

/* The packet buffers of a shard with the default number of connections, each on a page. */
static uint64_t
locked_by_default(const struct la_pci_host *host)
{
	struct la_shard_config shard;
	struct la_pool_plan plan;

	if (host->need_mb != 0)
		return (uint64_t)host->need_mb << 20;
	la_shard_config_init(&shard);
	la_buffers_plan(shard.max_conns, 0, 1, true, &plan);
	return (uint64_t)plan.total * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
judge_rights(const char *root, const struct la_pci_host *host, enum la_port_kind kind, struct la_pci_verdict *v)
{
	char path[PATH], lack[512];

	if (kind != LA_PORT_TAP && kind != LA_PORT_VETH && kind != LA_PORT_XDP)
		return;
	snprintf(path, sizeof(path), "%s/dev/net/tun", root);
	if (kind == LA_PORT_TAP && access(path, F_OK) < 0) {
		la_pci_verdict_set(v, LA_PCI_MODULE_MISSING,
				   "there is no /dev/net/tun: the kernel's module tun is not loaded");
		la_pci_verdict_command(v, "modprobe tun");
	} else if (la_rights_lack(host, kind, 0, lack, sizeof(lack))[0] != '\0') {
		la_pci_verdict_set(v, LA_PCI_PERMISSION, "%s", lack);
	} else if (kind == LA_PORT_XDP &&
		   la_rights_lack(host, kind, locked_by_default(host), lack, sizeof(lack))[0] != '\0') {
		la_pci_verdict_set(v, LA_PCI_MEMLOCK, "%s", lack);
		la_pci_verdict_memlock(v);
	}
}

static void
judge_interface(const char *root, const struct la_kif_facts *kif, struct la_pci_verdict *v)
{
	char claim[32];

	snprintf(claim, sizeof(claim), "if/%s", kif->name);
	if (!kif->ethernet) {
		la_pci_verdict_set(v, LA_PCI_NOT_ETHERNET, "it is no Ethernet interface");
	} else if (la_pci_is_claimed(root, claim)) {
		la_pci_verdict_set(v, LA_PCI_IN_USE, "another lastack has it");
	} else if (!kif->up) {
		la_pci_verdict_set(v, LA_PCI_DOWN, "it is down");
		if (la_is_plain_word(kif->name))
			la_pci_verdict_command(v, "ip link set %s up", kif->name);
	}
}

/* The interface is one of this namespace; /sys, which has those above it, may be of another. */
static void
warn_of_use(const char *root, const struct la_kif_facts *kif, struct la_pci_verdict *v)
{
	struct la_kif_use use;

	la_kif_use_read(root, kif->name, &use);
	if (use.elsewhere)
		la_kif_addresses(kif->name, use.addresses, sizeof(use.addresses));
	if (use.addresses[0] == '\0')
		return;
	la_pci_verdict_warn(v, "lastack takes the frames of its queue from the kernel, which uses %s (%.200s%s)",
			    kif->name, use.addresses, use.default_route ? ", default route" : "");
}

void
la_kif_judge(const char *root, const struct la_pci_host *host, enum la_port_kind kind, const struct la_kif_facts *kif,
	     const char *drivers, struct la_pci_verdict *v)
{
	static const char *const driver_of[] = {
		[LA_PORT_TAP] = "net_tap",     [LA_PORT_VETH] = "net_af_packet", [LA_PORT_XDP] = "net_af_xdp",
		[LA_PORT_MEMIF] = "net_memif", [LA_PORT_NULL] = "net_null",	 [LA_PORT_RING] = "net_ring",
	};

	memset(v, 0, sizeof(*v));
	if (kif != NULL)
		judge_interface(root, kif, v);
	if (v->cause == LA_PCI_USABLE || v->cause == LA_PCI_DOWN) {
		struct la_pci_verdict down = *v;

		memset(v, 0, sizeof(*v));
		if (!has_word(drivers, driver_of[kind]))
			la_pci_verdict_set(v, LA_PCI_NO_PMD,
					   "DPDK's driver %s is not installed (Debian: librte-net-NAME23)",
					   driver_of[kind]);
		else
			judge_rights(root, host, kind, v);
		if (v->cause == LA_PCI_USABLE)
			*v = down;
	}
	if (kind == LA_PORT_XDP && (v->cause == LA_PCI_USABLE || v->cause == LA_PCI_DOWN))
		warn_of_use(root, kif, v);
}
