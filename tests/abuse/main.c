/* SPDX-License-Identifier: BSD-3-Clause */

/* abuse [--long] [--row N] [--pool N] [ATTACK...]: runs the named attacks, or all attacks. --row N: only row N,
 * from 0. --pool N: the server has N packet buffers. --long: the long rows, too. --list prints the names. Status 0: no
 * breach in any row; 1: a breach; 2: wrong arguments. */

#include "abuse.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/payload.h"

#define ATTACK(name) extern const struct attack attack_##name;
#include "attacks.def"
#undef ATTACK

static const struct attack *const catalogue[] = {
#define ATTACK(name) &attack_##name,
#include "attacks.def"
#undef ATTACK
};

enum { ATTACKS = sizeof(catalogue) / sizeof(catalogue[0]) };

static uint8_t pattern[PATTERN_LEN], chargen[CHARGEN_LEN];

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Returns the number of failed rows. */
static unsigned
attack(const struct attack *a, bool longer, int only)
{
	double start = seconds();
	unsigned failed = 0, rows = 0;

	printf("%s: %s\n", a->name, a->kind);
	for (unsigned i = 0; i < a->nrows; i++) {
		if (only >= 0 ? (unsigned)only != i : a->rows[i].longer && !longer)
			continue;
		rows++;
		failed += !abuse_row(a, &a->rows[i]);
	}
	printf("%s: %u of %u rows failed, %.1f s\n", a->name, failed, rows, seconds() - start);
	fflush(stdout);
	return failed;
}

int
main(int argc, char **argv)
{
	bool longer = false, any = false;
	unsigned failed = 0;
	int only = -1, i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--long") == 0) {
			longer = true;
		} else if (strcmp(argv[i], "--row") == 0 && i + 1 < argc) {
			only = atoi(argv[++i]);
		} else if (strcmp(argv[i], "--pool") == 0 && i + 1 < argc && atoi(argv[i + 1]) >= 1024) {
			abuse_pool = (uint32_t)atoi(argv[++i]);
		} else if (strcmp(argv[i], "--list") == 0) {
			for (unsigned k = 0; k < ATTACKS; k++)
				printf("%-18s %u rows  %s\n", catalogue[k]->name, catalogue[k]->nrows,
				       catalogue[k]->kind);
			return 0;
		} else {
			fprintf(stderr, "usage: abuse [--long] [--row N] [--pool N] [--list] "
					"[ATTACK...]\n");
			return 2;
		}
	}
	payload_fill(pattern, chargen);
	for (unsigned k = 0; k < ATTACKS; k++) {
		bool wanted = i == argc;

		for (int j = i; j < argc; j++)
			wanted |= strcmp(argv[j], catalogue[k]->name) == 0;
		if (wanted)
			failed += attack(catalogue[k], longer, only);
		any |= wanted;
	}
	if (!any)
		fprintf(stderr, "abuse: no such attack; --list prints the names\n");
	return any ? failed > 0 : 2;
}
