/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_BURST_H
#define LA_IO_BURST_H

/* Declarations shared by port.c, which opens a port, and burst.c, which sends and receives. */

#include <stdint.h>

/** Clears the loss counters of an earlier user of this port id. */
void la_burst_reset(uint16_t id);

#endif
