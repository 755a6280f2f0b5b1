/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "io/eal.h"
#include "io/tap.h"

enum { WAIT_S = 5 /* seconds: longest wait for the kernel's answer, which is normally immediate */ };

static struct {
	uint16_t port;
	struct la_tap_addrs addrs;
} kept[LA_EAL_MAX_PORTS];
static unsigned nkept;

static bool
is_driver_word(const char *p, size_t len)
{
	static const char *const starts[] = {"mac=", "remote="};

	for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (len > strlen(starts[i]) && memcmp(p, starts[i], strlen(starts[i])) == 0)
			return true;
	return len == strlen("persist") && memcmp(p, "persist", len) == 0;
}

/* Reads the address of a host with its prefix length, as in "10.0.0.1/24". False: no such address. */
static bool
read_address(const char *p, size_t len, struct la_prefix *to)
{
	char word[LA_ADDR_STRLEN + 8];
	const uint8_t *b = to->addr.b;

	if (len >= sizeof(word) || memchr(p, '/', len) == NULL)
		return false;
	memcpy(word, p, len);
	word[len] = '\0';
	if (la_prefix_parse(word, to) != 0)
		return false;
	return la_addr_is4(&to->addr) ? b[12] != 0 && b[12] < 224 : !la_addr_is_any(&to->addr) && b[0] != 0xff;
}

int
la_tap_split(const char *tail, struct la_tap_addrs *addrs, char *rest, size_t rest_size, char *err, size_t size)
{
	size_t used = 0;

	addrs->n = 0;
	rest[0] = '\0';
	for (const char *p = tail; *p != '\0';) {
		size_t len = strcspn(p, ",");

		if (is_driver_word(p, len)) {
			int n = snprintf(rest + used, rest_size - used, "%s%.*s", used > 0 ? "," : "", (int)len, p);

			used += (size_t)n;
			if (used >= rest_size) {
				snprintf(err, size, "shorter arguments for the driver");
				return -EINVAL;
			}
		} else if (addrs->n == LA_TAP_ADDRS) {
			snprintf(err, size, "at most %d addresses of the kernel's end", LA_TAP_ADDRS);
			return -EINVAL;
		} else {
			if (!read_address(p, len, &addrs->p[addrs->n])) {
				snprintf(
					err, size,
					"NAME, and after a comma each the addresses of the kernel's end with "
					"their prefix length: la0,10.0.0.1/24,fd00::1/64 (or the driver's mac=, remote=, persist)");
				return -EINVAL;
			}
			addrs->n++;
		}
		p += len;
		p += *p == ',';
	}
	return 0;
}

void
la_tap_keep(uint16_t port, const struct la_tap_addrs *addrs)
{
	for (unsigned i = 0; i < nkept; i++)
		if (kept[i].port == port)
			kept[i--] = kept[--nkept];
	if (addrs->n == 0 || nkept == LA_EAL_MAX_PORTS)
		return;
	kept[nkept].port = port;
	kept[nkept++].addrs = *addrs;
}

void
la_tap_forget(void)
{
	nkept = 0;
}

/* ---- rtnetlink(7) ---- */

struct request {
	struct nlmsghdr h;
	union {
		struct ifaddrmsg addr;
		struct ifinfomsg link;
	};
	char attrs[64];
};

static void
tap_put_attr(struct request *q, unsigned short type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	q->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

/* Sends one request and reads the kernel's answer. 0 or negative errno. */
static int
tap_netlink_request(int fd, const struct request *q)
{
	char buf[4096] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *h = (struct nlmsghdr *)buf;
	ssize_t n;

	if (send(fd, q, q->h.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, buf, sizeof(buf), 0);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || h->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
}

static int
set_up(int fd, unsigned if_index)
{
	struct request q = {
		.h = {.nlmsg_len = NLMSG_LENGTH(sizeof(q.link)),
		      .nlmsg_type = RTM_NEWLINK,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.link = {.ifi_family = AF_UNSPEC,
			 .ifi_index = (int)if_index,
			 .ifi_flags = IFF_UP,
			 .ifi_change = IFF_UP},
	};

	return tap_netlink_request(fd, &q);
}

static int
add_address(int fd, unsigned if_index, const struct la_prefix *p)
{
	bool four = la_addr_is4(&p->addr);
	const void *bytes = four ? (const void *)&p->addr.w[3] : (const void *)p->addr.b;
	size_t len = four ? 4 : 16;
	struct request q = {
		.h = {.nlmsg_len = NLMSG_LENGTH(sizeof(q.addr)),
		      .nlmsg_type = RTM_NEWADDR,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
		.addr = {.ifa_family = four ? AF_INET : AF_INET6,
			 .ifa_prefixlen = p->len,
			 .ifa_flags = four ? 0 : IFA_F_NODAD,
			 .ifa_index = if_index},
	};

	tap_put_attr(&q, IFA_LOCAL, bytes, len);
	tap_put_attr(&q, IFA_ADDRESS, bytes, len);
	return tap_netlink_request(fd, &q);
}

static const char *
tap_advice(int rc, bool four)
{
	if (rc == -EPERM)
		return ": this needs root or CAP_NET_ADMIN";
	if (!four && (rc == -EACCES || rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP))
		return ": is IPv6 off in the kernel (sysctl net.ipv6.conf.default.disable_ipv6)?";
	return "";
}

int
la_tap_started(uint16_t port, unsigned if_index, char *err, size_t size)
{
	const struct la_tap_addrs *a = NULL;
	const struct timeval limit = {.tv_sec = WAIT_S};
	char name[IF_NAMESIZE] = "", text[LA_ADDR_STRLEN];
	int fd, rc;

	for (unsigned i = 0; i < nkept; i++)
		if (kept[i].port == port)
			a = &kept[i].addrs;
	if (a == NULL)
		return 0;
	if_indextoname(if_index, name);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0) {
		rc = -errno;
		snprintf(err, size, "tap: %s: no netlink socket: %s", name, strerror(-rc));
		return rc;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	rc = set_up(fd, if_index);
	if (rc)
		snprintf(err, size, "tap: the kernel does not set %s up: %s%s", name, strerror(-rc),
			 tap_advice(rc, true));
	for (unsigned i = 0; rc == 0 && i < a->n; i++) {
		rc = add_address(fd, if_index, &a->p[i]);
		if (rc)
			snprintf(err, size, "tap: the kernel does not take %s/%u for its end of %s: %s%s",
				 la_addr_format(&a->p[i].addr, text, sizeof(text)), a->p[i].len, name, strerror(-rc),
				 tap_advice(rc, la_addr_is4(&a->p[i].addr)));
	}
	close(fd);
	return rc;
}
