/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_PCI_H
#define LA_IO_PCI_H

/* PCI network devices as the kernel describes them, and the reason why DPDK cannot use one. Nothing is opened, loaded
 * or written. Every function takes `root`, a prefix of /sys, /proc, /dev, /lib and of DPDK's plugins: "" except in
 * tests. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	LA_PCI_ADDR = 16,
	LA_PCI_MAX = 256,
	LA_PCI_KIFS = 4,
	LA_PCI_OTHERS = 6,
	LA_PCI_COMMANDS = 12,
	LA_PCI_VIRTIO = 0x1af4
};

/** A device of the IOMMU group whose driver keeps the group from vfio. */
struct la_pci_other {
	char addr[LA_PCI_ADDR];
	char kdrv[32];
};

/** One device. */
struct la_pci_dev {
	char addr[LA_PCI_ADDR]; /* 0000:05:00.0 */
	uint16_t vendor, device, sub_vendor, sub_device;
	uint32_t class; /* 0x020000: Ethernet controller */
	int node;	/* NUMA node, -1: unknown */
	bool has_intx;	/* has a legacy interrupt, which uio_pci_generic needs */
	char kdrv[32];	/* the kernel's driver: e1000, vfio-pci; "": none */
	char kif[LA_PCI_KIFS][16];
	unsigned nkifs; /* network interfaces of the kernel's driver */
	char group[12]; /* IOMMU group; "": none */
	bool noiommu;	/* the group is of vfio's no-IOMMU mode */
	bool bypasses;	/* a virtio device that uses physical addresses: an IOMMU has no effect on it */
	struct la_pci_other other[LA_PCI_OTHERS];
	unsigned nothers;   /* all of them: may be more than LA_PCI_OTHERS */
	char node_path[64]; /* the file that DPDK opens: /dev/vfio/7, /dev/uio0; "": none */
	char pmd[48];	    /* DPDK's driver; "": none is installed */
	char kmod[96];	    /* the kernel modules it works with, as DPDK writes them; "": unknown */
	pid_t user;	    /* a process that has node_path open; 0: none that this process can see */
	char user_name[32];
	bool claimed; /* a lastack has claimed it (io/claim.h) */
};

/** The machine. */
struct la_pci_host {
	bool vfio_pci, vfio, type1, uio_generic; /* modules that are loaded or built in */
	bool has_vfio_pci, has_uio_generic;	 /* modules that can be loaded */
	bool has_modules;			 /* /lib/modules has a folder of this kernel */
	bool iommu;				 /* the kernel uses an IOMMU */
	bool has_noiommu, noiommu_on;		 /* vfio's no-IOMMU mode: exists (or vfio is not loaded), is on */
	bool no_remapping;			 /* x86 without interrupt remapping */
	bool unsafe_interrupts;			 /* vfio works without interrupt remapping */
	unsigned long huge_mb;			 /* free hugepages */
	unsigned long huge_kb;			 /* their default size */
	unsigned long huge_taken;		 /* pages of that size in use, or reserved */
	/* of the process */
	uint64_t caps;		/* effective capabilities, bit N for number N */
	bool user_namespace;	/* they are those of a user namespace, which give no access to devices */
	bool foreign_net;	/* the network namespace belongs to another user namespace: they do not count there */
	unsigned linux_version; /* 5004: Linux 5.4; 0: unknown */
	bool root;		/* reads physical addresses, opens every device: CAP_SYS_ADMIN and CAP_SYS_RAWIO */
	bool lock_limited;	/* RLIMIT_MEMLOCK applies */
	unsigned long lock_mb;	/* RLIMIT_MEMLOCK */
	unsigned long need_mb;	/* memory of packet buffers; 0: 512 */
	bool claimed;		/* this process has claimed its devices (io/claim.h): a claim is no other user */
	bool plain_pages;	/* plain pages are wanted although hugepages exist (--no-huge) */
};

/** Reads the machine, and the rights of this process. */
void la_pci_host_read(const char *root, struct la_pci_host *host);

/** Writes the full address of "0000:05:00.0" or "05:00.0", also after "pci:" and before ",ARGUMENTS". False: text
 * has another form, or a PCI domain of more than six digits. */
bool la_pci_address(const char *text, char addr[LA_PCI_ADDR]);

