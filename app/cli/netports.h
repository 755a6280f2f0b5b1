/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLI_NETPORTS_H
#define LA_APP_CLI_NETPORTS_H

/* The ports of a command line, and the network of each.
 *
 * An option that describes the network of a port belongs to the port option before it. Such an option before the first
 * port option belongs to the first port. */

#include "cli/opts.h"
#include "io/features.h"
#include "io/tap.h"

enum { NET_ADDRS = 64 };

struct net_port {
	char name[160];		       /* the option that names the port: "--tap la0" */
	struct la_tap_addrs tap_addrs; /* of the kernel's end of --tap; lib/io parses the argument itself */
	struct la_prefix addrs[NET_ADDRS], ranges[NET_ADDRS];
	unsigned naddrs, nranges;
	struct la_addr gateway4, gateway6;
	uint8_t gateway_mac[6];
	uint64_t mtu; /* 0: the port's MTU */
	bool no_dad;
	struct la_shard_config shard;	  /* only the VLAN */
	struct la_offload_choice offload; /* without rx_cksum_off */
	int rx_cksum;			  /* 0 hardware, 1 software */
};

/** The port of the next option that describes a port's network: the last port named, or the first. */
struct net_port *net_port_now(void);
unsigned net_port_index_now(void);

/** Returns address or range i of a port: the addresses first. Their number is naddrs + nranges. */
static inline const struct la_prefix *
net_port_prefix(const struct net_port *p, unsigned i)
{
	return i < p->naddrs ? &p->addrs[i] : &p->ranges[i - p->naddrs];
}

/** Returns whether two prefixes have an address in common. */
bool net_overlaps(const struct la_prefix *a, const struct la_prefix *b);

/** Checks that no two ports have an address or a subnet in common. net_check() calls this function; call again after
 * adding ranges. Returns 0, or -1 with a line in err. */
int net_ports_apart(char *err, size_t size);

#endif
