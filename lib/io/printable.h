/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_PRINTABLE_H
#define LA_IO_PRINTABLE_H

/* Names that the kernel gives, of interfaces and processes, have any bytes: in output and in commands they are harmless
 * only after these functions. */

#include <stdbool.h>
#include <stddef.h>

/** Copies text as UTF-8 without control characters: each other byte becomes \xNN. Cuts at size. */
void la_printable(const char *text, char *buf, size_t size);

/** Returns whether a shell takes the name as one word that is no option. */
bool la_is_plain_word(const char *name);

#endif
