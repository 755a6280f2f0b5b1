/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_BURST_H
#define LA_IO_BURST_H

/* Between port.c, which opens a port, and burst.c, which moves frames through it. */

#include <stdint.h>

/** Forgets what an earlier user of this port id has lost. */
void la_burst_reset(uint16_t id);

#endif
