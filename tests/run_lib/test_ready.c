/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/ready.h"

static char dir[] = "/tmp/lastack-test-XXXXXX";
static char path[64], tmp[72];

static void
set_up(void)
{
	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/ready", dir);
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
}

static void
tear_down(void)
{
	unlink(path);
	unlink(tmp);
	rmdir(dir);
}

TestSuite(ready, .init = set_up, .fini = tear_down);

static void
put(const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert(f);
	cr_assert_geq(fputs(text, f), 0);
	cr_assert_eq(fclose(f), 0);
}

static const char *
got(char *buf, size_t size)
{
	FILE *f = fopen(path, "r");

	cr_assert(f);
	buf[fread(buf, 1, size - 1, f)] = '\0';
	fclose(f);
	return buf;
}

Test(ready, the_file_has_the_process_id_and_goes)
{
	char text[32], wanted[32];

	snprintf(wanted, sizeof(wanted), "%ld\n", (long)getpid());
	cr_assert_eq(la_ready_write(path), 0);
	cr_expect_str_eq(got(text, sizeof(text)), wanted);
	cr_expect_lt(access(tmp, F_OK), 0, "the temporary file is left");
	la_ready_remove(path);
	cr_expect_lt(access(path, F_OK), 0);
}

/* The file has the process id of another process. */
Test(ready, a_file_of_another_process_stays_at_the_end)
{
	put("1\n");
	la_ready_remove(path);
	cr_expect_eq(access(path, F_OK), 0);
}

Test(ready, a_file_that_a_killed_process_left_is_cleared)
{
	char err[200] = "";

	cr_expect_eq(la_ready_clear(path, err, sizeof(err)), 0, "an error without a file");
	put("4711\n");
	cr_expect_eq(la_ready_clear(path, err, sizeof(err)), 0);
	cr_expect_lt(access(path, F_OK), 0);
}

Test(ready, a_file_that_is_no_ready_file_is_kept)
{
	static const char *const texts[] = {"", "\n", "12 34\n", "12", "precious\n", "12\n13\n", "-12\n"};
	char err[200] = "", text[32];

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(texts[i]);
		cr_expect_eq(la_ready_clear(path, err, sizeof(err)), -EEXIST, "'%s'", texts[i]);
		cr_expect(strstr(err, path) && strstr(err, "not a ready file"), "%s", err);
		cr_expect_str_eq(got(text, sizeof(text)), texts[i]);
	}
	cr_expect_eq(la_ready_clear(dir, err, sizeof(err)), -EEXIST, "a directory is not refused");
}

Test(ready, a_file_that_cannot_be_written_gives_the_reason)
{
	cr_expect_eq(la_ready_write("/nonexistent/ready"), -ENOENT);
	cr_expect_eq(la_ready_write("/dev/full/ready"), -ENOTDIR);
}

/* A socket like systemd's. */
static int
listen_at(const char *name, size_t len)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	memcpy(sun.sun_path, name, len);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sun, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
	return fd;
}

static void
expect_datagram(int fd, const char *wanted)
{
	char buf[64];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	cr_assert_eq(n, (ssize_t)strlen(wanted));
	cr_expect_eq(memcmp(buf, wanted, (size_t)n), 0);
}

Test(ready, systemd_gets_a_datagram_at_a_path)
{
	int fd = listen_at(path, strlen(path) + 1);

	setenv("NOTIFY_SOCKET", path, 1);
	cr_expect_eq(la_ready_notify("READY=1"), 0);
	expect_datagram(fd, "READY=1");
	close(fd);
	cr_expect_eq(la_ready_notify("STOPPING=1"), -ECONNREFUSED, "no error, though nothing listens at the path");
}

Test(ready, systemd_gets_a_datagram_at_an_abstract_name)
{
	char name[64];
	int n = snprintf(name, sizeof(name), "@%s", path), fd;

	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	fd = listen_at(name, (size_t)n);
	cr_expect_eq(la_ready_notify("STOPPING=1"), 0);
	expect_datagram(fd, "STOPPING=1");
	close(fd);
}

Test(ready, other_values_of_notify_socket_are_errors)
{
	char name[200];

	unsetenv("NOTIFY_SOCKET");
	cr_expect_eq(la_ready_notify("READY=1"), 0, "an error without NOTIFY_SOCKET");
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	cr_expect_eq(la_ready_notify("READY=1"), -EAFNOSUPPORT);
	setenv("NOTIFY_SOCKET", "", 1);
	cr_expect_eq(la_ready_notify("READY=1"), -EAFNOSUPPORT);
	setenv("NOTIFY_SOCKET", "/", 1);
	cr_expect_eq(la_ready_notify("READY=1"), -EAFNOSUPPORT);
	memset(name, 'a', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	cr_expect_eq(la_ready_notify("READY=1"), -ENAMETOOLONG);
}
