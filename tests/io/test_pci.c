/* SPDX-License-Identifier: BSD-3-Clause */

/* PCI devices of different machines: every reason why DPDK cannot use one, and the commands against it. */

#include <errno.h>
#include <net/if.h>
#include <sys/inotify.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <rte_build_config.h>

#include "../support/tree.h"
#include "io/allow.h"
#include "io/kif.h"
#include "io/pci.h"
#include "io/printable.h"

#define ADDR "0000:05:00.0"
#define BASE "/sys/bus/pci/devices/" ADDR

static char root[64];
static struct la_pci_host host;
static struct la_pci_dev dev;
static struct la_pci_verdict v;

static void
take_away(const char *path)
{
	char name[256];

	snprintf(name, sizeof(name), "%s%.180s", root, path);
	cr_assert_eq(remove(name), 0);
}

static void
put(const char *path, const char *text)
{
	tree_put(root, path, text);
}

static void
make_device(const char *addr, const char *class, const char *vendor, const char *id)
{
	static const char *const file[] = {"class", "vendor", "device", "subsystem_vendor", "subsystem_device", "irq"};
	const char *text[] = {class, vendor, id, "0x1af4\n", "0x1100\n", "11\n"};
	char path[256];

	for (unsigned i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", addr, file[i]);
		put(path, text[i]);
	}
}

static void
bind_to(const char *addr, const char *driver)
{
	char path[256], to[256];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/bind", driver);
	put(path, "");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", addr);
	snprintf(to, sizeof(to), "../../../bus/pci/drivers/%s", driver);
	tree_link(root, path, to);
}

static void
put_in_group(const char *addr, const char *group)
{
	char path[256], to[256];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", addr);
	snprintf(to, sizeof(to), "../../../kernel/iommu_groups/%s", group);
	tree_link(root, path, to);
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%s/devices/%s", group, addr);
	put(path, "");
	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	put(path, "");
}

