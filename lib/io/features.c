/* SPDX-License-Identifier: BSD-3-Clause */

/* Features of a port.
 *
 * Rules, in this order; the first that applies decides, and its reason is kept:
 *
 *   user      --offload and --rx-cksum
 *   quirk     the driver reports more than works (table below)
 *   report    the driver does not report the feature
 *   need      scatter only for frames longer than a buffer, a VLAN filter only with a VLAN, RSS only with two queues
 *   request   VLAN strip and link interrupts are used only on the user's request: the stack reads tags itself, and a
 *             link is polled twice a second without an interrupt vector, which no-IOMMU and uio often lack. One
 *             receive checksum without the other, as virtio and vmxnet3 report it, is used on request, too
 *
 * VLAN tags on output are written by the stack, which makes the header in any case: there is no insertion by the port.
 *
 * Queues. Several queues need a port that spreads flows: by RSS over TCP, or by itself (SPREADS). A port without
 * either gets one queue, and the workers hand frames over: frames of a second queue are lost where the device does not
 * serve it (net_e1000_em; net_virtio_user with a net_vhost that reads one queue).
 *
 * Scatter. The driver's limit of a buffer is the frame with the driver's own overhead, and for many NICs a buffer
 * size rounded down to a multiple (1 KiB: ixgbe, 128 B: i40e, ice; a power of two: e1000). So scatter is used when the
 * longest frame with two VLAN tags is beyond the room of the buffer rounded down to 1 KiB. A virtual port copies each
 * frame and has no such rounding (EXACT). */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ethdev.h>

#include "io/features.h"
#include "io/rss.h"

enum {
	OVERHEAD_MOST = 64, /* a larger difference of max_rx_pktlen and max_mtu is no overhead */
	ROUND = 1024,	    /* bytes: buffer sizes of NICs */
};

#define RX_CKSUMS (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
#define RSS_TCP (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_IPV6_TCP_EX)
#define CKSUMS (LA_FEATURE_BIT(LA_FEATURE_TX_IP_CKSUM) | LA_FEATURE_BIT(LA_FEATURE_TX_TCP_CKSUM) | LA_FEATURES_RX)

/* Flags of a quirk. */
enum {
	VIRTUAL = 1 << 0,   /* no NIC: no wait for a link */
	SPREADS = 1 << 1,   /* spreads flows to several queues without RSS types */
	EXACT = 1 << 2,	    /* a buffer takes exactly its room */
	ONE_QUEUE = 1 << 3, /* more than one loses frames */
	FILTERS = 1 << 4,   /* drops tagged frames without a filter, also those of VLAN id 0 */
	SOFT = VIRTUAL | SPREADS | EXACT,
};

/* Each row was seen with the version of its source. */
static const struct quirk {
	const char *driver;
	unsigned flags;
	uint32_t without;   /* LA_FEATURE_BIT(): reported, but not used */
	const char *why;    /* the reason of `without` */
	const char *queues; /* the reason of SPREADS or ONE_QUEUE */
	const char *source; /* version, place */
} quirks[] = {
	{"net_tap", SOFT, CKSUMS,
	 "computed by net_tap on the CPU; on output wrong for a chain with a buffer of odd length",
	 "the kernel spreads flows",
	 "DPDK 22.11 drivers/net/tap/rte_eth_tap.c, tap_tx_l4_cksum(); Linux drivers/net/tun.c, tun_automq_select_queue()"},
	{"net_af_packet", SOFT, 0, "", "PACKET_FANOUT spreads flows",
	 "DPDK 22.11 drivers/net/af_packet/rte_eth_af_packet.c, PACKET_FANOUT_HASH"},
	{"net_af_xdp", SOFT, 0, "", "the NIC of the kernel spreads flows",
	 "DPDK 22.11 doc/guides/nics/af_xdp.rst, start_queue"},
	{"net_memif", SOFT, 0, "", "the peer selects the queue", "DPDK 22.11 doc/guides/nics/memif.rst"},
	{"net_ring", SOFT, 0, "", "each queue is a ring", "DPDK 22.11 doc/guides/nics/pcap_ring.rst"},
	{"net_vhost", SOFT, 0, "", "the driver of the guest selects the queue",
	 "DPDK 22.11 drivers/net/vhost/rte_eth_vhost.c"},
	{"net_pcap", SOFT, 0, "", "each queue is a file or an interface", "DPDK 22.11 doc/guides/nics/pcap_ring.rst"},
	{"net_null", SOFT, 0, "", "each queue has frames of its own", "DPDK 22.11 drivers/net/null/rte_eth_null.c"},
	{"net_e1000_em", ONE_QUEUE, 0, "", "queues share one checksum context, and frames of a second one are lost",
	 "DPDK 22.11 with qemu 7.2 e1000 and e1000e: 7 of 20 requests unanswered with two queues; the comment on TX "
	 "contexts in drivers/net/e1000/em_ethdev.c"},
	{"net_virtio", FILTERS, 0, "", "",
	 "virtio 1.2 5.1.6.5.3 (VLAN filtering); qemu 7.2 virtio-net: no traffic with --vlan"},
	{"net_virtio_user", FILTERS, 0, "", "", "virtio 1.2, as net_virtio"},
};

