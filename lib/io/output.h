/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_OUTPUT_H
#define LA_IO_OUTPUT_H

/* Files that are written when a run ends: whether that will be possible is found out before it starts. */

#include <stddef.h>

/** Whether `path` can be opened for writing, or created. Creates and truncates nothing. "-" is standard
 * output. what: the option; err is then "--json: PATH: REASON". 0, or negative errno and err. */
int la_output_check(const char *what, const char *path, char *err, size_t size);

/** The directory that `path` names a file in, as a new string, to be freed; NULL: no memory. */
char *la_output_dir(const char *path);

#endif
