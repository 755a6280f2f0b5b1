/* SPDX-License-Identifier: BSD-3-Clause */

/* The facts: sysfs describes the device, its driver, its IOMMU group and its interfaces; /sys/module the modules;
 * /proc/interrupts the interrupt remapping, because the kernel puts "IR-" before the name of a remapped controller. */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "io/pci.h"
#include "io/sysfs.h"

enum { PATH = 512, DEVICES = 1024 };

#define CLASS_NETWORK 0x02u

static bool __attribute__((format(printf, 1, 2))) is_there(const char *fmt, ...)
{
	char path[PATH];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	return access(path, F_OK) == 0;
}

static unsigned long __attribute__((format(printf, 1, 2))) read_hex(const char *fmt, ...)
{
	char path[PATH], line[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	return la_sysfs_line(line, sizeof(line), "%s", path) ? strtoul(line, NULL, 16) : 0;
}

static bool
has_line(const char *root, const char *path, const char *word)
{
	char name[PATH], line[1024];
	bool found = false;
	FILE *f;

	snprintf(name, sizeof(name), "%s%s", root, path);
	f = fopen(name, "re");
	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, word) != NULL;
	fclose(f);
	return found;
}

/* ---- the machine ---- */

/* A module that modprobe finds, or that is part of the kernel. */
static bool
has_module(const char *root, const char *file)
{
	struct utsname u;
	char path[PATH];

	if (uname(&u) < 0)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/lib/modules/%s/%s", u.release,
			 i == 0 ? "modules.dep" : "modules.builtin");
		if (has_line(root, path, file))
			return true;
	}
	return false;
}

/* The path of a module that is not loaded, from a line "kernel/drivers/vfio/vfio.ko: ..." of modules.dep. */
static bool
find_module(const char *root, const char *file, char *path, size_t size)
{
	char name[PATH], line[1024];
	struct utsname u;
	bool found = false;
	FILE *f;

	if (uname(&u) < 0)
		return false;
	snprintf(name, sizeof(name), "%.200s/lib/modules/%s/modules.dep", root, u.release);
	f = fopen(name, "re");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, ":\n")] = '\0';
		found = strstr(line, file) != NULL;
	}
	if (f != NULL)
		fclose(f);
	if (found)
		snprintf(path, size, "%.200s/lib/modules/%s/%s", root, u.release, line);
	return found;
}

static bool
file_has(const char *path, const char *text)
{
	FILE *f = fopen(path, "re");
	size_t n, have = 0, len = strlen(text);
	bool found = false;
	char buf[65536];

	if (f == NULL)
		return false;
	while (!found && (n = fread(buf + have, 1, sizeof(buf) - have, f)) > 0) {
		have += n;
		found = memmem(buf, have, text, len) != NULL;
		if (have > len) { /* the text may continue in the next block */
			memmove(buf, buf + have - len, len);
			have = len;
		}
	}
	fclose(f);
	return found;
}

/* A kernel may lack the no-IOMMU mode: Debian's does. Before vfio is loaded, the kernel's configuration has the answer, or
 * the module's file, unless it is compressed. With neither, uio_pci_generic is the better advice where it exists. */
static bool
vfio_has_noiommu(const char *root, bool has_uio)
{
	struct utsname u;
	char path[PATH + 1024];

	if (uname(&u) < 0)
		return !has_uio;
	snprintf(path, sizeof(path), "%.200s/boot/config-%s", root, u.release);
	if (access(path, R_OK) == 0)
		return file_has(path, "\nCONFIG_VFIO_NOIOMMU=y");
	if (find_module(root, "/vfio.ko", path, sizeof(path)) && strcmp(path + strlen(path) - 3, ".ko") == 0)
		return file_has(path, "enable_unsafe_noiommu_mode");
	return !has_uio;
}

static bool
is_on(const char *root, const char *parameter)
{
	char line[16];

	return la_sysfs_line(line, sizeof(line), "%s/sys/module/%s", root, parameter) &&
	       (line[0] == 'Y' || line[0] == '1');
}