/* A plugin has its text between other bytes. */
static void
put_plugin(const char *name, const char *info)
{
	static const char around[] = "\177ELF\0\1PMD_INFO_STRING";
	char path[256], file[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%.64s", RTE_EAL_PMD_PATH, name);
	tree_path(root, path, file, sizeof(file));
	f = fopen(file, "w");
	cr_assert_not_null(f);
	fwrite(around, sizeof(around), 1, f);
	fprintf(f, "PMD_INFO_STRING= {%s}", info);
	fwrite(around, sizeof(around), 1, f);
	fclose(f);
}

static void
put_kernel_module(const char *file)
{
	struct utsname u;
	char path[256], text[128];

	cr_assert_eq(uname(&u), 0);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", u.release);
	snprintf(text, sizeof(text), "kernel/net/llc/llc.ko:\nkernel/drivers/%s: kernel/drivers/vfio/vfio.ko\n", file);
	put(path, text);
}

/* A machine with an IOMMU, hugepages and an e1000e that its kernel driver has; the process is root. */
static void
machine(void)
{
	put_plugin("librte_net_e1000.so.23.0",
		   "\"name\": \"net_e1000_em\", \"kmod\": \"* igb_uio | uio_pci_generic | vfio-pci\", "
		   "\"pci_ids\": [[32902, 4110, 65535, 65535], [32902, 4307, 65535, 65535]]");
	put_plugin("librte_net_mlx5.so.23.0",
		   "\"name\": \"mlx5_eth\", \"kmod\": \"* ib_uverbs & mlx5_core & mlx5_ib\", "
		   "\"pci_ids\": [[5555, 4115, 65535, 65535]]");
	put_plugin("librte_net_ice.so.23.0", "\"name\": \"net_iavf\", \"kmod\": \"* igb_uio | vfio-pci\", "
					     "\"pci_ids\": [[32902, 5522, 65535, 65535]]");
	put_plugin("librte_net_tap.so.23.0", "\"name\": \"net_tap\", \"params\": \"iface=<string>\", \"pci_ids\": []");
	make_device(ADDR, "0x020000\n", "0x8086\n", "0x10d3\n");
	put(BASE "/numa_node", "1\n");
	bind_to(ADDR, "e1000e");
	put_in_group(ADDR, "7");
	put_kernel_module("vfio/pci/vfio-pci.ko");
	put("/proc/interrupts", "  0:  IO-APIC  2-edge timer\n 24:  IR-PCI-MSI  1-edge  dmar0\n");
	put("/proc/self/status", "Name:\tlastack\nCapEff:\t000001ffffffffff\n");
	put("/sys/class/iommu/dmar0/intel-iommu/cap", "0\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "512\n");
}

static void
load_vfio(void)
{
	bind_to(ADDR, "vfio-pci");
	put("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n");
	put("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N\n");
}

static void
set_up(void)
{
	tree_make(root, sizeof(root));
	machine();
}

static void
tear_down(void)
{
	tree_remove(root);
}

TestSuite(pci, .init = set_up, .fini = tear_down);

static void
judge(const char *addr)
{
	la_pci_host_read(root, &host);
	(void)la_pci_read(root, addr, &dev);
	la_pci_find_drivers(root, &dev, 1);
	la_pci_find_users(root, &dev, 1);
	la_pci_judge(root, &host, &dev, &v);
}

/* Judges the device. words: a part of the reason. commands: the whole line of commands, "" for none. */
static void
judge_is(enum la_pci_cause cause, const char *words, const char *commands)
{
	char line[2048] = "";

	judge(ADDR);
	for (unsigned i = 0; i < v.ncommands; i++) {
		strcat(line, i > 0 ? " && " : "");
		strcat(line, v.command[i]);
	}
	cr_assert_eq(v.cause, cause, "%s: %s; %s", la_pci_cause_name(v.cause), v.why, line);
	cr_assert_not_null(strstr(v.why, words), "no '%s': %s", words, v.why);
	cr_assert_str_eq(line, commands);
}

#define OVERRIDE(module) "echo " module " > " BASE "/driver_override && "
#define UNBIND "echo " ADDR " > " BASE "/driver/unbind && "
#define PROBE "echo " ADDR " > /sys/bus/pci/drivers_probe"
#define REBIND(module) OVERRIDE(module) UNBIND PROBE
#define UNSAFE "echo 1 > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"
#define NOIOMMU "echo 1 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
#define PAGES "echo 256 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

/* ---- facts ---- */

Test(pci, a_device_has_its_facts)
{
	put(BASE "/net/lo/mtu", "1500\n");
	judge(ADDR);
	cr_assert_str_eq(dev.kdrv, "e1000e");
	cr_assert_str_eq(dev.pmd, "net_e1000_em");
	cr_assert_str_eq(dev.group, "7");
	cr_assert_eq(dev.node, 1);
	cr_assert_eq(dev.nkifs, 1);
	cr_assert_str_eq(dev.kif[0], "lo");
	cr_assert(dev.has_intx);
}

Test(pci, a_virtio_device_has_its_interface_below_virtio0)
{
	put(BASE "/virtio0/net/lo/mtu", "1500\n");
	judge(ADDR);
	cr_assert_eq(dev.nkifs, 1);
	cr_assert_str_eq(dev.kif[0], "lo");
}

Test(pci, addresses_have_two_forms_and_arguments)
{
	char addr[LA_PCI_ADDR];

	cr_assert(la_pci_address("05:00.0", addr));
	cr_assert_str_eq(addr, ADDR);
	cr_assert(la_pci_address("0000:05:00.0,llq=1", addr));
	cr_assert_str_eq(addr, ADDR);
	cr_assert(la_pci_address("10000:05:1f.7", addr));
	cr_assert_str_eq(addr, "10000:05:1f.7");
	cr_assert(la_pci_address("pci:0000:05:00.0", addr));
	cr_assert_str_eq(addr, ADDR);
	cr_assert(la_pci_address("pci:05:00.0,x=1", addr));
	cr_assert_str_eq(addr, ADDR);
	static const char *const wrong[] = {
		"",	    "eth0",	"05:00",	"05:00.8",	  "05:20.0", "0000:05:00.0x",
		"net_tap0", " 05:00.0", "pci: 05:00.0", "1000000:05:00.0"};
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_not(la_pci_address(wrong[i], addr), "%s", wrong[i]);
}

Test(pci, the_scan_has_network_controllers_in_order)
{
	struct la_pci_dev devs[4];

	make_device("0000:06:00.0", "0x010000\n", "0x8086\n", "0x1\n");
	make_device("0000:04:00.0", "0x028000\n", "0x8086\n", "0x2\n");
	cr_assert_eq(la_pci_scan(root, devs, 4), 2);
	cr_assert_str_eq(devs[0].addr, "0000:04:00.0");
	cr_assert_str_eq(devs[1].addr, ADDR);
	cr_assert_eq(la_pci_scan(root, devs, 1), 1);
}

Test(pci, virtual_drivers_have_no_ids)
{
	char names[256];

	la_pci_virtual_drivers(root, names, sizeof(names));
	cr_assert_str_eq(names, "net_tap");
}

Test(pci, every_cause_has_a_name)
{
	for (unsigned c = 0; c <= LA_PCI_IN_USE; c++)
		cr_assert_not_null(la_pci_cause_name((enum la_pci_cause)c));
}

/* ---- causes ---- */

Test(pci, no_device_at_the_address)
{
	la_pci_host_read(root, &host);
	cr_assert_eq(la_pci_explain(root, &host, "05:00.1", &v), LA_PCI_ABSENT);
	cr_assert_not_null(strstr(v.why, "lastack ports"));
	cr_assert_eq(v.ncommands, 0);
}

Test(pci, no_dpdk_driver)
{
	put(BASE "/device", "0x9999\n");
	put(BASE "/net/lo/mtu", "1500\n");
	judge_is(LA_PCI_NO_PMD, "8086:9999", "");
	cr_assert_not_null(strstr(v.why, "--veth lo"));
}

Test(pci, a_driver_for_another_subsystem_is_no_driver)
{
	put_plugin("librte_net_other.so",
		   "\"name\": \"net_other\", \"kmod\": \"* vfio-pci\", \"pci_ids\": [[32902, 39321, 6900, 4353]]");
	put(BASE "/device", "0x9999\n");
	judge_is(LA_PCI_NO_PMD, "8086:9999", "");
	put(BASE "/subsystem_device", "0x1101\n");
	judge(ADDR);
	cr_assert_str_eq(dev.pmd, "net_other");
}

Test(pci, the_kernel_has_it)
{
	put(BASE "/net/lo/mtu", "1500\n");
	put("/proc/net/route", "Iface\tDestination\tGateway\nlo\t00000000\t0202000A\n");
	judge_is(LA_PCI_KERNEL, "e1000e uses it as lo (",
		 "modprobe -a vfio-pci vfio_iommu_type1 && " REBIND("vfio-pci"));
	cr_assert_not_null(strstr(v.why, "default route"), "%s", v.why);
	cr_assert_not_null(strstr(v.warning, "remove lo, which has the default route"), "%s", v.warning);
}

/* A member of a bridge, bond or team has its address and route on the interface above, which may be a VLAN's parent. */
Test(pci, the_interface_above_has_the_address_and_the_route)
{
	char addresses[128], words[256];

	la_kif_addresses("lo", addresses, sizeof(addresses));
	put(BASE "/net/lo/mtu", "1500\n");
	tree_link(root, "/sys/class/net/lo/master", "../../devices/virtual/net/la-bond");
	put("/sys/class/net/lo/upper_la-bond", "");
	put("/sys/class/net/la-bond/upper_la-vlan", "");
	put("/proc/net/route", "Iface\tDestination\tGateway\nla-vlan\t00000000\t0202000A\n");
	judge(ADDR);
	snprintf(words, sizeof(words), "lo (%s, default route)", addresses[0] != '\0' ? addresses : "no address");
	cr_assert_not_null(strstr(v.why, words), "%s", v.why);
	cr_assert_not_null(strstr(v.warning, "remove lo"), "%s", v.warning);
}

Test(pci, the_default_route_may_be_of_ipv6)
{
	static const char form[] = "00000000000000000000000000000000 %s 00000000000000000000000000000000 00 "
				   "fe800000000000000000000000000001 00000400 00000001 00000000 %s       lo\n";
	char line[512];

	snprintf(line, sizeof(line), form, "00", "00000003");
	put("/proc/net/ipv6_route", line);
	cr_assert(la_pci_has_default_route(root, "lo"));
	cr_assert_not(la_pci_has_default_route(root, "eth0"));
	snprintf(line, sizeof(line), form, "00", "00200200");
	put("/proc/net/ipv6_route", line);
	cr_assert_not(la_pci_has_default_route(root, "lo"), "the kernel's unreachable route");
	snprintf(line, sizeof(line), form, "03", "00000003");
	put("/proc/net/ipv6_route", line);
	cr_assert_not(la_pci_has_default_route(root, "lo"), "a prefix of 3 bits");
}

Test(pci, an_interface_of_another_namespace_has_unknown_addresses)
{
	static const char words[] = "addresses unknown: the interface is in another network namespace";

	put(BASE "/net/la-nowhere/mtu", "1500\n");
	judge(ADDR);
	cr_assert_not_null(strstr(v.why, words), "%s", v.why);
	take_away(BASE "/net/la-nowhere/mtu");
	take_away(BASE "/net/la-nowhere");
	put(BASE "/net/lo/mtu", "1500\n");
	put("/sys/class/net/lo/ifindex", "77\n");
	judge(ADDR);
	cr_assert_not_null(strstr(v.why, words), "%s", v.why);
	put("/sys/class/net/lo/ifindex", "1\n");
	judge(ADDR);
	cr_assert_null(strstr(v.why, words), "%s", v.why);
}

/* Names of interfaces have any bytes but '/' and space. */
Test(pci, a_name_is_printable)
{
	char text[64];

	put(BASE "/net/a\033[2J\377b/mtu", "1500\n");
	judge(ADDR);
	cr_assert_not_null(strstr(v.why, " as a\\x1b[2J\\xffb ("), "%s", v.why);
	la_printable("\303\244\342\202\254\360\237\230\200", text, sizeof(text));
	cr_assert_str_eq(text, "\303\244\342\202\254\360\237\230\200");
	la_printable("\300\257\355\240\200\302\233\303", text, sizeof(text));
	cr_assert_str_eq(text, "\\xc0\\xaf\\xed\\xa0\\x80\\xc2\\x9b\\xc3");
	la_printable("abc\303\244", text, 5);
	cr_assert_str_eq(text, "abc");
	cr_assert(la_is_plain_word("eth0.5@if_2-x"));
	cr_assert_not(la_is_plain_word("a;b") || la_is_plain_word("-x") || la_is_plain_word("$(x)"));
}

Test(pci, the_kernel_has_it_without_remapping)
{
	put("/proc/interrupts", "  0:  IO-APIC  2-edge timer\n");
	judge_is(LA_PCI_KERNEL, "e1000e", "modprobe -a vfio-pci vfio_iommu_type1 && " UNSAFE " && " REBIND("vfio-pci"));
}

Test(pci, the_kernel_has_it_and_there_is_no_iommu)
{
	take_away(BASE "/iommu_group");
	judge_is(LA_PCI_KERNEL, "e1000e", "modprobe vfio-pci && " NOIOMMU " && " REBIND("vfio-pci"));
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n");
	judge_is(LA_PCI_KERNEL, "e1000e", "modprobe vfio-pci && " NOIOMMU " && " PAGES " && " REBIND("vfio-pci"));
	/* a kernel without the no-IOMMU mode */
	put("/sys/module/vfio/version", "1\n");
	put_kernel_module("uio/uio_pci_generic.ko");
	judge_is(LA_PCI_KERNEL, "e1000e", "modprobe uio_pci_generic && " PAGES " && " REBIND("uio_pci_generic"));
}

/* Before vfio is loaded: by the kernel's configuration, by the module's file, or unknown. */
Test(pci, the_kernel_may_lack_the_noiommu_mode)
{
	struct utsname u;
	char path[256];

	cr_assert_eq(uname(&u), 0);
	take_away(BASE "/iommu_group");
	put("/sys/bus/pci/drivers/uio_pci_generic/bind", "");
	judge_is(LA_PCI_KERNEL, "e1000e", REBIND("uio_pci_generic"));
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", u.release);
	put(path, "kernel/drivers/vfio/vfio.ko:\nkernel/drivers/vfio/pci/vfio-pci.ko: kernel/drivers/vfio/vfio.ko\n");
	snprintf(path, sizeof(path), "/lib/modules/%s/kernel/drivers/vfio/vfio.ko", u.release);
	put(path, "ELF");
	judge_is(LA_PCI_KERNEL, "e1000e", REBIND("uio_pci_generic"));
	put(path, "ELF parm=enable_unsafe_noiommu_mode:");
	judge_is(LA_PCI_KERNEL, "e1000e", "modprobe vfio-pci && " NOIOMMU " && " REBIND("vfio-pci"));
	snprintf(path, sizeof(path), "/boot/config-%s", u.release);
	put(path, "CONFIG_VFIO=m\n# CONFIG_VFIO_NOIOMMU is not set\n");
	judge_is(LA_PCI_KERNEL, "e1000e", REBIND("uio_pci_generic"));
	put(path, "CONFIG_VFIO=m\nCONFIG_VFIO_NOIOMMU=y\n");
	judge_is(LA_PCI_KERNEL, "e1000e", "modprobe vfio-pci && " NOIOMMU " && " REBIND("vfio-pci"));
}

Test(pci, reserved_hugepages_are_not_free)
{
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages", "500\n");
	la_pci_host_read(root, &host);
	cr_assert_eq(host.huge_mb, 24);
	cr_assert_eq(host.huge_taken, 500);
}

Test(pci, a_group_without_an_iommu_is_no_iommu)
{
	take_away("/sys/class/iommu/dmar0/intel-iommu/cap");
	take_away("/sys/class/iommu/dmar0/intel-iommu");
	take_away("/sys/class/iommu/dmar0");
	put("/sys/kernel/iommu_groups/7/name", "vfio-noiommu\n");
	la_pci_host_read(root, &host);
	cr_assert_not(host.iommu);
	put("/sys/kernel/iommu_groups/8/type", "DMA\n");
	la_pci_host_read(root, &host);
	cr_assert(host.iommu);
}

/* The number of pages is that of the whole pool. */
Test(pci, hugepages_in_use_stay)
{
	take_away(BASE "/iommu_group");
	put("/sys/bus/pci/drivers/uio_pci_generic/bind", "");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "10\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "110\n");
	judge_is(LA_PCI_KERNEL, "e1000e",
		 "echo 356 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages && " REBIND("uio_pci_generic"));
}

Test(pci, the_kernel_has_no_module_for_dpdk)
{
	put_kernel_module("net/dummy.ko");
	judge_is(LA_PCI_KERNEL, "neither vfio-pci nor uio_pci_generic", "");
}

Test(pci, a_container_has_no_modules)
{
	struct utsname u;
	char path[128];

	cr_assert_eq(uname(&u), 0);
	snprintf(path, sizeof(path), "/lib/modules/%.64s/modules.dep", u.release);
	take_away(path);
	*strrchr(path, '/') = '\0';
	take_away(path);
	judge_is(LA_PCI_KERNEL, "no folder of this kernel in /lib/modules", "");
	cr_assert_null(strstr(v.why, "neither"), "%s", v.why);
}

Test(pci, vfio_is_here_and_no_iommu)
{
	take_away(BASE "/iommu_group");
	put("/sys/module/vfio/version", "1\n"); /* no parameter of the no-IOMMU mode */
	judge_is(LA_PCI_KERNEL, "vfio-pci needs an IOMMU", "");
	cr_assert_null(strstr(v.why, "neither"), "%s", v.why);
}

Test(pci, no_driver_has_it)
{
	take_away(BASE "/driver");
	judge_is(LA_PCI_UNBOUND, "net_e1000_em needs one of",
		 "modprobe -a vfio-pci vfio_iommu_type1 && " OVERRIDE("vfio-pci") PROBE);
}

Test(pci, bound_to_vfio_it_is_usable)
{
	load_vfio();
	judge_is(LA_PCI_USABLE, "", "");
	cr_assert_str_eq(dev.node_path, "/dev/vfio/7");
}

Test(pci, vfio_without_type1)
{
	bind_to(ADDR, "vfio-pci");
	judge_is(LA_PCI_NO_TYPE1, "vfio_iommu_type1", "modprobe vfio_iommu_type1");
}

Test(pci, vfio_without_remapping)
{
	load_vfio();
	put("/proc/interrupts", "  0:  IO-APIC  2-edge timer\n");
	judge_is(LA_PCI_NO_REMAPPING, "no interrupt remapping", UNSAFE);
	put("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y\n");
	judge_is(LA_PCI_USABLE, "", "");
}

Test(pci, another_architecture_has_no_word_for_remapping)
{
	load_vfio();
	put("/proc/interrupts", " 11:  GICv3  30 Level arch_timer\n");
	judge_is(LA_PCI_USABLE, "", "");
}

Test(pci, vfio_without_iommu)
{
	load_vfio();
	take_away(BASE "/iommu_group");
	judge_is(LA_PCI_NO_IOMMU, "without an IOMMU", NOIOMMU " && " REBIND("vfio-pci"));
	put("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	judge_is(LA_PCI_NO_IOMMU, "before the no-IOMMU mode was on", REBIND("vfio-pci"));
}

Test(pci, noiommu_mode)
{
	load_vfio();
	put("/sys/kernel/iommu_groups/7/name", "vfio-noiommu\n");
	put("/dev/vfio/noiommu-7", "");
	put("/proc/interrupts", "  0:  IO-APIC  2-edge timer\n");
	judge_is(LA_PCI_USABLE, "", "");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n");
	judge_is(LA_PCI_PLAIN_PAGES, "vfio-pci without an IOMMU needs hugepages", PAGES);
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "512\n");
	put("/proc/self/uid_map", "         0          0 4294967295\n");
	judge_is(LA_PCI_USABLE, "", "");
	put("/proc/self/uid_map", "         0       1000          1\n"); /* root of a user namespace */
	judge_is(LA_PCI_PERMISSION, "needs root", "");
	put("/proc/self/uid_map", "         0          0 4294967295\n");
	put("/proc/self/status", "CapEff:\t0000000000000000\n");
	judge_is(LA_PCI_PERMISSION, "needs root", "");
}

Test(pci, a_device_of_its_group_is_the_kernels)
{
	load_vfio();
	make_device("0000:00:01.0", "0x060400\n", "0x8086\n", "0x1\n");
	bind_to("0000:00:01.0", "pcieport");
	put_in_group("0000:00:01.0", "7");
	judge_is(LA_PCI_USABLE, "", "");
	make_device("0000:05:00.1", "0x020000\n", "0x8086\n", "0x10d3\n");
	bind_to("0000:05:00.1", "e1000e");
	put_in_group("0000:05:00.1", "7");
	judge_is(LA_PCI_GROUP, "group 7: 0000:05:00.1 (e1000e); each must be released", "");
	bind_to("0000:05:00.1", "vfio-pci");
	judge_is(LA_PCI_USABLE, "", "");
}

static void
put_sibling(const char *addr, const char *class, const char *driver)
{
	make_device(addr, class, "0x8086\n", "0x1\n");
	bind_to(addr, driver);
	put_in_group(addr, "7");
}

/* A disk, another port, and a bridge with a driver that does DMA: all are named, none is unbound by a command. */
Test(pci, every_device_of_its_group_is_named)
{
	static const char names[] = "0000:00:1f.0 (lpc_ich), 0000:05:00.1 (e1000e), 0000:06:00.0 (ahci)";

	put_sibling("0000:06:00.0", "0x010601\n", "ahci");
	put_sibling("0000:05:00.1", "0x020000\n", "e1000e");
	put_sibling("0000:00:1f.0", "0x060100\n", "lpc_ich");
	put_sibling("0000:00:01.0", "0x060400\n", "pcieport");
	put_sibling("0000:05:00.2", "0x020000\n", "pci-stub");
	judge_is(LA_PCI_KERNEL, names, "modprobe -a vfio-pci vfio_iommu_type1 && " REBIND("vfio-pci"));
	cr_assert_not_null(strstr(v.why, "released from its driver"), "%s", v.why);
	load_vfio();
	judge_is(LA_PCI_GROUP, names, "");
}

Test(pci, uio_needs_hugepages_and_root)
{
	bind_to(ADDR, "uio_pci_generic");
	put(BASE "/uio/uio0/name", "uio_pci_generic\n");
	put("/dev/uio0", "");
	judge_is(LA_PCI_USABLE, "", "");
	cr_assert_str_eq(dev.node_path, "/dev/uio0");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "10\n");
	judge_is(LA_PCI_PLAIN_PAGES, "20 MB are free", PAGES);
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "512\n");
	host.plain_pages = true;
	la_pci_judge(root, &host, &dev, &v);
	cr_assert_eq(v.cause, LA_PCI_PLAIN_PAGES);
	cr_assert_not_null(strstr(v.why, "--no-huge"));
	put("/proc/self/status", "CapEff:\t0000000000000000\n");
	judge_is(LA_PCI_PERMISSION, "uio_pci_generic needs root", "");
}

