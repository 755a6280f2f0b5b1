/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_XDP_H
#define LA_IO_XDP_H

/* The mode of an AF_XDP port, as the kernel reports it for the port's sockets, and the user's demands on it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct la_xdp_words;

enum { LA_XDP_SOCKETS = 64 };

/** The AF_XDP sockets of this process, by descriptor. */
struct la_xdp_sockets {
	int fd[LA_XDP_SOCKETS];
	unsigned n;
};

struct la_xdp_mode {
	bool known;	  /* the kernel has answered for a socket of the port */
	bool zero_copy;	  /* the driver of the interface reads and writes the packet buffers (XDP_OPTIONS) */
	bool busy_poll;	  /* a receive call polls the driver of the interface (SO_PREFER_BUSY_POLL) */
	unsigned busy_us; /* at most for so long (SO_BUSY_POLL) */
};

/** Stores the words of a port's argument for la_xdp_started(). They replace those stored earlier for this port id. */
void la_xdp_keep(uint16_t port, const struct la_xdp_words *w);
/** Discards the stored words of all ports. */
void la_xdp_forget(void);

/** Finds the open AF_XDP sockets of this process. */
void la_xdp_find(struct la_xdp_sockets *s);

/** Call when the port's queues exist. before: la_xdp_find() from a time before the set-up of the queues. Reads the mode of
 * the port's sockets; zero copy and busy poll are true only if they are for each socket. 0, or -ENOTSUP with the reason in
 * err: a word of the argument demands what the kernel has not done. */
int la_xdp_started(uint16_t port, const struct la_xdp_sockets *before, struct la_xdp_mode *mode, char *err,
		   size_t size);

/** "zero copy, busy poll" or "copy mode, no busy poll" into buf; "": the mode is not known. Returns buf. */
const char *la_xdp_text(const struct la_xdp_mode *mode, char *buf, size_t size);

#endif
