/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_READY_H
#define LA_RUN_READY_H

/* Notifies other programs when a run is ready: a file (--ready-file), and systemd's notification socket. */

#include <stddef.h>

/** Removes the ready file that a killed process left. 0 (also without a file), or negative errno with a line in
 * err. A file with other contents than one process id is refused with -EEXIST and kept. */
int la_ready_clear(const char *path, char *err, size_t size);

/** Writes this process's id to path, through a temporary name, so that a reader never gets an incomplete file. 0, or
 * negative errno. */
int la_ready_write(const char *path);

/** Removes path if it has this process's id. */
void la_ready_remove(const char *path);

/** Sends `state` ("READY=1") to the socket in the environment's NOTIFY_SOCKET, as sd_notify(3) does.
 * 0 (also without the variable), or negative errno: -EAFNOSUPPORT for an address other than a path or "@name". */
int la_ready_notify(const char *state);

#endif
