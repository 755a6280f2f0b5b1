/* SPDX-License-Identifier: BSD-3-Clause */

/* bench_instructions [--population N] [ROW...]: runs the groups of rows for app/bench/instructions. (Theory: instr.h) */

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_version.h>

#include "bench/instr.h"
#include "cli/command.h"
#include "io/eal.h"

enum { MEMORY_MB = 512, POPULATION = 8192, POPULATION_MOST = 4000000, PAGE = 4096 };

/* A request has the version in a field, and its length must not change with the version. */
const char *const lastack_version = "0.0.0";

uint32_t instr_population = POPULATION;

struct instr_group {
	const char *name;
	void (*run)(struct instr_world *w, const char *name, const struct instr_kind *kind);
	struct instr_kind kind;
};

/* The four kinds of connections: each family, without and with timestamps. */
#define EACH(group, run, server_first)                                                                          \
	{group "/ip4", run, {false, false, server_first}}, {group "/ip4-ts", run, {false, true, server_first}}, \
		{group "/ip6", run, {true, false, server_first}},                                               \
	{                                                                                                       \
		group "/ip6-ts", run,                                                                           \
		{                                                                                               \
			true, true, server_first                                                                \
		}                                                                                               \
	}

static const struct instr_group groups[] = {
	EACH("server/server-first", instr_server_life, true),
	EACH("server/client-first", instr_server_life, false),
	EACH("server/exchange", instr_server_exchange, false),
	EACH("server/repeat", instr_server_repeat, true),
	EACH("server/cookie", instr_server_cookie, false),
	EACH("server/stray", instr_server_stray, false),
	{"server/idle", instr_server_empty, {false, false, false}},
	EACH("load/client-first", instr_load_life, false),
	EACH("load/server-first", instr_load_life, true),
};

/* Returns whether a group has a row that begins with one of the words; without a word every group has one. */
static bool
is_wanted(const struct instr_group *g, char **words, int n)
{
	for (int i = 0; i < n; i++) {
		size_t len = strlen(words[i]), name = strlen(g->name);

		if (strncmp(g->name, words[i], len < name ? len : name) == 0)
			return true;
	}
	return n == 0;
}

/* Reads the options. Returns the index of the first row, or -1 after a line on stderr. */
static int
read_options(int argc, char **argv)
{
	char *end;
	unsigned long n;

	if (argc < 2 || strcmp(argv[1], "--population") != 0)
		return 1;
	n = argc > 2 ? strtoul(argv[2], &end, 10) : 0;
	if (n < UNITS || n > POPULATION_MOST || *end != '\0') {
		fprintf(stderr, "bench_instructions: --population: allowed: a number from %d to %d\n", UNITS,
			POPULATION_MOST);
		return -1;
	}
	instr_population = (uint32_t)n;
	return 3;
}

/* Runs a group on a stack that begins at the start of a page, whatever arguments and environment the kernel has put
 * above: the instructions of memcpy() depend on the alignment of objects on the stack. */
static __attribute__((noinline)) void
group_run(struct instr_world *w, const struct instr_group *g)
{
	volatile char *above = alloca((uintptr_t)__builtin_frame_address(0) % PAGE + 1);

	*above = 0;
	g->run(w, g->name, &g->kind);
}

int
main(int argc, char **argv)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_NULL, NULL}}, .nports = 1, .lcores = 1, .memory_mb = MEMORY_MB};
	static struct instr_world w;
	struct la_eal eal;
	char err[512];
	int rows = read_options(argc, argv), ran = 0;

	if (rows < 0)
		return EXIT_USAGE;
	if (la_eal_start(&cfg, &eal, err, sizeof(err)) != 0) {
		fprintf(stderr, "bench_instructions: %s\n", err);
		return EXIT_FAILED;
	}
	printf("build %s, %s\n", INSTR_BUILD, rte_version());
	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (!is_wanted(&groups[i], argv + rows, argc - rows))
			continue;
		group_run(&w, &groups[i]);
		ran++;
	}
	la_eal_stop();
	if (ran > 0)
		return EXIT_OK;
	fprintf(stderr, "bench_instructions: no row begins with '%s'\n", argv[rows]);
	return EXIT_USAGE;
}
