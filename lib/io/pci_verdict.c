/* SPDX-License-Identifier: BSD-3-Clause */

/* Why DPDK cannot use a device, and the commands that change it.
 *
 * The checks are in the order in which DPDK meets the causes: the device, its driver, its binding, then the conditions
 * of the binding. The first cause is the verdict. The commands go further: for a device that the kernel has, they also
 * repair the conditions of the new binding, so that one copy of all commands is enough.
 *
 * Sources: DPDK 22.11, lib/eal/linux/eal_vfio.c and drivers/bus/pci/linux/pci.c; Linux 6.1, drivers/vfio. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>

#include "core/log.h"
#include "io/kif_use.h"
#include "io/pci.h"
#include "io/printable.h"

enum {
	DEFAULT_MB = 512,
	LEAST_MB = 128, /* below this, la_eal_start() uses plain pages */
};

#define PCI_FOLDER "/sys/bus/pci/devices"
#define BYPASSES "it is a virtio device that reaches past the IOMMU, and vfio-pci would let it write to wrong memory"
#define RELEASE "each must be released from its driver, or moved to another slot"
#define UNSAFE_PATH "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"
#define NOIOMMU_PATH "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

const char *
la_pci_cause_name(enum la_pci_cause cause)
{
	static const char *const name[] = {
		[LA_PCI_USABLE] = "usable",
		[LA_PCI_ABSENT] = "no_such_device",
		[LA_PCI_NO_PMD] = "no_dpdk_driver",
		[LA_PCI_KERNEL] = "kernel_driver",
		[LA_PCI_UNBOUND] = "not_bound",
		[LA_PCI_WRONG_MODULE] = "wrong_module",
		[LA_PCI_MODULE_MISSING] = "module_missing",
		[LA_PCI_NO_IOMMU] = "no_iommu",
		[LA_PCI_NO_TYPE1] = "no_vfio_iommu_type1",
		[LA_PCI_NO_REMAPPING] = "no_interrupt_remapping",
		[LA_PCI_GROUP] = "group_in_use",
		[LA_PCI_PLAIN_PAGES] = "plain_pages",
		[LA_PCI_PERMISSION] = "permission",
		[LA_PCI_MEMLOCK] = "memlock",
		[LA_PCI_IN_USE] = "in_use",
		[LA_PCI_DOWN] = "down",
		[LA_PCI_NOT_ETHERNET] = "not_ethernet",
	};

	return name[cause];
}

void
la_pci_verdict_set(struct la_pci_verdict *v, enum la_pci_cause cause, const char *fmt, ...)
{
	char text[sizeof(v->why)];
	va_list ap;

	v->cause = cause;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	la_printable(text, v->why, sizeof(v->why));
}

void
la_pci_verdict_warn(struct la_pci_verdict *v, const char *fmt, ...)
{
	char text[sizeof(v->warning)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	la_printable(text, v->warning, sizeof(v->warning));
}

static void __attribute__((format(printf, 2, 3))) why_add(struct la_pci_verdict *v, const char *fmt, ...)
{
	size_t n = strlen(v->why);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->why + n, sizeof(v->why) - n, fmt, ap);
	va_end(ap);
}

void
la_pci_verdict_command(struct la_pci_verdict *v, const char *fmt, ...)
{
	va_list ap;

	if (v->ncommands == LA_PCI_COMMANDS)
		return;
	va_start(ap, fmt);
	vsnprintf(v->command[v->ncommands++], sizeof(v->command[0]), fmt, ap);
	va_end(ap);
}

void
la_pci_verdict_memlock(struct la_pci_verdict *v)
{
	/* $$: the user's shell, not root's */
	la_pci_verdict_command(v, "sudo prlimit --memlock=unlimited --pid $$");
	v->as_user = true;
}

/* "0000:05:00.1 (ahci), 0000:05:00.2 (e1000e)". No command releases them: one may be the disk, or have the session. */
static void
say_others(const struct la_pci_dev *dev, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < dev->nothers && i < LA_PCI_OTHERS && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s (%s)", i > 0 ? ", " : "", dev->other[i].addr,
				      dev->other[i].kdrv);
	if (dev->nothers > LA_PCI_OTHERS && n < size)
		snprintf(buf + n, size - n, " and %u more", dev->nothers - LA_PCI_OTHERS);
}

/* ---- kernel modules ---- */

