/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/netopts.h"
#include "cli/opts.h"
#include "cli/signals.h"

/* Runs before the constructors of the libraries: see signals.c. */
static void
catch_early(int argc, char **argv, char **env)
{
	(void)argc;
	(void)argv;
	(void)env;
	signals_catch();
}

__attribute__((section(".preinit_array"), used)) static void (*const early)(int, char **, char **) = catch_early;

const char *const lastack_version = LASTACK_VERSION;

static const struct command *const commands[] = {
	&command_server,  &command_client, &command_load,  &command_demo,
	&command_explain, &command_bench,  &command_ports,
};

enum { NCOMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void
help(FILE *f)
{
	fprintf(f, "NAME\n"
		   "       lastack - TCP on DPDK that ends every connection the way RFC 9293 says\n"
		   "\n"
		   "SYNOPSIS\n"
		   "       lastack SUBCOMMAND [OPTIONS]\n"
		   "       lastack SUBCOMMAND --help | --help all\n"
		   "       lastack help [SUBCOMMAND [all]] | --help | --version\n"
		   "\n"
		   "SUBCOMMANDS\n");
	for (unsigned i = 0; i < NCOMMANDS; i++)
		fprintf(f, "       %-8s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(f,
		"\n"
		"EXAMPLES\n"
		"       lastack demo\n"
		"       lastack explain lost-last-ack\n"
		"       lastack server --tap la0,10.0.0.1/24 --addr 10.0.0.2/24 --http 80 --echo 7\n"
		"       lastack client --tap la0,10.0.0.1/24 --addr 10.0.0.2/24 --to 10.0.0.1:80 --get /bytes/1000\n"
		"\n"
		"EXIT STATUS\n"
		"       0  the run succeeded\n"
		"       1  the run did not start, or failed as the subcommand's help says\n"
		"       2  wrong command line\n"
		"       SIGINT or SIGTERM ends server, client, load and demo in order, with a summary and status 0,\n"
		"       also when a shell starts lastack with SIGINT ignored ('lastack ... &'). While the run waits\n"
		"       for its port, a signal ends it without a summary. A signal kills explain, bench and ports.\n");
}

static const struct command *
command_find(const char *name)
{
	for (unsigned i = 0; i < NCOMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* Prints --help, the options for a first run, or --help all, all options. */
static int
command_help(const struct command *c, bool all)
{
	char *args[] = {(char[]){"lastack"}, (char[]){"--help"}, NULL};
	int rc;

	if (all)
		return c->run(2, args);
	printf("lastack %s - %s\nusage: lastack %s %s\n\n", c->name, c->summary, c->name, c->synopsis);
	rc = opt_brief(c->tables, c->common, stdout);
	printf("\nEvery option, files and exit status: lastack %s --help all\n", c->name);
	return rc == 0 ? EXIT_OK : EXIT_FAILED;
}

/* Returns the index of --help or -h in argv; 0: there is none. */
static int
find_help(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return i;
	return 0;
}

static bool
is_all(const char *word)
{
	return word != NULL && strcmp(word, "all") == 0;
}

static int
command_unknown(const char *name)
{
	fprintf(stderr, "lastack: '%s': no such subcommand; allowed: ", name);
	for (unsigned i = 0; i < NCOMMANDS; i++)
		fprintf(stderr, "%s, ", commands[i]->name);
	fprintf(stderr, "help, --help, --version\n");
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	const struct command *c = argc < 2 ? NULL : command_find(argv[1]);
	int help_at;

	for (unsigned i = 0; i < NCOMMANDS; i++)
		if (commands[i]->init)
			commands[i]->init();
	if (c == NULL || !c->orderly)
		signals_default();
	net_init();
	if (argc < 2) {
		fprintf(stderr, "lastack: a subcommand is missing; 'lastack --help' lists them\n");
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("lastack %s\n", lastack_version);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "help") == 0 && argc >= 3) {
		c = command_find(argv[2]);
		return c ? command_help(c, is_all(argv[3])) : command_unknown(argv[2]);
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help(stdout);
		return EXIT_OK;
	}
	if (c == NULL)
		return command_unknown(argv[1]);
	help_at = find_help(argc, argv);
	if (help_at != 0)
		return command_help(c, is_all(argv[help_at + 1]));
	return c->run(argc - 1, argv + 1);
}
