/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLI_COMMAND_H
#define LA_APP_CLI_COMMAND_H

#include <stdbool.h>

struct opt;

/* A subcommand has a folder of app/, one struct command, and one line in the table of main.c. */

/** Exit statuses, the same for every subcommand. */
enum {
	EXIT_OK = 0,	 /* the run succeeded */
	EXIT_FAILED = 1, /* the run did not start, or failed as the subcommand's help says */
	EXIT_USAGE = 2,	 /* the command line is wrong */
};

struct command {
	const char *name;
	void (*init)(void);   /* called before all else: makes the texts and tables below; NULL: they are constant */
	const char *summary;  /* one line */
	const char *synopsis; /* the text after "lastack NAME"; may have further lines */
	const char *common; /* names of the options that a new user needs, for --help; `--help all` shows all options */
	const struct opt *const *tables; /* the tables of its options */
	/** argv[0] is the subcommand's name. Returns the exit status. */
	int (*run)(int argc, char **argv);
	bool orderly; /* true: SIGINT and SIGTERM end the run in order (session_run()); false: they kill the process */
};

extern const struct command command_server, command_client, command_load, command_demo, command_explain, command_bench,
	command_ports;

/** The version of the project in meson.build. */
extern const char *const lastack_version;

#endif
