/* SPDX-License-Identifier: BSD-3-Clause */

/* lastack ports: the list of a machine that exists as a tree of files. */

#include <sys/resource.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <rte_build_config.h>

#include "../support/tree.h"
#include "ports/ports.h"

static char root[64];
static struct ports p;

static void
put(const char *path, const char *text)
{
	tree_put(root, path, text);
}

static void
put_pci(const char *addr, const char *device, const char *driver)
{
	static const char *const file[] = {"class", "vendor", "device", "irq"};
	const char *text[] = {"0x020000\n", "0x8086\n", device, "11\n"};
	char path[128], to[128];

	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", addr, file[i]);
		put(path, text[i]);
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", addr);
	snprintf(to, sizeof(to), "../../drivers/%s", driver);
	tree_link(root, path, to);
}

static void
put_interface(const char *name, const char *type, const char *flags, const char *carrier)
{
	static const char *const file[] = {"ifindex", "type",  "flags",		"carrier",
					   "mtu",     "speed", "queues/rx-0/x", "queues/tx-0/x"};
	const char *text[] = {"2\n", type, flags, carrier, "1500\n", "1000\n", "", ""};
	char path[128];

	for (unsigned i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, file[i]);
		put(path, text[i]);
	}
}

/* A machine without an IOMMU: one device of the kernel, one bound to uio_pci_generic, one without a DPDK driver. */
static void
set_up(void)
{
	tree_make(root, sizeof(root));
	put(RTE_EAL_PMD_PATH "/librte_net_e1000.so.23.0",
	    "PMD_INFO_STRING= {\"name\": \"net_e1000_em\", \"kmod\": \"* igb_uio | uio_pci_generic | vfio-pci\", "
	    "\"pci_ids\": [[32902, 4110, 65535, 65535]]}");
	put(RTE_EAL_PMD_PATH "/librte_net_all.so.23.0", "");
	put_pci("0000:00:03.0", "0x100e\n", "e1000");
	put_pci("0000:00:04.0", "0x100e\n", "uio_pci_generic");
	put_pci("0000:00:05.0", "0x9999\n", "whatever");
	put("/sys/bus/pci/devices/0000:00:03.0/net/la-eth/mtu", "1500\n");
	put("/sys/bus/pci/devices/0000:00:04.0/uio/uio0/name", "x\n");
	put("/dev/uio0", "");
	put("/dev/net/tun", "");
	put("/sys/bus/pci/drivers/uio_pci_generic/bind", "");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "512\n");
	put("/proc/self/status", "CapEff:\t000001ffffffffff\n");
	put_interface("la-eth", "1\n", "0x1003\n", "1\n");
	put_interface("la-down", "1\n", "0x1002\n", "0\n");
	put_interface("la-tun", "65534\n", "0x1003\n", "1\n");
	put("/sys/class/net/bonding_masters", "\n");
}

static void
tear_down(void)
{
	tree_remove(root);
}

TestSuite(ports, .init = set_up, .fini = tear_down);

/* The plugins of the virtual drivers are one file: a text ends with a zero byte. */
static void
put_virtual_drivers(void)
{
	static const char *const name[] = {"net_tap", "net_af_packet", "net_af_xdp", "net_memif", "net_null"};
	char path[512];
	FILE *f;

	tree_path(root, RTE_EAL_PMD_PATH "/librte_net_all.so.23.0", path, sizeof(path));
	f = fopen(path, "w");
	cr_assert_not_null(f);
	for (unsigned i = 0; i < 5; i++)
		fprintf(f, "PMD_INFO_STRING= {\"name\": \"%s\", \"params\": \"x=<int>\", \"pci_ids\": []}%c", name[i],
			0);
	fclose(f);
	/* ends the PCI driver's text */
	tree_path(root, RTE_EAL_PMD_PATH "/librte_net_e1000.so.23.0", path, sizeof(path));
	f = fopen(path, "a");
	cr_assert_not_null(f);
	fputc(0, f);
	fclose(f);
}

static char *
text(void)
{
	char *buf = NULL;
	size_t size;
	FILE *f = open_memstream(&buf, &size);

	ports_find(&p, root);
	ports_text(&p, f);
	fclose(f);
	return buf;
}

static void
has(const char *all, const char *part)
{
	cr_assert_not_null(strstr(all, part), "no '%s' in\n%s", part, all);
}

