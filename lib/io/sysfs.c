/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/sysfs.h"

enum { PATH = 512 };

bool
la_sysfs_line(char *line, size_t size, const char *fmt, ...)
{
	char path[PATH];
	va_list ap;
	bool got;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	line[0] = '\0';
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	got = fgets(line, (int)size, f) != NULL;
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	return got;
}

void
la_sysfs_link(char *name, size_t size, const char *fmt, ...)
{
	char path[PATH], to[PATH];
	const char *slash;
	va_list ap;
	ssize_t n;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	n = readlink(path, to, sizeof(to) - 1);
	to[n < 0 ? 0 : n] = '\0';
	slash = strrchr(to, '/');
	snprintf(name, size, "%.31s", slash != NULL ? slash + 1 : to);
}