/* Behind vfio-pci, DPDK gives such a device addresses of the IOMMU, which the device takes for physical ones. */
Test(pci, a_virtio_device_that_reaches_past_the_iommu)
{
	static const char without[] = "0010010000011111110101010000110000000000000000000000000000000000\n";
	static const char with[] = "0010010000011111110101010000110001000000000000000000000000000000\n";

	put_plugin("librte_net_virtio.so.23.0",
		   "\"name\": \"net_virtio\", \"kmod\": \"* igb_uio | uio_pci_generic | vfio-pci\", "
		   "\"pci_ids\": [[6900, 4096, 65535, 65535], [6900, 4161, 65535, 65535]]");
	put(BASE "/vendor", "0x1af4\n");
	put(BASE "/device", "0x1041\n");
	bind_to(ADDR, "uio_pci_generic"); /* the module exists */
	bind_to(ADDR, "virtio-pci");
	put(BASE "/virtio0/features", with);
	judge_is(LA_PCI_KERNEL, "", "modprobe -a vfio-pci vfio_iommu_type1 && " REBIND("vfio-pci"));
	put(BASE "/virtio0/features", without);
	judge_is(LA_PCI_KERNEL, "", REBIND("uio_pci_generic"));
	put(BASE "/irq", "0\n");
	judge_is(LA_PCI_KERNEL, "uio_pci_generic is not possible", "");
	put(BASE "/irq", "11\n");
	take_away(BASE "/virtio0/features");
	take_away(BASE "/driver");
	judge_is(LA_PCI_UNBOUND, "known only while",
		 "modprobe -a vfio-pci vfio_iommu_type1 && " OVERRIDE("vfio-pci") PROBE);
	bind_to(ADDR, "virtio-pci");
	put(BASE "/device", "0x1000\n"); /* transitional */
	judge_is(LA_PCI_KERNEL, "", REBIND("uio_pci_generic"));
	take_away(BASE "/driver");
	judge_is(LA_PCI_UNBOUND, "", OVERRIDE("uio_pci_generic") PROBE);
	load_vfio();
	judge_is(LA_PCI_WRONG_MODULE, "reaches past the IOMMU", REBIND("uio_pci_generic"));
	put("/sys/kernel/iommu_groups/7/name", "vfio-noiommu\n");
	put("/dev/vfio/noiommu-7", "");
	judge_is(LA_PCI_USABLE, "", "");
}

