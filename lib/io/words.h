/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_WORDS_H
#define LA_IO_WORDS_H

/* The words after the first comma of a memif's or an AF_XDP port's argument, as in "/run/la.sock,client,ring=4096".
 * Words that are not listed here are for DPDK's driver, and go to `rest`, each after a comma. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LA_WORDS_LEN = 512,
	LA_MEMIF_RING_LEAST = 64,
	LA_MEMIF_RING_MOST = 16384, /* ETH_MEMIF_MAX_LOG2_RING_SIZE of DPDK 22.11 */
	LA_MEMIF_BUFFER_LEAST = 1536,
	LA_MEMIF_BUFFER_MOST = 65535,
	LA_XDP_BUSY_POLL_MOST = 65535,
};

struct la_memif_words {
	bool client;
	unsigned ring;	 /* frames of a ring; 0: the driver's 1024 */
	unsigned buffer; /* bytes of a frame's buffer; 0: the driver's 2048 */
	char rest[LA_WORDS_LEN];
};

struct la_xdp_words {
	bool copy;	    /* the kernel must copy */
	bool zero_copy;	    /* the kernel must not copy */
	bool has_busy_poll; /* busy_poll was given */
	unsigned busy_poll; /* frames of one poll; 0: no busy poll. The driver's default is 64 */
	char rest[LA_WORDS_LEN];
};

/** Parses "client", "server", "ring=N" and "buffer=N". 0, or -EINVAL with the allowed form in err. */
int la_memif_words(const char *tail, struct la_memif_words *w, char *err, size_t size);

/** Parses "copy", "zero-copy" and "busy-poll=N". 0, or -EINVAL with the allowed form in err. */
int la_xdp_words(const char *tail, struct la_xdp_words *w, char *err, size_t size);

/** The words of an argument after its first comma; "": there is no comma. */
const char *la_words_tail(const char *arg);

#endif