Test(ports, the_text_has_each_device)
{
	char *all;

	put_virtual_drivers();
	all = text();
	has(all, "0000:00:03.0  id 8086:100e, kernel driver e1000, DPDK driver net_e1000_em, NUMA node unknown\n");
	has(all, "the kernel's driver e1000 uses it as la-eth (addresses unknown");
	has(all, "as root     echo uio_pci_generic > /sys/bus/pci/devices/0000:00:03.0/driver_override && \\\n");
	has(all, "                  echo 0000:00:03.0 > /sys/bus/pci/drivers_probe\n");
	has(all, "usable      -a 0000:00:04.0\n");
	has(all, "example     lastack server -a 0000:00:04.0 --addr 10.0.0.2/24 --http 80\n");
	has(all, "undo        echo > /sys/bus/pci/devices/0000:00:04.0/driver_override && \\\n");
	has(all, "DPDK driver none");
	has(all, "la-eth  kernel driver none, NUMA node unknown, link up at 1000 Mb/s, MTU 1500, no address\n");
	has(all, "usable      --veth la-eth\n");
	has(all, "not now     --veth la-down: it is down\n      as root     ip link set la-down up\n");
	has(all, "not now     --veth la-tun: it is no Ethernet interface\n");
	has(all, "usable      --tap NAME\n");
	cr_assert_null(strstr(all, "bonding_masters"));
	free(all);
}

Test(ports, a_virtual_port_needs_its_driver_and_rights)
{
	static const struct rlimit lock = {8 << 20, 8 << 20};
	char *all = text();

	has(all, "--veth la-eth: DPDK's driver net_af_packet is not installed");
	free(all);
	put_virtual_drivers();
	put("/proc/self/status", "CapEff:\t0000000000000000\n");
	all = text();
	has(all, "--veth la-eth: this process lacks CAP_NET_RAW");
	has(all, "--xdp la-eth: this process lacks CAP_NET_RAW");
	has(all, "--tap NAME: this process lacks CAP_NET_ADMIN");
	has(all, "usable      --memif SOCKET\n");
	free(all);
	put("/proc/self/status", "CapEff:\t0000000000003000\n"); /* CAP_NET_ADMIN and CAP_NET_RAW */
	all = text();
	has(all, "usable      --veth la-eth\n");
	has(all, "CAP_BPF");
	free(all);
	put("/proc/self/status", "CapEff:\t0000000000203000\n"); /* and CAP_SYS_ADMIN */
	cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &lock), 0);
	all = text();
	has(all, "--xdp la-eth: this process lacks CAP_IPC_LOCK or a larger RLIMIT_MEMLOCK");
	has(all, "prlimit --memlock=unlimited");
	free(all);
	put("/proc/self/status", "CapEff:\t000001ffffffffff\n");
	put("/proc/self/uid_map", "0 1000 1\n");
	all = text();
	has(all, "usable      --veth la-eth\n");
	has(all, "--xdp la-eth: AF_XDP needs CAP_BPF and CAP_SYS_ADMIN outside of a user namespace");
	free(all);
}

Test(ports, an_interface_of_another_lastack_is_in_use)
{
	char *all;

	put_virtual_drivers();
	put("/proc/net/unix", "Num RefCount Path\n0000: 00000002 00000000 00010000 0001 01 77 @lastack/if/la-eth2\n"
			      "0000: 00000002 00000000 00010000 0001 01 78 @lastack/if/la-eth\n"
			      "0000: 00000002 00000000 00010000 0001 01 79 @lastack/pci/0000:00:04.0\n");
	all = text();
	has(all, "not now     --veth la-eth: another lastack has it\n");
	has(all, "not now     --veth la-down: it is down\n");
	has(all, "not now     -a 0000:00:04.0: another lastack has it\n");
	free(all);
}

/* A process has the device: the commands would wait for it, or take the device from it. */
Test(ports, a_device_in_use_has_no_undo)
{
	char *all;

	put_virtual_drivers();
	put("/proc/99999999/comm", "a\377b\033\n");
	tree_link(root, "/proc/99999999/fd/5", "/dev/uio0");
	all = text();
	has(all, "a\\xffb\\x1b has");
	cr_assert_null(strstr(all, "undo"), "%s", all);
	free(all);
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n"); /* the process has them */
	all = text();
	has(all, "needs hugepages");
	cr_assert_null(strstr(all, "undo"), "%s", all);
	free(all);
}

/* lo stands for an interface with an address. */
Test(ports, a_port_that_takes_frames_from_the_kernel_has_a_warning)
{
	json_t *o, *xdp;
	char *all;

	put_virtual_drivers();
	put_interface("lo", "1\n", "0x1003\n", "1\n");
	put("/sys/class/net/lo/ifindex", "1\n");
	all = text();
	if (p.kif[3].addresses[0] == '\0')
		cr_skip_test("lo has no address here");
	has(all, "warning     lastack takes the frames of its queue from the kernel, which uses lo (127.0.0.1/8");
	free(all);
	o = ports_json(&p);
	xdp = json_array_get(json_object_get(json_array_get(json_object_get(o, "interfaces"), 3), "ports"), 1);
	cr_assert_not_null(strstr(json_string_value(json_object_get(xdp, "warning")), "127.0.0.1"));
	xdp = json_array_get(json_object_get(json_array_get(json_object_get(o, "interfaces"), 1), "ports"), 1);
	cr_assert(json_is_null(json_object_get(xdp, "warning")));
	json_decref(o);
}

