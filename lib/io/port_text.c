/* SPDX-License-Identifier: BSD-3-Clause */

/* A port as text, and its link. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ethdev.h>

#include <lastack/shard.h>

#include "io/kif.h"
#include "io/port.h"

static size_t __attribute__((format(printf, 4, 5)))
port_append_text(char *buf, size_t size, size_t used, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf + used, size - used, fmt, ap);
	va_end(ap);
	return n < 0 ? used : RTE_MIN(used + (size_t)n, size - 1);
}

void
la_port_link(const struct la_port *port, struct la_link *link)
{
	struct rte_eth_link l = {0};

	memset(link, 0, sizeof(*link));
	link->known = rte_eth_link_get_nowait(port->id, &l) == 0;
	link->up = link->known && l.link_status == RTE_ETH_LINK_UP;
	if (port->kif_index != 0)
		link->up = link->up && la_kif_has_link(port->kif_index);
	if (link->up && l.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		link->mbps = l.link_speed;
}

const char *
la_link_text(const struct la_link *link, char *buf, size_t size)
{
	if (!link->known)
		snprintf(buf, size, "link unknown");
	else if (!link->up)
		snprintf(buf, size, "link down");
	else if (link->mbps == 0)
		snprintf(buf, size, "link up");
	else if (link->mbps < 1000)
		snprintf(buf, size, "link %u Mb/s", link->mbps);
	else
		snprintf(buf, size, "link %g Gb/s", link->mbps / 1000.0);
	return buf;
}

static const struct {
	enum la_feature feature;
	const char *text;
} extras[] = {
	{LA_FEATURE_SCATTER, "scatter"},
	{LA_FEATURE_VLAN_FILTER, "vlan filter"},
	{LA_FEATURE_VLAN_STRIP, "vlan strip"},
	{LA_FEATURE_LINK_INTERRUPT, "link interrupt"},
};

/* "ip tx, tcp tx rx in hardware", or "software" */
static size_t
port_append_cksums(const struct la_port *p, char *buf, size_t size, size_t n)
{
	static const struct {
		const char *name;
		uint32_t tx, rx;
	} rows[] = {{"ip", LA_OFF_TX_IP_CKSUM, LA_OFF_RX_IP_CKSUM}, {"tcp", LA_OFF_TX_TCP_CKSUM, LA_OFF_RX_TCP_CKSUM}};
	const char *comma = "";

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		bool tx = (p->offloads & rows[i].tx) != 0, rx = (p->offloads & rows[i].rx) != 0;

		if (!tx && !rx)
			continue;
		n = port_append_text(buf, size, n, "%s%s%s%s", comma, rows[i].name, tx ? " tx" : "", rx ? " rx" : "");
		comma = ", ";
	}
	return port_append_text(buf, size, n, comma[0] != '\0' ? " in hardware" : "software");
}

const char *
la_port_describe(const struct la_port *p, char *buf, size_t size)
{
	struct la_link link;
	size_t n = 0;
	char text[32];

	n = port_append_text(buf, size, n, "port %u %s %s: %02x:%02x:%02x:%02x:%02x:%02x, mtu %u, ", p->id, p->driver,
			     p->name, p->mac[0], p->mac[1], p->mac[2], p->mac[3], p->mac[4], p->mac[5], p->mtu);
	la_port_link(p, &link);
	n = port_append_text(buf, size, n, "%s", la_link_text(&link, text, sizeof(text)));
	if (p->numa_node >= 0)
		n = port_append_text(buf, size, n, ", node %d", p->numa_node);
	n = port_append_text(buf, size, n, ", %u queue%s; checksums: ", p->queues, p->queues == 1 ? "" : "s");
	n = port_append_cksums(p, buf, size, n);
	n = port_append_text(buf, size, n, "; rss: %s", p->rss ? "hardware" : "software");
	for (unsigned i = 0; i < RTE_DIM(extras); i++)
		if ((p->features.on & LA_FEATURE_BIT(extras[i].feature)) != 0)
			n = port_append_text(buf, size, n, "; %s", extras[i].text);
	if (p->xdp.known)
		(void)port_append_text(buf, size, n, "; %s", la_xdp_text(&p->xdp, text, sizeof(text)));
	return buf;
}

const char *
la_port_brief(const struct la_port *p, char *buf, size_t size)
{
	bool rx = (p->offloads & LA_OFF_RX_TCP_CKSUM) != 0;
	bool tx = (p->offloads & LA_OFF_TX_TCP_CKSUM) != 0;
	struct la_link link;
	size_t n;

	n = port_append_text(buf, size, 0, "%u queue%s%s, checksums%s%s in %s", p->queues, p->queues == 1 ? "" : "s",
			     p->rss ? " by RSS" : "", tx && !rx ? " tx" : "", rx && !tx ? " rx" : "",
			     tx || rx ? "hardware" : "software");
	la_port_link(p, &link);
	if (link.known && !link.up && p->memif == NULL)
		port_append_text(buf, size, n, ", link down");
	return buf;
}