/* Copies the next word of a driver's modules. Returns the place after it; NULL: there is no further word. */
static const char *
next_module(const char *p, char *word, size_t size)
{
	size_t len, n;

	p += strspn(p, " *|&");
	if (*p == '\0')
		return NULL;
	len = strcspn(p, " |&");
	n = RTE_MIN(len, size - 1);
	memcpy(word, p, n);
	word[n] = '\0';
	return p + len;
}

/* A bifurcated driver works beside the kernel's. */
static bool
is_bifurcated(const struct la_pci_dev *dev)
{
	return strchr(dev->kmod, '&') != NULL;
}

/* Returns whether DPDK's driver works with the module. net_nfp has "vfio"; a driver without a list works with all. */
static bool
takes_module(const struct la_pci_dev *dev, const char *module)
{
	char word[32];
	const char *p = dev->kmod;

	if (dev->kmod[0] == '\0')
		return true;
	while ((p = next_module(p, word, sizeof(word))) != NULL)
		if (strcmp(word, module) == 0 || (strcmp(word, "vfio") == 0 && strcmp(module, "vfio-pci") == 0))
			return true;
	return false;
}

static bool
is_uio(const char *driver)
{
	return strcmp(driver, "uio_pci_generic") == 0 || strcmp(driver, "igb_uio") == 0;
}

/* ---- commands ---- */

static unsigned long
need_mb(const struct la_pci_host *host)
{
	return host->need_mb != 0 ? host->need_mb : DEFAULT_MB;
}

static bool
lacks_hugepages(const struct la_pci_host *host)
{
	return host->plain_pages || host->huge_mb < (host->need_mb != 0 ? host->need_mb : LEAST_MB);
}

static void
commands_hugepages(const struct la_pci_host *host, struct la_pci_verdict *v)
{
	unsigned long kb = host->huge_kb != 0 ? host->huge_kb : 2048;

	if (host->huge_mb < need_mb(host))
		la_pci_verdict_command(v, "echo %lu > /sys/kernel/mm/hugepages/hugepages-%lukB/nr_hugepages",
				       host->huge_taken + ((need_mb(host) << 10) + kb - 1) / kb, kb);
}

static void
commands_bind(const struct la_pci_dev *dev, const char *module, struct la_pci_verdict *v)
{
	la_pci_verdict_command(v, "echo %s > " PCI_FOLDER "/%s/driver_override", module, dev->addr);
	if (dev->kdrv[0] != '\0')
		la_pci_verdict_command(v, "echo %s > " PCI_FOLDER "/%s/driver/unbind", dev->addr, dev->addr);
	la_pci_verdict_command(v, "echo %s > /sys/bus/pci/drivers_probe", dev->addr);
}

static bool
commands_uio(const struct la_pci_host *host, const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	if (!takes_module(dev, "uio_pci_generic") || !host->has_uio_generic || !dev->has_intx)
		return false;
	if (!host->uio_generic)
		la_pci_verdict_command(v, "modprobe uio_pci_generic");
	commands_hugepages(host, v);
	commands_bind(dev, "uio_pci_generic", v);
	return true;
}

/* Returns whether vfio gives the device to a process behind the IOMMU. */
static bool
has_iommu(const struct la_pci_dev *dev)
{
	return dev->group[0] != '\0' && !dev->noiommu;
}

/* vfio without an IOMMU gives a device a group only when the mode is on at the moment of binding. */
static bool
commands_noiommu(const struct la_pci_host *host, const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	if (!takes_module(dev, "vfio-pci") || !host->has_vfio_pci || !host->has_noiommu || has_iommu(dev))
		return false;
	if (!host->vfio_pci)
		la_pci_verdict_command(v, "modprobe vfio-pci");
	if (!host->noiommu_on)
		la_pci_verdict_command(v, "echo 1 > " NOIOMMU_PATH);
	commands_hugepages(host, v);
	commands_bind(dev, "vfio-pci", v);
	return true;
}

static bool
commands_iommu(const struct la_pci_host *host, const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	if (!takes_module(dev, "vfio-pci") || !host->has_vfio_pci || !has_iommu(dev) || dev->bypasses)
		return false;
	if (!host->vfio_pci || !host->type1)
		la_pci_verdict_command(v, "modprobe -a vfio-pci vfio_iommu_type1");
	if (host->no_remapping && !host->unsafe_interrupts)
		la_pci_verdict_command(v, "echo 1 > " UNSAFE_PATH);
	if (dev->nothers > 0) {
		char others[400];

		say_others(dev, others, sizeof(others));
		why_add(v, "; its IOMMU group %s also has %s; " RELEASE, dev->group, others);
	}
	if (dev->vendor == LA_PCI_VIRTIO && dev->kdrv[0] == '\0')
		why_add(v,
			"; a virtio device needs iommu_platform=on (QEMU) for vfio-pci, and it is known only while the "
			"kernel's virtio-pci has the device");
	commands_bind(dev, "vfio-pci", v);
	return true;
}

