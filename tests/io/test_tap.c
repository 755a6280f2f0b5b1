/* SPDX-License-Identifier: BSD-3-Clause */

/* The kernel's end of a TAP: the argument, and its effect in the kernel, in the test's own network namespace. */

#include "io_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/tap.h"

Test(tap_argument, addresses_are_told_apart_from_driver_options)
{
	struct la_tap_addrs a;
	char rest[64], err[200], text[LA_ADDR_STRLEN];

	cr_assert_eq(la_tap_split("", &a, rest, sizeof(rest), err, sizeof(err)), 0);
	cr_expect_eq(a.n, 0u);
	cr_expect_str_eq(rest, "");
	cr_assert_eq(la_tap_split("10.0.0.1/24,mac=fixed,fd00::1/64,persist,remote=eth0", &a, rest, sizeof(rest), err,
				  sizeof(err)),
		     0);
	cr_expect_eq(a.n, 2u);
	cr_expect_str_eq(la_addr_format(&a.p[0].addr, text, sizeof(text)), "10.0.0.1");
	cr_expect_eq(a.p[0].len, 24);
	cr_expect_str_eq(la_addr_format(&a.p[1].addr, text, sizeof(text)), "fd00::1");
	cr_expect_eq(a.p[1].len, 64);
	cr_expect_str_eq(rest, "mac=fixed,persist,remote=eth0");
}

Test(tap_argument, other_words_are_refused)
{
	static const char *const bad[] = {
		"10.0.0.1",
		"10.0.0.1/33",
		"10.0.0.256/24",
		"fd00::1",
		"fd00::1/129",
		"0.0.0.0/0",
		"::/0",
		"224.0.0.1/24",
		"255.255.255.255/24",
		"ff02::1/64",
		"10.0.0.1/24,,",
		",10.0.0.1/24",
		"foo=1",
		"mac=",
		"persistent",
		"/24",
		"10.0.0.1/24/24",
		"10.0.0.1/-1",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001/64",
	};
	struct la_tap_addrs a;
	char rest[64], err[200];

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err[0] = '\0';
		cr_expect_eq(la_tap_split(bad[i], &a, rest, sizeof(rest), err, sizeof(err)), -EINVAL, "%s", bad[i]);
		cr_expect(strstr(err, "with their prefix length"), "%s: %s", bad[i], err);
	}
}

Test(tap_argument, argument_length_is_bounded)
{
	struct la_tap_addrs a;
	char rest[8], err[200];

	cr_expect_eq(la_tap_split("mac=fixed", &a, rest, sizeof(rest), err, sizeof(err)), -EINVAL);
	cr_expect(strstr(err, "shorter"), "%s", err);
	cr_expect_eq(
		la_tap_split("10.0.0.1/8,10.0.0.2/8,10.0.0.3/8,10.0.0.4/8,10.0.0.5/8,10.0.0.6/8,10.0.0.7/8,10.0.0.8/8,"
			     "10.0.0.9/8",
			     &a, rest, sizeof(rest), err, sizeof(err)),
		-EINVAL);
	cr_expect(strstr(err, "at most 8"), "%s", err);
}

static void
own_namespace(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		cr_skip_test("making a network namespace needs root");
	if (access("/dev/net/tun", F_OK) < 0)
		cr_skip_test("no /dev/net/tun");
}

/* Returns whether the interface is up and has this address and netmask. */
static bool
has_addr(const char *name, int family, const char *addr, const char *mask)
{
	struct ifaddrs *all;
	bool found = false;

	cr_assert_eq(getifaddrs(&all), 0);
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		char a[INET6_ADDRSTRLEN], m[INET6_ADDRSTRLEN];

		if (strcmp(i->ifa_name, name) != 0 || i->ifa_addr == NULL || i->ifa_addr->sa_family != family)
			continue;
		if (family == AF_INET) {
			inet_ntop(family, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, a, sizeof(a));
			inet_ntop(family, &((struct sockaddr_in *)i->ifa_netmask)->sin_addr, m, sizeof(m));
		} else {
			inet_ntop(family, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, a, sizeof(a));
			inet_ntop(family, &((struct sockaddr_in6 *)i->ifa_netmask)->sin6_addr, m, sizeof(m));
		}
		found |= (i->ifa_flags & IFF_UP) && strcmp(a, addr) == 0 && strcmp(m, mask) == 0;
	}
	freeifaddrs(all);
	return found;
}

/* Returns the flags of the IPv6 address with these 32 hex digits; IFA_F_TENTATIVE if no interface has it. */
static unsigned
flags6(const char *digits)
{
	FILE *f = fopen("/proc/thread-self/net/if_inet6", "r");
	char line[128];
	unsigned flags = IFA_F_TENTATIVE;

	cr_assert(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, digits, 32) == 0)
			cr_assert_eq(sscanf(line + 32, "%*x %*x %*x %x", &flags), 1);
	fclose(f);
	return flags;
}

Test(tap, the_kernels_end_is_up_and_has_its_addresses)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_TAP, "la0,10.9.0.1/24,mac=fixed,fd09::1/64"}}, .nports = 1};
	struct test_io io = {0};

	own_namespace();
	cr_assert_eq(io_start(&io, &cfg, 1, 0), 0, "%s", io.err);
	cr_expect(has_addr("la0", AF_INET, "10.9.0.1", "255.255.255.0"));
	cr_expect(has_addr("la0", AF_INET6, "fd09::1", "ffff:ffff:ffff:ffff::"));
	cr_expect_eq(flags6("fd090000000000000000000000000001") & IFA_F_TENTATIVE, 0u, "the address is tentative");
	io_stop(&io);
}

Test(tap, without_addresses_the_kernels_end_is_unchanged)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_TAP, "la0"}}, .nports = 1};
	struct test_io io = {0};

	own_namespace();
	cr_assert_eq(io_start(&io, &cfg, 1, 0), 0, "%s", io.err);
	cr_expect_not(has_addr("la0", AF_INET, "10.9.0.1", "255.255.255.0"));
	io_stop(&io);
}

Test(tap, failure_ipv6_is_off)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_TAP, "la0,fd09::1/64"}}, .nports = 1};
	struct test_io io = {0};
	int fd;

	own_namespace();
	fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY);
	if (fd < 0)
		cr_skip_test("/proc/sys is read-only, or the kernel has no IPv6");
	cr_assert_eq(write(fd, "1", 1), 1);
	close(fd);
	cr_assert_lt(io_start(&io, &cfg, 1, 0), 0);
	cr_expect(strstr(io.err, "does not take fd09::1/64 for its end of la0") && strstr(io.err, "disable_ipv6"), "%s",
		  io.err);
}
