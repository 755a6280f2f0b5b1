/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLI_SOURCES_H
#define LA_APP_CLI_SOURCES_H

/* The sources of connections: prefixes and ports, and the number of tuples; for `client` and `load`. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run/tuples.h"

struct sources {
	struct la_prefix from[LA_TUPLES_PREFIXES];
	unsigned nfrom;
	uint16_t port_lo, port_hi;
	bool reuse; /* a tuple may be used again before its 2*MSL is over */
};

/** Functions for OPT_CALL of --from and --ports. dst is a struct sources. */
int sources_set_from(void *dst, const char *text, char *why, size_t size);
int sources_set_ports(void *dst, const char *text, char *why, size_t size);

/** Adds each prefix of --from to the ranges of our own addresses. Returns 0, or -1 with a line in err. */
int sources_claim(const struct sources *s, char *err, size_t size);

/** Sets t to the tuples to one target, from the prefixes of --from or from our own addresses. Returns 0, or -1 with a
 * line in err. */
int sources_tuples(const struct sources *s, const struct la_addr *to, uint16_t port, struct la_tuples *t, char *err,
		   size_t size);

/** Compares the need of a run with the budget of all targets, and prints need and budget with --verbose. need: tuples
 * within 2*MSL, UINT64_MAX when the rate is not limited. Returns -1, with a line in err, when the need is larger than
 * the budget, and reuse and may_run_out are false; otherwise 0. */
int sources_check(const struct sources *s, const struct la_tuples *t, unsigned targets, uint64_t need, bool may_run_out,
		  char *err, size_t size);

#endif
