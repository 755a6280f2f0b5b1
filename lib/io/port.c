/* SPDX-License-Identifier: BSD-3-Clause */

/* features.c decides which features of a port are used. Here they are asked of the device, and verified:
 * - RSS of the port is used only when the port returns our key and our table.
 * - A VLAN filter that refuses a VLAN is switched off again. A device that filters in any case (virtio) keeps it.
 * - A link that is down at the start is awaited for LINK_WAIT_MS: autonegotiation takes up to three seconds.
 * - AF_PACKET and AF_XDP deliver frames before the sending kernel has completed them: between
 *   veth ends a TCP checksum is left for a NIC, and segments may be merged up to
 *   64 KiB. Such frames cannot be repaired here, because the ring has too little information. advise_kernel() warns of
 *   merging, and la_port.veth lets a run explain wrong checksums. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <lastack/shard.h>

#include "core/log.h"
#include "io/burst.h"
#include "io/eal_log.h"
#include "io/kif.h"
#include "io/memif.h"
#include "io/pci.h"
#include "io/pool.h"
#include "io/port.h"
#include "io/rights.h"
#include "io/rss.h"
#include "io/tap.h"
#include "io/vdev.h"

enum {
	DEFAULT_DESC = 1024,
	LINK_WAIT_MS = 5000,
	LINK_POLL_MS = 20,
};

/* The working data of la_port_open(). */
struct opening {
	struct la_port *port;
	const struct la_port_config *cfg;
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
	struct la_kif kif; /* name "": no kernel interface behind the port */
	char *err;
	size_t size;
};

static bool
driver_is(const struct la_port *port, const char *name)
{
	return strcmp(port->driver, name) == 0;
}