/* enum la_feature: its word, and whether it is one that a port can do without in any case. */
static const struct {
	const char *name;
	bool needed; /* where it is used, frames are lost without it: --offload=off leaves it */
	bool on_request;
} features[LA_NFEATURES] = {
	[LA_FEATURE_TX_IP_CKSUM] = {"tx-ip", false, false},
	[LA_FEATURE_TX_TCP_CKSUM] = {"tx-tcp", false, false},
	[LA_FEATURE_RX_IP_CKSUM] = {"rx-ip", false, false},
	[LA_FEATURE_RX_TCP_CKSUM] = {"rx-tcp", false, false},
	[LA_FEATURE_MULTI_SEG] = {"multi-seg", false, false},
	[LA_FEATURE_RSS] = {"rss", false, false},
	[LA_FEATURE_SCATTER] = {"scatter", true, false},
	[LA_FEATURE_VLAN_FILTER] = {"vlan-filter", true, false},
	[LA_FEATURE_VLAN_STRIP] = {"vlan-strip", false, true},
	[LA_FEATURE_LINK_INTERRUPT] = {"link-interrupt", false, true},
};

/* The offloads of ethdev for a feature: of reception, of transmission, or a flag of the device. RSS has its own rules. */
static const struct offload {
	enum la_feature feature;
	uint64_t rx, tx;
	uint32_t flag;
} offloads[] = {
	{LA_FEATURE_TX_IP_CKSUM, 0, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM, 0},
	{LA_FEATURE_TX_TCP_CKSUM, 0, RTE_ETH_TX_OFFLOAD_TCP_CKSUM, 0},
	{LA_FEATURE_RX_IP_CKSUM, RTE_ETH_RX_OFFLOAD_IPV4_CKSUM, 0, 0},
	{LA_FEATURE_RX_TCP_CKSUM, RTE_ETH_RX_OFFLOAD_TCP_CKSUM, 0, 0},
	{LA_FEATURE_MULTI_SEG, 0, RTE_ETH_TX_OFFLOAD_MULTI_SEGS, 0},
	{LA_FEATURE_SCATTER, RTE_ETH_RX_OFFLOAD_SCATTER, 0, 0},
	{LA_FEATURE_VLAN_FILTER, RTE_ETH_RX_OFFLOAD_VLAN_FILTER, 0, 0},
	{LA_FEATURE_VLAN_STRIP, RTE_ETH_RX_OFFLOAD_VLAN_STRIP, 0, 0},
	{LA_FEATURE_LINK_INTERRUPT, 0, 0, RTE_ETH_DEV_INTR_LSC},
};

/* The working data of la_features_choose(). */
struct choosing {
	const struct rte_eth_dev_info *info;
	const struct la_features_wish *wish;
	const struct quirk *quirk;
	struct la_features *f;
	char *err;
	size_t size;
};

const char *
la_feature_name(enum la_feature f)
{
	return features[f].name;
}

static const struct quirk *
quirk_of(const char *driver)
{
	static const struct quirk none = {.driver = ""};

	for (unsigned i = 0; i < RTE_DIM(quirks); i++)
		if (strcmp(quirks[i].driver, driver) == 0)
			return &quirks[i];
	return &none;
}

/* ethdev computes the difference in the same way for its own check (eth_dev_get_overhead_len()). */
static uint32_t
ethdev_overhead(const struct rte_eth_dev_info *info)
{
	if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
		return info->max_rx_pktlen - info->max_mtu;
	return RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
}

uint32_t
la_features_overhead(const struct rte_eth_dev_info *info)
{
	uint32_t n = ethdev_overhead(info);

	/* e.g. virtio, whose max_mtu may be the host's */
	return n <= OVERHEAD_MOST ? RTE_MAX(n, (uint32_t)(RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN)) : OVERHEAD_MOST;
}

