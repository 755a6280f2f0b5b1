/* SPDX-License-Identifier: BSD-3-Clause */

/* lib/io (la_cpus_rank(), la_numa_mem()) or the user (-l) chooses the placement. This file checks the placement
 * afterwards, and warns of five common faults, each with a better choice:
 *
 *   a core on another node than its port      every frame crosses the interconnect
 *   tables on another node than their core    every look-up crosses the interconnect
 *   two workers on the threads of one core    while another core is idle
 *   isolated CPUs left unused                 the kernel's work interrupts the other CPUs
 *   a CPU that another lastack polls on       each process has half of the CPU, while another CPU is idle
 */

#include <stdbool.h>
#include <string.h>

#include "run/placement.h"

static const char *
node_text(int node, char *buf, size_t size)
{
	if (node >= 0)
		snprintf(buf, size, "%d", node);
	else
		snprintf(buf, size, "%s", node == -1 ? "any" : "several");
	return buf;
}

/* Returns whether an earlier line of the table has the same worker. */
static bool
placement_seen(const struct la_place *p, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (p[k].worker == p[i].worker)
			return true;
	return false;
}

/* Returns the worker on another hyper-thread of the core of place i; -1: none. */
static int
shares_core(const struct la_place *p, unsigned n, unsigned i, const struct la_cpus *cpus)
{
	const struct la_cpu *mine = la_cpus_find(cpus, p[i].cpu);

	for (unsigned k = 0; k < n && mine != NULL; k++) {
		const struct la_cpu *other = la_cpus_find(cpus, p[k].cpu);

		if (other != NULL && other != mine && other->core == mine->core)
			return (int)p[k].worker;
	}
	return -1;
}

static void
print_table(const struct la_place *p, unsigned n, const struct la_cpus *cpus, FILE *f)
{
	char a[16], b[16], c[16];

	fprintf(f, "placement  port  node  worker  cpu  node  memory\n");
	for (unsigned i = 0; i < n; i++) {
		const struct la_cpu *cpu = la_cpus_find(cpus, p[i].cpu);
		int thread = shares_core(p, n, i, cpus);

		fprintf(f, "           %4u  %4s  %6u  %3u  %4s  %s%s", p[i].port,
			node_text(p[i].port_node, a, sizeof(a)), p[i].worker, p[i].cpu,
			node_text(cpu ? cpu->node : -1, b, sizeof(b)),
			p[i].memory_node == -1 ? "not known" : node_text(p[i].memory_node, c, sizeof(c)),
			p[i].memory_node == -1 ? "" : ", verified");
		if (cpu != NULL && cpu->isolated)
			fprintf(f, "; isolated");
		if (cpu != NULL && cpu->taken)
			fprintf(f, "; another lastack's too");
		if (thread >= 0)
			fprintf(f, "; hyper-thread of worker %d's core", thread);
		fprintf(f, "\n");
	}
}

/* Returns whether the ports are on different nodes. */
static bool
placement_has_nodes(const struct la_place *p, unsigned n)
{
	int node = -1;

	for (unsigned i = 0; i < n; i++) {
		if (node >= 0 && p[i].port_node >= 0 && p[i].port_node != node)
			return true;
		node = p[i].port_node >= 0 ? p[i].port_node : node;
	}
	return false;
}

/* Prints the best CPUs for this number of workers of a port on that node, as in "; better: -l 2,3,4". No list suits ports
 * on different nodes: lcores have the order of their numbers. */
static void
placement_advise(const struct la_place *p, unsigned n, const struct la_cpus *cpus, int node, unsigned workers, FILE *f)
{
	struct la_cpus best = *cpus;

	if (placement_has_nodes(p, n)) {
		fprintf(f, "; better: a process for the ports of each node\n");
		return;
	}
	la_cpus_rank(&best, node);
	fprintf(f, "; better: -l ");
	for (unsigned i = 0; i < workers && i < best.n; i++)
		fprintf(f, "%s%u", i > 0 ? "," : "", best.cpu[i].id);
	fprintf(f, "\n");
}

static unsigned
placement_count_cores(const struct la_cpus *cpus)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cpus->n; i++) {
		bool first = true;

		for (unsigned k = 0; k < i; k++)
			first &= cpus->cpu[k].core != cpus->cpu[i].core;
		n += first;
	}
	return n;
}

static bool
has_node(const struct la_cpus *cpus, int node)
{
	for (unsigned i = 0; i < cpus->n; i++)
		if (cpus->cpu[i].node == node)
			return true;
	return false;
}

unsigned
la_placement_say(const struct la_place *p, unsigned n, const struct la_cpus *cpus, FILE *table, FILE *warn)
{
	unsigned workers = 0, warnings = 0, isolated = 0;
	bool threads = false;

	for (unsigned i = 0; i < n; i++)
		workers += !placement_seen(p, i);
	if (table != NULL)
		print_table(p, n, cpus, table);
	for (unsigned i = 0; i < n; i++) {
		const struct la_cpu *cpu = la_cpus_find(cpus, p[i].cpu);
		int node = cpu ? cpu->node : -1, thread = shares_core(p, n, i, cpus);

		if (p[i].port_node >= 0 && node >= 0 && node != p[i].port_node) {
			fprintf(warn, "warning: port %u is on node %d, its worker %u on cpu %u of node %d", p[i].port,
				p[i].port_node, p[i].worker, p[i].cpu, node);
			if (has_node(cpus, p[i].port_node))
				placement_advise(p, n, cpus, p[i].port_node, workers, warn);
			else
				fprintf(warn, "; this process may use no cpu of node %d (taskset, cpuset)\n",
					p[i].port_node);
			warnings++;
		}
		if (node >= 0 && p[i].memory_node != -1 && p[i].memory_node != node) {
			fprintf(warn,
				"warning: tables of worker %u, on node %d, are not on that node: is its memory full? "
				"numactl -H\n",
				p[i].worker, node);
			warnings++;
		}
		if (thread >= 0 && !threads && placement_count_cores(cpus) >= workers) {
			fprintf(warn, "warning: workers %u and %d run on two threads of one core", p[i].worker, thread);
			placement_advise(p, n, cpus, p[i].port_node, workers, warn);
			threads = true; /* one warning; the table shows all such workers */
			warnings++;
		}
		if (cpu != NULL && cpu->taken && !placement_seen(p, i) && la_cpus_untaken(cpus) >= workers) {
			fprintf(warn, "warning: another lastack polls on cpu %u of worker %u", p[i].cpu, p[i].worker);
			placement_advise(p, n, cpus, p[i].port_node, workers, warn);
			warnings++;
		}
		isolated += cpu != NULL && cpu->isolated;
	}
	if (isolated == 0 && cpus->isolated_elsewhere > 0) {
		fprintf(warn,
			"warning: %u isolated CPUs are not used: this process may not run on them; start it with "
			"taskset -c or give -l\n",
			cpus->isolated_elsewhere);
		warnings++;
	}
	return warnings;
}
