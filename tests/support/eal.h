/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_EAL_H
#define TEST_EAL_H

/** Starts EAL without anything of the machine: no huge pages, no devices, 64 MB, one core. To be called
 * once in a process; what rte_eal_init() returns. Needs no Criterion. */
int test_eal_start(void);
/** The same with so many MB of memory. */
int test_eal_start_with(unsigned mb);

#endif