Test(pci, a_virtual_function_takes_no_uio_pci_generic)
{
	put(BASE "/device", "0x1592\n");
	bind_to(ADDR, "uio_pci_generic");
	judge_is(LA_PCI_WRONG_MODULE, "bound to uio_pci_generic, and net_iavf needs",
		 "modprobe -a vfio-pci vfio_iommu_type1 && " REBIND("vfio-pci"));
}

Test(pci, a_device_without_a_legacy_interrupt_takes_no_uio_pci_generic)
{
	take_away(BASE "/iommu_group");
	put_kernel_module("uio/uio_pci_generic.ko");
	put(BASE "/irq", "0\n");
	judge_is(LA_PCI_KERNEL, "neither", "");
}

Test(pci, a_bifurcated_driver_stays_with_the_kernel)
{
	put(BASE "/vendor", "0x15b3\n");
	put(BASE "/device", "0x1013\n");
	bind_to(ADDR, "mlx5_core");
	put("/sys/module/mlx5_core/version", "1\n");
	judge_is(LA_PCI_MODULE_MISSING, "needs its module ib_uverbs", "modprobe ib_uverbs && modprobe mlx5_ib");
	put("/sys/module/ib_uverbs/version", "1\n");
	put("/sys/module/mlx5_ib/version", "1\n");
	judge_is(LA_PCI_USABLE, "", "");
	cr_assert_str_eq(v.warning, "");
	put(BASE "/net/la-nowhere/mtu", "1500\n"); /* in another namespace, perhaps with addresses */
	judge_is(LA_PCI_USABLE, "", "");
	cr_assert_not_null(strstr(v.warning, "takes the frames of la-nowhere from the kernel"), "%s", v.warning);
	bind_to(ADDR, "vfio-pci");
	judge_is(LA_PCI_WRONG_MODULE, "beside the kernel's driver", "echo > " BASE "/driver_override && " UNBIND PROBE);
}