static bool
has_entries(const char *root, const char *folder)
{
	char path[PATH];
	struct dirent *d;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s%s", root, folder);
	dir = opendir(path);
	while (dir != NULL && !found && (d = readdir(dir)) != NULL)
		found = d->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* The groups of vfio's no-IOMMU mode have no IOMMU behind them. */
static bool
has_iommu_group(const char *root)
{
	char path[PATH], name[32];
	struct dirent *d;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups", root);
	dir = opendir(path);
	while (dir != NULL && !found && (d = readdir(dir)) != NULL) {
		(void)la_sysfs_line(name, sizeof(name), "%s/%.32s/name", path, d->d_name);
		found = d->d_name[0] != '.' && strcmp(name, "vfio-noiommu") != 0;
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

static bool
has_modules(const char *root)
{
	struct utsname u;

	return uname(&u) == 0 && is_there("%s/lib/modules/%s", root, u.release);
}

static void
read_hugepages(const char *root, struct la_pci_host *host)
{
	char path[PATH], line[64];
	struct dirent *d;
	unsigned long kb = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/kernel/mm/hugepages", root);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		unsigned long page_kb, pages, reserved = 0;

		if (sscanf(d->d_name, "hugepages-%lukB", &page_kb) != 1)
			continue;
		if (host->huge_kb == 0 || page_kb == 2048)
			host->huge_kb = page_kb;
		if (!la_sysfs_line(line, sizeof(line), "%s/%.200s/free_hugepages", path, d->d_name))
			continue;
		pages = strtoul(line, NULL, 10);
		if (la_sysfs_line(line, sizeof(line), "%s/%.200s/resv_hugepages", path, d->d_name))
			reserved = strtoul(line, NULL, 10);
		pages -= reserved < pages ? reserved : pages;
		kb += pages * page_kb;
		if (page_kb == host->huge_kb &&
		    la_sysfs_line(line, sizeof(line), "%s/%.200s/nr_hugepages", path, d->d_name))
			host->huge_taken = strtoul(line, NULL, 10) - pages;
	}
	if (dir != NULL)
		closedir(dir);
	host->huge_mb = kb >> 10;
}

/* The first user namespace maps all ids to themselves. */
static bool
in_user_namespace(const char *root)
{
	unsigned long inside, outside, n;
	char line[64];

	return la_sysfs_line(line, sizeof(line), "%s/proc/self/uid_map", root) &&
	       sscanf(line, "%lu %lu %lu", &inside, &outside, &n) == 3 && n != UINT32_MAX;
}

/* The kernel gives the owner of a namespace only to its owner, and to the parents of the owner. */
static bool
net_is_foreign(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), owner;
	bool foreign;

	if (fd < 0)
		return false;
	owner = ioctl(fd, NS_GET_USERNS);
	foreign = owner < 0 && errno == EPERM;
	if (owner >= 0)
		close(owner);
	close(fd);
	return foreign;
}

/* The effective capabilities; the first words of /proc/self/status are never longer than a line. */
static void
read_rights(const char *root, struct la_pci_host *host)
{
	char path[PATH], line[256];
	unsigned long long caps = 0;
	unsigned major, minor;
	struct rlimit lim;
	struct utsname u;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/self/status", root);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	if (f != NULL)
		fclose(f);
	host->caps = caps;
	host->user_namespace = in_user_namespace(root);
	host->foreign_net = root[0] == '\0' && net_is_foreign();
	if (uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2)
		host->linux_version = major * 1000 + minor;
	host->root = !host->user_namespace && (caps >> CAP_SYS_ADMIN & 1) != 0 && (caps >> CAP_SYS_RAWIO & 1) != 0;
	if (getrlimit(RLIMIT_MEMLOCK, &lim) == 0 && lim.rlim_cur != RLIM_INFINITY &&
	    (host->user_namespace || (caps >> CAP_IPC_LOCK & 1) == 0)) {
		host->lock_limited = true;
		host->lock_mb = (unsigned long)(lim.rlim_cur >> 20);
	}
}

void
la_pci_host_read(const char *root, struct la_pci_host *host)
{
	memset(host, 0, sizeof(*host));
	host->vfio = is_there("%s/sys/module/vfio", root);
	host->vfio_pci = is_there("%s/sys/bus/pci/drivers/vfio-pci", root);
	host->type1 = is_there("%s/sys/module/vfio_iommu_type1", root);
	host->uio_generic = is_there("%s/sys/bus/pci/drivers/uio_pci_generic", root);
	host->has_vfio_pci = host->vfio_pci || has_module(root, "/vfio-pci.ko");
	host->has_uio_generic = host->uio_generic || has_module(root, "/uio_pci_generic.ko");
	host->has_modules = has_modules(root);
	host->iommu = has_entries(root, "/sys/class/iommu") || has_iommu_group(root);
	host->has_noiommu = host->vfio ? is_there("%s/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", root)
				       : vfio_has_noiommu(root, host->has_uio_generic);
	host->noiommu_on = is_on(root, "vfio/parameters/enable_unsafe_noiommu_mode");
	host->no_remapping = has_line(root, "/proc/interrupts", "IO-APIC") &&
			     !has_line(root, "/proc/interrupts", "IR-");
	host->unsafe_interrupts = is_on(root, "vfio_iommu_type1/parameters/allow_unsafe_interrupts");
	read_hugepages(root, host);
	read_rights(root, host);
}

/* ---- devices ---- */

bool
la_pci_address(const char *text, char addr[LA_PCI_ADDR])
{
	unsigned domain = 0, bus, dev, fn;
	int n = 0;

	if (strncmp(text, "pci:", 4) == 0) /* DPDK's name of the bus */
		text += 4;
	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &domain, &bus, &dev, &fn, &n) != 4 || n == 0) {
		domain = 0;
		n = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &dev, &fn, &n) != 3 || n == 0)
			return false;
	}
	if ((text[n] != '\0' && text[n] != ',') || !isxdigit((unsigned char)text[0]) || dev > 31 || fn > 7 ||
	    domain > 0xffffff)
		return false;
	snprintf(addr, LA_PCI_ADDR, "%04x:%02x:%02x.%x", domain, bus, dev, fn);
	return true;
}

