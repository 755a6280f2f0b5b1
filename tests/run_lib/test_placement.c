/* SPDX-License-Identifier: BSD-3-Clause */

/* CPUs of a made-up sysfs, the choice among them, and warnings about a bad choice. */

#include <sched.h>
#include <stdarg.h>

#include "../support/tree.h"
#include "run/placement.h"

/* Two nodes of two cores with two threads each, numbered as many BIOSes do:
 *
 *   node 0: core 0 = cpu 0, 4   core 1 = cpu 1, 5        node 1: core 2 = cpu 2, 6   core 3 = cpu 3, 7
 */
static char sys[64];
static cpu_set_t all;
static struct la_cpus cpus;

static void __attribute__((format(printf, 2, 3))) put(const char *text, const char *fmt, ...)
{
	char path[256], line[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "%s\n", text);
	tree_put(sys, path, line);
}

static void
set_up(void)
{
	tree_make(sys, sizeof(sys));
	CPU_ZERO(&all);
	for (unsigned i = 0; i < 8; i++) {
		char siblings[16];

		snprintf(siblings, sizeof(siblings), "%u,%u", i % 4, i % 4 + 4);
		put(siblings, "devices/system/cpu/cpu%u/topology/thread_siblings_list", i);
		put("", "devices/system/cpu/cpu%u/node%u/x", i, i % 4 / 2);
		CPU_SET(i, &all);
	}
	put("", "devices/system/cpu/isolated");
	put("1", "class/net/eth9/device/numa_node");
	put("-1", "class/net/eth8/device/numa_node");
	put("1", "bus/pci/devices/0000:05:00.0/numa_node");
}

static void
tear_down(void)
{
	tree_remove(sys);
}

TestSuite(placement, .init = set_up, .fini = tear_down);

