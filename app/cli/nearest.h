/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLI_NEAREST_H
#define LA_APP_CLI_NEAREST_H

/* The distance between names: an error message suggests the nearest allowed name. */

#include <limits.h>
#include <string.h>

enum { NAME_LEN_MAX = 64 };

/** Returns the number of edits (insert, delete, replace) between two names; UINT_MAX when one has NAME_LEN_MAX characters
 * or more. */
static inline unsigned
name_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[NAME_LEN_MAX];

	if (n >= NAME_LEN_MAX || m >= NAME_LEN_MAX)
		return UINT_MAX;
	for (unsigned j = 0; j <= m; j++)
		row[j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			unsigned replace = diagonal + (a[i - 1] != b[j - 1]);
			unsigned other = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);

			diagonal = row[j];
			row[j] = replace < other ? replace : other;
		}
	}
	return row[m];
}

#endif
