/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_OPEN_FDS_H
#define LA_IO_OPEN_FDS_H

/* The open files of this process. Drivers do not give their sockets, so they are found among all open files. */

#include <stdbool.h>

/** Writes the open file descriptors for which `wanted` returns true, at most max, to fds. Returns their number; 0 also
 * when /proc is not mounted. */
unsigned la_open_fds(bool (*wanted)(int fd, void *ctx), void *ctx, int *fds, unsigned max);

#endif