static void
add_kif(struct la_pci_dev *dev, const char *folder)
{
	struct dirent *d;
	DIR *dir = opendir(folder);

	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' && dev->nkifs < LA_PCI_KIFS)
			snprintf(dev->kif[dev->nkifs++], sizeof(dev->kif[0]), "%.15s", d->d_name);
	if (dir != NULL)
		closedir(dir);
}

/* A virtio device without VIRTIO_F_ACCESS_PLATFORM, feature bit 33, takes physical addresses and reaches past an IOMMU
 * (virtio 1.2 6.1). A transitional device, PCI ids 0x1000 to 0x103f, cannot have the bit: the legacy interface has
 * 32 feature bits. The bits of another device are known while the kernel's driver has it; the kernel accepts the bit. */
static bool
virtio_bypasses(const struct la_pci_dev *dev, const char *features)
{
	enum { ACCESS_PLATFORM = 33 };

	if (dev->vendor != LA_PCI_VIRTIO)
		return false;
	if (dev->device >= 0x1000 && dev->device < 0x1040)
		return true;
	return strlen(features) > ACCESS_PLATFORM && features[ACCESS_PLATFORM] == '0';
}

/* "net" is below the device, or below a device of its driver, as virtio0 is. "uio/uio0": the file of uio. */
static void
read_children(const char *base, struct la_pci_dev *dev)
{
	char path[PATH], features[80] = "";
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "%.400s/net", base);
	add_kif(dev, path);
	dir = opendir(base);
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		if (strncmp(d->d_name, "virtio", strlen("virtio")) != 0)
			continue;
		snprintf(path, sizeof(path), "%.400s/%.64s/net", base, d->d_name);
		add_kif(dev, path);
		(void)la_sysfs_line(features, sizeof(features), "%.400s/%.64s/features", base, d->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	dev->bypasses = virtio_bypasses(dev, features);
	snprintf(path, sizeof(path), "%.400s/uio", base);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (strncmp(d->d_name, "uio", 3) == 0)
			snprintf(dev->node_path, sizeof(dev->node_path), "/dev/%.32s", d->d_name);
	if (dir != NULL)
		closedir(dir);
}

