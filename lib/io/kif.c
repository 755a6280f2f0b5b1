/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
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

bool
la_kif_has_link(unsigned if_index)
{
	const short want = IFF_UP | IFF_RUNNING;
	struct ifreq ifr;
	bool has = false;
	int fd;

	memset(&ifr, 0, sizeof(ifr));
	if (if_index == 0 || if_indextoname(if_index, ifr.ifr_name) == NULL)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) == 0)
		has = (ifr.ifr_flags & want) == want;
	close(fd);
	return has;
}
