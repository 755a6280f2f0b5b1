/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_OUTPUT_H
#define LA_IO_OUTPUT_H

/* Output files of the end of a run, checked before its start. */

#include <stddef.h>

/** Whether `path` can be opened for writing, or created. Creates and truncates nothing. "-" is standard
 * output. what: the option; err is then "--json: PATH: REASON". 0, or negative errno and err. */
int la_output_check(const char *what, const char *path, char *err, size_t size);

/** The directory of the file `path`, as a new string to be freed; NULL: no memory. */
char *la_output_dir(const char *path);

#endif