Test(ports, open_leaves_out_what_the_kernel_uses)
{
	struct ports_pci pp = {.verdict = {.cause = LA_PCI_USABLE}};

	cr_assert(ports_may_open(&pp));
	strcpy(pp.verdict.warning, "lastack takes the frames of eth0 from the kernel");
	cr_assert_not(ports_may_open(&pp));
	pp = (struct ports_pci){.verdict = {.cause = LA_PCI_IN_USE}};
	cr_assert_not(ports_may_open(&pp));
}

/* An interface's name may have any bytes but '/' and space: it is listed, and is no part of a command. */
Test(ports, an_interface_with_a_strange_name)
{
	json_t *o, *kif;
	char *all;

	put_virtual_drivers();
	put_interface("$(x)\377", "1\n", "0x1002\n", "0\n");
	all = text();
	has(all, "not now     --veth $(x)\\xff: it is down\n");
	cr_assert_null(strstr(all, "ip link set $"), "%s", all);
	free(all);
	o = ports_json(&p);
	cr_assert_eq(json_array_size(json_object_get(o, "interfaces")), 4);
	kif = json_array_get(json_object_get(o, "interfaces"), 0);
	cr_assert_str_eq(json_string_value(json_object_get(kif, "name")), "$(x)\\xff");
	all = json_dumps(o, 0);
	cr_assert_not_null(all);
	free(all);
	json_decref(o);
}

Test(ports, json_has_the_verdicts)
{
	json_t *o, *pci, *kifs;

	put_virtual_drivers();
	ports_find(&p, root);
	o = ports_json(&p);
	pci = json_object_get(o, "pci");
	kifs = json_object_get(o, "interfaces");
	cr_assert_eq(json_array_size(pci), 3);
	cr_assert_eq(json_array_size(kifs), 3);
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(pci, 0), "cause")), "kernel_driver");
	cr_assert_eq(json_array_size(json_object_get(json_array_get(pci, 0), "commands")), 3);
	cr_assert(json_is_true(json_object_get(json_array_get(pci, 1), "usable")));
	cr_assert_eq(json_array_size(json_object_get(json_array_get(pci, 1), "undo")), 3);
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(pci, 2), "cause")), "no_dpdk_driver");
	cr_assert(json_is_null(json_object_get(json_array_get(pci, 2), "dpdk_driver")));
	cr_assert_eq(json_array_size(json_object_get(o, "virtual")), 3);
	cr_assert(json_is_object(json_object_get(o, "machine")));
	json_decref(o);
}

/* Devices that are no PCI devices: EAL's -a takes any name. */
static void
add_usable(const char *name)
{
	struct la_pci_dev *d = &p.dev[p.npci++];

	snprintf(d->addr, sizeof(d->addr), "%s", name);
	cr_assert_eq(p.pci[p.npci - 1].verdict.cause, LA_PCI_USABLE);
}

/* The first and the fourth device do not open; the fourth is a PCI address without a device. */
Test(ports, a_device_that_does_not_open_leaves_the_others)
{
	add_usable("net_af_packet0"); /* without an interface */
	add_usable("net_null0");
	add_usable("net_ring0");
	add_usable("0000:ff:1f.7");
	add_usable("net_null1");
	cr_expect_eq(ports_open(&p), 2);
	cr_expect(p.pci[0].open_failed && p.pci[0].opened[0] != '\0', "%s", p.pci[0].opened);
	cr_expect(p.pci[3].open_failed);
	cr_expect(strstr(p.pci[3].opened, "no PCI device at this address"), "%s", p.pci[3].opened);
	for (unsigned i = 1; i < 5; i++) {
		if (i == 3)
			continue;
		cr_expect_not(p.pci[i].open_failed, "%s: %s", p.dev[i].addr, p.pci[i].opened);
		cr_expect(strstr(p.pci[i].opened, p.dev[i].addr), "%s", p.pci[i].opened);
		cr_expect(strstr(p.pci[i].opened, "checksums: software"), "%s", p.pci[i].opened);
	}
}

/* A pass over the processes opens their folders once, whatever the number of devices. */
Test(ports, processes_are_read_once)
{
	char path[128], event[4096];
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	put("/proc/4321/fd/1", "");
	tree_path(root, "/proc/4321/fd", path, sizeof(path));
	cr_assert(fd >= 0 && inotify_add_watch(fd, path, IN_OPEN | IN_CLOSE) >= 0);
	ports_find(&p, root);
	cr_assert_geq(p.npci, 3u);
	cr_expect_eq(read(fd, event, sizeof(event)), 2 * (ssize_t)sizeof(struct inotify_event),
		     "opened and closed once");
	close(fd);
}