/** Reads one device, without its DPDK driver and its user. False: there is no such device. */
bool la_pci_read(const char *root, const char *addr, struct la_pci_dev *dev);

/** The network controllers, in order of their addresses. Returns their number, at most max. */
unsigned la_pci_scan(const char *root, struct la_pci_dev *devs, unsigned max);

/** Fills pmd and kmod of each device from the installed plugins of DPDK. Returns the number of plugins that were read. */
unsigned la_pci_find_drivers(const char *root, struct la_pci_dev *devs, unsigned n);

/** Writes the names of the installed network drivers without PCI ids, such as net_tap, with spaces between. */
void la_pci_virtual_drivers(const char *root, char *buf, size_t size);

/** Fills user and claimed of each device, from one pass over the processes. */
void la_pci_find_users(const char *root, struct la_pci_dev *devs, unsigned n);

/** Returns whether another lastack has claimed the name (io/claim.h): "if/eth0", "pci/0000:05:00.0". */
bool la_pci_is_claimed(const char *root, const char *name);

/** Returns whether a kernel interface has a default route, of IPv4 or IPv6. */
bool la_pci_has_default_route(const char *root, const char *kif);

enum la_pci_cause {
	LA_PCI_USABLE,
	LA_PCI_ABSENT,	       /* no device at the address */
	LA_PCI_NO_PMD,	       /* no installed DPDK driver has its PCI id */
	LA_PCI_KERNEL,	       /* the kernel's driver has it */
	LA_PCI_UNBOUND,	       /* no kernel driver has it */
	LA_PCI_WRONG_MODULE,   /* bound to vfio-pci or uio_pci_generic, which its DPDK driver does not take */
	LA_PCI_MODULE_MISSING, /* a bifurcated driver lacks a kernel module */
	LA_PCI_NO_IOMMU,       /* vfio-pci without IOMMU and without no-IOMMU mode */
	LA_PCI_NO_TYPE1,       /* vfio_iommu_type1 is not loaded */
	LA_PCI_NO_REMAPPING,   /* no interrupt remapping */
	LA_PCI_GROUP,	       /* the kernel has another device of the IOMMU group */
	LA_PCI_PLAIN_PAGES,    /* needs physical addresses, and so hugepages */
	LA_PCI_PERMISSION,
	LA_PCI_MEMLOCK,
	LA_PCI_IN_USE,
	LA_PCI_DOWN,	     /* a kernel interface that is down */
	LA_PCI_NOT_ETHERNET, /* a kernel interface of another type */
};

struct la_pci_verdict {
	enum la_pci_cause cause;
	char why[768];
	char warning[320]; /* what the commands, or the use of a usable device, take from the kernel; "": nothing */
	/* Shell commands that change the cause, in order, each only after the success of the one before; those of root
	 * unless `as_user`. */
	char command[LA_PCI_COMMANDS][160];
	unsigned ncommands;
	bool as_user;
};

/** "kernel_driver" and so on, for JSON. */
const char *la_pci_cause_name(enum la_pci_cause cause);

/** Sets cause and reason, or the warning, as printable text. */
void la_pci_verdict_set(struct la_pci_verdict *v, enum la_pci_cause cause, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void la_pci_verdict_warn(struct la_pci_verdict *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Adds a command, unless there are LA_PCI_COMMANDS. */
void la_pci_verdict_command(struct la_pci_verdict *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Adds the command that lifts RLIMIT_MEMLOCK of the user's shell. */
void la_pci_verdict_memlock(struct la_pci_verdict *v);

/** The first reason why this process cannot use the device, and the commands that lead to a usable device. dev: with its
 * DPDK driver and its user; its addr is the address that was given when there is no such device (vendor 0). */
void la_pci_judge(const char *root, const struct la_pci_host *host, const struct la_pci_dev *dev,
		  struct la_pci_verdict *v);

/** The commands that give the device back to the kernel's own driver. */
void la_pci_give_back(const struct la_pci_dev *dev, struct la_pci_verdict *v);

/** Reads the device at the address text, and judges it. Returns the cause. */
enum la_pci_cause la_pci_explain(const char *root, const struct la_pci_host *host, const char *text,
				 struct la_pci_verdict *v);

/** "WHY; warning: WARNING; as root: COMMAND && COMMAND", on one line, which LA_ERROR_LINE has room for. */
void la_pci_line(const struct la_pci_verdict *v, char *buf, size_t size);

#endif
