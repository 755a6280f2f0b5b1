/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_TAP_H
#define LA_IO_TAP_H

/* The kernel's end of a TAP: parses its addresses, from "la0,10.0.0.1/24,fd00::1/64", and sets them. */

#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>

enum { LA_TAP_ADDRS = 8 };

struct la_tap_addrs {
	struct la_prefix p[LA_TAP_ADDRS];
	unsigned n;
};

/** Parses the comma-separated words after the name in a TAP's argument. "mac=...", "remote=..." and "persist" are for
 * the driver, and go to rest; every other word is an address of the kernel's end with its prefix length. 0, or -EINVAL
 * with the allowed forms in err. */
int la_tap_split(const char *tail, struct la_tap_addrs *addrs, char *rest, size_t rest_size, char *err, size_t size);

/** Stores the addresses of a port for la_tap_started(). They replace addresses stored earlier for this port id. */
void la_tap_keep(uint16_t port, const struct la_tap_addrs *addrs);
/** Discards the stored addresses of all ports. */
void la_tap_forget(void);

/** Call when the port's interface exists: sets it up and adds the stored addresses, IPv6 addresses without duplicate
 * address detection. Without stored addresses the call does nothing. 0, or negative errno with the reason and a hint in
 * err. */
int la_tap_started(uint16_t port, unsigned if_index, char *err, size_t size);

#endif
