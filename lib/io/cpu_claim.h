/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_CPU_CLAIM_H
#define LA_IO_CPU_CLAIM_H

/* Which CPUs other lastack processes poll on. Two that are started without -l must not end up on one CPU while
 * another has nothing to do: each holds a lock on a file named after every CPU of its workers (lastack.cpu3 below
 * /run/lock, or /tmp where there is none). The kernel takes the locks away with the process, however it ends; the
 * files are empty and stay. It is advice among friends: who may not open a file does without. */

#include <stdbool.h>

#include "io/numa.h"

/** Claims every CPU of *c that is free, and notes in `taken` those that are another process's. Those that this
 * process has claimed before stay its own. dir: where the files are; NULL: as above. */
void la_cpu_claim_all(struct la_cpus *c, const char *dir);

/** Gives back all claims but those on these n CPUs. */
void la_cpu_claim_keep(const unsigned *cpu, unsigned n);

#endif
