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
	LOAD_HEAD = 16384, /* bytes of a request's head */
	LOAD_PATH = 4096,  /* bytes of a path, its end included */
	LOAD_HEADERS = 32,
	LOAD_BODY_FILE = 64 << 20, /* bytes of a file for --body */
};

struct load_options {
	struct load_config cfg; /* without its requests */
	struct sources sources;
	struct expect expect[LOAD_EXPECTS];
	struct la_fault fault[LA_FAULTY_RULES];
	unsigned nexpects, nfaults;
	int protocol;	      /* enum load_protocol */
	uint64_t concurrency; /* as given; 0: not given */
	uint32_t interval_ms;
	bool size_given;
	double allow_failures; /* share of all connects; negative: none */
	const char *csv, *plot;
	/* HTTP; NULL: not given */
	const char *host, *method, *body;
	const char *header[LOAD_HEADERS];
	unsigned nheaders;
	struct trials find; /* --find-max: conditions; nconditions 0: none */
	uint32_t find_hold_ms;
	uint64_t find_challenges;
};

/** Defaults are set. */
extern struct load_options load;

/** Fills it in. 0, or -1 with a line in err. */
int load_options_read(int argc, char **argv, char *err, size_t size);

/** Its option tables. */
extern const struct opt *const load_tables[];

void load_help(void);

/* load_request.c */
extern const struct opt load_request_opts[];
/** Checks HTTP's options together. 0, or -1 with a line in err. */
int load_request_check(char *err, size_t size);
/** Builds the heads of all requests. 0, or -1 with a line in err. */
int load_requests_make(char *err, size_t size);
void load_requests_free(void);

#endif
