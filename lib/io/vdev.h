/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_VDEV_H
#define LA_IO_VDEV_H

/* The short forms of ports, made into DPDK devices one by one once EAL runs. (EAL's own --vdev
 * would do, but a device that fails there is only missed later: here it fails with its own reason,
 * and the ports come in the order they were asked for.) */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/eal.h"

/** Makes the port asked for as number `i` and stores its id; a RING stores two. queues: how many
 * the port should have, where that must be said at birth. Returns how many ids were stored, or
 * negative errno with the reason and what to try in err. Not for LA_PORT_EAL. */
int la_vdev_create(enum la_port_kind kind, const char *arg, unsigned i, unsigned queues,
		   uint16_t ids[2], char *err, size_t size);

/** False for a driver that must be left to the end of the process: net_memif (22.11) frees its
 * listener on closing while DPDK's interrupt thread still waits on it, and that thread then
 * panics. */
bool la_vdev_may_close(const char *driver);

/** Takes away what devices that were not closed leave in the file system. */
void la_vdev_clean_up(void);

/** What to try when a driver refuses: one line. name: of the kernel interface, or NULL. */
const char *la_vdev_advice(enum la_port_kind kind, const char *name);

#endif
