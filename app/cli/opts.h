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
	OPT_HEADING,  /* help only: `help` is a heading */
	OPT_FLAG,     /* dst: bool */
	OPT_DURATION, /* dst: uint32_t, ms; min and max in ms */
	OPT_NUMBER,   /* dst: uint64_t; min and max */
	OPT_FIELD,    /* dst: struct la_shard_config; row: the field, its range, unit (ms: a duration), default, help */
	OPT_PORT,     /* dst: uint16_t */
	OPT_TEXT,     /* dst: const char * */
	OPT_CHOICE,   /* dst: int, index into choices */
	OPT_SWITCH,   /* the same, with =VALUE only; without it, the first choice */
	OPT_CALL,     /* call(dst, text, why, size): 0, or -1 with the allowed values in why */
	OPT_CALL_SWITCH, /* the same, with =VALUE only; without it, the text is empty */
};

struct opt {
	const char *name; /* long name, without dashes */
	char letter;	  /* short name, 0: none */
	enum opt_kind kind;
	void *dst;
	const char *arg;  /* placeholder in the help */
	const char *help; /* with the default and the unit; \n breaks a line. OPT_FIELD: in row */
	uint64_t min, max;
	const char *const *choices; /* NULL-terminated */
	int (*call)(void *dst, const char *text, char *why, size_t size);
	const struct la_config_row *row; /* OPT_FIELD */
};

enum opt_result { OPT_OK, OPT_HELP, OPT_BAD };

/** Reads argv[1..]; tables: NULL-terminated list of tables that end with a NULL name and kind
 * OPT_HEADING with NULL help. On OPT_BAD a line of the form "--msl: '30' is not a duration; allowed: ..."
 * is in err. --help and -h give OPT_HELP. There are no operands: a bare word is an error. */
enum opt_result opt_parse(int argc, char **argv, const struct opt *const *tables, char *err, size_t size);

/** Prints the OPTIONS part of a help text. */
void opt_help(const struct opt *const *tables, FILE *f);

/** One line for each option of `common`, their names with spaces between, in the order of the tables and below the
 * headings of the tables. A line has the first line of the option's help, at most 120 columns, and " ..." when the help has more. -1: a name
 * in `common` is no option. */
int opt_brief(const struct opt *const *tables, const char *common, FILE *f);

#define OPT_END                                                 \
	{                                                       \
		.name = NULL, .kind = OPT_HEADING, .help = NULL \
	}

#endif