/* The safest binding that this machine has. */
static void
commands_make_usable(const struct la_pci_host *host, const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	if (commands_iommu(host, dev, v) || commands_noiommu(host, dev, v) || commands_uio(host, dev, v))
		return;
	if (takes_module(dev, "igb_uio") && !takes_module(dev, "vfio-pci") && !takes_module(dev, "uio_pci_generic"))
		why_add(v, "; %s needs the module igb_uio of dpdk-kmods", dev->pmd);
	else if (dev->bypasses && has_iommu(dev))
		why_add(v, "; " BYPASSES ", and uio_pci_generic is not possible: it needs iommu_platform=on (QEMU)");
	else if (takes_module(dev, "vfio-pci") && host->has_vfio_pci)
		why_add(v,
			"; vfio-pci needs an IOMMU, and the kernel uses none for it: switch it on in the firmware (VT-d, "
			"AMD-Vi) and by intel_iommu=on; this kernel lacks vfio's no-IOMMU mode, and uio_pci_generic is "
			"not possible");
	else if (!host->has_modules)
		why_add(v,
			"; there is no folder of this kernel in /lib/modules here, as in a container: run lastack ports "
			"where the modules are");
	else
		why_add(v,
			"; this kernel has neither vfio-pci nor uio_pci_generic for it: install the kernel's modules "
			"(Debian: linux-image-amd64 in place of linux-image-cloud-amd64)");
}

/* ---- causes ---- */

#define ELSEWHERE "addresses unknown: the interface is in another network namespace"

/* " as eth0 (10.0.2.15/24, default route)", or "". Returns an interface with a default route, or NULL. */
static const char *
say_kifs(const char *root, const struct la_pci_dev *dev, char *buf, size_t size)
{
	const char *routed = NULL;
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < dev->nkifs; i++) {
		struct la_kif_use use;

		la_kif_use_read(root, dev->kif[i], &use);
		if (use.default_route)
			routed = dev->kif[i];
		if (n < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%s (%s%s)", i == 0 ? " as " : ", ", dev->kif[i],
					      use.elsewhere		 ? ELSEWHERE
					      : use.addresses[0] != '\0' ? use.addresses
									 : "no address",
					      use.default_route ? ", default route" : "");
	}
	return routed;
}

static void
judge_kernel(const char *root, const struct la_pci_host *host, const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	char kifs[400];
	const char *routed = say_kifs(root, dev, kifs, sizeof(kifs));

	la_pci_verdict_set(v, LA_PCI_KERNEL, "the kernel's driver %s uses it%s%s", dev->kdrv, kifs,
			   dev->nkifs > 0 ? "; a binding to DPDK removes the interface" : "");
	commands_make_usable(host, dev, v);
	if (routed != NULL && v->ncommands > 0)
		la_pci_verdict_warn(
			v,
			"the commands remove %s, which has the default route: a session over it ends, and the machine may "
			"be out of reach",
			routed);
}

/* DPDK and the kernel's driver then share the device, and the frames are DPDK's. */
static void
warn_of_sharing(const char *root, const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	for (unsigned i = 0; i < dev->nkifs && v->warning[0] == '\0'; i++) {
		struct la_kif_use use;

		la_kif_use_read(root, dev->kif[i], &use);
		if (use.elsewhere || use.addresses[0] != '\0')
			la_pci_verdict_warn(v, "lastack takes the frames of %s from the kernel, which uses it (%s)",
					    dev->kif[i], use.elsewhere ? ELSEWHERE : use.addresses);
	}
}

static void
judge_bifurcated(const char *root, const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	const char *p = dev->kmod;
	char word[32], path[512];

	while ((p = next_module(p, word, sizeof(word))) != NULL) {
		snprintf(path, sizeof(path), "%s/sys/module/%s", root, word);
		if (access(path, F_OK) < 0) {
			if (v->cause == LA_PCI_USABLE)
				la_pci_verdict_set(v, LA_PCI_MODULE_MISSING,
						   "%s works beside the kernel's driver and needs its module %s",
						   dev->pmd, word);
			la_pci_verdict_command(v, "modprobe %s", word);
		}
	}
	if (v->cause != LA_PCI_USABLE)
		return;
	if (dev->kdrv[0] == '\0' || is_uio(dev->kdrv) || strcmp(dev->kdrv, "vfio-pci") == 0) {
		la_pci_verdict_set(v, LA_PCI_WRONG_MODULE,
				   "%s works beside the kernel's driver, and the device is bound to %s", dev->pmd,
				   dev->kdrv[0] != '\0' ? dev->kdrv : "no driver");
		la_pci_give_back(dev, v);
		return;
	}
	warn_of_sharing(root, dev, v);
}

