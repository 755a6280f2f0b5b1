/* SPDX-License-Identifier: BSD-3-Clause */

/* net_af_xdp of DPDK 22.11 decides silently, so the result is read from its sockets:
 *
 *	zero copy    it binds without XDP_COPY and XDP_ZEROCOPY, and the kernel falls back to copying where the driver of the
 *		     interface has no zero copy. force_copy=1 binds with XDP_COPY
 *	busy poll    it sets SO_PREFER_BUSY_POLL, SO_BUSY_POLL and SO_BUSY_POLL_BUDGET (Linux 5.11), and goes on without
 *		     them when the kernel refuses one
 *
 * The driver does not give its sockets: they are found among the open files, as those that the set-up of its queues has
 * added. */

#include <errno.h>
#include <linux/if_xdp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "io/eal.h"
#include "io/open_fds.h"
#include "io/words.h"
#include "io/xdp.h"

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69 /* Linux 5.11; the libc of the build may be older */
#endif

static struct {
	uint16_t port;
	struct la_xdp_words words;
} xdp_kept[LA_EAL_MAX_PORTS];
static unsigned xdp_nkept;

void
la_xdp_keep(uint16_t port, const struct la_xdp_words *w)
{
	unsigned i = 0;

	while (i < xdp_nkept && xdp_kept[i].port != port)
		i++;
	if (i == LA_EAL_MAX_PORTS)
		return;
	xdp_kept[i].port = port;
	xdp_kept[i].words = *w;
	if (i == xdp_nkept)
		xdp_nkept++;
}

void
la_xdp_forget(void)
{
	xdp_nkept = 0;
}

static bool
option_of(int fd, int level, int name, int *value)
{
	socklen_t n = sizeof(*value);

	*value = 0;
	return getsockopt(fd, level, name, value, &n) == 0;
}

static bool
is_xdp(int fd, void *ctx)
{
	int domain;

	(void)ctx;
	return option_of(fd, SOL_SOCKET, SO_DOMAIN, &domain) && domain == AF_XDP;
}

void
la_xdp_find(struct la_xdp_sockets *s)
{
	s->n = la_open_fds(is_xdp, NULL, s->fd, LA_XDP_SOCKETS);
}

static bool
is_among(const struct la_xdp_sockets *s, int fd)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->fd[i] == fd)
			return true;
	return false;
}

static void
read_mode(int fd, struct la_xdp_mode *mode)
{
	int flags, prefer, us;

	if (!option_of(fd, SOL_XDP, XDP_OPTIONS, &flags))
		return;
	if (!option_of(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &prefer) || !option_of(fd, SOL_SOCKET, SO_BUSY_POLL, &us))
		prefer = us = 0;
	if (!mode->known) {
		mode->known = mode->zero_copy = mode->busy_poll = true;
		mode->busy_us = (unsigned)us;
	}
	mode->zero_copy = mode->zero_copy && (flags & XDP_OPTIONS_ZEROCOPY) != 0;
	mode->busy_poll = mode->busy_poll && prefer != 0 && us != 0;
}

static const struct la_xdp_words *
words_of(uint16_t port)
{
	static const struct la_xdp_words none;

	for (unsigned i = 0; i < xdp_nkept; i++)
		if (xdp_kept[i].port == port)
			return &xdp_kept[i].words;
	return &none;
}

int
la_xdp_started(uint16_t port, const struct la_xdp_sockets *before, struct la_xdp_mode *mode, char *err, size_t size)
{
	const struct la_xdp_words *w = words_of(port);
	struct la_xdp_sockets now;

	memset(mode, 0, sizeof(*mode));
	la_xdp_find(&now);
	for (unsigned i = 0; i < now.n; i++)
		if (!is_among(before, now.fd[i]))
			read_mode(now.fd[i], mode);
	if (w->zero_copy && !mode->zero_copy) {
		snprintf(
			err, size,
			"zero-copy: the kernel copies the frames: the driver of the interface has no zero copy for its "
			"queue, or refuses it; without the word zero-copy the port works in copy mode");
		return -ENOTSUP;
	}
	if (w->has_busy_poll && w->busy_poll != 0 && !mode->busy_poll) {
		snprintf(err, size,
			 "busy-poll=%u: the kernel does not set SO_PREFER_BUSY_POLL, which Linux has since 5.11",
			 w->busy_poll);
		return -ENOTSUP;
	}
	return 0;
}

const char *
la_xdp_text(const struct la_xdp_mode *mode, char *buf, size_t size)
{
	buf[0] = '\0';
	if (mode->known)
		snprintf(buf, size, "%s, %s", mode->zero_copy ? "zero copy" : "copy mode",
			 mode->busy_poll ? "busy poll" : "no busy poll");
	return buf;
}
