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
	uint8_t from_port
		[LA_TUPLES_PREFIXES]; /* index of the prefix's port: before sources_claim() the port that it follows */
	unsigned nfrom;
	uint16_t port_lo, port_hi;
	bool reuse; /* a tuple may be used again before its 2*MSL is over */
};

/** Functions for OPT_CALL of --from and --ports. dst is a struct sources. */
int sources_set_from(void *dst, const char *text, char *why, size_t size);
int sources_set_ports(void *dst, const char *text, char *why, size_t size);

/** Adds each prefix of --from to the ranges of its port: the port that has the prefix in a subnet, or else the port that
 * --from follows. Returns 0, or -1 with a line in err. */
int sources_claim(struct sources *s, char *err, size_t size);

/** Sets *of to the index of the port of a target: the port that has the target in a subnet, or else a port with a gateway
 * for the target, first of all the port that --to follows. Returns 0, or -1 with a line in err. */
int sources_port(const struct la_addr *to, unsigned follows, unsigned *of, char *err, size_t size);

/** Sets t to the tuples to one target on a port, from the port's prefixes of --from or from its addresses. Returns 0, or
 * -1 with a line in err. */
int sources_tuples(const struct sources *s, unsigned of, const struct la_addr *to, uint16_t port, struct la_tuples *t,
		   char *err, size_t size);

/** Returns the number of tuples of all targets. */
uint64_t sources_budget(const struct la_tuples *t, unsigned targets);

/** Compares the need of a run with the budget of all targets, and prints need and budget with --verbose. need: tuples
 * within 2*MSL, UINT64_MAX when the rate is not limited. Returns -1, with a line in err, when the need is larger than
 * the budget, and reuse and may_run_out are false; otherwise 0. */
int sources_check(const struct sources *s, const struct la_tuples *t, unsigned targets, uint64_t need, bool may_run_out,
		  char *err, size_t size);

#endif
