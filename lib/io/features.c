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
 *             link is polled twice a second without an interrupt vector, which no-IOMMU and uio often lack
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
#define CKSUMS                                                                              \
	(LA_FEATURE_BIT(LA_FEATURE_TX_IP_CKSUM) | LA_FEATURE_BIT(LA_FEATURE_TX_TCP_CKSUM) | \
	 LA_FEATURE_BIT(LA_FEATURE_RX_CKSUM))

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
	[LA_FEATURE_RX_CKSUM] = {"rx", false, false},
	[LA_FEATURE_MULTI_SEG] = {"multi-seg", false, false},
	[LA_FEATURE_RSS] = {"rss", false, false},
	[LA_FEATURE_SCATTER] = {"scatter", true, false},
	[LA_FEATURE_VLAN_FILTER] = {"vlan-filter", true, false},
	[LA_FEATURE_VLAN_STRIP] = {"vlan-strip", false, true},
	[LA_FEATURE_LINK_INTERRUPT] = {"link-interrupt", false, true},
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

/* Sets whether the feature is used, and why. has: the driver reports it. unneeded: a reason not to use it; NULL: there
 * is none. */
static int
feature_decide(struct choosing *c, enum la_feature f, bool has, const char *unneeded)
{
	const struct la_offload_choice *o = &c->wish->offload;
	uint32_t bit = LA_FEATURE_BIT(f);
	char *why = c->f->why[f];
	size_t size = sizeof(c->f->why[f]);
	bool on = false;

	if (f == LA_FEATURE_RX_CKSUM && o->rx_cksum_off)
		snprintf(why, size, "--rx-cksum=software");
	else if ((o->off & bit) != 0)
		snprintf(why, size, "--offload=no-%s", features[f].name);
	else if ((o->on & bit) != 0 && !has) {
		snprintf(c->err, c->size, "--offload=%s: the driver does not report it", features[f].name);
		return -ENOTSUP;
	} else if ((o->on & bit) != 0 && unneeded == NULL) {
		snprintf(why, size, "--offload=%s", features[f].name);
		on = true;
	} else if (o->none && !features[f].needed && (o->on & bit) == 0)
		snprintf(why, size, o->on != 0 ? "not in --offload" : "--offload=off");
	else if (!has)
		snprintf(why, size, "the driver does not report it");
	else if ((c->quirk->without & bit) != 0 && (o->on & bit) == 0)
		snprintf(why, size, "%s", c->quirk->why);
	else if (unneeded != NULL)
		snprintf(why, size, "%s", unneeded);
	else if (features[f].on_request)
		snprintf(why, size, "used with --offload=on,%s", features[f].name);
	else {
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

static int
choose_queues(struct choosing *c)
{
	const struct rte_eth_dev_info *info = c->info;
	unsigned most = RTE_MIN((unsigned)info->max_rx_queues, (unsigned)info->max_tx_queues);
	unsigned want = c->wish->queues != 0 ? c->wish->queues : 1, n;
	uint8_t len = info->hash_key_size != 0 ? info->hash_key_size : 40;
	uint64_t hf = info->flow_type_rss_offloads & RSS_TCP;
	struct la_features *f = c->f;
	int r;

	if (most == 0) {
		snprintf(c->err, c->size, "the device has no queues");
		return -ENODEV;
	}
	n = RTE_MIN(want, RTE_MIN(most, (unsigned)LA_PORT_MAX_QUEUES));
	if (n < want)
		snprintf(f->queues_why, sizeof(f->queues_why), "%u wanted, the driver has %u", want, most);
	else
		snprintf(f->queues_why, sizeof(f->queues_why), "as many as workers");
	if (n > 1 && (c->quirk->flags & ONE_QUEUE) != 0) {
		snprintf(f->queues_why, sizeof(f->queues_why), "%s", c->quirk->queues);
		n = 1;
	}
	r = feature_decide(c, LA_FEATURE_RSS, hf != 0 && len <= LA_RSS_KEY_MAX, n < 2 ? "one queue" : NULL);
	if (r < 0)
		return r;
	if (feature_is_on(c, LA_FEATURE_RSS)) {
		f->rss_hf = hf;
		f->rss_key_len = len;
	} else if (n > 1 && (c->quirk->flags & SPREADS) != 0) {
		snprintf(f->queues_why, sizeof(f->queues_why), "no RSS, but %s", c->quirk->queues);
	} else if (n > 1) {
		snprintf(f->queues_why, sizeof(f->queues_why), "no RSS over TCP: the workers hand frames over");
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

/* An offload of ethdev: of reception if rx is not 0, otherwise of transmission. */
static int
choose_offload(struct choosing *c, enum la_feature f, uint64_t rx, uint64_t tx, const char *unneeded)
{
	bool has = (c->info->rx_offload_capa & rx) == rx && (c->info->tx_offload_capa & tx) == tx;
	int r = feature_decide(c, f, has, unneeded);

	if (feature_is_on(c, f)) {
		c->f->rx |= rx;
		c->f->tx |= tx;
	}
	return r;
}

static int
choose_offloads(struct choosing *c)
{
	const struct la_features_wish *w = c->wish;
	bool filters = (c->quirk->flags & FILTERS) != 0;
	uint32_t flags = c->info->dev_flags != NULL ? *c->info->dev_flags : 0;
	int r;

	r = choose_offload(c, LA_FEATURE_TX_IP_CKSUM, 0, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM, NULL);
	if (r == 0)
		r = choose_offload(c, LA_FEATURE_TX_TCP_CKSUM, 0, RTE_ETH_TX_OFFLOAD_TCP_CKSUM, NULL);
	/* With only one of these two receive offloads the mbuf flags would be ambiguous. */
	if (r == 0)
		r = choose_offload(c, LA_FEATURE_RX_CKSUM, RX_CKSUMS, 0, NULL);
	if (r == 0)
		r = choose_offload(c, LA_FEATURE_MULTI_SEG, 0, RTE_ETH_TX_OFFLOAD_MULTI_SEGS, NULL);
	if (r == 0)
		r = choose_offload(c, LA_FEATURE_SCATTER, RTE_ETH_RX_OFFLOAD_SCATTER, 0, scatter_unneeded(c));
	if (r == 0)
		r = choose_offload(c, LA_FEATURE_VLAN_FILTER, RTE_ETH_RX_OFFLOAD_VLAN_FILTER, 0,
				   w->tagged || filters ? NULL : "no --vlan");
	if (r == 0)
		r = choose_offload(c, LA_FEATURE_VLAN_STRIP, RTE_ETH_RX_OFFLOAD_VLAN_STRIP, 0,
				   w->tagged ? NULL : "no --vlan");
	if (r == 0)
		r = feature_decide(c, LA_FEATURE_LINK_INTERRUPT, (flags & RTE_ETH_DEV_INTR_LSC) != 0, NULL);
	c->f->segs_max = 1;
	if (feature_is_on(c, LA_FEATURE_MULTI_SEG)) {
		uint16_t most = c->info->tx_desc_lim.nb_mtu_seg_max; /* 8: i40e, ice */

		c->f->segs_max = most != 0 ? most : UINT16_MAX;
	}
	c->f->filters_priority = filters && !w->tagged && feature_is_on(c, LA_FEATURE_VLAN_FILTER);
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

/* ---- --offload ---- */

static int
feature_by_name(const char *name, size_t len)
{
	for (int i = 0; i < LA_NFEATURES; i++)
		if (strlen(features[i].name) == len && memcmp(features[i].name, name, len) == 0)
			return i;
	return -1;
}

static bool
word_is(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(text, word, len) == 0;
}

static int
offload_word(const char *word, size_t len, struct la_offload_choice *c)
{
	bool off = len > 3 && memcmp(word, "no-", 3) == 0;
	int f;

	if (word_is(word, len, "on") || word_is(word, len, "off")) {
		c->none = len == 3;
		c->on = c->off = 0;
		return 0;
	}
	f = off ? feature_by_name(word + 3, len - 3) : feature_by_name(word, len);
	if (f < 0)
		return -1;
	if (off) {
		c->off |= LA_FEATURE_BIT(f);
		c->on &= ~LA_FEATURE_BIT(f);
	} else {
		c->on |= LA_FEATURE_BIT(f);
		c->off &= ~LA_FEATURE_BIT(f);
	}
	return 0;
}

int
la_offload_parse(const char *text, struct la_offload_choice *c, char *why, size_t size)
{
	size_t len = strcspn(text, ","), n;

	if (feature_by_name(text, len) >= 0)
		c->none = true; /* a list that begins with a name is the whole list */
	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (offload_word(text, len, c) < 0)
			break;
		if (text[len] == '\0')
			return 0;
	}
	n = (size_t)snprintf(why, size, "on, off, NAME or no-NAME with commas between; NAME:");
	for (unsigned i = 0; i < LA_NFEATURES && n < size; i++)
		n += (size_t)snprintf(why + n, size - n, "%s %s", i > 0 ? "," : "", features[i].name);
	return -1;
}
