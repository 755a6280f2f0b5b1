/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_MIX_H
#define LA_APP_LOAD_MIX_H

/* The close modes of connections: one mode, or several in given shares. */

#include <stddef.h>
#include <stdint.h>

enum close_mode {
	CLOSE_CLIENT, /* our FIN first, after the last answer */
	CLOSE_SERVER, /* our FIN follows the peer's */
	CLOSE_BOTH,   /* both FINs at about the same time: neither end waits for the other's FIN */
	CLOSE_HALF,   /* our FIN with the last request; the answer arrives after it */
	CLOSE_ABORT,  /* RST after the last answer */
	CLOSE_MODES
};

/** "client", "server", ... */
extern const char *const close_mode_name[CLOSE_MODES];

struct mix {
	uint32_t weight[CLOSE_MODES];
	uint32_t total;
	int64_t credit[CLOSE_MODES]; /* state of mix_next() */
	unsigned last;		     /* the mode that mix_next() returned last, if there are several */
};

/** Reads "client", or "client:70,server:20,abort:10". Returns 0, or -1 with the allowed values in why. */
int mix_parse(const char *text, struct mix *m, char *why, size_t size);

/** Returns the mode of the next connection. Among `total` connections each mode occurs exactly as often as its weight
 * says, as evenly distributed as possible. */
enum close_mode mix_next(struct mix *m);

#endif