static bool
judge_pages(const struct la_pci_host *host, const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	const char *how = dev->noiommu ? "vfio-pci without an IOMMU" : dev->kdrv;

	if (!lacks_hugepages(host))
		return false;
	if (host->plain_pages)
		la_pci_verdict_set(v, LA_PCI_PLAIN_PAGES,
				   "%s needs hugepages, and --no-huge asks for plain pages: leave it out", how);
	else
		la_pci_verdict_set(v, LA_PCI_PLAIN_PAGES, "%s needs hugepages, and %lu MB are free (%lu MB are enough)",
				   how, host->huge_mb, need_mb(host));
	commands_hugepages(host, v);
	return true;
}

static bool
judge_rights(const char *root, const struct la_pci_host *host, const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	char path[512];

	if (dev->user != 0) {
		la_pci_verdict_set(v, LA_PCI_IN_USE, "process %d%s%s has it open (%s)", (int)dev->user,
				   dev->user_name[0] ? ", " : "", dev->user_name, dev->node_path);
		return true;
	}
	if (dev->claimed && !host->claimed) {
		la_pci_verdict_set(v, LA_PCI_IN_USE, "another lastack has it");
		return true;
	}
	if ((is_uio(dev->kdrv) || dev->noiommu) && !host->root) {
		la_pci_verdict_set(v, LA_PCI_PERMISSION, "%s needs root (CAP_SYS_ADMIN and CAP_SYS_RAWIO)",
				   dev->noiommu ? "vfio-pci without an IOMMU" : dev->kdrv);
		return true;
	}
	snprintf(path, sizeof(path), "%s%s", root, dev->node_path);
	if (dev->node_path[0] != '\0' && access(path, R_OK | W_OK) < 0) {
		if (access(path, F_OK) < 0) {
			la_pci_verdict_set(v, LA_PCI_PERMISSION,
					   "there is no %s here: a container needs this device and /dev/vfio/vfio",
					   dev->node_path);
			return true;
		}
		la_pci_verdict_set(v, LA_PCI_PERMISSION, "this user may not open %s", dev->node_path);
		if (!host->user_namespace) /* there, this id is another user's */
			la_pci_verdict_command(v, "chown %u %s", (unsigned)geteuid(), dev->node_path);
		return true;
	}
	return false;
}

static void
judge_vfio(const char *root, const struct la_pci_host *host, const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	if (dev->group[0] == '\0') {
		la_pci_verdict_set(
			v, LA_PCI_NO_IOMMU,
			"vfio-pci has it without an IOMMU%s; an IOMMU is switched on in the firmware (VT-d, AMD-Vi) and by "
			"intel_iommu=on, and without one vfio-pci has a mode in which the device can write to all memory",
			host->noiommu_on ? ", bound before the no-IOMMU mode was on" : "");
		(void)(commands_noiommu(host, dev, v) || commands_uio(host, dev, v));
		return;
	}
	if (dev->noiommu) {
		if (!judge_pages(host, dev, v))
			(void)judge_rights(root, host, dev, v);
		return;
	}
	if (!host->type1) {
		la_pci_verdict_set(v, LA_PCI_NO_TYPE1, "the kernel module vfio_iommu_type1 is not loaded");
		la_pci_verdict_command(v, "modprobe vfio_iommu_type1");
		if (host->no_remapping)
			la_pci_verdict_command(v, "echo 1 > " UNSAFE_PATH);
	} else if (host->no_remapping && !host->unsafe_interrupts) {
		la_pci_verdict_set(
			v, LA_PCI_NO_REMAPPING,
			"the IOMMU has no interrupt remapping: the device could forge interrupts, and vfio refuses it "
			"unless unsafe interrupts are allowed");
		la_pci_verdict_command(v, "echo 1 > " UNSAFE_PATH);
	} else if (dev->nothers > 0) {
		char others[400];

		say_others(dev, others, sizeof(others));
		la_pci_verdict_set(v, LA_PCI_GROUP, "the kernel uses other devices of its IOMMU group %s: %s; " RELEASE,
				   dev->group, others);
	} else if (!judge_rights(root, host, dev, v) && host->lock_limited && host->lock_mb < need_mb(host)) {
		la_pci_verdict_set(v, LA_PCI_MEMLOCK,
				   "vfio locks the memory of the packet buffers: RLIMIT_MEMLOCK is %lu MB, %lu MB are "
				   "enough",
				   host->lock_mb, need_mb(host));
		la_pci_verdict_memlock(v);
	}
}

