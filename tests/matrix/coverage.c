/* SPDX-License-Identifier: BSD-3-Clause */

/* The matrix is whole: every line of rows.txt has exactly one test, and every test its line. */

#include "matrix.h"

#include <stdio.h>
#include <string.h>

enum { STATES = 12, EVENTS = 22, CELLS = STATES * EVENTS, ID = 16 };

static unsigned
read_rows(char ids[CELLS + 1][ID])
{
	FILE *f = fopen(ROWS_TXT, "r");
	char line[256];
	unsigned n = 0;

	cr_assert(f != NULL, "cannot open %s", ROWS_TXT);
	while (n <= CELLS && fgets(line, sizeof(line), f))
		if (line[0] != '#' && sscanf(line, "%15s", ids[n]) == 1)
			n++;
	fclose(f);
	return n;
}

static unsigned
registered(const char *id)
{
	unsigned n = 0;

	for (const struct row *r = row_first(); r; r = r->next)
		n += strcmp(r->id, id) == 0;
	return n;
}

Test(coverage, every_row_has_one_test)
{
	static char ids[CELLS + 1][ID];
	unsigned n = read_rows(ids);

	cr_assert_eq(n, (unsigned)CELLS, "%u rows are listed, not %u", n, CELLS);
	for (unsigned i = 0; i < n; i++) {
		cr_expect_eq(registered(ids[i]), 1u, "%s has %u tests", ids[i], registered(ids[i]));
		for (unsigned j = 0; j < i; j++)
			cr_expect(strcmp(ids[i], ids[j]) != 0, "%s is listed twice", ids[i]);
	}
}

Test(coverage, every_test_is_listed)
{
	static char ids[CELLS + 1][ID];
	unsigned n = read_rows(ids), tests = 0;

	for (const struct row *r = row_first(); r; r = r->next) {
		bool listed = false;

		for (unsigned i = 0; i < n && !listed; i++)
			listed = strcmp(ids[i], r->id) == 0;
		cr_expect(listed, "%s is not in rows.txt", r->id);
		cr_expect(r->body != NULL, "%s does nothing", r->id);
		tests++;
	}
	cr_assert_eq(tests, (unsigned)CELLS, "%u tests, not %u", tests, CELLS);
}
