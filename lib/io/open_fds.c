/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <stdlib.h>

#include "io/open_fds.h"

unsigned
la_open_fds(bool (*wanted)(int fd, void *ctx), void *ctx, int *fds, unsigned max)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *d;
	unsigned n = 0;

	while (dir != NULL && (d = readdir(dir)) != NULL && n < max) {
		int fd = atoi(d->d_name);

		if (d->d_name[0] != '.' && wanted(fd, ctx))
			fds[n++] = fd;
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}
