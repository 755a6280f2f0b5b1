/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_FANOUT_H
#define LA_IO_FANOUT_H

/* AF_PACKET's fanout groups, managed here instead of by DPDK. (The theory is at the top of fanout.c.) */

/** Calls make(ctx) on a thread whose sockets join no fanout group, and returns what it returns. Where the
 * kernel or a container forbids that, make(ctx) is called directly, and *held is 0; otherwise 1. */
int la_fanout_without(int (*make)(void *ctx), void *ctx, int *held);

/** Joins the AF_PACKET sockets of this process on an interface into a new group with a unique
 * id. Fewer than two sockets need none. 0, or negative errno. */
int la_fanout_join(unsigned if_index);

#endif
