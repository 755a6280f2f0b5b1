/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_SYSFS_H
#define LA_IO_SYSFS_H

/* Files and links of /sys and /proc, whose paths are formats. */

#include <stdbool.h>
#include <stddef.h>

/** Reads the first line of a file, without its newline. False, and "": there is no file, or it cannot be read (the speed
 * of an interface that is down), or it is empty. */
bool la_sysfs_line(char *line, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** Writes the last component of the target of a symbolic link, at most 31 bytes; "": there is no link. */
void la_sysfs_link(char *name, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
