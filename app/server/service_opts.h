/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_SERVER_SERVICE_OPTS_H
#define LA_APP_SERVER_SERVICE_OPTS_H

/* The table of services, with the options, errors and parts of the help that are made from the table. */

#include <stdio.h>

#include "cli/opts.h"
#include "server/service.h"

enum {
	NSERVICES = 0
#define SERVICE(name) +1
#include "server/services.def"
#undef SERVICE
};

extern const struct service_def *const service_table[NSERVICES];

/** The services as the options set them, in the order of the table. Each shard has a copy. */
extern struct service services[NSERVICES];

/** The options --NAME, --NAME-close and time-outs of every service. service_opts_make() fills the table. */
extern struct opt service_opts[];

/** Makes service_opts from service_table, and sets `services` to the defaults. */
void service_opts_make(void);

/** Called after opt_parse(): checks and completes `services`. Returns 0, or -1 with a line in err. */
int service_opts_check(char *err, size_t size);

/** Writes "http, echo, ...", with `before` in front of each name. Returns buf. */
const char *service_names(char *buf, size_t size, const char *before);

/** Writes the names of the services' options that a new user needs, for struct command. Returns buf. */
const char *service_common(char *buf, size_t size);

/** Prints the sections of the manual that the services' definitions have. */
void service_manuals(FILE *f);

/** Prints the lines of the manual that describe the JSON object `services`. */
void service_counts_manual(FILE *f);

#endif
