/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_SERVER_SERVICE_OPTS_H
#define LA_APP_SERVER_SERVICE_OPTS_H

/* The table of services, and what follows from it: options, their errors, and parts of the help. */

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

/** The services as the options have them, in the order of the table. Each shard has a copy. */
extern struct service services[NSERVICES];

/** --NAME, --NAME-close and time-outs of every service, after service_opts_make(). */
extern struct opt service_opts[];

/** Makes service_opts from the table, and sets `services` to their defaults. */
void service_opts_make(void);

/** When the options are parsed: completes `services`. 0, or -1 with what is wrong in err. */
int service_opts_check(char *err, size_t size);

/** "http, echo, ...", each name behind `before`. Returns buf. */
const char *service_names(char *buf, size_t size, const char *before);

/** The options of services that a first user needs, as struct command has them. Returns buf. */
const char *service_common(char *buf, size_t size);

/** The sections of the manual that services have of their own. */
void service_manuals(FILE *f);

/** The JSON object `services` in words, lines of the manual. */
void service_counts_manual(FILE *f);

#endif
