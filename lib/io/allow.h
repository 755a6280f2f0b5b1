/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_ALLOW_H
#define LA_IO_ALLOW_H

/* The PCI devices that EAL's argument -a names: the reason why DPDK has no port of one. */

#include <stdbool.h>
#include <stddef.h>

#include "io/eal.h"

/** The text of the next -a or --allow from argument *i on; *i: behind it. NULL: there is none. */
const char *la_allow_next(const struct la_eal_config *cfg, unsigned *i);

/** Before EAL starts: refuses a device that does not exist, one that a kernel's driver or another process has, and a
 * kernel interface's name. EAL would skip it, and serve with the other ports. 0, or -ENODEV, -EBUSY or -EINVAL, and err.
 * root: as for the functions of io/pci.h. */
int la_allow_check(const char *root, const struct la_eal_config *cfg, char *err, size_t size);

/** When EAL did not start, for the reason `said`: true when a device is the cause, which err then names. False: another
 * cause, such as a wrong -l. */
bool la_allow_failed(const char *root, const struct la_eal_config *cfg, const char *said, char *err, size_t size);

/** After EAL's start: 0 when each device has a port; otherwise -ENODEV with the reason for the first device without one.
 * said: EAL's own reason, "" when it gave none. */
int la_allow_missing(const struct la_eal_config *cfg, const char *said, char *err, size_t size);

/** The same for one device that was probed later. Writes err and returns true when text is a PCI address. */
bool la_allow_explain(const char *text, const char *said, char *err, size_t size);

#endif
