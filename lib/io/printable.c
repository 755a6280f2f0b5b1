/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "io/printable.h"

/* The length of the printable character at p; 0: there is none. RFC 3629 section 4: no longer form, no surrogates. */
static unsigned
char_bytes(const unsigned char *p)
{
	unsigned n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c = p[0] & (0x7fu >> n);

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if ((n == 2 && c < 0xa0) || (n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

void
la_printable(const char *text, char *buf, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t at = 0;

	while (*p != '\0') {
		unsigned n = char_bytes(p);

		if (at + (n > 0 ? n : 4) >= size)
			break;
		if (n > 0) {
			memcpy(buf + at, p, n);
			at += n;
			p += n;
		} else {
			at += (size_t)snprintf(buf + at, size - at, "\\x%02x", *p++);
		}
	}
	buf[at] = '\0';
}

bool
la_is_plain_word(const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-";

	return name[0] != '\0' && name[0] != '-' && name[strspn(name, plain)] == '\0';
}
