/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_OUTPUT_H
#define LA_IO_OUTPUT_H

/* Checks, before a run starts, the files that are written at its end. */

#include <stddef.h>

/** Checks that `path` can be opened for writing, or created. Creates and truncates nothing. "-" is standard
 * output. what: the option, as in "--json". 0, or negative errno with "--json: PATH: REASON" in err. */
int la_output_check(const char *what, const char *path, char *err, size_t size);

/** The directory of the file `path`, as a new string to be freed; NULL: no memory. */
char *la_output_dir(const char *path);

#endif
