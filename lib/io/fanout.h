/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_FANOUT_H
#define LA_IO_FANOUT_H

/* AF_PACKET's fanout groups, managed here instead of by DPDK. (The theory is at the top of fanout.c.) */

/** Calls make(ctx) on a thread whose sockets join no fanout group, and returns the result of make(ctx). *held: 1; 0:
 * the kernel or a container forbids the seccomp filter, and make(ctx) was called directly. */
int la_fanout_without(int (*make)(void *ctx), void *ctx, int *held);

/** Joins the AF_PACKET sockets of this process on an interface into a new group with a unique
 * id. Does nothing with fewer than two sockets. 0, or negative errno. */
int la_fanout_join(unsigned if_index);

#endif
