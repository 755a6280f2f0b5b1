/* SPDX-License-Identifier: BSD-3-Clause */

/* Checks of ports and their networks against each other.
 *
 * No two ports have an address or a subnet in common: a peer then has one port, and so has each target of a load.
 * Link-local subnets are those of their links (RFC 4291 2.5.6), and may be the same. */

#include <stdlib.h>
#include <string.h>

#include "cli/netopts.h"

static bool
port_has_ipv6(const struct net_port *p)
{
	for (unsigned i = 0; i < p->naddrs + p->nranges; i++)
		if (!la_addr_is4(&net_port_prefix(p, i)->addr))
			return true;
	return false;
}

bool
net_overlaps(const struct la_prefix *a, const struct la_prefix *b)
{
	if (la_addr_is4(&a->addr) != la_addr_is4(&b->addr))
		return false;
	return a->len <= b->len ? la_prefix_contains(a, &b->addr) : la_prefix_contains(b, &a->addr);
}

static bool
is_link_local(const struct la_addr *a)
{
	return !la_addr_is4(a) && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* Writes the error of two prefixes of two ports. */
static void
refuse_pair(const struct net_port *a, const struct la_prefix *pa, const struct net_port *b, const struct la_prefix *pb,
	    char *err, size_t size)
{
	char ta[LA_ADDR_STRLEN], tb[LA_ADDR_STRLEN];

	la_addr_format(&pa->addr, ta, sizeof(ta));
	la_addr_format(&pb->addr, tb, sizeof(tb));
	if (la_addr_eq(&pa->addr, &pb->addr))
		snprintf(err, size, "--addr: '%s' was given for %s and for %s; allowed: an address of one port", tb,
			 a->name, b->name);
	else
		snprintf(
			err, size,
			"'%s/%u' of %s overlaps '%s/%u' of %s; allowed: ports without a common subnet (--addr, --range, "
			"--from)",
			tb, pb->len, b->name, ta, pa->len, a->name);
}

static int
check_pair(const struct net_port *a, const struct net_port *b, char *err, size_t size)
{
	for (unsigned i = 0; i < a->naddrs + a->nranges; i++)
		for (unsigned k = 0; k < b->naddrs + b->nranges; k++) {
			const struct la_prefix *pa = net_port_prefix(a, i), *pb = net_port_prefix(b, k);

			if (!net_overlaps(pa, pb) ||
			    (is_link_local(&pa->addr) && is_link_local(&pb->addr) && !la_addr_eq(&pa->addr, &pb->addr)))
				continue;
			refuse_pair(a, pa, b, pb, err, size);
			return -1;
		}
	return 0;
}

int
net_ports_apart(char *err, size_t size)
{
	for (unsigned i = 0; i < net.eal.nports; i++)
		for (unsigned k = 0; k < i; k++)
			if (check_pair(&net.port[k], &net.port[i], err, size))
				return -1;
	return 0;
}

/* Returns whether the port has the address, by --addr or --range. */
static bool
port_has_address(const struct net_port *p, const struct la_addr *a)
{
	for (unsigned i = 0; i < p->naddrs; i++)
		if (la_addr_eq(&p->addrs[i].addr, a))
			return true;
	for (unsigned i = 0; i < p->nranges; i++)
		if (la_prefix_contains(&p->ranges[i], a))
			return true;
	return false;
}

/* Checks that no --addr or --range of any port has an address of the kernel's end of the TAP. */
static int
check_tap(const struct net_port *tap, char *err, size_t size)
{
	char text[LA_ADDR_STRLEN];

	for (unsigned i = 0; i < tap->tap_addrs.n; i++) {
		const struct la_prefix *p = &tap->tap_addrs.p[i];

		for (unsigned k = 0; k < net.eal.nports; k++) {
			if (!port_has_address(&net.port[k], &p->addr))
				continue;
			snprintf(
				err, size,
				"--tap: '%s/%u' was given; allowed: an address of the kernel that no --addr or --range has",
				la_addr_format(&p->addr, text, sizeof(text)), p->len);
			return -1;
		}
	}
	return 0;
}

static int
check_port(const struct net_port *p, char *err, size_t size)
{
	if (p->naddrs == 0 && net.eal.nports == 1) {
		snprintf(err, size, "no address was given; allowed: --addr 10.0.0.2/24, --addr fd00::2/64");
		return -1;
	}
	if (p->naddrs == 0) {
		snprintf(err, size, "no address was given for %s; allowed: --addr 10.0.0.2/24 after each port",
			 p->name);
		return -1;
	}
	if (p->rx_cksum == 1 && la_offload_has_rx(&p->offload)) {
		snprintf(err, size,
			 "--rx-cksum: 'software' was given; allowed: without a receive checksum in --offload");
		return -1;
	}
	if (check_tap(p, err, size))
		return -1;
	if (memcmp(p->gateway_mac, (const uint8_t[6]){0}, 6) != 0 && la_addr_is_any(&p->gateway4) &&
	    la_addr_is_any(&p->gateway6)) {
		snprintf(err, size, "--gateway-mac: was given; allowed: with --gateway");
		return -1;
	}
	if (port_has_ipv6(p) && p->mtu != 0 && p->mtu < 1280) {
		snprintf(err, size, "--mtu: '%lu' was given; allowed: at least 1280 with IPv6 (RFC 8200 5)", p->mtu);
		return -1;
	}
	return 0;
}

/* Returns the number of CPUs in a list such as "0,2-3", at most LA_ENGINE_MAX_STATIONS; 0: only EAL can parse the
 * text. */
static unsigned
count_cpus(const char *text)
{
	unsigned n = 0;

	while (*text != '\0') {
		char *end;
		unsigned long lo = strtoul(text, &end, 10), hi = lo;

		if (end == text)
			return 0;
		if (*end == '-') {
			text = end + 1;
			hi = strtoul(text, &end, 10);
			if (end == text || hi < lo)
				return 0;
		}
		if (*end != '\0' && *end++ != ',')
			return 0;
		if (hi - lo >= LA_ENGINE_MAX_STATIONS)
			return LA_ENGINE_MAX_STATIONS;
		n += (unsigned)(hi - lo + 1);
		text = end;
	}
	return n < LA_ENGINE_MAX_STATIONS ? n : (unsigned)LA_ENGINE_MAX_STATIONS;
}

/* Sets the default of --workers, and checks that the workers of all ports are not too many. */
static int
check_workers(char *err, size_t size)
{
	unsigned ports = net.eal.nports > 0 ? net.eal.nports : 1, most = LA_ENGINE_MAX_STATIONS / ports;

	if (net.workers == 0 && net.lcores != NULL)
		net.workers = count_cpus(net.lcores) / ports;
	if (net.workers == 0)
		net.workers = 1;
	if (net.workers <= most)
		return 0;
	snprintf(err, size, "--workers: '%lu' was given; allowed: at most %u for each of %u ports", net.workers, most,
		 ports);
	return -1;
}

int
net_check(char *err, size_t size)
{
	if (check_workers(err, size))
		return -1;
	if (net.no_huge && net.eal.nargs == LA_EAL_MAX_ARGS) {
		snprintf(err, size, "--no-huge: was given; allowed: at most %d EAL arguments", LA_EAL_MAX_ARGS);
		return -1;
	}
	if (net.no_huge)
		net.eal.args[net.eal.nargs++] = "--no-huge";
	if (net.eal.nports == 0) {
		snprintf(err, size, "no port was given; allowed: --tap, --veth, --xdp, --memif, --null, -a or --vdev");
		return -1;
	}
	for (unsigned i = 0; i < net.eal.nports; i++)
		if (check_port(&net.port[i], err, size))
			return -1;
	return net_ports_apart(err, size);
}
