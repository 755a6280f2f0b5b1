/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_CPU_CLAIM_H
#define LA_IO_CPU_CLAIM_H

/* Which CPUs the workers of other lastack processes use. Two processes started without -l must not use the same CPU
 * while another CPU is idle. So each process holds a lock on a file for every CPU of its workers (lastack.cpu3 in
 * /run/lock, or in /tmp if /run/lock is not writable). The kernel releases the locks at any end of the process; the
 * files are empty and stay. The locks are advisory: a process that cannot open a file has no lock. */

#include <stdbool.h>

#include "io/numa.h"

/** Claims every free CPU of *c, and sets `taken` for CPUs that other processes have claimed. Earlier claims of this
 * process stay. dir: directory of the files; NULL: /run/lock or /tmp. */
void la_cpu_claim_all(struct la_cpus *c, const char *dir);

/** Releases all claims except those on these n CPUs. */
void la_cpu_claim_keep(const unsigned *cpu, unsigned n);

#endif
