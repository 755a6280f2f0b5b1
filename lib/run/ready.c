/* SPDX-License-Identifier: BSD-3-Clause */

/* The notification protocol is one datagram. sd_notify(3) calls the protocol stable and independent of libsystemd, so
 * this program does not depend on libsystemd and its five compression and cryptography libraries. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/ready.h"

/* Returns the process id, if the file contains only that; 0: other contents or an empty file; or negative errno. */
static long
read_pid(const char *path)
{
	char text[32] = "";
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	long pid = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		n = read(fd, text, sizeof(text) - 1);
		if (n > 1 && text[n - 1] == '\n' && strspn(text, "0123456789") == (size_t)n - 1)
			pid = strtol(text, NULL, 10);
	}
	close(fd);
	return pid;
}

int
la_ready_clear(const char *path, char *err, size_t size)
{
	long pid = read_pid(path);
	int rc = pid < 0 ? (int)pid : 0;

	if (rc == -ENOENT)
		return 0;
	if (pid == 0)
		rc = -EEXIST;
	else if (pid > 0 && unlink(path) < 0 && errno != ENOENT)
		rc = -errno;
	if (rc == -EEXIST)
		snprintf(err, size, "--ready-file: %s exists and is not a ready file (one line with a process id)",
			 path);
	else if (rc)
		snprintf(err, size, "--ready-file: %s: %s", path, strerror(-rc));
	return rc;
}

int
la_ready_write(const char *path)
{
	char *tmp;
	FILE *f;
	int rc = 0;

	if (asprintf(&tmp, "%s.tmp", path) < 0)
		return -ENOMEM;
	f = fopen(tmp, "we");
	if (f == NULL) {
		rc = -errno;
		free(tmp);
		return rc;
	}
	if (fprintf(f, "%ld\n", (long)getpid()) < 0)
		rc = -EIO;
	if (fclose(f) != 0)
		rc = -errno;
	if (rc == 0 && rename(tmp, path) < 0)
		rc = -errno;
	if (rc)
		unlink(tmp);
	free(tmp);
	return rc;
}

void
la_ready_remove(const char *path)
{
	if (read_pid(path) == (long)getpid())
		unlink(path);
}

int
la_ready_notify(const char *state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len;
	int fd, rc = 0;

	if (name == NULL)
		return 0;
	len = strlen(name);
	if ((name[0] != '/' && name[0] != '@') || len < 2)
		return -EAFNOSUPPORT;
	if (len >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, name, len);
	if (name[0] == '@') /* an abstract name begins with a NUL byte and has none at its end */
		sun.sun_path[0] = '\0';
	else
		len++;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&sun,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}
