/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_EAL_PORTS_H
#define LA_IO_EAL_PORTS_H

/* Inside lib/io: the ports of a started EAL. */

#include "io/eal.h"

/** Sets port and nports of eal, in the order of cfg->ports, and creates the devices of short forms. Without a configured
 * port: all ports of EAL. Returns 0, or negative errno with the reason in err. */
int la_eal_find_ports(const struct la_eal_config *cfg, struct la_eal *eal, char *err, size_t size);

#endif
