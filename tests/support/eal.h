/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_EAL_H
#define TEST_EAL_H

/** Starts EAL without huge pages and devices, with 64 MB and one core. Call it once in a process.
 * Returns the result of rte_eal_init(). Needs no Criterion. */
int test_eal_start(void);
/** Like test_eal_start(), with mb megabytes of memory. */
int test_eal_start_with(unsigned mb);
/** Makes a pool of n packet buffers of the usual size, close together, without cache. NULL: no memory. */
struct rte_mempool *test_pool_make(const char *name, unsigned n);

#endif
