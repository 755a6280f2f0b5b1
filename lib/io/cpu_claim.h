/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_CPU_CLAIM_H
#define LA_IO_CPU_CLAIM_H

/* The CPUs of other lastack processes' workers. Two processes started without -l must not use the same CPU while
 * another is idle: each holds a lock on a file for every CPU of its workers (lastack.cpu3 in
 * /run/lock, or in /tmp if that is missing). The kernel releases the locks at any end of the process; the
 * files are empty and stay. The locks are advisory: a process that cannot open a file has no lock. */

#include <stdbool.h>

#include "io/numa.h"

/** Claims every free CPU of *c, and sets `taken` for those of other processes. CPUs that this process has
 * claimed before stay claimed. dir: directory of the files; NULL: as above. */
void la_cpu_claim_all(struct la_cpus *c, const char *dir);

/** Releases all claims except those on these n CPUs. */
void la_cpu_claim_keep(const unsigned *cpu, unsigned n);

#endif
