/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_VDEV_H
#define LA_IO_VDEV_H

/* Creates DPDK devices for the short forms of ports, one by one after EAL's start. Each failure has its own reason, and
 * the ports are in the configured order. With EAL's own --vdev a device that fails would only be missing later. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/eal.h"

/** Creates the port number `i` of the configuration and stores its id; a RING stores two. queues: number of
 * queues, for drivers that need it at creation. Returns the number of stored ids, or
 * negative errno with the reason and a hint in err. Not for LA_PORT_EAL. */
int la_vdev_create(enum la_port_kind kind, const char *arg, unsigned i, unsigned queues, uint16_t ids[2], char *err,
		   size_t size);

/** False for a driver that must stay open until the process ends: net_memif frees the data of its listening socket on
 * close, and leaves the callback in DPDK's interrupt thread (memif_socket_remove_device() of 22.11.11; the same in
 * 26.03). A later event uses freed memory. */
bool la_vdev_may_close(const char *driver);

/** Removes the socket files of memif servers, and discards the stored addresses of TAPs. */
void la_vdev_clean_up(void);

/** Returns a hint for a driver's failure: one line, from what the kernel says of this process; it may be in buf. name:
 * the kernel interface, or NULL. locked: bytes that the port locks in memory; 0: none, or unknown. */
const char *la_vdev_advice(enum la_port_kind kind, const char *name, uint64_t locked, char *buf, size_t size);

#endif