Test(pci, another_process_has_it)
{
	load_vfio();
	put("/proc/99999999/comm", "dpdk-testpmd\n");
	tree_link(root, "/proc/99999999/fd/5", "/dev/vfio/7");
	judge_is(LA_PCI_IN_USE, "process 99999999, dpdk-testpmd has it open (/dev/vfio/7)", "");
}

Test(pci, a_container_without_the_device_file)
{
	load_vfio();
	take_away("/dev/vfio/7");
	judge_is(LA_PCI_PERMISSION, "there is no /dev/vfio/7", "");
}

/* Root of a user namespace is another user outside: a chown to 0 there changes nothing. */
Test(pci, a_user_namespace_gives_no_device_away)
{
	static const char *const folder[] = {"", "/dev", "/dev/vfio"};
	char path[128];

	if (geteuid() != 0)
		cr_skip_test("a test of root");
	load_vfio();
	judge(ADDR);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", root, folder[i]);
		cr_assert_eq(chmod(path, 0755), 0);
	}
	snprintf(path, sizeof(path), "%s/dev/vfio/7", root);
	cr_assert_eq(chmod(path, 0600), 0);
	cr_assert_eq(setresuid(65534, 65534, 0), 0);
	la_pci_judge(root, &host, &dev, &v);
	cr_expect_eq(v.cause, LA_PCI_PERMISSION);
	cr_expect_eq(v.ncommands, 1);
	cr_expect_str_eq(v.command[0], "chown 65534 /dev/vfio/7");
	host.user_namespace = true;
	la_pci_judge(root, &host, &dev, &v);
	cr_expect_eq(v.cause, LA_PCI_PERMISSION);
	cr_expect_eq(v.ncommands, 0);
	cr_assert_eq(setresuid(0, 0, 0), 0);
}

