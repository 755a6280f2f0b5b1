/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_OPTS_H
#define LA_APP_LOAD_OPTS_H

/* The configuration of `lastack load`. */

#include "cli/opts.h"
#include "cli/sources.h"
#include "load/load_totals.h"
#include "load/load_trial.h"

enum {
	LOAD_EXPECTS = 32,
	LOAD_HEAD = 16384, /* bytes of a request's head, with the final NUL */
	LOAD_PATH = 4096,  /* bytes of a path, with the final NUL */
	LOAD_HEADERS = 32,
	LOAD_BODY_FILE = 64 << 20, /* most bytes of a file for --body */
};

struct load_options {
	struct load_config cfg; /* load_requests_make() adds the requests */
	struct sources sources;
	struct expect expect[LOAD_EXPECTS];
	struct la_fault fault[LA_FAULTY_RULES];
	unsigned nexpects, nfaults;
	int protocol;	      /* enum load_protocol */
	uint64_t concurrency; /* --concurrency; 0: not given */
	uint32_t interval_ms;
	bool size_given;
	double allow_failures; /* share of all connects that may fail; negative: not given */
	const char *csv, *plot;
	/* HTTP options; NULL: not given */
	const char *host, *method, *body;
	const char *header[LOAD_HEADERS];
	unsigned nheaders;
	struct trials find; /* --find-max; nconditions 0: no search */
	uint32_t find_hold_ms;
	uint64_t find_challenges;
};

/** The options. Their initial values are the defaults. */
extern struct load_options load;

/** Sets `load` from the command line. Returns 0, or -1 with a line in err. */
int load_options_read(int argc, char **argv, char *err, size_t size);

/** The option tables of `lastack load`. */
extern const struct opt *const load_tables[];

void load_help(void);

/* load_request.c */
extern const struct opt load_request_opts[];
/** Checks combinations of HTTP options. Returns 0, or -1 with a line in err. */
int load_request_check(char *err, size_t size);
/** Builds the heads of all requests. Returns 0, or -1 with a line in err. */
int load_requests_make(char *err, size_t size);
void load_requests_free(void);

#endif
