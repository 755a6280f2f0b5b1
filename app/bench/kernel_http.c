/* SPDX-License-Identifier: BSD-3-Clause */

/* kernel_http ADDRESS PORT: a minimal server on the kernel's TCP, for app/bench/kernel. It has one
 * thread, one epoll and the answer in memory, and uses per connection only the system calls accept,
 * epoll_ctl, read, write and close. Like 'lastack server --http' the server closes first when the request has
 * "Connection: close", and otherwise after the client. The server expects a request in one segment. */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 256, BODY = 100, BACKLOG = 65535 };

static char answer[256];
static size_t answer_len;

static int
listen_on(const char *addr, int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || inet_pton(AF_INET, addr, &sin.sin_addr) != 1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 || listen(fd, BACKLOG) != 0)
		return -1;
	return fd;
}

static void
accept_all(int ep, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0)
			close(fd);
	}
}

static void
http_serve(int fd)
{
	char request[4096];
	ssize_t n = read(fd, request, sizeof(request) - 1);

	if (n <= 0) {
		close(fd);
		return;
	}
	request[n] = '\0';
	if (write(fd, answer, answer_len) != (ssize_t)answer_len || strstr(request, "Connection: close"))
		close(fd);
}

int
main(int argc, char **argv)
{
	struct epoll_event ev[EVENTS] = {{.events = EPOLLIN}};
	int ep = epoll_create1(EPOLL_CLOEXEC), listener = argc == 3 ? listen_on(argv[1], atoi(argv[2])) : -1;

	ev[0].data.fd = listener;
	if (ep < 0 || listener < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev[0]) != 0) {
		perror("kernel_http ADDRESS PORT");
		return EXIT_FAILURE;
	}
	answer_len = (size_t)snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%0*d", BODY,
				      BODY, 0);
	for (;;) {
		int n = epoll_wait(ep, ev, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (ev[i].data.fd == listener)
				accept_all(ep, listener);
			else
				http_serve(ev[i].data.fd);
		}
	}
}