Test(pci, locked_memory_is_limited)
{
	load_vfio();
	judge(ADDR);
	host.lock_limited = true;
	host.lock_mb = 8;
	host.need_mb = 100;
	la_pci_judge(root, &host, &dev, &v);
	cr_assert_eq(v.cause, LA_PCI_MEMLOCK, "%s", v.why);
	cr_assert_not_null(strstr(v.why, "RLIMIT_MEMLOCK is 8 MB, 100 MB"));
	cr_assert_str_eq(v.command[0], "sudo prlimit --memlock=unlimited --pid $$");
	cr_assert(v.as_user);
	host.lock_mb = 128;
	la_pci_judge(root, &host, &dev, &v);
	cr_assert_eq(v.cause, LA_PCI_USABLE, "%s", v.why);
}

Test(pci, a_line_has_the_reason_and_the_commands)
{
	char line[1536];

	bind_to(ADDR, "vfio-pci");
	judge(ADDR);
	la_pci_line(&v, line, sizeof(line));
	cr_assert_str_eq(line, "the kernel module vfio_iommu_type1 is not loaded; as root: modprobe vfio_iommu_type1");
	strcpy(v.warning, "careful");
	v.as_user = true;
	la_pci_line(&v, line, sizeof(line));
	cr_assert_str_eq(line, "the kernel module vfio_iommu_type1 is not loaded; warning: careful; then: modprobe "
			       "vfio_iommu_type1");
}

