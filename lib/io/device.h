/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_DEVICE_H
#define LA_IO_DEVICE_H

/* From the name of a device, as la_io_open() takes it, to a port of DPDK. */

#include <stddef.h>
#include <stdint.h>

struct rte_device;

/** Finds the port of a device. Probes the device unless DPDK has probed it. New claims get `owner` (io/claim.h). Sets
 * *made to the device if this call has probed it and it can be removed; otherwise *made is unchanged. 0 and *id, or
 * negative errno with a line in err; *made may be set even then. */
int la_device_find(const void *owner, const char *device, uint16_t *id, struct rte_device **made, char *err,
		   size_t size);

#endif
