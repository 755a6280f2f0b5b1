/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_KIF_USE_H
#define LA_IO_KIF_USE_H

/* What the kernel uses an interface for. The interfaces above it count: a member of a bridge, bond or team, and the
 * interface below a VLAN, have their addresses and routes there. `root` is a prefix of /sys and /proc: "" except in
 * tests. */

#include <stdbool.h>

struct la_kif_use {
	bool elsewhere;	     /* /sys shows it, and it is in another network namespace: nothing else is known */
	bool default_route;  /* of IPv4 or IPv6 */
	char addresses[256]; /* "10.0.2.15/24 on br0"; "": none */
};

void la_kif_use_read(const char *root, const char *name, struct la_kif_use *use);

#endif