/* ---- the devices of -a ---- */

#define SECOND "0000:06:00.0"
#define NO_PA "Cannot use IOVA as 'PA' since physical addresses are not available"

/* The first device is usable, and the second one, on uio_pci_generic, has no hugepages. */
static void
two_devices(void)
{
	load_vfio();
	make_device(SECOND, "0x020000\n", "0x8086\n", "0x10d3\n");
	bind_to(SECOND, "uio_pci_generic");
	put("/sys/bus/pci/devices/" SECOND "/uio/uio0/name", "uio_pci_generic\n");
	put("/dev/uio0", "");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n");
}

Test(pci, a_failed_start_names_a_device_only_when_it_is_the_cause)
{
	static const char *const others[] = {
		"",
		"Invalid 'command line' arguments.",
		"lcore 99 is greater than the maximum; Invalid 'command line' arguments.",
		"eal_legacy_hugepage_init(): mmap() failed: Cannot allocate memory; Cannot init memory",
		"invalid parameters for --socket-mem",
	};
	struct la_eal_config cfg = {.args = {"-a", ADDR, "-l", "99", "--allow=" SECOND}, .nargs = 5};
	char err[2048] = "";

	two_devices();
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_not(la_allow_failed(root, &cfg, others[i], err, sizeof(err)), "%s: %s", others[i], err);
	cr_assert(la_allow_failed(root, &cfg, NO_PA, err, sizeof(err)));
	cr_expect_eq(strncmp(err, "-a " SECOND ": uio_pci_generic needs hugepages", 46), 0, "%s", err);
	/* with usable devices alone the reason is elsewhere, --iova-mode=pa for example */
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "512\n");
	cr_expect_not(la_allow_failed(root, &cfg, NO_PA, err, sizeof(err)), "%s", err);
}

