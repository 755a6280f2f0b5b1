/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_BACKLOG_H
#define LA_IO_BACKLOG_H

/* The queue of a listening Unix socket: connections that are not accepted yet. */

/** While the peer of any queued connection of the listening Unix socket fd has closed its end, accepts and closes the
 * first connection of the queue, which may be another one: its client must connect again. Does nothing on another kind
 * of socket, or when the kernel has no sock_diag(7) for Unix sockets. */
void la_backlog_drop_closed(int fd);

#endif