static void
expect_rank(int node, const char *want)
{
	char got[64] = "";

	la_cpus_read(sys, &all, sizeof(all), &cpus);
	la_cpus_rank(&cpus, node);
	for (unsigned i = 0; i < cpus.n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%u ", cpus.cpu[i].id);
	cr_assert_str_eq(got, want);
}

Test(placement, the_ports_node_ranks_first_then_one_thread_of_each_core)
{
	expect_rank(-1, "0 1 2 3 4 5 6 7 ");
	expect_rank(1, "2 3 6 7 0 1 4 5 ");
	expect_rank(0, "0 1 4 5 2 3 6 7 ");
	CPU_CLR(1, &all); /* CPU 5, its sibling, is now the first thread of the core */
	expect_rank(0, "0 5 4 2 3 6 7 ");
}

Test(placement, isolated_cpus_rank_first_within_a_node)
{
	put("3,6-7", "devices/system/cpu/isolated");
	expect_rank(-1, "3 6 7 0 1 2 4 5 ");
	expect_rank(0, "0 1 4 5 3 6 7 2 ");
	CPU_CLR(6, &all);
	expect_rank(-1, "3 7 0 1 2 4 5 ");
	cr_assert_eq(cpus.isolated_elsewhere, 1);
}

Test(placement, without_topology_cpus_rank_by_number)
{
	la_cpus_read("/nowhere", &all, sizeof(all), &cpus);
	la_cpus_rank(&cpus, 1);
	cr_assert_eq(cpus.n, 8);
	for (unsigned i = 0; i < 8; i++) {
		cr_assert_eq(cpus.cpu[i].id, i);
		cr_assert_eq(cpus.cpu[i].node, -1);
	}
}

Test(placement, node_of_a_device)
{
	cr_assert_eq(la_numa_node_of_device(sys, "eth9"), 1);
	cr_assert_eq(la_numa_node_of_device(sys, "eth9,qpairs=1"), 1);
	cr_assert_eq(la_numa_node_of_device(sys, "eth8"), -1);
	cr_assert_eq(la_numa_node_of_device(sys, "eth7"), -1);
	cr_assert_eq(la_numa_node_of_device(sys, ""), -1);
	cr_assert_eq(la_numa_node_of_device(sys, NULL), -1);
	cr_assert_eq(la_numa_node_of_device(sys, "0000:05:00.0"), 1);
	cr_assert_eq(la_numa_node_of_device(sys, "05:00.0,txd=1"), 1);
}

static char text[4096]; /* the warnings */

/* Writes the warnings about two workers of port 0 on cpu0 and cpu1 to `text`, and returns their number. Another lastack
 * polls on CPU `taken`; -1: on no CPU. */
static unsigned
warnings_beside(int taken, unsigned cpu0, unsigned cpu1, int port_node, int memory)
{
	struct la_place p[] = {{0, port_node, 0, cpu0, memory}, {0, port_node, 1, cpu1, memory}};
	static char table[4096];
	FILE *f = fmemopen(text, sizeof(text), "w"), *t = fmemopen(table, sizeof(table), "w");
	unsigned n;

	la_cpus_read(sys, &all, sizeof(all), &cpus);
	for (unsigned i = 0; i < cpus.n; i++)
		cpus.cpu[i].taken = cpus.cpu[i].id == taken;
	n = la_placement_say(p, 2, &cpus, t, f);
	fclose(f);
	fclose(t);
	cr_assert_not_null(strstr(table, "placement"));
	return n;
}

/* warnings_beside() without another lastack. */
static unsigned
warnings(unsigned cpu0, unsigned cpu1, int port_node, int memory)
{
	return warnings_beside(-1, cpu0, cpu1, port_node, memory);
}

Test(placement, a_cpu_of_another_lastack_is_reported)
{
	cr_assert_eq(warnings_beside(0, 0, 1, -1, -1), 1);
	cr_assert_not_null(strstr(text, "another lastack polls on cpu 0 of worker 0; better: -l 1,2"), "%s", text);
	cr_assert_eq(warnings_beside(0, 1, 2, -1, -1), 0, "%s", text);
	for (unsigned cpu = 2; cpu < 8; cpu++)
		CPU_CLR(cpu, &all);
	cr_assert_eq(warnings_beside(0, 0, 1, -1, -1), 0, "a warning without a better placement: %s", text);
}

Test(placement, a_good_placement_has_no_warning)
{
	cr_assert_eq(warnings(2, 3, 1, 1), 0, "%s", text);
	cr_assert_eq(warnings(0, 1, -1, -1), 0, "%s", text);
}

Test(placement, a_bad_placement_has_a_warning_with_a_better_one)
{
	cr_assert_eq(warnings(0, 1, 1, 0), 2);
	cr_assert_not_null(strstr(text, "better: -l 2,3"), "%s", text);
	cr_assert_eq(warnings(2, 6, 1, 1), 1);
	cr_assert_not_null(strstr(text, "one core; better: -l 2,3"), "%s", text);
	cr_assert_eq(warnings(2, 3, 1, 0), 2); /* the tables of both workers */
	cr_assert_not_null(strstr(text, "are not on that node"), "%s", text);
	CPU_CLR(2, &all);
	CPU_CLR(3, &all);
	CPU_CLR(6, &all);
	CPU_CLR(7, &all);
	cr_assert_eq(warnings(0, 1, 1, 0), 2);
	cr_assert_not_null(strstr(text, "may use no cpu of node 1"), "%s", text);
}

/* No list of -l suits two ports on two nodes: lcores have the order of their numbers. */
Test(placement, ports_on_two_nodes_get_no_list)
{
	struct la_place p[] = {{0, 1, 0, 2, 1}, {1, 0, 1, 3, 1}};
	FILE *f = fmemopen(text, sizeof(text), "w");

	la_cpus_read(sys, &all, sizeof(all), &cpus);
	cr_assert_eq(la_placement_say(p, 2, &cpus, NULL, f), 1);
	fclose(f);
	cr_assert_not_null(strstr(text, "port 1 is on node 0, its worker 1 on cpu 3 of node 1; better: a process for"),
			   "%s", text);
	cr_assert_null(strstr(text, "-l"), "%s", text);
}

Test(placement, unused_isolated_cpus_are_reported)
{
	put("3,7", "devices/system/cpu/isolated");
	CPU_CLR(3, &all);
	CPU_CLR(7, &all);
	cr_assert_eq(warnings(0, 1, -1, 0), 1);
	cr_assert_not_null(strstr(text, "2 isolated CPUs are not used"), "%s", text);
}
