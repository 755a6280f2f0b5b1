/* SPDX-License-Identifier: BSD-3-Clause */

/* Placement works on address ranges, not on threads: la_mem_default maps the range untouched, mbind(2) sets its policy,
 * and its pages come from the node when any thread first touches them. So the main thread may create the shard of a
 * worker on another node.
 *
 * The CPUs are read from sysfs: they are chosen before EAL starts. */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <numa.h>
#include <numaif.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "io/numa.h"
#include "io/sysfs.h"

static void *
alloc_on_node(void *ctx, size_t size, size_t align)
{
	void *p = la_mem_alloc(&la_mem_default, size, align);
	struct bitmask *mask;

	if (p == NULL)
		return NULL;
	mask = numa_allocate_nodemask();
	if (mask == NULL)
		return p;
	numa_bitmask_setbit(mask, (unsigned)(uintptr_t)ctx);
	/* Best effort: a container may forbid mbind(); memory of another node still works. */
	(void)mbind(p, size, MPOL_PREFERRED, mask->maskp, mask->size + 1, 0);
	numa_free_nodemask(mask);
	return p;
}

static void
free_on_node(void *ctx, void *p, size_t size)
{
	(void)ctx;
	la_mem_free(&la_mem_default, p, size);
}

static bool
is_allowed(int node)
{
	struct bitmask *allowed = numa_get_mems_allowed();
	bool yes = node <= numa_max_node() && numa_bitmask_isbitset(allowed, (unsigned)node);

	numa_free_nodemask(allowed);
	return yes;
}

int
la_numa_mem(int node, struct la_mem_ops *ops)
{
	*ops = la_mem_default;
	if (node < 0 || numa_available() < 0 || !is_allowed(node))
		return -1;
	*ops = (struct la_mem_ops){
		.alloc = alloc_on_node,
		.free = free_on_node,
		.ctx = (void *)(uintptr_t)node,
	};
	return node;
}

int
la_numa_node_of(const void *p)
{
	void *page = (void *)((uintptr_t)p & ~(uintptr_t)4095);
	int status = -1;

	/* Without target nodes move_pages(2) only returns the node of the page. */
	if (numa_available() < 0 || move_pages(0, 1, &page, NULL, &status, 0) < 0 || status < 0)
		return -1;
	return status;
}

/* ---- CPUs ---- */

/* list: CPUs, as in "0,2-3". Returns whether `cpu` is in the list; with cpu = UINT_MAX: the number of CPUs in the list.
 * *first: the lowest CPU of the list. */
static unsigned
in_list(const char *list, unsigned cpu, unsigned *first)
{
	unsigned found = 0;

	*first = UINT_MAX;
	while (*list >= '0' && *list <= '9') {
		char *end;
		unsigned lo = (unsigned)strtoul(list, &end, 10), hi = lo;

		if (*end == '-')
			hi = (unsigned)strtoul(end + 1, &end, 10);
		*first = lo < *first ? lo : *first;
		found += cpu == UINT_MAX ? hi - lo + 1 : cpu >= lo && cpu <= hi;
		list = *end == ',' ? end + 1 : end;
	}
	return found;
}

static int16_t
node_of_cpu(const char *sys, unsigned id)
{
	char path[512];
	struct dirent *d;
	int16_t node = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/devices/system/cpu/cpu%u", sys, id);
	dir = opendir(path);
	while (dir != NULL && node < 0 && (d = readdir(dir)) != NULL) {
		if (strncmp(d->d_name, "node", 4) == 0 && d->d_name[4] >= '0' && d->d_name[4] <= '9')
			node = (int16_t)strtol(d->d_name + 4, NULL, 10);
	}
	if (dir != NULL)
		closedir(dir);
	return node;
}

void
la_cpus_read(const char *sys, const cpu_set_t *set, size_t set_size, struct la_cpus *c)
{
	char isolated[1024] = "", line[256];
	unsigned first;

	memset(c, 0, sizeof(*c));
	(void)la_sysfs_line(isolated, sizeof(isolated), "%s/devices/system/cpu/isolated", sys);
	c->isolated_elsewhere = in_list(isolated, UINT_MAX, &first);
	for (unsigned id = 0; id < set_size * 8 && c->n < LA_CPUS_MAX; id++) {
		struct la_cpu *cpu = &c->cpu[c->n];

		if (!CPU_ISSET_S(id, set_size, set))
			continue;
		*cpu = (struct la_cpu){.id = (uint16_t)id, .core = (uint16_t)id, .node = node_of_cpu(sys, id)};
		if (la_sysfs_line(line, sizeof(line), "%s/devices/system/cpu/cpu%u/topology/thread_siblings_list", sys,
				  id) &&
		    in_list(line, id, &first))
			cpu->core = (uint16_t)first;
		cpu->isolated = in_list(isolated, id, &first);
		c->isolated_elsewhere -= cpu->isolated;
		c->n++;
	}
}

static bool
second_thread(const struct la_cpus *c, const struct la_cpu *cpu)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->cpu[i].core == cpu->core && c->cpu[i].id < cpu->id)
			return true;
	return false;
}

void
la_cpus_rank(struct la_cpus *c, int node)
{
	uint32_t key[LA_CPUS_MAX];

	for (unsigned i = 0; i < c->n; i++) {
		const struct la_cpu *cpu = &c->cpu[i];

		/* a taken CPU is worse than a free one on another node */
		key[i] = (uint32_t)cpu->taken << 31 | (uint32_t)(node >= 0 && cpu->node != node) << 30 |
			 (uint32_t)!cpu->isolated << 29 | (uint32_t)second_thread(c, cpu) << 28 | cpu->id;
	}
	/* insertion sort: done once, and the CPUs are nearly in order */
	for (unsigned i = 1; i < c->n; i++) {
		struct la_cpu cpu = c->cpu[i];
		uint32_t k = key[i];
		unsigned at = i;

		for (; at > 0 && key[at - 1] > k; at--) {
			key[at] = key[at - 1];
			c->cpu[at] = c->cpu[at - 1];
		}
		key[at] = k;
		c->cpu[at] = cpu;
	}
}

unsigned
la_cpus_untaken(const struct la_cpus *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n; i++)
		n += !c->cpu[i].taken;
	return n;
}

const struct la_cpu *
la_cpus_find(const struct la_cpus *c, unsigned id)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->cpu[i].id == id)
			return &c->cpu[i];
	return NULL;
}

int
la_numa_node_of_device(const char *sys, const char *name)
{
	size_t len = name != NULL ? strcspn(name, ",/") : 0; /* a comma begins a driver's arguments */
	char line[32];

	if (len == 0)
		return -1;
	if (la_sysfs_line(line, sizeof(line), "%s/class/net/%.*s/device/numa_node", sys, (int)len, name) ||
	    la_sysfs_line(line, sizeof(line), "%s/bus/pci/devices/%.*s/numa_node", sys, (int)len, name) ||
	    la_sysfs_line(line, sizeof(line), "%s/bus/pci/devices/0000:%.*s/numa_node", sys, (int)len, name))
		return (int)strtol(line, NULL, 10);
	return -1;
}