/* vfio gives a group to a process when no other driver of the group's devices does DMA: these leave it to vfio. */
static bool
leaves_group(const char *driver)
{
	return driver[0] == '\0' || strncmp(driver, "vfio-", 5) == 0 || strcmp(driver, "pci-stub") == 0 ||
	       strcmp(driver, "pcieport") == 0;
}

static void
read_group(const char *root, struct la_pci_dev *dev)
{
	char path[PATH], name[32], driver[32];
	struct dirent **list;
	int n;

	la_sysfs_link(dev->group, sizeof(dev->group), "%s/sys/bus/pci/devices/%s/iommu_group", root, dev->addr);
	if (dev->group[0] == '\0')
		return;
	dev->noiommu = la_sysfs_line(name, sizeof(name), "%s/sys/kernel/iommu_groups/%s/name", root, dev->group) &&
		       strcmp(name, "vfio-noiommu") == 0;
	if (strcmp(dev->kdrv, "vfio-pci") == 0)
		snprintf(dev->node_path, sizeof(dev->node_path), "/dev/vfio/%s%s", dev->noiommu ? "noiommu-" : "",
			 dev->group);
	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/%s/devices", root, dev->group);
	n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		la_sysfs_link(driver, sizeof(driver), "%s/sys/bus/pci/devices/%.32s/driver", root, list[i]->d_name);
		if (list[i]->d_name[0] != '.' && strcmp(list[i]->d_name, dev->addr) != 0 && !leaves_group(driver)) {
			if (dev->nothers < LA_PCI_OTHERS) {
				struct la_pci_other *o = &dev->other[dev->nothers];

				snprintf(o->addr, sizeof(o->addr), "%.15s", list[i]->d_name);
				snprintf(o->kdrv, sizeof(o->kdrv), "%.31s", driver);
			}
			dev->nothers++;
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

bool
la_pci_read(const char *root, const char *addr, struct la_pci_dev *dev)
{
	char base[PATH], line[64];

	memset(dev, 0, sizeof(*dev));
	snprintf(dev->addr, sizeof(dev->addr), "%.15s", addr);
	dev->node = -1;
	snprintf(base, sizeof(base), "%.200s/sys/bus/pci/devices/%s", root, dev->addr);
	if (!is_there("%s/vendor", base))
		return false;
	dev->vendor = (uint16_t)read_hex("%s/vendor", base);
	dev->device = (uint16_t)read_hex("%s/device", base);
	dev->sub_vendor = (uint16_t)read_hex("%s/subsystem_vendor", base);
	dev->sub_device = (uint16_t)read_hex("%s/subsystem_device", base);
	dev->class = (uint32_t)read_hex("%s/class", base);
	if (la_sysfs_line(line, sizeof(line), "%s/numa_node", base))
		dev->node = atoi(line);
	dev->has_intx = la_sysfs_line(line, sizeof(line), "%s/irq", base) && atoi(line) != 0;
	la_sysfs_link(dev->kdrv, sizeof(dev->kdrv), "%s/driver", base);
	read_group(root, dev);
	read_children(base, dev);
	return true;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

unsigned
la_pci_scan(const char *root, struct la_pci_dev *devs, unsigned max)
{
	char path[PATH], (*name)[LA_PCI_ADDR];
	unsigned n = 0, found = 0;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices", root);
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	name = calloc(DEVICES, sizeof(*name));
	while (name != NULL && n < DEVICES && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' &&
		    read_hex("%s/sys/bus/pci/devices/%.32s/class", root, d->d_name) >> 16 == CLASS_NETWORK)
			snprintf(name[n++], sizeof(name[0]), "%.15s", d->d_name);
	closedir(dir);
	if (n > 1)
		qsort(name, n, sizeof(*name), compare_names);
	for (unsigned i = 0; i < n && found < max; i++)
		found += la_pci_read(root, name[i], &devs[found]);
	free(name);
	return found;
}
