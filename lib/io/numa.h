/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_NUMA_H
#define LA_IO_NUMA_H

/* The placement of workers and tables: on cores of the port's NUMA node, and in the memory of the core
 * that uses them. */

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/shard.h>

/** Fills *ops with an allocator of zeroed, anonymous memory on NUMA node `node`. The node is
 * preferred: when it is full the kernel uses the next one. Falls back to
 * la_mem_default when node is -1 or does not exist, or the kernel has no NUMA.
 * Returns the node used, -1 for "any". */
int la_numa_mem(int node, struct la_mem_ops *ops);

/** The current node of the page at p, -1 when unknown or never touched. */
int la_numa_node_of(const void *p);

enum { LA_CPUS_MAX = 1024 };

/** The CPUs that this process may run on. */
struct la_cpus {
	unsigned n;
	unsigned isolated_elsewhere; /* isolated CPUs that it may not run on */
	struct la_cpu {
		uint16_t id;
		uint16_t core; /* the lowest of the CPUs that are threads of one core */
		int16_t node;  /* -1: unknown */
		bool isolated; /* excluded from the kernel's scheduler (isolcpus=) */
		bool taken;    /* another lastack process polls on it (cpu_claim.h) */
	} cpu[LA_CPUS_MAX];
};

/** The CPUs of `set` that `sys` ("/sys") describes, in ascending order. set_size: bytes. */
void la_cpus_read(const char *sys, const cpu_set_t *set, size_t set_size, struct la_cpus *c);

/** Best first, for workers of a port on that node (-1: any): CPUs without a polling worker, of the node, isolated
 * ones, one thread of each core before the second of any, low numbers. */
void la_cpus_rank(struct la_cpus *c, int node);

/** The number of CPUs without another polling worker. */
unsigned la_cpus_untaken(const struct la_cpus *c);

/** The one with this number, or NULL. */
const struct la_cpu *la_cpus_find(const struct la_cpus *c, unsigned id);

/** The node of a kernel interface or of a PCI device, below `sys`; -1: unknown, none, or no name. */
int la_numa_node_of_device(const char *sys, const char *name);

#endif