/* AF_XDP: each buffer of the pools is a page (io/pool.c). */
static uint64_t
locked_bytes(const struct opening *o)
{
	uint64_t n = 0;

	for (unsigned q = 0; q < LA_PORT_MAX_QUEUES && o->cfg->pools[q] != NULL; q++)
		n += o->cfg->pools[q]->size;
	return n * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What may help after a failure of the driver, with ": " before it; "": nothing is known. */
static const char *
port_advice(const struct opening *o, char *buf, size_t size)
{
	struct la_pci_host host;
	char text[500];

	buf[0] = '\0';
	if (driver_is(o->port, "net_af_xdp")) {
		snprintf(buf, size, ": %s", la_vdev_advice(LA_PORT_XDP, NULL, locked_bytes(o), text, sizeof(text)));
	} else if (driver_is(o->port, "net_af_packet")) {
		la_pci_host_read("", &host);
		if (la_rights_lack(&host, LA_PORT_VETH, 0, text, sizeof(text))[0] != '\0')
			snprintf(buf, size, ": %s", text);
	}
	return buf;
}

static int __attribute__((format(printf, 3, 4))) port_fail(struct opening *o, int r, const char *fmt, ...)
{
	char what[256], said[256], advice[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	la_eal_log_reason(said, sizeof(said));
	/* the advice first: o->err may be short */
	snprintf(o->err, o->size, "port %u %s %s: %s: %s%s%s%s", o->port->id, o->port->driver, o->port->name, what,
		 rte_strerror(-r), port_advice(o, advice, sizeof(advice)), said[0] != '\0' ? "; " : "", said);
	return r;
}

static void
port_identify(struct opening *o)
{
	struct la_port *p = o->port;

	snprintf(p->driver, sizeof(p->driver), "%s", o->info.driver_name);
	if (rte_eth_dev_get_name_by_port(p->id, p->name) != 0)
		snprintf(p->name, sizeof(p->name), "%u", p->id);
	if (la_kif_read(o->info.if_index, &o->kif) == 0)
		snprintf(p->name, sizeof(p->name), "%s", o->kif.name);
	p->veth = strcmp(o->kif.driver, "veth") == 0;
	p->numa_node = rte_eth_dev_socket_id(p->id);
	p->by_pointer = driver_is(p, "net_ring");
	if (driver_is(p, "net_af_packet") || driver_is(p, "net_af_xdp"))
		p->kif_index = o->info.if_index;
}

static uint16_t
own_mtu(const struct opening *o)
{
	uint16_t mtu = RTE_ETHER_MTU;

	(void)rte_eth_dev_get_mtu(o->port->id, &mtu);
	/* AF_PACKET does not check the MTU: the kernel would refuse longer frames. */
	if (o->kif.mtu != 0 && o->kif.mtu < mtu)
		mtu = o->kif.mtu;
	return mtu;
}

static bool
has_tagged(const struct la_port_config *cfg)
{
	for (unsigned i = 0; i < LA_PORT_MAX_QUEUES; i++)
		if (cfg->vlans[i] != 0)
			return true;
	return false;
}

/* Only TCP is spread: other frames are rare, and belong to queue 0. */
static void
configure_rss(struct opening *o)
{
	const struct la_features *f = &o->port->features;

	if (f->rss_hf == 0)
		return;
	o->conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	o->conf.rx_adv_conf.rss_conf.rss_hf = f->rss_hf;
	o->conf.rx_adv_conf.rss_conf.rss_key_len = f->rss_key_len;
	/* ethdev's structure is not const-correct; the key is only read. */
	o->conf.rx_adv_conf.rss_conf.rss_key = (uint8_t *)(uintptr_t)la_rss_key();
}

/* A refusal that needs no reason of DPDK's. */
static int
port_refuse(struct opening *o, int r, const char *why)
{
	snprintf(o->err, o->size, "port %u %s %s: %s", o->port->id, o->port->driver, o->port->name, why);
	return r;
}

/* What the shard leaves to the port. */
static uint32_t
port_offloads(const struct la_port *p)
{
	static const struct {
		enum la_feature feature;
		enum la_offload offload;
	} rows[] = {
		{LA_FEATURE_TX_IP_CKSUM, LA_OFF_TX_IP_CKSUM}, {LA_FEATURE_TX_TCP_CKSUM, LA_OFF_TX_TCP_CKSUM},
		{LA_FEATURE_RX_IP_CKSUM, LA_OFF_RX_IP_CKSUM}, {LA_FEATURE_RX_TCP_CKSUM, LA_OFF_RX_TCP_CKSUM},
		{LA_FEATURE_MULTI_SEG, LA_OFF_TX_MULTI_SEG},
	};
	uint32_t offloads = 0;

	for (unsigned i = 0; i < RTE_DIM(rows); i++)
		if (la_port_uses(p, rows[i].feature))
			offloads |= rows[i].offload;
	return offloads;
}

/* --offload=rx uses what the driver reports of it. */
static void
warn_of_absent(const struct la_port *p, const struct la_offload_choice *choice)
{
	for (unsigned i = 0; i < LA_NFEATURES; i++)
		if ((choice->any & ~choice->on & LA_FEATURE_BIT(i)) != 0 && !choice->rx_cksum_off &&
		    !la_port_uses(p, (enum la_feature)i))
			la_log(LA_LOG_WARN, "port %u %s: %s of --offload=rx is done in software: %s", p->id, p->name,
			       la_feature_name((enum la_feature)i), p->features.why[i]);
}

static int
choose_features(struct opening *o)
{
	struct la_port *p = o->port;
	struct la_features_wish wish = {
		.queues = o->cfg->queues,
		.mtu = o->cfg->mtu,
		.own_mtu = own_mtu(o),
		.room = rte_pktmbuf_data_room_size(o->cfg->pools[0]) - RTE_PKTMBUF_HEADROOM,
		.tagged = has_tagged(o->cfg),
		.offload = o->cfg->offload,
	};
	char why[256];
	int r = la_features_choose(&o->info, &wish, &p->features, why, sizeof(why));

	if (r < 0)
		return port_refuse(o, r, why);
	p->queues = p->features.queues;
	p->mtu = p->features.mtu;
	p->offloads = port_offloads(p);
	warn_of_absent(p, &o->cfg->offload);
	p->segs_max = p->features.segs_max;
	o->conf.rxmode.mtu = p->mtu;
	o->conf.rxmode.offloads = p->features.rx;
	o->conf.txmode.offloads = p->features.tx;
	o->conf.intr_conf.lsc = la_port_uses(p, LA_FEATURE_LINK_INTERRUPT);
	configure_rss(o);
	return 0;
}

static bool
key_is_ours(const struct opening *o)
{
	uint8_t len = o->conf.rx_adv_conf.rss_conf.rss_key_len;
	uint8_t key[LA_RSS_KEY_MAX] = {0};
	struct rte_eth_rss_conf got = {.rss_key = key, .rss_key_len = len};

	if (rte_eth_dev_rss_hash_conf_get(o->port->id, &got) != 0)
		return false;
	return memcmp(key, la_rss_key(), len) == 0 &&
	       (got.rss_hf & o->conf.rx_adv_conf.rss_conf.rss_hf) == o->conf.rx_adv_conf.rss_conf.rss_hf;
}

/* Some drivers ignore the key at configuration and accept it in a second call. */
static bool
rss_is_ours(struct opening *o)
{
	return key_is_ours(o) ||
	       (rte_eth_dev_rss_hash_update(o->port->id, &o->conf.rx_adv_conf.rss_conf) == 0 && key_is_ours(o));
}

/* Programs the redirection table and returns whether the port has accepted it. The low bits of the hash are an index;
 * place i has queue i mod queues. A port's table that is larger than LA_PORT_RETA repeats ours. A smaller table agrees
 * with ours when the number of queues divides its size. */
static bool
reta_is_ours(const struct opening *o)
{
	struct rte_eth_rss_reta_entry64 set[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE] = {0};
	struct rte_eth_rss_reta_entry64 got[RTE_DIM(set)] = {0};
	struct rte_eth_dev_info info; /* some drivers have the size only after configuration */
	uint16_t id = o->port->id, n;

	if (rte_eth_dev_info_get(id, &info) != 0)
		return false;
	n = info.reta_size;
	if (n == 0 || n > RTE_ETH_RSS_RETA_SIZE_512 || !rte_is_power_of_2(n))
		return false;
	for (unsigned i = 0; i < n; i++) {
		unsigned g = i / RTE_ETH_RETA_GROUP_SIZE, k = i % RTE_ETH_RETA_GROUP_SIZE;

		set[g].mask |= 1ull << k;
		got[g].mask |= 1ull << k;
		set[g].reta[k] = (uint16_t)(i % LA_PORT_RETA % o->port->queues);
	}
	return rte_eth_dev_rss_reta_update(id, set, n) == 0 && rte_eth_dev_rss_reta_query(id, got, n) == 0 &&
	       memcmp(set, got, sizeof(set)) == 0;
}

static void
verify_rss(struct opening *o)
{
	struct la_port *p = o->port;

	if (!la_port_uses(p, LA_FEATURE_RSS))
		return;
	p->rss = rss_is_ours(o) && reta_is_ours(o);
	if (p->rss)
		return;
	p->features.on &= ~LA_FEATURE_BIT(LA_FEATURE_RSS);
	snprintf(p->features.why[LA_FEATURE_RSS], sizeof(p->features.why[0]),
		 "the port does not return the key and the table as they were set");
}

static int
setup_queues(struct opening *o)
{
	uint16_t rx_desc = o->cfg->rx_desc != 0 ? o->cfg->rx_desc : DEFAULT_DESC;
	uint16_t tx_desc = o->cfg->tx_desc != 0 ? o->cfg->tx_desc : DEFAULT_DESC;
	struct rte_eth_rxconf rxq = o->info.default_rxconf;
	struct rte_eth_txconf txq = o->info.default_txconf;
	uint16_t id = o->port->id;
	uint32_t unmapped;
	int r;

	r = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx_desc, &tx_desc);
	if (r < 0)
		return port_fail(o, r, "%u RX and %u TX descriptors refused", rx_desc, tx_desc);
	rxq.offloads = o->conf.rxmode.offloads;
	txq.offloads = o->conf.txmode.offloads;
	for (uint16_t q = 0; q < o->port->queues; q++) {
		if (o->cfg->pools[q] == NULL)
			return port_fail(o, -EINVAL, "queue %u has no mbuf pool", q);
		unmapped = la_port_maps_pools(id) ? la_pool_unmapped(o->cfg->pools[q]) : 0;
		if (unmapped > 0)
			return port_fail(o, -EINVAL, "%u of the %u mbufs of queue %u are beyond what its driver maps",
					 unmapped, o->cfg->pools[q]->size, q);
		r = rte_eth_rx_queue_setup(id, q, rx_desc, (unsigned)rte_eth_dev_socket_id(id), &rxq, o->cfg->pools[q]);
		if (r < 0)
			return port_fail(o, r, "RX queue %u", q);
		r = rte_eth_tx_queue_setup(id, q, tx_desc, (unsigned)rte_eth_dev_socket_id(id), &txq);
		if (r < 0)
			return port_fail(o, r, "TX queue %u", q);
	}
	return 0;
}

/* Neighbour discovery uses multicast addresses (RFC 4861 7.2.2, RFC 4291 2.7.1). */
static void
receive_multicast(const struct la_port *p)
{
	if (rte_eth_allmulticast_enable(p->id) == 0 || rte_eth_promiscuous_enable(p->id) == 0)
		return;
	la_log(LA_LOG_WARN,
	       "port %u %s: neither multicast nor promiscuous reception can be turned on; "
	       "IPv6 neighbour discovery may not work",
	       p->id, p->name);
}

/* Lets the frames of a VLAN through the filter. vlan 0: priority tags. Returns 0 or negative errno. */
static int
pass_vlan(const struct la_port *p, uint16_t vlan)
{
	int r = rte_eth_dev_vlan_filter(p->id, vlan, 1);

	if (r < 0 && p->features.filters_always)
		la_log(LA_LOG_WARN, "port %u %s: VLAN id %u is refused: %s; the device drops frames with this tag",
		       p->id, p->name, vlan, rte_strerror(-r));
	return r;
}

/* Without the filter all frames pass. */
static void
drop_filter(struct la_port *p, uint16_t vlan, int r)
{
	int mask = rte_eth_dev_get_vlan_offload(p->id);
	bool off = mask >= 0 && rte_eth_dev_set_vlan_offload(p->id, mask & ~RTE_ETH_VLAN_FILTER_OFFLOAD) == 0;

	if (off) {
		p->features.on &= ~LA_FEATURE_BIT(LA_FEATURE_VLAN_FILTER);
		snprintf(p->features.why[LA_FEATURE_VLAN_FILTER], sizeof(p->features.why[0]), "it refuses VLAN id %u",
			 vlan);
	}
	la_log(LA_LOG_WARN, "port %u %s: its VLAN filter refuses VLAN id %u: %s%s", p->id, p->name, vlan,
	       rte_strerror(-r),
	       off ? "; the filter is off" : ", and the filter stays on; frames with this tag may not arrive");
}

/* A filter drops the frames of every VLAN that is not in it. */
static void
pass_vlans(struct la_port *p, const struct la_port_config *cfg)
{
	uint16_t refused = 0;
	int r = 0;

	if (!la_port_uses(p, LA_FEATURE_VLAN_FILTER))
		return;
	if (p->features.filters_priority)
		(void)pass_vlan(p, 0);
	for (unsigned i = 0; i < LA_PORT_MAX_QUEUES; i++) {
		int failed = cfg->vlans[i] != 0 ? pass_vlan(p, cfg->vlans[i]) : 0;

		if (failed < 0) {
			r = failed;
			refused = cfg->vlans[i];
		}
	}
	if (r < 0 && !p->features.filters_always)
		drop_filter(p, refused, r);
}

/* net_ring has no MAC address: two ends with 00:00:00:00:00:00 could not be distinguished. */
static void
choose_mac(struct la_port *p)
{
	struct rte_ether_addr mac;

	if (rte_eth_macaddr_get(p->id, &mac) != 0 || rte_is_zero_ether_addr(&mac)) {
		mac = (struct rte_ether_addr){{0x02, 'l', 'a', 0, (uint8_t)(p->id >> 8), (uint8_t)p->id}};
		(void)rte_eth_dev_default_mac_addr_set(p->id, &mac);
	}
	/* net_tap reports the address of the kernel interface, but the two ends of a link need different addresses */
	if (driver_is(p, "net_tap")) {
		mac.addr_bytes[0] |= RTE_ETHER_LOCAL_ADMIN_ADDR;
		mac.addr_bytes[5] ^= 1;
	}
	memcpy(p->mac, mac.addr_bytes, sizeof(p->mac));
}

static void
advise_kernel(const struct opening *o)
{
	const struct la_port *p = o->port;

	if (o->kif.name[0] == '\0' || driver_is(p, "net_tap"))
		return;
	if (!o->kif.up)
		la_log(LA_LOG_WARN, "port %u: interface %s is down: ip link set %s up", p->id, p->name, p->name);
	else if (!o->kif.carrier)
		la_log(LA_LOG_WARN, "port %u: interface %s has no carrier: is its other end up?", p->id, p->name);
	if (o->kif.merges)
		la_log(LA_LOG_WARN,
		       "port %u: %s merges what it receives into frames too long for this "
		       "port: ethtool -K %s gro off lro off",
		       p->id, p->name, p->name);
}

static const char *
memif_path(const struct opening *o)
{
	const struct rte_devargs *args = rte_dev_devargs(o->info.device);
	const char *p = args && args->args ? strstr(args->args, "socket=") : NULL;
	static char path[108];

	snprintf(path, sizeof(path), "%.*s", p ? (int)strcspn(p + 7, ",") : 0, p ? p + 7 : "");
	return path;
}

static int
start_device(const struct opening *o)
{
	if (!driver_is(o->port, "net_memif"))
		return rte_eth_dev_start(o->port->id);
	return la_memif_start(o->port->id, o->port->queues, o->cfg->stopped, &o->port->memif);
}

static void
await_link(const struct opening *o)
{
	struct la_link link;

	for (unsigned ms = 0; ms < LINK_WAIT_MS && !o->port->features.virtual_port; ms += LINK_POLL_MS) {
		la_port_link(o->port, &link);
		if (link.up || !link.known || (o->cfg->stopped != NULL && o->cfg->stopped()))
			return;
		rte_delay_us_sleep(LINK_POLL_MS * 1000);
	}
}

static int
port_start(struct opening *o)
{
	struct la_port *p = o->port;
	int r;

	/* ENOTSUP: the driver has no such call, and has taken the MTU at configuration */
	r = o->cfg->mtu != 0 ? rte_eth_dev_set_mtu(p->id, p->mtu) : 0;
	if (r < 0 && r != -ENOTSUP)
		return port_fail(o, r, "MTU %u refused (it takes %u to %u)", p->mtu, o->info.min_mtu, o->info.max_mtu);
	r = start_device(o);
	if (r == -ETIMEDOUT && driver_is(p, "net_memif"))
		return port_fail(o, r, "its server on %s does not answer: start that first", memif_path(o));
	if (r < 0)
		return port_fail(o, r, "it does not start");
	receive_multicast(p);
	pass_vlans(p, o->cfg);
	choose_mac(p);
	verify_rss(o);
	la_burst_reset(p->id);
	await_link(o);
	return 0;
}

static int
port_configure(struct opening *o)
{
	struct la_xdp_sockets before;
	struct la_port *p = o->port;
	char why[256];
	int r;

	if (o->cfg->pools[0] == NULL)
		return port_fail(o, -EINVAL, "no mbuf pool");
	r = choose_features(o);
	if (r < 0)
		return r;
	r = rte_eth_dev_configure(p->id, p->queues, p->queues, &o->conf);
	if (r < 0)
		return port_fail(o, r, "%u queues of MTU %u refused", p->queues, p->mtu);
	if (!driver_is(p, "net_af_xdp"))
		return setup_queues(o);
	la_xdp_find(&before);
	r = setup_queues(o);
	if (r == 0 && la_xdp_started(p->id, &before, &p->xdp, why, sizeof(why)) < 0)
		return port_refuse(o, -ENOTSUP, why);
	return r;
}

bool
la_port_maps_pools(uint16_t id)
{
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(id, &info) == 0 && strcmp(info.driver_name, "net_af_xdp") == 0;
}

int
la_port_open(uint16_t id, const struct la_port_config *cfg, struct la_port *port, char *err, size_t size)
{
	struct opening o = {.port = port, .cfg = cfg, .err = err, .size = size};
	int r;

	memset(port, 0, sizeof(*port));
	port->id = id;
	err[0] = '\0';
	la_eal_log_live(false);
	la_eal_log_mark();
	r = rte_eth_dev_info_get(id, &o.info);
	if (r < 0)
		r = port_fail(&o, r, "no such port");
	if (r == 0) {
		port_identify(&o);
		if (driver_is(port, "net_af_xdp"))
			la_eal_log_hush_bpf();
		r = port_configure(&o);
	}
	if (r == 0)
		r = port_start(&o);
	if (r == 0)
		r = la_tap_started(id, o.info.if_index, err, size);
	if (r == 0)
		advise_kernel(&o);
	/* Closed while the log is not live: the driver reports that it cannot remove a program that it never attached. */
	if (r < 0 && driver_is(port, "net_af_xdp"))
		(void)rte_eth_dev_close(id);
	la_eal_log_live(true);
	return r;
}

void
la_port_close(struct la_port *port)
{
	if (!rte_eth_dev_is_valid_port(port->id))
		return; /* an AF_XDP port that la_port_open() has closed */
	/* AF_PACKET and AF_XDP have set these modes on the kernel's interface, which outlives this process. */
	if (rte_eth_promiscuous_get(port->id) == 1)
		(void)rte_eth_promiscuous_disable(port->id);
	if (rte_eth_allmulticast_get(port->id) == 1)
		(void)rte_eth_allmulticast_disable(port->id);
	if (port->memif)
		la_memif_stop(port->memif);
	port->memif = NULL;
	(void)rte_eth_dev_stop(port->id);
	if (la_vdev_may_close(port->driver))
		(void)rte_eth_dev_close(port->id);
}

void
la_port_configure(const struct la_port *port, uint32_t room, struct la_shard_config *cfg)
{
	memcpy(cfg->mac, port->mac, sizeof(cfg->mac));
	cfg->offloads = port->offloads;
	if (cfg->mtu == 0 || cfg->mtu > port->mtu)
		cfg->mtu = port->mtu;
	if (cfg->mtu > room)
		cfg->mtu = (uint16_t)room;
}