static void
judge_uio(const char *root, const struct la_pci_host *host, const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	if (!judge_pages(host, dev, v))
		(void)judge_rights(root, host, dev, v);
}

void
la_pci_judge(const char *root, const struct la_pci_host *host, const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	memset(v, 0, sizeof(*v));
	if (dev->vendor == 0 && dev->device == 0) {
		la_pci_verdict_set(v, LA_PCI_ABSENT,
				   "there is no PCI device at this address: 'lastack ports' lists them");
	} else if (dev->pmd[0] == '\0') {
		char kifs[400];

		(void)say_kifs(root, dev, kifs, sizeof(kifs));
		la_pci_verdict_set(
			v, LA_PCI_NO_PMD,
			"no installed driver of DPDK has its PCI id %04x:%04x (Debian: librte-net-NAME23)%s%s%s%s",
			dev->vendor, dev->device, dev->nkifs > 0 ? "; the kernel uses it" : "", kifs,
			dev->nkifs > 0 ? ", and AF_PACKET works on it: --veth " : "",
			dev->nkifs > 0 ? dev->kif[0] : "");
	} else if (is_bifurcated(dev)) {
		judge_bifurcated(root, dev, v);
	} else if (dev->kdrv[0] == '\0') {
		la_pci_verdict_set(v, LA_PCI_UNBOUND, "no kernel driver has it, and %s needs one of:%s", dev->pmd,
				   dev->kmod[0] == '*' ? dev->kmod + 1 : " vfio-pci");
		commands_make_usable(host, dev, v);
	} else if (strcmp(dev->kdrv, "vfio-pci") != 0 && !is_uio(dev->kdrv)) {
		judge_kernel(root, host, dev, v);
	} else if (!takes_module(dev, dev->kdrv)) {
		la_pci_verdict_set(v, LA_PCI_WRONG_MODULE, "it is bound to %s, and %s needs one of:%s", dev->kdrv,
				   dev->pmd, dev->kmod[0] == '*' ? dev->kmod + 1 : dev->kmod);
		commands_make_usable(host, dev, v);
	} else if (dev->bypasses && has_iommu(dev) && !is_uio(dev->kdrv)) {
		la_pci_verdict_set(v, LA_PCI_WRONG_MODULE, BYPASSES);
		commands_make_usable(host, dev, v);
	} else if (is_uio(dev->kdrv)) {
		judge_uio(root, host, dev, v);
	} else {
		judge_vfio(root, host, dev, v);
	}
}

void
la_pci_give_back(const struct la_pci_dev *dev, struct la_pci_verdict *v)
{
	la_pci_verdict_command(v, "echo > " PCI_FOLDER "/%s/driver_override", dev->addr);
	if (dev->kdrv[0] != '\0')
		la_pci_verdict_command(v, "echo %s > " PCI_FOLDER "/%s/driver/unbind", dev->addr, dev->addr);
	la_pci_verdict_command(v, "echo %s > /sys/bus/pci/drivers_probe", dev->addr);
}

enum la_pci_cause
la_pci_explain(const char *root, const struct la_pci_host *host, const char *text, struct la_pci_verdict *v)
{
	char addr[LA_PCI_ADDR] = "";
	struct la_pci_dev dev;

	(void)la_pci_address(text, addr);
	if (la_pci_read(root, addr, &dev)) {
		(void)la_pci_find_drivers(root, &dev, 1);
		la_pci_find_users(root, &dev, 1);
	}
	la_pci_judge(root, host, &dev, v);
	return v->cause;
}

_Static_assert(sizeof(struct la_pci_verdict) + LA_PCI_COMMANDS * sizeof(" && ") + 64 <= LA_ERROR_LINE,
	       "a line of an error has room for all texts of a verdict");

void
la_pci_line(const struct la_pci_verdict *v, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "%s%s%s", v->why, v->warning[0] != '\0' ? "; warning: " : "",
				    v->warning);
	const char *first = v->as_user ? "; then: " : "; as root: ";

	for (unsigned i = 0; i < v->ncommands && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i > 0 ? " && " : first, v->command[i]);
}
