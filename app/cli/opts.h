/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLI_OPTS_H
#define LA_APP_CLI_OPTS_H

/* Options of a subcommand: one table that both parses the command line and prints the help. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/config.h"

enum opt_kind {
	OPT_HEADING,	 /* help only: `help` is a heading */
	OPT_FLAG,	 /* dst: bool */
	OPT_DURATION,	 /* dst: uint32_t, ms; min and max in ms */
	OPT_NUMBER,	 /* dst: uint64_t; min and max */
	OPT_FIELD,	 /* dst: struct la_shard_config; row: field, range, unit (ms: a duration), default and help */
	OPT_PORT,	 /* dst: uint16_t */
	OPT_TEXT,	 /* dst: const char * */
	OPT_CHOICE,	 /* dst: int, index into choices */
	OPT_SWITCH,	 /* as OPT_CHOICE, with =VALUE only; without VALUE, the first choice */
	OPT_CALL,	 /* call(dst, text, why, size): 0, or -1 with the allowed values in why */
	OPT_CALL_SWITCH, /* as OPT_CALL, with =VALUE only; without VALUE, text is empty */
};

struct opt {
	const char *name; /* long name, without dashes */
	char letter;	  /* short name, 0: none */
	enum opt_kind kind;
	void *dst;
	void *(*where)(void); /* returns the dst at the time of the option; NULL: dst is constant */
	const char *arg;      /* placeholder in the help */
	const char *help;     /* with default and unit; \n breaks a line. OPT_FIELD: row has the help */
	uint64_t min, max;
	const char *const *choices; /* NULL-terminated */
	int (*call)(void *dst, const char *text, char *why, size_t size);
	const struct la_config_row *row; /* OPT_FIELD */
};

enum opt_result { OPT_OK, OPT_HELP, OPT_BAD };

/** Parses argv[1] to argv[argc - 1]. tables: list of tables, ended by NULL; OPT_END ends a table. On OPT_BAD, err has
 * a line of the form "--msl: '30' was given; allowed: ...". --help and -h give OPT_HELP. There are no operands: a
 * bare word is an error. */
enum opt_result opt_parse(int argc, char **argv, const struct opt *const *tables, char *err, size_t size);

/** Prints the OPTIONS part of a help text. */
void opt_help(const struct opt *const *tables, FILE *f);

/** Prints one line for each option that `common` names (names with spaces between), in the order of the tables and
 * below their headings. A line has at most 120 columns: the first line of the option's help, and " ..." when the help
 * is longer. Returns 0, or -1 when a name in `common` is no option. */
int opt_brief(const struct opt *const *tables, const char *common, FILE *f);

#define OPT_END                                                 \
	{                                                       \
		.name = NULL, .kind = OPT_HEADING, .help = NULL \
	}

#endif
