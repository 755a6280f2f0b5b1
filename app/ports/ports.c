/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/opts.h"
#include "cli/session.h"
#include "ports/ports.h"

static struct {
	bool json, open;
} opts;

static const struct opt ports_opts[] = {
	{.kind = OPT_HEADING, .help = "Output"},
	{.name = "json", .kind = OPT_FLAG, .dst = &opts.json, .help = "print JSON on standard output"},
	{.name = "open",
	 .kind = OPT_FLAG,
	 .dst = &opts.open,
	 .help = "open each PCI device that is usable and that no process has, and print what lastack uses of it:\n"
		 "queues, RSS, checksums, MTU and link. The device is reset. None whose interface the kernel uses\n"
		 "(mlx4, mlx5)"},
	OPT_END,
};

static const struct opt *const tables[] = {ports_opts, NULL};

static void
help(void)
{
	printf("NAME\n"
	       "       lastack ports - the devices of this machine that lastack can use, and what the others lack\n"
	       "\n"
	       "SYNOPSIS\n"
	       "       lastack ports [OPTIONS]\n"
	       "\n"
	       "DESCRIPTION\n"
	       "       Lists the PCI network devices, whatever driver they are bound to, the kernel's interfaces\n"
	       "       for AF_PACKET and AF_XDP, and the virtual ports, each with its drivers, NUMA node and link,\n"
	       "       and what lastack uses of it. For a port that is not usable now, the first reason and the\n"
	       "       commands that change it follow, to be copied into a root shell. A warning says what they take\n"
	       "       from the kernel. lastack runs none of them.\n"
	       "       No root is needed; without root the processes of other users are invisible.\n"
	       "\n"
	       "       The facts come from /sys, /proc and the files of DPDK's drivers. Without --open no device\n"
	       "       is opened. server, client and load name the same reason when -a names such a device.\n"
	       "\n"
	       "OPTIONS\n");
	opt_help(tables, stdout);
	printf("\n"
	       "EXAMPLES\n"
	       "       lastack ports\n"
	       "       lastack ports --json | jq -r '.pci[] | select(.usable) | .address'\n"
	       "       lastack ports --json | jq -r '.pci[0].commands[]' >bind.sh && sudo sh -e bind.sh\n"
	       "\n"
	       "FILES\n"
	       "       --json prints one object: pci [{address, id, kernel_driver, dpdk_driver, numa_node,\n"
	       "       iommu_group, interfaces, usable, cause, why, warning, commands, uses, open_error, undo}],\n"
	       "       interfaces [{name, driver, device, numa_node, up, carrier, speed_mbps, mtu, rx_queues,\n"
	       "       tx_queues, addresses, ports [{option, argument, usable, cause, why, warning, commands,\n"
	       "       uses}]}], virtual (as ports), vdev_drivers, machine. null: unknown, or none. A command of\n"
	       "       commands and undo is right only after the success of the one before: run them with sh -e.\n"
	       "       A byte of a name that is not printable UTF-8 is \\xNN. The causes: usable,\n"
	       "       no_dpdk_driver, kernel_driver, not_bound, wrong_module, module_missing, no_iommu,\n"
	       "       no_vfio_iommu_type1, no_interrupt_remapping, group_in_use, plain_pages, permission, memlock,\n"
	       "       in_use, down, not_ethernet.\n"
	       "\n"
	       "EXIT STATUS\n"
	       "       0  the list was printed\n"
	       "       1  --open: a usable device did not open; or the output could not be written\n"
	       "       2  wrong command line\n");
}

static int
run(int argc, char **argv)
{
	static struct ports p;
	int status = EXIT_OK;
	char err[512] = "";

	switch (opt_parse(argc, argv, tables, err, sizeof(err))) {
	case OPT_HELP:
		help();
		return EXIT_OK;
	case OPT_BAD:
		return usage_error("ports", err);
	case OPT_OK:
		break;
	}
	ports_find(&p, "");
	if (opts.open) {
		unsigned failed = ports_open(&p);

		if (failed > 0) {
			fprintf(stderr, "lastack ports: %u usable device%s did not open: the list has the reason\n",
				failed, failed == 1 ? "" : "s");
			status = EXIT_FAILED;
		}
	}
	if (opts.json) {
		json_t *o = ports_json(&p);

		if (o == NULL || json_dumpf(o, stdout, JSON_INDENT(2)) < 0) {
			fprintf(stderr, "lastack ports: cannot write the JSON\n");
			status = EXIT_FAILED;
		}
		putchar('\n');
		json_decref(o);
	} else {
		ports_text(&p, stdout);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "lastack ports: cannot write: %s\n", strerror(errno));
		status = EXIT_FAILED;
	}
	return status;
}

const struct command command_ports = {
	.name = "ports",
	.summary = "the devices of this machine that lastack can use, and what the others lack",
	.synopsis = "[OPTIONS]",
	.common = "json open",
	.tables = tables,
	.run = run,
};
