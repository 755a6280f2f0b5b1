/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/output.h"

enum { LINKS_MAX = 8 }; /* symbolic links that lead to a file to be created */

char *
la_output_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* Checks an existing file. A pipe is not opened: that would wait for its reader, or send an end of file. */
static int
check_file(const char *path, const struct stat *s)
{
	int fd;

	if (S_ISDIR(s->st_mode))
		return -EISDIR;
	if (S_ISSOCK(s->st_mode))
		return -ENXIO;
	if (!S_ISREG(s->st_mode))
		return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 ? 0 : -errno;
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Checks that a file can be created in its directory. */
static int
check_dir(const char *path)
{
	char *dir = la_output_dir(path);
	struct stat s;
	int rc = 0;

	if (dir == NULL)
		return -ENOMEM;
	if (path[0] == '\0' || path[strlen(path) - 1] == '/')
		rc = -EISDIR;
	else if (stat(dir, &s) != 0)
		rc = -errno;
	else if (!S_ISDIR(s.st_mode))
		rc = -ENOTDIR;
	else if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) != 0)
		rc = -errno;
	free(dir);
	return rc;
}

/* Checks the file that open() with O_CREAT would create: `path`, or the target of a dangling link. */
static int
check_new(const char *path)
{
	char at[4096], to[4096];

	if (strlen(path) >= sizeof(at))
		return -ENAMETOOLONG;
	strcpy(at, path);
	for (int i = 0; i < LINKS_MAX; i++) {
		ssize_t n = readlink(at, to, sizeof(to) - 1);
		char *slash = strrchr(at, '/');
		size_t keep = slash == NULL || n < 0 || to[0] == '/' ? 0 : (size_t)(slash - at) + 1;

		if (n < 0)
			return check_dir(at);
		to[n] = '\0';
		if (keep + (size_t)n >= sizeof(at))
			return -ENAMETOOLONG;
		memcpy(at + keep, to, (size_t)n + 1);
	}
	return -ELOOP;
}

int
la_output_check(const char *what, const char *path, char *err, size_t size)
{
	struct stat s;
	int rc;

	if (strcmp(path, "-") == 0)
		return 0;
	if (stat(path, &s) == 0)
		rc = check_file(path, &s);
	else if (errno == ENOENT)
		rc = check_new(path);
	else
		rc = -errno;
	if (rc)
		snprintf(err, size, "%s: %s: %s", what, path, strerror(-rc));
	return rc;
}
