/* SPDX-License-Identifier: BSD-3-Clause */

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/kif.h"

static void
read_ethtool(int fd, struct ifreq *ifr, struct la_kif *k)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_value value;

	ifr->ifr_data = (char *)&info;
	if (ioctl(fd, SIOCETHTOOL, ifr) == 0) {
		memcpy(k->driver, info.driver, sizeof(k->driver) - 1);
		k->driver[sizeof(k->driver) - 1] = '\0';
	}
	ifr->ifr_data = (char *)&value;
	value = (struct ethtool_value){.cmd = ETHTOOL_GGRO};
	if (ioctl(fd, SIOCETHTOOL, ifr) == 0)
		k->merges = value.data != 0;
	value = (struct ethtool_value){.cmd = ETHTOOL_GFLAGS};
	if (ioctl(fd, SIOCETHTOOL, ifr) == 0 && (value.data & ETH_FLAG_LRO) != 0)
		k->merges = true;
}

int
la_kif_read(unsigned if_index, struct la_kif *k)
{
	struct ifreq ifr;
	int fd;

	memset(k, 0, sizeof(*k));
	memset(&ifr, 0, sizeof(ifr));
	if (if_index == 0 || if_indextoname(if_index, ifr.ifr_name) == NULL)
		return -ENODEV;
	memcpy(k->name, ifr.ifr_name, sizeof(k->name));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFMTU, &ifr) == 0)
		k->mtu = (uint16_t)(ifr.ifr_mtu < UINT16_MAX ? ifr.ifr_mtu : UINT16_MAX);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) == 0) {
		k->up = (ifr.ifr_flags & IFF_UP) != 0;
		k->carrier = (ifr.ifr_flags & IFF_RUNNING) != 0;
	}
	read_ethtool(fd, &ifr, k);
	close(fd);
	return 0;
}

static unsigned
prefix_len(const uint8_t *mask, unsigned bytes)
{
	unsigned n = 0;

	for (unsigned i = 0; i < bytes; i++)
		n += (unsigned)__builtin_popcount(mask[i]);
	return n;
}

void
la_kif_addresses(const char *name, char *buf, size_t size)
{
	struct ifaddrs *all;
	size_t n = 0;

	buf[0] = '\0';
	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *a = all; a != NULL && n < size; a = a->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		const void *addr, *mask;
		unsigned bytes;

		if (a->ifa_addr == NULL || a->ifa_netmask == NULL || strcmp(a->ifa_name, name) != 0)
			continue;
		if (a->ifa_addr->sa_family == AF_INET) {
			addr = &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr;
			mask = &((const struct sockaddr_in *)(const void *)a->ifa_netmask)->sin_addr;
			bytes = 4;
		} else if (a->ifa_addr->sa_family == AF_INET6) {
			addr = &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;
			mask = &((const struct sockaddr_in6 *)(const void *)a->ifa_netmask)->sin6_addr;
			bytes = 16;
		} else
			continue;
		if (inet_ntop(a->ifa_addr->sa_family, addr, text, sizeof(text)) != NULL)
			n += (size_t)snprintf(buf + n, size - n, "%s%s/%u", n > 0 ? ", " : "", text,
					      prefix_len(mask, bytes));
	}
	freeifaddrs(all);
}