/* Returns how often the path below root was opened since the watch began. */
static unsigned
opens_of(int fd, int watch)
{
	char buf[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
	unsigned n = 0;
	ssize_t len;

	while ((len = read(fd, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + len;) {
			const struct inotify_event *e = (const void *)p;

			n += e->wd == watch && (e->mask & IN_OPEN) != 0 && e->len == 0;
			p += sizeof(*e) + e->len;
		}
	return n;
}

/* However many -a there are, each plugin is read once, and each process once. */
Test(pci, drivers_and_users_are_read_once)
{
	static const char *const file[] = {RTE_EAL_PMD_PATH "/librte_net_e1000.so.23.0", "/proc/4321/fd"};
	struct la_eal_config cfg = {.args = {"-a", ADDR, "-a", SECOND, "--allow=" ADDR}, .nargs = 5};
	char path[256], err[2048];

	two_devices();
	put("/proc/4321/fd/1", "");
	for (unsigned i = 0; i < 2; i++) {
		int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), watch;

		tree_path(root, file[i], path, sizeof(path));
		watch = inotify_add_watch(fd, path, IN_OPEN | IN_CLOSE); /* equal events in a row would be one */
		cr_assert(fd >= 0 && watch >= 0);
		cr_assert_eq(la_allow_check(root, &cfg, err, sizeof(err)), 0, "%s", err);
		cr_expect_eq(opens_of(fd, watch), 1, "%s", file[i]);
		close(fd);
	}
}

Test(pci, a_device_of_another_process)
{
	struct la_eal_config cfg = {.args = {"-a", ADDR, "-a", SECOND}, .nargs = 4};
	char err[2048];

	two_devices();
	put("/proc/4321/comm", "testpmd\n");
	put("/proc/4321/fd/1", "");
	tree_link(root, "/proc/4321/fd/7", "/dev/vfio/7");
	cr_expect_eq(la_allow_check(root, &cfg, err, sizeof(err)), -EBUSY);
	cr_expect_str_eq(err, "-a " ADDR ": process 4321, testpmd has it open (/dev/vfio/7)");
}
