/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_UNITS_H
#define LA_RUN_UNITS_H

/* Converts text of the command line to values, and back. la_parse_*() return 0, -EINVAL (text of another form) or
 * -ERANGE (out of range), and leave the result unchanged on error. */

#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>

/** "30s", "500ms", "1.5s", "2m", "1h" -> ms. A bare "0" is allowed, any other bare number is not. */
int la_parse_duration(const char *text, uint32_t *ms);

/** "1000", "64k", "1.5M", "2G" (powers of 1000), "64Ki", "1Mi", "1Gi" (powers of 1024). */
int la_parse_number(const char *text, uint64_t *n);

/** "80": 1 to 65535. */
int la_parse_port(const char *text, uint16_t *port);

/** "1024-65535", or one port. */
int la_parse_port_range(const char *text, uint16_t *lo, uint16_t *hi);

/** "10.0.0.2:80", "[fd00::2]:80". */
int la_parse_endpoint(const char *text, struct la_addr *addr, uint16_t *port);

/** 30000 -> "30s", 1500 -> "1500ms", 120000 -> "2m". Returns buf; 16 bytes are enough. */
const char *la_format_duration(uint32_t ms, char *buf, size_t size);

/** A readable rate or count with four figures: 999, 1.234k, 12.34M. Returns buf; 16 bytes are enough. */
const char *la_format_short(double n, char *buf, size_t size);

#endif