static int
choose_mtu(struct choosing *c)
{
	const struct rte_eth_dev_info *info = c->info;
	uint32_t most = info->max_mtu != 0 ? info->max_mtu : UINT16_MAX, over = ethdev_overhead(info);

	if (info->max_rx_pktlen > over)
		most = RTE_MIN(most, info->max_rx_pktlen - over);
	if (c->wish->mtu == 0) {
		c->f->mtu = (uint16_t)RTE_MIN((uint32_t)c->wish->own_mtu, most);
		return 0;
	}
	c->f->mtu = c->wish->mtu;
	if (c->wish->mtu >= info->min_mtu && c->wish->mtu <= most)
		return 0;
	snprintf(c->err, c->size, "MTU %u refused: the driver takes %u to %u", c->wish->mtu, info->min_mtu, most);
	return -EINVAL;
}

/* Returns whether the feature is used only when the user names it, with the reason in why. */
static bool
feature_is_on_request(const struct choosing *c, enum la_feature f, char *why, size_t size)
{
	bool alone = (LA_FEATURE_BIT(f) & LA_FEATURES_RX) != 0 && (c->info->rx_offload_capa & RX_CKSUMS) != RX_CKSUMS;

	if (!features[f].on_request && !alone)
		return false;
	snprintf(why, size, "%sused with --offload=on,%s",
		 alone ? "the driver does not report the other receive checksum: " : "", features[f].name);
	return true;
}

/* Sets whether the feature is used, and why. lacks: why the driver does not have it; NULL: it has. unneeded: a reason not
 * to use it; NULL: there is none. */
static int
feature_decide(struct choosing *c, enum la_feature f, const char *lacks, const char *unneeded)
{
	const struct la_offload_choice *o = &c->wish->offload;
	uint32_t bit = LA_FEATURE_BIT(f);
	const char *word = la_offload_word(o, f);
	char *why = c->f->why[f];
	size_t size = sizeof(c->f->why[f]);
	bool on = false;

	if ((bit & LA_FEATURES_RX) != 0 && o->rx_cksum_off)
		snprintf(why, size, "--rx-cksum=software");
	else if ((o->off & bit) != 0)
		snprintf(why, size, "--offload=no-%s", features[f].name);
	else if ((o->on & bit) != 0 && lacks != NULL) {
		snprintf(c->err, c->size, "--offload=%s: %s", features[f].name, lacks);
		return -ENOTSUP;
	} else if (word != NULL && lacks == NULL && unneeded == NULL) {
		snprintf(why, size, "--offload=%s", word);
		on = true;
	} else if (o->none && !features[f].needed && word == NULL)
		snprintf(why, size, (o->on | o->any) != 0 ? "not in --offload" : "--offload=off");
	else if (lacks != NULL)
		snprintf(why, size, "%s", lacks);
	else if ((c->quirk->without & bit) != 0 && word == NULL)
		snprintf(why, size, "%s", c->quirk->why);
	else if (unneeded != NULL)
		snprintf(why, size, "%s", unneeded);
	else if (!feature_is_on_request(c, f, why, size)) {
		snprintf(why, size, "the driver reports it");
		on = true;
	}
	if (on)
		c->f->on |= bit;
	return 0;
}

static bool
feature_is_on(const struct choosing *c, enum la_feature f)
{
	return (c->f->on & LA_FEATURE_BIT(f)) != 0;
}

static void __attribute__((format(printf, 2, 3))) queues_because(struct choosing *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->f->queues_why, sizeof(c->f->queues_why), fmt, ap);
	va_end(ap);
}

/* The queues that the device can have, before RSS is known. */
static unsigned
limit_queues(struct choosing *c)
{
	unsigned rx = c->info->max_rx_queues, tx = c->info->max_tx_queues, most = RTE_MIN(rx, tx);
	unsigned want = c->wish->queues != 0 ? c->wish->queues : 1;

	queues_because(c, "as many as wanted");
	if (want > 1 && (c->quirk->flags & ONE_QUEUE) != 0) {
		queues_because(c, "%s", c->quirk->queues);
		return 1;
	}
	if (RTE_MIN(want, most) > LA_PORT_MAX_QUEUES) {
		queues_because(c, "%u wanted, lastack uses at most %u of a port", want, LA_PORT_MAX_QUEUES);
		return LA_PORT_MAX_QUEUES;
	}
	if (want > most)
		queues_because(c, "%u wanted, the device has %u to receive and %u to send", want, rx, tx);
	return RTE_MIN(want, most);
}

