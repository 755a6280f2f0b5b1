/* SPDX-License-Identifier: BSD-3-Clause */
/* Queued connections of a listening Unix socket, as sock_diag(7) shows them: one inode for the peer of each queued
 * connection, and 0 for a peer that has closed its socket. */

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

#include "core/log.h"
#include "io/backlog.h"

enum {
	ANSWER_BYTES = 8192,
	ROUNDS = 64, /* connections dropped at one call */
};

/* Whether the list of queued connections in one answer has a closed peer. The macros of netlink(3) need pointers
 * without const. */
static bool
backlog_answer_has_closed(struct nlmsghdr *h)
{
	struct unix_diag_msg *diag = NLMSG_DATA(h);
	struct rtattr *a = (struct rtattr *)(diag + 1);
	int left = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*diag));

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		const uint32_t *peer = RTA_DATA(a);

		if (a->rta_type != UNIX_DIAG_ICONS)
			continue;
		for (unsigned i = 0; i < RTA_PAYLOAD(a) / sizeof(*peer); i++)
			if (peer[i] == 0)
				return true;
	}
	return false;
}

/* Whether the peer of a queued connection of the socket with this inode has closed its end. */
static bool
backlog_has_closed(ino_t inode)
{
	struct {
		struct nlmsghdr h;
		struct unix_diag_req req;
	} ask = {.h = {.nlmsg_len = sizeof(ask), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
		 .req = {.sdiag_family = AF_UNIX,
			 .udiag_states = UINT32_MAX,
			 .udiag_ino = (uint32_t)inode,
			 .udiag_show = UDIAG_SHOW_ICONS,
			 .udiag_cookie = {UINT32_MAX, UINT32_MAX}}};
	_Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
	struct nlmsghdr *h = (struct nlmsghdr *)answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	static bool warned;
	ssize_t n = -1;

	if (fd >= 0) {
		if (send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask))
			n = recv(fd, answer, sizeof(answer), 0);
		close(fd);
	}
	if (n > 0 && NLMSG_OK(h, (size_t)n) && h->nlmsg_type == SOCK_DIAG_BY_FAMILY)
		return backlog_answer_has_closed(h);
	if (!warned)
		la_log(LA_LOG_WARN,
		       "the kernel does not list connections of Unix sockets (sock_diag): a memif client that "
		       "is killed while it connects may end this process");
	warned = true;
	return false;
}

static bool
backlog_is_listener(int fd)
{
	int family = 0, listens = 0;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 && family == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens;
}

void
la_backlog_drop_closed(int fd)
{
	struct pollfd waiting = {.fd = fd, .events = POLLIN};
	struct stat st;

	if (!backlog_is_listener(fd) || fstat(fd, &st) < 0)
		return;
	for (unsigned i = 0; i < ROUNDS && poll(&waiting, 1, 0) == 1 && backlog_has_closed(st.st_ino); i++) {
		int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (conn >= 0)
			close(conn);
	}
}
