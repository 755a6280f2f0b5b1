/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_NUMA_H
#define LA_IO_NUMA_H

/* Placement: workers on cores of the port's NUMA node, tables in the memory of the node of the core that uses them. */

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/shard.h>

/** Fills *ops with an allocator of zeroed, anonymous memory on NUMA node `node`. The node is
 * preferred: when the node is full the kernel uses the next node. *ops is la_mem_default when `node` is -1, does not
 * exist or is not allowed, or the kernel has no NUMA. Returns `node`; -1: la_mem_default. */
int la_numa_mem(int node, struct la_mem_ops *ops);

/** Returns the node of the page at p; -1: unknown, or the page was never touched. */
int la_numa_node_of(const void *p);

enum { LA_CPUS_MAX = 1024 };

/** The CPUs that this process may run on. */
struct la_cpus {
	unsigned n;
	unsigned isolated_elsewhere; /* number of isolated CPUs that this process may not run on */
	struct la_cpu {
		uint16_t id;
		uint16_t core; /* id of its core: the lowest id of the CPUs that are threads of the core */
		int16_t node;  /* -1: unknown */
		bool isolated; /* the kernel's scheduler places no thread on it (isolcpus=) */
		bool taken;    /* another lastack process polls on it (cpu_claim.h) */
	} cpu[LA_CPUS_MAX];
};

/** Stores the CPUs of `set` in *c, in ascending order, with what `sys` ("/sys") tells about them. set_size: bytes. */
void la_cpus_read(const char *sys, const cpu_set_t *set, size_t set_size, struct la_cpus *c);

/** Sorts the CPUs, best first, for workers of a port on `node` (-1: any). The criteria, in this order: no polling
 * worker of another process, CPU of the node, isolated CPU, first thread of its core, low number. */
void la_cpus_rank(struct la_cpus *c, int node);

/** Returns the number of CPUs on which no other process has a polling worker. */
unsigned la_cpus_untaken(const struct la_cpus *c);

/** Returns the CPU with this number; NULL: this process may not run on it. */
const struct la_cpu *la_cpus_find(const struct la_cpus *c, unsigned id);

/** Returns the NUMA node of the kernel interface or PCI device `name`, as `sys` ("/sys") describes it. -1: the name is
 * NULL or unknown, or the device has no node. */
int la_numa_node_of_device(const char *sys, const char *name);

#endif