static int
choose_queues(struct choosing *c)
{
	const struct rte_eth_dev_info *info = c->info;
	uint8_t len = info->hash_key_size != 0 ? info->hash_key_size : 40;
	uint64_t hf = info->flow_type_rss_offloads & RSS_TCP;
	const char *lacks = hf == 0		   ? "the driver does not report RSS over TCP"
			    : len > LA_RSS_KEY_MAX ? "the driver's RSS key is too long"
						   : NULL;
	struct la_features *f = c->f;
	unsigned n = limit_queues(c);
	int r;

	if (n == 0) {
		snprintf(c->err, c->size, "the device has no queues: %u to receive and %u to send", info->max_rx_queues,
			 info->max_tx_queues);
		return -ENODEV;
	}
	r = feature_decide(c, LA_FEATURE_RSS, lacks, n < 2 ? "one queue" : NULL);
	if (r < 0)
		return r;
	if (feature_is_on(c, LA_FEATURE_RSS)) {
		f->rss_hf = hf;
		f->rss_key_len = len;
	} else if (n > 1 && (c->quirk->flags & SPREADS) != 0) {
		size_t used = strlen(f->queues_why);

		snprintf(f->queues_why + used, sizeof(f->queues_why) - used, "; without RSS, %s", c->quirk->queues);
	} else if (n > 1) {
		queues_because(c, "no RSS (%s): the workers hand frames over", f->why[LA_FEATURE_RSS]);
		n = 1;
	}
	f->queues = (uint16_t)n;
	return 0;
}

static const char *
scatter_unneeded(const struct choosing *c)
{
	uint32_t tags = 2 * RTE_VLAN_HLEN, room = c->wish->room;
	uint32_t over = la_features_overhead(c->info) + tags;

	if ((c->quirk->flags & EXACT) != 0)
		over = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + RTE_VLAN_HLEN;
	else if (room > ROUND)
		room = RTE_ALIGN_FLOOR(room, (uint32_t)ROUND);
	return c->f->mtu + over <= room ? "a frame fits into a buffer" : NULL;
}

/* Returns the reason why this run does not need the feature, or NULL. */
static const char *
offload_unneeded(const struct choosing *c, enum la_feature f)
{
	bool filters = (c->quirk->flags & FILTERS) != 0;

	if (f == LA_FEATURE_SCATTER)
		return scatter_unneeded(c);
	if (f == LA_FEATURE_VLAN_FILTER && !c->wish->tagged && !filters)
		return "no --vlan";
	return f == LA_FEATURE_VLAN_STRIP && !c->wish->tagged ? "no --vlan" : NULL;
}

static int
choose_offload(struct choosing *c, const struct offload *o)
{
	uint32_t flags = c->info->dev_flags != NULL ? *c->info->dev_flags : 0;
	bool has = (c->info->rx_offload_capa & o->rx) == o->rx && (c->info->tx_offload_capa & o->tx) == o->tx &&
		   (flags & o->flag) == o->flag;
	int r = feature_decide(c, o->feature, has ? NULL : "the driver does not report it",
			       offload_unneeded(c, o->feature));

	if (feature_is_on(c, o->feature)) {
		c->f->rx |= o->rx;
		c->f->tx |= o->tx;
	}
	return r;
}

/* The word "rx" needs one of its features. */
static int
check_group(const struct choosing *c)
{
	const struct la_offload_choice *o = &c->wish->offload;

	if (o->any == 0 || (c->info->rx_offload_capa & RX_CKSUMS) != 0)
		return 0;
	snprintf(c->err, c->size, "--offload=rx: the driver does not report rx-ip or rx-tcp");
	return -ENOTSUP;
}

static int
choose_offloads(struct choosing *c)
{
	bool filters = (c->quirk->flags & FILTERS) != 0;
	int r = check_group(c);

	for (unsigned i = 0; r == 0 && i < RTE_DIM(offloads); i++)
		r = choose_offload(c, &offloads[i]);
	c->f->segs_max = 1;
	if (feature_is_on(c, LA_FEATURE_MULTI_SEG)) {
		uint16_t most = c->info->tx_desc_lim.nb_mtu_seg_max; /* 8: i40e, ice */

		c->f->segs_max = most != 0 ? most : UINT16_MAX;
	}
	c->f->filters_always = filters;
	c->f->filters_priority = filters && !c->wish->tagged && feature_is_on(c, LA_FEATURE_VLAN_FILTER);
	return r;
}

int
la_features_choose(const struct rte_eth_dev_info *info, const struct la_features_wish *wish, struct la_features *f,
		   char *err, size_t size)
{
	struct choosing c = {
		.info = info, .wish = wish, .quirk = quirk_of(info->driver_name), .f = f, .err = err, .size = size};
	int r;

	memset(f, 0, sizeof(*f));
	f->virtual_port = (c.quirk->flags & VIRTUAL) != 0;
	r = choose_mtu(&c);
	if (r == 0)
		r = choose_queues(&c);
	if (r == 0)
		r = choose_offloads(&c);
	return r;
}
