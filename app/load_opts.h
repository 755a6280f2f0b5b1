/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_OPTS_H
#define LA_APP_LOAD_OPTS_H

/* What `lastack load` is told. */

#include "load_totals.h"
#include "sources.h"

enum {
	LOAD_EXPECTS = 32,
	LOAD_REQUEST = 512, /* bytes of a request; half of them may be its path */
};

struct load_options {
	struct load_config cfg; /* but for its requests */
	struct sources sources;
	struct expect expect[LOAD_EXPECTS];
	struct la_fault fault[LA_FAULTY_RULES];
	unsigned nexpects, nfaults;
	int protocol;	      /* enum load_protocol */
	uint64_t concurrency; /* as given; 0: not */
	uint32_t interval_ms;
	bool size_given;
	const char *get, *csv, *plot;
};

/** Defaults are set. */
extern struct load_options load;

/** Fills it in. 0, or -1 with a line in err. */
int load_options_read(int argc, char **argv, char *err, size_t size);

void load_help(void);

#endif
